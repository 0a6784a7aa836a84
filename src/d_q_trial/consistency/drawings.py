"""Drawings as SVG: attainable P-values of one claim, all P-values by variant, and candidate group sizes.

What is drawn where is worked out here; ``consistency.svg.j2`` draws it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..pages import template_engine
from . import VARIANTS, WORDS
from .inference import Assessment, Option
from .lattice import attainable_p_values

SHORT: dict[str, str] = WORDS["short"]
WIDTH, LEFT, ROW, WIDE = 348, 122, 18, 1000  # in pixels; WIDE is the drawing of all P-values
_PROBABLE = 0.01  # probability from which a pair of numbers is drawn dark
_BLOCK, _GAP = 5, 2  # fewest P-values of a place with a block of its own, columns between blocks


def _drawn(name: str, *values: object) -> str:
    sizes = {"WIDTH": WIDTH, "LEFT": LEFT, "ROW": ROW, "WIDE": WIDE}
    return str(getattr(template_engine().get_template("consistency.svg.j2", globals=sizes).module, name)(*values))


def draw_panel(a: Assessment, plain: Callable[[str], str] = str) -> str:
    """Draw one reported P: the band of values that round to it, and the P-values that each variant can give nearby.

    A tick inside the band is drawn tall and thick, so that colour is not needed to see it.
    """
    grids = {variant: attainable_p_values(*a.numbers, variant) for variant in VARIANTS}
    fitting = {variant: a.p.fits(a.numbers, variant)[0].u for variant in VARIANTS}
    # A stretch of P around the reported value that holds a few ticks of each variant.
    middle, reach = (a.p.p.low + a.p.p.high) / 2, 4 * (a.p.p.high - a.p.p.low)
    near = [np.sort(np.abs(grid.p - middle)) for grid in grids.values()]
    reach = max(reach, *(1.1 * distances[min(2, distances.size - 1)] for distances in near))
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    scale = (WIDTH - LEFT - 8) / (high - low)

    def at(p):
        return LEFT + (p - low) * scale

    rows = []
    for variant, grid in grids.items():
        ticks = [(at(p), u in fitting[variant]) for u, p in zip(grid.u, grid.p, strict=True) if low <= p <= high]
        rows.append((SHORT[variant], variant == a.variant, ticks))
    labels = [(at(p), p) for p in _labels(low + 8 / scale, high - 14 / scale)]  # closer to the ends text is cut off
    attainable = ", ".join(SHORT[variant] for variant in VARIANTS if fitting[variant]) or "none"
    name = f"{plain(a.p.claim)}: P = {a.p.p.text}, {' and '.join(map(str, a.numbers))} participants"
    band = at(a.p.p.low), (a.p.p.high - a.p.p.low) * scale
    return _drawn("panel", f"{name}. Attainable without ties under: {attainable}.", band, rows, labels)


def _labels(low: float, high: float) -> list[float]:
    """Return two to five round numbers of an axis."""
    step = 10 ** np.floor(np.log10((high - low) / 2))
    every = (np.arange(np.ceil(low / (step * k)) * step * k, high, step * k) for k in (5, 2, 1, 0.5))
    return [round(float(value), 6) for value in next(values for values in every if values.size > 1)]


def draw_matrix(assessments: list[Assessment]) -> str:
    """Draw all P-values: a column each, a row per variant; full if attainable, short if only with ties.

    Columns are grouped by the place that reports them; places with few P-values share one block.
    """
    places = [a.p.where for a in assessments]
    members: dict[str, list[Assessment]] = {}
    for a in assessments:
        members.setdefault(a.p.where if places.count(a.p.where) >= _BLOCK else "", []).append(a)
    columns: dict[int, Assessment] = {}
    blocks, start = [], 0
    for where, own in members.items():
        columns |= dict(enumerate(own, start))
        blocks.append((start, start + len(own), where or ("elsewhere" if len(members) > 1 else "")))
        start += len(own) + _GAP
    rows = []
    for variant in VARIANTS:
        fits = {column: a.p.fits(a.numbers, variant) for column, a in columns.items()}
        bars = [(column, "full" if plain.u else "half") for column, (plain, tied) in fits.items() if plain.u or tied.u]
        rows.append((SHORT[variant], variant == assessments[0].variant, bars))
    return _drawn("matrix", blocks, rows, min(16.0, (WIDE - LEFT - 40) / blocks[-1][1]))


def draw_candidates(options: list[Option]) -> str:
    """Draw every pair of unreported numbers: a bar for the P-values attainable there, dark if the pair is probable."""
    shown = ", ".join(f"{o.n_first} and {o.n_second}" for o in options if o.probability > _PROBABLE)
    ordered = sorted(options, key=lambda o: (o.n_first, o.n_second))
    description = f"Attainable P-values by pair of numbers; probable: {shown}."
    return _drawn("candidates", description, [(o, o.probability > _PROBABLE) for o in ordered])
