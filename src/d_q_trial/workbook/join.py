"""Put the blocks of a sheet together again into tables, and find the titles that stand above each."""

from __future__ import annotations

from dataclasses import dataclass, field

from .blocks import Block, split
from .forms import code_form
from .headers import Header, find_header, label_like, number_like
from .plan import PARTICIPANT
from .recognise import Vocabulary
from .sheets import EMPTY, Sheet

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
    """Tell whether a block may be the header of what stands below it."""
    if block.height > 4 or block.width < 2:
        return False
    cells = [value for row in block.values for value in row if value != EMPTY]
    last = [value for value in block.values[-1] if value != EMPTY]
    return len(last) >= 2 and all(label_like(value) for value in cells)


def _continues(lower: Block, upper: Block, header: Header, vocabulary: Vocabulary) -> bool:
    """Tell whether a block has no header of its own and fits the columns of the one above."""
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
    """Tell whether a block of words alone goes on with the ids of the one above, in the same columns."""
    if (lower.left, lower.right) != (upper.left, upper.right) or _has_numbers(lower):
        return False
    named = [
        i for i, labels in enumerate(header.labels) if any(vocabulary.label(x).role == PARTICIPANT for x in labels)
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
