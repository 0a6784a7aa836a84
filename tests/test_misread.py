"""Layouts that once were read wrongly without a word: each is read right, or asked about."""

import datetime
import re
import time

import openpyxl
import pytest
from layouts import writers

from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial
from d_q_trial.workbook.inspect import mapping_text
from d_q_trial.workbook.reader import examine_workbook, read_workbook

TRIAL = load_trial("data/trial.yaml")
DATES = [datetime.date(2021, 3, day) for day in range(1, 13)]
PEOPLE = [f"S{i:02d}" for i in range(1, 13)]
ARMS = ["D+Q", "Control"] * 6
P1NP = ["P1NP baseline", "P1NP week 20"]
VISITS = "columns:\n      A: participant\n      B: arm\n      C: {variable: ctx, visit: baseline}\n"
BLOCK = f"blocks:\n  - sheet: A\n    range: A1:E13\n    {VISITS}      D: {{variable: ctx, visit: week_20}}\n"


def rows(header, *columns):
    return [header, *map(list, zip(*columns, strict=True))]


def ctx(seed=0, count=12):
    return [round(0.3 + 0.011 * ((i * 7 + seed) % 12), 3) for i in range(count)]


def p1np(seed=0):
    return [round(100 * value, 1) for value in ctx(seed)]


def wide(people=PEOPLE, arms=ARMS, **replaced):
    """A wide table; ``replaced`` are cells by their address."""
    table = rows(["ID", "Arm", "CTx baseline", "CTx week 20"], people, arms, ctx(), ctx(3))
    for address, value in replaced.items():
        row, column = openpyxl.utils.cell.coordinate_to_tuple(address)
        table[row - 1][column - 1] = value
    return table


WIDE = wide()
CODED = wide(arms=["Group B", "Group A"] * 6)


def beside(*column):
    """The wide table with one more column."""
    return [[*row, cell] for row, cell in zip(WIDE, column, strict=True)]


def book(tmp_path, **sheets):
    """Write sheets of rows; a sheet may be a function that changes a worksheet of the wide table."""
    titled = {name.replace("_", " "): content for name, content in sheets.items()}
    made = writers.workbook({name: WIDE if callable(content) else content for name, content in titled.items()})
    for name, change in titled.items():
        if callable(change):
            change(made[name])
    made.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def read(path, mapping=None):
    if mapping:
        (path.parent / "mapping.yaml").write_text(mapping)
    return read_workbook(path, TRIAL, path.parent / "mapping.yaml" if mapping else None)


def arms_of(frame):
    return frame.groupby("arm").participant.nunique().to_dict()


# -- participants -------------------------------------------------------------------------------------------------


NUMBERS = [100000 + i for i in range(12)]
DASHED = [f"P-{i:02d}" for i in range(1, 13)]
WRITTEN = {
    **{f"{text!a} for S04": (PEOPLE, [text if i == "S04" else i for i in PEOPLE]) for text in ("S04\u200b", "\ufeffS04", "S\u00ad04", "Ｓ０４", "S04 ")},
    **{f"dash {dash!a}": (DASHED, [i.replace("-", dash) for i in DASHED]) for dash in "\u2010\u2011\u2013\u2212"},
    "number in exponent form": (NUMBERS, ["1e+05", *map(str, NUMBERS[1:])]),
    **{f"codes that begin with {first}": ([f"{first}{i}" for i in range(12)],) * 2 for first in ("1E", "Q")},
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_ids_that_look_alike_or_are_the_same_number_are_one_participant(name, tmp_path):
    ids, others = WRITTEN[name]
    found = read(book(tmp_path, A=wide(ids), B=rows(["ID", *P1NP], others, p1np(1), p1np(2))))
    assert set(found.frame["participant"]) == set(map(str, ids))
    told = any("look-alike" in note for note in found.source["notes"])
    assert told == (("S04" in name and "S04 " not in name) or "dash" in name)


@pytest.mark.parametrize(
    ("slip", "expected"), [("S94", "S04"), ("SO4", "S04"), ("S4O", "S4O"), ("Ѕ04", "differs only in spelling")]
)
def test_an_id_of_one_sheet_that_is_close_to_a_missing_one_is_asked_about(slip, expected, tmp_path):
    ids = [slip if identity == "S04" else identity for identity in PEOPLE]
    with pytest.raises(UserError, match=expected):
        read(book(tmp_path, A=WIDE, B=rows(["ID", *P1NP], ids, p1np(1), p1np(2))))


def sample(first, count):
    """People without ids or arms, with age and p16."""
    ages = range(20 + first, 20 + count)
    return rows(["Age", "p16 variant 5"], ages, [1 + (age - 20) / 40 for age in ages])


# -- questions ----------------------------------------------------------------------------------------------------


def torn(tables, blank):
    return [[*left, *[None] * blank, *right] for left, right in zip(*tables, strict=True)]


def prism(*header):
    columns = [[round(5 * i + 0.7 * k - 20, 1) for k in range(8)] for i in range(6)]
    return [["CTx % change week 20"], list(header), *map(list, zip(*columns, strict=True))]


def long(names, label="Visit"):
    """A long table of as many visits each, called as given."""
    persons, arms = ([x for x in column for _ in names] for column in (PEOPLE, ARMS))
    return rows(
        ["ID", "Arm", label, "CTx"], persons, arms, names * 12, [0.3 + 0.01 * (i % 17) for i in range(len(arms))]
    )


def merged(page):
    page.merge_cells("C5:C6")


def percent_formats(count, form="0.0%"):
    def fill(page):
        page["D1"] = "CTx % change week 20"
        for row in range(2, 14):
            page.cell(row, 4, (row - 7) / 4).number_format = form if row < count + 2 else "General"

    return fill


def sections(*titles):
    """A table without a column of arms: six participants below Control, four below D+Q, one below each title."""
    people = map(list, zip(PEOPLE, ctx(), ctx(3), strict=True))
    counts = {"Control": 6, "D+Q": 4, **dict.fromkeys(titles, 1)}
    below = ([[title], *(next(people) for _ in range(count))] for title, count in counts.items())
    return [["ID", "CTx baseline", "CTx week 20"], *(row for part in below for row in part)]


EVENTS = ["baseline_arm_1", "week_20_arm_1", "baseline_arm_2", "week_20_arm_2"]
IL6 = [round(2 + 0.1 * i, 1) for i in range(11)]


def events(*names):
    values = [0.3 + 0.01 * i for i in range(24)]
    return rows(["record_id", "Event Name", "CTx"], [p for p in PEOPLE for _ in range(2)], [*names] * 6, values)


def marked(head, *marks):
    """A long table with a column that marks some of its rows."""
    table = long(["Baseline", "Week 20"])
    return [[*table[0], head], *([*row, marks[i % len(marks)]] for i, row in enumerate(table[1:]))]


def armed(name):
    return [[c if c != "Control" or i % 4 else name for c in row] for i, row in enumerate(WIDE)]


def beside_ctx(named):
    """A long table of CTx and of a parameter that is not plainly it."""
    names = [name for name in ("CTx", named) for _ in PEOPLE]
    return rows(["ID", "Arm", "Test", "Visit", "Result"], PEOPLE * 2, ARMS * 2, names, ["Baseline"] * 24, ctx() * 2)


def panel(title, *heads, above=()):
    """Groups of different values beside each other, below a title and a row of other words."""
    return [[title], *above, *(row[: len(heads)] for row in prism(*heads)[1:])]


NUMBERED, VALUES = wide(arms=[1, 0] * 6), [[row[0], *row[2:]] for row in WIDE]
QUESTIONS = {
    "week before zero": (long(["Baseline", "Week -2"]), "'Week -2': not a visit of the trial"),
    "weeks before zero": (long(["Baseline", "-2 weeks"]), "'-2 weeks': not a visit of the trial"),
    "day before zero in a header": (beside("P1NP day -14", *p1np(1)), "'P1NP day -14': may be P1NP, which is missing"),
    **{
        f"visit with a remark, {remark}": (long(["Baseline", f"Week 20 ({remark})"]), "not a visit of the trial")
        for remark in ("LOCF", "unscheduled", "ET")
    },
    **{
        f"{visit} as a visit": (long(["Baseline", visit]), f"{re.escape(repr(visit))}: not a visit of the trial")
        for visit in ("Week 20 mean", "Week 20 T3", "Week 20 % change", "Week 20 ng/mL", "Week 20?", "~Week 20", "> week 20")
    },
    **{
        f"arm {name}": (armed(name), f"{re.escape(repr(name))}: not an arm of the trial")
        for name in ("No D+Q", "not treated with D+Q", "Placebo for D+Q", "D+Q [screen failure]", "D+Q mean", "D+Q week 2", "D+Q CTx", "D+Q change")
    },
    **{
        f"{head} marks rows": (marked(head, *marks), rf"'{head}': may mark values that differ \({shown}")
        for head, marks, shown in (
            ("DTYPE", (None, None, "LOCF"), r"blank \(16\), LOCF \(8\)"),
            ("LBSTAT", (None, "NOT DONE"), r"blank \(12\), NOT DONE \(12\)"),
            ("Operator", ("=", "<"), r"= \(12\), < \(12\)"),
            ("Repeat Instance", (1, 1, 1, 2), r"1 \(18\), 2 \(6\)"),
            ("Excluded", (None, None, "yes"), r"blank \(16\), yes \(8\)"),
            ("Comment", (None, None, "hemolyzed, do not use"), r"blank \(16\), hemolyzed, do not use \(8\)"),
            ("Note", (None, None, "<"), r"blank \(16\), < \(8\)"),
        )
    },
    "ids repeated in another order": (
        [[*a, *b] for a, b in zip(WIDE, rows(["ID", *P1NP], PEOPLE[::-1], p1np(1), p1np(2)), strict=True)],
        r"1 fault\n.*A!E1: 'ID': names another participant than A1 \(ID\) in some rows \(12, first E2\); .* if another table begins here"
    ),
    "visits repeated in another order": (
        [[*a, b[2], 100 * b[3] if n else "P1NP"] for n, (a, b) in enumerate(zip(long(["Baseline", "Week 20"]), long(["Week 20", "Baseline"]), strict=True))],
        r"A!E1: 'Visit': names another visit than C1 \(Visit\) in some rows \(24, first E2"
    ),
    "panels below letters": (panel("CTx % change week 20", *["Control", "D+Q"] * 2, above=[["a", None, "b"]]), "A!C3: .*values differ from those at A!A3"),
    **{
        f"{head} beside the groups": (panel("CTx % change week 20", "Control", "D+Q", head), "A!C2: .*: values differ from those at A!B2")
        for head in ("D+Q", "D+Q (men)", "D+Q [excluded]")
    },
    **{t: (panel(t, "Control", "D+Q"), f"'{t}': these values may") for t in ("Percent decrease in CTx, week 20", "CTx week 20, % difference vs control", "CTx % change week 20, mice", "CTx % change week 20, per protocol")},
    "a parameter that may be what is missing": (
        [[c if c != "CTx" or not i else "CTx, all" for c in row] for i, row in enumerate(beside_ctx("P1NP"))], "'CTx, all': perhaps ctx .in 12 rows.; name"
    ),
    "a unit beside a parameter": (beside_ctx("25(OH)D (nmol/L)"), r"A!C14: 'nmol/l': 25\(OH\)D in nmol/l, which does not convert"),
    "a unit in a title": ({"A": WIDE, "B": [["Phosphorus, mmol/L"], *rows(["ID", "Baseline"], PEOPLE, [*IL6, 3])]}, "B!B2: 'Baseline': Phosphorus in mmol/l"),
    **{h: ([[*row, "mmol/L" if i else h] for i, row in enumerate(beside_ctx("Phosphorus"))], "A!F14: 'mmol/L': Phosphorus") for h in ("AVALU", "VSORRESU", "VSSTRESU")},
    "a name that a codebook gives to another visit": (
        {"A": long(["W0", "W4"]), "Codes": [["W0", "Baseline"], ["W2", "Week 4"], ["W4", "Week 20"]]}, "Codes!A1:B3: 'W2' seems to mean another visit here"
    ),
    "a name of a header that a text gives to another visit": (
        {"A": [["ID", "Arm", "CTx W0", "CTx W4"], *WIDE[1:]], "Codes": [["W0 = Baseline, W4 = Week 20"]]}, "'W4' seems to mean another visit"
    ),
    "an arm as an id": ([*WIDE, ["Control", "Control", 0.4, 0.5]], "1 fault\n.*A!A14: 'Control': values without a participant id"),
    "a marker beside values of a later visit": (
        {"A": [row[:3] for row in WIDE], "Week 20": rows(["ID", "p16 variant 5", "CTx"], PEOPLE, [*IL6, 3], ctx(3))}, "Week 20!B1: .*given only at later"
    ),
    **{
        f"CTx % change, {when}": (panel(f"CTx % change, {when}", "Control", "D+Q"), "A!A2: 'Control': CTx without a visit")
        for when in ("D+Q every 28 days", "2 weeks after the last cycle", "week 4 and 20", "weeks 2-20", "weeks 2, 4 and 20", "2 and 20 weeks")
    },
    **{f"{name} % change week 20": (panel(f"{name} % change week 20", "Control", "D+Q"), "no participant of") for name in ("Urinary CTx", "CTX-II")},
    "a title of changes above baselines": ([["CTx, % change"], ["ID", "Arm", "Baseline", "Week 20"], *WIDE[1:]], "A!A1:D14: follow-up numbers that may be values"),
    **{
        f"{codes} among changes": (
            rows(["ID", "Arm", "CTx % change wk 20"], PEOPLE, ARMS, [*codes, *range(1, 13 - len(codes))]), f"A!C2: {codes[0]}: perhaps a code for a missing"
        )
        for codes in ((999, 999), (-99, -99), (-999,))
    },
    "fractions in short panels": ([*panel("CTx % change week 20", "Control", "D+Q")[:2], *[[i / 50, i / 40] for i in range(8)]], "A!A2: .*as if they were fractions"),
    "numbers of samples beside codes": ({"A": WIDE, "B": rows(["Sample ID", *P1NP], range(1, 13), p1np(1), p1np(2))}, "B!A1: 'Sample ID': perhaps not the same ids"),
    "participants in a table called after the population": (
        {"A": WIDE, "Age cohort": rows(["ID", "Age", "p16 variant 5"], PEOPLE, range(60, 72), ctx(2))}, "Age cohort!A1:C13: most .* have the ids"
    ),
    "a title of logarithms": ([["Natural log transformed values"], *WIDE], "'Natural log transformed values': these values may"),
    "a title of ratios": (
        [["CTx (relative)"], ["ID", "Arm", "Baseline", "Week 20"], *WIDE[1:]], "'CTx [(]relative[)]': these values may not be as measured"
    ),
    "a sheet of imputed values": ({"Imputed": WIDE}, "'Imputed': these values may not be as measured"),
    "fractions but for one": (
        rows(["ID", "Arm", "CTx % change wk 20"], PEOPLE, ARMS, [0.02 * i - 0.1 for i in range(11)] + [1.14]), "as if they were fractions"
    ),
    "a blank row inside a table below a title": (
        [["CTx, week 20"], ["ID", "Arm", "CTx"], *([100 + i * i, *row[1:3]] for i, row in enumerate(WIDE[1:7])), [None],
         *([500 + i * i, *row[1:3]] for i, row in enumerate(WIDE[7:]))],
        "A!A10:C15: 12 numbers here are not read"
    ),
    "a blank row inside a table": ([*WIDE[:7], [None], *WIDE[7:]], "A!A9:D14: 12 numbers here are not read because no"),
    "ids that a blank column parts from their values": ([[row[0], None, *row[1:]] for row in WIDE], "A!C1:E13: a table of participants without"),
    "numbers as ids that a blank column parts from their values": (
        [[row[0], None, *row[1:]] for row in wide(range(12))], "A!C1:E13: a table of participants without"
    ),
    "a blank column inside a table": (torn((WIDE, rows(P1NP, p1np(1), p1np(2))), 1), "A!F1:G13: 24 numbers here are not read .* recognised .P1NP base"),
    "percent of baseline": (
        rows(["ID", "Arm", "CTx % of baseline wk 20"], PEOPLE, ARMS, [95.9 + i for i in range(12)]), "percent of baseline"
    ),
    "mixture of percent formats": (percent_formats(7), "cells formatted as percent, .*; write factor: 100"),
    "visit numbers without a legend": (long([1, 2, 3, 4]), "not a visit of the trial"),
    "weeks that a legend explains otherwise": (
        {"A": long([0, 4], "Week"), "Codes": [["Visit", 1, "Baseline"], ["Visit", 4, "Week 20"]]}, "Codes!A1:C2: '4' seems to mean"
    ),
    "a marker beside a later visit": (
        [[*row, 1 + i / 9 if i else "p16 variant 5"] for i, row in enumerate(long(["Week 20"]))],
        "A!E1: 'p16 variant 5': p16 variant 5 is given only at later visits"
    ),
    "codes that agree with the arms but for one": (
        [["Arm code", *row] if not i else [int((row[1] == "D+Q") != (i == 4)), *row] for i, row in enumerate(WIDE)],
        "A!A1: 'Arm code': names another arm than C1 .Arm. in some rows .12, "
    ),
    "letters of panels": ({"A": CODED, "Note": [["Panel A: Control, panel B: D+Q"]]}, "A!B2: 'Group B': not an arm of the trial"),
    "one column without a name beside groups": ([row[:4] for row in prism("Control", "rank", "D+Q", None, None, None)], "A!D3: numbers without a group .8."),
    "titles of groups above ids": (
        [["CTx % change week 20"], ["Control", None, "D+Q", None], *zip(range(1, 24, 2), p1np(), range(2, 25, 2), p1np(3), strict=True)],
        "without a group"
    ),
    "numbers of values below groups": ([*panel("CTx % change week 20", "Control", "D+Q"), [8, 8]], "A!A11: a row with the numbers, means"),
    "a measure in the title of another table above": (
        [["CTx % change week 20"], ["n = 8"], [], *panel("", "Control", "D+Q")[1:], [], ["P1NP week 20"], [], *panel("", "Control", "D+Q")[1:]], "A!A16:B24: follow-up numbers that may"
    ),
    "a visit in the title of another table beside": (
        [["CTx % change week 20", None, None, "P1NP % change"], [], *torn([panel("", "Control", "D+Q")[1:]] * 2, 1)], "2 faults\n.*A!D3: 'Control': P1NP without"
    ),
    "a title of another variable than the columns": ([["CTx week 2, % change"], [], *panel("", "P1NP Control", "P1NP D+Q")[1:]], "A!A3: .*P1NP without a visit"),
    "a title of another visit than the sheet": ({"Week 2": panel("CTx % change week 20", "Control", "D+Q")}, "'Week 2': these values may not be as measured"),
    "names of groups above the middle of their columns": (
        [["CTx % change"], [None, "Control", None, None, "D+Q", None], ["Week 2", "Week 4", "Week 20"] * 2, *prism("")[2:]], "A!D4: numbers without a group .8."
    ),
    "names of variables above the second of their columns": (
        [[None, None, None, "P1NP", None, "IL6"], ["ID", "Arm", *["Baseline", "Week 2"] * 2], *zip(PEOPLE, ARMS, *[p1np()] * 4, strict=True)], "A!E2: 'Baseline': numbers of"
    ),
    "a blank row below the header": ([WIDE[0], [None], *WIDE[1:]], "A!A3:D14: 24 numbers here are not read because no"),
    "zeros for missing values": (wide(D4=0, D5=0), "2 faults\n.*A!D4: 0: perhaps a code for a missing value"),
    "negative numbers in parentheses": (wide(D4="(0.4)"), r"A!D4: '\(0.4\)': a number in parentheses"),
    "another cohort with the same arms": ({"A": WIDE, "B": wide([f"V{i}" for i in range(12)])}, "1 fault\n.*B!A1:D13: nobody here is on A!A1:D13"),
    "people without ids or arms, as many as the participants": ({"A": WIDE, "B": sample(40, 52)}, "1 fault\n.*B!A1:B13: these people without ids or arms"),
    "SDs below groups without a word": (
        [["CTx % change week 20"], ["Control", "D+Q", "Fisetin"], *[[*pair, None] for pair in zip(p1np(), p1np(), strict=True)], [3.9661, 3.9661, 1.2]],
        "A!A15: a row with the numbers, means, medians, SDs"
    ),
    "another arm than the control": (wide(arms=["Treatment", "Control"] * 6), "'Treatment': not an arm of the trial"),
    "weeks behind names": ([["ID", "Arm", "CTx_0", "CTx_20"], *WIDE[1:]], "'CTx_20': may be CTx.*name 20 under 'visits'"),
    "follow-up beside baseline": (
        [[*row, 0.4 if i else "CTx follow-up"] for i, row in enumerate(long(["Baseline"]))], "'CTx follow-up': may be CTx, which is missing"
    ),
    "words of a header inside a panel": (
        [row[:2] for row in [*prism("Control", "D+Q")[:6], ["see week 2", "see week 2"], *prism("Control", "D+Q")[6:]]],
        "2 faults\\n.*A!A7: 'see week 2': text where a number belongs",
    ),
    "a panel right below another": (
        [*panel("CTx % change week 20", "Control", "D+Q"), *panel("", "Control", "D+Q")[1:]], "A!A11: 'Control': text where a number belongs"
    ),
    "statistics right below a table": ([*WIDE, ["Outcome", "n", "Mean", "SD"], ["CTx", 12, 0.4, 0.1]], "A!C14: 'Mean': text where a number belongs"),
    "sections of other arms": (
        sections("Excluded", "Placebo"),
        "A!A2: 'Control': 12 rows of values below this text.*\\n.*A!A9: 'D.Q': 6 rows.*\\n.*A!A14: 'Excluded': 2 rows"
    ),
    "variables beside samples": (
        {"A": WIDE, "B": rows(["Sample", *P1NP], range(1, 13), p1np(1), p1np(2))},
        "1 fault\\n.*B!A1:C13: .* numbers here are not read because no participant ids or groups were recognised .P1NP baseline, P1NP week 20.",
    ),
    "groups with their own ids and raw values": (
        [["CTx % change week 20"], ["Control", None, None, "D+Q"], *zip(PEOPLE, p1np(), p1np(1), PEOPLE, p1np(2), p1np(3), strict=True)],
        "without a group|no participant",
    ),
    "a sheet of early terminations": (
        {"Raw": wide(D5=None), "ET": rows(["ID", "CTx week 20"], ["S04"], [0.4])}, "ET!A1:B2: 'ET': these values may not be as measured"
    ),
    "endless digits": ([*WIDE[:5], ["S99", "Control", 0.4, "1" * 32_000 + "x"]], "text where a number"),
    "title of percent of baseline": (
        [["CTx, % of baseline, week 20"], *rows(["Control", "D+Q"], p1np(), p1np(3))], "percent of baseline; say measure"
    ),
    "percent relative to the baseline": (
        rows(["ID", "Arm", "CTx w20 relative to baseline (%)"], PEOPLE, ARMS, p1np()), "say measure: percent_of_baseline"
    ),
    "percent changes near 100": (
        rows(["ID", "Arm", "CTx % change wk 20"], PEOPLE, ARMS, [95.9 + i for i in range(12)]), "as if they were percent of"
    ),
    "percent instead of the unit": (beside("P1NP week 2 (%)", *p1np()), "unit 'percent' cannot be compared with .*; say measure"),
    "samples instead of participants": (
        rows(["sample_id", "Arm", "Visit", "CTx"], PEOPLE, ARMS, ["Baseline", "Baseline", "Week 20", "Week 20"] * 3, ctx()),
        "the ids may identify samples"
    ),
    "percent signs in text beside numbers": (
        rows([*WIDE[0][:3], "CTx % change week 20"], PEOPLE, ARMS, ctx(), [*p1np()[:11], "-12.5%"]), "A!D13: '-12.5%': text where a number belongs"
    ),
    "people without ids under and over 60": (
        {"A": WIDE, "a_everyone": sample(0, 60), "under": sample(0, 40), "over": sample(40, 60)},
        "2 faults\n.*people here and on a everyone!A1:B61, perhaps the same people; list"
    ),
    "participants among people without ids": (
        {"A": [[*a, *b] for a, b in zip(WIDE, sample(40, 52), strict=True)], "d": sample(40, 52)}, "have the ids or the values of participants"
    ),
    "numbers beside groups, without a name": (
        [[*row, None, None, None, *more] for row, more in zip(prism("Control", "D+Q", None, None, None, None), [[None], [None], *([i] for i in ctx()[:8])], strict=True)],
        "without a group"
    ),
    "change without a scale": (
        [["CTx, change from baseline to week 20"], ["Control", "D+Q"], *zip(ctx(), ctx(3), strict=True)], "follow-up numbers that may be",
    ),
    **{
        f"codes that {where} explains": ({"A": NUMBERED, "Codes": legend}, "A!B2: 1: not an arm of the trial .in 6 rows.; expected .*, or 'arms' in the mapping")
        for where, legend in {
            "a codebook": [["Variable", "Code", "Meaning"], ["Arm", 1, "D+Q"], ["Arm", 0, "Control"]],
            "a text": [["0 = Control, 1 = D+Q"]],
        }.items()
    },
    "codes in headers that a text explains": (
        {"A": [["ID", "Arm", "CTx V1", "CTx V2"], *WIDE[1:]], "Codes": [["V1 = baseline, V2 = week 20"]]}, "A!C1: 'CTx V1': may be CTx, which is missing"
    ),
    "arms of a list that lacks a participant": (
        {"List": rows(["ID", "Arm"], PEOPLE[:11], ARMS[:11]), "A": VALUES}, "A!B13: 'S12': participant has no arm on any sheet"
    ),
    "numbers of a kind that stands beside the ids": (
        {
            "A": [["ID", "Rand. No.", *WIDE[0][1:]], *([i, 13 - i, *row[1:]] for i, row in enumerate(WIDE[1:], 1))],
            "B": rows(["Randomization number", *P1NP], range(1, 13), p1np(1), p1np(2)), "C": rows(["ID", "Age"], range(1, 13), range(60, 72)),
        },
        "2 faults\n.*B!A1: 'Randomization number': perhaps not the same ids as those of A!A1 .'ID'.*\n.*A!B1: 'Rand. No.': names another participant"
    ),
    "numbers of two kinds as ids": (
        {"A": wide(range(12), A1="Subject"), "B": rows(["Randomization number", *P1NP], range(12), p1np(1), p1np(2))},
        "B!A1: 'Randomization number': perhaps not the same ids as those of A!A1 .'Subject'"
    ),
    "ids of two kinds that nobody shares": (
        {"A": wide(A1="Subject"), "B": rows(["Randomization number", "Arm", *P1NP], [f"R{i}" for i in range(12)], ARMS, p1np(1), p1np(2))},
        "B!A1: 'Randomization number': perhaps not the same ids as those of A!A1 .'Subject'"
    ),
    "tables without ids beside each other": (
        {"A": [["No.", *WIDE[0][1:]], *([n, *row[1:]] for n, row in enumerate(WIDE[1:], 1))], "B": rows(["No.", "Arm", *P1NP], range(1, 13), ARMS, p1np(), p1np(2))},
        "A!A1:D13: a table of participants without recognised ids beside others",
    ),
    "no column of arms": (
        rows(["ID", "Received drug", *WIDE[0][2:]], PEOPLE, ["No", "Yes"] * 6, ctx(), ctx(3)), r"1 fault\n.*no participant has an arm; expected a column"
    ),
    "events that name arms by number": (events(*EVENTS), "no participant has an arm"),
    "events that name arms": (
        events(*(f"{v} (Arm {a})" for a in ("1: Control", "2: D+Q") for v in ("Baseline", "Week 20"))), "no participant has an arm"
    ),
    **{
        f"variables down, below {corner}": (
            {"A": [[corner, *PEOPLE], *map(list, list(zip(*WIDE, strict=True))[1:])]}, "A!A1:M4: .*.CTx baseline, CTx week 20.; .* write transpose: .A. there"
        )
        for corner in ("ID", "Variable", "x")
    },
    "variables without visits down, with arms below the ids": (
        [["Variable", *PEOPLE], ["Arm", *ARMS], ["Age", *range(60, 72)], ["p16 variant 5", *ctx()]], "A!A1:M4: 24 numbers .*Age, p16 variant 5.; .* write transpose"
    ),
    "a group title over replicate columns": (prism("Control", None, None, "D+Q", None, None), "A!B3: numbers without a group .8."),
    "a group title over replicate columns, some blank": (
        [row if i < 2 else [row[0], None, None, *row[3:]] for i, row in enumerate(prism("Control", None, None, "D+Q", None, None))],
        "A!D2:F10: 24 numbers here are not read"
    ),
    "merged cell of values": (merged, r"A!C5:C6: 0.399: a merged cell gives one value to 2 participants"),
    "protein in other units": (beside("IL-6 baseline", *(1000 * v for v in [*IL6, 3])), "IL6 has a median of .* 0.001 times"),
    "marker in other units than elsewhere": (
        {"A": beside("p16 variant 5", *(1000 * v for v in [*IL6, 3])), "B": sample(0, 30)}, "A!E1: .* has a median of 2550 here and 1.36"
    ),
} | {
    f"{value} among values of {head}": (beside(head, *IL6, value), rf"A!E13: {value:g}: .*{what}".replace("+", r"\+"))
    for head in ("IL-6 baseline", "p16 variant 5")
    for value, what in ((-9, "negative"), (999, "code"), (9999, "code"), (1e99, "more than 100 times the median"))
}  # fmt: skip


def test_columns_that_mark_rows_are_ignored_by_one_line_of_a_mapping_or_if_all_are_alike(tmp_path):
    assert len(read(book(tmp_path, A=marked("DTYPE", "AVERAGE"))).frame) == 24
    table = book(tmp_path, A=marked("DTYPE", None, "LOCF"))
    assert len(read(table, "variables: {DTYPE: ignore}\n").frame) == 24


def test_the_mapping_of_ids_of_two_kinds_leaves_them_open(tmp_path):
    text = mapping_text(examine_workbook(book(tmp_path, **QUESTIONS["numbers of two kinds as ids"][0]), TRIAL))
    assert (text.count('is: "?"'), text.count("perhaps not the same ids")) == (2, 1)


def test_ids_of_a_kind_that_the_mapping_leaves_out_are_not_joined_with_others(tmp_path):
    content, _ = QUESTIONS["numbers of a kind that stands beside the ids"]
    with pytest.raises(UserError, match=r"1 fault\n.*B!A1: 'Randomization number': perhaps not the same ids"):
        read(book(tmp_path, **content), "variables: {Rand. No.: ignore}\n")


def test_a_visit_that_a_codebook_calls_otherwise_is_named_by_the_mapping(tmp_path):
    content, _ = QUESTIONS["weeks that a legend explains otherwise"]
    frame = read(book(tmp_path, **content), "visits: {4: week_4}\n").frame
    assert set(frame["visit"]) == {"baseline", "week_4"}


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_not_stated_is_asked_about(name, tmp_path):
    content, expected = QUESTIONS[name]
    started = time.monotonic()
    with pytest.raises(UserError, match=expected):
        read(book(tmp_path, **(content if isinstance(content, dict) else {"A": content})))
    assert time.monotonic() - started < 10


HEADS = {
    **dict.fromkeys(["P1NP20", "p1npw2", "P1NPwk2", "P1NP2wk", "w2P1NP", "P1NP_V2", "P1NP_base", "p1np20wks"], "P1NP"),
    **dict.fromkeys(["dP1NP20", "p1npchg20", "P1NP delta", "log P1NP week 2", "∆P1NP week 2"], "P1NP"),
    **dict.fromkeys(["P1NP wk 2 (rank)", "P1NP wk 2 (SD)", "P1NP wk 2 (visit 3)"], "P1NP"),
    **dict.fromkeys(["P1NP week 2 % decrease", "P1NP wk 2 (% difference vs control)"], "P1NP"),
    **dict.fromkeys(["p16", "p16_5", "CDKN2A", "p16v1"], "p16 variant 1[+]5, which .*, or p16 variant 5"),
    **dict.fromkeys(["neck", "FN", "BMD"], "Femur neck BMD"),
}


@pytest.mark.parametrize("head", HEADS)
def test_header_that_may_be_what_is_missing_is_asked_about(head, tmp_path):
    with pytest.raises(UserError, match=f"may be {HEADS[head]}.*, which is missing at|may be {HEADS[head]}, which"):
        read(book(tmp_path, A=beside(head, *p1np(1))))


def test_a_scale_with_many_negative_values_is_read_unless_one_is_far_off(tmp_path):
    values = [*((-1) ** i * (5 + i) for i in range(10)), 0.03, -0.01]  # with a median near zero
    assert (read(book(tmp_path, A=beside("p16 variant 5", *values))).frame.value < 0).sum() == 6
    with pytest.raises(UserError, match="100 times the median absolute value, 9"):
        read(book(tmp_path, A=beside("p16 variant 5", *values[:-1], -5000)))


# -- read right ---------------------------------------------------------------------------------------------------

COURSE = [(name, visit, make(seed)) for name, make in (("CTx", ctx), ("P1NP", p1np)) for seed, visit in ((0, "Baseline"), (5, "Week 20"))]  # fmt: skip
RIGHT = {
    "a group that is no arm": {"A": beside("Assigned group", *["young", "old"] * 6)},
    "a list of arms": {"List": rows(["ID", "Arm"], PEOPLE, ARMS), "A": VALUES},
    "a list of arms with a date": {"A": VALUES, "List": rows(["ID", "Site", "Arm", "Day"], PEOPLE, ["01"] * 12, ARMS, DATES)},
    "a list of arms and visits": {
        "A": VALUES, "List": rows(["ID", "Arm", "Visit", "Event"], PEOPLE * 2, ARMS * 2, ["day 3", "home"] * 12, ["none"] * 24)
    },
    "a list of arms with other numbers": {
        "A": VALUES, "List": [["Randomisation list"], *rows(["Rand. No.", "ID", "Randomised to"], range(501, 513), PEOPLE, ARMS)]
    },
    "a schedule of visits": {"A": WIDE, "Schedule": [["Procedure", "BL", "W2", "W20"], ["Blood", "x", "x", "x"], ["DXA", "Baseline", "Week 20"]]},
    "visits and units below some names": {
        "A": [
            ["ID", "Arm", "CTx", "CTx", "P1NP week 20", "P1NP baseline"], [None, None, "Baseline", "Week 20"], [None, None, *["ng/mL"] * 2, *["ug/L"] * 2],
            *zip(PEOPLE, ARMS, ctx(), ctx(3), p1np(), p1np(3), strict=True),
        ]
    },
    "averages below a table": {"A": [*WIDE, *([name, "Control", 0.4, 0.5] for name in ("AVG", "Variance", "St.Dev", "Control avg"))]},
    "weeks and units beside variables, participants across": {
        "A": [
            ["Variable", "Unit", "Week", *PEOPLE],
            ["Arm", "", "", *ARMS],
            *([name, {"CTx": "ng/mL", "P1NP": "ug/L"}[name], {"B": 0}.get(visit[0], 20), *c] for name, visit, c in COURSE),
        ]
    },
    "variables before visits, participants across": {
        "A": [["Variable", "Visit", *PEOPLE], ["Arm", "", *ARMS], *([name, visit, *cells] for name, visit, cells in COURSE)]
    },
} | {
    f"{corner} in the corner of a transposed table": {
        "A": [[corner, *PEOPLE], *map(list, list(zip(*WIDE, strict=True))[1:])]
    }
    for corner in ("Variable", "x")
} | {
    f"{person} that repeats beside {one} that does not": {
        "A": [[one, person, *line[1:]] if i == 0 else [f"X{i}", *line] for i, line in enumerate(long(["Baseline", "Week 20"]))]
    }
    for one, person in (("ID", "Subject"), ("Sample ID", "Subject ID"))
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_participants_arms_and_visits_are_read(name, tmp_path):
    frame = read(
        book(tmp_path, **RIGHT[name]), "transpose: [A]" if "transpose" in name or "across" in name else None
    ).frame
    assert set(frame["participant"]) == set(PEOPLE)
    assert frame["linked"].all()
    assert arms_of(frame) == {"control": 6, "d_q": 6}
    assert set(frame.loc[frame["participant"] == "S01", "arm"]) == {"d_q"}
    for _, own in frame.groupby("variable"):
        assert own["visit"].value_counts().to_dict() == {"baseline": 12, "week_20": 12}


@pytest.mark.parametrize(
    "kinds", [("Subject", "Patient"), ("ID", "Case number"), ("Case", "Subject"), ("Subject", "Screening no")]
)
def test_ids_with_letters_or_under_names_of_one_kind_are_joined_without_a_question(kinds, tmp_path):
    ids = PEOPLE if "Screening no" in kinds else range(12)
    found = read(book(tmp_path, A=wide(ids, A1=kinds[0]), B=rows([kinds[1], *P1NP], ids, p1np(1), p1np(2))))
    assert found.frame["participant"].nunique() == 12


@pytest.mark.parametrize("numbers", ["Subject", None])
@pytest.mark.parametrize("twice", [True, False])
def test_rows_that_are_numbered_beside_groups_are_neither_participants_nor_values(numbers, twice, tmp_path):
    heads, first, second = [numbers, "Control", numbers, "D+Q"], p1np(), [*p1np(3)[:10], None, None]
    table = rows(heads, range(1, 13), first, range(1, 13), second)
    if not twice:
        table = [row[:2] + row[3:] for row in table]
    frame = read(book(tmp_path, A=[["P1NP % change week 20"], *table])).frame
    assert {arm: list(own) for arm, own in frame.groupby("arm")["value"]} == {"control": first, "d_q": second[:10]}
    assert not frame["linked"].any()


def test_short_names_of_a_variant_are_understood(tmp_path):
    assert "p16_variant_1+5" in set(read(book(tmp_path, A=beside("p16 var1+5", *ctx(2)))).frame.variable)


@pytest.mark.parametrize("form", ['0.0"%"', "0.0\\%", "0.0_%"])
def test_a_percent_sign_in_a_format_that_is_text_changes_no_value(form, tmp_path):
    frame = read(book(tmp_path, A=percent_formats(12, form))).frame
    values = frame[frame.measure == "percent_change"]["value"].tolist()
    assert values == [(row - 7) / 4 for row in range(2, 14)]


def test_the_study_population_is_of_the_participants(tmp_path):
    """Numbers join them, also where a sheet of the population sample has the same markers."""
    ids, people = list(range(1, 13)), [f"P{i}" for i in range(1, 13)]
    sample = rows(["ID", "Age", "p16 variant 5"], people, range(30, 42), ctx(4))
    sheets = {"A": rows(["ID", "Arm", "p16 variant 5"], ids, ARMS, ctx(2)), "Age cohort": sample}
    sheets["Study population"] = rows(["ID", "Age"], ids, range(60, 72))
    frame = read(book(tmp_path, **sheets)).frame
    own = frame[frame["cohort"].eq("trial")].groupby("variable")["value"].apply(list)
    assert (own["p16_variant_5"], own["age"]) == (ctx(2), list(range(60, 72)))


@pytest.mark.parametrize("title", ["Table II. {}, week 20", "{}, 0-20 weeks", "{}, week 20. *P < 0.05 vs control"])
def test_a_title_is_read_whatever_else_it_says(title, tmp_path):
    frame = read(book(tmp_path, A=panel(title.format("CTx % change"), "Control", "D+Q"))).frame
    assert set(frame["variable"] + frame["visit"] + frame["measure"]) == {"ctxweek_20percent_change"}


@pytest.mark.parametrize(("sheet", "form"), [("Community sample", "{}"), ("Fig. 1 population", "P{:02}")])
def test_people_of_a_table_called_after_the_population_are_no_participants_of_their_numbers(sheet, form, tmp_path):
    ids, sample = [[style.format(i) for i in range(1, 13)] for style in ("{}", form)]
    path = book(tmp_path, A=wide(ids), **{sheet: rows(["ID", "Age", "p16 variant 5"], sample, range(30, 42), ctx(2))})
    for mapping in (None, mapping_text(examine_workbook(path, TRIAL))):  # which says who is of the population
        people = read(path, mapping).frame.groupby("cohort")["participant"].unique().apply(set).to_dict()
        assert people == {"population": set(sample), "trial": set(ids)}


# Workbooks that are read, and what is told of them; the number of values of CTx.
TOLD = {
    "statistics right below a table": ([*WIDE, ["Mean", "", 0.4, 0.5], ["SD", 12, 0.4, 0.1]], "A!A14: 'Mean': a summary, not", 24),
    "a limit in full-width signs": (wide(D4="＜0.05"), "A!D4: .*: below detection, read as missing", 23),
    "a change above the limit of given ones": (
        wide(D4=2.9, C4=0.03), "A!D4: 2.9: a value of CTx that gives a percent change above 1000%; kept", 24
    ),
    "a block of variables that are read elsewhere": (
        {"A": WIDE, "B": rows(["Sample", "CTx baseline"], range(1, 13), ctx())}, "B!A1:B13: 24 numbers here are not read because no participant ids or groups were recognised .CTx baseline", 24
    ),
    "medians of the arms on another sheet": (
        {"A": WIDE, "M": [["Outcome", "Control", "D+Q", "P"], ["CTx", 0.4, 0.5, 0.61], ["P1NP", 50, 60, 0.1]]}, "M!A1:D3: .*a summary", 24
    ),
    "values that only a second sheet has": (
        {"Raw": wide(D5=None, D9=None), "Farr_et_al": WIDE},
        "Farr et al!D1: 'CTx week 20': values of CTx, 20 weeks found only here: 2; the others repeat another column", 24
    ),
    "means of arms without ids": (
        [["CTx % change week 20"], ["Group", "% change"], *zip(ARMS, p1np(), strict=True), ["Control mean", 51.2]], "A!A15: 'Control mean': a summary, not", 12
    ),
    "panels that repeat each other": ([row * (2 if row[1:] else 1) for row in panel("CTx % change week 20", "Control", "D+Q")], "A!C2: 'Control': .*: the same values as at A!A2", 16),
    "weight below the name of a later visit": (
        {s: rows(["ID", "Arm", "Weight", "CTx"], PEOPLE, ARMS, range(n, n + 12), ctx(n)) for s, n in (("Baseline", 60), ("Week 20", 61))},
        "Week 20!C2: 61: Weight changes between visits, or is missing at baseline, for 12 of the participants; only the value at baseline is used", 24
    ),
    "age at a later visit": (beside("Age at week 20", *range(60, 72)), "'Age at week 20': Age is given only at later visits", 24),
    "a parameter with a visit": (beside_ctx("CTx week 2"), "'CTx week 2': not a variable of the trial .in 12 rows.; not read", 12),
    "a value beyond what is plausible": (beside("Age", *[17, *[110] * 11]), "A!E2: 17: Age outside 18 to 110", 24),
    **{
        f"{named} in rows": (beside_ctx(named), f"'{re.escape(named)}': not a variable of the trial .in 12 rows.; not read", 12)
        for named in ("Log CTx", "CTx (urine)", "CTx % change", "CTx SD", "CTx fold change")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_what_is_read_otherwise_than_expected_is_told(name, tmp_path):
    content, expected, count = TOLD[name]
    found = read(book(tmp_path, **(content if isinstance(content, dict) else {"A": content})))
    assert sum(bool(re.match(f"(A!.*: )?{expected}", note)) for note in found.source["notes"]) == 1
    assert found.frame["variable"].eq("ctx").sum() == count


# -- what the mapping states --------------------------------------------------------------------------------------


PERCENT = BLOCK.replace("visit: baseline", "visit: week_20, measure: percent_of_baseline").partition("      D:")[0]
CODES = wide(D4=-99, D5="<0.1")
BOTH = {"baseline": ctx(), "week_20": ctx(3)}
LONG = [row[3] for row in long([1, 4])[1:]]
# A sheet, a mapping, and the values that are then read, by visit.
MAPPED = {
    "percent of baseline": (QUESTIONS["percent of baseline"][0], PERCENT, {"week_20": [i - 4.1 for i in range(12)]}),
    "fractions": (
        rows(["ID", "Arm", "CTx % change wk 20"], PEOPLE, ARMS, [0.02 * i - 0.1 for i in range(12)]),
        PERCENT.replace("percent_of_baseline", "percent_change, factor: 100"), {"week_20": [2 * i - 10 for i in range(12)]}
    ),
    "cells formatted as percent": (
        percent_formats(12), PERCENT.replace("C: {", "D: {").replace("percent_of_baseline", "percent_change, factor: 100"),
        {"week_20": [25 * (row - 7) for row in range(2, 14)]}
    ),
    "a blank row and a blank column": (
        [[*row[:3], None, row[3]] if row else row for row in [*WIDE[:7], [], *WIDE[7:]]], BLOCK.replace("E13", "E14").replace("D: {", "E: {"), BOTH
    ),
    "numbers of visits": (long([1, 4]), "visits: {1: baseline, 4: week_20}", {"baseline": LONG[::2], "week_20": LONG[1::2]}),
    "numbers of visits under weeks": (long([1, 4], "Week"), "visits: {1: baseline, 4: week_20}", {"baseline": LONG[::2], "week_20": LONG[1::2]}),
    "numbers for missing values": (CODES, "missing: [-99]\n" + BLOCK, {**BOTH, "week_20": ctx(3)[:2] + ctx(3)[4:]}),
    "limits without blocks": (CODES, "missing: [-99]\nbelow_detection: limit\n", {**BOTH, "week_20": [*ctx(3)[:2], 0.1, *ctx(3)[4:]]}),
    **{
        f"{first} and {second}": ([["ID", "Arm", first, second], *WIDE[1:]], f"visits: {codes}\n", BOTH)
        for first, second, codes in (
            ("CTx pre", "CTx post", "{post: week_20}"),
            ("CTx V1", "CTx V9", "{V1: baseline, V9: week_20}"),
            ("CTx_5", "CTx_6", "{5: baseline, 6: week_20}"),
            ("CTx baseline", "CTx 4", "{4: week_20}"),
            ("CTx baseline", "CTx week 24", "{week 24: week_20}"),
            ("Marker X baseline", "Marker X week 20", "{}\nvariables: {Marker X: ctx}"),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MAPPED)
def test_codes_and_policies_of_the_mapping_are_followed_in_cells_and_headers(name, tmp_path):
    table, mapping, values = MAPPED[name]
    frame = read(book(tmp_path, A=table), mapping).frame
    assert set(frame["measure"]) == {"percent_change" if "percent" in mapping else "value"}
    found = frame.groupby("visit")["value"].apply(list).to_dict()
    assert found == {visit: pytest.approx(expected) for visit, expected in values.items()}


def test_struck_out_values_and_hidden_rows_are_told_and_left_out_by_the_mapping(tmp_path):
    def fill(page):
        page["C4"].font = openpyxl.styles.Font(strike=True)
        page.row_dimensions[7].hidden = True

    path = book(tmp_path, A=fill)
    found = read(path)
    assert len(found.frame) == 24
    assert any("struck-out cells were read: C4; struck_out: missing" in note for note in found.source["notes"])
    assert any("hidden rows with data" in note for note in found.source["notes"])
    found = read(path, "hidden_rows: ignore\nstruck_out: missing\n" + BLOCK)
    assert found.frame.groupby("visit").size().to_dict() == {"baseline": 10, "week_20": 11}
    assert not any("hidden" in note or "struck" in note for note in found.source["notes"])


@pytest.mark.parametrize("word", ["Screen Failure", "Not Randomised"])
@pytest.mark.parametrize("received", [True, False])
def test_people_without_a_treatment_are_named_and_left_out_of_all_tables_by_one_line(word, received, tmp_path):
    people = rows(
        ["ID", "Planned arm", *["Actual arm"] * received, "Age"], PEOPLE, ARMS, *[ARMS] * received, range(60, 72)
    )
    path = book(tmp_path, DM=[*people, ["S13", word, *[None] * received, 80]], LB=[*VALUES, ["S13", 0.4, 0.5]])
    with pytest.raises(UserError, match=f"1 fault\n.*DM!B14: '{word}': not an arm of the trial"):
        read(path)
    frame = read(path, f"arms: {{{word}: ignore}}\n").frame
    assert set(frame["participant"]) == set(PEOPLE)
    assert arms_of(frame) == {"control": 6, "d_q": 6}


def test_one_of_two_columns_of_arms_that_differ_is_left_out_by_the_mapping(tmp_path):
    path = book(tmp_path, A=beside("Group", *ARMS[:11], "D+Q"))
    with pytest.raises(
        UserError, match=r"1 fault\n.*A!E1: 'Group': names another arm than B1 \(Arm\) in some rows \(1, first E13"
    ):
        read(path)
    assert arms_of(read(path, "variables: {Group: ignore}\n").frame) == {"control": 6, "d_q": 6}


@pytest.mark.parametrize("head", ["tertile", "p16 variant 5 tertile", "p16 v5 group", "p16 variant 5 (tertile)"])
@pytest.mark.parametrize(
    "mapping", ["{1: T1/T2, 2: T1/T2, 3: T3}\n" + BLOCK + "      E: stratum\n", "{'1, 2': T1/T2, 3: T3}\n"]
)
def test_strata_by_number_are_named_and_joined_by_the_mapping(mapping, head, tmp_path):
    path = book(tmp_path, A=beside(head, *[1, 2, 3] * 4))
    frame = read(path, f"strata: {mapping}").frame
    assert frame[frame.text != ""].text.value_counts().to_dict() == {"T1/T2": 8, "T3": 4}


@pytest.mark.parametrize("key", ["p16_variant_5", "ignore"])
def test_a_header_is_named_or_left_out_by_the_mapping_in_one_line(key, tmp_path):
    frame = read(book(tmp_path, A=beside("p16", *ctx(2))), f"variables: {{p16: {key}}}\n").frame
    assert (key in set(frame["variable"])) == (key != "ignore")


def test_a_section_is_read_as_a_block_of_the_mapping(tmp_path):
    columns = "columns: {A: participant, B: {variable: ctx, visit: baseline}, C: {variable: ctx, visit: week_20}}"
    blocks = ("A3:C8, header: 0, arm: control", "A10:C13, header: 0, arm: d_q")
    mapping = "blocks:\n" + "".join(f"  - {{sheet: A, range: {block}, {columns}}}\n" for block in blocks)
    path = book(tmp_path, A=sections("Screen failures"))
    assert arms_of(read(path, mapping).frame) == {"control": 6, "d_q": 4}


@pytest.mark.parametrize("line", [["S99"], ["* by an analyst"]])
def test_an_id_without_values_and_a_footer_head_no_rows(line, tmp_path):
    assert (
        len(read(book(tmp_path, A=[*WIDE[:5], line, *WIDE[5:]] if "*" not in line[0] else [*WIDE, line])).frame) == 24
    )


def test_a_sheet_that_is_transposed_is_not_to_be_transposed_again(tmp_path):
    path = book(tmp_path, A=[["CTx"], [None, *ARMS], ["Week", *PEOPLE], [0, *ctx()], [20, *ctx(3)]])
    with pytest.raises(
        UserError, match=r"A!A1:M5: \d+ numbers here are not read [^:]*, or list the place under ignore"
    ):
        read(path, "transpose: [A]")
    with pytest.raises(UserError, match="1 fault\\n  A: transposed by the mapping, but not among its blocks"):
        read(book(tmp_path, A=WIDE, B=WIDE), f"transpose: [A]\n{BLOCK.replace('sheet: A', 'sheet: B')}")


def test_numbers_beside_a_table_are_ignored_by_the_mapping(tmp_path):
    path = book(tmp_path, A=[*WIDE, *[[None]] * 4, ["kit", 3, 7], ["lot", 1, 9]])
    with pytest.raises(UserError, match=r"1 fault\n.*A!A18:C19: 4 numbers here are not read"):
        read(path)
    assert len(read(path, "ignore: [A!A18:C19]").frame) == 24
    with pytest.raises(UserError, match="A!A18:B19: no whole block lies within this place under ignore"):
        read(path, "ignore: [A!A18:B19]")


def test_values_that_only_a_sheet_of_substitutes_has_are_kept_by_a_mapping(tmp_path):
    path = book(tmp_path, Raw=wide(D5=None, D9=None), LOCF=WIDE)
    assert len(read(path, mapping_text(examine_workbook(path, TRIAL))).frame) == 24
