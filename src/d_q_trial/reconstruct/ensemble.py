"""Many cohorts that agree with everything printed, a workbook each."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..errors import UserError
from . import progress
from .cohort import reconstruct
from .correlations import correlations
from .plan import Plan
from .printed import Printed
from .workbook import write_workbook


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of ``"1-100"`` or ``"3,5,8-10"``."""
    seeds: list[int] = []
    for part in text.split(","):
        numbers = [piece.strip() for piece in part.split("-")]
        if len(numbers) > 2 or not all(map(str.isdigit, numbers)) or int(numbers[0]) > int(numbers[-1]):
            raise UserError(f"--seeds {text!r}: expected whole numbers and ranges, such as 1-100 or 3,5,8-10")
        seeds += range(int(numbers[0]), int(numbers[-1]) + 1)
    return list(dict.fromkeys(seeds))


def as_ranges(seeds: list[int]) -> str:
    """Return what :func:`parse_seeds` reads as ``seeds``, in order and as short as can be."""
    parts: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if parts and parts[-1][-1] == seed - 1:
            parts[-1] = [parts[-1][0], seed]
        else:
            parts.append([seed])
    return ",".join("-".join(map(str, part)) for part in parts)


def cohort_name(seed: int) -> str:
    """Return the name of a cohort's workbook."""
    return f"cohort_{seed:04d}.xlsx"


def seeds_of(folder: Path | str) -> list[int]:
    """Return the seeds whose cohorts are in a folder, in order."""
    names = (re.fullmatch(r"cohort_(\d{4,})\.xlsx", path.name) for path in Path(folder).glob("*.xlsx"))
    return sorted(int(name[1]) for name in names if name)


def make_cohorts(plan: Plan, printed: Printed, seeds: list[int], folder: Path | str) -> None:
    """Search a cohort per seed and write it as ``cohort_0001.xlsx``; tell what goes together within their women.

    A cohort depends on its seed alone, so that parts of the seeds can be made side by side by several processes.
    """
    soft, seconds = [], []
    for number, seed in enumerate(seeds):
        with progress.bar(f"cohort {number + 1} of {len(seeds)} (seed {seed})") as step:
            cohort = reconstruct(plan, printed, seed, progress=step)
        write_workbook(cohort, plan, Path(folder) / cohort_name(seed))
        soft.append(correlations(cohort, plan))
        seconds.append(cohort.seconds)
    lines = [f"{len(seeds)} cohorts; seconds per cohort: median {np.median(seconds):.1f}, longest {max(seconds):.1f}"]
    lines.append("Spearman correlations within women: least, median and greatest of the cohorts")
    for name in soft[0]:
        low, middle, high = np.quantile([each[name] for each in soft], [0, 0.5, 1])
        lines.append(f"  {low:5.2f} {middle:5.2f} {high:5.2f}  {name}")
    progress.tell(lines)
