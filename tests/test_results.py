import numpy as np
import pandas as pd
import pipeline
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_values import read_rows, select_numbers
from pipeline import TRIAL, make_analysis, make_participants, one, pick, value_rows
from scipy import stats

from d_q_trial import results as results_module
from d_q_trial.labels import caption_values, describe_small_groups
from d_q_trial.results_table import COLUMNS
from d_q_trial.stats.categorical import jonckheere_terpstra
from d_q_trial.stats.rank_sum import hodges_lehmann
from d_q_trial.stats.two_sample import TESTS

SMALL = {  # participant: arm, baseline and follow-up of an outcome, marker, smoker
    "A": ("d_q", 100.0, 110.0, 1.0, 1.0),
    "B": ("d_q", 50.0, 60.0, 2.0, 0.0),
    "C": ("d_q", 10.0, 14.0, 3.0, 1.0),
    "D": ("control", 100.0, 100.0, 1.0, 0.0),
    "E": ("control", 20.0, 21.0, 4.0, 0.0),
    "F": ("control", 30.0, None, 5.0, None),
    "G": ("d_q", 30.0, 39.0, None, None),
}


def run_small(names=SMALL, strata=("low", "high"), also=("exact", "welch"), with_marker=True, **overrides):
    """Analyse a few participants in two strata, divided at a marker of 3, or in three, divided at 2 and 3."""
    rule = {"by": "value", "cuts": [2, 3][-len(strata) + 1 :], "labels": list(strata)}
    rows = []
    for name in names:
        arm, baseline, week_2, marker, smoker = SMALL[name]
        rows += value_rows(name, arm, "ctx", baseline=baseline, week_2=week_2)
        rows += value_rows(name, arm, "smoker", baseline=smoker)
        rows += value_rows(name, arm, "p16_variant_5", baseline=marker if with_marker else None)
    return pipeline.run(make_participants(rows), TRIAL, make_analysis(strata=rule, **overrides), also)


@pytest.mark.parametrize(("arm", "counted"), [("control", (1, 2, 3)), ("fisetin", (1, 1, 2)), ("", (1, 1, 3))])
def test_panels_without_ids_count_in_no_other_arm_than_their_own(arm, counted):
    panel, rows = {"linked": False, "marker": "p16_variant_5", "stratum": "T3"}, []
    for number, key in enumerate(("d_q", "control", arm)):
        rows += [row | panel for row in value_rows(f"panel {number}", key, "ctx", baseline=number)]
    results = pipeline.run(make_participants(rows), TRIAL, pipeline.PUBLISHED).results
    assert tuple(pick(results, stratum="T3", statistic="n")["value"]) == counted


def sort_rows(frame, columns=COLUMNS):
    """Return the rows of a table in the order of their texts, with "" for missing and eight digits of other numbers."""
    rows = frame[list(columns)].astype(object).where(frame[list(columns)].notna(), "").to_numpy().tolist()
    return sorted([tuple(float(f"{v:.8g}") if isinstance(v, float) else v for v in row) for row in rows], key=str)


def test_all_rows_of_a_small_trial_are_those_worked_by_hand():
    results = run_small().results
    change, smoker = ("ctx", "percent_change", "week_2", "", "all"), ("smoker", "baseline", "baseline", "", "all")
    by, methods = "normal, level 0.95", {"q1": "type_7", "q3": "type_7"}
    names = ("n", "median", "q1", "q3", "minimum", "maximum", "mean", "sd")
    expected = [(*change, "", "both arms", "n", 6, 6, "", "", "")]
    for arm, numbers in {  # changes of 10, 20, 40 and 30% against 0 and 5%
        "d_q": (4, 25, 17.5, 32.5, 10, 40, 25, (500 / 3) ** 0.5),
        "control": (2, 2.5, 1.25, 3.75, 0, 5, 2.5, 12.5**0.5),
    }.items():
        described = zip(names, numbers, strict=True)
        expected += [(*change, "", arm, name, v, numbers[0], "", methods.get(name, ""), "") for name, v in described]
    for group, n, count in (("d_q", 3, 2), ("control", 2, 0), ("both arms", 5, 2)):
        numbers = {"n": n, "count": count, "percent": 100 * count / n}
        expected += [(*smoker, "", group, name, value, n, "", "", "") for name, value in numbers.items()]
    z = (8 - 4) / (4 * 2 * 7 / 12) ** 0.5
    compared = [("median_difference", 22.5, "", ""), ("hodges_lehmann", 22.5, "", "")]
    compared += [(f"hodges_lehmann_{side}", "", by, TESTS["normal"].no_limit) for side in ("lower", "upper")]
    compared += [("mann_whitney_effect", 1, "", ""), ("u", 8, "", "")]
    compared += [("z", z, "normal", ""), ("p", 2 * stats.norm.sf(z), "normal", "")]
    contrast = ("d_q - control", "")
    expected += [(*change, *contrast, name, v, 4, 2, method, reason) for name, v, method, reason in compared]
    chi = 5 * (2 * 2 - 1 * 0) ** 2 / (3 * 2 * 2 * 3)
    numbers = {"chi_squared": chi, "p": stats.chi2.sf(chi, 1)}
    expected += [(*smoker, *contrast, name, value, 3, 2, "chi_squared", "") for name, value in numbers.items()]
    assert tuple(results) == COLUMNS
    rows = results[results["stratum"].eq("all") & (results["measure"].ne("baseline") | results["outcome"].eq("smoker"))]
    assert sort_rows(rows) == sort_rows(pd.DataFrame(expected, columns=list(COLUMNS)))
    assert results.dtypes[["value", "n_first", "n_second"]].astype(str).tolist() == ["float64", "Int64", "Int64"]


@pytest.mark.parametrize(("stratum", "members"), [("low", "ABD"), ("high", "CEF")])
def test_the_numbers_of_a_stratum_are_those_of_a_trial_of_its_members(stratum, members):
    trial, members_only = run_small(), run_small(members, with_marker=False)
    columns = [name for name in COLUMNS if name not in ("marker", "stratum")]
    for table in ("results", "alternatives"):
        rows = pick(getattr(trial, table), stratum=stratum, marker="p16_variant_5")
        expected = pick(getattr(members_only, table), stratum="all", marker="")
        assert sort_rows(rows, columns) == sort_rows(expected, columns)


def test_strata_are_compared_at_baseline_as_arms_are():
    results = run_small(strata=("T1", "T2", "T3")).results
    results = results[results["contrast"].isin(["T3 - T1", "T3 - T2"])]
    assert set(results["measure"]) == {"baseline"}
    assert set(results["marker"] + results["stratum"] + results["group"]) == {"p16_variant_5"}
    columns = ["outcome", "measure", "statistic", "value", "n_first", "n_second", "method", "reason"]
    for contrast, members in (("T3 - T1", "CEFAD"), ("T3 - T2", "CEFB")):
        # As if the highest stratum, C, E and F, were the treated arm, and the other one the control.
        run = run_small(members)
        frame = run.participants.frame
        arm = np.where(frame["participant"].isin([*"CEF"]), "d_q", "control")
        expected = pipeline.rerun(run, frame=frame.assign(arm=arm)).results
        expected = pick(expected, contrast="d_q - control", stratum="all", measure="baseline")
        assert sort_rows(pick(results, contrast=contrast), columns) == sort_rows(expected, columns)


def test_alternatives_are_the_results_of_the_analysis_by_another_test_or_quartile_type():
    others = [({"test": test}, "p", test) for test in ("exact", "welch")]
    others += [({"quartile_type": number}, "q", f"type_{number}") for number in (1, 2, 3, 4, 5, 6, 8, 9)]
    expected = [
        row
        for overrides, statistic, method in others
        for row in sort_rows(run_small(**overrides).results)
        if row[7].startswith(statistic) and row[11] == method
    ]
    assert sort_rows(run_small().alternatives) == sorted(expected, key=str)


def test_every_missing_number_has_its_reason():
    # High: C against F, who has no follow-up and is not asked about smoking; low: A and B against D.
    results = run_small("ABCDF", test="welch").results
    missing = results[results["value"].isna() & ~results["stratum"].isin(["", "all"])]
    missing = set(missing[["stratum", "group", "visit", "statistic", "reason"]].itertuples(index=False, name=None))
    described = ("median", "q1", "q3", "minimum", "maximum", "mean", "sd")
    tested = {f"hodges_lehmann_{side}": TESTS["brunner_munzel"].no_limit for side in ("lower", "upper")}
    tested |= dict.fromkeys([*TESTS["welch"].estimate, "t", "p"], TESTS["welch"].undefined)
    places = (("high", "baseline"), ("low", "baseline"), ("low", "week_2"))
    assert missing == {
        *(("high", "control", "week_2", name, results_module.EMPTY_GROUP) for name in described),
        *(("high", "control", "baseline", name, results_module.EMPTY_GROUP) for name in ("count", "percent")),
        *(("high", arm, "baseline", "sd", results_module.ONE_VALUE) for arm in ("d_q", "control")),
        *(("low", "control", visit, "sd", results_module.ONE_VALUE) for visit in ("baseline", "week_2")),
        ("high", "d_q", "week_2", "sd", results_module.ONE_VALUE),
        *((stratum, "", visit, name, reason) for stratum, visit in places for name, reason in tested.items()),
    }


def test_correlations_of_markers_with_age_equal_scipy_in_the_population_its_age_groups_and_the_trial():
    published = pipeline.run_config()
    rows = pick(published.participants.frame, visit="baseline")
    rows = rows[rows["arm"].isin(["", "d_q", "control"])]
    wide = rows.pivot(index=["cohort", "participant"], columns="variable", values="value").astype(float)
    excluded = wide.loc["trial"].index[:5].tolist()
    sample = wide.loc["population"]
    groups = {"population": sample, "participants": wide.loc["trial"].drop(excluded)}
    groups |= {"population_under_60": sample[sample["age"] < 60], "population_over_60": sample[sample["age"] >= 60]}
    expected = []
    for marker in published.trial.markers:
        for group, members in groups.items():
            pairs = members[[marker, "age"]].dropna()
            r, p = stats.spearmanr(pairs)
            key = (marker, "correlation", "baseline", "", "all", "age", group)
            numbers = (("n", len(pairs), ""), ("spearman_r", r, "spearman"), ("p", p, "spearman, t"))
            expected += [(*key, name, value, len(pairs), "", method, "") for name, value, method in numbers]
    results = pipeline.rerun(published, outcomes=["smoker"], exclude=excluded).results
    assert sort_rows(pick(results, measure="correlation")) == sort_rows(pd.DataFrame(expected, columns=list(COLUMNS)))


def test_three_strata_have_a_trend_within_each_arm_and_at_baseline():
    assert not run_small().results["statistic"].str.endswith("_trend").any()
    run = run_small(strata=("T1", "T2", "T3"))
    trends = pick(run.results, statistic="p_trend")
    named = set(trends[["contrast", "stratum", "method", "measure", "group"]].itertuples(index=False, name=None))
    groups = (("percent_change", "d_q"), ("percent_change", "control"), ("baseline", "both arms"))
    assert named == {("trend T1 < T2 < T3", "", results_module.TREND, *group) for group in groups}
    expected = jonckheere_terpstra([[10], [20], [40]])
    for name, value in (("z_trend", expected.statistic), ("p_trend", expected.p)):
        assert run.value(name, visit="week_2", group="d_q") == pytest.approx(value, rel=1e-9)
    assert trends["reason"].max().startswith("fewer than three values ")  # D and E, in two strata, differ


def test_intervals_have_the_level_of_the_analysis_and_welch_has_that_of_the_difference_of_means():
    treated, control = [10, 20, 40, 30], [0, 5]
    expected = stats.ttest_ind(treated, control, equal_var=False)
    run, keys = run_small(test="welch", alpha=0.1), {"visit": "week_2", "marker": "", "contrast": "d_q - control"}
    assert run.value("p", **keys) == pytest.approx(expected.pvalue, rel=1e-9)
    assert run.value("mean_difference", **keys, method="") == pytest.approx(22.5, rel=1e-9)
    limits = [run.value(f"mean_difference_{side}", **keys) for side in ("lower", "upper")]
    assert limits == pytest.approx(list(expected.confidence_interval(0.9)), rel=1e-9)
    shift, run = hodges_lehmann(treated, control, method="normal", confidence=0.5), run_small(alpha=0.5)
    limits = [run.value(f"hodges_lehmann_{s}", **keys, method="normal, level 0.5") for s in ("lower", "upper")]
    assert limits == pytest.approx([shift.lower, shift.upper], rel=1e-9)
    assert "normal, level 0.9999999999" in set(run_small(alpha=1e-10).results["method"])


@given(st.floats(1e-10, 0.999))
def test_no_text_rounds_alpha_or_the_level_to_zero_or_one(alpha):
    texts = caption_values(pipeline.TRIAL, pipeline.make_analysis(alpha=alpha))
    level = float(texts["level"].removesuffix("%")) / 100
    assert 0 < float(texts["alpha"]) < 1
    assert level == pytest.approx(1 - alpha, rel=1e-9)
    assert 0 < level < 1


def test_a_note_counts_the_comparisons_whose_exact_p_cannot_reach_alpha():  # of 20 and 70 allocations
    sizes, analysis = [(3.0, 3.0), (4.0, 4.0), (np.nan, np.nan)], pipeline.make_analysis(test="exact")
    expected = "Exact P cannot be 0.05 or less where the arms are so small (one comparison of this table)."
    assert describe_small_groups(iter(sizes), "of this table", analysis) == expected
    normal = describe_small_groups(iter(sizes), "of this table", pipeline.make_analysis())
    assert "fewer than eight participants (two comparisons of this table)" in normal


@pytest.fixture(scope="module")
def real():
    """A real trial by the test of its configuration, and as an alternative by the one with continuity correction."""
    run = pipeline.run_config(pipeline.PBC)
    return pipeline.run(run.participants, run.trial, run.analysis, also=("normal_continuity",))


@pytest.mark.parametrize("oracle", read_rows("pbc_results"), ids=lambda row: " ".join(list(row.values())[:3]))
def test_the_numbers_of_a_real_trial_equal_r(real, oracle):
    keys = {key: oracle[key] for key in ("outcome", "visit", "stratum")}
    treated, placebo = (keys | {"group": group} for group in ("d_penicillamine", "placebo"))
    contrast = keys | {"contrast": "d_penicillamine - placebo"}
    exact = [real.value("n", **treated), real.value("n", **placebo), real.value("u", **contrast)]
    assert exact == select_numbers(oracle, "n_first", "n_second", "u")
    numbers = [real.value("median", **placebo), real.value("hodges_lehmann", **contrast), real.value("p", **contrast)]
    numbers.append(one(real.alternatives, statistic="p", **contrast)["value"])
    expected = select_numbers(oracle, "median_second", "hodges_lehmann", "normal", "normal_continuity")
    assert numbers == pytest.approx(expected, rel=1e-9)
    # R finds the limits by a root search to 1e-4.
    limits = [real.value(f"hodges_lehmann_{side}", **contrast) for side in ("lower", "upper")]
    assert limits == pytest.approx(select_numbers(oracle, "lower", "upper"), abs=2e-4)
