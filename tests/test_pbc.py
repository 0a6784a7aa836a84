"""The real trial, by configuration alone, against R."""

import pipeline
import pytest
from oracle_values import rows


@pytest.fixture(scope="module")
def run():
    return pipeline.of_config("data/pbc/config.yaml")


@pytest.mark.parametrize("oracle", rows("pbc_results"), ids=lambda r: f"{r['outcome']} {r['visit']} {r['stratum']}")
def test_real_participants_give_other_numbers_than_in_r(run, oracle):
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
    corrected = run.alternatives[run.alternatives["method"].eq("normal_continuity")]
    for key, value in contrast.items():
        corrected = corrected[corrected[key].eq(value)]
    assert corrected["value"].item() == pytest.approx(float(oracle["normal_continuity"]), rel=1e-9)


def test_real_participants_are_called_synthetic(run):
    assert run.participants.label is None
