"""The methods tell the robustness analyses that were made, and no others."""

from types import SimpleNamespace

import pytest

from d_q_trial.config import settings
from d_q_trial.config.robustness import Robustness
from d_q_trial.report.methods_robustness import robustness_sentences
from d_q_trial.report.references import REFERENCES
from d_q_trial.trial import load_trial

TRIAL = load_trial("data/trial.yaml")
TOLD = {
    "sensitivity/interaction": "acts differently between strata",
    "robustness/cutoffs": "every cut of p16 variant 5 and p16 variant 1+5 that leaves at least six participants per arm",
    "robustness/multiplicity": "Within the families “overall endpoints”, “highest stratum”,",
    "robustness/specifications": "For CTx and P1NP, all combinations of marker and cut",
    "sensitivity/sensitivity": "covariance on the baseline value",
    "sensitivity/leave_one_out": "without each participant in turn",
}


def _text(made, robustness=None):
    cited = []

    def cite(*keys):
        cited.extend(keys)
        return "[]"

    chosen = robustness or settings.load("config.yaml").robustness
    facts = SimpleNamespace(trial=TRIAL, made=frozenset(made), robustness=chosen)
    text = " ".join(robustness_sentences(facts, cite))
    assert set(cited) <= set(REFERENCES)
    return text


@pytest.mark.parametrize("name", list(TOLD))
def test_an_analysis_is_told_without_its_table_or_not_with_it(name):
    assert TOLD[name] in _text(TOLD)
    assert TOLD[name] not in _text(set(TOLD) - {name})
    assert "1,999 permutations and the seed 20240722" in _text({name})


def test_a_run_without_robustness_analyses_tells_of_permutations():
    assert _text(set()) == ""


def test_multiplicity_is_told_without_a_family():
    assert _text({"robustness/multiplicity"}, Robustness()) == ""
    one = Robustness(families={"endpoints": {}})
    assert "Within the family “endpoints”, P-values" in _text({"robustness/multiplicity"}, one)
