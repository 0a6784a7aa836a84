# Needs the workbook, and the mapping if the configuration names one.
# Makes one tidy table of participants, shared by all analyses of that workbook.

# The first analysis of each workbook.
WORKBOOKS = {entry.workbook_id: entry for entry in reversed(SETTINGS.analyses.values())}
TARGETS += expand(
    "results/workbooks/{workbook}/participants.{end}",
    workbook=WORKBOOKS,
    end=["csv", "json"],
)


def list_source_files(wildcards):
    """List the files that a participant table is made from, except a workbook that a rule makes."""
    entry = WORKBOOKS[wildcards.workbook]
    sources = [SETTINGS.trial, entry.workbook, entry.mapping or ""]
    return [file for file in sources if file != settings.RECONSTRUCTED_WORKBOOK]


rule participants:
    """Read a workbook into one tidy table."""
    input:
        workbook=lambda w: WORKBOOKS[w.workbook].workbook,
        mapping=lambda w: WORKBOOKS[w.workbook].mapping or [],
        trial=SETTINGS.trial,
    output:
        "results/workbooks/{workbook}/participants.csv",
        "results/workbooks/{workbook}/participants.json",
    log:
        "results/workbooks/{workbook}/logs/participants.log",
    priority: 2  # on the critical path to the report
    resources:  # not params, so that another name or order of analyses does not rerun the step
        analysis=lambda w: WORKBOOKS[w.workbook].name,
    params:
        code=code_inputs.code_checksum("participants"),
        contents=lambda w: files.combined_checksum(list_source_files(w)),
        sha256=lambda w: WORKBOOKS[w.workbook].sha256,
    message:
        "Read {input.workbook}"
    shell:
        "python3 -m d_q_trial participants --analysis {resources.analysis:q} 2> {log:q}"
