"""Results like those of the workflow, made by the commands of the package in one process."""

import json
from pathlib import Path

import yaml

from d_q_trial import cli

CONFIG = yaml.safe_load(Path("tests/config.yaml").read_text())
FAMILIES = {"endpoints": {"outcomes": ["turnover", "bmd"], "strata": ["all"]}}
CONFIG["robustness"] = {"permutations": 99, "families": FAMILIES}
CONFIG["analyses"] |= {
    "halves": {"strata": {"cuts": ["1/2"], "labels": ["low", "high"]}},
    "thirds": {"strata": {"cuts": ["1/3", "2/3"], "labels": ["T1", "T2", "T3"]}},
    "strict": {"alpha": 0.01, "change": "log_ratio"},
}
STEPS = ("participants", "consistency", "results", "tables", "figures", "cutoffs", "robustness", "sensitivity")
STEPS += ("compare", "report", "overview")
# The other steps run for the published analysis only, or combine all analyses.
STEPS_OF_EACH_ANALYSIS = ("results", "tables", "figures", "report")


def make(folder: Path) -> None:
    """Write ``config.json`` and the results of the published analysis and three others, with every page, to a new folder."""
    folder.mkdir()
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIG))
    for step in STEPS:
        only = ["--only", "figure_3", "figure_4"] if step == "figures" else []
        for analysis in CONFIG["analyses"] if step in STEPS_OF_EACH_ANALYSIS else ["published"]:
            paths = ["--config", str(config), "--results", str(folder / "results")]
            assert cli.main([step, *only, *paths, "--analysis", analysis]) == 0, (step, analysis)
