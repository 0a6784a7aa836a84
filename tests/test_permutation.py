import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_values import FOLDER, rows

from d_q_trial.stats.labels import BLOCK, Labels, labels_for, random_orders, shard_range
from d_q_trial.stats.permutation import Design, Pointwise, StepDown, run
from d_q_trial.stats.rank_sum import asymptotic_columns, exact_p, midrank_columns

ORACLE = {row["quantity"]: float(row["value"]) for row in rows("permutation")}
DATA = np.genfromtxt(FOLDER / "permutation_data.csv", delimiter=",", names=True)
ARM = DATA["arm"] == 1
OUTCOMES = ("a", "b", "c")
VALUES = np.column_stack([DATA[name] for name in OUTCOMES])


def cohort(participants=24, specifications=40, seed=1, missing=0.2):
    """Values with ties in every other column and several patterns of missing values."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(participants, specifications))
    values[:, ::2] = np.round(values[:, ::2])
    patterns = rng.random((participants, 6)) < missing
    values[patterns[:, rng.integers(0, 6, specifications)]] = np.nan
    return values, np.arange(participants) < participants // 2


class Deviates:
    """Keep every deviate, shape (specifications, permutations)."""

    def __init__(self):
        self.blocks = []

    def add(self, block):
        self.blocks.append(block.z)


def deviates(design, labels, **options):
    kept = Deviates()
    run(design, labels, [kept], **options)
    return np.concatenate(kept.blocks, axis=1)


@pytest.mark.parametrize("continuity", [False, True])
def test_a_permuted_deviate_is_the_rank_sum_test_of_those_labels_with_ties_and_missing_values(continuity):
    values, is_first = cohort()
    labels = labels_for(is_first, 300, seed=3)
    z = deviates(Design(values, continuity=np.full(values.shape[1], continuity)), labels)
    for number, split in enumerate(labels.take(0, 300).T):
        expected = asymptotic_columns(values, split, continuity=continuity).statistic
        np.testing.assert_allclose(z[:, number], expected, rtol=0, atol=1e-6)


def test_the_effect_follows_the_number_per_arm_under_permuted_labels():
    values, is_first = cohort()
    split = labels_for(is_first, 300, seed=3).take(7, 8)
    effect = Design(values).permuted(split).effect[:, 0]
    np.testing.assert_allclose(effect, Design(values).observed(split[:, 0]).effect - 0.5, atol=1e-6)


def test_observed_statistics_are_those_of_the_rank_sum_test():
    values, is_first = cohort()
    observed = Design(values).observed(is_first)
    expected = asymptotic_columns(values, is_first, continuity=False)
    np.testing.assert_allclose(observed.z, expected.statistic, rtol=1e-12)
    np.testing.assert_allclose(observed.effect, expected.u / (expected.n_first * expected.n_second), rtol=1e-12)
    np.testing.assert_array_equal(observed.n_second, expected.n_second)


def test_a_turned_specification_has_the_opposite_deviate_and_effect():
    values, is_first = cohort()
    straight, turned = (Design(values, sign=np.full(values.shape[1], s)).observed(is_first) for s in (1.0, -1.0))
    np.testing.assert_allclose(turned.z, -straight.z)
    np.testing.assert_allclose(turned.effect, 1 - straight.effect)


def test_equal_values_and_small_arms_take_no_part():
    values, is_first = cohort(missing=0)
    values[:, 0] = 5.0
    values[is_first, 1] = np.nan
    values[np.flatnonzero(is_first)[3:], 2] = np.nan
    design = Design(values, minimum_per_arm=4)
    assert np.isnan(design.observed(is_first).z[:3]).all()
    assert not np.isnan(design.observed(is_first).z[3:]).any()
    labels = labels_for(is_first, 500, seed=1)
    z = deviates(design, labels)
    assert (z[0] == 0).all()
    splits, present = labels.take(0, 500), ~np.isnan(values[:, [2]])
    small = np.minimum((present & splits).sum(axis=0), (present & ~splits).sum(axis=0)) < 4
    assert small.any()
    assert not small.all()
    np.testing.assert_array_equal(z[2] == 0, small | (np.abs(z[2]) < 1e-12))


def test_all_splits_give_the_exact_test_and_its_value_from_coin():
    e = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5.0])
    for column in (e, *VALUES.T):
        known = ~np.isnan(column)
        design = Design(column[:, None])
        labels = labels_for(ARM, 500, seed=0)
        pointwise = Pointwise(design.observed(ARM).z)
        run(design, labels, [pointwise])
        if known.all():
            ranks = midrank_columns(column[:, None])[0][:, 0]
            assert pointwise.counts[0] / labels.count == pytest.approx(exact_p(ranks, ARM), abs=1e-12)
    assert exact_p(midrank_columns(e[:, None])[0][:, 0], ARM) == pytest.approx(ORACLE["coin exact e"], abs=1e-12)


def test_missing_values_under_permutation_match_enumeration_in_r():
    design = Design(VALUES)
    observed = design.observed(ARM)
    labels = labels_for(ARM, 500, seed=0)
    assert labels.exhaustive
    pointwise = Pointwise(observed.z)
    run(design, labels, [pointwise])
    for place, name in enumerate(OUTCOMES):
        assert observed.z[place] == pytest.approx(ORACLE[f"z {name}"], abs=1e-12)
        assert pointwise.counts[place] / 462 == pytest.approx(ORACLE[f"p {name}"], abs=1e-12)


def test_step_down_counts_match_maxima_taken_by_hand_within_families():
    values, is_first = cohort(participants=10, specifications=12)
    family = np.repeat([0, 1, 0], 4)
    design = Design(values)
    z = design.observed(is_first).z
    labels = labels_for(is_first, 252, seed=0)
    step_down = StepDown(z, family)
    run(design, labels, [step_down])
    permuted = np.array([asymptotic_columns(values, s, continuity=False).statistic for s in labels.take(0, 252).T])
    permuted = np.abs(np.nan_to_num(permuted))
    for one in range(12):
        lesser = [k for k in range(12) if family[k] == family[one] and abs(z[k]) <= abs(z[one]) + 1e-9]
        assert step_down.counts[one] == (permuted[:, lesser].max(axis=1) >= abs(z[one]) - 1e-9).sum()


def test_memory_and_shards_change_no_count():
    values, is_first = cohort(specifications=700)
    design = Design(values)
    z = design.observed(is_first).z
    labels = labels_for(is_first, 3000, seed=5)

    def counts(ranges, **options):
        step_down = StepDown(z)
        for start, stop in ranges:
            run(design, labels, [step_down], start=start, stop=stop, **options)
        return step_down.counts

    whole = counts([(0, 3000)])
    assert whole.max() > 0
    np.testing.assert_array_equal(whole, counts([(0, 3000)], memory_mb=20))
    np.testing.assert_array_equal(whole, counts([shard_range(3000, shard, 7) for shard in range(1, 8)]))


def test_too_little_memory_is_refused_with_what_would_do():
    values, is_first = cohort(participants=40, specifications=30000)
    with pytest.raises(ValueError, match=r"memory_mb: 4 MB do not hold 30,000 specifications; \d+ MB do"):
        run(Design(values), labels_for(is_first, 1000, 1), [], memory_mb=4)


def test_a_shard_without_permutations_counts_nothing():
    values, is_first = cohort()
    pointwise = Pointwise(Design(values).observed(is_first).z)
    run(Design(values), labels_for(is_first, 99, seed=1), [pointwise], start=99, stop=99)
    assert not pointwise.counts.any()


def test_shards_cover_every_permutation_once():
    for count, shards in ((1999, 4), (3, 5), (256, 1)):
        ranges = [shard_range(count, shard, shards) for shard in range(1, shards + 1)]
        assert [n for start, stop in ranges for n in range(start, stop)] == list(range(count))
    with pytest.raises(ValueError, match="shard 0 of 2"):
        shard_range(10, 0, 2)


def test_a_permutation_is_the_same_whoever_asks_for_it():
    labels = Labels(60, 30, 2000, seed=9)
    whole = labels.take(0, 2000)
    np.testing.assert_array_equal(labels.take(300, 900), whole[:, 300:900])
    np.testing.assert_array_equal(labels.take(1999, 2000), whole[:, 1999:])
    assert not (Labels(60, 30, 10, seed=10).take(0, 10) == whole[:, :10]).all()


def test_random_labels_keep_the_arm_sizes_and_favour_nobody():
    drawn = Labels(20, 8, 20 * BLOCK, seed=4).take(0, 20 * BLOCK)
    assert (drawn.sum(axis=0) == 8).all()
    share = drawn.mean(axis=1)
    assert np.abs(share - 0.4).max() < 4.5 * np.sqrt(0.24 / (20 * BLOCK))
    assert len(np.unique(drawn.T, axis=0)) > 19.9 * BLOCK * 0.95


def test_random_orders_are_orders():
    orders = random_orders(7, 5, 600, seed=1)
    assert orders.shape == (595, 7)
    assert (np.sort(orders, axis=1) == np.arange(7)).all()


def test_an_infinite_value_is_refused():
    with pytest.raises(ValueError, match="infinite"):
        Design(np.array([[1.0], [np.inf]]))


@pytest.mark.parametrize(("permutations", "seed"), [(0, 1), (10, -1), (10, 2**64)])
def test_impossible_numbers_of_permutations_and_seeds_are_refused(permutations, seed):
    with pytest.raises(ValueError, match="expected 1 or more, and 0 to"):
        labels_for(np.arange(6) < 3, permutations, seed)


@given(st.integers(0, 10**6), st.sampled_from([lambda v: 3 * v + 7, np.exp, lambda v: v**3]))
def test_a_rising_transform_changes_no_permuted_deviate(seed, transform):
    values, is_first = cohort(participants=12, specifications=5, seed=seed)
    labels = labels_for(is_first, 200, seed=seed)
    np.testing.assert_array_equal(deviates(Design(values), labels), deviates(Design(transform(values)), labels))


@given(st.integers(0, 10**6))
def test_swapping_the_arms_of_a_split_turns_every_deviate_around(seed):
    values, is_first = cohort(participants=12, specifications=5, seed=seed)
    one, other = (Design(values).observed(side).z for side in (is_first, ~is_first))
    np.testing.assert_allclose(one, -other, atol=1e-12)
