"""Progress of long computations, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable


def tenths(title: str, unit: str) -> Callable[[int, int], None]:
    """Return a function that reports how many units are done, at every tenth of them."""
    shown = 0

    def step(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 * done // total
        if tenth > shown:
            print(f"{title}: {done:,} of {total:,} {unit}", file=sys.stderr, flush=True)
            shown = tenth

    return step
