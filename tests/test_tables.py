import csv
import hashlib
import math
import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

from d_q_trial import labels
from d_q_trial.config import settings
from d_q_trial.errors import UserError
from d_q_trial.published_tables import read_published
from d_q_trial.results_table import Numbers
from d_q_trial.tables.build import DASH, Source, build_tables, caption
from d_q_trial.tables.catalogue import Catalogue, Table, catalogue_of
from d_q_trial.tables.write import exact_frame, latex, page, shown_frame, write_tables
from d_q_trial.trial import load_trial

ROOT = Path(__file__).parent.parent
LABEL = "Synthetic data: not the trial's participants"
KEYS = ("outcome", "measure", "visit", "marker", "stratum", "contrast", "group", "statistic")


@pytest.fixture(scope="module")
def trial():
    return load_trial(ROOT / "data" / "trial.yaml")


@pytest.fixture(scope="module")
def analysis():
    return settings.load(ROOT / "tests/config.yaml").analyses["published"]


def _row(*key, value, reason=""):
    sizes = {"n_first": "", "n_second": "", "method": "normal", "reason": reason}
    return dict(zip(KEYS, key, strict=True)) | {"value": value} | sizes


def _reported_as_results(folder):
    """Rows of results that say exactly what the article prints."""
    groups = {"all": "both arms"}
    for row in read_published(folder, "summaries"):
        if row["source"] != "paper":
            continue
        group = groups.get(row["group"], row["group"])
        names = ("count", "percent") if row["statistic"] == "count_percent" else ("median", "q1", "q3")
        key = [row[name] for name in KEYS[:5]]
        yield _row(*key, "", group, "n", value="30")
        for name, printed in zip(names, (row["center"], row["lower"], row["upper"]), strict=False):
            yield _row(*key, "", group, name, value=printed)
    for row in read_published(folder, "tests"):
        if row["source"] == "paper" and row["p_relation"] == "=":
            stratum = "" if " vs " in row["stratum"] else row["stratum"]
            key = [row[name] for name in KEYS[:4]]
            yield _row(*key, stratum, row["contrast"], "", "p", value=row["p"])


@pytest.fixture
def source(trial, analysis):
    folder = ROOT / "data" / "published"
    return Source(trial, analysis, Numbers(_reported_as_results(folder)), str(folder), LABEL)


@pytest.fixture
def tables(source, trial):
    return {table.key: table for table in build_tables(catalogue_of(ROOT / "data" / "tables.yaml", trial), source)}


def test_tables_have_the_rows_and_columns_of_the_article(tables):
    assert len(tables["table_1"].rows) == 13
    assert len(tables["extended_data_table_2"].rows) == len(tables["extended_data_table_3"].rows) == 36
    assert [re.sub(r" \(n.*", "", c) for c in tables["table_1"].columns] == ["Characteristic", "Control", "D+Q", "P"]
    assert [re.sub(r" \(n.*", "", c) for c in tables["extended_data_table_2"].columns[1:]] == ["T1/T2", "T3", "P"]
    assert len(tables["extended_data_table_1"].rows) == 9


@pytest.mark.parametrize("locator", ["Table 1", "Extended Data Table 2", "Extended Data Table 3"])
def test_reported_numbers_give_the_cells_of_the_article_digit_by_digit(tables, trial, locator):
    table = tables[locator.lower().replace(" ", "_")]
    cells = {row.exact["outcome"]: row.cells for row in table.rows}
    order = ("control", "d_q") if locator != "Extended Data Table 2" else ("T1/T2", "T3")
    checked = 0
    for row in read_published(ROOT / "data" / "published", "summaries"):
        if row["locator"] != locator or row["statistic"] != "median_iqr":
            continue
        group = row["group"] if row["group"] != "all" else row["stratum"]
        shown = re.findall(r"[-\d.]+", cells[row["outcome"]][1 + order.index(group)].replace("−", "-").replace(",", ""))
        assert shown == [row["center"], row["lower"], row["upper"]], row
        checked += 1
    for row in read_published(ROOT / "data" / "published", "tests"):
        if row["locator"] == locator:
            assert cells[row["outcome"]][3] == row["p"]
            checked += 1
    assert checked >= 3 * 12


def test_adverse_events_are_copied_from_the_article_and_say_so(tables):
    table = tables["extended_data_table_1"]
    cells = {row.cells[0]: row.cells[1:] for row in table.rows}
    assert cells["Headache"] == ("", "16 (53)")
    assert cells["Overall"] == ("5 (17)", "23 (77)")
    assert "Copied from the article" in " ".join(table.notes)


def test_every_form_of_every_table_carries_the_label_of_synthetic_data(tables, tmp_path):
    write_tables(list(tables.values()), tmp_path)
    for table in tables.values():
        for name in (f"{table.key}.csv", f"{table.key}_exact.csv"):
            with (tmp_path / name).open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            assert all(LABEL in row["data"] for row in rows), name
        assert "Synthetic data: not the trial&#39;s participants" in (tmp_path / f"{table.key}.html").read_text()
    for sheet in load_workbook(tmp_path / "tables.xlsx"):
        assert LABEL in str([*sheet.values][1])


def _shown(cell):
    """Return the text of a cell as a spreadsheet shows it."""
    if isinstance(cell.value, int | float):
        return f"{cell.value:.{cell.number_format.count('0') - 1}f}".replace("-", "−")
    return cell.value or ""


def test_a_sheet_shows_the_cells_of_the_table_and_no_empty_row(tables, tmp_path):
    write_tables(list(tables.values()), tmp_path)
    book = load_workbook(tmp_path / "tables.xlsx")
    for table in tables.values():
        rows = [[_shown(cell) for cell in row] for row in book[table.label].iter_rows()]
        assert all(any(row) for row in rows)
        for row in (table.columns, *(row.cells for row in table.rows)):
            assert list(row) in rows


def test_a_cell_that_is_one_number_is_stored_as_a_number_with_its_decimals(tables, tmp_path):
    write_tables(list(tables.values()), tmp_path)
    sheet = load_workbook(tmp_path / "tables.xlsx")["Table 1"]
    p = {row[0].value: row[3] for row in sheet.iter_rows(min_row=4) if len(row) > 3}
    assert (p["Age, years"].value, p["Age, years"].number_format) == (0.117, "0.000")
    assert sheet.print_title_rows == "$3:$3"
    assert {cell.font.name for row in sheet.iter_rows() for cell in row if cell.value} == {"Arial"}


def test_the_workbook_has_a_sheet_in_full_precision_for_each_table(trial, analysis, tmp_path):
    head = ("age", "baseline", "baseline", "", "all", "d_q - control", "", "p")
    catalogue = Catalogue(tables={"t": Table(label="T", title="T", kind="arms", rows={"outcomes": ["age"]})})
    write_tables(
        build_tables(catalogue, Source(trial, analysis, Numbers([_row(*head, value="0.123456789")]), None, None)),
        tmp_path,
    )
    header, row = load_workbook(tmp_path / "tables.xlsx")["T exact"].iter_rows(values_only=True)
    assert dict(zip(header, row, strict=True))["p"] == 0.123456789


def test_a_table_in_latex_has_its_caption_and_its_cells(tables):
    text = latex(tables["table_1"])
    assert r"\caption{Table 1. Baseline characteristics of the participants, by arm. Synthetic data" in text
    assert r"Age, years & 74.4 (69.7, 79.2) & 71.2 (69.3, 74.8) & 0.117 \\" in text


def test_outcomes_with_fewer_values_than_participants_are_named_below_the_table(trial, analysis):
    rows = [
        _row(outcome, "baseline", "baseline", "", "all", "", arm, "n", value=n)
        for outcome, sizes in {"age": ("30", "30"), "weight": ("25", "30"), "bmi": ("0", "29")}.items()
        for arm, n in zip(("control", "d_q"), sizes, strict=True)
    ]
    outcomes = {"outcomes": ["age", "weight", "bmi"]}
    catalogue = Catalogue(tables={"t": Table(label="T", title="T", kind="arms", rows=outcomes)})
    (table,) = build_tables(catalogue, Source(trial, analysis, Numbers(rows), None, None))
    assert table.columns[1:3] == ("Control (n = 30)", "D+Q (n = 30)")
    assert "Fewer participants have a value of Weight (Control 25) and BMI (D+Q 29)." in table.notes


def test_a_table_of_arms_has_the_standardized_mean_difference_on_request(trial, analysis):
    given = {"age": {"mean": ("12", "10"), "sd": ("3", "4")}, "smoker": {"percent": ("50", "20")}}
    rows = [
        _row(outcome, "baseline", "baseline", "", "all", "", arm, statistic, value=value)
        for outcome, statistics in given.items()
        for statistic, values in ({"n": ("30", "30"), "sd": ("0", "0")} | statistics).items()
        for arm, value in zip(("control", "d_q"), values, strict=True)
    ]
    table = {"label": "T", "title": "T", "kind": "arms", "rows": {"outcomes": ["age", "smoker", "bmi"]}}
    source = Source(trial, analysis, Numbers(rows), None, None)
    for smd in (True, False):
        (built,) = build_tables(Catalogue(tables={"t": Table(**table, smd=smd)}), source)
        assert ("SMD" in built.columns, "smd" in built.rows[0].exact) == (smd, smd)
        # 2 / sqrt((9 + 16) / 2); 0.3 / sqrt((0.25 + 0.16) / 2); no values
        assert [row.cells[4:] for row in built.rows] == ([("0.57",), ("0.66",), (DASH,)] if smd else [()] * 3)


def test_numbers_of_people_are_whole_in_full_precision(tables, tmp_path):
    write_tables(list(tables.values()), tmp_path)
    with (tmp_path / "table_1_exact.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["outcome"]: row for row in csv.DictReader(stream)}
    assert (rows["smoker"]["d_q_n"], rows["smoker"]["d_q_count"], rows["age"]["d_q_count"]) == ("30", "10", "")


def test_a_caption_has_the_title_the_test_and_the_note(trial, analysis):
    catalogue = catalogue_of(ROOT / "data" / "tables.yaml", trial).tables
    text = caption(catalogue["extended_data_table_3"], trial, analysis)
    assert text.startswith(
        "Extended Data Table 3. Change in SASP factors at 2 weeks by arm, within T3 of p16 variant 5."
    )
    assert "no continuity correction" in text
    assert caption(catalogue["main_results"], trial, analysis).endswith("The article has no such table.")


def test_a_real_workbook_leaves_no_label_behind(source, trial, tmp_path):
    plain = Source(source.trial, source.analysis, source.numbers, source.published, None)
    paths = write_tables(build_tables(catalogue_of(ROOT / "data" / "tables.yaml", trial), plain), tmp_path)
    for path in paths:
        if path.suffix != ".xlsx":
            assert "ynthetic" not in path.read_text(encoding="utf-8")
    assert "data" not in shown_frame(build_tables(catalogue_of(None, trial), plain)[0])


def test_the_same_numbers_give_the_same_bytes(tables, tmp_path):
    digests = [
        [hashlib.sha256(p.read_bytes()).hexdigest() for p in write_tables(list(tables.values()), tmp_path / run)]
        for run in ("a", "b")
    ]
    assert digests[0] == digests[1]


def test_full_precision_is_kept_beside_the_rounded_cell(trial, analysis):
    p = 0.123456789012345678
    rows = [
        _row("age", "baseline", "baseline", "", "all", "", "control", "n", value="30"),
        _row("age", "baseline", "baseline", "", "all", "", "control", "median", value="74.44999"),
        _row("age", "baseline", "baseline", "", "all", "", "control", "q1", value="70"),
        _row("age", "baseline", "baseline", "", "all", "", "control", "q3", value="80"),
        _row("age", "baseline", "baseline", "", "all", "d_q - control", "", "p", value=repr(p)),
    ]
    catalogue = Catalogue(tables={"t": Table(label="T", title="T", kind="arms", rows={"outcomes": ["age", "smoker"]})})
    (table,) = build_tables(catalogue, Source(trial, analysis, Numbers(rows), None, None))
    assert table.rows[0].cells == ("Age, years", "74.4 (70.0, 80.0)", DASH, "0.123")
    exact = exact_frame(table)
    assert exact.loc[0, "p"] == p
    assert exact.loc[0, "control_median"] == 74.44999
    assert math.isnan(exact.loc[0, "d_q_median"])
    assert "no values in this analysis" in " ".join(table.notes)


def test_an_undefined_p_is_told_from_an_absent_one(trial, analysis):
    head = ("age", "baseline", "baseline", "", "all", "d_q - control", "", "p")
    catalogue = Catalogue(tables={"t": Table(label="T", title="T", kind="arms", rows={"outcomes": ["age", "weight"]})})
    numbers = Numbers([_row(*head, value="", reason="all values are equal")])
    (table,) = build_tables(catalogue, Source(trial, analysis, numbers, None, None))
    assert [row.cells[3] for row in table.rows] == ["not defined", DASH]


def test_three_strata_get_a_column_each_a_p_for_each_lower_one_and_a_trend(trial, analysis):
    three = analysis.model_copy(
        update={"strata": settings.StrataRule(cuts=[1 / 3, 2 / 3], labels=["low", "middle", "high"])}
    )
    rows = [
        _row("ctx", "baseline", "baseline", "p16_variant_5", "", f"high - {lower}", "", "p", value=value)
        for lower, value in (("low", "0.01"), ("middle", "0.5"))
    ]
    trend = ("p16_variant_5", "", "trend low < middle < high", "both arms", "p_trend")
    rows.append(_row("ctx", "baseline", "baseline", *trend, value="0.02"))
    catalogue = Catalogue(
        tables={"t": Table(label="T", title="T", kind="strata", rows={"outcomes": ["ctx"]}, strata=["each"])}
    )
    (table,) = build_tables(catalogue, Source(trial, three, Numbers(rows), None, None))
    tests = ("P, high against low", "P, high against middle", "P for trend")
    assert table.columns[1:] == ("low", "middle", "high", *tests)
    assert table.rows[0].cells[4:] == ("0.010", "0.500", "0.020")
    assert "Jonckheere-Terpstra" in " ".join(table.notes)


def test_the_main_results_have_a_row_for_every_stratum_of_the_analysis(trial, analysis):
    three = analysis.model_copy(
        update={"strata": settings.StrataRule(cuts=[1 / 3, 2 / 3], labels=["low", "middle", "high"])}
    )
    rows = [
        _row("ctx", "percent_change", "week_2", marker, stratum, "d_q - control", "", "p", value="0.5")
        for marker, stratum in (("", "all"), *(("p16_variant_5", label) for label in three.strata.labels))
    ]
    catalogue = catalogue_of(ROOT / "data" / "tables.yaml", trial)
    tables = {table.key: table for table in build_tables(catalogue, Source(trial, three, Numbers(rows), None, None))}
    assert [row.cells[2] for row in tables["main_results"].rows] == ["All", "low", "middle", "high"]


def test_headings_of_a_page_are_marked_for_a_screen_reader(tables):
    html = page(tables["main_results"]) + page(tables["table_1"])
    assert html.count('<th scope="row">Age, years</th>') == 1
    assert '<th scope="col">Characteristic</th>' in html
    assert "<caption" in html
    assert "http" not in html


def test_markup_in_a_name_stays_text(trial, analysis):
    catalogue = Catalogue(tables={"t": Table(label="<b>T", title="x", kind="arms", rows={"outcomes": ["age"]})})
    (table,) = build_tables(catalogue, Source(trial, analysis, Numbers([]), None, None))
    assert "<b>T" not in page(table)
    assert "&lt;b&gt;T" in page(table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tables: {t: {label: T, title: T, kind: arms, rows: {outcomes: [ctxx]}}}", r"no 'ctxx'; did you mean 'ctx'"),
        ("tables: {t: {label: T, title: T, kind: arms, rows: {table_1: true}, vist: x}}", r"tables\.t\.vist"),
        ("tables: {t: {label: T, title: T, kind: events}}", "'events' needs the key 'file'"),
        (
            "tables: {t: {label: T, title: T, kind: strata, rows: {table_1: true}, smd: true}}",
            "'strata' has no 'smd'",
        ),
        ("tables: [", "not readable as YAML"),
    ],
)
def test_a_fault_in_the_list_of_tables_is_named(trial, tmp_path, text, message):
    path = tmp_path / "tables.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        catalogue_of(path, trial)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]},
            "at the 2/3 quantile of the analysed participants; a value equal to the cut point went to the upper stratum.",
        ),
        (
            {"cuts": [1 / 3, 2 / 3], "labels": ["a", "b", "c"], "at_cut": "lower", "reference": "everyone"},
            "quantiles of all participants in the workbook; values equal to a cut point went to the lower stratum.",
        ),
        (
            {"by": "value", "cuts": [2.5], "labels": ["a", "b"]},
            "(“a” and “b”, lowest first) by p16 at baseline, at 2.5;",
        ),
        (
            {"by": "column", "column": "tertile", "labels": ["low", "high"]},
            "were taken from the column “tertile” of the workbook.",
        ),
    ],
)
def test_the_sentence_on_strata_follows_the_rule(rule, expected):
    assert expected in labels.strata(settings.StrataRule(**rule), "p16")
