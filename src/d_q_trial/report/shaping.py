"""Tables of later analyses, cut down to what a reader needs: keys in words, one row per comparison."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting, labels
from ..results_table import EVERYBODY
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..figures.study import Numbers
    from ..trial import Trial

Row = Mapping[str, str]
MANY = 6  # a family with more outcomes than this is left to the file
EN_DASH = "–"


@dataclass(frozen=True)
class Column:
    """One column of a table as shown.

    ``name`` is a column of the file or, in a long table, a statistic; ``low..high`` is a range of two of them. An
    interval is added where the file has ``NAME_lower`` and ``NAME_upper``, or the two names in ``limits``. ``method``
    (long tables only) is how the method of the statistic begins.
    """

    heading: str
    name: str
    method: str = ""
    limits: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Section:
    """How the report shows one table or picture of a later analysis: an entry of ``sections.SECTIONS``.

    Attributes
    ----------
    file : str
        Folder and name without its ending, such as ``robustness/multiplicity``; may be a pattern.
    title, caption : str
        May use {treated}, {control}, {marker}, {level} and {alpha}. Where empty, a JSON file beside the table says it.
    columns : tuple of Column
        None: all columns of the file.
    rows : tuple of str
        Columns that name a row; ``group`` is a column of long tables.
    where : callable
        Which rows of the file.
    main_only : bool
        Leave out other markers than the analysis' own, and outcomes of families that are too large to read.
    """

    file: str
    title: str = ""
    caption: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[str, ...] = ("outcome", "stratum")
    where: Callable[[Row], bool] = lambda row: True
    main_only: bool = True


@dataclass(frozen=True)
class Context:
    """What keys stand for, and the analysis' own results."""

    trial: Trial
    analysis: Analysis
    numbers: Numbers

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
        """Say whether a row is about the analysis' own marker and an outcome of a family that is short enough."""
        if row.get("marker") and row["marker"] != self.analysis.marker:
            return False
        outcome = self.trial.outcomes.get(row.get("outcome", ""))
        if outcome is None:
            return True
        family = [o for o in self.trial.outcomes.values() if o.family == outcome.family and o.follow_up]
        return len(family) <= MANY

    def words(self, column: str, row: Row) -> str:
        """Say a key in words."""
        text = row.get(column, "")
        if column == "outcome" and text in self.trial.outcomes:
            visit = self.trial.visits.get(row.get("visit", ""))
            label = self.trial.outcomes[text].label
            shown = visit.label if visit else row.get("visit", "")
            return f"{label}, {shown}" if shown and row.get("visit") != BASELINE else label
        if column == "contrast":
            return text.rpartition(", ")[2].replace(" - ", f" {formatting.MINUS} ")
        if column == "arm" and text in self.trial.analysed_arms:
            return self.trial.analysed_arms[text].label
        if column == "marker" and text in self.trial.markers:
            return self.trial.markers[text].label
        if column in ("stratum", "place"):
            return "everybody" if text in ("", EVERYBODY) else text
        return text.replace("_", " ") if column in ("outcome", "family", "summary", "side") else text


def table(section: Section, rows: Sequence[Row], context: Context) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and rows, as text, of a table of which only some columns are shown."""
    kept = [row for row in rows if section.where(row) and (not section.main_only or context.main(row))]
    long = bool(rows) and {"statistic", "value"} <= rows[0].keys()
    wide = list(_spread(section, kept)) if long else [(row, row) for row in kept]
    heads = {"stratum": "Among", "place": "Among", "contrast": "Strata", "group": "Version"}
    shown = []
    for names, values in wide:
        cells = [_cell(column, values) for column in section.columns]
        if any(cells):
            shown.append((*(context.words(name, names) for name in section.rows), *(cell or EN_DASH for cell in cells)))
    headings = [heads.get(name, name.replace("_", " ").capitalize()) for name in section.rows]
    return (*headings, *(column.heading for column in section.columns)), shown


def _spread(section: Section, rows: Iterable[Row]) -> Iterable[tuple[Row, dict[str, str]]]:
    """Turn a row per number into a row per comparison; a statistic goes by ``name`` and the column's method."""
    found: dict[tuple[str, ...], tuple[Row, dict[str, str]]] = {}
    methods = tuple(dict.fromkeys(column.method for column in section.columns))
    for row in rows:
        key = tuple(row[name] for name in dict.fromkeys((*section.rows, "visit", "marker")))
        _, values = found.setdefault(key, (row, {}))
        for method in methods:
            if row["method"].startswith(method):
                values.setdefault(f"{method}|{row['statistic']}", row["value"])
    return found.values()


def _cell(column: Column, values: Mapping[str, str]) -> str:
    """Print a number with its interval, or a range; empty if the row does not have it."""

    def get(name: str) -> str:
        return values.get(f"{column.method}|{name}", values.get(name, ""))

    if ".." in column.name:
        ends = [short(name, get(name), 3) for name in column.name.split("..")]
        return f"{ends[0]} to {ends[1]}" if all(ends) else ""
    text = short(column.name, get(column.name), 4 if column.name == "cut" else 3)
    names = column.limits if all(column.limits) else (f"{column.name}_lower", f"{column.name}_upper")
    lower, upper = (short(column.name, get(name), 3) for name in names)
    return f"{text} ({lower} to {upper})" if text and lower and upper else text


def short(name: str, text: str, digits: int = 4) -> str:
    """Print a number shortly: P as P, others with so many significant digits; text, and what is printed, as it is."""
    if name == "reported":
        return text
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return ""
    if name == "p" or name.startswith("p_") or name.endswith("_p"):
        return formatting.p_digits(value)
    if value.is_integer():
        return f"{value:,.0f}".replace("-", formatting.MINUS)
    return f"{value:.{digits}g}".replace("-", formatting.MINUS) if abs(value) < 1000 else formatting.grouped(value, 0)
