"""Claims and constraints from a folder of published tables: ``tests.csv``, ``summaries.csv`` and ``counts.csv``.

The groups come from the rows themselves: a contrast ``A - B`` compares the groups A and B within a stratum, or the
strata A and B. Group sizes are looked up where they are printed; where only sums are, they become unknowns.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UserError
from ..published_tables import read_published as read_checked
from .claims import Claim, Group
from .printed import maybe, parse
from .sizes import Constraint, parse_constraint
from .tables import ALL_PARTICIPANTS, Row, same_quantity
from .ties import FEW_TIES, UNKNOWN_TIES, from_decimals


@dataclass(frozen=True)
class Published:
    """The tables of a folder as text, and the claims and constraints that follow from them."""

    tables: dict[str, list[Row]]
    claims: list[Claim]
    constraints: list[Constraint]
    keys: dict[str, Row]  # the row of tests.csv behind each claim


def read_tables(folder: Path | str) -> dict[str, list[Row]]:
    """Read every CSV of the folder, and check the columns and cells of those that are used."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of published tables")
    if not (folder / "tests.csv").is_file():
        raise UserError(f"{folder}: no tests.csv, the table of printed P-values")
    tables = {path.stem: read_checked(folder, path.stem) for path in sorted(folder.glob("*.csv"))}
    return tables


def read_published(folder: Path | str, steps: dict[str, float] | None = None) -> Published:
    """Read a folder and set up its claims.

    Parameters
    ----------
    folder : path
    steps : dict of outcome to float, optional
        Steps in which outcomes were recorded, where the printed decimals mislead.
    """
    tables = read_tables(folder)
    summaries = defaultdict(list)
    for row in tables.get("summaries", []):
        summaries[same_quantity(row)].append(row)
    numbers = _Numbers(tables, sorted({side for row in tables["tests"] for side in _sides(row)}))
    claims, keys = [], {}
    for row in tables["tests"]:
        claim = _claim(row, tables, summaries, numbers, steps or {}, f"{folder}/tests.csv")
        if claim.claim in keys:
            claim = replace(claim, claim=f"{claim.claim}, {row['locator']}")
        if claim.claim in keys:
            raise UserError(f"{folder}/tests.csv, row {row['_row']}: {claim.claim!r} is printed twice in one place")
        claims.append(claim)
        keys[claim.claim] = row
    return Published(tables, claims, numbers.constraints(), keys)


def _sides(row: Row) -> tuple[str, ...]:
    return tuple(part.strip() for part in row["contrast"].split(" - ")) if " - " in row["contrast"] else ()


def _claim(row: Row, tables, summaries, numbers: _Numbers, steps, path: str) -> Claim:
    def fail(column: str, expected: str):
        raise UserError(f"{path}, row {row['_row']}, column {column}: {row[column]!r}, expected {expected}")

    try:
        p = parse(row["p"])
        effect = maybe(row.get("effect", "").lstrip("+"))
    except ValueError as error:
        raise UserError(f"{path}, row {row['_row']}: {error}") from None
    sides = _sides(row)
    if len(sides) != 2:
        fail("contrast", "'first group - second group'")
    between_strata = numbers.are_strata(sides, row["marker"])
    groups, sizes = [], []
    for side in sides:
        place = row | {"stratum": side, "group": "all"} if between_strata else row | {"group": side}
        groups.append(_group(place, summaries.get(same_quantity(place), [])))
        sizes.append(numbers.look_up(place, row.get(f"n_{side}", "")))
    first, second = groups
    n_first, n_second = (size if isinstance(size, int) else None for size in sizes)
    if row["measure"] == "baseline" and first.median is not None:
        step = steps.get(
            row["outcome"], 10.0 ** -max(first.median.decimals, second.median.decimals if second.median else 0)
        )
        ties = from_decimals(step, first, second, n_first or 30, n_second or 30)
    else:
        ties = UNKNOWN_TIES if row["measure"] == "baseline" else FEW_TIES
    label = [row["outcome"], row["measure"].replace("_", " "), row["visit"].replace("_", " ")]
    if row["visit"] == row["measure"]:
        label.pop()
    if row["stratum"] not in ALL_PARTICIPANTS:
        label.append(row["stratum"] + (f" by {row['marker']}" if row["marker"] else ""))
    if row["source"] != tables["tests"][0]["source"]:
        label.append(row["source"])
    return Claim(
        claim=", ".join(label), relation=row["p_relation"][:1], p=p, n_first=n_first, n_second=n_second,
        size_first="" if n_first else sizes[0], size_second="" if n_second else sizes[1], test=row["test"],
        where=row["locator"], source=row["source"], ties=ties, highlight="abstract" in row["locator"].lower(),
        effect=effect, first=first, second=second, variable=row["outcome"],
        measured=row["measure"] == "baseline",
    )  # fmt: skip


def _group(place: Row, summaries: list[Row]) -> Group:
    """Quartiles and range of one group, from rows of its quantity in all sources; the first to print a part is taken."""
    parts: dict[str, str] = {}
    for row in summaries:
        alike = row["group"] == place["group"] or (
            row["group"] in ALL_PARTICIPANTS and place["group"] in ALL_PARTICIPANTS
        )
        if not alike:
            continue
        lower, upper = {"median_iqr": ("q1", "q3"), "median_range": ("minimum", "maximum")}.get(
            row["statistic"], ("", "")
        )
        if lower:
            for part, column in (("median", "center"), (lower, "lower"), (upper, "upper")):
                if row[column]:
                    parts.setdefault(part, row[column])
    try:
        return Group(**{part: maybe(text) for part, text in parts.items()})
    except ValueError as error:
        raise UserError(f"summaries.csv, {place['outcome']}: {error}") from None


class _Numbers:
    """Numbers of participants: printed ones, and names for those of which only sums are printed."""

    def __init__(self, tables: dict[str, list[Row]], sides: list[str]):
        self.counts: dict[tuple, tuple[int, str]] = {}
        rows = tables.get("counts", []) + tables.get("summaries", []) + tables.get("tests", [])
        for row in rows:
            with contextlib.suppress(KeyError):
                for group, text in self._printed(row):
                    if text.isdecimal():
                        group = "all" if group in ALL_PARTICIPANTS else group
                        key = (row["outcome"], row["visit"], row["marker"], same_quantity(row)[4], group)
                        self.counts.setdefault(key, (int(text), row["locator"]))
        self.strata: dict[str, list[str]] = {}
        for _, _, marker, stratum, _ in self.counts:
            if marker and stratum != "all" and stratum not in self.strata.setdefault(marker, []):
                self.strata[marker].append(stratum)
        strata = {stratum for names in self.strata.values() for stratum in names}
        self.arms = [side for side in sides if side not in strata]
        self._profiles: dict[tuple[str, str, str], dict[tuple[str, str], int]] = {}
        self.sets: dict[str, tuple[str, str, str]] = {}  # name of a set of measurements: outcome, visit, marker

    @staticmethod
    def _printed(row: Row):
        if "group" in row:
            yield row["group"], row["n"]
        for column, text in row.items():
            if column.startswith("n_") and text:
                yield column[2:], text

    def are_strata(self, sides: tuple[str, ...], marker: str) -> bool:
        return set(sides) <= set(self.strata.get(marker, ()))

    def look_up(self, place: Row, printed: str) -> int | str:
        """Number of a group: printed in the row, elsewhere for the same quantity, or the name of an unknown."""
        if printed.isdecimal():
            return int(printed)
        stratum = same_quantity(place)[4]
        group = "all" if place["group"] in ALL_PARTICIPANTS else place["group"]
        donor = self._donor(place["outcome"], place["visit"], place["marker"], stratum)
        found = self.counts.get((donor, place["visit"], place["marker"], stratum, group))
        if found is None and stratum == "all":
            found = self.counts.get((donor, place["visit"], "", "all", group))
        if found:
            return found[0]
        return self._name(self._set(donor, place["visit"], place["marker"]), stratum, group)

    def _donor(self, outcome: str, visit: str, marker: str, stratum: str) -> str:
        """Outcome whose numbers hold: its own if printed, else the one with the most participants at the visit."""
        here = [(key, n) for key, (n, _) in self.counts.items() if key[1:4] == (visit, marker, stratum)]
        if any(key[0] == outcome for key, _ in here) or not here:
            return outcome
        return max(here, key=lambda item: item[1])[0][0]

    def _profile(self, outcome: str, visit: str, marker: str) -> dict[tuple[str, str], int]:
        """Printed numbers of an outcome at a visit, by stratum and arm ("all" for the sums)."""
        key = (outcome, visit, marker)
        if key not in self._profiles:
            profile = {}
            for (o, v, m, stratum, group), (n, _) in self.counts.items():
                if (o, v) == key[:2] and (m == marker or (not m and stratum == "all")) and group in (*self.arms, "all"):
                    profile[stratum, group] = n
            self._profiles[key] = profile
        return self._profiles[key]

    def _set(self, outcome: str, visit: str, marker: str) -> str:
        """Name of the participants with a value: outcomes with the same printed numbers at a visit share them."""
        profile = self._profile(outcome, visit, marker)
        alike = sorted({k[0] for k in self.counts if k[1] == visit and self._profile(k[0], visit, marker) == profile})
        name = "/".join(["+".join(alike) or outcome, visit, marker])
        self.sets[name] = (outcome, visit, marker)
        return name.replace(" ", "_")

    @staticmethod
    def _name(collection: str, stratum: str, group: str) -> str:
        return f"{group}:{stratum}:{collection}".replace(" ", "_")

    def constraints(self) -> list[Constraint]:
        """Sums over groups and over strata, and later numbers no larger than earlier ones."""
        lines: list[tuple[str, str]] = []
        for name, (outcome, visit, marker) in self.sets.items():
            strata = self.strata.get(marker, [])
            for stratum in strata:
                total = self.counts.get((outcome, visit, marker, stratum, "all"))
                if total:
                    terms = " + ".join(self._name(name, stratum, arm) for arm in self.arms)
                    lines.append((f"{terms} = {total[0]}", total[1]))
            for arm in self.arms:
                total = self.counts.get((outcome, visit, "", "all", arm))
                if total and strata:
                    terms = " + ".join(self._name(name, stratum, arm) for stratum in strata)
                    lines.append((f"{terms} = {total[0]}", total[1]))
        for later, earlier in self._nested():
            for stratum in self.strata[self.sets[later][2]]:
                for arm in self.arms:
                    pair = (self._name(later, stratum, arm), self._name(earlier, stratum, arm))
                    lines.append((f"{pair[0]} <= {pair[1]}", "nobody joins later"))
        return [parse_constraint(text, where) for text, where in dict(lines).items()]

    def _nested(self):
        """Pairs of sets, the one within the other: no number larger, and one of them all participants or the same outcomes."""
        for later, (o1, v1, m1) in self.sets.items():
            for earlier, (o2, v2, m2) in self.sets.items():
                a, b = self._profile(o1, v1, m1), self._profile(o2, v2, m2)
                shared = a.keys() & b.keys()
                if later == earlier or m1 != m2 or not shared or any(a[k] > b[k] for k in shared):
                    continue
                largest = max(sum(self._profile(o, v, m1).values()) for o, v, m in self.sets.values() if m == m1)
                if o1 == o2 or sum(b.values()) == largest:
                    yield later, earlier
