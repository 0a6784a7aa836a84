"""Finished outputs in; their description as an RO-Crate, and their checksums, out."""

from pathlib import Path

HELP = "describe all outputs of one analysis: RO-Crate, and the manifest of their checksums"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, finished")
    parser.add_argument("--participants", required=True, help="folder with participants.json")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, describe, write."""
    from ..export.run import write_manifest

    write_manifest(Path(arguments.folder), arguments.participants, arguments.config, arguments.analysis)
