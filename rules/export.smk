# Needs every output of an analysis; so it is included after the rules that make them.
# Makes what other programs read: CDISC analysis results, a description of the run, and checksums of all outputs.

FINISHED = list(TARGETS)
DESCRIPTIONS = [
    "export/ars.json",
    "export/config.yaml",
    "export/Snakefile",
    "datapackage.json",
    "ro-crate-metadata.json",
    "README.md",
    "manifest.json",
]
TARGETS += expand("results/{analysis}/{name}", analysis=ANALYSES, name=DESCRIPTIONS)


rule export:
    """Results for other programs, and what everything was made from."""
    input:
        lambda w: [
            piece for piece in FINISHED if piece.startswith(f"results/{w.analysis}/")
        ],
        participants=participants,
        trial=SETTINGS.trial,
        published=PUBLISHED,
        workflow="Snakefile" if HOME == Path.cwd() else str(HOME / "Snakefile"),
    output:
        expand("results/{{analysis}}/{name}", name=DESCRIPTIONS),
    log:
        "results/{analysis}/logs/export.log",
    params:
        depends=depends("export", "tables", "figures", "robustness", read=PUBLISHED),
    message:
        "Export the results (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial export --workflow {input.workflow:q}"
        " --analysis {wildcards.analysis:q} 2> {log:q}"
