"""Results and claims in; Parquet and CDISC analysis results out."""

from pathlib import Path

HELP = "write results for machines: Parquet and CDISC ARS"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, with results.csv and claims.csv")
    parser.add_argument("--participants", required=True, help="folder with participants.json")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")
    parser.add_argument("--workflow", default="Snakefile", help="the Snakefile that made the outputs")


def run(arguments):
    """Read, convert, write."""
    from ..export.run import write_exports

    write_exports(
        Path(arguments.folder), arguments.participants, arguments.config, arguments.analysis, arguments.workflow
    )
