"""The whole check: claims and tables in, findings and the tables behind them out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UserError
from . import conventions, events, explained, flow, statements, tables
from .assess import Assessment, assess_all, under_each_variant
from .claims import Claim, read_claims
from .findings import Finding, in_order, slug
from .published import Published, read_published
from .quartiles import Decision, Printout, decide
from .ranges import EffectCheck, RangeCheck, check_effect, check_range
from .sizes import Constraint, read_constraints
from .variants import Inference, infer

USUAL_KIND = 7  # definition of the quartiles where the digits do not tell: R's and numpy's


@dataclass(frozen=True)
class Report:
    """Everything that the printed numbers of one paper gave."""

    title: str
    claims: list[Claim]
    inference: Inference | None
    assessments: list[Assessment]
    decision: Decision
    ranges: list[RangeCheck]
    effects: list[EffectCheck]
    abstract: list[dict]
    findings: list[Finding] = field(default_factory=list)


def check_claims(path: Path | str, sizes: Path | str | None = None) -> Report:
    """Check a CSV of claims, and a CSV of constraints on unprinted group sizes if there are any.

    Raises
    ------
    UserError
        If the claims hold nothing that can be checked.
    """
    claims = read_claims(path)
    constraints = read_constraints(sizes) if sizes else []
    report = _report(Path(path).stem, claims, constraints, decide(_printouts(claims)))
    if not report.findings:
        raise UserError(
            f"{path}: nothing to check: no rank-sum P-value is printed with a value (bounds such as <0.05 tell no "
            "test), and no medians of two groups go with one"
        )
    return report


def check_published(folder: Path | str) -> Report:
    """Check a folder of published tables, see :mod:`published`."""
    decision = decide(_printouts(read_published(folder).claims))
    published = read_published(folder, decision.steps)
    report = _report(Path(folder).resolve().name, published.claims, published.constraints, decision)
    extra = table_findings(published, report.inference.best.variant if report.inference else "normal")
    return replace(report, findings=in_order([*report.findings, *extra]))


def _report(title: str, claims: list[Claim], constraints: list[Constraint], decision: Decision) -> Report:
    source = next((claim.source for claim in claims if claim.usable), "")
    used = [claim for claim in claims if claim.usable and claim.source == source]
    inference = infer(used, constraints) if used else None
    assessments = assess_all(used, inference) if inference else []
    variant = inference.best.variant if inference else "normal"
    kind = decision.definitions[0].kind if decision.informative else USUAL_KIND
    ranges, effects = [], []
    for claim in claims:
        numbers = (inference.numbers if inference else {}).get(claim.claim, (claim.n_first, claim.n_second))
        if (
            claim.test == "rank_sum"
            and None not in numbers
            and not claim.too_large
            and (check := check_range(claim, *numbers, variant=variant, kind=kind))
        ):
            ranges.append(check)
        if effect := check_effect(claim):
            effects.append(effect)
    abstract = [row for a in assessments if a.claim.highlight for row in under_each_variant(a)]
    report = Report(title, claims, inference, assessments, decision, ranges, effects, abstract)
    return replace(
        report, findings=in_order([*conventions.findings(report), *explained.findings(report), *zero_p_values(claims)])
    )


def zero_p_values(claims: list[Claim]) -> Iterator[Finding]:
    """Report P-values of zero: one below zero is impossible, one equal to zero is a rounded one."""
    for claim in claims:
        if claim.p.value > 0 or claim.relation == ">":
            continue
        reported = f"P {claim.relation} {claim.p.text}"
        if claim.relation == "<":
            how, kind = "no P-value is below zero", "difference"
            harmless = "a P-value that was rounded before the sign was chosen"
        else:
            how, kind = f"read as below {claim.p.high:g}; its digits say nothing about the test", "observation"
            harmless = "a program that shows so many decimals only"
        name = f"zero-p-{slug(claim.claim)}"
        yield Finding(
            name, kind, f"{claim.claim}: {reported}", claim.where, how, reported, "", harmless_explanation=harmless
        )


def _printouts(claims: list[Claim]) -> dict[str, list[Printout]]:
    """Groups with quartiles and a printed number, by variable; changes are left out, their values have no step."""
    variables: dict[str, list[Printout]] = {}
    for claim in claims:
        if not claim.measured:
            continue
        for side, group, n in (("first", claim.first, claim.n_first), ("second", claim.second, claim.n_second)):
            if n and group.q1 and group.median and group.q3:
                variables.setdefault(claim.variable, []).append(Printout(side, n, group.q1, group.median, group.q3))
    return variables


def table_findings(published: Published, variant: str) -> list[Finding]:
    """Findings from the tables of the folder against each other; absent tables give none."""
    rows = {name: published.tables.get(name, []) for name in (
        "tests", "summaries", "counts", "registry_baseline", "flow", "registry_flow", "statements", "adverse_events"
    )}  # fmt: skip
    summaries, counts, said = rows["summaries"], rows["counts"], rows["statements"]
    numbers = counts + [row for row in summaries if row["n"]]
    return list(
        itertools.chain(
            tables.two_sources(rows["tests"], summaries, numbers),
            tables.means_equal_medians(rows["registry_baseline"], summaries),
            tables.totals_of_means(rows["registry_baseline"]),
            tables.odd_decimals(summaries),
            tables.impossible_changes(summaries),
            tables.order_of_limits(summaries),
            tables.parts_and_wholes(counts),
            statements.stated_numbers(said, numbers, published.claims, published.keys, variant),
            statements.stated_tests(said, rows["tests"], summaries),
            statements.percentages(summaries, rows["adverse_events"]),
            flow.flow(rows["registry_flow"], numbers),
            flow.withdrawals(rows["flow"], rows["registry_flow"]),
            statements.shares(said, counts),
            statements.limits(said),
            events.adverse_events(rows["adverse_events"], said),
        )
    )
