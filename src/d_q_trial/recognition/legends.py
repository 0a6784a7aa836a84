"""Find what the texts and codebooks of a workbook say of codes, such as ``0 = Control, 1 = D+Q``."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from ..spreadsheet.sheets import EMPTY, Block
from .layout import label_like
from .vocabulary import Vocabulary, canonical_id, short_code

Pairs = set[tuple[str, str]]  # codes in lower case, each with the key that it stands for
_SIGNS = ("=", "→|->", ":", r"\bmeans\b|\bis\b", r"–|—|-(?=\s)")  # tried in turn: "Visit: 1 = baseline, 2 = ..."
_CODE_FIRST = r"(?P<code>[\w.]{1,12})\s*(?:SIGN)\s*(?P<name>[^=:;,()\[\]\n→]{1,60})"
_NAME_FIRST = r"(?P<name>[^=:;,()\[\]\n→\d]{1,60}?)\s*(?:SIGN)\s*(?P<code>[\w.]{1,3})(?![\w.])"
_LEGENDS = [re.compile(text.replace("SIGN", s), re.I) for text in (_CODE_FIRST, _NAME_FIRST) for s in _SIGNS]
_EXPLAINS = re.compile(r"[=:→\-–—]| is | means ")
_PANELS = re.compile(r"\b(?:fig(?:ure)?|panel)s?\b", re.I)
LONGEST_CODE = 4
LONGEST_TEXT = 2000  # characters of one text that are searched for codes
MOST_TEXT = 60_000  # and of all texts together: the patterns are slow
MOST_ROWS, MOST_LISTED = 400, 40  # of a codebook: rows that are read, and those whose cells are read as one list
MOST_NAMING = 8  # columns among which one may name variables


def codes_of(tables: list[tuple[Block, bool]], texts: list[str], vocabulary: Vocabulary) -> dict[str, dict[str, str]]:
    """Return the codes for arms and for visits, by role, that tables and texts explain; contradictions are dropped.

    Of each table it is said whether it has a column of participants' ids.
    """
    codes = {}
    for role, find in (("arm", vocabulary.arm), ("visit", vocabulary.visit)):
        said, legends = list(texts), []
        for block, of_people in tables:
            rows = rows_about(role, block, find, vocabulary)
            said += [cell for row in rows for cell in row if isinstance(cell, str)]
            said.append("; ".join(str(cell) for row in rows[:MOST_LISTED] for cell in row if label_like(cell)))
            legends.append(in_rows(rows, find, of_people))
        chosen = list(searchable(said))
        legends += [in_text(text, find) for text in chosen]
        # A single code in a text contradicts a legend, but makes none.
        single = [in_text(text, find, 1) for text in chosen]
        meanings: dict[str, set[str]] = defaultdict(set)
        for code, key in set().union(*legends, *single):
            meanings[code].add(key)
        known = {code for code, _ in set().union(*legends)}
        codes[role] = {code: keys.pop() for code, keys in meanings.items() if code in known and len(keys) == 1}
    return codes


def in_text(text: str, find: Callable, least: int = 2) -> Pairs:
    """Return the codes that one text explains, such as ``0 = Control, 1 = D+Q``; fewer than ``least`` are no legend."""
    of_panels = _PANELS.search(text)  # whose letters are no codes
    for pattern in _LEGENDS:
        found = set()
        for match in pattern.finditer(text):
            key = find(match["name"].strip(" .'\""))
            letter = of_panels and match["code"].isalpha()
            if key and not letter and len(match["code"]) <= LONGEST_CODE:
                found.add((match["code"].casefold(), key))
        if len({code for code, _ in found}) >= least:
            return found
    return set()


def searchable(texts: Iterable[str]) -> Iterator[str]:
    """Pick the texts that may explain codes, the shortest first, as far as searching them takes a bounded time."""
    chosen = sorted({t[:LONGEST_TEXT] for t in texts if _EXPLAINS.search(t)}, key=lambda text: (len(text), text))
    lengths = itertools.accumulate(map(len, chosen))
    return (text for text, length in zip(chosen, lengths, strict=True) if length <= MOST_TEXT)


def in_rows(rows: list[list], find: Callable, of_people: bool = False) -> Pairs:
    """Return the codes that a codebook explains in rows: a short code, which is no name itself, beside a name.

    A table ``of_people``, several of whom have the same name beside their ids, explains none.
    """
    found: Pairs = set()
    for row in rows:
        names = sum(isinstance(cell, str) and bool(find(cell)) for cell in row)
        for code, name in itertools.pairwise(cell for cell in row if cell != EMPTY):
            text = canonical_id(code)
            key = find(name) if isinstance(name, str) else None
            known = find(text) if isinstance(code, str) else None
            if key and len(short_code(text)) <= LONGEST_CODE and not (known == key or (known and names > 2)):
                found.add((short_code(text), key))
    codes, keys = map(set, zip(*found, strict=True)) if found else (set(), set())
    return found if len(codes) >= 2 and not (of_people and len(keys) < len(codes)) else set()


def rows_about(role: str, block: Block, find: Callable, vocabulary: Vocabulary) -> list[list]:
    """Return the first rows of a block; if a column before the codes names variables, those of the variable with a role.

    A blank cell of that column stands for the name above it.
    """
    rows, chosen, about = block.values[:MOST_ROWS], [], True
    naming = _naming_column(rows, find, vocabulary)
    for row in rows:
        beside = next((cell for cell in row[naming + 1 :] if cell != EMPTY), EMPTY) if naming is not None else EMPTY
        alone = beside == EMPTY or (isinstance(beside, str) and find(beside))  # a remark, or a code beside its name
        if not alone and label_like(row[naming]):
            about = vocabulary.label(row[naming]).role == role
        if alone or about:
            chosen.append(row)
    return chosen


def _naming_column(rows: list[list], find: Callable, vocabulary: Vocabulary) -> int | None:
    """Return the first column with words that are repeated or name a role, unless the names of codes stand before it."""
    for column in range(min(len(rows[0]), MOST_NAMING)):
        cells = [row[column] for row in rows if label_like(row[column])]
        if any(map(find, cells)):
            return None
        roles = {vocabulary.label(cell).role for cell in cells}
        if len(set(cells)) < len(cells) or roles & {"participant", "arm", "visit", "variable"}:
            return column
    return None
