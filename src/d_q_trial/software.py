"""The software that makes the results: what the package declares to need, at the versions of this run."""

from __future__ import annotations

import re
from importlib import metadata
from platform import python_version

# Declared, but imported by no module: what each is for.
TOOLS = {
    "snakemake": "runs the steps",
    "networkx": "read by snakemake --report",
    "pygments": "read by snakemake --report",
}


def declared() -> list[str]:
    """Return the distributions that the package declares to need, without its optional extras, in alphabetical order."""
    needed = [need for need in metadata.requires("d-q-trial") or [] if "extra ==" not in need]
    return sorted(re.split(r"[^A-Za-z0-9._-]", need, maxsplit=1)[0].lower() for need in needed)


def software() -> dict[str, str]:
    """Return the versions of Python, of this package, and of the libraries and tools that make numbers or files.

    A test keeps the declared libraries to those that the package imports.
    """
    return {"python": python_version()} | {name: _version(name) for name in ("d-q-trial", *declared())}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
