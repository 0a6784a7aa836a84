"""The order of rows, columns and sheets of a workbook means nothing."""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from layouts import cohort, writers
from openpyxl import load_workbook

from d_q_trial.workbook.reader import read_workbook

OUTCOMES = ["age", "smoker", "ctx", "bmd_radius", "sasp_il6"]
LAYOUTS = ["wide", "sheet_per_visit", "long_by_visit", "long_by_variable"]


@cache
def sheets(name, folder):
    """The cells of a layout, sheet by sheet, with the header in the first row."""
    made = cohort.make(outcomes=OUTCOMES)
    book = load_workbook(writers.write(name, made, folder / f"{name}.xlsx"))
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def contents(path):
    frame = read_workbook(path, cohort.trial()).frame
    people = frame.participant.where(frame.cohort == "trial", "")  # those of the population are numbered by their rows
    columns = ["cohort", "variable", "visit", "participant", "value", "arm", "measure"]
    return sorted(frame.assign(participant=people)[columns].values.tolist())


def shuffled_rows(rows, order):
    return [rows[0], *order.sample(rows[1:], len(rows) - 1)]


def shuffled_columns(rows, order):
    places = order.sample(range(len(rows[0])), len(rows[0]))
    return [[row[place] for place in places] for row in rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("laws")


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("shuffle", [shuffled_rows, shuffled_columns, None], ids=["rows", "columns", "sheets"])
@budget(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_a_workbook_does_not_change_what_is_read(name, shuffle, folder, seed):
    order = random.Random(seed)
    content = sheets(name, folder)
    titles = list(content) if shuffle else order.sample(list(content), len(content))
    content = {title: shuffle(content[title], order) if shuffle else content[title] for title in titles}
    writers.workbook(content).save(folder / "shuffled.xlsx")
    plain = contents(folder / f"{name}.xlsx")
    assert len(plain) > 100
    assert contents(folder / "shuffled.xlsx") == plain
