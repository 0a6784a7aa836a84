# Needs the participants.
# Makes all statistics of an analysis, also as Parquet in full precision, and the interaction tests.

NUMBERS = ["results", "alternatives", "changes", "exclusions", "strata"]

TARGETS += expand("results/{analysis}/{table}.csv", analysis=ANALYSES, table=NUMBERS)
TARGETS += expand(
    "results/{analysis}/{file}",
    analysis=ANALYSES,
    file=["export/results.parquet", "sensitivity/interaction.csv"],
)


rule results:
    """Changes, strata, all summaries, effects and P-values of one analysis, and its interaction tests."""
    input:
        participants=participants,
        trial=SETTINGS.trial,
    output:
        expand("results/{{analysis}}/{table}.csv", table=NUMBERS),
        "results/{analysis}/export/results.parquet",
        "results/{analysis}/sensitivity/interaction.csv",
    log:
        "results/{analysis}/logs/results.log",
    priority: 2  # on the critical path to the report
    params:
        depends=depends("results", "robustness.seed", "robustness.permutations"),
    message:
        "Compute all statistics (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial results --analysis {wildcards.analysis:q} 2> {log:q}"
