"""Names and sentences for the conventions of an analysis, in notes, captions and methods."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from math import comb
from typing import Any

from .config.settings import Analysis
from .errors import UserError, did_you_mean
from .files import read_yaml_beside
from .formatting import text_engine
from .stats.two_sample import get_test
from .trial import Trial

_TEXTS = read_yaml_beside(__file__, "labels")
STATISTICS: dict[str, str] = _TEXTS["statistics"]
CHANGES: dict[str, str] = _TEXTS["changes"]
FORMULAS: dict[str, str] = _TEXTS["formulas"]
SEVERAL_STRATA = ("each", "descending")  # words that stand for several strata, see select_strata
_SUPERSCRIPTS = {"kg/m2": "kg/m²", "g/cm2": "g/cm²"}
_POINTS = {"%": "percentage points"}  # unit of the difference of percentages
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def format_unit(text: str) -> str:
    """Return a unit with its superscripts."""
    return _SUPERSCRIPTS.get(text, text)


def change_unit(measure: str, outcome_unit: str) -> str:
    """Return the unit of a change, or of the outcome at baseline."""
    unit = format_unit(outcome_unit)
    return {"percent_change": "%", "log_ratio": "log ratio", "difference": _POINTS.get(unit, unit)}.get(measure, unit)


def difference_unit(measure: str, outcome_unit: str) -> str:
    """Return the unit of a difference between the arms."""
    unit = change_unit(measure, outcome_unit)
    return _POINTS.get(unit, unit)


def change_decimals(measure: str, decimals: int) -> int:
    """Return the decimals of a change, or of the outcome at baseline; ``decimals`` are those of the outcome."""
    return {"percent_change": 1, "log_ratio": 3, "baseline": decimals}.get(measure, decimals + 1)


def uncapitalize(label: str) -> str:
    """Return a label for use within a sentence: ``radius BMD``, but ``CTx``, ``Fas`` and ``Beck Inventory`` unchanged."""
    first, *later_words = label.replace("-", " ").split(" ")
    is_common_noun = len(first) > 3 and first.isalpha() and first[1:].islower()
    is_title = any(word.istitle() and len(word) > 1 for word in later_words)
    return label[0].lower() + label[1:] if is_common_noun and not is_title else label


def join_words(words: Sequence[str], last: str = "and") -> str:
    """Join words as a sentence does: ``a``, ``a and b``, ``a, b and c``."""
    *initial, final = list(words) or [""]
    return f"{', '.join(initial)} {last} {final}" if initial else final


def spell_number(number: int) -> str:
    """Return a number as text, spelled out up to ten."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else f"{number:,}"


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun in the right form: ``one visit``, ``two visits``."""
    return f"{spell_number(number)} {noun}{'s' * (number != 1)}"


# Filters of templates of text, see text_engine.
WORD_FILTERS = {"listed": join_words, "within": uncapitalize, "counted": pluralize, "spelled": spell_number}


def age_group_label(group: str, trial: Trial) -> str:
    """Return the label of a group, such as ``population_under_60``, in which markers are correlated with age."""
    if trial.population is None or group == "participants":
        return "trial participants"
    cut = f"{trial.population.cut_age:g} {trial.outcomes[trial.population.age].unit}".rstrip()
    ages = {"under": f", under {cut}", "over": f", {cut} and over"}
    return trial.population.label + ages.get(group.removeprefix("population_").partition("_")[0], "")


def select_strata(selection: Iterable[str], labels: Sequence[str]) -> list[str]:
    """Return the strata that a selection denotes, each once; ``labels`` are those of all strata, the lowest first.

    ``highest``, ``lowest``, ``each`` (lowest first) and ``descending`` denote strata; any other word stays as it is.
    """
    strata = {"highest": labels[-1:], "lowest": labels[:1], "each": labels, "descending": labels[::-1]}
    return list(dict.fromkeys(label for word in selection for label in strata.get(word, [word])))


@cache
def _template(text: str):
    engine = text_engine(
        **WORD_FILTERS,
        labels=lambda keys, entries: [entries[key].label for key in keys],
        quoted=lambda texts: [f"“{text}”" for text in texts],
    )
    return engine.from_string(text, {"describe": describe, "changes": CHANGES})


def _render(text: str, values: Mapping[str, Any]) -> str:
    return " ".join(_template(text).render(values).split())


def describe(name: str, **values: Any) -> str:
    """Return a description of ``labels.yaml``, a sentence or a part of one, filled in with its ``values``."""
    return _render(_TEXTS["descriptions"][name], values)


def estimator_label(analysis: Analysis) -> str:
    """Return the name of the estimate that an analysis reports with P, such as ``Difference of means``."""
    return STATISTICS[get_test(analysis.test).estimate[0]]


def confidence_level(analysis: Analysis) -> str:
    """Return the level of the intervals, such as ``95%``."""
    return f"{100 * (1 - analysis.alpha):.10g}%"


def describe_small_groups(sizes: Iterable[Sequence[float]], scope: str, analysis: Analysis) -> str:
    """Return a sentence on the comparisons (n by arm) that are too small for an approximate P, or for an exact P <= alpha.

    It is empty if none is. ``scope`` states which comparisons are counted: ``of this table``.
    """
    limit, count = get_test(analysis.test).smallest, 0
    for n, m in sizes:
        is_out_of_reach = analysis.test == "exact" and n + m > 0 and 2 / comb(int(n + m), int(n)) > analysis.alpha
        count += is_out_of_reach or min(n, m) < limit
    return describe("small_groups", limit=limit, count=count, scope=scope, alpha=analysis.alpha)


def contrast_label(trial: Trial) -> str:
    """Return the difference of the arms as text, such as ``D+Q − control``."""
    return f"{trial.arms.treated.label} − {trial.arms.control.label}"


def caption_values(trial: Trial, analysis: Analysis) -> dict[str, str]:
    """Return the values of the placeholders in titles and captions."""
    test, marker = get_test(analysis.test), trial.markers.get(analysis.marker)
    values = {"trial": trial, "analysis": analysis, "test": test, "direction": contrast_label(trial)}
    values |= {"level": confidence_level(analysis), "marker": marker.label if marker else analysis.marker}
    return {name: _render(text, values) for name, text in _TEXTS["placeholders"].items()}


def replace_keys(text: str, trial: Trial, kept: Collection[str] = ()) -> str:
    """Replace the keys of the trial's description in a text, except ``kept`` words, by their labels, and _ by spaces."""
    groups = (trial.visits, trial.markers, trial.outcomes, trial.every_arm)  # a later one has precedence
    names = {key: entry.label for group in groups for key, entry in group.items()}
    names |= {key.replace("_", " "): visit.label for key, visit in trial.visits.items()}
    names = {key: label for key, label in names.items() if key not in kept}
    families = {k: x for k, x in trial.families.items() if k not in x.lower() and k not in {*names, *kept}}
    return _replace_words(_replace_words(text, names).replace("_", " "), families)


def _replace_words(text: str, labels: Mapping[str, str]) -> str:
    """Replace each whole word that is a key by its label, unless they differ in the capital letter alone."""
    keys = sorted((key for key in labels if labels[key] != key.capitalize()), key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, keys))})(?![\w+])")
    return pattern.sub(lambda match: labels[match[1]], text) if keys else text


def fill_placeholders(text: str, values: Mapping[str, str], place: str = "caption") -> str:
    """Replace the placeholders of a text, such as ``{treated}`` and ``{highest}``; UserError names an unknown one."""
    try:
        return text.strip().format_map(values)
    except KeyError as error:
        name = str(error).strip("'")
        raise UserError(f"{place}: no placeholder is called {{{name}}}{did_you_mean(name, values)}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{place}: {error}: {text.strip()[:60]}") from None
