"""Progress of long computations."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO


def report_tenths(title: str, unit: str, stream: TextIO | None = None) -> Callable[[int, int], None]:
    """Return a function that reports how many units are done, at every tenth of them, on standard error unless told where.

    Rules write standard error to their logs, and let standard output through to the terminal.
    """
    shown = 0

    def step(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 * done // total
        if tenth > shown:
            print(f"{title}: {done:,} of {total:,} {unit}", file=stream or sys.stderr, flush=True)
            shown = tenth

    return step
