"""Check a paper, and write the findings, the tables behind them, the drawings and the page.

The drawings are selected here, as fractions of an axis; the template ``consistency.svg.j2`` has all lengths.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import UserError
from ..files import write_csv, write_json, write_text
from ..pages import render_page, template_engine
from ..stats.checks import is_significant
from . import VARIANTS, WORDS, checks
from .findings import KINDS, Finding, format_probability, sort_findings
from .inference import ALPHA, DEPENDENCE, Assessment, Definition, Option, RangeCheck, Report, Score, assess_paper
from .lattice import attainable_p_values
from .reported import read_csv, read_folder

_PANELS = 6  # P-values that the page draws if no P-value is marked as one of the abstract
_SHORT: dict[str, str] = WORDS["short"]
_LEAST_IN_BLOCK, _GAP = 5, 2  # fewest P-values of a place with a separate block, and columns between blocks
_P_VALUE_COLUMNS = ("claim", "where", "p", "n_first", "n_second", "status", "u", "tie_sum", "fewer")
_FIT_COLUMNS = ("variant", "attainable", "u", "chance", "attainable_with_ties", "chance_with_ties")


def build_tables(report: Report, findings: list[Finding]) -> dict[str, pd.DataFrame]:
    """Return all tables of a check by the names of their files."""
    p_values, lattice = [], []
    for a in report.assessments:
        key = (a.p.claim, a.p.where, a.p.p.text, *a.numbers)
        p_values.append((*key, a.status, a.u, a.tie_sum, " ".join(f"{m}/{n}" for m, n in a.fewer)))
        for variant in VARIANTS:
            plain, tied = a.p.fits(a.numbers, variant)
            with_ties = (bool(tied.u), tied.chance) if a.p.ties.weight else ("", None)
            lattice.append((*key, variant, bool(plain.u), plain.u, plain.chance, *with_ties))
    ranges = [(r.p.claim, r.p.relation, r.p.p.text, *r[1:]) for r in report.ranges]
    tables = {
        "findings": (findings, Finding._fields),
        "variants": (report.inference.scores, Score._fields),
        "abstract": (report.dependence, DEPENDENCE),
        "group_sizes": (itertools.chain(*report.inference.options.values()), Option._fields),
        "quartiles": (report.definitions, Definition._fields),
        "p_values": (p_values, _P_VALUE_COLUMNS),
        "ranges": (ranges, ("claim", "relation", *RangeCheck._fields)),
        "lattice": (lattice, (*_P_VALUE_COLUMNS[:5], *_FIT_COLUMNS)),
    }
    return {name: pd.DataFrame(rows, columns=list(columns)).map(_as_text) for name, (rows, columns) in tables.items()}


def _as_text(cell: object) -> object:
    """Return a truth value as yes or no and several U as one text; other cells are unchanged."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return " ".join(f"{u:g}" for u in cell) if isinstance(cell, tuple) else cell


def check_paper(path: Path | str) -> tuple[Report, list[Finding]]:
    """Check a folder of published tables, or a CSV of P-values; return the report and the findings, sorted by kind.

    UserError if the input has nothing that can be checked.
    """
    report = assess_paper(read_folder(path) if Path(path).is_dir() else read_csv(path))
    functions = [function for name, function in vars(checks).items() if name.startswith("check_")]
    findings = sort_findings(finding for check in functions for finding in check(report))
    if {finding.finding for finding in findings} <= {"not-checked"}:
        raise UserError(
            f"{path}: nothing to check: no rank-sum P-value is reported with a value (a bound such as <0.05 fits every "
            "test), and none has the medians of two groups"
        )
    return report, findings


def write_check(report: Report, findings: list[Finding], folder: Path | str, heading: str, *, plain=str, links=()):
    """Write all tables and the page.

    ``plain`` is a function that replaces keys by labels on the page; ``links`` are other pages, as pairs of text and address.
    """
    folder = Path(folder)
    write_json([finding._asdict() for finding in findings], folder / "findings.json")
    for name, table in build_tables(report, findings).items():
        write_csv(table, folder / f"{name}.csv")
    drawing = draw_matrix(report.assessments) if report.assessments else ""
    write_text(drawing.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1), folder / "attainable.svg")
    page = render_page(
        "consistency.html.j2",
        title=heading,
        label=None,
        links=links,
        report=report,
        findings=[(kind, meaning, [f for f in findings if f.kind == kind]) for kind, meaning in KINDS.items()],
        panels=[a for a in report.assessments if a.p.highlight] or report.assessments[:_PANELS],
        plain=plain,
        format_pair=checks.format_pair,
        matrix=drawing,
        draw_panel=draw_panel,
        short=_SHORT,
        variants=VARIANTS,
        alpha=ALPHA,
        rejects=lambda p: is_significant(p, ALPHA),
        share=format_probability,
    )
    write_text(page, folder / "consistency.html")


def _render_macro(name: str, *values: object) -> str:
    return str(getattr(template_engine().get_template("consistency.svg.j2").module, name)(*values))


def draw_panel(a: Assessment, plain: Callable[[str], str]) -> str:
    """Draw one reported P: the band of values that round to it, and the P-values that each variant can give nearby.

    A tick inside the band is drawn tall and thick, so that it can be seen without colour.
    """
    lattices = {variant: attainable_p_values(*a.numbers, variant) for variant in VARIANTS}
    matching_u = {variant: a.p.fits(a.numbers, variant)[0].u for variant in VARIANTS}
    # The axis extends far enough from the reported value to show a few ticks of each variant.
    middle, reach = (a.p.p.low + a.p.p.high) / 2, 4 * (a.p.p.high - a.p.p.low)
    distances = [np.sort(np.abs(lattice.p - middle)) for lattice in lattices.values()]
    reach = max(reach, *(1.1 * d[min(2, d.size - 1)] for d in distances))
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    length, rows = high - low, []
    for variant, (u_values, p_values, _) in lattices.items():
        points = zip(u_values, p_values, strict=True)
        ticks = [((p - low) / length, u in matching_u[variant]) for u, p in points if low <= p <= high]
        rows.append((_SHORT[variant], variant == a.variant, ticks))
    # Closer to the ends of the axis, labels would be cut off.
    labels = [((p - low) / length, p) for p in _choose_labels(low + 0.04 * length, high - 0.07 * length)]
    attainable = ", ".join(_SHORT[variant] for variant in VARIANTS if matching_u[variant]) or "none"
    name = f"{plain(a.p.claim)}: P = {a.p.p.text}, {' and '.join(map(str, a.numbers))} participants"
    band = (a.p.p.low - low) / length, (a.p.p.high - low) / length
    return _render_macro("panel", f"{name}. Attainable without ties under: {attainable}.", band, rows, labels)


def _choose_labels(low: float, high: float) -> list[float]:
    """Return two to five round numbers to label an axis."""
    steps = 10 ** np.floor(np.log10((high - low) / 2)) * np.array([5, 2, 1, 0.5])
    candidates = (np.arange(np.ceil(low / step) * step, high, step) for step in steps)
    return [round(float(value), 6) for value in next(values for values in candidates if values.size > 1)]


def draw_matrix(assessments: list[Assessment]) -> str:
    """Draw all P-values in columns and the variants in rows: a full bar if attainable, a short bar if only with ties.

    Columns are grouped by the place that reports them; places with few P-values share one block.
    """
    places = [a.p.where for a in assessments]
    members: dict[str, list[Assessment]] = {}
    for a in assessments:
        members.setdefault(a.p.where if places.count(a.p.where) >= _LEAST_IN_BLOCK else "", []).append(a)
    columns: dict[int, Assessment] = {}
    blocks, start = [], 0
    for place, block in members.items():
        columns |= dict(enumerate(block, start))
        blocks.append((start, start + len(block), place or ("elsewhere" if len(members) > 1 else "")))
        start += len(block) + _GAP
    rows = []
    for variant in VARIANTS:
        fits = {column: a.p.fits(a.numbers, variant) for column, a in columns.items()}
        bars = [(column, "full" if plain.u else "half") for column, (plain, tied) in fits.items() if plain.u or tied.u]
        rows.append((_SHORT[variant], variant == assessments[0].variant, bars))
    return _render_macro("matrix", blocks, rows)
