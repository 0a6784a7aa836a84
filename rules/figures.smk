# Needs the results, and the list of figures that the configuration names.
# Makes every figure as PDF and PNG, and its caption and result in words; in two jobs, to use two cores.

from d_q_trial.figures.catalogue import catalogue_of as figures_of
from d_q_trial.labels import caption_words

FIGURES = figures_of(SETTINGS.figures, TRIAL).figures
FLOW = [file for file in PUBLISHED if Path(file).name == "flow.csv"]

TARGETS += expand(
    "results/{analysis}/figures/{figure}.{end}",
    analysis=ANALYSES,
    figure=FIGURES,
    end=["pdf", "png"],
)


# Each of the two jobs describes its figures in a file.
PARTS = {1: list(FIGURES)[::2], 2: list(FIGURES)[1::2]}
TARGETS += expand(
    "results/{analysis}/figures/figures_{part}.json",
    analysis=ANALYSES,
    part=[part for part, names in PARTS.items() if names],
)


def drawing(name):
    """A PNG with its caption, as `snakemake --report` shows it."""
    return report(
        f"results/{{analysis}}/figures/{name}.png",
        category="Figures",
        subcategory="{analysis}",
        labels={
            "#": f"{list(FIGURES).index(name) + 1:02}",
            "figure": FIGURES[name].label,
        },
        caption=caption_file(name, "figures"),
    )


def captions(wildcards):
    """Captions of all figures, as they read in an analysis."""
    chosen = analysis(wildcards)
    words, strata = caption_words(TRIAL, chosen), chosen.strata.labels
    texts = {
        name: figure.texts(words, strata, TRIAL) for name, figure in FIGURES.items()
    }
    return {
        name: f"{FIGURES[name].label}. {title}. {caption}"
        for name, (title, caption) in texts.items()
    }


for part, names in PARTS.items():
    if names:

        rule:
            name:
                f"figures_{part}"
            input:
                results="results/{analysis}/results.csv",
                changes="results/{analysis}/changes.csv",
                strata="results/{analysis}/strata.csv",
                participants=participants,
                trial=SETTINGS.trial,
                catalogue=SETTINGS.figures or [],
                flow=FLOW,
                interaction=(
                    "results/{analysis}/sensitivity/interaction.csv"
                    if any(FIGURES[name].forest for name in names)
                    else []
                ),
            output:
                expand("results/{{analysis}}/figures/{figure}.pdf", figure=names),
                [drawing(name) for name in names],
                description=f"results/{{analysis}}/figures/figures_{part}.json",
            log:
                f"results/{{analysis}}/logs/figures_{part}.log",
            params:
                depends=depends(
                    "figures", "figures", read=[SETTINGS.figures or "", *FLOW]
                ),
                only=names,
                description=subpath(output.description, basename=True),
                captions=captions,
            message:
                "Draw figures (analysis {wildcards.analysis})"
            shell:
                "python3 -m d_q_trial figures --analysis {wildcards.analysis:q}"
                " --description {params.description:q} --only {params.only:q} 2> {log:q}"
