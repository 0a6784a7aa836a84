"""Get the workbook from the publisher, or from an address."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

HELP = (
    "Fetch the participant workbook: from ADDRESS, or by trying the article's supplementary workbooks in turn. The "
    "pattern of their addresses is UNVERIFIED: it follows the publisher's habit and nobody has confirmed it for this "
    "article."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("address", nargs="?", metavar="ADDRESS", help="http(s) address; may end in #sha256=CHECKSUM")
    parser.add_argument("--folder", type=Path, default=Path("data/raw"), help="where to store it (%(default)s)")
    parser.add_argument("--timeout", type=_seconds, default=30.0, help="seconds without an answer (%(default)g)")
    parser.add_argument("--deadline", type=_seconds, default=600.0, help="seconds for a whole file (%(default)g)")
    parser.add_argument("--sha256", metavar="CHECKSUM", help="demand this checksum; only with ADDRESS")
    parser.add_argument("--force", action="store_true", help="replace a file of the same name with other content")
    parser.add_argument("--supplement", type=Path, default=Path("data/supplement.yaml"), help="addresses to try")
    parser.add_argument("--trial", type=Path, default=Path("data/trial.yaml"), help="what participants are known by")


def run(arguments: argparse.Namespace) -> int | None:
    """Fetch, say what was stored and what to do next."""
    from .. import download, fetch
    from ..errors import UserError
    from ..trial import load_trial

    trial = load_trial(arguments.trial)
    patience = download.Patience(arguments.timeout, arguments.deadline)
    options = {
        "check": lambda path: fetch.participants_missing(path, trial),
        "force": arguments.force,
        "patience": patience,
    }
    if arguments.address:
        found = fetch.fetch(arguments.address, arguments.folder, sha256=arguments.sha256, **options)
    elif arguments.sha256:
        raise UserError("--sha256 needs an ADDRESS: the article's workbooks are several files")
    else:
        supplement = fetch.load_supplement(arguments.supplement)
        if not supplement.verified:
            print(f"The addresses in {arguments.supplement} are unverified.", file=sys.stderr)
        found = fetch.fetch_first(
            supplement, arguments.folder, say=lambda line: print(line, file=sys.stderr), **options
        )
    print(f"{found.path}: {'stored' if found.new else 'was there already, unchanged'} (SHA-256 {found.sha256})")
    for note in found.notes:
        print(f"note: {note}")
    if found.problem:
        print(f"note: {found.problem}")
    print(f"Next: python -m d_q_trial inspect {found.path}")


def _seconds(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value
