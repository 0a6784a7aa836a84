"""What inspect reports of workbooks that are recognised only in part or not at all, and what it asks for."""

import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import yaml
from layouts import writers
from openpyxl import Workbook
from pipeline import TRIAL, alter_trial

from d_q_trial.config.settings import StrataRule
from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial
from d_q_trial.workbook import reader
from d_q_trial.workbook.inspect import describe, render_html, render_mapping, render_text
from d_q_trial.workbook.reader import read_workbook


def save(tmp_path, book: Workbook | dict[str, list[list]]) -> Path:
    book = writers.workbook(book) if isinstance(book, dict) else book
    book.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def inspect_workbook(path, trial=None):
    """Return the findings as text, and the proposed mapping."""
    reading = reader.examine_workbook(path, trial or TRIAL)
    findings = describe(reading)
    assert "<html" in render_html(findings, reading)
    return render_text(findings), render_mapping(reading)


RANDOM = np.random.default_rng(3)
GENES = [[gene, *RANDOM.lognormal(size=6).tolist()] for gene in ["Il6", "Cdkn2a", "Tnf", "Fas"]]
REPEATS = [[f"rep {number}", *RANDOM.normal(size=2).tolist()] for number in range(9)]
ANSWERS = [[f"day {n}", 20 + n, "fm"[n % 2], n % 5 + 1, "none" if n else None] for n in range(30)]
# Sheets of unrelated studies, and lines of their description.
OTHER_STUDIES = {
    "Fig 1a": [["Figure 1a: relative expression"], [], [None, "wild type", None, None, "knockout"], *GENES],
    "Fig 2": [["", "siCtrl", "siRNA"], *REPEATS],
    "Survey": [["When", "What is your age?", "Gender", "Q1: how content are you (1-5)", "Remarks"], *ANSWERS],
}
DESCRIBED = [r"Fig 1a!A3:G7", r"B wild type: 4 numbers, ", r"E knockout: 4 numbers", r"B siCtrl: 9 numbers"]
DESCRIBED += [r"B What is your age\?: 30 numbers, 20 to 49", r"D Q1: .*: 30 numbers, 1 to 5"]


def test_workbook_of_other_studies_is_described_and_nothing_is_read(tmp_path):
    path = save(tmp_path, OTHER_STUDIES)
    text, mapping = inspect_workbook(path)
    assert all(re.search(line, text) for line in DESCRIBED), text
    assert "no participant of the trial was recognised" in text
    assert "no block was recognised as holding the trial's participants" in text
    assert re.search(r"^#  - sheet: ", mapping, re.M), "a block to take the # away from"
    (tmp_path / "mapping.yaml").write_text(mapping)
    with pytest.raises(UserError, match="no block is listed"):
        read_workbook(path, TRIAL, tmp_path / "mapping.yaml")


def test_panels_without_ids_are_not_called_complete_and_read_by_their_proposed_mapping(tmp_path, forget_names):
    path = writers.save(writers.sheet_per_panel, writers.invent(), tmp_path / "book.xlsx")
    (text, mapping), frame = inspect_workbook(path), read_workbook(path, TRIAL).frame
    (tmp_path / "mapping.yaml").write_text(mapping)
    forget_names()
    assert read_workbook(path, TRIAL, tmp_path / "mapping.yaml").frame.equals(frame)
    assert "linked participants: the panels have no ids" in text
    assert "so it defines no strata" in text
    assert "All data that the analyses need were found." not in text


def test_trial_of_another_drug_is_described_and_its_arms_are_asked_for():
    folder = Path("data/pbc")
    text, mapping = inspect_workbook(folder / "pbc.xlsx")
    assert re.search(r"^Age +Baseline .* 312 ", text, re.M)
    assert "'D-penicillamine': not an arm of the trial (in 158 rows)" in text
    assert "participant ids, but no known variable" in text
    assert '"D-penicillamine": "?"' in mapping
    _, mapping = inspect_workbook(folder / "pbc.xlsx", load_trial(folder / "trial.yaml"))
    assert "#   {variable: bilirubin, visit: month_6}\n" in mapping
    assert "#   {arm: d_penicillamine, stratum: LABEL, marker: urine_copper}\n" in mapping


def make_workbook(*heads: str, **sheets: list[list]) -> Workbook:
    """Make a workbook of 16 participants with a baseline of CTx and more columns of numbers, and other sheets."""
    more = [[round(0.3 + n / 50 + i / 10, 3) for i in range(len(heads))] for n in range(16)]
    rows = [[f"P{n}", ["Control", "D+Q"][n % 2], round(0.4 + n / 40, 3), *more[n]] for n in range(16)]
    return writers.workbook({"Sheet": [["ID", "Arm", "CTx baseline", *heads], *rows]} | sheets)


def test_columns_without_a_meaning_are_left_out_and_summarized_between_primary_endpoint_and_questions(tmp_path):
    path = save(tmp_path, make_workbook("CTx week 2", "CTx week 4", "CTx week 20", "CTx lot"))
    frame = read_workbook(path, TRIAL).frame
    assert frame[frame.variable == "ctx"].groupby("visit").size().to_dict() == dict.fromkeys(writers.VISITS, 16)
    book = make_workbook("CTx_v4", *(f"Gene {number}" for number in range(150)))
    lines = inspect_workbook(save(tmp_path, book))[0].splitlines()
    assert len(lines) < 60
    assert lines[1].startswith("Primary endpoint (CTx, percent change from baseline to 20 weeks) cannot be computed")
    assert lines[2] == "Faults and questions, listed below: 1"
    assert any("not among the trial's names: E Gene 0, F Gene 1, G Gene 2" in line for line in lines)
    assert lines[-1].startswith("  Sheet!D1: 'CTx_v4': may be CTx")


def test_primary_endpoint_needs_baselines_above_zero_and_zeros_are_noted_once(tmp_path):
    book = make_workbook("CTx week 20")
    for row in range(3, 18, 2):  # those of D+Q
        book.active.cell(row, 3, 0)
    text, _ = inspect_workbook(save(tmp_path, book), alter_trial(TRIAL, "outcomes", "ctx", plausible=None))
    assert "cannot be computed: no values at 20 weeks of participants with a baseline above zero in D+Q\n" in text
    note = "Sheet!C3: 0: zero baseline of CTx: no percent change from it (8 cells: C3, C5, C7, C9, C11, C13, C15, C17)"
    assert re.findall("Sheet!.*zero baseline.*", text) == [note]


def test_panels_of_one_stratum_do_not_give_the_primary_endpoint(tmp_path):
    panel = [["CTx, % change at week 20, p16 variant 5: T3"], ["Control", "D+Q"], *([i + 0.5, -i] for i in range(8))]
    assert "cannot be computed: no values at 20 weeks" in inspect_workbook(save(tmp_path, {"Fig. 4": panel}))[0]


def test_each_value_of_a_panel_is_compared_with_one_raw_value(tmp_path):
    rows = list(make_workbook("CTx week 20").active.iter_rows(min_row=2, values_only=True))
    changes = {arm: [100 * (row[3] - row[2]) / row[2] for row in rows if row[1] == arm] for arm in ("Control", "D+Q")}
    changes["D+Q"][1] = changes["D+Q"][0]  # twice here, and once among the participants
    panel = [["CTx, week 20, % change"], [], [*changes], *map(list, zip(*changes.values(), strict=True))]
    path = save(tmp_path, make_workbook("CTx week 20", Panel=panel))
    notes = " ".join(read_workbook(path, TRIAL).source["notes"])
    assert "(control): 8 of 8 values agree with those of the participants" in notes
    assert "(d_q): 7 of 8 values agree with those of the participants" in notes


def test_first_lines_report_origin_arms_and_strata_also_without_ids_on_a_sheet_named_after_an_arm(tmp_path):
    book = make_workbook("CTx week 20")
    book.properties.title = "A synthetic cohort"
    book.active.append(["P17", "Fisetin", 0.3, 0.4])
    for row in range(1, 19):
        book.active.cell(row, 5, "p16 variant 5 tertile" if row == 1 else ["T3", "T1/T2"][row % 2])
    lines = inspect_workbook(save(tmp_path, book))[0].splitlines()
    assert lines[1] == reader.SYNTHETIC
    head = "\n".join(lines[:7])
    assert "17 participants: 8 Control, 8 D+Q, 1 Fisetin" in head
    assert "Arms as written: D+Q = d_q" in head
    rule = '{by: column, column: "p16 variant 5 tertile", labels: ["T1/T2", "T3"]}'
    assert f"T3 (8), T1/T2 (8); an analysis uses them by strata: {rule}, the lowest label first" in head
    assert StrataRule(**yaml.safe_load(rule)).labels == ["T1/T2", "T3"]
    book.active.title = "D+Q"
    book.active.delete_cols(1)
    text, mapping = inspect_workbook(save(tmp_path, book))
    assert "17 participants: 8 Control, 8 D+Q, 1 Fisetin" in text
    assert re.search(r"participants, one row each +an arm in each row, no participant id", text)
    assert "\n    arm:" not in mapping
    assert re.search(r"Strata in a column: T\S+ \(8\), T\S+ \(8\)", text)


@pytest.mark.parametrize(("yes", "no"), [("f", "m"), ("2", "1"), ("no", "yes")])
def test_answers_of_a_binary_outcome_are_read_as_the_trial_spells_them(tmp_path, yes, no):
    trial = alter_trial(TRIAL, "outcomes", "smoker", yes_names=[yes.upper()], no_names=[no.upper()])
    cells = [int(word) if word.isdigit() else word for word in (yes, no, no, yes)]
    rows = [[f"P{n}", ["Control", "D+Q"][n % 2], cell, 60 + n] for n, cell in enumerate(cells)]
    sheets = {"Sheet": [["ID", "Arm", "Smoker", "Age"], *rows]}
    frame = read_workbook(save(tmp_path, sheets), trial).frame
    assert frame[frame.variable == "smoker"].value.tolist() == [1, 0, 0, 1]
    sheets["Sheet"].append(["P9", "D+Q", "x", 60])
    with pytest.raises(UserError, match=f"C6: 'x': expected {yes} or {no}"):
        read_workbook(save(tmp_path, sheets), trial)


NUMBERS = [1.5, 3.0, 3.0, 4.5]  # plausible for either outcome
SMOKER, P1NP, CTX = ("smoker", "baseline", "value"), ("p1np", "baseline", "value"), ("ctx", "week_2", "value")


@pytest.mark.parametrize(
    ("name", "label", "cells", "codes", "values", "message"),
    [
        ("smoker", "Smoker", [0, 1, 1, 0], {0: "yes", 1: "no"}, {SMOKER: [1, 0, 0, 1]}, ""),
        ("smoker", "Smoker", [2, 1, 1, 2], {1: "n", 2: "y"}, {SMOKER: [1, 0, 0, 1]}, ""),
        ("smoker", "Smoker", [0, 1, 1, 0], {0: "Smokes", 1: "Not"}, None, "D2: 'Smokes': expected yes or no, 1 or 0"),
        ("p1np", "P1NP baseline", NUMBERS, {4.5: "Missing"}, {P1NP: NUMBERS[:3]}, "D5: 'Missing': read as missing"),
        ("p1np", "P1NP baseline", NUMBERS, {4.5: "LOD"}, {P1NP: NUMBERS[:3]}, "D5: 'LOD': below detection"),
        ("p1np", "P1NP baseline", NUMBERS, {4.5: "Refused"}, None, "D5: 'Refused': .* value label of a score"),
        ("ctx_w2", "Second measurement of CTx", NUMBERS, {}, {CTX: NUMBERS}, ""),
        ("ctx_w2", "CTx, percent change", NUMBERS, {}, {("ctx", "week_2", "percent_change"): NUMBERS}, ""),
        *((name, "CTx week 2", NUMBERS, {}, {CTX: NUMBERS}, "") for name in ("X1", "V2", "week2", "outcome_a")),
        ("ctx_w2", "P1NP week 2", NUMBERS, {}, None, "'P1NP week 2': may be CTx"),
    ],
)
def test_name_label_and_value_labels_of_a_column_of_a_statistics_file_are_read_together(
    tmp_path, name, label, cells, codes, values, message
):
    columns = {"id": range(4), "arm": ["Control", "D+Q"] * 2, "age": range(70, 74), name: cells, "ctx_w0": NUMBERS}
    labels = {"column_labels": {name: label, "ctx_w0": "First measurement"}, "variable_value_labels": {name: codes}}
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(pd.DataFrame(columns), str(path), **labels)
    if values is None:
        with pytest.raises(UserError, match=message):
            read_workbook(path, TRIAL)
        return
    participants = read_workbook(path, TRIAL)
    read = participants.frame[participants.frame["variable"] != "age"]
    read = read.groupby(["variable", "visit", "measure"])["value"].apply(list).to_dict()
    assert read == values | {("ctx", "baseline", "value"): NUMBERS}
    assert message in " ".join(participants.source["notes"])


def test_visits_are_preferred_to_times_and_an_outcome_may_be_called_outcome(tmp_path):
    different = {"key": "outcome", "label": "Outcome", "names": [], "plausible": None}
    trial = TRIAL.model_copy(update={"outcomes": {"outcome": TRIAL.outcomes["ctx"].model_copy(update=different)}})
    visits = [(0.2, "baseline"), (2.4, "week 2"), (7.1, "last")]
    rows = [[f"P{n}", ["Control", "D+Q"][n % 2], *visit, 50 + n] for n in range(6) for visit in visits]
    path = save(tmp_path, {"Sheet": [["ID", "Arm", "Week", "Visit", "Outcome"], *rows]})
    (tmp_path / "m.yaml").write_text("visits: {last: ignore}\n", encoding="utf-8")
    frame = read_workbook(path, trial, tmp_path / "m.yaml").frame
    assert frame.groupby(["variable", "visit"]).size().to_dict() == {("outcome", v): 6 for v in ("baseline", "week_2")}


VISITS = [("baseline", 61.5, "T3"), ("week 2", 61.6, "T1/T2"), ("week 4", 61.7, "T3")]


@pytest.mark.parametrize("visits", [VISITS, VISITS[::-1], VISITS[1:]], ids=["in order", "reversed", "no baseline"])
def test_baseline_variables_that_change_between_visits_keep_their_baseline_values(tmp_path, visits):
    participants = [(f"P{n}", ["Control", "D+Q"][n % 2], n) for n in range(9)]
    rows = [[*ids, visit, 0.3 + n / 50, age + n, tertile] for *ids, n in participants for visit, age, tertile in visits]
    path = save(tmp_path, {"Sheet": [["ID", "Arm", "Visit", "CTx", "Age", "p16 variant 5 tertile"], *rows]})
    if visits == VISITS[1:]:
        with pytest.raises(UserError, match=r"3 faults\n.*E1: 'Age': Age is given only at later visits.*\n.*F1: 'p16"):
            read_workbook(path, TRIAL)
        return
    participants = read_workbook(path, TRIAL)
    by_variable = participants.frame.groupby("variable").agg(list)
    assert by_variable.value["age"] == [61.5 + n for n in range(9)]
    assert by_variable.text["p16 variant 5 tertile"] == ["T3"] * 9
    assert len(by_variable.value["ctx"]) == 27
    notes = [note for note in participants.source["notes"] if "only the value at baseline is used" in note]
    for note, variable in zip(notes, ("Age", "p16 variant 5 tertile"), strict=True):
        assert re.search(f": {variable} changes between visits, .* for 9 of the participants", note)


def test_sheet_of_16384_columns_is_described_in_20_seconds(tmp_path):
    started = time.process_time()
    text, mapping = inspect_workbook(save(tmp_path, {"Sheet": [[0] * 16_384]}))
    assert time.process_time() - started < 20
    assert re.search(r"Sheet!A1:XFD1: A \(no header\): 1 numbers", text)
    assert "XFD" in mapping
