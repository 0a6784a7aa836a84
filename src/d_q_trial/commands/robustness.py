"""Changes, strata and every cut in; the analysis' own cuts, words for the figures, and adjusted P-values out."""

from pathlib import Path

HELP = "adjust P-values for multiplicity, and find the analysis' own cuts among all"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, with changes.csv and strata.csv")
    parser.add_argument("output", help="where `cutoffs` left its tables, and where those of this step go")
    parser.add_argument("--participants", required=True, help="folder with participants.json")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write."""
    from .. import settings
    from ..files import write_csv, write_json
    from ..participants import read_description
    from ..robustness import describe, multiplicity, own_cut
    from ..robustness.comparisons import read_changes_and_strata
    from ..robustness.cut_tables import CutTables, read_table
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis = settings.analysis_named(chosen, arguments.analysis)
    trial, robustness, output = load_trial(chosen.trial), chosen.robustness, Path(arguments.output)
    label = read_description(arguments.participants)["label"]
    data = (*read_changes_and_strata(arguments.folder), trial, analysis)
    every, windows, best = (read_table(output / f"{name}.csv") for name in ("cutoffs", "windows", "best_cuts"))
    own = own_cut.own_cuts(every, *data)
    cuts = dict(zip(data[1]["marker"], data[1]["cut"], strict=True))
    words = describe.describe(CutTables(every, windows, best, own), trial, analysis, robustness, label, cuts=cuts)
    write_csv(own, output / "own_cuts.csv", label=label)
    write_csv(multiplicity.multiplicity(*data, robustness), output / "multiplicity.csv", label=label)
    write_json(words, output / "robustness.json")
