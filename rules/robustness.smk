# Needs the participants.
# Makes, for every analysis, the comparison at every cutoff of the markers, and the best cutoffs corrected for the search.

from d_q_trial.figures.catalogue import CUTOFF_TABLES as CUTS
from d_q_trial.figures.catalogue import list_cutoff_figures as cutoff_figures

ROBUSTNESS = [*CUTS, "analysis_cuts", "published_cuts"]
CUTOFF_FIGURES = cutoff_figures(TRIAL)

# Analyses that differ only in their marker and strata share the comparisons at every cutoff, made for the first of them.
SEARCHES = {
    name: settings.search_id(entry) for name, entry in SETTINGS.analyses.items()
}
SEARCHED = {SEARCHES[name]: SETTINGS.analyses[name] for name in reversed(ANALYSES)}

TARGETS += expand(
    "results/{analysis}/{file}",
    analysis=ANALYSES,
    file=[
        *expand("robustness/{table}.csv", table=ROBUSTNESS),
        "robustness/robustness.json",
        *expand("robustness/{figure}.{end}", figure=CUTOFF_FIGURES, end=["pdf", "png"]),
    ],
)
TARGETS += expand("results/every_cut/{search}/{table}.csv", search=SEARCHED, table=CUTS)


rule cutoffs:
    """Comparisons at every cutoff of the markers, and the best cutoffs corrected for the search."""
    input:
        participants=lambda wildcards: (
            f"results/workbooks/{SEARCHED[wildcards.search].workbook_id}/participants.csv"
        ),
        trial=SETTINGS.trial,
    output:
        expand("results/every_cut/{{search}}/{table}.csv", table=CUTS),
    log:
        "results/every_cut/{search}/logs/cutoffs.log",
    priority: 2  # on the critical path to the report
    resources:  # not params, so that another name or order of analyses does not rerun the step
        analysis=lambda wildcards: SEARCHED[wildcards.search].name,
    params:
        # The name of the folder identifies those settings of the analysis that the step depends on.
        depends={
            "code": code_inputs.code_checksum("cutoffs"),
            "contents": files.combined_checksum([SETTINGS.trial]),
            "settings": SETTINGS.robustness.model_dump(
                mode="json",
                include={"seed", "permutations", "minimum_per_arm", "windows"},
            ),
        },
    message:
        "Compare the arms at every cutoff ({wildcards.search})"
    shell:
        "python3 -m d_q_trial cutoffs --analysis {resources.analysis:q} 2> {log:q}"


def cutoff_output(place, name):
    """Return the PNG of a figure of cutoffs; `snakemake --report` lists it after the figures of the paper."""
    family, marker, _ = CUTOFF_FIGURES[name]
    title = f"{TRIAL.families[family]}, every cutoff of {TRIAL.markers[marker].label}"
    return report(
        f"results/{{analysis}}/robustness/{name}.png",
        category="Figures",
        subcategory="{analysis}",
        labels={"#": f"{len(FIGURES) + place:02}", "figure": title},
    )


rule robustness:
    """Tables and figures of the analysis's own cutoffs among all cutoffs."""
    input:
        cuts=lambda wildcards: expand(
            "results/every_cut/{search}/{table}.csv",
            search=SEARCHES[wildcards.analysis],
            table=CUTS,
        ),
        participants=participants_table,
        trial=SETTINGS.trial,
    output:
        expand("results/{{analysis}}/robustness/{table}.csv", table=ROBUSTNESS),
        "results/{analysis}/robustness/robustness.json",
        expand("results/{{analysis}}/robustness/{figure}.pdf", figure=CUTOFF_FIGURES),
        [cutoff_output(place, name) for place, name in enumerate(CUTOFF_FIGURES, 1)],
    log:
        "results/{analysis}/logs/robustness.log",
    priority: 1  # slower than the steps that can wait
    params:
        depends=track_dependencies(
            "robustness",
            "robustness.permutations",
            "robustness.minimum_per_arm",
            "robustness.windows",
        ),
    message:
        "Select and draw the cutoffs (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial robustness --analysis {wildcards.analysis:q} 2> {log:q}"
