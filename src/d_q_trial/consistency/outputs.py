"""Check a paper, and write the findings, the tables behind them and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..errors import UserError
from ..files import write_csv, write_json, write_text
from ..pages import render
from . import drawings, p_value_checks, table_checks
from .assess import ALPHA, DEPENDENCE, Assessment, Report, assess_paper
from .findings import COLUMNS, KINDS, Finding, as_rows, in_order, share
from .lattice import VARIANTS, fit, fit_tied
from .quartiles import Definition, decide
from .reported import Reported, read_folder, read_p_values
from .sizes import read_constraints
from .variants import Option, Score

_PANELS = 6  # P-values that the page draws where none is marked as one of the abstract
_NUMBERS = ("claim", "where", "p", "n_first", "n_second")


class Table(NamedTuple):
    """A table of the check: title, caption, columns, and its rows from a report."""

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: Callable[[Report], list[tuple]]


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _numbers(a: Assessment) -> tuple:
    return a.p.claim, a.p.where, a.p.p.text, *a.numbers


def _joined(u: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in u)


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _lattice_rows(report: Report) -> Iterator[tuple]:
    for a in report.assessments:
        for variant in VARIANTS:
            plain, with_ties = fit(a.p.low, a.p.high, *a.numbers, variant), ("", None)
            if a.p.ties.weight:
                tied = fit_tied(a.p.low, a.p.high, *a.numbers, variant, a.p.ties)
                with_ties = (_yes(bool(tied.u)), tied.chance)
            yield *_numbers(a), variant, _yes(bool(plain.u)), _joined(plain.u), plain.chance, *with_ties


# In the order in which a report shows them; findings.csv is written from the findings.
TABLES = {
    "findings": Table("Findings", "Observations about reported numbers, with the check behind each.", COLUMNS, lambda r: []),
    "variants": Table(
        "Which rank-sum test",
        "P-values that each variant can give, how many it would give by chance, and the likelihood of all together.",
        _names(Score),
        lambda report: report.inference.scores if report.inference else [],
    ),
    "abstract": Table(
        "P-values of the abstract under each variant",
        "P of the inferred U; yes where 0.05 lies between them.",
        DEPENDENCE,
        lambda report: [(*list(row.values())[:-1], _yes(row["depends_on_variant"])) for row in report.dependence],
    ),
    "group_sizes": Table(
        "Group sizes that are not reported",
        "Every pair of numbers that meets the reported sums, with the P-values that it makes attainable.",
        _names(Option),
        lambda report: report.inference.options if report.inference else [],
    ),
    "quartiles": Table(
        "Definition of the quartiles",
        "Nine definitions and two rounding rules, by the last reported digits.",
        _names(Definition),
        lambda report: report.decision.definitions,
    ),
    "p_values": Table(
        "P-values under the inferred variant",
        "U, or the ties or smaller numbers that would explain the digits.",
        (*_NUMBERS, "status", "u", "tie_sum", "fewer"),
        lambda report: [
            (*_numbers(a), a.status, _joined(a.u), a.tie_sum, " ".join(f"{m}/{n}" for m, n in a.fewer))
            for a in report.assessments
        ],
    ),
    "ranges": Table(
        "P-values against quartiles",
        "Outer bounds of U and P for the reported medians, quartiles and ranges.",
        ("claim", "relation", "p", "n_first", "n_second", "u_low", "u_high", "p_low", "p_high", "inside"),
        lambda report: [
            (r.p.claim, r.p.relation, r.p.p.text, r.n_first, r.n_second, r.u_low, r.u_high, r.p_low, r.p_high, _yes(r.inside))
            for r in report.ranges
        ],
    ),
    "lattice": Table(
        "P-values under every variant",
        "Whether the digits are attainable, and how probable that is by chance.",
        (*_NUMBERS, "variant", "attainable", "u", "chance", "attainable_with_ties", "chance_with_ties"),
        lambda report: list(_lattice_rows(report)),
    ),
}  # fmt: skip


def check_csv(path: Path | str, sizes: Path | str | None = None) -> tuple[Report, list[Finding]]:
    """Check a CSV of P-values, and a CSV of constraints on unreported group sizes if there are any.

    Raises
    ------
    UserError
        If the P-values hold nothing that can be checked.
    """
    reported = Reported(Path(path).stem, read_p_values(path), read_constraints(sizes) if sizes else [])
    report = assess_paper(reported, decide(reported.p_values))
    findings = _findings(report)
    if not findings:
        raise UserError(
            f"{path}: nothing to check: no rank-sum P-value is reported with a value (a bound such as <0.05 fits every "
            "test), and none has the medians of two groups"
        )
    return report, findings


def check_folder(folder: Path | str) -> tuple[Report, list[Finding]]:
    """Check a folder of published tables."""
    decision = decide(read_folder(folder).p_values)
    report = assess_paper(read_folder(folder, decision.steps), decision)
    return report, _findings(report)


def _findings(report: Report) -> list[Finding]:
    checks = (*p_value_checks.CHECKS, *table_checks.CHECKS)
    return in_order(finding for check in checks for finding in check(report))


def write(
    report: Report,
    findings: list[Finding],
    folder: Path | str,
    heading: str,
    *,
    plain: Callable[[str], str] = str,
    links: Sequence[tuple[str, str]] = (),
) -> None:
    """Write all tables and the page.

    ``plain`` puts labels in place of keys on the page; ``links`` are other pages, as text and address.
    """
    folder = Path(folder)
    write_json(as_rows(findings), folder / "findings.json")
    described = {name: {"title": table.title, "caption": table.caption} for name, table in TABLES.items()}
    write_json(described, folder / "pieces.json")
    for name, table in TABLES.items():
        rows = [row if isinstance(row, tuple) else tuple(asdict(row).values()) for row in table.rows(report)]
        if name == "findings":
            rows = [tuple(asdict(finding).values()) for finding in findings]
        write_csv(pd.DataFrame(rows, columns=table.columns), folder / f"{name}.csv")
    groups = [(kind, meaning, [f for f in findings if f.kind == kind]) for kind, meaning in KINDS.items()]
    page = render(
        "consistency.html.j2",
        title=heading,
        label=None,
        links=links,
        report=report,
        findings=groups,
        panels=[a for a in report.assessments if a.p.highlight] or report.assessments[:_PANELS],
        plain=plain,
        pair_label=p_value_checks.label,
        drawings=drawings,
        variants=VARIANTS,
        alpha=ALPHA,
        share=share,
    )
    write_text(page, folder / "consistency.html")
