"""Meaning of codes for arms and visits, as a codebook, a note or a header states it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from .blocks import Block
from .headers import is_number
from .plan import ARM, VISIT, Plan
from .recognise import Vocabulary
from .sheets import EMPTY

_SIGNS = ("=", "→|->", ":", r"\bmeans\b|\bis\b", r"–|—|-(?=\s)")  # tried in turn: "Visit: 1 = baseline, 2 = ..."
_PAIRS = [re.compile(rf"([\w.]{{1,12}})\s*(?:{sign})\s*([^=:;,()\[\]\n→]{{1,60}})", re.I) for sign in _SIGNS]
_REVERSED = [
    re.compile(rf"([^=:;,()\[\]\n→\d]{{1,60}}?)\s*(?:{sign})\s*([\w.]{{1,3}})(?![\w.])", re.I) for sign in _SIGNS
]
LONGEST_CODE = 4
LONGEST_TEXT = 2000  # characters of one text that are searched for codes
MOST_TEXT = 60_000  # and of all texts together: the patterns are slow
FOOTERS = 20  # rows at the end of a table where remarks may stand


def in_text(text: str, vocabulary: Vocabulary, find) -> dict[str, str]:
    """Return the codes that one text explains, such as ``0 = Control, 1 = D+Q``."""
    if not _may_explain(text):
        return {}
    for pattern, code, name in (*((p, 1, 2) for p in _PAIRS), *((p, 2, 1) for p in _REVERSED)):
        found = {}
        for match in pattern.finditer(text):
            key = find(match[name].strip(" .'\""))
            if key and len(match[code]) <= LONGEST_CODE:
                found[match[code].strip().casefold()] = key
        if len(found) >= 2:
            return found
    return {}


def _may_explain(text: str) -> bool:
    return any(sign in text for sign in "=:→-–—") or " is " in text or " means " in text


def searchable(texts: Iterable[str]) -> Iterator[str]:
    """Pick the texts that may explain codes, the shortest first, as far as searching them takes a bounded time."""
    left = MOST_TEXT
    for text in sorted(
        {text[:LONGEST_TEXT] for text in texts if _may_explain(text)}, key=lambda text: (len(text), text)
    ):
        left -= len(text)
        if left < 0:
            return
        yield text


def in_rows(block: Block, vocabulary: Vocabulary, find) -> dict[str, str]:
    """Return the codes that a codebook explains in rows: a short code beside a name."""
    found: dict[str, str] = {}
    for row in block.values[:400]:
        cells = [cell for cell in row if cell != EMPTY]
        for code, name in itertools.pairwise(cells):
            text = str(int(code)) if is_number(code) and float(code).is_integer() else str(code).strip()
            key = find(str(name)) if isinstance(name, str) else None
            if key and len(text) <= LONGEST_CODE and not (isinstance(code, str) and find(text) == key):
                found[text.casefold()] = key
    return found if len(found) >= 2 else {}


def texts_of(plans: list[Plan]) -> list[str]:
    """Return the texts in and around tables that may explain codes: titles, headers, remarks below."""
    texts = []
    for plan in plans:
        texts += plan.header.titles
        texts += [column.label for column in plan.columns if column.role in (ARM, VISIT)]
        for row in plan.block.values[-FOOTERS:]:
            if len(row) - row.count(EMPTY) == 1:
                texts += [cell for cell in row if isinstance(cell, str) and cell]
    return texts


def collect(blocks: list[Block], more: list[str], vocabulary: Vocabulary) -> tuple[dict[str, str], dict[str, str]]:
    """Return what texts of a workbook say of codes for arms and for visits; contradictions are dropped.

    Parameters
    ----------
    blocks : list of Block
        Notes and codebooks.
    more : list of str
        Texts from elsewhere: titles, headers, comments.
    vocabulary : Vocabulary
        The trial's names.
    """
    answers = []
    cells = (cell for block in blocks for row in block.values[:400] for cell in row if isinstance(cell, str))
    texts = list(searchable([*cells, *more]))
    for find in (vocabulary.arm, vocabulary.visit):
        known: dict[str, str] = {}
        contradicted = set()
        explained = [in_text(text, vocabulary, find) for text in texts]
        for found in [*explained, *(in_rows(block, vocabulary, find) for block in blocks)]:
            for code, key in found.items():
                if known.setdefault(code, key) != key:
                    contradicted.add(code)
        answers.append({code: key for code, key in known.items() if code not in contradicted})
    return answers[0], answers[1]
