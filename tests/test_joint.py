"""Joint inference over many specifications, against brute force over every split."""

import numpy as np
import pytest
from scipy.special import ndtri

from d_q_trial.robustness.multiverse import curve
from d_q_trial.stats.permutation import Design, Joint, blocks, labels_for
from d_q_trial.stats.two_sample import get_test

CRITICAL = ndtri(0.8)  # low, so that small cohorts have several that are significant
WEIGHTS = np.array([[1] * 9, [0, 3, 0, 1, 0, 0, 2, 0, 0], [0, 0, 0, 0, 0, 0, 0, 300, 1]])
ONE_EACH = np.ones((1, 9), dtype=int)


def cohort(participants=10, specifications=9, seed=1, missing=0.15):
    """Correlated specifications, some with ties, with values missing by pattern; the first half is the first arm."""
    rng = np.random.default_rng(seed)
    is_first = np.arange(participants) < participants // 2
    values = rng.normal(size=(participants, 1)) + rng.normal(size=(participants, specifications))
    values += 0.5 * is_first[:, None]
    values[:, ::2] = np.round(values[:, ::2])
    patterns = rng.random((participants, 4)) < missing
    values[patterns[:, rng.integers(0, 4, specifications)]] = np.nan
    return values, is_first, np.where(np.arange(specifications) % 3 == 0, -1.0, 1.0)


def joint(design, is_first, weights, labels):
    counted = Joint(design.observed(is_first), weights, critical=CRITICAL)
    for block in blocks(design, labels):
        counted.add(block)
    return counted


def numbers(counted, group=0):
    """Counts of the three summaries, of significant and of usable specifications."""
    return [*counted.counts[:, group], counted.significant[group], counted.usable[group]]


def by_hand(values, split, sign, minimum, method="normal"):
    """Effect and deviate of every specification by the two-sample test, NaN where an arm is too small."""
    found = get_test(method).compare_columns(values, split)
    with np.errstate(invalid="ignore"):
        effect = 0.5 + sign * (found.u / (found.n_first * found.n_second) - 0.5)
    untested = (np.minimum(found.n_first, found.n_second) < minimum) | np.isnan(found.p)
    return np.where(untested, np.nan, effect), np.where(untested, np.nan, sign * found.statistic)


def summaries(effect, z, weights):
    """Median effect, share significant and mean deviate of the specifications that are large enough."""
    repeated = np.repeat(np.arange(len(z)), weights)
    repeated = repeated[~np.isnan(z[repeated])]
    if not repeated.size:
        return np.array([0.5, 0.0, 0.0])
    median = np.quantile(effect[repeated], 0.5, method="inverted_cdf")
    return np.array([median, (z[repeated] >= CRITICAL).mean(), z[repeated].mean()])


@pytest.mark.parametrize("continuity", [False, True])
def test_joint_counts_over_all_splits_equal_brute_force(continuity):
    values, is_first, sign = cohort(missing=0.2)
    labels = labels_for(is_first, 252, seed=0)
    design = Design(values, sign=sign, minimum_per_arm=4, continuity=continuity)
    found = joint(design, is_first, WEIGHTS, labels)
    method = "normal_continuity" if continuity else "normal"
    splits = [by_hand(values, split, sign, 4, method) for split in labels.take(0, 252).T]
    z = np.array([z for _, z in splits])
    for group, weights in enumerate(WEIGHTS):
        observed = summaries(*by_hand(values, is_first, sign, 4, method), weights)
        permuted = np.array([summaries(*split, weights) for split in splits])
        counts = (permuted >= observed - 1e-9).sum(axis=0)
        expected = [*counts, ((z >= CRITICAL) @ weights).sum(), (~np.isnan(z) @ weights).sum()]
        assert numbers(found, group) == expected
        assert found.observed[:, group] == pytest.approx(observed, abs=1e-12)
        assert 1 <= counts.min() < labels.count
    assert found.usable[0] < labels.count * 9


def test_a_specification_that_is_too_small_and_an_empty_group_have_no_summary():
    values, is_first, sign = cohort(missing=0)
    values[np.flatnonzero(is_first)[2:], 4] = np.nan
    observed = Design(values, sign=sign, minimum_per_arm=3).observed(is_first)
    assert np.isnan(observed.z[4])
    weights = np.array([np.ones(9), np.arange(9) != 4, np.zeros(9)], dtype=int)
    found = Joint(observed, weights, critical=CRITICAL).observed
    assert (found[:, 0] == found[:, 1]).all()
    assert np.isnan(found[:, 2]).all()


def test_weights_and_repeated_specifications_give_the_same_counts():
    values, is_first, sign = cohort(participants=20, missing=0.1)
    labels, weights = labels_for(is_first, 999, seed=3), np.array([1, 2, 1, 3, 1, 1, 4, 1, 1])
    repeat = np.repeat(np.arange(9), weights)
    weighted = joint(Design(values, sign=sign), is_first, weights[None], labels)
    repeated = joint(
        Design(values[:, repeat], sign=sign[repeat]), is_first, np.ones((1, repeat.size), dtype=int), labels
    )
    assert numbers(weighted) == numbers(repeated)


@pytest.mark.parametrize(("memory_mb", "shards"), [(2, 1), (512, 3), (2, 5)])
def test_memory_and_shards_change_no_joint_count_and_no_curve(memory_mb, shards):
    values, is_first, sign = cohort(participants=30, specifications=60)
    design, labels = Design(values, sign=sign, minimum_per_arm=4), labels_for(is_first, 3000, seed=5)
    weights = np.random.default_rng(0).integers(0, 5, (2, 60))

    def counted(shards, **options):
        kept, curves = Joint(design.observed(is_first), weights, critical=CRITICAL), []
        for shard in range(1, shards + 1):
            start, stop = 3000 * (shard - 1) // shards, 3000 * shard // shards
            for block in blocks(design, labels, start=start, stop=stop, **options):
                kept.add(block)
                curves.append(curve(block.effect, weights[0], 11))
        return np.array([numbers(kept, group) for group in (0, 1)]), np.hstack(curves)

    for whole, part in zip(counted(1), counted(shards, memory_mb=memory_mb), strict=True):
        np.testing.assert_array_equal(whole, part)


def test_curves_are_the_sorted_effects_of_what_is_large_enough():
    values, is_first, sign = cohort(participants=14, specifications=30, missing=0.3)
    splits = labels_for(is_first, 400, seed=2).take(0, 300)
    effects = Design(values, sign=sign, minimum_per_arm=4).permuted(splits).effect
    curves = 0.5 + curve(effects, np.ones(30, dtype=int), 30)
    complete, present = 0, ~np.isnan(values)
    for number, split in enumerate(splits.T):
        effect, _ = by_hand(values, split, sign, 4)
        small = np.minimum((present & split[:, None]).sum(0), (present & ~split[:, None]).sum(0)) < 4
        own = np.sort(effect[~small])
        places = (2 * np.arange(30) + 1) * own.size // 60
        np.testing.assert_allclose(curves[:, number], own[places], atol=1e-6)
        complete += own.size == 30
    assert 0 < complete < 300


def test_a_curve_counts_a_specification_by_its_weight():
    effects = np.array([[0.3], [0.1], [np.nan], [0.2]])
    np.testing.assert_array_equal(curve(effects, np.array([1, 2, 5, 3]), 6)[:, 0], [0.1, 0.1, 0.2, 0.2, 0.2, 0.3])
    assert np.isnan(curve(np.full((3, 1), np.nan), np.ones(3, dtype=int), 4)).all()
