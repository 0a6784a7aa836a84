import copy
from pathlib import Path

import pytest
import yaml

from d_q_trial.config import settings
from d_q_trial.errors import UserError

CONFIG = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))


def _with(**published):
    config = copy.deepcopy(CONFIG)
    config["analyses"]["published"].update(published)
    return config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"markr": "x"}, "analyses.published.markr: unknown key; did you mean 'marker'?"),
        ({"alpha": 1.5}, "analyses.published.alpha: 1.5: expected less than 1"),
        ({"alpha": "small"}, "analyses.published.alpha: 'small': expected a number"),
        ({"quartile_type": 10}, "analyses.published.quartile_type: 10"),
        ({"quartile_type": 6.5}, "analyses.published.quartile_type: 6.5"),
        ({"test": "student"}, "analyses.published.test: 'student'"),
        ({"change": None}, "analyses.published.change: None"),
        ({"strata": {"cuts": [1.2]}}, "must lie between 0 and 1"),
        ({"strata": {"cuts": [0.6, 0.3], "labels": ["a", "b", "c"]}}, "'cuts' must increase"),
        ({"strata": {"cuts": [0.5], "labels": ["a"]}}, "1 cuts make 2 strata"),
        ({"strata": {"labels": ["all", "T3"]}}, "cannot contain 'all'"),
        ({"strata": {"by": "column"}}, "needs the key 'column'"),
        ({"strata": {"column": "x"}}, "goes with by: column"),
        ({"strata": {"at_cutt": "upper"}}, "analyses.published.strata.at_cutt: unknown key; did you mean 'at_cut'?"),
        ({"outliers": {"rule": "drop"}}, "analyses.published.outliers.rule: 'drop'"),
        ({"outliers": {"rule": "trim", "limit": 0}}, "analyses.published.outliers.limit: 0"),
        ({"outcomes": []}, "analyses.published.outcomes"),
        ({"exclude": "S01"}, "analyses.published.exclude: 'S01'"),
        ({"strata": [0.5]}, "analyses.published.strata: [0.5]: expected keys with values"),
        ({"quartile_type": "seven"}, "expected a whole number"),
    ],
)
def test_a_wrong_key_or_value_passes_or_is_not_named(change, message):
    with pytest.raises(UserError) as error:
        settings.load(_with(**change))
    assert message in str(error.value)


def test_faults_are_told_one_at_a_time():
    with pytest.raises(UserError, match="3 faults"):
        settings.load(_with(markr=1, alpha=2, test="t"))


def test_the_committed_config_does_not_load_or_names_what_is_not_there():
    settings.check_names(settings.load("config.yaml"))
    settings.check_names(settings.load("data/pbc/config.yaml"))


def test_a_marker_outcome_or_visit_that_the_trial_lacks_passes():
    loaded = settings.load(_with(marker="p16", outcomes=["ctx", "p1pn"], visits=["week_3"]))
    with pytest.raises(UserError) as error:
        settings.check_names(loaded)
    for text in ("marker: 'p16'", "outcomes: 'p1pn'", "did you mean 'p1np'?", "visits: 'week_3'"):
        assert text in str(error.value)


def test_a_workbook_or_mapping_that_does_not_exist_passes():
    config = _with(workbook="data/reconstructd.xlsx")
    config["analyses"]["other"] = {"workbook": "data/reconstructed.xlsx", "mapping": "none.yaml"}
    config["analyses"]["made"] = {"workbook": settings.MADE}
    with pytest.raises(UserError) as error:
        settings.check_names(settings.load(config), origin="mine.yaml")
    assert str(error.value) == (
        "mine.yaml: 2 faults\n  analyses.published.workbook: 'data/reconstructd.xlsx' does not exist\n"
        "  analyses.other.mapping: 'none.yaml' does not exist"
    )


def test_an_alternative_does_not_inherit_or_inherits_cuts_of_another_kind():
    config = copy.deepcopy(CONFIG)
    config["analyses"]["median"] = {"strata": {"cuts": ["1/2"], "labels": ["low", "high"]}}
    config["analyses"]["at_two"] = {"strata": {"by": "value", "cuts": [2]}, "test": "exact"}
    loaded = settings.load(config)
    published, median, at_two = loaded.analyses.values()
    assert median.strata.cuts == [0.5]
    assert median.workbook == at_two.workbook == published.workbook
    assert (at_two.test, at_two.strata.cuts, at_two.strata.labels) == ("exact", [2.0], ["T1/T2", "T3"])


def test_text_from_the_command_line_is_not_read_as_numbers():
    loaded = settings.load(_with(alpha="0.01", quartile_type="6", mapping="null", exclude=[101]))
    analysis = loaded.analyses["published"]
    assert (analysis.alpha, analysis.quartile_type, analysis.mapping, analysis.exclude) == (0.01, 6, None, ["101"])


def test_the_settings_of_a_step_lose_something_or_tells_too_much():
    loaded = settings.load("config.yaml")
    handed = settings.for_step(loaded, "published")
    assert settings.load(handed).analyses["published"] == loaded.analyses["published"]
    assert "robustness" not in handed
    assert "robustness" in settings.for_step(loaded, "published", "robustness")


def test_a_step_that_does_not_depend_on_the_cut_is_handed_the_cut():
    here, there = (
        settings.load(_with(strata={"by": by, "cuts": cuts, "labels": labels, "at_cut": "lower"}))
        for by, cuts, labels in (("quantile", [0.5], ["low", "high"]), ("quantile", [0.2, 0.4], ["a", "b", "c"]))
    )
    handed = settings.for_step(here, "published", cuts=False)
    assert handed == settings.for_step(there, "published", cuts=False)
    assert settings.load(handed).analyses["published"].strata.at_cut == "lower"


@pytest.mark.parametrize(
    "name", ["compare", "consistency", "reconstructed", "workbooks", "a/b", "../x", ".hidden", "a b"]
)
def test_a_name_that_cannot_be_a_folder_passes(name):
    config = copy.deepcopy(CONFIG)
    config["analyses"][name] = {}
    with pytest.raises(UserError, match="analyses"):
        settings.load(config)


def test_two_addresses_share_a_folder_or_are_to_be_renamed():
    config = copy.deepcopy(CONFIG)
    config["analyses"]["mine"] = {"workbook": "https://example.org/reconstructed.xlsx"}
    with pytest.raises(UserError, match=r"same file name.*; download one of them, give it another name"):
        settings.load(config)


def test_two_workbooks_share_a_folder():
    config = copy.deepcopy(CONFIG)
    config["analyses"]["mine"] = {"workbook": "elsewhere/reconstructed.xlsx"}
    with pytest.raises(UserError, match="same file name"):
        settings.load(config)


def test_a_file_that_is_not_yaml_ends_in_a_traceback(tmp_path):
    path = tmp_path / "config.yaml"
    for content in ("a: [1", "just text", "", "analyses: 3", "analyses: {other: {}}"):
        path.write_text(content)
        with pytest.raises(UserError):
            settings.load(path)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"permutation": 10}, "robustness.permutation: unknown key; did you mean 'permutations'?"),
        ({"permutations": 10}, "robustness.permutations: 10"),
        ({"windows": {"share": 0.2, "step": 0.5}}, "robustness.windows: 'step' must not exceed 'share'"),
        ({"families": {"a": {"outcmes": []}}}, "robustness.families.a.outcmes: unknown key; did you mean 'outcomes'?"),
        ({"families": {"a": {"strata": ["T3"]}}}, "robustness.families.a.strata.0: 'T3'"),
        ({"multiverse": {"outcomes": {"ctx": "up"}}}, "robustness.multiverse.outcomes.ctx: 'up'"),
        ({"multiverse": {"cuts": [1]}}, "robustness.multiverse.cuts.0: 1"),
        ({"multiverse": {"tests": []}}, "robustness.multiverse.tests"),
    ],
)
def test_a_fault_in_the_robustness_section_passes_or_is_not_named(section, message):
    with pytest.raises(UserError) as error:
        settings.load({**CONFIG, "robustness": section})
    assert message in str(error.value)


def test_an_outcome_of_the_robustness_section_that_the_trial_lacks_passes():
    section = {"families": {"a": {"outcomes": ["turnovr", "age"]}}, "multiverse": {"outcomes": {"ctxx": "lower"}}}
    loaded = settings.load({**CONFIG, "robustness": section})
    with pytest.raises(UserError) as error:
        settings.check_names(loaded)
    for message in (
        "families.a.outcomes: 'turnovr' is not one of",
        "did you mean 'turnover'?",
        "families.a.outcomes: 'age'",
        "multiverse.outcomes: 'ctxx'",
    ):
        assert message in str(error.value)


def test_a_step_is_handed_more_of_a_section_than_it_depends_on():
    handed = settings.for_step(settings.load(CONFIG), "published", "robustness.seed", "robustness.permutations")
    assert handed["robustness"] == {"seed": 20240722, "permutations": 1999}
    assert settings.load(handed).robustness.permutations == 1999
