"""Specifications and their inference on made-up participants, the bundled cohort and the real trial."""

import json
import re
from functools import lru_cache

import cohorts
import drawn
import numpy as np
import pandas as pd
import pipeline
import pytest
from pipeline import CHOSEN, PBC, TRIAL, pick
from pipeline import PUBLISHED as ANALYSIS
from scipy.special import ndtr, ndtri

from d_q_trial import cli
from d_q_trial.config import settings
from d_q_trial.config.robustness import Multiverse
from d_q_trial.errors import UserError
from d_q_trial.figures import style
from d_q_trial.figures.specification_curve import (
    describe_multiverse,
    draw_curve,
    draw_specification_curve,
    select_varied_options,
)
from d_q_trial.robustness import multiverse
from d_q_trial.robustness.specifications import ALL_EQUAL, CHOICES, TOO_SMALL, WHOLE
from d_q_trial.stats.permutation import labels_for, permutation_p
from d_q_trial.stats.two_sample import get_test

MARKER, NAN = "p16_variant_5", np.nan
SMALL = Multiverse(
    outcomes={"p1np": "higher"}, visits=["week_2", "week_20"], markers=[MARKER], cuts=[0.5],
    changes=["percent", "difference"], outliers=["keep", "trim"],
)  # fmt: skip


def finish(prepared, permutations=99, seed=CHOSEN.robustness.seed):
    """Specifications, their counts, and the tables of specifications and of families."""
    every, reason = prepared
    assert not reason
    counts = multiverse.count_permutations(every, permutations=permutations, seed=seed)
    return every, counts, multiverse.specification_table(every, counts), multiverse.summary_table(every, counts)


@lru_cache
def of_config(path="tests/config.yaml"):
    chosen, run = settings.load(path), pipeline.run_config(path)
    return finish(multiverse.prepare_specifications(run.participants, run.trial, run.analysis, chosen.robustness), 499)


def prepare(people, analysis=ANALYSIS, minimum_per_arm=2, **different):
    robustness = settings.Robustness(minimum_per_arm=minimum_per_arm, multiverse=SMALL.model_copy(update=different))
    return multiverse.prepare_specifications(people, TRIAL, analysis, robustness)


def made_up(n=10, **different):
    return cohorts.make_participants(cohorts.randomized(n, **different))


# The values of a specification


@pytest.mark.parametrize("limit", [0.1, 3.0, 1000.0])
def test_values_of_a_specification_are_those_by_hand_of_participants_who_are_not_excluded(limit):
    drop = [("A01", "week_20"), ("A02", "week_20"), ("A02", "week_4"), ("A04", "baseline"), ("A05", "week_2")]
    people = made_up(12, drop=drop, changed={("A03", "week_20"): 4000.0})
    every, _, table, _ = finish(prepare(people, outliers=["keep", "trim", "winsorise"], outlier_limit=limit))
    raw = people.frame.pivot(index="participant", columns=["variable", "visit"], values="value")
    p1np = raw["p1np"]
    observed = (p1np["week_20"] - p1np["baseline"]).to_numpy()
    carried = observed.copy()  # forward, from the latest earlier visit, and not from the baseline
    carried[1] = p1np["week_4"].iloc[1] - p1np["baseline"].iloc[1]
    carried[2] = p1np["week_2"].iloc[2] - p1np["baseline"].iloc[2]
    q1, q3 = np.nanquantile(observed, [0.25, 0.75])  # of both arms together
    low, high = q1 - limit * (q3 - q1), q3 + limit * (q3 - q1)
    assert ((observed < low) | (observed > high)).sum() == {0.1: 3, 3.0: 1, 1000.0: 0}[limit]
    upper = raw[MARKER]["baseline"].to_numpy() >= 5.5
    early = (p1np["week_2"] - p1np["baseline"]).to_numpy()
    plain = {"marker": "", "outliers": "keep", "population": "intention_to_treat", "missing": "available"}
    assert prepare(people, ANALYSIS.model_copy(update={"exclude": ["A01", "A03"]}))[0].is_first.size == 10  # of 12
    for different, expected in (
        ({}, observed),
        ({"missing": "last_carried_forward"}, carried),
        ({"missing": "no_change"}, np.where(p1np["baseline"].isna(), NAN, np.nan_to_num(observed))),
        ({"visit": "week_2", "missing": "last_carried_forward"}, early),
        ({"missing": "no_change", "population": "completers"}, observed),
        ({"visit": "week_2", "population": "completers"}, np.where(np.isnan(observed), NAN, early)),
        ({"outliers": "trim"}, np.where((observed < low) | (observed > high), NAN, observed)),
        ({"outliers": "winsorise"}, np.clip(observed, low, high)),
        ({"marker": MARKER}, np.where(upper, observed, NAN)),
    ):
        row = pick(table, change="difference", test="normal", **{"visit": "week_20"} | plain | different)
        np.testing.assert_allclose(every.values[:, every.column[row.index.item()]], expected)
        sizes = [np.count_nonzero(~np.isnan(expected[side])) for side in (every.is_first, ~every.is_first)]
        assert row[["n_first", "n_second"]].to_numpy().tolist() == [sizes]


def test_no_rule_for_missing_values_replaces_a_value_without_a_logarithm():
    every, _, table, _ = finish(prepare(made_up(changed={("A02", "week_20"): 0.0}), changes=["log_ratio"]))
    for row in pick(table, visit="week_20", marker="", outliers="keep").itertuples():
        assert np.flatnonzero(np.isnan(every.values[:, every.column[row.Index]])).tolist() == [2]


@pytest.mark.parametrize(
    ("rule", "lowest"),
    [
        ({}, 4),
        ({"at_cut": "lower"}, 5),
        ({"reference": "everyone"}, 6),  # the median of 0 to 8 and of four participants of another arm
        ({"reference": "everyone", "at_cut": "lower"}, 7),
        ({"quantile_type": 1, "cuts": [2 / 3]}, 5),
        ({"quantile_type": 7, "cuts": [2 / 3]}, 6),  # at 5 1/3
    ],
)
def test_a_subgroup_is_cut_by_the_conventions_of_the_analysis(rule, lowest):
    rows = cohorts.randomized(9, markers=range(9))
    for i in range(4):
        rows += cohorts.value_rows(f"F{i}", "fisetin", MARKER, baseline=100.0 + i)
    cuts = rule.get("cuts", [0.5])
    analysis = ANALYSIS.model_copy(update={"strata": settings.StrataRule(**{"cuts": cuts} | rule)})
    every, _ = prepare(cohorts.make_participants(rows), analysis, cuts=cuts)
    own = every.table[every.table["marker"].eq(MARKER)].index
    present = ~np.isnan(every.values[:, every.column[own]])
    assert present.any(axis=1).tolist() == [number >= lowest for number in range(9)]


# The tests of the specifications


@pytest.mark.parametrize(
    ("path", "different", "count"),  # of outcomes, visits, and all participants or the upper stratum of each marker
    [
        (pipeline.CONFIG, {}, 2 * 3 * 3),
        (PBC, {}, 3 * 2 * 2),
        (pipeline.CONFIG, {"strata": settings.StrataRule(cuts=[0.5, 0.6])}, 2 * 3 * 3),
        (pipeline.CONFIG, {"strata": settings.StrataRule(by="value", cuts=[0.6])}, 2 * 3),
        (pipeline.CONFIG, {"change": "difference", "test": "normal_continuity"}, 2 * 3 * 3),
        (pipeline.CONFIG, {"outliers": settings.Outliers(rule="trim")}, 0),  # by arm, unlike those of the multiverse
    ],
)
def test_the_analysis_own_specifications_give_the_numbers_of_the_results(path, different, count):
    robustness = settings.load(path).robustness
    outcomes = robustness.multiverse.outcomes
    run = pipeline.rerun(pipeline.run_config(path), outcomes=list(outcomes), **different)
    prepared = multiverse.prepare_specifications(run.participants, run.trial, run.analysis, robustness)
    own = pick(finish(prepared, 1)[2], own="yes")
    assert len(own) == count
    for row in own.itertuples():
        stratum = run.analysis.strata.labels[-1] if row.marker else "all"
        keys = {"outcome": row.outcome, "visit": row.visit, "marker": row.marker, "stratum": stratum}
        keys["contrast"] = run.trial.contrast
        assert row.p == pytest.approx(run.value("p", **keys, method=run.analysis.test), rel=1e-9)
        assert row.hodges_lehmann == pytest.approx(run.value("hodges_lehmann", **keys), rel=1e-9)
        effect = run.value("mann_whitney_effect", **keys)
        assert row.effect == pytest.approx(1 - effect if outcomes[row.outcome] == "lower" else effect, rel=1e-9)


def test_every_combination_of_choices_is_there_once_and_those_with_the_same_numbers_are_one_test():
    table = of_config()[2]
    assert len(table) == 2 * 3 * (1 + 2 * 4) * 3 * 3 * 3 * 2 * 2
    assert not table.duplicated(list(CHOICES)).any()
    where = {"outliers": "keep", "population": "intention_to_treat", "test": "normal", "marker": ""}
    alike = pick(table, reason="", visit="week_2", **where)
    assert alike[alike["change"].ne("difference")].groupby("outcome")["same_test"].nunique().eq(1).all()


def test_combinations_are_left_out_too_small_or_counted():
    rows = made_up(changed={(f"A{i:02d}", "week_2"): 50.0 for i in range(10)}).frame
    rows.loc[rows["variable"].eq("p1np") & rows["visit"].eq("baseline"), "value"] = 50.0
    _, _, table, summary = finish(prepare(cohorts.make_participants(rows.to_dict("records")), minimum_per_arm=4))
    left_out = table[table["reason"].isin([TOO_SMALL, ALL_EQUAL])]
    assert set(left_out["reason"]) == {TOO_SMALL, ALL_EQUAL}  # week 2 does not vary, half of the participants are five
    assert pick(left_out, reason=TOO_SMALL)["marker"].ne("").all()  # all ten are enough for four in each arm
    assert left_out["same_test"].isna().all()
    numbers = ["z", "p", "effect", "hodges_lehmann", "permutations"]
    assert table.loc[table["reason"].ne(""), numbers].isna().all(axis=None)
    too_small = table["reason"].eq(multiverse.TOO_FEW).sum()
    whole = pick(summary, family=WHOLE).iloc[0]
    assert (whole["combinations"], whole["left_out"], whole["too_small"]) == (len(table), len(left_out), too_small)
    assert whole["specifications"] == len(table) - len(left_out) - too_small == table["effect"].notna().sum()
    assert whole["tests"] == pick(table, reason="")["same_test"].nunique()


# The inference


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_p_values_are_those_of_all_splits_by_the_two_sample_test(alpha):
    """Every specification under each of the 252 splits, with participants who are missing staying missing."""
    people = made_up(outcomes=("ctx", "p1np"), drop=[("A01", "week_20"), ("A06", "week_20"), ("A06", "week_2")])
    prepared = prepare(
        people, ANALYSIS.model_copy(update={"alpha": alpha}), outcomes={"ctx": "lower", "p1np": "higher"}
    )
    every, counts, table, summary = finish(prepared, 300)
    assert counts.exhaustive
    sign = np.where(table["outcome"].eq("ctx"), -1, 1)
    splits = labels_for(np.arange(10) < 5, 252, seed=0).take(0, 252).T
    permuted, effects = np.full((2, len(table), 252), np.nan)
    for number, split in enumerate(splits):
        for method in ("normal", "normal_continuity"):
            own = table["test"].eq(method).to_numpy()
            found = get_test(method).compare_columns(every.values[:, every.column[own]], split)
            small = np.minimum(found.n_first, found.n_second) < 2
            permuted[own, number] = np.where(small, np.nan, sign[own] * found.statistic)
            with np.errstate(invalid="ignore"):
                effect = found.u / (found.n_first * found.n_second) - 0.5
            effects[own, number] = np.where(small, np.nan, 0.5 + sign[own] * effect)
    size, known = np.nan_to_num(np.abs(permuted)), table["reason"].eq("").to_numpy()
    at_least = size >= np.abs(table["z"].to_numpy(float))[:, None] - 1e-9
    np.testing.assert_allclose(table["p_pointwise"][known], at_least[known].mean(axis=1), rtol=1e-12)
    top = np.argmax(table["z"].abs().fillna(0))
    assert table["p_adjusted"][top] == pytest.approx((size.max(axis=0) >= abs(table["z"][top]) - 1e-9).mean())
    observed = np.flatnonzero((splits == every.is_first).all(axis=1)).item()
    np.testing.assert_allclose(table["z"][known], permuted[known, observed], atol=1e-9)
    np.testing.assert_allclose(table["effect"][known], effects[known, observed], atol=1e-9)
    np.testing.assert_allclose(table["p"][known], 2 * ndtr(-size[known, observed]), rtol=1e-9)
    for family, members in every.families.items():
        # A specification with too few participants in an arm is in no summary of that split.
        z, usable = permuted[members], (~np.isnan(permuted[members])).sum(axis=0)
        significant = (z >= -ndtri(alpha / 2)).sum(axis=0)
        summaries = {
            "median_effect": np.nanquantile(
                np.where(usable, effects[members], 0.5), 0.5, axis=0, method="inverted_cdf"
            ),
            "share_significant": significant / np.maximum(usable, 1),
            "mean_z": np.nansum(z, axis=0) / np.maximum(usable, 1),
        }
        found = pick(summary, family=family).set_index("summary")
        for name, values in summaries.items():
            assert found.loc[name, "value"] == pytest.approx(values[observed], abs=1e-9)
            assert found.loc[name, "p"] == pytest.approx((values >= values[observed] - 1e-9).mean(), rel=1e-12)
        mean = significant.sum() / usable.sum()
        assert found.loc["share_significant", "permuted_mean"] == pytest.approx(mean)


def test_a_family_holds_the_specifications_of_its_name():
    every, counts, table, summary = of_config()
    assert tuple(summary.iloc[0][["p", "p_lower", "p_upper"]]) == permutation_p(int(counts.joint[0, 0]), 499)[:3]
    assert summary["family"].drop_duplicates().tolist() == list(every.families)
    subgroup = table["marker"].ne("")
    for name, members in {
        "subgroups": subgroup,
        "all participants": ~subgroup,
        f"subgroups by {TRIAL.markers[MARKER].label}": table["marker"].eq(MARKER),
        TRIAL.outcomes["ctx"].label: table["outcome"].eq("ctx"),
        TRIAL.visits["week_4"].label: table["visit"].eq("week_4"),
        f"{TRIAL.outcomes['p1np'].label}, all participants": table["outcome"].eq("p1np") & ~subgroup,
    }.items():
        np.testing.assert_array_equal(every.families[name], members)
    assert len(set(map(bytes, every.families.values()))) == len(every.families)


@pytest.mark.parametrize(("parts", "memory_mb"), [(1, 2), (3, 512), (7, 2)])
def test_shards_and_memory_change_no_number(tmp_path, parts, memory_mb):
    run = pipeline.run_config()
    robustness = CHOSEN.robustness.model_copy(update={"multiverse": SMALL})
    prepared = multiverse.prepare_specifications(run.participants, run.trial, run.analysis, robustness)
    every, counts, table, summary = finish(prepared, 1999)
    options = {"permutations": 1999, "seed": robustness.seed, "shards": parts, "memory_mb": memory_mb}
    for shard in range(1, parts + 1):
        multiverse.write_counts(tmp_path / f"{shard}.npz", multiverse.count_permutations(every, shard=shard, **options))
    again = multiverse.read_counts(sorted(tmp_path.iterdir(), reverse=True))
    pd.testing.assert_frame_equal(table, multiverse.specification_table(every, again), check_exact=True)
    pd.testing.assert_frame_equal(summary, multiverse.summary_table(every, again), check_exact=True)
    np.testing.assert_array_equal(counts.curves, again.curves)


def test_counts_that_do_not_belong_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    every, _ = prepare(made_up(14))
    multiverse.write_counts("empty.npz", None)
    for name, shard, seed in (("one", 1, 1), ("again", 1, 1), ("two", 2, 1), ("other", 2, 2)):
        multiverse.write_counts(
            f"{name}.npz", multiverse.count_permutations(every, permutations=999, seed=seed, shard=shard, shards=2)
        )
    for wrong, message in (
        (["one"], "one: ends at permutation 499 of 999; a part is missing"),
        (["two"], "two: begins at permutation 499, expected 0"),
        (["other", "one"], "other: counts of other specifications than one"),
        (["one", "again"], "again: begins at permutation 0, expected 499"),
        (["empty"], "empty: holds no counts"),
    ):
        with pytest.raises(UserError) as error:
            multiverse.read_counts([f"{name}.npz" for name in wrong])
        assert str(error.value).replace(".npz", "").startswith(message)
    with pytest.raises(UserError, match="shard 0 of 2"):
        multiverse.count_permutations(every, permutations=999, seed=1, shard=0, shards=2)


def test_the_share_of_a_choice_is_what_leaving_it_out_costs():
    rng = np.random.default_rng(3)
    groups = pd.DataFrame({"marker": ["", "m", "m", "n"], "cut": [np.nan, 0.5, 0.75, 0.5], "subgroup": list("abcd")})
    table = groups.loc[rng.permutation(np.arange(80) % 4)].reset_index(drop=True)
    table = table.assign(
        **dict.fromkeys(["outcome", *CHOICES[4:-1]], "same"), visit=rng.choice(["week_2", "week_4", "week_20"], 80),
        test=rng.choice(["normal", "normal_continuity"], 80), effect=rng.random(80),
    )  # fmt: skip
    found = multiverse.choices_variance(table.drop(columns="subgroup")).set_index("choice")

    def residual(*choices):
        dummies = [pd.get_dummies(table[name], drop_first=True, dtype=float) for name in choices]
        design = np.column_stack([np.ones(80), *dummies])
        fitted = design @ np.linalg.lstsq(design, table["effect"], rcond=None)[0]
        return ((table["effect"] - fitted) ** 2).sum()

    choices = ("visit", "subgroup", "test")  # all participants are one of the subgroups
    assert list(found.index) == [*choices, "all choices", "combinations of choices", "total"]
    for name in choices:
        lost = residual(*(other for other in choices if other != name)) - residual(*choices)
        assert found.loc[name, "sum_of_squares"] == pytest.approx(lost, rel=1e-9)
        assert found.loc[name, "share"] == pytest.approx(lost / residual(), rel=1e-9)
    assert found.loc["total", "sum_of_squares"] == pytest.approx(residual())
    assert found.loc["subgroup", ["options", "df"]].tolist() == [4, 3]
    assert found.loc["total", "df"] == found.loc[["all choices", "combinations of choices"], "df"].sum() == 79


def variance_among(cut, effect, **different):
    table = pd.DataFrame(dict.fromkeys(CHOICES, "same"), index=range(len(cut)))
    return multiverse.choices_variance(table.assign(marker="m", cut=cut, effect=effect, **different))


def test_a_choice_that_changes_no_effect_has_a_share_of_zero_and_too_few_specifications_share_nothing():
    effects = np.repeat(np.random.default_rng(4).random(40) / 7, 2)
    found = variance_among(np.repeat(np.arange(40) % 4 / 8, 2), effects, test=["normal", "exact"] * 40)
    assert found.set_index("choice").loc["test", ["sum_of_squares", "share"]].tolist() == [0, 0]
    assert found.set_index("choice").loc["subgroup", "share"] > 0
    assert variance_among([0.25, 0.5], [0, 1 / 7]).empty
    assert variance_among([0.25, 0.5, 0.75], [0, 1 / 7, 2 / 7]).empty


# The commands and the figure


def command(folder, people, *arguments):
    people.write(folder / "workbooks/reconstructed")
    return cli.main([*map(str, arguments), "--config", pipeline.CONFIG, "--results", str(folder)])


def test_panels_without_ids_and_a_multiverse_without_outcomes_say_why_there_is_none(tmp_path):
    assert prepare(made_up(), outcomes={}) == (None, multiverse.NO_OUTCOMES)
    loose = cohorts.make_participants(made_up().frame.assign(linked=False).to_dict("records"))
    assert prepare(loose) == (None, multiverse.NO_IDS)
    assert command(tmp_path, loose, "permute", tmp_path / "c.npz") == 0
    for counts in ([tmp_path / "c.npz"], []):
        assert command(tmp_path, loose, "multiverse", tmp_path / "out", *counts) == 0
    assert len((tmp_path / "out/specifications.csv").read_text().splitlines()) == 1
    described = json.loads((tmp_path / "out/multiverse.json").read_text())
    assert multiverse.NO_IDS in described["specification_curve"]["caption"]
    assert (tmp_path / "out/specification_curve.png").stat().st_size > 1000


def test_too_little_memory_is_said_in_one_line(tmp_path, capsys):
    people, counts = pipeline.run_config().participants, tmp_path / "c.npz"
    assert command(tmp_path, people, "permute", counts, "--memory-mb", 1) == 1
    message = r"d-q-trial permute: robustness\.memory_mb: 1 MB, but [\d,]+ specifications need \d+ MB\n"
    assert re.fullmatch(message, capsys.readouterr().err)
    assert not counts.exists()


def test_the_curve_draws_the_points_of_the_table():
    from matplotlib.figure import Figure

    _, counts, table, _ = of_config()
    ordered = table[table["effect"].notna()].sort_values(["effect", "specification"], kind="stable")
    ax = Figure().add_subplot()
    draw_curve(ax, ordered, multiverse.permuted_band(counts), 0.05, TRIAL)
    drawn = {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets()) > 1}
    points = [drawn[name] for name in drawn if name.startswith("P ")]
    np.testing.assert_allclose(np.sort(np.concatenate(points)[:, 1]), ordered["effect"])
    favourable = drawn["P ≤ 0.05, favourable"]
    assert len(favourable) == (ordered["p"].le(0.05) & ordered["effect"].gt(0.5)).sum() > 0
    own = np.concatenate([drawn[name] for name in drawn if "own" in name])
    assert sorted(own[:, 1]) == sorted(pick(ordered, own="yes")["effect"])
    assert select_varied_options(ordered, TRIAL).notna().all(axis=None)


def test_long_labels_overlap_neither_each_other_nor_the_curve(monkeypatch):
    _, counts, table, summary = of_config()
    pages, band = [], multiverse.permuted_band(counts)
    monkeypatch.setattr(style.Page, "save", lambda page, *_, **__: pages.append(page))
    draw_specification_curve(table, summary, band, drawn.lengthen_labels(TRIAL), "", alpha=0.05, label=None)
    assert drawn.find_faults(pages[0].figure) == []
    curve = pages[0].figure.axes[0]
    assert curve.get_legend().get_window_extent().y0 >= curve.get_window_extent().y1


def test_words_and_caption_give_the_numbers_the_choices_with_one_option_and_where_outliers_begin():
    _, _, table, summary = of_config()
    one = {"visit": "week_2", "marker": MARKER, "cut": 2 / 3, "test": "normal_continuity"}
    analysis = ANALYSIS.model_copy(update={"quartile_type": 6})
    described = describe_multiverse(table.assign(**one), summary, TRIAL, analysis, CHOSEN.robustness, "")
    curve = described["specification_curve"]
    assert f"{100 * summary.iloc[1]['value']:.1f}% significant in the favoured direction" in curve["words"]
    assert f"Curve of {table['effect'].notna().sum():,} effects" in curve["words"]
    assert curve["fixed"] in curve["caption"]
    assert "pointwise 95% range of the curves" in curve["caption"]  # at each place, not of whole curves
    assert curve["fixed"] == (
        "Fixed in all specifications: marker and cutoff (p16 variant 5, upper 33.3%), visit (2 weeks), variant of the "
        "test (normal approximation with continuity correction). Outliers lie more than 3 interquartile ranges beyond the "
        "quartiles (type 6) of both arms together."
    )
    assert curve["varied"] == ["kind of change", "outlier rule", "missing-value rule", "population"]
