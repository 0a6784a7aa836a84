"""Claims: one row per printed P-value, with what is printed about the two groups it compares."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError, nearest
from ..published_tables import TESTS, read_table, relation
from .lattice import MOST_PAIRS, NO_TIES, Ties
from .printed import Printed, maybe, parse
from .ties import FEW_TIES, UNKNOWN_TIES, from_decimals

PARTS = ("median", "q1", "q3", "minimum", "maximum")
COLUMNS = (
    ("claim", "a name of the claim, once each (required)"),
    ("p", "the P-value as printed, with all its digits; `<0.05`, `>0.05` and `<0.001` are bounds (required)"),
    ("n_first", "number in the first group, empty if not printed"),
    ("n_second", "number in the second group, empty if not printed"),
    ("size_first", "name of the first group's number in the file of sizes, if n_first is empty"),
    ("size_second", "name of the second group's number in the file of sizes, if n_second is empty"),
    ("test", "rank_sum (default), chi_squared or other"),
    ("where", "table, figure or page"),
    ("source", "which text prints it; P-values of the first source decide the variant"),
    ("step", "step in which the data were recorded, such as 1 or 0.1; says how many ties to reckon with"),
    ("ties", "none, few or unknown (default); a step overrides it"),
    ("variable", "name of the variable; rows of one variable share its step; empty: each row its own"),
    ("measure", "change for percentage changes and other computed values, which have no step"),
    ("highlight", "yes for a P-value of the abstract"),
    ("effect", "printed difference of medians, first minus second"),
    *((f"{part}_{side}", f"{part} of the {side} group") for side in ("first", "second") for part in PARTS),
)
NAMES = tuple(name for name, _ in COLUMNS)


@dataclass(frozen=True)
class Group:
    """What is printed about one group; quartiles and range as far as they are printed."""

    median: Printed | None = None
    q1: Printed | None = None
    q3: Printed | None = None
    minimum: Printed | None = None
    maximum: Printed | None = None


@dataclass(frozen=True)
class Claim:
    """One printed P-value.

    ``relation`` is "=" for a value and "<" or ">" for a bound. ``low`` and ``high`` bound the values that print so.
    Numbers that are not printed are None; then ``size_first`` and ``size_second`` name unknowns of the sizes.
    """

    claim: str
    relation: str
    p: Printed
    n_first: int | None = None
    n_second: int | None = None
    size_first: str = ""
    size_second: str = ""
    test: str = "rank_sum"
    where: str = ""
    source: str = ""
    ties: Ties = UNKNOWN_TIES
    highlight: bool = False
    effect: Printed | None = None
    first: Group = field(default_factory=Group)
    second: Group = field(default_factory=Group)
    variable: str = ""
    measured: bool = True  # as recorded, not computed from two visits

    @property
    def low(self) -> float:
        """Smallest P that prints as this one."""
        return max(0.0, self.p.low)

    @property
    def high(self) -> float:
        """Largest P that prints as this one."""
        return min(1.0, self.p.high)

    @property
    def with_value(self) -> bool:
        """A rank-sum P printed with a value, and not as a rounded zero."""
        return self.test == "rank_sum" and self.relation == "=" and self.p.value > 0

    @property
    def too_large(self) -> bool:
        """Groups so large that the attainable P-values lie closer than printed digits."""
        return (self.n_first or 1) * (self.n_second or 1) > MOST_PAIRS

    @property
    def usable(self) -> bool:
        """A P-value whose digits can tell something of its test."""
        return self.with_value and not self.too_large


def read_claims(path: Path | str) -> list[Claim]:
    """Read the claims of a paper; see ``COLUMNS`` for what each column means.

    Raises
    ------
    UserError
        Naming file, row, column, the value and what was expected.
    """
    rows = read_table(path, ("claim", "p"), NAMES)
    if not rows:
        raise UserError(f"{path}: no claims below the header")
    claims = [_claim(row, str(path)) for row in rows]
    seen: dict[str, str] = {}
    for claim, row in zip(claims, rows, strict=True):
        if claim.claim in seen:
            raise UserError(
                f"{path}, row {row['_row']}, column claim: {claim.claim!r} stands in row {seen[claim.claim]} too"
            )
        seen[claim.claim] = row["_row"]
    return claims


def _claim(row: dict[str, str], path: str) -> Claim:
    def fail(column: str, expected: str):
        raise UserError(f"{path}, row {row['_row']}, column {column}: {row.get(column, '')!r}, expected {expected}")

    def number(column: str) -> Printed | None:
        try:
            return maybe(row.get(column))
        except ValueError:
            fail(column, "a number or nothing")

    def count(column: str) -> int | None:
        text = row.get(column, "")
        if text and not (text.isdecimal() and 1 <= int(text) <= 2000):
            fail(column, "a whole number from 1 to 2000, or nothing")
        return int(text) if text else None

    def choice(column: str, choices: tuple[str, ...]) -> str:
        text = row.get(column, "") or choices[0]
        if text not in choices:
            fail(column, f"one of {', '.join(choices)}{nearest(text, choices)}")
        return text

    if not row["claim"]:
        fail("claim", "a name")
    sign, text = re.match(r"([<>=≤≥＜＞＝]*)(.*)", row["p"]).groups()  # type: ignore[union-attr]
    sign = relation(sign)[:1] or "="
    try:
        p = parse(text)
    except ValueError:
        fail("p", "a P-value such as 0.034, <0.05 or >0.05, with a decimal point")
    if not 0 <= p.value <= 1:
        fail("p", "a number from 0 to 1")
    n_first, n_second = count("n_first"), count("n_second")
    for side, n in (("first", n_first), ("second", n_second)):
        if n is None and not row.get(f"size_{side}") and sign == "=" and choice("test", TESTS) == "rank_sum":
            fail(f"n_{side}", f"a number, or a name in size_{side}")
    sides = [Group(**{part: number(f"{part}_{side}") for part in PARTS}) for side in ("first", "second")]
    for side, group in zip(("first", "second"), sides, strict=True):
        order = [(part, getattr(group, part)) for part in ("minimum", "q1", "median", "q3", "maximum")]
        order = [(part, value) for part, value in order if value is not None]
        for (lower, low), (upper, high) in itertools.pairwise(order):
            if low.value > high.value:
                fail(f"{lower}_{side}", f"no more than {upper}_{side}, {high.text}")
    ties = {"unknown": UNKNOWN_TIES, "none": NO_TIES, "few": FEW_TIES}[choice("ties", ("unknown", "none", "few"))]
    step = number("step")
    if step is not None:
        if step.value <= 0:
            fail("step", "a number above zero")
        ties = from_decimals(step.value, *sides, n_first or 30, n_second or 30)
    return Claim(
        claim=row["claim"], relation=sign, p=p, n_first=n_first, n_second=n_second,
        size_first=row.get("size_first", ""), size_second=row.get("size_second", ""),
        test=choice("test", TESTS), where=row.get("where", ""), source=row.get("source", ""), ties=ties,
        highlight=choice("highlight", ("no", "yes")) == "yes", effect=number("effect"), first=sides[0], second=sides[1],
        variable=row.get("variable") or row["claim"],
        measured=choice("measure", ("value", "change")) == "value",
    )  # fmt: skip
