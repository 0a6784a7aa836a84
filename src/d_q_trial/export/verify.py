"""Derive an exit status and reports for CI from the verdicts on the reported values of an analysis.

Exit status of ``verify``: 0 if every checkable value is reproduced or a known difference; 1 if one is not; 2 if the values
cannot be judged: none can be checked, or outputs are missing or changed since the last finished run.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from .. import claims
from ..files import read_label
from ..pages import template_engine, text_template
from . import manifest

STATUS = {"reproduced": 0, "known difference": 0, "not reproduced": 1, "could not judge": 2}
# The state of a claim by the status of its verdict, if no difference is known and if one is; a warning: another convention.
STATES = {"failure": ("differences", "known"), "neutral": ("untested", "untested")}
STATES |= dict.fromkeys(("success", "warning"), ("passed", "unexpected"))
# Columns of claims.csv in the reports.
SHOWN = ["claim", "source", "locator", "quantity", "reported", "recomputed", "verdict", "known_difference"]


def judge_folder(folder: Path) -> dict[str, Any]:
    """Judge the outputs of an analysis in a folder such as ``results/published``.

    Returns ``verdict`` (a key of ``STATUS``), ``label`` of synthetic data, ``counts`` by verdict, and the lists ``reasons``
    (why values were not tested, with their counts), ``missing`` and ``changed`` (outputs), ``differences`` (claims that
    are not reproduced), ``known`` (known differences) and ``unexpected`` (known differences that are reproduced).
    """
    path, expected = folder / "claims.csv", folder / manifest.NAME
    outputs = manifest.compare(folder, expected) if expected.exists() else {"missing": [manifest.NAME], "differs": []}
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
