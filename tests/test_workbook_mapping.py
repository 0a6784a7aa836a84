"""The mapping file: proposed by inspect, completed by the analyst, read without recognition."""

import re
from pathlib import Path

import pytest
import yaml
from layouts import writers
from pipeline import TRIAL

from d_q_trial.errors import UserError
from d_q_trial.workbook import reader
from d_q_trial.workbook.inspect import describe, render_text
from d_q_trial.workbook.reader import read_workbook


@pytest.fixture
def read_opaque(tmp_path):
    """Read a workbook with meaningless headers and some cells overwritten by the text of a mapping, if any."""

    def read(text="", **cells):
        rows = ([f"S{i}", "AB"[i % 2], 400 + i, 410 + 3 * i, 1 + i / 10] for i in range(12))
        book = writers.workbook({"x": [["a", "b", "c", "d", "e"], *rows]})
        for address, value in cells.items():
            book["x"][address] = value
        book.save(tmp_path / "opaque.xlsx")
        (tmp_path / "mapping.yaml").write_text(text)
        return read_workbook(tmp_path / "opaque.xlsx", TRIAL, tmp_path / "mapping.yaml" if text else None)

    return read


def select_baseline(participants):
    """Return CTx at baseline by participant."""
    frame = participants.frame
    return frame[frame.variable.eq("ctx") & frame.visit.eq("baseline")].set_index("participant").value


PAGE = (Path(__file__).parents[1] / "docs" / "workbook.md").read_text(encoding="utf-8")
MAPPING, *PANELS = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)


def test_documented_mapping_reads_meaningless_headers_and_converts_units(read_opaque):
    with pytest.raises(UserError, match="no participant of the trial was recognised"):
        read_opaque(C3="<100")
    participants = read_opaque(MAPPING.replace("0.001}", "0.001, unit: pg/mL}"), C3="<100")
    ctx = select_baseline(participants)
    assert (ctx["S0"], ctx["S1"], ctx["S11"], len(ctx)) == (0.4, 0.05, 0.411, 12)
    assert participants.frame.groupby("arm").participant.nunique().to_dict() == {"control": 6, "d_q": 6}


def test_documented_panels_are_read(tmp_path):
    (tmp_path / "panels.yaml").write_text("blocks:\n" + "".join(PANELS).replace("blocks:\n", ""))
    sheets = {name: [[row + column / 10 for column in range(5)] for row in range(30)] for name in ("4a", "3a", "3b")}
    writers.workbook({f"Fig. {name}": rows for name, rows in sheets.items()}).save(tmp_path / "panels.xlsx")
    frame = read_workbook(tmp_path / "panels.xlsx", TRIAL, tmp_path / "panels.yaml").frame
    assert frame.groupby(["sheet", "visit", "stratum"]).size().to_dict() == {
        ("Fig. 3a", "week_2", ""): 54,
        ("Fig. 3b", "week_4", ""): 54,
        ("Fig. 4a", "week_2", "T1/T2"): 40,
        ("Fig. 4a", "week_2", "T3"): 40,
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("variable: p16_variant_5", "variable: p16_varant_5", r"'p16_varant_5': not a variable .*'p16_variant_5'"),
        ("visit: week_2", "visit: week_3", r"blocks\.1\.columns\.D\.visit: 'week_3': not a visit of the trial"),
        ("visit: week_2", 'visit: "?"', r"columns\.D\.visit: '\?': to be filled in: visit, one of baseline, week_2"),
        ("sheet: x", "sheet: y", r"blocks\.1\.range: 'A1:E13': no sheet is called 'y'"),
        ("blocks:", "transpose: [x, x]\nblocks:", r"transpose\.1: 'x': 'x' is listed twice"),
        ("blocks:", "transpose: [y]\nblocks:", r"transpose\.0: 'y': no sheet is called 'y'"),
        ("blocks:", "ignore: [x]\nblocks:", r"ignore\.0: 'x': not a place such as Sheet1!A1:K61"),
        ("blocks:", "ignore: [x!M90:P99]\nblocks:", r"ignore\.0: .*holds no cells on sheet 'x'"),
        ("range: A1:E13", "range: A1:D13", r"columns\.E: 'E': not inside the range A1:D13"),
        ("range: A1:E13", "range: everything", r"'everything': not a range such as A1:K61"),
        ("range: A1:E13", "range: M90:P99", r"'M90:P99': holds no cells on sheet 'x'"),
        ("A: control", "A: placebo", r"arms\.A: 'placebo': not an arm of the trial"),
        ("factor: 0.001}", "factor: 0}", r"columns\.D\.factor: 0: expected greater than 0|greater than 0"),
        ("B: arm", "B: participant", r"blocks\.1\.columns: .*several columns are participant; expected one"),
        ("B: arm", "B: group", r"columns\.B\.is: 'group'"),
        ("arms:", "arm:", r"arm: unknown key; did you mean 'arms'"),
        ("half", "never", r"below_detection: 'never': expected 'missing', 'limit', 'half' or 'lowest'"),
        ("    range: A1:E13\n", "", r"range: '': a key is missing; expected sheet and range, or"),
        ("blocks:", "blocks: [", r"not readable as YAML"),
        ("header: 1 ", "header: 99", r"columns: the header leaves no row of data in the range A1:E13"),
        ("B: arm", "B: arm\n      b: ignore", r"columns: 'b' is listed twice"),
        ("A: control", "a: d_q, A: control", r"arms: 'a' is listed twice"),
        ("A: control", "D+Q: control, A: control", r"'dplusq' names several arms in the trial file and the mapping"),
        ("{variable: p16_variant_5}", "data", r"x!E1: 'e': numbers without a variable \(12\)"),
        (
            "{variable: p16_variant_5}",
            "{variable: p1np, visit: week_4, measure: value}\n    measure: percent_change",
            r"columns: a column of values in a block of changes; state the measure of each column",
        ),
    ],
)
def test_fault_of_a_mapping_is_reported_with_its_key(read_opaque, old, new, message):
    assert old in MAPPING
    with pytest.raises(UserError, match=message):
        read_opaque(MAPPING.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "header", "note"),
    [
        ("A1:E13", "A1:E9", "c", "x!C10: 12 numbers of this sheet, the first here, are in no block of the mapping"),
        ("header: 1", "header: 2", "c", "x!C2: 3 numbers of this sheet, the first here, are in no block"),
        ("", "", "CTx week 20", "x!C1: 'CTx week 20': the mapping reads this column as visit baseline, but its header"),
        ("B: d_q}", "B: d_q, c: d_q}", "c", "'c': under arms of the mapping, has no effect"),
        ("blocks:", "variables: {c: ignore}\nblocks:", "c", "'c': under variables of the mapping, has no effect"),
        ("blocks:", "strata: {3: T3}\nblocks:", "c", "'3': under strata of the mapping, has no effect"),
        ("[]", "[-99]", "c", "'-99': under missing of the mapping, has no effect"),
        ("range: A1", "variable: ctx\n    range: A1", "c", "x!A1:E13: variable: ctx of this block of the mapping"),
        ("range: A1", "arm: d_q\n    range: A1", "c", "x!A1:E13: arm: d_q of this block of the mapping has no effect"),
        ("blocks:", "workbook: a.xlsx\nblocks:", "c", "'a.xlsx': the workbook that the mapping was written for has"),
    ],
)
def test_content_that_contradicts_a_mapping_is_noted(read_opaque, old, new, header, note):
    text = MAPPING.replace("missing: [lost, -99]", "missing: []").replace(old, new)
    notes = read_opaque(text, C1=header).source["notes"]
    assert [text.startswith(note) for text in notes] == [True]


def test_unit_in_a_header_counts_unless_the_mapping_states_another_or_a_factor(read_opaque):
    read_opaque(MAPPING, C1="CTx baseline (pg/mL)")
    with pytest.raises(UserError, match=r"x!C1: 'CTx baseline \(pg/mL\)': CTx in pg/ml, expected ng/mL"):
        read_opaque(MAPPING.replace(", factor: 0.001", ""), C1="CTx baseline (pg/mL)")


def test_all_faults_of_a_mapping_are_reported_at_once(read_opaque):
    text = MAPPING.replace("week_2", "week_3").replace("A: control", "A: nobody").replace("E:", "Q:")
    with pytest.raises(UserError, match=r"3 faults(\n[^\n]*){3}$"):
        read_opaque(text)


@pytest.mark.parametrize("title", ["it's # odd, {x}", 'a "b"', "Größe − µ", "tab", "x{}y", "- z", "null", "1"])
@pytest.mark.parametrize(
    ("layout", "sheet", "cells"), [("wide", "Participants", "[A-Z]2"), ("transposed", "Sheet1", "B.")]
)
def test_names_of_sheets_survive_the_mapping_and_cells_are_those_of_the_sheet(tmp_path, layout, sheet, cells, title):
    path, answers = tmp_path / "book.xlsx", tmp_path / "answers.yaml"
    book = writers.build(writers.WRITERS[layout], writers.invent(outcomes=["ctx"]))
    book[sheet].title = title
    book.save(path)
    answers.write_text(yaml.safe_dump({"transpose": [title] if layout == "transposed" else []}))
    frame = read_workbook(path, TRIAL, writers.propose_mapping(path, answers)).frame
    assert title in set(frame["sheet"])
    assert frame.loc[frame["participant"].eq(frame["participant"][0]), "cell"].str.fullmatch(cells).all()


@pytest.mark.parametrize(("policy", "value"), [("missing", None), ("limit", 0.1), ("half", 0.05), ("lowest", 0.0)])
def test_mapping_determines_values_below_detection_decimal_commas_and_error_cells(read_opaque, policy, value):
    text = MAPPING.replace("half", policy, 1).replace("comma: false", "comma: true")
    text = text.replace("cells: fault", "cells: missing")
    participants = read_opaque(text, C2="<100", C3="401,5", C4="#N/A")
    ctx = select_baseline(participants)
    assert ctx.get("S0") == value
    assert ctx["S1"] == pytest.approx(0.4015)
    assert "S2" not in ctx
    assert participants.source["counts"]["below detection"] == 1


GROUPS = [["Control", "D+Q"], *([n / 4, n / 2] for n in range(-9, 9))]
PARTICIPANTS = [[f"S{n}", ["Control", "D+Q"][n % 2], 0.3 + n / 50] for n in range(12)]
# Sheets, a line of inspect, the answer to each question of the mapping, and the numbers of values that are then read.
OPEN = {
    "the measure of all panels": (
        {f"Fig {w}": [[f"CTx week {w}"], *GROUPS] for w in (2, 4, 20)},
        r"Fig 2!A1:B20: follow-up numbers that may be .* \(as 2 more blocks\); say measure",
        {'measure: "?"': "measure: percent_change"},
        {("ctx", visit, "percent_change"): 36 for visit in ("week_2", "week_4", "week_20")},
    ),
    "the variable, visit and measure of groups": (
        {"Fig 3a": GROUPS}, r"Fig 3a!A1:B19: block not read: it does not say what was measured",
        {'variable: "?"': "variable: ctx", 'visit: "?"': "visit: week_20", 'measure: "?"': "measure: percent_change"},
        {("ctx", "week_20", "percent_change"): 36},
    ),
    "the variable of percent of baseline": (
        {"A": [["ID", "Arm", "CTx % of baseline wk 20"], *([*row[:2], 90 + row[2]] for row in PARTICIPANTS)]},
        r"A!C1: .*: may be CTx, which is missing .*percent of baseline, not a change",
        {'variable: "?"': "variable: ctx"}, {("ctx", "week_20", "percent_change"): 12},
    ),
    "the visit of a column without one": (
        {"A": [["ID", "Arm", "CTx", "Age"], *([*row, 70] for row in PARTICIPANTS)]},
        r"A!C1: 'CTx': CTx without a visit; expected one of Baseline",
        {'C: {variable: ctx, visit: "?"}': "C: {variable: ctx, visit: baseline}"},
        {("age", "baseline", "value"): 12, ("ctx", "baseline", "value"): 12},
    ),
    "the visit of a column called end": (
        {"A": [["ID", "Arm", "CTx baseline", "CTx end"], *([*row, row[2]] for row in PARTICIPANTS)]},
        r"D1: 'CTx end': may be CTx, which is missing at 2 weeks, 4 weeks, 20 weeks",
        {'visit: "?"': "visit: week_20"}, {("ctx", "baseline", "value"): 12, ("ctx", "week_20", "value"): 12},
    ),
    "the visits of several rows per participant": (
        {"A": [["ID", "Arm", "Period", "CTx", "P1NP baseline"], *([*row[:2], "ABC"[n], row[2] + n / 9, 50] for row in PARTICIPANTS for n in range(3))]},
        r"A!A1: 'ID': 36 rows of 12 participants, without a column of visits",
        {
            'D: {variable: ctx, visit: "?"}': "D: {variable: ctx}", "C: ignore": "C: visit",
            "blocks:": "visits: {A: baseline, B: week_2, C: week_4}\nblocks:",
        },
        {**{("ctx", visit, "value"): 12 for visit in ("baseline", "week_2", "week_4")}, ("p1np", "baseline", "value"): 12},
    ),
    "the arm of a column without a title": (
        {"A": [["CTx % change week 20"], ["Control", None, "D+Q"], *([n / 4 - k for k in range(3)] for n in range(9))]},
        r"A!B3: numbers without a group \(9\)", {'arm: "?"': "arm: control"}, {("ctx", "week_20", "percent_change"): 27},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_mapping_asks_what_inspect_asks_and_its_answers_are_read(tmp_path, name):
    sheets, message, answers, counts = OPEN[name]
    path = tmp_path / "book.xlsx"
    writers.workbook(sheets).save(path)
    assert re.search(message, render_text(describe(reader.examine_workbook(path, TRIAL))))
    mapping = writers.propose_mapping(path)
    text = mapping.read_text()
    assert text.partition("workbook:")[2].count('"?"') == sum('"?"' in question for question in answers)
    with pytest.raises(UserError, match=r"to be filled in|expected 'value'"):
        read_workbook(path, TRIAL, mapping)
    for question, answer in answers.items():
        text = text.replace(question, answer)
    mapping.write_text(text)
    frame = read_workbook(path, TRIAL, mapping).frame
    assert frame.groupby(["variable", "visit", "measure"]).size().to_dict() == counts
    assert set(frame["arm"]) == {"control", "d_q"}
