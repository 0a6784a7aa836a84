# Needs the printed rows and the plan of the reconstruction.
# Makes the bundled synthetic cohort again, into results/: data/reconstructed.xlsx itself is committed and never overwritten.
# Not part of `rule all`: `snakemake results/reconstructed/cohort.xlsx` (or `.../ensemble.md`, from a hundred cohorts).

PLAN = "data/reconstruct/trial.yaml"
# What a cohort depends on.
COHORT = {
    "plan": PLAN,
    "trial": "data/trial.yaml",
    "tests": "data/published/tests.csv",
    "others": expand(
        "data/published/{name}.csv", name=["summaries", "ranges", "registry_baseline"]
    ),
    "code": code("reconstruct"),
}


rule reconstruct:
    """A synthetic cohort that agrees with everything printed."""
    input:
        **COHORT,
    output:
        "results/reconstructed/cohort.xlsx",
    log:
        "results/reconstructed/logs/cohort.log",
    params:
        published=subpath(input.tests, parent=True),
    message:
        "Make a synthetic cohort that agrees with everything printed"
    shell:
        "{PYTHON} -m d_q_trial reconstruct --plan {input.plan:q} --published {params.published:q}"
        " --output {output:q} 2> {log:q}"


rule cohorts:
    """A hundred such cohorts (some 10 s each)."""
    input:
        **COHORT,
    output:
        directory("results/reconstructed/cohorts"),
    log:
        "results/reconstructed/logs/cohorts.log",
    params:
        published=subpath(input.tests, parent=True),
    message:
        "Make a hundred synthetic cohorts"
    shell:
        "{PYTHON} -m d_q_trial reconstruct --plan {input.plan:q} --published {params.published:q}"
        " --seeds 1-100 --folder {output:q} 2> {log:q}"


rule ensemble:
    """What the cohorts say where nothing is printed: docs/ensemble.md is such a page."""
    input:
        cohorts="results/reconstructed/cohorts",
        plan=PLAN,
        settings=lambda w: keep(
            settings.for_step(SETTINGS, SETTINGS.reference, "robustness"),
            "results/reconstructed/settings/ensemble.json",
        ),
        code=code("reconstruct", "changes", "strata", "results", "robustness", "stats"),
    output:
        page="results/reconstructed/ensemble.md",
        picture="results/reconstructed/ensemble.png",
        summary="results/reconstructed/ensemble.csv",
    log:
        "results/reconstructed/logs/ensemble.log",
    params:
        analysis=lambda w, input: SETTINGS.reference,
    message:
        "Show what the cohorts say where nothing is printed"
    shell:
        "{PYTHON} -m d_q_trial ensemble {input.cohorts:q} --plan {input.plan:q} --config {input.settings:q}"
        " --analysis {params.analysis:q} --page {output.page:q} --summary {output.summary:q} 2> {log:q}"
