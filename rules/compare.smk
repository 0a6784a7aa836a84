# Needs the results and claims of every analysis.
# Makes one table and one picture of what differs between them.

COMPARED = ["results"] + (["claims"] if SETTINGS.published else [])

if len(ANALYSES) > 1:
    TARGETS += ["results/compare/comparisons.csv"]


rule compare:
    """All analyses side by side: which conclusions stay, which flip, how far estimates move."""
    input:
        expand("results/{analysis}/{table}.csv", analysis=ANALYSES, table=COMPARED),
        settings=lambda w: keep(
            SETTINGS.model_dump(
                mode="json", include={"trial", "published", "reference", "analyses"}
            ),
            "results/compare/settings/compare.json",
        ),
        labels=expand(
            "results/workbooks/{workbook}/participants.json", workbook=WORKBOOKS
        ),
        trial=SETTINGS.trial,
        code=code(
            "compare", "figures/compare", "figures/style", "figures/fonts", "printing"
        ),
    output:
        "results/compare/comparisons.csv",
        "results/compare/claims.csv",
        "results/compare/summary.csv",
        "results/compare/comparison.pdf",
        report(
            "results/compare/comparison.png",
            category="Figures",
            subcategory="compare",
            labels={"figure": "Analyses compared"},
        ),
    log:
        "results/compare/logs/compare.log",
    params:
        folder=subpath(output[0], parent=True),
    message:
        "Compare analyses"
    shell:
        "{PYTHON} -m d_q_trial compare results {params.folder:q} --config {input.settings:q} 2> {log:q}"
