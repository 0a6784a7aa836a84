"""The lattice of attainable P-values, the envelopes and the quartiles."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_papers import sample_p

from d_q_trial.consistency import quartiles
from d_q_trial.consistency.lattice import VARIANTS, Ties, fit, fit_tied, hits, lattice, p_value
from d_q_trial.consistency.reported import Group, ReportedP
from d_q_trial.published_tables import number
from d_q_trial.stats.quantiles import quantile
from d_q_trial.stats.rank_sum import midrank_columns, rank_sum

TIED = ([1, 2, 2, 3, 5, 8, 8, 9], [2, 4, 5, 5, 6, 7, 8, 10, 11])


def test_untied_exact_and_mid_p_are_those_of_r():
    # R, coin: wilcox_test(distribution = "exact"), pvalue and midpvalue, x = 1 3 6 8 9, y = 2 4 5 7 10 11, U = 12.
    assert p_value(12, 5, 6, "exact") == pytest.approx(0.662337662337662, rel=1e-12)
    assert p_value(12, 5, 6, "exact_mid_p") == pytest.approx(0.599567099567100, rel=1e-12)
    # R: wilcox.test(exact = FALSE)
    assert p_value(12, 5, 6, "normal_continuity") == pytest.approx(0.648076868139146, rel=1e-12)


def test_mid_p_in_the_middle_takes_off_half_of_one_atom():
    # Eight of the 70 arrangements of 4 and 4 have U = 8, the mean: P(|D| > 0) + P(D = 0) / 2. R's coin takes
    # the atom off whole there, 0.885714, as if it were two.
    assert p_value(8, 4, 4, "exact") == 1
    assert p_value(8, 4, 4, "exact_mid_p") == pytest.approx(1 - 8 / 70 / 2, rel=1e-12)


def test_t_approximation_uses_all_but_one_degrees_of_freedom():
    ranks, ties = midrank_columns(np.concatenate(TIED)[:, None])
    assert ranks.shape == (17, 1)
    # tests/oracle/consistency.R, t_approximation(x, y, corrected)
    assert p_value(25, 8, 9, "t_continuity", ties[0]) == pytest.approx(0.323882817227687, rel=1e-12)
    assert p_value(25, 8, 9, "t", ties[0]) == pytest.approx(0.30209466619456, rel=1e-12)


def test_simulated_exact_p_with_ties_are_those_of_r():
    # R, coin: exact and mid-p of the tied samples
    assert sample_p(*map(np.array, TIED), "exact") == pytest.approx(0.318552036199095, rel=1e-12)
    assert sample_p(*map(np.array, TIED), "exact_mid_p") == pytest.approx(0.295002056766763, rel=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
@given(n_first=st.integers(1, 30), n_second=st.integers(1, 30))
def test_swapping_the_groups_leaves_the_lattice(variant, n_first, n_second):
    first, second = lattice(n_first, n_second, variant), lattice(n_second, n_first, variant)
    np.testing.assert_array_equal(first.p, second.p)
    assert (np.diff(first.p) >= 0).all()
    assert first.p[-1] <= 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_p_of_untied_samples_lies_on_its_lattice(variant):
    rng = np.random.default_rng(1)
    for _ in range(40):
        n_first, n_second = rng.integers(2, 25, 2)
        p = sample_p(rng.normal(0.5, 1, n_first), rng.normal(0, 1, n_second), variant)
        printed = number(f"{p:.3f}")
        assert hits([printed.low], [printed.high], n_first, n_second, variant)[0][0] >= 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_p_of_tied_samples_is_attainable_with_ties(variant):
    rng = np.random.default_rng(2)
    tried = 0
    for _ in range(60):
        n_first, n_second = rng.integers(6, 20, 2)
        first, second = (np.round(rng.normal(m, 1, n), 1) for m, n in ((0.4, n_first), (0, n_second)))
        tie_sum = int(midrank_columns(np.concatenate([first, second])[:, None])[1][0])
        if not tie_sum:
            continue
        tried += 1
        printed = number(f"{sample_p(first, second, variant):.3f}")
        ties = Ties(1.0, 6, max(60, tie_sum), max(60, tie_sum))
        found = fit_tied(printed.low, printed.high, n_first, n_second, variant, ties)
        u = rank_sum(first, second, method="normal").u
        assert min(u, n_first * n_second - u) in found.u
    assert tried > 20


def test_expected_hits_are_the_long_run_share():
    # Every digit between 0.3 and 0.7: as many hits in all as lattice values there.
    for variant in VARIANTS:
        low = np.arange(0.3005, 0.6995, 0.001)
        found, expected = hits(low, low + 0.001, 17, 12, variant)
        assert found.sum() == pytest.approx(expected.sum(), rel=0.05)
        assert 14 <= found.sum() <= 25


def test_correction_doubles_no_value():
    # U = 12 and 12.5 both give 1 with the correction: one attainable value, not two.
    grid = lattice(5, 5, "normal_continuity", True)
    assert (grid.p == 1).sum() == 2
    assert (grid.distinct == 1).sum() == 1


def test_u_of_a_hit_gives_the_printed_digits_back():
    found = fit(0.0095, 0.0105, 20, 25, "normal")
    assert found.u
    for u in found.u:
        assert 0.0095 <= p_value(u, 20, 25, "normal") <= 0.0105


@given(
    n=st.integers(3, 60), p=st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]), kind=st.integers(1, 9)
)
def test_place_agrees_with_the_quantiles_of_the_same_type(n, p, kind):
    values = np.arange(1.0, n + 1) ** 2
    rank, fraction = quartiles.place(n, p, kind)
    value = values[rank - 1] + (float(fraction) * (values[rank] - values[rank - 1]) if fraction else 0)
    assert value == pytest.approx(quantile(values, float(p), type=kind), rel=1e-12)


def p_value_of(variable, first, second):
    return ReportedP(variable, "=", number("0.5"), 30, 30, first=first, second=second, variable=variable)


@pytest.mark.parametrize("kind", [2, 7])
@pytest.mark.parametrize("rounding", ["even", "up"])
def test_quartile_definition_is_found_from_simulated_whole_numbers(kind, rounding):
    from d_q_trial.formatting import rounded

    rng = np.random.default_rng(3)
    p_values = []
    for name in range(12):
        groups = []
        for _ in range(2):
            values = np.round(rng.normal(40, 9, 30))
            q1, median, q3 = quantile(values, np.array([0.25, 0.5, 0.75]), type=kind)
            q1, median, q3 = (number(f"{rounded(q, 1, half=rounding):f}") for q in (q1, median, q3))
            groups.append(Group(median, q1, q3))
        p_values.append(p_value_of(f"variable {name}", *groups))
    decision = quartiles.decide(p_values)
    best = decision.definitions[0]
    assert decision.steps == {p.variable: 1.0 for p in p_values}
    if kind == 7:
        assert (best.type, best.rounding) == (7, f"half {rounding}")
        assert best.probability > 0.99
    else:  # the n-th parts of type 2 never fall on a quarter; type 5 puts the quartiles of 30 at the same values
        assert best.type in (2, 5)
    assert best.impossible_digits == 0


def test_digits_that_any_definition_gives_decide_nothing():
    group = Group(number("33.7"), number("28.4"), number("39.1"))
    decision = quartiles.decide([p_value_of("variable", group, group)])
    assert decision.steps == {}
    assert max(d.probability for d in decision.definitions) < 0.2


@pytest.mark.parametrize("kind", [6, 7])
def test_u_lies_within_the_envelopes_of_its_own_quartiles(kind):
    rng = np.random.default_rng(4)
    for _ in range(100):
        n_first, n_second = rng.integers(4, 30, 2)
        samples = rng.normal(rng.normal(), 1, n_first), rng.normal(0, 1, n_second)
        groups = []
        for sample in samples:
            q1, median, q3 = (number(f"{q:.1f}") for q in quantile(sample, np.array([0.25, 0.5, 0.75]), type=kind))
            groups.append(Group(median, q1, q3, number(f"{sample.min():.1f}"), number(f"{sample.max():.1f}")))
        low, high = quartiles.u_range(*groups, n_first, n_second, kind=kind)
        u = rank_sum(*samples, method="normal").u
        assert low <= u <= high
        p_low, p_high = quartiles.p_range(low, high, n_first, n_second, "normal")
        assert p_low - 1e-12 <= rank_sum(*samples, method="normal").p <= p_high + 1e-12


def test_separated_quartiles_bound_u_away_from_the_middle():
    low_group = Group(number("10.0"), number("9.0"), number("11.0"), number("8.0"), number("12.0"))
    high_group = Group(number("20.0"), number("19.0"), number("21.0"), number("18.0"), number("22.0"))
    assert quartiles.u_range(high_group, low_group, 10, 10, kind=7) == (100.0, 100.0)


def test_quartiles_that_contradict_the_range_are_reported():
    broken = Group(number("10.0"), number("9.0"), number("11.0"), number("9.5"), number("12.0"))
    fine = Group(number("10.0"), number("9.0"), number("11.0"))
    assert quartiles.u_range(broken, fine, 10, 10, kind=7) is None
