# Needs the results, and the list of figures that the configuration names.
# Makes every figure as PDF and PNG, with its caption and a description of its result.

from d_q_trial.labels import caption_words

FLOW = [file for file in PUBLISHED if Path(file).name == "flow.csv"]

TARGETS += expand(
    "results/{analysis}/figures/{file}",
    analysis=ANALYSES,
    file=[
        "figures.json",
        *expand("{figure}.{end}", figure=FIGURES, end=["pdf", "png"]),
    ],
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


def caption(figure, chosen):
    """Caption of a figure in one analysis."""
    title, text = figure.texts(caption_words(TRIAL, chosen), chosen, TRIAL)
    return f"{figure.label}. {title}. {text}"


FIGURE_CAPTIONS = captions("figures", FIGURES, caption)


def twin(wildcards):
    """The first analysis that differs in marker and strata alone, so that it has the same figures of all participants."""
    own = SEARCHES[wildcards.analysis]
    first = next(name for name in ANALYSES if SEARCHES[name] == own)
    return first if first != wildcards.analysis else ""


rule figures:
    """Figures of one analysis, drawn from its results."""
    input:
        results="results/{analysis}/results.csv",
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        participants=participants,
        trial=SETTINGS.trial,
        catalogue=SETTINGS.figures or [],
        flow=FLOW,
        twin=lambda wildcards: (
            f"results/{twin(wildcards)}/figures/figures.json"
            if twin(wildcards)
            else []
        ),
        interaction=(
            "results/{analysis}/sensitivity/interaction.csv"
            if any(figure.forest for figure in FIGURES.values())
            else []
        ),
    output:
        expand("results/{{analysis}}/figures/{figure}.pdf", figure=FIGURES),
        [drawing(name) for name in FIGURES],
        "results/{analysis}/figures/figures.json",
    log:
        "results/{analysis}/logs/figures.log",
    priority: 2  # on the critical path to the report
    params:
        depends=depends("figures", "figures", read=[SETTINGS.figures or "", *FLOW]),
        captions=lambda wildcards: FIGURE_CAPTIONS[wildcards.analysis],
        twin=twin,
    message:
        "Draw the figures (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial figures --analysis {wildcards.analysis:q} --twin={params.twin:q} 2> {log:q}"
