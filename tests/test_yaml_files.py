import pytest

from d_q_trial.config.yaml_files import read_yaml
from d_q_trial.errors import UserError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "analyses:\n  a: {alpha: 0.05}\n  b: {}\n  a: {alpha: 0.01}\n",
            "analyses.a: this key stands twice, .* line 4",
        ),
        ("a: 1\nlist: [{x: 1}, {x: 1, x: 2}]\na: 2\n", "2 faults\n  list.1.x: .* line 2\n  a: .* line 3"),
        ("a: [1", "not readable as YAML: .* line 1"),
        ("a:\n\t- x", "not readable as YAML: .* line 2"),
        ("just text", "expected keys"),
        ("", "expected keys"),
    ],
)
def test_a_key_that_stands_twice_or_what_is_not_yaml_passes(tmp_path, content, message):
    path = tmp_path / "file.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=f"file.yaml: (?s:.*{message})"):
        read_yaml(path)


def test_a_file_that_is_not_there_ends_in_a_traceback(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_yaml(tmp_path / "none.yaml")


def test_values_are_read_otherwise_than_by_the_yaml_library(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("base: &b {x: 1, y: [a, 2/3]}\nmore: {<<: *b, x: 2}\n")
    assert read_yaml(path) == {"base": {"x": 1, "y": ["a", "2/3"]}, "more": {"x": 2, "y": ["a", "2/3"]}}
