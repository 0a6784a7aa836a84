"""Part a sheet into tables: titles, header rows and data of each block, and which blocks belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from ..spreadsheet.sheets import EMPTY, Block, Sheet, split_blocks
from .numbers import Policy, read_number
from .vocabulary import Vocabulary, canonical_id, read_list

MOST_HEADER_ROWS = 6
SAMPLE = 120  # rows that show what a column holds
TITLE_ROWS = 3
MOST_BLOCKS = 1000  # on a sheet; cells that lie more scattered than that are no tables, and are judged as one

MISSING = frozenset(read_list("missing"))  # codes for a missing value, in lower case


@lru_cache(maxsize=50_000, typed=True)
def looks_numeric(value: object) -> bool:
    """Return whether a cell stands where a number belongs: a number, a number as text, a censored or missing one."""
    return value != EMPTY and read_number(value, Policy(), MISSING)[1] not in ("text", "truth value")


def looks_like_label(value: object) -> bool:
    """Return whether a cell is words, as in a header."""
    return isinstance(value, str) and bool(value.strip()) and not looks_numeric(value)


def id_shape(value: object) -> str:
    """Return an id with its numbers as zeros, so that P-07 and P-12 are alike; nothing for one without a number."""
    text = re.sub(r"\d+", "0", canonical_id(value))
    return text if "0" in text else ""


def mostly_numbers(rows: list[list], column: int) -> bool | None:
    """Return whether most of a column's cells stand for numbers; None if all are empty."""
    cells = [row[column] for row in rows if row[column] != EMPTY]
    return sum(map(looks_numeric, cells)) >= 0.6 * len(cells) if cells else None


@dataclass
class Header:
    """Where a block's titles, headers and data are, by its own row numbers."""

    titles: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    first_data: int = 0
    labels: list[list[str]] = field(default_factory=list)  # per column, from top to bottom

    def text(self, column: int) -> str:
        """Return a column's labels as one text."""
        return " | ".join(self.labels[column])


def find_header(block: Block, vocabulary: Vocabulary) -> Header:
    """Judge which of a block's first rows are titles and headers.

    A row is a header when words stand above columns of numbers; a row of numbers is one when they are the trial's
    weeks below another header. A row with a single text above a wider table is a title.
    """
    header = Header()
    start = min(block.height - 1, 1 + min(block.height // 3, MOST_HEADER_ROWS))
    lower = block.values[start : start + SAMPLE]
    numeric = [bool(mostly_numbers(lower, column)) for column in range(block.width)]
    for row, values in enumerate(block.values):
        used = [c for c, value in enumerate(values) if value != EMPTY]
        wider = any(len(r) - r.count(EMPTY) > 1 for r in block.values[row + 1 : row + 4])
        if not header.rows and len(used) == 1 and looks_like_label(values[used[0]]) and wider:
            header.titles.append(values[used[0]].strip())
        elif len(header.rows) < MOST_HEADER_ROWS and _is_header(block, values, used, numeric, header, vocabulary):
            header.rows.append(row)
        else:
            break
        header.first_data = row + 1
    header.labels = _labels(block, header)
    return header


def _is_header(block: Block, values: list, used: list[int], numeric: list[bool], header: Header, vocabulary) -> bool:
    above_numbers = [c for c in used if numeric[c]]
    above = block.values[header.rows[-1]] if header.rows else []
    if not above_numbers:
        if header.rows:
            return False  # the arm or id of a row whose numbers are missing
        if not any(numeric):
            return block.height > 1 and all(looks_like_label(values[c]) for c in used)
        readings = [vocabulary.label(str(values[c])) for c in used]
        return not any(r.arm for r in readings) or (len(used) > 1 and all(r.certain for r in readings))
    labels = [c for c in above_numbers if looks_like_label(values[c])]
    weeks = [values[c] for c in above_numbers if looks_numeric(values[c])]
    if len(labels) > len(weeks):
        # Below a header, words in a row that holds an id are faults among the numbers, not labels.
        return not any(vocabulary.label(_as_label(above[c])).role == "participant" for c in used if above)
    if len(set(map(str, weeks))) < 2 or not all(map(vocabulary.is_week, weeks)):
        return False
    others = [values[c] for c in used if c not in above_numbers]
    if labels or (others and all(vocabulary.label(str(value)).role for value in others)):
        return True
    # Weeks alone: a header only below merged or spaced labels, and not a row of data that happens to be 0, 2, 4.
    spaced = above and sum(above[c] == EMPTY for c in used) >= len(used) / 3
    return bool(spaced) and len(used) == len(weeks)


def _as_label(value: object) -> str:
    """Return a header cell as text; 20.0 is "20"."""
    return " ".join((value if isinstance(value, str) else canonical_id(value)).split())


def _labels(block: Block, header: Header) -> list[list[str]]:
    """Return the labels above each column; those of merged cells, and of cells above blank ones, stretch to the right.

    Without merged cells they stretch over columns with no labels above, the same ones, or those of several columns.
    """
    across = {}  # what the merged cells hold
    for top, left, _, right in block.sheet.merged:
        across |= dict.fromkeys(((top, column) for column in range(left + 1, right + 1)), block.sheet.rows[top][left])
    labels: list[list[str]] = [[] for _ in range(block.width)]
    for position, row in enumerate(header.rows):
        places = [block.place(row, column) for column in range(block.width)]
        values = [across.get(place, value) for place, value in zip(places, block.values[row], strict=True)]
        merged = not across.keys().isdisjoint(places)
        above, left = [list(own) for own in labels], 0
        under = [tuple(block.values[lower][c] for lower in header.rows[position + 1 :]) for c in range(block.width)]
        first = next((c for c in range(block.width) if values[c] != EMPTY), 0)
        centred = any(any(own) and own in under[first:] for own in under[:first])  # perhaps, above its columns
        for column in range(block.width):
            left = left if values[column] == EMPTY else column
            below = any(cell != EMPTY for cell in under[column]) and not (merged or centred)
            stretches = below and (above[column] in ([], above[left]) or above.count(above[column]) > 1)
            text = _as_label(values[left if stretches else column])
            if text and text not in labels[column][-1:]:
                labels[column].append(text)
    return labels


def find_tables(sheet: Sheet, vocabulary: Vocabulary) -> list[tuple[Block, list[str]]]:
    """Return the tables, notes and other blocks of a sheet, from top to bottom and left to right, each with its titles outside.

    These are, nearest first, the short texts above it that share a column with it, and those above everything. Below
    another table, its own titles take the place of as many of that one's, the nearest. A title may also stand above the
    first of several tables side by side, without a blank row between.
    """
    pieces = split_blocks(sheet)
    if len(pieces) > MOST_BLOCKS:
        pieces = [Block(sheet, list(range(sheet.height)), list(range(sheet.width)))]
    inside = {b: find_header(b, vocabulary).titles if b.height > TITLE_ROWS else [] for b in pieces}
    found, texts = dict[Block, list[str]](), list[tuple[Block, str]]()
    first_table = min((b.top for b in pieces if b.height > TITLE_ROWS or b.width > 2), default=0)
    for block in pieces:
        over = {b for b in found if b.left < block.right and b.right > block.left and b.bottom <= block.top}
        last = next((b for b in reversed(found) if b in over and (b.height > TITLE_ROWS or b.width > 2)), None)
        own = [(b, text) for b, text in reversed(texts) if b in over and (last is None or b.top >= last.bottom)]
        upper = min((b.top for b, _ in own), default=block.top)
        above_all = [text for b, text in reversed(texts) if b.bottom <= min(first_table, upper) and b not in over]
        left = ((b, titles) for b, titles in inside.items() if b.right <= block.left and block.top < b.bottom)
        beside = [title for b, titles in left for i, title in enumerate(titles) if b.top + i < block.top]
        kept = max(len(own) + len(inside[block]) - len(inside[last]), 0) if last else 0
        found[block] = [text for _, text in own] + (found[last][kept:] if last else above_all) + beside
        if block.height <= TITLE_ROWS and block.width <= 2:
            cells = [str(v).strip() for row in block.values for v in row if looks_like_label(v)]
            texts += [(block, cell) for cell in cells if len(cell) <= 300]
    return list(found.items())
