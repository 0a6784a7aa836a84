"""What calamine does not tell of a sheet, found by looking through its XML as bytes.

Only sheets that are written in the usual way come here; all others are parsed, see :mod:`exact`.
"""

from __future__ import annotations

import re
import zipfile

from .cells import Flag, SheetFacts, column_number, split_address

CHUNK = 1 << 23
TRUE = (b"1", b"true")

_CELL = re.compile(rb"<c\b((?:[^>/]|/(?!>))*)(?:/>|>(.*?)</c>)", re.S)
_ROW = re.compile(rb"<row\b([^>]*)>")
_COLUMN = re.compile(rb"<col\b([^>]*)>")
_MERGED = re.compile(rb"<mergeCell\b[^>]*\bref=[\"']([^\"']+)[\"']")
_REFERENCE = re.compile(rb"\br=\"([A-Z]{1,3})(\d{1,7})\"")
_NO_VALUE = re.compile(rb"<v\b[^>]*>[^<\s]")
_SHOWN = re.compile(rb"<v\b[^>]*>([^<]*)")
_FORMULA = re.compile(rb"<f\b(?:[^>]*/>|[^>]*>([^<]*))")


def _attribute(attributes: bytes, name: bytes) -> bytes:
    match = re.search(rb"(?:^|\s)" + name + rb"\s*=\s*[\"']([^\"']*)[\"']", attributes)
    return match[1] if match else b""


def scan_sheet(archive: zipfile.ZipFile, part: str) -> SheetFacts:
    """Look through the XML of one sheet for what calamine does not tell."""
    facts = SheetFacts()
    with archive.open(part) as stream:
        carry = b""
        while True:
            chunk = stream.read(CHUNK)
            text = carry + chunk
            if chunk:
                cut = text.rfind(b"</row>") + len(b"</row>") if b"</row>" in text else 0
                if not cut and len(text) < 8 * CHUNK:
                    carry = text
                    continue
                cut = cut or len(text)
                carry, text = text[cut:], text[:cut]
            _scan_text(text, facts, last=not chunk)
            if not chunk:
                return facts


def _scan_text(text: bytes, facts: SheetFacts, last: bool) -> None:
    """Look through whole rows; what stands behind the rows comes in the last piece. Each search costs a pass."""
    if b"hidden=" in text:
        for attributes in _COLUMN.findall(text):
            if _attribute(attributes, b"hidden") in TRUE:
                first, final = _attribute(attributes, b"min"), _attribute(attributes, b"max")
                if first.isdigit() and final.isdigit():
                    facts.hidden_columns.append((int(first) - 1, int(final) - 1))
        for attributes in _ROW.findall(text):
            if _attribute(attributes, b"hidden") in TRUE and _attribute(attributes, b"r").isdigit():
                facts.hidden_rows.append(int(_attribute(attributes, b"r")) - 1)
    if last:
        facts.filtered = b"autoFilter" in text and b"filterColumn" in text
        facts.merged += [area for reference in _MERGED.findall(text) if (area := merged_area(reference.decode()))]
    if b'"e"' in text or b"'e'" in text or (b"<f" in text and not _all_calculated(text)):
        _flag_cells(text, facts)


def _all_calculated(text: bytes) -> bool:
    """Tell quickly that every formula has a value, where cells are written in the usual way."""
    valued = text.count(b"</f><v>") + text.count(b"/><v>")
    return text.count(b"<f>") + text.count(b"<f ") == valued and b"<v></v>" not in text and b"<v> " not in text


def merged_area(reference: str) -> tuple[int, int, int, int] | None:
    """Return first row, column, last row, column of a reference such as ``A1:C7``; None if it is none."""
    first, _, last = reference.partition(":")
    try:
        (top, left), (bottom, right) = split_address(first), split_address(last or first)
    except ValueError:
        return None
    return top, left, bottom, right


def _flag_cells(text: bytes, facts: SheetFacts) -> None:
    for match in _CELL.finditer(text):
        attributes, content = match[1], match[2] or b""
        is_error = _attribute(attributes, b"t") == b"e"
        formula = _FORMULA.search(content)
        if not is_error and (formula is None or _NO_VALUE.search(content)):
            continue
        if is_error:
            shown = _SHOWN.search(content)
            flag = Flag("error", shown[1].decode("utf-8", "replace") if shown else "#ERROR")
        elif _attribute(attributes, b"t") == b"str" and b"<v" in content:
            continue  # a formula whose stored value is the empty text
        else:
            flag = Flag("formula", "=" + (formula[1] or b"").decode("utf-8", "replace")[:60])
        reference = _REFERENCE.search(attributes)
        if reference:
            facts.flag(int(reference[2]) - 1, column_number(reference[1].decode()), flag)
