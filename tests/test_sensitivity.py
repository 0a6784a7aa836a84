"""Sensitivity, interaction, influence and power of an analysis, on invented participants and both cohorts."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pipeline
import pytest
from pipeline import PBC, PUBLISHED, TRIAL, one, pick

from d_q_trial import changes
from d_q_trial.config import settings
from d_q_trial.config.settings import Family, Robustness
from d_q_trial.published_tables import read_published_frame
from d_q_trial.robustness import interaction, multiplicity, power, sensitivity
from d_q_trial.stats import estimate, missing, rank_sum, two_sample
from d_q_trial.stats.ancova import ancova, marker_interaction

ROBUSTNESS = settings.Robustness(permutations=99)
PLANNED = read_published_frame("data/published", "power", power.NUMERIC)


def _build_layout(n=16, drop=(), changed=None, **overrides):
    people = pipeline.make_participants(pipeline.randomized(n, drop=drop, changed=changed))
    return pipeline.run(people, TRIAL, PUBLISHED.model_copy(update=overrides))


@lru_cache
def _analyse(n=16, drop=(), **overrides):
    """Return the layout of invented participants and its sensitivity analyses."""
    layout = _build_layout(n, drop, **overrides)
    return layout, sensitivity.sensitivity_table(layout, ROBUSTNESS)


def _find_change(layout, visit):
    (comparison,) = (c for c in layout.overall if c.visit == visit and c.is_change)
    return comparison


@pytest.mark.parametrize("change", ["percent", "difference", "log_ratio"])
def test_a_winsorised_change_is_winsorised_on_the_scale_of_the_models(change):
    layout = _build_layout(change=change, outliers=settings.Outliers(rule="winsorise", limit=0.1))
    for comparison in (c for c in layout.overall if c.is_change):
        follow_up, baseline = pick(layout.changes, visit=comparison.visit)[["follow_up", "baseline"]].to_numpy().T
        raw = follow_up - baseline if change == "difference" else np.log(follow_up / baseline)
        modelled = np.log1p(comparison.value / 100) if change == "percent" else comparison.value
        np.testing.assert_allclose(comparison.modelled, modelled, rtol=1e-9)
        assert np.abs(comparison.modelled - raw).max() > 0.01


def test_interaction_is_the_difference_of_the_effects_of_two_strata_whatever_the_other_visits():
    run, contrast = pipeline.run_config(PBC), "d_penicillamine - placebo"
    table = interaction.interaction_table(run, ROBUSTNESS)
    for outcome in ("bilirubin", "albumin"):
        keys = {"outcome": outcome, "visit": "year_1", "contrast": contrast}
        upper, lower = (run.value("mann_whitney_effect", **keys, stratum=stratum) for stratum in ("T3", "T1"))
        keys["contrast"] = f"{contrast}, T3 - T1"
        assert one(table, **keys, statistic="effect_difference")["value"] == pytest.approx(upper - lower, rel=1e-12)
        methods = "strata permuted within arms, 99 permutations", "placements, t, level 0.95"
        permuted, parametric = (one(table, **keys, statistic="p", method=method)["value"] for method in methods)
        assert (100 * permuted) % 1 == pytest.approx(0, abs=1e-9)
        assert permuted == pytest.approx(parametric, abs=0.15)
    assert table["contrast"].nunique() == 4  # three differences of three strata, and the continuous marker
    one_visit = replace(run, changes=pick(run.changes, visit="year_1"))
    expected = pick(table, visit="year_1").reset_index(drop=True)
    pd.testing.assert_frame_equal(interaction.interaction_table(one_visit, ROBUSTNESS), expected)


def test_adjusted_percents_are_log_ratios_on_another_scale_bounds_are_those_of_the_missing_and_participants_are_counted():
    layout, table = _analyse(drop=(("A03", "baseline"), ("A02", "week_20"), ("A11", "week_20")))
    for method in ("covariance, log scale, HC3, t", sensitivity.MIXED):
        values = pick(table, visit="week_4", stratum="all", method=method).set_index("statistic")["value"]
        for end in ("", "_lower", "_upper"):
            expected = 100 * (np.exp(values[f"adjusted_difference{end}"]) - 1)
            assert values[f"adjusted_percent{end}"] == pytest.approx(expected, rel=1e-9)
    mixed = one(table, visit=sensitivity.EVERY_VISIT, stratum="all", statistic="p")
    assert (mixed["n_first"], mixed["n_second"]) == (7, 8)  # with a baseline and a change
    low, high = (one(table, visit="week_20", stratum="all", statistic=s) for s in ("p_lowest", "p_highest"))
    assert (low["n_first"], low["n_second"]) == (8, 8)
    samples = _find_change(layout, "week_20").samples()
    assert (low["value"], high["value"]) == missing.p_bounds(*samples, 2, 1, method="normal")


def test_imputation_keeps_complete_visits_and_reports_the_share_of_missing_information():
    for drop in ((), (("A02", "week_20"), ("A11", "week_20"), ("A15", "week_20"))):
        layout, table = _analyse(24, drop)
        shares = pick(table, statistic="missing_share", stratum="all").groupby("visit")["value"].min()
        assert shares.drop("week_20").eq(0).all()
        assert (shares["week_20"] > 0.01) == bool(drop)
        complete, imputed = (table[table["method"].str.startswith(how)] for how in ("covariance, log", "imputed"))
        for c in (c for c in layout.compared if c.visit != "week_20" or not drop):
            keys = {"visit": c.visit, "stratum": c.stratum}
            effect = estimate.mann_whitney_effect(*c.samples(c.modelled)).estimate
            effect = effect if 0 < effect < 1 else np.nan  # an effect without variance cannot be pooled
            adjusted = one(complete, **keys, statistic="adjusted_difference")["value"]
            statistics = ("mann_whitney_effect", "adjusted_difference")
            pooled = [one(imputed, **keys, statistic=name)["value"] for name in statistics]
            assert pooled == pytest.approx([effect, adjusted], rel=1e-9, nan_ok=True)


def test_imputation_and_the_slope_use_all_marker_values_however_the_strata_are_defined():
    rows = pipeline.randomized(24, drop=(("A02", "week_20"), ("A11", "week_20"), ("A15", "week_20")))
    markers = [row for row in rows if row["variable"] == "p16_variant_5"]
    rows += [{**row, "variable": "p16_variant_1+5", "value": row["value"] % 7} for row in markers]
    rows += [{**row, "variable": "Group", "value": np.nan, "text": "ab"[row["value"] > 9]} for row in markers[2:]]
    tables = []
    for rule in (
        {"by": "quantile", "cuts": ["1/2"]},
        {"by": "value", "cuts": [12]},
        {"by": "column", "column": "Group", "labels": ["a", "b"]},  # two participants have no entry
    ):
        overrides = {"strata": settings.StrataRule(**rule)}
        run = pipeline.run(pipeline.make_participants(rows), TRIAL, PUBLISHED.model_copy(update=overrides))
        slopes = interaction.interaction_table(run, ROBUSTNESS)
        slopes = slopes[slopes["contrast"].str.endswith("marker") & slopes["marker"].eq("p16_variant_5")]
        imputed = pick(sensitivity.sensitivity_table(run, ROBUSTNESS), stratum="all")
        tables.append(pd.concat([slopes, imputed], ignore_index=True))
    assert len(tables[0]) > 50
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


@pytest.mark.parametrize("change", ["percent", "log_ratio"])
def test_covariance_analyses_the_changes_and_a_follow_up_of_zero_has_no_analysis_on_the_log_scale(change):
    layout = _build_layout(24, changed={("A03", "week_20"): 0.0, ("A06", "week_20"): 0.0}, change=change)
    table = pick(sensitivity.sensitivity_table(layout, ROBUSTNESS), stratum="all")
    comparison = _find_change(layout, "week_20")
    percent = 100 * (comparison.ratio - 1)
    assert percent.min() == -100
    expected = ancova(percent, comparison.baseline, comparison.is_first, confidence=0.95).p
    row = one(table, visit="week_20", statistic="p", method="covariance, percent change, HC3, t")
    assert (row["value"], row["n_first"]) == (pytest.approx(expected, rel=1e-9), 12)
    on_logs = table[table["method"].str.startswith(ON_LOGS) & table["visit"].eq("week_20")]
    assert on_logs["value"].isna().all()
    assert {*on_logs["reason"]} == {changes.NO_LOGARITHM}
    week_2, rows = pick(table, measure="log_ratio", visit="week_2"), pick(layout.changes, visit="week_2")
    expected = ancova(*np.log(rows[["follow_up", "baseline"]].to_numpy().T), rows["arm"].eq("d_q"), confidence=0.95)
    for statistic, value in (("adjusted_difference", expected.estimate), ("p", expected.p)):
        adjusted = one(week_2, statistic=statistic, method="covariance, log scale, HC3, t")["value"]
        assert adjusted == pytest.approx(value, rel=1e-6)  # the change has ten significant digits
    assert week_2.loc[week_2["method"].str.startswith(("mixed", "imputed")), "value"].isna().all()


def test_models_of_an_analysis_of_differences_use_differences_and_need_no_logarithms():
    layout = _build_layout(24, changed={("A03", "week_20"): 0.0, ("A06", "week_4"): 0.0}, change="difference")
    table = sensitivity.sensitivity_table(layout, ROBUSTNESS)
    models = table[table["method"].str.startswith(("covariance, differences", "mixed model", "imputed"))]
    assert set(models["measure"]) == {"difference"}
    overall = pick(models, stratum="all")
    assert overall["value"].notna().all()
    visits = [c for c in layout.overall if c.is_change]
    for visit, change, methods in (
        *((c.visit, c.value, ("covariance", "imputed, covariance")) for c in visits),
        # Without missing values, the mixed model analyses the mean change of each participant.
        (sensitivity.EVERY_VISIT, np.mean([c.value for c in visits], axis=0), ("mixed model",)),
    ):
        expected = ancova(change, visits[0].baseline, visits[0].is_first, confidence=0.95).estimate
        for method in methods:
            row = one(overall[overall["method"].str.startswith(method)], visit=visit, statistic="adjusted_difference")
            assert row["value"] == pytest.approx(expected, rel=1e-6)
    slopes = pick(interaction.interaction_table(layout, ROBUSTNESS), statistic="slope_difference")
    assert set(slopes["measure"]) == {"difference"}
    (marked,) = (c for c in layout.by_marker if c.visit == "week_20" and c.is_change)
    expected = marker_interaction(marked.value, marked.marker_value, marked.is_first, confidence=0.95)
    assert one(slopes, visit="week_20")["value"] == pytest.approx(expected.estimate)


def test_a_smaller_alpha_widens_every_interval():
    keys = ["outcome", "measure", "visit", "marker", "stratum", "contrast", "statistic", "method"]
    tables = []
    for alpha in (0.05, 0.01):
        layout, analyses = _analyse(24, alpha=alpha)
        table = pd.concat([analyses, interaction.interaction_table(layout, ROBUSTNESS)])
        table = table[table["statistic"].str.fullmatch("(?!p_).*er") & table["value"].notna()]
        tables.append(table.replace({"method": r", level 0\.\d+"}, "", regex=True).set_index(keys)["value"])
    narrow, wide = tables
    is_lower = wide.index.get_level_values("statistic").str.endswith("_lower")
    assert (np.where(is_lower, narrow - wide, wide - narrow) > 0).all()
    methods = {method.split(",")[0] for method in wide.index.get_level_values("method")}
    assert methods == {"covariance", "mixed model", "imputed", "placements", "log ratio on arm x marker"}


def test_panels_without_ids_give_the_reason_if_an_analysis_needs_ids():
    rng, rows = np.random.default_rng(1), []
    for i, (arm, stratum) in enumerate([(a, s) for a in ("d_q", "control") for s in ("T3", "T1/T2")] * 6):
        rows += pipeline.value_rows(f"panel-{i}", arm, "p1np", week_2=float(np.round(rng.normal(0, 20), 1)))
        rows[-1] |= {"linked": False, "marker": "p16_variant_5", "stratum": stratum, "measure": "percent_change"}
    layout = pipeline.run(pipeline.make_participants(rows), TRIAL, PUBLISHED)
    assert {c.counts() for c in layout.overall} == {(0, 0)}  # every row belongs to a stratum
    assert {(c.stratum, c.counts()) for c in layout.compared} == {("T3", (6, 6)), ("T1/T2", (6, 6))}
    interactions = interaction.interaction_table(layout, ROBUSTNESS)
    assert one(interactions, statistic="p", method="placements, t, level 0.95")["value"] <= 1
    table = sensitivity.sensitivity_table(layout, ROBUSTNESS)
    bounds = table[table["statistic"].isin(["p_lowest", "p_highest"])]
    covariance = table[table["method"].str.startswith("covariance") & table["statistic"].eq("p")]
    families = {"a": Family(outcomes=["turnover"], strata=["each"])}
    adjusted = multiplicity.multiplicity_table(layout, Robustness(families=families))
    assert bounds["reason"].tolist() == [sensitivity.NO_IDS] * 4
    assert covariance["reason"].tolist() == [sensitivity.NO_BASELINE] * 4
    assert adjusted["reason"].tolist() == [multiplicity.NO_IDS] * 2
    assert np.isnan([*bounds["value"], *adjusted["p_max_t"]]).all()
    assert adjusted["permutations"].isna().all()


EQUAL = {(f"A{i:02d}", visit): 50.0 for i in range(16) for visit in TRIAL.visits}
SEPARATE = {
    (name, visit): 90.0 * (int(name[1:]) % 2) + int(name[1:]) + 1 for name, visit in EQUAL if visit != "baseline"
}
NEAR_TIES = SEPARATE | {("A01", "week_4"): 4.0} | {(f"A{i:02d}", "week_2"): 100.0 + 7 * i % 16 for i in range(16)}
ON_LOGS = ("covariance, log", "mixed", "imputed", "log ratio on arm")
EFFECTS = ("imputed, placements", "placements", "Mann-Whitney effect, t")
NO_VARIATION = (*ON_LOGS, *EFFECTS, "max-T", "two-sided t", "covariance, p")


@pytest.mark.parametrize(
    ("changed", "methods", "reason"),
    [
        (EQUAL, NO_VARIATION, "variation|all values are equal"),
        (SEPARATE, EFFECTS, "do not overlap"),
        ({("A03", "baseline"): 0.0}, ("imputed",), changes.NOT_POSITIVE),
    ],
)
def test_every_missing_number_has_a_true_reason(changed, methods, reason):
    layout = _build_layout(changed=changed)  # T3 has one treated participant
    robustness = ROBUSTNESS.model_copy(update={"families": {"one": Family(outcomes=["p1np"])}})
    adjusted = multiplicity.multiplicity_table(layout, robustness).rename(columns={"p_max_t": "value"})
    planned = power.power_table(PLANNED.assign(outcome="p1np"), layout)
    analyses = sensitivity.sensitivity_table(layout, ROBUSTNESS), interaction.interaction_table(layout, ROBUSTNESS)
    table = pd.concat([*analyses, adjusted.assign(method="max-T"), planned])
    assert (table["value"].isna() == table["reason"].ne("")).all()
    undefined = table[table["value"].isna() & table["method"].str.startswith(methods)]
    assert all(undefined["method"].str.startswith(method).any() for method in methods)
    assert undefined["reason"].str.contains(reason).all()


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.3])
@pytest.mark.parametrize(("test", "changed"), [("normal", None), ("brunner_munzel", NEAR_TIES)])
def test_leaving_one_out_equals_the_analysis_without_that_participant(alpha, test, changed):
    table = sensitivity.leave_one_out_table(_build_layout(changed=changed, alpha=alpha, test=test))
    row = one(table, visit="week_2", stratum="all", statistic="p", group="A03")
    samples = _find_change(_build_layout(changed=changed, exclude=["A03"]), "week_2").samples()
    assert row["value"] == pytest.approx(two_sample.get_test(test).compare(*samples).p, rel=1e-12)
    assert (row["n_first"], row["n_second"]) == (7, 8)
    for _, rows in table.groupby(["outcome", "visit", "stratum"], sort=False):
        p = pick(rows, statistic="p")["value"]
        overall, lowest, highest, flips = rows["value"].to_numpy(float)[:4]
        assert (lowest, highest) == (p.min(), p.max())
        assert flips == ((p <= alpha) != (overall <= alpha))[p.notna()].sum()
        order = rows.loc[p.dropna().index].assign(change=-(p - overall).abs().round(10))[["change", "group"]]
        assert order.equals(order.sort_values(["change", "group"]))  # ties too, on every processor


def _replace_suspect_value(layout, **columns):
    row = {"source": "", "locator": "", "outcome": "p1np", "visit": "week_4", "arm": "d_q", "reason": ""}
    suspects = pd.DataFrame([row | columns], columns=list(read_published_frame(None, "suspect_values")))
    return sensitivity.suspect_values_table(suspects, layout, ROBUSTNESS)


def _percent(row):
    return 100 * (row["follow_up"] / row["baseline"] - 1)


@pytest.mark.parametrize("change", ["percent", "difference", "log_ratio"])
def test_a_larger_suspect_value_changes_means_and_not_ranks(change):
    layout = _build_layout(change=change)
    largest = pick(layout.changes, visit="week_4", arm="d_q").nlargest(1, "value").iloc[0]
    reported, instead = f"{_percent(largest):.1f}", f"{10 * _percent(largest):.0f}"
    table = _replace_suspect_value(layout, reported=reported, instead=instead)
    table, groups = pick(table, visit="week_4", stratum="all"), (reported, f"{instead} for {reported}")
    ranks = [one(table, group=g, method="rank-sum, normal", statistic="p")["value"] for g in groups]
    means = [one(table, group=g, statistic="mean_difference")["value"] for g in groups]
    assert ranks[0] == ranks[1]
    ratio = np.array([reported, instead], float) / 100
    scales = {"percent": 100 * ratio, "difference": largest["baseline"] * ratio, "log_ratio": np.log1p(ratio)}
    assert means[1] - means[0] == pytest.approx(np.diff(scales[change]).item() / 8, rel=1e-6)
    without = one(table, group=f"without {reported}", statistic="mean_difference")
    assert (without["n_first"], without["n_second"]) == (7, 8)


@pytest.mark.parametrize("rule", ["trim", "winsorise"])
@pytest.mark.parametrize("test", ["exact", "welch"])
def test_a_suspect_value_as_reported_gives_the_comparison_of_the_analysis_after_its_outlier_rule(rule, test):
    layout = _build_layout(test=test, alpha=0.2, outliers=settings.Outliers(rule=rule, limit=0.2))
    untrimmed = _build_layout(test=test).changes
    largest = pick(untrimmed, visit="week_4", arm="d_q").nlargest(1, "value").iloc[0]
    reported = f"{_percent(largest):.6f}"
    table = _replace_suspect_value(replace(layout, changes=untrimmed), reported=reported, instead="1")
    table, comparison = pick(table, visit="week_4", stratum="all", group=reported), _find_change(layout, "week_4")
    p = one(table, statistic="p", method=f"test of the analysis, {test}")
    assert p["value"] == pytest.approx(two_sample.get_test(test).compare(*comparison.samples()).p, rel=1e-6)
    assert (p["n_first"], p["n_second"]) == comparison.counts()
    limit = one(table, statistic="hodges_lehmann_lower")
    expected = rank_sum.hodges_lehmann(*comparison.samples(), method=test, confidence=0.8).lower
    assert limit["value"] == pytest.approx(expected, rel=1e-6, nan_ok=True)
    assert limit["reason"] == ("" if test == "exact" else "no interval of the shift for this test")


def test_a_suspect_value_of_no_analysed_participant_gives_the_reason_and_the_registry_s_is_in_the_cohort():
    percent = _percent(one(_build_layout().changes, participant="A03", visit="week_4"))
    for exclude, reported in (([], "987.6"), (["A03"], f"{percent:.6f}")):
        table = _replace_suspect_value(_build_layout(exclude=exclude), reported=reported, instead="98.76")
        (row,) = table[["statistic", "method", "reason"]].itertuples(index=False, name=None)
        assert row == ("p", "test of the analysis, normal", sensitivity.ABSENT)
    suspects = read_published_frame("data/published", "suspect_values")
    table = sensitivity.suspect_values_table(suspects, pipeline.run_config(), ROBUSTNESS)
    assert set(table["group"]) == {"1480", "148.0 for 1480", "without 1480"}
    assert np.isfinite(table["value"]).mean() > 0.9


def test_power_is_that_of_the_reported_calculation_and_smaller_with_a_smaller_alpha():
    table = power.power_table(PLANNED, pipeline.run_config())
    implied = one(table, statistic="implied_sd")
    assert (implied["n_first"], implied["n_second"], round(implied["value"], 1)) == (27, 27, 22.0)
    keys = {"outcome": "ctx", "visit": "week_2", "marker": "p16_variant_5", "stratum": "T3", "group": "planned"}
    t3 = one(table, **keys, statistic="power", method="two-sided t test")
    assert (t3["n_first"], t3["n_second"], t3["value"]) == (10, 11, pytest.approx(0.4977, abs=0.002))
    planned = ["difference", "implied_sd", "power", "detectable_difference"]
    assert pick(table, group=power.PLANNED)["statistic"].unique().tolist() == planned
    ratio = pick(table, statistic="exaggeration")["value"].dropna()
    assert (ratio >= 1 - 1e-9).all()
    assert (ratio > 1.2).mean() > 0.5
    for overrides in ({"change": "difference"}, {"outcomes": ["p1np"]}):
        planned = pick(power.power_table(PLANNED, _build_layout(**overrides)), group=power.PLANNED)
        assert pick(planned, statistic="power")["reason"].tolist() == [power.NOT_PLANNED]
    tables = (power.power_table(PLANNED[:0], _build_layout(alpha=alpha)) for alpha in (0.05, 0.01))
    large, small = (pick(table, statistic="power", reason="").reset_index(drop=True) for table in tables)
    assert set(large["group"]) == {power.OBSERVED, power.OVERALL}
    assert (small["value"] < large["value"]).all()
    # Only a stratum has the overall effect, which is the one observed in all participants.
    assert pick(large, group=power.OVERALL)["marker"].ne("").all()
