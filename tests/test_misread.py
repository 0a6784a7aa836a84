"""Ambiguous layouts are read correctly or refused with a question; none is misread in silence."""

import datetime
import re
import time

import openpyxl
import pytest
from layouts import writers
from pipeline import TRIAL

from d_q_trial.errors import UserError
from d_q_trial.workbook.inspect import render_mapping
from d_q_trial.workbook.reader import examine_workbook, read_workbook

IDS = [f"S{i:02d}" for i in range(1, 13)]
ARMS = ["D+Q", "Control"] * 6
P1NP = ["P1NP baseline", "P1NP week 20"]
CHANGE = "CTx % change week 20"
IL6 = [round(2 + 0.1 * i, 1) for i in range(11)]
BLOCK = """blocks:
  - sheet: A
    range: A1:E13
    columns:
      A: participant
      B: arm
      C: {variable: ctx, visit: baseline}
      D: {variable: ctx, visit: week_20}
"""


def ctx(seed=0):
    return [round(0.3 + 0.011 * ((i * 7 + seed) % 12), 3) for i in range(12)]


def p1np(seed=0):
    return [round(100 * value, 1) for value in ctx(seed)]


def tabulate(header, *columns):
    return [header, *map(list, zip(*columns, strict=True))]


def tabulate_p1np(head, ids):
    return tabulate([head, *P1NP], ids, p1np(1), p1np(2))


def tabulate_values(head, values):
    return tabulate(["ID", "Arm", head], IDS, ARMS, values)


def make_wide(ids=IDS, arms=ARMS, **replaced):
    """Make a wide table; ``replaced`` are cells by their address."""
    table = tabulate(["ID", "Arm", "CTx baseline", "CTx week 20"], ids, arms, ctx(), ctx(3))
    for address, value in replaced.items():
        row, column = openpyxl.utils.cell.coordinate_to_tuple(address)
        table[row - 1][column - 1] = value
    return table


WIDE = make_wide()
WITHOUT_ARMS = [[row[0], *row[2:]] for row in WIDE]


def list_arms(arm, *actual):
    """Make a list of arms beside the wide table, with a participant of this arm; those who received none have no actual arm."""
    heads = ["ID", "Planned arm", *actual, "Age"]
    rows = tabulate(heads, IDS, ARMS, *[ARMS for _ in actual], range(60, 72))
    return {"DM": [*rows, ["S13", arm, *[None for _ in actual], 80]], "LB": [*WITHOUT_ARMS, ["S13", 0.4, 0.5]]}


def rename_columns(first, second):
    """Make the wide table with other headers for its two columns of values."""
    return [["ID", "Arm", first, second], *WIDE[1:]]


def join(left, right, blank=0):
    return [[*row, *[None] * blank, *others] for row, others in zip(left, right, strict=True)]


def add_column(*cells, table=WIDE):
    return join(table, ([cell] for cell in cells))


def transpose_wide(corner):
    return [[corner, *IDS], *map(list, list(zip(*WIDE, strict=True))[1:])]


def make_long(visits, head="Visit"):
    """Make a long table with one row per participant and visit."""
    ids, arms = ([cell for cell in column for _ in visits] for column in (IDS, ARMS))
    values = [0.3 + 0.01 * (i % 17) for i in range(len(ids))]
    return tabulate(["ID", "Arm", head, "CTx"], ids, arms, visits * 12, values)


def mark_rows(head, *marks):
    """Make a long table of two visits with a column that repeats the marks."""
    return add_column(head, *marks * (24 // len(marks)), table=make_long(["Baseline", "Week 20"]))


def list_parameters(second, first="CTx"):
    """Make a long table of two parameters at baseline."""
    names = [first] * 12 + [second] * 12
    return tabulate(["ID", "Arm", "Test", "Visit", "Result"], IDS * 2, ARMS * 2, names, ["Baseline"] * 24, ctx() * 2)


def make_panel(title=CHANGE, heads=("Control", "D+Q"), above=()):
    """Make groups of different values side by side, below a title and other rows."""
    values = [[round(5 * i + 0.7 * k - 20, 1) for i in range(len(heads))] for k in range(8)]
    return [[title], *above, list(heads), *values]


PANEL = make_panel()
REPLICATES = make_panel(heads=["Control", None, None, "D+Q", None, None])


def list_sample(first, last):
    """Make a table of age and marker, without ids or arms, of people aged ``first`` to ``last`` - 1."""
    return tabulate(["Age", "p16 variant 5"], range(first, last), [1 + (age - 20) / 40 for age in range(first, last)])


def make_sections(*titles):
    """Make a table without a column of arms: six participants below Control, four below D+Q, one below each title."""
    participants = map(list, zip(IDS, ctx(), ctx(3), strict=True))
    sizes = {"Control": 6, "D+Q": 4, **dict.fromkeys(titles, 1)}
    sections = ([[title], *(next(participants) for _ in range(size))] for title, size in sizes.items())
    return [["ID", "CTx baseline", "CTx week 20"], *(row for section in sections for row in section)]


def format_percents(count, number_format="0.0%"):
    """Return a function that makes the last column a percent change and formats its first ``count`` values."""

    def fill(page):
        page["D1"] = CHANGE
        for row in range(2, 14):
            page.cell(row, 4, (row - 7) / 4).number_format = number_format if row < count + 2 else "General"

    return fill


def write_book(tmp_path, content):
    """Write sheets by name, or sheet A; each is a list of rows, or a function that changes a sheet with the wide table."""
    sheets = content if isinstance(content, dict) else {"A": content}
    book = writers.workbook({name: WIDE if callable(rows) else rows for name, rows in sheets.items()})
    for name, change in sheets.items():
        if callable(change):
            change(book[name])
    book.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def read(tmp_path, content, mapping=""):
    (tmp_path / "mapping.yaml").write_text(mapping)
    return read_workbook(write_book(tmp_path, content), TRIAL, tmp_path / "mapping.yaml" if mapping else None)


def propose_mapping(tmp_path, content, answers=""):
    (tmp_path / "answers.yaml").write_text(answers)
    path = write_book(tmp_path, content)
    return render_mapping(examine_workbook(path, TRIAL, tmp_path / "answers.yaml" if answers else None))


def count_arms(frame):
    return frame.groupby("arm").participant.nunique().to_dict()


# -- participants -------------------------------------------------------------------------------------------------

NUMBERS = [100000 + i for i in range(12)]
DASHED = [f"P-{i:02d}" for i in range(1, 13)]
# The headers of two columns of ids, the ids in each, and whether a note mentions look-alike characters.
EQUIVALENT_IDS = {
    **{
        f"{text!a} for S04": ("ID", "ID", IDS, [text if i == "S04" else i for i in IDS], text != "S04 ")
        for text in ("S04\u200b", "\ufeffS04", "S\u00ad04", "Ｓ０４", "S04 ")
    },
    **{f"dash {dash!a}": ("ID", "ID", DASHED, [i.replace("-", dash) for i in DASHED], True) for dash in "\u2010\u2011\u2013\u2212"},
    "number in exponent form": ("ID", "ID", NUMBERS, ["1e+05", *map(str, NUMBERS[1:])], False),
    **{f"codes that begin with {first}": ("ID", "ID", *[[f"{first}{i}" for i in range(12)]] * 2, False) for first in ("1E", "Q")},
    **{
        f"{first} and {second}": (first, second, ids, ids, False)
        for first, second, ids in (
            ("Subject", "Patient", range(12)), ("ID", "Case number", range(12)), ("Case", "Subject", range(12)), ("Subject", "Screening no", IDS)
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", EQUIVALENT_IDS)
def test_equivalent_ids_are_one_participant(name, tmp_path):
    first, second, ids, equivalent_ids, is_noted = EQUIVALENT_IDS[name]
    participants = read(tmp_path, {"A": make_wide(ids, A1=first), "B": tabulate_p1np(second, equivalent_ids)})
    assert set(participants.frame["participant"]) == set(map(str, ids))
    assert any("look-alike" in note for note in participants.source["notes"]) == is_noted


# -- refused ------------------------------------------------------------------------------------------------------

# The content of a workbook, the error, and the mapping that does not prevent it.
AMBIGUOUS = {
    # ids
    **{
        f"id {written} for S04": ({"A": WIDE, "B": tabulate_p1np("ID", [written if i == "S04" else i for i in IDS])}, expected)
        for written, expected in (("S94", "S04"), ("SO4", "S04"), ("S4O", "S4O"), ("Ѕ04", "differs only in spelling"))
    },
    "an arm as an id": ([*WIDE, ["Control", "Control", 0.4, 0.5]], "1 fault\n.*A!A14: 'Control': values without a participant id"),
    "ids repeated in another order": (join(WIDE, tabulate_p1np("ID", IDS[::-1])),
        r"1 fault\n.*A!E1: 'ID': names another participant than A1 \(ID\) in some rows \(12, first E2\); .* if another table begins here"),
    "numbers of samples beside codes": ({"A": WIDE, "B": tabulate_p1np("Sample ID", range(1, 13))}, "B!A1: 'Sample ID': perhaps not the same ids"),
    "samples instead of participants": (
        tabulate(["sample_id", "Arm", "Visit", "CTx"], IDS, ARMS, ["Baseline", "Baseline", "Week 20", "Week 20"] * 3, ctx()), "the ids may identify samples"),
    "numbers of a kind that is also beside the ids": (
        {
            "A": [["ID", "Rand. No.", *WIDE[0][1:]], *([i, 13 - i, *row[1:]] for i, row in enumerate(WIDE[1:], 1))],
            "B": tabulate_p1np("Randomization number", range(1, 13)), "C": tabulate(["ID", "Age"], range(1, 13), range(60, 72)),
        },
        "2 faults\n.*B!A1: 'Randomization number': perhaps not the same ids as those of A!A1 .'ID'.*\n.*A!B1: 'Rand. No.': names another participant"),
    "numbers of two kinds as ids": ({"A": make_wide(range(12), A1="Subject"), "B": tabulate_p1np("Randomization number", range(12))},
        "B!A1: 'Randomization number': perhaps not the same ids as those of A!A1 .'Subject'"),
    "ids of two kinds without a common id": (
        {"A": make_wide(A1="Subject"), "B": tabulate(["Randomization number", "Arm", *P1NP], [f"R{i}" for i in range(12)], ARMS, p1np(1), p1np(2))},
        "B!A1: 'Randomization number': perhaps not the same ids as those of A!A1 .'Subject'"),
    "tables without ids": (
        {"A": make_wide(range(1, 13), A1="No."), "B": tabulate(["No.", "Arm", *P1NP], range(1, 13), ARMS, p1np(), p1np(2))}, "A!A1:D13: a table of participants without recognised ids beside others"),
    "another cohort with the same arms": ({"A": WIDE, "B": make_wide([f"V{i}" for i in range(12)])}, "1 fault\n.*B!A1:D13: nobody here is on A!A1:D13"),
    # a population sample
    "as many people without ids or arms as participants": ({"A": WIDE, "B": list_sample(60, 72)}, "1 fault\n.*B!A1:B13: these people without ids or arms"),
    "people without ids under and over 60": ({"A": WIDE, "a everyone": list_sample(20, 80), "under": list_sample(20, 60), "over": list_sample(60, 80)},
        "2 faults\n.*people here and on a everyone!A1:B61, perhaps the same people; list"),
    "participants among people without ids": ({"A": join(WIDE, list_sample(60, 72)), "d": list_sample(60, 72)}, "have the ids or the values of participants"),
    "participants in a table named after the population": (
        {"A": WIDE, "Age cohort": tabulate(["ID", "Age", "p16 variant 5"], IDS, range(60, 72), ctx(2))}, "Age cohort!A1:C13: most .* have the ids"),
    # arms
    "letters of panels": (
        {"A": make_wide(arms=["Group B", "Group A"] * 6), "Note": [["Panel A: Control, panel B: D+Q"]]}, "A!B2: 'Group B': not an arm of the trial"),
    "codes that a codebook explains": (
        {"A": make_wide(arms=[1, 0] * 6), "Codes": [["Variable", "Code", "Meaning"], ["Arm", 1, "D+Q"], ["Arm", 0, "Control"]]}, "A!B2: 1: not an arm of the trial .in 6 rows.; expected .*, or 'arms' in"),
    "codes that differ once from the arms": (
        join(tabulate(["Arm code"], [1, 0, 1, 1, *[1, 0] * 4]), WIDE), "A!A1: 'Arm code': names another arm than C1 .Arm. in some rows .12, "),
    "two columns of arms that differ": (
        add_column("Group", *ARMS[:11], "D+Q"), r"1 fault\n.*A!E1: 'Group': names another arm than B1 \(Arm\) in some rows \(1, first E13"),
    "no column of arms": (
        tabulate(["ID", "Received drug", *WIDE[0][2:]], IDS, ["No", "Yes"] * 6, ctx(), ctx(3)), r"1 fault\n.*no participant has an arm; expected a column"),
    "sections of other arms": (
        make_sections("Excluded", "Placebo"), "A!A2: 'Control': 12 rows of values below this text.*\\n.*A!A9: 'D.Q': 6 rows.*\\n.*A!A14: 'Excluded': 2 rows"),
    # visits
    "visit numbers without a legend": (make_long([1, 2, 3, 4]), "A!C2: 1: not a visit of the trial"),
    "visits repeated in another order": (add_column("Visit", *["Week 20", "Baseline"] * 12, table=make_long(["Baseline", "Week 20"])),
        r"A!E1: 'Visit': names another visit than C1 \(Visit\) in some rows \(24, first E2"),
    "a visit that a codebook explains otherwise": (
        {"A": make_long(["W0", "W4"]), "Codes": [["W0", "Baseline"], ["W2", "Week 4"], ["W4", "Week 20"]]}, "Codes!A1:B3: 'W2' seems to mean another visit here"),
    "a visit in a header that a text explains otherwise": (
        {"A": rename_columns("CTx W0", "CTx W4"), "Codes": [["W0 = Baseline, W4 = Week 20"]]}, "'W4' seems to mean another visit"),
    "weeks that a legend explains otherwise": (
        {"A": make_long([0, 4], "Week"), "Codes": [["Visit", 1, "Baseline"], ["Visit", 4, "Week 20"]]}, "Codes!A1:C2: '4' seems to mean"),
    "codes in headers that a text explains": (
        {"A": rename_columns("CTx V1", "CTx V2"), "Codes": [["V1 = baseline, V2 = week 20"]]}, "A!C1: 'CTx V1': may be CTx, which is missing"),
    "weeks behind names": (rename_columns("CTx_0", "CTx_20"), "'CTx_20': may be CTx.*name 20 under 'visits'"),
    "follow-up beside baseline": (add_column("CTx follow-up", *[0.4] * 12, table=make_long(["Baseline"])), "'CTx follow-up': may be CTx, which is missing"),
    "a marker beside values of a later visit": (
        {"A": [row[:3] for row in WIDE], "Week 20": tabulate(["ID", "p16 variant 5", "CTx"], IDS, [*IL6, 3], ctx(3))}, "Week 20!B1: .*given only at later"),
    "a visit in the title of another table at the left": (
        [[CHANGE, None, None, "P1NP % change"], [], *join(PANEL[1:], PANEL[1:], 1)], "2 faults\n.*A!D3: 'Control': P1NP without"),
    "a title of another variable than the columns": (
        [["CTx week 2, % change"], [], *make_panel(heads=["P1NP Control", "P1NP D+Q"])[1:]], "A!A3: .*P1NP without a visit"),
    "a title of another visit than the sheet": ({"Week 2": PANEL}, "'Week 2': these values may not be as measured"),
    # variables
    "a parameter that may be a missing variable": (list_parameters("P1NP", first="CTx, all"), "'CTx, all': perhaps ctx .in 12 rows.; name"),
    "names of variables above the second of their columns": (
        [[None, None, None, "P1NP", None, "IL6"], ["ID", "Arm", *["Baseline", "Week 2"] * 2], *zip(IDS, ARMS, *[p1np()] * 4, strict=True)], "A!E2: 'Baseline': numbers without"),
    "variables without visits in rows, with arms below the ids": (
        [["Variable", *IDS], ["Arm", *ARMS], ["Age", *range(60, 72)], ["p16 variant 5", *ctx()]], "A!A1:M4: 24 numbers .*Age, p16 variant 5.; .* write transpose"),
    **{
        f"a second column of {mark}": (rename_columns("CTx baseline" + first, "CTx baseline" + mark), f"1 fault\n.*A!D1: .*may be a replicate of .CTx baseline{first}")
        for first, mark in ((" 1", " 2"), (" a", " b"))
    },
    # units and measures
    "a unit beside a parameter": (list_parameters("25(OH)D (nmol/L)"), r"A!C14: 'nmol/l': 25\(OH\)D in nmol/l, which does not convert"),
    "a unit in a title": ({"A": WIDE, "B": [["Phosphorus, mmol/L"], *tabulate(["ID", "Baseline"], IDS, [*IL6, 3])]}, "B!B2: 'Baseline': Phosphorus in mmol/l"),
    "protein in other units": (add_column("IL-6 baseline", *(1000 * v for v in [*IL6, 3])), "IL6 has a median of .* 0.001 times"),
    "marker in other units than elsewhere": (
        {"A": add_column("p16 variant 5", *(1000 * v for v in [*IL6, 3])), "B": list_sample(20, 50)}, "A!E1: .* has a median of 2550 here and 1.36"),
    "percent instead of the unit": (add_column("P1NP week 2 (%)", *p1np()), "unit 'percent' cannot be compared with .*; say measure"),
    "percent of baseline": (tabulate_values("CTx % of baseline wk 20", [95.9 + i for i in range(12)]), "percent of baseline"),
    "percent relative to the baseline": (tabulate_values("CTx w20 relative to baseline (%)", p1np()), "say measure: percent_of_baseline"),
    "percent changes near 100": (tabulate_values("CTx % change wk 20", [95.9 + i for i in range(12)]), "as if they were percent of"),
    "fractions with one exception": (tabulate_values("CTx % change wk 20", [*(0.02 * i - 0.1 for i in range(11)), 1.14]), "as if they were fractions"),
    "fractions in short panels": ([*PANEL[:2], *([i / 50, i / 40] for i in range(8))], "A!A2: .*as if they were fractions"),
    "mixture of percent formats": (format_percents(7), "cells formatted as percent, .*; write factor: 100"),
    "a title of percent of baseline": ([["CTx, % of baseline, week 20"], *tabulate(["Control", "D+Q"], p1np(), p1np(3))], "percent of baseline; say measure"),
    "a title of changes above baselines": ([["CTx, % change"], *rename_columns("Baseline", "Week 20")], "A!A1:D14: follow-up numbers that may be values"),
    "a title of changes without a scale": (
        [["CTx, change from baseline to week 20"], ["Control", "D+Q"], *zip(ctx(), ctx(3), strict=True)], "follow-up numbers that may be"),
    "a title of ratios": ([["CTx (relative)"], *rename_columns("Baseline", "Week 20")], "'CTx [(]relative[)]': these values may not be as measured"),
    "a title of logarithms": ([["Natural log transformed values"], *WIDE], "'Natural log transformed values': these values may"),
    "a measure in the title of another table above": (
        [[CHANGE], ["n = 8"], [], *PANEL[1:], [], ["P1NP week 20"], [], *PANEL[1:]], "A!A16:B24: follow-up numbers that may"),
    "a unit in a title above its variable": ([["25(OH)D (nmol/L)"], *tabulate_values("25(OH)D", range(42, 54))], "A!C2: .*25.OH.D in nmol/l, which does"),
    "a unit in a legend": (rename_columns("CTx baseline", "CTx week 20 (unit = pg/mL)"), "A!D1: .*'unit = pg/ml' is not understood"),
    "a legend with the answers the other way round": (
        tabulate_values("Smoker (0 = yes, 1 = no)", [0, 1] * 6), "A!C1: .*'0 = yes, 1 = no' is not understood"),
    "the length of the trial in a title": ([["Results of a 20-week randomized trial"], *make_panel("CTx % change")], "A!A3: 'Control': CTx without a visit"),
    # groups, samples and statistics
    "another analyte beside the variable": (
        [[CHANGE], ["CTx", None, "NTx", None], ["Control", "D+Q"] * 2, *zip([*IL6, 3], [*IL6, 4], p1np(), p1np(1), strict=True)], "A!C3: .*NTx.*values differ from those at A!A3"),
    "a group outside a stratum": (make_panel(f"{CHANGE}, women not in T3 of p16 variant 5"), "these values may not be as measured"),
    "an arm missing from a row without id": (tabulate(["Arm", CHANGE], [None, *ARMS[1:]], p1np()), "1 fault\n.*A!A2: a value without an arm"),
    "a stratum missing from a row without id": (
        tabulate(["p16 variant 5 tertile", "Arm", CHANGE], [None, *["T3", "T1/T2"] * 5, "T3"], ARMS, p1np()), "1 fault\n.*A!A2: a value without a stratum"),
    "a repeated sample": (make_wide([IDS[0], f"{IDS[0]} repeat", *IDS[2:]]), "1 fault\n.*A!A3: 'S01 repeat': perhaps a repeated sample of 'S01'"),
    "a column of those analysed": (add_column("Included in analysis", *["Yes"] * 9, *["No"] * 3), r"may mark values that differ \(Yes \(9\), No \(3\)\)"),
    "means below the header": ([*PANEL[:2], [-17.55, -12.55], *PANEL[2:]], "1 fault\n.*A!A3: a row with the numbers, means"),
    "largest values below the others": ([*PANEL, PANEL[-1]], "1 fault\n.*A!A11: a row with the numbers, means"),
    "the mean below each arm": (
        [["Group", CHANGE], *([arm, sign * value] for arm, sign in (("Control", 1), ("D+Q", -1)) for value in (10.123, 12.35, 14.6, 19.07, 14.03575))],
        "A!B6: a row with .*\n.*A!B11: a row with"),
    # cells
    **{
        f"{value} among values of {head}": (add_column(head, *IL6, value), rf"A!E13: {value:g}: .*{expected}".replace("+", r"\+"))
        for head in ("IL-6 baseline", "p16 variant 5")
        for value, expected in ((-9, "negative"), (999, "code"), (9999, "code"), (1e99, "more than 100 times the median"))
    },
    "zeros for missing values": (make_wide(D4=0, D5=0), "2 faults\n.*A!D4: 0: perhaps a code for a missing value"),
    "negative numbers in parentheses": (make_wide(D4="(0.4)"), r"A!D4: '\(0.4\)': a number in parentheses"),
    "endless digits": ([*WIDE[:5], ["S99", "Control", 0.4, "1" * 32_000 + "x"]], "text where a number"),
    "merged cell of values": (lambda page: page.merge_cells("C5:C6"), r"A!C5:C6: 0.399: a merged cell gives one value to 2 participants"),
    # blank rows and columns
    "a blank row below the header": ([WIDE[0], [None], *WIDE[1:]], "A!A3:D14: 24 numbers here are not read because no"),
    "a blank row inside a table": ([*WIDE[:7], [None], *WIDE[7:]], "A!A9:D14: 12 numbers here are not read because no"),
    "a blank row inside a table below a title": (
        [["CTx, week 20"], ["ID", "Arm", "CTx"], *([100 + i * i, *row[1:3]] for i, row in enumerate(WIDE[1:7])), [None],
         *([500 + i * i, *row[1:3]] for i, row in enumerate(WIDE[7:]))],
        "A!A10:C15: 12 numbers here are not read"),
    "a blank column inside a table": (join(WIDE, tabulate(P1NP, p1np(1), p1np(2)), 1), "A!F1:G13: 24 numbers here are not read .* recognised .P1NP base"),
    "a blank column beside codes": ([[row[0], None, *row[1:]] for row in WIDE], "A!C1:E13: a table of participants without"),
    "a blank column beside numbers": ([[row[0], None, *row[1:]] for row in make_wide(range(12))], "A!C1:E13: a table of participants without"),
    "numbers below a table": ([*WIDE, *[[None]] * 4, ["kit", 3, 7], ["lot", 1, 9]], r"1 fault\n.*A!A18:C19: 4 numbers here are not read"),
    # panels
    "panels below letters": (make_panel(heads=["Control", "D+Q"] * 2, above=[["a", None, "b"]]), "A!C3: .*values differ from those at A!A3"),
    "a panel right below another": ([*PANEL, *PANEL[1:]], "A!A11: 'Control': text where a number belongs"),
    "words of a header inside a panel": (
        [*PANEL[:6], ["see week 2", "see week 2"], *PANEL[6:]], "2 faults\\n.*A!A7: 'see week 2': text where a number belongs"),
    "numbers of values below groups": ([*PANEL, [8, 8]], "A!A11: a row with the numbers, means"),
    "SDs below groups without a word": (
        [[CHANGE], ["Control", "D+Q", "Fisetin"], *[[*pair, None] for pair in zip(p1np(), p1np(), strict=True)], [3.9661, 3.9661, 1.2]],
        "A!A15: a row with the numbers, means, medians, SDs"),
    "one column without a name beside groups": (make_panel(heads=["Control", "rank", "D+Q", None]), "A!D3: numbers without a group .8."),
    "titles of groups above ids": (
        [[CHANGE], ["Control", None, "D+Q", None], *zip(range(1, 24, 2), p1np(), range(2, 25, 2), p1np(3), strict=True)], "without a group"),
    "names of groups above the middle of their columns": (
        [["CTx % change"], [None, "Control", None, None, "D+Q", None], ["Week 2", "Week 4", "Week 20"] * 2, *REPLICATES[2:]], "A!D4: numbers without a group .8."),
    "a group title over replicate columns": (REPLICATES, "A!B3: numbers without a group .8."),
    "a group title over replicate columns, some blank": (
        [*REPLICATES[:2], *([row[0], None, None, *row[3:]] for row in REPLICATES[2:])], "A!D2:F10: 24 numbers here are not read"),
}  # fmt: skip
# By subject: the content of a workbook made from a text, the error with this text, and such texts.
AMBIGUOUS_TEXTS = {
    "arm": (lambda arm: make_wide(arms=["D+Q", "Control", "D+Q", arm] * 3), "A!B5: {}: not an arm of the trial .in 3 rows.; expected D[+]Q or Control", [
        "Placebo", "D+Q/Control", "No D+Q", "not treated with D+Q", "Placebo for D+Q", "D+Q [screen failure]", "D+Q mean", "D+Q week 2", "D+Q CTx", "D+Q change",
    ]),
    "planned arm": (lambda arm: list_arms(arm, "Actual arm"), "1 fault\n.*DM!B14: {}: not an arm of the trial", ["Screen Failure", "Not Randomised"]),
    "only arm": (list_arms, "1 fault\n.*DM!B14: {}: not an arm of the trial", ["Screen Failure", "Not Randomised"]),
    "visit": (lambda visit: make_long(["Baseline", visit]), "A!C3: {}: not a visit of the trial .in 12 rows.; name it under 'visits'", [
        "Week 3", "V2", "Week -2", "-2 weeks", "Week 20 (LOCF)", "Week 20 (unscheduled)", "Week 20 (ET)", "Week 20 mean", "Week 20 T3", "Week 20 % change",
        "Week 20 ng/mL", "Week 20?", "~Week 20", "> week 20",
    ]),
    "event of arm": (
        lambda arm: [[row[0], row[2].format(arm), row[3]] for row in make_long(["baseline{}", "week_20{}"])], "no participant has an arm", ["_arm_2", " (Arm 2: D+Q)"]),
    "title of changes at": (lambda when: make_panel(f"CTx % change, {when}"), "A!A2: 'Control': CTx without a visit", [
        "D+Q every 28 days", "D+Q given for 20 weeks", "2 weeks after the last cycle", "2 weeks after the third dose", "week 4 and 20", "weeks 2-20", "weeks 2, 4 and 20", "2 and 20 weeks",
    ]),
    "rows marked by": (lambda marks: mark_rows(*marks), "A!E1: .*: may mark values that differ", [
        ("LBSTAT", None, "NOT DONE"), ("Operator", "=", "<"), ("Repeat Instance", 1, 1, 1, 2), ("Excluded", None, None, "yes"),
        ("Comment", None, None, "hemolyzed, do not use"), ("Note", None, None, "<"), ("DTYPE", None, None, "LOCF"),
    ]),
    "title": (make_panel, "{}: these values may not be as measured", [
        "Percent decrease in CTx, week 20", "CTx week 20, % difference vs control", "CTx % change week 20, mice", "CTx % change week 20, per protocol",
    ]),
    "sheet": (lambda name: {name: WIDE}, "{}: these values may not be as measured", ["Imputed", "ET"]),
    "title of changes of": (lambda name: make_panel(f"{name} % change week 20"), "no participant of", ["Urinary CTx", "CTX-II"]),
    "header of P1NP": (lambda head: add_column(head, *p1np(1)), "{}: may be P1NP, which is missing at", [
        "P1NP20", "p1npw2", "P1NPwk2", "P1NP2wk", "w2P1NP", "P1NP_V2", "P1NP_base", "p1np20wks", "dP1NP20", "p1npchg20", "P1NP delta", "P1NP day -14",
        "log P1NP week 2", "∆P1NP week 2", "P1NP wk 2 (rank)", "P1NP wk 2 (SD)", "P1NP wk 2 (relative)", "P1NP wk 2 (visit 3)", "P1NP week 2 % decrease",
        "P1NP wk 2 (% difference vs control)",
    ]),
    "header of a marker": (lambda head: add_column(head, *p1np(1)), "{}: may be p16 variant 1[+]5, which .*, or p16 variant 5", ["p16", "p16_5", "CDKN2A", "p16v1"]),
    "header of bone density": (lambda head: add_column(head, *p1np(1)), "{}: may be .*Femur neck BMD.*, which is missing at", ["neck", "FN", "BMD"]),
    "corner of variables in rows": (transpose_wide, "A!A1:M4: .*.CTx baseline, CTx week 20.; .* write transpose: .A. there", ["ID", "Variable", "x"]),
    "header of a unit": (
        lambda head: add_column(head, *["mmol/L"] * 24, table=list_parameters("Phosphorus")), "A!F14: 'mmol/L': Phosphorus", ["AVALU", "VSORRESU", "VSSTRESU"]),
    "group beside the groups": (
        lambda head: make_panel(heads=["Control", "D+Q", head]), "A!C2: {}.*: values differ from those at A!B2", ["D+Q", "D+Q (men)", "D+Q [excluded]"]),
    "codes among changes": (
        lambda codes: tabulate_values("CTx % change wk 20", [*codes, *range(1, 13 - len(codes))]), "A!C2: -?9+: perhaps a code for a missing",
        [(999, 999), (-99, -99), (-999,)]),
}  # fmt: skip
AMBIGUOUS |= {
    f"{subject} {text}": (make(text), expected.format(re.escape(repr(text))))
    for subject, (make, expected, texts) in AMBIGUOUS_TEXTS.items()
    for text in texts
}
# With a mapping that does not answer the question, or contradicts the workbook.
AMBIGUOUS |= {
    "numbers of a kind that the mapping ignores": (AMBIGUOUS["numbers of a kind that is also beside the ids"][0],
        r"1 fault\n.*B!A1: 'Randomization number': perhaps not the same ids", "variables: {Rand. No.: ignore}\n"),
    "a part of a block ignored": (
        AMBIGUOUS["numbers below a table"][0], "A!C18:C19: 2 numbers here are not read", "ignore: [A!A18:B19]"),
    "a transposed sheet transposed again": ([["CTx"], [None, *ARMS], ["Week", *IDS], [0, *ctx()], [20, *ctx(3)]],
        r"A!A1:M5: \d+ numbers here are not read [^:]*, or list the place under ignore", "transpose: [A]"),
    "a transposed sheet without a block": ({"A": WIDE, "B": WIDE}, "1 fault\\n  A: transposed by the mapping, but not among its blocks",
        f"transpose: [A]\n{BLOCK.replace('sheet: A', 'sheet: B')}"),
}  # fmt: skip


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_workbook_is_refused_with_a_question(name, tmp_path):
    content, expected, *mapping = AMBIGUOUS[name]
    started = time.process_time()
    with pytest.raises(UserError, match=expected):
        read(tmp_path, content, *mapping)
    assert time.process_time() - started < 10


# -- read ---------------------------------------------------------------------------------------------------------

COURSE = [(name, visit, make(seed)) for name, make in (("CTx", ctx), ("P1NP", p1np)) for seed, visit in ((0, "Baseline"), (5, "Week 20"))]  # fmt: skip
# The content of a workbook, its mapping, and the variables that are read.
READABLE = {
    "a group that is no arm": (add_column("Assigned group", *["young", "old"] * 6), "", "ctx"),
    "a list of arms": ({"List": tabulate(["ID", "Arm"], IDS, ARMS), "A": WITHOUT_ARMS}, "", "ctx"),
    "a list of arms with a date": (
        {"A": WITHOUT_ARMS, "List": tabulate(["ID", "Site", "Arm", "Day"], IDS, ["01"] * 12, ARMS, [datetime.date(2021, 3, day) for day in range(1, 13)])}, "", "ctx"),
    "a list of arms and visits": (
        {"A": WITHOUT_ARMS, "List": tabulate(["ID", "Arm", "Visit", "Event"], IDS * 2, ARMS * 2, ["day 3", "home"] * 12, ["none"] * 24)}, "", "ctx"),
    "a list of arms with other numbers": (
        {"A": WITHOUT_ARMS, "List": [["Randomisation list"], *tabulate(["Rand. No.", "ID", "Randomised to"], range(501, 513), IDS, ARMS)]}, "", "ctx"),
    "a schedule of visits": ({"A": WIDE, "Schedule": [["Procedure", "BL", "W2", "W20"], ["Blood", "x", "x", "x"], ["DXA", "Baseline", "Week 20"]]}, "", "ctx"),
    "visits and units below some names": (
        [
            ["ID", "Arm", "CTx", "CTx", "P1NP week 20", "P1NP baseline"], [None, None, "Baseline", "Week 20"], [None, None, *["ng/mL"] * 2, *["ug/L"] * 2],
            *zip(IDS, ARMS, ctx(), ctx(3), p1np(), p1np(3), strict=True),
        ], "", "ctx p1np"),
    "units in a row of their own": ([WIDE[0], [None, None, "ng/mL", "ng/mL"], *WIDE[1:]], "", "ctx"),
    "events of REDCap beside a study id, the arm once": (
        [
            ["STUDYID", "USUBJID", "arm", "redcap_event_name", "ctx"],
            *(["DQ", i, arm if "base" in event else None, event, value] for i, arm, event, value in make_long(["baseline_arm_1", "week_20_arm_1"])[1:]),
        ], "", "ctx"),
    "summaries and a footer below a table": (
        [*WIDE, *([name, None, 0.4, 0.5] for name in ("N", "Mean (SD), Control", "Median D+Q", "Overall")), ["CTx, C-terminal telopeptide"]], "", "ctx"),
    "averages below a table": ([*WIDE, *([name, "Control", 0.4, 0.5] for name in ("AVG", "Variance", "St.Dev", "Control avg"))], "", "ctx"),
    "an id without values": ([*WIDE[:5], ["S99"], *WIDE[5:]], "", "ctx"),
    "a column that marks all rows alike": (mark_rows("DTYPE", "AVERAGE"), "", "ctx"),
    "a short name of a variant": (add_column("p16 var1+5", *ctx(2)), "", "ctx p16_variant_1+5"),
    "weeks and units beside variables, participants across": (
        [
            ["Variable", "Unit", "Week", *IDS],
            ["Arm", "", "", *ARMS],
            *([name, {"CTx": "ng/mL", "P1NP": "ug/L"}[name], {"B": 0}.get(visit[0], 20), *cells] for name, visit, cells in COURSE),
        ], "transpose: [A]", "ctx p1np"),
    "variables before visits, participants across": (
        [["Variable", "Visit", *IDS], ["Arm", "", *ARMS], *([name, visit, *cells] for name, visit, cells in COURSE)], "transpose: [A]", "ctx p1np"),
    **{f"{corner} in the corner of a transposed table": (transpose_wide(corner), "transpose: [A]", "ctx") for corner in ("Variable", "x")},
    **{
        f"{repeated} that repeats beside {unique} that does not": (
            [[f"X{i}", *row] if i else [unique, repeated, *row[1:]] for i, row in enumerate(make_long(["Baseline", "Week 20"]))], "", "ctx"
        )
        for unique, repeated in (("ID", "Subject"), ("Sample ID", "Subject ID"))
    },
    **{
        f"{name}, with {mapping}": (AMBIGUOUS[name][0], mapping, variables)
        for name, mapping, variables in (
            ("rows marked by ('DTYPE', None, None, 'LOCF')", "variables: {DTYPE: ignore}", "ctx"),
            ("two columns of arms that differ", "variables: {Group: ignore}", "ctx"),
            ("header of a marker p16", "variables: {p16: p16_variant_5}", "ctx p16_variant_5"),
            ("header of a marker p16", "variables: {p16: ignore}", "ctx"),
            ("numbers below a table", "ignore: [A!A18:C19]", "ctx"),
            ("planned arm Screen Failure", "arms: {Screen Failure: ignore}", "ctx age"),
            ("only arm Not Randomised", "arms: {Not Randomised: ignore}", "ctx age"),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", READABLE)
def test_participants_arms_and_visits_are_read(name, tmp_path, forget_names):
    content, mapping, variables = READABLE[name]
    frame = read(tmp_path, content, mapping).frame
    assert set(frame["participant"]) == set(IDS)
    assert frame["linked"].all()
    assert count_arms(frame) == {"control": 6, "d_q": 6}
    assert set(frame.loc[frame["participant"] == "S01", "arm"]) == {"d_q"}
    assert frame.groupby("variable")["visit"].apply(sorted).to_dict() == {
        name: ["baseline"] * 12 + ["week_20"] * 12 * (name in ("ctx", "p1np")) for name in variables.split()
    }
    if not mapping:
        proposed = propose_mapping(tmp_path, content)
        forget_names()
        assert frame.equals(read(tmp_path, content, proposed).frame)


# Percent changes by week and arm, fewer in one arm.
CHANGES = {week: {"control": p1np(week), "d_q": p1np(week + 1)[:10]} for week in (2, 20)}


def group_changes(week, suffix=""):
    """Make a column of percent changes per arm."""
    return writers.transpose([TRIAL.every_arm[arm].label + suffix, *values] for arm, values in CHANGES[week].items())


def list_weeks(arm):
    """Make a block of an arm with a column per week, zeros at baseline."""
    rows = ([0, *row] for row in zip(*(values[arm] for values in CHANGES.values()), strict=True))
    return [[TRIAL.every_arm[arm].label], ["Week 0", "Week 2", "Week 20"], *rows]


def merge_arms(page):
    """Replace the table by one with a row per week and a column per participant, each arm merged over its columns."""
    page.delete_rows(1, page.max_row)
    rows = ([week, *values["control"], *values["d_q"]] for week, values in CHANGES.items())
    for row in (["CTx (% change)"], ["Week", "Control", *[None] * 11, "D+Q", *[None] * 9], *rows):
        page.append(row)
    page.merge_cells("B2:M2")
    page.merge_cells("N2:W2")


# Percent changes of groups without ids, and the weeks that they are of.
GROUPS = {
    **{
        f"below {title}": ([[title], [], *group_changes(20)], [20])
        for title in (
            "β-CTX: percent change from baseline to 20 weeks", "Table II. CTx % change, week 20", "CTx % change, 0-20 weeks", "CTx % change, week 20. *P < 0.05 vs control",
            "CTx, 20-week % change by treatment", "CTx, % change at 20 weeks of treatment",
        )
    },
    "side by side below weeks": (
        [
            ["Source data, CTx, % change from baseline"], [],
            *writers.join_tables(*([[f"{letter}, Week {week}"], *group_changes(week, " (n = 12)")] for letter, week in (("a", 2), ("b", 20)))),
        ], [2, 20]),
    "across, below merged names": (merge_arms, [2, 20]),
    "in one column": (
        tabulate(["Group", "β-CTX, change from baseline at week 20 (%)"], ["Control"] * 12 + ["D+Q"] * 10, [*CHANGES[20]["control"], *CHANGES[20]["d_q"]]), [20]),
    "below each other, with medians": (
        [
            row for week in (2, 20)
            for row in ([None, f"Change in CTx at {week} weeks (%)"], *([None, *row] for row in group_changes(week)), ["Median", 35.0, 36.1], [], [])
        ], [2, 20]),
    "beside each other, with a column per week": (
        [["CTx percent change from baseline"], *writers.join_tables(list_weeks("control"), list_weeks("d_q"))], [2, 20]),
    **{
        f"beside row numbers below {head}, {count} times": ([[CHANGE], *([n or head, first, *[n or head] * (count - 1), second] for n, (first, second) in enumerate(group_changes(20)))], [20])
        for head in ("Subject", None) for count in (1, 2)
    },
}  # fmt: skip


# Titles and columns of strata, and the number of values of each variable, marker and stratum.
STRATA = {
    **{
        f"titles {titles}": ([*([title] for title in titles), *PANEL[1:]], {("ctx", "p16_variant_5", "T3"): 16})
        for titles in ([CHANGE, "p16 variant 5: T3"], ["T3 of p16 variant 5", CHANGE])
    },
    "beside rows of all participants": (
        tabulate(["p16 variant 5 tertile", "Arm", CHANGE], ["T3", "T1/T2", "All"] * 4, ARMS, p1np()),
        {("ctx", "p16_variant_5", stratum): 4 for stratum in ("", "T1/T2", "T3")}),
    "beside the site of bone density": (
        tabulate(["Site", "p16 variant 1+5 tertile", "Arm", "% change week 20"], ["Radius"] * 12, ["Highest tertile", "Lower two tertiles"] * 6, ARMS, p1np()),
        {("bmd_radius", "p16_variant_1+5", stratum): 6 for stratum in ("T1/T2", "T3")}),
}  # fmt: skip


@pytest.mark.parametrize("name", STRATA)
def test_strata_of_titles_and_columns_are_read_with_their_marker(name, tmp_path):
    content, expected = STRATA[name]
    assert read(tmp_path, content).frame.groupby(["variable", "marker", "stratum"]).size().to_dict() == expected


def test_a_proposed_mapping_asks_which_ids_are_participants_and_keeps_arms_ignored_arms_and_imputed_values(tmp_path):
    text = propose_mapping(tmp_path, AMBIGUOUS["numbers of two kinds as ids"][0])
    assert (text.count('is: "?"'), text.count("perhaps not the same ids")) == (2, 1)
    content = {"Raw": make_wide(D5=None, D9=None), "LOCF": WIDE}
    assert len(read(tmp_path, content, propose_mapping(tmp_path, content)).frame) == 24
    text = propose_mapping(tmp_path, list_arms("Screen Failure"), "arms: {Screen Failure: ignore}\n")
    assert '"Screen Failure": ignore' in text
    table = make_long(["Baseline", "Week 20"])
    table[1][1] = "Control"  # of a participant whose other row is of D+Q
    assert '"D+Q": d_q' in propose_mapping(tmp_path, table)


@pytest.mark.parametrize("stratum", ["not T3", "non-T3", "<T3", "all except T3"])
def test_the_negation_of_a_stratum_is_another_stratum(stratum, tmp_path):
    frame = read(tmp_path, add_column("p16 variant 5 tertile", *["T3", stratum] * 6)).frame
    assert set(frame["text"]) == {"", "T3", stratum}


@pytest.mark.parametrize("name", GROUPS)
def test_changes_of_groups_without_ids_are_read_by_arm(name, tmp_path, forget_names):
    content, weeks = GROUPS[name]
    participants = read(tmp_path, content)
    frame = participants.frame
    assert frame.groupby(["variable", "visit", "measure", "arm"])["value"].apply(list).to_dict() == {
        ("ctx", f"week_{week}", "percent_change", arm): values
        for week in weeks
        for arm, values in CHANGES[week].items()
    }
    assert frame["participant"].is_unique
    assert not frame["linked"].any()
    notes = " ".join(participants.source["notes"])
    assert len(re.findall("linked participants: the panels have no ids.*adjustment for baseline", notes)) == 1
    proposed = propose_mapping(tmp_path, content)
    forget_names()
    assert frame.equals(read(tmp_path, content, proposed).frame)


def test_a_scale_with_many_negative_values_is_read_unless_one_is_far_off(tmp_path):
    values = [*((-1) ** i * (5 + i) for i in range(10)), 0.03, -0.01]  # with a median near zero
    assert (read(tmp_path, add_column("p16 variant 5", *values)).frame.value < 0).sum() == 6
    with pytest.raises(UserError, match="100 times the median absolute value, 9"):
        read(tmp_path, add_column("p16 variant 5", *values[:-1], -5000))


def test_numbers_of_the_study_population_are_ids_of_participants(tmp_path):
    ids, ages = list(range(1, 13)), list(range(60, 72))
    sample = tabulate(["ID", "Age", "p16 variant 5"], [f"P{i}" for i in ids], range(30, 42), ctx(4))
    sheets = {"A": tabulate(["ID", "Arm", "p16 variant 5"], ids, ARMS, ctx(2)), "Age cohort": sample}
    frame = read(tmp_path, sheets | {"Study population": tabulate(["ID", "Age"], ids, ages)}).frame
    values = frame[frame["cohort"].eq("trial")].groupby("variable")["value"].apply(list)
    assert (values["p16_variant_5"], values["age"]) == (ctx(2), ages)


@pytest.mark.parametrize(("sheet", "form"), [("Community sample", "{}"), ("Fig. 1 population", "P{:02}")])
def test_people_in_a_table_named_after_the_population_are_not_participants_with_equal_numbers(sheet, form, tmp_path):
    ids, sample = [[style.format(i) for i in range(1, 13)] for style in ("{}", form)]
    content = {"A": make_wide(ids), sheet: tabulate(["ID", "Age", "p16 variant 5"], sample, range(30, 42), ctx(2))}
    for mapping in ("", propose_mapping(tmp_path, content)):  # which says who is of the population
        people = read(tmp_path, content, mapping).frame.groupby("cohort")["participant"].apply(set).to_dict()
        assert people == {"population": set(sample), "trial": set(ids)}


# The content of a workbook, a note of its reading, and the number of values of CTx.
NOTED = {
    "means of arms without ids": (
        [[CHANGE], ["Group", "% change"], *zip(ARMS, p1np(), strict=True), ["Control mean", 51.2]], "A!A15: 'Control mean': a summary, not", 12),
    "medians of the arms on another sheet": (
        {"A": WIDE, "M": [["Outcome", "Control", "D+Q", "P"], ["CTx", 0.4, 0.5, 0.61], ["P1NP", 50, 60, 0.1]]}, "M!A1:D3: .*a summary", 24),
    "a limit in full-width signs": (make_wide(D4="＜0.05"), "A!D4: .*: below detection, read as missing", 23),
    "a change above the limit of given changes": (make_wide(D4=2.9, C4=0.03), "A!D4: 2.9: a value of CTx that gives a percent change above 1000%; kept", 24),
    "a block of variables that are read elsewhere": ({"A": WIDE, "B": tabulate(["Sample", "CTx baseline"], range(1, 13), ctx())},
        "B!A1:B13: 24 numbers here are not read because no participant ids or groups were recognised .CTx baseline", 24),
    "values that only a second sheet has": ({"Raw": make_wide(D5=None, D9=None), "Farr et al": WIDE},
        "Farr et al!D1: 'CTx week 20': values of CTx, 20 weeks found only here: 2; the others repeat another column", 24),
    "arms written once for each group": (tabulate(["Arm", CHANGE], ["D+Q", *[None] * 5, "Control", *[None] * 5], p1np()),
        "A!A3: blank cells of the column of arms are read as the value above", 12),
    "strata of an unnamed marker": ({"A": WIDE, "F": [[CHANGE], ["T1/T2", None, "T3", None], ["Control", "D+Q"] * 2, *zip(*map(p1np, range(4)), strict=True)]},
        "F!A1:D15: block not read: it does not say which marker the strata are of", 24),
    "visits below the name of another analyte than that of the sheet": (
        {"CTx": [[None, None, "CTx", None, "NTx", None], ["ID", "Arm", "Baseline", "Week 20", "Week 2", "Week 4"], *zip(IDS, ARMS, *map(ctx, range(4)), strict=True)]},
        r"CTx!.*not read: E \('NTx \| Week 2'\), F \('NTx \| Week 4'\)", 24),
    "panels that repeat each other": ([PANEL[0], *(row * 2 for row in PANEL[1:])], "A!C2: 'Control': .*: the same values as at A!A2", 16),
    "age at a later visit": (add_column("Age at week 20", *range(60, 72)), "'Age at week 20': Age is given only at later visits", 24),
    **{
        f"{name} in rows": (list_parameters(name), f"'{re.escape(name)}': not a variable of the trial .in 12 rows.; not read", 12)
        for name in ("CRP", "CTx week 2", "Log CTx", "CTx (urine)", "CTx % change", "CTx SD", "CTx fold change")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", NOTED)
def test_unusual_content_is_read_with_a_note(name, tmp_path):
    content, expected, count = NOTED[name]
    participants = read(tmp_path, content)
    assert sum(bool(re.match(f"(A!.*: )?{expected}", note)) for note in participants.source["notes"]) == 1
    assert participants.frame["variable"].eq("ctx").sum() == count
    assert participants.frame.equals(read(tmp_path, content, propose_mapping(tmp_path, content)).frame)


# -- read as the mapping says -------------------------------------------------------------------------------------

PERCENT = BLOCK.replace("visit: baseline", "visit: week_20, measure: percent_of_baseline").partition("      D:")[0]
FRACTIONS = PERCENT.replace("percent_of_baseline", "percent_change, factor: 100")
CODES = make_wide(D4=-99, D5="<0.1")
BOTH = {"baseline": ctx(), "week_20": ctx(3)}
LONG = [row[3] for row in make_long([1, 4])[1:]]
# The content of a workbook, its mapping, and the values that are then read, by visit.
MAPPED = {
    **{
        f"a literal percent sign in the number format {number_format}": (
            format_percents(12, number_format), "", {"baseline": ctx(), "week_20 change": [(row - 7) / 4 for row in range(2, 14)]}
        )
        for number_format in ('0.0"%"', "0.0\\%", "0.0_%")
    },
    "a baseline repeated beside each later visit": (
        add_column("CTx baseline", *sorted(2 * ctx(), key=ctx().index), table=make_long([4, 20], "Week")), "", {"baseline": ctx(), "week_4": LONG[::2], "week_20": LONG[1::2]}),
    "percent of baseline": (AMBIGUOUS["percent of baseline"][0], PERCENT, {"week_20 change": [i - 4.1 for i in range(12)]}),
    "fractions": (tabulate_values("CTx % change wk 20", [0.02 * i - 0.1 for i in range(12)]), FRACTIONS, {"week_20 change": [2 * i - 10 for i in range(12)]}),
    "cells formatted as percent": (format_percents(12), FRACTIONS.replace("C: {", "D: {"), {"week_20 change": [25 * (row - 7) for row in range(2, 14)]}),
    "a blank row and a blank column": (
        [[*row[:3], None, row[3]] if row else row for row in [*WIDE[:7], [], *WIDE[7:]]], BLOCK.replace("E13", "E14").replace("D: {", "E: {"), BOTH),
    **{
        f"numbers below {head}": (make_long([1, 4], head), "visits: {1: baseline, 4: week_20}", {"baseline": LONG[::2], "week_20": LONG[1::2]})
        for head in ("Visit", "Week")
    },
    "weeks that a legend explains otherwise": (
        AMBIGUOUS["weeks that a legend explains otherwise"][0], "visits: {4: week_4}", {"baseline": LONG[::2], "week_4": LONG[1::2]}),
    "numbers for missing values": (CODES, "missing: [-99]\n" + BLOCK, {**BOTH, "week_20": ctx(3)[:2] + ctx(3)[4:]}),
    **{
        f"a row and a cell ignored {where} blocks": (WIDE, f"ignore: [A!A13:D13, A!D2]\n{blocks}", {"baseline": ctx()[:11], "week_20": ctx(3)[1:11]})
        for where, blocks in (("in", BLOCK), ("without", ""))
    },
    "limits without blocks": (CODES, "missing: [-99]\nbelow_detection: limit\n", {**BOTH, "week_20": [*ctx(3)[:2], 0.1, *ctx(3)[4:]]}),
    **{
        f"{first} and {second}": (rename_columns(first, second), f"visits: {codes}\n", BOTH)
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
def test_formats_and_the_mapping_determine_the_values_of_cells_and_headers(name, tmp_path):
    content, mapping, expected = MAPPED[name]
    frame = read(tmp_path, content, mapping).frame
    measures = frame["measure"].map({"value": "", "percent_change": " change"})
    values = frame.groupby(frame["visit"] + measures)["value"].apply(list).to_dict()
    assert values == {visit: pytest.approx(cells) for visit, cells in expected.items()}
    assert frame.equals(read(tmp_path, content, propose_mapping(tmp_path, content, mapping)).frame)


def test_struck_out_values_and_hidden_rows_are_noted_and_a_mapping_excludes_them(tmp_path):
    def fill(page):
        page["C4"].font = openpyxl.styles.Font(strike=True)
        page.row_dimensions[7].hidden = True

    participants = read(tmp_path, fill)
    assert len(participants.frame) == 24
    notes = " ".join(participants.source["notes"])
    assert "struck-out cells were read: C4; struck_out: missing" in notes
    assert "hidden rows with data (hidden by hand or by a filter) were read: 7; hidden_rows: ignore" in notes
    participants = read(tmp_path, fill, "hidden_rows: ignore\nstruck_out: missing\n" + BLOCK)
    assert participants.frame.groupby("visit").size().to_dict() == {"baseline": 10, "week_20": 11}
    assert not re.search("hidden|struck", " ".join(participants.source["notes"]))


@pytest.mark.parametrize("head", ["tertile", "p16 variant 5 tertile", "p16 v5 group", "p16 variant 5 (tertile)"])
def test_mapping_names_and_joins_numbered_strata(head, tmp_path):
    for strata in (
        f"strata: {{1: T1/T2, 2: T1/T2, 3: T3}}\n{BLOCK}      E: stratum\n",
        "strata: {'1, 2': T1/T2, 3: T3}\n",
    ):
        table = add_column(head, *[1, 2, 3] * 4)
        frame = read(tmp_path, table, strata).frame
        assert frame[frame.text != ""].text.value_counts().to_dict() == {"T1/T2": 8, "T3": 4}
        assert read(tmp_path, table, propose_mapping(tmp_path, table, strata)).frame.equals(frame)


def test_mapping_joins_thirds_in_the_names_of_groups(tmp_path):
    heads = [f"{third} tertile, {arm}" for third in ("Lowest", "Middle", "Highest") for arm in ("Control", "D+Q")]
    frame = read(tmp_path, make_panel(f"{CHANGE}, by p16 variant 5", heads), "strata: {T1: T1/T2, T2: T1/T2}").frame
    assert frame.groupby(["arm", "stratum"]).size().to_list() == [16, 8, 16, 8]


def test_mapping_lists_the_section_of_each_arm_as_a_block(tmp_path):
    columns = "columns: {A: participant, B: {variable: ctx, visit: baseline}, C: {variable: ctx, visit: week_20}}"
    blocks = ("A3:C8, header: 0, arm: control", "A10:C13, header: 0, arm: d_q")
    mapping = "blocks:\n" + "".join(f"  - {{sheet: A, range: {block}, {columns}}}\n" for block in blocks)
    assert count_arms(read(tmp_path, make_sections("Screen failures"), mapping).frame) == {"control": 6, "d_q": 4}
