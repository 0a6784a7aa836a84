"""Atomic file writing, and the CSV and JSON files of this package."""

import contextlib
import csv
import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from .errors import UserError

_UNFINISHED = ".part-"  # prefix of the names of unfinished files
LABEL_COLUMN = "data"
LEFT_OVER = "left_over"
_DAMAGED = "damaged, or not a table of this package; delete it and run `snakemake --cores 4`"
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?%?", re.IGNORECASE)


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``, which is renamed to ``path`` once the block has succeeded.

    The temporary name ends as ``path`` does, because writers such as matplotlib choose the format by it. UserError if ``path``
    is a folder, a device or a pipe; the renaming would destroy a device, a pipe or a link to a folder.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: a folder, a device or a pipe; expected the name of a file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_UNFINISHED}{uuid4().hex[:8]}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.strerror and not error.filename:  # a full disk, for example, is reported without a file name
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path | str) -> None:
    """Delete the unfinished files of killed runs in a folder and its subfolders."""
    for path in Path(folder).rglob(f"{_UNFINISHED}*"):
        path.unlink(missing_ok=True)


def move_aside(files: Iterable[str], folder: str) -> None:
    """Move files of a folder into its subfolder ``left_over/``; their relative paths do not change."""
    for path in map(Path, files):
        target = Path(folder, LEFT_OVER, path.relative_to(folder))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)


def write_text(text: str, path: Path | str) -> None:
    """Write ``text`` to ``path`` as UTF-8 with Unix line ends."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def copy_file(source: Path, target: Path) -> Path:
    """Copy a file to a new path and return that path."""
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)
    return target


def write_json(value: Any, path: Path | str) -> None:
    """Write ``value`` as indented JSON in the order of its keys; ValueError if it contains NaN."""
    write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def write_csv(frame, path: Path | str, *, label: str | None = None) -> None:
    """Write a data frame without its index: numbers to twelve significant digits, missing cells empty.

    Further digits depend on the processor. Text that a spreadsheet would run as a formula gets an apostrophe, which
    :func:`read_csv` removes from cells. ``label`` marks synthetic data: the last column, ``data``, repeats it in every
    row, so that rows copied to other files are still labelled.
    """
    if label:
        frame = frame.assign(**{LABEL_COLUMN: label})
    escapes = {name: _find_escapes(texts) for name, texts in frame.select_dtypes(exclude=["number", "bool"]).items()}
    cells = frame.replace(escapes).rename(columns=escape_formula)
    with atomic(path) as temporary:
        cells.to_csv(temporary, index=False, lineterminator="\n", float_format="%.12g")


def _find_escapes(texts) -> dict[str, str]:
    """Return each text of a column that must change, with its form in a CSV."""
    # Unix line ends are the only ones that pandas quotes.
    unix = {text: text.replace("\r\n", "\n").replace("\r", "\n") for text in texts.unique() if isinstance(text, str)}
    return {text: escape_formula(unix[text]) for text in unix if escape_formula(unix[text]) != text}


def read_csv(path: Path | str, *, numeric: Iterable[str] = (), required: Iterable[str] = ()):
    """Read a CSV of this package: the ``numeric`` columns as floats, all others as text.

    The column of the label is omitted; see :func:`read_label`. UserError if the table is damaged, or if a numeric or
    ``required`` column is missing.
    """
    import pandas as pd

    header, rows = _read_cells(path, required, numeric)
    # Python strings: in a loop over rows, those of pandas are slow.
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    numbers = {name: frame[name].replace("", "nan").astype(float) for name in numeric}
    return frame.assign(**numbers).drop(columns=LABEL_COLUMN, errors="ignore")


def read_rows(path: Path | str, required: Iterable[str] = (), numeric: Iterable[str] = ()) -> list[dict[str, str]]:
    """Read a CSV of this package as text, with the label and without the cost of a data frame; UserError as :func:`read_csv`."""
    header, rows = _read_cells(path, required, numeric)
    return [dict(zip(header, row, strict=True)) for row in rows]


def read_header(path: Path | str) -> list[str]:
    """Return the names of the columns of a CSV."""
    with open(path, encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream), [])


def _read_cells(path: Path | str, required: Iterable[str], numeric: Iterable[str]) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns and the rows of a CSV of this package as text; UserError if it is damaged."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        if not {*required} <= {*header} or any(len(row) != len(header) for row in rows):
            raise ValueError("missing cells")
        for place in [header.index(name) for name in numeric]:
            _ = [float(row[place] or 0) for row in rows]
    except (ValueError, csv.Error):  # or empty, in another encoding, without a column of numbers, with text in one
        raise UserError(f"{path}: {_DAMAGED}") from None
    # Undo escape_formula.
    return header, [[cell[1:] if cell[:1] == "'" and _FORMULA.match(cell, 1) else cell for cell in row] for row in rows]


def read_label(path: Path | str) -> str | None:
    """Return the label of synthetic data in a CSV of this package, None if it has none."""
    return next(iter(read_rows(path)), {}).get(LABEL_COLUMN)


def read_description(folder: Path | str) -> dict[str, Any]:
    """Read the label and source of the participants without their table; UserError if the file is damaged."""
    return read_json(Path(folder) / "participants.json", ("label", "source"))


def read_json(path: Path, required: Iterable[str] = ()) -> dict[str, Any]:
    """Read a JSON file of this package; UserError if it is damaged or a ``required`` key is missing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {*required} <= {*content}:
        raise UserError(f"{path}: damaged; delete it, and `snakemake --cores 4` makes it again")
    return content


def set_fixed_date(path: Path | str, date: datetime) -> None:
    """Replace the time of saving in an Excel workbook by a date, so that equal content gives equal bytes."""
    with zipfile.ZipFile(path) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    stamp = date.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            entry = zipfile.ZipInfo(name, date.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


_sha256_once = cache(sha256)


def escape_formula(text: str) -> str:
    """Return ``text`` in a form that a spreadsheet shows and does not run as a formula.

    Text other than numbers that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets a leading apostrophe.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def combined_checksum(paths: Iterable[str]) -> str:
    """Return one checksum of the contents of files; paths that are not files are ignored."""
    checksums = (_sha256_once(path) for path in paths if Path(path).is_file())
    return hashlib.sha256("".join(checksums).encode()).hexdigest()[:16]


def find_file(path: str | None, home: Path | str) -> str | None:
    """Return the path of a file that is in ``home`` but not in the working directory; any other path is unchanged."""
    in_home = Path(home) / (path or "")
    return os.path.relpath(in_home) if path and not Path(path).exists() and in_home.exists() else path


def check_sha256(path: Path | str, expected: str) -> None:
    """Check the SHA-256 of a file; UserError if it differs."""
    actual = sha256(path)
    if actual != expected.strip().lower():
        raise UserError(f"{path}: SHA-256 is {actual}, expected {expected}; this is another file, or it is damaged")


def read_yaml_beside(module: str, name: str) -> Any:
    """Read the file ``name``.yaml in the folder of a module of this package; ``module`` is its ``__file__``."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(Path(module).with_name(f"{name}.yaml").read_text(encoding="utf-8"), loader)
