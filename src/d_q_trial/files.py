"""Atomic file writing, and the CSV and JSON files of this package."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from .errors import UserError

_PART = ".part-"  # begins the name of an unfinished file
LABEL_COLUMN = "data"
LEFT_OVER = "left_over"
_DAMAGED = "damaged, or not a table of this package; delete it and run `snakemake --cores 4`"
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?%?", re.IGNORECASE)


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name once the block has succeeded.

    The temporary name ends as ``path`` does, because writers such as matplotlib judge by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_PART}{uuid4().hex[:8]}-{path.name}")
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
    """Delete the unfinished files that a killed run has left in a folder and below."""
    for path in Path(folder).rglob(f"{_PART}*"):
        path.unlink(missing_ok=True)


def move_aside(files: Iterable[str], folder: str) -> None:
    """Move files of a folder into its ``left_over/``, under their own paths."""
    for path in map(Path, files):
        target = Path(folder, LEFT_OVER, path.relative_to(folder))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)


def write_text(text: str, path: Path | str) -> None:
    """Write ``text`` to ``path`` as UTF-8 with Unix line ends."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def copy_file(source: Path, target: Path) -> Path:
    """Copy a file under a new path, which is returned."""
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)
    return target


def write_json(value: Any, path: Path | str) -> None:
    """Write ``value`` as indented JSON; key order is kept, NaN is refused."""
    write_text(_json(value), path)


def write_json_once(value: Any, folder: Path | str) -> str:
    """Write ``value`` into a folder under a name made from its content, unless it is there, and return the path.

    So a run reads the same file throughout, whatever another run is given.
    """
    text = _json(value)
    path = Path(folder) / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if not path.is_file():
        write_text(text, path)
    return str(path)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(frame, path: Path | str, *, label: str | None = None) -> None:
    """Write a data frame without its index: numbers to twelve significant digits, missing cells empty.

    The digits beyond depend on the processor. Text that a spreadsheet would run as a formula gets an apostrophe, which
    :func:`read_csv` takes away from cells. ``label`` marks data that are not real participants: a last column, ``data``,
    holds it in every row, so that rows that are copied elsewhere keep it.
    """
    if label:
        frame = frame.assign(**{LABEL_COLUMN: label})
    with atomic(path) as temporary:
        # Unix line ends, which alone are quoted.
        cells = _replaced(frame, lambda text: escape_formula(text.replace("\r\n", "\n").replace("\r", "\n")))
        cells.rename(columns=escape_formula).to_csv(temporary, index=False, lineterminator="\n", float_format="%.12g")


def read_csv(path: Path | str, *, numeric: tuple[str, ...] = (), required: tuple[str, ...] = ()):
    """Read a CSV written by this package: text everywhere, save the ``numeric`` columns (float).

    The column of the label is left out; :func:`read_label` gives it. UserError for a damaged table, or one
    without the numeric and ``required`` columns.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(
            path,
            usecols=lambda name: name != LABEL_COLUMN,
            dtype=defaultdict(lambda: str, dict.fromkeys(numeric, float)),
            keep_default_na=False,
            na_values={name: [""] for name in numeric},
        )
    except ValueError:  # empty, torn, of another encoding, or words among the numbers
        frame = None
    if frame is None or not {*numeric, *required} <= {*frame}:
        raise UserError(f"{path}: {_DAMAGED}")
    # Python's own strings: a row at a time, those of pandas are slow.
    return _replaced(frame.astype({name: object for name in frame if name not in numeric}), _plain_text)


def _replaced(frame, function: Callable[[str], str]):
    """Return a data frame in which the text cells are replaced, wherever the function changes one."""
    changed = {}
    for name in frame.select_dtypes(exclude=["number", "bool"]).columns:
        words = [word for word in frame[name].unique() if isinstance(word, str)]
        found = {word: after for word in words if (after := function(word)) != word}
        if found:
            changed[name] = frame[name].replace(found)
    return frame.assign(**changed) if changed else frame


def read_header(path: Path | str) -> list[str]:
    """Return the names of the columns of a CSV."""
    with open(path, encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream), [])


def read_label(path: Path | str) -> str | None:
    """Return how the rows of a CSV of this package are marked, None if they are not."""
    return next(iter(read_rows(path)), {}).get(LABEL_COLUMN)


def set_fixed_date(path: Path | str, date: datetime) -> None:
    """Give every part of an Excel workbook one date: saving writes the clock, and equal content should give equal bytes."""
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
    """Return ``text`` so that a spreadsheet shows it and does not run it as a formula.

    Cells that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return get a leading apostrophe, numbers aside.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _plain_text(text: str) -> str:
    """Undo :func:`escape_formula`."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text[1:]) else text


def combined_checksum(paths: Iterable[str]) -> str:
    """Return one checksum of the contents of files; paths that are no file are passed over."""
    total = hashlib.sha256()
    for path in paths:
        if Path(path).is_file():
            total.update(_sha256_once(path).encode())
    return total.hexdigest()[:16]


def find_file(path: str | None, home: Path | str) -> str | None:
    """Return where a file is, relative to the working directory: there, or else in ``home``; as it is if in neither."""
    elsewhere = Path(home) / (path or "")
    return os.path.relpath(elsewhere) if path and not Path(path).exists() and elsewhere.exists() else path


def check_sha256(path: Path | str, expected: str) -> None:
    """Check the SHA-256 of a file; UserError if it differs."""
    actual = sha256(path)
    if actual != expected.strip().lower():
        raise UserError(f"{path}: SHA-256 is {actual}, expected {expected}; this is another file, or it is damaged")


def read_yaml_beside(module: str, name: str) -> Any:
    """Read the file ``name``.yaml beside a module of this package, given its ``__file__``."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(Path(module).with_name(f"{name}.yaml").read_text(encoding="utf-8"), loader)


def read_rows(path: Path | str) -> list[dict[str, str]]:
    """Read a CSV of this package as text, without the cost of a data frame and with the label; UserError if it is damaged."""
    try:
        text = Path(path).read_bytes().decode()
    except UnicodeDecodeError:
        raise UserError(f"{path}: {_DAMAGED}") from None
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    if any(None in row or None in row.values() for row in rows):
        raise UserError(f"{path}: {_DAMAGED}")
    if not any(before + "'" in text for before in ("\n", ",", '"')):  # no cell begins with an apostrophe
        return rows
    return [{name: _plain_text(cell) for name, cell in row.items()} for row in rows]
