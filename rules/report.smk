# Needs whatever the rules before it make for an analysis, and what is shared by all; so it is included after them.
# Makes the page that people read, the page of claims, and a paragraph on methods.

PIECES = list(TARGETS)
PAGES = ("report.html", "claims.html", "methods.md")
TARGETS += expand("results/{analysis}/{page}", analysis=ANALYSES, page=PAGES)


def shown(wildcards):
    """Everything made so far for an analysis, and the findings on printed numbers.

    The comparison stands in the report of the reference alone, so that a new analysis leaves other reports as they are.
    """
    shared = ["consistency"] + ["compare"] * (wildcards.analysis == SETTINGS.reference)
    folders = tuple(f"results/{name}/" for name in (wildcards.analysis, *shared))
    return [piece for piece in PIECES if piece.startswith(folders)]


def shared(wildcards, input):
    """Which shared folders the report shows, as options of the command."""
    folders = {piece.split("/")[1] for piece in shown(wildcards)}
    return [
        word
        for name in ("compare", "consistency")
        if name in folders
        for word in (f"--{name}", f"results/{name}")
    ]


rule report:
    """The report of one analysis, from finished numbers, tables and figures."""
    input:
        shown,
        participants=lambda w: f"{participants(w)}/participants.json",
        settings=settings_for("report", "tables", "figures", "robustness"),
        results="results/{analysis}/results.csv",
        trial=SETTINGS.trial,
        catalogues=[file for file in (SETTINGS.tables, SETTINGS.figures) if file],
        published=PRINTED,
        code=code(
            "report",
            "tables",
            "wording",
            "printing",
            "consistency/findings",
            "figures/study",
            "figures/catalogue",
        ),
        templates=sorted(
            os.path.relpath(file)
            for folder in ("tables", "report")
            for file in (SOURCE / folder).rglob("*.*")
            if file.suffix in (".j2", ".css", ".js")
        ),
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
        participants=subpath(input.participants, parent=True),
        folder=subpath(input.results, parent=True),
        shared=shared,
    message:
        "Write the report of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial report {params.folder:q} --participants {params.participants:q}"
        " --analysis {wildcards.analysis:q} --config {input.settings:q}"
        " {params.shared:q} 2> {log:q}"
