# Needs the participants, and the reported power calculation and values that may be errors.
# Makes all statistics of an analysis, also as Parquet in full precision, and the interaction tests; then the announced
# sensitivity analyses, influence, multiplicity-adjusted P-values, power, and checks of suspect values.

NUMBERS = [
    *("results", "alternatives", "changes", "exclusions", "strata"),
    "sensitivity/interaction",
]
SENSITIVITY = [
    "sensitivity/sensitivity",
    "sensitivity/leave_one_out",
    "sensitivity/suspect_values",
    "sensitivity/power",
    "robustness/multiplicity",
]

TARGETS += expand(
    "results/{analysis}/{table}.csv", analysis=ANALYSES, table=NUMBERS + SENSITIVITY
)
TARGETS += expand("results/{analysis}/export/results.parquet", analysis=ANALYSES)

PLANNED = [
    file for file in PUBLISHED if Path(file).name in ("power.csv", "suspect_values.csv")
]


rule results:
    """Changes, strata, all summaries, effects and P-values of one analysis, and its interaction tests."""
    input:
        participants=participants_table,
        trial=SETTINGS.trial,
    output:
        expand("results/{{analysis}}/{table}.csv", table=NUMBERS),
        "results/{analysis}/export/results.parquet",
    log:
        "results/{analysis}/logs/results.log",
    priority: 2  # on the critical path to the report
    params:
        depends=track_dependencies(
            "results", "robustness.seed", "robustness.permutations"
        ),
    message:
        "Compute all statistics (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial results --analysis {wildcards.analysis:q} 2> {log:q}"


rule sensitivity:
    """Analysis of covariance, mixed model, imputation, bounds, influence, multiplicity, suspect values and power."""
    input:
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        participants=participants_table,
        trial=SETTINGS.trial,
        published=PLANNED,
    output:
        expand("results/{{analysis}}/{table}.csv", table=SENSITIVITY),
    log:
        "results/{analysis}/logs/sensitivity.log",
    priority: 2  # slower than the steps that can wait
    params:
        depends=track_dependencies(
            "sensitivity",
            "robustness.seed",
            "robustness.permutations",
            "robustness.families",
            read=PLANNED,
        ),
    message:
        "Run the sensitivity analyses (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial sensitivity --analysis {wildcards.analysis:q} 2> {log:q}"
