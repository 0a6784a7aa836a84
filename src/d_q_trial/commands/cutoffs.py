"""Participants and changes in; every cut of the markers, sliding windows and the best cuts out, whatever the strata."""

import sys
from pathlib import Path

HELP = "try every cut of the markers"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("participants", help="folder with participants.csv")
    parser.add_argument("folder", help="an analysis' folder, with changes.csv")
    parser.add_argument("output", help="where the tables go")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write."""
    from .. import settings
    from ..changes import read_changes
    from ..files import write_csv
    from ..participants import read_participants
    from ..robustness import best_cuts, best_splits, cutoffs
    from ..strata import marker_values
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis, robustness = settings.analysis_named(chosen, arguments.analysis), chosen.robustness
    people, trial = read_participants(arguments.participants), load_trial(chosen.trial)
    changes = read_changes(Path(arguments.folder) / "changes.csv")
    print("the arms above and below every cut", file=sys.stderr)
    found = cutoffs.slices(changes, marker_values(people, trial, analysis), trial, analysis, robustness)
    for name, table in {
        "cutoffs": cutoffs.cutoffs_table(found),
        "windows": cutoffs.windows_table(found),
        "best_cuts": best_cuts.best_cuts(found, trial, robustness, _done),
        "best_splits": best_splits.best_splits(found, trial, robustness),
    }.items():
        write_csv(table, Path(arguments.output) / f"{name}.csv", label=people.label)


def _done(count: int, of: int) -> None:
    print(f"{count:,} of {of:,} permutations", file=sys.stderr)
