"""Participants in; changes, strata and every number of one analysis out."""

from pathlib import Path

HELP = "compute every summary, effect and P-value of one analysis"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("participants", help="folder with participants.csv")
    parser.add_argument("folder", help="where results.csv and its companions go")
    parser.add_argument("--config", default="config.yaml")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write."""
    from .. import changes, participants, results, settings, strata, trial
    from ..files import write_csv
    from ..stats.rank_sum import METHODS

    chosen = settings.load(arguments.config)
    analysis = settings.analysis_named(chosen, arguments.analysis)
    description = trial.load_trial(chosen.trial)
    people = participants.read_participants(arguments.participants)
    table = changes.build_changes(people, description, analysis)
    assigned = strata.build_strata(people, description, analysis)
    # Other variants are tried on printed numbers only: the exact test of hundreds of participants costs seconds.
    also = METHODS if chosen.published else ()
    numbers, alternatives = results.build_results(people, table, assigned, description, analysis, also=also)
    folder = Path(arguments.folder)
    for name, frame in {
        "changes": table,
        "exclusions": changes.exclusions(table),
        "strata": assigned,
        "results": numbers,
        "alternatives": alternatives,
    }.items():
        write_csv(frame, folder / f"{name}.csv", label=people.label)
