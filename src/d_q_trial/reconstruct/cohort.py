"""Search one synthetic cohort from the reported values, a design and a seed, and write it as an Excel workbook."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator

from ..errors import UserError
from ..files import atomic, set_fixed_date
from ..labels import fill_placeholders
from ..published_tables import parse_number
from ..trial import BASELINE, Marker, Outcome
from ..workbook.reader import SYNTHETIC
from .design import Cohort, Design, Group, Targets, build_constraints, check_targets
from .search import Column, assign_by_rank, impose_ties, refine, sample_around_knots, solve

# How often an outcome's baseline is drawn if its follow-ups cannot be met, and the values of a marker if some are equal.
_BASELINE_DRAWS, _MARKER_DRAWS = 5, 1000
_DATE = datetime.datetime(2024, 7, 2)  # of the workbook, so that the same cohort gives the same bytes
Knots = tuple[float, float, float, float, float]
# Participants of one stratum and arm, who may exchange values; the knots of their values, and their limits.
Pool = tuple[Group, Knots, tuple[float, float]]
Swap = tuple[np.ndarray, Sequence[int]]  # an array, and the positions of two entries to exchange


def reconstruct(
    design: Design, targets: Targets, seed: int, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Cohort:
    """Return a cohort that meets every constraint; ``progress`` gets the number of finished outcomes and the total.

    UserError names the constraints that could not be met.
    """
    participant_seed, population_seed, outcome_seed = np.random.SeedSequence(seed).spawn(3)
    rng = np.random.default_rng(participant_seed)
    cohort = draw_participants(design, targets, seed, rng)
    check_targets(cohort)
    _draw_counts(cohort, rng)
    outcomes = design.continuous
    tendencies = rng.standard_normal((len(outcomes), cohort.arm.size))  # of a participant's changes at all visits
    # Each outcome has its own random stream, so that a change to one outcome leaves the others unchanged.
    for number, stream in enumerate(outcome_seed.spawn(len(outcomes))):
        _search_outcome(cohort, outcomes[number], tendencies[number], np.random.default_rng(stream))
        progress(number + 1, len(outcomes))
    for height in design.heights:
        _fit_heights(cohort, *height, rng)
    _draw_markers(cohort, rng)
    _draw_population(cohort, np.random.default_rng(population_seed))
    return cohort


def draw_participants(design: Design, targets: Targets, seed: int, rng: Generator) -> Cohort:
    """Draw arms, strata and absences in the numbers of the design; participant order and marker overlap are random."""
    arm = rng.permutation(np.concatenate([np.full(n, key, dtype=object) for key, n in design.arms.items()]))
    lower_label, upper_label = design.trial.stratum_labels
    strata, n_control = {}, {}
    for name, marker in design.markers.items():
        ranks, cut = np.arange(arm.size), design.trial.cuts[0]  # of the marker's values
        ranks[-marker.upper :][: 1 + marker.tie_at_cut] = arm.size - marker.upper
        if (n_upper := (ranks >= np.quantile(ranks, float(cut))).sum()) != marker.upper:
            raise UserError(f"markers.{name}: {n_upper} values are at or above the {cut} quantile, not {marker.upper}")
        n_control[name] = int(rng.integers(*marker.upper_control, endpoint=True))
        strata[name, upper_label] = np.full(arm.size, False)
    for key in design.arms:
        members = rng.permutation(np.flatnonzero(arm == key))
        n_both, n_first = int(rng.integers(*design.overlap[key], endpoint=True)), 0
        for name, marker in design.markers.items():  # each marker after the first shares n_both participants with it
            n = n_control[name] if key == design.trial.arms.control.key else marker.upper - n_control[name]
            chosen = np.append(members[:n_both], members[n_first : n_first + n - n_both]) if n_first else members[:n]
            if np.unique(chosen).size != n:
                raise UserError(f"markers.{name}: 'upper', 'upper_control', 'overlap' and 'arms' contradict each other")
            strata[name, upper_label][chosen] = True
            n_first = n_first or n
    strata |= {(name, lower_label): ~strata[name, upper_label] for name in design.markers}
    factor_names = sorted({name for loading in design.loadings.values() for name in loading})
    factors = {name: rng.standard_normal(arm.size) for name in factor_names}
    cohort = Cohort(design, targets, _render_read_me(design, seed), arm, strata, factors)
    present = np.full(arm.size, True)
    for absence in design.absences:
        eligible = present & cohort.members("", "", absence.arm)
        for marker, stratum in absence.strata.items():
            eligible &= cohort.members(marker, stratum, "")
        candidates = rng.permutation(np.flatnonzero(eligible))
        if candidates.size < absence.number:
            raise UserError(f"absence ({absence.why}): {candidates.size} participants fit, {absence.number} needed")
        absentees = candidates[: absence.number]
        present[absentees] = False
        for outcome in design.trial.outcomes:
            for visit in design.for_outcome(absence.missing, outcome) or ():
                cohort.absent[outcome, visit].extend(absentees)
    return cohort


def _render_read_me(design: Design, seed: int) -> str:
    """Return the text of the sheet READ ME; UserError names a placeholder that is unknown."""
    absences: Counter[str] = Counter()
    for absence in design.absences:
        absences[f"{design.trial.analysed_arms[absence.arm].label}: {absence.why}"] += absence.number
    lines = "\n".join(f"{n} x {reason}" for reason, n in absences.items())
    values = {"label": SYNTHETIC, "seed": str(seed), "cut": str(design.trial.cuts[0]), "absences": lines}
    return fill_placeholders(design.read_me, values, "read_me")


def _draw_counts(cohort: Cohort, rng: Generator) -> None:
    """Draw the participants whom the reported counts of the binary outcomes describe; UserError if they disagree."""
    for outcome in (key for key in cohort.design.trial.outcomes if key not in cohort.design.continuous):
        cells = cohort.cells[outcome, BASELINE] = np.full(cohort.arm.size, -1)  # not drawn yet
        for row in cohort.targets[outcome, BASELINE]:
            if row.get("statistic") == "count_percent":
                members, count = np.flatnonzero(cohort.members(*row.groups[0])), int(row["center"])
                if (cells[members] < 0).all():
                    cells[members] = 0
                    cells[rng.choice(members, count, replace=False)] = 1
                elif cells[members].sum() != count:
                    raise UserError(f"{row}: a count of {count} disagrees with the other numbers")
        if (cells < 0).any():
            raise UserError(f"{outcome}: the reported counts do not cover all participants")


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


def _search_column(
    cohort: Cohort, outcome: str, visit: str, pools: list[Pool], draw_scores: Callable[[], np.ndarray], rng: Generator
) -> None:
    """Search the cells of a column. Within a pool, they follow the order of the scores, at follow-up approximately."""
    measured, design = cohort.measured(outcome, visit), cohort.design
    is_follow_up, ties = visit != BASELINE, design.ties.get(outcome, {}).get(visit)
    pool_of, limits, scores = np.full(measured.size, -1), np.empty((measured.size, 2)), np.empty(measured.size)
    for number, (group, _, pool_limits) in enumerate(pools):
        items = cohort.members(*group)[measured]
        pool_of[items], limits[items] = number, pool_limits
    if (pool_of < 0).any():
        raise UserError(f"{outcome} {visit}: the reported summaries do not cover all participants")
    base = cohort.cells[outcome, BASELINE][measured] if is_follow_up else None
    constraints = build_constraints(cohort, outcome, visit)
    column = Column(f"{outcome} {visit}", constraints, pool_of, *limits.T, design.decimals[outcome], base, bool(ties))

    def start() -> np.ndarray:
        scores[:] = draw_scores()
        values = np.empty(measured.size)
        for number in np.unique(pool_of):
            items = np.flatnonzero(pool_of == number)
            values[items] = sample_around_knots(items.size, pools[number][1], rng)
        values = assign_by_rank(scores, values, pool_of)
        if ties:
            impose_ties(values, column, *ties, rng)
        return np.maximum(values, -100.0)  # whatever is reported

    # Ties must be right from the start, so many short attempts succeed more often than a few long ones.
    steps = 2500 if ties else 20000 if column.exchange else 8000 if is_follow_up else 6000
    solve(column, start, rng, steps=steps, attempts=80 if ties else 12)
    refine(column, scores, rng)
    cells = cohort.cells[outcome, visit] = np.zeros(cohort.arm.size, dtype=int)
    # The search has changed the order of the values: at baseline, restore that of the scores.
    cells[measured] = column.cells if is_follow_up else assign_by_rank(scores, column.cells, pool_of)


def _collect_quartiles(cohort: Cohort, outcome: str, visit: str) -> list[tuple[Group, float, float, float]]:
    """Return the group and the quartiles of each row that reports quartiles of a column."""
    rows, names = cohort.targets[outcome, visit], ("lower", "center", "upper")
    complete = [row for row in rows if row.get("statistic") == "median_iqr" and all(row[name] for name in names)]
    return [(row.groups[0], *(parse_number(row[name]).value for name in names)) for row in complete]


def _search_baseline(cohort: Cohort, outcome: str, rng: Generator) -> None:
    range_is_reported = any(row.get("statistic") == "range" for row in cohort.targets[outcome, BASELINE])
    pools = []
    for group, first, middle, third in _collect_quartiles(cohort, outcome, BASELINE):
        if limits := cohort.design.extremes.get(outcome):
            low, high = limits
            if not range_is_reported:  # let the extremes differ between pools
                low, high = first - (first - low) * rng.uniform(0.6, 1), third + (high - third) * rng.uniform(0.6, 1)
        elif first <= 0:
            raise UserError(f"{outcome} baseline: a quartile of {first:g} needs a range in 'extremes'")
        else:  # positive values with the right-skewed distribution of concentrations
            log_half_iqr = max((np.log(middle / first) + np.log(third / middle)) / 2, 1e-3)
            tails = rng.uniform(1.4, 2.2, 2)
            low, high = first * np.exp(-tails[0] * log_half_iqr), third * np.exp(tails[1] * 1.15 * log_half_iqr)
            limits = low * 0.9, high * 1.1
        pools.append((group, (low, first, middle, third, high), limits))
    # Latent scores: factors weighted by their loadings, plus a unique factor.
    loading = cohort.design.for_outcome(cohort.design.loadings, outcome) or {}
    unique_weight = max(0.0, 1.0 - sum(weight**2 for weight in loading.values())) ** 0.5
    scores = unique_weight * rng.standard_normal(cohort.arm.size)
    scores = sum((weight * cohort.factors[name] for name, weight in loading.items()), scores)
    scores = scores[cohort.measured(outcome, BASELINE)]
    _search_column(cohort, outcome, BASELINE, pools, lambda: scores, rng)


def _search_follow_up(cohort: Cohort, outcome: str, visit: str, tendency: np.ndarray, rng: Generator) -> None:
    design, measured = cohort.design, cohort.measured(outcome, visit)
    base = cohort.cells[outcome, BASELINE][measured]
    log_base = np.log(base)
    expected = design.against_baseline * (log_base - log_base.mean()) / (log_base.std() or 1.0)
    expected += design.shared_by_visits * tendency[measured]
    for row in cohort.targets[outcome, visit]:  # starts the strata with the reported direction of their effect
        if "contrast" in row and row["marker"] and " vs " not in row["stratum"]:
            for group, size in zip(row.groups, (0.6, -0.6), strict=True):
                expected[cohort.members(*group)[measured]] += size * row.sign
    step = 100.0 / base.min()
    shapes = _list_starting_shapes(cohort, outcome, visit, rng)
    pools = [(group, knots, (max(knots[0] - step, -100.0), knots[4] + step)) for group, knots in shapes]
    noise = np.sqrt(1 - design.shared_by_visits**2)
    _search_column(cohort, outcome, visit, pools, lambda: expected + noise * rng.standard_normal(measured.size), rng)


def _list_starting_shapes(cohort: Cohort, outcome: str, visit: str, rng: Generator) -> Iterator[tuple[Group, Knots]]:
    """Yield the group of each pool, with the knots of its starting values."""
    design, quartiles = cohort.design, _collect_quartiles(cohort, outcome, visit)
    reported, shapes = [group for group, *_ in quartiles], design.shapes.get(outcome, {}).get(visit, {})
    for arm, (low, first, middle, third, high) in shapes.items():
        if ("", "all", arm) not in reported:
            first = middle - (middle - first) * rng.uniform(0.75, 1.25)  # quartiles differ between cohorts
            third = middle + (third - middle) * rng.uniform(0.75, 1.25)
        yield ("", "all", arm), (low, first, middle, third, high)
    for (marker, stratum, arm), first, middle, third in () if shapes else quartiles:
        yield (marker, stratum, arm), _add_tails(first, middle, third, rng)
        half_iqr = (third - first) / 2
        for other in design.trial.stratum_labels if marker else ():
            if (marker, other, arm) not in reported:
                middle = rng.normal(0, 0.15 * half_iqr)
                yield (marker, other, arm), _add_tails(max(middle - half_iqr, -80), middle, middle + half_iqr, rng)


def _add_tails(first: float, middle: float, third: float, rng: Generator) -> Knots:
    lower_tail, upper_tail = rng.uniform(0.8, 1.6, 2) * (third - first) * 0.8
    return max(first - lower_tail, -90 + (first + 90) * 0.3), first, middle, third, third + upper_tail


def _fit_heights(cohort: Cohort, weight: str, bmi: str, low: float, high: float, rng: Generator) -> None:
    """Exchange BMIs within arms until weight and BMI agree on plausible heights."""
    kilograms, cells = cohort.values(weight, BASELINE), cohort.cells[bmi, BASELINE]

    def misfits() -> np.ndarray:
        height = np.sqrt(kilograms / (cells / 10.0 ** cohort.design.decimals[bmi]))
        return np.maximum(low - height, 0) + np.maximum(height - high, 0)

    def propose() -> Swap:
        item = rng.choice(np.flatnonzero(misfits()))
        return cells, [item, rng.choice(np.flatnonzero(cohort.arm == cohort.arm[item]))]

    message = f"heights: {weight} and {bmi} do not agree on heights of {low} to {high} m"
    _swap_until_met(lambda: float(misfits().sum()), propose, 3000, message)


def _draw_markers(cohort: Cohort, rng: Generator) -> None:
    """Draw marker values that the strata divide; exchange them until their correlations with age are as reported."""
    from scipy.stats import rankdata

    design, n, labels = cohort.design, cohort.arm.size, cohort.design.trial.stratum_labels
    loading, unit, shared = design.marker_loading, 10**design.marker_decimals, rng.standard_normal(n)
    for key, marker in design.markers.items():
        for _ in range(_MARKER_DRAWS):  # distinct values, so that the only tie is the intended one
            drawn = np.exp(np.log(marker.typical) + marker.spread * rng.standard_normal(n))
            if (cells := np.unique(np.round(drawn * unit).astype(int))).size == n:
                break
        else:
            raise UserError(f"markers.{key}: no {n} distinct values of {design.marker_decimals} decimals were found")
        if marker.tie_at_cut:
            cells[n - marker.upper + 1] = cells[n - marker.upper]
        scores = loading * shared + (1 - loading**2) ** 0.5 * rng.standard_normal(n)
        values = cohort.markers[key] = np.empty(n)
        values[np.lexsort((scores, cohort.strata[key, labels[1]]))] = cells / unit
    age = cohort.cells[design.age, BASELINE]
    low, high = np.transpose([marker.spearman_with_age for marker in design.markers.values()])
    # Values of a marker are exchanged within a stratum, ages within an arm.
    pools = [(values, [cohort.strata[key, label] for label in labels]) for key, values in cohort.markers.items()]
    pools.append((age, [cohort.arm == arm for arm in sorted(design.arms)]))

    def misfit() -> float:
        rho = np.corrcoef(rankdata([age, *cohort.markers.values()], axis=1))[0, 1:]
        return float(np.maximum(0.0, np.maximum(low + 1e-4 - rho, rho - high + 1e-4)).sum())

    def propose() -> Swap:
        values, masks = pools[rng.integers(len(pools))]
        members = np.flatnonzero(masks[rng.integers(len(masks))])
        return values, rng.choice(members, 2, replace=members.size < 2)

    message = "the Spearman correlations of the markers with age were not reached"
    _swap_until_met(misfit, propose, 20_000, message)


def _draw_population(cohort: Cohort, rng: Generator) -> None:
    """Draw the population sample, in which the markers increase with age."""
    design, loading = cohort.design, cohort.design.marker_loading
    ages = [np.round([low, high, *rng.uniform(low, high, n - 2)], 1) for n, low, high in design.population_ages]
    age = cohort.population["age"] = rng.permutation(np.concatenate([[], *ages]))
    shared = rng.standard_normal(age.size)
    for key, marker in design.markers.items():
        noise = marker.spread * (loading * shared + (1 - loading**2) ** 0.5 * rng.standard_normal(age.size))
        level = np.exp(np.log(marker.typical) + marker.slope * (age - 72) / 10 + noise)
        cohort.population[key] = np.maximum(np.round(level, design.marker_decimals), 10.0**-design.marker_decimals)


def _swap_until_met(misfit: Callable[[], float], propose: Callable[[], Swap], attempts: int, message: str) -> None:
    """Swap proposed pairs of entries of an array unless the misfit grows; UserError with the message if it stays above 0."""
    current = misfit()
    for _ in range(attempts):
        if not current:
            return
        array, pair = propose()
        array[pair] = array[pair[::-1]]
        swapped = misfit()
        if swapped > current:
            array[pair] = array[pair[::-1]]
        else:
            current = swapped
    raise UserError(message)


def write_workbook(cohort: Cohort, path: Path | str) -> None:
    """Write sheets ``READ ME``, ``Participants``, ``SASP``, ``p16 by age`` and ``Codebook``, or no file at all."""
    from openpyxl import Workbook
    from openpyxl.packaging.custom import StringProperty
    from openpyxl.styles import Font

    book = Workbook()
    read_me = book.active
    read_me.title = "READ ME"
    for line in cohort.read_me.splitlines():
        read_me.append([line])
    read_me.column_dimensions["A"].width = 120
    for title, columns in _sheet_columns(cohort).items():
        sheet = book.create_sheet(title)
        for row in (list(columns), *zip(*columns.values(), strict=True)):
            sheet.append(row)
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "C2" if "Arm" in columns else "A2"
    properties = book.properties
    properties.title = properties.subject = properties.keywords = SYNTHETIC
    properties.creator = "d_q_trial reconstruct"
    properties.created = properties.modified = _DATE
    book.custom_doc_props.append(StringProperty(name="synthetic", value="true"))
    with atomic(path) as temporary:
        book.save(temporary)
        set_fixed_date(temporary, _DATE)


def _sheet_columns(cohort: Cohort) -> dict[str, dict[str, list]]:
    """Return the columns of each sheet by header."""
    design, trial = cohort.design, cohort.design.trial
    ids = [f"S{number:02d}" for number in range(1, cohort.arm.size + 1)]
    id_and_arm = {"ID": ids, "Arm": [trial.analysed_arms[arm].label for arm in cohort.arm]}
    measured_once, follow_up, sasp = {}, {}, {}  # columns by header
    codebook = [("Variable", "Unit", "Meaning"), *((name, "", design.codebook[name]) for name in ("ID", "Arm"))]
    for key, outcome in trial.outcomes.items():
        if key not in design.continuous:
            measured_once[outcome.label] = ["yes" if cell else "no" for cell in cohort.cells[key, BASELINE]]
            codebook.append((outcome.label, "", "yes or no"))
            continue
        decimals = design.decimals[key]
        columns = measured_once if not outcome.follow_up else sasp if outcome.family == "sasp" else follow_up
        for visit in (BASELINE, *outcome.follow_up):
            header = _header(outcome, visit.replace("_", " ") if outcome.follow_up else "")
            columns[header] = [None if np.isnan(value) else value for value in cohort.values(key, visit).tolist()]
        meaning = "whole numbers" if decimals == 0 else f"recorded to {10.0**-decimals:g}"
        if outcome.follow_up:
            weeks = ", ".join(visit.removeprefix("week_") for visit in outcome.follow_up)
            meaning += f"; at baseline and at weeks {weeks}"
        codebook.append((outcome.label, outcome.unit, meaning))
    age = cohort.population["age"].tolist()
    population = {"ID": [f"P{number + 1:03d}" for number in range(len(age))], _header(trial.outcomes[design.age]): age}
    for key, values in cohort.markers.items():
        marker = trial.markers[key]
        measured_once[_header(marker)], population[_header(marker)] = values.tolist(), cohort.population[key].tolist()
        codebook.append((marker.label, marker.unit, design.codebook["Marker"]))
    sheets = {
        "Participants": id_and_arm | measured_once | follow_up,
        "SASP": id_and_arm | sasp if sasp else {},
        "p16 by age": population if age else {},
        "Codebook": {name: column for name, *column in zip(*codebook, strict=True)},
    }
    return {title: columns for title, columns in sheets.items() if columns}


def _header(variable: Outcome | Marker, visit: str = "") -> str:
    return " ".join(filter(None, (variable.label, visit, f"({variable.unit})" if variable.unit else "")))
