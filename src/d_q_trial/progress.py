"""Progress of long computations, on standard error, which rules log, or standard output, which the terminal shows."""

import sys
from collections.abc import Callable
from typing import TextIO


def report_tenths(title: str, unit: str, stream: TextIO | None = None) -> Callable[[int, int], None]:
    """Return a function that reports progress to a stream, by default standard error, at every tenth of the units."""
    reported = 0

    def report(done: int, total: int) -> None:
        nonlocal reported
        tenth = 10 * done // total
        if tenth > reported:
            print(f"{title}: {done:,} of {total:,} {unit}", file=stream or sys.stderr, flush=True)
            reported = tenth

    return report
