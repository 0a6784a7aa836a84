# Needs every output of an analysis; so it is included last.
# Makes what machines read: Parquet, CDISC analysis results, a description of the run, and checksums of all outputs.

FINISHED = list(TARGETS)
EXPORTS = ["results.parquet", "ars.json", "config.yaml", "Snakefile"] + [
    "claims.parquet"
] * bool(SETTINGS.published)
TARGETS += expand("results/{analysis}/manifest.json", analysis=ANALYSES)


rule export:
    """Results for machines, and the manifest of everything that an analysis made."""
    input:
        lambda w: [
            piece for piece in FINISHED if piece.startswith(f"results/{w.analysis}/")
        ],
        participants=lambda w: f"{participants(w)}/participants.json",
        settings=settings_for("export", "tables", "figures", "robustness"),
        results="results/{analysis}/results.csv",
        trial=SETTINGS.trial,
        published=PRINTED,
        workflow=workflow.main_snakefile,
        code=code("export", "report/gather", "wording", "printing"),
    output:
        expand("results/{{analysis}}/export/{name}", name=EXPORTS),
        "results/{analysis}/ro-crate-metadata.json",
        "results/{analysis}/manifest.json",
    log:
        "results/{analysis}/logs/export.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(input.results, parent=True),
    message:
        "Describe the outputs of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial export {params.folder:q} --participants {params.participants:q}"
        " --workflow {input.workflow:q} --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"
