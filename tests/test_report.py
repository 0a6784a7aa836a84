"""The report as text: what it says, and that it needs nothing from outside. The browser has a file of its own."""

import csv
import hashlib
import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import analysis_folder
import pytest

from d_q_trial import formatting
from d_q_trial.config import settings
from d_q_trial.figures.study import Numbers
from d_q_trial.files import read_csv
from d_q_trial.report import claims, cutoffs, extras, methods
from d_q_trial.report.gather import gather
from d_q_trial.report.page import claims_page, report_page, write_report
from d_q_trial.report.sections import SECTIONS
from d_q_trial.report.shaping import Column, Context, Section, table
from d_q_trial.trial import load_trial

LABEL = "Synthetic data: not the trial's participants"
ESCAPED = "Synthetic data: not the trial&#39;s participants"
EXPLORED = cutoffs.COLUMNS[6:]  # the numbers of a side, in the order in which the page has them
VENDOR = Path("src/d_q_trial/report/vendor")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return analysis_folder.write(tmp_path_factory.mktemp("results"), figures=("figure_3",), cutoffs=True)


@pytest.fixture(scope="module")
def report(folder):
    return gather(folder, folder.parent / "workbook", "config.yaml", "published")


@pytest.fixture(scope="module")
def page(report):
    return report_page(report)


def results(folder):
    with (folder / "results.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def context(report):
    return Context(report.facts.trial, report.facts.analysis, report.facts.numbers)


@pytest.fixture(scope="module")
def trial():
    return load_trial("data/trial.yaml")


def test_the_page_asks_for_something_outside_itself(page):
    without_scripts = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", without_scripts)
    assert "@import" not in without_scripts
    assert "url(" not in without_scripts
    assert "default-src 'none'" in page


def test_the_page_grows_too_large_to_mail(page):
    assert 500_000 < len(page.encode()) < 5_000_000


def test_the_same_inputs_give_another_page(report, page, tmp_path):
    assert report_page(report) == page
    assert [path.name for path in write_report(report, tmp_path)] == ["report.html", "claims.html", "methods.md"]


def test_the_label_of_synthetic_data_is_missing(report, page):
    assert page.count(ESCAPED) >= 3  # banner, tables, inputs
    assert ESCAPED in claims_page(report)
    assert LABEL in methods.paragraph(report.facts)


def test_the_label_stays_on_a_real_workbook(report):
    real = replace(report, facts=replace(report.facts, data_label=None), blocks=())
    assert "ynthetic" not in report_page(real).replace("data/reconstructed.xlsx", "")
    assert "ynthetic" not in methods.paragraph(real.facts)


def test_a_printed_number_is_missing_from_the_page(report, page):
    assert len(report.verdicts) > 1000
    assert page.count('<tr data-verdict="') == len(report.verdicts)
    assert report.tally.total == len(report.verdicts)


def test_a_claim_stands_beside_another_figure(report):
    blocks = {block.label: block for block in report.blocks}
    assert {v.where for v in blocks["Fig. 3"].verdicts} >= {"Fig. 3a", "abstract; Fig. 3d"}
    assert all("Fig. 3" in v.where and "Extended" not in v.where for v in blocks["Fig. 3"].verdicts)
    assert all(v.where == "Extended Data Table 2" for v in blocks["Extended Data Table 2"].verdicts)


@pytest.mark.parametrize(
    ("locator", "expected"),
    [
        ("Results; Extended Data Fig. 5a", ("Extended Data Fig. 5",)),
        ("abstract; Fig. 3a", ("Fig. 3",)),
        ("Table 1", ("Table 1",)),
        ("Extended Data Table 1", ("Extended Data Table 1",)),
        ("Methods, participants; Fig. 1", ("Fig. 1",)),
        ("abstract", ()),
    ],
)
def test_a_locator_leads_to_another_place(locator, expected):
    assert claims.places(locator) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1,260,088", 1260088), ("−4.1", -4.1), ("+16", 16), ("< 0.001", 0.001), ("> 0.05", 0.05), ("", 1e300)],
)
def test_a_printed_value_sorts_as_text(text, expected):
    assert claims.size(text) == expected


def test_an_alternative_text_does_not_state_the_result(report, page):
    picture = next(block.picture for block in report.blocks if block.picture)
    p = report.facts.numbers.get("ctx", "percent_change", "week_20", "p", contrast="d_q - control").value
    assert f"{p:.3f}" in picture.alt
    assert LABEL in picture.alt
    assert all(alt.strip() for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page))


def test_the_sentences_at_the_top_do_not_carry_the_results(report):
    sentence = methods.headline_sentence(report.facts.headlines[0], report.facts)
    get = report.facts.numbers.get
    place = ("ctx", "percent_change", "week_20")
    shift = get(*place, "hodges_lehmann", contrast="d_q - control").value
    median = get(*place, "median", group="d_q").value
    assert f"shift {shift:.1f}".replace("-", "−") in sentence
    assert f"{median:.1f}% with D+Q".replace("-", "−") in sentence
    assert "P = 0.611" in sentence


@pytest.mark.parametrize(
    ("change", "expected", "unexpected"),
    [
        ({"change": "log_ratio"}, "The log ratio of a participant is the natural logarithm", "percent change of"),
        ({"change": "difference"}, "The change of a participant is follow-up − baseline.", "percent change of"),
        ({"test": "exact"}, "two-sided exact Wilcoxon rank-sum test", "normal approximation"),
        ({"alpha": 0.1}, "the 90% interval", "95% interval"),
        ({"alpha": 0.1}, "level of significance is 0.1.", "0.05"),
        ({"exclude": ["A01"]}, "One participant (A01) was excluded.", "were excluded"),
        ({"exclude": ["A01", "A02"]}, "Two participants (A01 and A02) were excluded.", "was excluded"),
        (
            {"outliers": settings.Outliers(rule="winsorise", limit=1.0)},
            "Changes more than 1 interquartile range beyond the quartiles of their arm were set to that limit.",
            "No value was",
        ),
        ({"outcomes": ["age"]}, "No change from baseline was analysed.", "percent change"),
        ({"outcomes": ["ctx"], "visits": ["week_4"]}, "in CTx at 4 weeks.", "P1NP at"),
        (
            {"strata": {"by": "value", "cuts": [1.2], "at_cut": "lower", "labels": ["low", "high"]}},
            "at 1.2 AU; a value equal to the cut point went to the lower stratum.",
            "quantile",
        ),
        (
            {"strata": {"by": "column", "column": "p16 group", "labels": ["low", "high"]}},
            "Strata (“low” and “high”) were taken from the column “p16 group” of the workbook.",
            "The cut",
        ),
        (
            {"strata": {"cuts": ["1/3", "2/3"], "labels": ["low", "middle", "high"]}},
            "(“low”, “middle” and “high”, lowest first) by p16 variant 5 at baseline, at the 1/3 and 2/3 quantiles",
            "a value equal",
        ),
        ({"quartile_type": 6}, "quartiles (type 6", "type 7"),
    ],
)
def test_the_methods_do_not_follow_the_configuration(report, folder, change, expected, unexpected):
    if "strata" in change:
        change = {"strata": settings.StrataRule(**change["strata"])}
    analysis = report.facts.analysis.model_copy(update=change)
    # An analysis of other changes has results of another measure.
    rows = [row | {"measure": row["measure"].replace("percent_change", analysis.measure)} for row in results(folder)]
    numbers = Numbers(rows)
    text = methods.paragraph(replace(report.facts, analysis=analysis, numbers=numbers)).split("## Results")[0]
    assert expected in text
    assert unexpected not in text


def test_an_analysis_without_the_main_outcomes_has_no_results_in_words(report):
    """The first outcome that it has is told instead."""
    (told, *_) = methods.main_sentences(replace(report.facts, headlines=()))
    assert told.startswith("The median percent change in CTx from baseline to 20 weeks was")


def test_the_sizes_of_strata_or_their_cut_are_not_told(report):
    assert "The strata hold 39 (T1/T2) and 21 (T3) participants. The cut lies at 1.355 AU." in methods.paragraph(
        report.facts
    )


def test_groups_without_ids_have_no_participants_or_strata_of_nobody(report, folder):
    """Source data of the figures: changes by arm and stratum, no baseline and nobody's marker."""
    rows = [row for row in results(folder) if row["measure"] == "percent_change"]
    text = methods.paragraph(replace(report.facts, numbers=Numbers(rows), strata=()))
    assert "compared D+Q with control, with" in text
    assert "The strata are those that the workbook states; its participants have no ids." in text
    assert "Proportions" not in text
    assert "Proportions" in methods.paragraph(report.facts)


def test_an_excluded_participant_counts_as_missing_values(report):
    row = {"reason": "excluded by the analysis"}
    more = replace(report.facts, exclusions=[*report.facts.exclusions, row])
    assert methods.paragraph(more) == methods.paragraph(report.facts)


@pytest.mark.parametrize(
    "fault", [r"\. \.", r"  ", r"\bNone\b", r"\bnan\b", r"\ba (?=[aeiou]\w+ )", r"\(\)", r",,", r"\{|\}"]
)
def test_the_methods_read_badly(report, fault):
    body = methods.paragraph(report.facts).split("## References")[0]
    assert not re.search(fault, body), re.search(f".{{0,40}}{fault}.{{0,40}}", body)


def test_every_number_in_brackets_has_a_reference(report):
    text = methods.paragraph(report.facts)
    cited = {int(n) for group in re.findall(r"\[([\d,]+)\]", text) for n in group.split(",")}
    listed = {int(n) for n in re.findall(r"^(\d+)\. ", text, flags=re.MULTILINE)}
    assert cited == listed


# The explorer's numbers


def _shown(side):
    """The numbers of one side of a cut as the page prints them."""
    return None if side is None else dict(zip(EXPLORED, side, strict=True))


def test_the_explorer_starts_elsewhere_than_the_analysis(report):
    """At the cut that is shown first, the explorer has the results of the strata."""
    compared = 0
    for series in report.explorer["series"]:
        outcome, visit = series["choice"].split("/")
        for side, stratum in (("above", "T3"), ("below", "T1/T2")):
            place = {"contrast": "d_q - control", "marker": series["marker"], "stratum": stratum}
            get = partial(report.facts.numbers.get, outcome, "percent_change", visit)
            p, shown = get("p", **place), _shown(series[side][series["start"]])
            if min(p.n_first, p.n_second) < 6:
                assert shown is None
                continue
            shift = [get(f"hodges_lehmann{end}", **place).value for end in ("", "_lower", "_upper")]
            within = {"marker": series["marker"], "stratum": stratum}
            medians = [get("median", group=arm, **within).value for arm in ("d_q", "control")]
            assert [shown["n_first"], shown["n_second"]] == [f"{n:.0f}" for n in (p.n_first, p.n_second)]
            assert [shown["median_first"], shown["median_second"]] == [formatting.number(m, 1) for m in medians]
            assert [shown["hodges_lehmann"], shown["lower"], shown["upper"]] == [formatting.number(s, 1) for s in shift]
            assert shown["p"] == formatting.p_digits(p.value)
            compared += 1
    assert compared > 170


def test_the_slider_shows_another_number_than_the_table_of_cuts(report, folder):
    table = read_csv(folder / "robustness/cutoffs.csv", numeric=("cut", *EXPLORED))
    series = {(s["marker"], *s["choice"].split("/")): s for s in report.explorer["series"]}
    rows = table[table["outcome"].isin(["p1np", "bmd_radius", "sasp_il6"])]
    for row in rows.itertuples():
        own = series[row.marker, row.outcome, row.visit]
        (place,) = (i for i, cut in enumerate(own["cuts"]) if cut == float(f"{row.cut:.6g}"))
        shown = _shown(own[row.side][place])
        assert [shown["n_first"], shown["n_second"]] == [f"{row.n_first:.0f}", f"{row.n_second:.0f}"]
        for name in EXPLORED[2:-1]:
            assert shown[name] == formatting.number(getattr(row, name), 1)
        assert shown["p"] == formatting.p_digits(row.p)
    assert len(rows) > 500
    sides = sum(side is not None for s in report.explorer["series"] for name in cutoffs.SIDES for side in s[name])
    assert sides == len(table)


def test_the_explorer_ignores_the_rule_for_values_at_the_cut():
    assert cutoffs._start([1.0, 2.0, 3.0], 2.5, "upper") == 2
    assert cutoffs._start([1.0, 2.0, 3.0], 2.5, "lower") == 1
    assert cutoffs._start([1.0, 2.0, 3.0], None, "upper") == 1


def test_numbers_in_the_page_can_end_their_element():
    text = cutoffs.as_script({"a": "</script><b>", "b": "\u2028"})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"a": "</script><b>", "b": "\u2028"}


# Pieces of later analyses


def test_a_table_of_a_later_analysis_is_not_shown(tmp_path, context):
    part = tmp_path / "sensitivity"
    part.mkdir()
    (part / "other.csv").write_text("name,p,empty,value\nfirst,0.0004,,-1.23456\n")
    (part / "pieces.json").write_text(json.dumps({"other": {"title": "Power", "caption": "How much."}}))
    (piece,) = extras.read_extras(part, context)
    assert (piece.title, piece.caption) == ("Power", "How much.")
    assert piece.columns == ("name", "p", "value")
    assert piece.rows == (("first", "<0.001", "−1.235"),)


def test_a_long_table_hides_how_much_is_left_out(tmp_path, context):
    part = tmp_path / "sensitivity"
    part.mkdir()
    (part / "long.csv").write_text("n\n" + "\n".join(map(str, range(100))) + "\n")
    (piece,) = extras.read_extras(part, context)
    assert len(piece.rows) + piece.hidden == 100


EMPTY = "–"
LONG = {"outcome": "p1np", "visit": "week_2", "marker": "", "stratum": "all", "method": "covariance, HC3", "group": ""}


def test_a_row_per_number_stays_a_row_per_number(context):
    section = Section(
        "x", "", columns=(Column("Effect", "effect", "covariance"), Column("P", "p"), Column("Any", "p_low..p_high"))
    )
    numbers = {"effect": "1.23456", "effect_lower": "-0.5", "effect_upper": "3", "p": "0.0004"}
    numbers |= {"p_low": "0.01", "p_high": "0.9"}
    rows = [LONG | {"statistic": name, "value": value} for name, value in numbers.items()]
    assert table(section, rows, context) == (
        ("Outcome", "Among", "Effect", "P", "Any"),
        [("P1NP, 2 weeks", "everybody", "1.23 (−0.5 to 3)", "<0.001", "0.010 to 0.900")],
    )


def test_another_method_gives_its_number_to_a_column(context):
    section = Section("x", "", columns=(Column("P", "p", "mixed"), Column("Other P", "p", "covariance")))
    rows = [
        LONG | {"statistic": "p", "value": "0.5"},
        LONG | {"statistic": "p", "value": "0.2", "method": "mixed model"},
    ]
    assert table(section, rows, context)[1] == [("P1NP, 2 weeks", "everybody", "0.200", "0.500")]


@pytest.mark.parametrize("other", [{"marker": "p16_variant_1+5"}, {"outcome": "sasp_fas"}])
def test_the_page_shows_what_only_the_file_should_hold(context, other):
    section = Section("x", "", columns=(Column("P", "p"),))
    assert table(section, [LONG | {"statistic": "p", "value": "0.5"} | other], context)[1] == []


def test_a_printed_number_loses_its_last_digit(context):
    section = Section("x", "", columns=(Column("Reported", "reported"),), rows=("place",))
    assert table(section, [{"place": "all", "reported": "0.020"}], context)[1] == [("everybody", "0.020")]


def test_a_listed_section_is_not_filled_in(context):
    for section in SECTIONS:
        assert "{" not in context.fill(section.title) + context.fill(section.caption)


def test_a_listed_piece_comes_after_others_or_loses_the_words_beside_it(tmp_path, context):
    part = tmp_path / "robustness"
    part.mkdir()
    (part / "another.csv").write_text("a\n1\n")
    (part / "multiverse.csv").write_text(
        "family,summary,value,p,p_lower,p_upper\neverybody,mean_z,0.9,0.02,0.01,0.03\n"
    )
    (part / "robustness.json").write_text(json.dumps({"multiverse": {"title": "All", "caption": "Together."}}))
    first, second = extras.read_extras(part, context)
    assert (first.title, first.caption, second.title) == ("All", "Together.", "Another")
    assert first.rows == (("everybody", "mean z", "0.9", "0.020 (0.010 to 0.030)", *[EMPTY] * 4),)


def test_a_folder_that_does_not_exist_ends_the_report(tmp_path, context):
    assert extras.read_extras(tmp_path / "none", context) == []


def test_a_report_needs_more_than_results(tmp_path):
    """Figures, claims and robustness are left out where they are not, and the page says so."""
    folder = analysis_folder.write(tmp_path)
    (folder / "claims.csv").unlink()
    text = report_page(gather(folder, tmp_path / "workbook", "config.yaml", "published"))
    assert "no cuts to try" in text
    assert "No printed values belong to this analysis" in text
    assert "Table 1" in text


def test_markup_from_the_workbook_becomes_markup_of_the_page(report):
    named = replace(report, source={**report.source, "name": "<script>alert(1)</script>.xlsx"})
    assert "<script>alert(1)" not in report_page(named)


# Libraries of others


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("d3", "912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1"),  # d3 7.9.2
        ("plot", "4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb"),  # @observablehq/plot 0.6.17
        ("sortable", "a887cf42ad5b69673364c529afe8500b31dfbe3e78c2e623bee6430fc69b990f"),  # sortable-tablesort 4.1.7
    ],
)
def test_a_library_of_others_was_edited_or_lost_its_licence(name, digest):
    assert hashlib.sha256((VENDOR / f"{name}.min.js").read_bytes()).hexdigest() == digest
    assert "Permission" in (text := (VENDOR / f"{name}.LICENSE").read_text()) or "public domain" in text
