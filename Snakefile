# Table of contents. `snakemake --cores 4` makes everything; `snakemake --list` says what else there is.
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from d_q_trial import ending, files, settings
from d_q_trial.errors import UserError
from d_q_trial.yaml_files import read_yaml

min_version("9.5")

# A file named with --configfile takes the place of ours; --config changes single keys of either.
CONFIG_FILES = [str(file) for file in workflow.config_settings.configfiles] or [
    "config.yaml"
]
try:
    for file in CONFIG_FILES:
        read_yaml(file)  # which says more of a fault than Snakemake does
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
include: "rules/sensitivity.smk"
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


onstart:
    files.sweep("results")


onsuccess:
    ending.tell(SETTINGS, log)


onerror:
    ending.tell_failure(log)
