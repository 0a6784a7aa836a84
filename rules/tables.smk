# Needs the results, and the reported values.
# Makes a verdict on each reported value; the tables of an analysis as shown, in full precision, as pages and in one
# workbook; and its results in the CDISC Analysis Results Standard.

from d_q_trial.tables.build import ENDINGS as TABLE_ENDINGS
from d_q_trial.tables.build import table_caption

TARGETS += expand(
    "results/{analysis}/tables/{file}",
    analysis=ANALYSES,
    file=[
        "tables.xlsx",
        "tables.json",
        *expand("{name}{end}", name=TABLES, end=TABLE_ENDINGS),
    ],
)

# Verdicts, also as Parquet in full precision; none without reported values.
VERDICTS = (
    ["results/{analysis}/claims.csv", "results/{analysis}/export/claims.parquet"]
    if SETTINGS.published
    else []
)
TARGETS += expand([*VERDICTS, "results/{analysis}/export/ars.json"], analysis=ANALYSES)


def table_output(name):
    """Return the page of a table with its caption, as `snakemake --report` shows it."""
    return report(
        f"results/{{analysis}}/tables/{name}.html",
        category="Tables",
        subcategory="{analysis}",
        labels={"#": f"{list(TABLES).index(name) + 1:02}", "table": TABLES[name].label},
        caption=find_caption_template(name, "tables"),
    )


TABLE_CAPTIONS = make_captions(
    "tables", TABLES, lambda table, analysis: table_caption(table, TRIAL, analysis)
)


rule tables:
    """A verdict on each reported value, and the tables of one analysis, filled in from its results."""
    input:
        expand(
            "results/{{analysis}}/{table}.csv",
            table=["results", "alternatives", "strata"],
        ),
        participants=participants_table,
        trial=SETTINGS.trial,
        catalogue=SETTINGS.tables or [],
        published=PUBLISHED,
    output:
        VERDICTS,
        "results/{analysis}/export/ars.json",
        expand("results/{{analysis}}/tables/{table}.csv", table=TABLES),
        expand("results/{{analysis}}/tables/{table}_exact.csv", table=TABLES),
        [table_output(name) for name in TABLES],
        workbook="results/{analysis}/tables/tables.xlsx",
        described="results/{analysis}/tables/tables.json",
    log:
        "results/{analysis}/logs/tables.log",
    priority: 1  # on the way to the comparison of the analyses
    params:
        depends=track_dependencies(
            "tables", "tables", read=[SETTINGS.tables or "", *PUBLISHED]
        ),
        captions=lambda wildcards: TABLE_CAPTIONS[wildcards.analysis],
    message:
        "Compare the reported values and write the tables (analysis {wildcards.analysis})"
    shell:
        "python3 -m d_q_trial tables --analysis {wildcards.analysis:q} 2> {log:q}"
