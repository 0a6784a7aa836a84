"""Participants and changes in; every cut of the markers, sliding windows and the best cuts out, as tables and figures."""

import sys
from pathlib import Path

HELP = "try every cut of the markers, wherever the analysis itself cuts them"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("participants", help="folder with participants.csv")
    parser.add_argument("folder", help="an analysis' folder, with changes.csv")
    parser.add_argument("output", help="where tables and figures go")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write, draw."""
    from .. import settings
    from ..changes import read_changes
    from ..figures.cutoff_pages import figures
    from ..figures.cutoffs import draw_cutoffs
    from ..files import write_csv
    from ..participants import read_participants
    from ..robustness import best_cuts, best_splits, cutoffs, own_cut
    from ..robustness.cut_tables import CutTables
    from ..strata import marker_values
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis, robustness = settings.analysis_named(chosen, arguments.analysis), chosen.robustness
    people, trial = read_participants(arguments.participants), load_trial(chosen.trial)
    changes = read_changes(Path(arguments.folder) / "changes.csv")
    _say("the arms above and below every cut")
    found = cutoffs.slices(changes, marker_values(people, trial, analysis), trial, analysis, robustness)
    every, windows = cutoffs.cutoffs_table(found), cutoffs.windows_table(found)
    best = best_cuts.best_cuts(found, trial, robustness, _done)
    splits = best_splits.best_splits(found, trial, robustness)
    for name, table in {"cutoffs": every, "windows": windows, "best_cuts": best, "best_splits": splits}.items():
        write_csv(table, Path(arguments.output) / f"{name}.csv", label=people.label)
    _say("figures")
    tables = CutTables(every, windows, best, own_cut.article_cuts(every, people, changes, trial, analysis))
    for name, (family, marker) in figures(trial).items():
        draw_cutoffs(tables, trial, analysis, family, marker, Path(arguments.output) / name, label=people.label)


def _say(what: str) -> None:
    print(what, file=sys.stderr)


def _done(count: int, of: int) -> None:
    _say(f"{count:,} of {of:,} permutations")
