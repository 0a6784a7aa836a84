# Needs the results and claims of every analysis.
# Makes tables, a figure and a page of the differences between them.

COMPARED = ["results"] + ["claims"] * bool(SETTINGS.published)
COMPARISON = [
    "comparisons.csv",
    "claims.csv",
    "summary.csv",
    "comparison.pdf",
    "comparison.html",
]

if len(ANALYSES) > 1:
    TARGETS += expand("results/compare/{file}", file=COMPARISON)


rule compare:
    """Which conclusions hold in all analyses, which change, and how far estimates move."""
    input:
        expand("results/{analysis}/{table}.csv", analysis=ANALYSES, table=COMPARED),
        trial=SETTINGS.trial,
        catalogue=SETTINGS.tables or [],
    output:
        expand("results/compare/{file}", file=COMPARISON),
        report(
            "results/compare/comparison.png",
            category="Figures",
            subcategory="compare",
            labels={"figure": "Analyses compared"},
        ),
    log:
        "results/compare/logs/compare.log",
    priority: 1  # on the way to the overview
    params:
        code=code_inputs.code_checksum("compare"),
        contents=files.combined_checksum([SETTINGS.trial, SETTINGS.tables or ""]),
        settings=SETTINGS.model_dump(
            mode="json",
            include={"trial", "published", "tables", "reference", "analyses"},
        ),
    message:
        "Compare the analyses"
    shell:
        "python3 -m d_q_trial compare 2> {log:q}"
