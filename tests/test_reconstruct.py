"""The search for values under constraints, and the pieces of a reconstruction."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline import list_unreproduced

from d_q_trial.cli import PARSER, main
from d_q_trial.errors import UserError
from d_q_trial.formatting import round_decimal
from d_q_trial.reconstruct.constraints import Constraint, Quantile, rank_sum_z, rounding_window, z_windows
from d_q_trial.reconstruct.search import Column, refine, solve

DESIGN = "data/reconstruct/trial.yaml"
FIRST, SECOND = np.arange(15), np.arange(15, 30)


def rng(seed=11):
    return np.random.default_rng(seed)


def rounded_to(value: float, reported: str) -> set[str]:
    decimals = len(reported.partition(".")[2])
    return {f"{round_decimal(value, decimals, half=half):f}" for half in ("even", "up")}


def quantile(items, probability, reported):
    window = rounding_window(reported)
    return Quantile(f"quantile {reported}", (items,), (window,), scale=10, probability=probability)


def rank_sum(first, second, p):
    return Constraint(f"P = {p}", (first, second), z_windows(p, "="), rank_sum_z)


reported_numbers = st.decimals(-999, 999, places=2).map(lambda value: f"{value:.2f}".replace("-0.00", "0.00"))


@given(reported_numbers, st.floats(0, 1), st.sampled_from([-0.0051, 0.0051]))
def test_the_values_in_a_window_and_no_others_round_to_the_number(reported, share, off):
    low, high = rounding_window(reported)
    assert rounded_to(low + share * (high - low), reported) == {reported}
    outside = float(reported) + off
    assert not low <= outside <= high
    assert reported not in rounded_to(outside, reported)


def column_of(group, *constraints, lowest=0.0, highest=100.0, decimals=1):
    limits = (np.full(group.size, limit) for limit in (lowest, highest))
    return Column("made up", constraints, group, *limits, decimals=decimals)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_search_meets_every_constraint_and_refinement_breaks_none_and_reaches_no_farther(seed):
    generator = rng(seed)
    # U = 64 or 161; P = 0.045 does not exist at 15 against 15
    p = rank_sum(FIRST, SECOND, "0.044")
    quantiles = (quantile(FIRST, 0.25, "20.0"), quantile(FIRST, 0.5, "30.1"), quantile(SECOND, 0.5, "37.4"))
    column = column_of(np.repeat([0, 1], 15), *quantiles, p, lowest=1.0, highest=90.0, decimals=2)
    solve(column, lambda: generator.uniform(5, 60, 30), generator)
    low, high = column.values.min(), column.values.max()
    refine(column, generator.standard_normal(30), generator)
    assert [constraint.name for constraint in column.constraints if constraint.gap(column.values)] == []
    assert low <= column.values.min() <= column.values.max() <= high


def test_search_names_the_constraint_that_cannot_be_met():
    first, second, generator = np.arange(5), np.arange(5, 10), rng()
    too_small = rank_sum(first, second, "0.001")  # the smallest P is 0.009
    column = column_of(np.zeros(10, int), quantile(first, 0.5, "30.0"), too_small)
    with pytest.raises(UserError, match=r"made up: .*P = 0\.001 \(reached"):
        solve(column, lambda: generator.uniform(5, 60, 10), generator, steps=300, attempts=2)


def test_same_seed_gives_the_same_bytes_which_are_those_committed_with_the_locked_libraries(tmp_path):
    assert PARSER.parse_args(["reconstruct", "--seed", "1"]).output == "cohort.xlsx"  # the command on the sheet READ ME
    same, expected = tmp_path / "same.xlsx", Path("data/reconstructed.xlsx")
    assert main(["reconstruct", "--output", str(same)]) == 0
    if not np.__version__.startswith("2.4."):  # other versions of the libraries give another cohort
        assert list_unreproduced(same) == []
        expected = tmp_path / "again.xlsx"
        assert main(["reconstruct", "--output", str(expected)]) == 0
    assert same.read_bytes() == expected.read_bytes()


@pytest.mark.slow
def test_another_seed_gives_another_cohort_that_meets_everything_too(tmp_path, capsys):
    other = tmp_path / "other.xlsx"
    assert main(["reconstruct", "--seed", "2", "--output", str(other)]) == 0
    assert "seed 2: " in capsys.readouterr().out
    assert list_unreproduced(other) == []
    assert other.read_bytes() != Path("data/reconstructed.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("given", "instead", "expected"),
    [
        ("arms: {control: 30", "arms: {{control: 30", "not readable as YAML"),
        ("arms: {control: 30", "arms: {control: 20", "ctx week_20 both arms: n = 46 in both arms, reported 56"),
        ("arms: {control: 30", "arms: {placebo: 30", "arms.placebo: 'placebo': the trial has no 'placebo'"),
        ("[-38, -13, -4, 6, 41]", "[-38, -13]", "shapes.ctx.week_2.d_q: "),
        ("[-38, -13, -4, 6, 41]", "[-38, -13, 9, 6, 41]", "expected ascending numbers"),
        ("age: 1, weight: 1", "age: 1, wieght: 1", "decimals.wieght: 'wieght': the trial has no 'wieght'; did you"),
        ("age: 1, weight: 1", "age: 1", "decimals.weight: this key is missing"),
        ("why: left after week 2", "wy: left after week 2", "absences.0.wy: unknown key"),
        ('reported: "1480"', 'reported: "1481"', "reading of p1np 1481: no reported row has it"),
        ("why: left after week 2", "number: 9, why: left after week 2", "absence (left after week 2): "),
        ("{p16_variant_5: T3}, why", "{p16_variant_5: T4}, why", "stratum 'T4' by marker 'p16_variant_5'"),
        ("--published", "nowhere", "nowhere/summaries.csv: no reported values"),
        ("--design", "nowhere.yaml", "nowhere.yaml: No such file or directory"),
        ("--seed", "-1", "--seed -1: expected a whole number from 0"),
    ],
)
def test_a_faulty_design_or_argument_ends_in_one_message(tmp_path, capsys, given, instead, expected):
    text, design, output = Path(DESIGN).read_text(encoding="utf-8"), tmp_path / "design.yaml", tmp_path / "cohort.xlsx"
    in_design = not given.startswith("--")
    assert not in_design or given in text
    design.write_text(text.replace(given, instead, 1), encoding="utf-8")
    arguments = [] if in_design else [given, instead]
    assert main(["reconstruct", "--design", str(design), "--output", str(output), *arguments]) == 1
    assert not output.exists()
    message = capsys.readouterr().err
    assert expected in message
    assert "Traceback" not in message
