"""Attainable P-values, definitions of quartiles and the convention of a paper, against R, exhaustive search and simulation."""

import itertools
import math
import time
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats
from simulated_papers import calibrate, sample_p

from d_q_trial.consistency import VARIANTS, inference, lattice, sizes
from d_q_trial.consistency.checks import check_fewer_participants, format_pair
from d_q_trial.consistency.findings import slug
from d_q_trial.consistency.inference import FEWER, Assessment, find_least_ties
from d_q_trial.consistency.lattice import EXACT, NO_TIES, Ties, attainable_p_values, fit_reported_p, rank_sum_p
from d_q_trial.consistency.outputs import check_paper
from d_q_trial.consistency.reported import PARTS, ReportedP
from d_q_trial.formatting import round_decimal
from d_q_trial.published_tables import parse_number
from d_q_trial.stats.quantiles import quantile
from d_q_trial.stats.rank_sum import midrank_columns
from d_q_trial.stats.two_sample import get_test

each_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.mark.parametrize(
    ("variant", "u", "n", "tie_sum", "expected"),
    [
        # R, coin: wilcox_test(distribution = "exact"), pvalue and midpvalue, x = 1 3 6 8 9, y = 2 4 5 7 10 11, U = 12.
        ("exact", 12, (5, 6), 0, 0.662337662337662),
        ("exact_mid_p", 12, (5, 6), 0, 0.599567099567100),
        ("normal_continuity", 12, (5, 6), 0, 0.648076868139146),  # R: wilcox.test(exact = FALSE)
        # tests/oracle/consistency.R, t_approximation(x, y, corrected), x = 1 2 2 3 5 8 8 9, y = 2 4 5 5 6 7 8 10 11
        ("t_continuity", 25, (8, 9), 72, 0.323882817227687),
        ("t", 25, (8, 9), 72, 0.30209466619456),
    ],
)
def test_p_equals_r(variant, u, n, tie_sum, expected):
    assert rank_sum_p(u, *n, variant, tie_sum) == pytest.approx(expected, rel=1e-12)


def list_u(values, n_first):
    """List U of every arrangement of the values; ties count half."""
    arrangements = itertools.combinations(range(len(values)), n_first)
    splits = [(values[list(first)], np.delete(values, first)) for first in arrangements]
    return [sum((a > b) + (a == b) / 2 for a in first for b in second) for first, second in splits]


def p_by_definition(u, all_u, size, variant):
    """Return P of one U among those of all arrangements, whose variance the approximations use."""
    all_u = np.array(all_u)
    distances, distance = abs(all_u - all_u.mean()), abs(u - all_u.mean())
    if variant.startswith("exact"):
        equal = (abs(distances - distance) < 1e-9).mean()
        return (distances > distance + 1e-9).mean() + equal * (0.5 if variant == "exact_mid_p" else 1)
    z = (max(0, distance - 0.5) if variant.endswith("continuity") else distance) / all_u.std()
    return 2 * (stats.t.sf(z, size - 1) if variant.startswith("t") else stats.norm.sf(z))


@pytest.mark.parametrize("n", range(2, 9))
def test_p_the_lattice_and_bounds_with_ties_agree_with_an_enumeration_of_all_arrangements(n):
    for n_first, rises in itertools.product(range(1, n), itertools.product([False, True], repeat=n - 1)):
        values, numbers = np.cumsum([0, *rises]), (n_first, n - n_first)
        all_u, tie_sum = list_u(values, n_first), sum(t**3 - t for t in np.bincount(values).tolist())
        if not any(rises):
            continue  # a test of equal values has no P
        assert tie_sum <= lattice.most_ties(np.array(all_u), *numbers).min()
        for variant in VARIANTS:
            p_values = {u: min(1, p_by_definition(u, all_u, n, variant)) for u in sorted(set(all_u))}
            for u, p in p_values.items():
                low, high = lattice.bound_p(u, u, *numbers, variant, tie_sum)
                assert low * (1 - 1e-9) <= p <= high + 1e-12
            if not tie_sum or variant not in EXACT:  # with ties, P of the exact test is an approximation
                found = rank_sum_p(np.array(list(p_values)), *numbers, variant, tie_sum)
                assert found == pytest.approx(list(p_values.values()), rel=1e-12)
            if not tie_sum:
                values = attainable_p_values(*numbers, variant)
                assert values.u.tolist() == sorted({min(u, math.prod(numbers) - u) for u in all_u})
                assert values.p.tolist() == [rank_sum_p(u, *numbers, variant) for u in values.u]


@each_variant
@pytest.mark.parametrize("decimals", [1, 15])  # with ties and without
def test_p_of_every_sample_is_attainable(variant, decimals):
    rng = np.random.default_rng(2)
    for _ in range(40):
        sizes = rng.integers(6, 20, 2)
        samples = [np.round(rng.normal(mean, 1, n), decimals) for mean, n in zip((0.4, 0), sizes, strict=True)]
        tie_sum = int(midrank_columns(np.concatenate(samples)[:, None])[1][0])
        ties = Ties(1.0, 6, max(60, tie_sum), max(60, tie_sum)) if tie_sum else NO_TIES
        reported = parse_number(f"{sample_p(*samples, variant):.3f}")
        u = get_test("normal").compare(*samples).u
        fit = fit_reported_p(reported.low, reported.high, *map(int, sizes), variant, ties)
        assert min(u, math.prod(sizes) - u) in fit.u


@each_variant
def test_expected_hits_equal_the_long_run_frequency(variant):
    # Over all digits between 0.3 and 0.7, there are as many hits as lattice values.
    fits = [fit_reported_p(low, low + 0.001, 17, 12, variant) for low in np.arange(0.3005, 0.6995, 0.001).tolist()]
    hits = sum(fit.hits for fit in fits)
    assert hits == pytest.approx(sum(fit.expected for fit in fits), rel=0.05)
    assert 14 <= hits <= 25


def test_two_u_with_p_of_1_under_the_continuity_correction_count_once():
    assert fit_reported_p(0.9999, 1.0, 5, 5, "normal_continuity", Ties(1.0, 6, 6, 6))[:2] == ((12.0, 12.5), 1)


def summarize(sample, kind=7, half="even", with_range=False):
    values = quantile(sample, np.array([0.25, 0.5, 0.75]), type=kind)
    limits = [f"{limit:.1f}" if with_range else "" for limit in (min(sample), max(sample))]
    return group(limits[0], *(f"{round_decimal(q, 1, half=half):f}" for q in values), limits[1])


def group(*texts):
    return {part: parse_number(text) for part, text in zip(PARTS, texts, strict=True) if text}


def infer_definition(*pairs):
    named = {f"variable {i}": pair for i, pair in enumerate(pairs)}
    p = parse_number("0.5")
    return inference.infer_definition([ReportedP(v, "=", p, (30, 30), pair, variable=v) for v, pair in named.items()])


@pytest.mark.parametrize("kind", [2, 7])
@pytest.mark.parametrize("half", ["even", "up"])
def test_the_definition_of_quartiles_is_inferred_from_simulated_whole_numbers(kind, half):
    rng = np.random.default_rng(3)
    pairs = [[summarize(np.round(rng.normal(40, 9, 30)), kind, half) for _ in range(2)] for _ in range(12)]
    definitions, steps = infer_definition(*pairs)
    best = definitions[0]
    assert steps == {f"variable {i}": 1.0 for i in range(12)}
    assert best.impossible_digits == 0
    if kind == 7:
        assert (best.type, best.rounding) == (7, f"half {half}")
        assert best.probability > 0.99
    else:  # quartiles of type 2 never fall on a quarter; type 5 puts the quartiles of 30 at the same values
        assert best.type in (2, 5)


def test_whole_scores_with_decimals_do_not_rule_out_types_that_interpolate():
    pair = [group("", "4.00", "5.00", "6.00", "")] * 2  # most scores tie, without a gap
    definitions, steps = infer_definition(*[pair] * 3)
    assert set(steps.values()) == {1.0}
    assert min(definition.probability for definition in definitions) > 0.001


@given(
    samples=st.tuples(*[st.lists(st.integers(0, 80), min_size=2, max_size=13)] * 2),
    kind=st.sampled_from([2, 5, 6, 7]),
    with_range=st.booleans(),
    variant=st.sampled_from(list(VARIANTS)),
)
@example(samples=([0, 3], [2, 2, 2, 5]), kind=2, with_range=True, variant="exact")  # a larger P than without ties
def test_u_and_p_lie_within_the_bounds_from_quartiles(samples, kind, with_range, variant):
    first, second = (np.array(sample) / 10 for sample in samples)
    u = sum((a > b) + (a == b) / 2 for a in first for b in second)
    groups = [summarize(sample, kind, with_range=with_range) for sample in (first, second)]
    low, high, max_tie_sum = lattice.bound_u(*groups, first.size, second.size, kind=kind)
    assert low <= u <= high
    assert midrank_columns(np.concatenate([first, second])[:, None])[1][0] <= max_tie_sum
    assume(np.ptp([*first, *second]) > 0)  # a test of equal values has no P
    p_low, p_high = lattice.bound_p(low, high, first.size, second.size, variant, max_tie_sum)
    assert p_low - 1e-12 <= sample_p(first, second, variant) <= p_high + 1e-12


@given(
    samples=st.tuples(*[st.lists(st.integers(0, 3), min_size=1, max_size=9)] * 2),
    variant=st.sampled_from([variant for variant in VARIANTS if variant not in EXACT]),
)
@example(samples=([1, 0, 0, 0, 0, 0], [1, 0, 0, 0]), variant="normal_continuity")  # a tie sum of 510 of at most 990
def test_p_of_every_tied_sample_is_attainable_with_a_tie_sum_no_larger(samples, variant):
    tie_sum = int(midrank_columns(np.concatenate(samples)[:, None])[1][0])
    assume(tie_sum and np.ptp(np.concatenate(samples)) > 0)
    p = parse_number(f"{sample_p(*map(np.array, samples), variant):.3f}")
    least, u = find_least_ties(p, tuple(map(len, samples)), variant)
    assert least <= tie_sum
    assert all(p.low <= rank_sum_p(value, *map(len, samples), variant, least) <= p.high for value in u)


def test_the_smallest_tie_sum_of_large_groups_is_found_within_seconds_in_little_memory():
    start = time.process_time()
    tracemalloc.start()
    least = {variant: find_least_ties(parse_number("0.0001"), (1, 2000), variant)[0] for variant in VARIANTS}
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert time.process_time() - start < 5
    assert {variant for variant in VARIANTS if least[variant] is None} == {*EXACT}  # no exact P is below 1 / 2001


@given(k=st.tuples(st.integers(1, 4), st.integers(1, 4)), seed=st.integers(0, 10_000))
def test_bounds_are_attained_if_the_quartiles_are_values_of_the_sample(k, seed):
    rng = np.random.default_rng(seed)
    n = [4 * i + 1 for i in k]
    groups = [summarize(rng.normal(rng.normal(), 1, size)) for size in n]
    limits = [lattice.bound_order_statistics(group, size, 7) for group, size in zip(groups, n, strict=True)]
    # The first sample as low and the second as high as possible, and the reverse.
    for bound, (first, second, nudge) in enumerate(((0, 1, 1e-6), (1, 0, -1e-6))):
        assume(np.abs(np.subtract.outer(limits[0][first], limits[1][second])).min() > 1e-3)  # no limit in common
        x, y = np.clip(limits[0][first] + nudge, -99, 99), np.clip(limits[1][second] - nudge, -99, 99)
        assert [summarize(x), summarize(y)] == groups
        assert sum(a > b for a in x for b in y) == lattice.bound_u(*groups, *n, kind=7)[bound]


@pytest.fixture(scope="module")
def published():
    """What the check infers from the published paper, and its findings by name."""
    report, findings = check_paper("data/published")
    return report, {finding.finding: finding for finding in findings}


def test_the_paper_used_the_normal_approximation_and_quartiles_of_type_7_and_two_p_values_depend_on_it(published):
    paper, _ = published
    best, second = paper.inference.scores[:2]
    assert (best.variant, best.total) == ("normal", 93)
    assert 13 < best.by_chance < 18
    assert best.log10_likelihood - second.log10_likelihood > 52
    # All at the same group sizes. A separate computation, at given sizes, without ties and without the radius, gives
    # 74, 15 and 9 of 92 under the normal approximation without and with correction and the exact test.
    expected = {"normal": 75, "normal_continuity": 16, "t_continuity": 17, "exact_mid_p": 13, "t": 11, "exact": 10}
    assert {score.variant: score.attainable for score in paper.inference.scores} == expected
    best = paper.definitions[0]
    assert (best.type, best.rounding) == (7, "half even")
    assert 0.9 < best.probability < 0.99  # three digits cannot make it certain
    assert paper.steps == {"vitamin_d_25oh": 1.0}
    # Significance of 0.035 and 0.049 alone depends on the variant.
    rows = {row["reported"]: row for row in paper.dependence}
    assert {p for p, row in rows.items() if row["depends_on_variant"]} == {"0.035", "0.049"}
    assert len(rows) == 7
    row = rows["0.049"]
    assert (row["u"], row["n_first"], row["n_second"]) == (27, 10, 11)
    assert row["normal"] < 0.05 < row["exact"] < row["normal_continuity"]


def test_group_sizes_of_the_upper_tertile_follow_from_p_values_and_sums(published):
    paper, findings = published
    likely, how = {}, {}
    for pair, options in paper.inference.options.items():
        place = pair[0].removeprefix("d_q (T3, ").removesuffix(", p16_variant_5)")
        likely[place] = [(o.n_first, o.n_second) for o in options if o.probability > 0.01]
        finding = findings["group-size-" + slug(format_pair(pair))]
        how[place] = finding.how
        assert all(f"{o.n_first} and {o.n_second} (" in finding.expected for o in options)
        assert len({o.n_first + o.n_second for o in options}) == 1  # their sum is reported
        assert sum(o.probability for o in options) == pytest.approx(1)
    assert likely.pop("ctx and p1np, week_2") == [(10, 11)]  # D+Q, control
    assert likely.pop("ctx and p1np, week_4") == [(9, 11)]
    assert likely == {"bmd_radius, week_20": [(8, 11), (9, 10), (10, 9)]}  # open
    assert "31 of 38 P-values are attainable; with other numbers, at most 2." in how["ctx and p1np, week_2"]


def test_findings_state_how_many_participants_fit_the_reported_p_values_and_accuse_nobody(published):
    paper, findings = published
    cytokines = [f"sasp_{name}" for name in ("ifng", "il6", "il7", "il8", "il15", "tnf_alpha")]
    for name, phrases in {
        "fewer-10-11-as-10-10": ["strong", "No other pair gives all of these.", *cytokines],
        "sums-of-participants": ["at 25 places", "paper and registry"],
        "p-values-explained": ["agreement", "0 not attained"],
        "stated-n-paper-fig-3-caption": ["P = 0.611 is attainable with 28/28 and not attainable with 30/30;"],
    }.items():
        assert [phrase for phrase in phrases if phrase not in " ".join(findings[name])] == []
    assert {a.p.claim: a.fewer for a in paper.assessments}["bmd_radius, baseline"] == ((29, 29),)
    text = " ".join(f"{f.what} {f.how} {f.harmless_explanation}" for f in findings.values()).lower()
    for word in ("fraud", "fabricat", "manipulat", "wrong", "false", "error", "mistake", "impossible"):
        assert word not in text


@pytest.mark.parametrize(("sharing", "expected"), [(2, []), (6, [("fewer-10-11-as-10-10", "strong")])])
def test_smaller_group_sizes_are_a_finding_only_if_unlikely_by_chance(sharing, expected):
    # Of ten P-values off the lattice, two that fit one of eight pairs are no surprise, although 0.05^2 is small.
    others = [(9, 11), (8, 11), (10, 9), (9, 9), (8, 10), (10, 9), (9, 11), (8, 11)]
    pairs = ([(10, 10)] * sharing + others)[:10]
    p = ReportedP("claim", "=", parse_number("0.5"), (10, 11), ties=NO_TIES)
    p_values = [Assessment(p, "normal", p.pair, FEWER, (), 0.05, (pair,)) for pair in pairs]
    report = SimpleNamespace(assessments=p_values, inference=SimpleNamespace(fits=True))
    found = list(check_fewer_participants(report))
    assert [(finding.finding, finding.certainty) for finding in found] == expected
    assert all("at most 1 in 10^5" in finding.how for finding in found)


@pytest.mark.parametrize(("papers", "seed"), [(2, 12), pytest.param(200, 3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("tied", [False, True])
@each_variant
def test_the_variant_of_simulated_papers_is_inferred_and_fewer_than_1_percent_are_accused(variant, tied, papers, seed):
    shares = calibrate(variant, tied=tied, papers=papers, seed=seed)
    assert shares["accused"] < 0.01
    assert shares["right_family" if tied else "right"] >= 0.98  # ties hide the correction
    assert shares["sure_and_wrong"] == 0 or papers > 2


@given(numbers=st.tuples(*[st.integers(0, 9)] * 3), names=st.sampled_from(["abcd", "abc", "d"]))
def test_solutions_for_some_unknowns_equal_those_of_an_exhaustive_search(numbers, names):
    total, other_total, bound = numbers
    constraints = [sizes.constrain_sum("ab", total, ""), sizes.constrain_sum("ac", other_total, "")]
    for *pair, high in (("b", "c", bound), ("d", "c", 1)):
        constraints.append(sizes.constrain_order(*pair, "")._replace(high=high))
    solutions = sizes.iterate_solutions(dict.fromkeys("abcd", (0, 9)), constraints, names)
    expected = {
        {"abcd": (a, b, c, d), "abc": (a, b, c), "d": (d,)}[names]
        for a, b, c, d in itertools.product(range(10), repeat=4)
        if a + b == total and a + c == other_total and b <= c + bound and d <= c + 1
    }
    assert sorted(tuple(solution.values()) for solution in solutions) == sorted(expected)  # each once
