"""Look into every part of a workbook once: no document type, no bomb, no sheet too large to be laid out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from d_q_trial.workbook import guard_archive, guard_cells
from d_q_trial.workbook.guard_archive import Archive, BadFileError, shown, unpack


@dataclass(frozen=True)
class Limits:
    """What a workbook may ask for; far more than a trial needs, little enough for 10 s and 1 GB.

    ``text_bytes`` bounds the text of all cells after each reference to a shared text is replaced by the text;
    ``elements`` bounds sheets that have to be parsed, ``form_bytes`` is up to where a part's form is checked.
    """

    file_bytes: int = 300_000_000
    members: int = 10_000
    unpacked_bytes: int = 600_000_000
    ratio: int = 250
    ratio_from: int = 30_000_000
    part_bytes: int = 30_000_000
    form_bytes: int = 8_000_000
    cells: int = 6_000_000
    elements: int = 1_500_000
    text_bytes: int = 250_000_000
    text_length: int = 100_000
    merged: int = 100_000


LIMITS = Limits()

# Parts that readers turn into trees in memory; sheets and shared texts are streamed and have limits of their own.
_TREES = {"workbook", "styleSheet", "Relationships", "Types", "comments", "table"}
_HEAD = 1 << 16
_USUAL = {"utf-8", "utf8", "us-ascii", "ascii"}
_ENCODINGS = _USUAL | {"utf-16", "utf-16le", "utf-16be", "iso-8859-1"}


@dataclass
class _Tally:
    """What has been seen in the whole workbook so far."""

    unpacked: int = 0
    cells: int = 0
    merged: int = 0
    text_cells: int = 0
    lengths: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    surveys: dict = field(default_factory=dict)
    sheets: list = field(default_factory=list)


def check_parts(archive: Archive, limits: Limits) -> dict[str, guard_cells.Survey]:
    """Unpack all parts once, in pieces; raises BadFileError at the first one that is not as it should be.

    Returns the survey of each worksheet part by its name.
    """
    tally = _Tally()
    for member in archive.members:
        pieces = unpack(archive, member, limits, tally.unpacked)
        head = b""
        for piece in pieces:
            head += piece
            if len(head) >= _HEAD:
                break
        root, encoding = _root(head, member)
        if encoding not in _USUAL and (root == "sst" or root in _TREES):
            raise BadFileError(
                f"part {shown(member)} is in the encoding {encoding}: open the file in a spreadsheet program and save it "
                "as .xlsx"
            )
        pieces = _chain(head, pieces)
        if member.file_size <= limits.form_bytes:
            pieces = guard_cells.watch_form(pieces, member) if root else pieces
        else:
            pieces = guard_archive.ahead(pieces)
        if root == "worksheet":
            _add_sheet(tally, _survey(archive, member, pieces, encoding, tally, limits), member, limits)
        elif root == "sst" or member.filename.lower().endswith("sharedstrings.xml"):
            if root != "sst" or len(tally.lengths):
                raise BadFileError(
                    f"part {shown(member)} is not what its name says, or one of two: damaged or malicious"
                )
            tally.lengths = guard_cells.text_lengths(_limited(pieces, member, limits.text_bytes))
        elif root in _TREES:
            _exhaust(_limited(pieces, member, limits.part_bytes))
        else:
            _exhaust(pieces)  # unpacked only for its size and checksum
        tally.unpacked += member.file_size
    _check_texts(archive, tally, limits)
    return tally.surveys


def _survey(archive: Archive, member, pieces: Iterable[bytes], encoding: str, tally: _Tally, limits: Limits):
    """Survey a sheet, by parsing it where its bytes alone do not tell."""
    seen = guard_cells.survey(pieces)
    if encoding not in _USUAL or not seen.plain:
        seen = guard_cells.survey_exactly(unpack(archive, member, limits, tally.unpacked), member, limits)
    return seen


def _add_sheet(tally: _Tally, seen, member, limits: Limits) -> None:
    tally.surveys[member.filename] = seen
    tally.sheets.append(member)
    tally.cells += seen.cells
    tally.merged += seen.merged
    tally.text_cells += seen.text_cells
    if tally.cells > limits.cells:
        raise BadFileError(
            f"more than {limits.cells:,} cells, blank formatted ones included: too large for a workbook of participants"
        )
    if tally.merged > limits.merged:
        raise BadFileError(f"more than {limits.merged:,} merged areas: too many for a workbook of participants")


def _check_texts(archive: Archive, tally: _Tally, limits: Limits) -> None:
    """A shared text is stored once and may be shown in a million cells: bound what they all hold together."""
    longest = int(tally.lengths.max(initial=0))
    if longest > limits.text_length:
        raise BadFileError(f"a cell's text is longer than the {limits.text_length:,} characters allowed")
    if longest * tally.text_cells <= limits.text_bytes:
        return
    total = 0
    for member in tally.sheets:
        text_cells = tally.surveys[member.filename].text_cells
        total += guard_cells.text_shown(unpack(archive, member, limits), text_cells, tally.lengths)
        if total > limits.text_bytes:
            raise BadFileError(f"the texts of all cells add up to more than {limits.text_bytes / 1e6:,.0f} MB")


def _limited(pieces: Iterable[bytes], member, most: int) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > most:
            raise BadFileError(f"part {shown(member)} is larger than the {most / 1e6:,.0f} MB allowed")
        yield piece


def _exhaust(pieces: Iterable[bytes]) -> None:
    for _ in pieces:
        pass


def _chain(head: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    yield head
    yield from rest


def _root(head: bytes, member) -> tuple[str, str]:
    """Name of the root element without prefix ("" if the part is not XML), and the encoding of the part.

    The document type, the only place where XML entities can be declared, has to stand before the root element, so
    nothing behind it needs to be searched.
    """
    utf_16 = head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head[:4]
    text = head[:_HEAD].replace(b"\0", b"")  # UTF-16 and UTF-32 become ASCII as far as markup goes
    text = text.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").lstrip()
    if not text.startswith(b"<"):
        return "", ""
    declared = re.match(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([^\"']{1,40})[\"']", text)
    encoding = "utf-16" if utf_16 else declared[1].decode("latin-1").lower() if declared else "utf-8"
    if encoding not in _ENCODINGS:
        raise BadFileError(f"part {shown(member)} has an encoding that workbooks do not use")
    while True:
        if found := re.match(rb"<(?:[\w.\-\x80-\xff]+:)?([\w.\-\x80-\xff]+)", text):
            return found[1].decode("latin-1"), encoding
        if text.startswith(b"<?"):
            end = text.find(b"?>") + 2
        elif text.startswith(b"<!--"):
            end = text.find(b"-->", 4) + 3
        elif text.startswith(b"<!"):
            raise BadFileError(
                f"part {shown(member)} declares a document type, which workbooks never do: a malicious file?"
            )
        else:
            end = 0
        text = text[end:].lstrip() if end > 2 else b""
        if not text:
            raise BadFileError(f"part {shown(member)} does not begin as XML should: a damaged or malicious file")
