"""The sha256 of every output, and what differs between two runs or two machines."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import UserError
from ..files import sha256, write_json

NAME = "manifest.json"
# Logs and timings differ between runs of the same analysis, and into how many shards the permutations are split;
# settings are what the steps were told, and stand in export/config.yaml as a whole.
DRAWN = (".pdf", ".png", ".html")
LEFT_OUT = ("logs", "benchmarks", "settings", "shards")


@dataclass(frozen=True)
class Differences:
    """Outputs that differ from a manifest, each a path relative to the folder."""

    changed: tuple[str, ...]
    missing: tuple[str, ...]  # in the manifest alone
    added: tuple[str, ...]  # in the folder alone
    same: int
    analysis: str  # of which the manifest is

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing or self.added)


def outputs(folder: Path) -> list[Path]:
    """Files of an analysis in alphabetical order, without logs, hidden files and the manifest itself."""
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not hidden and parts[0] not in LEFT_OUT and parts != (NAME,):
            found.append(path)
    return found


def build(folder: Path, analysis: str, data_label: str | None) -> dict[str, Any]:
    """Describe every output of an analysis by its size in bytes and its sha256."""
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in outputs(folder)
    }
    return {"analysis": analysis, "data_label": data_label, "files": files}


def write(folder: Path, analysis: str, data_label: str | None) -> None:
    """Write ``manifest.json`` into a folder."""
    write_json(build(folder, analysis, data_label), folder / NAME)


def compare(folder: Path | str, manifest: Path | str) -> Differences:
    """Hold the outputs of a folder against a manifest of another run.

    Raises
    ------
    UserError
        If the manifest cannot be read.
    """
    (analysis, expected), folder = _read(Path(manifest)), Path(folder)
    found = {path.relative_to(folder).as_posix(): path for path in outputs(folder)}
    both = sorted(expected.keys() & found.keys())
    changed = tuple(name for name in both if sha256(found[name]) != expected[name])
    return Differences(
        changed=changed,
        missing=tuple(sorted(expected.keys() - found.keys())),
        added=tuple(sorted(found.keys() - expected.keys())),
        same=len(both) - len(changed),
        analysis=analysis,
    )


def report_differences(folder: Path | str, manifest: Path | str) -> int:
    """Print what differs from a manifest; return 1 if anything does, else 0."""
    differences = compare(folder, manifest)
    groups = {"differs": differences.changed, "missing": differences.missing, "new": differences.added}
    count = sum(map(len, groups.values()))
    print(f"{folder}: {differences.same} outputs are the same as in {manifest}, {count or 'none'} not")
    for word, names in groups.items():
        for name in names:
            print(f"  {word}: {name}")
    if differences and Path(folder).resolve().name != differences.analysis:
        print(f"  the manifest is of the analysis {differences.analysis!r}", file=sys.stderr)
    if differences.changed and all(name.endswith(DRAWN) for name in differences.changed):
        print(
            "  every table is the same; other versions of the libraries draw and package differently", file=sys.stderr
        )
    return int(bool(differences))


def _read(path: Path) -> tuple[str, dict[str, str]]:
    """Return the analysis of a manifest, and the sha256 of each file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {name: entry["sha256"] for name, entry in content["files"].items()}
        analysis = content["analysis"]
    except FileNotFoundError:
        raise UserError(f"{path}: no such manifest") from None
    except IsADirectoryError:
        raise UserError(f"{path}: a folder; name the manifest in it, such as {path / NAME}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path}: not a manifest; `snakemake --cores 4` writes one beside the report") from None
    for name, digest in files.items():
        where = PurePosixPath(name)
        if where.is_absolute() or ".." in where.parts or "\\" in name:
            raise UserError(f"{path}: files: {name!r} leads out of the folder; expected a path within it")
        if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise UserError(f"{path}: files: {name}: {digest!r} is not a sha256 of 64 hexadecimal digits")
    return str(analysis), files
