"""Findings on P-values: the test, unreported group sizes, single P-values, and P against quartiles and effects."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator

from ..stats.checks import is_significant
from . import VARIANTS
from .findings import Finding, make_finding, slug
from .inference import ALPHA, ATTAINABLE, FEWER, MANY_TIES, MOST_MISSING, NEITHER, STATUSES, Assessment, Report, assess
from .lattice import MOST_PAIRS

_NAME = re.compile(r"[^\s':]+:[^\s':]+:[^\s':]+")  # of a group whose number is not reported
_TRIED = (MOST_MISSING + 1) ** 2 - 1


def check_variant_of_the_test(report: Report) -> Iterator[Finding]:
    """Report the variant that the P-values fit, or that published tables do not show it."""
    if scores := report.inference.scores:
        yield make_finding("rank-sum-variant", scores=scores, fits=report.inference.fits)
    elif report.reported.tables:
        yield make_finding("no-variant", value=len(report.reported.p_values))


def check_definition_of_quartiles(report: Report) -> Iterator[Finding]:
    """Report the definition of the quartiles, if some digits show it."""
    if report.decision.steps:
        yield make_finding("quartile-definition", definitions=report.decision.definitions, steps=report.decision.steps)


def check_p_within_quartiles(report: Report) -> Iterator[Finding]:
    """Check P-values against the bounds that reported quantiles leave."""
    widths = [c.p_high - c.p_low for c in report.ranges if c.p.relation == "=" and not math.isnan(c.p_low)]
    if described := [check.inside for check in report.ranges if check.p.medians]:
        words = {"inside": len(described) - described.count(False), "expected": len(described)}
        words |= {"widths": len(widths), "wide": sum(width > 0.9 for width in widths)}
        yield make_finding("p-against-quartiles", **words)
    yield from (make_finding("outside-quartiles", slug(c.p.claim), check=c) for c in report.ranges if c.inside is False)


def check_effects(report: Report) -> Iterator[Finding]:
    """Check reported effects against the difference of the reported medians, with the rounding of all three."""
    agree = []
    checked = [p for p in report.reported.p_values if p.effect and len(p.medians) == 2]
    for p in checked:
        first, second = p.medians
        low, high = first.low - second.high, first.high - second.low
        if p.effect.meets(low, high):
            agree.append(p.claim)
        else:
            yield make_finding("effect", slug(p.claim), p=p, low=low, high=high)
    if agree:
        yield make_finding("effects-agree", agree=agree, expected=len(checked))


def check_dependence_on_the_variant(report: Report) -> Iterator[Finding]:
    """Report which P-values of the abstract change their side of 0.05 with the variant."""
    scores, depending = report.inference.scores, [row for row in report.dependence if row["depends_on_variant"]]
    known = {row["claim"] for row in report.dependence}
    abstract = [p.claim for p in report.reported.p_values if p.highlight and p.test == "rank_sum"]
    for row in depending:
        above = [name for variant, name in VARIANTS.items() if not is_significant(row[variant], ALPHA)]
        yield make_finding(
            "depends-on-variant", slug(f"{row['claim']}-{row['u']:g}"), row=row, above=above, best=scores[0]
        )
    if abstract and scores:
        words = {"unknown": [claim for claim in abstract if claim not in known], "expected": len(abstract)}
        words |= {"value": len(known - {row["claim"] for row in depending}), "best": scores[0]}
        yield make_finding("abstract-steady", **words)


def check_group_sizes(report: Report) -> Iterator[Finding]:
    """Report the most probable numbers of participants that are not reported."""
    assumed = bool(report.reported.tables)  # otherwise all constraints are given
    for pair, options in report.inference.options.items():
        best = {options[0].n_first, options[0].n_second}  # P-values fit the exchanged numbers as well
        others = [o.attainable for o in options if {o.n_first, o.n_second} != best]
        words = {"pair": pair_label(pair), "options": options, "others": others, "assumed": assumed}
        yield make_finding("group-size", slug("-".join(pair)), **words)


def pair_label(pair: tuple[str, str]) -> str:
    """Name the two groups, those of one place together."""
    (first, place), (second, other) = map(_taken_apart, pair)
    return f"{place}, {first} and {second}" if place and place == other else " and ".join(pair)


def _taken_apart(name: str) -> tuple[str, str]:
    """Return group and place in words of a name such as ``arm:stratum:outcomes/visit/marker`` of :mod:`reported`."""
    group, _, place = name.partition(":")
    stratum, _, collection = place.partition(":")
    outcomes, *rest = collection.split("/")
    return group, ", ".join(filter(None, (stratum, outcomes.replace("+", " and "), *rest)))


def check_fewer_participants(report: Report) -> Iterator[Finding]:
    """Report P-values that share smaller numbers; the chance is a bound over the pairs tried and the P-values missed."""
    shared: dict[tuple, list[Assessment]] = defaultdict(list)
    for a in report.assessments:
        if a.fewer and report.inference.fits:
            shared[a.numbers, max(a.fewer, key=sum)].append(a)
    for (n, numbers), group in shared.items():
        missed = sum(a.numbers == n and a.status != ATTAINABLE for a in report.assessments)
        chance = _TRIED * math.comb(missed, len(group)) * math.prod(a.chance for a in group)
        if len(group) > 1 and chance <= 0.01:
            words = {"n": n, "numbers": numbers, "group": group, "chance": chance, "tried": _TRIED, "missed": missed}
            words["others"] = sorted(set.intersection(*(set(a.fewer) for a in group)) - {numbers}, reverse=True)
            yield make_finding("fewer", f"{n[0]}-{n[1]}-as-{numbers[0]}-{numbers[1]}", most=MOST_MISSING, **words)


def check_attainable_p_values(report: Report) -> Iterator[Finding]:
    """Count the P-values by what explains them, and report those that only many ties, or nothing, explains."""
    groups = {status: [a for a in report.assessments if a.status == status] for status in STATUSES}
    if report.assessments:
        counts = [f"{len(g)} {'is' if len(g) == 1 else 'are'} {status}" for status, g in groups.items() if g]
        words = {"value": len(report.assessments), "counts": counts, "fewer": groups[FEWER]}
        yield make_finding("p-values-explained", **words, missed=len(groups[NEITHER]))
    if report.inference.fits:
        yield from (make_finding("many-ties", slug(a.p.claim), a=a) for a in groups[MANY_TIES])
    for a in groups[NEITHER] if report.inference.fits else ():
        others = [name for variant, name in VARIANTS.items() if assess(a.p, a.numbers, variant).status != NEITHER]
        yield make_finding("not-attained", slug(a.p.claim), a=a, others=others)


def check_other_sources(report: Report) -> Iterator[Finding]:
    """Assess P-values of the sources that did not enter the inference, under the variant that it gave."""
    by_source: dict[str, list[Assessment]] = defaultdict(list)
    numbers = report.inference.numbers
    for p in report.reported.p_values:
        if report.inference.fits and p.usable and p.claim not in numbers and all(isinstance(n, int) for n in p.pair):
            by_source[p.source or "other source"].append(assess(p, p.pair, report.inference.variant))
    for source, group in by_source.items():
        reached = sum(a.status == ATTAINABLE for a in group)
        yield make_finding("p-values-of", slug(source), source=source, group=group, reached=reached)


def check_set_aside(report: Report) -> Iterator[Finding]:
    """Report P-values of groups that are too large for the lattice, or whose numbers do not follow from reported ones."""
    if large := [p for p in report.reported.p_values if p.with_value and p.too_large]:
        yield make_finding("set-aside", large=large, most=MOST_PAIRS)
    if report.unsettled:
        named = {
            _NAME.sub(lambda name: ", ".join(_taken_apart(name[0])[::-1]), f): p for f, p in report.unsettled.items()
        }
        yield make_finding("unsettled", unsettled=named)


def check_zero_p_values(report: Report) -> Iterator[Finding]:
    """Report P-values of zero: one below zero is impossible, one equal to zero is a rounded one."""
    for p in report.reported.p_values:
        if p.p.value <= 0 and p.relation != ">":
            yield make_finding("zero-p", slug(p.claim), p=p)
