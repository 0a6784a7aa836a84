"""Many analyses at once: every output names the strata, the test and the level of its own analysis, and of no other."""

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pandas as pd
import pytest
import workspace
import yaml
from conftest import make_shared_folder
from test_report import Page

from d_q_trial import formatting
from d_q_trial.stats.two_sample import TESTS

pytestmark = pytest.mark.slow

MAIN = "tables/main_results.html"
# What an added test states otherwise than that of Brunner and Munzel, which has no interval and is not permuted.
NEW_TEST = {"label": "New test", "sentence": "two-sided new test", "statistic": "d"}
NEW_TEST["references"] = ["Newcomer A. Journal of New Tests 1, 1-2 (2001)."]
KNOWN = TESTS | {"new": replace(TESTS["brunner_munzel"], name="new", sentence=NEW_TEST["sentence"])}
# The configuration, the outcomes of its reference analysis, and further analyses.
MATRICES = yaml.safe_load("""
bundled:
  source: config.yaml
  outcomes: [p1np, bmd_radius, sasp_il6]
  others:
    everything: {marker: p16_variant_1+5, test: exact, outcomes: [ctx, bmd_radius, sasp_il6], alpha: 0.01,
      strata: {cuts: [1/5, 2/5, 3/5, 4/5], at_cut: lower, labels: [fifth-a, fifth-b, fifth-c, fifth-d, fifth-e]},
      change: log_ratio, exclude: [S01, S02]}
    column: {workbook: grouped.xlsx, test: new, outcomes: [p1np, bmd_radius],
      strata: {by: column, column: p16 variant 5 tertile, labels: [T1, T2, T3]}}
    values: {strata: {by: value, cuts: [1.1]}, test: welch, outcomes: [p1np], quartile_type: 3,
      outliers: {rule: trim, limit: 1.5}}
real:
  source: data/pbc/config.yaml
  outcomes: [bilirubin, albumin]
  others:
    everything: {strata: {cuts: [1/2], labels: [lower-half, upper-half]}, test: brunner_munzel, outcomes: [bilirubin],
      alpha: 0.1}
""")
DRIVER = """
import json
from d_q_trial import cli
from d_q_trial.config import settings

config = settings.load("config.yaml")
for command in "participants results tables figures cutoffs robustness sensitivity report".split():
    for analysis in config.analyses:
        assert cli.main([command, "--analysis", analysis]) == 0, (command, analysis)
assert cli.main(["compare"]) == cli.main(["overview"]) == 0
print(json.dumps({name: [a.strata.labels, a.alpha, a.test] for name, a in config.analyses.items()}))
"""


def _write_grouped_workbook(path: Path) -> None:
    """Write the bundled workbook with a column of groups, and without the marks of synthetic data."""
    book = openpyxl.load_workbook("data/reconstructed.xlsx")
    del book["READ ME"]
    book.properties.title = book.properties.subject = book.properties.keywords = book.properties.creator = None
    del book.custom_doc_props["synthetic"]
    sheet = book["Participants"]
    column = sheet.max_column + 1
    sheet.cell(1, column, "p16 variant 5 tertile")
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, column, f"T{row % 3 + 1}")
    book.save(path)


def _run_matrix(folder: Path, *, source: str, outcomes: list[str], others: dict) -> None:
    """Run all analyses by the commands of the workflow, with one more test in the registry."""
    workspace.make(folder)
    registry = folder / "src/d_q_trial/stats/two_sample.yaml"
    tests = yaml.safe_load(registry.read_text())
    registry.write_text(yaml.safe_dump(tests | {"new": tests["brunner_munzel"] | NEW_TEST}))
    if "column" in others:
        _write_grouped_workbook(folder / "grouped.xlsx")
    config = yaml.safe_load((folder / source).read_text())
    reference = config.get("reference", "published")
    config["analyses"] = {reference: config["analyses"][reference] | {"outcomes": outcomes}} | others
    config["robustness"] = {"permutations": 99}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    printed = workspace.run(folder, "-c", DRIVER)
    (folder / "analyses.json").write_text(printed.splitlines()[-1])


def _read_outputs(folder: Path, labels: list[str], alpha: float, test: str) -> SimpleNamespace:
    """Read an analysis and the visible text of its outputs, except reported values and the label of the data."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix in (".csv", ".json", ".html", ".md"))
    left_out = ("claims.csv", "claims.html", "manifest.json", "README.md")
    paths = {path.relative_to(folder).as_posix(): path for path in paths if path.name not in left_out}
    texts = {
        file: Page(path).text_with_code if path.suffix == ".html" else path.read_text() for file, path in paths.items()
    }
    main_table = next(file for file in (MAIN, "tables/comparisons.html") if file in texts)
    outputs = SimpleNamespace(folder=folder, name=folder.name, labels=labels, texts=texts, main_table=main_table)
    outputs.level, outputs.test = f"{100 * (1 - alpha):g}", KNOWN[test]
    outputs.results = pd.read_csv(folder / "results.csv", keep_default_na=False)
    return outputs


@pytest.fixture(scope="module", params=MATRICES)
def analyses(request, tmp_path_factory):
    """The outputs of each analysis of a matrix, the reference first."""
    make = partial(_run_matrix, **MATRICES[request.param])
    folder = make_shared_folder(tmp_path_factory, f"matrix_{request.param}", make)
    settings = json.loads((folder / "analyses.json").read_text())
    return [_read_outputs(folder / "results" / name, *values) for name, values in settings.items()]


def _find_labels(text: str, labels: set[str]) -> set[str]:
    """Return the labels that a text names, as whole words."""
    return {label for label in labels if re.search(rf"(?<![\w/+-]){re.escape(label)}(?![\w/+-])", text)}


# Outputs that name every stratum of their analysis.
BY_STRATUM = ["results.csv", "strata.csv", "methods.md", "report.html", "export/ars.json", "figures/figures.json"]
BY_STRATUM += ["sensitivity/leave_one_out.csv", "sensitivity/sensitivity.csv"]


def test_every_output_names_the_strata_the_level_and_the_test_of_its_analysis_and_of_no_other(analyses):
    every = {label for analysis in analyses for label in analysis.labels}
    for analysis in analyses:
        labels, main_table, test, name = set(analysis.labels), analysis.main_table, analysis.test.name, analysis.name
        assert len(analysis.texts) > 20, name
        for file in [*BY_STRATUM, main_table, main_table.replace(".html", ".csv")]:
            assert _find_labels(analysis.texts[file], labels) == labels, (name, file)
        assert f"{analysis.level}% " in analysis.texts["report.html"], name
        p = analysis.results[analysis.results["statistic"].eq("p")]
        assert set(p["method"]) - {"chi_squared", "spearman, t"} == {test}, name
        for file, text in analysis.texts.items():
            # The report of an alternative compares it with the reference, which may have other labels.
            allowed = labels | set(analyses[0].labels) if file == "report.html" else labels
            assert _find_labels(text, every) <= allowed, (name, file)
            levels = re.findall(r"([0-9.]+)%\s+(?:CI|confidence|intervals?|limits?)\b(?! \(reported)", text)
            assert set(levels) <= {analysis.level}, (name, file)
            named = {known for known, two_sample in KNOWN.items() if two_sample.sentence in text}
            if file in ("methods.md", "report.html"):
                assert test in named, (name, file)
            elif file.startswith(("figures/", "tables/")):
                assert named <= {test}, (name, file)


def test_strata_from_a_column_are_named_after_it_and_a_workbook_without_marks_of_synthetic_data_has_no_label(analyses):
    for analysis in (analysis for analysis in analyses if analysis.name == "column"):
        files = [path for path in analysis.folder.rglob("*") if path.is_file()]
        assert len(files) > 40
        assert [path for path in files if any(workspace.read_labels(path))] == []
        assert "T3 of “p16 variant 5 tertile”" in analysis.texts["report.html"]
        for file, text in analysis.texts.items():
            assert not re.search("(?:strata|stratum|subgroup|T[123]) of p16 variant 5", text), file


EXCLUSIONS = {  # by analysis: a text on excluded participants or values, and the type of its quartiles
    "everything": ("were excluded.", "7"),
    "values": ("beyond the quartiles of their arm were trimmed.", "3"),
}


def test_figures_tables_and_texts_state_exclusions_and_the_type_of_quartiles(analyses):
    for analysis in analyses if "values" in [analysis.name for analysis in analyses] else ():
        expected, quartile_type = EXCLUSIONS.get(analysis.name, ("", "7"))
        captions = json.loads(analysis.texts["figures/figures.json"])
        captions = {key: figure["caption"] for key, figure in captions.items()}
        stating = [captions[key] for key in ("figure_1", "figure_3", "figure_4", "extended_data_figure_5", "forest")]
        stating += [analysis.texts[file] for file in (MAIN, "export/ars.json", "methods.md", "report.html")]
        silent = [captions["figure_2"], captions["extended_data_figure_2"]]  # design, population
        for text in stating + silent:
            stated = {exclusion for exclusion, _ in EXCLUSIONS.values() if exclusion in text}
            assert stated == (set() if text in silent else {expected} - {""}), analysis.name
            assert set(re.findall(r"\btype (\d)", text)) <= {quartile_type}, analysis.name
        for text in (captions["figure_3"], analysis.texts[MAIN]):
            assert f"type {quartile_type}" in text, analysis.name


def test_every_output_describes_and_shows_the_estimate_interval_and_correction_of_its_test_and_of_no_other(analyses):
    assert not all(analysis.test.has_interval for analysis in analyses)
    for analysis in analyses:
        name, test, texts = analysis.name, analysis.test, analysis.texts
        report, cutoffs, methods = (texts[file] for file in ("report.html", "robustness/robustness.json", "methods.md"))
        main_table = texts[analysis.main_table]
        for text in (texts["figures/figures.json"], main_table, cutoffs, methods):
            assert ("ifference of means" in text) == bool(test.mean_difference) == ("Hodges-Lehmann" not in text), name
            claimed = re.findall(r"\b(?:CI|intervals?)\b", re.sub("(?:without an|no) interval", "", text))
            assert bool(claimed) == test.has_interval, name
        assert ("a shift between the arms if" in methods) != bool(test.mean_difference), name
        assert "not a test of the difference of medians" in main_table, name
        for text in (f"Difference ({analysis.level}% CI)", "CI as a band"):
            assert (text in report) == test.has_interval, name
        assert ("without intervals, because the test has none" in report) != test.has_interval, name
        assert ("as thin lines" in report) == ("a ring marks" in cutoffs) == (not test.not_permuted), name
        assert ("no P corrected for the search" in cutoffs) == bool(test.not_permuted), name
        estimate, results = test.estimate, analysis.results
        results = results[results["measure"].eq("percent_change") & results["statistic"].isin(estimate)]
        assert results["value"].eq("").eq(results["reason"].ne("")).all(), name
        for _, rows in results[results["outcome"].eq("p1np") & results["marker"].eq("")].groupby("visit"):
            values = pd.to_numeric(rows.set_index("statistic")["value"])[[*estimate]]
            assert values.notna().all() == test.has_interval, name
            for text in (main_table, texts["figures/figures.json"]):
                assert formatting.format_interval(*values, 1) in text, name


QUANTILE = "at the 2/3 quantile of the analysed participants"
CUTOFFS = {  # by analysis: its cutoff by its own marker, and by p16 variant 1+5, in the captions
    "published": (QUANTILE, QUANTILE),
    "column": (None, None),
    "values": ("at 1.1 AU", None),
    "copper_tertiles": ("at the 1/3 and 2/3 quantiles of the analysed participants", None),
}


def test_figures_of_every_cutoff_are_described_and_mark_the_cutoffs_of_their_analysis(analyses):
    for analysis in analyses:
        folder, has_cutoffs, name = analysis.folder / "robustness", analysis.name != "column", analysis.name
        figures = json.loads((folder / "robustness.json").read_text())
        drawn = {f"{figure}.{ending}" for figure in figures for ending in ("pdf", "png")}
        assert drawn == {path.name for path in folder.glob("every_cut_*")} != set()
        assert (analysis.labels[-1] in set(pd.read_csv(folder / "analysis_cuts.csv")["stratum"])) == has_cutoffs, name
        text = " ".join(figure["words"] for figure in figures.values())
        assert (f"in stratum {analysis.labels[-1]} the difference is" in text) == has_cutoffs, name
        for key, figure in figures.items() if name in CUTOFFS else ():
            stated = r"Thin vertical lines?: the cutoffs? of this analysis, (.*?), drawn at the tried cutoff"
            found = re.search(stated, figure["caption"])
            assert (found and found[1]) == CUTOFFS[name][key.endswith("1+5")], (name, key)
