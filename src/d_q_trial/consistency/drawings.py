"""Drawings as SVG: attainable P-values of one claim, all P-values by variant, and candidate group sizes."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np

from . import VARIANTS
from .inference import Assessment, Option
from .lattice import lattice

SHORT = {
    "normal": "normal",
    "normal_continuity": "normal, corrected",
    "exact": "exact",
    "exact_mid_p": "exact, mid-p",
    "t": "t",
    "t_continuity": "t, corrected",
}
WIDTH, LEFT, ROW = 348, 122, 18  # in pixels
_WIDE = 1000  # of the drawing of all P-values
_BLOCK, _GAP = 5, 2  # fewest P-values of a place with a block of its own, columns between blocks
_PROBABLE = 0.01  # probability from which a pair of numbers is drawn dark
_EDGE = 1e-12  # rounding error of a P-value


class _Svg:
    """A drawing under construction; coordinates in pixels."""

    def __init__(self, width: float, height: float, description: str):
        self.parts = [f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(description)}">']

    def line(self, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
        self.parts.append(f'<line class="{kind}" x1="{x1:.4g}" y1="{y1:.4g}" x2="{x2:.4g}" y2="{y2:.4g}"/>')

    def bar(self, kind: str, x: float, y: float, width: float, height: float) -> None:
        self.parts.append(f'<rect class="{kind}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"/>')

    def text(self, x: float, y: float, words: object, anchor: str = "middle", *, bold: bool = False) -> None:
        kind = ' class="chosen"' if bold else ""
        self.parts.append(f'<text{kind} x="{x:.2f}" y="{y:g}" text-anchor="{anchor}">{escape(str(words))}</text>')

    def __str__(self) -> str:
        return "".join(self.parts) + "</svg>"


def panel(a: Assessment, plain: Callable[[str], str] = str) -> str:
    """Draw one reported P: the band of values that round to it, and the P-values that each variant can give nearby.

    A tick inside the band is drawn tall and thick, so that colour is not needed to see it.
    """
    grids = {variant: lattice(*a.numbers, variant).p for variant in VARIANTS}
    inside = {variant: (p >= a.p.low - _EDGE) & (p <= a.p.high + _EDGE) for variant, p in grids.items()}
    shown = ", ".join(SHORT[variant] for variant in VARIANTS if inside[variant].any()) or "none"
    low, high = _window(a.p.low, a.p.high, grids)
    top, bottom = 6, 6 + ROW * len(VARIANTS)
    scale = (WIDTH - LEFT - 8) / (high - low)
    name = f"{plain(a.p.claim)}: P = {a.p.p.text}, {a.n_first} and {a.n_second} participants"
    svg = _Svg(WIDTH, bottom + 22, f"{name}. Attainable without ties under: {shown}.")
    svg.bar("band", LEFT + (a.p.low - low) * scale, top, max(1.5, (a.p.high - a.p.low) * scale), bottom - top)
    for row, variant in enumerate(VARIANTS):
        middle = top + ROW * row + ROW / 2
        svg.text(LEFT - 8, middle + 4, SHORT[variant], "end", bold=variant == a.variant)
        svg.line("axis", LEFT, middle, WIDTH - 8, middle)
        for p, hit in zip(grids[variant], inside[variant], strict=True):
            if low <= p <= high:
                x, reach = LEFT + (p - low) * scale, 7 if hit else 4
                svg.line("hit" if hit else "tick", x, middle - reach, x, middle + reach)
    for p in _labels(low + 8 / scale, high - 14 / scale):  # closer to the ends the text would be cut off
        x = LEFT + (p - low) * scale
        svg.line("axis", x, bottom, x, bottom + 4)
        svg.text(x, bottom + 17, f"{p:.3g}")
    return str(svg)


def _window(low: float, high: float, grids: dict[str, np.ndarray]) -> tuple[float, float]:
    """Return a stretch of P around the reported value that holds a few ticks of each variant."""
    middle, reach = (low + high) / 2, 4 * (high - low)
    for p in grids.values():
        near = np.sort(np.abs(p - middle))
        reach = max(reach, 1.1 * near[min(2, near.size - 1)])
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _labels(low: float, high: float) -> list[float]:
    """Return two to five round numbers of an axis."""
    step = 10 ** np.floor(np.log10((high - low) / 2))
    for factor in (5, 2, 1, 0.5):
        values = np.arange(np.ceil(low / (step * factor)) * step * factor, high, step * factor)
        if 2 <= values.size <= 5:
            return [round(float(value), 6) for value in values]
    return [round((low + high) / 2, 6)]


def matrix(assessments: list[Assessment]) -> str:
    """Draw all P-values: a column each, a row per variant; full if attainable, short if only with ties.

    Columns are grouped by the place that reports them; places with few P-values share one block.
    """
    blocks: dict[str, list[Assessment]] = {}
    for a in assessments:
        count = sum(other.p.where == a.p.where for other in assessments)
        blocks.setdefault(a.p.where if count >= _BLOCK else "", []).append(a)
    columns = len(assessments) + _GAP * (len(blocks) - 1)
    cell, bottom = min(16.0, (_WIDE - LEFT - 40) / columns), 4 + ROW * len(VARIANTS)
    words = "Which reported P-values each variant can give; the counts are in the table below."
    svg = _Svg(_WIDE, bottom + 20, words)
    for row, variant in enumerate(VARIANTS):
        base, left, reached = 4 + ROW * (row + 1), float(LEFT), 0
        for block in blocks.values():
            for column, a in enumerate(block):
                plain, tied = a.p.fits(*a.numbers, variant)
                reached += bool(plain.u)
                if plain.u or tied.u:
                    height = (ROW - 3) * (1 if plain.u else 0.4)
                    kind = "full" if plain.u else "half"
                    svg.bar(kind, left + column * cell, base - 2 - height, cell * 0.86, height)
            svg.line("axis", left, base - 1.5, left + cell * len(block), base - 1.5)
            left += cell * (len(block) + _GAP)
        bold = variant == assessments[0].variant
        svg.text(LEFT - 8, base - ROW / 2 + 4, SHORT[variant], "end", bold=bold)
        svg.text(LEFT + cell * columns + 8, base - ROW / 2 + 4, reached, "start", bold=bold)
    left = float(LEFT)
    for where, block in blocks.items():
        svg.text(left, bottom + 14, where or ("elsewhere" if len(blocks) > 1 else ""), "start")
        left += cell * (len(block) + _GAP)
    return str(svg)


def candidates(options: list[Option]) -> str:
    """Draw every pair of unreported numbers: a bar for the P-values attainable there, dark if the pair is probable."""
    ordered = sorted(options, key=lambda o: (o.n_first, o.n_second))
    tall, top = 70, 16
    step = (WIDTH - 16) / len(ordered)
    width = min(step * 0.7, 18)
    shown = ", ".join(f"{o.n_first} and {o.n_second}" for o in options if o.probability > _PROBABLE)
    svg = _Svg(WIDTH, top + tall + 34, f"Attainable P-values by pair of numbers; probable: {shown}.")
    svg.line("axis", 8, top + tall, WIDTH - 8, top + tall)
    for i, o in enumerate(ordered):
        middle, height, dark = 8 + step * (i + 0.5), tall * o.attainable / o.p_values, o.probability > _PROBABLE
        svg.bar("full" if dark else "half", middle - width / 2, top + tall - height, width, height)
        if step >= 13:
            svg.text(middle, top + tall - height - 3, o.attainable, bold=dark)
            svg.text(middle, top + tall + 13, o.n_first, bold=dark)
            svg.text(middle, top + tall + 27, o.n_second, bold=dark)
    return str(svg)
