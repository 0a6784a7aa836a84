"""Results in; tables out."""

from pathlib import Path

HELP = "set the tables of an analysis as CSV, HTML and one workbook"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("analysis_folder", help="an analysis' folder, with results.csv")
    parser.add_argument("folder", help="where the tables go")
    parser.add_argument("--participants", required=True, help="folder with participants.json")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, look up, write."""
    from ..tables.read import read_tables
    from ..tables.write import write_tables

    tables = read_tables(Path(arguments.analysis_folder), arguments.participants, arguments.config, arguments.analysis)
    write_tables(tables, arguments.folder)
