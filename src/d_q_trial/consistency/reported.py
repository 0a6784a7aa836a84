"""Reported P-values with what is reported about the two groups they compare, from a CSV or from published tables."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path

from .. import published_tables
from ..errors import UserError
from ..published_tables import SUMMARIES, TABLES, Number, Row, parse_number, read_table, split_relation
from .lattice import FEW_TIES, MOST_PAIRS, NO_TIES, UNKNOWN_TIES, Fit, Ties, fit_reported_p, ties_from_step
from .sizes import Constraint, Pair, parse_constraint

PARTS = ("minimum", "q1", "median", "q3", "maximum")  # in the order in which they must ascend
SIDES = ("first", "second")
_TIES = {"unknown": UNKNOWN_TIES, "none": NO_TIES, "few": FEW_TIES}
_USUAL_N = 30  # of a group without a reported number, to estimate ties


_Set = tuple[str, str, str]  # of measurements: outcome, visit, marker
Group = dict[str, Number]  # the reported quantiles of one group by their names, in the order of PARTS


@dataclass(frozen=True)
class ReportedP:
    """One reported P-value; ``relation`` is "=" for a value and "<" or ">" for a bound."""

    claim: str
    relation: str
    p: Number
    pair: Pair = ("", "")
    groups: tuple[Group, Group] = ({}, {})
    test: str = "rank_sum"
    where: str = ""
    source: str = ""
    ties: Ties = UNKNOWN_TIES
    highlight: bool = False
    effect: Number | None = None
    variable: str = ""
    measured: bool = True  # as recorded, not computed from two visits
    row: Row = field(default_factory=dict)  # of the table that reports it

    @property
    def medians(self) -> list[Number]:
        """The reported medians of the groups."""
        return [group["median"] for group in self.groups if "median" in group]

    @property
    def with_value(self) -> bool:
        """Whether this is a rank-sum P reported with a value, and not as a rounded zero."""
        return self.test == "rank_sum" and self.relation == "=" and self.p.value > 0

    @property
    def too_large(self) -> bool:
        """Whether the groups are so large that attainable P-values lie closer than reported digits."""
        return math.prod(n for n in self.pair if isinstance(n, int)) > MOST_PAIRS

    @property
    def usable(self) -> bool:
        """Whether the digits depend on the test."""
        return self.with_value and not self.too_large

    def fits(self, numbers: tuple[int, int], variant: str) -> tuple[Fit, Fit]:
        """Fit the P-value without ties and with those that are possible."""
        known = (self.p.low, self.p.high, *sorted(numbers), variant)  # which group is the larger does not matter
        return fit_reported_p(*known), fit_reported_p(*known, self.ties)

    def likelihood(self, numbers: tuple[int, int], variant: str) -> float:
        """Return the likelihood of the digits under a variant, relative to a P that lies anywhere."""
        plain, tied = (fitted.hits / fitted.expected for fitted in self.fits(numbers, variant))
        return (1 - self.ties.weight) * plain + self.ties.weight * tied


@dataclass(frozen=True)
class Reported:
    """The P-values of one paper, the constraints on unreported group sizes, and the tables that they come from."""

    title: str
    p_values: list[ReportedP]
    constraints: list[Constraint] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)


def read_p_values(path: Path | str) -> list[ReportedP]:
    """Read a CSV of P-values; UserError with file, row, column, value and expectation."""
    rows = read_table(path, "consistency/p_values", required=("claim", "p"))
    if not rows:
        raise UserError(f"{path}: no claims below the header")
    first: dict[str, Row] = {}
    p_values = [_reported_p(row) for row in rows]
    for row, p in zip(rows, p_values, strict=True):
        place = f"{path}, row {row['_row']}, column"
        if first.setdefault(p.claim, row) is not row:
            raise UserError(f"{place} claim: {p.claim!r} is in row {first[p.claim]['_row']} too")
        for side, n, group in zip(SIDES, p.pair, p.groups, strict=True):
            if p.relation == "=" and p.test == "rank_sum" and n == "":
                raise UserError(f"{place} n_{side}: '', expected a number, or a name in size_{side}")
            for (lower, low), (upper, high) in itertools.pairwise(group.items()):
                if low.value > high.value:
                    expected = f"expected no more than {upper}_{side}, {high.text}"
                    raise UserError(f"{place} {lower}_{side}: {row[f'{lower}_{side}']!r}, {expected}")
    return p_values


def _reported_p(row: Row) -> ReportedP:
    """Return the reported P of a row with the columns of a CSV of P-values."""
    sign, text = split_relation(row["p"])
    p = parse_number(text)
    reported = ReportedP(
        row["claim"],
        sign[:1] or "=",
        p._replace(low=max(0.0, p.low), high=min(1.0, p.high)),
        tuple(int(row[f"n_{side}"]) if row[f"n_{side}"] else row[f"size_{side}"] for side in SIDES),
        tuple({part: parse_number(text) for part in PARTS if (text := row[f"{part}_{side}"])} for side in SIDES),
        test=row["test"] or "rank_sum",
        where=row["where"],
        source=row["source"],
        ties=_TIES[row["ties"] or "unknown"],
        highlight=row["highlight"] == "yes",
        effect=parse_number(row["effect"]) if row["effect"] else None,
        variable=row["variable"] or row["claim"],
        measured=row["measure"] != "change",
    )
    return with_recording_step(parse_number(row["step"]).value, reported) if row["step"] else reported


def with_recording_step(step: float, p: ReportedP) -> ReportedP:
    """Return a reported P with the ties that are expected of values recorded in a step."""
    numbers = (n if isinstance(n, int) else _USUAL_N for n in p.pair)
    return replace(p, ties=ties_from_step(step, *p.groups, *numbers))


# What a row of tests, summaries or counts is about, whichever source reports it.
QUANTITY = ("outcome", "measure", "visit", "marker", "stratum")
same_quantity = itemgetter(*QUANTITY)


def read_folder(folder: Path | str) -> Reported:
    """Read a folder of published tables.

    The groups come from the rows themselves: a contrast ``A - B`` compares the groups A and B within a stratum, or the
    strata A and B. Group sizes are looked up where they are reported; where only sums are, they become unknowns.
    UserError with file, row, column, value and expectation.
    """
    folder = Path(folder)
    tables = published_tables.read_folder(folder)
    for row in itertools.chain(*tables.values()):  # one name for the stratum or group of all participants
        row.update({key: "all" for key in ("stratum", "group") if row.get(key) in ("both arms", "total", "")})
    if not (folder / "tests.csv").is_file():
        raise UserError(f"{folder}: no tests.csv, the table of reported P-values")
    quantiles, sizes = reported_quantiles(tables.get("summaries", [])), _GroupSizes(tables)
    found: dict[str, ReportedP] = {}
    places: dict[tuple[str, str], Row] = {}
    for row in tables["tests"]:
        read = replace(_from_tables(row, tables["tests"][0]["source"], quantiles, sizes), row=row)
        if places.setdefault((read.claim, row["locator"]), row) is not row:
            raise UserError(f"{folder}/tests.csv, row {row['_row']}: {read.claim!r} is reported twice in one place")
        same = found.get(read.claim, read)
        if (same.relation, same.p.value) == (read.relation, read.p.value):  # repeated elsewhere, and counted once
            found[read.claim] = replace(same, highlight=same.highlight or read.highlight)
        else:
            found[f"{read.claim}, {row['locator']}"] = replace(read, claim=f"{read.claim}, {row['locator']}")
    return Reported(folder.resolve().name, list(found.values()), sizes.constraints(), tables)


def reported_quantiles(summaries: Iterable[Row]) -> dict[tuple[str, ...], dict[str, str]]:
    """Return the quantiles of each quantity in a group, by ``same_quantity`` and group; of several sources the first holds."""
    found: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for row in summaries:
        for column, part in SUMMARIES[row["statistic"]].items():
            if part in PARTS and row[column]:
                found[*same_quantity(row), row["group"]].setdefault(part, row[column])
    return found


def _from_tables(row: Row, first_source: str, quantiles: Mapping, sizes: _GroupSizes) -> ReportedP:
    given = dict.fromkeys(TABLES["consistency/p_values"], "")
    for side, place in zip(SIDES, sizes.compared(row), strict=True):
        own = quantiles.get((*same_quantity(place), place["group"]), {})
        given |= {f"{part}_{side}": text for part, text in own.items()}
        size = sizes.look_up(place)
        given["n_" + side if size.isdecimal() else "size_" + side] = size
    measured = row["measure"] == "baseline"
    if measured and given["median_first"]:
        decimals = max(parse_number(given[f"median_{side}"] or "0").decimals for side in SIDES)
        given["step"] = str(10.0**-decimals)
    label = [row["outcome"], *dict.fromkeys((row["measure"].replace("_", " "), row["visit"].replace("_", " ")))]
    if row["stratum"] != "all":
        label.append(row["stratum"] + (f" by {row['marker']}" if row["marker"] else ""))
    if row["source"] != first_source:
        label.append(row["source"])
    given |= {
        **{"claim": ", ".join(label), "p": row["p_relation"] + row["p"], "effect": row["effect"].lstrip("+")},
        **{"test": row["test"], "where": row["locator"], "source": row["source"], "variable": row["outcome"]},
        **({"measure": "value"} if measured else {"measure": "change", "ties": "few"}),
        "highlight": "yes" if "abstract" in row["locator"].lower() else "no",
    }
    return _reported_p(given)


class _GroupSizes:
    """Numbers of participants: the reported ones, and names for those of which only sums are reported."""

    def __init__(self, tables: dict[str, list[Row]]):
        rows = [row for name in ("counts", "summaries") for row in tables.get(name, [])]
        self.strata: dict[str, list[str]] = defaultdict(list)  # of each marker
        for row in rows:
            marker, stratum = row["marker"], row["stratum"]
            if marker and stratum not in ("all", *self.strata[marker]):
                self.strata[marker].append(stratum)
        rows += tables.setdefault("compared", [place for row in tables["tests"] for place in self.compared(row)])
        self.arms = sorted({row["group"] for row in tables["compared"]} - {"all"})
        # The first number above 0 of each stratum and group of a set, and where; "all" for sums over strata or groups.
        self.counts: dict[_Set, dict[tuple[str, str], int]] = defaultdict(dict)
        self.where: dict[tuple[_Set, tuple[str, str]], str] = {}
        for row in (row for row in rows if row["n"].strip("0") and row["group"] in (*self.arms, "all")):
            overall = not row["marker"] and row["stratum"] == "all"  # whichever marker divides them
            for marker in ("", *self.strata) if overall else (row["marker"],):
                of, key = (row["outcome"], row["visit"], marker), (row["stratum"], row["group"])
                self.counts[of].setdefault(key, int(row["n"]))
                self.where.setdefault((of, key), row["locator"])
        self.sets: dict[str, _Set] = {}  # by their names

    def compared(self, row: Row) -> list[Row]:
        """Return a row of tests once for each of the groups, or strata, that its contrast compares, with that and its n."""
        sides = row["contrast"].split(" - ")
        between_strata = set(sides) <= set(self.strata.get(row["marker"], ()))
        places = ({"stratum": side, "group": "all"} if between_strata else {"group": side} for side in sides)
        return [row | place | {"n": row.get(f"n_{side}", "")} for side, place in zip(sides, places, strict=True)]

    def look_up(self, place: Row) -> str:
        """Return the number of a group: from its row, from another row on the same quantity, or a name."""
        if place["n"]:
            return place["n"]
        outcome, _, visit, marker, stratum = same_quantity(place)
        here = [of for of in self.counts if of[1:] == (visit, marker)]
        # Where an outcome has no numbers of its own, those of the outcome with the most participants hold.
        divided = [of for of in here if any(part == stratum for part, _ in self.counts[of])]
        if divided and (outcome, visit, marker) not in divided:
            outcome, *_ = max(divided, key=lambda of: sum(self.counts[of].values()))
        known = self.counts.get((outcome, visit, marker), {})
        if (stratum, place["group"]) in known:
            return str(known[stratum, place["group"]])
        # Outcomes with the same reported numbers at a visit share their participants.
        alike = sorted({outcome, *(of for of, *_ in here if self.counts[of, visit, marker] == known)})
        name = "/".join(["+".join(alike), visit, marker])
        self.sets[name] = (outcome, visit, marker)
        return self._name(name, stratum, place["group"])

    @staticmethod
    def _name(collection: str, stratum: str, group: str) -> str:
        return f"{group}:{stratum}:{collection}".replace(" ", "_")

    def constraints(self) -> list[Constraint]:
        """Return sums over groups and over strata, and later numbers no larger than earlier ones."""
        lines: dict[str, str] = {}
        for name, of in self.sets.items():
            strata, known = self.strata[of[2]], self.counts[of]
            sums = [((stratum, "all"), [(stratum, arm) for arm in self.arms]) for stratum in strata]
            sums += [(("all", arm), [(stratum, arm) for stratum in strata]) for arm in self.arms]
            for key, parts in sums:
                if key in known and parts:
                    total = " + ".join(self._name(name, *part) for part in parts)
                    lines[f"{total} = {known[key]}"] = self.where[of, key]
        for (later, a), (earlier, b) in itertools.permutations(self.sets.items(), 2):
            if self._nested(a, b):
                for part in itertools.product(self.strata[a[2]], self.arms):
                    lines[f"{self._name(later, *part)} <= {self._name(earlier, *part)}"] = "no participant joins later"
        return [parse_constraint(text, where) for text, where in lines.items()]

    def _nested(self, later: _Set, earlier: _Set) -> bool:
        """Return whether one set lies within another: no number larger, and all participants or one outcome."""
        fewer, more = self.counts[later], self.counts[earlier]
        shared = fewer.keys() & more.keys()
        if later[2] != earlier[2] or not shared or any(fewer[key] > more[key] for key in shared):
            return False
        most = max(sum(self.counts[of].values()) for of in self.sets.values() if of[2] == later[2])
        return later[0] == earlier[0] or sum(more.values()) == most
