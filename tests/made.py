"""Results as the workflow leaves them, made by the package's own commands in one process."""

import json
from pathlib import Path

from d_q_trial import cli
from d_q_trial.config import settings
from d_q_trial.report.links import page_links

STRATA = {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]}
PUBLISHED = {"workbook": "data/reconstructed.xlsx", "marker": "p16_variant_5", "strata": STRATA}
CONFIG = {
    "trial": "data/trial.yaml",
    "published": "data/published",
    "figures": "data/figures.yaml",
    "tables": "data/tables.yaml",
    "robustness": {
        "permutations": 99,
        "families": {"endpoints": {"outcomes": ["turnover", "bmd"], "strata": ["all"]}},
    },
}


def make(
    folder: Path, analyses: dict[str, dict], *commands: str, figures: tuple[str, ...] = (), **different: object
) -> Path:
    """Run commands for ``published`` and other analyses; return the folder of results, beside ``config.json``.

    A command stands for all analyses, ``command:analysis`` for one; ``different`` are settings of ``published``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIG | {"analyses": {"published": PUBLISHED | different} | analyses}))
    results = folder / "results"
    people = str(results / "workbooks" / "reconstructed")
    run("participants", PUBLISHED["workbook"], people, "--trial", CONFIG["trial"])
    if "consistency" in commands:
        links = ["=".join(link) for link in page_links(settings.load(config), "../consistency/consistency.html")]
        known = ("--trial", CONFIG["trial"], "--links", *links)
        run("consistency", CONFIG["published"], "--output", str(results / "consistency"), *known)
    for command in commands:
        name, _, only = command.partition(":")
        if name == "consistency":
            continue
        whole = ("compare", "overview")
        chosen = ["published"] if name in whole else [only] if only else ["published", *analyses]
        for analysis in chosen:
            drawn = ["--only", *figures] if name == "figures" else []
            run(name, *drawn, "--config", str(config), "--results", str(results), "--analysis", analysis)
    return results


def run(*arguments: str) -> None:
    assert cli.main(list(arguments)) == 0, arguments
