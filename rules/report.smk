# Needs whatever the rules before it make for an analysis, and what is shared by all; so it is included after them.
# Makes the page that people read, the page of claims, and a paragraph on methods.

PIECES = list(TARGETS)
PAGES = ("report.html", "claims.html", "methods.md")
TARGETS += expand("results/{analysis}/{page}", analysis=ANALYSES, page=PAGES)


def shown(wildcards):
    """Everything made so far for an analysis, and the findings on reported numbers.

    Only the report of the reference holds the comparison, so that a new analysis leaves the other reports as they are.
    """
    shared = ["consistency"] + ["compare"] * (wildcards.analysis == SETTINGS.reference)
    folders = tuple(f"results/{name}/" for name in (wildcards.analysis, *shared))
    return [piece for piece in PIECES if piece.startswith(folders)]


rule report:
    """The report of one analysis, from finished numbers, tables and figures."""
    input:
        shown,
        participants=participants,
        trial=SETTINGS.trial,
        catalogues=[file for file in (SETTINGS.tables, SETTINGS.figures) if file],
        published=PUBLISHED,
    output:
        "results/{analysis}/report.html",
        report(
            "results/{analysis}/claims.html",
            category="Claims",
            subcategory="{analysis}",
            caption="captions/claims.rst",
        ),
        "results/{analysis}/methods.md",
    log:
        "results/{analysis}/logs/report.log",
    params:
        depends=depends(
            "report",
            "tables",
            "figures",
            "robustness",
            "reference",
            read=[SETTINGS.tables or "", SETTINGS.figures or "", *PUBLISHED],
        ),
    message:
        "Write the report (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial report --analysis {wildcards.analysis:q} 2> {log:q}"
