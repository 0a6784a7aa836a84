"""What was done, in sentences that hold for any configuration."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting, labels
from ..changes import EXCLUDED
from ..stats.two_sample import get_test
from ..tables.catalogue import EVERYBODY, HIGHEST, Headline
from ..trial import BASELINE
from .methods_robustness import robustness_sentences
from .references import REFERENCES
from .shaping import MANY

if TYPE_CHECKING:
    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..figures.study import Numbers
    from ..trial import Trial
    from .claims import Tally

_CHANGE_NAMES = labels.CHANGES | {"difference": "change"}


@dataclass(frozen=True)
class Facts:
    """What the sentences are made from."""

    trial: Trial
    analysis: Analysis
    numbers: Numbers
    headlines: Sequence[Headline]
    data_label: str | None
    source: Mapping[str, object]
    strata: Sequence[Mapping[str, str]]  # strata.csv
    exclusions: Sequence[Mapping[str, str]]  # exclusions.csv
    tally: Tally | None  # of the claims, if there are any
    versions: Mapping[str, str]
    made: frozenset[str] = frozenset()  # tables on robustness, such as robustness/cutoffs
    robustness: Robustness | None = None  # their settings, if there are any


def study_sentence(facts: Facts) -> str:
    """Say in one sentence what trial this is, with the sizes of its arms and its visits."""
    trial = facts.trial
    sizes = _arm_sizes(facts)
    treated, control = (
        f"{labels.within(arm.label)} (n = {sizes[key]:.0f})" if key in sizes else labels.within(arm.label)
        for key, arm in trial.analysed_arms.items()
    )
    visits = labels.listing([visit.label.lower() for visit in trial.visits.values()])
    registered = f" (registered as {trial.registration})" if trial.registration else ""
    return f"The trial “{trial.title}”{registered} compared {treated} with {control}, with measurements at {visits}."


def main_sentences(facts: Facts) -> list[str]:
    """Tell the comparisons that the tables' catalogue names; if the analysis has none of them, its first outcome's."""
    if told := [sentence for headline in facts.headlines if (sentence := headline_sentence(headline, facts))]:
        return told
    for outcome in facts.trial.outcomes.values():
        for visit in reversed(outcome.follow_up):
            lines = [Headline(outcome=outcome.key, visit=visit, stratum=name) for name in (EVERYBODY, HIGHEST)]
            if told := [sentence for line in lines if (sentence := headline_sentence(line, facts))]:
                return told
    return []


def headline_sentence(headline: Headline, facts: Facts) -> str:
    """Tell one comparison of the arms with its numbers; empty if the analysis does not have it."""
    trial, analysis = facts.trial, facts.analysis
    names = analysis.strata.labels
    stratum = {"highest": names[-1], "lowest": names[0]}.get(headline.stratum, headline.stratum)
    everybody = stratum == "all"
    place = {"marker": "" if everybody else analysis.marker, "stratum": stratum}
    outcome, measure = trial.outcomes[headline.outcome], analysis.measure

    def effect(name: str) -> float:
        contrast = trial.contrast
        return facts.numbers.get(outcome.key, measure, headline.visit, name, contrast=contrast, **place).value

    def median(arm: str) -> float:
        return facts.numbers.get(outcome.key, measure, headline.visit, "median", group=arm, **place).value

    shift = [effect(name) for name in ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper")]
    medians = [median(arm) for arm in trial.analysed_arms]
    if any(map(math.isnan, (shift[0], *medians))):
        return ""
    decimals = labels.change_decimals(measure, outcome.decimals)
    unit = labels.change_unit(measure, outcome.unit)
    unit = "%" if unit == "%" else f" {unit}" if measure == "difference" else ""
    first, second = (f"{formatting.number(value, decimals)}{unit}" for value in medians)
    who = "" if everybody else f"In stratum {stratum} of {labels.within(trial.markers[analysis.marker].label)}, "
    change = _CHANGE_NAMES[measure]
    role = f" ({headline.role})" if headline.role else ""
    visit = trial.visits[headline.visit].label
    preposition = "of" if measure == "log_ratio" else "in"
    subject = f"the median {change} {preposition} {labels.within(outcome.label)} from baseline to {visit}{role} was"
    subject = who + subject if who else subject[0].upper() + subject[1:]
    arms = trial.analysed_arms.values()
    told = " and ".join(
        f"{value} with {labels.within(arm.label)}" for value, arm in zip((first, second), arms, strict=True)
    )
    points = " percentage points" if unit == "%" else unit
    limits = (
        f"{labels.interval_level(analysis)} interval {formatting.number(shift[1], decimals)} to "
        f"{formatting.number(shift[2], decimals)}"
        if not any(map(math.isnan, shift[1:]))
        else "interval not defined"
    )
    return (
        f"{subject} {told} (Hodges-Lehmann shift {formatting.number(shift[0], decimals)}{points}, {limits}, "
        f"{formatting.p_value(effect('p'))})."
    )


def conventions(facts: Facts) -> list[tuple[str, str]]:
    """List each convention with its name, for the page."""
    analysis, trial = facts.analysis, facts.trial
    rows = [
        ("Change from baseline", f"{_change_sentence(facts)} Rounded to ten significant digits before ranking."),
        (
            "Test",
            f"{_capital(get_test(analysis.test).sentence)}; the level of significance is {analysis.alpha:g}, without correction for "
            "multiplicity unless said otherwise.",
        ),
        (
            "Effect",
            f"Differences are {labels.direction(trial)}, {labels.interval(analysis)}.",
        ),
        ("Quartiles", f"Type {analysis.quartile_type} of Hyndman and Fan."),
    ]
    if facts.strata:
        rows.append(
            (
                "Strata",
                _strata(facts),
            )
        )
    rows.append(("Values left out", " ".join(filter(None, (_excluded(facts), _outliers(facts), _no_change(facts))))))
    return rows


def paragraph(facts: Facts) -> str:
    """Return methods and main numbers as Markdown, to be pasted into a manuscript."""
    analysis, trial = facts.analysis, facts.trial
    cited: list[str] = []

    def cite(*keys: str) -> str:
        for key in keys:
            if key not in cited:
                cited.append(key)
        return "[" + ",".join(str(cited.index(key) + 2) for key in keys) + "]"

    data = (
        f"Data were read from the workbook {facts.source.get('name', 'of participants')} "
        f"(SHA-256 {str(facts.source.get('sha256', ''))[:12]}…)."
    )
    if facts.data_label:
        data += " These data are synthetic: the numbers below do not describe participants of the trial."
    test = get_test(analysis.test)
    outcomes = _outcomes(facts)
    methods = [
        f"{study_sentence(facts)[:-1]} [1].",
        data,
        outcomes or "No change from baseline was analysed.",
        _excluded(facts),
        *((_change_sentence(facts), _outliers(facts), _no_change(facts)) if outcomes else ()),
        _strata(facts) if facts.strata else _stated_strata(facts),
        f"Arms were compared by the {test.sentence} {cite(*test.references)}; differences are "
        f"{' minus '.join(labels.within(arm.label) for arm in trial.analysed_arms.values())}, "
        f"{labels.interval(analysis)} {cite('hodges_lehmann')}.",
        "Proportions were compared by the chi-squared test without continuity correction." if _binary(facts) else "",
        f"Values are summarized as medians and quartiles (type {analysis.quartile_type} {cite('hyndman')}).",
        f"Relations with age are Spearman correlations {cite('spearman')}." if _correlations(facts) else "",
        f"P-values are two-sided and, unless said otherwise, not adjusted for multiplicity; the level of significance is "
        f"{analysis.alpha:g}.",
        f"The analysis ran as a Snakemake workflow {cite('snakemake')} in Python {facts.versions.get('python', '')} "
        f"with NumPy {facts.versions.get('numpy', '')}, SciPy {facts.versions.get('scipy', '')} {cite('scipy')}, "
        f"statsmodels {facts.versions.get('statsmodels', '')} and pandas {facts.versions.get('pandas', '')}.",
    ]
    done = "\n\n".join(
        " ".join(filter(None, part)) for part in (methods, robustness_sentences(facts, cite)) if any(part)
    )
    told = main_sentences(facts)
    if facts.tally:
        told.append(
            f"The {facts.tally.total:,} printed numbers, held against the recomputed ones, got these verdicts: "
            f"{', '.join(f'{verdict} {n:,}' for verdict, n in facts.tally.counts)}."
        )
    title = f"# Methods and main numbers of the analysis “{analysis.name}”"
    label = f"\n**{facts.data_label}**\n" if facts.data_label else ""
    references = [trial.citation, *(REFERENCES[key] for key in cited)]
    listed = "\n".join(f"{number}. {' '.join(text.split())}" for number, text in enumerate(references, start=1))
    return (
        f"{title}\n{label}\n## Methods\n\n{done}\n\n## Results\n\n"
        f"{' '.join(told) or 'The analysis has none of the comparisons that are told in words.'}\n\n"
        f"## References\n\n{listed}\n"
    )


def _arm_sizes(facts: Facts) -> dict[str, float]:
    """Participants of each arm: the most that have a baseline value, or a value of a marker."""
    sizes = {}
    for key in facts.trial.analysed_arms:
        known = [
            facts.numbers.get(outcome, BASELINE, BASELINE, "n", group=key).value for outcome in facts.trial.outcomes
        ]
        with_marker = Counter(row["marker"] for row in facts.strata if row["arm"] == key)
        known = [n for n in (*known, *with_marker.values()) if n > 0]  # which NaN is not
        if known:
            sizes[key] = max(known)
    return sizes


def _outcomes(facts: Facts) -> str:
    """Say which changes were analysed, those with the same visits together; empty if none was."""
    trial, analysis = facts.trial, facts.analysis
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for outcome in trial.outcomes.values():
        chosen = analysis.outcomes == "all" or outcome.key in analysis.outcomes
        visits = tuple(v for v in outcome.follow_up if analysis.visits == "all" or v in analysis.visits)
        present = [v for v in visits if not math.isnan(_any_n(facts, outcome.key, v))]
        if chosen and present:
            groups.setdefault((outcome.family, tuple(present)), []).append(labels.within(outcome.label))
    parts = []
    for (family, visits), members in groups.items():
        family_name = labels.within(trial.families[family])
        names = labels.listing(members) if len(members) <= MANY else f"{len(members)} outcomes ({family_name})"
        parts.append(f"{names} at {labels.listing([trial.visits[visit].label for visit in visits])}")
    if not parts:
        return ""
    listed = parts[0] if len(parts) == 1 else f"{'; in '.join(parts[:-1])}; and in {parts[-1]}"
    return f"We analysed the change from baseline in {listed}."


def _any_n(facts: Facts, outcome: str, visit: str) -> float:
    arm = facts.trial.arms.treated.key
    return facts.numbers.get(outcome, facts.analysis.measure, visit, "n", group=arm).value


def _change_sentence(facts: Facts) -> str:
    measure = facts.analysis.measure
    return f"The {_CHANGE_NAMES[measure]} of a participant is {labels.FORMULAS[measure]}."


def _excluded(facts: Facts) -> str:
    left_out = facts.analysis.exclude
    if not left_out:
        return ""
    were = "was" if len(left_out) == 1 else "were"
    counted = labels.counted(len(left_out), "participant")
    return f"{_capital(counted)} ({labels.listing(left_out)}) {were} excluded."


def _outliers(facts: Facts) -> str:
    rule = facts.analysis.outliers
    if rule.rule == "keep":
        return "No value was trimmed or winsorized."
    ranges = f"{rule.limit:g} interquartile {'range' if rule.limit == 1 else 'ranges'}"
    done = "left out" if rule.rule == "trim" else "set to that limit"
    return f"Changes more than {ranges} beyond the quartiles of their arm were {done}."


def _no_change(facts: Facts) -> str:
    """Count the changes that are missing, by reason; those of excluded participants are told with the exclusion."""
    reasons = Counter(row["reason"] for row in facts.exclusions if row["reason"] not in ("", EXCLUDED))
    if not reasons:
        return ""
    why = "; ".join(f"{reason}: {number:,}" for reason, number in reasons.items())
    total = sum(reasons.values())
    return f"Of the changes of single participants, {total:,} {'is' if total == 1 else 'are'} missing ({why})."


def _strata(facts: Facts) -> str:
    marker = facts.trial.markers[facts.analysis.marker]
    return labels.strata(facts.analysis.strata, labels.within(marker.label), marker.unit) + _sizes(facts)


def _stated_strata(facts: Facts) -> str:
    """Say where strata come from if nobody was assigned to them: groups without ids state their own."""
    arms, measure = list(facts.trial.analysed_arms), facts.analysis.measure
    stated = any(
        facts.numbers.get(o.key, measure, visit, "n", group=arms[0], marker=marker, stratum=label).value > 0
        for o in facts.trial.outcomes.values()
        for visit in o.follow_up
        for marker in facts.trial.markers
        for label in facts.analysis.strata.labels
    )
    return "The strata are those that the workbook states; its participants have no ids." if stated else ""


def _sizes(facts: Facts) -> str:
    """Say how many participants each stratum has, and where quantiles put the cut."""
    rule, marker = facts.analysis.strata, facts.analysis.marker
    own = [row for row in facts.strata if row["marker"] == marker]
    counts = Counter(row["stratum"] for row in own)
    names = [label for label in rule.labels if label in counts]
    if not names:
        return ""
    sizes = [f"{counts[label]} ({label})" for label in names]
    held = f" The strata hold {labels.listing(sizes)} participants."
    cuts = list(dict.fromkeys(row["cut"] for row in own if row["cut"]))
    if rule.by != "quantile" or len(cuts) != 1:
        return held
    values = [f"{float(cut):.4g}" for cut in cuts[0].split("; ")]
    lie = "The cut lies" if len(values) == 1 else "The cuts lie"
    return f"{held} {lie} at {labels.listing(values)} {facts.trial.markers[marker].unit}".rstrip() + "."


def _binary(facts: Facts) -> bool:
    """Say whether proportions were compared."""
    contrast = facts.trial.contrast
    return any(
        not math.isnan(facts.numbers.get(o.key, BASELINE, BASELINE, "p", contrast=contrast).value)
        for o in facts.trial.outcomes.values()
        if o.kind == "binary"
    )


def _correlations(facts: Facts) -> bool:
    sample = facts.trial.population
    if sample is None:
        return False
    groups = ("participants", "population")
    return any(
        not math.isnan(
            facts.numbers.get(marker, "correlation", BASELINE, "spearman_r", contrast=sample.age, group=group).value
        )
        for marker in facts.trial.markers
        for group in groups
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
