# Needs the results, and the printed adverse events.
# Makes the tables of an analysis: as printed, in full precision, as pages, and all in one workbook.

from d_q_trial.tables import notes
from d_q_trial.tables.catalogue import catalogue_of

TABLES = catalogue_of(SETTINGS.tables, TRIAL).tables
TARGETS += expand("results/{analysis}/tables/tables.xlsx", analysis=ANALYSES)


def table_page(name):
    """A table with its caption, as `snakemake --report` shows it."""
    return report(
        f"results/{{analysis}}/tables/{name}.html",
        category="Tables",
        subcategory="{analysis}",
        labels={"table": TABLES[name].label},
        caption=caption_file(name, "tables"),
    )


def table_captions(wildcards, input):
    """Captions of all tables, as they read in an analysis."""
    chosen = analysis(wildcards)
    return {name: notes.caption(table, TRIAL, chosen) for name, table in TABLES.items()}


rule tables:
    """Tables of one analysis, looked up in its results."""
    input:
        participants=lambda w: f"{participants(w)}/participants.json",
        settings=settings_for("tables", "tables"),
        results="results/{analysis}/results.csv",
        trial=SETTINGS.trial,
        catalogue=SETTINGS.tables or [],
        published=PRINTED,
        code=code("tables", "wording", "printing", "figures/study"),
        templates=sorted(map(os.path.relpath, (SOURCE / "tables").glob("table*.[hc]*"))),
    output:
        expand("results/{{analysis}}/tables/{table}.csv", table=TABLES),
        expand("results/{{analysis}}/tables/{table}_exact.csv", table=TABLES),
        [table_page(name) for name in TABLES],
        workbook="results/{analysis}/tables/tables.xlsx",
    log:
        "results/{analysis}/logs/tables.log",
    params:
        participants=subpath(input.participants, parent=True),
        folder=subpath(input.results, parent=True),
        captions=table_captions,
    message:
        "Set the tables of {wildcards.analysis}"
    shell:
        "{PYTHON} -m d_q_trial tables {params.folder:q} {params.folder:q}/tables"
        " --participants {params.participants:q} --analysis {wildcards.analysis:q} --config {input.settings:q} 2> {log:q}"
