# Needs the participants, and the section robustness of the configuration.
# Makes every combination of choices, its inference by permuted arm labels, and the specification curve.
# By default for the reference analysis; `snakemake results/NAME/robustness/multiverse.csv` makes those of another,
# `snakemake full_size` the same in results/full_size/ with many more permutations.

MULTIVERSE = [
    "specifications.csv",
    "multiverse.csv",
    "multiverse.json",
    "specification_curve.pdf",
    "specification_curve.png",
]
SPECIFICATION_CODE = [
    "changes",
    "strata",
    "robustness/settings",
    *(
        f"robustness/{name}"
        for name in "measurements choices specifications families shards multiverse".split()
    ),
    *(
        f"stats/{name}"
        for name in "rank_sum quantiles permutation labels reducers joint multiplicity monte_carlo".split()
    ),
]
SHARD = "shards/multiverse_{shard}_of_{shards}.npz"
FULL = "results/full_size/{analysis}"

if SETTINGS.robustness.multiverse.outcomes:
    TARGETS += expand(
        "results/{analysis}/robustness/{file}",
        analysis=SETTINGS.reference,
        file=MULTIVERSE,
    )


def all_shards(folder):
    """Files of all shards in a folder of an analysis."""
    shards = SETTINGS.robustness.shards
    return expand(
        f"{folder}/{SHARD}",
        shard=range(1, shards + 1),
        shards=shards,
        allow_missing=True,
    )


def permute_settings(step, permutations):
    """What the permutations depend on: neither where the analysis itself cuts, nor how many shards there are."""
    sections = ("seed", "minimum_per_arm", "multiverse", permutations)
    return settings_for(step, *(f"robustness.{name}" for name in sections), cuts=False)


rule permute:
    """Counts of one shard of the permutations; what is counted does not depend on how many shards there are."""
    input:
        participants=lambda w: f"{participants(w)}/participants.csv",
        description=lambda w: f"{participants(w)}/participants.json",
        settings=permute_settings("permute", "permutations"),
        trial=SETTINGS.trial,
        code=code(*SPECIFICATION_CODE),
    output:
        f"results/{{analysis}}/{SHARD}",
    log:
        "results/{analysis}/logs/permute_{shard}_of_{shards}.log",
    resources:
        mem_mb=SETTINGS.robustness.memory_mb + 500,  # the permutations, and Python with its libraries
        chunk_mb=SETTINGS.robustness.memory_mb,
    params:
        participants=subpath(input.participants, parent=True),
        permutations=lambda w, input: SETTINGS.robustness.permutations,
    message:
        "Permute the arms of the multiverse of {wildcards.analysis}: {wildcards.shard} of {wildcards.shards}"
    shell:
        "{PYTHON} -m d_q_trial permute {params.participants:q} {output:q}"
        " --shard {wildcards.shard} --shards {wildcards.shards} --permutations {params.permutations}"
        " --memory-mb {resources.chunk_mb} --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"


rule multiverse:
    """Inference on the multiverse, each specification's P-values, and the specification curve."""
    input:
        participants=lambda w: f"{participants(w)}/participants.csv",
        description=lambda w: f"{participants(w)}/participants.json",
        settings=settings_for(
            "multiverse", "robustness.minimum_per_arm", "robustness.multiverse"
        ),
        shards=all_shards("results/{analysis}"),
        trial=SETTINGS.trial,
        code=code(
            *SPECIFICATION_CODE,
            "robustness/multiverse_words",
            "figures/specification_curve",
            "figures/style",
            "figures/fonts",
            "printing",
        ),
    output:
        expand("results/{{analysis}}/robustness/{file}", file=MULTIVERSE),
    log:
        "results/{analysis}/logs/multiverse.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(output[0], parent=True),
    message:
        "Draw the multiverse of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial multiverse {params.participants:q} {params.folder:q} {input.shards:q}"
        " --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"


use rule permute as permute_full_size with:
    input:
        participants=lambda w: f"{participants(w)}/participants.csv",
        description=lambda w: f"{participants(w)}/participants.json",
        settings=permute_settings("permute_full_size", "full_permutations"),
        trial=SETTINGS.trial,
        code=rules.permute.input.code,
    output:
        f"{FULL}/{SHARD}",
    log:
        f"{FULL}/logs/permute_{{shard}}_of_{{shards}}.log",
    params:
        participants=subpath(input.participants, parent=True),
        permutations=lambda w, input: SETTINGS.robustness.full_permutations,


use rule multiverse as multiverse_full_size with:
    input:
        participants=lambda w: f"{participants(w)}/participants.csv",
        description=lambda w: f"{participants(w)}/participants.json",
        settings=rules.multiverse.input.settings,
        shards=all_shards(FULL),
        trial=SETTINGS.trial,
        code=rules.multiverse.input.code,
    output:
        expand(f"{FULL}/{{file}}", file=MULTIVERSE, allow_missing=True),
    log:
        f"{FULL}/logs/multiverse.log",


rule full_size:
    """The multiverse with many more permutations than the default run makes."""
    input:
        expand(f"{FULL}/multiverse.csv", analysis=SETTINGS.reference),
