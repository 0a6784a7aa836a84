# What the other rules share: the command line, the analyses, and what a step depends on beside its input files.

from d_q_trial.trial import load_trial

ANALYSES = list(SETTINGS.analyses)
TRIAL = load_trial(SETTINGS.trial)
CAPTIONS = Path(workflow.basedir) / "rules" / "captions"
PUBLISHED = (
    sorted(map(str, Path(SETTINGS.published).glob("*.csv")))
    if SETTINGS.published
    else []
)

# The configuration as Snakemake has put it together; commands read it here, and `params` track what each depends on.
CONFIG = ".snakemake/d_q_trial.json"
# This environment's own interpreter: a bare `python` could be another one.
COMMAND = [sys.executable, "-m", "d_q_trial"]

# Each file of rules adds what `rule all` should make.
TARGETS = []

try:
    files.keep_json(SETTINGS.model_dump(mode="json"), CONFIG)
except OSError as error:
    raise WorkflowError(f"{CONFIG}: {error.strerror}") from None


wildcard_constraints:
    analysis="|".join(map(re.escape, ANALYSES)),
    workbook="[^/]+",


def analysis(wildcards):
    """Settings of the analysis that a job belongs to."""
    return SETTINGS.analyses[wildcards.analysis]


def participants(wildcards):
    """Table of the participants that an analysis reads."""
    return f"results/workbooks/{analysis(wildcards).workbook_id}/participants.csv"


def depends(command, *sections):
    """Code of a command and parts of the configuration, as a parameter that reruns a step when it changes."""
    code = code_inputs.digest(command)
    return lambda wildcards: {
        "code": code,
        "settings": settings.for_step(
            SETTINGS, getattr(wildcards, "analysis", SETTINGS.reference), *sections
        ),
    }


def caption_file(name, kind):
    """Template of the caption of one figure or table; that of all of a job where it has none of its own.

    Snakemake fills in a template without telling it which of a job's outputs it is for, so each names its own.
    """
    own, common = (CAPTIONS / f"{stem}.rst" for stem in (name, kind))
    return str(own if own.exists() else common)
