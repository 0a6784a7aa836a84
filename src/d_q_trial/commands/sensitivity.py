"""Changes and strata in; interaction, sensitivity analyses, influence and power out."""

from pathlib import Path

HELP = "test interactions, repeat the comparisons by other methods, and compute power"

OUTPUTS = ("interaction", "sensitivity", "leave_one_out", "doubtful_values", "power")


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, with changes.csv and strata.csv")
    parser.add_argument("output", help="where the tables go")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write."""
    from .. import settings
    from ..files import read_label, write_csv
    from ..robustness import doubtful, interaction, leave_one_out, power, sensitivity
    from ..robustness.comparisons import read_changes_and_strata
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis = settings.analysis_named(chosen, arguments.analysis)
    trial, robustness = load_trial(chosen.trial), chosen.robustness
    data = (*read_changes_and_strata(arguments.folder), trial, analysis)
    suspects, planned = doubtful.read_doubtful(chosen.published), power.read_planned(chosen.published)
    tables = {
        "interaction": interaction.interactions(*data, robustness),
        "sensitivity": sensitivity.sensitivity(*data, robustness),
        "leave_one_out": leave_one_out.leave_one_out(*data),
        "doubtful_values": doubtful.doubtful_values(suspects, *data, robustness),
        "power": power.power_table(planned, *data, robustness),
    }
    label = read_label(Path(arguments.folder) / "changes.csv")
    for name in OUTPUTS:
        write_csv(tables[name], Path(arguments.output) / f"{name}.csv", label=label)
