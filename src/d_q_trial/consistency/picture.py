"""Pictures of the lattice as SVG: attainable P-values as ticks, the printed interval as a band, a row per variant."""

from __future__ import annotations

from html import escape

import numpy as np

from .assess import Assessment
from .lattice import VARIANTS, fit, fit_tied, lattice

SHORT = {
    "normal": "normal",
    "normal_continuity": "normal, corrected",
    "exact": "exact",
    "exact_mid_p": "exact, mid-p",
    "t": "t",
    "t_continuity": "t, corrected",
}
WIDTH, LEFT, ROW = 348, 122, 18  # in units of a pixel or so


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
    for p in _labels(low, high):
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
    for factor in (5, 2, 1):
        first = np.ceil(low / (step * factor)) * step * factor
        values = np.arange(first, high, step * factor)
        if 2 <= values.size <= 5:
            return [round(float(value), 6) for value in values]
    return [round((low + high) / 2, 6)]


def matrix(assessments: list[Assessment]) -> str:
    """Draw all P-values: a column each, a row per variant; full if attainable, half if only with ties."""
    cell, top = 226 / max(1, len(assessments)), 4
    height = top + ROW * len(VARIANTS) + 4
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Which printed P-values each variant can give; '
        'the counts are in the table below.">'
    ]
    for row, variant in enumerate(VARIANTS):
        y = top + ROW * row
        parts.append(f'<text x="{LEFT - 8}" y="{y + ROW / 2 + 4}" text-anchor="end">{SHORT[variant]}</text>')
        for column, a in enumerate(assessments):
            low, high = a.claim.low, a.claim.high
            if fit(low, high, a.n_first, a.n_second, variant).hits:
                kind, share = "full", 1.0
            elif a.claim.ties.weight and fit_tied(low, high, a.n_first, a.n_second, variant, a.claim.ties).u:
                kind, share = "half", 0.45
            else:
                continue
            h = (ROW - 3) * share
            parts.append(
                f'<rect class="{kind}" x="{LEFT + column * cell:.2f}" y="{y + ROW - 2 - h:.2f}" '
                f'width="{cell * 0.86:.2f}" height="{h:.2f}"/>'
            )
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{LEFT + 226}" y1="{y + ROW - 1.5}" y2="{y + ROW - 1.5}"/>')
    return "".join(parts) + "</svg>"
