"""What is looked at before a file from outside is opened as a workbook.

Every reader of spreadsheets trusts the file: it unpacks whatever a zip archive holds and makes room for the
whole rectangle between the first and the last cell. A few kilobytes can thus ask for hundreds of gigabytes.
:func:`check_file` reads the archive once, in pieces and with limits, and ends in one clear line when the file is
not a workbook, is damaged, or asks for more than a workbook of participants ever needs.
"""

from __future__ import annotations

import hashlib
import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from d_q_trial.errors import UserError
from d_q_trial.workbook import guard_archive, guard_cells, guard_parts

ADVICE = "open it in a spreadsheet program and save it as .xlsx"

# The first bytes of what people have at hand instead of a workbook. Order matters only for text.
_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"\xfd7zXZ", "an xz archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive: unpack it first"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"PAR1", "a Parquet file"),
    (b"$FL2", "an SPSS data file: export it as .xlsx"),
    (b"<stata_dta>", "a Stata data file: export it as .xlsx"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"{\\rtf", "an RTF document"),
    (b"version https://git-lfs", "a Git LFS pointer: the data themselves were not downloaded"),
    (b"\x09\x08", f"an old Excel workbook (.xls): {ADVICE}"),
    (b"\x09\x04", f"an old Excel workbook (.xls): {ADVICE}"),
    (b"\x09\x00", f"an old Excel workbook (.xls): {ADVICE}"),
)


@dataclass(frozen=True)
class Checked:
    """A workbook that is safe to open.

    ``notes`` is what :func:`check_file` returns. ``surveys`` maps the name of each worksheet part to the rectangle
    of its filled cells: only that says whether a sheet can be laid out in full, whatever the sheet declares and in
    whatever order its cells stand.
    """

    notes: list[str]
    surveys: dict[str, guard_cells.Survey]


def check_file(path: str | Path, limits: guard_parts.Limits = guard_parts.LIMITS) -> list[str]:
    """Make sure that a file is an .xlsx or .xlsm workbook that is safe to open; the file's name plays no part.

    Parameters
    ----------
    path : str or Path
        The file to look at. It is only read.
    limits : guard_parts.Limits
        Bytes, members and cells that a workbook may have.

    Returns
    -------
    list of str
        What the user should know although the file can be read: macros that are not run, links that are not
        followed, embedded files that are not opened.

    Raises
    ------
    UserError
        One line that says what the file is or what is wrong with it, and what to do.
    """
    return look_into(path, limits).notes


def look_into(path: str | Path, limits: guard_parts.Limits = guard_parts.LIMITS) -> Checked:
    """Do what :func:`check_file` does, and return the sizes of the sheets as well."""
    path = Path(path)
    size = _size(path)
    if size > limits.file_bytes:
        raise UserError(f"{path}: {size / 1e6:,.0f} MB is larger than the {limits.file_bytes / 1e6:,.0f} MB allowed")
    with path.open("rb") as file:
        start = file.read(4096)
        if start[:2] != b"PK":
            raise UserError(f"{path}: not an Excel workbook but {_kind(start, path)}")
        try:
            archive = guard_archive.open_archive(file, size, limits)
            notes = _layout(archive.names)
            return Checked(notes, guard_parts.check_parts(archive, limits))
        except guard_archive.BadFileError as error:
            raise UserError(f"{path}: {error}") from None


def safe_name(text: str) -> str:
    """Turn any text, such as the name of a sheet, into a harmless name for a file.

    The result has no separators, no leading dot or dash, at most 80 ASCII characters, and is never empty or a
    reserved name; texts that differ get names that differ (a short checksum is added where characters are lost).

    >>> safe_name("Fig 3a")
    'Fig_3a'
    >>> safe_name("../../etc/passwd")
    'etc_passwd-80caae43'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", plain)
    plain = re.sub(r"\.{2,}", "_", plain)
    plain = re.sub(r"^[_.-]+|[_.-]+$", "", plain)[:64].rstrip("_.-") or "sheet"
    reserved = re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", plain)
    if plain != text.replace(" ", "_") or "_" in text or reserved:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        plain = f"{'sheet_' if reserved else ''}{plain}-{digest[:8]}"
    return plain


def _size(path: Path) -> int:
    """Size of a regular file in bytes; everything else is an error."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            inside = sorted(item.name for item in path.iterdir() if item.suffix.lower() in {".xlsx", ".xlsm"})
            hint = f"; it holds {', '.join(inside[:3])}" if inside else ""
            raise UserError(f"{path}: a folder, not a workbook{hint}")
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{path}: not a regular file")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{str(path)!r}: cannot be read ({reason})") from None
    if found.st_size == 0:
        raise UserError(f"{path}: the file is empty (0 bytes); copy or download it again")
    return found.st_size


def _layout(names: list[str]) -> list[str]:
    """Decide from the members' names whether an archive is a workbook, and note what will be left alone."""
    found = {name.replace("\\", "/").lower().lstrip("/") for name in names}
    if "xl/workbook.bin" in found:
        raise guard_archive.BadFileError(f"a binary workbook (.xlsb): {ADVICE}")
    if "[content_types].xml" not in found or not any(re.fullmatch(r"xl/workbook\d*\.xml", n) for n in found):
        raise guard_archive.BadFileError(_other_archive(found, names))
    notes = []
    if any(name.endswith("vbaproject.bin") for name in found):
        notes.append("the workbook holds macros: they are not run, only cell values are read")
    if any(name.startswith("xl/macrosheets/") for name in found):
        notes.append("the workbook holds macro sheets: they are not run")
    if any(name.startswith("xl/externallinks/") and name.endswith(".xml") for name in found):
        notes.append("the workbook links to other files: links are not followed, the values stored with them are read")
    if "xl/connections.xml" in found:
        notes.append("the workbook has data connections: they are not opened")
    if any(name.startswith("xl/embeddings/") for name in found):
        notes.append("the workbook has files embedded: they are not opened")
    return notes


def _other_archive(found: set[str], names: list[str]) -> str:
    """Say what a zip archive is if it is no workbook."""
    if "word/document.xml" in found:
        return "not an Excel workbook but a Word document"
    if "ppt/presentation.xml" in found:
        return "not an Excel workbook but a PowerPoint presentation"
    if "mimetype" in found and "content.xml" in found:
        return f"not an Excel workbook but an OpenDocument file (.ods): {ADVICE}"
    if any(name.endswith(".iwa") for name in found):
        return "not an Excel workbook but an Apple Numbers or Pages file: export it as .xlsx"
    inside = sorted(n for n in names if n.lower().endswith((".xlsx", ".xlsm")) and not n.startswith("__MACOSX"))
    if inside:
        shown = ", ".join(ascii(name.rsplit("/")[-1][:60])[1:-1] for name in inside[:3])
        return f"a zip archive with {shown} inside: unpack it first"
    if not names:
        return "an empty zip archive, not an Excel workbook"
    if "[content_types].xml" in found:
        return "an Office file without the part xl/workbook.xml: not a workbook, or a damaged one"
    return "a zip archive without a workbook in it"


def _kind(start: bytes, path: Path) -> str:
    """Say what a file is that is no zip archive."""
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _kind_ole(path)
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    if not start.strip(b"\0"):
        return "a file of zero bytes: a copy or download went wrong"
    text = _as_text(start)
    if text is None:
        return "a file of an unknown kind"
    head = text.lstrip("\ufeff \t\r\n").lower()
    if 'progid="excel.sheet"' in head or "urn:schemas-microsoft-com:office:spreadsheet" in head:
        return f"an XML spreadsheet of 2003: {ADVICE}"
    if re.match(r"(<\?xml.*?>\s*)?(<!--.*?-->\s*)*<(!doctype html|html|head|body|table|meta|style|script)", head, re.S):
        return f"a web page (HTML): download the workbook itself, or {ADVICE}"
    if head.startswith("<"):
        return "an XML file"
    if head.startswith(("{", "[")):
        return "a JSON file"
    lines = [line for line in text.splitlines() if line.strip()]
    for mark, name in ((",", "comma"), (";", "semicolon"), ("\t", "tab")):
        if lines and all(mark in line for line in lines[:2]):
            return f"a text table (.csv, separated by {name}): {ADVICE}"
    return "a text file"


def _kind_ole(path: Path) -> str:
    """Tell a password-protected workbook from the other files in Microsoft's compound format."""
    wanted = {name: name.encode("utf-16-le") for name in ("EncryptedPackage", "Workbook", "Book", "WordDocument")}
    seen, tail = set(), b""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            piece = tail + piece
            seen |= {name for name, pattern in wanted.items() if pattern in piece}
            tail = piece[-64:]
    if "EncryptedPackage" in seen:
        return "a password-protected file: open it in a spreadsheet program and save it without a password"
    if seen & {"Workbook", "Book"}:
        return f"an old Excel workbook (.xls): {ADVICE}"
    if "WordDocument" in seen:
        return "an old Word document"
    return f"a Microsoft compound file (perhaps an old .xls): {ADVICE}"


def _as_text(start: bytes) -> str | None:
    """The first bytes as text, or None if they are no text."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return start[: len(start) // 2 * 2].decode("utf-16", "replace")
    if b"\0" in start or sum(byte < 9 for byte in start):
        return None
    return start.decode("utf-8", "replace")
