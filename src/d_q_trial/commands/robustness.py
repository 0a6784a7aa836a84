"""Changes, strata and every cut in; the analysis' own cuts, adjusted P-values and the pictures of all cuts out."""

import sys
from pathlib import Path

HELP = "adjust P-values for multiplicity, and draw every cut with that of the analysis"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, with changes.csv and strata.csv")
    parser.add_argument("output", help="where `cutoffs` left its tables, and where those of this step and figures go")
    parser.add_argument("--participants", required=True, help="folder with participants.json")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write, draw."""
    from .. import settings
    from ..figures.cutoff_pages import figures
    from ..figures.cutoffs import Tables, draw_cutoffs
    from ..files import write_csv, write_json
    from ..participants import read_description
    from ..robustness import cutoffs, describe, multiplicity, own_cut
    from ..robustness.comparisons import read_changes_and_strata
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis = settings.analysis_named(chosen, arguments.analysis)
    trial, robustness, output = load_trial(chosen.trial), chosen.robustness, Path(arguments.output)
    label = read_description(arguments.participants)["label"]
    data = (*read_changes_and_strata(arguments.folder), trial, analysis)
    every, windows, best = (cutoffs.read_table(output / f"{name}.csv") for name in ("cutoffs", "windows", "best_cuts"))
    own = own_cut.own_cuts(every, *data)
    write_csv(own, output / "own_cuts.csv", label=label)
    print("P-values adjusted for multiplicity", file=sys.stderr)
    write_csv(multiplicity.multiplicity(*data, robustness), output / "multiplicity.csv", label=label)
    print("figures", file=sys.stderr)
    tables = Tables(every, windows, best, own)
    for name, (family, marker) in figures(trial).items():
        draw_cutoffs(tables, trial, analysis, family, marker, output / name, label=label)
    write_json(describe.describe(tables, trial, analysis, robustness, label), output / "robustness.json")
