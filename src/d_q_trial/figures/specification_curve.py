"""The specification curve: all effects of a multiverse in order, the curves under permuted labels, and the choices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..formatting import format_number
from ..labels import describe_ranges
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from . import style
from .words import load_texts, render_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

LEFT, CURVE, RIGHT = 50.0, 101.0, 28.0  # millimetres: names, curve, numbers
HEAD, HEIGHT, GAP = 24.0, 62.0, 9.0
ROW, BETWEEN = 3.1, 1.4
WIDEST = 33.0  # millimetres of a name
BINS = 312  # places along the curve


def name_options(specifications: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Return the option that each specification takes, named as it is shown, in a column for every choice."""
    subgroups = [
        f"{trial.markers[marker].label}, upper {100 * (1 - cut):.3g}%" if marker else "all participants"
        for marker, cut in zip(specifications["marker"], specifications["cut"], strict=True)
    ]
    names: dict[str, dict[str, str]] = {
        "outcome": {key: outcome.label for key, outcome in trial.outcomes.items()},
        "visit": {key: visit.label for key, visit in trial.visits.items()},
        "test": {name: get_test(name).label for name in specifications["test"].unique()},
    }
    table = specifications.assign(subgroup=subgroups)[list(load_texts()["choices"])]
    named = table.apply(lambda taken: taken.replace(names.get(taken.name, load_texts()["options"])))
    return named.apply(lambda taken: taken.map({name: style.wrap_text(name, WIDEST) for name in taken.unique()}))


def options_of(ordered: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Return the option that each specification takes, in a column for every choice that has more than one.

    Columns and options are named as they are shown; the options (categories) are in the order of the specifications.
    """
    table = name_options(ordered.sort_values("specification", kind="stable"), trial)
    columns = {load_texts()["choices"][choice]: taken for choice, taken in table.items() if taken.nunique() > 1}
    taken = {title: pd.Categorical(column, categories=column.unique()) for title, column in columns.items()}
    return pd.DataFrame(taken, index=table.index).loc[ordered.index]


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

    ``table`` and ``summary`` are those of :mod:`d_q_trial.robustness.multiverse`; ``band`` holds percentiles 2.5, 50
    and 97.5 of the permuted curves, each of shape (places,). Effects with a two-sided P of at most ``alpha`` are marked
    as significant; ``label`` is that of data that have to be marked. A ``reason`` for no multiverse is drawn instead.
    """
    with style.journal_style():
        if reason:
            page = style.Page(style.WIDTH_MM, 16, label)
            page.text(4, 8, f"No multiverse: {reason}.", size=style.BODY)
        else:
            ordered = table[table["effect"].notna()].sort_values(["effect", "specification"], kind="stable")
            choices = options_of(ordered, trial)
            below = sum(_row(taken) * len(taken.cat.categories) + BETWEEN for _, taken in choices.items())
            page = style.Page(LEFT + CURVE + RIGHT + 4, HEAD + HEIGHT + GAP + below + 3.6, label)
            first, second, third = render_text("specification_curve", "heading", **_whole(summary)).splitlines()
            page.text(2, 3.2, first, weight="bold", size=style.TITLE)
            page.text(2, 7.2, second, size=style.BODY)
            page.text(2, 10.6, third, color=style.QUIET)
            draw_curve(page.axes(LEFT, HEAD, CURVE, HEIGHT), ordered, band, alpha, trial)
            _choices(page, ordered, choices, alpha)
        return page.save(stem, title=render_text("specification_curve", "title"))


def draw_curve(ax: Axes, ordered: pd.DataFrame, band: Sequence[np.ndarray], alpha: float, trial: Trial) -> None:
    """Draw the effects, smallest first, over the band of permuted curves; significant ones coloured, own ones framed."""
    (low, middle, high), count = band, len(ordered)
    x, effect = np.arange(count) + 0.5, ordered["effect"].to_numpy(float)
    places = (np.arange(len(middle)) + 0.5) / len(middle) * count
    ax.fill_between(places, low, high, color="#e6e6e6", linewidth=0, label="permuted curves, pointwise 95%", zorder=0)
    ax.plot(places, middle, color=style.GRID, linewidth=0.8, label="median of permuted curves", zorder=1)
    ax.axhline(0.5, color=style.QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=1)
    significant = is_significant(ordered["p"], alpha)
    own, subgroup = ordered["own"].eq("yes").to_numpy(), ordered["marker"].ne("").to_numpy()
    plain = {"linewidth": 0, "zorder": 2, "rasterized": True}
    framed = {"s": 14, "facecolor": "white", "edgecolor": style.INK, "linewidth": 0.7, "zorder": 3}
    for members, label, look in (
        (~significant, f"P > {alpha:g}", plain | {"color": style.QUIET, "s": 1.6}),
        (significant & (effect < 0.5), f"P ≤ {alpha:g}, unfavourable", plain | {"color": style.CONTROL.edge, "s": 3.0}),
        (significant & (effect > 0.5), f"P ≤ {alpha:g}, favourable", plain | {"color": style.TREATED.face, "s": 3.0}),
        (own & ~subgroup, "the analysis's own, all participants", framed | {"marker": "o"}),
        (own & subgroup, "the analysis's own, subgroups", framed | {"marker": "D"}),
    ):
        if members.any():
            ax.scatter(x[members], effect[members], label=label, **look)
    ax.set(xlim=(0, count), xlabel="Specifications, in order of their effect")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    chance = f"Probability that a change is more favourable\nin {trial.arms.treated.label} than in the other arm"
    ax.set_ylabel(style.wrap_text(chance, HEIGHT, style.BODY))
    key = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 3, "frameon": False, "fontsize": style.SMALL}
    ax.legend(handletextpad=0.4, labelspacing=0.3, markerscale=1.2, **key)


def _whole(summary: pd.DataFrame) -> dict[str, Any]:
    """Return the rows of the whole multiverse, which come first, by the name of the summary."""
    whole = summary[summary["family"].eq(summary["family"].iloc[0])]
    return {row.summary: row for row in whole.itertuples(index=False)}


def _choices(page: style.Page, ordered: pd.DataFrame, choices: pd.DataFrame, alpha: float) -> None:
    """Draw a strip per option, dark where many specifications take it, with its own numbers at the right."""
    ordered = ordered.assign(favourable=is_significant(ordered["p"], alpha) & ordered["effect"].gt(0.5))
    place = np.arange(len(ordered)) * min(BINS, len(ordered)) // len(ordered)  # along the curve
    top, quiet = HEAD + HEIGHT + GAP, {"ha": "right", "color": style.QUIET}
    first, second = LEFT + CURVE + 11, LEFT + CURVE + 27  # columns of numbers
    page.text(first, top - 1, "median\neffect", va="bottom", **quiet)
    page.text(second, top - 1, "significant,\nfavourable", va="bottom", **quiet)
    for choice, taken in choices.items():
        row, count = _row(taken), len(taken.cat.categories)
        ax = page.axes(LEFT, top, CURVE, row * count)
        # Grey where the options are spread evenly; black where one occurs at least twice as often.
        shades = pd.crosstab(place, taken.array, normalize="index").T * count / 2
        look = {"cmap": "Greys", "vmin": 0, "vmax": 1, "aspect": "auto", "interpolation": "nearest"}
        ax.imshow(shades, extent=(0, len(ordered), count, 0), **look)
        ax.hlines(range(1, count), 0, len(ordered), color="white", linewidth=0.8)
        ax.axis("off")
        page.text(2, top + row / 2, choice, weight="bold")
        found = ordered.groupby(taken, observed=True).agg({"effect": "median", "favourable": "mean"})
        for index, (name, effect, share) in enumerate(found.itertuples()):
            middle = top + row * (index + 0.5)
            page.text(LEFT - 1.2, middle, name, ha="right", linespacing=1.0)
            page.text(first, middle, format_number(effect, 2), **quiet)
            page.text(second, middle, f"{format_number(100 * share, 1)}%", **quiet)
        top += row * count + BETWEEN


def _row(taken: pd.Series) -> float:
    """Return the height of the strips of a choice, in millimetres."""
    return ROW * max(1 + name.count("\n") for name in taken.cat.categories)


def describe_multiverse(
    table: pd.DataFrame, summary: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness, reason: str
) -> dict[str, Any]:
    """Describe ``multiverse.csv``, ``choices_variance.csv`` and ``specification_curve.png`` for the report.

    Of the curve, ``varied`` names the choices with several options, and ``fixed`` says which options the others have.
    """
    if reason:
        none = dict.fromkeys(("caption", "words"), render_text("specification_curve", "none", reason=reason))
        return {"specification_curve": {"title": render_text("specification_curve", "title")} | none}
    drawn = table[table["effect"].notna()]
    values = _whole(summary) | {"trial": trial, "alpha": analysis.alpha, "settings": robustness, "drawn": drawn}
    remain = int(is_significant(drawn["p_adjusted"], analysis.alpha).sum())
    values |= {"own": drawn[drawn["own"].eq("yes")], "remain": remain}
    named, words = name_options(drawn, trial), load_texts()["combined"]
    single = {words[choice]: named[choice].iloc[0] for choice in words if named[choice].nunique() == 1}
    values |= {"single": single, "analysis": analysis, "beyond": describe_ranges(robustness.multiverse.outlier_limit)}
    values["fixed"] = render_text("specification_curve", "fixed", **values)
    parts = {"specification_curve": ("title", "caption", "words", "fixed")}
    parts |= dict.fromkeys(("multiverse", "choices_variance"), ("title", "caption"))
    described: dict[str, Any] = {n: {p: render_text(n, p, **values) for p in kept} for n, kept in parts.items()}
    described["specification_curve"]["varied"] = [choice for choice in words.values() if choice not in single]
    return described
