# What the other rules share: the command line, the analyses, and what a step depends on beside its input files.

from d_q_trial.trial import load_trial

ANALYSES = list(SETTINGS.analyses)
TRIAL = load_trial(SETTINGS.trial)
CAPTIONS = HOME / "rules" / "captions"
PUBLISHED = (
    sorted(map(str, Path(SETTINGS.published).glob("*.csv")))
    if SETTINGS.published
    else []
)

# The shell finds this environment's own interpreter first, unless conda or a container brings another. Every one of them
# runs the code beside this file.
PATH = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])

# Each file of rules adds what `rule all` should make.
TARGETS = []

# The configuration as Snakemake has put it together. Commands read it from the file that the environment names, so that
# only `params`, which hold the part that a step depends on, decide what runs again.
try:
    if workflow.is_main_process:
        run_lock.hold(".snakemake")
    CONFIG = files.keep_json(SETTINGS.model_dump(mode="json"), ".snakemake/d_q_trial")
    os.environ |= {
        "PATH": PATH,
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(HOME / "src"), os.environ.get("PYTHONPATH")])
        ),
        "D_Q_TRIAL_HOME": str(HOME),
        "D_Q_TRIAL_CONFIG": CONFIG,
    }
except OSError as error:
    raise WorkflowError(f"{error.filename}: {error.strerror}") from None


wildcard_constraints:
    analysis="|".join(map(re.escape, ANALYSES)),
    workbook="[^/]+",


def analysis(wildcards):
    """Settings of the analysis that a job belongs to."""
    return SETTINGS.analyses[wildcards.analysis]


def participants(wildcards):
    """Table of the participants that an analysis reads."""
    return f"results/workbooks/{analysis(wildcards).workbook_id}/participants.csv"


def depends(command, *sections, read=(), cuts=True):
    """Code of a command, parts of the configuration and contents of files, as a parameter that reruns a step.

    Snakemake itself compares dates, and would take a file that is replaced by an older one for unchanged. It tracks what
    a parameter makes of wildcards, and not what it makes of inputs.
    """
    code, contents = code_inputs.digest(command), files.checksum(
        [SETTINGS.trial, *read]
    )
    return lambda wildcards: {
        "code": code,
        "contents": contents,
        "settings": settings.for_step(
            SETTINGS,
            getattr(wildcards, "analysis", SETTINGS.reference),
            *sections,
            cuts=cuts,
        ),
    }


def left_over(name):
    """Files in the folder of an analysis that no rule makes, such as those of an earlier version."""
    found = [path for path in Path("results", name).rglob("*") if path.is_file()]
    return [
        str(path)
        for path in sorted(found)
        if not path.name.startswith(".")
        and not any(rule.is_producer(str(path)) for rule in workflow.rules)
    ]


def caption_file(name, kind):
    """Template of the caption of one figure or table; that of all of a job where it has none of its own.

    Snakemake fills in a template without telling it which of a job's outputs it is for, so each names its own.
    """
    own, common = (CAPTIONS / f"{stem}.rst" for stem in (name, kind))
    return str(own if own.exists() else common)
