"""The search for values under constraints, and the reconstruction of a cohort."""

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


def round_both_ways(value: float, reported: str) -> set[str]:
    """Round a value to the decimals of the reported one, ties to even and up."""
    decimals = len(reported.partition(".")[2])
    return {f"{round_decimal(value, decimals, half=half):f}" for half in ("even", "up")}


def make_quantile(rows, probability, reported):
    return Quantile(f"quantile {reported}", (rows,), (rounding_window(reported),), scale=10, probability=probability)


def make_rank_sum(first, second, p):
    return Constraint(f"P = {p}", (first, second), z_windows(p, "="), rank_sum_z)


@given(st.decimals(-999, 999, places=2), st.floats(0, 1), st.sampled_from([-0.0051, 0.0051]))
def test_only_values_in_the_rounding_window_round_to_the_reported_value(number, fraction, offset):
    reported = f"{number:.2f}".replace("-0.00", "0.00")
    low, high = rounding_window(reported)
    assert round_both_ways(low + fraction * (high - low), reported) == {reported}
    outside = float(reported) + offset
    assert not low <= outside <= high
    assert reported not in round_both_ways(outside, reported)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_search_meets_every_constraint_and_refinement_keeps_them_within_the_range(seed):
    rng = np.random.default_rng(seed)
    first, second = np.arange(15), np.arange(15, 30)
    p = make_rank_sum(first, second, "0.044")  # U = 64 or 161; no U of 15 and 15 gives P = 0.045
    quantiles = [make_quantile(*args) for args in ((first, 0.25, "20.0"), (first, 0.5, "30.1"), (second, 0.5, "37.4"))]
    limits = np.full(30, 1.0), np.full(30, 90.0)
    column = Column("made up", (*quantiles, p), np.repeat([0, 1], 15), *limits, decimals=2)
    solve(column, lambda: rng.uniform(5, 60, 30), rng)
    low, high = column.values.min(), column.values.max()
    refine(column, rng.standard_normal(30), rng)
    assert [constraint.name for constraint in column.constraints if constraint.gap(column.values)] == []
    assert low <= column.values.min() <= column.values.max() <= high


def test_the_search_names_the_constraint_that_cannot_be_met():
    first, second, rng = np.arange(5), np.arange(5, 10), np.random.default_rng(11)
    constraints = make_quantile(first, 0.5, "30.0"), make_rank_sum(first, second, "0.001")  # the smallest P is 0.009
    column = Column("made up", constraints, np.zeros(10, int), np.zeros(10), np.full(10, 100.0), decimals=1)
    with pytest.raises(UserError, match=r"made up: .*P = 0\.001 \(reached"):
        solve(column, lambda: rng.uniform(5, 60, 10), rng, steps=300, attempts=2)


def test_one_seed_gives_the_same_bytes_and_with_the_locked_libraries_those_committed(tmp_path):
    assert PARSER.parse_args(["reconstruct", "--seed", "1"]).output == "cohort.xlsx"  # the command on the sheet READ ME
    cohort, expected = tmp_path / "cohort.xlsx", Path("data/reconstructed.xlsx")
    assert main(["reconstruct", "--output", str(cohort)]) == 0
    if not np.__version__.startswith("2.4."):  # other versions of the libraries give another cohort
        assert list_unreproduced(cohort) == []
        expected = tmp_path / "again.xlsx"
        assert main(["reconstruct", "--output", str(expected)]) == 0
    assert cohort.read_bytes() == expected.read_bytes()


@pytest.mark.slow
def test_another_seed_gives_another_cohort_that_meets_all_constraints(tmp_path, capsys):
    other = tmp_path / "other.xlsx"
    assert main(["reconstruct", "--seed", "2", "--output", str(other)]) == 0
    assert "seed 2: " in capsys.readouterr().out
    assert list_unreproduced(other) == []
    assert other.read_bytes() != Path("data/reconstructed.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("arms: {control: 30", "arms: {{control: 30", "not readable as YAML"),
        ("arms: {control: 30", "arms: {control: 20", "ctx week_20 both arms: n = 46 in both arms, reported 56"),
        ("arms: {control: 30", "arms: {placebo: 30", "arms.placebo: 'placebo': the trial has no 'placebo'"),
        ("[-38, -13, -4, 6, 41]", "[-38, -13]", "shapes.ctx.week_2.d_q: "),
        ("[-38, -13, -4, 6, 41]", "[-38, -13, 9, 6, 41]", "expected ascending numbers"),
        ("age: 1, weight: 1", "age: 1, wieght: 1", "decimals.wieght: 'wieght': the trial has no 'wieght'; did you"),
        ("age: 1, weight: 1", "age: 1", "decimals.weight: this key is missing"),
        ("why: left after week 2", "wy: left after week 2", "absences.0.wy: unknown key"),
        ("why: left after week 2", "number: 9, why: left after week 2", "absence (left after week 2): "),
        ("{p16_variant_5: T3}, why", "{p16_variant_5: T4}, why", "stratum 'T4' by marker 'p16_variant_5'"),
        ("--design", "nowhere.yaml", "nowhere.yaml: No such file or directory"),
        ("--seed", "-1", "--seed -1: expected a whole number from 0"),
    ],
)
def test_a_faulty_design_or_argument_gives_one_message(tmp_path, capsys, old, new, message):
    text = Path("data/reconstruct/trial.yaml").read_text(encoding="utf-8")
    design, output = tmp_path / "design.yaml", tmp_path / "cohort.xlsx"
    assert old in text or old.startswith("--")
    design.write_text(text.replace(old, new, 1), encoding="utf-8")
    arguments = [old, new] if old.startswith("--") else []
    assert main(["reconstruct", "--design", str(design), "--output", str(output), *arguments]) == 1
    assert not output.exists()
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def test_missing_reported_values_are_named(tmp_path, capsys):
    config = tmp_path / "config.yaml"
    config.write_text(Path("tests/config.yaml").read_text().replace("published: data/published", "published: nowhere"))
    assert main(["reconstruct", "--config", str(config), "--output", str(tmp_path / "cohort.xlsx")]) == 1
    assert "nowhere/summaries.csv: no reported values" in capsys.readouterr().err
