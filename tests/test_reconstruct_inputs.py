"""What is wrong with printed rows or with a plan is told in one message, before any search."""

import shutil
from pathlib import Path

import pytest

from d_q_trial.cli import main

PLAN, PUBLISHED = "data/reconstruct/trial.yaml", "data/published"
AGE = "paper,Table 1,age,baseline,baseline,,all,control,,median_iqr,74.4,69.7,79.2"
AGE_P = "paper,Table 1,age,baseline,baseline,,all,d_q - control,rank_sum,,,=,0.117"
CTX = "outcome measure 1,ctx,percent_change,week_20,,all,d_q - control,rank_sum,28,28"


def told(tmp_path, capsys, *, rows=None, plan=None, arguments=()):
    """Change one text of a file of printed rows, or of the plan; return the message of the command."""
    folder = tmp_path / "published"
    shutil.copytree(PUBLISHED, folder)
    (tmp_path / "plan.yaml").write_text(Path(PLAN).read_text(encoding="utf-8"), encoding="utf-8")
    name, *change = (f"published/{rows[0]}.csv", *rows[1:]) if rows else ("plan.yaml", *(plan or ("seed", "seed")))
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert change[0] in text, "the example has to change something"
    (tmp_path / name).write_text(text.replace(*change, 1), encoding="utf-8")
    output = tmp_path / "cohort.xlsx"
    paths = ["--published", str(folder), "--plan", str(tmp_path / "plan.yaml"), "--output", str(output)]
    assert main(["reconstruct", *paths, *arguments]) == 1
    assert not output.exists()
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize(
    ("name", "given", "instead", "expected"),
    [
        ("summaries", AGE, AGE.replace("74.4", "abc"), "row 2, center: 'abc', expected a number"),
        ("summaries", AGE, AGE.replace("74.4", ""), "row 2, center: '', expected a number"),
        (
            "summaries",
            AGE,
            AGE.replace("69.7", "75.7"),
            "lower = 75.7, center = 74.4, upper = 79.2: expected lower <= center",
        ),
        (
            "summaries",
            AGE,
            AGE.replace("control", "controll"),
            "group: 'controll' is not known; did you mean 'control'?",
        ),
        ("summaries", AGE, AGE.replace("1,age", "1,agge"), "outcome: 'agge' is not known; did you mean 'age'?"),
        ("summaries", AGE, AGE.replace("median_iqr", "quartiles"), "statistic: 'quartiles' is not known"),
        ("summaries", AGE, "paper,Table 1,age", "summaries.csv, row 2: expected as many cells as the header has"),
        ("tests", AGE_P, AGE_P.replace("0.117", "1.7"), "row 2, p: '1.7', expected 0 to 1"),
        ("tests", AGE_P, AGE_P.replace("0.117", "n.s."), "row 2, p: 'n.s.', expected a number"),
        ("tests", AGE_P, AGE_P.replace("=", "~"), "row 2, p_relation: '~' is not known"),
        ("tests", AGE_P, AGE_P.replace("d_q - control", "d_q control"), "contrast: 'd_q control', expected two groups"),
        ("tests", AGE_P, AGE_P.replace("baseline,,", "week_20,,"), "row 2, visit: 'week_20' is not known"),
        ("tests", "locator,outcome", "locator,outcom", "tests.csv: no column outcome"),
        ("tests", CTX, CTX.replace("28,28", "27,28"), "outcome measure 1 ctx week_20: n_d_q = 28, printed 27"),
    ],
)
def test_a_printed_row_that_cannot_be_read_is_dropped_or_ends_in_a_traceback(
    tmp_path, capsys, name, given, instead, expected
):
    assert expected in told(tmp_path, capsys, rows=(name, given, instead))


@pytest.mark.parametrize(
    ("given", "instead", "expected"),
    [
        ("arms: {control: 30", "arms: {{control: 30", "not readable as YAML"),
        ("arms: {control: 30, d_q: 30}", "arms: many", "arms: "),
        ("arms: {control: 30", "arms: {control: 20", "ctx week_2: n = 50 in all both arms, expected 60"),
        ("arms: {control: 30", "arms: {placebo: 30", "unknown arm 'control'"),
        ("[-38, -13, -4, 6, 41]", "[-38, -13]", "shapes.ctx.week_2.d_q: "),
        ("[-38, -13, -4, 6, 41]", "[-38, -13, 9, 6, 41]", "expected ascending numbers"),
        ("age: 1, weight: 1", "age: one, weight: 1", "decimals.age: "),
        ("age: 1, weight: 1", "age: 1, wieght: 1", "unknown outcome 'wieght'; did you mean 'weight'?"),
        ("cut: 2/3", "cut: two", "cut: 'two', expected a fraction such as 2/3"),
        ("why: left after week 2", "wy: left after week 2", "absences.0.wy: unknown key"),
        ('all, "", 60]', 'all, "", 61]', "ctx week_2: n = 60 in all both arms, expected 61"),
        ("trial: data/trial.yaml", "trial: data/tryal.yaml", "trial file 'data/tryal.yaml' not found"),
    ],
)
def test_a_plan_that_cannot_be_followed_ends_in_a_traceback(tmp_path, capsys, given, instead, expected):
    assert expected in told(tmp_path, capsys, plan=(given, instead))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--published", "nowhere"], "nowhere/summaries.csv: no such file"),
        (["--plan", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        (["--seed", "-1"], "--seed -1: expected a whole number from 0"),
    ],
)
def test_an_argument_that_names_nothing_ends_in_a_traceback(tmp_path, capsys, arguments, expected):
    assert expected in told(tmp_path, capsys, arguments=arguments)


@pytest.mark.slow
def test_a_quartile_below_the_smallest_value_is_not_named(tmp_path, capsys):
    message = told(tmp_path, capsys, rows=("summaries", AGE, AGE.replace("69.7", "50.7")))
    assert "Table 1 age baseline control, quantile 0.25 = 50.7 (reached" in message
