# Needs the printed rows and the plan of the reconstruction.
# Makes the bundled synthetic cohort again, into results/: data/reconstructed.xlsx itself is committed and never overwritten.
# Not part of `rule all`: `snakemake results/reconstructed/cohort.xlsx`.


rule reconstruct:
    """A synthetic cohort that agrees with everything printed."""
    input:
        plan="data/reconstruct/trial.yaml",
        trial=SETTINGS.trial,
        published=expand(
            "data/published/{name}.csv",
            name=["summaries", "tests", "ranges", "registry_baseline"],
        ),
        code=code("reconstruct"),
    output:
        "results/reconstructed/cohort.xlsx",
    log:
        "results/reconstructed/logs/cohort.log",
    params:
        published=subpath(input.published[0], parent=True),
    shell:
        "{PYTHON} -m d_q_trial reconstruct --plan {input.plan:q} --published {params.published:q}"
        " --output {output:q} 2> {log:q}"
