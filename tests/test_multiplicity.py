import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_values import FOLDER, rows

from d_q_trial.stats.labels import labels_for
from d_q_trial.stats.multiplicity import benjamini_hochberg, holm, step_down_p
from d_q_trial.stats.permutation import Design, StepDown, run

ORACLE = {row["quantity"]: float(row["value"]) for row in rows("permutation")}
DATA = np.genfromtxt(FOLDER / "permutation_data.csv", delimiter=",", names=True)
ARM = DATA["arm"] == 1
P = np.array([0.035, 0.049, 0.2, 0.001, 0.035, 0.9, 0.011])


def step_down(columns, is_first, permutations=500):
    design, labels = Design(np.column_stack(columns)), labels_for(is_first, permutations, seed=1)
    counts = StepDown(design.observed(is_first).z)
    run(design, labels, [counts])
    return step_down_p(counts, labels.count, exhaustive=labels.exhaustive)


@pytest.mark.parametrize(("adjust", "name"), [(holm, "holm"), (benjamini_hochberg, "bh")])
def test_adjusted_values_match_p_adjust_in_r_and_missing_ones_are_not_counted(adjust, name):
    expected = [ORACLE[f"{name} {place}"] for place in range(1, 8)]
    np.testing.assert_allclose(adjust(P), expected, rtol=1e-12)
    np.testing.assert_allclose(adjust(np.insert(P, [0, 3], np.nan)), np.insert(expected, [0, 3], np.nan))
    assert adjust(np.array([])).size == 0
    with pytest.raises(ValueError, match="outside 0 to 1"):
        adjust([0.2, 1.2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array))
def test_adjustment_never_lowers_p_never_passes_1_and_keeps_the_order(p):
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert (adjusted >= p - 1e-15).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= -1e-15).all()
    assert (holm(p) >= benjamini_hochberg(p) - 1e-15).all()


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


def test_families_are_adjusted_apart():
    counted = StepDown([3.0, 2.0, 2.5], family=[0, 0, 1])
    counted.counts = np.array([10, 60, 30])
    assert [found.p for found in step_down_p(counted, 99)] == [0.11, 0.61, 0.31]


def test_equal_statistics_have_equal_adjusted_p():
    first, second = step_down([(2, 1, 6, 4, 3, 5), (3, 2, 4, 6, 1, 5)], np.arange(6) < 3)
    assert (first.p, second.p) == (1.0, 1.0)


@given(st.integers(0, 10**6))
def test_adjusted_p_by_enumeration_is_the_share_of_larger_maxima(seed):
    rng = np.random.default_rng(seed)
    values, is_first = rng.integers(0, 4, (6, 4)).astype(float), np.arange(6) < 3
    design = Design(values)
    z = np.abs(design.observed(is_first).z)
    permuted = np.abs(design.permuted(labels_for(is_first, 100, 0).take(0, 20)).z)
    raw = {k: (permuted[z <= z[k] + 1e-9].max(axis=0) >= z[k] - 1e-6).mean() for k in range(4) if not np.isnan(z[k])}
    expected = {k: max(raw[other] for other in raw if z[other] >= z[k] - 1e-9) for k in raw}
    found = step_down(values.T, is_first)
    assert {k: found[k].p for k in raw} == pytest.approx(expected)
