"""Changes and the numbers of everybody in; strata, and the one table of every number, out."""

from pathlib import Path

HELP = "compute the numbers of every stratum, and put all of an analysis into one table"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("participants", help="folder with participants.csv")
    parser.add_argument("folder", help="an analysis' folder, with changes.csv and everybody/; where results.csv goes")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, compute, write."""
    from .. import changes, participants, results, settings, strata, trial
    from ..files import write_csv

    chosen = settings.load(arguments.config)
    analysis = settings.analysis_named(chosen, arguments.analysis)
    description, folder = trial.load_trial(chosen.trial), Path(arguments.folder)
    people = participants.read_participants(arguments.participants)
    assigned = strata.build_strata(people, description, analysis)
    table, also = changes.read_changes(folder / "changes.csv"), results.variants_to_try(chosen)
    numbers, alternatives = results.by_stratum(table, assigned, description, analysis, also=also)
    write_csv(assigned, folder / "strata.csv", label=people.label)
    for name, frame in {"results": numbers, "alternatives": alternatives}.items():
        write_csv(frame, folder / f"{name}.csv", label=people.label, below=folder / "everybody" / f"{name}.csv")
