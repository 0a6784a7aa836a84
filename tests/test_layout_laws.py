"""The order of rows, columns and sheets of a workbook means nothing."""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from layouts import cohort, writers
from openpyxl import Workbook, load_workbook

from d_q_trial.workbook.reader import read_workbook

OUTCOMES = ["age", "smoker", "ctx", "bmd_radius", "sasp_il6"]
LAYOUTS = ["wide", "sheet_per_visit", "long_by_visit", "long_by_variable"]


@cache
def sheets(name, folder):
    """The cells of a layout, sheet by sheet, with the header in the first row."""
    made = cohort.make(outcomes=OUTCOMES)
    book = load_workbook(writers.write(name, made, folder / f"{name}.xlsx"))
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def write(content, path):
    book = Workbook()
    book.remove(book.active)
    for title, rows in content.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def contents(path):
    frame = read_workbook(path, cohort.trial()).frame
    own = frame[frame.cohort == "trial"]
    keys = zip(own.participant, own.arm, own.variable, own.visit, own.measure, strict=True)
    people = frame[frame.cohort == "population"]
    sample = {variable: sorted(group) for variable, group in people.groupby("variable").value}
    return dict(zip(keys, own.value, strict=True)), sample


def shuffled_rows(rows, order):
    body = rows[1:]
    order.shuffle(body)
    return [rows[0], *body]


def shuffled_columns(rows, order):
    places = list(range(len(rows[0])))
    order.shuffle(places)
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
    if shuffle is None:
        titles = list(content)
        order.shuffle(titles)
        content = {title: content[title] for title in titles}
    else:
        content = {title: shuffle(rows, order) for title, rows in content.items()}
    plain = contents(folder / f"{name}.xlsx")
    assert contents(write(content, folder / "shuffled.xlsx")) == plain
    assert len(plain[0]) > 100
