"""Search one synthetic cohort from the reported values, a design and a seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..errors import UserError
from .constraints import Quantile, RankSum, Targets, constraints_on, effect_sign
from .design import Design
from .enrolment import Enrolment, draw_markers, order_by_age, recruit
from .search import Measure, Problem, UnmetError, in_order_of, log_tails, refine, sample, solve, tie_changes

BASELINE = "baseline"
Progress = Callable[[int, int, str], None]
# How often an outcome's baseline is drawn again when its follow-ups cannot be met.
_REDRAWS = 5


@dataclass
class Cohort:
    """A synthetic cohort: recorded values as whole cells (``decimals`` places the point), NaN nowhere."""

    seed: int
    people: Enrolment
    decimals: dict[str, int]
    markers: dict[str, np.ndarray]
    smoker: np.ndarray  # bool
    cells: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)  # (outcome, visit) -> int, shape (n,)
    population: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0

    def values(self, outcome: str, visit: str) -> np.ndarray:
        """Return recorded values, shape (n,); NaN where there is none."""
        column = self.cells[outcome, visit] / 10.0 ** self.decimals[outcome]
        gone = self.people.absent.get((outcome, visit))
        return np.where(gone, np.nan, column) if gone is not None else column


def reconstruct(design: Design, targets: Targets, seed: int, *, progress: Progress | None = None) -> Cohort:
    """Return a cohort that meets every constraint.

    Raises
    ------
    UserError
        Naming what could not be met.
    """
    started = time.perf_counter()
    streams = np.random.SeedSequence(seed)
    people_rng, population_rng, column_seed = streams.spawn(3)
    rng = np.random.default_rng(people_rng)
    people = recruit(design, rng)
    continuous = [key for key, outcome in design.outcomes.items() if outcome.get("kind") != "binary"]
    columns = [(key, BASELINE) for key in continuous]
    columns += [(key, visit) for key in continuous for visit in design.visits(key)]
    cohort = Cohort(
        seed, people, {key: design.decimals_of(key, targets) for key in continuous}, {}, _smokers(targets, people, rng)
    )
    traits = {
        key: rng.standard_normal(len(people)) for key in continuous
    }  # how a participant changes, shared by visits
    done = 0
    # Each outcome has a stream of its own: a change to one leaves the others as they are.
    for outcome, stream in zip(continuous, column_seed.spawn(len(continuous)), strict=True):
        outcome_rng = np.random.default_rng(stream)
        visits = [BASELINE, *design.visits(outcome)]
        for redraw in range(_REDRAWS):
            try:
                for number, visit in enumerate(visits):
                    if progress:
                        again = f" (drawn again, {redraw})" if redraw else ""
                        progress(done + number, len(columns), f"{outcome} {visit}{again}")
                    if visit == BASELINE:
                        cells = _baseline(design, targets, people, outcome, cohort.decimals[outcome], outcome_rng)
                    else:
                        cells = _follow_up(design, targets, cohort, outcome, visit, traits[outcome], outcome_rng)
                    cohort.cells[outcome, visit] = cells
                break
            except UnmetError:
                # Some baselines leave no room for the changes that are reported: a new one may.
                if redraw == _REDRAWS - 1 or len(visits) == 1:
                    raise
        done += len(visits)
    for _ in range(_REDRAWS * 4):
        if _fit_heights(design, cohort, rng):
            break
        cohort.cells["bmi", BASELINE] = _baseline(design, targets, people, "bmi", cohort.decimals["bmi"], rng)
    else:
        raise UserError(f"height: weight and BMI do not agree on heights of {design.height[0]} to {design.height[1]} m")
    cohort.markers = draw_markers(design, people, rng)
    order_by_age(design, people, cohort.cells["age", BASELINE], cohort.markers, rng)
    cohort.population = _population(design, np.random.default_rng(population_rng))
    cohort.seconds = time.perf_counter() - started
    if progress:
        progress(len(columns), len(columns), "done")
    return cohort


def _smokers(targets: Targets, people: Enrolment, rng: np.random.Generator) -> np.ndarray:
    smoker = np.zeros(len(people), bool)
    for row in targets.summaries:
        if row["statistic"] == "count_percent":
            smoker[rng.choice(np.flatnonzero(people.arm == row["group"]), int(row["center"]), replace=False)] = True
    return smoker


def _baseline(design: Design, targets: Targets, people: Enrolment, outcome: str, decimals: int, rng) -> np.ndarray:
    items = people.present(outcome, BASELINE)
    measure = Measure(decimals)
    constraints = constraints_on(targets, design, people, outcome, BASELINE, items)
    rows = [row for row in targets.summaries_of(outcome, BASELINE) if row["statistic"] == "median_iqr"]
    group = np.full(items.size, -1)
    for number, row in enumerate(rows):
        group[people.members(row["marker"], row["stratum"], row["group"])[items]] = number
    if not rows or (group < 0).any():
        raise UserError(f"{outcome}: the reported baseline summaries do not cover all participants")
    lowest, highest = np.empty(items.size), np.empty(items.size)
    knots = []
    whole_range = any(row["statistic"] == "range" for row in targets.summaries_of(outcome, BASELINE))
    for number, row in enumerate(rows):
        first, middle, third = (float(row[key]) for key in ("lower", "center", "upper"))
        if outcome in design.extremes:
            low, high = design.extremes[outcome]
            limits = (low, high)
            if not whole_range:  # not all groups reach equally far
                low, high = first - (first - low) * rng.uniform(0.6, 1), third + (high - third) * rng.uniform(0.6, 1)
        else:
            low, high = log_tails(first, middle, third, rng)
            limits = (low * 0.9, high * 1.1)
        knots.append(np.array([low, first, middle, third, high]))
        lowest[group == number], highest[group == number] = limits
    scores = people.scores(design.loading(outcome), rng)[items]

    def start() -> np.ndarray:
        values = np.empty(items.size)
        for number, shape in enumerate(knots):
            where = group == number
            values[where] = in_order_of(scores[where], sample(int(where.sum()), shape, rng))
        return values

    problem = Problem(f"{outcome} {BASELINE}", measure, constraints, group, lowest, highest)
    found = refine(problem, solve(problem, start, rng), scores, rng)
    # The search has moved values past one another: order them by the latent scores again.
    for number in range(len(rows)):
        where = group == number
        found[where] = in_order_of(scores[where], found[where])
    cells = np.zeros(len(people), dtype=np.int64)
    cells[items] = found
    return cells


def _follow_up(design: Design, targets: Targets, cohort: Cohort, outcome: str, visit: str, trait, rng) -> np.ndarray:
    people = cohort.people
    items = people.present(outcome, visit)
    base = cohort.cells[outcome, BASELINE]
    measure = Measure(cohort.decimals[outcome], base[items])
    constraints = constraints_on(targets, design, people, outcome, visit, items)
    groups = _change_groups(design, targets, people, outcome, visit, items, rng)
    group = np.full(items.size, -1)
    lowest, highest = np.empty(items.size), np.empty(items.size)
    for number, (where, knots) in enumerate(groups):
        group[where] = number
        step = 100.0 / np.min(base[items])
        lowest[where], highest[where] = knots[0] - step, knots[4] + step
    log_base = np.log(base[items])
    shared = design.changes["shared_by_visits"]
    push = _push(targets, people, outcome, visit, items)

    scores = np.empty(items.size)  # of the latest attempt: the order that the values settle towards

    def start() -> np.ndarray:
        scores[:] = shared * trait[items] + np.sqrt(1 - shared**2) * rng.standard_normal(items.size) + push
        scores[:] += design.changes["against_baseline"] * (log_base - log_base.mean()) / log_base.std()
        values = np.empty(items.size)
        for where, knots in groups:
            values[where] = in_order_of(scores[where], sample(where.size, knots, rng))
        for tied in needing_ties:
            about_zero = [c.items for c in constraints if isinstance(c, Quantile) and c.low <= 0 <= c.high]
            near = np.intersect1d(np.concatenate([np.array([], int), *about_zero]), tied.items)
            tie_changes(values, near, np.setdiff1d(tied.items, near), base[items], tied.ties_needed(), rng)
        return values

    needing_ties = [c for c in constraints if isinstance(c, RankSum) and c.ties_needed()]
    # Exchanging values within a group helps only where a constraint is on part of the group.
    exchange = any(0 < np.isin(where, c.items).sum() < where.size for c in constraints for where, _ in groups)
    problem = Problem(f"{outcome} {visit}", measure, constraints, group, lowest, highest, exchange, bool(needing_ties))
    cells = base.copy()
    # Ties have to be right from the start, so that many short attempts find more than a few long ones.
    effort = {"steps": 2500, "attempts": 80} if needing_ties else {"steps": 20000 if exchange else 8000}
    found = solve(problem, start, rng, **effort)
    cells[items] = refine(problem, found, scores, rng)
    return cells


def _change_groups(design, targets, people, outcome, visit, items, rng) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return groups that exchange values, with the five knots of each group's starting shape."""
    shape = design.shapes.get(outcome, {}).get(visit)
    if shape:
        result = []
        for arm, given in shape.items():
            low, first, middle, third, high = given
            reported_quartiles = any(
                row["statistic"] == "median_iqr" and row["group"] == arm and row["stratum"] in ("", "all")
                for row in targets.summaries_of(outcome, visit)
            )
            if not reported_quartiles:  # not reported: let the cohorts differ
                first = middle - (middle - first) * rng.uniform(0.75, 1.25)
                third = middle + (third - middle) * rng.uniform(0.75, 1.25)
            where = np.flatnonzero(people.members("", "all", arm)[items])
            result.append((where, np.array([low, first, middle, third, high])))
        return result
    rows = [row for row in targets.summaries_of(outcome, visit) if row["statistic"] == "median_iqr"]
    if not rows:
        raise UserError(f"{outcome} {visit}: neither a reported summary nor a shape")
    result = []
    for row in rows:
        knots = _around([float(row[key]) for key in ("lower", "center", "upper")], rng)
        result.append((np.flatnonzero(people.members(row["marker"], row["stratum"], row["group"])[items]), knots))
        opposite = "T1/T2" if row["stratum"] == "T3" else "T3"
        half = (float(row["upper"]) - float(row["lower"])) / 2
        middle = rng.normal(0, 0.15 * half)
        knots = _around([max(middle - half, -80), middle, middle + half], rng)
        result.append((np.flatnonzero(people.members(row["marker"], opposite, row["group"])[items]), knots))
    return result


def _around(quartiles: list[float], rng: np.random.Generator) -> np.ndarray:
    first, middle, third = quartiles
    reach = rng.uniform(0.8, 1.6, 2) * (third - first) * 0.8
    return np.array([max(first - reach[0], -90 + (first + 90) * 0.3), first, middle, third, third + reach[1]])


def _push(targets: Targets, people: Enrolment, outcome: str, visit: str, items: np.ndarray) -> np.ndarray:
    """Return scores that start the strata on the side where a reported effect puts them."""
    push = np.zeros(items.size)
    for row in targets.tests_of(outcome, visit):
        if row["marker"] and effect_sign(row) and " vs " not in row["stratum"]:
            for group, direction in zip(row["contrast"].split(" - "), (1, -1), strict=True):
                where = people.members(row["marker"], row["stratum"], group)[items]
                push[where] += 0.6 * direction * effect_sign(row)
    return push


def _fit_heights(design: Design, cohort: Cohort, rng: np.random.Generator) -> bool:
    """Exchange BMIs within arms until weight and BMI agree on a plausible height; return whether they do."""
    weight = cohort.values("weight", BASELINE)
    bmi = cohort.cells["bmi", BASELINE]
    unit = 10.0 ** cohort.decimals["bmi"]
    low, high = design.height

    def miss(who) -> float:
        height = np.sqrt(weight[who] / (bmi[who] / unit))
        return float(np.sum(np.maximum(low - height, 0) + np.maximum(height - high, 0)))

    for _ in range(3000):
        height = np.sqrt(weight / (bmi / unit))
        wrong = np.flatnonzero((height < low) | (height > high))
        if wrong.size == 0:
            return True
        i = int(rng.choice(wrong))
        j = int(rng.choice(np.flatnonzero(cohort.people.arm == cohort.people.arm[i])))
        pair = np.array([i, j])
        before = miss(pair)
        bmi[pair] = bmi[pair[::-1]]
        if i == j or miss(pair) > before:
            bmi[pair] = bmi[pair[::-1]]
    return False


def _population(design: Design, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the population sample, in which p16 rises with age."""
    given = design.population
    ages = []
    for n, low, high in given["ages"]:
        drawn = np.round(np.concatenate([[low, high], rng.uniform(low, high, n - 2)]), 1)
        ages.append(drawn)
    age = rng.permutation(np.concatenate(ages))
    shared, loading = rng.standard_normal(age.size), design.marker_loading
    result = {"age": age}
    for key, slope in given["slope_per_decade"].items():
        marker = design.markers[key]
        noise = marker["spread"] * (loading * shared + (1 - loading**2) ** 0.5 * rng.standard_normal(age.size))
        level = np.log(marker["typical"]) + slope * (age - 72) / 10 + noise
        result[key] = np.maximum(np.round(np.exp(level), design.marker_decimals), 10.0**-design.marker_decimals)
    return result
