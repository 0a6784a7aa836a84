"""Participants in; changes, and every number of all participants together, out."""

from pathlib import Path

HELP = "compute the changes of one analysis, and what does not depend on how a marker is cut"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("participants", help="folder with participants.csv")
    parser.add_argument("folder", help="where changes.csv, exclusions.csv and everybody/ go")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write."""
    from .. import changes, participants, results, settings, trial
    from ..files import write_csv

    chosen = settings.load(arguments.config)
    analysis = settings.analysis_named(chosen, arguments.analysis)
    description = trial.load_trial(chosen.trial)
    people = participants.read_participants(arguments.participants)
    table = changes.build_changes(people, description, analysis)
    also = results.variants_to_try(chosen)
    numbers, alternatives = results.among_everybody(people, table, description, analysis, also=also)
    for name, frame in {
        "changes": table,
        "exclusions": changes.exclusions(table),
        "everybody/results": numbers,
        "everybody/alternatives": alternatives,
    }.items():
        write_csv(frame, Path(arguments.folder) / f"{name}.csv", label=people.label)
