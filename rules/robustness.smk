# Needs the participants, the changes and the strata of an analysis.
# Makes the comparison above and below every cut of the markers, the best cuts, and P-values adjusted for multiplicity.
# By default for the reference analysis; `snakemake results/NAME/robustness/cutoffs.csv` makes those of another.

from d_q_trial.figures import cutoff_pages

CUTS = ["cutoffs.csv", "windows.csv", "best_cuts.csv", "best_splits.csv"]
ROBUSTNESS = ["own_cuts.csv", "multiplicity.csv", "robustness.json"]
ROBUSTNESS_FIGURES = list(cutoff_pages.figures(TRIAL))


def robustness_code(*names):
    """Modules of robustness/, which all lean on the comparisons and on the permutations."""
    shared = "rank_sum shift monte_carlo labels permutation reducers multiplicity"
    return code(
        *(f"robustness/{name}" for name in ("comparisons", "cutoffs", *names)),
        *(f"stats/{name}" for name in shared.split()),
    )


TARGETS += expand(
    "results/{analysis}/robustness/{file}",
    analysis=SETTINGS.reference,
    file=[*CUTS, *ROBUSTNESS, *(f"{figure}.png" for figure in ROBUSTNESS_FIGURES)],
)


rule cutoffs:
    """Every cut of the markers, sliding windows, and the best cuts corrected for the search, whatever the strata."""
    input:
        participants=lambda w: f"{participants(w)}/participants.csv",
        changes="results/{analysis}/changes.csv",
        settings=settings_for(
            "cutoffs",
            *(
                f"robustness.{name}"
                for name in "seed permutations memory_mb minimum_per_arm windows".split()
            ),
            cuts=False,
        ),
        trial=SETTINGS.trial,
        code=robustness_code("best_cuts", "best_splits"),
        more_code=code("strata", "stats/maximally_selected"),
    output:
        expand("results/{{analysis}}/robustness/{file}", file=CUTS),
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
    """The analysis' own cuts among all, P-values adjusted for multiplicity, and pictures of every cut."""
    input:
        [
            f"results/{{analysis}}/robustness/{file}"
            for file in CUTS
            if file != "best_splits.csv"
        ],
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        participants=lambda w: f"{participants(w)}/participants.json",
        settings=settings_for(
            "robustness",
            *(
                f"robustness.{name}"
                for name in "seed permutations memory_mb minimum_per_arm windows families".split()
            ),
        ),
        trial=SETTINGS.trial,
        code=robustness_code("own_cut", "multiplicity", "describe"),
        drawing=code(
            *(
                f"figures/{name}"
                for name in "cutoffs cutoff_pages draw scale style fonts".split()
            ),
            "wording",
            "printing",
        ),
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
        folder=subpath(input.changes, parent=True),
        participants=subpath(input.participants, parent=True),
        output=subpath(output[0], parent=True),
    message:
        "Draw every cut of {wildcards.analysis}, and adjust P-values for multiplicity"
    shell:
        "{PYTHON} -m d_q_trial robustness {params.folder:q} {params.output:q}"
        " --participants {params.participants:q} --analysis {wildcards.analysis:q}"
        " --config {input.settings:q} 2> {log:q}"
