"""Divide a sheet into tables: the titles, header rows and data of each block."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from ..spreadsheet.sheets import EMPTY, Block, Sheet, split_blocks
from .cells import Policy, read_number
from .vocabulary import Vocabulary, canonical_id, split_list

MAX_HEADER_ROWS = 6
SAMPLE = 120  # rows that show what a column holds
TITLE_ROWS = 3  # a block of more rows is a table
MAX_BLOCKS = 1000  # on a sheet; if cells are more scattered, they form no tables and are treated as one block
MISSING = frozenset(split_list("missing"))  # codes for a missing value, in lower case


@lru_cache(maxsize=50_000, typed=True)
def looks_numeric(value: object) -> bool:
    """Return whether a cell belongs in a column of numbers: a number, also as text, a censored or a missing one."""
    return value != EMPTY and read_number(value, Policy(), MISSING)[1] not in ("text", "truth value")


def looks_like_label(value: object) -> bool:
    """Return whether a cell holds words, as a header does."""
    return isinstance(value, str) and bool(value.strip()) and not looks_numeric(value)


def id_shape(value: object) -> str:
    """Return an id with its numbers as zeros, so that P-07 and P-12 become equal; empty for an id without a number."""
    text = re.sub(r"\d+", "0", canonical_id(value))
    return text if "0" in text else ""


def mostly_numbers(rows: list[list], column: int) -> bool | None:
    """Return whether most non-empty cells of a column stand for numbers; None if all are empty."""
    cells = [row[column] for row in rows if row[column] != EMPTY]
    return sum(map(looks_numeric, cells)) >= 0.6 * len(cells) if cells else None


@dataclass
class Header:
    """The titles, header rows and first data row of a block, by the row numbers of the block."""

    titles: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    first_data: int = 0
    labels: list[list[str]] = field(default_factory=list)  # per column, from top to bottom

    def text(self, column: int) -> str:
        """Return a column's labels as one text."""
        return " | ".join(self.labels[column])


def find_header(block: Block, vocabulary: Vocabulary) -> Header:
    """Find the titles and header rows among the first rows of a block.

    A row is a header if it has words above columns of numbers. A row of numbers is one if it holds weeks of the trial below
    another header. A row with a single text above a wider table is a title.
    """
    header = Header()
    start = min(block.height - 1, 1 + min(block.height // 3, MAX_HEADER_ROWS))
    sample = block.values[start : start + SAMPLE]
    numeric = [bool(mostly_numbers(sample, column)) for column in range(block.width)]
    for row, values in enumerate(block.values):
        used = [c for c, value in enumerate(values) if value != EMPTY]
        wider = any(len(r) - r.count(EMPTY) > 1 for r in block.values[row + 1 : row + 4])
        if not header.rows and len(used) == 1 and looks_like_label(values[used[0]]) and wider:
            header.titles.append(values[used[0]].strip())
        elif len(header.rows) < MAX_HEADER_ROWS and _is_header(block, values, used, numeric, header, vocabulary):
            header.rows.append(row)
        else:
            break
        header.first_data = row + 1
    header.labels = _column_labels(block, header)
    return header


def _is_header(block: Block, values: list, used: list[int], numeric: list[bool], header: Header, vocabulary) -> bool:
    over_numbers = [c for c in used if numeric[c]]
    above = block.values[header.rows[-1]] if header.rows else []
    if not over_numbers:
        if header.rows:
            return False  # the arm or id of a row whose numbers are missing
        if not any(numeric):
            return block.height > 1 and all(looks_like_label(values[c]) for c in used)
        readings = [vocabulary.label(str(values[c])) for c in used]
        return not any(r.arm for r in readings) or (len(used) > 1 and all(r.certain for r in readings))
    labels = [c for c in over_numbers if looks_like_label(values[c])]
    weeks = [values[c] for c in over_numbers if looks_numeric(values[c])]
    if len(labels) > len(weeks):
        # Below a header, words in a row with an id are faults among the numbers, not labels.
        return not any(vocabulary.label(_as_label(above[c])).role == "participant" for c in used if above)
    if len(set(map(str, weeks))) < 2 or not all(map(vocabulary.is_week, weeks)):
        return False
    names = [values[c] for c in used if not numeric[c]]
    if labels or (names and all(vocabulary.label(str(name)).role for name in names)):
        return True
    # Weeks alone are a header only below merged or spaced labels; otherwise a row of data happens to hold 0, 2, 4.
    spaced = above and sum(above[c] == EMPTY for c in used) >= len(used) / 3
    return bool(spaced) and len(used) == len(weeks)


def _as_label(value: object) -> str:
    """Return a header cell as text; 20.0 becomes "20"."""
    return " ".join((value if isinstance(value, str) else canonical_id(value)).split())


def _column_labels(block: Block, header: Header) -> list[list[str]]:
    """Return the labels of each column; a label of merged cells, or above blank cells, extends to the right.

    Without merged cells it extends over columns with no labels above, with the same ones, or with those of several columns.
    """
    merged_values = {}  # by place, the value of the merged cells that cover it
    for top, left, _, right in block.sheet.merged:
        merged_values |= {(top, column): block.sheet.rows[top][left] for column in range(left + 1, right + 1)}
    labels: list[list[str]] = [[] for _ in range(block.width)]
    for position, row in enumerate(header.rows):
        places = [block.place(row, column) for column in range(block.width)]
        values = [merged_values.get(place, value) for place, value in zip(places, block.values[row], strict=True)]
        merged = not merged_values.keys().isdisjoint(places)
        above, source = [list(column_labels) for column_labels in labels], 0
        under = [tuple(block.values[lower][c] for lower in header.rows[position + 1 :]) for c in range(block.width)]
        first = next((c for c in range(block.width) if values[c] != EMPTY), 0)
        centred = any(any(cells) and cells in under[first:] for cells in under[:first])  # perhaps, above its columns
        for column in range(block.width):
            source = source if values[column] == EMPTY else column
            has_header_below = any(cell != EMPTY for cell in under[column])
            same_group = above[column] in ([], above[source]) or above.count(above[column]) > 1
            extends = has_header_below and same_group and not (merged or centred)
            text = _as_label(values[source if extends else column])
            if text and text not in labels[column][-1:]:
                labels[column].append(text)
    return labels


def find_tables(sheet: Sheet, vocabulary: Vocabulary) -> list[tuple[Block, list[str]]]:
    """Return the blocks of a sheet (tables, notes and others), each with the titles outside it.

    Blocks run from top to bottom and left to right. Titles are, nearest first, the short texts above a block that share a
    column with it, and those above everything. A table below another also has the other's titles, but each title of its own
    replaces one, the nearest first. A title may also be above the first of several tables side by side, without a blank row.
    """
    blocks = split_blocks(sheet)
    if len(blocks) > MAX_BLOCKS:
        blocks = [Block(sheet, list(range(sheet.height)), list(range(sheet.width)))]
    inner_titles = {b: find_header(b, vocabulary).titles if b.height > TITLE_ROWS else [] for b in blocks}
    titles, texts = dict[Block, list[str]](), list[tuple[Block, str]]()
    tables = {b for b in blocks if b.height > TITLE_ROWS or b.width > 2}
    first_table = min((b.top for b in tables), default=0)
    for block in blocks:
        over = {b for b in titles if b.left < block.right and b.right > block.left and b.bottom <= block.top}
        previous = next((b for b in reversed(titles) if b in over & tables), None)
        near = [(b, text) for b, text in reversed(texts) if b in over and (not previous or b.top >= previous.bottom)]
        upper = min((b.top for b, _ in near), default=block.top)
        distant = [text for b, text in reversed(texts) if b.bottom <= min(first_table, upper) and b not in over]
        if previous:
            distant = titles[previous][max(len(near) + len(inner_titles[block]) - len(inner_titles[previous]), 0) :]
        side_by_side = [b for b in inner_titles if b.right <= block.left and block.top < b.bottom]
        shared = [title for b in side_by_side for i, title in enumerate(inner_titles[b]) if b.top + i < block.top]
        titles[block] = [text for _, text in near] + distant + shared
        if block not in tables:
            cells = [str(v).strip() for row in block.values for v in row if looks_like_label(v)]
            texts += [(block, cell) for cell in cells if len(cell) <= 300]
    return list(titles.items())
