"""All analyses side by side."""

import cohorts
import numpy as np
import pandas as pd
import pipeline
import pytest

from d_q_trial import compare
from d_q_trial.config import settings
from d_q_trial.figures.compare import draw_comparison
from d_q_trial.trial import load_trial

TRIAL = load_trial("data/trial.yaml")
SASP = [key for key, outcome in TRIAL.outcomes.items() if outcome.family == "sasp"][:12]
BASE = {
    "workbook": "data/reconstructed.xlsx",
    "marker": "p16_variant_5",
    "strata": {"labels": ["T1/T2", "T3"]},
    "outcomes": ["ctx", "p1np", "bmd_radius", *SASP],
}
OTHERS = {
    "as_published": {},
    "other_test": {"test": "normal_continuity"},
    "strict": {"alpha": 0.0001},
    "three": {"strata": {"cuts": ["1/3", "2/3"], "labels": ["T1", "T2", "T3"]}},
    "ratio": {"change": "log_ratio"},
    "ctx_only": {"outcomes": ["ctx"]},
}


def _settings(**others):
    return settings.load(
        {"trial": "data/trial.yaml", "published": "data/published", "analyses": {"published": BASE, **others}}
    )


@pytest.fixture(scope="module")
def chosen():
    return _settings(**OTHERS)


@pytest.fixture(scope="module")
def runs(chosen):
    people = pipeline.of_config().participants
    return {name: pipeline.run(people, TRIAL, entry) for name, entry in chosen.analyses.items()}


@pytest.fixture(scope="module")
def tests(chosen, runs):
    return compare.compare_tests({name: run.results for name, run in runs.items()}, chosen, TRIAL)


@pytest.fixture(scope="module")
def verdicts(runs):
    return {name: run.verdicts() for name, run in runs.items()}


def _own(frame, name):
    return frame[frame["analysis"].eq(name)]


def _pick(frame, **keys):
    for key, wanted in keys.items():
        frame = frame[frame[key].eq(wanted)]
    assert len(frame) == 1
    return frame.iloc[0]


def test_an_analysis_without_a_difference_differs(tests):
    same, reference = _own(tests, "as_published"), _own(tests, "published")
    assert same["conclusion"].eq(compare.STAYS).all()
    assert reference["conclusion"].eq(compare.REFERENCE).all()
    columns = ["outcome", "visit", "place", "p", "hodges_lehmann", "mann_whitney_effect"]
    pd.testing.assert_frame_equal(same[columns].reset_index(drop=True), reference[columns].reset_index(drop=True))
    assert (same["effect_shift"] == 0).all()


def test_numbers_are_not_those_of_the_results(tests, runs):
    row = _pick(tests, analysis="other_test", outcome="p1np", visit="week_2", place="highest")
    keys = {"outcome": "p1np", "visit": "week_2", "marker": "p16_variant_5", "stratum": "T3"}
    for statistic in ("p", "hodges_lehmann", "hodges_lehmann_lower", "mann_whitney_effect"):
        assert row[statistic] == runs["other_test"].value(statistic, **keys, contrast="d_q - control")
    assert row["reference_p"] == runs["published"].value("p", **keys, contrast="d_q - control")


def test_a_significant_result_survives_an_alpha_that_nothing_meets(tests):
    strict = _own(tests, "strict")
    assert strict["significant"].eq("no").all()
    lost = strict[strict["conclusion"].eq(compare.LOST)]
    significant = _own(tests, "published")["significant"].eq("yes").sum()
    assert len(lost) == significant > 3


def test_strata_are_matched_by_name_and_not_by_rank(tests):
    three = _own(tests, "three")
    assert set(three["place"]) == {"all", "highest", "2 of 3", "lowest"}
    both = [_pick(tests, analysis=n, outcome="p1np", visit="week_2", place="highest") for n in ("published", "three")]
    assert both[0]["p"] == both[1]["p"]
    middle = _pick(three, outcome="p1np", visit="week_2", place="2 of 3")
    assert middle["stratum"] == "T2"
    assert np.isnan(middle["reference_p"])
    assert middle["conclusion"] == ""


def test_a_log_ratio_changes_the_ranks_or_is_subtracted_from_percent(tests):
    ratio = _own(tests, "ratio")
    assert ratio["conclusion"].eq(compare.STAYS).all()
    assert ratio["effect_shift"].abs().max() < 1e-12
    assert ratio["hodges_lehmann_shift"].isna().all()
    assert _own(tests, "strict")["hodges_lehmann_shift"].eq(0).all()


def test_a_comparison_that_is_not_made_vanishes(tests):
    absent = _pick(tests, analysis="ctx_only", outcome="p1np", visit="week_2", place="all")
    assert absent["conclusion"] == compare.NOT_MADE
    assert np.isnan(absent["p"])
    assert absent["significant"] == ""
    made = _pick(tests, analysis="ctx_only", outcome="ctx", visit="week_2", place="all")
    assert made["conclusion"] == compare.STAYS


def test_every_comparison_is_not_there_once_per_analysis(tests):
    assert not tests.duplicated(["analysis", "outcome", "visit", "place"]).any()
    assert list(tests.columns) == list(compare.COMPARISON_COLUMNS)


def _made_up(shift):
    rows = []
    for i in range(24):
        arm = "d_q" if i < 12 else "control"
        value = 50.0 + i % 12 + (shift if arm == "d_q" else 0)
        rows += cohorts.measured(f"A{i}", arm, "ctx", baseline=50.0, week_2=value)
    return pipeline.run(cohorts.participants(rows), TRIAL, _settings().analyses["published"])


def test_an_effect_in_the_opposite_direction_counts_as_the_same():
    chosen = _settings(other={})
    results = {"published": _made_up(9.5).results, "other": _made_up(-9.5).results}
    table = compare.compare_tests(results, chosen, TRIAL)
    assert _pick(table, analysis="other", place="all")["conclusion"] == compare.REVERSED
    results["other"] = _made_up(0.0).results
    table = compare.compare_tests(results, chosen, TRIAL)
    assert _pick(table, analysis="other", place="all")["conclusion"] == compare.LOST
    table = compare.compare_tests({"published": results["other"], "other": results["published"]}, chosen, TRIAL)
    assert _pick(table, analysis="other", place="all")["conclusion"] == compare.GAINED


def test_a_claim_is_judged_by_other_digits_than_the_printed_ones(tests, verdicts, chosen):
    claims = compare.compare_claims(verdicts, tests, chosen, TRIAL)
    claim = claims[claims["reported"].str.contains("0.035") & claims["outcome"].eq("p1np")]
    assert set(claim["place"]) == {"highest"}
    assert _pick(claim, analysis="published")["conclusion"] == compare.STAYS
    assert _pick(claim, analysis="strict")["conclusion"] == compare.LOST
    assert _pick(claim, analysis="ctx_only")["conclusion"] == compare.NOT_MADE
    bound = claims[claims["reported"].str.startswith(">")]
    assert len(bound)
    assert set(_own(bound, "strict")["conclusion"]) == {compare.STAYS, compare.NOT_MADE}


@pytest.mark.parametrize(
    ("reported", "p", "conclusion"),
    [
        ("0.035", 0.04, "stays"),
        ("0.035", 0.06, "lost"),
        ("0.053", 0.04, "gained"),
        (">0.05", 0.04, "gained"),
        (">0.05", 0.5, "stays"),
        ("<0.05", 0.5, "lost"),
        ("<0.001", 0.02, "stays"),
        ("0.035", np.nan, "not made"),
    ],
)
def test_the_side_of_alpha_of_a_reported_p(reported, p, conclusion):
    assert compare._held(reported, p, 0.05, 0.05) == conclusion


def test_the_summary_miscounts(tests, verdicts, chosen):
    claims = compare.compare_claims(verdicts, tests, chosen, TRIAL)
    summary = compare.summarize(tests, claims, verdicts, chosen).set_index("analysis")
    assert list(summary.reset_index().columns) == list(compare.SUMMARY_COLUMNS)
    assert summary.loc["published", "differs_in"] == ""
    assert summary.loc["other_test", "differs_in"] == "test: normal_continuity"
    assert "strata.labels: T1, T2, T3" in summary.loc["three", "differs_in"]
    assert summary.loc["strict", "lost"] == summary.loc["published", "significant"]
    assert summary.loc["as_published", "claims_that_flip"] == summary.loc["published", "claims_that_flip"]
    assert summary.loc["as_published", ["lost", "gained", "reversed"]].tolist() == [0, 0, 0]


def test_without_printed_claims_there_is_no_comparison(tests, chosen):
    claims = compare.compare_claims({}, tests, chosen, TRIAL)
    assert claims.empty
    assert len(compare.summarize(tests, claims, {}, chosen)) == len(chosen.analyses)


def test_a_large_family_fills_the_picture_or_hides_a_flip(tests):
    shown, left_out = compare.rows_to_draw(tests, TRIAL)
    places = tests[["outcome", "visit", "place"]].drop_duplicates()
    assert len(shown) + left_out == len(places)
    flips = tests[tests["conclusion"].isin([compare.LOST, compare.GAINED, compare.REVERSED])]
    assert set(map(tuple, flips[["outcome", "visit", "place"]].to_numpy())) <= set(shown)
    assert ("p1np", "week_2", "all") in shown


def test_the_picture_frames_or_prints_other_cells_than_those_that_flip(tests, tmp_path, monkeypatch):
    pages = []
    from d_q_trial.figures import style

    save = style.Page.save
    monkeypatch.setattr(style.Page, "save", lambda page, *a, **k: pages.append(page) or save(page, *a, **k))
    shown, left_out = compare.rows_to_draw(tests, TRIAL)
    files = draw_comparison(tests, shown, left_out, TRIAL, "published", tmp_path / "picture", label="Synthetic data")
    canvas = pages[0].figure.axes[0]
    drawn = tests.set_index(["outcome", "visit", "place"]).loc[shown]
    flips = drawn["conclusion"].isin([compare.LOST, compare.GAINED, compare.REVERSED]).sum()
    assert sum(patch.get_gid() == "flip" for patch in canvas.patches) == flips > 5
    printed = [text.get_text() for text in canvas.texts if text.get_gid() == "p"]
    assert len(printed) == len(shown) * 7
    assert printed.count("–") == len(printed) - drawn["p"].notna().sum()
    assert any(text.get_text() == "Synthetic data" for text in pages[0].figure.texts)
    again = draw_comparison(tests, shown, left_out, TRIAL, "published", tmp_path / "again", label="Synthetic data")
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]
