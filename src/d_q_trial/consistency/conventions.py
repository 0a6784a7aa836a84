"""Findings about the conventions of a paper: the test, the group sizes, the quartiles, and what hangs on them."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .assess import ATTAINABLE, FEWER, MANY_TIES, NEITHER, OTHER, TIES
from .findings import CERTAIN, OPEN, PROBABLE, STRONG, Finding, listed, share
from .lattice import MOST_PAIRS, VARIANTS

if TYPE_CHECKING:
    from .analysis import Report


def findings(report: Report) -> Iterator[Finding]:
    """All findings that need only the claims."""
    if report.inference:
        yield from _variant(report)
        yield from _sizes(report)
        yield from _missing(report)
        yield from _misses(report)
    yield from _set_aside(report)
    yield from _quartiles(report)
    yield from _ranges(report)
    yield from _effects(report)
    yield from _abstract(report)


def _certainty(probability: float) -> str:
    return STRONG if probability > 0.999 else PROBABLE if probability > 0.9 else OPEN


def _variant(report: Report) -> Iterator[Finding]:
    best, *others = report.inference.scores
    ratio = (best.log_likelihood - others[0].log_likelihood) / math.log(10)
    if best.probability > 0.9:
        what = (
            f"The P-values are those of the {VARIANTS[best.variant]}: {best.attainable} of {best.total} are attainable "
            f"without ties, {best.by_chance:.0f} would be by chance"
        )
    elif sum(s.probability for s in report.inference.scores) < 0.5:
        what = "The P-values fit none of the variants better than digits that lie anywhere"
    else:
        left = [VARIANTS[s.variant] for s in report.inference.scores if s.probability > 0.05]
        what = f"The P-values do not settle the variant: {listed(left)} remain"
    yield Finding(
        finding="rank-sum-variant",
        kind="convention",
        what=what,
        where="all printed rank-sum P-values",
        how="For every P the attainable values of each variant were listed; the likelihood of the printed digits, "
        "relative to digits that lie anywhere, was multiplied over all of them and averaged over the share of P-values "
        f"that the convention does not explain. The next variant, {VARIANTS[others[0].variant]}, can give "
        f"{others[0].attainable}; the likelihood ratio is about {_power(ratio)}. The others: "
        + "; ".join(f"{VARIANTS[s.variant]} {s.attainable}" for s in others[1:])
        + ". With many ties U moves in halves, and a continuity correction of half a unit leaves the attainable values "
        "the same: then the correction cannot be told from P-values.",
        value=best.variant,
        expected=f"probability {share(best.probability)} among {len(report.inference.scores)} variants and none of them",
        certainty=_certainty(best.probability),
    )


def _power(ratio: float) -> str:
    return f"10^{ratio:.0f}" if ratio >= 2 else f"{10**ratio:.2g}"


def _sizes(report: Report) -> Iterator[Finding]:
    by_pair = defaultdict(list)
    for option in report.inference.options:
        by_pair[option.pair].append(option)
    for pair, options in by_pair.items():
        best = options[0]
        likely = [o for o in options if o.probability > 0.01]
        yield Finding(
            finding="group-size-" + _slug("-".join(pair)),
            kind="group size",
            what=f"{_pair(pair)}: {best.n_first} and {best.n_second}"
            if len(likely) == 1
            else f"{_pair(pair)}: " + " or ".join(f"{o.n_first} and {o.n_second}" for o in likely),
            where=f"{best.total} P-value{'s' if best.total > 1 else ''} of these groups, and all printed sums",
            how=f"{len(options)} pairs of numbers meet the printed sums; {best.attainable} of the {best.total} "
            "P-values are "
            f"attainable at {best.n_first} and {best.n_second}"
            + (f", at most {max(o.attainable for o in options[1:])} at another pair." if len(options) > 1 else "."),
            value="not printed",
            expected="; ".join(f"{o.n_first} and {o.n_second} ({share(o.probability)})" for o in options[:6]),
            certainty=_certainty(best.probability),
        )


def _pair(pair: tuple[str, str]) -> str:
    (first, _, place), (second, _, other) = (end.partition(":") for end in pair)
    return f"{first} and {second} of {place}" if place and place == other else " and ".join(pair)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _missing(report: Report) -> Iterator[Finding]:
    """P-values that smaller numbers explain; those that share them support each other."""
    shared = defaultdict(list)
    for a in report.assessments:
        if a.fewer:
            shared[(a.n_first, a.n_second), max(a.fewer, key=sum)].append(a)
    single = []
    for ((n_first, n_second), numbers), group in shared.items():
        chance = math.prod(a.chance for a in group)
        if len(group) == 1 or chance > 0.01:
            single += group
            continue
        tied = sum(a.status == TIES for a in group)
        yield Finding(
            finding=f"fewer-{n_first}-{n_second}-as-{numbers[0]}-{numbers[1]}",
            kind="group size",
            what=f"{len(group)} P-values that {n_first} and {n_second} participants cannot give without ties "
            "are attainable "
            f"at {numbers[0]} and {numbers[1]}: {listed(a.claim.variable for a in group)}",
            where=listed(sorted({a.claim.where for a in group})),
            how="All numbers up to two smaller in either group were tried, and the nearest that fits was taken; "
            "that all of "
            f"these fit the same numbers has a probability of about {share(chance)} by chance."
            + (f" {tied} of them may also come from ties." if tied else ""),
            value=f"{n_first} and {n_second}",
            expected=f"{numbers[0]} and {numbers[1]}",
            certainty=STRONG if chance < 1e-4 else PROBABLE,
            harmless_explanation="A participant without a value of these variables.",
        )
    if single:
        yield Finding(
            finding="ties-or-fewer",
            kind="group size",
            what="P-values not attainable at the full numbers without ties, with every smaller pair of numbers "
            "that gives them: "
            + "; ".join(
                f"{a.claim.claim} ({a.n_first} and {a.n_second}): " + " or ".join(f"{m} and {n}" for m, n in a.fewer)
                for a in single
            ),
            where=listed(sorted({a.claim.where for a in single})),
            how=f"All numbers up to two smaller in either group. {sum(a.status == TIES for a in single)} of these "
            f"{len(single)} may as well come from ties, since the values were recorded in coarse steps.",
            value=str(len(single)),
            certainty=OPEN,
            harmless_explanation="Ties, or a participant without a value of the variable.",
        )


def _misses(report: Report) -> Iterator[Finding]:
    counts = {
        status: [a for a in report.assessments if a.status == status]
        for status in (ATTAINABLE, TIES, FEWER, MANY_TIES, OTHER, NEITHER)
    }
    yield Finding(
        finding="p-values-explained",
        kind="agreement" if not counts[NEITHER] else "observation",
        what=f"Of {len(report.assessments)} P-values "
        + listed(
            f"{len(group)} {'are' if len(group) != 1 else 'is'} {status}" for status, group in counts.items() if group
        ),
        where="all printed rank-sum P-values",
        how="Under the inferred variant, at the printed or inferred numbers. Values recorded in coarse steps "
        "tie, and with "
        "ties nearly every P can be had: such a row neither supports nor contradicts the variant.",
        value=str(len(report.assessments)),
        expected=str(len(counts[NEITHER])) + " not attained",
    )
    for a in counts[MANY_TIES]:
        yield Finding(
            finding="many-ties-" + _slug(a.claim.claim),
            kind="observation",
            what=f"P = {a.claim.p.text} of {a.claim.claim} needs ties: sum of t^3 - t of {a.tie_sum} or more",
            where=a.claim.where,
            how=f"No U gives it at {a.n_first} and {a.n_second} without ties or with a few pairs, nor up to two "
            "participants "
            "fewer; the smallest sum that does is given.",
            value=a.claim.p.text,
            certainty=OPEN,
            harmless_explanation="Several equal values, such as changes of exactly zero.",
        )
    for a in counts[NEITHER]:
        yield Finding(
            finding="not-attained-" + _slug(a.claim.claim),
            kind="difference",
            what=f"P = {a.claim.p.text} of {a.claim.claim} is not attainable at {a.n_first} and {a.n_second}",
            where=a.claim.where,
            how=f"No U gives it under the {VARIANTS[a.variant]}, with the ties that are possible, nor up to two "
            "participants "
            f"fewer in either group. Digits laid at random have a probability of {a.chance:.2f} to fit.",
            value=a.claim.p.text,
            certainty=STRONG,
            harmless_explanation="A misprint, another exclusion, or another test in this row.",
        )


def _set_aside(report: Report) -> Iterator[Finding]:
    large = [claim for claim in report.claims if claim.with_value and claim.too_large]
    if large:
        yield Finding(
            finding="set-aside",
            kind="observation",
            what=f"P-values left out because their groups are large: {listed(claim.claim for claim in large)}",
            where=listed(sorted({claim.where for claim in large if claim.where})),
            how=f"With more than {MOST_PAIRS} pairs of participants the attainable P-values lie closer than printed "
            "digits, and every variant gives nearly every P.",
            value=str(len(large)),
        )


def _quartiles(report: Report) -> Iterator[Finding]:
    decision = report.decision
    if not decision.informative:
        return
    best, *rest = decision.definitions
    others = [d for d in rest if d.probability > 0.01]
    yield Finding(
        finding="quartile-definition",
        kind="convention",
        what=f"Quartiles are of type {best.kind}, rounded half {'to even' if best.rounding == 'even' else 'up'}",
        where=listed(decision.informative),
        how="These variables were recorded more coarsely than their quartiles are printed, so the last digits "
        "show how far "
        "between two values a quartile lies. The nine definitions of Hyndman and Fan and two rounding rules "
        "were weighed; "
        + (
            "next " + listed(f"type {d.kind} half {d.rounding} ({share(d.probability)})" for d in others)
            if others
            else "no other is above 0.01"
        )
        + ". Only digits that fall on a half tell the rounding rules apart.",
        value=f"type {best.kind}, half {best.rounding}",
        expected=f"probability {share(best.probability)}",
        certainty=_certainty(best.probability),
    )


def _ranges(report: Report) -> Iterator[Finding]:
    if not report.ranges:
        return
    outside = [r for r in report.ranges if r.inside is False]
    printed = [r for r in report.ranges if r.claim.relation == "="]
    widths = sorted(r.p_high - r.p_low for r in printed if not math.isnan(r.p_low))
    yield Finding(
        finding="p-against-quartiles",
        kind="agreement" if not outside else "observation",
        what=f"{len(report.ranges) - len(outside)} of {len(report.ranges)} P-values lie within what the printed "
        "medians, "
        "quartiles and ranges allow",
        where="all rows with medians of both groups",
        how="Outer bounds of U from the envelopes of the order statistics. They are wide: half of the P-values may lie "
        f"anywhere in an interval of {widths[len(widths) // 2]:.2f} or more."
        if widths
        else "Outer bounds of U from the envelopes of the order statistics.",
        value=str(len(report.ranges) - len(outside)),
        expected=str(len(report.ranges)),
    )
    for r in outside:
        yield Finding(
            finding="outside-quartiles-" + _slug(r.claim.claim),
            kind="difference",
            what=f"P {r.claim.relation} {r.claim.p.text} of {r.claim.claim}: medians and quartiles allow "
            f"{r.p_low:.3g} to {r.p_high:.3g}",
            where=r.claim.where,
            how=f"U between {r.u_low:g} and {r.u_high:g} for {r.n_first} and {r.n_second}.",
            value=r.claim.p.text,
            expected=f"{r.p_low:.3g} to {r.p_high:.3g}",
            harmless_explanation="A misprint in either, or quartiles of other participants than the test's.",
        )


def _effects(report: Report) -> Iterator[Finding]:
    agree = [e for e in report.effects if e.agrees]
    if agree:
        yield Finding(
            finding="effects-agree",
            kind="agreement",
            certainty=CERTAIN,
            value=str(len(agree)),
            expected=str(len(report.effects)),
            what=f"{len(agree)} of {len(report.effects)} printed effects with both medians are their difference",
            where=listed(e.claim.claim for e in agree),
            how="Difference of medians, with the rounding of all three.",
        )
    for e in report.effects:
        if not e.agrees:
            yield Finding(
                finding="effect-" + _slug(e.claim.claim),
                kind="difference",
                where=e.claim.where,
                value=e.claim.effect.text,
                what=f"Effect {e.claim.effect.text} of {e.claim.claim}: the medians differ by {e.low:.4g} to "
                f"{e.high:.4g}",
                how="Difference of medians, with the rounding of all three.",
                expected=f"{e.low:.4g} to {e.high:.4g}",
                harmless_explanation="Another effect than the difference of medians, such as the Hodges-Lehmann "
                "estimate.",
            )


def _abstract(report: Report) -> Iterator[Finding]:
    hanging = [row for row in report.abstract if row["hangs_on_variant"]]
    if not report.abstract:
        return
    names = {row["claim"] for row in report.abstract}
    for row in hanging:
        above = [VARIANTS[v] for v in VARIANTS if row[v] >= 0.05]
        yield Finding(
            finding="hangs-on-variant-" + _slug(f"{row['claim']}-{row['u']:g}"),
            kind="convention",
            what=f"P = {row['printed']} of {row['claim']} is 0.05 or more under the {listed(above)}",
            where=row["where"],
            how=f"P of U = {row['u']:g} or {row['u_other']:g} with {row['n_first']} and {row['n_second']}: "
            + ", ".join(f"{VARIANTS[v]} {row[v]:.4f}" for v in VARIANTS)
            + ".",
            value=row["printed"],
            expected=", ".join(f"{row[v]:.4f}" for v in VARIANTS),
            harmless_explanation="Each variant is in common use.",
        )
    yield Finding(
        finding="abstract-steady",
        kind="agreement",
        what=f"{len(names) - len({row['claim'] for row in hanging})} of {len(names)} P-values of the abstract "
        "stay on their side "
        "of 0.05 under every variant",
        where="abstract",
        how="P of the inferred U under each variant.",
        value=str(len(names) - len({row["claim"] for row in hanging})),
        expected=str(len(names)),
    )
