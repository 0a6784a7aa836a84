# Needs only the configuration; reads no participant data.
# `snakemake --cores 4 calibration` makes the tables of error rates and power in docs/robustness.md from simulated trials.

CALIBRATION = str(HOME / "benchmarks/calibration.py")
PACKAGE = sorted(map(str, (HOME / "src").rglob("*.py")))
STUDY = "results/calibration/{study}"


rule calibration_part:
    """Rejections in one part of the simulated trials; the total does not depend on the number of parts."""
    output:
        f"{STUDY}_{{shard}}_of_{{shards}}.csv",
    log:
        f"{STUDY}_{{shard}}_of_{{shards}}.log",
    wildcard_constraints:
        study="subgroups|multiverse",
    params:
        contents=files.combined_checksum([CALIBRATION, SETTINGS.trial, *PACKAGE]),
        script=CALIBRATION,
        settings=settings.for_step(SETTINGS, SETTINGS.reference, "robustness"),
        trials=SETTINGS.robustness.simulated_trials,
    message:
        "Simulate trials ({wildcards.study}, part {wildcards.shard} of {wildcards.shards})"
    shell:
        "python3 {params.script:q} {wildcards.study} --trials {params.trials}"
        " --shard {wildcards.shard} --shards {wildcards.shards} --output {output:q} 2> {log:q}"


def list_parts(wildcards):
    """List the files of all parts of a study."""
    parts = SETTINGS.robustness.shards
    return expand(
        f"{STUDY}_{{shard}}_of_{parts}.csv",
        study=wildcards.study,
        shard=range(1, parts + 1),
    )


rule calibration_table:
    """Rejection rates of one study."""
    input:
        list_parts,
    output:
        f"{STUDY}.md",
    log:
        f"{STUDY}.log",
    params:
        script=CALIBRATION,
    message:
        "Write {output}"
    shell:
        "python3 {params.script:q} table {input:q} > {output:q} 2> {log:q}"


rule calibration:
    """Error rates and power of the robustness tests in simulated trials."""
    input:
        expand(f"{STUDY}.md", study=["subgroups", "multiverse"]),
    message:
        "The tables of error rates are {input}"
