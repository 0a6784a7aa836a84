"""Main results, robustness checks, verdicts and labels of a report, from invented results."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from pipeline import TRIAL, make_analysis, result_rows

from d_q_trial import claims
from d_q_trial.config import settings
from d_q_trial.files import write_csv
from d_q_trial.report import collect, headlines
from d_q_trial.report.headlines import Check, Effect
from d_q_trial.results_table import KEYS, Numbers
from d_q_trial.tables.build import Headline

MARKER, ALL, T3 = "p16_variant_5", "all", "T3"
STRATA = {"cuts": ["1/3", "2/3"], "labels": ["T1", "T2", "T3"]}
ANALYSIS = {"workbook": "x", "marker": MARKER, "strata": STRATA}
SETTINGS = settings.load({"trial": "x", "analyses": {"published": ANALYSIS}})
NAMES = ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p")
COMPARISONS = [("ctx", "week_20", ALL), ("ctx", "week_20", T3), ("p1np", "week_2", T3), ("p1np", "week_2", "T1")]
VALUES = [(-4.24, -10.5, 2.5, 0.611), (3.0, "", "", 0.0004), (16.0, 1.0, 30.0, 0.05), (1.0, -2.0, 4.0, 0.0512)]


def make_results(comparisons=COMPARISONS, values=VALUES, names=NAMES):
    """Make rows of comparisons of the arms: estimate, limits and P of each."""
    rows = []
    for comparison, numbers in zip(comparisons, values, strict=True):
        statistics = dict(zip(names, numbers, strict=True))
        keys = make_row(comparison, contrast=TRIAL.contrast, n_first="8", n_second="10")
        rows += result_rows(("", "percent_change"), statistics, **keys)
    return rows


def make_verdict(verdict=claims.REPRODUCED, quantity="p", source="paper", comparison=COMPARISONS[0], value="0.611"):
    outcome, visit, marker, stratum = make_row(comparison).values()
    key = (outcome, "percent_change", visit, marker, stratum, TRIAL.contrast, "", quantity)
    row = {"claim": "", "what": "", "key": key, "places": (), "verdict": verdict, "quantity": quantity}
    return row | {"source": source, "recomputed": value}


def make_report(tables=None, **overrides):
    """Make a report of three strata, with the headlines of the article."""
    lines = [Headline(outcome="p1np", visit="week_2", stratum=stratum) for stratum in ("highest", "lowest")]
    lines = [Headline(outcome="ctx", visit="week_20", stratum="all", role="the primary endpoint"), *lines]
    fields = {"folder": Path("x"), "label": None, "source": {}, "tables": tables or {}, "headlines": lines}
    fields |= {"settings": SETTINGS, "trial": TRIAL, "analysis": SETTINGS.analyses["published"]}
    return collect.Report(**fields | {"numbers": Numbers(make_results())} | overrides)


def make_row(comparison, **columns):
    outcome, visit, stratum = comparison
    marker = "" if stratum == ALL else MARKER
    return {"outcome": outcome, "visit": visit, "marker": marker, "stratum": stratum} | columns


def make_interaction(comparison, p, pair="T3 - T1", method="placements, t", statistic="p"):
    return make_row(comparison, contrast=f"{TRIAL.contrast}, {pair}", method=method, statistic=statistic, value=p)


INTERACTIONS = [make_interaction(COMPARISONS[2], "0.296"), make_interaction(COMPARISONS[2], "0.0501", pair="T3 - T2")]
INTERACTIONS += [  # of other strata, methods, statistics and visits
    make_interaction(COMPARISONS[2], "0.111", pair="T2 - T1"), make_interaction(COMPARISONS[2], "0.222", method="permuted"),
    make_interaction(COMPARISONS[2], "0.333", statistic="difference"), make_interaction(("p1np", "week_4", T3), "0.444"),
]  # fmt: skip
CUTS = [make_row(COMPARISONS[2], p_corrected="0.0004"), make_row(("p1np", "week_2", "T1 + T2"), p_corrected="0.555")]
BEST = [make_row(COMPARISONS[2], p_best_of_both=p) for p in ("", "0.9")]  # of another subgroup
TABLES = {"sensitivity/interaction": INTERACTIONS, "robustness/analysis_cuts": CUTS, "robustness/best_cuts": BEST}


def test_main_results_are_comparisons_with_interaction_and_search_corrected_p():
    verdicts = [make_verdict(), make_verdict(quantity="median"), make_verdict(comparison=COMPARISONS[1], value="")]
    verdicts.append(make_verdict(comparison=COMPARISONS[2]))
    assert headlines.main_results(make_report(TABLES, verdicts=verdicts)) == [
        {
            "outcome": "CTx, 20 weeks", "role": "the primary endpoint", "interaction": "", "searched": "",
            "effects": [
                Effect("−4.2", "−10.5 to 2.5", "0.611", "P = 0.611", False, verdicts[0], (8, 10)),
                Effect("3.0", "", "<0.001", "P < 0.001", True, None, (8, 10)), None, None,
            ],
        },
        {
            "outcome": "P1NP, 2 weeks", "role": "", "interaction": "T2 0.050; T1 0.296", "searched": "<0.001 (0.900)",
            "effects": [
                None, Effect("16.0", "1.0 to 30.0", "0.050", "P = 0.050", True, verdicts[3], (8, 10)), None,
                Effect("1.0", "−2.0 to 4.0", "0.051", "P = 0.051", False, None, (8, 10)),
            ],
        },
    ]  # fmt: skip
    assert headlines.result_groups(make_report()) == [ALL, "T3", "T2", "T1"]
    halves = make_analysis(strata={"cuts": ["1/2"], "labels": ["T1", "T3"]})
    assert headlines.main_results(make_report(TABLES, analysis=halves))[1]["interaction"] == "0.296"
    one_pair = make_report(TABLES | {"sensitivity/interaction": INTERACTIONS[:1]})
    assert headlines.main_results(one_pair)[1]["interaction"] == "T2 not defined; T1 0.296"


BY_COLUMN = {"by": "column", "column": "x", "labels": ["T1", "T2", "T3"]}
OF_T3 = "that of T3, as if its cutoff had been chosen by P among all cutoffs; in parentheses, that of the best of all cutoffs"
OF_COLUMN = "none, because the strata are those of a column and no cutoff was searched for"
REASON = "T3 has fewer than {} participants in an arm, so that its cutoff is not tried"


@pytest.mark.parametrize(
    ("tables", "changes", "minimum", "description"),
    [
        (TABLES, {}, 8, OF_T3),  # eight and ten participants; the cutoff is among those tried for one of two outcomes
        (TABLES, {}, 9, f"{OF_T3}; a dash: {REASON.format('nine')}"),
        (TABLES | {"robustness/analysis_cuts": []}, {}, 8, "none, because no cutoff was tried"),
        (TABLES | {"robustness/analysis_cuts": []}, {}, 9, f"none, because {REASON.format('nine')}"),
        ({}, {}, 6, "not computed for this analysis"),
        (TABLES, {"test": "welch"}, 6, "this test gives none"),
        (TABLES, {"strata": BY_COLUMN}, 6, OF_COLUMN),
    ],
)
def test_search_corrected_p_is_that_of_the_subgroup_or_the_reason_is_given(tables, changes, minimum, description):
    robustness = SETTINGS.robustness.model_copy(update={"minimum_per_arm": minimum})
    own_settings = SETTINGS.model_copy(update={"robustness": robustness})
    report = make_report(tables, settings=own_settings, analysis=make_analysis(**{"strata": STRATA} | changes))
    assert headlines.describe_search(report) == description
    has_p = bool(tables.get("robustness/analysis_cuts")) and "strata" not in changes
    assert headlines.search_corrected_p(report, make_row(COMPARISONS[2])) == [0.0004] * has_p
    names, _, absent = headlines.robustness_lines(report)
    assert "Corrected for the search" in (names if has_p else absent)


def test_the_estimate_is_that_of_the_test_and_the_robustness_of_one_without_p_is_not_judged():
    results = make_results(values=[VALUES[0], VALUES[1], (16.0, "", "", ""), VALUES[3]])
    report = make_report(CHECKED, numbers=Numbers(results))
    effect = Effect("16.0", "", "not defined", "P not defined", None, None, (8, 10))
    assert headlines.find_effect(report, *COMPARISONS[2]) == effect
    names, lines, _ = headlines.robustness_lines(report)
    checks = dict(lines)["P1NP, 2 weeks, stratum T3 of p16 variant 5: P not defined"]
    assert {check.keeps for check in checks} == {None}
    assert checks[names.index("Multiplicity-adjusted (max-T)")].text == "0.050 (highest); 0.900 (each)"
    results = make_results(names=[name.replace("hodges_lehmann", "mean_difference") for name in NAMES])
    means = make_report(analysis=make_analysis(test="welch", strata=STRATA), numbers=Numbers(results))
    assert headlines.find_effect(means, *COMPARISONS[2]).estimate == "16.0"
    assert headlines.find_effect(replace(means, numbers=Numbers(make_results())), *COMPARISONS[0]).estimate == "–"
    assert headlines.find_effect(means, "ctx", "week_2", ALL) is None


CHECKED = {
    # Interaction and search-corrected P of a stratum do not belong to the overall comparison.
    "sensitivity/interaction": [*INTERACTIONS, make_interaction(("ctx", "week_20", T3), "0.5")],
    "robustness/best_cuts": BEST,
    "robustness/analysis_cuts": [*CUTS, make_row(("ctx", "week_20", T3), p_corrected="0.5")],
    "robustness/multiplicity": [
        make_row(COMPARISONS[number], p_max_t=p, family=family)
        for number, p, family in ((0, "0.7", "overall"), (2, "0.05", "highest"), (2, "0.9", "each"), (2, "", "not permuted"))
    ],
    "sensitivity/sensitivity": [
        make_row(COMPARISONS[number], method=method, statistic=statistic, value=value, n_first=size, n_second="9")
        for number, method, statistic, value, size in (
            (0, "covariance, log scale, HC3, t", "p", "0.04", "8"), (2, "covariance, log scale, HC3, t", "p", "0.0501", "9"),
            (2, "covariance, percent change, HC3, t", "p", "0.01", "9"), (0, "imputed, covariance, HC3, t", "p", "0.01", "9"),
            (0, "imputed, placements, t, 20 sets", "p", "0.3", "9"),  # 8 of 9 have a value
            (2, "imputed, placements, t, 20 sets", "p", "0.6", "9"),  # all of 9 have a value
            *((number, "any values of the missing, normal", f"p_{end}", value, "9")
              for number, *bounds in ((0, "0.04", "0.9"), (2, "0.01999", "0.02"), (3, "0.0512", "0.0512"))
              for end, value in zip(("lowest", "highest"), bounds, strict=True)),
        )
    ],
    "sensitivity/leave_one_out": [
        make_row(COMPARISONS[number], statistic=statistic, value=value)
        for number, statistic, value in ((0, "flips", "0.0"), (0, "p", "3"), (2, "flips", "2.0"), (3, "flips", "1.0"))
    ],
}  # fmt: skip


def test_a_check_keeps_a_conclusion_if_its_p_is_on_the_same_side_of_alpha():
    names, lines, absent = headlines.robustness_lines(make_report(CHECKED))
    checks = {title: dict(zip(names, checks, strict=True)) for title, checks in lines}
    assert names == [
        "Interaction P", "Corrected for the search", "Multiplicity-adjusted (max-T)", "Covariance, log scale",
        "Multiple imputation (placements, t)", "Worst-case bounds", "Leave-one-out",
    ]  # fmt: skip
    assert absent == []
    overall = "CTx, 20 weeks, all participants: P = 0.611"
    high, low = (f"P1NP, 2 weeks, stratum {s} of p16 variant 5: P = {p}" for s, p in (("T3", "0.050"), ("T1", "0.051")))
    assert list(checks[overall].values()) == [
        Check(), Check(), Check("0.700 (overall)", True), Check("0.040", False), Check("0.300", True),
        Check("0.040 to 0.900", False), Check("crosses 0.05 in none", True),
    ]  # fmt: skip
    assert list(checks[high].values()) == [
        Check("T2 0.050; T1 0.296"), Check("<0.001", True), Check("0.050 (highest); 0.900 (each)", False), Check("0.050", False),
        Check("nothing to impute"), Check("0.020 to 0.020", True), Check("crosses 0.05 in two repetitions", False),
    ]  # fmt: skip
    bounds, leave_one_out = (checks[low][name] for name in names[-2:])
    assert (bounds, leave_one_out) == (Check("nothing is missing"), Check("crosses 0.05 in one repetition", False))
    assert headlines.robustness_lines(make_report()) == ([], [(title, []) for title in checks], names)
    assert headlines.robustness_lines(make_report(headlines=())) == ([], [], [])
    assert headlines.robustness_lines(make_report(CHECKED, numbers=Numbers([]))) == ([], [], [])


def test_verdicts_are_counted_by_source_and_only_failures_have_the_mark_and_the_colour_of_failure():
    names = (*claims.VERDICTS, claims.NOT_CHECKABLE, claims.REPRODUCED)
    paper = [make_verdict(name, quantity="median") for name in names]
    paper += [make_verdict(claims.NOT_CHECKABLE, quantity="affected"), make_verdict(claims.NOT_REPRODUCED)]
    registry = make_verdict(claims.OTHER_CONVENTION, source="registry")
    first, second = collect.summarize_sources([*paper[:3], registry, *paper[3:]])
    assert [v["quantity"] for v in first.pop("failed")] == ["p", "median", "median"]
    assert first == {
        "source": "paper", "checkable": 7, "reproduced": 4, "events": 1, "unchecked": 2, "inapplicable": 1,
        "ways": "2 exactly, 1 within a reported bound, 1 under another convention",
    }  # fmt: skip
    assert (second["source"], second["ways"], second["failed"]) == ("registry", "1 under another convention", [])
    counts = collect.count_verdicts(paper)
    assert list(counts) == list(claims.VERDICTS)
    assert (counts[claims.REPRODUCED], counts[claims.NOT_CHECKABLE], counts[claims.NOT_APPLICABLE]) == (2, 3, 1)
    assert collect.count_verdicts([]) == {}
    shared = {name: {"✗", "bad"}.intersection(collect.VERDICTS[name]) for name in claims.VERDICTS}
    assert shared == {name: {"✗", "bad"} if name in claims.FAILURES else set() for name in claims.VERDICTS}


CLAIM = dict.fromkeys(KEYS, "") | {"outcome": "p1np", "measure": "percent_change", "visit": "week_2", "stratum": ALL}
CLAIM |= {"contrast": TRIAL.contrast, "quantity": "p"}
CORRELATION = CLAIM | {"outcome": MARKER, "measure": "correlation", "contrast": "age"}
EVENTS = {"outcome": "Falls", "visit": "", "quantity": "affected", "contrast": "", "group": "fisetin"}


@pytest.mark.parametrize(("row", "words"), [
    (CLAIM | {"marker": MARKER, "stratum": T3}, "P1NP at 2 weeks, T3 (p16 variant 5): D+Q against Control, P"),
    (CLAIM | {"quantity": "q1", "contrast": "", "group": "d_q"}, "P1NP at 2 weeks: D+Q, first quartile"),
    (CLAIM | {"visit": "baseline", "quantity": "n", "contrast": "", "group": "both arms"}, "P1NP at baseline: both arms, n"),
    (CLAIM | EVENTS, "Falls: Fisetin, participants affected"),
    (CORRELATION | {"group": "participants", "visit": "baseline"}, "trial participants: P"),
    (CORRELATION | {"group": "population_under_60", "quantity": "spearman_r"}, "population sample, under 60 years: Spearman r"),
    (CORRELATION | {"group": "population_over_60", "quantity": "other"}, "population sample, 60 years and over: other"),
    (CORRELATION | {"group": "population"}, "population sample: P"),
])  # fmt: skip
def test_a_reported_value_is_described_in_words(row, words):
    assert make_report().labeller.claim(row) == "p16 variant 5 and Age, " * (row["contrast"] == "age") + words


@pytest.mark.parametrize(("column", "row", "words"), [
    ("arm", {"arm": "d_q"}, "D+Q"), ("marker", {"marker": MARKER}, "p16 variant 5"),
    ("visit", {"visit": "week_2"}, "2 weeks"), ("visit", {"visit": "mean_of_visits"}, "mean of visits"),
    ("outcome", {"outcome": "ctx", "visit": "week_2"}, "CTx, 2 weeks"),
    ("outcome", {"outcome": "ctx", "visit": "baseline"}, "CTx"),
    ("outcome", {"outcome": "ctx", "visit": ""}, "CTx"), ("outcome", {"outcome": "ctx"}, "CTx"),
    ("outcome", {"outcome": "any_other"}, "any other"),
    ("contrast", {"contrast": "d_q - control, old, high - T1"}, "old, high − T1"),
    ("stratum", {"stratum": ALL}, "all"), ("place", {"place": ""}, "all"), ("stratum", {"stratum": "a_b"}, "a_b"),
    ("family", {"family": "a_b"}, "a b"), ("summary", {"summary": "a_b"}, "a b"), ("side", {"side": "a_b"}, "a b"),
    ("arm", {"arm": "a_b"}, "a b"), ("method", {"method": "a_b"}, "a_b"), ("method", {}, ""),
])  # fmt: skip
def test_a_cell_is_described_in_words(column, row, words):
    assert make_report().labeller.cell(column, row) == words


REPORTED = {  # by locator: the reported value, as shown, its key for sorting, and its places
    "Results; Fig. 3a": ("-4.1", "−4.1", -4.1, (("Fig. 3", "a"),)),
    "Results; Extended Data Fig. 5a": ("+16", "+16", 16, (("Extended Data Fig. 5", "a"),)),
    "Methods, participants; Table 1": ("1,260,088", "1,260,088", 1260088, (("Table 1", ""),)),
    "abstract": ("< 0.001", "< 0.001", 0.001, ()),
    "Fig. 4b; Fig. 4c": ("", "", 1e300, (("Fig. 4", "b"), ("Fig. 4", "c"))),
}


def test_verdicts_are_read_with_minus_signs_places_and_keys_for_sorting(tmp_path):
    path, labeller = tmp_path / "claims.csv", make_report().labeller
    assert collect.read_verdicts(path, labeller) == []
    key = ("ctx", "percent_change", "week_20", "", ALL, TRIAL.contrast, "", "p")
    claim = dict.fromkeys(claims.COLUMNS, "") | dict(zip(KEYS, key, strict=True)) | {"quantity": "p"}
    claim |= {"source": "paper", "recomputed": "-4.2", "verdict": claims.NOT_REPRODUCED}
    rows = [claim | {"locator": locator, "reported": reported} for locator, (reported, *_) in REPORTED.items()]
    write_csv(pd.DataFrame([*rows, rows[0] | {"source": "registry", "verdict": claims.REPRODUCED}]), path)
    *paper, registry = collect.read_verdicts(path, labeller)
    shared = {"what": "CTx at 20 weeks: D+Q against Control, P", "recomputed": "−4.2", "key": key, "mark": ("✗", "bad")}
    for verdict, (_, shown, order, places) in zip(paper, REPORTED.values(), strict=True):
        expected = shared | {"reported": shown, "order": (3, order, -4.2), "places": places}
        assert expected.items() <= verdict.items()
    assert (registry["places"], registry["mark"]) == ((), ("✓", "good"))


def test_outcomes_of_large_families_are_listed_only_if_primary_or_if_no_family_is_small():
    large = {key for key, outcome in TRIAL.outcomes.items() if outcome.family == "sasp"}
    assert collect.outcomes_to_list(TRIAL) == TRIAL.outcomes.keys() - large
    endpoint = TRIAL.primary.model_copy(update={"outcome": "sasp_fas"})
    assert collect.outcomes_to_list(TRIAL.model_copy(update={"primary": endpoint})) & large == {"sasp_fas"}
    alone = TRIAL.model_copy(update={"outcomes": {key: TRIAL.outcomes[key] for key in large}, "primary": None})
    assert collect.outcomes_to_list(alone) == large
