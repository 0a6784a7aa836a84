# Needs the workbook, and the mapping if the configuration names one. A workbook at an address is fetched once, by the job.
# Makes one tidy table of participants, shared by all analyses of that workbook.

WORKBOOKS = {entry.workbook_id: entry for entry in SETTINGS.analyses.values()}


def source(wildcards):
    """File that names the workbook, which may be an address: written only if it changes."""
    entry = WORKBOOKS[wildcards.workbook]
    return keep(
        {"workbook": entry.workbook, "mapping": entry.mapping},
        f"results/workbooks/{wildcards.workbook}/settings/participants.json",
    )


rule participants:
    """Read a workbook into one tidy table."""
    input:
        workbook=lambda w: WORKBOOKS[w.workbook].workbook_files,
        source=source,
        mapping=lambda w: WORKBOOKS[w.workbook].mapping or [],
        trial=SETTINGS.trial,
        code=code("workbook", "participants"),
    output:
        table="results/workbooks/{workbook}/participants.csv",
        description="results/workbooks/{workbook}/participants.json",
    log:
        "results/workbooks/{workbook}/logs/participants.log",
    params:
        workbook=lambda w, input: WORKBOOKS[w.workbook].workbook,
        folder=subpath(output.table, parent=True),
        mapping=lambda w, input: ["--mapping", input.mapping] if input.mapping else [],
    message:
        "Read {params.workbook}"
    shell:
        "{PYTHON} -m d_q_trial participants {params.workbook:q} {params.folder:q}"
        " --trial {input.trial:q} {params.mapping:q} 2> {log:q}"
