"""Compare two folders of results, table by table and value by value.

``python benchmarks/compare_results.py OLD NEW`` matches the rows of every CSV file by their text columns and compares
the numbers to a relative tolerance of 1e-9; columns of prose are not compared. The exit status is 1 if a value, a row, a
column or a table differs, or if there is no table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

NOT_COMPARED = ("settings/", "logs/")
PROSE = {"reason", "note", "known_difference", "what", "how", "where"}
PROSE |= {"harmless_explanation", "expected", "data", "finding", "differs_in"}
NAMES = ("participant", "claim")  # text, also where they look like numbers


def read(path: Path) -> pd.DataFrame:
    """Read every column as text; what is empty stays empty."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def is_numeric(column: pd.Series) -> bool:
    """Return whether all that is not empty is a number."""
    filled = column[column.ne("")]
    return bool(pd.to_numeric(filled, errors="coerce").notna().all())


def compare_tables(old: pd.DataFrame, new: pd.DataFrame, *, rtol: float = 1e-9) -> list[str]:
    """Return one line per kind of difference between two tables.

    Rows are matched by all text columns that both have; within equal keys, by their order after sorting the numbers.
    """
    lines = [f"column {name!r} is gone" for name in old if name not in new and name not in PROSE]
    lines += [f"column {name!r} is new" for name in new if name not in old and name not in PROSE]
    common = [name for name in old if name in new and name not in PROSE]
    numeric = [name for name in common if name not in NAMES and is_numeric(old[name]) and is_numeric(new[name])]
    keys, sides = [name for name in common if name not in numeric], []
    for table in (old, new):
        frame = table[common].assign(**{name: pd.to_numeric(table[name].replace("", None)) for name in numeric})
        frame = frame.sort_values([*keys, *numeric], kind="stable").reset_index(drop=True)
        sides.append(frame.assign(row=frame.groupby(keys).cumcount() if keys else frame.index))
    both = sides[0].merge(sides[1], how="outer", on=[*keys, "row"], suffixes=(" of old", " of new"), indicator="found")
    for only, word in (("left_only", "gone"), ("right_only", "new")):
        missing = both[both["found"].eq(only)]
        if len(missing):
            example = tuple(missing[[*keys, "row"]].iloc[0])
            lines.append(f"{len(missing)} of {len(both)} rows are {word}, for example {example}")
    both = both[both["found"].eq("both")]
    for name in numeric:
        a, b = (both[f"{name} of {side}"].astype(float) for side in ("old", "new"))
        differs = ~np.isclose(a, b, rtol=rtol, atol=1e-12, equal_nan=True)
        if differs.any():
            place = int(np.argmax(differs))
            lines.append(
                f"{name}: {differs.sum()} of {len(a)} values differ (largest {(a - b).abs().max():.3g}), for example "
                f"{a.iloc[place]} -> {b.iloc[place]} at {tuple(both[[*keys, 'row']].iloc[place])}"
            )
    return lines


def compare_folders(old: Path, new: Path, *, rtol: float = 1e-9) -> dict[str, list[str]]:
    """Return the differences of every table of either folder, by its path; equal tables have an empty list."""
    names = {file.relative_to(folder).as_posix() for folder in (old, new) for file in folder.rglob("*.csv")}
    found = {}
    for name in sorted(names):
        if not any(part in name for part in NOT_COMPARED):
            only = [word for folder, word in ((new, "it is gone"), (old, "it is new")) if not (folder / name).exists()]
            found[name] = only or compare_tables(read(old / name), read(new / name), rtol=rtol)
    return found


def main(argv: list[str] | None = None) -> int:
    """Compare two folders and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--rtol", type=float, default=1e-9, help="relative tolerance (default: %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="print the tables that differ only")
    arguments = parser.parse_args(argv)
    found = compare_folders(arguments.old, arguments.new, rtol=arguments.rtol)
    for name, lines in found.items():
        if lines or not arguments.quiet:
            print(f"{'DIFFERS' if lines else 'equal  '}  {name}")
        for line in lines:
            print(f"           {line}")
    differing = sum(map(bool, found.values()))
    print(f"{len(found)} tables, {differing} differ")
    return int(differing > 0 or not found)


if __name__ == "__main__":
    sys.exit(main())
