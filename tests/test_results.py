import numpy as np
import pandas as pd
import pipeline
import pytest
from cohorts import make_participants, value_rows
from oracle_values import read_rows
from pipeline import CHOSEN, TRIAL, make_analysis
from scipy import stats

from d_q_trial import results as results_module
from d_q_trial.config import settings
from d_q_trial.results_table import COLUMNS, KEYS
from d_q_trial.stats.categorical import jonckheere_terpstra
from d_q_trial.stats.shift import hodges_lehmann
from d_q_trial.stats.two_sample import TESTS


@pytest.fixture(scope="module")
def published():
    """The published analysis, of a binary outcome and of a few of each kind."""
    return pipeline.rerun(
        pipeline.run_config(), outcomes=["ctx", "p1np", "bmd_radius", "sasp_il6", "calcium", "smoker"]
    )


SMALL = {  # participant: arm, baseline and follow-up of an outcome, marker, smoker
    "A": ("d_q", 100.0, 110.0, 1.0, 1.0),
    "B": ("d_q", 50.0, 60.0, 2.0, 0.0),
    "C": ("d_q", 10.0, 14.0, 3.0, 1.0),
    "D": ("control", 100.0, 100.0, 1.0, 0.0),
    "E": ("control", 20.0, 21.0, 4.0, 0.0),
    "F": ("control", 30.0, None, 5.0, None),
    "G": ("d_q", 30.0, 39.0, None, None),
}


def small(names=SMALL, strata=("low", "high"), also=("exact", "welch"), marked=True, **different):
    """The analysis of a few participants, with the strata below and from a marker of 3, or below and from 2 and 3."""
    rule = {"by": "value", "cuts": [2, 3][-len(strata) + 1 :], "labels": list(strata)}
    rows = []
    for name, (arm, start, end, marker, smoker) in ((name, SMALL[name]) for name in names):
        rows += value_rows(name, arm, "ctx", baseline=start, week_2=end)
        rows += value_rows(name, arm, "smoker", baseline=smoker)
        rows += value_rows(name, arm, "p16_variant_5", baseline=marker if marked else None)
    return pipeline.run(make_participants(rows), TRIAL, make_analysis(strata=rule, **different), also)


def as_rows(frame, columns=COLUMNS):
    """Rows of a table, with text for missing numbers and numbers to eight digits, in the order of their keys."""
    plain = frame[list(columns)].astype(object).where(frame[list(columns)].notna(), "")
    return sorted(
        (tuple(float(f"{v:.8g}") if isinstance(v, float) else v for v in row) for row in plain.to_numpy().tolist()),
        key=str,
    )


def test_all_rows_of_a_small_trial_are_those_worked_by_hand():
    results = small().results
    overall = results[results["stratum"].eq("all")]
    change, smoker = ("ctx", "percent_change", "week_2", "", "all"), ("smoker", "baseline", "baseline", "", "all")
    by, methods = "normal, level 0.95", {"q1": "type_7", "q3": "type_7"}
    names = ("n", "median", "q1", "q3", "minimum", "maximum", "mean", "sd")
    described = {  # changes of 10, 20, 40 and 30% against 0 and 5%
        "d_q": (4, 25, 17.5, 32.5, 10, 40, 25, (500 / 3) ** 0.5),
        "control": (2, 2.5, 1.25, 3.75, 0, 5, 2.5, 12.5**0.5),
    }
    expected = [(*change, "", "both arms", "n", 6, 6, "", "", "")]
    for arm, numbers in described.items():
        of_each = zip(names, numbers, strict=True)
        expected += [(*change, "", arm, name, v, numbers[0], "", methods.get(name, ""), "") for name, v in of_each]
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
    found = overall[overall["measure"].ne("baseline") | overall["outcome"].eq("smoker")]
    assert as_rows(found) == as_rows(pd.DataFrame(expected, columns=list(COLUMNS)))
    assert results.dtypes[["value", "n_first", "n_second"]].astype(str).tolist() == ["float64", "Int64", "Int64"]


@pytest.mark.parametrize(("stratum", "members"), [("low", "ABD"), ("high", "CEF")])
def test_the_numbers_of_a_stratum_are_those_of_a_trial_of_its_members(stratum, members):
    whole, alone = small(), small(members, marked=False)
    plain = [name for name in COLUMNS if name not in ("marker", "stratum")]
    for ours, theirs in ((whole.results, alone.results), (whole.alternatives, alone.alternatives)):
        ours = ours[ours["stratum"].eq(stratum) & ours["marker"].eq("p16_variant_5")]
        theirs = theirs[theirs["stratum"].eq("all") & theirs["marker"].eq("")]
        assert as_rows(ours, plain) == as_rows(theirs, plain)


def test_strata_are_compared_at_baseline_as_arms_are():
    whole = small(strata=("T1", "T2", "T3")).results
    between = whole[whole["contrast"].isin(["T3 - T1", "T3 - T2"])]
    assert set(between["measure"]) == {"baseline"}
    assert set(between["marker"] + between["stratum"] + between["group"]) == {"p16_variant_5"}
    # As if the highest stratum were the treated arm, and the other one the control.
    names = {name: "d_q" if "C" <= name <= "F" and name != "D" else "control" for name in "ABCDEF"}
    for contrast, members in (("T3 - T1", "CEFAD"), ("T3 - T2", "CEFB")):
        frame = small(members).participants.frame
        swapped = pipeline.rerun(small(members), frame=frame.assign(arm=frame["participant"].map(names))).results
        swapped = swapped[swapped["contrast"].eq("d_q - control") & swapped["stratum"].eq("all")]
        plain = ["outcome", "measure", "statistic", "value", "n_first", "n_second", "method", "reason"]
        swapped = swapped[swapped["measure"].eq("baseline")]
        assert as_rows(between[between["contrast"].eq(contrast)], plain) == as_rows(swapped, plain)


def test_alternatives_are_what_the_analysis_would_have_by_another_test_or_quartile_type():
    others = [({"test": test}, "p", test) for test in ("exact", "welch")]
    others += [({"quartile_type": kind}, "q", f"type_{kind}") for kind in (1, 2, 3, 4, 5, 6, 8, 9)]
    assert set(as_rows(small().alternatives)) == {
        row
        for different, statistic, method in others
        for row in as_rows(small(**different).results)
        if row[7].startswith(statistic) and row[11] == method
    }


def test_every_reason_says_why_a_number_is_missing():
    # High: C against F, who has no follow-up and is not asked about smoking; low: A and B against D.
    found = small("ABCDF", test="welch").results
    missing = found[found["value"].isna() & found["stratum"].ne("") & found["stratum"].ne("all")]
    reasons = {tuple(row) for row in missing[["stratum", "group", "visit", "statistic", "reason"]].to_numpy().tolist()}
    described = ("median", "q1", "q3", "minimum", "maximum", "mean", "sd")
    tested = {f"hodges_lehmann_{side}": TESTS["brunner_munzel"].no_limit for side in ("lower", "upper")}
    tested |= dict.fromkeys(
        ("mean_difference", "mean_difference_lower", "mean_difference_upper"), TESTS["welch"].undefined
    )
    tested |= dict.fromkeys(("t", "p"), TESTS["welch"].undefined)
    places = (("high", "baseline"), ("low", "baseline"), ("low", "week_2"))
    assert reasons == {
        *(("high", "control", "week_2", name, results_module.EMPTY_GROUP) for name in described),
        *(("high", "control", "baseline", name, results_module.EMPTY_GROUP) for name in ("count", "percent")),
        *(("high", arm, "baseline", "sd", results_module.ONE_VALUE) for arm in ("d_q", "control")),
        *(("low", "control", visit, "sd", results_module.ONE_VALUE) for visit in ("baseline", "week_2")),
        ("high", "d_q", "week_2", "sd", results_module.ONE_VALUE),
        *((stratum, "", visit, name, reason) for stratum, visit in places for name, reason in tested.items()),
    }


def test_markers_are_correlated_with_age_as_by_scipy_in_the_sample_its_halves_and_the_trial(published):
    rows = published.participants.frame
    rows = rows[rows["visit"].eq("baseline") & rows["arm"].isin(["", "d_q", "control"])]
    wide = rows.pivot(index=["cohort", "participant"], columns="variable", values="value").astype(float)
    excluded = wide.loc["trial"].index[:5].tolist()
    trial, sample = wide.loc["trial"].drop(excluded), wide.loc["population"]
    young = sample["age"] < 60
    groups = {"population": sample, "population_under_60": sample[young], "population_over_60": sample[~young]}
    expected = []
    for marker in published.trial.markers:
        for group, members in (groups | {"participants": trial}).items():
            both = members[[marker, "age"]].dropna()
            found, n = stats.spearmanr(both), len(both)
            head = (marker, "correlation", "baseline", "", "all", "age", group)
            expected.append((*head, "n", n, n, "", "", ""))
            expected.append((*head, "spearman_r", found.statistic, n, "", "spearman", ""))
            expected.append((*head, "p", found.pvalue, n, "", "spearman, t", ""))
    found = pipeline.rerun(published, outcomes=["smoker"], exclude=excluded).results
    found = found[found["measure"].eq("correlation")]
    assert as_rows(found) == as_rows(pd.DataFrame(expected, columns=list(COLUMNS)))


def test_a_key_names_one_number_that_is_finite_or_missing_with_a_reason(published):
    assert tuple(published.results.columns) == COLUMNS
    assert not published.results.duplicated(list(KEYS)).any()
    assert not published.alternatives.duplicated([*KEYS, "method"]).any()
    missing = published.results["value"].isna()
    assert (published.results.loc[missing, "reason"] != "").all()
    assert np.isfinite(published.results.loc[~missing, "value"]).all()


def test_variants_of_the_test_are_tried_where_values_are_reported():
    assert results_module.variants_to_try(CHOSEN) == ("exact", "normal", "normal_continuity")
    assert results_module.variants_to_try(CHOSEN.model_copy(update={"published": None})) == ()


def test_three_strata_have_a_trend_within_each_arm_and_at_baseline():
    assert not small().results["statistic"].str.endswith("_trend").any()
    thirds = small(strata=("T1", "T2", "T3"))
    found = thirds.results[thirds.results["statistic"].eq("p_trend")]
    assert set(found["contrast"] + found["stratum"]) == {"trend T1 < T2 < T3"}
    assert set(found["method"]) == {results_module.TREND}
    assert set(found.loc[found["measure"].eq("baseline"), "group"]) == {"both arms"}
    assert set(found.loc[found["measure"].ne("baseline"), "group"]) == {"d_q", "control"}
    expected = jonckheere_terpstra([[10], [20], [40]])
    for name, value in (("z_trend", expected.statistic), ("p_trend", expected.p)):
        assert thirds.value(name, visit="week_2", group="d_q") == pytest.approx(value, rel=1e-9)
    assert found["reason"].max().startswith("fewer than three values ")  # D and E, in two strata, differ


def test_intervals_have_the_level_of_the_analysis_and_welch_has_that_of_the_difference_of_means():
    treated, control = [10, 20, 40, 30], [0, 5]
    theirs = stats.ttest_ind(treated, control, equal_var=False)
    run, keys = small(test="welch", alpha=0.1), {"visit": "week_2", "marker": "", "contrast": "d_q - control"}
    assert run.value("p", **keys) == pytest.approx(theirs.pvalue, rel=1e-9)
    assert run.value("mean_difference", **keys, method="") == pytest.approx(22.5, rel=1e-9)
    limits = [run.value(f"mean_difference_{side}", **keys) for side in ("lower", "upper")]
    assert limits == pytest.approx(list(theirs.confidence_interval(0.9)), rel=1e-9)
    shift = hodges_lehmann(treated, control, method="normal", confidence=0.5)
    for side, limit in (("lower", shift.lower), ("upper", shift.upper)):
        found = small(alpha=0.5).value(f"hodges_lehmann_{side}", **keys, method="normal, level 0.5")
        assert found == pytest.approx(limit, rel=1e-9)


@pytest.fixture(scope="module")
def real():
    """A real trial by the test of its configuration, and by the one with continuity correction."""
    run, analysis = pipeline.run_config(pipeline.PBC), settings.load(pipeline.PBC).analyses["copper_tertiles"]
    analysis = analysis.model_copy(update={"test": "normal_continuity"})
    return run, pipeline.run(run.participants, run.trial, analysis, also=())


@pytest.mark.parametrize(
    "oracle", read_rows("pbc_results"), ids=lambda r: f"{r['outcome']} {r['visit']} {r['stratum']}"
)
def test_numbers_of_a_real_trial_by_configuration_alone_equal_those_of_r(real, oracle):
    run, corrected = real
    keys = {"outcome": oracle["outcome"], "visit": oracle["visit"], "stratum": oracle["stratum"]}
    contrast = {**keys, "contrast": "d_penicillamine - placebo"}
    assert run.value("n", **keys, group="d_penicillamine") == float(oracle["n_first"])
    assert run.value("n", **keys, group="placebo") == float(oracle["n_second"])
    assert run.value("median", **keys, group="placebo") == pytest.approx(float(oracle["median_second"]), rel=1e-9)
    assert run.value("u", **contrast) == float(oracle["u"])
    assert run.value("p", **contrast, method="normal") == pytest.approx(float(oracle["normal"]), rel=1e-9)
    assert run.value("hodges_lehmann", **contrast) == pytest.approx(float(oracle["hodges_lehmann"]), rel=1e-8)
    # R finds the limits by a root search to 1e-4.
    assert run.value("hodges_lehmann_lower", **contrast) == pytest.approx(float(oracle["lower"]), abs=2e-4)
    assert run.value("hodges_lehmann_upper", **contrast) == pytest.approx(float(oracle["upper"]), abs=2e-4)
    with_continuity = corrected.value("p", **contrast, method="normal_continuity")
    assert with_continuity == pytest.approx(float(oracle["normal_continuity"]), rel=1e-9)
