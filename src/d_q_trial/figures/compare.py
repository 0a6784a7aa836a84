"""One picture of all analyses: P-values as a table that shows what flips, effects beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..compare import GAINED, LOST, NOT_MADE, REVERSED
from ..formatting import p_digits
from ..results_table import ALL_PARTICIPANTS
from . import style

if TYPE_CHECKING:
    import pandas as pd

    from ..trial import Trial

ROW, HEAD, LEFT, COLUMN, EFFECTS = 4.2, 24.0, 60.0, 13.0, 56.0  # millimetres
FAVOURS_TREATED, FAVOURS_CONTROL = style.TREATED.tint, style.CONTROL.tint
_MARKERS = ("o", "^", "v", "<", ">", "P", "X", "h", "*", "d", "p", "8")


def draw_comparison(
    comparisons: pd.DataFrame,
    shown: list[tuple],
    left_out: int,
    trial: Trial,
    reference: str,
    stem: Path | str,
    *,
    label: str | None,
) -> list[Path]:
    """Draw every shown comparison in every analysis and write ``stem``.pdf and ``stem``.png.

    Parameters
    ----------
    comparisons : pandas.DataFrame
        As :func:`d_q_trial.compare.compare_tests` makes it.
    shown, left_out
        As :func:`d_q_trial.compare.rows_to_draw` chooses them.
    trial : Trial
    reference : str
        Name of the analysis that the others are compared with.
    stem : path
    label : str or None
        How the data have to be marked.

    Returns
    -------
    list of Path
        The files.
    """
    analyses = list(dict.fromkeys(comparisons["analysis"]))
    analyses = [reference, *(name for name in analyses if name != reference)]
    width = max(style.WIDTHS_MM["double"], LEFT + COLUMN * len(analyses) + EFFECTS + 8)
    height = HEAD + ROW * len(shown) + 16
    with style.settings():
        page = style.Page(width, height, label)
        found = {(row.outcome, row.visit, row.place, row.analysis): row for row in comparisons.itertuples(index=False)}
        canvas = page.canvas()
        _headings(canvas, analyses, reference)
        _names(canvas, shown, trial)
        for number, key in enumerate(shown):
            for column, name in enumerate(analyses):
                _cell(canvas, number, column, found.get((*key, name)))
        left = LEFT + COLUMN * len(analyses) + 6
        effects = page.axes(left, HEAD, width - left - 4, ROW * len(shown))
        draw_effects(effects, [[found.get((*key, name)) for name in analyses] for key in shown], analyses, trial)
        _key(canvas, HEAD + ROW * len(shown) + 3, left_out, trial)
        return page.save(stem, title="Analyses compared")


def _headings(canvas, analyses: list[str], reference: str) -> None:
    for column, name in enumerate(analyses):
        text = canvas.text(
            LEFT + COLUMN * (column + 0.5), HEAD - 2, name.replace("_", " "), rotation=40, ha="left", va="bottom"
        )
        text.set_rotation_mode("anchor")
        text.set_weight("bold" if name == reference else "normal")


def _names(canvas, shown: list[tuple], trial: Trial) -> None:
    before = None
    for number, (outcome, visit, place) in enumerate(shown):
        middle = HEAD + ROW * (number + 0.5)
        if outcome != before:
            canvas.text(2, middle, trial.outcomes[outcome].label, va="center_baseline", weight="bold")
            canvas.plot([2, LEFT - 1], [HEAD + ROW * number] * 2, color=style.GRID, linewidth=0.4)
            before = outcome
        canvas.text(32, middle, trial.visits[visit].label, va="center_baseline", size=style.SMALL)
        name = "all" if place == ALL_PARTICIPANTS else place
        canvas.text(45, middle, name, va="center_baseline", size=style.SMALL)


def _cell(canvas, number: int, column: int, row) -> None:
    """Draw one P-value: shaded if significant, by the arm with the larger changes; framed if it flips."""
    from matplotlib.patches import Rectangle

    left, top = LEFT + COLUMN * column, HEAD + ROW * number
    absent = row is None or row.conclusion == NOT_MADE
    flips = not absent and row.conclusion in (LOST, GAINED, REVERSED)
    face = "white"
    if not absent and row.significant == "yes":
        face = FAVOURS_TREATED if row.mann_whitney_effect > 0.5 else FAVOURS_CONTROL
    box = Rectangle((left, top), COLUMN, ROW, facecolor=face, edgecolor="#e3e3e3", linewidth=0.4)
    canvas.add_patch(box)
    if flips:
        frame = Rectangle(
            (left + 0.35, top + 0.35), COLUMN - 0.7, ROW - 0.7, facecolor="none", edgecolor=style.INK, linewidth=1.0
        )
        frame.set_gid("flip")
        canvas.add_patch(frame)
    text = "–" if absent else p_digits(row.p)
    weight = "bold" if not absent and row.significant == "yes" else "normal"
    written = canvas.text(
        left + COLUMN / 2, top + ROW / 2, text, ha="center", va="center_baseline", size=style.SMALL, weight=weight
    )
    written.set_gid("p")


def draw_effects(ax, rows: list[list], analyses: list[str], trial: Trial):
    """Draw the Mann-Whitney effects: a line per comparison, a mark per analysis, the reference in full colour.

    Parameters
    ----------
    ax : matplotlib Axes
    rows : list of list
        Per comparison, what each analysis found (None where it has none); the reference first.
    analyses : list of str
    trial : Trial

    Returns
    -------
    matplotlib Axes
    """
    for number, row in enumerate(rows):
        known = [(i, entry.mann_whitney_effect) for i, entry in enumerate(row) if entry is not None]
        known = [(i, effect) for i, effect in known if effect == effect]
        if not known:
            continue
        effects = [effect for _, effect in known]
        ax.plot([min(effects), max(effects)], [number, number], color=style.GRID, linewidth=0.6, zorder=1)
        for i, effect in known:
            first = i == 0
            ax.plot(
                effect,
                number,
                marker="s" if first else _MARKERS[(i - 1) % len(_MARKERS)],
                markersize=3.6 if first else 3.2,
                markerfacecolor=style.TREATED.face if first else "white",
                markeredgecolor=style.TREATED.edge if first else style.QUIET,
                markeredgewidth=0.6,
                linestyle="none",
                zorder=3 if first else 2,
            )
    ax.axvline(0.5, color=style.QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=0)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    treated, control = trial.arms.treated.label, trial.arms.control.label
    ax.set_xlabel(f"Chance that a change in {treated}\nexceeds one in {control}")
    handles = [
        ax.plot(
            [],
            [],
            linestyle="none",
            marker="s" if i == 0 else _MARKERS[(i - 1) % len(_MARKERS)],
            markersize=3.4,
            markerfacecolor=style.TREATED.face if i == 0 else "white",
            markeredgecolor=style.TREATED.edge if i == 0 else style.QUIET,
            markeredgewidth=0.6,
            label=name.replace("_", " "),
        )[0]
        for i, name in enumerate(analyses)
    ]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2 if len(handles) > 5 else 1,
        frameon=False,
        fontsize=style.SMALL,
        handletextpad=0.2,
        columnspacing=0.8,
        borderaxespad=0.2,
        labelspacing=0.25,
    )
    return ax


def _key(canvas, top: float, left_out: int, trial: Trial) -> None:
    from matplotlib.patches import Rectangle

    items = (
        (FAVOURS_TREATED, "#e3e3e3", 0.4, f"significant, larger changes in {trial.arms.treated.label}"),
        (FAVOURS_CONTROL, "#e3e3e3", 0.4, f"significant, larger changes in {trial.arms.control.label}"),
        ("white", style.INK, 1.0, "conclusion differs from the first column"),
    )
    for number, (face, edge, line, text) in enumerate(items):
        y = top + 3.2 * number
        canvas.add_patch(Rectangle((2, y), 4, 2.4, facecolor=face, edgecolor=edge, linewidth=line))
        canvas.text(7.5, y + 1.2, text, va="center_baseline", size=style.SMALL)
    if left_out:
        note = f"{left_out} more comparisons, whose conclusion no analysis changes, are not shown."
        canvas.text(2, top + 3.2 * len(items) + 1.2, note, va="center_baseline", size=style.SMALL, color=style.QUIET)
