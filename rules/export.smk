# Needs every output of an analysis; so it is included last.
# Makes what machines read: Parquet, CDISC analysis results, a description of the run, and checksums of all outputs.

EXPORTS = ["results.parquet", "ars.json", "config.yaml", "Snakefile"] + [
    "claims.parquet"
] * bool(SETTINGS.published)
EXPORTED = ["results"] + ["claims"] * bool(SETTINGS.published)
TARGETS += expand("results/{analysis}/export/{name}", analysis=ANALYSES, name=EXPORTS)
FINISHED = list(TARGETS)
TARGETS += expand("results/{analysis}/manifest.json", analysis=ANALYSES)


rule export:
    """Results and claims for machines."""
    input:
        [f"results/{{analysis}}/{table}.csv" for table in EXPORTED],
        participants=lambda w: f"{participants(w)}/participants.json",
        settings=settings_for("export", "tables", "figures", "robustness"),
        trial=SETTINGS.trial,
        workflow=os.path.relpath(workflow.main_snakefile),
        code=code("export", "report/gather", "wording", "printing"),
    output:
        expand("results/{{analysis}}/export/{name}", name=EXPORTS),
    log:
        "results/{analysis}/logs/export.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(input[0], parent=True),
    message:
        "Write the results of {wildcards.analysis} for machines"
    shell:
        "{PYTHON} -m d_q_trial export {params.folder:q} --participants {params.participants:q}"
        " --workflow {input.workflow:q} --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"


rule manifest:
    """What everything was made from, and the checksum of everything that an analysis made."""
    input:
        lambda w: [
            piece for piece in FINISHED if piece.startswith(f"results/{w.analysis}/")
        ],
        participants=lambda w: f"{participants(w)}/participants.json",
        settings=settings_for("manifest", "tables", "figures", "robustness"),
        trial=SETTINGS.trial,
        published=PRINTED,
        code=code("export", "report/gather"),
    output:
        "results/{analysis}/ro-crate-metadata.json",
        "results/{analysis}/manifest.json",
    log:
        "results/{analysis}/logs/manifest.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(output[0], parent=True),
    message:
        "Describe the outputs of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial manifest {params.folder:q} --participants {params.participants:q}"
        " --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"
