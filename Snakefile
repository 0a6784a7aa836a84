# Table of contents. `snakemake --cores 4` makes everything; `snakemake --list` names the other targets.
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from d_q_trial import code_inputs, files, run_summary
from d_q_trial.config import settings
from d_q_trial.config.yaml_files import read_yaml
from d_q_trial.errors import UserError

min_version("9.5")

# A file named with --configfile takes the place of ours; --config changes single keys of either.
CONFIG_FILES = [str(file) for file in workflow.config_settings.configfiles] or [
    "config.yaml"
]
try:
    for file in CONFIG_FILES:
        read_yaml(file)  # its messages name the file and the line
except UserError as error:
    raise WorkflowError(str(error)) from None

if not workflow.config_settings.configfiles:

    configfile: "config.yaml"


try:
    SETTINGS = settings.load(config, origin=CONFIG_FILES[-1])
    settings.check_names(SETTINGS, origin=CONFIG_FILES[-1])
except UserError as error:
    raise WorkflowError(str(error)) from None


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/participants.smk"
include: "rules/results.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/consistency.smk"
include: "rules/robustness.smk"
include: "rules/multiverse.smk"
include: "rules/compare.smk"
include: "rules/report.smk"
include: "rules/export.smk"
include: "rules/reconstruct.smk"


rule all:
    """Everything that the configuration asks for."""
    default_target: True
    input:
        TARGETS,
    message:
        "All outputs are there"


onstart:
    files.sweep("results")


onsuccess:
    run_summary.tell(SETTINGS, log)


onerror:
    run_summary.tell_failure(log)
