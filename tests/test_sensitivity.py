"""The robustness tables of an analysis, on made-up participants, the bundled cohort and the real trial."""

from functools import lru_cache

import cohorts
import numpy as np
import pandas as pd
import pipeline
import pytest

from d_q_trial.config import settings
from d_q_trial.published_tables import published_frame
from d_q_trial.robustness import interaction, power, sensitivity
from d_q_trial.robustness.comparisons import all_comparisons, overall
from d_q_trial.stats.interaction import mann_whitney_effect
from d_q_trial.stats.rank_sum import rank_sum
from d_q_trial.trial import load_trial

ROBUSTNESS = settings.Robustness(permutations=99)
PBC = "data/pbc/config.yaml"
PLANNED = published_frame("data/published", "power", power.NUMERIC)


def _analysis(path="tests/config.yaml", **different):
    chosen = settings.load(path)
    return chosen.analyses[chosen.reference].model_copy(update=different)


@lru_cache
def _data(path="tests/config.yaml"):
    run = pipeline.of_config(path)
    return run.changes, run.strata, run.trial, _analysis(path)


def _made_up(n=16, drop=(), seed=5, **different):
    """Two arms of n / 2 with a marker and P1NP at four visits; `drop` names (participant, visit) without a value."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        name, arm = f"A{i:02d}", "d_q" if i < n / 2 else "control"
        baseline = 40.0 + rng.integers(0, 30)
        visits = {"baseline": baseline}
        for visit in ("week_2", "week_4", "week_20"):
            value = float(np.round(baseline * np.exp(rng.normal(0.1 * (arm == "d_q"), 0.2)), 1))
            visits[visit] = None if (name, visit) in drop else value
        rows += cohorts.measured(name, arm, "p1np", **visits)
        rows += cohorts.measured(name, arm, "p16_variant_5", baseline=float(rng.permutation(n)[0] + i / 100))
    trial = load_trial("data/trial.yaml")
    made = pipeline.run(cohorts.participants(rows), trial, _analysis(**different))
    return made.changes, made.strata, trial, _analysis(**different)


def _pick(frame, **keys):
    for key, wanted in keys.items():
        frame = frame[frame[key].eq(wanted)]
    assert len(frame) == 1, f"{len(frame)} rows for {keys}"
    return frame.iloc[0]


@pytest.mark.parametrize("path", ["tests/config.yaml", PBC])
def test_comparisons_hold_the_participants_of_the_results(path):
    results = pipeline.of_config(path).results
    keys = ["outcome", "measure", "visit", "marker", "stratum", "contrast"]
    printed = results[results["statistic"].eq("p") & results["method"].eq("normal")].set_index(keys)["value"].to_dict()
    for comparison in all_comparisons(*_data(path)):
        p = rank_sum(*comparison.samples(), method="normal").p
        assert p == pytest.approx(printed[comparison.key], rel=1e-12)


def test_an_excluded_participant_is_in_no_comparison():
    changes, _, trial, analysis = _made_up(exclude=["A03"])
    for comparison in overall(changes, trial, analysis):
        assert "A03" not in comparison.participant


def test_interaction_is_the_difference_of_the_effects_of_the_strata():
    data = _data(PBC)
    table = interaction.interactions(*data, ROBUSTNESS)
    run = pipeline.of_config(PBC)
    contrast = "d_penicillamine - placebo"
    for outcome in ("bilirubin", "albumin"):
        keys = {"outcome": outcome, "visit": "year_1", "contrast": contrast}
        upper, lower = (run.value("mann_whitney_effect", **keys, stratum=stratum) for stratum in ("T3", "T1"))
        row = _pick(
            table, outcome=outcome, visit="year_1", contrast=f"{contrast}, T3 - T1", statistic="effect_difference"
        )
        assert row["value"] == pytest.approx(upper - lower, rel=1e-12)
    # Three strata make three differences.
    assert table["contrast"].nunique() == 4


def test_interaction_does_not_depend_on_what_else_is_tested():
    changes, strata, trial, analysis = _made_up()
    whole = interaction.interactions(changes, strata, trial, analysis, ROBUSTNESS)
    part = interaction.interactions(changes[changes["visit"].eq("week_4")], strata, trial, analysis, ROBUSTNESS)
    pd.testing.assert_frame_equal(whole[whole["visit"].eq("week_4")].reset_index(drop=True), part)


def test_covariance_equals_statsmodels():
    import statsmodels.formula.api as smf

    run = pipeline.of_config(PBC)
    rows = run.changes[run.changes["outcome"].eq("albumin") & run.changes["visit"].eq("month_6")].dropna(
        subset=["baseline", "follow_up"]
    )
    rows = rows.assign(
        treated=rows["arm"].eq("d_penicillamine").astype(float),
        y=np.log(rows["follow_up"]),
        x=np.log(rows["baseline"]),
    )
    theirs = smf.ols("y ~ treated + x", rows).fit(cov_type="HC3", use_t=True)
    table = sensitivity.sensitivity(*_data(PBC), ROBUSTNESS)
    keys = {"outcome": "albumin", "visit": "month_6", "stratum": "all", "method": "covariance, log scale, HC3, t"}
    # The change carries ten significant digits.
    assert _pick(table, **keys, statistic="adjusted_difference")["value"] == pytest.approx(
        theirs.params["treated"], rel=1e-6
    )
    assert _pick(table, **keys, statistic="p")["value"] == pytest.approx(theirs.pvalues["treated"], rel=1e-6)


def test_adjusted_percent_follows_from_the_adjusted_difference():
    changes, strata, trial, analysis = _made_up()
    table = sensitivity.sensitivity(changes, strata, trial, analysis, ROBUSTNESS)
    for method in ("covariance, log scale, HC3, t", "mixed model, restricted likelihood, t (Satterthwaite)"):
        keys = {"visit": "week_4", "stratum": "all", "method": method}
        difference = _pick(table, **keys, statistic="adjusted_difference")["value"]
        assert _pick(table, **keys, statistic="adjusted_percent")["value"] == pytest.approx(
            100 * (np.exp(difference) - 1), rel=1e-9
        )


def test_bounds_enclose_the_p_of_any_value_of_the_missing():
    drop = [("A02", "week_20"), ("A11", "week_20")]
    changes, strata, trial, analysis = _made_up(drop=drop)
    table = sensitivity.sensitivity(changes, strata, trial, analysis, ROBUSTNESS)
    keys = {"visit": "week_20", "stratum": "all"}
    low, high = (_pick(table, **keys, statistic=s) for s in ("p_lowest", "p_highest"))
    assert (low["n_first"], low["n_second"]) == (8, 8)
    rng = np.random.default_rng(1)
    comparison = next(c for c in overall(changes, trial, analysis) if c.visit == "week_20")
    seen = []
    for guess in rng.normal(0, 40, (200, 2)):
        filled = comparison.value.copy()
        filled[np.isnan(filled)] = guess
        seen.append(rank_sum(filled[comparison.is_first], filled[~comparison.is_first], method="normal").p)
    assert low["value"] <= min(seen) < max(seen) <= high["value"] <= 1
    assert low["value"] < high["value"]


def test_imputation_keeps_complete_visits_and_counts_the_missing_share():
    drop = [("A02", "week_20"), ("A11", "week_20"), ("A15", "week_20")]
    complete = sensitivity.sensitivity(*_made_up(24), ROBUSTNESS)
    partial = sensitivity.sensitivity(*_made_up(24, drop), ROBUSTNESS)

    def share(table, visit):
        rows = table[table["statistic"].eq("missing_share") & table["visit"].eq(visit) & table["stratum"].eq("all")]
        return rows["value"].to_numpy()

    assert (share(complete, "week_20") == 0).all()
    assert (share(partial, "week_20") > 0.01).all()
    assert (share(partial, "week_2") == 0).all()
    keys = {"visit": "week_2", "stratum": "all", "statistic": "adjusted_difference"}
    full = complete[complete["method"].str.startswith("covariance, log")]
    imputed = partial[partial["method"].str.startswith("imputed, covariance")]
    assert _pick(imputed, **keys)["value"] == pytest.approx(_pick(full, **keys)["value"], rel=1e-9)


def test_leaving_one_out_equals_the_analysis_without_that_participant():
    changes, strata, trial, analysis = _made_up()
    table = sensitivity.leave_one_out(changes, strata, trial, analysis)
    own = _pick(table, visit="week_4", stratum="all", statistic="p", group="A03")
    without, *_ = _made_up(exclude=["A03"])
    comparison = next(c for c in overall(without, trial, analysis) if c.visit == "week_4")
    assert own["value"] == pytest.approx(rank_sum(*comparison.samples(), method="normal").p, rel=1e-12)
    assert (own["n_first"], own["n_second"]) == (7, 8)
    rows = table[table["visit"].eq("week_4") & table["stratum"].eq("all")]
    ps = rows[rows["statistic"].eq("p")]["value"]
    assert _pick(rows, statistic="p_minimum")["value"] == ps.min()
    assert _pick(rows, statistic="p_maximum")["value"] == ps.max()
    whole = _pick(rows, statistic="p_all")["value"]
    assert _pick(rows, statistic="flips")["value"] == ((ps < 0.05) != (whole < 0.05)).sum()
    assert (ps - whole).abs().is_monotonic_decreasing


def _suspect(**different):
    row = {"source": "", "locator": "", "outcome": "p1np", "visit": "week_4", "arm": "d_q", "reason": ""}
    return pd.DataFrame([row | different], columns=list(published_frame(None, "suspect_values")))


def test_a_larger_suspect_value_moves_means_and_not_ranks():
    changes, strata, trial, analysis = _made_up()
    treated = changes[changes["visit"].eq("week_4") & changes["arm"].eq("d_q")]
    largest = treated["value"].max()
    suspects = _suspect(reported=f"{largest:.1f}", instead=f"{10 * largest:.0f}")
    table = sensitivity.suspect_values(suspects, changes, strata, trial, analysis, ROBUSTNESS)
    plain, worse = suspects["reported"].item(), f"{suspects['instead'].item()} for {suspects['reported'].item()}"
    keys = {"visit": "week_4", "stratum": "all"}
    ranks = [_pick(table, **keys, group=g, method="rank-sum, normal", statistic="p")["value"] for g in (plain, worse)]
    means = [_pick(table, **keys, group=g, statistic="mean_difference")["value"] for g in (plain, worse)]
    assert ranks[0] == ranks[1]
    assert means[1] - means[0] == pytest.approx((float(suspects["instead"].item()) - float(plain)) / 8, rel=1e-9)
    without = _pick(table, **keys, group=f"without {plain}", statistic="mean_difference")
    assert (without["n_first"], without["n_second"]) == (7, 8)


def test_a_suspect_value_that_no_participant_has_is_said():
    data = _made_up()
    table = sensitivity.suspect_values(_suspect(reported="987.6", instead="98.76"), *data, ROBUSTNESS)
    assert table["reason"].tolist() == [sensitivity.ABSENT]


def test_the_suspect_value_of_the_registry_is_in_the_bundled_cohort():
    suspects = published_frame("data/published", "suspect_values")
    table = sensitivity.suspect_values(suspects, *_data(), ROBUSTNESS)
    assert set(table["group"]) == {"1480", "148.0 for 1480", "without 1480"}
    assert np.isfinite(table["value"]).mean() > 0.9


def test_power_is_that_of_the_reported_calculation():
    table = power.power_table(PLANNED, *_data(), ROBUSTNESS)
    implied = _pick(table, statistic="implied_sd")
    assert (implied["n_first"], implied["n_second"]) == (27, 27)
    assert round(implied["value"], 1) == 22.0
    keys = {"outcome": "ctx", "visit": "week_2", "marker": "p16_variant_5", "stratum": "T3", "group": "planned"}
    t3 = _pick(table, **keys, statistic="power", method="two-sided t test")
    assert (t3["n_first"], t3["n_second"]) == (10, 11)
    assert t3["value"] == pytest.approx(0.4977, abs=0.002)


def test_significant_comparisons_exaggerate():
    table = power.power_table(PLANNED[:0], *_data(), ROBUSTNESS)
    ratio = table[table["statistic"].eq("exaggeration")]["value"].dropna()
    assert (ratio >= 1 - 1e-9).all()
    assert (ratio > 1.2).mean() > 0.5


def test_panels_without_ids_give_reasons_where_ids_are_needed():
    trial = load_trial("data/trial.yaml")
    rng = np.random.default_rng(1)
    rows = [
        {
            "participant": f"panel-{i}",
            "linked": False,
            "arm": arm,
            "marker": "p16_variant_5",
            "stratum": stratum,
            "variable": "p1np",
            "visit": "week_2",
            "measure": "percent_change",
            "value": float(np.round(rng.normal(0, 20), 1)),
        }
        for i, (arm, stratum) in enumerate([(a, s) for a in ("d_q", "control") for s in ("T3", "T1/T2")] * 6)
    ]
    analysis = _analysis()
    made = pipeline.run(cohorts.participants(rows), trial, analysis)
    data = made.changes, made.strata, trial, analysis
    assert _pick(
        interaction.interactions(*data, ROBUSTNESS),
        statistic="p",
        method="placements, t, level 0.95",
    )["value"] == pytest.approx(0.5, abs=0.5)
    table = sensitivity.sensitivity(*data, ROBUSTNESS)
    undefined = table[table["statistic"].isin(["p_lowest", "p_highest"])]
    assert len(undefined)
    assert undefined["value"].isna().all()
    assert undefined["reason"].eq(sensitivity.NO_IDS).all()
    covariance = table[table["method"].str.startswith("covariance") & table["statistic"].eq("p")]
    assert covariance["reason"].eq(sensitivity.NO_BASELINE).all()


def test_tables_repeat_and_every_missing_value_has_a_reason():
    data = _made_up(drop=[("A02", "week_20")])
    for build in (interaction.interactions, sensitivity.sensitivity):
        one, two = build(*data, ROBUSTNESS), build(*data, ROBUSTNESS)
        pd.testing.assert_frame_equal(one, two)
        assert (one["value"].isna() == one["reason"].ne("")).all()


def _tables(alpha=0.05, **different):
    changes, strata, trial, analysis = _made_up(n=24, alpha=alpha, **different)
    data = (changes, strata, trial, analysis)
    return pd.concat([sensitivity.sensitivity(*data, ROBUSTNESS), interaction.interactions(*data, ROBUSTNESS)])


def test_a_smaller_alpha_widens_every_interval():
    keys = ["outcome", "measure", "visit", "marker", "stratum", "contrast", "statistic"]
    by_alpha = []
    for alpha in (0.05, 0.01):
        table = _tables(alpha)
        table = table.assign(method=table["method"].str.replace(r", level 0\.\d+", "", regex=True))
        by_alpha.append(table.set_index([*keys, "method"])["value"])
    names = {"adjusted_difference", "adjusted_percent", "mann_whitney_effect", "effect_difference", "slope_difference"}
    seen = set()
    for key, wide in by_alpha[1].dropna().items():
        name, _, end = key[6].rpartition("_")
        if end in ("lower", "upper") and name in names:
            narrow = by_alpha[0][key]
            assert wide < narrow if end == "lower" else wide > narrow, key
            seen.add((name, key[7].split(",")[0]))
    methods = {"covariance", "mixed model", "imputed", "placements", "log ratio on arm x marker"}
    assert {method for _, method in seen} == methods


def test_the_imputed_effect_of_complete_values_is_the_effect_itself():
    changes, strata, trial, analysis = _made_up(n=24)
    table = sensitivity.sensitivity(changes, strata, trial, analysis, ROBUSTNESS)
    table = table[table["statistic"].eq("mann_whitney_effect")]
    compared = 0
    for comparison in all_comparisons(changes, strata, trial, analysis):
        rows = table.loc[(table["visit"].eq(comparison.visit)) & table["stratum"].eq(comparison.stratum)]
        effect = mann_whitney_effect(*comparison.samples(comparison.log_ratio)).effect
        assert rows["value"].to_numpy(float) == pytest.approx(effect, rel=1e-9)
        compared += len(rows)
    assert compared >= 6


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.3])
def test_flips_are_the_participants_without_whom_p_lies_on_the_other_side_of_alpha(alpha):
    table = sensitivity.leave_one_out(*_made_up(n=16, alpha=alpha))
    for _, rows in table.groupby(["outcome", "visit", "stratum"], sort=False):
        whole = _pick(rows, statistic="p_all")["value"]
        without = rows.loc[rows["statistic"].eq("p"), "value"]
        assert _pick(rows, statistic="flips")["value"] == ((without <= alpha) != (whole <= alpha)).sum()
