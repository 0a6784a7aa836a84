# Needs the participants, the changes and the strata of an analysis.
# Makes the comparison above and below every cut of the markers, the best cuts, and P-values adjusted for multiplicity.
# By default for the reference analysis; `snakemake results/NAME/robustness/cutoffs.csv` makes those of another.

from d_q_trial.figures import cutoff_pages

CUTS = ["cutoffs.csv", "windows.csv", "best_cuts.csv", "best_splits.csv"]
ROBUSTNESS = ["own_cuts.csv", "multiplicity.csv", "robustness.json"]
ROBUSTNESS_FIGURES = list(cutoff_pages.figures(TRIAL))
ROBUSTNESS_CODE = [
    *(
        f"robustness/{name}"
        for name in "comparisons cutoffs cut_tables own_cut".split()
    ),
    *(
        f"stats/{name}"
        for name in "rank_sum shift monte_carlo labels permutation reducers multiplicity".split()
    ),
]
DRAWING_CODE = [
    *(
        f"figures/{name}"
        for name in "cutoffs cutoff_pages draw scale style fonts".split()
    ),
    "wording",
    "printing",
]

TARGETS += expand(
    "results/{analysis}/robustness/{file}",
    analysis=SETTINGS.reference,
    file=[*CUTS, *ROBUSTNESS, *(f"{figure}.png" for figure in ROBUSTNESS_FIGURES)],
)


def robustness_settings(step, *more, cuts=True):
    """What every cut depends on, and more."""
    names = ("seed", "permutations", "memory_mb", "minimum_per_arm", "windows", *more)
    return settings_for(step, *(f"robustness.{name}" for name in names), cuts=cuts)


rule cutoffs:
    """Every cut of the markers, and the best cuts corrected for the search, wherever the analysis itself cuts."""
    input:
        participants=lambda w: f"{participants(w)}/participants.csv",
        description=lambda w: f"{participants(w)}/participants.json",
        changes="results/{analysis}/changes.csv",
        settings=robustness_settings("cutoffs", cuts=False),
        trial=SETTINGS.trial,
        code=code(
            *ROBUSTNESS_CODE,
            *DRAWING_CODE,
            "robustness/best_cuts",
            "robustness/best_splits",
            "stats/maximally_selected",
            "strata",
        ),
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
            labels={"figure": "Every cut"},
        ),
    log:
        "results/{analysis}/logs/cutoffs.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(input.changes, parent=True),
        output=subpath(output[0], parent=True),
    message:
        "Try every cut of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial cutoffs {params.participants:q} {params.folder:q} {params.output:q}"
        " --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"


rule robustness:
    """The analysis' own cuts among all, and P-values adjusted for multiplicity."""
    input:
        cuts=expand("results/{{analysis}}/robustness/{file}", file=CUTS[:3]),
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        participants=lambda w: f"{participants(w)}/participants.json",
        settings=robustness_settings("robustness", "families"),
        trial=SETTINGS.trial,
        code=code(
            *ROBUSTNESS_CODE,
            "robustness/multiplicity",
            "robustness/describe",
            "figures/cutoff_pages",
            "wording",
            "printing",
        ),
    output:
        expand("results/{{analysis}}/robustness/{file}", file=ROBUSTNESS),
    log:
        "results/{analysis}/logs/robustness.log",
    params:
        folder=subpath(input.changes, parent=True),
        participants=subpath(input.participants, parent=True),
        output=subpath(output[0], parent=True),
    message:
        "Adjust the P-values of {wildcards.analysis} for multiplicity"
    shell:
        "{PYTHON} -m d_q_trial robustness {params.folder:q} {params.output:q}"
        " --participants {params.participants:q} --analysis {wildcards.analysis:q}"
        " --config {input.settings:q} 2> {log:q}"
