# `snakemake --cores 4` makes everything; `snakemake --list` lists the other targets.
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

# The folder of this workflow: the working directory, unless it is called from another folder or used as a module. The
# package in this folder is imported, as in the steps, even if the environment has installed another checkout.
HOME = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
sys.path.insert(0, str(HOME / "src"))

from d_q_trial import code_inputs, files, runs, workers
from d_q_trial.config import settings
from d_q_trial.config.validation import read_yaml
from d_q_trial.errors import UserError
from d_q_trial.figures.catalogue import read_catalogue as figures_of
from d_q_trial.tables.build import read_catalogue as tables_of
from d_q_trial.trial import load_trial

min_version("9.20")

# --configfile replaces config.yaml; --config changes single keys. If the workflow is called from another folder, a
# config.yaml in that folder takes precedence; if it is used as a module, that file belongs to the other workflow.
HAS_LOCAL_CONFIG = HOME == Path.cwd() or (
    workflow.modifier.is_main_snakefile() and Path("config.yaml").is_file()
)
CONFIG_FILES = [*map(os.path.relpath, workflow.config_settings.configfiles)] or [
    "config.yaml" if HAS_LOCAL_CONFIG else str(HOME / "config.yaml")
]
try:
    if workflow.modifier.skip_configfile:
        SOURCES = [("the configuration of the module", config)]
    else:
        # Read here, so that values stay as they are written, and messages name the file and the line.
        SOURCES = [(file, read_yaml(file)) for file in CONFIG_FILES]
        if workflow.config_settings.config:
            SOURCES.append(("--config", workflow.config_settings.config))
    SETTINGS = settings.load(SOURCES, HOME)
    TRIAL = load_trial(SETTINGS.trial)
    FIGURES = figures_of(SETTINGS.figures, TRIAL).figures
    TABLES = tables_of(SETTINGS.tables, TRIAL).tables
except UserError as error:
    raise WorkflowError(str(error)) from None


# The log of Snakemake names the file.
if not workflow.config_settings.configfiles:

    configfile: CONFIG_FILES[0]


# For the captions of `snakemake --report`.
config.update(SETTINGS.model_dump(mode="json"))


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/participants.smk"
include: "rules/results.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/consistency.smk"
include: "rules/robustness.smk"
include: "rules/multiverse.smk"
include: "rules/calibration.smk"
include: "rules/compare.smk"
include: "rules/report.smk"
include: "rules/reconstruct.smk"


# With --software-deployment-method conda or apptainer, every step runs in the environment of the lock file.
DEPLOYMENT = set(map(str, workflow.deployment_settings.deployment_method))
for step in workflow.rules:
    if Path(step.snakefile).is_relative_to(HOME):
        if "conda" in DEPLOYMENT:
            step.conda_env = str(HOME / "environment.yaml")
        if "apptainer" in DEPLOYMENT:
            step.container_img = str(HOME / "d-q-trial.sif")


rule all:
    """Everything that the configuration asks for."""
    default_target: True
    input:
        TARGETS,
    message:
        "All outputs are up to date"


# The commands that every analysis needs; commands that import the same libraries share a worker.
WORKERS = ["cutoffs results sensitivity", "figures robustness", "tables", "report"]

SOURCE = " and ".join(name for name, _ in SOURCES)
SUMMARY = runs.Summary(SETTINGS, SOURCE, workflow)
logger.addFilter(SUMMARY.note)


onstart:
    files.remove_unfinished("results")
    # Snakemake limits the rate to 100 jobs per second, for clusters. One machine never reaches this rate, but each finished
    # job adds a timer, which makes the scheduler search the ready jobs again every second.
    limit = workflow.scheduler.job_rate_limiter
    if workflow.local_exec and limit and limit.max_jobs >= 100 * limit.timespan:
        workflow.scheduler.job_rate_limiter = None
    # The report and the manifest list all files in the folder of an analysis, so files that no rule makes are moved out.
    left_over = [file for name in ANALYSES for file in find_left_over_files(name)]
    files.move_aside(left_over, "results")
    if len(ANALYSES) > 1 and workflow.local_exec and not DEPLOYMENT:
        workers.start_workers(WORKERS, ".snakemake/workers")


onsuccess:
    SUMMARY.print_success()


onerror:
    SUMMARY.print_failure()
