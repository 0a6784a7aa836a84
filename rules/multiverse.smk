# Needs the participants, and the section robustness of the configuration.
# Makes every combination of choices, the inference by permuted treatment labels, and the specification curve.
# The default is the reference analysis; `snakemake --cores 4 results/NAME/robustness/multiverse.csv` makes it for another
# analysis, and `snakemake --cores 4 full_size` in results/full_size/ with many more permutations.

MULTIVERSE = [
    "specifications.csv",
    "multiverse.csv",
    "choices_variance.csv",
    "multiverse.json",
    "specification_curve.pdf",
    "specification_curve.png",
]
SHARD = "shards/multiverse_{shard}_of_{shards}.npz"
FULL = "results/full_size/{analysis}"

if SETTINGS.robustness.multiverse.outcomes:
    TARGETS += expand(
        "results/{analysis}/robustness/{file}",
        analysis=SETTINGS.reference,
        file=MULTIVERSE,
    )


def list_shards(folder):
    """List the files of all shards in the folder of an analysis; a single shard needs no separate file and job."""
    shards = SETTINGS.robustness.shards
    if shards == 1:
        return []
    return expand(
        f"{folder}/{SHARD}",
        shard=range(1, shards + 1),
        shards=shards,
        allow_missing=True,
    )


# Memory for a block of permutations, plus memory for Python and its libraries.
PERMUTATION_MEMORY = SETTINGS.robustness.memory_mb + 500


rule permute:
    """Counts of one shard of the permutations; the totals do not depend on the number of shards."""
    input:
        participants=participants_table,
        trial=SETTINGS.trial,
    output:
        f"results/{{analysis}}/{SHARD}",
    log:
        "results/{analysis}/logs/permute_{shard}_of_{shards}.log",
    resources:
        mem_mb=PERMUTATION_MEMORY,
    params:
        permutations=SETTINGS.robustness.permutations,
        depends=track_dependencies(
            "permute",
            "robustness.seed",
            "robustness.minimum_per_arm",
            "robustness.multiverse",
            cuts=False,  # every subgroup has its own cutoffs
        ),
    message:
        "Permute the treatment labels (analysis {wildcards.analysis}, part {wildcards.shard} of {wildcards.shards})"
    shell:
        "python3 -m d_q_trial permute {output:q} --shard {wildcards.shard} --shards {wildcards.shards}"
        " --permutations {params.permutations} --analysis {wildcards.analysis:q} 2> {log:q}"


rule multiverse:
    """Inference on the multiverse, each specification's P-values, and the specification curve."""
    input:
        participants=participants_table,
        shards=list_shards("results/{analysis}"),
        trial=SETTINGS.trial,
    output:
        expand("results/{{analysis}}/robustness/{file}", file=MULTIVERSE),
    log:
        "results/{analysis}/logs/multiverse.log",
    priority: 1  # slower than the steps that can wait
    resources:
        mem_mb=PERMUTATION_MEMORY,
    params:
        permutations=SETTINGS.robustness.permutations,
        depends=track_dependencies(
            "multiverse",
            "robustness.seed",
            "robustness.minimum_per_arm",
            "robustness.multiverse",
        ),
        folder=subpath(output[0], parent=True),
    message:
        "Test the multiverse and draw its specification curve (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial multiverse {params.folder:q} {input.shards:q}"
        " --permutations {params.permutations} --analysis {wildcards.analysis:q} 2> {log:q}"


use rule permute as permute_full_size with:
    output:
        f"{FULL}/{SHARD}",
    log:
        f"{FULL}/logs/permute_{{shard}}_of_{{shards}}.log",
    params:
        permutations=SETTINGS.robustness.full_permutations,
        depends=rules.permute.params.depends,


use rule multiverse as multiverse_full_size with:
    input:
        participants=participants_table,
        shards=list_shards(FULL),
        trial=SETTINGS.trial,
    output:
        expand(f"{FULL}/{{file}}", file=MULTIVERSE, allow_missing=True),
    log:
        f"{FULL}/logs/multiverse.log",
    params:
        permutations=SETTINGS.robustness.full_permutations,
        depends=rules.multiverse.params.depends,
        folder=subpath(output[0], parent=True),


rule full_size:
    """The multiverse with many more permutations than in the default run."""
    input:
        expand(f"{FULL}/multiverse.csv", analysis=SETTINGS.reference),
    message:
        "The full-size multiverse is {input}"
