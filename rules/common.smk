# Shared by the other rules: the command line, the analyses, and the dependencies of a step beyond its input files.

ANALYSES = list(SETTINGS.analyses)
CAPTIONS = HOME / "rules" / "captions"
PUBLISHED = (
    sorted(map(str, Path(SETTINGS.published).glob("*.csv")))
    if SETTINGS.published
    else []
)

# The shell finds the interpreter of this environment first, unless conda or a container provides another. Either way,
# the code of this workflow runs.
PATH = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])

# Each rules file adds the targets of `rule all`.
TARGETS = []

# The configuration as merged by Snakemake. Commands read it from the file named in the environment, so that only
# `params`, which hold the settings that a step depends on, decide what runs again.
try:
    if workflow.is_main_process:
        run_lock.mark_alive(".snakemake")
    CONFIG = files.write_json_once(SETTINGS.model_dump(mode="json"), ".snakemake/d_q_trial")
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
    """A parameter that reruns a step if the code of its command, its settings or the contents of these files change.

    Snakemake itself compares dates, so it would not notice that a file was replaced by an older one. It tracks
    parameters that are functions of wildcards, but not those that are functions of inputs.
    """
    code, contents = code_inputs.digest(command), files.combined_checksum(
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


def captions(kind, entries, caption):
    """Captions of all figures or tables, by analysis and key, made before the first step: a fault is named by its place."""
    made = {name: {} for name in ANALYSES}
    for name, chosen in SETTINGS.analyses.items():
        for key, entry in entries.items():
            try:
                made[name][key] = caption(entry, chosen)
            except UserError as error:
                place = f"{getattr(SETTINGS, kind)}: {kind}.{key}"
                raise WorkflowError(f"{place}: {error}") from None
    return made


def caption_file(name, kind):
    """Caption template of one figure or table; the template for all outputs of the job if it has none of its own.

    Snakemake does not tell a template which output of a job it describes, so each template names its output.
    """
    own, common = (CAPTIONS / f"{stem}.rst" for stem in (name, kind))
    return str(own if own.exists() else common)
