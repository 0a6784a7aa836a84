"""Who takes part: arms, strata, absences, latent factors, age and the p16 markers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import UserError
from .plan import Plan


@dataclass
class People:
    """The participants of one cohort; all arrays of shape (n,)."""

    ids: list[str]
    arm: np.ndarray  # str
    upper: dict[str, np.ndarray]  # marker -> bool: in T3
    absent: dict[tuple[str, str], np.ndarray]  # (outcome, visit) -> bool
    factors: dict[str, np.ndarray] = field(default_factory=dict)  # latent standard normal scores

    def __len__(self) -> int:
        return len(self.ids)

    def members(self, marker: str, stratum: str, group: str) -> np.ndarray:
        """Return who belongs to an arm ("all": everybody) within a stratum, as bool."""
        chosen = np.ones(len(self), bool) if group in ("all", "both arms", "") else self.arm == group
        if stratum in ("all", ""):
            return chosen
        if marker not in self.upper or stratum not in ("T3", "T1/T2"):
            raise UserError(f"stratum {stratum!r} by marker {marker!r}: not known")
        return chosen & (self.upper[marker] if stratum == "T3" else ~self.upper[marker])

    def present(self, outcome: str, visit: str) -> np.ndarray:
        """Return who has a value at a visit (and at baseline), as participants' positions."""
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


def recruit(plan: Plan, rng: np.random.Generator) -> People:
    """Draw arms, strata and absences as the plan counts them; order and overlap by chance."""
    arm = np.concatenate([np.full(n, key, dtype=object) for key, n in plan.arms.items()])
    arm = arm[rng.permutation(arm.size)]
    first, second = plan.markers
    upper = {key: np.zeros(arm.size, bool) for key in plan.markers}
    counts = _upper_counts(plan, second, rng)
    for key in plan.arms:
        members = rng.permutation(np.flatnonzero(arm == key))
        low, high = plan.markers[first]["upper"][key]
        n_first = int(rng.integers(low, high + 1))
        shared = int(rng.integers(plan.overlap[key][0], plan.overlap[key][1] + 1))
        upper[first][members[:n_first]] = True
        upper[second][members[:shared]] = True
        upper[second][members[n_first : n_first + counts[key] - shared]] = True
    people = People([f"S{number + 1:02d}" for number in range(arm.size)], arm, upper, {})
    for name in sorted({name for loading in plan.loadings.values() for name in loading}):
        people.factors[name] = rng.standard_normal(arm.size)
    _leave(plan, people, rng)
    for outcome, visit, marker, stratum, group, n in plan.counts:
        found = int(
            np.isin(np.flatnonzero(people.members(marker, stratum, group)), people.present(outcome, visit)).sum()
        )
        if found != n:
            raise UserError(f"{outcome} {visit}: n = {found} in {stratum} {group or 'both arms'}, expected {n}")
    return people


def _upper_counts(plan: Plan, marker: str, rng: np.random.Generator) -> dict[str, int]:
    """Split T3 of a marker over the arms so that its total comes out."""
    limits = plan.markers[marker]["upper"]
    total = plan.markers[marker]["upper_total"]
    keys = list(plan.arms)
    low = max(limits[keys[0]][0], total - limits[keys[1]][1])
    high = min(limits[keys[0]][1], total - limits[keys[1]][0])
    if low > high:
        raise UserError(f"{marker}: {total} women in T3 cannot be split as {limits}")
    chosen = int(rng.integers(low, high + 1))
    return {keys[0]: chosen, keys[1]: total - chosen}


def _leave(plan: Plan, people: People, rng: np.random.Generator) -> None:
    taken = np.zeros(len(people), bool)
    for absence in plan.absences:
        fits = ~taken & (people.arm == absence["arm"])
        for marker, stratum in absence["strata"].items():
            fits &= people.members(marker, stratum, "all")
        candidates = rng.permutation(np.flatnonzero(fits))
        number = absence.get("number", 1)
        if candidates.size < number:
            raise UserError(f"absence ({absence['why']}): only {candidates.size} women fit, {number} needed")
        who = candidates[:number]
        taken[who] = True
        for name, visits in absence["missing"].items():
            outcomes = [name] if name in plan.outcomes else [k for k in plan.outcomes if plan.family(k) == name]
            for outcome in outcomes:
                for visit in visits:
                    people.absent.setdefault((outcome, visit), np.zeros(len(people), bool))[who] = True


def draw_markers(plan: Plan, people: People, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw marker values whose quantile ``cut`` separates the strata; the two markers go together."""
    shared = rng.standard_normal(len(people))
    values = {}
    unit = 10**plan.marker_decimals
    own = (1 - plan.marker_loading**2) ** 0.5
    for key, marker in plan.markers.items():
        inside = people.upper[key]
        n, n_low = inside.size, int((~inside).sum())
        cells = np.array([], dtype=int)
        while cells.size < n:  # distinct values, so that ties are those that are meant
            drawn = np.exp(np.log(marker["typical"]) + marker["spread"] * rng.standard_normal(n))
            cells = np.unique(np.round(drawn * unit).astype(int))
        if marker["tie_at_cut"]:
            cells[n_low + 1] = cells[n_low]
        score = plan.marker_loading * shared + own * rng.standard_normal(n)
        column = np.empty(n)
        for part, ordered in ((~inside, cells[:n_low]), (inside, cells[n_low:])):
            where = np.flatnonzero(part)
            column[where[np.argsort(score[where])]] = ordered / unit
        values[key] = column
    return values


def order_by_age(
    plan: Plan, people: People, age: np.ndarray, values: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    """Exchange ages within arms and marker values within strata until the rank correlations are as printed.

    Raises
    ------
    UserError
        Naming the marker whose correlation with age was not reached.
    """
    from scipy.stats import rankdata

    ranks = {key: rankdata(column) for key, column in values.items()}
    age_ranks = rankdata(age)
    windows = {key: tuple(map(float, plan.markers[key]["spearman_with_age"])) for key in values}

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
