"""List the sha256 of every output, compare runs by these checksums, and judge the reported values of an analysis.

Exit status of ``verify``: 0 if every checkable value is reproduced or a known difference; 1 if one is not; 2 if the values
cannot be judged: none can be checked, or outputs are missing or changed since the last finished run.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from .. import claims
from ..errors import UserError
from ..files import read_label, sha256, write_json
from ..pages import template_engine, text_template

MANIFEST = "manifest.json"
# Other versions of the libraries draw and pack these differently; digits of Parquet beyond the twelfth depend on the processor.
DRAWN = (".pdf", ".png", ".html", ".parquet", "methods.md")  # methods.md names the versions
ONLY_DRAWN = "every table is the same; other versions of the libraries draw and pack differently"
DIGITS = "the last digits depend on processor and libraries; benchmarks/compare_results.py OLD NEW shows larger changes"
# These differ between runs of the same analysis: logs, timings, shards (their number) and the crate (the end of the run).
LEFT_OUT = ("logs", "benchmarks", "shards", "ro-crate-metadata.json", MANIFEST)

STATUS = {"reproduced": 0, "known difference": 0, "not reproduced": 1, "could not judge": 2}
# The state of a claim by the status of its verdict, if no difference is known and if one is; a warning: another convention.
STATES = {"failure": ("differences", "known"), "neutral": ("untested", "untested")}
STATES |= dict.fromkeys(("success", "warning"), ("passed", "unexpected"))
# Columns of claims.csv in the reports.
SHOWN = ["claim", "source", "locator", "quantity", "reported", "recomputed", "verdict", "known_difference"]


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
    write_json(content, folder / MANIFEST)


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
        raise UserError(f"{path}: is a folder; name the manifest in it, such as {path / MANIFEST}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path}: not a manifest; `snakemake --cores 4` writes one beside the report") from None


def judge_folder(folder: Path) -> dict[str, Any]:
    """Judge the outputs of an analysis in a folder such as ``results/published``.

    Returns ``verdict`` (a key of ``STATUS``), ``label`` of synthetic data, ``counts`` by verdict, and the lists ``reasons``
    (why values were not tested, with their counts), ``missing`` and ``changed`` (outputs), ``differences`` (claims that
    are not reproduced), ``known`` (known differences) and ``unexpected`` (known differences that are reproduced).
    """
    path, expected = folder / "claims.csv", folder / MANIFEST
    outputs = compare(folder, expected) if expected.exists() else {"missing": [MANIFEST], "differs": []}
    missing, changed, verdicts = outputs["missing"], outputs["differs"], _read_verdicts(path)
    listed, untested = ("differences", "known", "unexpected"), verdicts[verdicts["state"].eq("untested")]
    rows = {state: verdicts.loc[verdicts["state"].eq(state), SHOWN].to_dict("records") for state in listed}
    if rows["differences"] or rows["unexpected"]:
        verdict = "not reproduced"
    elif missing or changed or len(untested) == len(verdicts):
        verdict = "could not judge"
    else:
        verdict = "known difference" if rows["known"] else "reproduced"
    return {
        "folder": str(folder),
        "label": read_label(path) if path.exists() else None,
        "counts": verdicts["verdict"].value_counts().to_dict(),
        "reasons": untested.value_counts(["verdict", "note"]).reset_index().to_dict("records"),
        "missing": missing,
        "changed": changed,
        **rows,
        "verdict": verdict,
    }


def _read_verdicts(path: Path) -> pd.DataFrame:
    """Read claims.csv, if it exists, with the ``state`` of each claim, see ``STATES``."""
    if not path.exists():
        return pd.DataFrame(columns=[*SHOWN, "note", "state"])
    verdicts = claims.read_verdicts(path)
    pairs = zip(verdicts["verdict"], verdicts["known_difference"].ne(""), strict=True)
    return verdicts.assign(state=[STATES[claims.STATUS.get(verdict, "neutral")][known] for verdict, known in pairs])


def render_judgement(result: dict[str, Any], output_format: str) -> str:
    """Return the judgement as ``text`` for the terminal, as ``json``, or as ``markdown`` for the summary page of a CI job."""
    if output_format == "json":
        return json.dumps({**result, "status": STATUS[result["verdict"]]}, indent=2, ensure_ascii=False)
    suffix = {"text": "txt", "markdown": "md"}[output_format]
    return text_template(f"verdict.{suffix}.j2").render(result).removesuffix("\n")


def render_junit(folder: Path, result: dict[str, Any]) -> str:
    """Return a judgement as JUnit: a case for each reported value, and an error for each missing or changed output."""
    cases = _read_verdicts(folder / "claims.csv").to_dict("records")
    return template_engine().get_template("junit.xml.j2").render(result, analysis=folder.name, cases=cases)
