"""Tables: the cells of the article from the synthetic cohort, full precision, and all file formats."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pipeline
import pytest
import yaml
from openpyxl import load_workbook
from pipeline import LABEL, TRIAL, alter_trial, result_rows
from pipeline import PUBLISHED as ANALYSIS

from d_q_trial.config import settings
from d_q_trial.errors import UserError
from d_q_trial.export.crate import table_schema
from d_q_trial.figures.catalogue import read_catalogue as figures_of
from d_q_trial.files import read_rows
from d_q_trial.published_tables import read_published_table
from d_q_trial.results_table import Numbers
from d_q_trial.tables.build import DASH, Catalogue, Table, build_tables, read_catalogue, table_caption
from d_q_trial.tables.write import exact_frame, render_html, write_tables

PUBLISHED = "data/published"
LISTED = read_catalogue("data/tables.yaml", TRIAL)
CONTRAST, MARKER, BASELINE = "d_q - control", "p16_variant_5", ("baseline", "baseline")


def of_both_arms(outcomes):
    """Yield rows of results at baseline from values of control and D+Q by outcome and statistic."""
    for outcome, statistics in outcomes.items():
        for index, arm in enumerate(("control", "d_q")):
            values = {name: both[index] for name, both in statistics.items()}
            yield from result_rows((outcome, *BASELINE), values, group=arm)


def build_table(rows_of_results, analysis=ANALYSIS, divided=None, **settings_of_table):
    """Build one table, of arms at baseline unless set otherwise."""
    table = Table(**{"label": "T", "title": "T", "kind": "arms"} | settings_of_table)
    return build_tables(Catalogue(tables={"t": table}), TRIAL, analysis, Numbers(rows_of_results), divided=divided)[0]


def build_comparisons(rows, analysis=ANALYSIS, **settings_of_table):
    """Build a table that compares the arms in CTx."""
    return build_table(rows, analysis, kind="comparisons", rows={"outcomes": ["ctx"]}, **settings_of_table)


@pytest.fixture(scope="module")
def tables():
    """The tables by key, from the results of the synthetic cohort, which agree with the reported values."""
    rows = pipeline.run_config().results.astype(str).to_dict("records")
    return {table.key: table for table in build_tables(LISTED, TRIAL, ANALYSIS, Numbers(rows), PUBLISHED, LABEL)}


@pytest.fixture(scope="module")
def folder(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    write_tables(list(tables.values()), folder)
    return folder


def test_tables_have_the_rows_and_columns_of_the_article_and_adverse_events_are_copied_from_it_with_a_note(tables):
    rows = {"table_1": 13, "extended_data_table_1": 9, "extended_data_table_2": 36, "extended_data_table_3": 36}
    assert {key: len(tables[key].rows) for key in rows} == rows
    columns = {key: [re.sub(r" \(n.*", "", name) for name in table.columns] for key, table in tables.items()}
    assert columns["table_1"] == ["Characteristic", "Control", "D+Q", "P"]
    assert columns["extended_data_table_2"][1:] == ["T1/T2", "T3", "P"]
    assert "trend" not in " ".join(tables["extended_data_table_2"].notes)
    events = tables["extended_data_table_1"]
    cells = {row.cells[0]: row.cells[1:] for row in events.rows}
    assert (cells["Headache"], cells["Overall"]) == (("", "16 (53)"), ("5 (17)", "23 (77)"))
    assert "Copied from the article" in " ".join(events.notes)
    assert [events.rows[0].exact[f"d_q_{name}"] for name in ("affected", "at_risk", "percent")] == [23, 30, 77]


@pytest.mark.parametrize("locator", ["Table 1", "Extended Data Table 2", "Extended Data Table 3"])
def test_cells_are_the_reported_values(tables, locator):
    cells = {row.exact["outcome"]: row.cells for row in tables[locator.lower().replace(" ", "_")].rows}
    columns = {"control": 1, "d_q": 2, "T1/T2": 1, "T3": 2}
    checked, different = 0, []
    for row in read_published_table(PUBLISHED, "summaries"):
        if row["locator"] == locator and row["statistic"] == "median_iqr":
            cell = cells[row["outcome"]][columns[row["stratum"] if row["group"] == "all" else row["group"]]]
            cell = cell.replace("−", "-").replace(",", "")
            different += [row["outcome"]] * (cell != f"{row['center']} ({row['lower']} {row['upper']})")
            checked += 1
    # Quartiles halfway between two integers, which the article rounds up.
    assert different == (["sasp_adamts13", "sasp_rantes"] if locator == "Extended Data Table 2" else [])
    reported = [row for row in read_published_table(PUBLISHED, "tests") if row["locator"] == locator]
    assert [cells[row["outcome"]][3] for row in reported] == [row["p"] for row in reported]
    assert checked + len(reported) >= 3 * 12


EVENTS = "source,locator,event,group,affected,at_risk,percent\n"
RASH = EVENTS + "Smith 2024,Table 4,Nausea,d_q,3,30,10\nSmith 2024,Table 4,Rash,fisetin,3,15,20\n"
RASH += "Jones 2023,Table 1,Cough,d_q,2,30,\nregistry,x,Cough,d_q,2,30,\n"


@pytest.mark.parametrize(
    ("label", "data_label"), [(None, None), (LABEL, f"Copied from the source “Smith 2024”. All other tables: {LABEL}")]
)
def test_adverse_events_are_of_the_first_source_and_other_sources_and_groups_are_named(tmp_path, label, data_label):
    (tmp_path / "adverse_events.csv").write_text(RASH)
    listed = Catalogue(tables={"t": Table(label="T", title="T", kind="events", file="adverse_events.csv")})
    (table,) = build_tables(listed, TRIAL, ANALYSIS, Numbers([]), tmp_path, label)
    assert ([row.cells for row in table.rows], table.data_label) == ([("Nausea", "", "3 (10)")], data_label)
    assert table.notes[-2:] == (
        "Copied from the source “Smith 2024”.",
        "Reported in adverse_events.csv but not shown: Fisetin and Jones 2023.",
    )


def test_a_worksheet_has_the_cells_of_the_table_with_numbers_and_no_empty_row(tables, folder):
    def format_cell(cell):  # as a spreadsheet displays it
        if isinstance(cell.value, int | float):
            return f"{cell.value:.{cell.number_format.count('0') - 1}f}".replace("-", "−")
        return cell.value or ""

    book = load_workbook(folder / "tables.xlsx")
    for table in tables.values():
        rows = [[format_cell(cell) for cell in row] for row in book[table.label].iter_rows()]
        assert all(any(row) for row in rows)
        assert all(list(row) in rows for row in (table.columns, *(row.cells for row in table.rows)))
    assert all(sheet.sheet_properties.pageSetUpPr.fitToPage for sheet in book), "the label is printed on every page"
    sheet = book["Table 1"]
    p = {row[0].value: row[3] for row in sheet.iter_rows(min_row=4) if len(row) > 3}
    assert (p["Age, years"].value, p["Age, years"].number_format) == (0.117, "0.000")
    assert (sheet["A2"].value, sheet.print_title_rows) == (LABEL, "$2:$3")
    assert {cell.font.name for row in sheet.iter_rows() for cell in row if cell.value} == {"Arial"}


def test_missing_values_intervals_and_p_are_explained_and_an_undefined_p_differs_from_an_absent_one():
    sizes = {"age": {"n": ("30", "30")}, "weight": {"n": ("25", "30")}, "bmi": {"n": ("0", "29")}}
    table = build_table(of_both_arms(sizes), rows={"outcomes": list(sizes)})
    assert table.columns[1:3] == ("Control (n = 30)", "D+Q (n = 30)")
    assert "Fewer participants have a value of Weight (Control 25) and BMI (D+Q 29)." in table.notes
    key, effect = ("ctx", "percent_change", "week_2"), {"p": 0.1, "hodges_lehmann": 3, "hodges_lehmann_lower": "nan"}
    rows = result_rows(key, effect, contrast=CONTRAST, reason="few") + result_rows(key, {"n": 9}, group="d_q")
    assert "Estimates without an interval: few." in build_comparisons(rows).notes
    rows = result_rows(("age", *BASELINE), {"p": ""}, contrast=CONTRAST, reason="all values are equal")
    table = build_table(rows, rows={"outcomes": ["age", "weight"]})
    assert [row.cells[3] for row in table.rows] == ["not defined", DASH]


@pytest.mark.parametrize("test", ["normal", "normal_continuity", "exact", "welch", "brunner_munzel"])
def test_comparisons_too_small_for_a_normal_approximation_are_counted_below_the_table(test):
    rows, keys = [], {"marker": MARKER, "stratum": "T3"}
    for visit, n in {"week_2": 4, "week_4": 7, "week_20": 8}.items():
        key = ("ctx", "percent_change", visit)
        rows += result_rows(key, {"p": 0.1}, contrast=CONTRAST, n_first=f"{n}", n_second="9", **keys)
        rows += result_rows(key, {"n": n}, group="d_q", **keys)
    notes = " ".join(build_comparisons(rows, ANALYSIS.model_copy(update={"test": test}), strata=["T3"]).notes)
    expected = ["fewer than eight participants (two comparisons of this table)"]
    assert re.findall(r"fewer than [^.]*", notes) == expected * test.startswith("normal")


@pytest.mark.parametrize(("change", "cell"), [("percent", "5.12 (4.00, 6.00)"), ("log_ratio", "5.123 (4.000, 6.000)")])
def test_a_comparison_with_one_arm_or_none_has_a_row_and_decimals_apply_to_percent_changes(change, cell):
    analysis = ANALYSIS.model_copy(update={"change": change, "visits": ["week_2", "week_4"]})
    summary = {"n": 2, "median": 5.1234, "q1": 4, "q3": 6}
    rows = result_rows(("ctx", analysis.measure, "week_2"), summary, group="control")
    table, absent = build_comparisons(rows, analysis, decimals=2), ("4 weeks", "All", *[DASH] * 7)
    assert [row.cells[1:] for row in table.rows] == [("2 weeks", "All", "2", DASH, cell, *[DASH] * 4), absent]
    assert not any("interval:" in note for note in table.notes)


@pytest.mark.parametrize("kind", ["arms", "strata", "comparisons"])
def test_a_stratum_that_the_analysis_does_not_have_is_named_below_the_table(kind):
    notes = build_table([], kind=kind, rows={"outcomes": ["ctx"]}, strata=["T3x"]).notes
    assert "No stratum T3x in this analysis (it has T1/T2, T3)." in notes
    assert not any("No stratum" in note for note in build_comparisons([], strata=["all", "each"]).notes)
    notes = [build_comparisons([], strata=["each"], divided=divided).notes[1] for divided in (None, {MARKER}, set())]
    assert ["were divided into strata" in note for note in notes] == [True, True, False]
    assert notes[2] == "Nobody with an id has a value of p16 variant 5: strata are those that panels without ids state."


@pytest.mark.parametrize("smd", [True, False])
def test_a_table_of_arms_has_the_standardized_mean_difference_on_request(smd):
    age = {"n": ("30", "30"), "mean": ("12", "10"), "sd": ("3", "4")}
    rows = of_both_arms({"age": age, "smoker": {"n": ("30", "30"), "percent": ("50", "20"), "sd": ("0", "0")}})
    table = build_table(rows, rows={"outcomes": ["age", "smoker", "bmi"]}, smd=smd)
    assert ("SMD" in table.columns, "smd" in table.rows[0].exact) == (smd, smd)
    # 2 / sqrt((9 + 16) / 2); 0.3 / sqrt((0.25 + 0.16) / 2); no values
    assert [row.cells[4:] for row in table.rows] == ([("0.57",), ("0.66",), (DASH,)] if smd else [()] * 3)


def test_a_caption_has_title_test_and_note():
    keys = ("extended_data_table_3", "table_1", "main_results")
    change, baseline, main = (table_caption(LISTED.tables[key], TRIAL, ANALYSIS) for key in keys)
    assert change.startswith("Extended Data Table 3. Change in SASP factors at 2 weeks by arm, within T3 of p16")
    assert "no continuity correction" in change
    assert ["differences at baseline arise by chance" in text for text in (change, baseline)] == [False, True]
    assert main.endswith("The article has no such table.")


def test_full_precision_is_kept_in_separate_files_and_worksheets(folder, tmp_path):
    rows = {row["outcome"]: row for row in read_rows(folder / "table_1_exact.csv")}
    assert (rows["smoker"]["d_q_n"], rows["smoker"]["d_q_count"], rows["age"]["d_q_count"]) == ("30", "10", "")
    p, summary = 0.123456789012345678, {"n": "30", "median": "74.44999", "q1": "70", "q3": "80"}
    results = result_rows(("age", *BASELINE), summary, group="control")
    results += result_rows(("age", *BASELINE), {"p": p}, contrast=CONTRAST)
    table = build_table(results, rows={"outcomes": ["age", "smoker"]})
    assert table.rows[0].cells == ("Age, years", "74.4 (70.0, 80.0)", DASH, "0.123")
    assert "this analysis has no such value" in " ".join(table.notes)
    exact = exact_frame(table).loc[0]
    assert (exact["p"], exact["control_median"], math.isnan(exact["d_q_median"])) == (p, 74.44999, True)
    write_tables([replace(table, rows=[table.rows[0], replace(table.rows[1], cells=("", "", "−2.9", ""))])], tmp_path)
    assert read_rows(tmp_path / "t.csv")[1]["D+Q"] == "-2.9", "a number to spreadsheets"
    header, row, _ = load_workbook(tmp_path / "tables.xlsx")["T exact"].iter_rows(values_only=True)
    assert dict(zip(header, row, strict=True))["p"] == pytest.approx(p, rel=1e-15)


@pytest.mark.parametrize(("primary", "outcome", "role"), [("p1np", "p1np", "the primary endpoint"), (None, "ctx", "")])
def test_the_usual_headlines_are_of_the_primary_endpoint_or_the_first_outcome(primary, outcome, role):
    endpoint = primary and TRIAL.primary.model_copy(update={"outcome": primary})
    lines = read_catalogue(None, TRIAL.model_copy(update={"primary": endpoint})).headlines
    assert [(h.outcome, h.visit, h.role) for h in lines] == [(outcome, "week_20", role), (outcome, "week_20", "")]


def test_tables_without_rows_are_written_with_their_columns(tmp_path):
    tables = build_tables(read_catalogue(None, TRIAL), TRIAL, ANALYSIS, Numbers([]))
    write_tables([replace(table, rows=()) for table in tables], tmp_path)
    for table in tables:
        fields = table_schema(tmp_path / f"{table.key}_exact.csv")["fields"]
        assert [field["name"] for field in fields] == list(table.columns)


HALVES, THIRDS = ["T1/T2", "T3"], ["low", "middle", "high"]
AGAINST_HIGH = ["P, high against low", "P, high against middle", "P for trend"]


@pytest.mark.parametrize(
    ("labels", "strata", "columns", "p"),
    [
        (THIRDS, {}, THIRDS + AGAINST_HIGH, ["0.010", "0.500", "0.020"]),
        (THIRDS, {"strata": ["each"]}, THIRDS + AGAINST_HIGH, ["0.010", "0.500", "0.020"]),
        (THIRDS, {"strata": ["low", "middle"]}, ["low", "middle"], []),  # no result compares them
        (HALVES, {"strata": ["all", "each", "T3"]}, ["All (n = 60)", *HALVES, "P"], ["0.030"]),
        (HALVES, {"strata": ["highest", "lowest"]}, ["T3", "T1/T2", "P"], ["0.030"]),
        (HALVES, {"strata": ["highest"]}, ["T3"], []),
    ],
)
def test_strata_are_shown_in_any_order_with_p_against_the_highest_and_p_for_trend(labels, strata, columns, p):
    key, keys = ("ctx", *BASELINE), {"marker": MARKER, "stratum": ""}
    contrasts = {"high - low": 0.01, "high - middle": 0.5, "T3 - T1/T2": 0.03}
    rows = [row for name, value in contrasts.items() for row in result_rows(key, {"p": value}, contrast=name, **keys)]
    rows += result_rows(key, {"p_trend": 0.02}, contrast="trend low < middle < high", group="both arms", **keys)
    rows += result_rows(key, {"n": 60, "median": 2, "q1": 1, "q3": 3}, group="both arms")
    rule = settings.StrataRule(cuts=[n / len(labels) for n in range(1, len(labels))], labels=labels)
    analysis = ANALYSIS.model_copy(update={"strata": rule})
    table = build_table(rows, analysis, kind="strata", rows={"outcomes": ["ctx"]}, **strata)
    assert list(table.columns[1:]) == columns
    groups = ["2.00 (1.00, 3.00)" if name.startswith("All") else DASH for name in columns[: len(columns) - len(p)]]
    assert list(table.rows[0].cells[1:]) == groups + p
    assert ("Jonckheere-Terpstra" in " ".join(table.notes)) == ("P for trend" in columns)


def test_a_stratum_named_by_a_number_stays_text_and_worksheets_have_short_names(tmp_path):
    rule = ANALYSIS.strata.model_copy(update={"labels": ["01", "02"]})
    rows = result_rows(("ctx", "percent_change", "week_2"), {"n": 9}, group="d_q", marker=MARKER, stratum="02")
    table = build_comparisons(rows, ANALYSIS.model_copy(update={"strata": rule}), strata=["each"])
    write_tables([replace(table, key=key, label="A long name of a table" + 9 * key) for key in "ab"], tmp_path)
    book = load_workbook(tmp_path / "tables.xlsx")
    assert [cell.value for cell in book.worksheets[0][4]][2:5] == ["02", DASH, 9]
    assert max(map(len, book.sheetnames)) <= 31


def test_html_headings_have_a_scope_and_markup_in_labels_is_escaped(tables):
    labelled = build_table([], label="<b>T", rows={"outcomes": ["smoker"]})
    html = "".join(map(render_html, (tables["main_results"], tables["table_1"], labelled)))
    assert html.count('<th scope="row">Age, years</th>') == 1
    assert all(text in html for text in ('<th scope="col">Characteristic</th>', "<caption", "&lt;b&gt;T"))
    assert not any(text in html for text in ("http", "<b>T"))


FAULTS = yaml.safe_load(Path("tests/list_faults.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("kind", "entry", "message"), [(kind, *row) for kind, rows in FAULTS.items() for row in rows])
def test_an_error_in_a_list_of_figures_or_tables_is_named(tmp_path, kind, entry, message):
    common = {"label": "T", "title": "T"} | ({"caption": "C"} if kind == "figures" else {})
    content = entry if "tables" in entry else {kind: {"t": common | entry}}
    (tmp_path / "list.yaml").write_text(yaml.safe_dump(content))
    trial = alter_trial(TRIAL, "visits", "week_20", week=None).model_copy(update={"population": None})
    with pytest.raises(UserError, match=message):
        (figures_of if kind == "figures" else read_catalogue)(tmp_path / "list.yaml", trial)
