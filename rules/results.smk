# Needs the participants.
# Makes every number of an analysis, and a verdict on each printed number.

RESULT_CODE = ["results", "matrix", "result_table"] + [
    f"stats/{name}" for name in ("rank_sum", "quantiles", "shift", "categorical")
]
PRINTED = sorted(
    str(file)
    for file in Path(SETTINGS.published or "").glob("*.csv")
    if SETTINGS.published
)

TARGETS += expand("results/{analysis}/results.csv", analysis=ANALYSES)
if SETTINGS.published:
    TARGETS += expand("results/{analysis}/claims.csv", analysis=ANALYSES)


rule changes:
    """Changes of every participant, and all numbers that stay as they are when a marker is cut elsewhere."""
    input:
        participants=lambda w: f"{participants(w)}/participants.csv",
        settings=settings_for("changes", cuts=False),
        trial=SETTINGS.trial,
        code=code("changes", *RESULT_CODE),
    output:
        "results/{analysis}/changes.csv",
        "results/{analysis}/exclusions.csv",
        "results/{analysis}/everybody/results.csv",
        "results/{analysis}/everybody/alternatives.csv",
    log:
        "results/{analysis}/logs/changes.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(output[0], parent=True),
    message:
        "Compute the changes of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial changes {params.participants:q} {params.folder:q}"
        " --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"


rule results:
    """All summaries, effects and P-values of one analysis in one table."""
    input:
        participants=lambda w: f"{participants(w)}/participants.csv",
        settings=settings_for("results"),
        changes="results/{analysis}/changes.csv",
        everybody=[
            "results/{analysis}/everybody/results.csv",
            "results/{analysis}/everybody/alternatives.csv",
        ],
        trial=SETTINGS.trial,
        code=code("strata", *RESULT_CODE),
    output:
        "results/{analysis}/results.csv",
        "results/{analysis}/alternatives.csv",
        "results/{analysis}/strata.csv",
    log:
        "results/{analysis}/logs/results.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(output[0], parent=True),
    message:
        "Compute every number of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial results {params.participants:q} {params.folder:q}"
        " --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"


rule claims:
    """A verdict on each printed number."""
    input:
        participants=lambda w: f"{participants(w)}/participants.json",
        settings=settings_for("claims"),
        results="results/{analysis}/results.csv",
        alternatives="results/{analysis}/alternatives.csv",
        trial=SETTINGS.trial,
        published=PRINTED,
        code=code("claims", "published", "printing", "result_table"),
    output:
        "results/{analysis}/claims.csv",
    log:
        "results/{analysis}/logs/claims.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(output[0], parent=True),
    message:
        "Judge the printed numbers against {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial claims {params.folder:q} --participants {params.participants:q}"
        " --config {input.settings:q} 2> {log:q}"
