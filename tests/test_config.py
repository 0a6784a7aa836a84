"""Configuration files: reading, inheritance, derived values and messages."""

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from d_q_trial import labels
from d_q_trial.config import settings
from d_q_trial.config.validation import parse_quantile, read_yaml
from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial

CONFIG = yaml.safe_load(Path("tests/config.yaml").read_text(encoding="utf-8"))
PBC = Path("data/pbc/trial.yaml").read_text(encoding="utf-8")


def _with(others=None, **published):
    """Return the configuration of the tests with other settings of its analysis, and with other analyses."""
    analyses = CONFIG["analyses"]
    return CONFIG | {"analyses": analyses | {"published": analyses["published"] | published} | (others or {})}


def _strata(**rule):
    return _with(strata=rule)


def _robust(**section):
    return CONFIG | {"robustness": section}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_with(markr="x"), "analyses.published.markr: unknown key; did you mean 'marker'?"),
        (_with(quartile_type=10), "analyses.published.quartile_type: 10: expected less than or equal to 9"),
        (_with(quartile_type="seven"), "analyses.published.quartile_type: 'seven': expected a whole number"),
        (_with(test="student"), "analyses.published.test: 'student': expected 'brunner_munzel', 'exact', 'normal'"),
        (_with(change=None), "analyses.published.change: None: expected 'percent'"),
        (_with(outcomes=[]), "analyses.published.outcomes"),
        (_with(exclude="S01"), "analyses.published.exclude: 'S01': expected a list"),
        (_with(sha256="abc"), "analyses.published.sha256: 'abc': expected a SHA-256 checksum, 64 hexadecimal digits"),
        (_with(outliers={"rule": "trim", "limit": 0}), "analyses.published.outliers.limit: 0"),
        (_with(strata=[0.5]), "analyses.published.strata: [0.5]: expected keys with values of their own"),
        (_strata(cuts=[1.2]), "analyses.published.strata: 'cuts' of by: quantile must lie between 0 and 1"),
        (_strata(cuts=[0.6, 0.3]), "'cuts' must increase"),
        (_strata(cuts=[0.5], labels=["a"]), "1 cuts make 2 strata"),
        *(
            (_strata(cuts=[0.5], labels=names), f"got {names}; all, each and descending are reserved")
            for names in (["all", "T3"], ["highest", "lowest"], ["each", "b"])
        ),
        (_with(exclude=["A", "B", "A"]), "analyses.published.exclude: ['A', 'B', 'A']: 'A' is listed twice"),
        (_strata(cuts=[0.5], labels=["a", " "]), "two or more different one-line names"),
        (_strata(cuts=[0.5], labels=["a b", "a  b "]), "two or more different one-line names"),
        (_strata(cuts=[0.5], labels=["a", "b\nc"]), "one-line names, lowest stratum first"),
        (_strata(by="column", column="x", labels=["a", "b"], cuts=[1]), "published.strata: 'cuts' do not go with by:"),
        (_with({"mine": {"outliers": {"limit": 1.5}}}), "analyses.mine.outliers: 'limit' goes with rule: trim or"),
        (_strata(by="value"), "by: value needs 'cuts', one or more values of the marker, in its unit"),
        (_strata(at_cut="lower"), "by: quantile needs 'cuts'"),
        (_strata(by="column"), "needs the key 'column'"),
        (_strata(by="column", column="x"), "by: column needs 'labels', the values of the column"),
        (_strata(column="x", cuts=[0.5]), "goes with by: column"),
        (_robust(permutations=10), "robustness.permutations: 10"),
        (_robust(windows={"share": 0.2, "step": 0.5}), "robustness.windows: 'step' must not exceed 'share'"),
        (_robust(families={"a": {"outcmes": []}}), "families.a.outcmes: unknown key; did you mean 'outcomes'?"),
        (_robust(multiverse={"outcomes": {"ctx": "up"}}), "robustness.multiverse.outcomes.ctx: 'up'"),
        (_robust(multiverse={"cuts": [1]}), "robustness.multiverse.cuts.0: 1: expected less than 1"),
        *((_with({key: {}}), "taken by a folder of results/") for key in (*settings.RESERVED, "Compare", "Published")),
        *((_with({key: {}}), "letters, digits and _ .") for key in ("a/b", "../x", ".hidden", "a b", "-x", "é")),
        (_with({"x" * 300: {}}), "xxx': expected a letter or digit, then letters, digits and _ . + -, 100 characters"),
        (_with({"empty": None}), "analyses.empty: None: expected keys with values of their own, or {} for none"),
        (_with({"mine": {"workbook": "elsewhere/Reconstructed.xlsx"}}), "have the same file name, and would share"),
        *((CONFIG | {"analyses": a}, "analyses: expected one or more named analyses") for a in (3, None, {})),
        ([], "config.yaml: 2 faults\n  trial: this key is missing\n  analyses: this key is missing"),
        (_with({"b": {}}) | {"reference": "publishd"}, "1 fault\n  reference: no analysis is called 'publishd'"),
        (CONFIG | {"analyses": {"published": None, "b": {}}}, "1 fault\n  analyses.published: None: expected keys"),
        (_with(alpha="1e400"), "alpha: '1e400': expected a number or a fraction such as 2/3"),
        (_strata(cuts=["1_5"]), "cuts.0: '1_5': expected a number or a fraction such as 2/3"),
        (_with(alpha="1e-9999999999"), "alpha: '1e-9999999999': expected a number or a fraction such as 2/3"),
        (CONFIG | {"reference": ["a"]}, """reference: no analysis is called "['a']\""""),
        ({"analyses": {"publishd": {}}}, "reference: no analysis is called 'published'; did you mean 'publishd'?"),
        (_with(workbook=" "), "analyses.published.workbook: ' ': expected the path of a file"),
    ],
)
def test_a_message_names_the_key_or_value_and_what_was_expected(content, message):
    with pytest.raises(UserError, match=re.escape(message)):
        settings.load(content)


def test_all_faults_are_listed_at_once_each_where_it_is_stated_and_a_missing_key_in_the_first_source():
    stated = {"one.yaml": {"alpha": 3, "quartile_type": 0}, "two.yaml": {"alpha": 2}, "--config": {"tset": "exact"}}
    sources = [(name, {"analyses": {"published": analysis}}) for name, analysis in stated.items()]
    sources[1][1]["analyses"]["other"] = {"alpha": 0}  # and inherits the faults of the published analysis
    with pytest.raises(UserError) as error:
        settings.load([("config.yaml", {"analyses": CONFIG["analyses"]}), *sources])
    assert str(error.value) == (
        "config.yaml: 1 fault\n  trial: this key is missing\n"
        "one.yaml: 1 fault\n  analyses.published.quartile_type: 0: expected greater than or equal to 1\n"
        "two.yaml: 2 faults\n  analyses.published.alpha: 2: expected less than or equal to 0.999\n"
        "  analyses.other.alpha: 0: expected greater than or equal to 0.0000000001\n"
        "--config: 1 fault\n  analyses.published.tset: unknown key; did you mean 'test'?"
    )


def test_a_later_source_changes_only_what_it_states():
    strata = {"cuts": ["1/2"], "labels": ["low", "high"]}
    sources = [("a", CONFIG), ("b", {"analyses": {"published": {"strata": strata}, "mine": {}}}), ("--config", {})]
    published, mine = settings.load(sources).analyses.values()
    assert published.strata == mine.strata == settings.load(_with(strata=strata)).analyses["published"].strata
    assert (published.workbook, mine.name) == (CONFIG["analyses"]["published"]["workbook"], "mine")


def test_markers_outcomes_and_visits_must_be_those_of_the_trial():
    section = {"families": {"a": {"outcomes": ["turnovr", "age"]}}, "multiverse": {"outcomes": {"ctxx": "lower"}}}
    config = _with(marker="p16", outcomes=["ctx", "p1pn"], visits=["2 weeks"]) | {"robustness": section}
    with pytest.raises(UserError) as error:
        settings.load(config, home=Path())
    for message in (
        "analyses.published.marker: 'p16' is not one of",
        r"outcomes: 'p1pn' is not .*; did you mean 'p1np'\?",
        r"visits: '2 weeks' is not .*; did you mean 'week_2'\?",
        r"robustness.families.a.outcomes: 'turnovr' is not one of .*; did you mean 'turnover'\?",
        "robustness.families.a.outcomes: 'age'",
        "robustness.multiverse.outcomes: 'ctxx'",
    ):
        assert re.search(message, str(error.value)), message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  baseline: {", "  month_0: {", "'visits' must begin with the key 'baseline'; the first is 'month_0'"),
        ("[month_6, year_1]", "[year_2]", "bilirubin.follow_up: ['year_2']: expected keys of 'visits' after"),
        ("[month_6, year_1]", "[year_1, month_6]", "bilirubin.follow_up: ['year_1', 'month_6']: expected keys of"),
        ("unit: mg/dL", 'unit: "mg\\x1bdL"', "expected text without braces or control codes"),
        ("[month_6, year_1]", "[baseline]", "bilirubin.follow_up: ['baseline']: expected keys of 'visits' after"),
        ("family: disease", "family: diseases", "outcomes.stage.family: 'diseases' is not among 'families'"),
        ("markers:", "cuts: [1/2]\nstratum_labels: [low]\nmarkers:", "'stratum_labels' needs 2 labels"),
        ("markers:", "primary: {outcome: age, visit: year_1}\nmarkers:", "'age' is not measured at 'year_1'"),
        ("unit: mg/dL,", "kind: binary,", "bilirubin.follow_up: a binary outcome is compared at baseline only"),
        ("unit: mg/dL,", "plausible: [9, 1],", "outcomes.bilirubin.plausible: ['9', '1']: expected ascending numbers"),
        ("unit: years,", "kind: binary, no_names: [F],", "outcomes.age: 'yes_names' and 'no_names' belong together"),
        ("unit: years,", "yes_names: [M], no_names: [F],", "belong together, with kind: binary"),
        (re.compile("citation: >-\n( .*\n)+"), "citation: ''\n", "citation: '': expected where the trial"),
        ("name: pbc", "name: my trial é!", "name: 'my trial é!': expected letters, digits, - and _"),
        ("{key: placebo,", "{key: d_penicillamine,", "'arms': several have the key 'd_penicillamine'"),
        ("week: 26", "week: nan", "visits.month_6.week: 'nan': expected a number or a fraction"),
        ("week: 26", "week: 364/7", "'visits' must follow each other in time; their weeks are [0.0, 52.0, 52.0]"),
        ("markers:", "cuts: [2/3, 1/3]\nmarkers:", "'cuts' must increase"),
        ("markers:", "markers:\n  zinc: {label: Urine copper}", "'markers': several have the label 'Urine copper'"),
        ("unit: years,", "kind: binary, yes_names: [F, M], no_names: [m],", "'m' is among both 'yes_names' and 'no_"),
        ("markers:", "population: {label: P, age: ag, cut_age: 6}\nmarkers:", "'population': the trial has no outcome"),
        ("arms:", "cuts: [1/2]\nstratum_labels: [a, a]\narms:", "stratum_labels: ['a', 'a']: 'a' is listed twice"),
        ("{key: placebo,", "{key: a/b,", "arms.control.key: 'a/b': expected letters, digits and _ . + -, since files"),
        ("disease: Disease", "a b: A\n  disease: Disease", "families.a b: 'a b': expected letters, digits and _ . + -"),
        ("label: Albumin", "label: ' '", "outcomes.albumin.label: ' ': expected text without braces, which mark"),
        ("disease: Disease", "disease: Disease {U}", "families.disease: 'Disease {U}': expected text without braces"),
        ("label: Albumin", r'label: "a\ufeff"', r"albumin.label: 'a\ufeff': expected text without braces, which mark"),
        (re.compile("^  urine_copper: .*$", re.M), "  {}", "markers: {}: expected at least 1"),
        (re.compile(r", follow_up: \[.*?\]"), "", "'outcomes': none has 'follow_up', so there is no change"),
        ("arms:", "armz:", "armz: unknown key; did you mean 'arms'"),
    ],
)
def test_a_fault_of_a_trial_is_named_with_its_place(old, new, message, tmp_path):
    text = PBC.replace(old, new, 1) if isinstance(old, str) else old.sub(new, PBC)
    (tmp_path / "trial.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(message)):
        load_trial(tmp_path / "trial.yaml")


def test_the_name_of_a_trial_may_contain_a_hyphen(tmp_path):
    (tmp_path / "trial.yaml").write_text(PBC.replace("name: pbc", "name: PBC-2_a"), encoding="utf-8")
    assert load_trial(tmp_path / "trial.yaml").name == "PBC-2_a"


def test_files_must_exist_and_have_names_that_snakemake_takes_literally(tmp_path):
    braces, url = tmp_path / "a{b}.xlsx", "https://example.org/w.xlsx"
    braces.touch()
    others = {"other": {"workbook": "data/reconstructed.xlsx", "mapping": "none.yaml"}}
    for name, workbook in (("made", settings.RECONSTRUCTED_WORKBOOK), ("braces", str(braces)), ("url", url)):
        others[name] = {"workbook": workbook}
    config = _with(others, workbook="data/reconstructd.xlsx")
    with pytest.raises(UserError) as error:
        settings.load([("mine.yaml", config)], Path.cwd())
    assert str(error.value).splitlines() == [
        "mine.yaml: 4 faults",
        "  analyses.published.workbook: 'data/reconstructd.xlsx': no such file in the working directory or beside the Snakefile",
        f"  analyses.other.mapping: 'none.yaml': no such file{settings.SEARCHED_FOLDERS}",
        f"  analyses.braces.workbook: '{braces}': Snakemake gives {{ }} < > in a file name a meaning of its own; rename the file",
        f"  analyses.url.workbook: '{url}': no such file{settings.URL_HINT}",
    ]


@pytest.mark.parametrize(
    ("workbook", "folder"), [("-x.xlsx", "x"), ("a b'c$(d).xlsx", "a_b_c_d_"), ("...xlsx", "workbook"), ("é.csv", "_")]
)
def test_the_folder_of_a_workbook_is_named_after_its_file(workbook, folder):
    assert settings.load(_with(workbook=workbook)).analyses["published"].workbook_id == folder


@pytest.mark.parametrize(
    ("section", "override", "expected"),
    [
        ("strata", {"cuts": ["1/2"]}, {"cuts": ["1/2"], "labels": ["lower 50%", "upper 50%"]}),
        ("strata", {"cuts": ["1/2"], "labels": ["low", "high"]}, {"cuts": ["1/2"], "labels": ["low", "high"]}),
        ("strata", {"at_cut": "lower"}, {"cuts": ["2/3"], "labels": ["T1/T2", "T3"], "at_cut": "lower"}),
        ("strata", {"by": "quantile", "cuts": [2 / 3]}, {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]}),
        ("strata", {"by": "value", "cuts": [2]}, {"cuts": ["2"], "labels": ["below 2", "2 and above"]}),
        ("outliers", {"rule": "winsorise"}, {"rule": "winsorise", "limit": 1.5}),
        ("outliers", {"limit": 2}, {"rule": "trim", "limit": 2}),
        ("outliers", {"rule": "keep"}, {"rule": "keep", "limit": 3}),
    ],
)
def test_an_alternative_analysis_inherits_all_settings_except_those_of_another_rule(section, override, expected):
    alternative = {section: override, "test": "exact"}
    config = settings.load(_with({"mine": alternative}, outliers={"rule": "trim", "limit": 1.5}))
    published, mine = config.analyses.values()
    inherited = mine.model_dump(mode="json")[section]
    assert inherited | expected == inherited
    assert (mine.workbook, mine.test, published.test) == (published.workbook, "exact", "normal")
    # Steps and reports get all of them.
    assert settings.load(json.loads(json.dumps(settings.for_step(config, "mine")))).analyses["mine"] == mine
    assert settings.load(yaml.safe_load(settings.as_yaml(config, "mine"))) == config
    assert list(yaml.safe_load(settings.as_yaml(config, "published"))["analyses"]) == ["published"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"cuts": ["3/4"]}, ["lower 75%", "upper 25%"]),
        ({"cuts": [2 / 3]}, ["lower 2/3", "upper 1/3"]),
        ({"cuts": [0.6667]}, ["lower 0.6667", "upper 0.3333"]),
        ({"cuts": ["1/3", "2/3"]}, ["lower 1/3", "1/3 to 2/3", "upper 1/3"]),
        ({"cuts": ["1/4", "3/4"]}, ["lower 25%", "25% to 75%", "upper 25%"]),
        ({"by": "value", "cuts": [2, 4.5]}, ["below 2", "2 to below 4.5", "4.5 and above"]),
        ({"by": "value", "cuts": [2, 4.5], "at_cut": "lower"}, ["up to 2", "above 2 to 4.5", "above 4.5"]),
    ],
)
def test_default_labels_of_strata_state_the_cut_points(rule, expected):
    strata = settings.load(_strata(**rule)).analyses["published"].strata
    assert strata.labels == expected
    first = f"p16 {expected[0]}" if strata.by == "value" else f"{expected[0]} of p16"
    assert strata.group(expected[0], "p16") == first


@given(st.integers(2, 20).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n))))
def test_a_fraction_read_from_text_float_or_json_is_exact(parts):
    exact, quotient = Fraction(*parts), parts[0] / parts[1]
    for written in (f"{parts[0]}/{parts[1]}", quotient, str(quotient), str(exact)):
        assert parse_quantile(written) == exact
    for_step = settings.for_step(settings.load(_strata(cuts=[quotient])), "published")
    rule = settings.load(json.loads(json.dumps(for_step))).analyses["published"].strata
    assert (rule.cuts, rule.cuts[0].label) == ([exact], str(exact))
    assert f"at the {exact} quantile" in labels.describe("strata", rule=rule, marker="p16", unit="")


def test_text_from_the_command_line_becomes_numbers_and_ids_stay_text():
    config = settings.load(_with(alpha="1/100", quartile_type="6", mapping="null", exclude=[101]))
    published = config.analyses["published"]
    assert settings.load(_with(alpha="1e-10")).analyses["published"].alpha == 1e-10
    assert (published.alpha, published.quartile_type, published.mapping, published.exclude) == (0.01, 6, None, ["101"])


def test_a_step_gets_only_its_analysis_and_sections():
    config = settings.load(CONFIG)
    for_step = settings.for_step(config, "published", "robustness.seed", "robustness.permutations")
    assert for_step["robustness"] == {"seed": 20240722, "permutations": 199}
    assert settings.load(for_step).analyses["published"] == config.analyses["published"]
    assert "robustness" not in settings.for_step(config, "published")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: {x: 1}\nb: {}\na: {x: 2}\n", ", line 3, column 1: not readable as YAML: duplicate key 'a'"),
        ("a: 1\nlist: [{x: 1}, {x: 1, x: 2}]\n", ", line 2, column 23: not readable as YAML: duplicate key 'x'"),
        ("a: [1\n", ", line 2, column 1: not readable as YAML"),
        ("just text", ": expected keys"),
        ("", ": expected keys"),
    ],
)
def test_a_yaml_file_that_is_damaged_or_has_duplicate_keys_is_refused_with_its_place(tmp_path, content, message):
    path = tmp_path / "file.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=f"(?s)^{re.escape(str(path))}.*{re.escape(message)}"):
        read_yaml(path)


def test_values_are_read_as_they_are_written(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("a: &a {exclude: [010, 1:30, no], n: ~}\nb: {c: &c {<<: *a, n: 0x10}}\nd: {<<: *c, n: '~'}\n")
    content = {"exclude": ["010", "1:30", "no"], "n": None}
    assert read_yaml(path) == {"a": content, "b": {"c": content | {"n": "0x10"}}, "d": content | {"n": "~"}}
    assert settings.load(_with(exclude=content["exclude"])).analyses["published"].exclude == content["exclude"]
