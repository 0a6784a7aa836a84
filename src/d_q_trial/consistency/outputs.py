"""The files that a check leaves behind."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from ..files import safe_text, write_json, write_text
from . import findings
from .analysis import Report
from .lattice import VARIANTS, fit, fit_tied
from .page import render

# What each table is, in the order in which a report shows them.
PIECES = {
    "findings": ("Findings", "Observations about printed numbers, with the check behind each."),
    "variants": (
        "Which rank-sum test",
        "P-values that each variant can give, how many it would give by chance, and the likelihood of all together.",
    ),
    "abstract": (
        "P-values of the abstract under each variant",
        "P of the inferred U; yes where 0.05 lies between them.",
    ),
    "group_sizes": (
        "Group sizes that are not printed",
        "Every pair of numbers that meets the printed sums, with the P-values that it makes attainable.",
    ),
    "quartiles": (
        "Definition of the quartiles",
        "Nine definitions and two rounding rules, by the last printed digits.",
    ),
    "p_values": (
        "P-values under the inferred variant",
        "U, or the ties or smaller numbers that would explain the digits.",
    ),
    "ranges": ("P-values against quartiles", "Outer bounds of U and P for the printed medians, quartiles and ranges."),
    "lattice": (
        "P-values under every variant",
        "Whether the digits are attainable, and how probable that is by chance.",
    ),
}


def write(report: Report, folder: Path | str, heading: str) -> None:
    """Write all tables and the page; numbers have ten significant digits, text from the input is safe to open."""
    folder = Path(folder)
    rows = findings.as_rows(report.findings)
    _csv(folder / "findings.csv", findings.COLUMNS, rows)
    write_json(rows, folder / "findings.json")
    pieces = {name: {"title": title, "caption": caption} for name, (title, caption) in PIECES.items()}
    write_json(pieces, folder / "pieces.json")
    scores = report.inference.scores if report.inference else []
    _csv(
        folder / "variants.csv",
        (
            "variant",
            "attainable",
            "total",
            "by_chance",
            "attainable_with_ties",
            "attainable_at_own_sizes",
            "miss_rate",
            "log10_likelihood",
            "probability",
        ),
        [
            {
                "variant": s.variant,
                "attainable": s.attainable,
                "total": s.total,
                "by_chance": s.by_chance,
                "attainable_with_ties": s.attainable_with_ties,
                "attainable_at_own_sizes": s.attainable_at_own_sizes,
                "miss_rate": s.miss_rate,
                "log10_likelihood": s.log_likelihood / math.log(10),
                "probability": s.probability,
            }
            for s in scores
        ],
    )
    _csv(
        folder / "lattice.csv",
        (
            "claim",
            "where",
            "p",
            "n_first",
            "n_second",
            "variant",
            "attainable",
            "u",
            "chance",
            "attainable_with_ties",
            "chance_with_ties",
        ),
        _lattice_rows(report),
    )
    _csv(
        folder / "p_values.csv",
        ("claim", "where", "p", "n_first", "n_second", "status", "u", "tie_sum", "fewer"),
        [
            {
                "claim": a.claim.claim,
                "where": a.claim.where,
                "p": a.claim.p.text,
                "n_first": a.n_first,
                "n_second": a.n_second,
                "status": a.status,
                "u": _joined(a.u),
                "tie_sum": a.tie_sum,
                "fewer": " ".join(f"{m}/{n}" for m, n in a.fewer),
            }
            for a in report.assessments
        ],
    )
    options = report.inference.options if report.inference else []
    _csv(
        folder / "group_sizes.csv",
        (
            "first",
            "second",
            "n_first",
            "n_second",
            "attainable",
            "p_values",
            "log10_likelihood",
            "probability",
        ),
        [
            {
                "first": o.pair[0],
                "second": o.pair[1],
                "n_first": o.n_first,
                "n_second": o.n_second,
                "attainable": o.attainable,
                "p_values": o.total,
                "log10_likelihood": o.log_likelihood / math.log(10),
                "probability": o.probability,
            }
            for o in options
        ],
    )
    _csv(
        folder / "quartiles.csv",
        ("type", "rounding", "log10_likelihood", "probability", "impossible_digits"),
        [
            {
                "type": d.kind,
                "rounding": f"half {d.rounding}",
                "log10_likelihood": d.log_likelihood / math.log(10),
                "probability": d.probability,
                "impossible_digits": d.impossible,
            }
            for d in report.decision.definitions
        ],
    )
    _csv(
        folder / "ranges.csv",
        ("claim", "relation", "p", "n_first", "n_second", "u_low", "u_high", "p_low", "p_high", "inside"),
        [
            {
                "claim": r.claim.claim,
                "relation": r.claim.relation,
                "p": r.claim.p.text,
                "n_first": r.n_first,
                "n_second": r.n_second,
                "u_low": r.u_low,
                "u_high": r.u_high,
                "p_low": r.p_low,
                "p_high": r.p_high,
                "inside": r.inside,
            }
            for r in report.ranges
        ],
    )
    columns = ("claim", "where", "printed", "n_first", "n_second", "u", "u_other", *VARIANTS, "hangs_on_variant")
    _csv(folder / "abstract.csv", columns, report.abstract)
    write_text(render(report, heading), folder / "consistency.html")


def _lattice_rows(report: Report) -> list[dict[str, Any]]:
    rows = []
    for a in report.assessments:
        for variant in VARIANTS:
            plain = fit(a.claim.low, a.claim.high, a.n_first, a.n_second, variant)
            row = {
                "claim": a.claim.claim,
                "where": a.claim.where,
                "p": a.claim.p.text,
                "n_first": a.n_first,
                "n_second": a.n_second,
                "variant": variant,
                "attainable": plain.hits > 0,
                "u": _joined(plain.u),
                "chance": plain.chance,
            }
            if a.claim.ties.weight:
                tied = fit_tied(a.claim.low, a.claim.high, a.n_first, a.n_second, variant, a.claim.ties)
                row |= {"attainable_with_ties": bool(tied.u), "chance_with_ties": tied.chance}
            rows.append(row)
    return rows


def _joined(u: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in u)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return safe_text(value) if isinstance(value, str) else str(value)


def _csv(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    write_text(stream.getvalue(), path)
