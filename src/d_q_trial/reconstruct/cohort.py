"""Search one synthetic cohort from the reported values, a design and a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import UserError
from ..published_tables import Row
from ..trial import BASELINE
from .constraints import check_counts, constraints_on, effect_sign, groups_of
from .design import Cohort, Design, Targets, recruit
from .search import Column, assign_by_rank, impose_ties, refine, sample_around_knots, solve, swap_until

# How often an outcome's baseline is drawn again when its follow-ups cannot be met.
_REDRAWS = 5
Knots = tuple[float, float, float, float, float]


def reconstruct(
    design: Design, targets: Targets, seed: int, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Cohort:
    """Return a cohort that meets every constraint; ``progress`` gets the number of finished outcomes and of all.

    UserError names what could not be met.
    """
    people_seed, population_seed, column_seed = np.random.SeedSequence(seed).spawn(3)
    rng = np.random.default_rng(people_seed)
    cohort = recruit(design, targets, seed, rng)
    arm = cohort.arm
    check_counts(cohort)
    for (outcome, visit), rows in targets.items():
        for row in rows:
            if row.get("statistic") == "count_percent":
                column = cohort.cells.setdefault((outcome, visit), np.zeros(arm.size, int))
                column[rng.choice(np.flatnonzero(arm == row["group"]), int(row["center"]), replace=False)] = 1
    outcomes = design.continuous
    traits = {key: rng.standard_normal(arm.size) for key in outcomes}  # how a participant changes, shared by visits
    # Each outcome has a stream of its own: a change to one leaves the others as they are.
    for number, (outcome, stream) in enumerate(zip(outcomes, column_seed.spawn(len(outcomes)), strict=True), start=1):
        outcome_rng = np.random.default_rng(stream)
        visits = design.trial.outcomes[outcome].follow_up
        for redraw in range(_REDRAWS):
            try:
                _find_baseline(cohort, outcome, outcome_rng)
                for visit in visits:
                    _find_follow_up(cohort, outcome, visit, traits[outcome], outcome_rng)
                break
            except UserError:
                # Some baselines leave no room for the changes that are reported: a new one may.
                if redraw == _REDRAWS - 1 or not visits:
                    raise
        progress(number, len(outcomes))
    for _ in range(_REDRAWS * 4):
        if _fit_heights(cohort, rng):
            break
        _find_baseline(cohort, "bmi", rng)
    else:
        raise UserError(f"height: weight and BMI do not agree on heights of {design.height[0]} to {design.height[1]} m")
    _draw_markers(cohort, rng)
    _draw_population(cohort, np.random.default_rng(population_seed))
    return cohort


class _Group(NamedTuple):
    """Participants of a marker's stratum and an arm, who may exchange values, and the knots and reach of these."""

    members: tuple[str, str, str]
    knots: Knots
    lowest: float
    highest: float


def _find(
    cohort: Cohort,
    outcome: str,
    visit: str,
    groups: list[_Group],
    draw_scores: Callable[[], np.ndarray],
    rng: np.random.Generator,
) -> None:
    """Find the cells of a column; within the groups they settle towards the order of the scores, at baseline fully."""
    items, decimals = cohort.present(outcome, visit), cohort.design.decimals[outcome]
    name = f"{outcome} {visit}"
    follow_up, ties = visit != BASELINE, cohort.design.ties.get(outcome, {}).get(visit)
    constraints = constraints_on(cohort, outcome, visit)
    base = cohort.cells[outcome, BASELINE][items] if follow_up else None
    parts = [(np.flatnonzero(cohort.members(*part.members)[items]), part) for part in groups]
    group, lowest, highest = np.full(items.size, -1), np.empty(items.size), np.empty(items.size)
    for number, (own, part) in enumerate(parts):
        group[own], lowest[own], highest[own] = number, part.lowest, part.highest
    if (group < 0).any():
        raise UserError(f"{name}: the reported summaries do not cover all participants")
    column = Column(name, constraints, group, lowest, highest, decimals, baseline=base, keep_ties=bool(ties))
    scores = np.empty(items.size)

    def start() -> np.ndarray:
        scores[:] = draw_scores()
        values = np.empty(items.size)
        for own, part in parts:
            values[own] = assign_by_rank(scores[own], sample_around_knots(own.size, part.knots, rng))
        if ties:
            impose_ties(values, constraints, base, ties, rng)
        return values

    # Ties have to be right from the start, so that many short attempts find more than a few long ones.
    steps = 2500 if ties else 20000 if column.exchange else 8000 if follow_up else 6000
    solve(column, start, rng, steps=steps, attempts=80 if ties else 12)
    refine(column, scores, rng)
    if not follow_up:  # the search has moved values past one another: order them by the scores again
        for own, _ in parts:
            column.cells[own] = assign_by_rank(scores[own], column.cells[own])
    cells = cohort.cells[outcome, visit] = np.zeros(cohort.arm.size, dtype=int)
    cells[items] = column.cells


def _quartiles(cohort: Cohort, outcome: str, visit: str) -> list[tuple[Row, float, float, float]]:
    """Return the rows that report quartiles of a column, and these."""
    rows = [row for row in cohort.targets[outcome, visit] if row.get("statistic") == "median_iqr"]
    return [(row, float(row["lower"]), float(row["center"]), float(row["upper"])) for row in rows]


def _find_baseline(cohort: Cohort, outcome: str, rng: np.random.Generator) -> None:
    design = cohort.design
    whole_range = any(row.get("statistic") == "range" for row in cohort.targets[outcome, BASELINE])
    groups = []
    for row, first, middle, third in _quartiles(cohort, outcome, BASELINE):
        if outcome in design.extremes:
            low, high = lowest, highest = design.extremes[outcome]
            if not whole_range:  # not all groups reach equally far
                low, high = first - (first - low) * rng.uniform(0.6, 1), third + (high - third) * rng.uniform(0.6, 1)
        else:  # positive values that are skewed like concentrations
            typical = max((np.log(middle / first) + np.log(third / middle)) / 2, 1e-3)
            reach = rng.uniform(1.4, 2.2, 2)
            low, high = first * np.exp(-reach[0] * typical), third * np.exp(reach[1] * 1.15 * typical)
            lowest, highest = low * 0.9, high * 1.1
        groups.append(_Group(groups_of(row)[0], (low, first, middle, third, high), lowest, highest))
    latent = cohort.scores(outcome, rng)[cohort.present(outcome, BASELINE)]
    _find(cohort, outcome, BASELINE, groups, lambda: latent, rng)


def _find_follow_up(cohort: Cohort, outcome: str, visit: str, trait: np.ndarray, rng: np.random.Generator) -> None:
    design = cohort.design
    items = cohort.present(outcome, visit)
    base = cohort.cells[outcome, BASELINE][items]
    log_base = np.log(base)
    against = design.against_baseline * (log_base - log_base.mean()) / log_base.std()
    push = np.zeros(items.size)  # starts the strata on the side where a reported effect puts them
    for row in cohort.targets[outcome, visit]:
        if "contrast" in row and row["marker"] and " vs " not in row["stratum"]:
            for group, direction in zip(groups_of(row), (0.6, -0.6), strict=True):
                push[cohort.members(*group)[items]] += direction * effect_sign(row)
    step = 100.0 / base.min()
    shapes = _shapes(cohort, outcome, visit, rng)
    groups = [_Group(members, knots, knots[0] - step, knots[4] + step) for members, knots in shapes]
    shared = design.shared_by_visits

    def scores() -> np.ndarray:
        noise = np.sqrt(1 - shared**2) * rng.standard_normal(items.size)
        return shared * trait[items] + noise + push + against

    _find(cohort, outcome, visit, groups, scores, rng)


def _shapes(
    cohort: Cohort, outcome: str, visit: str, rng: np.random.Generator
) -> Iterator[tuple[tuple[str, str, str], Knots]]:
    """Yield marker, stratum and arm of each group that exchanges values, with the five knots of its starting shape."""
    design, rows = cohort.design, _quartiles(cohort, outcome, visit)
    given = design.shapes.get(outcome, {}).get(visit)
    for arm, (low, first, middle, third, high) in (given or {}).items():
        if not any(row["group"] == arm and row["stratum"] in ("", "all") for row, *_ in rows):  # let the cohorts differ
            first = middle - (middle - first) * rng.uniform(0.75, 1.25)
            third = middle + (third - middle) * rng.uniform(0.75, 1.25)
        yield ("", "all", arm), (low, first, middle, third, high)
    for row, first, middle, third in [] if given else rows:
        yield (row["marker"], row["stratum"], row["group"]), _with_tails(first, middle, third, rng)
        (opposite,) = set(design.trial.stratum_labels) - {row["stratum"]}  # no summary of it is reported
        half = (third - first) / 2
        middle = rng.normal(0, 0.15 * half)
        yield (row["marker"], opposite, row["group"]), _with_tails(max(middle - half, -80), middle, middle + half, rng)


def _with_tails(first: float, middle: float, third: float, rng: np.random.Generator) -> Knots:
    reach = rng.uniform(0.8, 1.6, 2) * (third - first) * 0.8
    return max(first - reach[0], -90 + (first + 90) * 0.3), first, middle, third, third + reach[1]


def _fit_heights(cohort: Cohort, rng: np.random.Generator) -> bool:
    """Exchange BMIs within arms until weight and BMI agree on plausible heights; return whether they do."""
    weight, bmi, arm = cohort.values("weight", BASELINE), cohort.cells["bmi", BASELINE], cohort.arm
    low, high = cohort.design.height

    def misses() -> np.ndarray:
        height = np.sqrt(weight / (bmi / 10.0 ** cohort.design.decimals["bmi"]))
        return np.maximum(low - height, 0) + np.maximum(height - high, 0)

    def propose() -> tuple[np.ndarray, Sequence[int]]:
        item = rng.choice(np.flatnonzero(misses()))
        return bmi, (item, rng.choice(np.flatnonzero(arm == arm[item])))

    return swap_until(lambda: float(misses().sum()), propose, 3000)


def _draw_markers(cohort: Cohort, rng: np.random.Generator) -> None:
    """Draw marker values that the strata divide; exchange them until their correlations with age are as reported."""
    from scipy.stats import rankdata

    design, strata = cohort.design, cohort.strata
    lower, upper = design.trial.stratum_labels
    n, loading, unit = cohort.arm.size, design.marker_loading, 10**design.marker_decimals
    shared = rng.standard_normal(n)
    for key, marker in design.markers.items():
        cells = np.array([], dtype=int)
        while cells.size < n:  # distinct values, so that ties are those that are meant
            drawn = np.exp(np.log(marker.typical) + marker.spread * rng.standard_normal(n))
            cells = np.unique(np.round(drawn * unit).astype(int))
        cut = n - marker.upper
        if marker.tie_at_cut:
            cells[cut + 1] = cells[cut]
        score = loading * shared + (1 - loading**2) ** 0.5 * rng.standard_normal(n)
        column = cohort.markers[key] = np.empty(n)
        for stratum, part in ((lower, cells[:cut]), (upper, cells[cut:])):
            inside = strata[key, stratum]
            column[inside] = assign_by_rank(score[inside], part / unit)
    age = cohort.cells["age", BASELINE]
    arms = sorted(design.arms)

    def miss() -> float:
        total = 0.0
        for key, column in cohort.markers.items():
            low, high = design.markers[key].spearman_with_age
            rho = float(np.corrcoef(rankdata(column), rankdata(age))[0, 1])
            total += max(low + 1e-4 - rho, rho - high + 1e-4, 0.0)
        return total

    def propose() -> tuple[np.ndarray, Sequence[int]]:
        """Exchange ages within an arm, or values of a marker within a stratum."""
        choice = rng.integers(len(design.markers) + 1)
        if choice == len(design.markers):
            column, part = age, cohort.arm == arms[rng.integers(len(arms))]
        else:
            key = list(design.markers)[choice]
            column, part = cohort.markers[key], strata[key, upper if rng.integers(2) else lower]
        return column, rng.choice(np.flatnonzero(part), 2, replace=False)

    if not swap_until(miss, propose, 20000):
        raise UserError("the Spearman correlations of the markers with age were not reached")


def _draw_population(cohort: Cohort, rng: np.random.Generator) -> None:
    """Draw the population sample, in which the markers rise with age."""
    design, loading = cohort.design, cohort.design.marker_loading
    parts = ((int(n), low, high) for n, low, high in design.population_ages)
    ages = [np.round([low, high, *rng.uniform(low, high, n - 2)], 1) for n, low, high in parts]
    age = rng.permutation(np.concatenate(ages))
    shared = rng.standard_normal(age.size)
    cohort.population = {"age": age}
    for key, slope in design.population_slopes.items():
        marker = design.markers[key]
        noise = marker.spread * (loading * shared + (1 - loading**2) ** 0.5 * rng.standard_normal(age.size))
        level = np.exp(np.log(marker.typical) + slope * (age - 72) / 10 + noise)
        cohort.population[key] = np.maximum(np.round(level, design.marker_decimals), 10.0**-design.marker_decimals)
