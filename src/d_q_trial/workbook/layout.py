"""Part a sheet into tables: titles, header rows and data of each block, and which blocks belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .lexicon import code_form
from .recognise import Vocabulary
from .sheets import DATES, EMPTY, Block, Flag, Sheet, split

MOST_HEADER_ROWS = 6
SAMPLE = 120
MOST_LETTERS = 100  # of a cell that may be a number

# Codes for a missing value, in lower case.
MISSING = frozenset(
    re.findall(r"\S+", "na nan n/a n.a. n.a - -- --- . .. null #null none nil nd n.d. n.d unknown unk missing #n/a ? *")
) | {*("not done", "not available", "not determined", "not measured", "not collected", "nr", "qns", "no data")}

_NUMBER_TEXT = re.compile(r"[+\-−–]?\s*(?:\d[\d\s ,.'’]*|[.,]\d+)(?:[eE][+\-−]?\d+)?\s*%?")
_CENSORED = re.compile(r"(?:[<>≤≥]=?|below|under|less than|above)\s*[\d.,]+.*", re.I)
_BELOW_WORDS = re.compile(r"b?lo[dq]|<\s*l?lo[dq]|bl[oq]q?|below (?:detection|limit).*|undetect\w*|not detect\w*", re.I)


def is_number(value: object) -> bool:
    """Return whether a cell holds a number as such."""
    return type(value) in (float, int)


def number_like(value: object) -> bool:
    """Return whether a cell stands where a number belongs: a number, a number as text, a censored or missing one."""
    if is_number(value) or isinstance(value, Flag):
        return True
    if not isinstance(value, str):
        return isinstance(value, DATES)
    text = value.strip()
    if len(text) > MOST_LETTERS:
        return False
    return bool(
        _NUMBER_TEXT.fullmatch(text)
        or _CENSORED.fullmatch(text)
        or text.casefold() in MISSING
        or _BELOW_WORDS.fullmatch(text)
    )


def label_like(value: object) -> bool:
    """Return whether a cell is words, as in a header."""
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
    """Return whether a row below a header holds an id: then its words are faults among the numbers, not labels."""
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
    """Return whether labels in a row stretch over several of the columns below."""
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


MOST_BLANK_ROWS = 2  # inside one table; more makes it two
MOST_BLANK_COLUMNS = 2
TITLE_ROWS = 3
MOST_BLOCKS = 1000  # on a sheet; cells that lie more scattered than that are no tables, and are judged as one


@dataclass
class Table:
    """A block that is judged as one, with the titles outside it, nearest first."""

    block: Block
    titles: list[str] = field(default_factory=list)


def tables(sheet: Sheet, vocabulary: Vocabulary) -> list[Table]:
    """Return the tables, notes and other blocks of a sheet, from top to bottom and left to right."""
    blocks = split(sheet)
    if len(blocks) > MOST_BLOCKS:
        blocks = [Block(sheet, 0, 0, sheet.height, sheet.width)]
    pieces = [part for block in blocks for part in _at_new_headers(block, vocabulary)]
    pieces = _joined_down(pieces, vocabulary)
    pieces = _joined_right(pieces, vocabulary)
    pieces.sort(key=lambda block: (block.top, block.left))
    return _with_titles(pieces, vocabulary)


def _at_new_headers(block: Block, vocabulary: Vocabulary) -> list[Block]:
    """Cut a block before each row of words that stands below rows of numbers: the header of the next table."""
    header = find_header(block, vocabulary)
    if header.first_data == 0 or block.height - header.first_data < 3:
        return [block]
    body = block.values[header.first_data :]
    numeric = [c for c in range(block.width) if _mostly_numbers(body, c)][:8]
    if not numeric:
        return [block]
    probe, cuts = numeric[0], []
    for index, row in enumerate(body):
        if type(row[probe]) is not str or not label_like(row[probe]):
            continue
        used = [c for c in numeric if row[c] != EMPTY]
        if 2 * sum(label_like(row[c]) for c in used) > len(used) and _numbers_below(body, index, probe):
            cuts.append(_with_row_of_title(body, index) + header.first_data)
    starts = sorted({0, *(cut for cut in cuts if cut > header.first_data)})
    if len(starts) == 1:
        return [block]
    ends = [*starts[1:], block.height]
    return [
        Block(block.sheet, block.top + start, block.left, block.top + end, block.right)
        for start, end in zip(starts, ends, strict=True)
    ]


def _mostly_numbers(body: list[list], column: int) -> bool:
    cells = [row[column] for row in body[:200] if row[column] != EMPTY]
    return len(cells) >= 2 and sum(map(number_like, cells)) > len(cells) / 2


def _numbers_below(body: list[list], index: int, column: int) -> bool:
    below = [row[column] for row in body[index + 1 : index + 6] if row[column] != EMPTY]
    return bool(below) and any(number_like(cell) for cell in below)


def _with_row_of_title(body: list[list], index: int) -> int:
    """Move a cut up over rows that hold a single text, or only words: titles and upper header rows."""
    while index > 0:
        used = [cell for cell in body[index - 1] if cell != EMPTY]
        if not used or not all(label_like(cell) for cell in used):
            break
        if len(used) > 1 and any(number_like(cell) for cell in used):
            break
        index -= 1
    return index


def _joined_down(pieces: list[Block], vocabulary: Vocabulary) -> list[Block]:
    """Join a table with the rows that continue it below a blank row."""
    pending = sorted(pieces, key=lambda block: (block.top, block.left))
    done: list[Block] = []
    while pending:
        upper = pending.pop(0)
        while True:
            header = find_header(upper, vocabulary)
            below = [
                b
                for b in pending
                if 0 <= b.top - upper.bottom <= MOST_BLANK_ROWS and b.left >= upper.left and b.right <= upper.right
            ]
            if not below or not (header.rows or _only_labels(upper)):
                break
            band = [b for b in below if b.top < min(x.bottom for x in below)]
            if not all(_continues(b, upper, header, vocabulary) for b in band):
                break
            bottom = max(b.bottom for b in band)
            blank = frozenset(range(upper.bottom, min(b.top for b in band)))
            upper = Block(
                upper.sheet, upper.top, upper.left, bottom, upper.right, skipped_rows=upper.skipped_rows | blank
            )
            pending = [b for b in pending if b not in band]
        done.append(upper)
    return done


def _only_labels(block: Block) -> bool:
    """Return whether a block may be the header of what stands below it."""
    if block.height > 4 or block.width < 2:
        return False
    cells = [value for row in block.values for value in row if value != EMPTY]
    last = [value for value in block.values[-1] if value != EMPTY]
    return len(last) >= 2 and all(label_like(value) for value in cells)


def _continues(lower: Block, upper: Block, header: Header, vocabulary: Vocabulary) -> bool:
    """Return whether a block has no header of its own and fits the columns of the one above."""
    if _continues_ids(lower, upper, header, vocabulary):
        return True
    own = find_header(lower, vocabulary)
    if own.rows or own.first_data >= lower.height or not _has_numbers(lower):
        return False
    if any(not _is_section(title, vocabulary) for title in own.titles):
        return False
    shift = lower.left - upper.left
    body = upper.values[header.first_data :]
    if not body or _only_labels(upper):
        return True
    for column in range(lower.width):
        above = [row[column + shift] for row in body[-60:] if row[column + shift] != EMPTY]
        cells = [row[column] for row in lower.values[own.first_data :][:60] if row[column] != EMPTY]
        if above and cells:
            was_number = sum(map(number_like, above)) > len(above) / 2
            if was_number != (sum(map(number_like, cells)) > len(cells) / 2):
                return False
    return True


def _continues_ids(lower: Block, upper: Block, header: Header, vocabulary: Vocabulary) -> bool:
    """Return whether a block of words alone goes on with the ids of the one above, in the same columns."""
    if (lower.left, lower.right) != (upper.left, upper.right) or _has_numbers(lower):
        return False
    named = [
        i for i, labels in enumerate(header.labels) if any(vocabulary.label(x).role == "participant" for x in labels)
    ]
    if not named:
        return False
    letters = []
    for rows in (upper.values[header.first_data :], lower.values):
        forms = [code_form(str(row[named[0]])) for row in rows]
        letters.append({form.prefix if form else None for form in forms})
    return letters[0] == letters[1] and len(letters[0]) == 1 and None not in letters[0]


def _has_numbers(block: Block) -> bool:
    return any(number_like(value) and value != EMPTY for row in block.values[:20] for value in row)


def _is_section(title: str, vocabulary: Vocabulary) -> bool:
    reading = vocabulary.label(title)
    return reading.certain and bool(reading.arm or reading.visit or reading.stratum)


def _joined_right(pieces: list[Block], vocabulary: Vocabulary) -> list[Block]:
    """Join a table that has ids with the columns that a blank column parts from it."""
    pieces = sorted(pieces, key=lambda block: (block.left, block.top))
    done: list[Block] = []
    while pieces:
        left = pieces.pop(0)
        while True:
            header = find_header(left, vocabulary)
            if not _has_role(header, vocabulary):
                break
            right = next(
                (
                    b
                    for b in pieces
                    if 0 <= b.left - left.right <= MOST_BLANK_COLUMNS and _same_rows(left, header, b, vocabulary)
                ),
                None,
            )
            if right is None:
                break
            pieces.remove(right)
            left = Block(
                left.sheet,
                min(left.top, right.top),
                left.left,
                max(left.bottom, right.bottom),
                right.right,
                skipped_rows=left.skipped_rows & right.skipped_rows if right.skipped_rows else left.skipped_rows,
                skipped_columns=left.skipped_columns | frozenset(range(left.right, right.left)),
            )
        done.append(left)
    return done


def _has_role(header: Header, vocabulary: Vocabulary) -> bool:
    return any(vocabulary.label(label).role == "participant" for labels in header.labels for label in labels[-1:])


def _same_rows(left: Block, header: Header, right: Block, vocabulary: Vocabulary) -> bool:
    other = find_header(right, vocabulary)
    if not other.rows or _has_role(other, vocabulary) or header.first_data >= left.height:
        return False
    if other.first_data >= right.height:
        return False
    starts = left.place(header.first_data, 0)[0], right.place(other.first_data, 0)[0]
    tall = right.bottom - starts[1] >= 0.5 * (left.bottom - starts[0])
    return starts[0] == starts[1] and right.bottom <= left.bottom and tall


def _with_titles(pieces: list[Block], vocabulary: Vocabulary) -> list[Table]:
    """Give each table the short texts above it that share a column with it, and those above everything.

    A title may also stand above the first of several tables side by side, without a blank row between.
    """
    inside = [
        (block.top + row, block, title)
        for block in pieces
        if block.height > TITLE_ROWS and not block.skipped_rows
        for row, title in enumerate(find_header(block, vocabulary).titles)
    ]
    found: list[Table] = []
    texts: list[tuple[Block, str]] = []
    first_table = min((b.top for b in pieces if b.height > TITLE_ROWS or b.width > 2), default=0)
    for block in pieces:
        near = [text for b, text in reversed(texts) if b.left < block.right and b.right > block.left]
        above_all = [text for b, text in reversed(texts) if b.bottom <= first_table and text not in near]
        beside = [t for row, b, t in inside if b.right <= block.left and row < block.top < b.bottom]
        found.append(Table(block, near + above_all + beside))
        if block.height <= TITLE_ROWS and block.width <= 2:
            cells = [str(v).strip() for row in block.values for v in row if label_like(v)]
            texts += [(block, cell) for cell in cells if len(cell) <= 300]
    return found
