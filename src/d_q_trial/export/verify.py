"""Turn the verdicts on the reported values of an analysis into an exit status, and into reports for CI.

Exit status of ``verify``: 0 if every value that can be checked is reproduced, known differences aside; 1 if one is not;
2 if the values cannot be judged: none can be checked, or outputs are missing or changed since the last finished run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from .. import claims
from ..errors import UserError
from ..files import read_label
from ..pages import template_engine
from . import manifest

STATUS = {"reproduced": 0, "known difference": 0, "not reproduced": 1, "could not judge": 2}
PASSED = ("success", "warning")  # the statuses of verdicts on values that are reproduced, if under another convention
# What is shown of a reported value.
SHOWN = ["claim", "source", "locator", "quantity", "reported", "recomputed", "verdict", "known_difference"]


def judge_folder(folder: Path) -> dict[str, Any]:
    """Judge the outputs of an analysis in a folder such as ``results/published``; UserError if there is none.

    Returns ``verdict`` (a key of ``STATUS``), ``label`` of synthetic data, ``counts`` by verdict, and the lists ``reasons``
    (why values were not tested, with their counts), ``missing`` and ``changed`` (outputs), ``differences`` (claims that
    fail), ``known`` (those that are known to) and ``unexpected`` (those that are known to and are reproduced).
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; run `snakemake --cores 4` first")
    path, listed = folder / "claims.csv", folder / manifest.NAME
    compared = manifest.compare(folder, listed) if listed.exists() else {"missing": [manifest.NAME], "differs": []}
    missing, changed = compared["missing"], compared["differs"]
    verdicts = claims.read_verdicts(path) if path.exists() else pd.DataFrame(columns=[*SHOWN, "note"])
    status, known = verdicts["verdict"].map(claims.STATUS), verdicts["known_difference"].ne("")
    failed, passed, untested = status.eq("failure"), status.isin(PASSED), verdicts[status.eq("neutral")]
    chosen = {"differences": failed & ~known, "known": failed & known, "unexpected": passed & known}
    rows = {name: verdicts.loc[which, SHOWN].to_dict("records") for name, which in chosen.items()}
    if rows["differences"] or rows["unexpected"]:
        verdict = "not reproduced"
    elif missing or changed or not (failed | passed).any():
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


def render_judgement(result: dict[str, Any], form: str) -> str:
    """Return the judgement as ``text`` for the terminal, as ``json``, or as ``markdown`` for the summary page of a CI job."""
    if form == "json":
        return json.dumps({**result, "status": STATUS[result["verdict"]]}, indent=2, ensure_ascii=False)
    template = template_engine().get_template({"text": "verdict.txt.j2", "markdown": "verdict.md.j2"}[form])
    return template.render(result).removesuffix("\n")


def render_junit(folder: Path) -> str:
    """Return a JUnit file with a case for each reported value: failed, skipped (not checked, known to differ) or passed."""
    path = folder / "claims.csv"
    cases = claims.read_verdicts(path).to_dict("records")
    for case in cases:
        status = claims.STATUS.get(case["verdict"])
        failed = status == "failure" and not case["known_difference"]
        case["state"] = "failure" if failed else "" if status in PASSED else "skipped"
    return (
        template_engine().get_template("junit.xml.j2").render(analysis=folder.name, cases=cases, label=read_label(path))
    )
