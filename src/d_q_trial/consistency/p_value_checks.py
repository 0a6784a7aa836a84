"""Findings on P-values: the test, unreported group sizes, single P-values, and P against quartiles and effects."""

import math
from collections import defaultdict
from collections.abc import Iterator

from ..stats.checks import is_significant
from . import VARIANTS, inference
from .findings import Finding, make_finding, slug
from .inference import ALPHA, ATTAINABLE, FEWER, MANY_TIES, MAX_MISSING, NEITHER, STATUSES, Assessment, Report
from .lattice import MAX_PAIRS

_SMALLER_PAIRS = (MAX_MISSING + 1) ** 2 - 1  # pairs of smaller group sizes that are tried for each P


def check_variant_of_the_test(report: Report) -> Iterator[Finding]:
    """Report the variant that the P-values fit, or that the published tables do not determine it."""
    if scores := report.inference.scores:
        yield make_finding("rank-sum-variant", scores=scores, fits=report.inference.fits)
    elif report.reported.tables:
        yield make_finding("no-variant", value=len(report.reported.p_values))


def check_definition_of_quartiles(report: Report) -> Iterator[Finding]:
    """Report the definition of the quartiles, if some digits depend on it."""
    if report.decision.steps:
        yield make_finding("quartile-definition", definitions=report.decision.definitions, steps=report.decision.steps)


def check_p_within_quartiles(report: Report) -> Iterator[Finding]:
    """Check P-values against the bounds that the reported quantiles set."""
    widths = [c.p_high - c.p_low for c in report.ranges if c.p.relation == "=" and not math.isnan(c.p_low)]
    if inside := [check.inside is not False for check in report.ranges if check.p.medians]:
        template_values = {"inside": sum(inside), "expected": len(inside)}
        template_values |= {"widths": len(widths), "wide": sum(width > 0.9 for width in widths)}
        yield make_finding("p-against-quartiles", **template_values)
    yield from (make_finding("outside-quartiles", slug(c.p.claim), check=c) for c in report.ranges if c.inside is False)


def check_effects(report: Report) -> Iterator[Finding]:
    """Check reported effects against the difference of the reported medians, allowing for the rounding of all three."""
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
    """Report the P-values of the abstract that are significant under some variants only."""
    scores, depending = report.inference.scores, [row for row in report.dependence if row["depends_on_variant"]]
    with_u = {row["claim"] for row in report.dependence}
    abstract = [p.claim for p in report.reported.p_values if p.highlight and p.test == "rank_sum"]
    for row in depending:
        above = [name for variant, name in VARIANTS.items() if not is_significant(row[variant], ALPHA)]
        name = slug(f"{row['claim']}-{row['u']:g}")
        yield make_finding("depends-on-variant", name, row=row, above=above, best=scores[0])
    if abstract and scores:
        template_values = {"unknown": [claim for claim in abstract if claim not in with_u], "expected": len(abstract)}
        template_values["value"] = len(with_u - {row["claim"] for row in depending})
        yield make_finding("abstract-steady", **template_values, best=scores[0])


def check_group_sizes(report: Report) -> Iterator[Finding]:
    """Report the most probable group sizes where these are not reported."""
    assumed = bool(report.reported.tables)  # without tables, the user gives all constraints
    for pair, options in report.inference.options.items():
        best = {options[0].n_first, options[0].n_second}  # P-values fit the exchanged sizes equally well
        others = [o.attainable for o in options if {o.n_first, o.n_second} != best]
        template_values = {"pair": format_pair(pair), "options": options, "others": others, "assumed": assumed}
        yield make_finding("group-size", slug(format_pair(pair)), **template_values)


def format_pair(pair: tuple[str, str]) -> str:
    """Name two groups; what their names have in parentheses once if it is the same."""
    (first, _, place), (second, _, second_place) = (name.rstrip(")").partition(" (") for name in pair)
    return f"{place}, {first} and {second}" if place and place == second_place else " and ".join(pair)


def check_fewer_participants(report: Report) -> Iterator[Finding]:
    """Report P-values that need the same smaller group sizes to be attainable without ties."""
    by_sizes: dict[tuple, list[Assessment]] = defaultdict(list)
    for a in report.assessments:
        if a.fewer and report.inference.fits:
            by_sizes[a.numbers, max(a.fewer, key=sum)].append(a)
    for (n, numbers), group in by_sizes.items():
        missed = sum(a.numbers == n and a.status != ATTAINABLE for a in report.assessments)
        # An upper bound, over the pairs that were tried and the choices among the P-values that were missed.
        chance = _SMALLER_PAIRS * math.comb(missed, len(group)) * math.prod(a.chance for a in group)
        if len(group) > 1 and chance <= 0.01:
            others = sorted(set.intersection(*(set(a.fewer) for a in group)) - {numbers}, reverse=True)
            template_values = {"n": n, "numbers": numbers, "others": others, "group": group, "chance": chance}
            template_values |= {"tried": _SMALLER_PAIRS, "missed": missed, "most": MAX_MISSING}
            yield make_finding("fewer", f"{n[0]}-{n[1]}-as-{numbers[0]}-{numbers[1]}", **template_values)


def check_attainable_p_values(report: Report) -> Iterator[Finding]:
    """Count the P-values by status, and report those that need many ties or are not attained."""
    groups = {status: [a for a in report.assessments if a.status == status] for status in STATUSES}
    if report.assessments:
        counts = [f"{len(g)} {'is' if len(g) == 1 else 'are'} {status}" for status, g in groups.items() if g]
        template_values = {"value": len(report.assessments), "counts": counts, "fewer": groups[FEWER]}
        yield make_finding("p-values-explained", **template_values, missed=len(groups[NEITHER]))
    if not report.inference.fits:
        return
    yield from (make_finding("many-ties", slug(a.p.claim), a=a) for a in groups[MANY_TIES])
    for a in groups[NEITHER]:
        statuses = {name: inference.assess_p(a.p, a.numbers, variant).status for variant, name in VARIANTS.items()}
        others = [name for name, status in statuses.items() if status != NEITHER]
        yield make_finding("not-attained", slug(a.p.claim), a=a, others=others)


def check_set_aside(report: Report) -> Iterator[Finding]:
    """Report P-values of groups that are too large for the lattice, or that have no determined size."""
    if large := [p for p in report.reported.p_values if p.with_value and p.too_large]:
        yield make_finding("set-aside", large=large, most=MAX_PAIRS)
    if report.unsettled:
        yield make_finding("unsettled", unsettled=report.unsettled)


def check_zero_p_values(report: Report) -> Iterator[Finding]:
    """Report P-values of zero: "P < 0" is impossible, and "P = 0" is a rounded value."""
    for p in report.reported.p_values:
        if p.p.value <= 0 and p.relation != ">":
            yield make_finding("zero-p", slug(p.claim), p=p)
