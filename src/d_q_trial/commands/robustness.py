"""Changes and strata in; every cut of the markers, the best cuts and adjusted P-values out, as tables and figures."""

import sys
from pathlib import Path

HELP = "try every cut of the markers, and adjust P-values for multiplicity"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, with changes.csv and strata.csv")
    parser.add_argument("output", help="where tables and figures go")
    parser.add_argument("--participants", required=True, help="folder with participants.json")
    parser.add_argument("--config", default="config.yaml", help="a file, or JSON text")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write, draw."""
    from .. import settings
    from ..figures.cutoff_pages import figures
    from ..figures.cutoffs import Tables, draw_cutoffs
    from ..files import write_csv, write_json
    from ..participants import read_description
    from ..robustness import best_cuts, best_splits, cutoffs, describe, multiplicity
    from ..robustness.comparisons import read_changes_and_strata
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis = settings.analysis_named(chosen, arguments.analysis)
    trial, robustness, output = load_trial(chosen.trial), chosen.robustness, Path(arguments.output)
    label = read_description(arguments.participants)["label"]
    data = (*read_changes_and_strata(arguments.folder), trial, analysis, robustness)
    _say("the arms above and below every cut")
    found = cutoffs.slices(*data)
    tables = Tables(
        cutoffs.cutoffs_table(found), cutoffs.windows_table(found), best_cuts.best_cuts(found, trial, robustness, _done)
    )
    _say("P-values adjusted for multiplicity")
    adjusted = multiplicity.multiplicity(*data)
    written = {
        "cutoffs": tables.cutoffs,
        "windows": tables.windows,
        "best_cuts": tables.best,
        "best_splits": best_splits.best_splits(found, trial, robustness),
        "multiplicity": adjusted,
    }
    for name, table in written.items():
        write_csv(table, output / f"{name}.csv", label=label)
    _say("figures")
    for name, (family, marker) in figures(trial).items():
        draw_cutoffs(tables, trial, analysis, family, marker, output / name, label=label)
    write_json(describe.describe(tables, trial, analysis, robustness, label), output / "robustness.json")


def _say(what: str) -> None:
    print(what, file=sys.stderr)


def _done(count: int, of: int) -> None:
    print(f"{count:,} of {of:,} permutations", file=sys.stderr)
