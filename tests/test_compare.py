"""The comparison of analyses: conclusions, reported values, summary, descriptions and figure."""

import subprocess
import sys

import drawn
import numpy as np
import pandas as pd
import pytest
from pipeline import TRIAL, one, result_rows

from d_q_trial import compare, labels
from d_q_trial.config import settings
from d_q_trial.figures import style
from d_q_trial.figures.compare import draw_comparison
from d_q_trial.files import read_yaml_beside

MARKER = "p16_variant_5"
BASE = {"workbook": "data/reconstructed.xlsx", "marker": MARKER, "strata": {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]}}
THIRDS = {"cuts": ["1/3", "2/3"], "labels": ["T1", "T2", "T3"]}


def load_settings(**others):
    content = {"trial": "data/trial.yaml", "published": "data/published"}
    return settings.load(content | {"analyses": {"published": BASE, **others}})


OTHERS = {"strict": {"alpha": 0.02}, "three": {"strata": THIRDS}, "ratio": {"change": "log_ratio"}}
CHOSEN = load_settings(**OTHERS, opposite={"test": "exact"})
# P, Mann-Whitney effect and Hodges-Lehmann estimate of each comparison at 2 weeks; powers of two where subtracted.
PUBLISHED = {
    ("ctx", "all"): (0.04, 0.75, 5.0),
    ("ctx", "T3"): (0.01, 0.75, 8.0),
    ("ctx", "T1/T2"): (0.5, 0.5, 0.0),
    ("p1np", "all"): (0.2, 0.625, 2.0),
}
RESULTS = {
    "published": PUBLISHED,
    "strict": PUBLISHED,
    "three": {
        ("ctx", "all"): (0.04, 0.75, 5.0),
        ("ctx", "T3"): (0.01, 0.75, 8.0),
        ("ctx", "T2"): (0.001, 0.875, 9.0),
        ("ctx", "T1"): (0.03, 0.25, -4.0),
        ("p1np", "T2"): (0.5, 0.5, 0.0),
    },
    "ratio": PUBLISHED | {("ctx", "T3"): (np.nan, np.nan, 0.25)},
    "opposite": {("ctx", "all"): (0.04, 0.25, -5.0), ("p1np", "all"): (0.05, 0.75, 1.5)},
}
# The conclusion of each comparison, in the order of the analyses.
CONCLUSIONS = {
    ("ctx", "all"): ("reference", "lost", "stays", "stays", "reversed"),
    ("ctx", "highest"): ("reference", "stays", "stays", "lost", "not made"),
    ("ctx", "lowest"): ("reference", "stays", "gained", "stays", "not made"),
    ("ctx", "2 of 3"): (None, None, "", None, None),
    ("p1np", "all"): ("reference", "stays", "not made", "stays", "gained"),
    ("p1np", "2 of 3"): (None, None, "", None, None),
}


def make_results(values_by_comparison, measure):
    """Make the result rows of an analysis from the statistics of each outcome and stratum."""
    rows = []
    for (outcome, stratum), values in values_by_comparison.items():
        statistics = dict(zip(("p", "mann_whitney_effect", "hodges_lehmann"), values, strict=True))
        place = {"stratum": stratum, "marker": "" if stratum == "all" else MARKER, "contrast": TRIAL.contrast}
        rows += result_rows((outcome, measure, "week_2"), statistics, **place)
    return pd.DataFrame(rows).astype({"value": float}).assign(n_first=20, n_second=21)


@pytest.fixture(scope="module")
def comparisons():
    results = {name: make_results(values, CHOSEN.analyses[name].measure) for name, values in RESULTS.items()}
    # Rows of other contrasts, measures and markers, which are not compared.
    for name, other in (("contrast", "T3 - T1/T2"), ("measure", "baseline"), ("marker", "p16_variant_1+5")):
        results["published"] = pd.concat([results["published"], results["strict"].assign(**{name: other})])
    return compare.compare_tests(results, CHOSEN, TRIAL)


def test_conclusions_depend_on_the_alpha_of_the_analysis_and_the_stratum_of_the_same_rank(comparisons):
    assert list(comparisons.columns) == list(compare.COMPARISON_COLUMNS)
    columns = ["outcome", "place", "analysis", "conclusion"]
    assert list(comparisons[columns].itertuples(index=False, name=None)) == [
        (*place, analysis, conclusion)
        for place, conclusions in CONCLUSIONS.items()
        for analysis, conclusion in zip(CHOSEN.analyses, conclusions, strict=True)
        if conclusion is not None
    ]


def test_a_conclusion_is_reversed_if_the_estimate_of_the_test_changes_sign():
    ranks = make_results({("ctx", "all"): (0.01, 0.25, -5.0)}, "percent_change")
    means = ranks.assign(statistic=ranks["statistic"].replace("hodges_lehmann", "mean_difference"))
    for difference, conclusion in ((-2.0, "stays"), (2.0, "reversed")):
        means.loc[means["statistic"].eq("mean_difference"), "value"] = difference
        results = {"published": ranks, "means": means}
        table = compare.compare_tests(results, load_settings(means={"test": "welch"}), TRIAL)
        assert one(table, analysis="means")["conclusion"] == conclusion


def test_a_comparison_has_its_values_and_their_differences_from_the_reference_in_the_same_measure(comparisons):
    columns = ["stratum", "significant", "p", "reference_p", "mann_whitney_effect", "effect_shift"]
    columns += ["hodges_lehmann", "hodges_lehmann_shift"]
    for analysis, place, expected in (
        ("three", "lowest", ("T1", "yes", 0.03, 0.5, 0.25, -0.25, -4, -4)),
        ("three", "2 of 3", ("T2", "yes", 0.001, "", 0.875, "", 9, "")),
        ("strict", "all", ("all", "no", 0.04, 0.04, 0.75, 0, 5, 0)),
        ("ratio", "all", ("all", "yes", 0.04, 0.04, 0.75, 0, 5, "")),
        ("opposite", "highest", ("", "", "", 0.01, "", "", "", "")),
    ):
        row = one(comparisons, outcome="ctx", visit="week_2", analysis=analysis, place=place)
        assert tuple(row[columns].astype(object).fillna("")) == expected, (analysis, place)


CLAIMS = {  # by name, outcome, marker, stratum, statistic, reported value, verdict: the conclusion of each analysis
    ("a", "ctx", "", "all", "p", "0.050", "reproduced"): ("stays", "lost", "stays", "stays", "stays"),
    ("b", "ctx", MARKER, "T3", "p", "< 0.05", "not reproduced"): ("stays", "stays", "stays", "not made", "not made"),
    ("c", "ctx", MARKER, "T1/T2", "p", "> 0.05", "within the reported bound"): ("stays", "stays", "gained", "stays", "not made"),
    ("d", "p1np", "", "all", "p", "0.051", "outside the reported bound"): ("stays", "stays", "not made", "stays", "gained"),
    ("e", "ctx", "", "all", "hodges_lehmann", "5", "reproduced under another convention"): (),
    # Bounds with alpha on both sides.
    ("f", "ctx", "", "all", "p", "< 0.06", "not checkable"): ("", "", "", "", ""),
    ("g", "ctx", "", "all", "p", "> 0.04", "not checkable"): ("", "", "", "", ""),
}  # fmt: skip


def test_reported_p_values_are_compared_at_both_alphas_and_the_summary_counts_changes_and_gives_shifts(comparisons):
    columns = ["claim", "outcome", "marker", "stratum", "statistic", "reported", "verdict"]
    place = {"locator": "Fig. 1", "measure": "percent_change", "visit": "week_2", "contrast": TRIAL.contrast}
    frame = pd.DataFrame(CLAIMS.keys(), columns=columns).assign(**place)
    verdicts = {"published": frame, "three": frame.assign(verdict="not applicable")}
    claims = compare.compare_claims(verdicts, comparisons, CHOSEN, TRIAL)
    assert list(claims.columns) == list(compare.CLAIM_COLUMNS)
    expected = {name: conclusions for (name, *_), conclusions in CLAIMS.items() if conclusions}
    assert {name: tuple(rows["conclusion"]) for name, rows in claims.groupby("claim")} == expected
    rows = claims[claims["claim"].eq("b")]
    assert set(rows["reported"] + rows["place"]) == {"< 0.05highest"}  # the stratum of the same rank
    assert compare.compare_claims({}, comparisons, CHOSEN, TRIAL).empty
    summary = compare.summarize(comparisons, claims, verdicts, CHOSEN, TRIAL)
    assert summary["differs_in"].tolist()[:2] == ["", "significance level 0.02"]
    expected = [  # comparisons, significant; lost, gained, reversed, not made; shifts; claims; values
        ("published", 4, 2, 0, 0, 0, 0, 0.0, 0.0, 4, 0, 3, 2),
        ("strict", 4, 1, 1, 0, 0, 0, 0.0, 0.0, 3, 1, 0, 0),
        ("three", 5, 4, 0, 1, 0, 1, 0.25, 0.0, 2, 1, 0, 0),
        ("ratio", 3, 1, 1, 0, 0, 0, 0.0, 0.0, 3, 0, 0, 0),
        ("opposite", 2, 2, 0, 1, 1, 2, 0.5, 0.3125, 1, 1, 0, 0),
    ]
    assert list(summary.drop(columns="differs_in").itertuples(index=False, name=None)) == expected


BY_VALUE = {"by": "value", "cuts": [3.0], "labels": ["low", "high"], "at_cut": "lower"}


@pytest.mark.parametrize(("change", "descriptions"), [
    ({}, []),
    ({"strata": BY_VALUE}, ["subgroups low and high, at 3 AU, values equal to a cutoff in the lower one"]),
    ({"strata": BY_VALUE | {"quantile_type": 1}}, ["subgroups low and high, at 3 AU, values equal to a cutoff in the lower "
     "one, in the multiverse quantiles of type 1 of the analysed participants"]),
    ({"strata": THIRDS | {"quantile_type": 3}},
     ["subgroups T1, T2 and T3, at the 1/3 and 2/3 quantiles (type 3) of the analysed participants"]),
    ({"marker": "p16_variant_1+5", "quartile_type": 3, "alpha": 0.01},
     ["subgroups by p16 variant 1+5", "quartiles of type 3", "significance level 0.01"]),
    ({"outcomes": ["ctx", "bmd_radius"], "visits": ["week_2"]}, ["only CTx and Radius BMD", "only 2 weeks"]),
    ({"exclude": ["S01", "S02"], "outliers": {"rule": "trim", "limit": 1.5}},
     ["without S01 and S02", "outliers trimmed beyond 1.5 interquartile ranges"]),
])  # fmt: skip
def test_differences_are_described_in_words(change, descriptions):
    chosen = load_settings(other=change)
    assert compare.describe_differences(chosen.analyses["other"], chosen.analyses["published"], TRIAL) == descriptions
    described = {name.removeprefix("setting_") for name in read_yaml_beside(labels.__file__, "labels")["descriptions"]}
    assert {*settings.Analysis.model_fields} - described == {"name", "sha256"}


def test_the_figure_frames_changed_conclusions_and_shows_every_p(tmp_path, monkeypatch):
    # Of a large family, only comparisons with a changed conclusion, or newly made and significant, are drawn.
    large = [key for key, outcome in TRIAL.outcomes.items() if outcome.family == "sasp"][:12]
    same = {(key, "all"): (0.5, 0.5, 0.0) for key in ("ctx", *large)}
    new = dict.fromkeys([(large[-1], "all"), (large[0], "T3")], (0.01, 0.75, 1.0))
    values = {"published": same, "other": same | new | {(large[0], "T1/T2"): (0.5, 0.5, 0.0)}}
    results = {name: make_results(own, "percent_change") for name, own in values.items()}
    table = compare.compare_tests(results, load_settings(other={"test": "exact"}), TRIAL)
    rows, left_out = compare.rows_to_draw(table, TRIAL)
    assert rows == [("ctx", "week_2", "all"), (large[0], "week_2", "highest"), (large[-1], "week_2", "all")]
    assert left_out == 12
    pages, save = [], style.Page.save
    monkeypatch.setattr(style.Page, "save", lambda page, *a, **k: pages.append(page) or save(page, *a, **k))

    def draw(table=table, trial=TRIAL, label=None):
        files = draw_comparison(table, rows, left_out, trial, "published", tmp_path / "figure", label)
        assert {file.name for file in files} == {"figure.pdf", "figure.png"}
        return pages[-1].figure

    figure = draw(label="Synthetic data")
    assert sum(patch.get_gid() == "flip" for patch in figure.axes[0].patches) == 1
    p_values = [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "p"]
    assert p_values == ["0.500", "0.500", "–", "0.010", "0.500", "0.010"]
    texts = {text.get_text() for text in [*figure.texts, *figure.legends[0].get_texts()]}
    assert {"Synthetic data", "significant, higher (more positive) changes in D+Q"} <= texts
    note = "12 more comparisons of large families, whose conclusion changes in no analysis, are not shown."
    assert any(text.endswith(note) for text in texts)
    assert drawn.find_faults(draw(trial=drawn.lengthen_labels(TRIAL))) == []
    names = [f"an_analysis_with_a_name_of_about_fifty_letters_{number}" for number in range(17)]
    many = draw(pd.concat([table, *(table.iloc[:1].assign(analysis=name) for name in names)]))
    assert [fault for fault in drawn.find_faults(many) if isinstance(fault, str)] == []  # nothing is cut off
    means = draw(table.assign(mean_difference=-1.0))  # against the Mann-Whitney effect of 0.75
    mesh, lines = means.axes[0].collections
    # From the bottom; 1: higher in the control arm.
    assert [list(row) for row in mesh.get_array()] == [[0, 1], [0, 1], [0, 0]]
    assert [line[0][1] for line in lines.get_segments()] == [2, 1]  # between outcomes


def test_the_script_compares_two_result_folders_value_by_value(tmp_path):
    cutoffs = pd.DataFrame({"outcome": "ctx", "side": ["above", "below"], "p": [0.25, 0.5]})
    for folder, table in (("old", cutoffs), ("same", cutoffs[::-1]), ("moved", cutoffs.replace(0.5, 0.51))):
        (tmp_path / folder).mkdir()
        table.to_csv(tmp_path / folder / "cutoffs.csv", index=False)
    script = [sys.executable, "benchmarks/compare_results.py", "--quiet", tmp_path / "old"]
    runs = [subprocess.run([*script, tmp_path / new], capture_output=True, text=True) for new in ("same", "moved")]
    endings = [(run.returncode, run.stdout.splitlines()[-1]) for run in runs]
    assert endings == [(0, "1 tables, 0 differ"), (1, "1 tables, 1 differ")]
    assert "p: 1 of 2 values differ (largest 0.01), for example 0.5 -> 0.51 at ('ctx', 'below'" in runs[1].stdout
