# Needs the reported values and the design of the reconstruction.
# Makes the bundled synthetic cohort again in results/; data/reconstructed.xlsx is committed and never overwritten.
# Not part of `rule all`: `snakemake --cores 4 results/reconstructed/cohort.xlsx` (or `.../ensemble.md`, for a hundred cohorts).

DESIGN = files.find_file("data/reconstruct/trial.yaml", HOME)


rule reconstruct:
    """A synthetic cohort that agrees with every reported number, seeded by its name or the design (about 10 s)."""
    input:
        PUBLISHED,
        design=DESIGN,
        trial=SETTINGS.trial,
    output:
        "results/reconstructed/cohort{seed,(_[0-9]{4})?}.xlsx",
    log:
        "results/reconstructed/logs/cohort{seed}.log",
    params:
        code=code_inputs.code_checksum("reconstruct"),
        contents=files.combined_checksum([SETTINGS.trial, DESIGN, *PUBLISHED]),
        seed=lambda wildcards: (
            f"--seed {int(wildcards.seed[1:])}" if wildcards.seed else ""
        ),
    message:
        "Make a synthetic cohort that agrees with every reported number"
    shell:
        "python3 -m d_q_trial reconstruct --design {input.design:q} {params.seed} --output {output:q} 2> {log:q}"


rule ensemble:
    """Numbers that the paper does not report, in a hundred such cohorts; an example is docs/ensemble.md."""
    input:
        cohorts=expand(
            "results/reconstructed/cohort_{seed:04d}.xlsx", seed=range(1, 101)
        ),
    output:
        page="results/reconstructed/ensemble.md",
        picture="results/reconstructed/ensemble.png",
        summary="results/reconstructed/ensemble.csv",
    log:
        "results/reconstructed/logs/ensemble.log",
    params:
        depends=track_dependencies("ensemble", "robustness", read=PUBLISHED),
    message:
        "Summarise the synthetic cohorts"
    shell:
        "python3 -m d_q_trial ensemble {input.cohorts:q} --page {output.page:q}"
        " --summary {output.summary:q} 2> {log:q}"
