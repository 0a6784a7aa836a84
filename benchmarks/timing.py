"""The stopwatch of all benchmarks, and the command line of those that take numbers."""

import argparse
import os
import time
from typing import Any, NamedTuple


class Seconds(NamedTuple):
    """Of one call; those of the processor include the processes that it starts, once they have ended."""

    clock: float
    processor: float


def timed(action, *arguments) -> tuple[Seconds, Any]:
    """Return what a call takes and what it returns."""
    clock, before = time.perf_counter(), os.times()
    result = action(*arguments)
    after = os.times()
    return Seconds(time.perf_counter() - clock, sum(after[:4]) - sum(before[:4])), result


def numbers_given(about: str, name: str) -> list[int]:
    """Return the whole numbers on the command line, called ``name`` in its help; ``about`` is what the benchmark does."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", type=int, nargs="*", metavar=name)
    return parser.parse_args().numbers
