"""List the sha256 of every output, and compare two runs by these checksums."""

import json
import sys
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import sha256, write_json

NAME = "manifest.json"
# Other versions of the libraries draw and pack these differently; digits of Parquet beyond the twelfth depend on the processor.
DRAWN = (".pdf", ".png", ".html", ".parquet", "methods.md")  # methods.md names the versions
ONLY_DRAWN = "every table is the same; other versions of the libraries draw and pack differently"
DIGITS = "the last digits depend on processor and libraries; benchmarks/compare_results.py OLD NEW shows larger changes"
# These differ between runs of the same analysis: logs, timings, shards (their number) and the crate (the end of the run).
LEFT_OUT = ("logs", "benchmarks", "shards", "ro-crate-metadata.json", NAME)


def list_outputs(folder: Path) -> dict[str, dict[str, Any]]:
    """Return ``bytes`` and ``sha256`` of the outputs of an analysis, by path, without logs, hidden files and manifest."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name.as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for name, path in files.items()
        if name.parts[0] not in LEFT_OUT and not any(part.startswith(".") for part in name.parts)
    }


def write_manifest(folder: Path, analysis: str, data_label: str | None, settings: Any) -> None:
    """Write ``manifest.json``: the settings of a finished analysis, as JSON, and size and sha256 of every output."""
    content = {"analysis": analysis, "data_label": data_label, "settings": settings, "files": list_outputs(folder)}
    write_json(content, folder / NAME)


def compare(folder: Path, manifest: Path) -> dict[str, list[str]]:
    """Return the outputs that are the ``same`` as in a manifest, ``differ``, are ``missing`` or are ``new``."""
    expected = read_checksums(manifest)
    outputs = {name: output["sha256"] for name, output in list_outputs(folder).items()}
    groups: dict[str, list[str]] = {"same": [], "differs": [], "missing": [], "new": []}
    for name in sorted(expected | outputs):
        kind = "same" if expected.get(name) == outputs.get(name) else "differs"
        groups["missing" if name not in outputs else "new" if name not in expected else kind].append(name)
    return groups


def report_differences(folder: Path, manifest: Path) -> int:
    """Print what differs from a manifest; return 1 if anything does, else 0."""
    groups = compare(folder, manifest)
    same = groups.pop("same")
    lines = [f"  {status}: {name}" for status, names in groups.items() for name in names]
    print(f"{folder}: {len(same)} outputs are the same as in {manifest}, {len(lines) or 'none'} not", *lines, sep="\n")
    if any(name.endswith(".csv") for name in groups["differs"]):
        print(f"  {DIGITS}", file=sys.stderr)
    elif groups["differs"] and all(name.endswith(DRAWN) for name in groups["differs"] + groups["missing"]):
        print(f"  {ONLY_DRAWN}", file=sys.stderr)
    return int(bool(lines))


def read_checksums(path: Path) -> dict[str, str]:
    """Return the sha256 of each output in a manifest, by path; UserError if the manifest does not exist or is not one."""
    try:
        return {name: entry["sha256"] for name, entry in json.loads(path.read_text(encoding="utf-8"))["files"].items()}
    except FileNotFoundError:
        raise UserError(f"{path}: no such manifest") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; name the manifest in it, such as {path / NAME}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path}: not a manifest; `snakemake --cores 4` writes one beside the report") from None
