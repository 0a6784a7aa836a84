"""What an analyst may vary: ``config.yaml`` as typed settings, in which every unknown key is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from ..errors import UserError, nearest
from .robustness import Robustness
from .types import Names, Number, Optional, Strict, TestName, Text, Whole
from .yaml_files import faulty, read_yaml

# Folders of results/ that are not analyses.
RESERVED = ("compare", "consistency", "full_size", "reconstructed", "workbooks")
# The one workbook that a rule can make; every other has to be there.
MADE = "results/reconstructed/cohort.xlsx"
ADDRESS = "; an address is not downloaded: save the file in a browser and name it here"


class StrataRule(Strict):
    """How a marker cuts the participants into strata.

    ``by: quantile`` cuts at quantiles of the marker (``cuts`` between 0 and 1), ``by: value`` at values in the
    marker's unit, ``by: column`` takes the strata from a column of the workbook. Marker and cut are compared after
    rounding to ten significant digits; a value equal to the cut goes where ``at_cut`` says.
    """

    by: Literal["quantile", "value", "column"] = "quantile"
    cuts: list[Number] = [2 / 3]
    quantile_type: Annotated[Whole, Field(ge=1, le=9)] = 7
    column: Optional = None
    at_cut: Literal["upper", "lower"] = "upper"
    reference: Literal["analysed", "everyone"] = "analysed"
    labels: list[Text] = ["T1/T2", "T3"]

    @model_validator(mode="after")
    def _consistent(self):
        if self.by == "column":
            if not self.column:
                raise ValueError("by: column needs the key 'column', the name of the workbook's column")
        elif self.column is not None:
            raise ValueError(f"the key 'column' goes with by: column, not with by: {self.by}")
        elif not self.cuts:
            raise ValueError("'cuts' needs at least one cut")
        elif any(low >= high for low, high in zip(self.cuts, self.cuts[1:], strict=False)):
            raise ValueError("'cuts' must increase")
        elif self.by == "quantile" and not all(0 < cut < 1 for cut in self.cuts):
            raise ValueError(f"'cuts' of by: quantile must lie between 0 and 1, got {self.cuts}")
        elif len(self.labels) != len(self.cuts) + 1:
            raise ValueError(f"{len(self.cuts)} cuts make {len(self.cuts) + 1} strata, but 'labels' has {self.labels}")
        if len(set(self.labels)) < len(self.labels) or len(self.labels) < 2 or not all(self.labels):
            raise ValueError(f"'labels' must be two or more different names, lowest stratum first, got {self.labels}")
        if "all" in self.labels:
            raise ValueError("'labels' cannot contain 'all', the name of the whole group")
        return self


class Outliers(Strict):
    """What happens to values beyond ``limit`` interquartile ranges from the quartiles of their arm."""

    rule: Literal["keep", "trim", "winsorise"] = "keep"
    limit: Annotated[Number, Field(gt=0)] = 3.0


class Analysis(Strict):
    """One named way through the data; ``published`` is the paper's own."""

    name: str
    workbook: str
    sha256: Optional = None
    mapping: Optional = None
    marker: str
    strata: StrataRule = StrataRule()
    change: Literal["percent", "log_ratio", "difference"] = "percent"
    test: TestName = "normal"
    quartile_type: Annotated[Whole, Field(ge=1, le=9)] = 7
    alpha: Annotated[Number, Field(gt=0, lt=1)] = 0.05
    outcomes: Names = "all"
    visits: Names = "all"
    exclude: list[Text] = []
    outliers: Outliers = Outliers()

    @property
    def measure(self) -> str:
        """Name of the change in the tables."""
        return {"percent": "percent_change"}.get(self.change, self.change)

    @property
    def workbook_id(self) -> str:
        """Folder of the participants in results/workbooks/, shared by the analyses that read the same file."""
        parts = [self.workbook] + ([self.mapping] if self.mapping else [])
        return "--".join(re.sub(r"[^A-Za-z0-9_.+-]+", "_", Path(part).stem) for part in parts)


class Settings(Strict):
    """The whole of ``config.yaml``."""

    trial: str
    published: Optional = None
    figures: Optional = None
    tables: Optional = None
    reference: str = "published"
    analyses: dict[str, Analysis]
    robustness: Robustness = Robustness()


def load(source: Path | str | Mapping, *, origin: str | None = None) -> Settings:
    """Read and check a configuration.

    Parameters
    ----------
    source : path or mapping
        A YAML (or JSON) file, or its content.
    origin : str, optional
        Name to use in messages when ``source`` is a mapping.

    Raises
    ------
    UserError
        One message that names every unknown key, wrong type and value outside its range.
    """
    if isinstance(source, Mapping):
        return _checked(source, origin or "config.yaml")
    return _checked(read_yaml(source), str(source))


def check_names(settings: Settings, *, origin: str = "config.yaml") -> None:
    """Check that the files exist, and that the trial has the markers, outcomes and visits that are named.

    Snakemake alone would not do: where outputs of an earlier run exist, it passes over a rule whose input is missing.

    Parameters
    ----------
    settings : Settings
    origin : str
        Name of the file to use in messages.

    Raises
    ------
    UserError
        One message that names every fault.
    """
    from ..trial import BASELINE, load_trial

    faults = [
        f"{key}: {value!r} does not exist"
        for key in ("trial", "published", "figures", "tables")
        if (value := getattr(settings, key)) and not Path(value).exists()
    ]
    faults += [
        f"analyses.{name}.{key}: {value!r} does not exist{ADDRESS if '://' in value else ''}"
        for name, analysis in settings.analyses.items()
        for key in ("workbook", "mapping")
        if (value := getattr(analysis, key)) and value != MADE and not Path(value).exists()
    ]
    if Path(settings.trial).exists():
        trial = load_trial(settings.trial)
        visits = [visit for visit in trial.visits if visit != BASELINE]
        for name, analysis in settings.analyses.items():
            chosen = {
                "marker": ([analysis.marker], trial.markers),
                "outcomes": ([] if analysis.outcomes == "all" else analysis.outcomes, trial.outcomes),
                "visits": ([] if analysis.visits == "all" else analysis.visits, visits),
            }
            faults += [
                f"analyses.{name}.{key}: {value!r} is not one of {', '.join(known)}{nearest(value, known)}"
                for key, (values, known) in chosen.items()
                for value in values
                if value not in known
            ]
        faults += settings.robustness.unknown_names(trial)
    if faults:
        raise faulty(origin, faults)


def for_step(settings: Settings, analysis: str, *sections: str, cuts: bool = True) -> dict[str, Any]:
    """Return one analysis and the named sections, as :func:`load` reads them again.

    A step of the workflow gets no more than what it depends on, so that editing one thing reruns no other.

    Parameters
    ----------
    settings : Settings
    analysis : str
    sections : str
        Keys of the configuration; a dot names a part of one: ``robustness.seed``.
    cuts : bool
        Whether the step may know where the marker is cut, and what the strata are called.
    """
    chosen = settings.analyses[analysis].model_dump(
        mode="json", exclude=None if cuts else {"strata": {"cuts", "labels"}}
    )
    wanted: dict[str, Any] = {"trial": True, "published": True}
    for section in sections:
        name, _, part = section.partition(".")
        if part:
            wanted.setdefault(name, {})[part] = True
        else:
            wanted[name] = True
    content = settings.model_dump(mode="json", include=wanted)
    return {**content, "reference": analysis, "analyses": {analysis: chosen}}


def analysis_named(settings: Settings, name: str) -> Analysis:
    """Return one analysis, or say which ones there are."""
    if name not in settings.analyses:
        known = ", ".join(settings.analyses)
        raise UserError(f"no analysis is called {name!r}; there are {known}{nearest(name, settings.analyses)}")
    return settings.analyses[name]


def _checked(content: Mapping, origin: str) -> Settings:
    content = dict(content)
    faults: list[str] = []
    reference = content.get("reference", "published")
    analyses = content.get("analyses")
    if not isinstance(analyses, Mapping) or not analyses:
        faults.append("analyses: expected one or more named analyses")
    elif reference not in analyses:
        faults.append(f"reference: no analysis is called {reference!r}{nearest(str(reference), map(str, analyses))}")
    else:
        content["analyses"] = {
            str(name): _inherit(analyses[reference] or {}, entry or {}, str(name)) for name, entry in analyses.items()
        }
        faults += [fault for name in content["analyses"] if (fault := _name_fault(name))]
    if not faults:
        try:
            settings = Settings.model_validate(content)
        except ValidationError as error:
            faults = [_describe(fault) for fault in error.errors()]
        else:
            faults = _clashing_workbooks(settings)
            if not faults:
                return settings
    raise faulty(origin, faults)


def _inherit(base: Any, entry: Any, name: str) -> Any:
    """Complete an entry with what it does not say from the reference analysis."""
    if not isinstance(base, Mapping) or not isinstance(entry, Mapping):
        return entry
    merged = {**base, **entry, "name": name}
    if isinstance(base.get("strata"), Mapping) and isinstance(entry.get("strata"), Mapping):
        inherited = dict(base["strata"])
        changed = entry["strata"]
        if changed.get("by", inherited.get("by")) != inherited.get("by"):
            # Cut points of one kind mean nothing to another kind.
            inherited = {key: value for key, value in inherited.items() if key not in ("cuts", "column")}
        merged["strata"] = {**inherited, **changed}
    return merged


def _name_fault(name: str) -> str:
    if name in RESERVED:
        return f"analyses.{name}: this name is taken by a folder of results/; choose another"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", name):
        return f"analyses.{name}: a name is a folder, so letters, digits and _ . + - only"
    return ""


def _clashing_workbooks(settings: Settings) -> list[str]:
    seen: dict[str, tuple[str, str | None]] = {}
    faults = []
    for analysis in settings.analyses.values():
        files = (analysis.workbook, analysis.mapping)
        if seen.setdefault(analysis.workbook_id, files) != files:
            other = seen[analysis.workbook_id][0]
            faults.append(
                f"analyses.{analysis.name}.workbook: {analysis.workbook!r} and {other!r} have the same file name, and "
                f"would share a folder of results/workbooks/; rename one"
            )
    return faults


def _describe(fault: Mapping) -> str:
    """Turn one of pydantic's errors into a line that names the key, the value and what was expected."""
    where = ".".join(str(part) for part in fault["loc"] if part not in ("literal['all']", "list[str]"))
    value = fault["input"]
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key{nearest(str(fault['loc'][-1]), _siblings(fault['loc']))}"
    if fault["type"] == "missing":
        return f"{where}: this key is missing"
    message = fault["msg"].removeprefix("Value error, ")
    message = (
        message.replace("Input should be", "expected").replace("valid ", "").replace("a integer", "a whole number")
    )
    message = re.sub("a dictionary or instance of .*", "keys with values of their own", message)
    shown = "" if fault["type"] == "value_error" else f" {value!r}:"
    return f"{where}:{shown} {message}"


def _siblings(location: tuple) -> list[str]:
    """Keys that are allowed where an unknown one was found."""
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        if part in model.model_fields:
            inner = model.model_fields[part].annotation
            # A named entry, as in dict[str, Analysis], has the keys of its model.
            model = next((kind for kind in (inner, *get_args(inner)) if _is_model(kind)), model)
    return list(model.model_fields)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
