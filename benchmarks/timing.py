"""Measure the time of calls, and parse numbers on the command line, for all benchmarks."""

import argparse
import os
import time
from typing import Any, NamedTuple


class Seconds(NamedTuple):
    """Duration of one call; the processor time includes the finished child processes."""

    clock: float
    processor: float


def timed(action, *arguments) -> tuple[Seconds, Any]:
    """Return the duration and the result of a call."""
    start, before = time.perf_counter(), os.times()
    result = action(*arguments)
    after = os.times()
    return Seconds(time.perf_counter() - start, sum(after[:4]) - sum(before[:4])), result


def parse_numbers(description: str, name: str) -> list[int]:
    """Return the integers on the command line; its help shows the ``description`` and calls the numbers ``name``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", type=int, nargs="*", metavar=name)
    return parser.parse_args().numbers
