"""Reported P-values with what is reported about the two groups they compare, from a CSV or from published tables."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path

from .. import published_tables
from ..errors import UserError
from ..published_tables import SUMMARIES, TABLES, ReportedNumber, Row, parse_number, read_table, split_relation
from .lattice import FEW_TIES, MAX_PAIRS, NO_TIES, UNKNOWN_TIES, Fit, Group, Ties, estimate_ties, fit_reported_p
from .sizes import Constraint, Pair, constrain_order, constrain_sum

PARTS = ("minimum", "q1", "median", "q3", "maximum")  # in the order in which they must ascend
SIDES = ("first", "second")
# The columns of tests, summaries and counts that identify a quantity, whichever source reports it.
QUANTITY = ("outcome", "measure", "visit", "marker", "stratum")
quantity_key = itemgetter(*QUANTITY)
_TIES = {"unknown": UNKNOWN_TIES, "none": NO_TIES, "few": FEW_TIES}
_USUAL_N = 30  # size of a group without a reported one, to estimate ties

_SetKey = tuple[str, str, str]  # of a set of measurements: outcome, visit, marker


@dataclass(frozen=True)
class ReportedP:
    """One reported P-value; ``relation`` is "=" for a value and "<" or ">" for a bound."""

    claim: str
    relation: str
    p: ReportedNumber
    pair: Pair = ("", "")
    groups: tuple[Group, Group] = ({}, {})
    test: str = "rank_sum"
    where: str = ""
    source: str = ""
    ties: Ties = UNKNOWN_TIES
    highlight: bool = False
    effect: ReportedNumber | None = None
    variable: str = ""
    measured: bool = True  # as recorded, not computed from two visits
    row: Row = field(default_factory=dict)  # of tests.csv

    @property
    def medians(self) -> list[ReportedNumber]:
        """The reported medians of the groups."""
        return [group["median"] for group in self.groups if "median" in group]

    @property
    def with_value(self) -> bool:
        """Whether this is a rank-sum P reported with a value, and not as a rounded zero."""
        return self.test == "rank_sum" and self.relation == "=" and self.p.value > 0

    @property
    def too_large(self) -> bool:
        """Whether the groups are so large that attainable P-values are closer together than reported digits resolve."""
        return math.prod(n for n in self.pair if isinstance(n, int)) > MAX_PAIRS

    @property
    def usable(self) -> bool:
        """Whether the digits depend on the variant of the test."""
        return self.with_value and not self.too_large

    def fits(self, numbers: tuple[int, int], variant: str) -> tuple[Fit, Fit]:
        """Fit the P-value without ties and with the expected ties."""
        arguments = (self.p.low, self.p.high, *sorted(numbers), variant)  # which group is larger does not matter
        return fit_reported_p(*arguments), fit_reported_p(*arguments, self.ties)

    def likelihood(self, numbers: tuple[int, int], variant: str) -> float:
        """Return the likelihood of the digits under a variant, relative to a uniformly distributed P."""
        plain, tied = (fit.hits / fit.expected for fit in self.fits(numbers, variant))
        return (1 - self.ties.weight) * plain + self.ties.weight * tied


@dataclass(frozen=True)
class Reported:
    """The P-values of one paper, the constraints on unreported group sizes, and the tables that report them."""

    title: str
    p_values: list[ReportedP]
    constraints: list[Constraint] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)


def read_csv(path: Path | str) -> Reported:
    """Read a CSV of P-values; UserError with file, row, column, value and expectation."""
    rows = read_table(path, "consistency/p_values", required=("claim", "p"))
    if not rows:
        raise UserError(f"{path}: no claims below the header")
    first_rows: dict[str, Row] = {}
    p_values, constraints = [_parse_p_value(row) for row in rows], []
    for row, p in zip(rows, p_values, strict=True):
        place = f"{path}, row {row['_row']}, column"
        if first_rows.setdefault(p.claim, row) is not row:
            raise UserError(f"{place} claim: {p.claim!r} is in row {first_rows[p.claim]['_row']} too")
        for side, n, group in zip(SIDES, p.pair, p.groups, strict=True):
            if p.relation == "=" and p.test == "rank_sum" and not (n if row["n_both"] else row[f"n_{side}"]):
                expected = f"expected a number, or a name in size_{side} and the size of both groups in n_both"
                raise UserError(f"{place} n_{side}: '', {expected}")
            for (lower, low), (upper, high) in itertools.combinations(group.items(), 2):
                if low.low >= high.high:  # equal only with the same decimals, whose order one rule of rounding keeps
                    expected = f"expected no more than {upper}_{side}, {high.text}"
                    raise UserError(f"{place} {lower}_{side}: {row[f'{lower}_{side}']!r}, {expected}")
        names = [size for size in p.pair if isinstance(size, str)]
        known = sum(size for size in p.pair if isinstance(size, int))
        if row["n_both"]:
            n_both, least = int(row["n_both"]), known + len(names)
            if n_both < least or (n_both > least and not names):
                expected = f"expected {'at least ' * bool(names)}{least} by the group sizes"
                raise UserError(f"{place} n_both: '{n_both}', {expected}")
            if names and all(names):
                constraints.append(constrain_sum(names, n_both - known, f"row {row['_row']}"))
    return Reported(Path(path).stem, p_values, constraints)


def _parse_p_value(row: Row) -> ReportedP:
    """Return the reported P of a row with the columns of a CSV of P-values."""
    relation, text = split_relation(row["p"])
    p = parse_number(text)
    reported = ReportedP(
        row["claim"],
        relation[:1] or "=",
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
    """Return a reported P with the expected ties of values recorded in a step."""
    numbers = (n if isinstance(n, int) else _USUAL_N for n in p.pair)
    return replace(p, ties=estimate_ties(step, *p.groups, *numbers))


def read_folder(folder: Path | str) -> Reported:
    """Read a folder of published tables.

    The groups of a P-value are those of its row: a contrast ``A - B`` compares the groups A and B within a stratum, or the
    strata A and B. Group sizes are looked up where they are reported; where only their sums are, they become unknowns.
    UserError with file, row, column, value and expectation.
    """
    folder = Path(folder)
    tables = published_tables.read_folder(folder)
    for row in itertools.chain(*tables.values()):  # one name for the stratum or group of all participants
        row.update({key: "all" for key in ("stratum", "group") if row.get(key) in ("both arms", "total", "")})
    if not (folder / "tests.csv").is_file():
        raise UserError(f"{folder}: no tests.csv, the table of reported P-values")
    quantiles, sizes = collect_quantiles(tables["summaries"]), _GroupSizes(tables)
    contrasts = {(quantity_key(row), frozenset(row["contrast"].split(" - "))) for row in tables["tests"]}
    contrast_counts = Counter(quantity for quantity, _ in contrasts)
    p_values: dict[str, ReportedP] = {}
    for row in tables["tests"]:
        p = _read_test(row, tables["tests"][0]["source"], quantiles, sizes)
        if contrast_counts[quantity_key(row)] > 1:
            p = replace(p, claim=f"{p.claim}, {row['contrast']}")
        earlier, name = p_values.get(p.claim, p), f"{p.claim}, {p.where}"
        if (earlier.relation, earlier.p.value) == (p.relation, p.p.value):  # a value that is repeated counts once
            p_values[p.claim] = replace(earlier, highlight=earlier.highlight or p.highlight)
        elif name in p_values or earlier.where == p.where:
            raise UserError(f"{folder}/tests.csv, row {row['_row']}: {p.claim!r} is reported twice in one place")
        else:
            p_values[name] = replace(p, claim=name)
    return Reported(folder.resolve().name, list(p_values.values()), sizes.build_constraints(), tables)


def collect_quantiles(summaries: Iterable[Row]) -> dict[tuple[str, ...], dict[str, str]]:
    """Return the quantiles of each quantity and group, by ``quantity_key`` and group; the first source has priority."""
    quantiles: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for row in summaries:
        for column, part in SUMMARIES[row["statistic"]].items():
            if part in PARTS and row[column]:
                quantiles[*quantity_key(row), row["group"]].setdefault(part, row[column])
    return quantiles


def _read_test(row: Row, first_source: str, quantiles: Mapping, sizes: _GroupSizes) -> ReportedP:
    """Return the reported P of a row of tests.csv, by way of the columns of a CSV of P-values."""
    cells = dict.fromkeys(TABLES["consistency/p_values"], "")
    for side, group_row in zip(SIDES, sizes.split_contrast(row), strict=True):
        group_quantiles = quantiles.get((*quantity_key(group_row), group_row["group"]), {})
        cells |= {f"{part}_{side}": text for part, text in group_quantiles.items()}
        size = sizes.look_up(group_row)
        cells["n_" + side if size.isdecimal() else "size_" + side] = size
    measured = row["measure"] == "baseline"
    if measured and cells["median_first"]:
        decimals = max(parse_number(cells[f"median_{side}"] or "0").decimals for side in SIDES)
        cells["step"] = str(10.0**-decimals)
    label = [row["outcome"], *dict.fromkeys((row["measure"].replace("_", " "), row["visit"].replace("_", " ")))]
    stratum, marker = row["stratum"] if row["stratum"] != "all" else "", f"by {row['marker']}" if row["marker"] else ""
    label += [f"{stratum} {marker}".strip(), row["source"] if row["source"] != first_source else ""]
    cells |= {"claim": ", ".join(filter(None, label)), "p": row["p_relation"] + row["p"]}
    cells["effect"] = row["effect"].lstrip("+")
    cells |= {"test": row["test"], "where": row["locator"], "source": row["source"], "variable": row["outcome"]}
    cells |= {"measure": "value"} if measured else {"measure": "change", "ties": "few"}
    cells["highlight"] = "yes" if "abstract" in row["locator"].lower() else "no"
    return replace(_parse_p_value(cells), row=row)


def _add_up_to_less(counts: Mapping, sums: Iterable[tuple]) -> bool:
    """Return whether all parts of a total are known in one of the sums, and are fewer than the total."""
    return any(sum(counts.get(cell, math.inf) for cell in cells) < counts.get(total, 0) for total, cells in sums)


class _GroupSizes:
    """Group sizes: the reported ones, and names of unknowns where only sums are reported."""

    def __init__(self, tables: dict[str, list[Row]]):
        rows = tables["counts"] + tables["summaries"]
        self.strata: dict[str, list[str]] = defaultdict(list)  # of each marker
        for row in rows:
            marker, stratum = row["marker"], row["stratum"]
            if marker and stratum not in ("all", *self.strata[marker]):
                self.strata[marker].append(stratum)
        tables["compared"] = [group_row for row in tables["tests"] for group_row in self.split_contrast(row)]
        self.arms = sorted({row["group"] for row in tables["compared"] + tables["counts"]} - {"all"})
        # The first number above 0 by stratum and group, and where it is reported; "all" for sums over strata or groups.
        self.counts: dict[_SetKey, dict[tuple[str, str], int]] = defaultdict(dict)
        self.where: dict[tuple[_SetKey, tuple[str, str]], str] = {}
        for row in rows + tables["compared"]:
            if not row["n"].strip("0") or row["group"] not in (*self.arms, "all"):
                continue
            overall = not row["marker"] and row["stratum"] == "all"  # a total over the strata by any marker
            for marker in ("", *self.strata) if overall else (row["marker"],):
                set_key, cell = (row["outcome"], row["visit"], marker), (row["stratum"], row["group"])
                self.counts[set_key].setdefault(cell, int(row["n"]))
                self.where.setdefault((set_key, cell), row["locator"])
        self.sets: dict[_SetKey, _SetKey] = {}  # sets of measurements with unknown group sizes, by all their outcomes

    def split_contrast(self, row: Row) -> list[Row]:
        """Return a copy of a row of tests for each group, or stratum, that its contrast compares, with its n."""
        sides = row["contrast"].split(" - ")
        between_strata = set(sides) <= set(self.strata.get(row["marker"], ()))
        groups = ({"stratum": side, "group": "all"} if between_strata else {"group": side} for side in sides)
        return [row | group | {"n": row.get(f"n_{side}", "")} for side, group in zip(sides, groups, strict=True)]

    def look_up(self, row: Row) -> str:
        """Return the size of a group: from its row, from another row on the same quantity, or the name of an unknown."""
        if row["n"]:
            return row["n"]
        outcome, _, visit, marker, stratum = quantity_key(row)
        candidates = [set_key for set_key in self.counts if set_key[1:] == (visit, marker)]
        # An outcome without reported numbers takes those of the outcome with the most participants.
        with_stratum = [set_key for set_key in candidates if stratum in {s for s, _ in self.counts[set_key]}]
        if with_stratum and (outcome, visit, marker) not in with_stratum:
            outcome, *_ = max(with_stratum, key=lambda set_key: sum(self.counts[set_key].values()))
        counts = self.counts.get((outcome, visit, marker), {})
        if (stratum, row["group"]) in counts:
            return str(counts[stratum, row["group"]])
        # Outcomes with the same reported numbers at a visit are taken to share their participants.
        outcomes = sorted({outcome, *(set_key[0] for set_key in candidates if self.counts[set_key] == counts)})
        name = " and ".join(outcomes), visit, marker
        self.sets[name] = outcome, visit, marker
        return self._name_unknown(name, stratum, row["group"])

    @staticmethod
    def _name_unknown(set_name: _SetKey, stratum: str, group: str) -> str:
        return f"{group} ({', '.join(filter(None, (stratum, *set_name)))})"

    def build_constraints(self) -> list[Constraint]:
        """Return constraints: the sums over groups and over strata, and that no number exceeds an earlier one."""
        constraints = []
        for name, set_key in self.sets.items():
            strata, counts, arms = self.strata[set_key[2]], self.counts[set_key], self.arms
            by_stratum = [(("all", arm), [(stratum, arm) for stratum in strata]) for arm in (*arms, "all")]
            by_arm = [((stratum, "all"), [(stratum, arm) for arm in arms]) for stratum in ("all", *strata)]
            # Where parts somewhere add up to less than the whole, totals include an arm or a stratum that is not reported.
            same_marker = [other for key, other in self.counts.items() if key[2] == set_key[2]]
            sums = [] if any(_add_up_to_less(other, by_stratum) for other in same_marker) else by_stratum
            sums += [] if _add_up_to_less(counts, by_arm) else by_arm
            for total, cells in sums:
                unknowns = [self._name_unknown(name, *cell) for cell in cells if cell not in counts]
                if total in counts and total != ("all", "all") and unknowns:
                    rest = counts[total] - sum(counts.get(cell, 0) for cell in cells)
                    constraints.append(constrain_sum(unknowns, rest, self.where[set_key, total]))
        for (later, later_key), (earlier, earlier_key) in itertools.permutations(self.sets.items(), 2):
            if self._is_nested(later_key, earlier_key):
                for cell in itertools.product(self.strata[later_key[2]], self.arms):
                    unknowns = self._name_unknown(later, *cell), self._name_unknown(earlier, *cell)
                    constraints.append(constrain_order(*unknowns, "no participant joins later"))
        return constraints

    def _is_nested(self, later: _SetKey, earlier: _SetKey) -> bool:
        """Return whether no number of a set exceeds that of another with the same outcome or the most participants."""
        fewer, more = self.counts[later], self.counts[earlier]
        shared = fewer.keys() & more.keys()
        if later[2] != earlier[2] or not shared or any(fewer[cell] > more[cell] for cell in shared):
            return False
        most = max(sum(self.counts[set_key].values()) for set_key in self.sets.values() if set_key[2] == later[2])
        return later[0] == earlier[0] or sum(more.values()) == most
