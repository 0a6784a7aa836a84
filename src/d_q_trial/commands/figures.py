"""Results in; figures as PDF and PNG, and their description, out."""

from pathlib import Path

HELP = "draw the figures of one analysis"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, with results.csv, changes.csv and strata.csv")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")
    parser.add_argument("--participants", required=True, help="folder with participants.csv and participants.json")
    parser.add_argument("--output", help="where the figures go; FOLDER/figures unless said otherwise")
    parser.add_argument("--everybody", action="store_true", help="read nothing that depends on how a marker is cut")
    parser.add_argument("--only", nargs="+", default=[], metavar="FIGURE", help="draw these figures alone")
    parser.add_argument("--description", default="figures.json", help="name of the file that describes the figures")


def run(arguments):
    """Read, draw and write."""
    from .. import settings, wording
    from ..errors import UserError
    from ..figures import catalogue, make, study
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis = settings.analysis_named(chosen, arguments.analysis)
    trial = load_trial(chosen.trial)
    listed, only = catalogue.catalogue_of(chosen.figures, trial), arguments.only
    if arguments.everybody:
        allowed = listed.parts().get("everybody", [])
        only = only or allowed
        strata = [key for key in only or listed.figures if key in listed.figures and key not in allowed]
        if strata:
            raise UserError(f"{', '.join(strata)}: shows strata, so not with --everybody")
    data = study.read_study(
        arguments.folder,
        arguments.participants,
        trial,
        marker=analysis.marker,
        strata_labels=analysis.strata.labels,
        flow=Path(chosen.published) / "flow.csv" if chosen.published else None,
        everybody=arguments.everybody,
    )
    make.draw_figures(
        data,
        listed,
        arguments.output or Path(arguments.folder) / "figures",
        words=wording.caption_words(trial, analysis),
        only=only,
        description=arguments.description,
    )
