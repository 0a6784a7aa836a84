"""What a drawn figure shows: its texts, and whether any is cut off or overprinted."""

from matplotlib.text import Text

from d_q_trial.figures import style


def with_long_labels(trial):
    """The trial with labels of about 40 letters, of outcomes 60 and of visits 25."""
    arms = {"treated": "Fluticasone propionate 250 µg twice daily", "control": "Matching placebo inhaler, twice daily"}
    arms = {which: getattr(trial.arms, which).model_copy(update={"label": label}) for which, label in arms.items()}

    def longer(entries, letters=40):
        more = "measured in the morning after a fast, by the central laboratory"
        return {k: e.model_copy(update={"label": f"{e.label} {more}"[:letters].strip()}) for k, e in entries.items()}

    families = {key: f"{label} of the whole body and skeleton"[:40].strip() for key, label in trial.families.items()}
    changed = {"arms": trial.arms.model_copy(update=arms), "families": families, "markers": longer(trial.markers)}
    return trial.model_copy(
        update=changed | {"outcomes": longer(trial.outcomes, 60), "visits": longer(trial.visits, 25)}
    )


def texts(figure):
    """All texts that are drawn: not those of ticks outside the axes, nor of axes that are switched off."""
    hidden = set()
    for ax in [*figure.axes, *(inner for outer in figure.axes for inner in outer.child_axes)]:
        for place, (low, high), axis in ((0, ax.get_xlim(), ax.xaxis), (1, ax.get_ylim(), ax.yaxis)):
            for label in axis.get_ticklabels(which="both"):
                if not ax.axison or not low <= label.get_position()[place] <= high:
                    hidden.add(label)
    found = dict.fromkeys(figure.findobj(Text))
    return [text for text in found if text.get_visible() and text.get_text() and text not in hidden]


def faults(figure):
    """Texts that the page cuts off, and pairs that overlap; of slanted ones, which are parallel, the box says nothing."""
    figure.set_dpi(style.PNG_DPI)
    figure.draw_without_rendering()
    (width, height), found = figure.bbox.size, []
    boxes = [(text.get_text(), text.get_window_extent(), text.get_rotation() % 90) for text in texts(figure)]
    for index, (name, box, slanted) in enumerate(boxes):
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height:
            found.append(name)
        before = [(other, area) for other, area, too in boxes[:index] if other != "//" and not (slanted and too)]
        found += [(name, other) for other, area in before if box.overlaps(area)]
    return found
