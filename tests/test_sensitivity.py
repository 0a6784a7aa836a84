"""Sensitivity, interaction, influence and power of an analysis, on made-up participants and both cohorts."""

from dataclasses import replace
from functools import lru_cache

import cohorts
import numpy as np
import pandas as pd
import pipeline
import pytest
from pipeline import PBC, PUBLISHED, TRIAL, one

from d_q_trial import changes
from d_q_trial.config import settings
from d_q_trial.config.robustness import Family, Robustness
from d_q_trial.published_tables import read_published_frame
from d_q_trial.robustness import power, sensitivity
from d_q_trial.robustness.interaction import interaction_table
from d_q_trial.robustness.multiplicity import multiplicity_table
from d_q_trial.stats.ancova import ancova, marker_interaction
from d_q_trial.stats.estimate import mann_whitney_effect
from d_q_trial.stats.missing import p_bounds
from d_q_trial.stats.shift import hodges_lehmann
from d_q_trial.stats.two_sample import get_test

ROBUSTNESS = settings.Robustness(permutations=99)
PLANNED = read_published_frame("data/published", "power", power.NUMERIC)


def _made_up(n=16, drop=(), changed=None, **different):
    people = cohorts.make_participants(cohorts.randomized(n, drop=drop, changed=changed))
    return pipeline.run(people, TRIAL, PUBLISHED.model_copy(update=different)).layout


@lru_cache
def _repeated(n=16, drop=(), **different):
    """Sensitivity analyses of made-up participants."""
    return sensitivity.sensitivity_table(_made_up(n, drop, **different), ROBUSTNESS)


# The comparisons


@pytest.mark.parametrize("change", ["percent", "difference", "log_ratio"])
def test_a_winsorised_change_stays_so_on_the_scale_of_the_models(change):
    layout = _made_up(change=change, outliers=settings.Outliers(rule="winsorise", limit=0.1))
    for comparison in (c for c in layout.overall if c.is_change):
        rows = layout.changes[layout.changes["visit"].eq(comparison.visit)]
        raw = (rows["follow_up"] - rows["baseline"], np.log(rows["follow_up"] / rows["baseline"]))[
            change != "difference"
        ]
        modelled = np.log1p(comparison.value / 100) if change == "percent" else comparison.value
        np.testing.assert_allclose(comparison.modelled, modelled, rtol=1e-9)
        assert np.abs(comparison.modelled - raw.to_numpy()).max() > 0.01


# Interaction


def test_interaction_is_the_difference_of_the_effects_of_the_strata():
    run, contrast = pipeline.run_config(PBC), "d_penicillamine - placebo"
    table = interaction_table(run.layout, ROBUSTNESS)
    for outcome in ("bilirubin", "albumin"):
        keys = {"outcome": outcome, "visit": "year_1"}
        upper, lower = (
            run.value("mann_whitney_effect", **keys, contrast=contrast, stratum=stratum) for stratum in ("T3", "T1")
        )
        keys["contrast"] = f"{contrast}, T3 - T1"
        row = one(table, **keys, statistic="effect_difference")
        assert row["value"] == pytest.approx(upper - lower, rel=1e-12)
        permuted = one(table, **keys, statistic="p", method="strata permuted within arms, 99 permutations")
        parametric = one(table, **keys, statistic="p", method="placements, t, level 0.95")
        assert (100 * permuted["value"]) % 1 == pytest.approx(0, abs=1e-9)
        assert permuted["value"] == pytest.approx(parametric["value"], abs=0.15)
    assert table["contrast"].nunique() == 4  # three strata make three differences, and the marker itself


def test_interaction_does_not_depend_on_what_else_is_tested():
    layout = _made_up()
    changes = layout.changes[layout.changes["visit"].eq("week_4")]
    whole, part = (interaction_table(some, ROBUSTNESS) for some in (layout, replace(layout, changes=changes)))
    pd.testing.assert_frame_equal(whole[whole["visit"].eq("week_4")].reset_index(drop=True), part)


# The announced analyses


def test_adjusted_percent_follows_from_the_adjusted_difference():
    for method in ("covariance, log scale, HC3, t", "mixed model, restricted likelihood, t (Satterthwaite)"):
        rows = pipeline.pick(_repeated(), visit="week_4", stratum="all", method=method)
        value = rows.set_index("statistic")["value"]
        for end in ("", "_lower", "_upper"):
            expected = 100 * (np.exp(value[f"adjusted_difference{end}"]) - 1)
            assert value[f"adjusted_percent{end}"] == pytest.approx(expected, rel=1e-9)


def test_bounds_are_those_of_the_missing_of_each_arm():
    layout = _made_up(drop=(("A02", "week_20"), ("A11", "week_20")))
    table = sensitivity.sensitivity_table(layout, ROBUSTNESS)
    low, high = (one(table, visit="week_20", stratum="all", statistic=s) for s in ("p_lowest", "p_highest"))
    assert (low["n_first"], low["n_second"]) == (8, 8)
    (comparison,) = (c for c in layout.overall if c.visit == "week_20")
    assert (low["value"], high["value"], True) == p_bounds(*comparison.samples(), 1, 1, method="normal")


def test_imputation_keeps_complete_visits_and_counts_the_missing_share():
    drop = (("A02", "week_20"), ("A11", "week_20"), ("A15", "week_20"))
    for table, layout in ((_repeated(24), _made_up(24)), (_repeated(24, drop), _made_up(24, drop))):
        shares = pipeline.pick(table, statistic="missing_share", stratum="all").groupby("visit")["value"].min()
        assert shares.drop("week_20").eq(0).all()
        missing = np.isnan(layout.overall[-1].value).any()
        assert (shares["week_20"] > 0.01) == missing
        plain, imputed = (table[table["method"].str.startswith(how)] for how in ("covariance, log", "imputed"))
        for c in (c for c in layout.compared if c.visit != "week_20" or not missing):
            keys = {"visit": c.visit, "stratum": c.stratum}
            effect = mann_whitney_effect(*c.samples(c.modelled)).estimate
            adjusted = one(plain, **keys, statistic="adjusted_difference")["value"]
            found = [one(imputed, **keys, statistic=s)["value"] for s in ("mann_whitney_effect", "adjusted_difference")]
            # An effect without variance cannot be pooled.
            assert found == pytest.approx([effect if 0 < effect < 1 else np.nan, adjusted], rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("change", ["percent", "log_ratio"])
def test_covariance_is_that_of_the_changes_and_a_follow_up_of_zero_has_no_analysis_on_the_log_scale(change):
    rows = cohorts.randomized(24, changed={("A03", "week_20"): 0.0, ("A06", "week_20"): 0.0})
    people = cohorts.make_participants(rows)
    layout = pipeline.run(people, TRIAL, PUBLISHED.model_copy(update={"change": change})).layout
    table = pipeline.pick(sensitivity.sensitivity_table(layout, ROBUSTNESS), stratum="all")
    (comparison,) = (c for c in layout.overall if c.visit == "week_20")
    percent = 100 * (comparison.ratio - 1)
    assert percent.min() == -100
    expected = ancova(percent, comparison.baseline, comparison.is_first, confidence=0.95).p
    percent = one(table, visit="week_20", statistic="p", method="covariance, percent change, HC3, t")
    assert (percent["value"], percent["n_first"]) == (pytest.approx(expected, rel=1e-9), 12)
    logs = table[table["method"].str.startswith(ON_LOGS) & table["visit"].eq("week_20")]
    assert logs["value"].isna().all()
    assert {*logs["reason"]} == {changes.NO_LOGARITHM}
    others = table[table["measure"].eq("log_ratio") & table["visit"].eq("week_2")]
    rows = layout.changes[layout.changes["visit"].eq("week_2")]
    expected = ancova(*np.log(rows[["follow_up", "baseline"]].to_numpy().T), rows["arm"].eq("d_q"), confidence=0.95)
    for statistic, value in (("adjusted_difference", expected.estimate), ("p", expected.p)):
        found = one(others, statistic=statistic, method="covariance, log scale, HC3, t")["value"]
        assert found == pytest.approx(value, rel=1e-6)  # the change carries ten significant digits
    assert others.loc[others["method"].str.startswith(("mixed", "imputed")), "value"].isna().all()


def test_the_models_of_an_analysis_of_differences_are_of_differences_which_need_no_logarithms():
    layout = _made_up(24, changed={("A03", "week_20"): 0.0, ("A06", "week_4"): 0.0}, change="difference")
    table = sensitivity.sensitivity_table(layout, ROBUSTNESS)
    models = table[table["method"].str.startswith(("covariance, differences", "mixed model", "imputed"))]
    assert set(models["measure"]) == {"difference"}
    whole = pipeline.pick(models, stratum="all")
    assert whole["value"].notna().all()
    visits = [c for c in layout.overall if c.is_change]
    mean, first = np.mean([c.value for c in visits], axis=0), visits[0]
    for visit, change, methods in (
        *((c.visit, c.value, ("covariance", "imputed, covariance")) for c in visits),
        (sensitivity.EVERY_VISIT, mean, ("mixed model",)),  # without missing values, that of every participant's mean
    ):
        expected = ancova(change, first.baseline, first.is_first, confidence=0.95).estimate
        for method in methods:
            own = whole[whole["method"].str.startswith(method)]
            assert one(own, visit=visit, statistic="adjusted_difference")["value"] == pytest.approx(expected, rel=1e-6)
    slopes = pipeline.pick(interaction_table(layout, ROBUSTNESS), statistic="slope_difference")
    assert set(slopes["measure"]) == {"difference"}
    (marked,) = (c for c in layout.by_marker if c.visit == "week_20" and c.is_change)
    expected = marker_interaction(marked.value, marked.marker_value, marked.is_first, confidence=0.95)
    assert one(slopes, visit="week_20")["value"] == pytest.approx(expected.estimate)


def test_a_smaller_alpha_widens_every_interval():
    keys = ["outcome", "measure", "visit", "marker", "stratum", "contrast", "statistic", "method"]
    tables = []
    for alpha in (0.05, 0.01):
        table = pd.concat([_repeated(24, alpha=alpha), interaction_table(_made_up(24, alpha=alpha), ROBUSTNESS)])
        table["method"] = table["method"].str.replace(r", level 0\.\d+", "", regex=True)
        tables.append(table.set_index(keys)["value"])
    narrow, wide = (table[table.index.get_level_values("statistic").str.contains("er$")] for table in tables)
    narrow, wide = (t[~t.index.get_level_values("statistic").str.startswith("p_")].dropna() for t in (narrow, wide))
    lower = wide.index.get_level_values("statistic").str.endswith("_lower")
    assert (np.where(lower, narrow - wide, wide - narrow) > 0).all()
    methods = {method.split(",")[0] for method in wide.index.get_level_values("method")}
    assert methods == {"covariance", "mixed model", "imputed", "placements", "log ratio on arm x marker"}


def test_panels_without_ids_give_reasons_where_ids_are_needed():
    rng = np.random.default_rng(1)
    rows = []
    for i, (arm, stratum) in enumerate([(a, s) for a in ("d_q", "control") for s in ("T3", "T1/T2")] * 6):
        value = float(np.round(rng.normal(0, 20), 1))
        rows += cohorts.value_rows(f"panel-{i}", arm, "p1np", week_2=value)
        rows[-1] |= {"linked": False, "marker": "p16_variant_5", "stratum": stratum, "measure": "percent_change"}
    layout = pipeline.run(cohorts.make_participants(rows), TRIAL, PUBLISHED).layout
    assert {c.counts() for c in layout.overall} == {(0, 0)}  # every row is one of a stratum
    assert {(c.stratum, c.counts()) for c in layout.compared} == {("T3", (6, 6)), ("T1/T2", (6, 6))}
    assert one(interaction_table(layout, ROBUSTNESS), statistic="p", method="placements, t, level 0.95")["value"] <= 1
    table = sensitivity.sensitivity_table(layout, ROBUSTNESS)
    undefined = table[table["statistic"].isin(["p_lowest", "p_highest"])]
    assert undefined["reason"].eq(sensitivity.NO_IDS).all()
    assert undefined["value"].isna().all()
    covariance = table[table["method"].str.startswith("covariance") & table["statistic"].eq("p")]
    assert covariance["reason"].eq(sensitivity.NO_BASELINE).all()
    assert len(undefined) == len(covariance) == 4
    jointly = multiplicity_table(layout, Robustness(families={"a": Family(outcomes=["turnover"], strata=["each"])}))
    assert jointly[["p_max_t", "permutations"]].isna().all(axis=None)
    assert jointly["reason"].str.startswith("participants without ids").tolist() == [True, True]


# Missing numbers

EQUAL = {(f"A{i:02d}", visit): 50.0 for i in range(16) for visit in TRIAL.visits}
APART = {(f"A{i:02d}", visit): 90.0 * (i % 2) + i + 1 for i in range(16) for visit in ("week_2", "week_4", "week_20")}
NEAR_TIES = APART | {("A01", "week_4"): 4.0} | {(f"A{i:02d}", "week_2"): 100.0 + 7 * i % 16 for i in range(16)}
ON_LOGS = ("covariance, log", "mixed", "imputed", "mean log", "log ratio on arm")
EFFECTS = ("imputed, placements", "placements", "Mann-Whitney effect, t")
MISSING = (
    (EQUAL, (*ON_LOGS, *EFFECTS, "max-T", "two-sided t", "covariance, p"), "variation|all values are equal"),
    (APART, EFFECTS, "do not overlap"),
    ({("A03", "baseline"): 0.0}, ("imputed",), changes.NOT_POSITIVE),
)


@pytest.mark.parametrize(("changed", "methods", "reason"), MISSING)
def test_the_reason_why_a_number_is_missing_is_true(changed, methods, reason):
    layout = _made_up(changed=changed)  # T3 has one treated participant
    robustness = ROBUSTNESS.model_copy(update={"families": {"one": Family(outcomes=["p1np"])}})
    jointly = multiplicity_table(layout, robustness).assign(method="max-T").rename(columns={"p_max_t": "value"})
    planned = power.power_table(PLANNED.assign(outcome="p1np"), layout, ROBUSTNESS)
    table = pd.concat(
        [sensitivity.sensitivity_table(layout, ROBUSTNESS), interaction_table(layout, ROBUSTNESS), jointly, planned]
    )
    assert (table["value"].isna() == table["reason"].ne("")).all()
    missing = table[table["value"].isna() & table["method"].str.startswith(methods)]
    assert all(missing["method"].str.startswith(method).any() for method in methods)
    assert missing["reason"].str.contains(reason).all()


# Influence and suspect values


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.3])
@pytest.mark.parametrize(("test", "changed"), [("normal", None), ("brunner_munzel", NEAR_TIES)])
def test_leaving_one_out_equals_the_analysis_without_that_participant(alpha, test, changed):
    table = sensitivity.leave_one_out_table(_made_up(changed=changed, alpha=alpha, test=test))
    own = one(table, visit="week_2", stratum="all", statistic="p", group="A03")
    (comparison,) = (c for c in _made_up(changed=changed, exclude=["A03"]).overall if c.visit == "week_2")
    assert own["value"] == pytest.approx(get_test(test).compare(*comparison.samples()).p, rel=1e-12)
    assert (own["n_first"], own["n_second"]) == (7, 8)
    for _, rows in table.groupby(["outcome", "visit", "stratum"], sort=False):
        p = rows.loc[rows["statistic"].eq("p"), "value"]
        whole, lowest, highest, flips = rows["value"].to_numpy(float)[:4]
        assert (lowest, highest) == (p.min(), p.max())
        assert flips == ((p <= alpha) != (whole <= alpha))[p.notna()].sum()
        order = rows.loc[p.dropna().index].assign(change=-(p - whole).abs().round(10))[["change", "group"]]
        assert order.equals(order.sort_values(["change", "group"]))  # ties too, on every processor


def _suspect(layout, **different):
    row = {"source": "", "locator": "", "outcome": "p1np", "visit": "week_4", "arm": "d_q", "reason": ""}
    suspects = pd.DataFrame([row | different], columns=list(read_published_frame(None, "suspect_values")))
    return sensitivity.suspect_values_table(suspects, layout, ROBUSTNESS)


@pytest.mark.parametrize("change", ["percent", "difference", "log_ratio"])
def test_a_larger_suspect_value_moves_means_and_not_ranks(change):
    layout = _made_up(change=change, alpha=0.2)
    treated = pipeline.pick(layout.changes, visit="week_4", arm="d_q")
    person = treated.loc[treated["value"].idxmax()]
    largest = 100 * (person["follow_up"] / person["baseline"] - 1)
    plain, instead = f"{largest:.1f}", f"{10 * largest:.0f}"
    table, groups = _suspect(layout, reported=plain, instead=instead), (plain, f"{instead} for {plain}")
    keys = {"visit": "week_4", "stratum": "all"}
    ranks = [one(table, **keys, group=g, method="rank-sum, normal", statistic="p")["value"] for g in groups]
    means = [one(table, **keys, group=g, statistic="mean_difference")["value"] for g in groups]
    assert ranks[0] == ranks[1]
    new = np.array([plain, instead], float)
    moved = {"percent": new, "difference": person["baseline"] * new / 100, "log_ratio": np.log1p(new / 100)}[change]
    assert means[1] - means[0] == pytest.approx((moved[1] - moved[0]) / 8, rel=1e-6)
    without = one(table, **keys, group=f"without {plain}", statistic="mean_difference")
    assert (without["n_first"], without["n_second"]) == (7, 8)
    if change == "percent":
        (comparison,) = (c for c in layout.overall if c.visit == "week_4")
        limit = one(table, **keys, group=plain, statistic="hodges_lehmann_lower")["value"]
        expected = hodges_lehmann(*comparison.samples(), method="normal", confidence=0.8).lower
        assert limit == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("rule", ["trim", "winsorise"])
@pytest.mark.parametrize("test", ["exact", "welch"])
def test_the_suspect_value_as_reported_gives_the_comparison_of_the_analysis(rule, test):
    """By its own test, and after its rule for outliers."""
    layout, before = _made_up(test=test, outliers=settings.Outliers(rule=rule, limit=0.2)), _made_up(test=test)
    largest = pipeline.pick(before.changes, visit="week_4", arm="d_q").nlargest(1, "value").iloc[0]
    plain = f"{100 * (largest['follow_up'] / largest['baseline'] - 1):.6f}"
    table = _suspect(replace(layout, changes=before.changes), reported=plain, instead="1")
    rows = one(table, visit="week_4", stratum="all", group=plain, statistic="p", method=f"test of the analysis, {test}")
    (comparison,) = (c for c in layout.overall if c.visit == "week_4" and c.is_change)
    assert rows["value"] == pytest.approx(get_test(test).compare(*comparison.samples()).p, rel=1e-6)
    assert (rows["n_first"], rows["n_second"]) == comparison.counts()
    limit = one(table, visit="week_4", stratum="all", group=plain, statistic="hodges_lehmann_lower")
    assert limit["reason"] == ("" if test == "exact" else "no interval of the shift for this test")


@pytest.mark.parametrize("exclude", [[], ["A03"]])
def test_a_suspect_value_that_no_analysed_participant_has_is_said(exclude):
    whose = pipeline.one(_made_up().changes, participant="A03", visit="week_4")
    value = f"{100 * (whose['follow_up'] / whose['baseline'] - 1):.6f}" if exclude else "987.6"
    table = _suspect(_made_up(exclude=exclude), reported=value, instead="98.76")
    (row,) = table[["statistic", "method", "reason"]].itertuples(index=False, name=None)
    assert row == ("p", "test of the analysis, normal", sensitivity.ABSENT)


def test_the_suspect_value_of_the_registry_is_in_the_bundled_cohort():
    suspects = read_published_frame("data/published", "suspect_values")
    table = sensitivity.suspect_values_table(suspects, pipeline.run_config().layout, ROBUSTNESS)
    assert set(table["group"]) == {"1480", "148.0 for 1480", "without 1480"}
    assert np.isfinite(table["value"]).mean() > 0.9


# Power


def test_power_is_that_of_the_reported_calculation():
    table = power.power_table(PLANNED, pipeline.run_config().layout, ROBUSTNESS)
    implied = one(table, statistic="implied_sd")
    assert (implied["n_first"], implied["n_second"]) == (27, 27)
    assert round(implied["value"], 1) == 22.0
    keys = {"outcome": "ctx", "visit": "week_2", "marker": "p16_variant_5", "stratum": "T3", "group": "planned"}
    t3 = one(table, **keys, statistic="power", method="two-sided t test")
    assert (t3["n_first"], t3["n_second"]) == (10, 11)
    assert t3["value"] == pytest.approx(0.4977, abs=0.002)
    planned = ["difference", "implied_sd", "power", "power_lower", "power_upper", "detectable_difference"]
    assert table.loc[table["group"].eq(power.PLANNED), "statistic"].unique().tolist() == planned
    ratio = table[table["statistic"].eq("exaggeration")]["value"].dropna()
    assert (ratio >= 1 - 1e-9).all()
    assert (ratio > 1.2).mean() > 0.5


@pytest.mark.parametrize("different", [{"change": "difference"}, {"outcomes": ["p1np"]}])
def test_a_plan_of_what_is_not_compared_is_said(different):
    table = power.power_table(PLANNED, _made_up(**different), ROBUSTNESS)
    planned = table[table["group"].eq(power.PLANNED) & table["statistic"].eq("power")]
    assert planned["reason"].tolist() == [power.NOT_PLANNED]


def test_a_smaller_alpha_has_less_power_for_the_overall_effect():
    values = []
    for alpha in (0.05, 0.01):
        table = power.power_table(PLANNED[:0], _made_up(alpha=alpha), ROBUSTNESS)
        values.append(table[table["statistic"].eq("power") & table["reason"].eq("")].reset_index(drop=True))
    assert set(values[0]["group"]) == {power.OBSERVED, power.OVERALL}
    assert (values[1]["value"] < values[0]["value"]).all()
    # A stratum has as its overall effect the one observed in all participants.
    overall = values[0][values[0]["group"].eq(power.OVERALL)]
    assert overall["marker"].ne("").all()
