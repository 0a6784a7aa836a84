"""How far the search is: one line on the terminal that is written over, or a line per tenth where there is none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(title: str, unit: str = "columns") -> Iterator[Callable[[int, int, str], None]]:
    """Yield a function ``step(done, total, what)`` that shows progress on standard error."""
    live = sys.stderr.isatty()
    shown = -1

    def step(done: int, total: int, what: str) -> None:
        nonlocal shown
        tenth = 10 * done // total
        if live:
            sys.stderr.write(f"\r\033[K{title}: {done}/{total} {unit}, {what}")
            sys.stderr.flush()
        elif tenth != shown:
            print(f"{title}: {done}/{total} {unit}, {what}", file=sys.stderr, flush=True)
        shown = tenth

    try:
        yield step
    finally:
        if live:
            sys.stderr.write("\n")


def tell(lines: list[str]) -> None:
    """Print lines on standard error."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)
