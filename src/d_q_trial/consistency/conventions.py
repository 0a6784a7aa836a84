"""Findings about the conventions of a paper: the test, the quartiles, and what hangs on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .findings import CERTAIN, Finding, certainty, listed, share, slug
from .lattice import VARIANTS

if TYPE_CHECKING:
    from .analysis import Report


def findings(report: Report) -> Iterator[Finding]:
    """All findings that need only the claims."""
    if report.inference:
        yield from _variant(report)
    yield from _quartiles(report)
    yield from _ranges(report)
    yield from _effects(report)
    yield from _abstract(report)


def _variant(report: Report) -> Iterator[Finding]:
    best, *others = report.inference.scores
    ratio = (best.log_likelihood - others[0].log_likelihood) / math.log(10)
    if best.probability > 0.9:
        what = (
            f"The P-values fit the {VARIANTS[best.variant]}: {best.attainable} of {best.total} are attainable "
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
        "relative to digits that lie anywhere, was multiplied over all of them and averaged over unprinted group sizes and "
        f"over the share of P-values that the convention does not explain ({best.miss_rate:.2g} fits best). The next variant, {VARIANTS[others[0].variant]}, can give "
        f"{others[0].attainable}; the likelihood ratio is about {_power(ratio)}. The others: "
        + "; ".join(f"{VARIANTS[s.variant]} {s.attainable}" for s in others[1:])
        + "; all counted at the same group sizes, without ties. With many ties U moves in halves, and a continuity correction of half a unit leaves the attainable values "
        "the same: then the correction cannot be told from P-values.",
        value=best.variant,
        expected=f"probability {share(best.probability)} among {len(report.inference.scores)} variants and none of them",
        certainty=certainty(best.probability),
    )


def _power(ratio: float) -> str:
    return f"10^{ratio:.0f}" if ratio >= 2 else f"{10**ratio:.2g}"


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
        certainty=certainty(best.probability),
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
        how="Smallest and largest U from the envelopes that the printed quantiles leave to the order statistics"
        + (
            f". They are wide: for {sum(w > 0.9 for w in widths)} of {len(widths)} P-values with a value nearly every P "
            "is inside, so that an agreement says little."
            if widths
            else "."
        ),
        value=str(len(report.ranges) - len(outside)),
        expected=str(len(report.ranges)),
    )
    for r in outside:
        yield Finding(
            finding="outside-quartiles-" + slug(r.claim.claim),
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
                finding="effect-" + slug(e.claim.claim),
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
            finding="hangs-on-variant-" + slug(f"{row['claim']}-{row['u']:g}"),
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
