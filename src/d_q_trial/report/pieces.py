"""Tables and pictures of later analyses: those that ``pieces.yaml`` lists as it says, others as they were written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import formatting, labels
from ..files import LABEL_COLUMN, read_rows
from ..pages import embedded
from ..results_table import ALL_PARTICIPANTS
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Trial

Row = Mapping[str, str]
MANY = 6  # a family with more outcomes than this is left to the file
MOST_ROWS = 60
EN_DASH = "–"
_HEADINGS = {"stratum": "Participants", "place": "Participants", "contrast": "Subgroups", "group": "Version"}
_TESTS = {"has": str.__contains__, "lacks": lambda text, part: part not in text, "is": str.__eq__}


@dataclass(frozen=True)
class Section:
    """How the report shows one table or picture: an entry of ``pieces.yaml``, which explains the fields."""

    file: str
    title: str = ""
    caption: str = ""
    group: str = ""
    columns: Sequence[Sequence[Any]] = ()
    rows: Sequence[str] = ("outcome", "stratum")
    where: Sequence[Sequence[str]] = ()
    everything: bool = False

    def holds(self, row: Row) -> bool:
        """Return whether a row is one of the section."""
        return all(_TESTS[relation](row[column], text) for column, relation, text in self.where)


@dataclass(frozen=True)
class Piece:
    """A table, a picture, or both; ``rows`` are text as shown, ``hidden`` counts the rows that are in the file alone."""

    key: str
    title: str
    caption: str
    file: str
    group: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    hidden: int = 0
    address: str = ""
    width: int = 0
    height: int = 0
    alt: str = ""


@dataclass(frozen=True)
class Words:
    """What the keys in tables stand for in an analysis."""

    trial: Trial
    analysis: Analysis

    def fill(self, text: str) -> str:
        """Put the names of arms, marker and levels into a title or caption."""
        return text.format(
            treated=self.trial.arms.treated.label,
            control=self.trial.arms.control.label,
            marker=labels.within(self.trial.markers[self.analysis.marker].label) if self.trial.markers else "",
            level=labels.interval_level(self.analysis),
            alpha=f"{self.analysis.alpha:g}",
        )

    def main(self, row: Row) -> bool:
        """Return whether a row is about the analysis's own marker and an outcome of a family that is short enough."""
        if row.get("marker") and row["marker"] != self.analysis.marker:
            return False
        outcome = self.trial.outcomes.get(row.get("outcome", ""))
        return outcome is None or not is_large(outcome.family, self.trial)

    def of(self, column: str, row: Row) -> str:
        """Say a key in words."""
        text = row.get(column, "")
        known = {"arm": self.trial.analysed_arms, "marker": self.trial.markers, "visit": self.trial.visits}
        if text in known.get(column, ()):
            return known[column][text].label
        if column == "outcome" and text in self.trial.outcomes:
            label, visit = self.trial.outcomes[text].label, row.get("visit", BASELINE)
            return label if visit in ("", BASELINE) else f"{label}, {self.of('visit', row)}"
        if column == "contrast":
            return text.rpartition(", ")[2].replace(" - ", f" {formatting.MINUS} ")
        if column in ("stratum", "place"):
            return "all" if text in ("", ALL_PARTICIPANTS) else text
        return text.replace("_", " ") if column in ("outcome", "family", "summary", "side", "visit", "arm") else text


def is_large(family: str, trial: Trial) -> bool:
    """Return whether a family has too many changing outcomes to list each."""
    return sum(outcome.family == family and bool(outcome.follow_up) for outcome in trial.outcomes.values()) > MANY


@cache
def sections() -> tuple[Section, ...]:
    """Read which pieces are shown, in which order."""
    import yaml

    entries = yaml.safe_load((Path(__file__).parent / "pieces.yaml").read_text(encoding="utf-8"))
    return tuple(Section(**entry) for entry in entries)


def read_pieces(folder: Path, words: Words, *, leave_out: Sequence[str] = ()) -> list[Piece]:
    """Read the tables and pictures of a folder; one that does not exist has none.

    A picture ``NAME.png`` and a table ``NAME.csv`` make one piece. A JSON file may describe pieces by name: ``title``,
    ``caption``, ``words`` (the result, for those who do not see the picture). ``leave_out`` names tables that the page
    shows otherwise.
    """
    if not folder.is_dir():
        return []
    described: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        described |= {key: value for key, value in content.items() if isinstance(value, dict)}
    names = dict.fromkeys(path.stem for end in ("*.png", "*.csv") for path in sorted(folder.glob(end)))
    names = [name for name in dict.fromkeys((*described, *names)) if name in names and name not in leave_out]
    listed = [
        (section, name) for section in sections() for name in names if fnmatch(f"{folder.name}/{name}", section.file)
    ]
    done = {name for _, name in listed}
    listed += [(Section(f"{folder.name}/{name}", everything=True), name) for name in names if name not in done]
    made = [
        _piece(f"{folder.name}-{number}", folder / name, section, described.get(name, {}), words)
        for number, (section, name) in enumerate(listed, start=1)
    ]
    return [piece for piece in made if piece.rows or piece.address]


def share_captions(pieces: Sequence[Piece]) -> tuple[str, list[Piece]]:
    """Take out the sentences that all captions have in common; return them, and the pieces with what is left."""
    split = [piece.caption.split(". ") for piece in pieces]
    common = [sentence for sentence in split[0] if all(sentence in other for other in split)] if len(split) > 1 else []
    rest = [". ".join(sentence for sentence in own if sentence not in common) for own in split]
    shared = ". ".join(common)
    shared += "." if shared and not shared.endswith(".") else ""
    return shared, [replace(piece, caption=caption) for piece, caption in zip(pieces, rest, strict=True)]


def _piece(key: str, path: Path, section: Section, described: Mapping[str, Any], words: Words) -> Piece:
    table_file, picture = path.with_name(f"{path.name}.csv"), path.with_name(f"{path.name}.png")
    columns, rows = shorten(section, read_rows(table_file), words) if table_file.exists() else ((), [])
    address, width, height = embedded(picture) if picture.exists() else ("", 0, 0)
    title = words.fill(section.title) or str(described.get("title") or path.name.replace("_", " ").capitalize())
    return Piece(
        key=key,
        title=title,
        caption=words.fill(section.caption) or str(described.get("caption", "")),
        file=f"{path.parent.name}/{(table_file if table_file.exists() else picture).name}",
        group=section.group,
        columns=columns,
        rows=tuple(rows[:MOST_ROWS]),
        hidden=max(0, len(rows) - MOST_ROWS),
        address=address,
        width=width,
        height=height,
        alt=str(described.get("words") or f"Picture of {title}; its numbers are in the file beside it."),
    )


def shorten(section: Section, rows: Sequence[Row], words: Words) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and rows, as text, of a table of which the page shows some columns."""
    if not rows:
        return (), []
    if not section.columns:
        names = [name for name in rows[0] if name != LABEL_COLUMN and any(row[name] for row in rows)]
        return tuple(name.replace("_", " ") for name in names), [
            tuple(format_cell(name, words.of(name, row)) for name in names) for row in rows
        ]
    kept = [row for row in rows if section.holds(row) and (section.everything or words.main(row))]
    long = {"statistic", "value"} <= rows[0].keys()
    wide = list(_spread(section, kept)) if long else [(row, row) for row in kept]
    decimals = [_decimals([_text(values, *column[1:3]) for _, values in wide]) for column in section.columns]
    shown = []
    for names, values in wide:
        cells = [_cell(values, places, *column[1:]) for column, places in zip(section.columns, decimals, strict=True)]
        if any(cells):
            shown.append((*(words.of(name, names) for name in section.rows), *(cell or EN_DASH for cell in cells)))
    headings = [_HEADINGS.get(name, name.replace("_", " ").capitalize()) for name in section.rows]
    return (*headings, *(column[0] for column in section.columns)), shown


def _spread(section: Section, rows: Iterable[Row]) -> Iterable[tuple[Row, dict[str, str]]]:
    """Turn a row per number into a row per comparison; a statistic goes by the column's method and its name."""
    found: dict[tuple[str, ...], tuple[Row, dict[str, str]]] = {}
    methods = {column[2] if len(column) > 2 else "" for column in section.columns}
    for row in rows:
        key = tuple(row[name] for name in dict.fromkeys((*section.rows, "visit", "marker")))
        _, values = found.setdefault(key, (row, {}))
        for method in methods:
            if row["method"].startswith(method):
                values.setdefault(f"{method}|{row['statistic']}", row["value"])
    return found.values()


def _text(values: Row, name: str, method: str = "") -> str:
    return values.get(f"{method}|{name}", values.get(name, ""))


def _decimals(texts: Iterable[str]) -> int | None:
    """Return the decimals that show three digits of the largest number of a column; None if its numbers differ too much."""
    sizes = [abs(value) for value in map(_number, texts) if math.isfinite(value) and value]
    if not sizes or all(size.is_integer() for size in sizes) or max(sizes) > 1e4 * min(sizes):
        return None
    return min(3, max(0, 2 - math.floor(math.log10(max(sizes)))))


def _cell(values: Row, decimals: int | None, name: str, method: str = "", limits: Sequence[str] = ()) -> str:
    """Format a number with its interval, or a range; empty if the row does not have it."""

    def get(name: str) -> str:
        return format_cell(name, _text(values, name, method), decimals)

    if ".." in name:
        ends = [get(end) for end in name.split("..")]
        return f"{ends[0]} to {ends[1]}" if all(ends) else ""
    text = get(name)
    lower, upper = map(get, limits or (f"{name}_lower", f"{name}_upper"))
    return f"{text} ({lower} to {upper})" if text and lower and upper else text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def format_cell(name: str, text: str, decimals: int | None = None) -> str:
    """Format a number shortly: P as P, others with the decimals of their column; text, and what is reported, as it is."""
    value = _number(text)
    if name == "reported" or math.isnan(value):
        return "" if text == "nan" else text
    if not math.isfinite(value):
        return ""
    if name == "p" or name.startswith("p_") or name.endswith("_p"):
        return formatting.p_digits(value)
    if decimals is not None:
        return formatting.number(value, decimals)
    if value.is_integer():
        return f"{value:,.0f}".replace("-", formatting.MINUS)
    return f"{value:.3g}".replace("-", formatting.MINUS) if abs(value) < 1000 else formatting.grouped(value, 0)
