"""Layouts that once were read wrongly without a word: each is read right, or asked about."""

import openpyxl
import pytest

from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial
from d_q_trial.workbook.inspect import mapping_text
from d_q_trial.workbook.reader import look, read_workbook

TRIAL = load_trial("data/trial.yaml")
PEOPLE = [f"S{i:02d}" for i in range(1, 13)]
ARMS = ["D+Q", "Control"] * 6


def rows(header, *columns):
    return [header, *map(list, zip(*columns, strict=True))]


def ctx(seed=0, count=12):
    return [round(0.3 + 0.011 * ((i * 7 + seed) % 12), 3) for i in range(count)]


def p1np(seed=0):
    return [round(100 * value, 1) for value in ctx(seed)]


WIDE = rows(["ID", "Arm", "CTx baseline", "CTx week 20"], PEOPLE, ARMS, ctx(), ctx(3))


def book(tmp_path, **sheets):
    """Write sheets of rows; a sheet may be a function that fills a worksheet."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, content in sheets.items():
        page = made.create_sheet(name.replace("_", " "))
        if callable(content):
            content(page)
        else:
            for row in content:
                page.append(row)
    made.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def read(path, mapping=None):
    return read_workbook(path, TRIAL, mapping)


def assert_refused(path, expected):
    with pytest.raises(UserError) as caught:
        read(path)
    assert expected in str(caught.value)
    return str(caught.value)


P1NP = ["P1NP baseline", "P1NP week 20"]


@pytest.mark.parametrize(
    "written",
    ["S04\u200b", "\ufeffS04", "S\u00ad04", "Ｓ０４", "S04 "],
    ids=["zero-width space", "byte-order mark", "soft hyphen", "full-width", "blank"],
)
def test_invisible_and_full_width_characters_in_ids_do_not_split_a_participant(written, tmp_path):
    ids = [written if identity == "S04" else identity for identity in PEOPLE]
    found = read(book(tmp_path, A=WIDE, B=rows(["ID", *P1NP], ids, p1np(1), p1np(2))))
    assert set(found.frame["participant"]) == set(PEOPLE)
    assert (written.strip() == "S04") or any("cannot be seen" in note for note in found.source["notes"])


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2013", "\u2212"])
def test_dashes_in_ids_are_one_dash(dash, tmp_path):
    ids = [f"P-{i:02d}" for i in range(1, 13)]
    first = rows(["ID", "Arm", "CTx baseline", "CTx week 20"], ids, ARMS, ctx(), ctx(3))
    second = rows(["ID", *P1NP], [i.replace("-", dash) for i in ids], p1np(1), p1np(2))
    assert set(read(book(tmp_path, A=first, B=second)).frame["participant"]) == set(ids)


def test_a_number_in_exponent_form_is_the_same_participant(tmp_path):
    ids = [100000 + i for i in range(12)]
    second = rows(["ID", *P1NP], ["1e+05", *map(str, ids[1:])], p1np(1), p1np(2))
    first = rows(["ID", "Arm", "CTx baseline", "CTx week 20"], ids, ARMS, ctx(), ctx(3))
    assert len(set(read(book(tmp_path, A=first, B=second)).frame["participant"])) == 12


@pytest.mark.parametrize("slip", ["S94", "SO4", "S4O"])
def test_an_id_of_one_sheet_that_is_one_character_from_a_missing_one_is_asked_about(slip, tmp_path):
    ids = [slip if identity == "S04" else identity for identity in PEOPLE]
    path = book(tmp_path, A=WIDE, B=rows(["ID", *P1NP], ids, p1np(1), p1np(2)))
    if slip == "S4O":
        with pytest.raises(UserError):
            read(path)
    else:
        assert_refused(path, "S04")


def test_a_cyrillic_letter_in_an_id_is_asked_about(tmp_path):
    ids = ["Ѕ04" if identity == "S04" else identity for identity in PEOPLE]
    assert_refused(book(tmp_path, A=WIDE, B=rows(["ID", *P1NP], ids, p1np(1), p1np(2))), "differs only in writing")


def test_blank_rows_inside_a_table_do_not_lose_participants(tmp_path):
    torn = [*WIDE[:7], [None], [None], [None], [None], *WIDE[7:]]
    assert_refused(book(tmp_path, A=torn), "look like more of the table above and are not read")


def test_blank_columns_inside_a_table_do_not_lose_outcomes(tmp_path):
    torn = [[*row, None, None, None, None, *more] for row, more in zip(WIDE, rows(P1NP, p1np(1), p1np(2)), strict=True)]
    assert_refused(book(tmp_path, A=torn), "without a participant id")


def test_a_table_with_one_blank_row_is_read_whole(tmp_path):
    found = read(book(tmp_path, A=[*WIDE[:7], [None], *WIDE[7:]]))
    assert set(found.frame["participant"]) == set(PEOPLE)


def test_percent_of_baseline_is_not_a_percent_change(tmp_path):
    table = rows(["ID", "Arm", "CTx % of baseline wk 20"], PEOPLE, ARMS, [95.9 + i for i in range(12)])
    message = assert_refused(book(tmp_path, A=table), "")
    assert "percent" in message or "No" in message or "no" in message


def test_percent_of_baseline_is_converted_where_it_is_stated(tmp_path):
    table = rows(["ID", "Arm", "CTx % of baseline wk 20"], PEOPLE, ARMS, [95.9 + i for i in range(12)])
    path = book(tmp_path, A=table)
    (tmp_path / "mapping.yaml").write_text(
        "blocks:\n  - sheet: A\n    range: A1:C13\n    columns:\n      A: participant\n      B: arm\n"
        "      C: {variable: ctx, visit: week_20, measure: percent_of_baseline}\n"
    )
    frame = read(path, tmp_path / "mapping.yaml").frame
    assert frame["measure"].eq("percent_change").all()
    assert frame["value"].iloc[0] == pytest.approx(-4.1)


def percent_formats(count):
    def fill(page):
        for row in rows(["ID", "Arm", "CTx % change week 20"], PEOPLE, ARMS, [(i - 5) / 4 for i in range(12)]):
            page.append(row)
        for number in range(count):
            page.cell(number + 2, 3).number_format = "0.0%"

    return fill


def test_cells_formatted_as_percent_are_read_as_they_are_shown(tmp_path):
    frame = read(book(tmp_path, A=percent_formats(12))).frame
    assert frame["value"].tolist() == [(i - 5) * 25 for i in range(12)]


def test_a_mixture_of_percent_formats_in_a_column_is_asked_about(tmp_path):
    assert_refused(book(tmp_path, A=percent_formats(7)), "7 of 12 cells are formatted as percent")


def test_samples_are_not_participants(tmp_path):
    table = rows(
        ["Sample ID", "Subject ID", "Arm", "Visit", "CTx"],
        [f"X{i:03d}" for i in range(24)],
        [p for p in PEOPLE for _ in range(2)],
        [a for a in ARMS for _ in range(2)],
        ["Baseline", "Week 20"] * 12,
        [0.3 + 0.01 * i for i in range(24)],
    )
    assert set(read(book(tmp_path, A=table)).frame["participant"]) == set(PEOPLE)


def four_visits(names, label="Visit"):
    """A long table of four visits each, called as given."""
    persons, arms = ([x for x in column for _ in range(4)] for column in (PEOPLE, ARMS))
    return rows(["ID", "Arm", label, "CTx"], persons, arms, names * 12, [0.3 + 0.01 * (i % 17) for i in range(48)])


def test_visit_numbers_without_a_legend_are_asked_about(tmp_path):
    assert_refused(book(tmp_path, A=four_visits([1, 2, 3, 4])), "not a visit of the trial")


def test_weeks_in_a_column_of_visits_are_read(tmp_path):
    found = read(book(tmp_path, A=four_visits([0, 2, 4, 20]))).frame
    assert set(found["visit"]) == {"baseline", "week_2", "week_4", "week_20"}


def prism(header):
    columns = [[round(5 * i + 0.7 * k - 20, 1) for k in range(8)] for i in range(6)]
    return [["CTx % change week 20"], header, *map(list, zip(*columns, strict=True))]


@pytest.mark.parametrize(
    "header",
    [["Control", None, None, "D+Q", None, None], [None, "Control", None, None, "D+Q", None]],
    ids=["left", "centred"],
)
def test_a_group_title_over_replicate_columns_names_all_of_them(header, tmp_path):
    frame = read(book(tmp_path, A=prism(header))).frame
    assert frame.groupby("arm").size().to_dict() == {"control": 24, "d_q": 24}


def test_numbers_without_a_group_beside_groups_are_asked_about(tmp_path):
    assert_refused(book(tmp_path, A=prism(["Control", None, "D+Q", None, None, None])), "without a group")


def sample(first, count):
    """People without ids or arms, with age and p16."""
    return rows(
        ["Age", "p16 variant 5"], [20 + i for i in range(first, count)], [1 + i / 40 for i in range(first, count)]
    )


def test_panels_of_the_same_people_without_ids_are_not_pooled(tmp_path):
    path = book(tmp_path, A=WIDE, a_everyone=sample(0, 60), b_under_60=sample(0, 40), c_over_60=sample(40, 60))
    message = assert_refused(path, "most people without ids here are on a everyone!A1:B61 too; list one block")
    assert message.count("most people without ids") == 2


def test_numeric_codes_for_missing_values_are_read_by_the_mapping(tmp_path):
    coded = [[*row[:3], -99 if n in (3, 4) else row[3]] for n, row in enumerate(WIDE)]
    path = book(tmp_path, A=coded)
    assert_refused(path, "-99: perhaps a code for a missing value of CTx")
    (tmp_path / "mapping.yaml").write_text(
        "missing: [-99]\nblocks:\n  - sheet: A\n    range: A1:D13\n    columns:\n      A: participant\n      B: arm\n"
        "      C: {variable: ctx, visit: baseline}\n      D: {variable: ctx, visit: week_20}\n"
    )
    found = read(path, tmp_path / "mapping.yaml").frame
    assert found.groupby("visit").size().to_dict() == {"baseline": 12, "week_20": 10}


BLOCK = (
    "blocks:\n  - sheet: A\n    range: A1:E13\n    columns:\n      A: participant\n      B: arm\n"
    "      C: {variable: ctx, visit: baseline}\n      D: {variable: ctx, visit: week_20}\n      E: stratum\n"
)


def test_struck_out_values_and_hidden_rows_are_told_and_left_out_by_the_mapping(tmp_path):
    def fill(page):
        for row in WIDE:
            page.append(row)
        page["C4"].font = openpyxl.styles.Font(strike=True)
        page.row_dimensions[7].hidden = True

    path = book(tmp_path, A=fill)
    found = read(path)
    assert len(found.frame) == 24
    assert any("1 struck-out cells were read: C4; struck_out: missing" in note for note in found.source["notes"])
    assert any("1 hidden rows with data" in note for note in found.source["notes"])
    (tmp_path / "mapping.yaml").write_text(
        "hidden_rows: ignore\nstruck_out: missing\n" + BLOCK.replace("A1:E", "A1:D").replace("      E: stratum\n", "")
    )
    found = read(path, tmp_path / "mapping.yaml")
    assert found.frame.groupby("visit").size().to_dict() == {"baseline": 10, "week_20": 11}
    assert not any("hidden" in note or "struck" in note for note in found.source["notes"])


def test_strata_by_number_are_named_and_joined_by_the_mapping(tmp_path):
    table = [[*row, more] for row, more in zip(WIDE, ["tertile", *[1, 2, 3] * 4], strict=True)]
    path = book(tmp_path, A=table)
    (tmp_path / "mapping.yaml").write_text("strata: {1: T1/T2, 2: T1/T2, 3: T3}\n" + BLOCK)
    frame = read(path, tmp_path / "mapping.yaml").frame
    assert frame[frame.variable == "tertile"].text.value_counts().to_dict() == {"T1/T2": 8, "T3": 4}


def test_full_width_signs_of_a_limit_are_understood(tmp_path):
    table = [[*row[:3], "＜0.05" if n == 3 else row[3]] for n, row in enumerate(WIDE)]
    found = read(book(tmp_path, A=table))
    assert found.source["counts"]["below detection"] == 1


def test_endless_digits_in_a_cell_take_no_time(tmp_path):
    import time

    started = time.monotonic()
    assert_refused(book(tmp_path, A=[*WIDE[:5], ["S99", "Control", 0.4, "1" * 32_000 + "x"]]), "text where a number")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("head", ["P1NP20", "p1npw2", "P1NPwk2", "P1NP2wk", "w2P1NP", "P1NP_V2", "P1NP_base"])
def test_header_with_a_visit_glued_to_a_name_is_asked_about(head, tmp_path):
    table = [[*row, more] for row, more in zip(WIDE, [head, *p1np(1)], strict=True)]
    assert_refused(book(tmp_path, A=table), "may be P1NP, which is missing at")


def test_short_names_of_a_variant_are_read(tmp_path):
    table = [[*row, more] for row, more in zip(WIDE, ["p16 var1+5", *ctx(2)], strict=True)]
    assert "p16_variant_1+5" in set(read(book(tmp_path, A=table)).frame.variable)


@pytest.mark.parametrize("corner", ["Variable", "Parameter", "Outcome", "x"])
def test_any_word_may_stand_in_the_corner_of_a_transposed_table(corner, tmp_path):
    turned = [list(row) for row in zip(*WIDE, strict=True)]
    turned[0][0] = corner
    assert set(read(book(tmp_path, A=turned)).frame.participant) == set(PEOPLE)


def test_legend_with_one_code_in_a_cell_is_read(tmp_path):
    coded = [[row[0], {"D+Q": 1, "Control": 0}.get(row[1], row[1]), *row[2:]] for row in WIDE]
    found = read(book(tmp_path, A=coded, Legend=[["0 = Control"], ["1 = D+Q"]])).frame
    assert found.groupby("arm").participant.nunique().to_dict() == {"control": 6, "d_q": 6}


@pytest.mark.parametrize(("negative", "asked"), [(1, True), (4, False)])
def test_few_negative_values_are_asked_about_and_a_scale_with_many_is_read(negative, asked, tmp_path):
    values = [(-1 if i < negative else 1) * (5 + i) for i in range(12)]
    path = book(tmp_path, A=[[*row, more] for row, more in zip(WIDE, ["IL-6 baseline", *values], strict=True)])
    if asked:
        assert_refused(path, "E2: -5: a negative value of IL6")
    else:
        assert (read(path).frame.value < 0).sum() == negative


def events(*names):
    persons = [p for p in PEOPLE for _ in range(2)]
    return rows(["record_id", "Event Name", "CTx"], persons, [*names] * 6, [0.3 + 0.01 * i for i in range(24)])


def test_arms_of_redcap_events_are_read_or_asked_about(tmp_path):
    path = book(
        tmp_path, A=events(*(f"{v} (Arm {a})" for a in ("1: Control", "2: D+Q") for v in ("Baseline", "Week 20")))
    )
    assert read(path).frame.groupby("arm").participant.nunique().to_dict() == {"control": 6, "d_q": 6}
    assert '"Arm 2": d_q' in mapping_text(look(path, TRIAL), TRIAL)
    path = book(tmp_path, A=events("baseline_arm_1", "week_20_arm_1", "baseline_arm_2", "week_20_arm_2"))
    assert_refused(path, "nobody has an arm")
    (tmp_path / "mapping.yaml").write_text(
        "arms: {arm_1: control, arm_2: d_q}\nvisits: {baseline_arm_1: baseline, baseline_arm_2: baseline, "
        "week_20_arm_1: week_20, week_20_arm_2: week_20}\nblocks:\n  - sheet: A\n    range: A1:C25\n    columns:\n"
        "      A: participant\n      B: visit\n      C: {variable: ctx}\n"
    )
    found = read(path, tmp_path / "mapping.yaml").frame
    assert found.groupby("arm").participant.nunique().to_dict() == {"control": 6, "d_q": 6}
