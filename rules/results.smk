# Needs the participants.
# Makes every number of an analysis, and a verdict on each reported value.

NUMBERS = ["results", "alternatives", "changes", "exclusions", "strata"]

TARGETS += expand("results/{analysis}/{table}.csv", analysis=ANALYSES, table=NUMBERS)
if SETTINGS.published:
    TARGETS += expand("results/{analysis}/claims.csv", analysis=ANALYSES)


rule results:
    """Changes, strata, and all summaries, effects and P-values of one analysis."""
    input:
        participants=participants,
        trial=SETTINGS.trial,
    output:
        expand("results/{{analysis}}/{table}.csv", table=NUMBERS),
    log:
        "results/{analysis}/logs/results.log",
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
        "results/{analysis}/claims.csv",
    log:
        "results/{analysis}/logs/claims.log",
    params:
        depends=depends("claims", read=PUBLISHED),
    message:
        "Compare the reported values with the recomputed ones (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial claims --analysis {wildcards.analysis:q} 2> {log:q}"
