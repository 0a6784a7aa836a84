"""The judging part of the report, on finished numbers made by hand."""

from dataclasses import replace
from pathlib import Path

import cohorts
import pandas as pd
import pytest
from PIL import Image
from pipeline import TRIAL, make_analysis

from d_q_trial import claims
from d_q_trial.config import settings
from d_q_trial.files import write_csv, write_json
from d_q_trial.report import collect, headlines
from d_q_trial.report.headlines import Check, Effect
from d_q_trial.results_table import KEYS, Numbers
from d_q_trial.tables.catalogue import Headline

MARKER, ALL, T3 = "p16_variant_5", "all", "T3"
STRATA = {"cuts": ["1/3", "2/3"], "labels": ["T1", "T2", "T3"]}
SETTINGS = settings.load(
    {"trial": "x", "analyses": {"published": {"workbook": "x", "marker": MARKER, "strata": STRATA}}}
)
NAMES = ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p")
PLACES = [("ctx", "week_20", ALL), ("ctx", "week_20", T3), ("p1np", "week_2", T3), ("p1np", "week_2", "T1")]
VALUES = [(-4.24, -10.5, 2.5, 0.611), (3.0, "", "", 0.0004), (16.0, 1.0, 30.0, 0.05), (1.0, -2.0, 4.0, 0.0512)]


def comparisons(places=PLACES, values=VALUES, names=NAMES):
    """Rows of comparisons of the arms: estimate, limits and P at each place."""
    rows = []
    for place, own in zip(places, values, strict=True):
        found = dict(zip(names, own, strict=True))
        rows += cohorts.result_rows(("", "percent_change"), found, contrast=TRIAL.contrast, **row(place))
    return [own | {"n_first": "8", "n_second": "10"} for own in rows]


def numbers(*given, **names):
    return Numbers(comparisons(*given, **names))


def verdict(verdict=claims.REPRODUCED, quantity="p", source="paper", place=PLACES[0], recomputed="0.611", **different):
    outcome, visit, marker, stratum = row(place).values()
    key = (outcome, "percent_change", visit, marker, stratum, TRIAL.contrast, "", quantity)
    given = {"claim": "", "what": "", "key": key, "places": (), "verdict": verdict, "quantity": quantity}
    return given | {"source": source, "recomputed": recomputed} | different


def report(tables=None, **different):
    """The report of three strata, with the headlines of the article."""
    lines = [Headline(outcome="p1np", visit="week_2", stratum=stratum) for stratum in ("highest", "lowest")]
    lines = [Headline(outcome="ctx", visit="week_20", stratum="all", role="the primary endpoint"), *lines]
    given = {"numbers": numbers(), "tables": tables or {}, "headlines": lines}
    given |= {"settings": SETTINGS, "trial": TRIAL, "analysis": SETTINGS.analyses["published"]}
    return collect.Report(**{"folder": Path("x"), "label": None, "source": {}} | given | different)


def row(place, **columns):
    outcome, visit, stratum = place
    marker = "" if stratum == ALL else MARKER
    return {"outcome": outcome, "visit": visit, "marker": marker, "stratum": stratum} | columns


def interaction(place, p, pair="T3 - T1", method="placements, t", statistic="p"):
    return row(place, contrast=f"{TRIAL.contrast}, {pair}", method=method, statistic=statistic, value=p)


INTERACTIONS = [
    interaction(PLACES[2], "0.296"),
    interaction(PLACES[2], "0.0501", pair="T3 - T2"),
    interaction(PLACES[2], "0.111", pair="T2 - T1"),  # of other strata
    interaction(PLACES[2], "0.222", method="permuted"),
    interaction(PLACES[2], "0.333", statistic="difference"),
    interaction(("p1np", "week_4", T3), "0.444"),
]
SEARCHED = [row(PLACES[2], p_corrected="0.0004"), row(("p1np", "week_2", "T1 + T2"), p_corrected="0.555")]
BEST = [row(PLACES[2], p_best_of_both=p) for p in ("", "0.9")]  # of another subgroup


def test_main_results_are_the_comparisons_with_what_qualifies_them():
    reported = [
        verdict(),
        verdict(quantity="median"),
        verdict(place=PLACES[1], recomputed=""),
        verdict(place=PLACES[2]),
    ]
    tables = {
        "sensitivity/interaction": INTERACTIONS,
        "robustness/analysis_cuts": SEARCHED,
        "robustness/best_cuts": BEST,
    }
    assert headlines.main_results(report(tables, verdicts=reported)) == [
        {
            "outcome": "CTx, 20 weeks", "role": "the primary endpoint", "interaction": "", "searched": "",
            "effects": [
                Effect("−4.2", "−10.5 to 2.5", "0.611", "P = 0.611", False, reported[0], (8, 10)),
                Effect("3.0", "", "<0.001", "P < 0.001", True, None, (8, 10)), None, None,
            ],
        },
        {
            "outcome": "P1NP, 2 weeks", "role": "", "interaction": "T2 0.050; T1 0.296", "searched": "<0.001 (0.900)",
            "effects": [
                None, Effect("16.0", "1.0 to 30.0", "0.050", "P = 0.050", True, reported[3], (8, 10)), None,
                Effect("1.0", "−2.0 to 4.0", "0.051", "P = 0.051", False, None, (8, 10)),
            ],
        },
    ]  # fmt: skip
    assert headlines.result_groups(report()) == [ALL, "T3", "T2", "T1"]
    halves = make_analysis(strata={"cuts": ["1/2"], "labels": ["T1", "T3"]})
    assert headlines.main_results(report(tables, analysis=halves))[1]["interaction"] == "0.296"
    tables["sensitivity/interaction"] = INTERACTIONS[:1]
    assert headlines.main_results(report(tables))[1]["interaction"] == "T2 not defined; T1 0.296"


BY_COLUMN = {"by": "column", "column": "x", "labels": ["T1", "T2", "T3"]}


@pytest.mark.parametrize(
    ("strata", "test", "said"),
    [
        (
            STRATA,
            "normal",
            "that of T3, as if its cutoff had been chosen by P among all cutoffs; in parentheses, that of the best of all cutoffs",
        ),
        (STRATA, "welch", "this test gives none"),
        (BY_COLUMN, "normal", "none, because the strata are those of a column and no cutoff was searched for"),
    ],
)
def test_p_corrected_for_the_search_is_that_of_the_subgroup_of_the_analysis(strata, test, said):
    chosen = report({"robustness/analysis_cuts": SEARCHED}, analysis=make_analysis(strata=strata, test=test))
    assert headlines.describe_search(chosen) == said
    assert headlines.search_corrected_p(chosen, row(PLACES[2])) == ([] if strata is BY_COLUMN else [0.0004])
    names, _, absent = headlines.robustness_lines(replace(chosen, numbers=numbers()))
    assert "Corrected for the search" in (absent if strata is BY_COLUMN else names)


def test_an_estimate_without_p_is_shown_and_no_method_judges_its_conclusion():
    values = [VALUES[0], VALUES[1], (16.0, "", "", ""), VALUES[3]]
    made = report(CHECKED, numbers=numbers(values=values))
    assert headlines.find_effect(made, *PLACES[2]) == Effect(
        "16.0", "", "not defined", "P not defined", None, None, (8, 10)
    )
    names, lines, _ = headlines.robustness_lines(made)
    (checks,) = [own for title, own in lines if title == "P1NP, 2 weeks, stratum T3 of p16 variant 5: P not defined"]
    assert {check.keeps for check in checks} == {None}
    found = dict(zip(names, checks, strict=True))
    assert found["Multiplicity-adjusted (max-T)"].text == "0.050 (highest); 0.900 (each)"


def test_the_estimate_is_that_of_the_test():
    names = [name.replace("hodges_lehmann", "mean_difference") for name in NAMES]
    means = report(analysis=make_analysis(test="welch", strata=STRATA), numbers=numbers(names=names))
    assert headlines.find_effect(means, *PLACES[2]).estimate == "16.0"
    assert headlines.find_effect(replace(means, numbers=numbers()), *PLACES[0]).estimate == "–"
    assert headlines.find_effect(means, "ctx", "week_2", ALL) is None


CHECKED = {
    # Those of a stratum say nothing of all participants.
    "sensitivity/interaction": [*INTERACTIONS, interaction(("ctx", "week_20", T3), "0.5")],
    "robustness/best_cuts": BEST,
    "robustness/analysis_cuts": [*SEARCHED, row(("ctx", "week_20", T3), p_corrected="0.5")],
    "robustness/multiplicity": [
        row(PLACES[0], p_max_t="0.7", family="overall"), row(PLACES[2], p_max_t="0.05", family="highest"),
        row(PLACES[2], p_max_t="0.9", family="each"), row(PLACES[2], p_max_t="", family="not permuted"),
    ],
    "sensitivity/sensitivity": [
        row(PLACES[place], method=method, statistic=statistic, value=value, n_first=size, n_second="9")
        | {"reason": "at least this" * (value == "0.02")}
        for place, method, statistic, value, size in (
            (0, "covariance, log scale, HC3, t", "p", "0.04", "8"), (2, "covariance, log scale, HC3, t", "p", "0.0501", "9"),
            (2, "covariance, percent change, HC3, t", "p", "0.01", "9"), (0, "imputed, covariance, HC3, t", "p", "0.01", "9"),
            (0, "imputed, placements, t, 20 sets", "p", "0.3", "9"),  # of 9, of whom 8 have a value
            (2, "imputed, placements, t, 20 sets", "p", "0.6", "9"),  # of 9, all of whom have a value
            *((place, "any values of the missing, normal", f"p_{end}", value, "9")
              for place, *bounds in ((0, "0.04", "0.9"), (2, "0.01999", "0.02"), (3, "0.0512", "0.0512"))
              for end, value in zip(("lowest", "highest"), bounds, strict=True)),
        )
    ],
    "sensitivity/leave_one_out": [
        row(PLACES[0], statistic="flips", value="0.0"), row(PLACES[0], statistic="p", value="3"),
        row(PLACES[2], statistic="flips", value="2.0"), row(PLACES[3], statistic="flips", value="1.0"),
    ],
}  # fmt: skip


def test_a_method_is_judged_by_whether_its_p_lies_on_the_same_side_of_alpha_if_it_tests_the_same_hypothesis():
    names, lines, absent = headlines.robustness_lines(report(CHECKED))
    found = {title: dict(zip(names, checks, strict=True)) for title, checks in lines}
    assert names == [
        "Interaction P", "Corrected for the search", "Multiplicity-adjusted (max-T)", "Covariance, log scale",
        "Multiple imputation (placements, t)", "Worst-case bounds", "Leave-one-out",
    ]  # fmt: skip
    assert absent == []
    none, whole = Check(), "CTx, 20 weeks, all participants: P = 0.611"
    high, low = (f"P1NP, 2 weeks, stratum {s} of p16 variant 5: P = {p}" for s, p in (("T3", "0.050"), ("T1", "0.051")))
    kept = [Check("0.700 (overall)", True), Check("0.040", False), Check("0.300", True), Check("0.040 to 0.900", False)]
    assert list(found[whole].values()) == [none, none, *kept, Check("crosses 0.05 in none", True)]
    turned = [Check("T2 0.050; T1 0.296"), Check("<0.001", True)]
    turned += [Check("0.050 (highest); 0.900 (each)", False), Check("0.050", False)]
    twice = Check("crosses 0.05 in two repetitions", False)
    assert list(found[high].values()) == [*turned, Check("nothing to impute"), Check("0.020 to at least 0.020"), twice]
    once = Check("crosses 0.05 in one repetition", False)
    assert [found[low][name] for name in names[-2:]] == [Check("nothing is missing"), once]
    assert headlines.robustness_lines(report()) == ([], [(title, []) for title in found], names)
    assert headlines.robustness_lines(report(headlines=())) == ([], [], [])
    assert headlines.robustness_lines(report(CHECKED, numbers=numbers([], []))) == ([], [], [])


# What the verdicts come to


def test_values_are_counted_by_source_and_verdict():
    paper = [verdict(name, quantity="median") for name in (*claims.VERDICTS, claims.NOT_CHECKABLE, claims.REPRODUCED)]
    paper += [verdict(claims.NOT_CHECKABLE, quantity="affected"), verdict(claims.NOT_REPRODUCED, quantity="p")]
    registry = verdict(claims.OTHER_CONVENTION, source="registry")
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


def test_only_failures_have_the_sign_and_the_colour_of_failure():
    marks = {name: collect.VERDICTS[name][:2] for name in claims.VERDICTS}
    assert {name for name, mark in marks.items() if mark == ("✗", "bad")} == set(claims.FAILURES)
    assert {name for name, mark in marks.items() if set(mark) & {"✗", "bad"}} == set(claims.FAILURES)


def test_a_locator_leads_to_its_figure_and_panel_and_a_reported_value_sorts_by_its_number():
    places = {
        "Results; Extended Data Fig. 5a": (("Extended Data Fig. 5", "a"),),
        "abstract; Fig. 3a": (("Fig. 3", "a"),),
        "Methods, participants; Table 1": (("Table 1", ""),),
        "abstract": (),
    }
    assert {locator: collect.find_places(locator) for locator in places} == places
    sizes = {"1,260,088": 1260088, "-4.1": -4.1, "+16": 16, "< 0.001": 0.001, "> 0.05": 0.05, "": 1e300}
    assert {text: collect.sort_key(text) for text in sizes} == sizes


def claimed(outcome="p1np", measure="percent_change", visit="week_2", marker="", stratum=ALL, **different):
    key = {"outcome": outcome, "measure": measure, "visit": visit, "marker": marker, "stratum": stratum}
    return dict.fromkeys(KEYS, "") | key | {"contrast": TRIAL.contrast, "quantity": "p"} | different


def correlated(group, **different):
    return claimed(MARKER, "correlation", contrast="age", group=group, **different)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (claimed(marker=MARKER, stratum=T3), "P1NP at 2 weeks, T3 (p16 variant 5): D+Q against Control, P"),
        (claimed(quantity="q1", contrast="", group="d_q"), "P1NP at 2 weeks: D+Q, first quartile"),
        (claimed(visit="baseline", quantity="n", contrast="", group="both arms"), "P1NP at baseline: both arms, n"),
        (claimed("Falls", visit="", quantity="affected", contrast="", group="fisetin"), "Falls: Fisetin, participants affected"),
        (correlated("participants", visit="baseline"), "trial participants: P"),
        (correlated("population_under_60", quantity="spearman_r"), "population sample, under 60 years: Spearman r"),
        (correlated("population_over_60", quantity="other"), "population sample, 60 years and over: other"),
        (correlated("population"), "population sample: P"),
    ],
)  # fmt: skip
def test_a_reported_value_is_said_in_words(row, words):
    assert report().labeller.claim(row) == "p16 variant 5 and Age, " * (row["contrast"] == "age") + words


@pytest.mark.parametrize(
    ("column", "row", "words"),
    [
        ("arm", {"arm": "d_q"}, "D+Q"),
        ("marker", {"marker": MARKER}, "p16 variant 5"),
        ("visit", {"visit": "week_2"}, "2 weeks"),
        ("visit", {"visit": "mean_of_visits"}, "mean of visits"),
        ("outcome", {"outcome": "ctx", "visit": "week_2"}, "CTx, 2 weeks"),
        ("outcome", {"outcome": "ctx", "visit": "baseline"}, "CTx"),
        ("outcome", {"outcome": "ctx", "visit": ""}, "CTx"),
        ("outcome", {"outcome": "ctx"}, "CTx"),
        ("outcome", {"outcome": "any_other"}, "any other"),
        ("contrast", {"contrast": "d_q - control, old, high - T1"}, "old, high − T1"),
        ("stratum", {"stratum": ALL}, "all"), ("place", {"place": ""}, "all"), ("stratum", {"stratum": "a_b"}, "a_b"),
        ("family", {"family": "a_b"}, "a b"), ("summary", {"summary": "a_b"}, "a b"), ("side", {"side": "a_b"}, "a b"),
        ("arm", {"arm": "a_b"}, "a b"), ("method", {"method": "a_b"}, "a_b"), ("method", {}, ""),
    ],
)  # fmt: skip
def test_a_cell_is_said_in_words(column, row, words):
    assert report().labeller.cell(column, row) == words


def test_verdicts_are_read_with_true_minus_signs_and_their_places(tmp_path):
    path, words = tmp_path / "claims.csv", report().labeller
    assert collect.read_verdicts(path, words) == []
    key = ("ctx", "percent_change", "week_20", "", ALL, TRIAL.contrast, "", "p")
    claim = dict.fromkeys(claims.COLUMNS, "") | dict(zip(KEYS, key, strict=True)) | {"quantity": "p"}
    failed = {"source": "paper", "locator": "Results; Fig. 3a", "reported": "-4.1", "recomputed": "-4.2"}
    other = {"source": "registry", "locator": "Fig. 3a", "verdict": claims.REPRODUCED}
    write_csv(pd.DataFrame([claim | failed | {"verdict": claims.NOT_REPRODUCED}, claim | other]), path)
    first, second = collect.read_verdicts(path, words)
    said = {"what": "CTx at 20 weeks: D+Q against Control, P", "reported": "−4.1", "recomputed": "−4.2"}
    said |= {"key": key, "places": (("Fig. 3", "a"),), "mark": ("✗", "bad"), "order": (3, -4.1, -4.2)}
    assert said.items() <= first.items()
    assert (second["places"], second["mark"]) == ((), ("✓", "good"))


def test_a_long_alternative_text_is_cut_between_its_parts():
    figure = {"label": "Fig. 3", "title": "Title", "words": "a: one; b: two; c: three"}
    assert collect._alternative_text(figure) == "Fig. 3. Title. a: one; b: two; c: three"
    assert collect._alternative_text(figure | {"data_label": "Synthetic"}).startswith(
        "Fig. 3. Title. Synthetic. a: one;"
    )
    end = "; the rest is listed below, under “Caption, results in words”."
    assert collect._alternative_text(figure, max_length=38) == "Fig. 3. Title. a: one; b: two; c: three"[:29] + end


def test_outcomes_of_large_families_are_listed_only_if_primary_or_if_no_family_is_small():
    large = {key for key, outcome in TRIAL.outcomes.items() if outcome.family == "sasp"}
    assert collect.outcomes_to_list(TRIAL) == TRIAL.outcomes.keys() - large
    endpoint = TRIAL.primary.model_copy(update={"outcome": "sasp_fas"})
    assert collect.outcomes_to_list(TRIAL.model_copy(update={"primary": endpoint})) & large == {"sasp_fas"}
    alone = TRIAL.model_copy(update={"outcomes": {key: TRIAL.outcomes[key] for key in large}, "primary": None})
    assert collect.outcomes_to_list(alone) == large


def test_rows_of_a_table_are_found_by_their_keys():
    table = report({"a": [{"x": "1", "y": "2"}, {"x": "1", "y": "3"}]})
    assert table.table("a", x="1", y="3") == [{"x": "1", "y": "3"}]
    assert (table.table("b"), report().reference) == ([], "")
    assert report(analysis=SETTINGS.analyses["published"].model_copy(update={"name": "b"})).reference == "published"


def test_finished_outputs_are_collected_from_the_folder_of_their_analysis(tmp_path):
    published = {"workbook": "a.xlsx", "marker": MARKER, "strata": {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]}}
    content = {"trial": "x", "tables": "data/tables.yaml", "analyses": {"published": published}}
    content["analyses"]["other"] = {"alpha": 0.7, "strata": {"cuts": ["1/2"], "labels": ["low", "high"]}}
    chosen = settings.load(content)
    drawing, figures = Image.new("RGB", (3, 2)), {"label": "no figure"}
    for number, order, letters in (("3", 1, "ab"), ("2", 2, ""), ("9", 0, "")):
        about = {"label": f"Fig. {number}", "title": "Title", "words": "a: one", "order": order}
        about |= {"panels": [{"letter": letter} for letter in letters], "markers": [MARKER]}
        figures[f"figure_{number}"] = about
    for name, places in (("published", PLACES), ("other", [*PLACES[:1], ("p1np", "week_2", "high")])):
        folder = tmp_path / name
        write_json(figures, folder / "figures/figures.json")
        write_json({"table_1": {"label": "Table 1", "markers": []}}, folder / "tables/tables.json")
        for key in ("figure_3", "figure_2"):  # the other is not drawn
            drawing.save(folder / f"figures/{key}.png")
        values = VALUES if name == "published" else [VALUES[0], (1.0, 0.5, 2.0, 0.71)]
        write_csv(pd.DataFrame(comparisons(places, values)), folder / "results.csv")
        for part in ("robustness/cutoffs", "sensitivity/power", "strata", "exclusions"):
            write_csv(pd.DataFrame([{"of": part}]), folder / f"{part}.csv")
    claim = dict.fromkeys(claims.COLUMNS, "") | {"claim": "c", "source": "paper", "outcome": "ctx", "quantity": "p"}
    both = [{"locator": "Fig. 3a; Table 1"}, {"quantity": "median", "locator": "Fig. 3a", "marker": MARKER}]
    both += [{"locator": "Fig. 3a", "marker": "p16_variant_1+5"}]
    reported = pd.DataFrame([claim | {"verdict": claims.REPRODUCED} | own for own in both])
    write_csv(reported, tmp_path / "published/claims.csv")
    write_json({"label": "Synthetic", "source": {"name": "a.xlsx"}}, tmp_path / "workbooks/a/participants.json")

    found = collect.collect_report(tmp_path, chosen, TRIAL, "published")
    assert (found.label, found.source, found.folder) == ("Synthetic", {"name": "a.xlsx"}, tmp_path / "published")
    assert (found.settings, found.trial, found.analysis) == (chosen, TRIAL, chosen.analyses["published"])
    assert found.numbers.get("ctx", "percent_change", "week_20", "p", contrast=TRIAL.contrast).value == 0.611
    assert [line.role for line in found.headlines][:1] == ["the primary endpoint"]
    assert (found.strata, found.exclusions) == ([{"of": "strata"}], [{"of": "exclusions"}])
    assert found.tables == {part: [{"of": part}] for part in ("robustness/cutoffs", "sensitivity/power")}
    assert (found.differences, found.changes, found.versions["d-q-trial"][:2]) == ([], [], "0.")
    assert [v["quantity"] for v in found.verdicts] == ["p", "median", "p"]
    first, second = found.figures
    assert [first["key"], second["key"]] == ["figure_3", "figure_2"]
    assert (first["width"], first["height"], first["alt"]) == (3, 2, "Fig. 3. Title. a: one")
    assert first["address"].startswith("data:image/png;base64,")
    assert (first["verdicts"], first["other_markers"]) == (found.verdicts[:2], "p16 variant 1+5")
    assert [panel["verdicts"] for panel in first["panels"]] == [[found.verdicts[0]], []]
    assert [(table["label"], table["tally"]) for table in found.built_tables] == [("Table 1", {claims.REPRODUCED: 1})]

    other = collect.collect_report(tmp_path, chosen, TRIAL, "other")
    assert other.verdicts == []
    assert other.changes == [
        {"what": "CTx, 20 weeks, all participants", "conclusion": "significant here only", "p": "0.611", "reference": "0.611"},
        {"what": "P1NP, 2 weeks, stratum high of p16 variant 5", "conclusion": "no longer significant", "p": "0.710", "reference": "0.050 in T3"},
    ]  # fmt: skip
    assert len(other.differences) == 2
