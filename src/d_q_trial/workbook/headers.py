"""Find a block's titles and header rows, and give each column its labels."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .blocks import Block
from .recognise import Vocabulary
from .sheets import DATES, EMPTY, Flag

MOST_HEADER_ROWS = 6
SAMPLE = 120

# Codes for a missing value, in lower case.
MISSING = frozenset(
    {
        "na",
        "nan",
        "n/a",
        "n.a.",
        "n.a",
        "-",
        "--",
        "---",
        ".",
        "..",
        "null",
        "#null",
        "none",
        "nil",
        "nd",
        "n.d.",
        "n.d",
    }
    | {"not done", "not available", "unknown", "unk", "missing", "#n/a", "?", "*", "not determined", "not measured"}
    | {"not collected", "nr", "qns", "no data"}
)

_NUMBER_TEXT = re.compile(r"[+\-−–]?\s*(?:\d[\d\s ,.'’]*|[.,]\d+)(?:[eE][+\-−]?\d+)?\s*%?")
_CENSORED = re.compile(r"(?:[<>≤≥]=?|below|under|less than|above)\s*[\d.,]+.*", re.I)
_BELOW_WORDS = re.compile(r"b?lo[dq]|<\s*l?lo[dq]|bl[oq]q?|below (?:detection|limit).*|undetect\w*|not detect\w*", re.I)


def is_number(value: object) -> bool:
    """Tell whether a cell holds a number as such."""
    return type(value) in (float, int)


def number_like(value: object) -> bool:
    """Tell whether a cell stands where a number belongs: a number, a number as text, a censored or missing one."""
    if is_number(value) or isinstance(value, Flag):
        return True
    if not isinstance(value, str):
        return isinstance(value, DATES)
    text = value.strip()
    return bool(
        _NUMBER_TEXT.fullmatch(text)
        or _CENSORED.fullmatch(text)
        or text.casefold() in MISSING
        or _BELOW_WORDS.fullmatch(text)
    )


def label_like(value: object) -> bool:
    """Tell whether a cell is words, as in a header."""
    return isinstance(value, str) and bool(value.strip()) and not number_like(value)


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
    numeric = _numeric_columns(block)
    row = 0
    width = block.width
    while row < min(block.height, MOST_HEADER_ROWS + len(header.titles) + 4):
        values = block.values[row]
        used = [c for c in range(width) if values[c] != EMPTY]
        if not header.rows and len(used) == 1 and width > 1 and _is_title(block, row, used[0]):
            header.titles.append(str(values[used[0]]).strip())
            row += 1
            continue
        if len(header.rows) < MOST_HEADER_ROWS and _is_header(block, row, used, numeric, header, vocabulary):
            header.rows.append(row)
            row += 1
            continue
        break
    if not header.rows and header.titles and row >= block.height:
        row = 0  # a block of text alone
    header.first_data = row
    header.labels = _labels(block, header)
    return header


def _numeric_columns(block: Block) -> list[bool]:
    """Judge from the lower rows which columns hold numbers."""
    start = min(block.height - 1, 1 + min(block.height // 3, MOST_HEADER_ROWS))
    rows = block.values[start : start + SAMPLE]
    numeric = []
    for column in range(block.width):
        cells = [row[column] for row in rows if row[column] != EMPTY]
        numeric.append(bool(cells) and sum(map(number_like, cells)) >= 0.6 * len(cells))
    return numeric


def _is_title(block: Block, row: int, column: int) -> bool:
    value = block.values[row][column]
    if not isinstance(value, str) or number_like(value):
        return False
    below = block.values[row + 1 : row + 4]
    return any(len(r) - r.count(EMPTY) > 1 for r in below)


def _is_header(block, row, used, numeric, header, vocabulary) -> bool:
    values = block.values[row]
    above_numbers = [c for c in used if numeric[c]]
    labels = [c for c in above_numbers if label_like(values[c])]
    numbers = [c for c in above_numbers if number_like(values[c])]
    texts = [values[c] for c in used]
    if not above_numbers:
        if header.rows and any(numeric):
            return False  # the arm or id of a row whose numbers are missing
        if not any(numeric):
            return not header.rows and all(label_like(v) for v in texts) and block.height > 1
        return not any(vocabulary.arm(str(v)) for v in texts) or _says_only_names(texts, vocabulary)
    if len(labels) > len(numbers):
        return not _has_id(values, header, block, vocabulary)
    weeks = [values[c] for c in numbers]
    if not all(_is_week(value, vocabulary) for value in weeks) or len(set(map(str, weeks))) < 2:
        return False
    others = [values[c] for c in used if c not in above_numbers]
    if labels or (others and all(vocabulary.label(str(value)).role for value in others)):
        return True
    # Weeks alone: a header only below merged or spaced labels, and not a row of data that happens to be 0, 2, 4.
    return bool(header.rows) and len(used) == len(numbers) and _spans(block, header.rows[-1], numbers)


def _has_id(values: list, header: Header, block: Block, vocabulary: Vocabulary) -> bool:
    """Tell whether a row below a header holds an id: then its words are faults among the numbers, not labels."""
    if not header.rows:
        return False
    above = block.values[header.rows[-1]]
    return any(
        above[column] != EMPTY and value != EMPTY and vocabulary.label(_as_label(above[column])).role == "participant"
        for column, value in enumerate(values)
    )


def _says_only_names(texts: list, vocabulary: Vocabulary) -> bool:
    return len(texts) > 1 and all(vocabulary.label(str(v)).certain for v in texts)


def _is_week(value: object, vocabulary: Vocabulary) -> bool:
    if is_number(value):
        return float(value) in vocabulary.weeks
    return isinstance(value, str) and vocabulary.visit(value) is not None


def _spans(block: Block, row: int, columns: list[int]) -> bool:
    """Tell whether labels in a row stretch over several of the columns below."""
    return sum(block.values[row][c] == EMPTY for c in columns) >= len(columns) / 3


def _labels(block: Block, header: Header) -> list[list[str]]:
    merged = _merged_areas(block)
    labels: list[list[str]] = [[] for _ in range(block.width)]
    for position, row in enumerate(header.rows):
        values = list(block.values[row])
        below = [block.values[r] for r in header.rows[position + 1 :]]
        has_merged = any(top <= row <= bottom and right > left for top, left, bottom, right in merged)
        for top, left, bottom, right in merged:
            if top <= row <= bottom:
                for column in range(left, right + 1):
                    if row > top:
                        values[column] = EMPTY
                    elif column > left:
                        values[column] = values[left]
        if below and not has_merged:
            _fill_right(values, below)
        for column, value in enumerate(values):
            if value != EMPTY:
                text = _as_label(value)
                if text and (not labels[column] or labels[column][-1] != text):
                    labels[column].append(text)
    return labels


def _fill_right(values: list, below: list[list]) -> None:
    """Stretch labels over the blank cells to their right, where a lower header row has labels of its own."""
    current = EMPTY
    for column, value in enumerate(values):
        if value != EMPTY:
            current = value
        elif current != EMPTY and any(row[column] != EMPTY for row in below):
            values[column] = current


def _as_label(value: object) -> str:
    if is_number(value):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return " ".join((value.shown if isinstance(value, Flag) else str(value)).split())


def _merged_areas(block: Block) -> list[tuple[int, int, int, int]]:
    """Return the merged areas inside a block, by its own rows and columns."""
    if not block.sheet.merged:
        return []
    rows = {block.place(r, 0)[1 if block.transposed else 0]: r for r in range(block.height)}
    columns = {block.place(0, c)[0 if block.transposed else 1]: c for c in range(block.width)}
    areas = []
    for top, left, bottom, right in block.sheet.merged:
        if block.transposed:
            top, left, bottom, right = left, top, right, bottom
        inside_rows = [rows[r] for r in range(top, bottom + 1) if r in rows]
        inside_columns = [columns[c] for c in range(left, right + 1) if c in columns]
        if inside_rows and inside_columns:
            areas.append((inside_rows[0], inside_columns[0], inside_rows[-1], inside_columns[-1]))
    return areas
