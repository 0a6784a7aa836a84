"""Meaning of codes for arms and visits, as a codebook, a note or a header states it."""

from __future__ import annotations

import itertools
import re

from .blocks import Block
from .cells import EMPTY
from .headers import is_number
from .recognise import Vocabulary

_PAIR = re.compile(r"([\w.]{1,12})\s*(?:=|:|→|->|–|—|-(?=\s)|means|is)\s*([^=:;,()\[\]\n→]{1,60})", re.I)
_REVERSED = re.compile(r"([^=:;,()\[\]\n→\d]{1,60}?)\s*(?:=|:|→|->)\s*([\w.]{1,3})(?![\w.])", re.I)
LONGEST_CODE = 4


def in_text(text: str, vocabulary: Vocabulary, find) -> dict[str, str]:
    """Return the codes that one text explains, such as ``0 = Control, 1 = D+Q``."""
    if not any(sign in text for sign in "=:→-–—") and " is " not in text and " means " not in text:
        return {}
    for pattern, code, name in ((_PAIR, 1, 2), (_REVERSED, 2, 1)):
        found = {}
        for match in pattern.finditer(text):
            key = find(match[name].strip(" .'\""))
            if key and len(match[code]) <= LONGEST_CODE:
                found[match[code].strip().casefold()] = key
        if len(found) >= 2:
            return found
    return {}


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


def collect(blocks: list[Block], vocabulary: Vocabulary) -> tuple[dict[str, str], dict[str, str]]:
    """Return what all text blocks of a workbook say of codes for arms and for visits; contradictions are dropped."""
    answers = []
    for find in (vocabulary.arm, vocabulary.visit):
        known: dict[str, str] = {}
        contradicted = set()
        for block in blocks:
            texts = [cell for row in block.values[:400] for cell in row if isinstance(cell, str)]
            for found in (*(in_text(text, vocabulary, find) for text in texts), in_rows(block, vocabulary, find)):
                for code, key in found.items():
                    if known.setdefault(code, key) != key:
                        contradicted.add(code)
        answers.append({code: key for code, key in known.items() if code not in contradicted})
    return answers[0], answers[1]
