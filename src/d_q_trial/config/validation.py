"""Read YAML files and check their content: kinds of values, strict models, and one message for all faults of a file."""

import re
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import pydantic
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

from ..errors import UserError, did_you_mean

Model = TypeVar("Model", bound=BaseModel)


class Quantile(Fraction):
    """An exact quantile, share or cutoff: 2/3 stays 2/3 from the configuration to the tables."""

    @property
    def label(self) -> str:
        """The number as it is usually written: ``2/3``, or a decimal if the denominator is above 20."""
        return str(self) if self.denominator <= 20 else f"{float(self):.10g}"

    @property
    def percent(self) -> str:
        """The share as a percentage if that is a whole number, or else as :attr:`label`."""
        return f"{int(100 * self)}%" if (100 * self).denominator == 1 else self.label

    def __format__(self, specification: str) -> str:
        return format(float(self), specification) if specification else str(self)


# A larger exponent is refused, because its exact number would fill the memory.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?|[+-]?\d+/\d+", re.ASCII | re.IGNORECASE)


def _parse_exact(value: Any) -> Fraction:
    """Read ``2/3``, ``0.75`` or ``1``; ValueError if the value is no finite number, or too large for a float."""
    text = str(value).replace(" ", "")
    try:
        float(exact := Fraction(text if _NUMBER.fullmatch(text) else ""))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError("expected a number or a fraction such as 2/3") from None
    return exact


def parse_quantile(value: Any) -> Quantile:
    """Read a number or fraction, else ValueError; within 1e-9 of a fraction of at most 20ths, return that fraction."""
    simple = (exact := _parse_exact(value)).limit_denominator(20)
    return Quantile(simple if abs(simple - exact) < Fraction(1, 10**9) else exact)


def must_match(pattern: str, expected: str) -> AfterValidator:
    """Return a validator that checks that a text, unless it is None, matches a pattern."""

    def check(text: str | None) -> str | None:
        if text is not None and not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def must_ascend(values: list[float]) -> list[float]:
    """Check that numbers ascend."""
    if sorted(values) != values:
        raise ValueError("expected ascending numbers")
    return values


Number = Annotated[float, BeforeValidator(lambda value: float(_parse_exact(value)))]
Exact = Annotated[Quantile, PlainValidator(parse_quantile), PlainSerializer(str, return_type=str)]
Share = Annotated[Exact, Field(gt=0, lt=1)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2), AfterValidator(must_ascend)]
_NO_TEXT = ("null", "none", "None", "")
OptionalText = Annotated[str | None, BeforeValidator(lambda text: None if text in _NO_TEXT else text)]
NameList = Literal["all"] | Annotated[list[str], Field(min_length=1)]


class StrictModel(BaseModel):
    """A group of settings in which an unknown key is an error; the types say which texts of a file are numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)

    @pydantic.field_validator("*")
    @classmethod
    def _check_repetition(cls, value: Any) -> Any:
        """Refuse a list of names that has one of them twice, because it would count twice."""
        names = value if isinstance(value, list) and all(isinstance(name, str) for name in value) else []
        if repeated := [name for name, number in Counter(names).items() if number > 1]:
            raise ValueError(f"{repeated[0]!r} is listed twice")
        return value


class TextLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Load every value as the text that is written, or None for null: 010 stays 010, and no stays no.

    A duplicate key, of which YAML would keep the last value, is an error.
    """

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Return the keys with their values."""
        seen = []
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag.endswith(":null"):
                raise yaml.MarkedYAMLError(problem="a key without a name", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"duplicate key {key.value!r}", problem_mark=key.start_mark)
            if key.start_mark.index >= node.start_mark.index:  # not a key of an earlier mapping that "<<" has merged
                seen.append(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read a YAML file of keys and their values, which stay text; a model says which of them are numbers.

    UserError if the file cannot be read, is not YAML, has no keys, or has a duplicate key.
    """
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), TextLoader)
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
    return content


def validate_content(model: type[Model], content: Any, path: Path | str, context: Any = None) -> Model:
    """Build a model from the content of a file; its validators check names against the ``context``.

    UserError lists every fault with its place in the file.
    """
    try:
        return model.model_validate(content, context=context)
    except pydantic.ValidationError as error:
        raise faults_error(path, describe_faults(error, model)) from None


def load_list(model: type[Model], path: Path | str | None, default: Path, context: Any, **values: Any) -> Model:
    """Read the list of figures or tables at a path; without one, fill the ``values`` into the default, a Jinja template.

    UserError if the file is not YAML, has unknown keys, or uses names that the trial, the ``context``, does not have.
    """
    from jinja2 import Template  # here, so that steps that do not use it do not list it as their software

    template = Template(default.read_text(encoding="utf-8"))
    content = read_yaml(path) if path else yaml.load(template.render(**values), TextLoader)
    return validate_content(model, content, path or default, context)


def faults_error(path: Path | str, faults: list[str]) -> UserError:
    """Return the error that lists the faults of a file."""
    return UserError("\n  ".join([f"{path}: {len(faults)} fault{'s' * (len(faults) > 1)}", *faults]))


def describe_faults(error: pydantic.ValidationError, model: type[BaseModel]) -> list[str]:
    """Describe each error of pydantic: the key, its value and what was expected."""
    return list(dict.fromkeys(_describe_fault(fault, model) for fault in error.errors()))


def _describe_fault(fault: Mapping, model: type[BaseModel]) -> str:
    # Pydantic's location includes branches of unions and markers of keys, which are not keys of the file.
    keys = tuple(part for part in fault["loc"] if not re.match(r"literal\[|list\[|function-|\[key\]", str(part)))
    place, value = ".".join(map(str, keys)) or "the file", fault["input"]
    if fault["type"] == "extra_forbidden":
        return f"{place}: unknown key{did_you_mean(str(keys[-1]), _list_allowed_keys(keys, model))}"
    if fault["type"] == "missing":
        return f"{place}: this key is missing"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "expected").replace("valid ", "")
    message = message.partition(", unable to ")[0]
    message = re.sub(r"\w+ should have (at \w+ \d+) items? after validation.*", r"expected \1", message)
    message = message.replace("a integer", "a whole number").replace("a string", "text")
    message = re.sub("a dictionary or .*instance of .*", "keys with values of their own, or {} for none", message)
    is_group = fault["type"] == "value_error" and isinstance(value, Mapping)
    return f"{place}: {message}" if is_group else f"{place}: {value!r}: {message}"


def _list_allowed_keys(keys: tuple, model: type[BaseModel]) -> list[str]:
    """List the keys that are allowed in place of the last one, which is unknown."""
    for key in keys[:-1]:
        if key in model.model_fields:
            annotation = model.model_fields[key].annotation
            # A named entry, as in dict[str, Analysis], has the keys of its model.
            types = (annotation, *get_args(annotation))
            model = next((kind for kind in types if hasattr(kind, "model_fields")), model)
    return list(model.model_fields)
