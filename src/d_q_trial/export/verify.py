"""Turn the verdicts on the reported values of an analysis into an exit status, and into reports for CI.

Exit status of ``verify``: 0 if every value that can be checked is reproduced, known differences aside; 1 if one is not;
2 if the values cannot be judged: there are none, or outputs are missing or changed since the last finished run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from .. import claims
from ..errors import UserError
from ..files import read_label, write_text
from . import manifest

if TYPE_CHECKING:
    import pandas as pd

REPRODUCED, KNOWN_DIFFERENCE, NOT_REPRODUCED, NOT_JUDGED = (
    "reproduced",
    "known difference",
    "not reproduced",
    "could not judge",
)
STATUS = {REPRODUCED: 0, KNOWN_DIFFERENCE: 0, NOT_REPRODUCED: 1, NOT_JUDGED: 2}


def judge(folder: Path) -> dict[str, Any]:
    """Judge the outputs of an analysis.

    Parameters
    ----------
    folder : path
        Folder of an analysis, such as ``results/published``.

    Returns
    -------
    dict
        ``verdict`` (a key of ``STATUS``), ``label`` of synthetic data, ``counts`` by verdict, and the lists
        ``missing`` and ``changed`` (outputs), ``differences`` (claims that fail) and ``known`` (claims that are known to).

    Raises
    ------
    UserError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; run `snakemake --cores 4` first")
    listed = folder / manifest.NAME
    compared = manifest.compare(folder, listed) if listed.exists() else {"missing": [manifest.NAME], "differs": []}
    missing, changed = compared["missing"], compared["differs"]
    result: dict[str, Any] = {
        "folder": str(folder),
        "label": None,
        "counts": {},
        "missing": missing,
        "changed": changed,
    }
    result |= {"differences": [], "known": [], "unexpected": []}
    path = folder / "claims.csv"
    if not path.exists():
        return result | {"verdict": NOT_JUDGED}
    verdicts = claims.read_verdicts(path)
    failed, known = verdicts["verdict"].isin(claims.FAILURES), verdicts["known_difference"].ne("")
    result |= {
        "label": read_label(path),
        "counts": {word: int(n) for word, n in verdicts["verdict"].value_counts().items()},
        "differences": _rows(verdicts[failed & ~known]),
        "known": _rows(verdicts[failed & known]),
        "unexpected": _rows(verdicts[known & ~failed]),
    }
    if result["differences"] or result["unexpected"]:
        return result | {"verdict": NOT_REPRODUCED}
    if missing or changed or not len(verdicts):
        return result | {"verdict": NOT_JUDGED}
    return result | {"verdict": KNOWN_DIFFERENCE if result["known"] else REPRODUCED}


def _rows(verdicts: pd.DataFrame) -> list[dict[str, str]]:
    columns = ["claim", "source", "locator", "quantity", "reported", "recomputed", "verdict", "known_difference"]
    return verdicts[columns].to_dict("records")


def as_text(result: dict[str, Any]) -> str:
    """Return the judgement for the terminal."""
    lines = [f"{result['label']}"] if result["label"] else []
    counts = ", ".join(f"{number} {word}" for word, number in result["counts"].items())
    lines.append(f"{result['folder']}: {sum(result['counts'].values())} reported values: {counts or 'none'}")
    lines += [_line(row) for row in result["differences"]]
    lines += [f"  known difference: {_line(row).strip()} ({row['known_difference']})" for row in result["known"]]
    lines += [f"  listed as a known difference, but {_line(row).strip()}" for row in result["unexpected"]]
    lines += [f"  missing: {name}" for name in result["missing"]]
    lines += [f"  changed since the last finished run: {name}" for name in result["changed"]]
    if not result["counts"]:
        lines.append("  this analysis has no reported values to compare with")
    if result["missing"] or result["changed"]:
        lines.append("  run `snakemake --cores 4` to the end, so that all outputs are of one configuration")
    return "\n".join([*lines, f"verdict: {result['verdict']}"])


def _line(row: dict[str, str]) -> str:
    recomputed = row["recomputed"] or "nothing"
    return f"  {row['verdict']}: {row['claim']}: reported {row['reported']}, recomputed {recomputed}"


def as_json(result: dict[str, Any]) -> str:
    """Return the judgement as JSON."""
    return json.dumps({**result, "status": STATUS[result["verdict"]]}, indent=2, ensure_ascii=False)


def as_markdown(result: dict[str, Any]) -> str:
    """Return the judgement as Markdown, for the summary page of a CI job."""
    lines = [f"## {result['folder']}: {result['verdict']}", ""]
    lines += [f"**{result['label']}**", ""] if result["label"] else []
    lines += ["| verdict | reported values |", "|---|---|"]
    lines += [f"| {word} | {number} |" for word, number in result["counts"].items()]
    rows = [*result["differences"], *result["known"], *result["unexpected"]]
    if rows:
        lines += ["", "| claim | reported | recomputed | verdict | known difference |", "|---|---|---|---|---|"]
        for row in rows:
            cells = (row[name] for name in ("claim", "reported", "recomputed", "verdict", "known_difference"))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", *(f"- {word}: `{name}`" for word in ("missing", "changed") for name in result[word])]
    return "\n".join(lines).rstrip() + "\n"


def write_junit(folder: Path, path: Path) -> None:
    """Write one JUnit test case for each reported value: failed, skipped (not checkable) or passed."""
    verdicts = claims.read_verdicts(folder / "claims.csv")
    passed, failed = (claims.REPRODUCED, claims.WITHIN_BOUND), claims.FAILURES
    suite = ElementTree.Element("testsuite", name=f"d-q-trial {folder.name}", tests=str(len(verdicts)))
    counts = {"failures": 0, "skipped": 0}
    for row in verdicts.itertuples():
        case = ElementTree.SubElement(suite, "testcase", classname=f"{folder.name}.{row.source}", name=row.claim)
        message = f"{row.verdict}: reported {row.reported}, recomputed {row.recomputed or 'nothing'}"
        if row.verdict in failed and not row.known_difference:
            counts["failures"] += 1
            ElementTree.SubElement(case, "failure", message=message).text = row.note
        elif row.verdict not in passed:
            counts["skipped"] += 1
            ElementTree.SubElement(case, "skipped", message=f"{message}. {row.known_difference or row.note}".strip())
        ElementTree.SubElement(case, "system-out").text = message
    for name, number in counts.items():
        suite.set(name, str(number))
    ElementTree.indent(suite)
    text = ElementTree.tostring(suite, encoding="unicode")
    write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', path)
