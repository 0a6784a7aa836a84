"""P-values adjusted within the families that the configuration names."""

from itertools import combinations

import numpy as np
import pipeline
import pytest
from cohorts import measured, participants

from d_q_trial.config import settings
from d_q_trial.config.robustness import Family, Robustness
from d_q_trial.robustness.comparisons import all_comparisons
from d_q_trial.robustness.multiplicity import multiplicity
from d_q_trial.stats.multiplicity import holm
from d_q_trial.stats.rank_sum import asymptotic_columns
from d_q_trial.stats.two_sample import get_test
from d_q_trial.trial import load_trial

TRIAL = load_trial("data/trial.yaml")
PUBLISHED = settings.load("tests/config.yaml").analyses["published"]


def _adjusted(families, path="tests/config.yaml", **different):
    run = pipeline.of_config(path)
    chosen = settings.load(path)
    analysis = chosen.analyses[chosen.reference].model_copy(update=different)
    robustness = Robustness(permutations=999, families=families)
    return multiplicity(run.changes, run.strata, run.trial, analysis, robustness)


def _made_up():
    """Ten women, CTx and P1NP at two visits, one without the later CTx."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(10):
        name, arm = f"A{i}", "d_q" if i % 2 else "control"
        for outcome in ("ctx", "p1np"):
            values = dict(zip(("baseline", "week_2", "week_20"), rng.integers(20, 60, 3) / 1.0, strict=True))
            if (name, outcome) == ("A4", "ctx"):
                values["week_20"] = None
            rows += measured(name, arm, outcome, **values)
        rows += measured(name, arm, "p16_variant_5", baseline=1.0 + i)
    return pipeline.run(participants(rows), TRIAL, PUBLISHED)


def test_max_t_is_the_share_of_all_splits_whose_maximum_reaches_the_observed_deviate():
    made = _made_up()
    frame = multiplicity(
        made.changes, made.strata, TRIAL, PUBLISHED, Robustness(permutations=999, families={"x": Family()})
    )
    changes = made.changes[made.changes["measure"].eq("percent_change")]
    wide = changes.pivot(index="participant", columns=["outcome", "visit"], values="value")
    arm = changes.drop_duplicates("participant").set_index("participant")["arm"].reindex(wide.index)
    values = wide[[(row.outcome, row.visit) for row in frame.itertuples()]].to_numpy()
    observed = np.abs(asymptotic_columns(values, arm.eq("d_q").to_numpy(), continuity=False).statistic)
    splits = [np.isin(np.arange(10), chosen) for chosen in combinations(range(10), 5)]
    permuted = np.abs([asymptotic_columns(values, split, continuity=False).statistic for split in splits])
    expected, last = np.empty(4), 0.0
    order = np.argsort(-observed, kind="stable")
    for rank, member in enumerate(order):
        largest = permuted[:, order[rank:]].max(axis=1)
        expected[member] = last = max(last, (largest >= observed[member] - 1e-9).mean())
    np.testing.assert_allclose(frame["p_max_t"], expected, atol=1e-12)
    assert frame["permutations"].eq(252).all()
    assert frame.loc[frame["outcome"].eq("ctx") & frame["visit"].eq("week_20"), "n_second"].item() == 4


def test_a_family_holds_the_comparisons_that_its_words_say():
    frame = _adjusted(
        {
            "overall": Family(outcomes=["turnover", "bmd"]),
            "upper": Family(outcomes=["ctx"], visits=["week_2"], strata=["highest"]),
            "both": Family(outcomes=["bmd"], strata=["each"]),
        }
    )
    assert frame["family"].value_counts().to_dict() == {"overall": 9, "both": 6, "upper": 1}
    upper = frame[frame["family"].eq("upper")].iloc[0]
    assert (upper["stratum"], upper["marker"], upper["n_first"], upper["n_second"]) == ("T3", "p16_variant_5", 10, 11)


def test_p_of_a_family_is_that_of_the_results():
    frame = _adjusted({"a": Family(outcomes=["turnover"], strata=["all", "each"])})
    results = pipeline.of_config("tests/config.yaml").results
    p = results[results["statistic"].eq("p")].set_index(["outcome", "visit", "marker", "stratum", "contrast"])["value"]
    for row in frame.itertuples():
        assert row.p == p[(row.outcome, row.visit, row.marker, row.stratum, row.contrast)]
    np.testing.assert_allclose(frame["p_holm"], holm(frame["p"]))


def test_an_adjusted_p_lies_above_p_and_inside_its_interval():
    frame = _adjusted({"a": Family(outcomes=["turnover", "bmd"], strata=["each"])})
    assert (frame["p_holm"] >= frame["p"]).all()
    assert (frame["p_benjamini_hochberg"] <= frame["p_holm"] + 1e-12).all()
    assert frame["p_max_t"].between(1e-3, 1).all()
    assert (frame["p_max_t_lower"] <= frame["p_max_t"]).all()
    assert (frame["p_max_t"] <= frame["p_max_t_upper"] + 1e-3).all()


def test_the_family_of_one_test_is_not_adjusted():
    frame = _adjusted({"a": Family(outcomes=["ctx"], visits=["week_20"])})
    assert frame["p"].item() == frame["p_holm"].item() == frame["p_benjamini_hochberg"].item()
    assert frame["p_max_t"].item() == pytest.approx(frame["p"].item(), abs=0.05)


def test_other_families_change_no_p():
    one, other = Family(outcomes=["turnover"]), Family(outcomes=["bmd"], strata=["each"])
    both, alone = _adjusted({"a": one, "b": other}), _adjusted({"b": other})
    columns = [name for name in alone.columns if name.startswith("p")]
    np.testing.assert_array_equal(both.loc[both["family"].eq("b"), columns], alone[columns])


def test_panels_without_ids_get_a_reason_instead_of_max_t():
    run = pipeline.of_config("tests/config.yaml")
    loose = run.changes.assign(linked=False, marker="", stratum="")
    frame = multiplicity(
        loose, run.strata.iloc[:0], run.trial, PUBLISHED, Robustness(families={"a": Family(outcomes=["turnover"])})
    )
    assert frame["p_max_t"].isna().all()
    assert frame["permutations"].isna().all()
    assert frame["reason"].str.startswith("participants without ids").all()
    assert frame["p_holm"].notna().all()


def test_each_of_three_strata_is_tested():
    frame = _adjusted({"a": Family(outcomes=["bilirubin"], strata=["each"])}, "data/pbc/config.yaml")
    assert frame["stratum"].tolist() == ["T1", "T2", "T3"] * 2
    assert frame["p_max_t"].notna().all()


@pytest.mark.parametrize("test", ["exact", "normal_continuity", "welch"])
def test_p_of_a_family_is_that_of_the_test_of_the_analysis(test):
    family = Family(outcomes=["turnover", "bmd"], strata=["all", "highest"])
    found = _adjusted({"endpoints": family}, test=test)
    run, analysis = pipeline.of_config(), PUBLISHED.model_copy(update={"test": test})
    comparisons = all_comparisons(run.changes, run.strata, run.trial, analysis)
    expected = {c.key: get_test(test).compare(*c.samples()).p for c in comparisons}
    assert len(found) > 10
    keys = found[["outcome", "measure", "visit", "marker", "stratum", "contrast"]].itertuples(index=False, name=None)
    assert found["p"].tolist() == [expected[key] for key in keys]
