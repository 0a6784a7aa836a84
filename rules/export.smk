# Needs every output of an analysis; so it is included after the rules that make them.
# Makes what other programs read: Parquet, CDISC analysis results, a description of the run, and checksums of all outputs.

EXPORTS = ["results.parquet", "ars.json", "config.yaml", "Snakefile"] + [
    "claims.parquet"
] * bool(SETTINGS.published)
FINISHED = list(TARGETS)
DESCRIPTIONS = [
    *(f"export/{name}" for name in EXPORTS),
    "datapackage.json",
    "ro-crate-metadata.json",
    "README.md",
    "manifest.json",
]
TARGETS += expand("results/{analysis}/{name}", analysis=ANALYSES, name=DESCRIPTIONS)


rule export:
    """Results and claims for other programs, and what everything was made from."""
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
