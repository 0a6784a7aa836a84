# Needs the participants.
# Makes every number of an analysis, and a verdict on each reported value; both also as Parquet, in full precision.

NUMBERS = ["results", "alternatives", "changes", "exclusions", "strata"]

BOTH = ["results/{analysis}/{table}.csv", "results/{analysis}/export/{table}.parquet"]

TARGETS += expand("results/{analysis}/{table}.csv", analysis=ANALYSES, table=NUMBERS)
TARGETS += expand(
    BOTH, analysis=ANALYSES, table=["results"] + ["claims"] * bool(SETTINGS.published)
)


rule results:
    """Changes, strata, and all summaries, effects and P-values of one analysis."""
    input:
        participants=participants,
        trial=SETTINGS.trial,
    output:
        expand("results/{{analysis}}/{table}.csv", table=NUMBERS),
        "results/{analysis}/export/results.parquet",
    log:
        "results/{analysis}/logs/results.log",
    priority: 1  # on the longest way to the report
    params:
        depends=depends("results"),
    message:
        "Compute all statistics (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial results --analysis {wildcards.analysis:q} 2> {log:q}"


rule claims:
    """A verdict on each reported value."""
    input:
        results="results/{analysis}/results.csv",
        alternatives="results/{analysis}/alternatives.csv",
        strata="results/{analysis}/strata.csv",
        participants=participants,
        trial=SETTINGS.trial,
        published=PUBLISHED,
    output:
        expand(BOTH, table="claims", allow_missing=True),
    log:
        "results/{analysis}/logs/claims.log",
    params:
        depends=depends("claims", read=PUBLISHED),
    message:
        "Compare the reported values with the recomputed ones (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial claims --analysis {wildcards.analysis:q} 2> {log:q}"
