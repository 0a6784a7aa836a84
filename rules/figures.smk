# Needs the results, and the list of figures that the configuration names.
# Makes every figure as PDF and PNG, with its caption and a description of its result.


FLOW = [file for file in PUBLISHED if Path(file).name == "flow.csv"]

TARGETS += expand(
    "results/{analysis}/figures/{file}",
    analysis=ANALYSES,
    file=[
        "figures.json",
        *expand("{figure}.{end}", figure=FIGURES, end=["pdf", "png"]),
    ],
)


def figure_output(name):
    """Return the PNG of a figure with its caption, as `snakemake --report` shows it."""
    return report(
        f"results/{{analysis}}/figures/{name}.png",
        category="Figures",
        subcategory="{analysis}",
        labels={
            "#": f"{list(FIGURES).index(name) + 1:02}",
            "figure": FIGURES[name].label,
        },
        caption=find_caption_template(name, "figures"),
    )


def figure_caption(figure, analysis):
    """Return the caption of a figure in one analysis."""
    title, text = figure.texts(analysis, TRIAL)
    return f"{figure.label}. {title}. {text}"


FIGURE_CAPTIONS = make_captions("figures", FIGURES, figure_caption)


def find_twin(wildcards):
    """Return the first analysis that differs at most in marker and strata, and so has the same figures of all participants."""
    search = SEARCHES[wildcards.analysis]
    return next(name for name in ANALYSES if SEARCHES[name] == search)


rule figures:
    """Figures of one analysis, drawn from its results."""
    input:
        results="results/{analysis}/results.csv",
        changes="results/{analysis}/changes.csv",
        strata="results/{analysis}/strata.csv",
        participants=participants_table,
        trial=SETTINGS.trial,
        catalogue=SETTINGS.figures or [],
        flow=FLOW,
        twin=lambda wildcards: (
            f"results/{find_twin(wildcards)}/figures/figures.json"
            if find_twin(wildcards) != wildcards.analysis
            else []
        ),
        interaction=(
            "results/{analysis}/sensitivity/interaction.csv"
            if any(figure.forest for figure in FIGURES.values())
            else []
        ),
    output:
        expand("results/{{analysis}}/figures/{figure}.pdf", figure=FIGURES),
        [figure_output(name) for name in FIGURES],
        "results/{analysis}/figures/figures.json",
    log:
        "results/{analysis}/logs/figures.log",
    priority: 2  # on the critical path to the report
    params:
        depends=track_dependencies(
            "figures", "figures", read=[SETTINGS.figures or "", *FLOW]
        ),
        captions=lambda wildcards: FIGURE_CAPTIONS[wildcards.analysis],
        twin=find_twin,
    message:
        "Draw the figures (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial figures --analysis {wildcards.analysis:q} --twin {params.twin:q} 2> {log:q}"
