"""The specification curve: all effects of a multiverse in order, what permuted arms give, and the choices below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..formatting import number, p_value
from ..stats.checks import is_significant
from . import style

if TYPE_CHECKING:
    import pandas as pd

    from ..trial import Trial

LEFT, CURVE, RIGHT = 47.0, 104.0, 28.0  # millimetres: names, curve, numbers
HEAD, HEIGHT, GAP = 15.0, 62.0, 7.0
ROW, BETWEEN = 3.1, 1.4
BINS = 312
BAND = "#e6e6e6"

WORDS = {
    "percent": "percent change",
    "log_ratio": "log ratio",
    "difference": "difference",
    "keep": "kept",
    "trim": "trimmed",
    "winsorise": "winsorised",
    "available": "left out",
    "last_carried_forward": "last value carried forward",
    "no_change": "taken as no change",
    "intention_to_treat": "intention to treat",
    "completers": "completers",
    "normal": "normal approximation",
    "normal_continuity": "with continuity correction",
}
CHOICES = (
    ("outcome", "Outcome"),
    ("visit", "Visit"),
    ("subgroup", "Participants"),
    ("change", "Change"),
    ("test", "Test"),
    ("outliers", "Outliers"),
    ("missing", "Missing values"),
    ("population", "Population"),
)


@dataclass(frozen=True)
class Option:
    """One option of a choice: its name, and the specifications that take it (bool, in the order of the curve)."""

    choice: str
    name: str
    members: np.ndarray


def options_of(ordered: pd.DataFrame, trial: Trial) -> list[list[Option]]:
    """List the options of each choice that has more than one, for specifications in the order of the curve."""
    groups = []
    for key, title in CHOICES:
        names = _names(ordered, key, trial)
        first = ordered["specification"].to_numpy()
        order = dict.fromkeys(names[np.argsort(first, kind="stable")])
        if len(order) > 1:
            groups.append([Option(title, name, names == name) for name in order])
    return groups


def draw_specification_curve(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    band: Sequence[np.ndarray],
    trial: Trial,
    stem: Path | str,
    *,
    alpha: float,
    label: str | None,
    reason: str = "",
) -> list[Path]:
    """Draw the multiverse and write ``stem``.pdf and ``stem``.png.

    Parameters
    ----------
    table, summary : pandas.DataFrame
        As :mod:`d_q_trial.robustness.multiverse` makes them.
    band : three arrays of shape (places,)
        Percentiles 2.5, 50 and 97.5 of the permuted curves.
    trial : Trial
    stem : path
    alpha : float
        Two-sided P below which an effect is marked as significant.
    label : str or None
        How the data have to be marked.
    reason : str
        Why there is no multiverse; then the picture says so and nothing else.

    Returns
    -------
    list of Path
        The files.
    """
    with style.settings():
        if reason:
            page = style.Page(style.WIDTHS_MM["double"], 16, label)
            page.canvas().text(4, 8, f"No multiverse: {reason}.", va="center_baseline")
            return page.save(stem, title="Specification curve")
        ordered = table[table["effect"].notna()].sort_values(["effect", "specification"], kind="stable")
        groups = options_of(ordered, trial)
        rows = sum(map(len, groups))
        below = ROW * rows + BETWEEN * max(0, len(groups) - 1)
        page = style.Page(LEFT + CURVE + RIGHT + 4, HEAD + HEIGHT + GAP + below + 5, label)
        canvas = page.canvas()
        _heading(canvas, table, summary)
        top = page.axes(LEFT, HEAD, CURVE, HEIGHT)
        draw_curve(top, ordered, band, alpha, trial)
        _choices(page, canvas, ordered, groups, HEAD + HEIGHT + GAP, alpha)
        return page.save(stem, title="Specification curve")


def draw_curve(ax, ordered: pd.DataFrame, band: Sequence[np.ndarray], alpha: float, trial: Trial):
    """Draw the effects in order over the band of permuted curves; significant ones coloured, own ones framed.

    Parameters
    ----------
    ax : matplotlib Axes
    ordered : pandas.DataFrame
        Specifications with an effect, smallest first.
    band : three arrays of shape (places,)
    alpha : float
    trial : Trial

    Returns
    -------
    matplotlib Axes
    """
    low, middle, high = band
    count = len(ordered)
    x, effect = np.arange(count) + 0.5, ordered["effect"].to_numpy(float)
    places = (np.arange(len(middle)) + 0.5) / len(middle) * count
    ax.fill_between(places, low, high, color=BAND, linewidth=0, label="95% of permuted curves", zorder=0)
    ax.plot(places, middle, color=style.GRID, linewidth=0.8, label="median of permuted curves", zorder=1).pop()
    ax.axhline(0.5, color=style.QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=1)
    significant = is_significant(ordered["p"], alpha)
    for members, colour, text, size in (
        (~significant, style.QUIET, f"P > {alpha:g}", 1.6),
        (significant & (effect < 0.5), style.CONTROL.edge, f"P ≤ {alpha:g}, unfavourable", 3.0),
        (significant & (effect > 0.5), style.TREATED.face, f"P ≤ {alpha:g}, favourable", 3.0),
    ):
        if members.any():
            ax.scatter(
                x[members], effect[members], s=size, color=colour, linewidth=0, label=text, zorder=2, rasterized=True
            )
    own = ordered["own"].eq("yes").to_numpy()
    subgroup = ordered["marker"].ne("").to_numpy()
    for members, marker, text in (
        (own & ~subgroup, "o", "the analysis's own, all participants"),
        (own & subgroup, "D", "the analysis's own, subgroups"),
    ):
        if members.any():
            ax.scatter(
                x[members],
                effect[members],
                s=14,
                marker=marker,
                facecolor="white",
                edgecolor=style.INK,
                linewidth=0.7,
                label=text,
                zorder=3,
            )
    ax.set_xlim(0, count)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set_ylabel(f"Chance that a change is more favourable\nin {trial.arms.treated.label} than in the other arm")
    ax.legend(
        loc="upper left", frameon=False, fontsize=style.SMALL, handletextpad=0.4, labelspacing=0.3, markerscale=1.2
    )
    return ax


def _names(ordered: pd.DataFrame, key: str, trial: Trial) -> np.ndarray:
    if key == "outcome":
        return np.array([trial.outcomes[value].label for value in ordered["outcome"]], dtype=object)
    if key == "visit":
        return np.array([trial.visits[value].label for value in ordered["visit"]], dtype=object)
    if key == "subgroup":
        return np.array(
            [
                f"{trial.markers[marker].label}, upper {100 * (1 - cut):.3g}%" if marker else "all participants"
                for marker, cut in zip(ordered["marker"], ordered["cut"], strict=True)
            ],
            dtype=object,
        )
    return np.array([WORDS.get(value, value) for value in ordered[key]], dtype=object)


def _heading(canvas, table: pd.DataFrame, summary: pd.DataFrame) -> None:
    whole = summary[summary["family"].eq(summary["family"].iloc[0])].set_index("summary")
    count, tests = int(whole["specifications"].iloc[0]), int(whole["tests"].iloc[0])
    first = f"{count:,} specifications, {tests:,} different tests"
    draws = int(whole["permutations"].iloc[0])
    share, expected = whole.loc["share_significant", ["value", "permuted_mean"]]
    second = (
        f"Median effect {number(whole.loc['median_effect', 'value'], 2)} ({p_value(whole.loc['median_effect', 'p'])});  "
        f"significant and favourable {number(100 * share, 1)}%, {number(100 * expected, 1)}% when arms are permuted "
        f"({p_value(whole.loc['share_significant', 'p'])});  "
        f"mean z {number(whole.loc['mean_z', 'value'], 2)} ({p_value(whole.loc['mean_z', 'p'])})"
    )
    canvas.text(2, 3.2, first, va="center_baseline", weight="bold", size=style.TITLE)
    canvas.text(2, 7.2, second, va="center_baseline")
    third = f"P one-sided, from {draws:,} permutations of the arm labels of all specifications together."
    canvas.text(2, 10.6, third, va="center_baseline", size=style.SMALL, color=style.QUIET)


def _choices(page, canvas, ordered: pd.DataFrame, groups: list[list[Option]], top: float, alpha: float) -> None:
    """Draw a strip per option, dark where many specifications take it, with its own numbers at the right."""
    effect, p = ordered["effect"].to_numpy(float), ordered["p"].to_numpy(float)
    favourable = is_significant(p, alpha) & (effect > 0.5)
    right = LEFT + CURVE
    for edge, heading in ((11, "median\neffect"), (27, "significant,\nfavourable")):
        canvas.text(right + edge, top - 1, heading, ha="right", va="bottom", size=style.SMALL, color=style.QUIET)
    for options in groups:
        # Grey where the options are spread evenly; black where one is there twice as often, or more.
        shades = np.array([_density(option.members) for option in options]) * len(options) / 2
        ax = page.axes(LEFT, top, CURVE, ROW * len(options))
        ax.imshow(
            shades,
            cmap="Greys",
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
            extent=(0, len(ordered), len(options), 0),
        )
        for edge in range(1, len(options)):
            ax.axhline(edge, color="white", linewidth=0.8)
        ax.axis("off")
        canvas.text(2, top + ROW / 2, options[0].choice, va="center_baseline", weight="bold", size=style.SMALL)
        for place, option in enumerate(options):
            y = top + ROW * (place + 0.5)
            canvas.text(LEFT - 1.2, y, option.name, ha="right", va="center_baseline", size=style.SMALL)
            middle, share = np.median(effect[option.members]), favourable[option.members].mean()
            canvas.text(
                right + 11, y, number(middle, 2), ha="right", va="center_baseline", size=style.SMALL, color=style.QUIET
            )
            canvas.text(
                right + 27,
                y,
                f"{number(100 * share, 1)}%",
                ha="right",
                va="center_baseline",
                size=style.SMALL,
                color=style.QUIET,
            )
        top += ROW * len(options) + BETWEEN


def _density(members: np.ndarray) -> np.ndarray:
    """Share of the specifications at each place along the curve that take an option."""
    bins = min(BINS, members.size)
    place = np.arange(members.size) * bins // members.size
    return np.bincount(place, weights=members, minlength=bins) / np.bincount(place, minlength=bins)
