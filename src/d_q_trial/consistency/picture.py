"""Pictures of the lattice as SVG: attainable P-values as ticks, the printed interval as a band, a row per variant."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .assess import Assessment
from .lattice import VARIANTS, fit, fit_tied, lattice

if TYPE_CHECKING:
    from .variants import Option

SHORT = {
    "normal": "normal",
    "normal_continuity": "normal, corrected",
    "exact": "exact",
    "exact_mid_p": "exact, mid-p",
    "t": "t",
    "t_continuity": "t, corrected",
}
WIDTH, LEFT, ROW = 348, 122, 18  # in units of a pixel or so
_WIDE = 1000  # of the picture of all P-values
_BLOCK, _GAP = 5, 2  # fewest P-values of a place with a block of its own, columns between blocks
_PROBABLE = 0.01  # probability from which a pair of numbers is drawn dark


def panel(assessment: Assessment) -> str:
    """Draw one printed P: the band of values that print so, and what each variant can give nearby.

    A tick inside the band is drawn tall and thick, so that colour is not needed to see it.
    """
    claim = assessment.claim
    grids = {v: lattice(assessment.n_first, assessment.n_second, v).p for v in VARIANTS}
    low, high = _window(claim.low, claim.high, grids)
    top, height = 6, 6 + ROW * len(VARIANTS) + 22

    def x(p: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 8) * (p - low) / (high - low), 2)

    bottom = top + ROW * len(VARIANTS)
    label = f"{claim.claim}: P = {claim.p.text}, {assessment.n_first} and {assessment.n_second} participants"
    hits = [SHORT[v] for v in VARIANTS if ((grids[v] >= claim.low - 1e-12) & (grids[v] <= claim.high + 1e-12)).any()]
    shown = ", ".join(hits) or "none"
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(label)}. Attainable without ties under: {shown}.">',
        f'<rect class="band" x="{x(claim.low)}" y="{top}" width="{max(1.5, x(claim.high) - x(claim.low)):.2f}" '
        f'height="{bottom - top}"/>',
    ]
    for row, variant in enumerate(VARIANTS):
        middle = top + ROW * row + ROW / 2
        chosen = ' class="chosen"' if variant == assessment.variant else ""
        parts.append(f'<text{chosen} x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{SHORT[variant]}</text>')
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 8}" y1="{middle}" y2="{middle}"/>')
        for p in grids[variant][(grids[variant] >= low) & (grids[variant] <= high)]:
            inside = claim.low - 1e-12 <= p <= claim.high + 1e-12
            reach = 7 if inside else 4
            kind = "hit" if inside else "tick"
            parts.append(f'<line class="{kind}" x1="{x(p)}" x2="{x(p)}" y1="{middle - reach}" y2="{middle + reach}"/>')
    scale = (high - low) / (WIDTH - LEFT - 8)
    for p in _labels(low + 8 * scale, high - 14 * scale):  # nearer to the ends the text would be cut off
        parts.append(f'<line class="axis" x1="{x(p)}" x2="{x(p)}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(f'<text x="{x(p)}" y="{bottom + 17}" text-anchor="middle">{p:.3g}</text>')
    return "".join(parts) + "</svg>"


def _window(low: float, high: float, grids: dict[str, np.ndarray]) -> tuple[float, float]:
    """A stretch of P around the printed value that holds a few ticks of each variant."""
    middle = (low + high) / 2
    reach = 4 * (high - low)
    for p in grids.values():
        near = np.sort(np.abs(p - middle))
        reach = max(reach, 1.1 * near[min(2, near.size - 1)])
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _labels(low: float, high: float) -> list[float]:
    step = 10 ** np.floor(np.log10((high - low) / 2))
    for factor in (5, 2, 1, 0.5):
        first = np.ceil(low / (step * factor)) * step * factor
        values = np.arange(first, high, step * factor)
        if 2 <= values.size <= 5:
            return [round(float(value), 6) for value in values]
    return [round((low + high) / 2, 6)]


def matrix(assessments: list[Assessment]) -> str:
    """Draw all P-values: a column each, a row per variant; full if attainable, short if only with ties.

    Columns are gathered by the place that prints them; places with few P-values share one block.
    """
    blocks: dict[str, list[Assessment]] = {}
    for a in assessments:
        count = sum(other.claim.where == a.claim.where for other in assessments)
        blocks.setdefault(a.claim.where if count >= _BLOCK else "", []).append(a)
    cell = min(16.0, (_WIDE - LEFT - 40) / (len(assessments) + _GAP * (len(blocks) - 1)))
    top, bottom = 4, 4 + ROW * len(VARIANTS)
    parts = [
        f'<svg viewBox="0 0 {_WIDE} {bottom + 20}" role="img" aria-label="Which printed P-values each variant can '
        'give; the counts are in the table below.">'
    ]
    ends = LEFT + cell * (len(assessments) + _GAP * (len(blocks) - 1))
    for row, variant in enumerate(VARIANTS):
        y = top + ROW * row
        left, reached = float(LEFT), 0
        for block in blocks.values():
            for column, a in enumerate(block):
                kind, share = _reach(a, variant)
                reached += kind == "full"
                if kind:
                    h = (ROW - 3) * share
                    parts.append(
                        f'<rect class="{kind}" x="{left + column * cell:.2f}" y="{y + ROW - 2 - h:.2f}" '
                        f'width="{cell * 0.86:.2f}" height="{h:.2f}"/>'
                    )
            right = left + cell * len(block)
            parts.append(
                f'<line class="axis" x1="{left:.2f}" x2="{right:.2f}" y1="{y + ROW - 1.5}" y2="{y + ROW - 1.5}"/>'
            )
            left = right + cell * _GAP
        chosen = ' class="chosen"' if variant == assessments[0].variant else ""
        parts.append(f'<text{chosen} x="{LEFT - 8}" y="{y + ROW / 2 + 4}" text-anchor="end">{SHORT[variant]}</text>')
        parts.append(f'<text{chosen} x="{ends + 8:.2f}" y="{y + ROW / 2 + 4}">{reached}</text>')
    left = float(LEFT)
    for where, block in blocks.items():
        name = where or ("elsewhere" if len(blocks) > 1 else "")
        parts.append(f'<text x="{left:.2f}" y="{bottom + 14}">{escape(name)}</text>')
        left += cell * (len(block) + _GAP)
    return "".join(parts) + "</svg>"


def _reach(a: Assessment, variant: str) -> tuple[str, float]:
    """Class and height of a bar: full without ties, short with ties only, none."""
    if fit(a.claim.low, a.claim.high, a.n_first, a.n_second, variant).hits:
        return "full", 1.0
    if a.claim.ties.weight and fit_tied(a.claim.low, a.claim.high, a.n_first, a.n_second, variant, a.claim.ties).u:
        return "half", 0.4
    return "", 0.0


def candidates(options: list[Option]) -> str:
    """Draw every pair of unprinted numbers: a bar for the P-values attainable there, dark if the pair is probable."""
    ordered = sorted(options, key=lambda o: (o.n_first, o.n_second))
    total, tall, top = ordered[0].total, 70, 16
    step = (WIDTH - 16) / len(ordered)
    width = f"{min(step * 0.7, 18):.2f}"
    shown = ", ".join(f"{o.n_first} and {o.n_second}" for o in options if o.probability > _PROBABLE)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {top + tall + 34}" role="img" aria-label="Attainable P-values by pair of numbers; '
        f'probable: {shown}.">',
        f'<line class="axis" x1="8" x2="{WIDTH - 8}" y1="{top + tall}" y2="{top + tall}"/>',
    ]
    for i, o in enumerate(ordered):
        middle, h = 8 + step * (i + 0.5), tall * o.attainable / total
        kind, chosen = ("full", ' class="chosen"') if o.probability > _PROBABLE else ("half", "")
        parts.append(
            f'<rect class="{kind}" x="{middle - float(width) / 2:.2f}" y="{top + tall - h:.2f}" width="{width}" height="{h:.2f}"/>'
        )
        if step >= 13:
            parts.append(
                f'<text{chosen} x="{middle:.2f}" y="{top + tall - h - 3:.2f}" text-anchor="middle">{o.attainable}</text>'
            )
            for line, n in enumerate((o.n_first, o.n_second)):
                parts.append(
                    f'<text{chosen} x="{middle:.2f}" y="{top + tall + 13 + 14 * line}" text-anchor="middle">{n}</text>'
                )
    return "".join(parts) + "</svg>"
