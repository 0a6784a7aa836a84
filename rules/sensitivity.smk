# Needs the changes and strata of an analysis.
# Makes the tests of interaction, the announced sensitivity analyses, the influence of single values, and power.
# By default for the reference analysis; `snakemake results/NAME/sensitivity/interaction.csv` makes those of another.

SENSITIVITY = [
    "interaction",
    "sensitivity",
    "leave_one_out",
    "doubtful_values",
    "power",
]
SENSITIVITY_CODE = [
    *(
        f"robustness/{name}"
        for name in "comparisons interaction sensitivity imputed leave_one_out doubtful power".split()
    ),
    *(
        f"stats/{name}"
        for name in "rank_sum shift estimate monte_carlo interaction least_squares ancova mixed imputation bounds power".split()
    ),
]
# Printed values that these analyses start from: the calculation of power, and values that may be slips.
DESIGN = [
    file for file in PRINTED if Path(file).name in ("power.csv", "doubtful_values.csv")
]

TARGETS += expand(
    "results/{analysis}/sensitivity/{table}.csv",
    analysis=SETTINGS.reference,
    table=SENSITIVITY,
)


rule sensitivity:
    """Interaction, covariance, repeated measures, imputed values, bounds, influence and power."""
    input:
        settings=settings_for(
            "sensitivity", "robustness.seed", "robustness.permutations"
        ),
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        trial=SETTINGS.trial,
        printed=DESIGN,
        code=code(*SENSITIVITY_CODE, "printing"),
    output:
        expand("results/{{analysis}}/sensitivity/{table}.csv", table=SENSITIVITY),
    log:
        "results/{analysis}/logs/sensitivity.log",
    params:
        folder=subpath(input.changes, parent=True),
        output=subpath(output[0], parent=True),
    message:
        "Test interactions and sensitivity of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial sensitivity {params.folder:q} {params.output:q}"
        " --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"
