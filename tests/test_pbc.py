"""The real trial, by configuration alone, against R."""

import pipeline
import pytest
from oracle_values import rows

from d_q_trial.config import settings


@pytest.fixture(scope="module")
def run():
    return pipeline.of_config("data/pbc/config.yaml")


@pytest.fixture(scope="module")
def corrected(run):
    analysis = settings.load("data/pbc/config.yaml").analyses["copper_tertiles"]
    analysis = analysis.model_copy(update={"test": "normal_continuity"})
    return pipeline.run(run.participants, run.trial, analysis, also=())


@pytest.mark.parametrize("oracle", rows("pbc_results"), ids=lambda r: f"{r['outcome']} {r['visit']} {r['stratum']}")
def test_numbers_of_real_participants_equal_those_of_r(run, corrected, oracle):
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
