"""Search one synthetic cohort from the reported values, a design and a seed."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from ..errors import UserError
from ..published_tables import Row
from ..trial import BASELINE
from .constraints import build_constraints, check_counts, effect_sign, row_groups
from .design import Cohort, Design, Group, Targets, draw_participants
from .search import Column, Swap, assign_by_rank, impose_ties, refine, sample_around_knots, solve, swap_until

# How often an outcome's baseline is drawn if its follow-ups cannot be met.
_BASELINE_DRAWS = 5
Knots = tuple[float, float, float, float, float]


def reconstruct(
    design: Design, targets: Targets, seed: int, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Cohort:
    """Return a cohort that meets every constraint; ``progress`` gets the number of finished outcomes and the total.

    UserError names the constraints that could not be met.
    """
    participant_seed, population_seed, outcome_seed = np.random.SeedSequence(seed).spawn(3)
    rng = np.random.default_rng(participant_seed)
    cohort = draw_participants(design, targets, seed, rng)
    arm = cohort.arm
    check_counts(cohort)
    for (outcome, visit), rows in targets.items():
        for row in rows:
            if row.get("statistic") == "count_percent":
                cells = cohort.cells.setdefault((outcome, visit), np.zeros(arm.size, int))
                cells[rng.choice(np.flatnonzero(arm == row["group"]), int(row["center"]), replace=False)] = 1
    outcomes = design.continuous
    tendencies = {key: rng.standard_normal(arm.size) for key in outcomes}  # of a participant's changes at all visits
    # Each outcome has its own random stream, so that a change to one outcome leaves the others unchanged.
    for number, (outcome, stream) in enumerate(zip(outcomes, outcome_seed.spawn(len(outcomes)), strict=True), start=1):
        _search_outcome(cohort, outcome, tendencies[outcome], np.random.default_rng(stream))
        progress(number, len(outcomes))
    for _ in range(_BASELINE_DRAWS * 4):
        if _fit_heights(cohort, rng):
            break
        _search_baseline(cohort, "bmi", rng)
    else:
        raise UserError(f"height: weight and BMI do not agree on heights of {design.height[0]} to {design.height[1]} m")
    _draw_markers(cohort, rng)
    _draw_population(cohort, np.random.default_rng(population_seed))
    return cohort


def _search_outcome(cohort: Cohort, outcome: str, tendency: np.ndarray, rng: Generator) -> None:
    """Search the columns of an outcome; redraw a baseline that leaves no room for the reported changes."""
    visits = cohort.design.trial.outcomes[outcome].follow_up
    for draw in range(1, _BASELINE_DRAWS + 1):
        try:
            _search_baseline(cohort, outcome, rng)
            for visit in visits:
                _search_follow_up(cohort, outcome, visit, tendency, rng)
            return
        except UserError:
            if draw == _BASELINE_DRAWS or not visits:
                raise


class _Pool(NamedTuple):
    """Participants of one stratum and arm, who may exchange values; the knots of their values, and their limits."""

    group: Group
    knots: Knots
    lowest: float
    highest: float


def _search_column(
    cohort: Cohort, outcome: str, visit: str, pools: list[_Pool], draw_scores: Callable[[], np.ndarray], rng: Generator
) -> None:
    """Search the cells of a column. Within a pool, they follow the order of the scores, at follow-up approximately."""
    measured, decimals = cohort.measured(outcome, visit), cohort.design.decimals[outcome]
    name = f"{outcome} {visit}"
    is_follow_up, ties = visit != BASELINE, cohort.design.ties.get(outcome, {}).get(visit)
    constraints = build_constraints(cohort, outcome, visit)
    base = cohort.cells[outcome, BASELINE][measured] if is_follow_up else None
    pool_items = [(np.flatnonzero(cohort.members(*pool.group)[measured]), pool) for pool in pools]
    pool_number, lowest, highest = np.full(measured.size, -1), np.empty(measured.size), np.empty(measured.size)
    for number, (items, pool) in enumerate(pool_items):
        pool_number[items], lowest[items], highest[items] = number, pool.lowest, pool.highest
    if (pool_number < 0).any():
        raise UserError(f"{name}: the reported summaries do not cover all participants")
    column = Column(name, constraints, pool_number, lowest, highest, decimals, baseline=base, keep_ties=bool(ties))
    scores = np.empty(measured.size)

    def start() -> np.ndarray:
        scores[:] = draw_scores()
        values = np.empty(measured.size)
        for items, pool in pool_items:
            values[items] = assign_by_rank(scores[items], sample_around_knots(items.size, pool.knots, rng))
        if ties:
            impose_ties(values, column, ties, rng)
        return values

    # Ties must be right from the start, so many short attempts succeed more often than a few long ones.
    steps = 2500 if ties else 20000 if column.exchange else 8000 if is_follow_up else 6000
    solve(column, start, rng, steps=steps, attempts=80 if ties else 12)
    refine(column, scores, rng)
    if not is_follow_up:  # the search has changed the order of the values: restore that of the scores
        for items, _ in pool_items:
            column.cells[items] = assign_by_rank(scores[items], column.cells[items])
    cells = cohort.cells[outcome, visit] = np.zeros(cohort.arm.size, dtype=int)
    cells[measured] = column.cells


def _collect_quartiles(cohort: Cohort, outcome: str, visit: str) -> list[tuple[Row, float, float, float]]:
    """Return the rows that report quartiles of a column, with the quartiles as numbers."""
    rows = [row for row in cohort.targets[outcome, visit] if row.get("statistic") == "median_iqr"]
    return [(row, float(row["lower"]), float(row["center"]), float(row["upper"])) for row in rows]


def _search_baseline(cohort: Cohort, outcome: str, rng: Generator) -> None:
    design = cohort.design
    range_is_reported = any(row.get("statistic") == "range" for row in cohort.targets[outcome, BASELINE])
    pools = []
    for row, first, middle, third in _collect_quartiles(cohort, outcome, BASELINE):
        if outcome in design.extremes:
            low, high = lowest, highest = design.extremes[outcome]
            if not range_is_reported:  # let the extremes differ between pools
                low, high = first - (first - low) * rng.uniform(0.6, 1), third + (high - third) * rng.uniform(0.6, 1)
        else:  # positive values with the right-skewed distribution of concentrations
            log_half_iqr = max((np.log(middle / first) + np.log(third / middle)) / 2, 1e-3)
            tails = rng.uniform(1.4, 2.2, 2)
            low, high = first * np.exp(-tails[0] * log_half_iqr), third * np.exp(tails[1] * 1.15 * log_half_iqr)
            lowest, highest = low * 0.9, high * 1.1
        pools.append(_Pool(row_groups(row)[0], (low, first, middle, third, high), lowest, highest))
    scores = cohort.draw_scores(outcome, rng)[cohort.measured(outcome, BASELINE)]
    _search_column(cohort, outcome, BASELINE, pools, lambda: scores, rng)


def _search_follow_up(cohort: Cohort, outcome: str, visit: str, tendency: np.ndarray, rng: Generator) -> None:
    design = cohort.design
    measured = cohort.measured(outcome, visit)
    base = cohort.cells[outcome, BASELINE][measured]
    log_base = np.log(base)
    baseline_effect = design.against_baseline * (log_base - log_base.mean()) / log_base.std()
    stratum_effect = np.zeros(measured.size)  # starts the strata with the reported direction of their effect
    for row in cohort.targets[outcome, visit]:
        if "contrast" in row and row["marker"] and " vs " not in row["stratum"]:
            for group, size in zip(row_groups(row), (0.6, -0.6), strict=True):
                stratum_effect[cohort.members(*group)[measured]] += size * effect_sign(row)
    step = 100.0 / base.min()
    shapes = _list_starting_shapes(cohort, outcome, visit, rng)
    pools = [_Pool(group, knots, knots[0] - step, knots[4] + step) for group, knots in shapes]
    shared = design.shared_by_visits

    def draw_scores() -> np.ndarray:
        noise = np.sqrt(1 - shared**2) * rng.standard_normal(measured.size)
        return shared * tendency[measured] + noise + stratum_effect + baseline_effect

    _search_column(cohort, outcome, visit, pools, draw_scores, rng)


def _list_starting_shapes(cohort: Cohort, outcome: str, visit: str, rng: Generator) -> Iterator[tuple[Group, Knots]]:
    """Yield the group of each pool, with the knots of its starting values."""
    design, rows = cohort.design, _collect_quartiles(cohort, outcome, visit)
    shapes = design.shapes.get(outcome, {}).get(visit, {})
    for arm, (low, first, middle, third, high) in shapes.items():
        if not any(row["group"] == arm and row["stratum"] in ("", "all") for row, *_ in rows):
            first = middle - (middle - first) * rng.uniform(0.75, 1.25)  # quartiles differ between cohorts
            third = middle + (third - middle) * rng.uniform(0.75, 1.25)
        yield ("", "all", arm), (low, first, middle, third, high)
    if shapes:
        return
    for row, first, middle, third in rows:
        yield (row["marker"], row["stratum"], row["group"]), _add_tails(first, middle, third, rng)
        (opposite,) = set(design.trial.stratum_labels) - {row["stratum"]}  # a stratum without a reported summary
        half_iqr = (third - first) / 2
        middle = rng.normal(0, 0.15 * half_iqr)
        first, third = max(middle - half_iqr, -80), middle + half_iqr
        yield (row["marker"], opposite, row["group"]), _add_tails(first, middle, third, rng)


def _add_tails(first: float, middle: float, third: float, rng: Generator) -> Knots:
    lower_tail, upper_tail = rng.uniform(0.8, 1.6, 2) * (third - first) * 0.8
    return max(first - lower_tail, -90 + (first + 90) * 0.3), first, middle, third, third + upper_tail


def _fit_heights(cohort: Cohort, rng: Generator) -> bool:
    """Exchange BMIs within arms until weight and BMI agree on plausible heights; return whether they do."""
    weight, bmi, arm = cohort.values("weight", BASELINE), cohort.cells["bmi", BASELINE], cohort.arm
    low, high = cohort.design.height

    def misfits() -> np.ndarray:
        height = np.sqrt(weight / (bmi / 10.0 ** cohort.design.decimals["bmi"]))
        return np.maximum(low - height, 0) + np.maximum(height - high, 0)

    def propose() -> Swap:
        item = rng.choice(np.flatnonzero(misfits()))
        return bmi, [item, rng.choice(np.flatnonzero(arm == arm[item]))]

    return swap_until(lambda: float(misfits().sum()), propose, 3000)


def _draw_markers(cohort: Cohort, rng: Generator) -> None:
    """Draw marker values that the strata divide; exchange them until their correlations with age are as reported."""
    from scipy.stats import rankdata

    design, strata = cohort.design, cohort.strata
    lower_label, upper_label = design.trial.stratum_labels
    n, loading, unit = cohort.arm.size, design.marker_loading, 10**design.marker_decimals
    shared = rng.standard_normal(n)
    for key, marker in design.markers.items():
        cells = np.array([], dtype=int)
        while cells.size < n:  # distinct values, so that the only tie is the intended one
            drawn = np.exp(np.log(marker.typical) + marker.spread * rng.standard_normal(n))
            cells = np.unique(np.round(drawn * unit).astype(int))
        n_lower = n - marker.upper
        if marker.tie_at_cut:
            cells[n_lower + 1] = cells[n_lower]
        scores = loading * shared + (1 - loading**2) ** 0.5 * rng.standard_normal(n)
        values = cohort.markers[key] = np.empty(n)
        for label, stratum_cells in ((lower_label, cells[:n_lower]), (upper_label, cells[n_lower:])):
            members = strata[key, label]
            values[members] = assign_by_rank(scores[members], stratum_cells / unit)
    age = cohort.cells["age", BASELINE]
    arms = sorted(design.arms)

    def misfit() -> float:
        total = 0.0
        for key, values in cohort.markers.items():
            low, high = design.markers[key].spearman_with_age
            rho = float(np.corrcoef(rankdata(values), rankdata(age))[0, 1])
            total += max(low + 1e-4 - rho, rho - high + 1e-4, 0.0)
        return total

    def propose() -> Swap:
        """Exchange ages within an arm, or values of a marker within a stratum."""
        choice = rng.integers(len(design.markers) + 1)
        if choice == len(design.markers):
            values, members = age, cohort.arm == arms[rng.integers(len(arms))]
        else:
            key = list(design.markers)[choice]
            values, members = cohort.markers[key], strata[key, upper_label if rng.integers(2) else lower_label]
        return values, rng.choice(np.flatnonzero(members), 2, replace=False).tolist()

    if not swap_until(misfit, propose, 20000):
        raise UserError("the Spearman correlations of the markers with age were not reached")


def _draw_population(cohort: Cohort, rng: Generator) -> None:
    """Draw the population sample, in which the markers increase with age."""
    design, loading = cohort.design, cohort.design.marker_loading
    ages = [np.round([low, high, *rng.uniform(low, high, int(n) - 2)], 1) for n, low, high in design.population_ages]
    age = rng.permutation(np.concatenate(ages))
    shared = rng.standard_normal(age.size)
    cohort.population = {"age": age}
    for key, slope in design.population_slopes.items():
        marker = design.markers[key]
        noise = marker.spread * (loading * shared + (1 - loading**2) ** 0.5 * rng.standard_normal(age.size))
        level = np.exp(np.log(marker.typical) + slope * (age - 72) / 10 + noise)
        cohort.population[key] = np.maximum(np.round(level, design.marker_decimals), 10.0**-design.marker_decimals)
