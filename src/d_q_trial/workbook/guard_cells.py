"""How large a worksheet really is: which rectangle its filled cells span, whatever it declares.

Most sheets are judged by their bytes, without parsing (:func:`survey`); whatever is written in an unusual way is
parsed in full (:func:`survey_exactly`). Blank cells that only carry a format do not count: readers drop them.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

import numpy as np

from d_q_trial.workbook.guard_archive import DAMAGED, BadFileError, shown

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
NEAR_ROW, NEAR_COLUMN = 200_000, 100  # a rectangle that is no burden even if all of it is laid out

# Values that calamine takes for others: characters by number, and texts without a number.
_REFERENCE = re.compile(rb"<v>[^<]*&#")
_NO_NUMBER = re.compile(rb't="s"[^<>]*><v>[^0-9]')
# Signs of what calamine does not tell: errors, formulas, hidden rows and columns, merged areas, filters.
_SPECIAL = {b"f": b"<f", b"h": b"hidden", b"m": b"<mergeCell", b"e": b'"e"'}  # by a letter that is rare elsewhere
_TAG = 128  # bytes; tags of cells that carry an address and a style are shorter


@dataclass
class Survey:
    """What was found in one sheet.

    With ``plain`` false it is written in an unusual way, and has to be parsed. With ``special`` false it holds nothing
    but values: no errors, formulas, hidden rows and columns, merged areas or filters.
    """

    plain: bool = True
    special: bool = False
    cells: int = 0
    merged: int = 0
    text_cells: int = 0
    low: tuple[int, int] = (MAX_ROW, MAX_COLUMN)
    high: tuple[int, int] = (0, 0)

    @property
    def rows(self) -> int:
        """Rows from the first filled one to the last."""
        return max(self.high[0] - self.low[0] + 1, 0)

    @property
    def columns(self) -> int:
        """Columns from the first filled one to the last."""
        return max(self.high[1] - self.low[1] + 1, 0)

    @property
    def box(self) -> int:
        """Cells in the rectangle that the filled cells span."""
        return self.rows * self.columns

    def widen(self, low: tuple[int, int], high: tuple[int, int]) -> None:
        """Make the rectangle hold two more corners."""
        self.low = (min(self.low[0], low[0]), min(self.low[1], low[1]))
        self.high = (max(self.high[0], high[0]), max(self.high[1], high[1]))


def survey(pieces: Iterable[bytes]) -> Survey:
    """Judge a sheet in UTF-8 by its bytes, whole arrays of cells at a time.

    Blank cells near the first cell may be taken for filled, which does no harm.
    Only tags written as ``<c r="B7"`` are understood, with or without more attributes; anything else that may be a
    cell makes the result not ``plain``. So do cells that are not in order, of which one may be there twice, and what
    readers of bytes stumble over: comments, CDATA sections, and values written as character references.
    """
    seen, last = Survey(), 0
    for number, piece in enumerate(_whole_tags(pieces)):
        if _is_odd(piece, first=number == 0):
            return Survey(plain=False)
        seen.special = seen.special or any(letter in piece and mark in piece for letter, mark in _SPECIAL.items())
        seen.merged += piece.count(b"<mergeCell ") if b"m" in piece else 0
        seen.text_cells += piece.count(b't="s"')
        data = np.frombuffer(piece + bytes(32), np.uint8)
        before_c = np.flatnonzero(data[1:] == ord("c"))
        marks = data[before_c]
        if (marks == ord(":")).any() and re.search(rb":c[\s/>]", piece):
            return Survey(plain=False)
        at = before_c[marks == ord("<")]
        at = at[data[at + 2] != ord("o")]  # <col> and <cols>
        rows, columns, understood = _addresses(data, at)
        order = np.concatenate(([last], rows.astype(np.int64) * MAX_COLUMN + columns))
        if not understood or (np.diff(order) <= 0).any():
            return Survey(plain=False)
        last = order[-1]
        seen.cells += len(at)
        if (rows > NEAR_ROW).any() or (columns > NEAR_COLUMN).any():
            filled = ~_is_blank(data, at)
            rows, columns = rows[filled], columns[filled]
        if len(rows):
            seen.widen((int(rows.min()), int(columns.min())), (int(rows.max()), int(columns.max())))
    return seen


def _has(piece: bytes, mark: bytes) -> bool:
    """Whether a piece holds a mark; searching for one letter is so much faster that it pays to do that first."""
    return mark[1:2] in piece and mark in piece


def _is_odd(piece: bytes, first: bool) -> bool:
    """Whether a piece holds what readers of bytes stumble over."""
    return bool(
        _has(piece, b"<!")
        or (_has(piece, b"<?") and b"<?" in piece[5 * first :])
        or b"</v><v" in piece
        or (b"#" in piece and b"'e'" in piece)  # an error in single quotes
        or (_has(piece, b"&#") and _REFERENCE.search(piece))
        or (b't="s"' in piece and _NO_NUMBER.search(piece))
    )


def _is_blank(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Which of the tags that start at ``at`` close themselves, and so hold nothing; ``data`` ends in zeros."""
    closing = np.flatnonzero(data == ord(">"))
    if not len(closing):
        return np.zeros(len(at), bool)
    nearest = closing[np.minimum(np.searchsorted(closing, at), len(closing) - 1)]
    return data[nearest - 1] == ord("/")


def _addresses(data: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Rows and columns of the tags that start at ``at``, and whether all of them could be read."""
    understood = all((data[at + 2 + k] == byte).all() for k, byte in enumerate(b' r="'))
    columns, rows = np.zeros(len(at), np.int32), np.zeros(len(at), np.int32)
    where = at + 6
    for _ in range(3):
        letters = data[where].astype(np.int32) - (ord("A") - 1)
        is_letter = (letters >= 1) & (letters <= 26)
        columns = np.where(is_letter, columns * 26 + letters, columns)
        where = where + is_letter
    going = np.ones(len(at), bool)
    for _ in range(7):
        digits = data[where].astype(np.int32) - ord("0")
        going = (digits >= 0) & (digits <= 9)
        if not going.any():
            break
        rows = np.where(going, rows * 10 + digits, rows)
        where = where + going
    understood = understood and bool((data[where] == ord('"')).all())
    inside = (rows >= 1) & (rows <= MAX_ROW) & (columns >= 1) & (columns <= MAX_COLUMN)
    return rows, columns, understood and bool(inside.all())


def _whole_tags(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut pieces again so that no short tag lies across two of them."""
    rest = b""
    for piece in pieces:
        piece = rest + piece
        cut = piece.rfind(b"<")
        if cut < 0 or len(piece) - cut > _TAG:
            cut = len(piece)
        yield piece[:cut]
        rest = piece[cut:]
    yield rest


def survey_exactly(pieces: Iterable[bytes], member, limits) -> Survey:
    """Judge a sheet by parsing all of it; raises BadFileError for cells that no worksheet can hold."""
    counter = _CellCounter(member, limits)
    _parse(pieces, member, limits, counter.start)
    counter.seen.plain = False
    return counter.seen


class _CellCounter:
    """Follows rows and cells, with or without addresses, and remembers the corners of the filled ones."""

    def __init__(self, member, limits):
        self.member, self.limits, self.seen = member, limits, Survey()
        self.row = self.column = 0
        self.counted = True

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "row":
            self._place(attributes.get("r", ""), self.row + 1, 0)
        elif name == "c":
            self.counted = False
            self.seen.cells += 1
            self._place(attributes.get("r", ""), max(self.row, 1), self.column + 1)
            self.seen.text_cells += attributes.get("t") == "s"
        elif name in ("v", "is", "f") and not self.counted:
            self.counted = True
            self.seen.widen((self.row, self.column), (self.row, self.column))
        elif name == "mergeCell":
            self.seen.merged += 1

    def _place(self, address: str, row: int, column: int) -> None:
        found = re.fullmatch(r"\$?([A-Za-z]{0,3})\$?([0-9]{1,7})", address)
        if found:
            row = int(found[2])
            column = _column_number(found[1]) if found[1] else 0
        if (address and not found) or not 1 <= row <= MAX_ROW or not 0 <= column <= MAX_COLUMN:
            raise BadFileError(
                f"sheet {shown(self.member)} has a cell {address[:20]!a} that no worksheet can hold; {DAMAGED}"
            )
        self.row, self.column = row, column


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def text_lengths(pieces: Iterable[bytes]) -> np.ndarray:
    """Upper bound, in bytes, on the length of each shared text of a part."""
    lengths, rest, current = array("Q"), b"", 0
    for piece in pieces:
        parts = re.split(rb"<(?:\w+:)?si[\s/>]", rest + piece)
        for part in parts[:-1]:
            lengths.append(current + len(part))
            current = 0
        rest = parts[-1][-_TAG:]  # the tag may lie across two pieces
        current += len(parts[-1]) - len(rest)
    lengths.append(current + len(rest))
    return np.frombuffer(lengths, np.uint64)[1:].astype(np.int64)  # before the first text stands only the root


def text_shown(pieces: Iterable[bytes], text_cells: int, lengths: np.ndarray) -> int:
    """Upper bound, in bytes, on the shared texts that the cells of a sheet show together."""
    total, found = 0, 0
    for piece in _whole_tags(pieces):
        numbers = re.findall(rb't="s"[^<>]{0,99}><v>([0-9]{1,9})<', piece + b"<")
        found += len(numbers)
        shown_texts = np.array(numbers, dtype=np.int64)
        total += int(lengths[shown_texts[shown_texts < len(lengths)]].sum())
    # What is written in another way counts as if each such cell showed the longest text.
    return total + max(text_cells - found, 0) * int(lengths.max(initial=0))


def watch_form(pieces: Iterable[bytes], member) -> Iterator[bytes]:
    """Yield the same pieces and make sure on the way that together they are well-formed XML."""
    parser = expat.ParserCreate()
    try:
        for piece in pieces:
            parser.Parse(piece, False)
            yield piece
        parser.Parse(b"", True)
    except (expat.ExpatError, UnicodeError, LookupError):
        raise BadFileError(f"the file is damaged (part {shown(member)} is not well-formed XML); {DAMAGED}") from None


def _parse(pieces: Iterable[bytes], member, limits, start) -> None:
    """Call ``start`` for each element, up to a limit on their number."""
    parser = expat.ParserCreate()
    left = [limits.elements]

    def count_and_start(name, attributes):
        left[0] -= 1
        if left[0] < 0:
            raise BadFileError(f"part {shown(member)} has more than {limits.elements:,} elements in an unusual form")
        start(name, attributes)

    parser.StartElementHandler = count_and_start
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, UnicodeError, LookupError):
        raise BadFileError(f"the file is damaged (part {shown(member)} is not well-formed XML); {DAMAGED}") from None
