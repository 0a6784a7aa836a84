"""The specification curve: all effects of a multiverse in order, the curves under permuted labels, and the options."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..config.settings import Analysis, Robustness
from ..formatting import format_number
from ..labels import describe
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from ..trial import Trial
from . import style

LEFT, CURVE, RIGHT = 50.0, 101.0, 28.0  # widths in millimetres: names, curve, numbers
HEADER, HEIGHT, GAP = 24.0, 62.0, 9.0  # heights: texts above the curve, the curve, down to the options
ROW, BETWEEN = 3.1, 1.4  # height of an option; gap between choices
WIDEST = 33.0  # of the name of an option
BINS = 312  # positions along the curve


def name_options(specifications: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Return the option of each specification, named as it is displayed, in a column for every choice.

    The options (categories) are in the order of the numbers of the specifications.
    """
    cuts = zip(specifications["marker"], specifications["cut"], strict=True)
    markers, overall = trial.markers, "all participants"
    subgroups = [f"{markers[key].label}, upper {100 * (1 - cut):.3g}%" if key else overall for key, cut in cuts]
    labels: dict[str, dict[str, str]] = {
        "outcome": {key: outcome.label for key, outcome in trial.outcomes.items()},
        "visit": {key: visit.label for key, visit in trial.visits.items()},
        "test": {key: get_test(key).label.removeprefix("normal approximation ") for key in specifications["test"]},
    }
    options = specifications.assign(subgroup=subgroups).sort_values("specification", kind="stable")
    for choice in (choices := list(style.load_texts()["choices"])):
        names = labels.get(choice, style.load_texts()["options"])
        named = options[choice].map(lambda key, names=names: names.get(key, key))
        options[choice] = pd.Categorical(named, categories=named.unique())
    return options[choices].loc[specifications.index]


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

    ``table`` and ``summary`` are those of :mod:`d_q_trial.robustness.multiverse`; ``band`` contains percentiles 2.5, 50
    and 97.5 of the permuted curves, each of shape (positions,). Effects with a two-sided P of at most ``alpha`` are marked
    as significant; ``label`` is that of data that must be marked. The ``reason`` for no multiverse is written instead.
    """
    with style.journal_style():
        if reason:
            page = style.Page(style.WIDTH_MM, 16, label)
            page.text(4, 8, f"No multiverse: {reason}.", size=style.BODY)
        else:
            ordered = table[table["effect"].notna()].sort_values(["effect", "specification"], kind="stable")
            options = name_options(ordered, trial)
            options = options.loc[:, options.nunique() > 1].rename(columns=style.load_texts()["choices"])
            height = ROW * options.nunique().sum() + BETWEEN * len(options.columns)
            page = style.Page(LEFT + CURVE + RIGHT + 4, HEADER + HEIGHT + GAP + height + 3.6, label)
            heading = style.render_text("specification_curve", "heading", **_select_overall(summary))
            first, second, third = heading.splitlines()
            page.text(2, 3.2, first, weight="bold", size=style.TITLE)
            page.text(2, 7.2, second, size=style.BODY)
            page.text(2, 10.6, third, color=style.QUIET)
            draw_curve(page.axes(LEFT, HEADER, CURVE, HEIGHT), ordered, band, alpha, trial)
            _draw_options(page, ordered, options, alpha)
        return page.save(stem, title=style.render_text("specification_curve", "title"))


def draw_curve(ax: Axes, ordered: pd.DataFrame, band: Sequence[np.ndarray], alpha: float, trial: Trial) -> None:
    """Draw the effects, smallest first, over the permuted curves: significant ones coloured, those of the analysis framed."""
    (low, middle, high), count = band, len(ordered)
    x, effect = np.arange(count) + 0.5, ordered["effect"].to_numpy(float)
    band_x = (np.arange(len(middle)) + 0.5) / len(middle) * count
    ax.fill_between(band_x, low, high, color="#e6e6e6", linewidth=0, label="permuted curves, pointwise 95%", zorder=0)
    ax.plot(band_x, middle, color=style.GRID, linewidth=0.8, label="median of permuted curves", zorder=1)
    ax.axhline(0.5, color=style.QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=1)
    significant = is_significant(ordered["p"], alpha)
    of_analysis, subgroup = ordered["own"].eq("yes").to_numpy(), ordered["marker"].ne("").to_numpy()
    plain = {"linewidth": 0, "zorder": 2, "rasterized": True}
    framed = {"s": 14, "facecolor": "white", "edgecolor": style.INK, "linewidth": 0.7, "zorder": 3}
    for members, label, look in (
        (~significant, f"P > {alpha:g}", plain | {"color": style.QUIET, "s": 1.6}),
        (significant & (effect < 0.5), f"P ≤ {alpha:g}, unfavourable", plain | {"color": style.CONTROL.edge, "s": 3.0}),
        (significant & (effect > 0.5), f"P ≤ {alpha:g}, favourable", plain | {"color": style.TREATED.face, "s": 3.0}),
        (of_analysis & ~subgroup, "the analysis's own, all participants", framed | {"marker": "o"}),
        (of_analysis & subgroup, "the analysis's own, subgroups", framed | {"marker": "D"}),
    ):
        if members.any():
            ax.scatter(x[members], effect[members], label=label, **look)
    ax.set(xlim=(0, count), xlabel="Specifications, in order of their effect")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    probability = f"Probability that a change is more favourable\nin {trial.arms.treated.label} than in the other arm"
    ax.set_ylabel(style.wrap_text(probability, HEIGHT, style.BODY))
    legend = {"loc": "lower right", "bbox_to_anchor": (1.1, 1), "ncols": 3, "frameon": False, "fontsize": style.SMALL}
    ax.legend(handletextpad=0.4, labelspacing=0.3, markerscale=1.2, **legend)


def _select_overall(summary: pd.DataFrame) -> dict[str, Any]:
    """Return the rows on the whole multiverse, which is the first family, by the name of the summary."""
    overall = summary[summary["family"].eq(summary["family"].iloc[0])]
    return {row.summary: row for row in overall.itertuples(index=False)}


def _draw_options(page: style.Page, ordered: pd.DataFrame, options: pd.DataFrame, alpha: float) -> None:
    """Draw a strip per option, dark where many specifications take it, with the numbers of the option at the right."""
    ordered = ordered.assign(favourable=is_significant(ordered["p"], alpha) & ordered["effect"].gt(0.5))
    bins = np.arange(len(ordered)) * min(BINS, len(ordered)) // len(ordered)  # along the curve
    top, quiet = HEADER + HEIGHT + GAP, {"ha": "right", "color": style.QUIET}
    effects_right, shares_right = LEFT + CURVE + 11, LEFT + CURVE + 27  # columns of numbers
    page.text(effects_right, top - 1, "median\neffect", va="bottom", **quiet)
    page.text(shares_right, top - 1, "significant,\nfavourable", va="bottom", **quiet)
    for choice, column in options.items():
        count = len(column.cat.categories)
        ax = page.axes(LEFT, top, CURVE, ROW * count)
        # Grey where the options are spread evenly; black where one occurs at least twice as often.
        shades = pd.crosstab(bins, column.array, normalize="index").T * count / 2
        look = {"cmap": "Greys", "vmin": 0, "vmax": 1, "aspect": "auto", "interpolation": "nearest"}
        ax.imshow(shades, extent=(0, len(ordered), count, 0), **look)
        ax.hlines(range(1, count), 0, len(ordered), color="white", linewidth=0.8)
        ax.axis("off")
        page.text(2, top + ROW / 2, choice, weight="bold")
        by_option = ordered.groupby(column, observed=True)
        effects = by_option["effect"].quantile(0.5, interpolation="lower")  # as in multiverse.csv
        for option, share in by_option["favourable"].mean().items():
            page.text(LEFT - 1.2, top + ROW / 2, style.truncate(option, WIDEST), ha="right")
            page.text(effects_right, top + ROW / 2, format_number(effects[option], 2), **quiet)
            page.text(shares_right, top + ROW / 2, f"{format_number(100 * share, 1)}%", **quiet)
            top += ROW
        top += BETWEEN


def describe_multiverse(
    table: pd.DataFrame, summary: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness, reason: str
) -> dict[str, Any]:
    """Describe ``multiverse.csv``, ``choices_variance.csv`` and ``specification_curve.png`` for the report.

    In the description of the curve, ``varied`` names the choices with several options, and ``fixed`` states the options
    of the other choices.
    """
    if reason:
        none = dict.fromkeys(("caption", "words"), style.render_text("specification_curve", "none", reason=reason))
        return {"specification_curve": {"title": style.render_text("specification_curve", "title")} | none}
    drawn = table[table["effect"].notna()]
    values = _select_overall(summary) | {"trial": trial, "alpha": analysis.alpha, "settings": robustness}
    remain = int(is_significant(drawn["p_adjusted"], analysis.alpha).sum())
    values |= {"drawn": drawn, "own": drawn[drawn["own"].eq("yes")], "remain": remain}
    options, names = name_options(drawn, trial), style.load_texts()["combined"]
    single = {name: options[key].iloc[0] for key, name in names.items() if options[key].nunique() == 1}
    values |= {"single": single, "analysis": analysis, "excluded": describe("excluded", analysis=analysis)}
    values["beyond"] = describe("ranges", limit=robustness.multiverse.outlier_limit)
    values["fixed"] = style.render_text("specification_curve", "fixed", **values)
    parts = {"specification_curve": ("title", "caption", "words", "fixed")}
    parts |= dict.fromkeys(("multiverse", "choices_variance"), ("title", "caption"))
    described = {
        key: {part: style.render_text(key, part, **values) for part in wanted} for key, wanted in parts.items()
    }
    described["specification_curve"]["varied"] = [name for name in names.values() if name not in single]
    return described
