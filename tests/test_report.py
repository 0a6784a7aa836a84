"""The text, links and data of the pages; and that they load nothing from elsewhere."""

import hashlib
import re
from collections import Counter
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pipeline import LABEL, TRIAL, alter_trial, make_analysis

from d_q_trial import changes, claims, compare, formatting
from d_q_trial.config import settings
from d_q_trial.config.settings import Family, Multiverse
from d_q_trial.files import read_rows, write_csv, write_json, write_text
from d_q_trial.pages import italicize_p, template_engine
from d_q_trial.report import collect, headlines, pieces
from d_q_trial.report.page import claims_page, forest_row, methods_paragraph, report_page
from d_q_trial.results_table import Numbers
from d_q_trial.robustness.cutoffs import BEST_CUTS

ANALYSES = ("published", "halves", "thirds", "strict")


class Page:
    """Links and ids of a page, and its visible and accessible text, with and without code and names of files."""

    def __init__(self, path):
        html = path.read_text(encoding="utf-8")
        html = re.sub(r"(?s)(<(script|style)\b[^>]*>).*?</\2>", r"\1", html)
        self.ids = re.findall(r'<[^>]* id="([^"]*)"', html)
        self.links = [unescape(link) for link in re.findall(r'<a [^>]*?href="([^"]*)"', html)]
        words = re.sub(r'(?s)<(pre|code)\b.*?</\1>|<a [^>]*?href="[^"]*[.](?:csv|md)".*?</a>', "", html)
        self.text, self.text_with_code = map(self._read, (words, html))

    def _read(self, html):
        # Screen readers read attributes; inline elements do not separate words.
        html = re.sub(r'<[^>]*? (?:alt|aria-label|title|placeholder)="([^"]*)"', r" \1 \g<0>", html)
        html = re.sub(r"</?(?:a|i|strong|span|small)\b[^>]*>", "", html)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


@pytest.fixture(scope="session")
def chosen(pages):
    return settings.load(pages.parent / "config.json")


@pytest.fixture(scope="session")
def report(pages, chosen):
    return collect.collect_report(pages, chosen, TRIAL, "published")


@pytest.fixture(scope="session")
def all_pages(pages):
    return {path: Page(path) for path in sorted(pages.rglob("*.html"))}


def test_a_report_is_collected_from_the_outputs_of_its_analysis(report, pages, chosen):
    assert (report.label, report.source["name"], report.folder) == (LABEL, "reconstructed.xlsx", pages / "published")
    assert report.analysis == chosen.analyses["published"]
    assert (report.reference, report.differences, report.changes) == ("", [], [])
    tables = {**report.tables, "strata": report.strata, "exclusions": report.exclusions}
    assert {"robustness/cutoffs", "sensitivity/power"} <= tables.keys()
    assert tables == {name: read_rows(report.folder / f"{name}.csv") for name in tables}
    assert report.versions["d-q-trial"].startswith("0.")
    halves, strict = (collect.collect_report(pages, chosen, TRIAL, name) for name in ("halves", "strict"))
    change = {"what": "CTx, 4 weeks, stratum “high” of p16 variant 5", "conclusion": "newly significant", "p": "0.035"}
    assert (halves.reference, len(halves.changes)) == ("published", 4)
    assert halves.changes[0] == change | {"reference": "0.053 in T3"}
    assert strict.changes[0]["reference"] == "0.049"  # in the stratum of the same label


def test_comparisons_that_only_the_reference_makes_are_counted(report, pages, chosen, tmp_path):
    assert (report.not_made, collect.collect_report(pages, chosen, TRIAL, "halves").not_made) == (0, 0)
    for name, kept in (("published", ""), ("halves", "ctx,")):
        header, *rows = (pages / name / "results.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        write_text("".join([header, *(row for row in rows if row.startswith(kept))]), tmp_path / name / "results.csv")
    _, not_made = collect.changes_against_reference(tmp_path, chosen, TRIAL, "halves")
    assert not_made == 126  # of 135, all but those of CTx


def test_figures_and_tables_have_the_verdicts_on_their_values(report):
    tallies = {item["label"]: sum(item["tally"].values()) for item in (*report.figures, *report.built_tables)}
    extended = {f"Extended Data Table {number}": count for number, count in enumerate((11, 324, 252), start=1)}
    assert tallies == {"Fig. 3": 27, "Fig. 4": 29, "Main results": 0, "Table 1": 91, **extended}
    figure = report.figures[1]
    assert (figure["key"], figure["width"], figure["other_markers"]) == ("figure_4", 1802, "")
    assert figure["alt"].startswith("Fig. 4. Course of bone turnover by stratum of p16 variant 5. Synthetic data")
    assert figure["address"].startswith("data:image/png;base64,")
    p_values = [verdict for verdict in figure["verdicts"] if verdict["quantity"] == "p"]
    for panel in figure["panels"]:
        assert panel["verdicts"] == [p for p in p_values if ("Fig. 4", panel["letter"]) in p["places"]]
        assert len(panel["verdicts"]) == 3


def test_figures_are_in_order_if_drawn_and_name_the_markers_of_values_that_they_do_not_show(report, tmp_path):
    descriptions = collect.read_descriptions(report.folder / "figures")
    descriptions["not_drawn"] = descriptions["figure_4"]
    descriptions["figure_3"]["order"] = 9
    write_json(descriptions, tmp_path / "figures.json")
    for name in ("figure_3.png", "figure_4.png"):
        (tmp_path / name).symlink_to(report.folder / "figures" / name)
    others = [v | {"key": (*v["key"][:3], "p16_variant_1+5", *v["key"][4:])} for v in report.verdicts]
    figures = collect.read_figures(tmp_path, others, report.labeller)
    shown = [(figure["key"], figure["verdicts"], figure["other_markers"]) for figure in figures]
    assert shown == [(key, [], "p16 variant 1+5") for key in ("figure_4", "figure_3")]


def test_every_internal_link_leads_to_a_file_and_an_id_and_every_page_links_to_every_other(all_pages, pages):
    targets = {}
    assert sum(link.startswith("https://") for page in all_pages.values() for link in page.links) > 5
    for path, page in all_pages.items():
        for link in (link for link in page.links if not link.startswith("https://")):
            file, _, anchor = link.partition("#")
            target = path.parent.joinpath(file).resolve() if file else path
            assert target.exists(), f"{path.relative_to(pages)}: {link}"
            assert not anchor or "=" in anchor or anchor in all_pages[target].ids, f"{path.relative_to(pages)}: {link}"
            targets.setdefault(path, set()).add(target)
    names = ("index.html", "published/report.html", "published/claims.html", "compare/comparison.html")
    linked = {pages / name for name in (*names, "consistency/consistency.html")}
    for path in linked:
        assert linked - {path} <= targets[path], path
    assert {pages / name / "report.html" for name in ANALYSES} <= targets[pages / "index.html"]


def test_no_text_contains_a_key_or_a_column_name(all_pages, pages):
    groups = (TRIAL.visits, TRIAL.outcomes, TRIAL.markers, TRIAL.families, TRIAL.analysed_arms)
    labels = {key: entry if isinstance(entry, str) else entry.label for group in groups for key, entry in group.items()}
    words = {word for label in labels.values() for word in re.split(r"\W+", label)}
    keys = labels.keys() - words - {word[:1].lower() + word[1:] for word in words}  # ctx, but not age
    assert {"d_q", "ctx", "p1np", "sasp", "bmd_femur_neck", "p16_variant_5", "week_20"} <= keys
    alternatives = "|".join(re.escape(key) for key in sorted(keys, key=len, reverse=True))
    raw = re.compile(rf"(?<!\w)(?:{alternatives})(?![\w+])|\b\w+_\w+\b(?!\.csv)|strata\.\w+|sum of t")
    for path, page in all_pages.items():
        assert raw.findall(page.text) == [], path.relative_to(pages)


def test_pages_load_nothing_are_small_and_have_unique_ids_and_p_in_italics(all_pages):
    assert italicize_p("1 in 10^8") == "1 in 10<sup>8</sup>"
    assert italicize_p("P1NP, P = 0.035; P-values <") == "P1NP, <i>P</i> = 0.035; <i>P</i>-values &lt;"
    upright = re.compile(r">[^<]*?(?<![\w&#-])P(?= [=<&(]|-value|, |:|<)")
    hidden = re.compile(r"<(script|style|pre|svg|i|option|title)\b.*?</\1>", re.DOTALL)
    for path, page in all_pages.items():
        text = path.read_text(encoding="utf-8")
        assert upright.findall(hidden.sub("", text)) == [], path
        assert len(page.ids) == len(set(page.ids))
        assert path.stat().st_size < 5_000_000
        if path.parent.name not in ("consistency", "tables"):
            assert "default-src 'none'" in text
            assert LABEL.replace("'", "&#39;") in text


def test_sentences_count_verdicts_by_source_and_those_of_an_alternative_the_values_that_do_not_apply(pages, all_pages):
    counts = Counter((row["source"], row["verdict"]) for row in read_rows(pages / "published/claims.csv"))
    exact, bound = (counts["paper", name] for name in (claims.REPRODUCED, claims.WITHIN_BOUND))
    registry = counts["registry", claims.REPRODUCED]
    for page in ("published/report.html", "published/claims.html", "index.html"):
        text = all_pages[pages / page].text
        paper = f"All {exact + bound} checkable numbers of the paper were reproduced ({exact} exactly, {bound} within a reported bound)"
        assert f"{paper}; 11 adverse-event counts have no participant data." in text
        assert f"{registry} of {registry + 1} checkable numbers of the registry were reproduced; one mismatch" in text
    number = sum(row["verdict"] == claims.NOT_APPLICABLE for row in read_rows(pages / "halves/claims.csv"))
    for page in ("claims.html", "methods.md"):
        text = " ".join((pages / "halves" / page).read_text(encoding="utf-8").split())
        assert f"; {number:,} numbers do not apply, because this analysis defines the subgroups differently." in text
        assert "not apply" not in (pages / "published" / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([claims.NOT_CHECKABLE] * 3, "No number of the paper can be checked in this analysis."),
        ([claims.NOT_APPLICABLE], "No number of the paper can be checked in this analysis; 1 number does not apply,"),
        ([claims.REPRODUCED, claims.NOT_CHECKABLE], "were reproduced (1 exactly); 1 other number cannot be checked."),
    ],
)
def test_numbers_that_cannot_be_checked_are_other_numbers_only_beside_some_that_can(report, verdicts, sentence):
    of_paper = [v for v in report.verdicts if v["source"] == "paper" and v["quantity"] == "p"]
    changed = [verdict | {"verdict": name} for verdict, name in zip(of_paper, verdicts, strict=False)]
    assert sentence in methods_paragraph(replace(report, verdicts=changed))


def test_a_subgroup_result_is_shown_with_its_qualifications_and_the_comparison_with_intervals(all_pages, pages, report):
    (line,) = [line for line in headlines.main_results(report) if line["outcome"] == "P1NP, 2 weeks"]
    text = all_pages[pages / "published/report.html"].text
    assert re.search(rf" 0\.035 [^.]*0\.035: reproduced ✓reproduced 0\.296 {re.escape(line['searched'])} ", text)
    assert "P = 0.035; same side of 0.05 under 1 of 3 other methods; interaction P 0.296" in text
    assert "−13.0 (−30.5 to −0.2) 0.049" in text, "n is that of the header"
    assert "4.0 (−17.4 to 34.4) n = 8, 10 0.594" in text
    assert "where an arm has fewer than eight participants (one comparison of this table)." in text
    halves = all_pages[pages / "halves/report.html"].text
    divided = "30 D+Q, 30 control Stratum “high” of p16 variant 5 14 D+Q, 16 control Stratum “low” of"
    assert f"participants {divided}" in halves
    comparison = all_pages[pages / "compare/comparison.html"].text
    subgroups = "subgroups T1, T2 and T3, at the 1/3 and 2/3 quantiles of the analysed participants"
    for words in (subgroups, "31.7 (2.8 to 71.7)", "change as log ratio; significance level 0.01"):
        assert words in comparison
    assert re.search(r"Reported P-values that can be compared: [1-9]", comparison)


def test_a_report_says_which_methods_give_no_p_and_where_the_reasons_are(report):
    tables = {name: rows for name, rows in report.tables.items() if name != "robustness/analysis_cuts"}
    text = report_page(replace(report, tables=tables))
    assert "No result has a <i>P</i> here by: Corrected for the search. Interaction" in text
    assert "for the search apply to subgroups only; other reasons are in the note of the main results" in text
    assert "corrected for the search: not computed for this analysis." in text


@pytest.mark.parametrize("significant", [True, False])
def test_a_missing_limit_is_explained_and_one_of_zero_beside_a_significant_p(report, monkeypatch, significant):
    row, *_ = headlines.main_results(report)
    odd = {"limits": "0.0 to 1.0", "significant": significant, "no_limits": "too small" * significant}
    row["effects"] = [replace(effect, **odd) for effect in row["effects"]]
    monkeypatch.setattr(headlines, "main_results", lambda _: [row])
    page = report_page(report)
    assert ("A limit of 0 beside a" in page) == ("intervals (CI; where missing, too small);" in page) == significant


def test_cards_count_the_values_of_each_verdict(report):
    failed = (claims.NOT_REPRODUCED, claims.OUTSIDE_BOUND, claims.NOT_REPRODUCED)
    verdicts = [verdict | {"verdict": name} for verdict, name in zip(report.verdicts, failed, strict=False)]
    page = report_page(replace(report, verdicts=verdicts))
    assert re.findall(r"✗ (\d)</strong> (.*?)<", page) == [("2", f"paper: {failed[0]}"), ("1", f"paper: {failed[1]}")]


@pytest.mark.parametrize("name", ANALYSES[1:])
def test_the_report_of_an_alternative_begins_with_changed_conclusions(pages, all_pages, name):
    table = [row for row in read_rows(pages / "compare/comparisons.csv") if row["analysis"] == name]
    changed = [row for row in table if row["conclusion"] in compare.CHANGED]
    summary, _, details = all_pages[pages / name / "report.html"].text.partition(" Different settings: ")
    sentence = f"{len(changed)} conclusion{'s differ' if len(changed) != 1 else ' differs'} from “published”"
    assert f"{sentence}." in summary
    assert sentence in all_pages[pages / "index.html"].text.partition(f" {name} ")[2]
    assert details.index(compare.CHANGED[changed[0]["conclusion"]]) < details.index("Main results")
    assert formatting.format_p_digits(float(changed[0]["p"])) in details


def test_a_report_needs_only_results_and_gives_the_commands_for_missing_parts(pages, chosen, tmp_path):
    (tmp_path / "published").mkdir()
    for path in ("workbooks", "published/results.csv"):
        (tmp_path / path).symlink_to(pages / path)
    page = report_page(collect.collect_report(tmp_path, chosen, TRIAL, "published"))
    for part in ("robustness/cutoffs", "sensitivity/sensitivity"):
        assert f"<code>snakemake --cores 4 results/published/{part}.csv</code>" in page
    assert "P = 0.611" in page
    sentence = "a symbol compares <i>P</i> with the reported value"
    assert sentence not in page
    assert sentence in (pages / "published/report.html").read_text(encoding="utf-8")


VALUE = {"by": "value", "cuts": [1.2], "at_cut": "lower", "labels": ["low", "high"]}
EVERYONE = {"cuts": ["1/3", "2/3"], "at_cut": "lower", "reference": "everyone"}
COLUMN = {"by": "column", "column": "p16 group", "labels": ["low", "high"]}
SETTINGS = [  # change of the configuration, expected text, unexpected text
    ({"change": "log_ratio"}, "The log ratio of a participant is the natural logarithm", "percent change of"),
    ({"change": "difference"}, "The change of a participant is follow-up − baseline.", "percent change of"),
    ({}, "its further arm, fisetin, is not analysed [1].", "are not analysed"),
    ({"alpha": 0.1}, "significance level is 0.1.", "0.05"),
    ({"exclude": ["A01"]}, "One participant (A01) was excluded.", "were excluded"),
    ({"outliers": {"rule": "winsorise", "limit": 1.0}}, "more than 1 interquartile range beyond", "No value was"),
    ({"outliers": {"rule": "winsorise"}}, "arm were set to that limit. This applied to no changes.", "No value was"),
    ({}, "2/3 quantile of the analysed participants; a value equal to the cutoff went to the upper", "values e"),
    ({"strata": EVERYONE}, "1/3 and 2/3 quantiles of the non-excluded participants of all arms; values eq", "a value"),
    ({"strata": VALUE}, "(“low” and “high”, lowest first) by p16 variant 5 at baseline, at 1.2 AU; a", "quantile of"),
    ({"strata": COLUMN}, "were taken from the column “p16 group” of the workbook.", "The cutoff"),
]


@pytest.mark.parametrize(("change", "expected", "unexpected"), SETTINGS)
def test_the_methods_follow_the_configuration(pages, report, change, expected, unexpected):
    analysis = settings.Analysis(**report.analysis.model_dump() | change)
    table = read_rows(pages / "published/results.csv")
    for row in table:  # the change that the configuration chooses
        row["measure"] = row["measure"].replace("percent_change", analysis.measure)
    text = methods_paragraph(replace(report, analysis=analysis, numbers=Numbers(table), tables={}))
    text = text.partition("## Results")[0]
    assert (expected in text, unexpected in text) == (True, False)


def keep_results(report, **keys):
    """Return the results with these keys, to replace those of a report."""
    rows = read_rows(report.folder / "results.csv")
    return {"numbers": Numbers(row for row in rows if all(row[name] in values for name, values in keys.items()))}


@pytest.mark.parametrize(
    ("change", "expected", "unexpected"),
    [
        (lambda report: keep_results(report, outcome=["ctx"]),
         "Not compared in this analysis: P1NP, 2 weeks, stratum T3 of p16 variant 5.", "in 36 outcomes (senescence-associated"),
        (lambda _: {"headlines": ()},
         "## Results All", "P1NP from baseline to 2 weeks"),
        (lambda report: keep_results(report, outcome=["ctx", "sasp_fas", "sasp_tnfr1"]),
         "in Fas and TNFR1 at 2 weeks", "in 36 outcomes (senescence-associated"),
        (lambda report: keep_results(report, measure=["percent_change"]) | {"strata": ()},  # source data of figures
         "The strata are those stated in the workbook, whose participants have no ids.", "Proportions"),
        (lambda report: {"strata": [row for row in report.strata if row["participant"] not in ("S01", "S02")]},
         "; two participants without a marker value belong to none.",
         "contain 39 (T1/T2) and 21 (T3) participants. The cutoff is 1.355 AU."),
    ],
)  # fmt: skip
def test_the_methods_describe_special_cases(report, change, expected, unexpected):
    changed = replace(report, **change(report))
    usual, special = (" ".join(methods_paragraph(each).split()) for each in (report, changed))
    assert (expected in special, expected in usual) == (True, False)
    assert (unexpected in special, unexpected in usual) == (False, True)
    if expected.startswith("Not compared"):
        assert expected in report_page(changed).partition('"methods"')[0]


def test_the_methods_name_the_strata_of_panels_that_the_analysis_lacks(report, tmp_path):
    rows = [dict.fromkeys(changes.COLUMNS, "") | {"stratum": stratum} for stratum in ("T1", "T2", "T3")]
    write_csv(pd.DataFrame(rows), tmp_path / "changes.csv")
    assert "assigns to T1 and T2 are in no stratum" in methods_paragraph(replace(report, folder=tmp_path))


@pytest.mark.parametrize(("compared", "has_table"), [("p1np", True), ("age", False)])
def test_the_summary_says_that_the_primary_endpoint_is_not_compared(report, compared, has_table):
    summary = report_page(replace(report, **keep_results(report, outcome=[compared]))).partition('"figures"')[0]
    absent = '<p class="absent">Not compared in this analysis: CTx, 20 weeks, all participants (the primary endpoint)'
    assert (absent in summary, "Main results: " in summary) == (True, has_table)


DESCRIBED = [  # table, column, beginning of the method, part of its description
    ("robustness/cutoffs", "p", "", "every cutoff of p16 variant 5 and p16 variant 1+5 that leaves at least six participants"),
    ("robustness/windows", "p", "", "in sliding windows"),
    ("robustness/multiplicity", "p_holm", "", "Within the family “endpoints”, P-values were adjusted"),
    ("sensitivity/sensitivity", "value", "", "The sensitivity analyses were analysis of covariance adjusted for the baseline value"),
    ("sensitivity/sensitivity", "value", "mixed model", "mixed model over visits (random intercept, values missing at random)"),
    ("sensitivity/leave_one_out", "value", "", "with each participant left out in turn"),
    ("robustness/best_cuts", "effect_out_of_bag", "", "Bootstrap resamples show how far the best cutoff varies"),
    ("sensitivity/suspect_values", "value", "", "Where a reported value may be an error, comparisons were repeated"),
    ("sensitivity/power", "value", "two-sided", "the standard deviation that the plan implies was computed for the t test"),
    ("sensitivity/power", "value", "", "type S (sign) error and type M (magnitude) error in subgroups"),
]  # fmt: skip
PERMUTED = [
    ("sensitivity/interaction", "value", "", "interaction of treatment and subgroup was tested"),
    ("robustness/best_cuts", "p_best_of_both", "", "P of the best cutoff was corrected for the search"),
    ("robustness/best_splits", "p_corrected", "", "by maximally selected rank statistics"),
    ("robustness/multiplicity", "p_max_t", "", "(false discovery rate), and by step-down max-T"),
    ("robustness/specifications", "p", "", "curve analysis of P1NP, all combinations of marker and cutoff and vis"),
]


@pytest.fixture(scope="session")
def full(report, tmp_path_factory):
    """The report with a multiverse, which takes too long to compute."""
    folder = tmp_path_factory.mktemp("full") / "published"
    curve = {"varied": ["marker and cutoff", "visit"], "fixed": "The same in all: x."}
    write_json({"specification_curve": curve}, folder / "robustness/multiverse.json")
    for path in ("changes.csv", "../workbooks"):
        (folder / path).symlink_to(report.folder / path)
    tables = {"robustness/specifications": [{"outcome": "p1np", "p": "0.5"}], **report.tables}
    multiverse = Multiverse(outcomes={"p1np": "higher", "ctx": "lower"})
    return replace(change_robustness(report, multiverse=multiverse), folder=folder, tables=tables)


def change_robustness(report, **changes):
    robustness = report.settings.robustness.model_copy(update=changes)
    return replace(report, settings=report.settings.model_copy(update={"robustness": robustness}))


def remove_values(report, table, column, method):
    """Return a report whose table has no values of a column by a method."""
    rows = [{**row, column: ""} if row.get("method", "").startswith(method) else row for row in report.tables[table]]
    return replace(report, tables={**report.tables, table: rows})


@pytest.mark.parametrize(("table", "column", "method", "description"), DESCRIBED + PERMUTED)
def test_the_methods_describe_an_analysis_only_if_its_table_has_values(full, table, column, method, description):
    assert description in methods_paragraph(full)
    for other in (remove_values(full, table, column, method), replace(full, tables={**full.tables, table: ()})):
        assert description not in methods_paragraph(other)


@pytest.mark.parametrize(("table", "column", "method", "_"), PERMUTED)
def test_permutations_are_described_only_if_a_table_has_permutation_p(full, table, column, method, _):
    for made, described in ((full, True), (remove_values(full, table, column, method), False)):
        alone = replace(made, tables={name: made.tables[name] for name in (table, "sensitivity/leave_one_out")})
        assert ("99 permutations and the seed" in methods_paragraph(alone)) == described
        assert ("99 permutations" in report_page(alone).partition('id="methods"')[2]) == described


def test_families_without_comparisons_and_missing_settings_are_named(report):
    families = report.settings.robustness.families | {"none": Family(outcomes=["bmd"])}
    other = change_robustness(report, families=families)
    assert "No comparison of the family “none” was made in this analysis." in methods_paragraph(other)
    assert "in the family “none”: it has no comparison in this analysis" in report_page(other)
    unchanged, without = report_page(report), change_robustness(report, families={}, multiverse=Multiverse())
    assert "no comparison" not in (methods_paragraph(report) + unchanged).lower()
    page = report_page(replace(without, settings=without.settings.model_copy(update={"published": None})))
    assert "multiple testing: <code>robustness.families</code> names no family." in page
    assert "The multiverse: <code>robustness.multiverse.outcomes</code> names no outcome." in page
    # The findings in the folder are of another configuration.
    without_reported = "This configuration names no reported <i>P</i>-values"
    assert (without_reported in page, without_reported in unchanged) == (True, False)


def test_the_methods_have_no_formatting_errors_and_number_their_references(report):
    text = methods_paragraph(report)
    assert re.findall(r"\. \.|  |\bNone\b|\bnan\b|\(\)|,,|[{}]|&#", text.split("## References")[0]) == []
    cited = {int(n) for group in re.findall(r"\[([\d,]+)\]", text) for n in group.split(",")}
    assert cited == {int(n) for n in re.findall(r"^(\d+)\. ", text, flags=re.MULTILINE)}


def test_labels_of_visits_and_sources_are_unchanged_and_markup_in_names_is_escaped(report):
    trial = alter_trial(TRIAL, "visits", "week_4", label="EOT (ICU day 28, V2)")
    other = replace(report, trial=trial, verdicts=[verdict | {"source": "protocol"} for verdict in report.verdicts])
    assert "at baseline, 2 weeks, EOT (ICU day 28, V2) and 20 weeks" in methods_paragraph(other)
    assert re.search('placeholder="such as CTx, or .*<option value="">protocol</option>', claims_page(other), re.S)
    analysis = report.analysis.model_copy(update={"name": "<img src=x onerror=alert(1)>"})
    named = replace(report, source={**report.source, "name": "<script>alert(1)</script>.xlsx"})
    assert not re.search("<img|<script", methods_paragraph(replace(named, analysis=analysis)))
    assert "<script>alert(1)" not in report_page(named)
    named = replace(report, source={**report.source, "name": "A*02 | B*07 $x$ [y].xlsx"})
    assert r"A\*02 \| B\*07 \$x\$ \[y].xlsx" in methods_paragraph(named)


@pytest.fixture(scope="session")
def explorer(report):
    return pieces.explorer_data(report)


def test_the_explorer_has_the_values_of_cutoffs_and_starts_at_cutoff_and_interaction_p_of_the_analysis(
    explorer, report
):
    all_series = {(series["marker"], *series["choice"].split("/")): series for series in explorer["series"]}
    table = [row for row in report.table("robustness/cutoffs") if row["outcome"] in ("p1np", "bmd_radius", "sasp_il6")]
    assert len(table) > 500
    few = [side for series in all_series.values() for name in pieces.SIDES for side in series[name] if len(side) == 2]
    assert len(few) > 100  # a side with too few participants shows their number
    assert all(min(map(int, side)) < 6 for side in few)
    for row in table:
        series = all_series[row["marker"], row["outcome"], row["visit"]]
        side = series[row["side"]][series["cuts"].index(float(f"{float(row['cut']):.6g}"))]
        estimates = [formatting.format_number(float(row[name] or "nan"), 1) for name in pieces.NUMBERS]
        p_values = [formatting.format_p_digits(float(row[name])) for name in ("p", "p_corrected")]
        assert side == [row["n_second"], row["n_first"], *estimates, *p_values]
    compared = 0
    for series in explorer["series"]:
        keys = dict(zip(("outcome", "visit"), series["choice"].split("/"), strict=True)) | {"marker": series["marker"]}
        rows, start = report.table("robustness/analysis_cuts", **keys), series["start"]
        assert {f"{float(row['cut']):.6g}" for row in rows} <= {f"{series['cuts'][start]:.6g}"}
        if len(rows) == 2:
            assert series["p_interaction"][start] == headlines.format_interaction(report, keys)
            compared += 1
    assert compared > 80


def test_corrected_p_is_smallest_at_the_best_cutoff(report):
    best = [row for row in report.table("robustness/best_cuts") if row["p_best_of_both"]]
    assert len(best) > 80
    for row in best:
        cuts = report.table("robustness/cutoffs", **{name: row[name] for name in ("outcome", "visit", "marker")})
        corrected = {(cut["side"], cut["cut"]): float(cut["p_corrected"]) for cut in cuts}
        assert corrected[row["side"], row["cut"]] == min(corrected.values()) == float(row["p_best_of_both"])


def test_the_explorer_has_the_change_and_marker_values_of_each_participant(explorer, pages):
    changes, strata = (read_rows(pages / f"published/{name}.csv") for name in ("changes", "strata"))
    assert len(explorer["people"]) == 60
    keys = {"outcome": "p1np", "visit": "week_2", "measure": "percent_change"}.items()
    for index, person in enumerate(explorer["people"][:5]):
        (change,) = [row for row in changes if keys <= row.items() and row["participant"] == person["id"]]
        assert TRIAL.analysed_arms[change["arm"]].label == explorer["arms"][person["arm"]]
        assert explorer["changes"]["p1np/week_2"][index] == formatting.format_number(float(change["value"]), 1)
        markers = {row["marker"]: float(row["marker_value"]) for row in strata if row["participant"] == person["id"]}
        assert person["at"] == markers
        assert markers.keys() == TRIAL.markers.keys()


WIDE = {"outcome": "ctx", "stratum": "all"}
LONG = {"outcome": "p1np", "visit": "week_2", "marker": "", "stratum": "all", "method": "covariance, HC3", "group": ""}


def select(report, rows, *columns):
    """Return headings, cells and number of hidden rows of a table with these columns."""
    return pieces.select_cells(pieces.Section("x", columns=columns), rows, report.labeller)[:3]


def test_statistics_in_rows_become_columns_of_a_comparison(report):
    statistics = {"effect": "1.23456", "effect_lower": "-0.5", "effect_upper": "3"}
    statistics |= {"p": "0.0004", "p_low": "0.01", "p_high": "0.9"}
    rows = [LONG | {"statistic": name, "value": value} for name, value in statistics.items()]
    rows += [LONG | {"statistic": "p", "value": "0.2", "method": "mixed model"}]
    columns = (("Effect", "effect", "covariance"), ("P", "p"), ("Any", "p_low..p_high"), ("Mixed", "p", "mixed"))
    assert select(report, rows, *columns) == (
        ("Outcome", "Participants", "Effect", "P", "Any", "Mixed"),
        [("P1NP, 2 weeks", "all", "1.23 (−0.50 to 3.00)", "<0.001", "0.010 to 0.900", "0.200")],
        0,
    )


def test_a_column_has_the_same_number_of_decimals_in_all_rows_and_effects_those_of_their_outcome(report):
    rows = [WIDE | {"x": x, "y": y, "z": "0.5"} for x, y in (("0.78", "1.5"), ("0.8954", "12.25"), ("1e-9", "3"))]
    _, cells, _ = select(report, rows, ("X", "x"), ("Y", "z..y"))
    assert [row[2:] for row in cells] == [("0.780", "0.5 to 1.5"), ("0.895", "0.5 to 12.2"), ("0.000", "0.5 to 3.0")]
    differences = replace(report, analysis=report.analysis.model_copy(update={"change": "difference"}))
    rows = [LONG | {"outcome": outcome, "statistic": "difference", "value": "0.0456"} for outcome in ("ctx", "p1np")]
    assert [row[-1] for row in select(differences, rows, ("Difference", "difference"))[1]] == ["0.046", "0.05"]


def test_reasons_for_missing_values_are_given_below_the_table(report, tmp_path):
    reason = {"reason": "this test has none"}
    columns = (("P", "p"), ("Bounds", "low..high", "bounds"))
    rows = [LONG | {"statistic": "p", "value": p, "reason": why} for p, why in (("0.5", ""), ("", "few"))]
    rows += [LONG | {"statistic": name, "value": "", "method": "bounds, x"} | reason for name in ("low", "high")]
    section = pieces.Section("x", columns=columns)
    assert pieces.select_cells(section, rows, report.labeller)[-1] == "few; this test has none"
    empty = LONG | {"outcome": "ctx", "statistic": "p", "value": ""}
    rows += [empty | {"reason": "few"}, empty | {"visit": "week_4", "reason": ""}]
    assert [row[0] for row in select(report, rows, *columns)[1]] == ["P1NP, 2 weeks", "CTx, 2 weeks"]
    row = {"outcome": "ctx", "visit": "week_2", "marker": "", "stratum": "all", "side": "above", "cuts": "0"}
    tables = {"robustness/best_cuts": [dict.fromkeys(BEST_CUTS, "") | row | reason]}
    (piece,) = pieces.read_pieces(replace(report, folder=tmp_path, tables=tables))
    tables["robustness/best_cuts"].append(tables["robustness/best_cuts"][0] | {"cuts": "1", "p": "0.5", "reason": ""})
    (partial,) = pieces.read_pieces(replace(report, folder=tmp_path, tables=tables))
    assert partial["absent"] == "In some rows, values are missing: this test has none."
    assert (piece["absent"], piece["rows"], piece["caption"]) == ("Not made: this test has none.", [], "")


def test_a_table_with_only_zero_counts_is_not_shown_and_hidden_rows_of_large_families_are_counted(report):
    row = WIDE | {"cuts": "0", "p": ""}
    for rows, shown in (([row, row], 0), ([row, row | {"p": "0.5"}], 2)):
        assert len(select(report, rows, ("Cutoffs", "cuts"), ("P", "p"))[1]) == shown
    row = LONG | {"statistic": "p", "value": "0.5"}
    others = [row | {"marker": "p16_variant_1+5"}, row | {"outcome": "sasp_fas"}]
    _, rows, hidden = select(report, [*others, row], ("P", "p"))
    assert (len(rows), hidden) == (1, 1)
    piece = dict.fromkeys(("key", "title", "caption", "absent", "file", "picture"), "")
    piece |= {"columns": ["P"], "hidden": 1}
    for listed, sentence in ((rows, "1 more row and the other columns are in"), ([], "All rows are in")):
        assert sentence in template_engine().get_template("macros.html.j2").module.piece(piece | {"rows": listed})


def test_a_description_gives_the_title_and_caption_of_a_table_and_unlisted_tables_are_not_shown(tmp_path, report):
    write_json({"multiverse": {"title": "All", "caption": "Together."}}, tmp_path / "robustness/pieces.json")
    tables = {
        "robustness/another": [{"name": "first", "p": "0.0004"}],
        "robustness/cutoffs": [{"cut": "1"}],  # the explorer shows it
        "robustness/multiverse": [{"family": "all", "summary": "mean_z", "value": "0.9", "p": "0.02"}] * 100,
    }
    (piece,) = pieces.read_pieces(replace(report, folder=tmp_path, tables=tables))
    assert (piece["title"], piece["caption"]) == ("All", "Together.")
    assert piece["rows"][0][:3] == ("all", "mean z", "0.900")
    assert len(piece["rows"]) + piece["hidden"] == 100


def test_a_common_caption_is_shown_once_and_placeholders_are_filled(report):
    (members,) = [m for group, _, m in pieces.group_pieces(pieces.read_pieces(report)) if group]
    assert len(members) == 4
    assert all("pointwise" not in piece["caption"] for piece in members)
    assert report_page(report).count("with pointwise 95% intervals") == 1
    for section in pieces.SECTIONS:
        assert "{" not in report.labeller.fill(section.title) + report.labeller.fill(section.caption)


@pytest.mark.parametrize(
    ("changes", "text", "drawn"),
    [
        ({}, "1.2 (0.5 to 2.0)", True),
        ({"test": "welch"}, "3.4 (−0.6 to 7.4), difference of means", True),
        ({"test": "brunner_munzel"}, "1.2 (no interval)", False),
        ({"change": "log_ratio"}, "1.200 (0.500 to 2.000), as log ratio", False),
        ({"change": "difference"}, "1.200 (0.500 to 2.000), as change in ng/mL", False),
    ],
)
def test_the_comparison_shows_the_estimate_and_interval_of_the_test_of_each_analysis(changes, text, drawn):
    analysis = make_analysis(**changes)
    row = {"analysis": "a", "place": "all", "stratum": "all", "measure": analysis.measure, "n_first": 9, "n_second": 8}
    row |= {"significant": "no"}
    lower, upper = (np.nan, np.nan) if analysis.test == "brunner_munzel" else (0.5, 2.0)
    row |= {"hodges_lehmann": 1.2, "hodges_lehmann_lower": lower, "hodges_lehmann_upper": upper}
    row |= {"mean_difference": 3.4, "mean_difference_lower": -0.6, "mean_difference_upper": 7.4}
    for p, conclusion, digits in ((0.2, "stays", "0.200"), (np.nan, "lost", "not defined")):
        own = row | {"p": p, "conclusion": conclusion}
        shown = forest_row(own, analysis, "percent_change", TRIAL.outcomes["ctx"])
        assert (shown["text"], shown["p"], shown["ends"] is not None) == (text, digits, drawn)


# Third-party libraries: d3 7.9.2, @observablehq/plot 0.6.17, sortable-tablesort 4.1.7

DIGESTS = {
    "d3": "912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1",
    "plot": "4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb",
    "sortable": "a887cf42ad5b69673364c529afe8500b31dfbe3e78c2e623bee6430fc69b990f",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_a_third_party_library_is_unchanged_and_has_its_licence(name):
    vendor = Path("src/d_q_trial/pages/vendor")
    assert hashlib.sha256((vendor / f"{name}.min.js").read_bytes()).hexdigest() == DIGESTS[name]
    assert re.search("Permission|public domain", (vendor / f"{name}.LICENSE").read_text())
