import numpy as np
import pandas as pd
import pipeline
import pytest
from scipy import stats

from d_q_trial.config import settings
from d_q_trial.config.settings import StrataRule
from d_q_trial.results_table import COLUMNS, KEYS
from d_q_trial.robustness import multiverse


@pytest.fixture(scope="module")
def published():
    return pipeline.of_config()


def _groups(run, outcome, visit, marker="", stratum="all"):
    rows = run.changes[run.changes["outcome"].eq(outcome) & run.changes["visit"].eq(visit)]
    if marker:
        chosen = run.strata[run.strata["marker"].eq(marker) & run.strata["stratum"].eq(stratum)]["participant"]
        rows = rows[rows["participant"].isin(chosen)]
    values = rows.dropna(subset="value")
    return (values.loc[values["arm"].eq(arm), "value"].to_numpy() for arm in ("d_q", "control"))


@pytest.mark.parametrize("outcome", ["ctx", "p1np", "bmd_radius", "sasp_il6"])
@pytest.mark.parametrize(("marker", "stratum"), [("", "all"), ("p16_variant_5", "T3"), ("p16_variant_1+5", "T1/T2")])
def test_numbers_equal_those_of_scipy_and_numpy(published, outcome, marker, stratum):
    visit = published.trial.outcomes[outcome].follow_up[0]
    treated, control = _groups(published, outcome, visit, marker, stratum)
    keys = {"outcome": outcome, "visit": visit, "marker": marker, "stratum": stratum}
    summary = {**keys, "group": "d_q"}
    contrast = {**keys, "contrast": "d_q - control"}
    test = stats.mannwhitneyu(treated, control, method="asymptotic", use_continuity=False)
    expected = {
        "n": len(treated),
        "median": np.median(treated),
        "q1": np.quantile(treated, 0.25),
        "q3": np.quantile(treated, 0.75),
        "minimum": treated.min(),
        "maximum": treated.max(),
        "mean": treated.mean(),
        "sd": stats.tstd(treated),
    }
    for statistic, value in expected.items():
        assert published.value(statistic, **summary) == pytest.approx(value, rel=1e-12)
    expected = {
        "u": test.statistic,
        "p": test.pvalue,
        "median_difference": np.median(treated) - np.median(control),
        "hodges_lehmann": np.median(np.subtract.outer(treated, control)),
        "mann_whitney_effect": test.statistic / (len(treated) * len(control)),
    }
    for statistic, value in expected.items():
        assert published.value(statistic, **contrast) == pytest.approx(value, rel=1e-9)


def test_smoking_is_tested_by_chi_squared_without_yates(published):
    rows = published.participants.frame
    smoker = rows[rows["variable"].eq("smoker")]
    table = pd.crosstab(smoker["arm"], smoker["value"])
    expected = stats.chi2_contingency(table, correction=False).pvalue
    keys = {"outcome": "smoker", "marker": "", "contrast": "d_q - control", "method": "chi_squared"}
    assert published.value("p", **keys) == pytest.approx(expected)


def test_spearman_equals_scipy(published):
    rows = published.participants.frame
    for cohort, group in (("population", "population"), ("trial", "participants")):
        wide = rows[rows["cohort"].eq(cohort) & rows["visit"].eq("baseline")].pivot(
            index="participant", columns="variable", values="value"
        )
        expected = stats.spearmanr(wide["age"], wide["p16_variant_5"])
        keys = {"outcome": "p16_variant_5", "measure": "correlation", "group": group}
        assert published.value("spearman_r", **keys) == pytest.approx(expected.statistic)
        assert published.value("p", **keys) == pytest.approx(expected.pvalue)


def test_a_key_names_one_number(published):
    assert tuple(published.results.columns) == COLUMNS
    assert not published.results.duplicated(list(KEYS)).any()
    assert not published.alternatives.duplicated([*KEYS, "method"]).any()


def test_a_value_is_finite_or_missing_with_a_reason(published):
    missing = published.results["value"].isna()
    assert (published.results.loc[missing, "reason"] != "").all()
    assert np.isfinite(published.results.loc[~missing, "value"]).all()


def test_strata_add_up_to_all_participants(published):
    n = published.results[published.results["statistic"].eq("n") & published.results["measure"].ne("correlation")]
    keys = ["outcome", "measure", "visit", "group"]
    total = n[n["stratum"].eq("all")].set_index(keys)["value"]
    for marker in published.trial.markers:
        parts = n[n["marker"].eq(marker)].groupby(keys)["value"].sum()
        assert parts.reindex(total.index).equals(total)


def test_swapping_the_arms_mirrors_the_results(published):
    frame = published.participants.frame.copy()
    frame["arm"] = frame["arm"].replace({"d_q": "control", "control": "d_q"})
    swapped = pipeline.rerun(published, frame=frame)
    keys = {"outcome": "ctx", "visit": "week_20", "marker": "", "contrast": "d_q - control"}
    assert swapped.value("p", **keys) == published.value("p", **keys)
    assert swapped.value("u", **keys) + published.value("u", **keys) == 28 * 28
    for statistic in ("median_difference", "hodges_lehmann", "z"):
        assert swapped.value(statistic, **keys) == pytest.approx(-published.value(statistic, **keys))
    lower, upper = "hodges_lehmann_lower", "hodges_lehmann_upper"
    assert swapped.value(lower, **keys) == pytest.approx(-published.value(upper, **keys))


def test_the_order_of_the_rows_does_not_matter(published):
    shuffled = published.participants.frame.sample(frac=1, random_state=1)
    other = pipeline.rerun(published, frame=shuffled)
    columns = [*KEYS, "value"]
    ours, theirs = (run.results[columns].sort_values(list(KEYS), ignore_index=True) for run in (published, other))
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("test", ["normal_continuity", "exact"])
def test_the_p_of_a_row_is_that_of_the_chosen_test(published, test):
    other = pipeline.rerun(published, test=test)
    keys = {"outcome": "ctx", "visit": "week_20", "marker": "", "contrast": "d_q - control"}
    rows = published.alternatives
    for key, value in keys.items():
        rows = rows[rows[key].eq(value)]
    assert other.value("p", **keys, method=test) == rows.loc[rows["method"].eq(test), "value"].item()
    assert other.value("p", **keys) != published.value("p", **keys)


def test_alpha_sets_the_level_of_the_intervals(published):
    keys = {"outcome": "ctx", "visit": "week_20", "marker": "", "contrast": "d_q - control"}
    strict = pipeline.rerun(published, alpha=0.01)
    lower, upper = "hodges_lehmann_lower", "hodges_lehmann_upper"
    assert strict.value(lower, **keys) < published.value(lower, **keys)
    assert strict.value(upper, **keys) > published.value(upper, **keys)
    assert "level 0.99" in strict.results.loc[strict.results["statistic"].eq(lower), "method"].iloc[0]


def test_equal_values_get_a_reason_instead_of_a_p(published):
    frame = published.participants.frame.copy()
    frame.loc[frame["variable"].eq("calcium"), "value"] = 9.5
    run = pipeline.rerun(published, frame=frame)
    rows = run.results[run.results["outcome"].eq("calcium") & run.results["statistic"].eq("p")]
    assert rows["value"].isna().all()
    assert set(rows["reason"]) == {"all values are equal"}


def test_three_strata_have_a_trend_within_each_arm_and_at_baseline(published):
    assert not published.results["statistic"].str.endswith("_trend").any()
    thirds = pipeline.rerun(published, strata=settings.StrataRule(cuts=[1 / 3, 2 / 3], labels=["T1", "T2", "T3"]))
    found = thirds.results[thirds.results["statistic"].eq("p_trend")]
    assert set(found["contrast"]) == {"trend T1 < T2 < T3"}
    assert set(found.loc[found["measure"].eq("baseline"), "group"]) == {"both arms"}
    assert set(found.loc[found["measure"].ne("baseline"), "group"]) == {"d_q", "control"}
    keys = {"outcome": "ctx", "visit": "week_4", "marker": "p16_variant_5"}
    values, strata = [], []
    for number, stratum in enumerate(["T1", "T2", "T3"]):
        treated, _ = _groups(thirds, "ctx", "week_4", keys["marker"], stratum)
        values += list(treated)
        strata += [number] * len(treated)
    expected = stats.kendalltau(strata, values, method="asymptotic").pvalue
    assert thirds.value("p_trend", **keys, group="d_q") == pytest.approx(expected, rel=1e-9)


def test_a_test_without_an_interval_of_the_shift_says_so(published):
    found = pipeline.rerun(published, test="brunner_munzel").results
    limits = found[found["statistic"].isin(["hodges_lehmann_lower", "hodges_lehmann_upper"])]
    assert limits["value"].isna().all()
    assert set(limits["reason"]) == {"no interval of the shift for this test"}
    assert set(found.loc[found["statistic"].eq("t"), "method"]) == {"brunner_munzel"}


def test_welch_has_the_interval_of_the_difference_of_means(published):
    run = pipeline.rerun(published, test="welch")
    treated, control = _groups(run, "ctx", "week_4")
    theirs = stats.ttest_ind(treated, control, equal_var=False)
    keys = {"outcome": "ctx", "visit": "week_4", "marker": "", "contrast": "d_q - control"}
    assert run.value("p", **keys) == pytest.approx(theirs.pvalue, rel=1e-9)
    assert run.value("mean_difference", **keys) == pytest.approx(treated.mean() - control.mean(), rel=1e-9)
    limits = [run.value(f"mean_difference_{side}", **keys) for side in ("lower", "upper")]
    assert limits == pytest.approx(list(theirs.confidence_interval()), rel=1e-9)


def test_permuted_specifications_do_not_depend_on_the_cut_of_the_analysis(published):
    chosen = settings.load(pipeline.CONFIG)
    analysis = chosen.analyses["published"]
    elsewhere = analysis.model_copy(update={"strata": StrataRule(cuts=["1/3", "1/2"])})
    here, there = (
        multiverse.prepare(published.participants, published.trial, entry, chosen.robustness)[0]
        for entry in (analysis, elsewhere)
    )
    np.testing.assert_array_equal(here.values, there.values)
    counted = [multiverse.count(every, permutations=99, seed=1).identity for every in (here, there)]
    assert counted[0] == counted[1]
