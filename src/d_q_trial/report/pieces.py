"""Tables and pictures of the robustness analyses, as listed in ``pieces.yaml``, and the data of the cutoff explorer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from operator import itemgetter
from typing import Any

from .. import formatting, labels
from ..files import read_yaml_beside
from ..pages import embed_picture
from ..participants import read_participants
from ..results_table import ALL_PARTICIPANTS, Row
from ..strata import select_marker_values
from .collect import FOLDERS, Labeller, Report, column_texts, outcomes_to_list, read_descriptions, read_rows_if_exists

MAX_ROWS = 60
EN_DASH = "–"
EFFECTS = ("difference", "hodges_lehmann", "mean_difference", "adjusted_difference")  # in the unit of the change
_HEADINGS = {"stratum": "Participants", "place": "Participants", "contrast": "Subgroups", "group": "Version"}
_RELATIONS = {"has": str.__contains__, "lacks": lambda text, part: part not in text, "is": str.__eq__}


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

    def fill(self, labeller: Labeller) -> Section:
        """Return the section with the placeholders in its texts filled in."""
        fill = labeller.fill
        columns = [[fill(part) if isinstance(part, str) else part for part in column] for column in self.columns]
        return replace(self, title=fill(self.title), caption=fill(self.caption), columns=columns)

    def includes(self, row: Row, labeller: Labeller) -> bool:
        """Return whether the table shows a row: of the analysis's marker, or of any if it shows ``everything``."""
        meets_conditions = all(_RELATIONS[relation](row[column], text) for column, relation, text in self.where)
        return meets_conditions and (self.everything or row.get("marker", "") in ("", labeller.analysis.marker))


Piece = Mapping[str, Any]  # a table, a picture, or both, see _build_piece
Rows, Cells = Sequence[Row], tuple[str, ...]
_ENTRIES = read_yaml_beside(__file__, "pieces")
SECTIONS = [Section(**entry) for entry in _ENTRIES]  # in their order on the page


def read_pieces(report: Report) -> list[Piece]:
    """Return the tables and pictures of robustness and sensitivity that have a section.

    A table without values is included if its rows give a reason. A picture ``NAME.png`` and a table ``NAME.csv`` make one
    piece. A JSON file may describe pieces by name: ``title``, ``caption``, ``words`` (the result, as alternative text).
    """
    folders = [report.folder / name for name in FOLDERS]
    descriptions = {f"{f.name}/{key}": text for f in folders for key, text in read_descriptions(f).items()}
    pictures = {f"{f.name}/{path.stem}" for f in folders for path in f.glob("*.png")}
    made = [name for name in {**descriptions, **report.tables} if name in pictures or name in report.tables]
    entries = [(section, name) for section in SECTIONS for name in made if fnmatch(name, section.file)]
    pieces = [
        _build_piece(f"piece-{number}", name, section, descriptions.get(name, {}), report)
        for number, (section, name) in enumerate(entries)
    ]
    return [piece for piece in pieces if any(piece[key] for key in ("rows", "hidden", "picture", "absent"))]


def group_pieces(pieces: Iterable[Piece]) -> list[tuple[str, str, list[Piece]]]:
    """Group the pieces, with the sentences that begin all captions of a group; pieces without a group keep theirs."""
    groups = []
    for group, group_members in itertools.groupby(pieces, key=itemgetter("group")):
        members, shared = list(group_members), []
        if group and len(members) > 1:
            captions = [piece["caption"].removesuffix(".").split(". ") for piece in members]
            alike = itertools.takewhile(lambda sentences: len({*sentences}) == 1, zip(*captions, strict=False))
            shared = [sentences[0] for sentences in alike]
            remaining = (". ".join(caption[len(shared) :]) for caption in captions)
            members = [{**piece, "caption": t and f"{t}."} for piece, t in zip(members, remaining, strict=True)]
        groups.append((group, ". ".join(shared) + "." if shared else "", members))
    return groups


def _build_piece(key: str, name: str, section: Section, description: Mapping[str, Any], report: Report) -> Piece:
    """Return what the page shows: formatted ``rows``, the count of ``hidden`` rows, and why values are ``absent``."""
    section, drawing = section.fill(report.labeller), report.folder / f"{name}.png"
    columns, rows, unlisted, reasons = select_cells(section, report.table(name), report.labeller)
    title = section.title or description.get("title", "")
    alt = description.get("words") or f"Picture of {title}; its numbers are in the file of the same name."
    return {
        "key": key,
        "title": title,
        "caption": "" if reasons and not rows else section.caption or description.get("caption", ""),
        "absent": reasons and f"{'In some rows, values are missing' if rows else 'Not made'}: {reasons}.",
        "file": f"{name}.csv" if name in report.tables else f"{name}.png",
        "group": section.group,
        "columns": columns,
        "rows": rows[:MAX_ROWS],
        "hidden": unlisted + max(0, len(rows) - MAX_ROWS),
        "picture": embed_picture(drawing, alt) if drawing.exists() else None,
    }


def select_cells(section: Section, rows: Rows, labeller: Labeller) -> tuple[Cells, list[Cells], int, str]:
    """Return headings and formatted rows of a table, how many rows are left out, and the reasons for missing values.

    Left out are the rows of outcomes that are not listed one by one. The reasons are those that the rows give.
    """
    if not (rows and section.columns):
        return (), [], 0, ""
    unlisted = set() if section.everything else labeller.trial.outcomes.keys() - outcomes_to_list(labeller.trial)
    comparisons: dict[Cells | int, list[Row]] = {}  # one row each, or in a long table one row per number
    for number, row in enumerate(row for row in rows if section.includes(row, labeller)):
        key = tuple(row[name] for name in (*section.rows, "visit", "marker")) if "statistic" in row else number
        comparisons.setdefault(key, []).append(row)
    listed = [numbers for numbers in comparisons.values() if numbers[0].get("outcome") not in unlisted]
    column_decimals = [
        _shared_decimals(_first_text(numbers, name, *method) for numbers in listed for name in names.split(".."))
        for _, names, *method in (column[:3] for column in section.columns)
    ]
    formatted = []
    for numbers in listed:
        outcome = numbers[0].get("outcome")
        cells = [
            _format_estimate(numbers, labeller.decimals(outcome) if name in EFFECTS else decimals, name, *rest)
            for (_, name, *rest), decimals in zip(section.columns, column_decimals, strict=True)
        ]
        if any(cells) or any(row.get("reason") for row in numbers):
            row_labels = (labeller.cell(name, numbers[0]) for name in section.rows)
            formatted.append((*row_labels, *(cell or EN_DASH for cell in cells)))
    headings = [_HEADINGS.get(name, name.replace("_", " ").capitalize()) for name in section.rows]
    columns = (*headings, *(column[0] for column in section.columns))
    only_zeros = {cell for row in formatted for cell in row[len(section.rows) :]} <= {"0", EN_DASH}
    first_names = [(names.partition("..")[0], *method[:1]) for _, names, *method in section.columns]
    lacking = (
        row for numbers in listed for row in numbers if any(column_texts([row], *n) == [""] for n in first_names)
    )
    reasons = "; ".join(filter(None, dict.fromkeys(row.get("reason") for row in lacking)))
    return columns, [] if only_zeros else formatted, len(comparisons) - len(listed), reasons


def _first_text(rows: Rows, name: str, method: str = "") -> str:
    return next(iter(column_texts(rows, name, method)), "")


def _shared_decimals(texts: Iterable[str]) -> int | None:
    """Return the decimals that show three digits of a column's largest number; None if its numbers differ too much.

    Shares, of which none exceeds 1, never differ too much.
    """
    sizes = [abs(value) for value in map(_parse_float, texts) if math.isfinite(value) and value]
    if not sizes or all(size.is_integer() for size in sizes) or max(sizes) > max(1.0, 1e4 * min(sizes)):
        return None
    return min(3, max(0, 2 - math.floor(math.log10(max(sizes)))))


def _format_estimate(rows: Rows, decimals: int | None, name: str, method: str = "", limits: Sequence[str] = ()) -> str:
    """Format a number with its interval, or a range ``low..high``; empty if the rows lack it."""

    def get(name: str) -> str:
        return format_cell(name, _first_text(rows, name, method), decimals)

    if ".." in name:
        low, high = map(get, name.split(".."))
        return f"{low} to {high}" if low and high else ""
    estimate = get(name)
    lower, upper = map(get, limits or (f"{name}_lower", f"{name}_upper"))
    return f"{estimate} ({lower} to {upper})" if estimate and lower and upper else estimate


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def format_cell(name: str, text: str, decimals: int | None = None) -> str:
    """Format a number: P as P, others with the decimals of their column; text and reported values unchanged."""
    value = _parse_float(text)
    if name == "reported" or math.isnan(value):
        return "" if text == "nan" else text
    if not math.isfinite(value):
        return ""
    if name == "p" or name.startswith("p_") or name.endswith("_p"):
        return formatting.format_p_digits(value)
    if decimals is not None:
        return formatting.format_number(value, decimals)
    if value.is_integer() or abs(value) >= 1000:
        return formatting.format_grouped(value, 0)
    return f"{value:.3g}".replace("-", formatting.MINUS)


# The explorer

SIDES = ("below", "above")
# Columns of cutoffs.csv shown of a side, control first: sizes, and numbers in the unit of the change; P-values follow.
SIZES, NUMBERS = ("n_second", "n_first"), ("median_second", "median_first", "difference", "lower", "upper")


def explorer_data(report: Report) -> dict[str, Any] | None:
    """Pack the table of cutoffs: one entry per marker, outcome and visit, with the cutoffs in increasing order.

    Returns ``markers``, ``choices``, ``series`` and the participants with their changes; None without cutoffs. All numbers
    shown are text, formatted here; the page does no formatting. A side is a list of ``SIZES``, ``NUMBERS``, P and
    corrected P; of a side with too few participants, only the numbers of participants are known.
    """
    trial, analysis = report.trial, report.analysis
    series: dict[tuple[str, str, str], list[Row]] = {}
    for row in report.table("robustness/cutoffs"):
        series.setdefault((row["marker"], row["outcome"], row["visit"]), []).append(row)
    if not series:
        return None
    markers, pairs = {marker for marker, *_ in series}, {key[1:] for key in series}
    choices = [
        {
            "key": f"{outcome.key}/{visit}",
            "label": f"{outcome.label} at {trial.visits[visit].label}",
            "family": trial.families[outcome.family],
            "unit": labels.change_unit(analysis.measure, outcome.unit),
        }
        for outcome, visit in itertools.product(trial.outcomes.values(), trial.visits)
        if (outcome.key, visit) in pairs
    ]
    keys = [choice["key"] for choice in choices]
    subgroups = (f"{line.outcome}/{line.visit}" for line in report.headlines if line.stratum != ALL_PARTICIPANTS)
    ordered = sorted(trial.markers.values(), key=lambda marker: marker.key != analysis.marker)
    return {
        "markers": [{"key": m.key, "label": m.label, "unit": m.unit} for m in ordered if m.key in markers],
        "choices": choices,
        "first": next((key for key in subgroups if key in keys), keys[0]),
        "arms": [arm.label for arm in reversed(trial.analysed_arms.values())],
        "estimator": labels.estimator_label(analysis),
        "level": labels.confidence_level(analysis),
        "alpha": analysis.alpha,
        "change": labels.CHANGES[analysis.measure],
        "series": [_pack_series(rows, report) for rows in series.values()],
        **_pack_participants(report),
    }


def _pack_participants(report: Report) -> dict[str, Any]:
    """Return the participants with all their markers, and their changes by outcome and visit (empty text: no change)."""
    analysis, arms = report.analysis, list(reversed(report.trial.analysed_arms))
    rows = read_rows_if_exists(report.folder / "changes.csv")
    arm_indices = {row["participant"]: arms.index(row["arm"]) for row in rows if row["arm"] in arms}
    participants = read_participants(report.folder.parent / "workbooks" / analysis.workbook_id)
    markers = select_marker_values(participants, report.trial, analysis)  # strata.csv may have one marker only
    values = {name: row.dropna().to_dict() for name, row in markers.iterrows() if name in arm_indices}
    people = [{"id": name, "arm": arm_indices[name], "at": at} for name, at in values.items()]
    positions = {name: index for index, name in enumerate(values)}
    changes: dict[str, list[str]] = {}
    for row in rows:
        if row["measure"] == analysis.measure and row["value"] and row["participant"] in positions:
            texts = changes.setdefault(f"{row['outcome']}/{row['visit']}", [""] * len(positions))
            change = formatting.format_number(float(row["value"]), report.labeller.decimals(row["outcome"]))
            texts[positions[row["participant"]]] = change
    return {"people": people, "changes": changes}


def _pack_series(rows: list[Row], report: Report) -> dict[str, Any]:
    """Return the cutoffs of one marker, outcome and visit."""
    place = {name: rows[0][name] for name in ("marker", "outcome", "visit")}
    cuts: dict[str, dict[str, Row]] = {}
    for row in sorted(rows, key=lambda row: float(row["cut"])):
        cuts.setdefault(row["cut"], {})[row["side"]] = row
    # Participants of each arm, above and below together: the same at every cutoff, so one with both sides gives them.
    both_sides = next((sides.values() for sides in cuts.values() if len(sides) == len(SIDES)), ())
    totals = [sum(int(row[name]) for row in both_sides) for name in SIZES]
    gaps = [b - a for a, b in itertools.pairwise(map(float, cuts)) if b > a]
    cut_decimals = min(4, max(0, 1 - math.floor(math.log10(min(gaps, default=1.0)))))  # that distinguish neighbours
    analysis_cuts = {row["cut"] for row in report.table("robustness/analysis_cuts", **place)}
    positions = [index for index, cut in enumerate(cuts) if cut in analysis_cuts]
    p_best = filter(None, column_texts(report.table("robustness/best_cuts", **place), "p_best_of_both"))
    series = {
        "marker": place["marker"],
        "choice": f"{place['outcome']}/{place['visit']}",
        "cuts": [float(f"{float(cut):.6g}") for cut in cuts],
        "shown": [formatting.format_number(float(cut), cut_decimals) for cut in cuts],
        "own": positions,
        "start": positions[-1] if positions else len(cuts) // 2,
        "searched": format_cell("p", next(p_best, "")),
    }
    decimals = report.labeller.decimals(place["outcome"])
    for side in SIDES:
        series[side] = [_pack_side(sides, side, totals, decimals) for sides in cuts.values()]
    interaction = [format_cell("p", next(iter(sides.values()))["p_interaction"]) for sides in cuts.values()]
    return series | ({"p_interaction": interaction} if any(interaction) else {})


def _pack_side(sides: Mapping[str, Row], side: str, totals: list[int], decimals: int) -> list[str] | None:
    """Format one side of a cutoff; with too few participants, only their numbers, if known."""
    if side not in sides:
        other = next(iter(sides.values()))
        return [f"{n - int(other[name])}" for n, name in zip(totals, SIZES, strict=True)] if any(totals) else None
    row = sides[side]
    numbers = [formatting.format_number(_parse_float(row[name]), decimals) for name in NUMBERS]
    return [*(row[name] for name in SIZES), *numbers, *(format_cell("p", row[p]) for p in ("p", "p_corrected"))]
