"""P-values adjusted within the families that the configuration names."""

from dataclasses import replace
from itertools import combinations

import cohorts
import numpy as np
import pipeline
import pytest
from pipeline import PUBLISHED, TRIAL

from d_q_trial.config.robustness import Family, Robustness
from d_q_trial.robustness.multiplicity import multiplicity_table
from d_q_trial.stats.permutation import adjust_p
from d_q_trial.stats.two_sample import get_test

KEYS = ["outcome", "measure", "visit", "marker", "stratum", "contrast"]


def _adjusted(families, path="tests/config.yaml", **different):
    layout = pipeline.run_config(path).layout
    analysis = layout.analysis.model_copy(update=different)
    return multiplicity_table(replace(layout, analysis=analysis), Robustness(permutations=999, families=families))


@pytest.mark.parametrize("test", ["normal", "normal_continuity"])
def test_max_t_is_the_share_of_all_splits_whose_maximum_reaches_the_observed_deviate(test):
    drop = [(f"A{i:02d}", visit) for i, visit in ((4, "week_20"), (6, "week_20"), (7, "week_20"), (9, "week_2"))]
    rows = cohorts.randomized(10, ("ctx", "p1np"), drop=drop)
    made = pipeline.run(cohorts.make_participants(rows), TRIAL, PUBLISHED.model_copy(update={"test": test}))
    robustness = Robustness(permutations=999, families={"x": Family()})
    frame = multiplicity_table(made.layout, robustness)
    changes = made.changes[made.changes["measure"].eq("percent_change")]
    wide = changes.pivot(index="participant", columns=["outcome", "visit"], values="value")
    values = wide[[(row.outcome, row.visit) for row in frame.itertuples()]].to_numpy()
    treated = changes.drop_duplicates("participant").set_index("participant")["arm"].reindex(wide.index).eq("d_q")
    splits = [treated.to_numpy(), *(np.isin(np.arange(10), chosen) for chosen in combinations(range(10), 5))]
    z = [np.abs(get_test(test).compare_columns(values, split).statistic) for split in splits]
    observed, permuted = z[0], np.nan_to_num(z[1:])
    expected, last = np.empty(len(observed)), 0.0
    order = np.argsort(-observed, kind="stable")
    for rank, member in enumerate(order):
        largest = permuted[:, order[rank:]].max(axis=1)
        expected[member] = last = max(last, (largest >= observed[member] - 1e-9).mean())
    np.testing.assert_allclose(frame["p_max_t"], expected, atol=1e-12)
    assert frame["permutations"].eq(252).all()
    assert frame.loc[frame["visit"].eq("week_20"), ["n_first", "n_second"]].to_numpy().tolist() == [[4, 3]] * 2
    with pytest.raises(MemoryError, match=r"robustness.memory_mb: 0 MB, but 6 specifications need 1 MB"):
        multiplicity_table(made.layout, robustness.model_copy(update={"memory_mb": 0}))


def test_a_family_holds_the_comparisons_that_its_words_say():
    frame = _adjusted(
        {
            "overall": Family(outcomes=["turnover", "bmd"]),
            "upper": Family(outcomes=["ctx"], visits=["week_2"], strata=["highest"]),
            "lower": Family(outcomes=["ctx"], visits=["week_2"], strata=["lowest"]),
            "both": Family(outcomes=["bmd"], strata=["each"]),
        }
    )
    assert frame["family"].value_counts().to_dict() == {"overall": 9, "both": 6, "upper": 1, "lower": 1}
    for name, stratum, n in (("upper", "T3", (10, 11)), ("lower", "T1/T2", (20, 19))):
        row = frame[frame["family"].eq(name)].iloc[0]
        assert (row["stratum"], row["marker"], row["n_first"], row["n_second"]) == (stratum, "p16_variant_5", *n)
    three = _adjusted({"a": Family(outcomes=["bilirubin"], strata=["each"])}, "data/pbc/config.yaml")
    assert three["stratum"].tolist() == ["T1", "T2", "T3"] * 2
    assert three["p_max_t"].notna().all()


@pytest.mark.parametrize("test", ["normal", "exact", "normal_continuity", "welch"])
def test_p_of_a_family_is_that_of_the_test_of_the_analysis(test):
    found = _adjusted({"endpoints": Family(outcomes=["turnover", "bmd"], strata=["all", "highest"])}, test=test)
    compared = {c.key: get_test(test).compare(*c.samples()).p for c in pipeline.run_config().layout.compared}
    assert len(found) > 10
    assert found["p"].tolist() == [compared[key] for key in found[KEYS].itertuples(index=False, name=None)]
    np.testing.assert_allclose(found["p_holm"], adjust_p(found["p"], "holm"))
    np.testing.assert_allclose(found["p_benjamini_hochberg"], adjust_p(found["p"], "fdr_bh"))
    if test == "welch":
        assert found["p_max_t"].isna().all()
        assert found["reason"].eq(get_test("welch").not_permuted).all()
        return
    assert found["reason"].eq("").all()
    assert (found["p_max_t"] >= found["p"] - 0.05).all()
    assert found["p_max_t"].between(found["p_max_t_lower"], found["p_max_t_upper"] + 1e-3).all()


def test_other_families_change_no_p_and_the_family_of_one_test_is_not_adjusted():
    families = {"one": Family(outcomes=["ctx"], visits=["week_20"]), "bmd": Family(outcomes=["bmd"], strata=["each"])}
    both, alone = _adjusted(families), _adjusted({"bmd": families["bmd"]})
    np.testing.assert_array_equal(both[both["family"].eq("bmd")].filter(regex="^p"), alone.filter(regex="^p"))
    assert both.at[0, "p"] == both.at[0, "p_holm"] == both.at[0, "p_benjamini_hochberg"]
    assert both.at[0, "p_max_t"] == pytest.approx(both.at[0, "p"], abs=0.05)
