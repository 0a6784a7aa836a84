"""The convention of a paper, group sizes that are not reported, and single P-values."""

import functools
import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_papers import calibrate

from d_q_trial.consistency import VARIANTS, sizes
from d_q_trial.consistency.checks import check_fewer_participants, format_pair
from d_q_trial.consistency.findings import slug
from d_q_trial.consistency.inference import FEWER, Assessment, infer_convention
from d_q_trial.consistency.lattice import NO_TIES
from d_q_trial.consistency.outputs import check_paper
from d_q_trial.consistency.reported import ReportedP
from d_q_trial.published_tables import parse_number

check_published = functools.cache(lambda: check_paper("data/published"))


@pytest.fixture
def paper():
    return check_published()[0]


@pytest.fixture
def findings():
    return {finding.finding: finding for finding in check_published()[1]}


def make_claim(p, n_first, n_second, name="claim"):
    return ReportedP(name, "=", parse_number(p), (n_first, n_second), ties=NO_TIES)


def test_the_paper_used_the_normal_approximation_without_continuity_correction(paper):
    best, second = paper.inference.scores[:2]
    assert (best.variant, best.total) == ("normal", 93)
    assert 13 < best.by_chance < 18
    assert best.log10_likelihood - second.log10_likelihood > 52
    # All at the same group sizes. A separate computation, at given sizes, without ties and without the radius, gives
    # 74, 15 and 9 of 92 under the normal approximation without and with correction and the exact test.
    expected = {"normal": 75, "normal_continuity": 16, "t_continuity": 17, "exact_mid_p": 13, "t": 11, "exact": 10}
    assert {score.variant: score.attainable for score in paper.inference.scores} == expected


def test_group_sizes_of_the_upper_tertile_follow_from_p_values_and_sums(paper, findings):
    likely = {}
    for pair, options in paper.inference.options.items():
        place = pair[0].removeprefix("d_q (T3, ").removesuffix(", p16_variant_5)")
        likely[place] = [(o.n_first, o.n_second) for o in options if o.probability > 0.01]
        expected = findings["group-size-" + slug(format_pair(pair))].expected
        assert all(f"{o.n_first} and {o.n_second} (" in expected for o in options)
        assert len({o.n_first + o.n_second for o in options}) == 1  # their sum is reported
        assert sum(o.probability for o in options) == pytest.approx(1)
    assert likely.pop("ctx and p1np, week_2") == [(10, 11)]  # D+Q, control
    assert likely.pop("ctx and p1np, week_4") == [(9, 11)]
    assert likely == {"bmd_radius, week_20": [(8, 11), (9, 10), (10, 9)]}  # open
    (how,) = [
        found.how for name, found in findings.items() if "t3-ctx-and-p1np-week-2-p16-variant-5-d-q-and-control" in name
    ]
    assert "31 of 38 P-values are attainable; with other numbers, at most 2." in how


def test_findings_state_how_many_participants_fit_the_reported_p_values(paper, findings):
    cytokines = [f"sasp_{name}" for name in ("ifng", "il6", "il7", "il8", "il15", "tnf_alpha")]
    for name, phrases in {
        "fewer-10-11-as-10-10": ["strong", "No other pair gives all of these.", *cytokines],
        "sums-of-participants": ["at 25 places", "paper and registry"],
        "p-values-explained": ["agreement", "0 not attained"],
        "stated-n-paper-fig-3-caption": ["P = 0.611 is attainable with 28/28 and not attainable with 30/30;"],
    }.items():
        assert [phrase for phrase in phrases if phrase not in " ".join(findings[name])] == []
    assert {a.p.claim: a.fewer for a in paper.assessments}["bmd_radius, baseline"] == ((29, 29),)


@pytest.mark.parametrize(("sharing", "expected"), [(2, []), (6, [("fewer-10-11-as-10-10", "strong")])])
def test_smaller_group_sizes_are_a_finding_only_if_unlikely_by_chance(sharing, expected):
    # Of ten P-values off the lattice, two that fit one of eight pairs are no surprise, although 0.05^2 is small.
    others = [(9, 11), (8, 11), (10, 9), (9, 9), (8, 10), (10, 9), (9, 11), (8, 11)]
    pairs = ([(10, 10)] * sharing + others)[:10]
    claims = [make_claim("0.5", 10, 11, f"p{i}") for i in range(10)]
    p_values = [
        Assessment(p, "normal", (10, 11), FEWER, (), 0.05, (pair,)) for p, pair in zip(claims, pairs, strict=True)
    ]
    report = SimpleNamespace(assessments=p_values, inference=SimpleNamespace(fits=True))
    found = list(check_fewer_participants(report))
    assert [(finding.finding, finding.certainty) for finding in found] == expected
    assert all("at most 1 in 10^5" in finding.how for finding in found)


def test_reported_quartiles_are_of_type_7_rounded_half_to_even(paper):
    best = paper.decision.definitions[0]
    assert (best.type, best.rounding) == (7, "half even")
    assert 0.9 < best.probability < 0.99  # three digits cannot make it certain
    assert paper.decision.steps == {"vitamin_d_25oh": 1.0}


def test_significance_of_0035_and_0049_alone_depends_on_the_variant(paper):
    rows = {row["reported"]: row for row in paper.dependence}
    assert {p for p, row in rows.items() if row["depends_on_variant"]} == {"0.035", "0.049"}
    assert len(rows) == 7
    row = rows["0.049"]
    assert (row["u"], row["n_first"], row["n_second"]) == (27, 10, 11)
    assert row["normal"] < 0.05 < row["exact"] < row["normal_continuity"]


def test_findings_accuse_nobody(findings):
    text = " ".join(f"{f.what} {f.how} {f.harmless_explanation}" for f in findings.values()).lower()
    for word in ("fraud", "fabricat", "manipulat", "wrong", "false", "error", "mistake", "impossible"):
        assert word not in text


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_variant_of_simulated_papers_is_inferred(variant):
    untied = calibrate(variant, tied=False, papers=2, seed=11)
    assert untied["right"] == 1
    assert untied["accused"] == 0
    tied = calibrate(variant, tied=True, papers=1, seed=12)
    assert tied["right_family"] == 1  # ties hide the correction
    assert tied["accused"] == tied["sure_and_wrong"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_fewer_than_1_percent_of_200_simulated_papers_without_errors_are_accused(variant, tied):
    shares = calibrate(variant, tied=tied, papers=200, seed=3)
    assert shares["accused"] < 0.01
    assert shares["right_family" if tied else "right"] >= 0.98


def test_one_p_value_determines_no_variant_and_p_values_of_another_test_fit_none():
    assert infer_convention([make_claim("0.611", 28, 28)]).scores[0].probability < 0.9
    claims = [make_claim(f"{0.031 + 0.0437 * i:.3f}", 12 + i % 3, 13, f"claim {i}") for i in range(20)]
    assert sum(score.probability for score in infer_convention(claims).scores) < 0.5


@given(numbers=st.tuples(*[st.integers(0, 9)] * 3), names=st.sampled_from(["abcd", "abc", "d"]))
def test_solutions_for_some_unknowns_equal_those_of_an_exhaustive_search(numbers, names):
    total, other_total, bound = numbers
    constraints = [sizes.constrain_sum("ab", total, ""), sizes.constrain_sum("ac", other_total, "")]
    constraints += [
        replace(sizes.constrain_order(*pair, ""), high=n) for *pair, n in (("b", "c", bound), ("d", "c", 1))
    ]
    solutions = sizes.iterate_solutions(dict.fromkeys("abcd", (0, 9)), constraints, names)
    expected = {
        {"abcd": (a, b, c, d), "abc": (a, b, c), "d": (d,)}[names]
        for a, b, c, d in itertools.product(range(10), repeat=4)
        if a + b == total and a + c == other_total and b <= c + bound and d <= c + 1
    }
    assert sorted(tuple(solution.values()) for solution in solutions) == sorted(expected)  # each once
