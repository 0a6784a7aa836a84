# Needs all outputs of the earlier rules for an analysis and those shared by all analyses, so it is included after them.
# Makes the pages, a methods paragraph, machine-readable files (a description of the run, checksums of all outputs), and
# the overview that links to every page.

EARLIER_TARGETS = list(TARGETS)
PAGES = ["report.html", "claims.html", "methods.md"]
DESCRIPTIONS = [
    "export/config.yaml",
    "export/Snakefile",
    "datapackage.json",
    "ro-crate-metadata.json",
    "README.md",
    "manifest.json",
]
TARGETS += expand(
    "results/{analysis}/{page}", analysis=ANALYSES, page=PAGES + DESCRIPTIONS
)
TARGETS += ["results/index.html"]


def report_inputs(wildcards):
    """List the inputs of a report: all outputs of the analysis, also those made on request, and the consistency findings.

    The report of an alternative analysis states the differences from the reference, so it needs the numbers of both. The
    logs name the libraries that the report lists, and the description of the participants states the checksum of the workbook.
    """
    name = wildcards.analysis
    shared = f"results/workbooks/{get_analysis(wildcards).workbook_id}"
    read = [
        f"{shared}/participants.json",
        f"{shared}/logs/participants.log",
        f"results/every_cut/{SEARCHES[name]}/logs/cutoffs.log",
        *expand(
            "results/{analysis}/logs/{step}.log",
            analysis=name,
            step=["results", "sensitivity", "tables", "figures", "robustness"],
        ),
    ]
    targets = [
        target
        for target in EARLIER_TARGETS
        if target.startswith((f"results/{name}/", "results/consistency/"))
    ]
    left_over = find_left_over_files(name)
    on_request = [
        str(file)
        for part in ("robustness", "sensitivity")
        for file in sorted(Path("results", name, part).glob("*.*"))
        if file.suffix in (".csv", ".json", ".png")
        and not file.name.startswith(".")
        and str(file) not in left_over
    ]
    return list(
        dict.fromkeys(
            [*targets, *on_request, *read, f"results/{SETTINGS.reference}/results.csv"]
        )
    )


rule report:
    """The report of one analysis, from finished numbers, tables and figures, and the provenance of all outputs."""
    input:
        report_inputs,
        participants=participants_table,
        mapping=lambda wildcards: get_analysis(wildcards).mapping or [],
        trial=SETTINGS.trial,
        catalogues=[file for file in (SETTINGS.tables, SETTINGS.figures) if file],
        published=PUBLISHED,
        workflow="Snakefile" if HOME == Path.cwd() else str(HOME / "Snakefile"),
    output:
        "results/{analysis}/report.html",
        report(
            "results/{analysis}/claims.html",
            category="Claims",
            subcategory="{analysis}",
            caption="captions/claims.rst",
        ),
        "results/{analysis}/methods.md",
        expand("results/{{analysis}}/{name}", name=DESCRIPTIONS),
    log:
        "results/{analysis}/logs/report.log",
    params:
        depends=track_dependencies(
            "report",
            "tables",
            "figures",
            "robustness",
            "reference",
            read=[SETTINGS.tables or "", SETTINGS.figures or "", *PUBLISHED],
        ),
        reference=SETTINGS.analyses[SETTINGS.reference].model_dump(mode="json"),
        mapping=lambda wildcards: files.combined_checksum(
            [get_analysis(wildcards).mapping or ""]
        ),
        compared=len(ANALYSES) > 1,
    message:
        "Write the report (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial report --workflow {input.workflow:q}"
        " --analysis {wildcards.analysis:q} 2> {log:q}"


rule overview:
    """One page that links to all others."""
    input:
        expand(
            "results/{analysis}/{table}.csv",
            analysis=ANALYSES,
            table=["results"] + ["claims"] * bool(SETTINGS.published),
        ),
        participants=[
            f"results/workbooks/{entry.workbook_id}/participants.json"
            for entry in SETTINGS.analyses.values()
        ],
        compared=["results/compare/summary.csv"] * (len(ANALYSES) > 1),
        trial=SETTINGS.trial,
    output:
        "results/index.html",
    log:
        "results/logs/overview.log",
    params:
        code=code_inputs.code_checksum("overview"),
        contents=files.combined_checksum([SETTINGS.trial]),
        settings=SETTINGS.model_dump(
            mode="json", include={"published", "reference", "analyses"}
        ),
    message:
        "Write the overview"
    shell:
        "python3 -m d_q_trial overview 2> {log:q}"
