"""Results, figures and claims in; the report out."""

from pathlib import Path

HELP = "write the report of an analysis: report.html, claims.html and methods.md"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, with results.csv and whatever else was made from it")
    parser.add_argument("--participants", required=True, help="folder with participants.json")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")
    parser.add_argument("--compare", type=Path, help="folder with the comparison of all analyses")
    parser.add_argument("--consistency", type=Path, help="folder with the findings on printed numbers")


def run(arguments):
    """Read, render, write."""
    from ..report.gather import gather
    from ..report.page import write_report

    folder = Path(arguments.folder)
    report = gather(
        folder,
        arguments.participants,
        arguments.config,
        arguments.analysis,
        compare=arguments.compare,
        consistency=arguments.consistency,
    )
    write_report(report, folder)
