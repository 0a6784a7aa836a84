"""Which part of a workbook's archive holds what: sheets, shared texts, styles, document properties."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass
from xml.etree import ElementTree

from ..errors import UserError

ROOT = "_rels/.rels"
TRUE = ("1", "true", "on")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # how workbooks write characters that XML cannot hold


@dataclass(frozen=True)
class SheetPart:
    """Where a sheet is: its part, None if that is missing, and whether it holds cells (a chart does not)."""

    part: str | None
    has_cells: bool
    hidden: bool


@dataclass
class Package:
    """The parts of an open workbook, by what they are for; a part that is missing is None."""

    archive: zipfile.ZipFile
    sheets: dict[str, SheetPart]
    strings: str | None = None
    styles: str | None = None
    from_1904: bool = False  # days are counted from 1904 instead of 1900
    properties: str = ""
    modified: str = ""  # day on which the workbook was saved, as it states itself


def local(tag: str) -> str:
    """Return the name of an XML tag or attribute without its namespace."""
    return tag.rpartition("}")[2]


def open_package(archive: zipfile.ZipFile) -> Package:
    """Follow the relations from the root of an archive to the parts of its workbook.

    Raises
    ------
    UserError
        If two sheets have one name. The message does not name the file.
    KeyError, ElementTree.ParseError
        If a part that every workbook has is missing or is no XML.
    """
    names = {name.replace("\\", "/").lower().lstrip("/"): name for name in archive.namelist()}
    book = next(
        (target for kind, target in _relations(archive, names, "").values() if kind == "officeDocument"),
        "xl/workbook.xml",
    )
    relations = _relations(archive, names, book)
    package = Package(archive, {})
    for element in ElementTree.fromstring(archive.read(names[book.lower()])).iter():
        if local(element.tag) == "workbookPr":
            package.from_1904 = element.get("date1904", "") in TRUE
        if local(element.tag) == "sheet":
            link = next((value for key, value in element.attrib.items() if local(key) in ("id", "r:id")), "")
            name = element.get("name", "")
            if name in package.sheets:
                raise UserError(f"two sheets are called {name[:60]!r}; rename one in a spreadsheet program")
            kind, target = relations.get(link, ("worksheet", ""))
            hidden = element.get("state", "visible") != "visible"
            package.sheets[name] = SheetPart(names.get(target.lower()), kind == "worksheet", hidden)
    parts = {kind: names.get(target.lower()) for kind, target in relations.values()}
    package.strings, package.styles = parts.get("sharedStrings"), parts.get("styles")
    package.properties = _properties(archive)
    package.modified = _modified(archive)
    return package


def _relations(archive: zipfile.ZipFile, names: dict[str, str], part: str) -> dict[str, tuple[str, str]]:
    """Return what a part refers to inside the archive: id -> (kind, part)."""
    folder, name = posixpath.split(part)
    found = {}
    source = names[posixpath.join(folder, "_rels", f"{name}.rels").lower()]
    for item in ElementTree.fromstring(archive.read(source)):
        if item.get("TargetMode") == "External":
            continue
        target = item.get("Target", "").replace("\\", "/")
        target = target if target.startswith("/") else posixpath.join("/", folder, target)
        kind = item.get("Type", "").rpartition("/")[2]
        found[item.get("Id", "")] = (kind, posixpath.normpath(target).lstrip("/"))
    return found


def comments(package: Package, part: str | None) -> list[str]:
    """Return the texts of the comments on a sheet's cells; a damaged part holds none."""
    names = {name.replace("\\", "/").lower().lstrip("/"): name for name in package.archive.namelist()}
    try:
        relations = _relations(package.archive, names, part or "")
        sources = [names[target.lower()] for kind, target in relations.values() if kind == "comments"]
        roots = [ElementTree.fromstring(package.archive.read(source)) for source in sources]
    except (KeyError, ElementTree.ParseError):
        return []
    return ["".join(e.itertext()).strip() for root in roots for e in root.iter() if local(e.tag) == "text"]


def _properties(archive: zipfile.ZipFile) -> str:
    texts = []
    for part in ("docProps/core.xml", "docProps/custom.xml", "docProps/app.xml"):
        try:
            texts += [text for text in ElementTree.fromstring(archive.read(part)).itertext() if text.strip()]
        except (KeyError, ElementTree.ParseError):
            continue
    return "\n".join(texts)


def _modified(archive: zipfile.ZipFile) -> str:
    try:
        elements = ElementTree.fromstring(archive.read("docProps/core.xml")).iter()
    except (KeyError, ElementTree.ParseError):
        return ""
    stated = next((element.text or "" for element in elements if local(element.tag) == "modified"), "")
    day = _DAY.match(stated.strip())
    return day.group() if day else ""


def shared_strings(package: Package) -> list[str]:
    """Return the texts that cells refer to by number."""
    if package.strings is None:
        return []
    texts = []
    with package.archive.open(package.strings) as stream:
        for _, element in ElementTree.iterparse(stream):
            if local(element.tag) == "si":
                texts.append(plain_text(element))
                element.clear()
    return texts


def plain_text(element) -> str:
    """Return the text of a cell or shared text, without its formats and its phonetic guide."""
    pieces = []
    for child in element:
        if local(child.tag) == "t":
            pieces.append(child.text or "")
        elif local(child.tag) == "r":
            pieces += [run.text or "" for run in child if local(run.tag) == "t"]
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), "".join(pieces))


def date_styles(package: Package) -> set[int]:
    """Return the numbers of the cell styles that show a number as a date or time."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

    if package.styles is None:
        return set()
    root = ElementTree.fromstring(package.archive.read(package.styles))
    formats = dict(BUILTIN_FORMATS)
    for element in root.iter():
        if local(element.tag) == "numFmt":
            formats[_whole(element.get("numFmtId"))] = element.get("formatCode", "")
    styles = next((element for element in root if local(element.tag) == "cellXfs"), [])
    return {i for i, style in enumerate(styles) if is_date_format(formats.get(_whole(style.get("numFmtId"))))}


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else -1
