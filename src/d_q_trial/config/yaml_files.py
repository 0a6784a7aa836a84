"""YAML files that people write, read so that each fault is told in one message."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import UserError

if TYPE_CHECKING:
    from pydantic import BaseModel

    Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read a YAML file of keys and their values.

    Raises
    ------
    UserError
        If the file cannot be read, is not YAML, has no keys, or has one key twice in one place (of which YAML itself
        would keep the last without a word).
    """
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(Path(path).read_text(encoding="utf-8"))
        node = loader.get_single_node()
        twice = _keys_twice(node)  # before merge keys ("<<") are resolved, which doubles keys rightly
        content = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys with values at the top level")
    if twice:
        raise faulty(path, twice)
    return content


def validated(model: type[Model], content: Any, path: Path | str) -> Model:
    """Make a model of what a file holds.

    Raises
    ------
    UserError
        With every fault named by its place in the file.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise faulty(path, [_describe(fault) for fault in error.errors()]) from None


def faulty(path: Path | str, faults: list[str]) -> UserError:
    """Return the error that lists the faults of a file."""
    return UserError("\n  ".join([f"{path}: {len(faults)} fault{'s' * (len(faults) > 1)}", *faults]))


def _describe(fault) -> str:
    place = ".".join(map(str, fault["loc"]))
    message = {"extra_forbidden": "unknown key", "missing": "this key is missing"}.get(fault["type"], fault["msg"])
    return f"{place}: {message.removeprefix('Value error, ')}"


def _keys_twice(node, place: str = "") -> list[str]:
    """Name the keys that stand twice in one place, with the line of the second."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return [fault for number, part in enumerate(node.value) for fault in _keys_twice(part, f"{place}{number}.")]
    if not isinstance(node, yaml.MappingNode):
        return []
    faults, seen = [], set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            faults.append(f"{place}{key.value}: this key stands twice, again in line {key.start_mark.line + 1}")
        seen.add(key.value)
        faults += _keys_twice(value, f"{place}{key.value}.")
    return faults
