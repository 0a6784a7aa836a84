"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import UserError

_PART = ".part-"  # begins the name of an unfinished file
LABEL_COLUMN = "data"


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name once the block has succeeded.

    The temporary file carries the ending of ``path``, because writers such as matplotlib judge by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_PART, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp's 0600 would hide results from colleagues
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path | str) -> None:
    """Delete the unfinished files that a killed run has left in a folder and below."""
    for path in Path(folder).rglob(f"{_PART}*"):
        path.unlink(missing_ok=True)


def write_text(text: str, path: Path | str) -> None:
    """Write ``text`` to ``path`` as UTF-8 with Unix line ends."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(value: Any, path: Path | str) -> None:
    """Write ``value`` as indented JSON; key order is kept, NaN is refused."""
    write_text(_json(value), path)


def keep_json(value: Any, path: str) -> str:
    """Write ``value`` as :func:`write_json` does, unless the file holds it: its date then says when it last changed.

    Returns ``path``.
    """
    text = _json(value)
    if not Path(path).is_file() or Path(path).read_text(encoding="utf-8") != text:
        write_text(text, path)
    return path


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(frame, path: Path | str, *, label: str | None = None, below: Path | str | None = None) -> None:
    """Write a data frame without its index; floats in their shortest exact form, missing cells empty.

    ``label`` marks data that are not real participants: a last column, ``data``, says it in every row, so that rows
    that are copied elsewhere keep it. ``below`` is a CSV of this package with the same columns, whose rows come first,
    letter by letter.
    """
    if label:
        frame = frame.assign(**{LABEL_COLUMN: label})
    with atomic(path) as temporary:
        if below:
            shutil.copyfile(below, temporary)
        frame.to_csv(temporary, index=False, lineterminator="\n", mode="a", header=not below)


def read_csv(path: Path | str, *, numeric: tuple[str, ...] = ()):
    """Read a CSV written by this package: text everywhere, save the ``numeric`` columns (float).

    The column of the label is left out; :func:`read_label` gives it.
    """
    import pandas as pd

    dtypes = dict.fromkeys(numeric, float)
    header = [name for name in read_header(path) if name != LABEL_COLUMN]
    text = {column: str for column in header if column not in dtypes}
    frame = pd.read_csv(
        path,
        usecols=header,
        dtype=text | dtypes,
        keep_default_na=False,
        na_values={c: [""] for c in numeric},
    )
    return frame.astype(dict.fromkeys(text, object))


def read_header(path: Path | str) -> list[str]:
    """Return the names of the columns of a CSV."""
    with open(path, encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream), [])


def read_label(path: Path | str) -> str | None:
    """Return how the rows of a CSV of this package are marked, None if they are not."""
    with open(path, encoding="utf-8", newline="") as stream:
        return next(csv.DictReader(stream), {}).get(LABEL_COLUMN)


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def safe_text(text: str) -> str:
    """Return ``text`` so that a spreadsheet shows it and does not run it as a formula.

    Cells that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return get a leading apostrophe.
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def check_sha256(path: Path | str, expected: str) -> None:
    """Check that a file is the one that was meant.

    Raises
    ------
    UserError
        If the file has another SHA-256.
    """
    found = sha256(path)
    if found != expected.strip().lower():
        raise UserError(f"{path}: its SHA-256 is {found}, expected {expected}; this is another file, or it is damaged")
