"""Draw the participants of a cohort: arms, strata, absences, latent factors, and the p16 markers with age."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import UserError
from .design import Design


@dataclass
class Enrolment:
    """The participants of one cohort; all arrays of shape (n,)."""

    ids: list[str]
    arm: np.ndarray  # str
    upper: dict[str, np.ndarray]  # marker -> bool: in T3
    absent: dict[tuple[str, str], np.ndarray]  # (outcome, visit) -> bool
    factors: dict[str, np.ndarray] = field(default_factory=dict)  # latent standard normal scores

    def __len__(self) -> int:
        return len(self.ids)

    def members(self, marker: str, stratum: str, group: str) -> np.ndarray:
        """Return which participants belong to an arm ("all": both) within a stratum, as bool."""
        chosen = np.ones(len(self), bool) if group in ("all", "both arms", "") else self.arm == group
        if stratum in ("all", ""):
            return chosen
        if marker not in self.upper or stratum not in ("T3", "T1/T2"):
            raise UserError(f"stratum {stratum!r} by marker {marker!r}: not known")
        return chosen & (self.upper[marker] if stratum == "T3" else ~self.upper[marker])

    def present(self, outcome: str, visit: str) -> np.ndarray:
        """Return the positions of the participants who have a value at a visit and at baseline."""
        gone = self.absent.get((outcome, visit), np.zeros(len(self), bool))
        gone = gone | self.absent.get((outcome, "baseline"), np.zeros(len(self), bool))
        return np.flatnonzero(~gone)

    def scores(self, loading: dict[str, float], rng: np.random.Generator) -> np.ndarray:
        """Return latent scores, shape (n,): shared factors by their loadings, the rest the column's own."""
        own = max(0.0, 1.0 - sum(weight**2 for weight in loading.values())) ** 0.5
        score = own * rng.standard_normal(len(self))
        for name, weight in loading.items():
            score = score + weight * self.factors[name]
        return score


def recruit(design: Design, rng: np.random.Generator) -> Enrolment:
    """Draw arms, strata and absences as the design counts them; order and overlap are random."""
    arm = np.concatenate([np.full(n, key, dtype=object) for key, n in design.arms.items()])
    arm = arm[rng.permutation(arm.size)]
    first, second = design.markers
    upper = {key: np.zeros(arm.size, bool) for key in design.markers}
    counts = _upper_counts(design, second, rng)
    for key in design.arms:
        members = rng.permutation(np.flatnonzero(arm == key))
        low, high = design.markers[first]["upper"][key]
        n_first = int(rng.integers(low, high + 1))
        shared = int(rng.integers(design.overlap[key][0], design.overlap[key][1] + 1))
        upper[first][members[:n_first]] = True
        upper[second][members[:shared]] = True
        upper[second][members[n_first : n_first + counts[key] - shared]] = True
    people = Enrolment([f"S{number + 1:02d}" for number in range(arm.size)], arm, upper, {})
    for name in sorted({name for loading in design.loadings.values() for name in loading}):
        people.factors[name] = rng.standard_normal(arm.size)
    _leave(design, people, rng)
    for outcome, visit, marker, stratum, group, n in design.counts:
        found = int(
            np.isin(np.flatnonzero(people.members(marker, stratum, group)), people.present(outcome, visit)).sum()
        )
        if found != n:
            raise UserError(f"{outcome} {visit}: n = {found} in {stratum} {group or 'both arms'}, expected {n}")
    return people


def _upper_counts(design: Design, marker: str, rng: np.random.Generator) -> dict[str, int]:
    """Split T3 of a marker over the arms so that its total comes out."""
    limits = design.markers[marker]["upper"]
    total = design.markers[marker]["upper_total"]
    keys = list(design.arms)
    low = max(limits[keys[0]][0], total - limits[keys[1]][1])
    high = min(limits[keys[0]][1], total - limits[keys[1]][0])
    if low > high:
        raise UserError(f"{marker}: {total} participants in T3 cannot be split as {limits}")
    chosen = int(rng.integers(low, high + 1))
    return {keys[0]: chosen, keys[1]: total - chosen}


def _leave(design: Design, people: Enrolment, rng: np.random.Generator) -> None:
    taken = np.zeros(len(people), bool)
    for absence in design.absences:
        fits = ~taken & (people.arm == absence["arm"])
        for marker, stratum in absence["strata"].items():
            fits &= people.members(marker, stratum, "all")
        candidates = rng.permutation(np.flatnonzero(fits))
        number = absence.get("number", 1)
        if candidates.size < number:
            raise UserError(f"absence ({absence['why']}): only {candidates.size} participants fit, {number} needed")
        who = candidates[:number]
        taken[who] = True
        for name, visits in absence["missing"].items():
            outcomes = [name] if name in design.outcomes else [k for k in design.outcomes if design.family(k) == name]
            for outcome in outcomes:
                for visit in visits:
                    people.absent.setdefault((outcome, visit), np.zeros(len(people), bool))[who] = True


def draw_markers(design: Design, people: Enrolment, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw marker values whose quantile ``cut`` separates the strata; the two markers are correlated."""
    shared = rng.standard_normal(len(people))
    values = {}
    unit = 10**design.marker_decimals
    own = (1 - design.marker_loading**2) ** 0.5
    for key, marker in design.markers.items():
        inside = people.upper[key]
        n, n_low = inside.size, int((~inside).sum())
        cells = np.array([], dtype=int)
        while cells.size < n:  # distinct values, so that ties are those that are meant
            drawn = np.exp(np.log(marker["typical"]) + marker["spread"] * rng.standard_normal(n))
            cells = np.unique(np.round(drawn * unit).astype(int))
        if marker["tie_at_cut"]:
            cells[n_low + 1] = cells[n_low]
        score = design.marker_loading * shared + own * rng.standard_normal(n)
        column = np.empty(n)
        for part, ordered in ((~inside, cells[:n_low]), (inside, cells[n_low:])):
            where = np.flatnonzero(part)
            column[where[np.argsort(score[where])]] = ordered / unit
        values[key] = column
    return values


def order_by_age(
    design: Design, people: Enrolment, age: np.ndarray, values: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    """Exchange ages within arms and marker values within strata until the rank correlations are as reported.

    Raises
    ------
    UserError
        Naming the marker whose correlation with age was not reached.
    """
    from scipy.stats import rankdata

    ranks = {key: rankdata(column) for key, column in values.items()}
    age_ranks = rankdata(age)
    windows = {key: tuple(map(float, design.markers[key]["spearman_with_age"])) for key in values}

    def misses() -> dict[str, float]:
        result = {}
        for key, (low, high) in windows.items():
            rho = float(np.corrcoef(ranks[key], age_ranks)[0, 1])
            result[key] = max(low + 1e-4 - rho, rho - high + 1e-4, 0.0)
        return result

    miss = misses()
    for _ in range(20000):
        if not any(miss.values()):
            return
        columns, part = _exchangeable(people, age, age_ranks, values, ranks, rng)
        i, j = rng.choice(part, 2, replace=False)
        for column in columns:
            column[[i, j]] = column[[j, i]]
        fresh = misses()
        if sum(fresh.values()) > sum(miss.values()):
            for column in columns:
                column[[i, j]] = column[[j, i]]
        else:
            miss = fresh
    raise UserError("Spearman correlation with age not reached: " + ", ".join(k for k, m in miss.items() if m))


def _exchangeable(people, age, age_ranks, values, ranks, rng):
    keys = list(values)
    choice = int(rng.integers(len(keys) + 1))
    if choice == len(keys):
        arms = sorted(set(people.arm))
        return (age, age_ranks), np.flatnonzero(people.arm == arms[int(rng.integers(len(arms)))])
    key = keys[choice]
    side = people.upper[key] if rng.integers(2) else ~people.upper[key]
    return (values[key], ranks[key]), np.flatnonzero(side)
