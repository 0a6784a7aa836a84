"""Read and validate YAML files, naming every fault in one message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from ..errors import UserError, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    Model = TypeVar("Model", bound=BaseModel)

# Keys whose values are text even where YAML takes them for something else: ids and names of strata.
TEXT_KEYS = ("exclude", "labels")


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read a YAML file of keys and their values.

    UserError if the file cannot be read, is not YAML or has no keys, if a key occurs twice in one place (YAML itself would
    keep the last), or if YAML reads a number or a name as another than the one that is written (010 as 8).
    """
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(Path(path).read_text(encoding="utf-8"))
        node = loader.get_single_node()
        faults = list(_misread(node))  # before merge keys ("<<") are resolved, which repeats keys rightly
        content = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{path}{place}: not readable as YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys with values at the top level")
    if faults:
        raise faults_error(path, faults)
    return content


def validate_content(model: type[Model], content: Any, path: Path | str, context: Any = None) -> Model:
    """Make a model of what a file holds; ``context`` is what its validators check names against.

    UserError names every fault by its place in the file.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(content, context=context)
    except ValidationError as error:
        raise faults_error(path, describe_faults(error, model)) from None


def read_list(model: type[Model], path: Path | str | None, usual: Path, context: Any, **words: Any) -> Model:
    """Read the list of figures or tables at a path; without one, fill the ``words`` into a Jinja template, the usual list.

    UserError if the file is not YAML, has unknown keys, or names what the trial, the ``context``, does not have.
    """
    import yaml
    from jinja2 import Template

    content = read_yaml(path) if path else yaml.safe_load(Template(usual.read_text(encoding="utf-8")).render(**words))
    return validate_content(model, content, path or usual, context)


def faults_error(path: Path | str, faults: list[str]) -> UserError:
    """Return the error that lists the faults of a file."""
    return UserError("\n  ".join([f"{path}: {len(faults)} fault{'s' * (len(faults) > 1)}", *faults]))


def describe_faults(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Describe each of pydantic's errors by its key, the value and what was expected."""
    return list(dict.fromkeys(_describe(fault, model) for fault in error.errors()))


def _describe(fault: Mapping, model: type[BaseModel]) -> str:
    # The branch of a union and the mark of a key are part of pydantic's location, but are not keys of the file.
    location = tuple(part for part in fault["loc"] if not re.match(r"literal\[|list\[|function-|\[key\]", str(part)))
    where, value = ".".join(map(str, location)) or "the file", fault["input"]
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key{did_you_mean(str(location[-1]), _siblings(location, model))}"
    if fault["type"] == "missing":
        return f"{where}: this key is missing"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "expected").replace("valid ", "")
    message = re.sub(r"\w+ should have (at \w+ \d+) items? after validation.*", r"expected \1", message)
    message = message.replace("a integer", "a whole number").replace("a string", "text")
    message = re.sub("(an object|a dictionary) or .*instance of .*", "keys with values of their own", message)
    is_group = fault["type"] == "value_error" and isinstance(value, Mapping)
    return f"{where}: {message}" if is_group else f"{where}: {value!r}: {message}"


def _siblings(location: tuple, model: type[BaseModel]) -> list[str]:
    """List the keys that are allowed where an unknown one was found."""
    for part in location[:-1]:
        if part in model.model_fields:
            inner = model.model_fields[part].annotation
            # A named entry, as in dict[str, Analysis], has the keys of its model.
            kinds = (inner, *get_args(inner))
            model = next((kind for kind in kinds if hasattr(kind, "model_fields")), model)
    return list(model.model_fields)


def _misread(node, place: str = "", key: str = "") -> Iterator[str]:
    """Name keys that occur twice in one place, with the line of the second, and scalars that YAML reads as another."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for number, part in enumerate(node.value):
            yield from _misread(part, f"{place}{number}.", key)
    elif isinstance(node, yaml.ScalarNode) and not node.tag.endswith(":str"):
        # Octal, hexadecimal and base-60 numbers; anything but text where text belongs.
        if re.fullmatch(r"[-+]?(0[\dxob_]\w*|[\d_]*_[\d_]*|[\d.]+(:[\d.]+)+)", node.value) or key in TEXT_KEYS:
            value = yaml.safe_load(node.value)
            kept = type(value) in (int, float) and str(value) == node.value
            if not isinstance(value, str | type(None)) and not kept:
                yield f"{place[:-1]}: YAML reads {node.value} as {value}; put it in quotes"
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode):
                if name.value in seen:
                    yield f"{place}{name.value}: duplicate key (line {name.start_mark.line + 1})"
                seen.add(name.value)
                yield from _misread(value, f"{place}{name.value}.", name.value)
