"""Permuted labels, the engine, and the P-values of its counts."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_values import FOLDER, rows

from d_q_trial.stats.permutation import (
    BLOCK,
    Design,
    Labels,
    MonteCarloP,
    StepDown,
    adjusted,
    blocks,
    labels_for,
    permutation_p,
)
from d_q_trial.stats.rank_sum import asymptotic_columns, exact_p, midrank_columns

ORACLE = {row["quantity"]: float(row["value"]) for row in rows("permutation")}
DATA = np.genfromtxt(FOLDER / "permutation_data.csv", delimiter=",", names=True)
ARM = DATA["arm"] == 1
OUTCOMES = ("a", "b", "c")
P = np.array([0.035, 0.049, 0.2, 0.001, 0.035, 0.9, 0.011])
VALUES = np.column_stack([DATA[name] for name in OUTCOMES])


def cohort(participants=24, specifications=40, seed=1, missing=0.2):
    """Values with ties in every other column and several patterns of missing values."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(participants, specifications))
    values[:, ::2] = np.round(values[:, ::2])
    patterns = rng.random((participants, 6)) < missing
    values[patterns[:, rng.integers(0, 6, specifications)]] = np.nan
    return values, np.arange(participants) < participants // 2


def counted(counter, design, labels, **options):
    for block in blocks(design, labels, **options):
        counter.add(block)
    return counter.counts


def by_itself(z):
    """Counts how often each specification reaches its own deviate."""
    return StepDown(z, family=np.arange(len(z)))


@pytest.mark.parametrize("continuity", [False, True])
def test_statistics_are_those_of_the_rank_sum_test_with_ties_and_missing_values(continuity):
    values, is_first = cohort()
    design = Design(values, continuity=continuity)
    splits = labels_for(is_first, 300, seed=3).take(0, 300)
    block, observed = design.permuted(splits), design.observed(is_first)
    expected = asymptotic_columns(values, is_first, continuity=continuity)
    np.testing.assert_allclose(observed.z, expected.statistic, rtol=1e-12)
    np.testing.assert_allclose(0.5 + observed.effect, expected.u / (expected.n_first * expected.n_second), rtol=1e-12)
    for number, split in enumerate(splits.T):
        expected = asymptotic_columns(values, split, continuity=continuity)
        effect = expected.u / (expected.n_first * expected.n_second)
        np.testing.assert_allclose(block.z[:, number], expected.statistic, rtol=0, atol=1e-6)
        np.testing.assert_allclose(block.effect[:, number], effect - 0.5, atol=1e-6)


def test_equal_values_and_small_arms_take_no_part():
    values, is_first = cohort(missing=0)
    values[:, 0] = 5.0
    values[is_first, 1] = np.nan
    values[np.flatnonzero(is_first)[3:], 2] = np.nan
    design = Design(values, minimum_per_arm=4)
    assert np.isnan(design.observed(is_first).z).tolist() == [True] * 3 + [False] * 37
    splits, present = labels_for(is_first, 500, seed=1).take(0, 500), ~np.isnan(values[:, [2]])
    z = design.permuted(splits).z
    assert (z[0] == 0).all()
    small = np.minimum((present & splits).sum(axis=0), (present & ~splits).sum(axis=0)) < 4
    assert 0 < small.sum() < small.size
    np.testing.assert_array_equal(z[2] == 0, small | (np.abs(z[2]) < 1e-12))


def test_all_splits_give_the_exact_test_and_its_value_from_coin():
    column = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5.0])
    design = Design(column[:, None])
    counts = counted(by_itself(design.observed(ARM).z), design, labels_for(ARM, 500, seed=0))
    exact = exact_p(midrank_columns(column[:, None])[0][:, 0], ARM)
    assert counts[0] / comb(11, int(ARM.sum())) == pytest.approx(exact, abs=1e-12)
    assert exact == pytest.approx(ORACLE["coin exact e"], abs=1e-12)


def test_missing_values_under_permutation_match_enumeration_in_r():
    design, labels = Design(VALUES), labels_for(ARM, 500, seed=0)
    observed = design.observed(ARM)
    assert labels.seed is None
    p = counted(by_itself(observed.z), design, labels) / 462
    assert observed.z == pytest.approx([ORACLE[f"z {name}"] for name in OUTCOMES], abs=1e-12)
    assert p == pytest.approx([ORACLE[f"p {name}"] for name in OUTCOMES], abs=1e-12)


def test_memory_and_shards_change_no_count():
    values, is_first = cohort(specifications=700)
    design, labels = Design(values), labels_for(is_first, 3000, seed=5)
    z = design.observed(is_first).z
    whole, sharded = counted(StepDown(z), design, labels), StepDown(z)
    assert whole.max() > 0
    np.testing.assert_array_equal(whole, counted(StepDown(z), design, labels, memory_mb=20))
    for shard in range(1, 8):
        start, stop = 3000 * (shard - 1) // 7, 3000 * shard // 7
        counted(sharded, design, labels, start=start, stop=stop)
    np.testing.assert_array_equal(whole, sharded.counts)
    assert not counted(by_itself(z), design, labels, start=3000, stop=3000).any()


def test_too_little_memory_is_refused_with_what_would_do():
    values, is_first = cohort(participants=40, specifications=30000)
    with pytest.raises(ValueError, match=r"memory_mb: 4 MB do not hold 30,000 specifications; \d+ MB do"):
        next(blocks(Design(values), labels_for(is_first, 1000, 1), memory_mb=4))


def test_a_permutation_is_the_same_whoever_asks_for_it():
    labels = Labels(60, 30, 2000, seed=9)
    whole = labels.take(0, 2000)
    np.testing.assert_array_equal(labels.take(300, 900), whole[:, 300:900])
    np.testing.assert_array_equal(labels.take(1999, 2000), whole[:, 1999:])
    assert not (Labels(60, 30, 10, seed=10).take(0, 10) == whole[:, :10]).all()


def test_random_labels_are_orders_that_keep_the_arm_sizes_and_favour_nobody():
    assert (np.sort(Labels(7, 7, 600, seed=1).orders(5, 600), axis=1) == np.arange(7)).all()
    drawn = Labels(20, 8, 20 * BLOCK, seed=4).take(0, 20 * BLOCK)
    assert (drawn.sum(axis=0) == 8).all()
    assert np.abs(drawn.mean(axis=1) - 0.4).max() < 4.5 * np.sqrt(0.24 / (20 * BLOCK))
    assert len(np.unique(drawn.T, axis=0)) > 19.9 * BLOCK * 0.95


@pytest.mark.parametrize(("permutations", "seed"), [(0, 1), (10, -1), (10, 2**64)])
def test_impossible_numbers_of_permutations_and_seeds_are_refused(permutations, seed):
    with pytest.raises(ValueError, match="expected 1 or more, and 0 to"):
        labels_for(np.arange(6) < 3, permutations, seed)
    assert labels_for(np.arange(6) < 3, 1, 2**64 - 1).count == 1
    assert MonteCarloP() == pytest.approx((np.nan, np.nan, np.nan, 0), nan_ok=True)
    with pytest.raises(ValueError, match=r"^permutation: infinite"):
        Design(np.array([[1.0], [np.inf]]))


@given(st.integers(0, 10**6), st.sampled_from([lambda v: 3 * v + 7, np.exp, lambda v: v**3]))
def test_a_rising_transform_changes_no_deviate_and_turning_or_swapping_its_sign_only(seed, transform):
    values, is_first = cohort(participants=12, specifications=5, seed=seed)
    splits, design = labels_for(is_first, 200, seed=seed).take(0, 200), Design(values)
    np.testing.assert_array_equal(design.permuted(splits).z, Design(transform(values)).permuted(splits).z)
    plain, swapped = design.observed(is_first), design.observed(~is_first)
    for other in (swapped, Design(values, sign=np.full(5, -1.0)).observed(is_first)):
        np.testing.assert_allclose(plain.z, -other.z, atol=1e-12)
        np.testing.assert_allclose(plain.effect, -other.effect, atol=1e-12)


@pytest.mark.parametrize(("extreme", "permutations"), [(-1, 9), (10, 9), (0, 0)])
def test_impossible_counts_are_refused(extreme, permutations):
    with pytest.raises(ValueError, match="permutations"):
        permutation_p(extreme, permutations)


@given(st.integers(1, 400), st.data())
def test_a_monte_carlo_p_is_never_zero_and_has_the_interval_of_clopper_and_pearson(permutations, draw):
    from scipy.stats import binomtest

    extreme = draw.draw(st.integers(0, permutations))
    p = permutation_p(extreme, permutations)
    theirs = binomtest(extreme, permutations).proportion_ci(0.99, method="exact")
    assert p == pytest.approx(((extreme + 1) / (permutations + 1), theirs.low, theirs.high, permutations))
    assert 0 <= p.lower <= extreme / permutations <= p.upper <= 1
    assert permutation_p(extreme, permutations, exhaustive=True).p == extreme / permutations


def step_down(columns, is_first, permutations=500, family=0):
    design, labels = Design(np.column_stack(columns)), labels_for(is_first, permutations, seed=1)
    counts = StepDown(design.observed(is_first).z, family)
    counted(counts, design, labels)
    return counts.p(labels.p)


@pytest.mark.parametrize(("method", "name"), [("holm", "holm"), ("fdr_bh", "bh")])
def test_adjusted_values_match_p_adjust_in_r_and_missing_ones_are_not_counted(method, name):
    expected = [ORACLE[f"{name} {place}"] for place in range(1, 8)]
    np.testing.assert_allclose(adjusted(P, method), expected, rtol=1e-12)
    np.testing.assert_allclose(adjusted(np.insert(P, [0, 3], np.nan), method), np.insert(expected, [0, 3], np.nan))
    assert adjusted(np.array([]), method).size == 0
    assert adjusted([1, 0], method).tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"^multiplicity: a P-value lies outside 0 to 1$"):
        adjusted([0.2, 1.2], method)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array))
def test_adjustment_never_lowers_p_never_passes_1_and_keeps_the_order(p):
    holm, benjamini_hochberg = (adjusted(p, method) for method in ("holm", "fdr_bh"))
    for found in (holm, benjamini_hochberg):
        assert (found >= p - 1e-15).all()
        assert (found <= 1).all()
        assert (np.diff(found[np.argsort(p, kind="stable")]) >= -1e-15).all()
    assert (holm >= benjamini_hochberg - 1e-15).all()


def test_step_down_over_all_splits_matches_westfall_and_young_by_hand_in_r():
    for name, found in zip("abc", step_down([DATA[name] for name in "abc"], ARM), strict=True):
        assert found.p == pytest.approx(ORACLE[f"step-down {name}"], abs=1e-12)
        assert found.permutations == 462


def test_step_down_without_missing_values_matches_coin_within_its_sampling_error():
    columns = [DATA["a"], [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [9, 6, 8, 3, 4, 2, 7, 1, 2, 5, 0]]
    for name, found in zip("aef", step_down(columns, ARM), strict=True):
        expected = ORACLE[f"coin step-down {name}"]
        assert found.p == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 1e6))


def test_outcomes_that_are_copies_of_each_other_cost_nothing_and_one_without_a_test_has_no_p():
    alone = step_down([DATA["a"]], ARM)[0].p
    *together, untested = step_down([DATA["a"]] * 5 + [np.full(11, 4.0)], ARM)
    assert {found.p for found in together} == {alone}
    assert np.isnan(untested.p)


def test_a_random_permutation_p_is_never_zero_and_has_an_interval():
    found = step_down([np.arange(40.0)], np.arange(40) >= 20, permutations=200)[0]
    assert found.p == pytest.approx(1 / 201)
    assert found.lower == 0
    assert 0 < found.upper < 0.05


def test_equal_statistics_have_equal_adjusted_p():
    first, second = step_down([(2, 1, 6, 4, 3, 5), (3, 2, 4, 6, 1, 5)], np.arange(6) < 3)
    assert (first.p, second.p) == (1.0, 1.0)


@given(st.integers(0, 10**6))
def test_adjusted_p_by_enumeration_is_the_share_of_larger_maxima_within_each_family(seed):
    rng = np.random.default_rng(seed)
    values, is_first, family = rng.integers(0, 4, (6, 5)).astype(float), np.arange(6) < 3, rng.integers(0, 2, 5)
    values[rng.random((6, 5)) < 0.1] = np.nan
    design, labels = Design(values), labels_for(is_first, 20, seed=0)
    z = np.abs(design.observed(is_first).z)
    permuted = [asymptotic_columns(values, split, continuity=False).statistic for split in labels.take(0, 20).T]
    permuted = np.abs(np.nan_to_num(permuted)).T
    raw = {}
    for k in np.flatnonzero(~np.isnan(z)):
        lesser = (family == family[k]) & ~(z > z[k] + 1e-9)
        raw[k] = (permuted[lesser].max(axis=0) >= z[k] - 1e-9).mean()
    rivals = {k: [raw[j] for j in raw if family[j] == family[k] and z[j] >= z[k] - 1e-9] for k in raw}
    found = step_down(values.T, is_first, family=family)
    assert {k: found[k].p for k in raw} == pytest.approx({k: max(own) for k, own in rivals.items()})
    assert all(np.isnan(found[k].p) for k in range(5) if k not in raw)
