"""Check a paper, and write the findings, the tables behind them and the page."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from ..errors import UserError
from ..files import write_csv, write_json, write_text
from ..pages import render_page
from ..stats.checks import is_significant
from . import VARIANTS, checks, drawings
from .findings import KINDS, Finding, format_probability, sort_findings
from .inference import ALPHA, DEPENDENCE, Option, Report, Score, assess_paper
from .quartiles import Definition, RangeCheck, infer_definition
from .reported import read_csv, read_folder, with_recording_step

_PANELS = 6  # P-values that the page draws if no P-value is marked as one of the abstract
_YES_NO = {True: "yes", False: "no", None: ""}
_P_VALUE_COLUMNS = ("claim", "where", "p", "n_first", "n_second", "status", "u", "tie_sum", "fewer")
_FIT_COLUMNS = ("variant", "attainable", "u", "chance", "attainable_with_ties", "chance_with_ties")


def build_tables(report: Report, findings: list[Finding]) -> dict[str, pd.DataFrame]:
    """Return all tables of a check by the names of their files."""
    p_values, lattice = [], []
    for a in report.assessments:
        key = (a.p.claim, a.p.where, a.p.p.text, *a.numbers)
        p_values.append((*key, a.status, _join_u(a.u), a.tie_sum, " ".join(f"{m}/{n}" for m, n in a.fewer)))
        for variant in VARIANTS:
            plain, tied = a.p.fits(a.numbers, variant)
            with_ties = (_YES_NO[bool(tied.u)], tied.chance) if a.p.ties.weight else ("", None)
            lattice.append((*key, variant, _YES_NO[bool(plain.u)], _join_u(plain.u), plain.chance, *with_ties))
    ranges = [(r.p.claim, r.p.relation, r.p.p.text, *r[1:-1], _YES_NO[r.inside]) for r in report.ranges]
    dependence = [row | {"depends_on_variant": _YES_NO[row["depends_on_variant"]]} for row in report.dependence]
    return {
        "findings": pd.DataFrame(findings, columns=Finding._fields),
        "variants": pd.DataFrame(report.inference.scores, columns=Score._fields),
        "abstract": pd.DataFrame(dependence, columns=list(DEPENDENCE)),
        "group_sizes": pd.DataFrame(itertools.chain(*report.inference.options.values()), columns=Option._fields),
        "quartiles": pd.DataFrame(report.decision.definitions, columns=Definition._fields),
        "p_values": pd.DataFrame(p_values, columns=list(_P_VALUE_COLUMNS)),
        "ranges": pd.DataFrame(ranges, columns=["claim", "relation", *RangeCheck._fields]),
        "lattice": pd.DataFrame(lattice, columns=[*_P_VALUE_COLUMNS[:5], *_FIT_COLUMNS]),
    }


def _join_u(u: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in u)


def check_paper(path: Path | str) -> tuple[Report, list[Finding]]:
    """Check a folder of published tables, or a CSV of P-values; return the report and the findings, sorted by kind.

    UserError if the input has nothing that can be checked.
    """
    is_folder = Path(path).is_dir()
    reported = read_folder(path) if is_folder else read_csv(path)
    decision = infer_definition(reported.p_values)
    for index, p in enumerate(reported.p_values):
        if is_folder and p.measured and p.variable in decision.steps:  # the recording step is not the last decimal
            reported.p_values[index] = with_recording_step(decision.steps[p.variable], p)
    report = assess_paper(reported, decision)
    functions = [function for name, function in vars(checks).items() if name.startswith("check_")]
    findings = sort_findings(finding for check in functions for finding in check(report))
    if {finding.finding for finding in findings} <= {"not-checked"}:
        raise UserError(
            f"{path}: nothing to check: no rank-sum P-value is reported with a value (a bound such as <0.05 fits every "
            "test), and none has the medians of two groups"
        )
    return report, findings


def write_check(
    report: Report,
    findings: list[Finding],
    folder: Path | str,
    heading: str,
    *,
    plain: Callable[[str], str] = str,
    links: Sequence[tuple[str, str]] = (),
) -> None:
    """Write all tables and the page.

    ``plain`` replaces keys by labels on the page; ``links`` are other pages, as text and address.
    """
    folder = Path(folder)
    write_json([finding._asdict() for finding in findings], folder / "findings.json")
    for name, table in build_tables(report, findings).items():
        write_csv(table, folder / f"{name}.csv")
    drawing = drawings.draw_matrix(report.assessments) if report.assessments else ""
    write_text(drawing.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1), folder / "attainable.svg")
    page = render_page(
        "consistency.html.j2",
        title=heading,
        label=None,
        links=links,
        report=report,
        findings=[(kind, meaning, [f for f in findings if f.kind == kind]) for kind, meaning in KINDS.items()],
        panels=[a for a in report.assessments if a.p.highlight] or report.assessments[:_PANELS],
        plain=plain,
        format_pair=checks.format_pair,
        matrix=drawing,
        drawings=drawings,
        variants=VARIANTS,
        alpha=ALPHA,
        rejects=lambda p: is_significant(p, ALPHA),
        share=format_probability,
    )
    write_text(page, folder / "consistency.html")
