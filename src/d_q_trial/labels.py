"""Names and sentences for the conventions of an analysis, in notes, captions and methods."""

import re
from collections.abc import Iterable, Mapping, Sequence

from .config.settings import Analysis, StrataRule
from .errors import UserError, did_you_mean
from .files import read_yaml_beside
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


def age_group_label(group: str, trial: Trial) -> str:
    """Return the label of a group, such as ``population_under_60``, in which markers are correlated with age."""
    if trial.population is None or group == "participants":
        return "trial participants"
    cut = f"{trial.population.cut_age:g} years"
    ages = {"under": f", under {cut}", "over": f", {cut} and over"}
    return trial.population.label + ages.get(group.removeprefix("population_").partition("_")[0], "")


def select_strata(selection: Iterable[str], labels: Sequence[str]) -> list[str]:
    """Return the strata that a selection denotes; ``labels`` are those of all strata, the lowest first.

    ``highest``, ``lowest``, ``each`` (lowest first) and ``descending`` denote strata; any other word stays as it is.
    """
    strata = {"highest": labels[-1:], "lowest": labels[:1], "each": labels, "descending": labels[::-1]}
    return [label for word in selection for label in strata.get(word, [word])]


def describe_cuts(rule: StrataRule, marker_unit: str = "") -> str:
    """Return the cutoffs of a rule as text, such as ``at the 2/3 quantile of the analysed participants``."""
    if rule.by == "column":
        return f"taken from the column “{rule.column}” of the workbook"
    if rule.by == "value":
        return f"at {join_words([f'{float(cut):g}' for cut in rule.cuts])} {marker_unit}".rstrip()
    names = join_words([cut.label for cut in rule.cuts])
    reference = "analysed participants" if rule.reference == "analysed" else "non-excluded participants of all arms"
    kind = f" (type {rule.quantile_type})" if rule.quantile_type != 7 else ""
    return f"at the {names} {'quantile' if len(rule.cuts) == 1 else 'quantiles'}{kind} of the {reference}"


def describe_strata(rule: StrataRule, marker_label: str, marker_unit: str = "") -> str:
    """Return a sentence on how the participants were divided into strata."""
    names = join_words([f"“{label}”" for label in rule.labels])
    if rule.by == "column":
        return f"Strata ({names}) were {describe_cuts(rule)}."
    tied_values = "a value equal to the cutoff" if len(rule.cuts) == 1 else "values equal to a cutoff"
    return (
        f"Participants were divided into strata ({names}, lowest first) by {marker_label} at baseline, "
        f"{describe_cuts(rule, marker_unit)}; {tied_values} went to the {rule.at_cut} stratum."
    )


def describe_exclusions(analysis: Analysis) -> str:
    """Return a sentence on the participants that an analysis excludes; empty if there are none."""
    ids, number = analysis.exclude, pluralize(len(analysis.exclude), "participant").capitalize()
    return f"{number} ({join_words(ids)}) {'was' if len(ids) == 1 else 'were'} excluded." if ids else ""


def describe_outliers(analysis: Analysis) -> str:
    """Return a sentence on what an analysis does with outliers; empty if it keeps them."""
    treatment = {"trim": "trimmed", "winsorise": "set to that limit"}.get(analysis.outliers.rule)
    ranges = describe_ranges(analysis.outliers.limit)
    return f"Changes more than {ranges} beyond the quartiles of their arm were {treatment}." if treatment else ""


def describe_ranges(limit: float) -> str:
    """Return a number of interquartile ranges as text, such as ``3 interquartile ranges``."""
    return f"{limit:g} interquartile range{'s' * (limit != 1)}"


def estimator_label(analysis: Analysis) -> str:
    """Return the name of the estimate that an analysis reports with P, such as ``Difference of means``."""
    return STATISTICS[get_test(analysis.test).estimate[0]]


def confidence_level(analysis: Analysis) -> str:
    """Return the level of the intervals, such as ``95%``."""
    return f"{100 * (1 - analysis.alpha):.10g}%"


def sizes_by_arm(sizes: Iterable[Sequence[float]], trial: Trial) -> str:
    """Return the range of the number of participants in each arm, treated first: ``7 to 8 D+Q, 4 control``."""
    ranges = (sorted({min(arm_sizes), max(arm_sizes)}) for arm_sizes in zip(*sizes, strict=True))
    arms = (uncapitalize(arm.label) for arm in trial.analysed_arms.values())
    return ", ".join(f"{' to '.join(f'{n:,.0f}' for n in ends)} {arm}" for ends, arm in zip(ranges, arms, strict=False))


def describe_small_groups(compared: Sequence[tuple[str, Sequence[float]]], trial: Trial, analysis: Analysis) -> str:
    """Return a sentence on the comparisons (group, n by arm) that are too small for an approximate P; empty if none is."""
    smallest = get_test(analysis.test).smallest
    small = [(group, sizes) for group, sizes in compared if min(sizes) < smallest]
    descriptions = []
    for group in dict.fromkeys(group for group, _ in compared):
        if sizes := [n for name, n in small if name == group]:
            descriptions.append(f"{pluralize(len(sizes), 'comparison')} of {group} ({sizes_by_arm(sizes, trial)})")
    limit, groups = spell_number(smallest), "; ".join(descriptions)
    text = "P and confidence intervals rest on a normal approximation, which can be inaccurate where an arm has fewer"
    return f"{text} than {limit} participants: {groups}. The setting “test: exact” avoids it." if groups else ""


def contrast_label(trial: Trial) -> str:
    """Return the difference of the arms as text, such as ``D+Q − control``."""
    return f"{trial.arms.treated.label} − {trial.arms.control.label}"


def caption_values(trial: Trial, analysis: Analysis) -> dict[str, str]:
    """Return the values of the placeholders in titles and captions."""
    marker = trial.markers[analysis.marker].label if analysis.marker in trial.markers else analysis.marker
    values = {
        "treated": trial.arms.treated.label,
        "control": trial.arms.control.label,
        "highest": analysis.strata.labels[-1],
        "lowest": analysis.strata.labels[0],
        "marker": marker,
        "strata_variable": analysis.strata.name(marker),
        "change": (CHANGES | {"difference": "change"})[analysis.measure].capitalize(),
        "direction": contrast_label(trial),
        "estimate": get_test(analysis.test).interval.format(level=confidence_level(analysis)),
        "test": get_test(analysis.test).sentence,
        "quartile_type": f"{analysis.quartile_type}",
        "excluded": describe_exclusions(analysis),
        "outliers": describe_outliers(analysis),
        "level": confidence_level(analysis),
        "alpha": f"{analysis.alpha:g}",
    }
    return values | {name: text.format_map(values) for name, text in _TEXTS["models"][analysis.measure].items()}


def replace_keys(text: str, trial: Trial) -> str:
    """Replace the keys of the trial's description in a text by their labels, and underscores by spaces."""
    groups = (trial.visits, trial.markers, trial.outcomes, trial.analysed_arms)  # a later one has precedence
    names = {key: entry.label for group in groups for key, entry in group.items()}
    names |= {key.replace("_", " "): visit.label for key, visit in trial.visits.items()}
    families = {key: label for key, label in trial.families.items() if key not in label.lower()}
    return _replace_words(_replace_words(text, names).replace("_", " "), families)


def _replace_words(text: str, labels: Mapping[str, str]) -> str:
    """Replace each whole word that is a key by its label, unless they differ in the capital letter alone."""
    keys = sorted((key for key in labels if labels[key] != key.capitalize()), key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, keys))})(?![\w+])")
    return pattern.sub(lambda match: labels[match[1]], text) if keys else text


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """Replace the placeholders of a title or caption, such as ``{treated}`` and ``{highest}``."""
    try:
        return text.strip().format_map(values)
    except KeyError as error:
        name = str(error).strip("'")
        raise UserError(f"caption: no placeholder is called {{{name}}}{did_you_mean(name, values)}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"caption: {error}: {text.strip()[:60]}") from None
