"""Draw SVG figures: attainable P-values of one claim, and all P-values by variant.

This module selects what is drawn, as fractions of an axis; the template ``consistency.svg.j2`` has all lengths.
"""

from collections.abc import Callable

import numpy as np

from ..pages import template_engine
from . import VARIANTS, WORDS
from .inference import Assessment
from .lattice import attainable_p_values

SHORT: dict[str, str] = WORDS["short"]
_LEAST_IN_BLOCK, _GAP = 5, 2  # fewest P-values of a place with a separate block, and columns between blocks


def _render_macro(name: str, *values: object) -> str:
    return str(getattr(template_engine().get_template("consistency.svg.j2").module, name)(*values))


def draw_panel(a: Assessment, plain: Callable[[str], str] = str) -> str:
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
        rows.append((SHORT[variant], variant == a.variant, ticks))
    # Closer to the ends of the axis, labels would be cut off.
    labels = [((p - low) / length, p) for p in _choose_labels(low + 0.04 * length, high - 0.07 * length)]
    attainable = ", ".join(SHORT[variant] for variant in VARIANTS if matching_u[variant]) or "none"
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
        rows.append((SHORT[variant], variant == assessments[0].variant, bars))
    return _render_macro("matrix", blocks, rows)
