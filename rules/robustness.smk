# Needs the changes and strata of an analysis.
# Makes the comparison above and below every cut of the markers, the best cuts, and P-values adjusted for multiplicity.
# By default for the reference analysis; `snakemake results/NAME/robustness/cutoffs.csv` makes those of another.

from d_q_trial.figures import cutoff_pages

ROBUSTNESS = [
    "cutoffs.csv",
    "windows.csv",
    "best_cuts.csv",
    "best_splits.csv",
    "multiplicity.csv",
    "robustness.json",
]
ROBUSTNESS_FIGURES = list(cutoff_pages.figures(TRIAL))
ROBUSTNESS_CODE = [
    *(
        f"robustness/{name}"
        for name in "comparisons cutoffs best_cuts best_splits multiplicity describe".split()
    ),
    *(
        f"stats/{name}"
        for name in "rank_sum shift monte_carlo labels permutation reducers maximally_selected multiplicity".split()
    ),
    *(
        f"figures/{name}"
        for name in "cutoffs cutoff_pages draw scale style fonts".split()
    ),
]
ROBUSTNESS_SETTINGS = [
    f"robustness.{name}"
    for name in "seed permutations memory_mb minimum_per_arm windows families".split()
]

TARGETS += expand(
    "results/{analysis}/robustness/{file}",
    analysis=SETTINGS.reference,
    file=[*ROBUSTNESS, *(f"{figure}.png" for figure in ROBUSTNESS_FIGURES)],
)


rule robustness:
    """Every cut of the markers, the best cuts corrected for the search, and multiplicity."""
    input:
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        participants=lambda w: f"{participants(w)}/participants.json",
        trial=SETTINGS.trial,
        code=code(*ROBUSTNESS_CODE, "wording", "printing"),
    output:
        expand("results/{{analysis}}/robustness/{file}", file=ROBUSTNESS),
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
            labels={"figure": "Every cut"},
        ),
    log:
        "results/{analysis}/logs/robustness.log",
    params:
        settings=settings_with(*ROBUSTNESS_SETTINGS),
        folder=subpath(input.changes, parent=True),
        participants=subpath(input.participants, parent=True),
        output=subpath(output[0], parent=True),
    message:
        "Try every cut of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial robustness {params.folder:q} {params.output:q}"
        " --participants {params.participants:q} --analysis {wildcards.analysis:q}"
        " --config {params.settings:q} 2> {log:q}"
