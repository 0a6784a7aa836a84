# Needs the changes and strata of an analysis.
# Makes the comparison at every cutoff of the markers, the best cutoffs corrected for the search, P-values adjusted for
# multiplicity, tests of interaction, the announced sensitivity analyses, influence, and power.
# By default for the reference analysis; `snakemake results/NAME/robustness/cutoffs.csv` makes those of another.

from d_q_trial.figures import cutoff_pages

CUTS = ["cutoffs.csv", "windows.csv", "best_cuts.csv", "best_splits.csv"]
ROBUSTNESS = ["own_cuts.csv", "multiplicity.csv", "robustness.json"]
ROBUSTNESS_FIGURES = list(cutoff_pages.figures(TRIAL))
SENSITIVITY = [
    "interaction",
    "sensitivity",
    "leave_one_out",
    "doubtful_values",
    "power",
]

TARGETS += expand(
    "results/{analysis}/robustness/{file}",
    analysis=SETTINGS.reference,
    file=[
        *CUTS,
        *ROBUSTNESS,
        *expand("{figure}.{end}", figure=ROBUSTNESS_FIGURES, end=["png", "pdf"]),
    ],
)
TARGETS += expand(
    "results/{analysis}/sensitivity/{table}.csv",
    analysis=SETTINGS.reference,
    table=SENSITIVITY,
)

# The calculation of power, and values that may be slips, as reported.
PLANNED = [
    file
    for file in PUBLISHED
    if Path(file).name in ("power.csv", "doubtful_values.csv")
]


rule cutoffs:
    """Every cutoff of the markers, and the best cutoffs corrected for the search."""
    input:
        participants=participants,
        trial=SETTINGS.trial,
    output:
        expand("results/{{analysis}}/robustness/{file}", file=CUTS),
        expand(
            "results/{{analysis}}/robustness/{figure}.pdf", figure=ROBUSTNESS_FIGURES
        ),
        report(
            expand(
                "results/{{analysis}}/robustness/{figure}.png",
                figure=ROBUSTNESS_FIGURES,
            ),
            category="Figures",
            subcategory="{analysis}",
            labels={"figure": "Every cutoff"},
        ),
    log:
        "results/{analysis}/logs/cutoffs.log",
    params:
        depends=depends("cutoffs", "robustness", cuts=False),
    message:
        "Try every cutoff (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial cutoffs --analysis {wildcards.analysis:q} 2> {log:q}"


rule robustness:
    """The analysis's own cutoffs among all, and P-values adjusted for multiplicity."""
    input:
        cuts=expand("results/{{analysis}}/robustness/{file}", file=CUTS[:3]),
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        participants=participants,
        trial=SETTINGS.trial,
    output:
        expand("results/{{analysis}}/robustness/{file}", file=ROBUSTNESS),
    log:
        "results/{analysis}/logs/robustness.log",
    params:
        depends=depends("robustness", "robustness"),
    message:
        "Adjust the P-values for multiplicity (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial robustness --analysis {wildcards.analysis:q} 2> {log:q}"


rule sensitivity:
    """Interaction, covariance, repeated measures, imputed values, bounds, influence and power."""
    input:
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        participants=participants,
        trial=SETTINGS.trial,
        published=PLANNED,
    output:
        expand("results/{{analysis}}/sensitivity/{table}.csv", table=SENSITIVITY),
    log:
        "results/{analysis}/logs/sensitivity.log",
    params:
        depends=depends(
            "sensitivity",
            "robustness.seed",
            "robustness.permutations",
            read=PLANNED,
        ),
    message:
        "Test interactions and sensitivity (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial sensitivity --analysis {wildcards.analysis:q} 2> {log:q}"
