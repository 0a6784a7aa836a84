"""Many analyses at once: every output names the strata, the test and the level of its own analysis, and of no other."""

import html
import json
import re
from functools import partial
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import workspace
import yaml
from conftest import make_shared_folder
from test_labels import is_unlabelled

from d_q_trial import formatting
from d_q_trial.stats.two_sample import TESTS

pytestmark = pytest.mark.slow

# A test that a newcomer adds: an entry in the registry, without an interval, not to be permuted, with another statistic.
NEW_TEST = """
TESTS["new"] = replace(
    TESTS["brunner_munzel"],
    name="new",
    label="New test",
    sentence="two-sided new test",
    references=("newcomer",),
    statistic="d",
    interval="given as the Hodges-Lehmann estimate without an interval",
)
"""
KNOWN = TESTS | {"new": TESTS["brunner_munzel"]}  # which the new one is like
BUNDLED = {
    "everything": {
        "marker": "p16_variant_1+5",
        "strata": {"cuts": ["1/5", "2/5", "3/5", "4/5"], "at_cut": "lower", "labels": [f"fifth-{n}" for n in "abcde"]},
        "test": "exact",
        "outcomes": ["ctx", "bmd_radius", "sasp_il6"],
        "alpha": 0.01,
        "change": "log_ratio",
        "exclude": ["S01", "S02"],
    },
    "column": {
        "workbook": "grouped.xlsx",
        "strata": {"by": "column", "column": "p16 variant 5 tertile", "labels": ["T1", "T2", "T3"]},
        "test": "new",
        "outcomes": ["p1np", "bmd_radius"],
    },
    "values": {
        "strata": {"by": "value", "cuts": [1.1]},
        "test": "welch",
        "outcomes": ["p1np"],
        "outliers": {"rule": "trim", "limit": 1.5},
        "quartile_type": 3,
    },
}
REAL = {
    "everything": {
        "strata": {"cuts": ["1/2"], "labels": ["lower-half", "upper-half"]},
        "test": "brunner_munzel",
        "alpha": 0.1,
        "outcomes": ["bilirubin"],
    }
}
MATRICES = {  # configuration, analyses beside its reference, outcomes of the reference
    "bundled": ("config.yaml", BUNDLED, ["p1np", "bmd_radius", "sasp_il6"]),
    "real": ("data/pbc/config.yaml", REAL, ["bilirubin", "albumin"]),
}
DRIVER = """
import json
from d_q_trial import cli
from d_q_trial.config import settings

chosen = settings.load("config.yaml")
entries = {entry.workbook_id: entry for entry in chosen.analyses.values()}
for name, entry in entries.items():
    assert cli.main(["participants", entry.workbook, f"results/workbooks/{name}", "--trial", chosen.trial]) == 0
of_each = "results tables figures cutoffs robustness sensitivity report".split()
for command in of_each:
    for analysis in chosen.analyses:
        assert cli.main([command, "--analysis", analysis]) == 0, (command, analysis)
assert cli.main(["compare"]) == cli.main(["overview"]) == 0
print(json.dumps({name: [entry.strata.labels, entry.alpha, entry.test] for name, entry in chosen.analyses.items()}))
"""


def _grouped_workbook(folder: Path) -> None:
    """The bundled workbook with a column that states groups, and without the marks of synthetic data."""
    book = openpyxl.load_workbook("data/reconstructed.xlsx")
    del book["READ ME"]
    book.properties.title = book.properties.subject = book.properties.keywords = book.properties.creator = None
    del book.custom_doc_props["synthetic"]
    sheet = book["Participants"]
    column = sheet.max_column + 1
    sheet.cell(1, column, "p16 variant 5 tertile")
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, column, f"T{row % 3 + 1}")
    book.save(folder / "grouped.xlsx")


@pytest.fixture(scope="module", params=["bundled", "real"])
def made(request, tmp_path_factory):
    """Results of a matrix of analyses, their settings, and the name of the reference."""
    folder = make_shared_folder(tmp_path_factory, f"matrix_{request.param}", partial(_make, *MATRICES[request.param]))
    return folder, *json.loads((folder / "made.json").read_text())


def _make(source: str, others: dict, outcomes: list[str], folder: Path) -> None:
    """Make all analyses by the commands of the workflow, with a test more in the registry."""
    workspace.make(folder)
    with (folder / "src/d_q_trial/stats/two_sample.py").open("a") as registry:
        registry.write(NEW_TEST)
    with (folder / "src/d_q_trial/report/references.yaml").open("a") as references:
        references.write("newcomer: Newcomer A. Journal of New Tests 1, 1-2 (2001).\n")
    config = yaml.safe_load((folder / source).read_text())
    reference = config.get("reference", "published")
    if "column" in others:
        _grouped_workbook(folder)
    config["analyses"] = {reference: config["analyses"][reference] | {"outcomes": outcomes}} | others
    config["robustness"] = {"permutations": 99}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    printed = workspace.run(folder, "-c", DRIVER)
    (folder / "made.json").write_text(json.dumps([json.loads(printed.splitlines()[-1]), reference]))


SHOWN = (".csv", ".json", ".html", ".md", ".tex")
OF_OTHERS = ("claims.csv", "claims.html", "manifest.json", "README.md")  # reported values; the label of the data
# Outputs that show every stratum of their analysis.
BY_STRATUM = [
    "results.csv",
    "strata.csv",
    "methods.md",
    "report.html",
    "export/ars.json",
    "figures/figures.json",
    "sensitivity/leave_one_out.csv",
    "sensitivity/sensitivity.csv",
]


def _visible(path: Path) -> str:
    """Text that a reader sees: of a page without tags, scripts and pictures."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".html":
        return text
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", text)
    return html.unescape(re.sub(r"<[^>]*>", " ", text))


def _texts(folder: Path) -> dict[str, str]:
    """Visible text of every output of an analysis."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix in SHOWN and path.name not in OF_OTHERS)
    return {path.relative_to(folder).as_posix(): _visible(path) for path in paths}


def _main(texts: dict[str, str]) -> str:
    """The table of the main results."""
    return next(file for file in ("tables/main_results.html", "tables/comparisons.html") if file in texts)


def _names(text: str, labels: set[str]) -> set[str]:
    """Labels that a text names, as whole words."""
    return {label for label in labels if re.search(rf"(?<![\w/+-]){re.escape(label)}(?![\w/+-])", text)}


def test_every_output_names_the_strata_of_its_analysis_and_of_no_other(made):
    folder, analyses, reference = made
    every = {label for labels, *_ in analyses.values() for label in labels}
    for name, (labels, *_) in analyses.items():
        own, texts = set(labels), _texts(folder / "results" / name)
        assert len(texts) > 20, name
        for file in [*BY_STRATUM, _main(texts), _main(texts).replace(".html", ".csv")]:
            assert _names(texts[file], own) == own, (name, file)
        for file, text in texts.items():
            # The report of an alternative says what it changes against the reference, in the words of either.
            both = own | set(analyses[reference][0]) if file == "report.html" else own
            assert _names(text, every) <= both, (name, file)


def test_strata_that_a_column_states_are_called_by_the_column(made):
    folder, analyses, _ = made
    texts = _texts(folder / "results/column") if "column" in analyses else {}
    assert not texts or "T3 of “p16 variant 5 tertile”" in texts["report.html"]
    for file, text in texts.items():
        assert not re.search("(?:strata|stratum|subgroup|T[123]) of p16 variant 5", text), file


def test_every_interval_has_the_level_of_its_analysis(made):
    folder, analyses, _ = made
    for name, (_, alpha, _) in analyses.items():
        level = f"{100 * (1 - alpha):g}"
        for file, text in _texts(folder / "results" / name).items():
            found = re.findall(r"([0-9.]+)%\s+(?:CI|confidence|intervals?|limits?)\b(?! \(reported)", text)
            assert set(found) <= {level}, (name, file)
        assert f"{level}% " in _visible(folder / "results" / name / "report.html"), name


def test_every_output_names_the_test_of_its_analysis_and_of_no_other(made):
    folder, analyses, _ = made
    sentences = {known.name: known.sentence for known in TESTS.values()} | {"new": "two-sided new test"}
    for name, (*_, test) in analyses.items():
        place = folder / "results" / name
        numbers = pd.read_csv(place / "results.csv", keep_default_na=False)
        compared = numbers[numbers["statistic"].eq("p") & ~numbers["method"].isin(["chi_squared", "spearman, t"])]
        assert set(compared["method"]) == {test}, name
        texts = _texts(place)
        assert sentences[test] in texts["methods.md"], name
        assert sentences[test] in texts["report.html"], name
        for file, text in texts.items():
            if file.startswith(("figures/", "tables/")):
                assert {other for other, said in sentences.items() if said in text} <= {test}, (name, file)


LEFT_OUT = {  # by analysis: who or what is left out, and the type of its quartiles
    "everything": ("were excluded.", "7"),
    "values": ("beyond the quartiles of their arm were trimmed.", "3"),
}


def test_figures_tables_and_texts_say_who_and_what_is_left_out_and_the_type_of_quartiles(made):
    folder, analyses, _ = made
    for name in analyses if "values" in analyses else ():
        texts, (own, kind) = _texts(folder / "results" / name), LEFT_OUT.get(name, ("", "7"))
        drawn = {key: figure["caption"] for key, figure in json.loads(texts["figures/figures.json"]).items()}
        told = [drawn[key] for key in ("figure_1", "figure_3", "figure_4", "extended_data_figure_5", "forest")]
        told += [texts[file] for file in ("tables/main_results.html", "export/ars.json", "methods.md", "report.html")]
        silent = [drawn["figure_2"], drawn["extended_data_figure_2"]]  # design, population
        for text in told + silent:
            said = {words for words, _ in LEFT_OUT.values() if words in text}
            assert said == (set() if text in silent else {own} - {""}), name
            assert set(re.findall(r"\btype (\d)", text)) <= {kind}, name
        for text in (drawn["figure_3"], texts["tables/main_results.html"]):
            assert f"type {kind}" in text, name


def test_every_output_claims_the_estimate_interval_and_correction_that_its_test_gives_and_no_other(made):
    folder, analyses, _ = made
    assert not all(KNOWN[test].has_interval for *_, test in analyses.values())
    for name, (_, alpha, test) in analyses.items():
        own, texts = KNOWN[test], _texts(folder / "results" / name)
        report, cuts = texts["report.html"], texts["robustness/robustness.json"]
        for text in (texts["figures/figures.json"], texts[_main(texts)], cuts, texts["methods.md"]):
            assert ("ifference of means" in text) == bool(own.mean_difference) == ("Hodges-Lehmann" not in text), name
            claimed = re.findall(r"\b(?:CI|intervals?)\b", re.sub("(?:without an|no) interval", "", text))
            assert bool(claimed) == own.has_interval, name
        assert ("a shift between the arms if" in texts["methods.md"]) != bool(own.mean_difference), name
        assert "not a test of the difference of medians" in texts[_main(texts)], name
        for words in (f"Difference ({100 * (1 - alpha):g}% CI)", "CI as a band"):
            assert (words in report) == own.has_interval, name
        assert ("without intervals, because the test has none" in report) != own.has_interval, name
        assert ("as thin lines" in report) == ("a ring marks" in cuts) == (not own.not_permuted), name
        assert ("no P corrected for the search" in cuts) == bool(own.not_permuted), name


def test_the_estimate_that_is_shown_is_that_of_the_test_with_its_interval_if_it_has_one(made):
    folder, analyses, _ = made
    for name, (*_, test) in analyses.items():
        estimate, texts = KNOWN[test].estimate, _texts(folder / "results" / name)
        numbers = pd.read_csv(folder / "results" / name / "results.csv", keep_default_na=False)
        numbers = numbers[numbers["measure"].eq("percent_change") & numbers["statistic"].isin(estimate)]
        assert numbers["value"].eq("").eq(numbers["reason"].ne("")).all(), name
        for _, rows in numbers[numbers["outcome"].eq("p1np") & numbers["marker"].eq("")].groupby("visit"):
            ends = pd.to_numeric(rows.set_index("statistic")["value"])[[*estimate]]
            assert ends.notna().all() == KNOWN[test].has_interval, name
            for file in (_main(texts), "figures/figures.json"):
                assert formatting.format_interval(*ends, 1) in texts[file], (name, file)


CUTS = {  # by analysis: what is said of its cutoffs by its own marker, and by p16 variant 1+5
    "published": ("This analysis cuts at 1.355 AU.", "This analysis cuts at 1.412 AU."),
    "column": ("This analysis takes its strata from the column p16 variant 5 tertile of the workbook.", ""),
    "values": ("This analysis cuts at 1.1 AU.", ""),
    "copper_tertiles": ("This analysis cuts at 51 and 102 ug/day.", ""),
}


def test_figures_of_every_cut_are_described_and_mark_the_cutoffs_of_their_analysis_by_the_markers_that_it_cuts(made):
    folder, analyses, _ = made
    for name, (labels, *_) in analyses.items():
        place, has_cutoffs = folder / "results" / name / "robustness", name != "column"
        described = json.loads((place / "robustness.json").read_text())
        drawn = {f"{figure}.{ending}" for figure in described for ending in ("pdf", "png")}
        assert drawn == {path.name for path in place.glob("every_cut_*")} != set()
        assert (labels[-1] in set(pd.read_csv(place / "analysis_cuts.csv")["stratum"])) == has_cutoffs, name
        words = " ".join(figure["words"] for figure in described.values())
        assert (f"in stratum {labels[-1]} the difference is" in words) == has_cutoffs, name
        for figure in described if name in CUTS else ():
            caption, said = described[figure]["caption"], CUTS[name][figure.endswith("1+5")]
            assert re.findall("This analysis .*? (?:AU|ug/day|workbook)[.]", caption) == [said] * bool(said), (
                name,
                figure,
            )
            assert ("Thin vertical line: the cutoff of this analysis" in caption) == ("cuts at" in said), (name, figure)


def test_no_output_carries_the_label_where_the_workbook_does_not_call_itself_synthetic(made):
    files = [path for path in (made[0] / "results/column").rglob("*") if path.is_file()]
    assert len(files) > 40 or "column" not in made[1]
    assert [path for path in files if not is_unlabelled(path)] == []
