# Needs nothing but the published tables; no participant is read.
# Makes the findings about printed numbers: which test, which group sizes, which quartiles, and what does not agree.

CONSISTENCY = (
    "findings.csv findings.json pieces.json variants.csv lattice.csv p_values.csv group_sizes.csv quartiles.csv"
    " ranges.csv abstract.csv"
).split()

# A folder of published tables without P-values has nothing to check.
if any(Path(file).name == "tests.csv" for file in PRINTED):
    TARGETS.append("results/consistency/consistency.html")


rule consistency:
    """What the printed numbers say about themselves."""
    input:
        published=PRINTED,
        code=code("consistency", "stats/rank_sum", "stats/quantiles", "files"),
    output:
        expand("results/consistency/{table}", table=CONSISTENCY),
        page=report(
            "results/consistency/consistency.html",
            category="Claims",
            subcategory="consistency of print",
            caption="captions/consistency.rst",
        ),
    log:
        "results/consistency/logs/consistency.log",
    params:
        folder=lambda w, input: os.path.dirname(input.published[0]),
        output=subpath(output.page, parent=True),
    message:
        "Hold the printed numbers against each other"
    shell:
        "{PYTHON} -m d_q_trial consistency {params.folder:q} --output {params.output:q}"
        " --title 'What the printed numbers say about themselves' 2> {log:q}"
