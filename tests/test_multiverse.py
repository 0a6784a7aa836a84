"""Specifications and their inference on made-up participants, the bundled cohort and the real trial."""

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import cohorts
import numpy as np
import pandas as pd
import pipeline
import pytest

from d_q_trial.config import settings
from d_q_trial.config.robustness import Multiverse
from d_q_trial.errors import UserError
from d_q_trial.figures.specification_curve import describe_multiverse, draw_curve, options_of
from d_q_trial.robustness import multiverse, shards
from d_q_trial.robustness.multiverse import WHOLE
from d_q_trial.robustness.specifications import ALL_EQUAL, TOO_SMALL, is_own
from d_q_trial.stats.labels import labels_for, permutation_p
from d_q_trial.stats.rank_sum import rank_sum
from d_q_trial.stats.shift import hodges_lehmann
from d_q_trial.stats.two_sample import get_test
from d_q_trial.trial import load_trial

PBC = "data/pbc/config.yaml"
SMALL = Multiverse(
    outcomes={"p1np": "higher"},
    visits=["week_2", "week_20"],
    markers=["p16_variant_5"],
    cuts=[0.5],
    changes=["percent", "difference"],
    outliers=["keep", "trim"],
)


@lru_cache
def prepared(path="tests/config.yaml", permutations=499):
    """The multiverse of a configuration, its counts and its tables."""
    chosen, run = settings.load(path), pipeline.of_config(path)
    analysis = chosen.analyses[chosen.reference]
    return finish(run.participants, run.trial, analysis, chosen.robustness, permutations)


def finish(people, trial, analysis, robustness, permutations, **options):
    made = multiverse.prepare(people, trial, analysis, robustness)
    assert not made.reason
    options = {"permutations": permutations, "seed": robustness.seed, **options}
    counts = shards.count(made, **options)
    return made, counts, multiverse.specification_table(made, counts, analysis), multiverse.summary_table(made, counts)


def made_up(n=10, seed=5, drop=(), changed=None, **different):
    """Two arms with a marker and P1NP at four visits; `drop` and `changed` name (participant, visit)."""
    rng = np.random.default_rng(seed)
    marker = rng.permutation(n)
    rows = []
    for i in range(n):
        name, arm = f"A{i:02d}", "d_q" if i % 2 else "control"
        visits = {"baseline": 40.0 + rng.integers(0, 30)}
        for visit in ("week_2", "week_4", "week_20"):
            visits[visit] = float(np.round(visits["baseline"] * np.exp(rng.normal(0.3 * (arm == "d_q"), 0.2)), 1))
        visits |= {visit: value for (who, visit), value in (changed or {}).items() if who == name}
        visits |= {visit: None for who, visit in drop if who == name}
        rows += cohorts.measured(name, arm, "p1np", **visits)
        rows += cohorts.measured(name, arm, "p16_variant_5", baseline=float(marker[i]))
    chosen = settings.load("tests/config.yaml")
    robustness = settings.Robustness(minimum_per_arm=2, multiverse=SMALL.model_copy(update=different))
    return cohorts.participants(rows), load_trial("data/trial.yaml"), chosen.analyses["published"], robustness


def pick(table, **keys):
    for key, wanted in keys.items():
        table = table[table[key].eq(wanted)]
    return table


@pytest.mark.parametrize("path", ["tests/config.yaml", PBC])
def test_the_analysis_own_specifications_give_the_numbers_of_the_results(path):
    chosen = settings.load(path)
    analysis, run = chosen.analyses[chosen.reference], pipeline.of_config(path)
    _, _, table, _ = prepared(path)
    own = pick(table, own="yes")
    assert len(own) == len(chosen.robustness.multiverse.outcomes) * (len(run.trial.visits) - 1) * (
        1 + len(run.trial.markers)
    )
    for row in own.itertuples():
        stratum = analysis.strata.labels[-1] if row.marker else "all"
        keys = {"outcome": row.outcome, "visit": row.visit, "marker": row.marker, "stratum": stratum}
        keys["contrast"] = run.trial.contrast
        assert row.p == pytest.approx(run.value("p", **keys, method="normal"), rel=1e-9)
        assert row.hodges_lehmann == pytest.approx(run.value("hodges_lehmann", **keys), rel=1e-9)
        effect = run.value("mann_whitney_effect", **keys)
        lower_is_better = chosen.robustness.multiverse.outcomes[row.outcome] == "lower"
        assert row.effect == pytest.approx(1 - effect if lower_is_better else effect, rel=1e-9)


@pytest.mark.parametrize("path", ["tests/config.yaml", PBC])
def test_a_specification_is_the_rank_sum_test_of_its_own_values(path):
    made, _, table, _ = prepared(path)
    every = made.specifications
    chosen = settings.load(path).robustness.multiverse
    for number in np.random.default_rng(3).choice(len(every.table), 150, replace=False):
        own, values, row = every.table[number], every.values[:, every.column[number]], table.iloc[number]
        first, second = values[every.is_first], values[~every.is_first]
        if row["reason"]:
            assert np.isnan(row["z"])
            continue
        found = rank_sum(first, second, method=own.test)
        sign = 1 if chosen.outcomes[own.outcome] == "higher" else -1
        assert row["z"] == pytest.approx(sign * found.statistic, abs=1e-9)
        assert row["p"] == pytest.approx(found.p, rel=1e-9)
        assert (row["n_first"], row["n_second"]) == (found.n_first, found.n_second)
        shift = hodges_lehmann(first, second, method=own.test, confidence=0.95).estimate
        assert row["hodges_lehmann"] == pytest.approx(shift, rel=1e-12)


def test_every_combination_of_choices_is_there_once():
    _, _, table, _ = prepared()
    choices = ["outcome", "visit", "marker", "cut", "change", "outliers", "missing", "population", "test"]
    assert len(table) == 2 * 3 * (1 + 2 * 4) * 3 * 3 * 3 * 2 * 2
    assert not table.duplicated(choices).any()


def test_specifications_with_one_number_are_one_test():
    _, _, table, _ = prepared()
    known = table[table["reason"].eq("")]
    results = ["n_first", "n_second", "z", "p", "p_adjusted", "p_pointwise", "effect"]
    assert (known.groupby("same_test")[results].nunique() == 1).all(axis=None)
    alike = pick(known, visit="week_2", outliers="keep", population="intention_to_treat", test="normal", marker="")
    assert alike[alike["change"].ne("difference")].groupby("outcome")["same_test"].nunique().eq(1).all()


def test_values_of_a_specification_are_those_by_hand():
    drop = [("A01", "week_20"), ("A02", "week_20"), ("A02", "week_4")]
    people, trial, analysis, robustness = made_up(n=12, drop=drop, changed={("A03", "week_20"): 4000.0})
    made, _, table, _ = finish(people, trial, analysis, robustness, 99)
    every, raw = (
        made.specifications,
        people.frame.pivot(index="participant", columns=["variable", "visit"], values="value"),
    )
    p1np = raw["p1np"]

    def values(**keys):
        rows = pick(table, change="difference", test="normal", visit="week_20", **keys)
        assert len(rows) == 1
        return every.values[:, every.column[rows.index[0]]]

    observed = (p1np["week_20"] - p1np["baseline"]).to_numpy()
    plain = {"marker": "", "outliers": "keep", "population": "intention_to_treat"}
    np.testing.assert_allclose(values(**plain, missing="available"), observed)
    carried = observed.copy()
    carried[1] = p1np["week_4"].iloc[1] - p1np["baseline"].iloc[1]
    carried[2] = p1np["week_2"].iloc[2] - p1np["baseline"].iloc[2]
    np.testing.assert_allclose(values(**plain, missing="last_carried_forward"), carried)
    np.testing.assert_allclose(values(**plain, missing="no_change"), np.nan_to_num(observed))
    completers = {**plain, "population": "completers", "missing": "no_change"}
    np.testing.assert_allclose(values(**completers), observed)
    trimmed = observed.copy()
    trimmed[3] = np.nan
    np.testing.assert_allclose(values(**{**plain, "outliers": "trim"}, missing="available"), trimmed)
    upper = raw["p16_variant_5"]["baseline"].to_numpy() >= 5.5
    subgroup = {**plain, "marker": "p16_variant_5", "missing": "available"}
    np.testing.assert_allclose(values(**subgroup), np.where(upper, observed, np.nan))


def test_completers_at_an_early_visit_have_a_value_at_the_last():
    people, trial, analysis, robustness = made_up(drop=[("A01", "week_20"), ("A04", "week_2")])
    _, _, table, _ = finish(people, trial, analysis, robustness, 99)
    rows = pick(table, visit="week_2", marker="", change="percent", outliers="keep", test="normal", missing="available")
    n = rows.set_index("population")[["n_first", "n_second"]].sum(axis=1)
    assert n.to_dict() == {"intention_to_treat": 9, "completers": 8}


def test_no_fence_depends_on_the_arm():
    """Relabelling the arms leaves every value of every specification as it is."""
    people, trial, analysis, robustness = made_up(changed={("A03", "week_2"): 900.0})
    made = multiverse.prepare(people, trial, analysis, robustness)
    other = people.frame.assign(arm=people.frame["participant"].map(lambda p: "d_q" if p < "A05" else "control"))
    again = multiverse.prepare(cohorts.participants(other.to_dict("records")), trial, analysis, robustness)
    np.testing.assert_array_equal(made.specifications.values, again.specifications.values)
    assert (made.specifications.is_first != again.specifications.is_first).any()


def test_p_values_are_those_of_all_splits_by_the_two_sample_test():
    """Every specification under each of the 252 splits, with participants who are missing staying missing."""
    people, trial, analysis, robustness = made_up(drop=[("A01", "week_20"), ("A06", "week_20"), ("A06", "week_2")])
    made, counts, table, summary = finish(people, trial, analysis, robustness, 300)
    every = made.specifications
    assert counts.exhaustive
    splits = labels_for(np.arange(10) < 5, 252, seed=0).take(0, 252).T
    permuted, effects = np.full((2, len(every.table), 252), np.nan)
    corrected = np.array([own.test == "normal_continuity" for own in every.table])
    for number, split in enumerate(splits):
        for method, own in (("normal", ~corrected), ("normal_continuity", corrected)):
            found = get_test(method).compare_columns(every.values[:, every.column[own]], split)
            small = np.minimum(found.n_first, found.n_second) < 2
            permuted[own, number] = np.where(small, np.nan, found.statistic)
            with np.errstate(invalid="ignore"):
                effects[own, number] = np.where(small, np.nan, found.u / (found.n_first * found.n_second))
    size, known = np.nan_to_num(np.abs(permuted)), table["reason"].eq("").to_numpy()
    assert 0 < (~known).sum() < known.sum() or known.all()
    at_least = size >= np.abs(table["z"].to_numpy(float))[:, None] - 1e-9
    np.testing.assert_allclose(table["p_pointwise"][known], at_least[known].mean(axis=1), rtol=1e-12)
    order = np.argsort(-np.abs(table["z"].fillna(0).to_numpy(float)), kind="stable")
    top = order[0]
    assert table["p_adjusted"][top] == pytest.approx((size.max(axis=0) >= abs(table["z"][top]) - 1e-9).mean())
    whole = pick(summary, family=WHOLE).set_index("summary")["p"]
    observed = np.flatnonzero((splits == every.is_first).all(axis=1)).item()
    # A specification with too few participants in an arm is in no summary of that split.
    median = np.nanquantile(effects, 0.5, axis=0, method="inverted_cdf")
    usable = ~np.isnan(permuted)
    share = (permuted >= made.critical).sum(axis=0) / usable.sum(axis=0)
    mean = np.nansum(permuted, axis=0) / usable.sum(axis=0)
    for name, values in (("median_effect", median), ("share_significant", share), ("mean_z", mean)):
        assert whole[name] == pytest.approx((values >= values[observed] - 1e-9).mean(), rel=1e-12)


def test_a_missing_participant_stays_missing_under_permutation():
    people, trial, analysis, robustness = made_up(drop=[("A01", "week_20"), ("A02", "week_20"), ("A03", "week_20")])
    made, *_ = finish(people, trial, analysis, robustness, 99)
    design = made.specifications.design
    absent = np.isnan(made.specifications.values)
    for number, test in enumerate(made.specifications.test):
        missing = absent[:, made.specifications.column[number]]
        assert (design.scores[test][missing] == 0).all()
        assert (design.presence[design.pattern[test]] == ~missing).all()


@pytest.mark.parametrize(("parts", "memory_mb"), [(1, 2), (3, 512), (7, 2)])
def test_shards_and_memory_change_no_number(tmp_path, parts, memory_mb):
    run, chosen = pipeline.of_config(), settings.load("tests/config.yaml")
    analysis = chosen.analyses["published"]
    robustness = chosen.robustness.model_copy(update={"multiverse": SMALL})
    made, counts, table, summary = finish(run.participants, run.trial, analysis, robustness, 1999)
    for shard in range(1, parts + 1):
        options = {
            "permutations": 1999,
            "seed": robustness.seed,
            "shard": shard,
            "shards": parts,
            "memory_mb": memory_mb,
        }
        part = shards.count(made, **options)
        part.write(tmp_path / f"{shard}.npz")
    again = shards.read_and_add_up(sorted(tmp_path.iterdir(), reverse=True))
    pd.testing.assert_frame_equal(table, multiverse.specification_table(made, again, analysis), check_exact=True)
    pd.testing.assert_frame_equal(summary, multiverse.summary_table(made, again), check_exact=True)
    np.testing.assert_array_equal(counts.curves, again.curves)


def test_counts_that_do_not_belong_together_are_refused(tmp_path):
    people, trial, analysis, robustness = made_up(n=14)
    made, *_ = finish(people, trial, analysis, robustness, 999)

    def part(shard, seed=1, shards_=2):
        options = {"permutations": 999, "seed": seed, "shard": shard, "shards": shards_}
        return shards.count(made, **options)

    for wrong, message in (
        ([part(1)], r"part 1: ends at permutation 499 of 999"),
        ([part(2)], r"part 1: begins at permutation 499, expected 0"),
        ([part(1), part(2, seed=2)], "part 2: counts of other specifications than part 1"),
        ([part(1), part(1)], "part 2: begins at permutation 0, expected 499"),
    ):
        with pytest.raises(UserError, match=message):
            shards.add_up(wrong)
    shards.write_nothing(tmp_path / "empty.npz")
    with pytest.raises(UserError, match=r"empty\.npz: holds no counts"):
        shards.read_and_add_up([tmp_path / "empty.npz"])


def test_a_monte_carlo_p_is_above_zero_and_has_an_interval():
    _, counts, table, summary = prepared()
    known = table[table["reason"].eq("")]
    for name in ("p_pointwise", "p_adjusted"):
        assert known[name].min() >= 1 / 500
        assert (known[f"{name}_lower"] < known[f"{name}_upper"]).all()
    assert (known["p_adjusted"] >= known["p_pointwise"] - 1e-12).all()
    assert (summary["p"] >= 1 / 500).all()
    assert summary["permutations"].eq(499).all()
    row = summary.iloc[0]
    assert tuple(row[["p", "p_lower", "p_upper"]]) == permutation_p(int(counts.joint[0, 0]), 499)[:3]


def test_combinations_are_left_out_too_small_or_counted():
    people, trial, analysis, robustness = made_up(n=10, changed={(f"A{i:02d}", "week_2"): 50.0 for i in range(10)})
    robustness = robustness.model_copy(update={"minimum_per_arm": 3})
    rows = people.frame.copy()
    rows.loc[rows["variable"].eq("p1np") & rows["visit"].eq("baseline"), "value"] = 50.0
    _, _, table, summary = finish(cohorts.participants(rows.to_dict("records")), trial, analysis, robustness, 99)
    left_out = table[table["reason"].isin([TOO_SMALL, ALL_EQUAL])]
    assert set(left_out["reason"]) == {TOO_SMALL, ALL_EQUAL}  # week 2 does not vary, half of the participants are five
    assert left_out["same_test"].isna().all()
    assert left_out["z"].isna().all()
    too_small = table["reason"].eq(multiverse.TOO_FEW).sum()
    whole = pick(summary, family=WHOLE).iloc[0]
    assert (whole["combinations"], whole["left_out"], whole["too_small"]) == (len(table), len(left_out), too_small)
    assert whole["specifications"] == len(table) - len(left_out) - too_small == table["effect"].notna().sum()


def test_panels_without_ids_have_no_multiverse_and_say_why(tmp_path):
    people, trial, analysis, robustness = made_up()
    loose = cohorts.participants(people.frame.assign(linked=False).to_dict("records"))
    assert multiverse.prepare(loose, trial, analysis, robustness).reason == multiverse.NO_IDS
    loose.write(tmp_path / "results/workbooks/reconstructed")
    for command in (["permute", "c.npz"], ["multiverse", "out", "c.npz"]):
        run = _command(tmp_path, *command)
        assert run.returncode == 0, run.stderr
    assert len((tmp_path / "out/specifications.csv").read_text().splitlines()) == 1
    assert (
        multiverse.NO_IDS
        in json.loads((tmp_path / "out/multiverse.json").read_text())["specification_curve"]["caption"]
    )
    assert (tmp_path / "out/specification_curve.png").stat().st_size > 1000


def test_too_little_memory_is_said_in_one_line(tmp_path):
    run = pipeline.of_config()
    run.participants.write(tmp_path / "results/workbooks/reconstructed")
    result = _command(tmp_path, "permute", "c.npz", "--memory-mb", "1")
    assert result.returncode == 1
    assert "robustness.memory_mb: 1 MB do not hold" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "c.npz").exists()


def _command(folder, *arguments):
    handed = json.dumps(settings.for_step(settings.load("tests/config.yaml"), "published", "robustness"))
    config = folder / "settings.json"
    config.write_text(handed.replace('"data/', f'"{Path("data").resolve()}/'))
    command = [sys.executable, "-m", "d_q_trial", *arguments, "--config", str(config)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_curve_draws_the_points_of_the_table():
    from matplotlib.figure import Figure

    _, counts, table, _ = prepared()
    trial = load_trial("data/trial.yaml")
    ordered = table[table["effect"].notna()].sort_values(["effect", "specification"], kind="stable")
    ax = Figure().add_subplot()
    draw_curve(ax, ordered, multiverse.permuted_band(counts), 0.05, trial)
    drawn = {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets()) > 1}
    points = [drawn[name] for name in drawn if name.startswith("P ")]
    np.testing.assert_allclose(np.sort(np.concatenate(points)[:, 1]), ordered["effect"])
    favourable = drawn["P ≤ 0.05, favourable"]
    assert len(favourable) == (ordered["p"].le(0.05) & ordered["effect"].gt(0.5)).sum() > 0
    own = np.concatenate([drawn[name] for name in drawn if "own" in name])
    assert sorted(own[:, 1]) == sorted(pick(ordered, own="yes")["effect"])
    for options in options_of(ordered, trial):
        assert (sum(option.members.astype(int) for option in options) == 1).all()


def test_the_words_tell_the_numbers_of_the_tables():
    chosen = settings.load("tests/config.yaml")
    _, _, table, summary = prepared()
    made = describe_multiverse(
        table, summary, load_trial(chosen.trial), chosen.analyses["published"], chosen.robustness, ""
    )
    told = made["specification_curve"]["words"]
    share = summary.iloc[1]["value"]
    assert f"{100 * share:.1f}% significant in the favoured direction" in told
    assert f"Curve of {table['effect'].notna().sum():,} effects" in told


def test_an_analysis_owns_the_subgroups_of_its_own_cut():
    analysis = settings.load("tests/config.yaml").analyses["published"]
    made, *_ = prepared()
    other = analysis.model_copy(update={"strata": analysis.strata.model_copy(update={"cuts": [0.75]})})
    cuts = {round(s.cut, 3) for s in made.specifications.table if is_own(s, other) and s.marker}
    assert cuts == {0.75}


@pytest.mark.slow
def test_the_workflow_in_three_shards_makes_the_bytes_of_one(tmp_path):
    import workspace

    folder = workspace.make(tmp_path / "project")
    kept = {}
    for number in (1, 3):
        override = ["--config", f"robustness={{shards: {number}}}"]
        run = workspace.snakemake(folder, "results/published/robustness/multiverse.csv", *override)
        assert run.returncode == 0, run.stdout
        assert f"multiverse_{number}_of_{number}.npz" in {
            p.name for p in (folder / "results/published/shards").iterdir()
        }
        kept[number] = {p.name: p.read_bytes() for p in (folder / "results/published/robustness").iterdir()}
    assert kept[1] == kept[3]
    assert "specifications.csv" in kept[1]


def test_the_share_of_a_choice_is_what_leaving_it_out_costs():
    rng = np.random.default_rng(3)
    names = multiverse.Specification._fields
    table = pd.DataFrame(dict.fromkeys(names, "same"), index=range(40)).assign(marker="", cut=np.nan)
    table = table.assign(
        outcome=rng.choice(["ctx", "p1np"], 40), visit=rng.choice(["week_2", "week_4", "week_20"], 40),
        test=rng.choice(["normal", "normal_continuity"], 40), effect=rng.random(40),
    )  # fmt: skip
    found = multiverse.choices_variance(table).set_index("choice")

    def residual(*choices):
        dummies = [pd.get_dummies(table[name], drop_first=True, dtype=float) for name in choices]
        design = np.column_stack([np.ones(40), *dummies])
        fitted = design @ np.linalg.lstsq(design, table["effect"], rcond=None)[0]
        return ((table["effect"] - fitted) ** 2).sum()

    choices = ("outcome", "visit", "test")
    assert list(found.index) == [*choices, "all choices", "combinations of choices", "total"]
    for name in choices:
        lost = residual(*(other for other in choices if other != name)) - residual(*choices)
        assert found.loc[name, "sum_of_squares"] == pytest.approx(lost, rel=1e-9)
        assert found.loc[name, "share"] == pytest.approx(lost / residual(), rel=1e-9)


def test_an_excluded_participant_is_in_no_specification():
    participants, trial, analysis, robustness = made_up(n=16)
    without = analysis.model_copy(update={"exclude": ("A01", "A03")})
    sizes = [
        multiverse.prepare(participants, trial, one, robustness).specifications.is_first.size
        for one in (analysis, without)
    ]
    assert sizes == [16, 14]
