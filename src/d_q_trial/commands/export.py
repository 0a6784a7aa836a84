"""Finished outputs in; Parquet, CDISC analysis results, RO-Crate and manifest out."""

from pathlib import Path

HELP = "write what machines read: Parquet, CDISC ARS, RO-Crate, and the manifest of all outputs"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, finished")
    parser.add_argument("--participants", required=True, help="folder with participants.json")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")
    parser.add_argument("--workflow", default="Snakefile", help="the Snakefile that made the outputs")


def run(arguments):
    """Read, describe, write."""
    from ..export.run import write_exports

    write_exports(
        Path(arguments.folder), arguments.participants, arguments.config, arguments.analysis, arguments.workflow
    )
