"""Tables and pictures of later analyses, shown as they were written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import printing
from ..figures.study import read_rows
from . import pictures

MOST_ROWS = 60


@dataclass(frozen=True)
class Extra:
    """A table, a picture, or both.

    ``rows`` holds text as shown; ``hidden`` counts the rows that are in the file alone.
    """

    key: str
    title: str
    caption: str
    file: str
    columns: tuple[str, ...] = ()
    numeric: tuple[bool, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    hidden: int = 0
    address: str = ""
    width: int = 0
    height: int = 0
    alt: str = ""


def read_extras(folder: Path, *, leave_out: Sequence[str] = (), prefix: str = "") -> list[Extra]:
    """Read every table and picture of a folder, with the titles that a JSON file beside them gives.

    A picture ``NAME.png`` and a table ``NAME.csv`` make one piece. A JSON file may describe pieces by name, as the
    figures are described: ``title``, ``caption``, ``words``.
    """
    if not folder.is_dir():
        return []
    described: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            described |= {key: value for key, value in content.items() if isinstance(value, dict)}
    names = dict.fromkeys(path.stem for end in ("*.csv", "*.png") for path in sorted(folder.glob(end)))
    order = [*(name for name in described if name in names), *(name for name in names if name not in described)]
    return [_extra(folder, name, described.get(name, {}), prefix) for name in order if name not in leave_out]


def _extra(folder: Path, name: str, words: Mapping[str, Any], prefix: str) -> Extra:
    table, picture = folder / f"{name}.csv", folder / f"{name}.png"
    more: dict[str, Any] = {}
    if table.exists():
        more |= _table(read_rows(table))
    if picture.exists():
        address, width, height = pictures.embedded(picture)
        more |= {"address": address, "width": width, "height": height}
    title = str(words.get("title") or name.replace("_", " ").capitalize())
    return Extra(
        key=f"{folder.name}-{name}",
        title=title,
        caption=str(words.get("caption", "")),
        file=f"{prefix}{folder.name}/{(picture if picture.exists() and not table.exists() else table).name}",
        alt=str(words.get("words") or f"Picture of {title}; its numbers are in the file beside it."),
        **more,
    )


def _table(rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Print a table's numbers shortly, leaving out columns that are empty throughout."""
    if not rows:
        return {}
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    numeric = [all(_is_number(row[name]) for row in rows if row[name]) for name in columns]
    shown = tuple(
        tuple(_short(name, row[name]) if number else row[name] for name, number in zip(columns, numeric, strict=True))
        for row in rows[:MOST_ROWS]
    )
    return {
        "columns": tuple(name.replace("_", " ") for name in columns),
        "numeric": tuple(numeric),
        "rows": shown,
        "hidden": max(0, len(rows) - MOST_ROWS),
    }


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _short(name: str, text: str) -> str:
    if not text:
        return ""
    value = float(text)
    if name == "p" or name.startswith("p_") or name.endswith("_p"):
        return printing.p_digits(value)
    return f"{value:.4g}".replace("-", printing.MINUS)
