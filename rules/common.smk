# Shared by the other rules: the command line, the analyses, and the dependencies of a step beyond its input files.

ANALYSES = list(SETTINGS.analyses)
CAPTIONS = HOME / "rules" / "captions"
PUBLISHED = (
    sorted(map(str, Path(SETTINGS.published).glob("*.csv")))
    if SETTINGS.published
    else []
)

# The shell finds the interpreter of this environment first, unless conda or a container provides one. In both cases, it
# runs the code of this workflow.
PATH = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])

# Each rules file adds its targets of `rule all`.
TARGETS = []

# The merged configuration. Commands read it from a file of this run that the environment names, so that only `params`, which
# hold the settings that a step depends on, decide which steps run again.
CONFIG = f".snakemake/d_q_trial/{os.getpid()}.json"
try:
    if workflow.is_main_process:
        runs.mark_alive(".snakemake")
    files.write_json(SETTINGS.model_dump(mode="json"), CONFIG)
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


def get_analysis(wildcards):
    """Return the settings of the analysis of a job."""
    return SETTINGS.analyses[wildcards.analysis]


def participants_table(wildcards):
    """Return the path of the participants that an analysis reads."""
    return f"results/workbooks/{get_analysis(wildcards).workbook_id}/participants.csv"


def track_dependencies(command, *sections, read=(), cuts=True):
    """Return a parameter that reruns a step if the code of its command, its settings or the contents of its files change.

    ``sections`` are the settings and ``read`` the files besides the trial; ``cuts`` is False if the strata do not matter.
    Snakemake compares dates, so it would not notice that a file was replaced by an older one. It tracks parameters that
    are functions of wildcards, but not those that are functions of inputs.
    """
    code = code_inputs.code_checksum(command)
    contents = files.combined_checksum([SETTINGS.trial, *read])
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


def find_left_over_files(name):
    """List the files in the folder of an analysis that no rule makes, such as those of an earlier version."""
    paths = [path for path in Path("results", name).rglob("*") if path.is_file()]
    return [
        str(path)
        for path in sorted(paths)
        if not path.name.startswith(".")
        and not any(rule.is_producer(str(path)) for rule in workflow.rules)
    ]


def make_captions(kind, entries, make_caption):
    """Return the captions of all figures or tables by analysis and key.

    They are made before the first step, so that an error names the entry of the configuration that causes it.
    """
    captions = {name: {} for name in ANALYSES}
    for name, analysis in SETTINGS.analyses.items():
        for key, entry in entries.items():
            try:
                captions[name][key] = make_caption(entry, analysis)
            except UserError as error:
                place = f"{getattr(SETTINGS, kind)}: {kind}.{key}"
                raise WorkflowError(f"{place}: {error}") from None
    return captions


def find_caption_template(name, kind):
    """Return the caption template of one figure or table, or else the common template of its kind.

    Snakemake does not pass the described output to a template, so each template names its output.
    """
    specific = CAPTIONS / f"{name}.rst"
    return str(specific if specific.exists() else CAPTIONS / f"{kind}.rst")
