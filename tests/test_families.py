"""P-values adjusted for multiple testing within the families of the configuration."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pipeline
import pytest
from oracle_values import step_down_by_definition
from pipeline import CONFIG, PBC, PUBLISHED, TRIAL, one, pick

from d_q_trial.config.settings import Family, Robustness
from d_q_trial.robustness.multiplicity import multiplicity_table
from d_q_trial.stats.permutation import adjust_p
from d_q_trial.stats.two_sample import get_test

KEYS = ["outcome", "measure", "visit", "marker", "stratum", "contrast"]


def _adjust_families(families, path=CONFIG, **overrides):
    layout = pipeline.run_config(path)
    analysis = layout.analysis.model_copy(update=overrides)
    return multiplicity_table(replace(layout, analysis=analysis), Robustness(permutations=999, families=families))


@pytest.mark.parametrize("test", ["normal", "normal_continuity"])
def test_max_t_p_is_the_share_of_all_splits_whose_maximum_reaches_the_observed_deviate(test):
    drop = [("A04", "week_20"), ("A06", "week_20"), ("A07", "week_20"), ("A09", "week_2")]
    people = pipeline.make_participants(pipeline.randomized(10, ("ctx", "p1np"), drop=drop))
    layout = pipeline.run(people, TRIAL, PUBLISHED.model_copy(update={"test": test}))
    robustness = Robustness(permutations=999, families={"x": Family()})
    table = multiplicity_table(layout, robustness)
    values, is_first = pipeline.widen_changes(layout)
    values = values[[(row.outcome, row.visit) for row in table.itertuples()]].to_numpy()
    splits = [is_first, *(np.isin(np.arange(10), treated) for treated in combinations(range(10), 5))]
    expected = step_down_by_definition(get_test(test), values, splits)
    np.testing.assert_allclose(table["p_max_t"], expected, atol=1e-12)
    assert table["permutations"].eq(252).all()
    assert pick(table, visit="week_20")[["n_first", "n_second"]].to_numpy().tolist() == [[4, 3]] * 2
    with pytest.raises(MemoryError, match=r"robustness.memory_mb: 0 MB, but 6 specifications need 1 MB"):
        multiplicity_table(layout, robustness.model_copy(update={"memory_mb": 0}))


def test_a_family_contains_the_comparisons_of_its_definition_and_does_not_depend_on_other_families():
    ctx = {"outcomes": ["ctx"], "visits": ["week_2"]}
    families = {"overall": Family(outcomes=["turnover", "bmd"]), "both": Family(outcomes=["bmd"], strata=["each"])}
    families |= {"upper": Family(**ctx, strata=["highest"]), "lower": Family(**ctx, strata=["lowest"])}
    table = _adjust_families(families)
    assert table["family"].value_counts().to_dict() == {"overall": 9, "both": 6, "upper": 1, "lower": 1}
    for name, stratum, n in (("upper", "T3", (10, 11)), ("lower", "T1/T2", (20, 19))):
        row = one(table, family=name)
        assert (row["stratum"], row["marker"], row["n_first"], row["n_second"]) == (stratum, "p16_variant_5", *n)
        assert row["p"] == row["p_holm"] == row["p_benjamini_hochberg"] == pytest.approx(row["p_max_t"], abs=0.05)
    alone = _adjust_families({"both": families["both"]})
    np.testing.assert_array_equal(pick(table, family="both").filter(regex="^p"), alone.filter(regex="^p"))
    thirds = _adjust_families({"a": Family(outcomes=["bilirubin"], strata=["each"])}, PBC)
    assert thirds["stratum"].tolist() == ["T1", "T2", "T3"] * 2
    assert thirds["p_max_t"].notna().all()


@pytest.mark.parametrize("test", ["normal", "exact", "normal_continuity", "welch"])
def test_the_p_values_of_a_family_are_those_of_the_test_of_the_analysis(test):
    families = {"endpoints": Family(outcomes=["turnover", "bmd"], strata=["all", "highest"])}
    table = _adjust_families(families, test=test)
    expected = {c.key: get_test(test).compare(*c.samples()).p for c in pipeline.run_config().compared}
    assert len(table) > 10
    assert table["p"].tolist() == [expected[key] for key in table[KEYS].itertuples(index=False, name=None)]
    np.testing.assert_allclose(table["p_holm"], adjust_p(table["p"], "holm"))
    np.testing.assert_allclose(table["p_benjamini_hochberg"], adjust_p(table["p"], "fdr_bh"))
    assert table["reason"].eq(get_test(test).not_permuted).all()
    permuted = table.dropna(subset="p_max_t")
    assert len(permuted) == (0 if test == "welch" else len(table))
    assert (permuted["p_max_t"] >= permuted["p"] - 0.05).all()
    assert permuted["p_max_t"].between(permuted["p_max_t_lower"], permuted["p_max_t_upper"] + 1e-3).all()
