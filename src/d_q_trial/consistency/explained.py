"""Findings about single P-values and their groups: sizes that are not printed, and what would explain a miss."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .assess import ATTAINABLE, FEWER, MANY_TIES, MOST_MISSING, NEITHER, OTHER, TIES, assess
from .findings import OPEN, PROBABLE, STRONG, Finding, certainty, listed, share, slug
from .lattice import MOST_PAIRS, VARIANTS

if TYPE_CHECKING:
    from .analysis import Report
    from .variants import Option


def findings(report: Report) -> Iterator[Finding]:
    """Group sizes, misses and what was left out."""
    if report.inference:
        yield from _sizes(report)
        yield from _missing(report)
        yield from _misses(report)
        yield from _other_sources(report)
    yield from _set_aside(report)


def _sizes(report: Report) -> Iterator[Finding]:
    for pair, options in solutions(report).items():
        best = options[0]
        likely = [o for o in options if o.probability > 0.01]
        yield Finding(
            finding="group-size-" + slug("-".join(pair)),
            kind="group size",
            what=f"{label(pair)}: " + " or ".join(f"{o.n_first} and {o.n_second}" for o in likely),
            where=f"{best.total} P-value{'s' if best.total > 1 else ''} of these groups, and all printed sums",
            how=f"{len(options)} pairs of numbers meet the printed sums; {best.attainable} of the {best.total} "
            f"P-values {'are' if best.total > 1 else 'is'} attainable at {best.n_first} and {best.n_second}"
            + (f", at most {max(o.attainable for o in options[1:])} at another pair." if len(options) > 1 else ".")
            + " P-values cannot tell which of two groups is the larger; sums over groups and strata can.",
            value="not printed",
            expected="; ".join(f"{o.n_first} and {o.n_second} ({share(o.probability)})" for o in options),
            certainty=certainty(best.probability),
        )


def solutions(report: Report) -> dict[tuple[str, str], list[Option]]:
    """Every pair of unprinted numbers that meets the sums, most probable first, by the names of the pair."""
    by_pair = defaultdict(list)
    for option in report.inference.options:
        by_pair[option.pair].append(option)
    return dict(by_pair)


def label(pair: tuple[str, str]) -> str:
    """Name the two groups; names such as ``arm:stratum:set`` of :mod:`published` are taken apart."""
    (first, _, place), (second, _, other) = (end.partition(":") for end in pair)
    if not place or place != other:
        return " and ".join(pair)
    stratum, _, collection = place.partition(":")
    outcomes, *rest = (part.replace("_", " ") for part in collection.split("/"))
    parts = [outcomes.replace("+", " and "), *rest]
    return f"{stratum}, {', '.join(parts)}, {first} and {second}"


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
        common = set.intersection(*(set(a.fewer) for a in group))
        others = sorted(common - {numbers}, reverse=True)
        yield Finding(
            finding=f"fewer-{n_first}-{n_second}-as-{numbers[0]}-{numbers[1]}",
            kind="group size",
            what=f"{len(group)} P-values that {n_first} and {n_second} participants cannot give without ties are "
            f"attainable at {numbers[0]} and {numbers[1]}: {listed(a.claim.variable for a in group)}",
            where=listed(sorted({a.claim.where for a in group})),
            how=f"All {_TRIED} pairs of numbers up to {MOST_MISSING} smaller in either group were tried. "
            + (f"{_pairs(others)} would give all of these too. " if others else "No other pair gives all of these. ")
            + f"That all fit the same numbers has a probability of about {share(chance)} by chance."
            + (f" {tied} of them may also come from ties." if tied else ""),
            value=f"{n_first} and {n_second}",
            expected=_pairs([numbers, *others]),
            certainty=STRONG if chance < 1e-4 else PROBABLE,
            harmless_explanation="A participant without a value of these variables.",
        )
    if single:
        tied = sum(a.status == TIES for a in single)
        by_chance = sum(1 - (1 - a.chance) ** _TRIED for a in single) / len(single)
        yield Finding(
            finding="ties-or-fewer",
            kind="group size",
            what=f"{len(single)} P-values are not attainable at the full numbers without ties; smaller numbers would "
            f"give them, and ties would give {tied} of them",
            where=listed(sorted({a.claim.where for a in single})),
            how=f"Of the {_TRIED} pairs of numbers up to {MOST_MISSING} smaller in either group, those that fit are: "
            + "; ".join(f"{a.claim.claim} (not {a.n_first} and {a.n_second}): {_pairs(a.fewer)}" for a in single)
            + f". For digits laid at random some pair fits in {by_chance:.0%} of such cases, so that a fit alone says "
            "little.",
            value=str(len(single)),
            certainty=OPEN,
            harmless_explanation="Ties, or a participant without a value of the variable.",
        )


_TRIED = (MOST_MISSING + 1) ** 2 - 1


def _pairs(numbers) -> str:
    return " or ".join(f"{m} and {n}" for m, n in numbers)


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
            finding="many-ties-" + slug(a.claim.claim),
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
            finding="not-attained-" + slug(a.claim.claim),
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


def _other_sources(report: Report) -> Iterator[Finding]:
    """P-values of the sources that did not enter the inference, under the variant that it gave."""
    best = report.inference.best
    by_source = defaultdict(list)
    for claim in report.claims:
        if claim.usable and claim.claim not in report.inference.numbers and claim.n_first and claim.n_second:
            by_source[claim.source].append(assess(claim, claim.n_first, claim.n_second, best.variant))
    for source, group in by_source.items():
        reached = [a for a in group if a.status == ATTAINABLE]
        yield Finding(
            finding="p-values-of-" + slug(source or "another source"),
            kind="agreement" if len(reached) == len(group) else "observation",
            what=f"{len(reached)} of {len(group)} P-values of the {source or 'other source'} are attainable without ties "
            f"under the variant inferred without them; {sum(a.chance for a in group):.1f} would be by chance",
            where=listed(a.claim.where for a in group),
            how="At the numbers that this source prints: "
            + "; ".join(f"{a.claim.p.text} with {a.n_first} and {a.n_second} is {a.status}" for a in group)
            + ". Those that repeat a P-value of the first source are no new evidence.",
            value=str(len(reached)),
            expected=str(len(group)),
            harmless_explanation="" if len(reached) == len(group) else "Ties, or a participant without a value.",
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
