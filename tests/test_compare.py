"""The comparison of analyses: conclusions, claims, counts and words."""

import cohorts
import numpy as np
import pandas as pd
import pipeline
import pytest
from pipeline import TRIAL, one, pick

from d_q_trial import compare
from d_q_trial.config import settings
from d_q_trial.figures import style
from d_q_trial.figures.compare import draw_comparison

SASP = [key for key, outcome in TRIAL.outcomes.items() if outcome.family == "sasp"][:12]
BASE = {"workbook": "data/reconstructed.xlsx", "marker": "p16_variant_5"}
BASE |= {"strata": {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]}, "outcomes": ["ctx", "p1np", "bmd_radius", *SASP]}
THIRDS = {"cuts": ["1/3", "2/3"], "labels": ["T1", "T2", "T3"]}
OTHERS = {
    "as_published": {},
    "other_test": {"test": "normal_continuity"},
    "strict": {"alpha": 0.0001},
    "three": {"strata": THIRDS},
    "ratio": {"change": "log_ratio"},
    "ctx_only": {"outcomes": ["ctx"]},
}


def _settings(**others):
    content = {"trial": "data/trial.yaml", "published": "data/published"}
    return settings.load(content | {"analyses": {"published": BASE, **others}})


CHOSEN = _settings(**OTHERS)


@pytest.fixture(scope="module")
def compared():
    """The runs, their verdicts, and the comparisons of tests and claims."""
    people = pipeline.of_config().participants
    runs = {name: pipeline.run(people, TRIAL, entry) for name, entry in CHOSEN.analyses.items()}
    verdicts = {name: run.verdicts() for name, run in runs.items()}
    tests = compare.compare_tests({name: run.results for name, run in runs.items()}, CHOSEN, TRIAL)
    return runs, verdicts, tests, compare.compare_claims(verdicts, tests, CHOSEN, TRIAL)


@pytest.fixture(scope="module")
def tests(compared):
    return compared[2]


def test_the_same_settings_give_the_same_conclusions(tests):
    same, reference = pick(tests, analysis="as_published"), pick(tests, analysis="published")
    assert same["conclusion"].eq(compare.STAYS).all()
    assert reference["conclusion"].eq(compare.REFERENCE).all()
    columns = ["outcome", "visit", "place", "p", "hodges_lehmann", "mann_whitney_effect"]
    pd.testing.assert_frame_equal(same[columns].reset_index(drop=True), reference[columns].reset_index(drop=True))
    assert (same["effect_shift"] == 0).all()
    assert not tests.duplicated(["analysis", "outcome", "visit", "place"]).any()
    assert list(tests.columns) == list(compare.COMPARISON_COLUMNS)


def test_numbers_are_those_of_the_results(compared):
    runs, _, tests, _ = compared
    row = one(tests, analysis="other_test", outcome="p1np", visit="week_2", place="highest")
    keys = {"outcome": "p1np", "visit": "week_2", "marker": "p16_variant_5", "stratum": "T3"}
    for statistic in ("p", "hodges_lehmann", "hodges_lehmann_lower", "mann_whitney_effect"):
        assert row[statistic] == runs["other_test"].value(statistic, **keys, contrast="d_q - control")
    assert row["reference_p"] == runs["published"].value("p", **keys, contrast="d_q - control")


def test_each_analysis_is_judged_at_its_own_alpha(tests):
    strict = pick(tests, analysis="strict")
    assert strict["significant"].eq("no").all()
    lost = strict[strict["conclusion"].eq(compare.LOST)]
    significant = pick(tests, analysis="published")["significant"].eq("yes").sum()
    assert len(lost) == significant > 3


def test_strata_are_matched_by_rank(tests):
    three = pick(tests, analysis="three")
    assert set(three["place"]) == {"all", "highest", "2 of 3", "lowest"}
    both = [one(tests, analysis=n, outcome="p1np", visit="week_2", place="highest") for n in ("published", "three")]
    assert both[0]["p"] == both[1]["p"]
    middle = one(three, outcome="p1np", visit="week_2", place="2 of 3")
    assert middle["stratum"] == "T2"
    assert np.isnan(middle["reference_p"])
    assert middle["conclusion"] == ""


def test_estimates_are_subtracted_only_within_one_measure(tests):
    ratio = pick(tests, analysis="ratio")
    assert ratio["conclusion"].eq(compare.STAYS).all()
    assert ratio["effect_shift"].abs().max() < 1e-12
    assert ratio["hodges_lehmann_shift"].isna().all()
    assert pick(tests, analysis="strict")["hodges_lehmann_shift"].eq(0).all()


def test_a_comparison_that_is_not_made_has_a_row(tests):
    absent = one(tests, analysis="ctx_only", outcome="p1np", visit="week_2", place="all")
    assert absent["conclusion"] == compare.NOT_MADE
    assert np.isnan(absent["p"])
    assert absent["significant"] == ""
    made = one(tests, analysis="ctx_only", outcome="ctx", visit="week_2", place="all")
    assert made["conclusion"] == compare.STAYS


def _made_up(shift):
    rows = []
    for i in range(24):
        arm = "d_q" if i < 12 else "control"
        value = 50.0 + i % 12 + (shift if arm == "d_q" else 0)
        rows += cohorts.measured(f"A{i}", arm, "ctx", baseline=50.0, week_2=value)
    return pipeline.run(cohorts.participants(rows), TRIAL, _settings().analyses["published"])


def test_conclusions_are_lost_gained_or_reversed():
    results = {shift: _made_up(shift).results for shift in (9.5, -9.5, 0.0)}
    for before, after, conclusion in ((9.5, -9.5, "reversed"), (9.5, 0.0, "lost"), (0.0, 9.5, "gained")):
        both = {"published": results[before], "other": results[after]}
        table = compare.compare_tests(both, _settings(other={}), TRIAL)
        assert one(table, analysis="other", place="all")["conclusion"] == conclusion


def test_a_comparison_whose_p_is_not_defined_is_not_called_lost():
    known = _made_up(9.5).results
    gone = known["outcome"].eq("ctx") & known["statistic"].eq("p") & known["stratum"].eq("all")
    both = {"published": known, "other": known.assign(value=known["value"].mask(gone))}
    chosen = _settings(other={})
    table = compare.compare_tests(both, chosen, TRIAL)
    assert one(table, analysis="other", place="all")["conclusion"] == compare.UNDEFINED
    counts = compare.summarize(table, compare.compare_claims({}, table, chosen, TRIAL), {}, chosen, TRIAL)
    assert pick(counts, analysis="other")[["lost", "undefined"]].to_numpy().tolist() == [[0, 1]]


def test_a_claim_is_judged_by_its_reported_digits(compared):
    claims = compared[3]
    claim = claims[claims["reported"].str.contains("0.035") & claims["outcome"].eq("p1np")]
    assert set(claim["place"]) == {"highest"}
    assert one(claim, analysis="published")["conclusion"] == compare.STAYS
    assert one(claim, analysis="strict")["conclusion"] == compare.LOST
    assert one(claim, analysis="ctx_only")["conclusion"] == compare.NOT_MADE
    bound = claims[claims["reported"].str.startswith(">")]
    assert len(bound)
    assert set(pick(bound, analysis="strict")["conclusion"]) == {compare.STAYS, compare.NOT_MADE}


@pytest.mark.parametrize(
    ("reported", "p", "alpha", "conclusion"),
    [
        ("0.035", 0.04, 0.05, "stays"),
        ("0.035", 0.06, 0.05, "lost"),
        ("0.035", 0.035, 0.01, "lost"),
        ("0.053", 0.04, 0.05, "gained"),
        ("0.053", 0.053, 0.10, "gained"),
        (">0.05", 0.04, 0.05, "gained"),
        (">0.05", 0.5, 0.05, "stays"),
        ("<0.05", 0.5, 0.05, "lost"),
        ("<0.001", 0.02, 0.05, "stays"),
        ("0.035", 0.05, 0.05, "stays"),
        ("0.035", np.nan, 0.05, "not made"),
    ],
)
def test_the_side_of_alpha_follows_both_levels(reported, p, alpha, conclusion):
    assert compare.side_of_alpha(reported, p, 0.05, alpha) == conclusion


def test_the_summary_counts_what_the_tables_contain(compared):
    _, verdicts, tests, claims = compared
    summary = compare.summarize(tests, claims, verdicts, CHOSEN, TRIAL).set_index("analysis")
    for name, row in summary.iterrows():
        own, judged = pick(tests, analysis=name), verdicts[name]["verdict"]
        assert row["comparisons"] == own["p"].notna().sum()
        assert row["significant"] == (own["p"] <= CHOSEN.analyses[name].alpha).sum()
        for kind in ("lost", "gained", "reversed"):
            assert row[kind] == own["conclusion"].eq(kind).sum()
        reproduced = judged.str.startswith("reproduced") | judged.eq("within the reported bound")
        assert row["values_reproduced"] == reproduced.sum()
        failed = judged.isin(["not reproduced", "outside the reported bound"])
        assert row["values_not_reproduced"] == failed.sum()
    assert summary.loc["strict", "lost"] == summary.loc["published", "significant"] > 3
    assert summary.loc["three", "values_reproduced"] < len(verdicts["three"]) - 200  # the rest cannot be checked
    as_published = summary.loc["as_published", ["lost", "gained", "reversed", "claims_changed"]]
    assert as_published.tolist() == [0, 0, 0, summary.loc["published", "claims_changed"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, []),
        ({"test": "exact"}, ["test: two-sided exact Wilcoxon rank-sum test (permutation distribution given the ties)"]),
        ({"strata": THIRDS}, ["subgroups T1, T2 and T3, at the 1/3 and 2/3 quantiles of the analysed participants"]),
        (
            {"strata": {"by": "value", "cuts": [3.0], "labels": ["low", "high"], "at_cut": "lower"}},
            ["subgroups low and high, at 3 AU, values at a cutoff in the lower one"],
        ),
        ({"marker": "p16_variant_1+5", "alpha": 0.01}, ["subgroups by p16 variant 1+5", "significance level 0.01"]),
        ({"outcomes": ["ctx", "bmd_radius"]}, ["only CTx and Radius BMD"]),
        ({"visits": ["week_2"], "exclude": ["S01", "S02"]}, ["only 2 weeks", "without S01 and S02"]),
        ({"outliers": {"rule": "trim", "limit": 1.5}}, ["outliers left out beyond 1.5 interquartile ranges"]),
    ],
)
def test_differences_are_described_in_words(change, words):
    chosen = _settings(other=change)
    assert compare.differences(chosen.analyses["other"], chosen.analyses["published"], TRIAL) == words


def test_without_reported_values_no_claim_is_compared(tests):
    claims = compare.compare_claims({}, tests, CHOSEN, TRIAL)
    assert claims.empty
    assert len(compare.summarize(tests, claims, {}, CHOSEN, TRIAL)) == len(CHOSEN.analyses)


def test_the_picture_frames_what_changes_and_prints_every_p(tests, tmp_path, monkeypatch):
    pages, save = [], style.Page.save
    monkeypatch.setattr(style.Page, "save", lambda page, *a, **k: pages.append(page) or save(page, *a, **k))
    shown, left_out = compare.rows_to_draw(tests, TRIAL)
    assert len(shown) + left_out == len(tests.groupby(compare.KEYS))
    drawing = (tests, shown, left_out, TRIAL, "published")
    files = draw_comparison(*drawing, tmp_path / "picture", label="Synthetic data")
    canvas = pages[0].figure.axes[0]
    drawn = tests.set_index(["outcome", "visit", "place"]).loc[shown]
    # A large family shows only what changes, and so it shows all of that.
    flips = tests["conclusion"].isin([compare.LOST, compare.GAINED, compare.REVERSED]).sum()
    assert sum(patch.get_gid() == "flip" for patch in canvas.patches) == flips > 5
    printed = [text.get_text() for text in canvas.texts if text.get_gid() == "p"]
    assert len(printed) == len(shown) * len(CHOSEN.analyses)
    assert ("p1np", "week_2", "all") in shown
    assert printed.count("–") == len(printed) - drawn["p"].notna().sum()
    assert any(text.get_text() == "Synthetic data" for text in pages[0].figure.texts)
    again = draw_comparison(*drawing, tmp_path / "again", label="Synthetic data")
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]
