"""Tables and pictures of later analyses: those that ``sections`` lists as it says, others as they were written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ..figures.study import read_rows
from ..files import LABEL_COLUMN
from . import pictures
from .sections import SECTIONS
from .shaping import Context, Section, short, table

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
    rows: tuple[tuple[str, ...], ...] = ()
    hidden: int = 0
    address: str = ""
    width: int = 0
    height: int = 0
    alt: str = ""


def read_extras(folder: Path, context: Context, *, leave_out: Sequence[str] = (), prefix: str = "") -> list[Extra]:
    """Read the tables and pictures of a folder.

    A picture ``NAME.png`` and a table ``NAME.csv`` make one piece. A JSON file may describe pieces by name, as the
    figures are described: ``title``, ``caption``, ``words`` (the result, for those who do not see the picture).

    Parameters
    ----------
    folder : path
        One that does not exist has no pieces.
    context
        What keys in the tables stand for.
    leave_out : sequence of str
        Names of tables that the page shows otherwise.
    prefix : str
        Where the folder lies, seen from the page.
    """
    if not folder.is_dir():
        return []
    described: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            described |= {key: value for key, value in content.items() if isinstance(value, dict)}
    names = dict.fromkeys(path.stem for end in ("*.png", "*.csv") for path in sorted(folder.glob(end)))
    names = [name for name in (*described, *names) if name in names and name not in leave_out]
    names = list(dict.fromkeys(names))
    listed = [
        (section, name) for section in SECTIONS for name in names if fnmatch(f"{folder.name}/{name}", section.file)
    ]
    done = {name for _, name in listed}
    listed += [(Section(f"{folder.name}/{name}", main_only=False), name) for name in names if name not in done]
    pieces, counts = [], Counter()
    for section, name in listed:
        counts[name] += 1
        key = f"{folder.name}-{name}" + (f"-{counts[name]}" if counts[name] > 1 else "")
        pieces.append(_extra(key, folder / name, section, described.get(name, {}), context, prefix))
    return [piece for piece in pieces if piece.rows or piece.address]


def _extra(key: str, path: Path, section: Section, words: Mapping[str, Any], context: Context, prefix: str) -> Extra:
    table_file, picture = path.with_name(f"{path.name}.csv"), path.with_name(f"{path.name}.png")
    more: dict[str, Any] = {}
    if table_file.exists():
        more |= _table(section, read_rows(table_file), context)
    if picture.exists():
        address, width, height = pictures.embedded(picture)
        more |= {"address": address, "width": width, "height": height}
    title = context.fill(section.title) or str(words.get("title") or path.name.replace("_", " ").capitalize())
    file = table_file if table_file.exists() else picture
    return Extra(
        key=key,
        title=title,
        caption=context.fill(section.caption) or str(words.get("caption", "")),
        file=f"{prefix}{path.parent.name}/{file.name}",
        alt=str(words.get("words") or f"Picture of {title}; its numbers are in the file beside it."),
        **more,
    )


def _table(section: Section, rows: Sequence[Mapping[str, str]], context: Context) -> dict[str, Any]:
    """Print a table as its section says, or all of it without empty columns and the label, which heads the page."""
    if not rows:
        return {}
    if section.columns:
        columns, shown = table(section, rows, context)
    else:
        names = [name for name in rows[0] if name != LABEL_COLUMN and any(row[name] for row in rows)]
        columns = tuple(name.replace("_", " ") for name in names)
        shown = [tuple(short(name, row[name]) for name in names) for row in rows]
    hidden = max(0, len(shown) - MOST_ROWS)
    return {"columns": columns, "rows": tuple(shown[:MOST_ROWS]), "hidden": hidden}
