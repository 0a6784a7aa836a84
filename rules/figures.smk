# Needs the results, and the list of figures that the configuration names.
# Makes every figure as PDF and PNG, and its caption and result in words: one job for what shows everybody, and one for
# what shows strata.

from d_q_trial.figures.catalogue import catalogue_of
from d_q_trial.wording import caption_words, fill

FIGURES = catalogue_of(SETTINGS.figures, TRIAL)
FIGURE_CODE = [
    f"figures/{name}"
    for name in "catalogue study panels draw courses schematic style scale fonts make".split()
]
FLOW = [file for file in PRINTED if Path(file).name == "flow.csv"]

TARGETS += expand(
    "results/{analysis}/figures/{figure}.pdf",
    analysis=ANALYSES,
    figure=FIGURES.figures,
)


def drawing(name):
    """A PNG with its caption, as `snakemake --report` shows it."""
    return report(
        f"results/{{analysis}}/figures/{name}.png",
        category="Figures",
        subcategory="{analysis}",
        labels={"figure": FIGURES.figures[name].label},
        caption=caption_file(name, "figures"),
    )


def captions(wildcards, input):
    """Captions of all figures, as they read in an analysis."""
    words = caption_words(TRIAL, analysis(wildcards))
    return {
        name: f"{figure.label}. {fill(figure.title, words)}. {fill(figure.caption, words)}"
        for name, figure in FIGURES.figures.items()
    }


# What shows everybody stays as it is when a marker is cut elsewhere.
NUMBERS = {
    "everybody": {"results": "results/{analysis}/everybody/results.csv"},
    "strata": {
        "results": "results/{analysis}/results.csv",
        "strata": "results/{analysis}/strata.csv",
    },
}

for part, names in FIGURES.parts().items():

    rule:
        name:
            f"figures_{part}"
        input:
            **NUMBERS[part],
            participants=lambda w: f"{participants(w)}/participants.csv",
            label=lambda w: f"{participants(w)}/participants.json",
            changes="results/{analysis}/changes.csv",
            settings=settings_for(
                f"figures_{part}", "figures", cuts=part != "everybody"
            ),
            trial=SETTINGS.trial,
            catalogue=SETTINGS.figures or [],
            flow=FLOW,
            code=code(*FIGURE_CODE, "wording", "printing"),
        output:
            expand("results/{{analysis}}/figures/{figure}.pdf", figure=names),
            [drawing(name) for name in names],
            description=f"results/{{analysis}}/figures/figures_{part}.json",
        log:
            f"results/{{analysis}}/logs/figures_{part}.log",
        params:
            participants=subpath(input.participants, parent=True),
            folder=subpath(input.changes, parent=True),
            only=lambda w, output, names=names: names,
            everybody=lambda w, output, part=part: ["--everybody"]
            * (part == "everybody"),
            description=subpath(output.description, basename=True),
            captions=captions,
        message:
            "Draw figures of {wildcards.analysis}"
        shell:
            "{PYTHON} -m d_q_trial figures {params.folder:q} --participants {params.participants:q}"
            " --analysis {wildcards.analysis:q} --config {input.settings:q} {params.everybody:q}"
            " --only {params.only:q} --description {params.description:q} 2> {log:q}"
