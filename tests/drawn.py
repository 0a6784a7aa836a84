"""Find the texts of a drawn figure, and those that are cut off or overlap."""

from matplotlib.text import Text

from d_q_trial.figures import style


def lengthen_labels(trial):
    """Return the trial with labels of about 40 characters; outcomes have 60 and visits 25."""
    arms = {"treated": "Fluticasone propionate 250 µg twice daily", "control": "Matching placebo inhaler, twice daily"}
    arms = {key: getattr(trial.arms, key).model_copy(update={"label": label}) for key, label in arms.items()}

    def lengthen(entries, length=40):
        suffix = "measured in the morning after a fast, by the central laboratory"
        return {k: e.model_copy(update={"label": f"{e.label} {suffix}"[:length].strip()}) for k, e in entries.items()}

    families = {key: f"{label} of the whole body and skeleton"[:40].strip() for key, label in trial.families.items()}
    changes = {"arms": trial.arms.model_copy(update=arms), "families": families, "markers": lengthen(trial.markers)}
    changes |= {"outcomes": lengthen(trial.outcomes, 60), "visits": lengthen(trial.visits, 25)}
    return trial.model_copy(update=changes)


def list_texts(figure):
    """List all texts that are drawn, except labels of ticks outside the axes and of axes that are switched off."""
    hidden = set()
    for ax in [*figure.axes, *(inner for outer in figure.axes for inner in outer.child_axes)]:
        for dimension, (low, high), axis in ((0, ax.get_xlim(), ax.xaxis), (1, ax.get_ylim(), ax.yaxis)):
            for label in axis.get_ticklabels(which="both"):
                if not ax.axison or not low <= label.get_position()[dimension] <= high:
                    hidden.add(label)
    unique_texts = dict.fromkeys(figure.findobj(Text))
    return [text for text in unique_texts if text.get_visible() and text.get_text() and text not in hidden]


def find_faults(figure):
    """List texts that the page cuts off and pairs that overlap, except two slanted texts, which are parallel."""
    figure.set_dpi(style.PNG_DPI)
    figure.draw_without_rendering()
    (width, height), problems = figure.bbox.size, []
    boxes = [(text.get_text(), text.get_window_extent(), text.get_rotation() % 90) for text in list_texts(figure)]
    for index, (text, box, angle) in enumerate(boxes):
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height:
            problems.append(text)
        for earlier_text, earlier_box, earlier_angle in boxes[:index]:
            if earlier_text != "//" and not (angle and earlier_angle) and box.overlaps(earlier_box):
                problems.append((text, earlier_text))
    return problems
