"""Findings on P-values: the test, unreported group sizes, single P-values, and P against quartiles and effects."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from .assess import ALPHA, ATTAINABLE, MANY_TIES, MOST_MISSING, NEITHER, STATUSES, TIES, Assessment, Report, assess
from .findings import PROBABLE, STRONG, Finding, certainty, finding, listed, share, slug
from .lattice import MOST_PAIRS, VARIANTS

_TRIED = (MOST_MISSING + 1) ** 2 - 1


def variant_of_the_test(report: Report) -> Iterator[Finding]:
    """Report the variant that the P-values fit."""
    if not report.inference:
        return
    best, second, *others = report.inference.scores
    probability = sum(score.probability for score in report.inference.scores)
    left = [VARIANTS[score.variant] for score in report.inference.scores if score.probability > 0.05]
    if best.probability > 0.9:
        what = f"The P-values fit the {VARIANTS[best.variant]}: {best.attainable} of {best.total} are attainable "
        what += f"without ties, {best.by_chance:.0f} would be by chance"
    elif probability < 0.5:
        what = "The P-values fit none of the variants better than random digits"
    else:
        what = f"The P-values do not determine the variant: {listed(left)} remain"
    ratio = best.log10_likelihood - second.log10_likelihood
    words = {
        "what": what,
        "next": VARIANTS[second.variant],
        "ratio": f"10^{ratio:.0f}" if ratio >= 2 else f"{10**ratio:.2g}",
        "others": "; ".join(f"{VARIANTS[score.variant]} {score.attainable}" for score in others),
        "probability": share(best.probability),
        "certainty": certainty(best.probability),
    }
    yield finding("rank-sum-variant", best=best, second=second, variants=len(report.inference.scores), **words)


def definition_of_quartiles(report: Report) -> Iterator[Finding]:
    """Report the definition of the quartiles, if some digits show it."""
    if not report.decision.steps:
        return
    best, *rest = report.decision.definitions
    others = [f"type {d.type} {d.rounding} ({share(d.probability)})" for d in rest if d.probability > 0.01]
    words = {
        "where": listed(sorted(report.decision.steps)),
        "rule": "half to even" if best.rounding == "half even" else best.rounding,
        "others": f"next {listed(others)}" if others else "no other is above 0.01",
        "probability": share(best.probability),
        "certainty": certainty(best.probability),
    }
    yield finding("quartile-definition", best=best, **words)


def p_within_quartiles(report: Report) -> Iterator[Finding]:
    """Check P-values against the bounds that reported quantiles leave."""
    if not report.ranges:
        return
    outside = [check for check in report.ranges if check.inside is False]
    widths = [c.p_high - c.p_low for c in report.ranges if c.p.relation == "=" and not math.isnan(c.p_low)]
    wide = f" They are wide: for {sum(width > 0.9 for width in widths)} of {len(widths)} P-values with a value nearly "
    yield finding(
        "p-against-quartiles",
        kind="observation" if outside else "agreement",
        value=len(report.ranges) - len(outside),
        expected=len(report.ranges),
        wide=f"{wide}every P is inside, so that an agreement is weak evidence." if widths else "",
    )
    for check in outside:
        yield finding("outside-quartiles", slug(check.p.claim), check=check)


def effects(report: Report) -> Iterator[Finding]:
    """Check reported effects against the difference of the reported medians, with the rounding of all three."""
    agree, checked = [], 0
    for p in report.reported.p_values:
        if p.effect is None or p.first.median is None or p.second.median is None:
            continue
        checked += 1
        low, high = p.first.median.low - p.second.median.high, p.first.median.high - p.second.median.low
        if low <= p.effect.high + 1e-9 and p.effect.low <= high + 1e-9:
            agree.append(p.claim)
            continue
        yield finding("effect", slug(p.claim), p=p, low=low, high=high)
    if agree:
        yield finding("effects-agree", where=listed(agree), value=len(agree), expected=checked)


def dependence_on_the_variant(report: Report) -> Iterator[Finding]:
    """Report which P-values of the abstract change their side of 0.05 with the variant."""
    depending = [row for row in report.dependence if row["depends_on_variant"]]
    for row in depending:
        each = {VARIANTS[variant]: f"{row[variant]:.4f}" for variant in VARIANTS}
        words = {
            "above": listed(VARIANTS[variant] for variant in VARIANTS if row[variant] >= ALPHA),
            "each": ", ".join(f"{name} {p}" for name, p in each.items()),
            "expected": ", ".join(each.values()),
        }
        yield finding("depends-on-variant", slug(f"{row['claim']}-{row['u']:g}"), **row, value=row["reported"], **words)
    if report.dependence:
        total = {row["claim"] for row in report.dependence}
        steady = total - {row["claim"] for row in depending}
        yield finding("abstract-steady", value=len(steady), expected=len(total))


def group_sizes(report: Report) -> Iterator[Finding]:
    """Report the most probable numbers of participants that are not reported."""
    for pair, options in (report.inference.solutions() if report.inference else {}).items():
        best = options[0]
        words = {
            "verb": "are" if best.p_values > 1 else "is",
            "pair": label(pair),
            "likely": " or ".join(f"{o.n_first} and {o.n_second}" for o in options if o.probability > 0.01),
            "total": f"{best.p_values} P-value{'s' if best.p_values > 1 else ''}",
            "others": f"; at another pair, at most {max(o.attainable for o in options[1:])}" if options[1:] else "",
            "expected": "; ".join(f"{o.n_first} and {o.n_second} ({share(o.probability)})" for o in options),
            "certainty": certainty(best.probability),
        }
        yield finding("group-size", slug("-".join(pair)), options=len(options), best=best, **words)


def label(pair: tuple[str, str]) -> str:
    """Name the two groups; names such as ``arm:stratum:outcomes/visit/marker`` of :mod:`reported` are taken apart."""
    (first, _, place), (second, _, other) = (end.partition(":") for end in pair)
    if not place or place != other:
        return " and ".join(pair)
    stratum, _, collection = place.partition(":")
    outcomes, *rest = collection.split("/")
    return f"{stratum}, {', '.join([outcomes.replace('+', ' and '), *rest])}, {first} and {second}"


def fewer_participants(report: Report) -> Iterator[Finding]:
    """Report P-values that smaller numbers explain; those that share the numbers support each other."""
    shared: dict[tuple, list[Assessment]] = defaultdict(list)
    for a in report.assessments:
        if a.fewer:
            shared[a.numbers, max(a.fewer, key=sum)].append(a)
    single = []
    for ((n_first, n_second), numbers), group in shared.items():
        chance = math.prod(a.chance for a in group)
        if len(group) == 1 or chance > 0.01:
            single += group
            continue
        tied = sum(a.status == TIES for a in group)
        others = sorted(set.intersection(*(set(a.fewer) for a in group)) - {numbers}, reverse=True)
        yield finding(
            "fewer",
            f"{n_first}-{n_second}-as-{numbers[0]}-{numbers[1]}",
            count=len(group),
            n_first=n_first,
            n_second=n_second,
            first=numbers[0],
            second=numbers[1],
            variables=listed(a.p.variable for a in group),
            where=listed(sorted({a.p.where for a in group})),
            tried=_TRIED,
            most=MOST_MISSING,
            others=f"{_pairs(others)} would give all of these too." if others else "No other pair gives all of these.",
            chance=share(chance),
            tied=f" {tied} of them may also come from ties." if tied else "",
            expected=_pairs([numbers, *others]),
            certainty=STRONG if chance < 1e-4 else PROBABLE,
        )
    if single:
        yield finding(
            "ties-or-fewer",
            value=len(single),
            tied=sum(a.status == TIES for a in single),
            where=listed(sorted({a.p.where for a in single})),
            tried=_TRIED,
            most=MOST_MISSING,
            fits="; ".join(f"{a.p.claim} (not {a.n_first} and {a.n_second}): {_pairs(a.fewer)}" for a in single),
            chance=sum(1 - (1 - a.chance) ** _TRIED for a in single) / len(single),
        )


def _pairs(numbers) -> str:
    return " or ".join(f"{first} and {second}" for first, second in numbers)


def attainable_p_values(report: Report) -> Iterator[Finding]:
    """Count the P-values by what explains them, and report those that only many ties, or nothing, explains."""
    if not report.inference:
        return
    groups = {status: [a for a in report.assessments if a.status == status] for status in STATUSES}
    yield finding(
        "p-values-explained",
        kind="observation" if groups[NEITHER] else "agreement",
        value=len(report.assessments),
        counts=listed(f"{len(g)} {'is' if len(g) == 1 else 'are'} {status}" for status, g in groups.items() if g),
        missed=len(groups[NEITHER]),
    )
    for check, status in (("many-ties", MANY_TIES), ("not-attained", NEITHER)):
        for a in groups[status]:
            yield finding(check, slug(a.p.claim), a=a, variant=VARIANTS[a.variant])


def other_sources(report: Report) -> Iterator[Finding]:
    """Assess P-values of the sources that did not enter the inference, under the variant that it gave."""
    by_source: dict[str, list[Assessment]] = defaultdict(list)
    numbers = report.inference.numbers if report.inference else {}
    for p in report.reported.p_values:
        if numbers and p.usable and p.claim not in numbers and p.n_first and p.n_second:
            by_source[p.source].append(assess(p, p.n_first, p.n_second, report.variant))
    for source, group in by_source.items():
        reached = sum(a.status == ATTAINABLE for a in group)
        yield finding(
            "p-values-of",
            slug(source or "another source"),
            kind="agreement" if reached == len(group) else "observation",
            value=reached,
            expected=len(group),
            source=source or "other source",
            chance=sum(a.chance for a in group),
            where=listed(a.p.where for a in group),
            each="; ".join(f"{a.p.p.text} with {a.n_first} and {a.n_second} is {a.status}" for a in group),
        )


def set_aside(report: Report) -> Iterator[Finding]:
    """Report P-values of groups that are too large for the lattice."""
    large = [p for p in report.reported.p_values if p.with_value and p.too_large]
    if large:
        where = listed(sorted({p.where for p in large if p.where}))
        yield finding(
            "set-aside", claims=listed(p.claim for p in large), where=where, value=len(large), most=MOST_PAIRS
        )


def zero_p_values(report: Report) -> Iterator[Finding]:
    """Report P-values of zero: one below zero is impossible, one equal to zero is a rounded one."""
    for p in report.reported.p_values:
        if p.p.value > 0 or p.relation == ">":
            continue
        if p.relation == "<":
            kind, how = "difference", "No P-value is below zero."
            harmless = "A P-value that was rounded before the sign was chosen."
        else:
            kind, how = "observation", f"Read as below {p.p.high:g}; its digits do not depend on the test."
            harmless = "A program that shows so many decimals only."
        yield finding("zero-p", slug(p.claim), kind=kind, p=p, how=how, harmless_explanation=harmless)


CHECKS = (
    variant_of_the_test,
    definition_of_quartiles,
    p_within_quartiles,
    effects,
    dependence_on_the_variant,
    group_sizes,
    fewer_participants,
    attainable_p_values,
    other_sources,
    set_aside,
    zero_p_values,
)
