"""The specification curve: all effects of a multiverse in order, what permuted arms give, and the choices below."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..formatting import number, p_value
from ..labels import CHANGES, fill
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from . import style
from .catalogue import captions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

LEFT, CURVE, RIGHT = 47.0, 104.0, 28.0  # millimetres: names, curve, numbers
HEAD, HEIGHT, GAP = 15.0, 62.0, 7.0
ROW, BETWEEN = 3.1, 1.4
WIDEST = 30  # letters of a name
BINS = 312
BAND = "#e6e6e6"

CHOICES = {
    "outcome": "Outcome",
    "visit": "Visit",
    "subgroup": "Participants",
    "change": "Change",
    "test": "Test",
    "outliers": "Outliers",
    "missing": "Missing values",
    "population": "Population",
}
WORDS = CHANGES | {
    "percent": CHANGES["percent_change"],
    "keep": "kept",
    "trim": "trimmed",
    "winsorise": "winsorised",
    "available": "left out",
    "last_carried_forward": "last value carried forward",
    "no_change": "taken as no change",
    "intention_to_treat": "intention to treat",
}


@dataclass(frozen=True)
class Option:
    """One option of a choice: its name, and the specifications that take it (bool, in the order of the curve)."""

    choice: str
    name: str
    members: np.ndarray


def options_of(ordered: pd.DataFrame, trial: Trial) -> list[list[Option]]:
    """List the options of each choice that has more than one, for specifications in the order of the curve."""
    groups = []
    for key, title in CHOICES.items():
        names = np.array(_names(ordered, key, trial), dtype=object)
        order = dict.fromkeys(names[np.argsort(ordered["specification"].to_numpy(), kind="stable")])
        if len(order) > 1:
            groups.append([Option(title, name, names == name) for name in order])
    return groups


def _names(ordered: pd.DataFrame, key: str, trial: Trial) -> list[str]:
    """Return the name of each specification's option of a choice."""
    if key == "subgroup":
        return [
            f"{trial.markers[marker].label}, upper {100 * (1 - cut):.3g}%" if marker else "all participants"
            for marker, cut in zip(ordered["marker"], ordered["cut"], strict=True)
        ]
    known = {"outcome": trial.outcomes, "visit": trial.visits}.get(key)
    if known:
        return [known[value].label for value in ordered[key]]
    if key == "test":
        names = {value: textwrap.fill(get_test(value).label, WIDEST) for value in ordered[key].unique()}
        return [names[value] for value in ordered[key]]
    return [WORDS.get(value, value) for value in ordered[key]]


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
    """
    with style.settings():
        if reason:
            page = style.Page(style.WIDTHS_MM["double"], 16, label)
            style.write(page.canvas(), 4, 8, f"No multiverse: {reason}.", size=style.BODY)
            return page.save(stem, title=captions()["specification_curve"]["title"])
        ordered = table[table["effect"].notna()].sort_values(["effect", "specification"], kind="stable")
        groups = options_of(ordered, trial)
        below = sum(_row_height(options) * len(options) for options in groups) + BETWEEN * max(0, len(groups) - 1)
        page = style.Page(LEFT + CURVE + RIGHT + 4, HEAD + HEIGHT + GAP + below + 5, label)
        canvas = page.canvas()
        _heading(canvas, _whole(summary))
        draw_curve(page.axes(LEFT, HEAD, CURVE, HEIGHT), ordered, band, alpha, trial)
        _choices(page, canvas, ordered, groups, alpha)
        return page.save(stem, title=captions()["specification_curve"]["title"])


def draw_curve(ax: Axes, ordered: pd.DataFrame, band: Sequence[np.ndarray], alpha: float, trial: Trial) -> None:
    """Draw the effects in order over the band of permuted curves; significant ones coloured, own ones framed.

    Parameters
    ----------
    ax : matplotlib Axes
    ordered : pandas.DataFrame
        Specifications with an effect, smallest first.
    band : three arrays of shape (places,)
    alpha : float
    trial : Trial
    """
    low, middle, high = band
    count = len(ordered)
    x, effect = np.arange(count) + 0.5, ordered["effect"].to_numpy(float)
    places = (np.arange(len(middle)) + 0.5) / len(middle) * count
    ax.fill_between(places, low, high, color=BAND, linewidth=0, label="95% of permuted curves", zorder=0)
    ax.plot(places, middle, color=style.GRID, linewidth=0.8, label="median of permuted curves", zorder=1)
    ax.axhline(0.5, color=style.QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=1)
    significant = is_significant(ordered["p"], alpha)
    own, subgroup = ordered["own"].eq("yes").to_numpy(), ordered["marker"].ne("").to_numpy()
    plain = {"linewidth": 0, "zorder": 2, "rasterized": True}
    framed = {"s": 14, "facecolor": "white", "edgecolor": style.INK, "linewidth": 0.7, "zorder": 3}
    worse, better = significant & (effect < 0.5), significant & (effect > 0.5)
    for members, label, look in (
        (~significant, f"P > {alpha:g}", plain | {"color": style.QUIET, "s": 1.6}),
        (worse, f"P ≤ {alpha:g}, unfavourable", plain | {"color": style.CONTROL.edge, "s": 3.0}),
        (better, f"P ≤ {alpha:g}, favourable", plain | {"color": style.TREATED.face, "s": 3.0}),
        (own & ~subgroup, "the analysis's own, all participants", framed | {"marker": "o"}),
        (own & subgroup, "the analysis's own, subgroups", framed | {"marker": "D"}),
    ):
        if members.any():
            ax.scatter(x[members], effect[members], label=label, **look)
    ax.set(xlim=(0, count), xticks=[])
    ax.spines["bottom"].set_visible(False)
    ax.set_ylabel(f"Chance that a change is more favourable\nin {trial.arms.treated.label} than in the other arm")
    key = {"loc": "upper left", "frameon": False, "fontsize": style.SMALL}
    for text in ax.legend(handletextpad=0.4, labelspacing=0.3, markerscale=1.2, **key).get_texts():
        style.italic_p(text)


def _whole(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the summaries of the whole multiverse, which come first, by name."""
    return summary[summary["family"].eq(summary["family"].iloc[0])].set_index("summary")


def _heading(canvas: Axes, whole: pd.DataFrame) -> None:
    sizes, value = whole.iloc[0], whole["value"]
    p = {name: p_value(found) for name, found in whole["p"].items()}
    expected = number(100 * whole.loc["share_significant", "permuted_mean"], 1)
    first = f"{int(sizes['specifications']):,} specifications, {int(sizes['tests']):,} different tests"
    second = (
        f"Median effect {number(value['median_effect'], 2)} ({p['median_effect']});  "
        f"significant and favourable {number(100 * value['share_significant'], 1)}%, {expected}% when arms are permuted "
        f"({p['share_significant']});  mean z {number(value['mean_z'], 2)} ({p['mean_z']})"
    )
    draws = int(sizes["permutations"])
    third = f"P one-sided, from {draws:,} permutations of the arm labels of all specifications together."
    style.write(canvas, 2, 3.2, first, weight="bold", size=style.TITLE)
    style.italic_p(style.write(canvas, 2, 7.2, second, size=style.BODY))
    style.italic_p(style.write(canvas, 2, 10.6, third, color=style.QUIET))


def _choices(page: style.Page, canvas: Axes, ordered: pd.DataFrame, groups: list[list[Option]], alpha: float) -> None:
    """Draw a strip per option, dark where many specifications take it, with its own numbers at the right."""
    effect = ordered["effect"].to_numpy(float)
    favourable = is_significant(ordered["p"].to_numpy(float), alpha) & (effect > 0.5)
    top, quiet = HEAD + HEIGHT + GAP, {"ha": "right", "color": style.QUIET}
    columns = (LEFT + CURVE + 11, LEFT + CURVE + 27)
    for x, heading in zip(columns, ("median\neffect", "significant,\nfavourable"), strict=True):
        style.write(canvas, x, top - 1, heading, va="bottom", **quiet)
    for options in groups:
        # Grey where the options are spread evenly; black where one is there twice as often, or more.
        shades = np.array([_density(option.members) for option in options]) * len(options) / 2
        row = _row_height(options)
        ax = page.axes(LEFT, top, CURVE, row * len(options))
        look = {"cmap": "Greys", "vmin": 0, "vmax": 1, "aspect": "auto", "interpolation": "nearest"}
        ax.imshow(shades, extent=(0, len(ordered), len(options), 0), **look)
        for edge in range(1, len(options)):
            ax.axhline(edge, color="white", linewidth=0.8)
        ax.axis("off")
        style.write(canvas, 2, top + row / 2, options[0].choice, weight="bold")
        for place, option in enumerate(options):
            y, share = top + row * (place + 0.5), favourable[option.members].mean()
            style.write(canvas, LEFT - 1.2, y, option.name, ha="right", linespacing=1.0)
            style.write(canvas, columns[0], y, number(np.median(effect[option.members]), 2), **quiet)
            style.write(canvas, columns[1], y, f"{number(100 * share, 1)}%", **quiet)
        top += row * len(options) + BETWEEN


def _row_height(options: list[Option]) -> float:
    return ROW * max(1 + option.name.count("\n") for option in options)


def _density(members: np.ndarray) -> np.ndarray:
    """Share of the specifications at each place along the curve that take an option."""
    bins = min(BINS, members.size)
    place = np.arange(members.size) * bins // members.size
    return np.bincount(place, weights=members, minlength=bins) / np.bincount(place, minlength=bins)


def describe_multiverse(
    table: pd.DataFrame, summary: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness, reason: str
) -> dict[str, dict[str, str]]:
    """Describe ``multiverse.csv``, ``choices_variance.csv`` and ``specification_curve.png``, as the report reads it."""
    texts = {name: dict(captions()[name]) for name in ("specification_curve", "multiverse", "choices_variance")}
    curve = texts["specification_curve"]
    if reason:
        return {
            "specification_curve": curve | dict.fromkeys(("caption", "words"), f"There is no multiverse: {reason}.")
        }
    whole, minimum = _whole(summary), robustness.minimum_per_arm
    sizes = {name: int(whole[name].iloc[0]) for name in ("combinations", "left_out", "too_small", "specifications")}
    few = f"{sizes['too_small']:,} with fewer than {minimum} participants in an arm" if sizes["too_small"] else ""
    none = f"{sizes['left_out']:,} that no labels could give enough" if sizes["left_out"] else ""
    without = " and ".join(filter(None, (few, none)))
    favoured = ", ".join(f"{way} {trial.outcomes[key].label}" for key, way in robustness.multiverse.outcomes.items())
    words = {"treated": trial.arms.treated.label, "favoured": favoured, "alpha": analysis.alpha, "minimum": minimum}
    words |= sizes | {"without": f", without {without}" if without else ""}
    for text in texts.values():
        text["caption"] = fill(text["caption"], words)
    curve["words"] = _curve_in_words(table, whole, analysis)
    return texts


def _curve_in_words(table: pd.DataFrame, whole: pd.DataFrame, analysis: Analysis) -> str:
    drawn = table[table["effect"].notna()]
    own = drawn[drawn["own"].eq("yes")]
    adjusted = int(is_significant(drawn["p_adjusted"], analysis.alpha).sum())
    value, p = whole["value"], whole["p"]
    words = (
        f"Curve of {len(drawn):,} effects from {number(drawn['effect'].min(), 2)} to {number(drawn['effect'].max(), 2)}; "
        f"median {number(value['median_effect'], 2)}, {p_value(p['median_effect'])}; "
        f"{number(100 * value['share_significant'], 1)}% significant in the favoured direction, "
        f"{p_value(p['share_significant'])}; mean z {number(value['mean_z'], 2)}, {p_value(p['mean_z'])}. "
        f"After adjustment for the whole multiverse {adjusted or 'none'} "
        f"{'remain' if adjusted != 1 else 'remains'} significant; the smallest adjusted value is "
        f"{p_value(drawn['p_adjusted'].min())}."
    )
    if len(own):
        low, high = (number(end, 2) for end in (own["effect"].min(), own["effect"].max()))
        words += f" The analysis' own {len(own)} effects lie between {low} and {high}."
    return words
