"""Tables and pictures of further analyses, as listed in ``pieces.yaml``, and the numbers of the cutoff explorer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from operator import itemgetter
from pathlib import Path
from typing import Any

from .. import formatting, labels
from ..files import LABEL_COLUMN, read_yaml_beside
from ..pages import embed_picture
from ..participants import read_participants
from ..results_table import ALL_PARTICIPANTS
from ..strata import marker_values
from .collect import FOLDERS, Report, Row, Words, column_texts, outcomes_to_list, read_descriptions, read_rows_if_made

MOST_ROWS = 60
EN_DASH = "–"
EFFECTS = ("difference", "hodges_lehmann", "mean_difference", "adjusted_difference")  # in the unit of the change
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
    hidden: bool = False

    def filled(self, words: Words) -> Section:
        """Return the section with the words of an analysis in its columns."""
        columns = [[words.fill(part) if isinstance(part, str) else part for part in column] for column in self.columns]
        return replace(self, columns=columns)

    def holds(self, row: Row, words: Words) -> bool:
        """Return whether a row belongs to the table: of the analysis's marker, or of any if it shows ``everything``."""
        meant = all(_TESTS[relation](row[column], text) for column, relation, text in self.where)
        return meant and (self.everything or row.get("marker", "") in ("", words.analysis.marker))


Piece = Mapping[str, Any]  # a table, a picture, or both, see _piece
_ENTRIES = read_yaml_beside(__file__, "pieces")
SECTIONS = [Section(**entry) for entry in _ENTRIES]  # in their order on the page


def read_pieces(report: Report) -> list[Piece]:
    """Return the further tables and pictures of an analysis; those not listed in a section come last, in full.

    A table without a value is there if its rows say why. A picture ``NAME.png`` and a table ``NAME.csv`` make one piece. A
    JSON file may describe pieces by name: ``title``, ``caption``, ``words`` (the result, as alternative text).
    """
    made, sections = [], [section.filled(report.words) for section in SECTIONS]
    for part in FOLDERS:
        about = {f"{part}/{key}": text for key, text in read_descriptions(report.folder / part).items()}
        drawn = [f"{part}/{path.stem}" for path in sorted((report.folder / part).glob("*.png"))]
        own = [*drawn, *(name for name in report.tables if name.startswith(f"{part}/"))]
        names = dict.fromkeys([*(name for name in about if name in own), *own])
        listed = [(section, name) for section in sections for name in names if fnmatch(name, section.file)]
        done = {name for _, name in listed}
        listed += [(Section(name, everything=True), name) for name in names if name not in done]
        for number, (section, name) in enumerate(listed, start=1):
            if not section.hidden:
                made.append(_piece(f"{part}-{number}", name, section, about.get(name, {}), report))
    return [piece for piece in made if any(piece[kept] for kept in ("rows", "hidden", "picture", "absent"))]


def group_pieces(pieces: Iterable[Piece]) -> list[tuple[str, str, list[Piece]]]:
    """Group the pieces, with the sentences shared by the captions of a group; other pieces have no group."""
    made = []
    for group, members in itertools.groupby(pieces, key=itemgetter("group")):
        own, common = list(members), []
        if group and len(own) > 1:
            split = [piece["caption"].removesuffix(".").split(". ") for piece in own]
            common = [part for part in split[0] if all(part in other for other in split)]
            rest = (". ".join(part for part in parts if part not in common) for parts in split)
            own = [{**piece, "caption": text and f"{text}."} for piece, text in zip(own, rest, strict=True)]
        made.append((group, ". ".join(common) + "." if common else "", own))
    return made


def _piece(key: str, name: str, section: Section, about: Mapping[str, Any], report: Report) -> Piece:
    """Return what the report shows: text ``rows``, count of ``hidden`` rows, and why columns or all of it are ``absent``."""
    words, drawing = report.words, report.folder / f"{name}.png"
    columns, rows, more = select_cells(section, report.table(name), words)
    absent = explain_missing(section, report.table(name), words)
    alike = {reason: [f"“{name}”" for name in absent if absent[name] == reason] for reason in absent.values()}
    said = [f"No value of {labels.join_words(names)}: {reason}." for reason, names in alike.items()]
    if not_made := absent and not rows:
        said = [f"Not made: {'; '.join(dict.fromkeys(absent.values()))}."]
    title = words.fill(section.title) or str(about.get("title") or Path(name).name.replace("_", " ").capitalize())
    alt = str(about.get("words") or f"Picture of {title}; its numbers are in the file of the same name.")
    return {
        "key": key,
        "title": title,
        "caption": "" if not_made else words.fill(section.caption) or str(about.get("caption", "")),
        "absent": " ".join(said),
        "file": f"{name}.csv" if name in report.tables else f"{name}.png",
        "group": section.group,
        "columns": columns,
        "rows": rows[:MOST_ROWS],
        "hidden": more + max(0, len(rows) - MOST_ROWS),
        "picture": embed_picture(drawing, alt) if drawing.exists() else None,
    }


def select_cells(
    section: Section, rows: Sequence[Row], words: Words
) -> tuple[tuple[str, ...], list[tuple[str, ...]], int]:
    """Return headings and rows, as text, of the columns of a table that the page shows.

    The number of further rows comes last: those of outcomes that are not listed one by one.
    """
    if not rows:
        return (), [], 0
    if not section.columns:
        names = [name for name in rows[0] if name != LABEL_COLUMN and any(row[name] for row in rows)]
        cells = [tuple(format_cell(name, words.of(name, row)) for name in names) for row in rows]
        return tuple(name.replace("_", " ") for name in names), cells, 0
    kept = [row for row in rows if section.holds(row, words)]
    comparisons: dict[tuple[str, ...] | int, list[Row]] = {}  # the rows of each: one, or in a long table one per number
    for number, row in enumerate(kept):
        key = tuple(row[name] for name in (*section.rows, "visit", "marker")) if "statistic" in row else number
        comparisons.setdefault(key, []).append(row)
    hidden = words.trial.outcomes.keys() - (
        words.trial.outcomes if section.everything else outcomes_to_list(words.trial)
    )
    chosen = [own for own in comparisons.values() if own[0].get("outcome") not in hidden]
    decimals = [
        _decimals(_text(own, name, *column[2:3]) for own in chosen for name in column[1].split(".."))
        for column in section.columns
    ]
    shown = []
    for own in chosen:
        cells = [
            _cell(own, words.decimals(own[0]["outcome"]) if column[1] in EFFECTS else places, *column[1:])
            for column, places in zip(section.columns, decimals, strict=True)
        ]
        if any(cells):
            shown.append((*(words.of(name, own[0]) for name in section.rows), *(cell or EN_DASH for cell in cells)))
    headings = [_HEADINGS.get(name, name.replace("_", " ").capitalize()) for name in section.rows]
    known = {cell for row in shown for cell in row[len(section.rows) :]} - {"0", EN_DASH}  # more than counts of nothing
    columns = (*headings, *(column[0] for column in section.columns))
    return columns, shown if known else [], len(comparisons) - len(chosen)


def explain_missing(section: Section, rows: Sequence[Row], words: Words) -> dict[str, str]:
    """Return why columns of a table lack values, in all or some rows, by their headings, where the rows give the reason."""
    kept, found = [row for row in rows if section.holds(row, words)], {}
    for heading, names, *method in section.columns:
        wanted = (names.partition("..")[0], *method[:1])
        empty = [row for row in kept if column_texts([row], *wanted) == [""]]
        if given := dict.fromkeys(row["reason"] for row in empty if row.get("reason")):
            found[heading] = "in some rows, " * any(column_texts(kept, *wanted)) + "; ".join(given)
    return found


def _text(rows: Sequence[Row], name: str, method: str = "") -> str:
    return next(iter(column_texts(rows, name, method)), "")


def _decimals(texts: Iterable[str]) -> int | None:
    """Return the decimals that show three digits of a column's largest number; None if its numbers differ too much.

    Shares, of which none exceeds 1, never differ too much.
    """
    sizes = [abs(value) for value in map(_number, texts) if math.isfinite(value) and value]
    if not sizes or all(size.is_integer() for size in sizes) or max(sizes) > max(1.0, 1e4 * min(sizes)):
        return None
    return min(3, max(0, 2 - math.floor(math.log10(max(sizes)))))


def _cell(rows: Sequence[Row], decimals: int | None, name: str, method: str = "", limits: Sequence[str] = ()) -> str:
    """Format a number with its interval, or a range; empty if the row lacks it."""

    def get(name: str) -> str:
        return format_cell(name, _text(rows, name, method), decimals)

    if ".." in name:
        ends = [get(end) for end in name.split("..")]
        least = "at least " * any(row.get("reason", "").startswith("at least") for row in rows)
        return f"{ends[0]} to {least}{ends[1]}" if all(ends) else ""
    text = get(name)
    lower, upper = map(get, limits or (f"{name}_lower", f"{name}_upper"))
    return f"{text} ({lower} to {upper})" if text and lower and upper else text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def format_cell(name: str, text: str, decimals: int | None = None) -> str:
    """Format a number: P as P, others with the decimals of their column; text and reported values unchanged."""
    value = _number(text)
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
    made = {key[1:] for key in series}
    choices = {
        f"{outcome.key}/{visit}": {
            "label": f"{outcome.label} at {trial.visits[visit].label}",
            "family": trial.families[outcome.family],
            "unit": labels.change_unit(analysis.measure, outcome.unit),
        }
        for outcome, visit in itertools.product(trial.outcomes.values(), trial.visits)
        if (outcome.key, visit) in made
    }
    subgroups = (f"{line.outcome}/{line.visit}" for line in report.headlines if line.stratum != ALL_PARTICIPANTS)
    used = {marker for marker, *_ in series}
    markers = sorted(trial.markers.values(), key=lambda marker: marker.key != analysis.marker)
    return {
        "markers": [{"key": m.key, "label": m.label, "unit": m.unit} for m in markers if m.key in used],
        "choices": [{"key": key} | choice for key, choice in choices.items()],
        "first": next(filter(choices.__contains__, subgroups), next(iter(choices))),
        "arms": [arm.label for arm in reversed(trial.analysed_arms.values())],
        "estimator": labels.estimator_label(analysis),
        "level": labels.confidence_level(analysis),
        "alpha": analysis.alpha,
        "change": labels.CHANGES[analysis.measure],
        "series": [_series(rows, report) for rows in series.values()],
        **_people(report),
    }


def _people(report: Report) -> dict[str, Any]:
    """Return the participants with all their markers, and their changes by outcome and visit (empty: none)."""
    trial, analysis, arms, changes = report.trial, report.analysis, list(reversed(report.trial.analysed_arms)), {}
    rows = read_rows_if_made(report.folder / "changes.csv")
    arm_of = {row["participant"]: arms.index(row["arm"]) for row in rows if row["arm"] in arms}
    participants = read_participants(report.folder.parent / "workbooks" / analysis.workbook_id)
    markers = marker_values(participants, trial, analysis)  # those of strata.csv may be of one marker alone
    known = {name: at.dropna().to_dict() for name, at in markers.iterrows() if name in arm_of}
    people = [{"id": name, "arm": arm_of[name], "at": at} for name, at in known.items()]
    places = {name: index for index, name in enumerate(known)}
    for row in rows:
        if row["measure"] == report.analysis.measure and row["value"] and row["participant"] in places:
            own = changes.setdefault(f"{row['outcome']}/{row['visit']}", [""] * len(places))
            change = formatting.format_number(float(row["value"]), report.words.decimals(row["outcome"]))
            own[places[row["participant"]]] = change
    return {"people": people, "changes": changes}


def _series(rows: list[Row], report: Report) -> dict[str, Any]:
    """Return the cutoffs of one marker, outcome and visit."""
    place = {name: rows[0][name] for name in ("marker", "outcome", "visit")}
    cuts: dict[str, dict[str, Row]] = {}
    for row in sorted(rows, key=lambda row: float(row["cut"])):
        cuts.setdefault(row["cut"], {})[row["side"]] = row
    # Participants of each arm above and below together; the sum is the same at every cutoff.
    whole = next((sides.values() for sides in cuts.values() if len(sides) == len(SIDES)), ())
    sizes = [sum(int(row[name]) for row in whole) for name in SIZES]
    gaps = [b - a for a, b in itertools.pairwise(map(float, cuts)) if b > a]
    apart = min(4, max(0, 1 - math.floor(math.log10(min(gaps, default=1.0)))))  # decimals that distinguish neighbours
    own = {row["cut"] for row in report.table("robustness/analysis_cuts", **place)}
    positions = [index for index, cut in enumerate(cuts) if cut in own]
    searched = filter(None, column_texts(report.table("robustness/best_cuts", **place), "p_best_of_both"))
    packed = {
        "marker": place["marker"],
        "choice": f"{place['outcome']}/{place['visit']}",
        "cuts": [float(f"{float(cut):.6g}") for cut in cuts],
        "shown": [formatting.format_number(float(cut), apart) for cut in cuts],
        "own": positions,
        "start": positions[-1] if positions else len(cuts) // 2,
        "searched": format_cell("p", next(searched, "")),
    }
    for side in SIDES:
        packed[side] = [_side(sides, side, sizes, report.words.decimals(place["outcome"])) for sides in cuts.values()]
    interaction = [format_cell("p", next(iter(sides.values()))["p_interaction"]) for sides in cuts.values()]
    return packed | ({"p_interaction": interaction} if any(interaction) else {})


def _side(sides: Mapping[str, Row], side: str, sizes: list[int], decimals: int) -> list[str] | None:
    """Format one side of a cutoff; with too few participants, only their numbers, if known."""
    if side not in sides:
        other = next(iter(sides.values()))
        return [f"{n - int(other[name])}" for n, name in zip(sizes, SIZES, strict=True)] if any(sizes) else None
    row = sides[side]
    numbers = [formatting.format_number(_number(row[name]), decimals) for name in NUMBERS]
    return [*(row[name] for name in SIZES), *numbers, *(format_cell("p", row[p]) for p in ("p", "p_corrected"))]
