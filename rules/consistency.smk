# Needs the published tables, and the trial description for labels; reads no participant data.
# Makes the findings about reported numbers: test variant, group sizes, quartile type, and disagreements.

from d_q_trial.claims import read_claims
from d_q_trial.published_tables import check_names
from d_q_trial.pages import page_links

# Check all tables before the first step, because several steps read them.
if SETTINGS.published:
    try:
        read_claims(SETTINGS.published)
        check_names(SETTINGS.published, TRIAL)
    except UserError as error:
        raise WorkflowError(str(error)) from None

CONSISTENCY = (
    "findings.csv findings.json variants.csv lattice.csv p_values.csv group_sizes.csv quartiles.csv"
    " ranges.csv abstract.csv attainable.svg"
).split()

# Without reported P-values there is nothing to check.
if any(Path(file).name == "tests.csv" for file in PUBLISHED):
    TARGETS += expand(
        "results/consistency/{file}", file=[*CONSISTENCY, "consistency.html"]
    )


rule consistency:
    """Internal consistency of the reported numbers."""
    input:
        PUBLISHED,
        trial=SETTINGS.trial,
    output:
        expand("results/consistency/{table}", table=CONSISTENCY),
        report(
            "results/consistency/consistency.html",
            category="Claims",
            subcategory="internal consistency",
            caption="captions/consistency.rst",
        ),
    log:
        "results/consistency/logs/consistency.log",
    params:
        code=code_inputs.code_checksum("consistency"),
        contents=files.combined_checksum([*PUBLISHED, SETTINGS.trial]),
        links=page_links(SETTINGS, "../consistency/consistency.html"),
    message:
        "Check the internal consistency of the reported numbers"
    shell:
        "python3 -m d_q_trial consistency 2> {log:q}"
