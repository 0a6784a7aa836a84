# What the other rules share: the interpreter, the analyses, and which code and settings a step depends on.
#
# A setting reaches a step as an input file. Parameters follow from inputs and outputs (so their functions ask for one of
# them), since Snakemake would import pandas at every call to compare others with those of the last run.

from d_q_trial.trial import load_trial

PYTHON = (
    sys.executable
)  # a bare `python` could be another one when snakemake was called by its path
ANALYSES = list(SETTINGS.analyses)
TRIAL = load_trial(SETTINGS.trial)
SOURCE = Path(workflow.basedir) / "src" / "d_q_trial"
CAPTIONS = Path(workflow.basedir) / "rules" / "captions"

# Each file of rules adds what `rule all` should make.
TARGETS = []


wildcard_constraints:
    analysis="|".join(map(re.escape, ANALYSES)),
    workbook="[^/]+",


def code(*names):
    """Modules and folders of the package as inputs, so that an edit to them reruns what they feed."""
    files = []
    for name in names:
        path = SOURCE / name
        files += (
            sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        )
    if missing := [file for file in files if not file.exists()]:
        # Where outputs of an earlier run exist, Snakemake would pass over the rule without a word.
        raise WorkflowError(f"no such module: {missing[0]}")
    return [os.path.relpath(file) for file in files]


def analysis(wildcards):
    """Settings of the analysis that a job belongs to."""
    return SETTINGS.analyses[wildcards.analysis]


def participants(wildcards):
    """Folder of the participants that an analysis reads."""
    return f"results/workbooks/{analysis(wildcards).workbook_id}"


def keep(value, path):
    """Write what a step may know, unless the file holds it already, and return its path."""
    try:
        return files.keep_json(value, path)
    except OSError as error:
        # Of any other exception in a function of inputs, Snakemake shows the traceback.
        raise SystemExit(f"{path}: {error.strerror}") from None


def settings_for(step, *sections, cuts=True):
    """File with what a step may know of the configuration: its analysis and the named sections.

    It is written when Snakemake asks for it, and only if it changes, so that an edit reruns the steps that it concerns.
    """
    return lambda wildcards: keep(
        settings.for_step(SETTINGS, wildcards.analysis, *sections, cuts=cuts),
        f"results/{wildcards.analysis}/settings/{step}.json",
    )


def caption_file(name, kind):
    """Template of the caption of one figure or table; that of all of a job where it has none of its own.

    Snakemake fills in a template without telling it which of a job's outputs it is for, so each names its own.
    """
    own, common = (CAPTIONS / f"{stem}.rst" for stem in (name, kind))
    return str(own if own.exists() else common)
