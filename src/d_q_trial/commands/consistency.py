"""Command ``consistency``: what printed numbers say about themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "check printed P-values, group sizes, medians and quartiles against each other"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take claims and an output folder."""
    parser.add_argument(
        "claims",
        type=Path,
        help="CSV with a row per printed P-value, or a folder of published tables; see docs/consistency.md",
    )
    parser.add_argument("--sizes", type=Path, help="CSV of constraints on group sizes that are not printed")
    parser.add_argument(
        "--output", type=Path, default=Path("consistency"), help="folder for tables and page (default: %(default)s)"
    )
    parser.add_argument("--title", help="heading of the page")


def run(args: argparse.Namespace) -> None:
    """Check and write."""
    from ..consistency import analysis, outputs
    from ..errors import UserError

    if args.claims.is_dir():
        if args.sizes:
            raise UserError("--sizes goes with a CSV of claims; a folder of published tables has its own counts.csv")
        report = analysis.check_published(args.claims)
    else:
        report = analysis.check_claims(args.claims, args.sizes)
    outputs.write(report, args.output, args.title or f"What printed numbers say about themselves: {report.title}")
