"""Joint inference over many specifications, against brute force over every split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from d_q_trial.stats.labels import labels_for, shard_range
from d_q_trial.stats.permutation import SUMMARIES, Curves, Design, Joint, curve, run
from d_q_trial.stats.rank_sum import rank_sum

CRITICAL = ndtri(0.9)  # low, so that small cohorts have something significant


def cohort(participants=10, specifications=9, seed=1, missing=0.15):
    """Correlated specifications, some with ties, with values missing by pattern; the first half is the first arm."""
    rng = np.random.default_rng(seed)
    is_first = np.arange(participants) < participants // 2
    values = (
        rng.normal(size=(participants, 1)) + rng.normal(size=(participants, specifications)) + 0.5 * is_first[:, None]
    )
    values[:, ::2] = np.round(values[:, ::2])
    patterns = rng.random((participants, 4)) < missing
    values[patterns[:, rng.integers(0, 4, specifications)]] = np.nan
    return values, is_first, np.where(np.arange(specifications) % 3 == 0, -1.0, 1.0)


def by_hand(values, split, sign, minimum, method="normal"):
    """Effect and deviate of every specification by the two-sample test, NaN where an arm is too small."""
    effect, z = np.full((2, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        samples = [column[side & ~np.isnan(column)] for side in (split, ~split)]
        if min(map(len, samples)) >= minimum and len(set(np.concatenate(samples))) > 1:
            found = rank_sum(*samples, method=method)
            z[k] = sign[k] * found.z
            effect[k] = 0.5 + sign[k] * (found.u / (found.n_first * found.n_second) - 0.5)
    return effect, z


def summaries(effect, z, weights):
    """Median effect, share significant and mean deviate of the specifications that are large enough."""
    repeated = np.repeat(np.arange(len(z)), weights)
    repeated = repeated[~np.isnan(z[repeated])]
    if not repeated.size:
        return np.array([0.5, 0.0, 0.0])
    return np.array(
        [
            np.quantile(effect[repeated], 0.5, method="inverted_cdf"),
            (z[repeated] >= CRITICAL).mean(),
            z[repeated].mean(),
        ]
    )


WEIGHTS = np.array([[1] * 9, [0, 3, 0, 1, 0, 0, 2, 0, 0], [0, 0, 0, 0, 0, 0, 0, 300, 1]])


@pytest.mark.parametrize("continuity", [False, True])
def test_joint_counts_over_all_splits_equal_brute_force(continuity):
    values, is_first, sign = cohort(missing=0.2)
    design = Design(values, sign=sign, minimum_per_arm=4, continuity=np.full(9, continuity))
    labels = labels_for(is_first, 252, seed=0)
    joint = Joint(design.observed(is_first), WEIGHTS, critical=CRITICAL)
    run(design, labels, [joint])
    method = "normal_continuity" if continuity else "normal"
    splits = [by_hand(values, split, sign, 4, method) for split in labels.take(0, labels.count).T]
    z = np.array([z for _, z in splits])
    for group, weights in enumerate(WEIGHTS):
        observed = summaries(*by_hand(values, is_first, sign, 4, method), weights)
        permuted = np.array([summaries(*split, weights) for split in splits])
        counts = (permuted >= observed - 1e-9).sum(axis=0)
        assert [joint.counts[name][group] for name in SUMMARIES] == counts.tolist()
        assert [joint.observed[name][group] for name in SUMMARIES] == pytest.approx(observed, abs=1e-12)
        assert joint.significant[group] == ((z >= CRITICAL) @ weights).sum()
        assert joint.usable[group] == (~np.isnan(z) @ weights).sum()
        assert 1 <= counts.min() < labels.count
    assert joint.usable[0] < labels.count * 9


def test_a_participant_without_a_value_has_none_under_permutation():
    values, is_first, sign = cohort(missing=0.3)
    filled = np.where(np.isnan(values), 0.0, values)
    tallies = []
    for columns in (values, filled):
        design = Design(columns, sign=sign)
        joint = Joint(design.observed(is_first), np.ones((1, 9), dtype=int), critical=CRITICAL)
        run(design, labels_for(is_first, 252, seed=0), [joint])
        tallies.append((joint.observed["mean_z"][0], joint.counts["mean_z"][0]))
    permuted = [
        np.nanmean(by_hand(values, split, sign, 1)[1]) for split in labels_for(is_first, 252, seed=0).take(0, 252).T
    ]
    assert tallies[0][1] == (np.array(permuted) >= tallies[0][0] - 1e-9).sum()
    assert tallies[0] != tallies[1]


def test_a_specification_that_is_too_small_is_in_no_summary():
    values, is_first, sign = cohort(missing=0)
    values[np.flatnonzero(is_first)[2:], 4] = np.nan
    design = Design(values, sign=sign, minimum_per_arm=3)
    observed = design.observed(is_first)
    assert np.isnan(observed.z[4])
    without = np.arange(9) != 4
    joint = Joint(observed, np.array([np.ones(9), without], dtype=int), critical=CRITICAL)
    for name in SUMMARIES:
        assert joint.observed[name][0] == joint.observed[name][1]


def test_weights_and_repeated_specifications_give_the_same_counts():
    values, is_first, sign = cohort(participants=20, missing=0.1)
    labels = labels_for(is_first, 999, seed=3)
    weights = np.array([1, 2, 1, 3, 1, 1, 4, 1, 1])
    repeat = np.repeat(np.arange(9), weights)
    results = []
    for columns, signs, weight in ((values, sign, weights), (values[:, repeat], sign[repeat], np.ones(15, dtype=int))):
        design = Design(columns, sign=signs)
        joint = Joint(design.observed(is_first), weight[None], critical=CRITICAL)
        run(design, labels, [joint])
        results.append([joint.counts[name][0] for name in SUMMARIES] + [joint.significant[0], joint.usable[0]])
    assert results[0] == results[1]


def test_an_empty_group_has_no_summaries():
    values, is_first, sign = cohort()
    design = Design(values, sign=sign)
    joint = Joint(design.observed(is_first), np.zeros((1, 9), dtype=int), critical=CRITICAL)
    assert all(np.isnan(joint.observed[name][0]) for name in SUMMARIES)


@pytest.mark.parametrize(("memory_mb", "shards"), [(2, 1), (512, 3), (2, 5)])
def test_memory_and_shards_change_no_joint_count_and_no_curve(memory_mb, shards):
    values, is_first, sign = cohort(participants=30, specifications=60)
    design = Design(values, sign=sign, minimum_per_arm=4)
    weights = np.random.default_rng(0).integers(0, 5, (2, 60))
    labels = labels_for(is_first, 3000, seed=5)

    def counted(ranges, **options):
        kept = [
            Joint(design.observed(is_first), weights, critical=CRITICAL),
            Curves(weights[0], curves=700, places=11),
        ]
        for start, stop in ranges:
            run(design, labels, kept, start=start, stop=stop, **options)
        return [kept[0].counts[name].tolist() for name in SUMMARIES], kept[0].significant.tolist(), kept[1].values

    whole = counted([(0, 3000)])
    parts = counted([shard_range(3000, shard, shards) for shard in range(1, shards + 1)], memory_mb=memory_mb)
    assert whole[:2] == parts[:2]
    np.testing.assert_array_equal(whole[2], parts[2])
    assert not np.isnan(whole[2]).any()


def test_a_permuted_curve_holds_the_sorted_effects_of_those_that_are_large_enough():
    values, is_first, sign = cohort(participants=14, specifications=30, missing=0.3)
    design = Design(values, sign=sign, minimum_per_arm=4)
    labels = labels_for(is_first, 400, seed=2)
    curves = Curves(np.ones(30, dtype=int), curves=300, places=30)
    run(design, labels, [curves])
    complete = 0
    for number, split in enumerate(labels.take(0, 300).T):
        effect, _ = by_hand(values, split, sign, 4)
        small = (
            np.minimum((~np.isnan(values) & split[:, None]).sum(0), (~np.isnan(values) & ~split[:, None]).sum(0))
        ) < 4
        own = np.sort(effect[~small])
        places = (2 * np.arange(30) + 1) * own.size // 60
        np.testing.assert_allclose(curves.values[:, number], own[places], atol=1e-6)
        complete += own.size == 30
    assert 0 < complete < 300


def test_a_curve_counts_a_specification_by_its_weight():
    effects = np.array([[0.3], [0.1], [np.nan], [0.2]])
    np.testing.assert_array_equal(curve(effects, np.array([1, 2, 5, 3]), 6)[:, 0], [0.1, 0.1, 0.2, 0.2, 0.2, 0.3])
    assert np.isnan(curve(np.full((3, 1), np.nan), np.ones(3, dtype=int), 4)).all()


@given(st.integers(0, 10**6))
def test_a_rising_transform_changes_no_joint_p(seed):
    values, is_first, sign = cohort(participants=12, specifications=6, seed=seed)
    sign = np.ones(6)
    counts = []
    for columns in (values, np.exp(values) + 5):
        design = Design(columns, sign=sign)
        joint = Joint(design.observed(is_first), np.ones((1, 6), dtype=int), critical=CRITICAL)
        run(design, labels_for(is_first, 150, seed), [joint])
        counts.append([joint.counts[name][0] for name in SUMMARIES])
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_joint_p_values_are_uniform_without_an_effect():
    """Kolmogorov's distance from uniform at 0.001, over 400 trials; the share is discrete, so only held from above."""
    rng = np.random.default_rng(7)
    found = []
    for trial in range(400):
        is_first = np.arange(24) < 12
        values = rng.normal(size=(24, 1)) + rng.normal(size=(24, 20))
        values[rng.random((24, 20)) < 0.1] = np.nan
        values[rng.random(24) < 0.4, 10:] = np.nan
        design = Design(values, minimum_per_arm=4)
        joint = Joint(design.observed(is_first), np.ones((1, 20), dtype=int), critical=ndtri(0.975))
        run(design, labels_for(is_first, 199, seed=trial), [joint])
        found.append([(joint.counts[name][0] + 1) / 200 for name in SUMMARIES])
    p = np.sort(np.array(found), axis=0)
    grid = np.arange(1, 401) / 400
    distance = (grid[:, None] - p).max(axis=0), (p - grid[:, None] + 1 / 400).max(axis=0)
    limit = 1.95 / np.sqrt(400)
    assert (distance[0] < limit + 1 / 200).all()  # never too small
    assert (distance[1][[0, 2]] < limit + 1 / 200).all()  # nor too large
