"""What an analyst may vary: ``config.yaml`` as typed settings, in which every unknown key is an error."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from ..errors import UserError, describe_unknown, did_you_mean
from ..files import find_file
from ..stats.two_sample import TESTS
from .robustness import Robustness
from .types import Checksum, Exact, Names, Number, Optional, Quantile, Strict, Text, Whole, must_match
from .yaml_files import describe_faults, faults_error, read_yaml

if TYPE_CHECKING:
    from ..trial import Trial

# Folders of results/ that are not analyses.
RESERVED = (
    *("calibration", "compare", "consistency", "every_cut", "full_size", "left_over", "logs"),
    *("reconstructed", "workbooks"),
)
# The one workbook that a rule can make; every other has to be there.
MADE = "results/reconstructed/cohort.xlsx"
SEARCHED = " in the working directory or beside the Snakefile"
ADDRESS = "; an address is not downloaded: save the file in a browser and name it here"
_KINDS = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 10: "tenth"}
# A configuration file or the command line, and the keys that it states.
Source = tuple[str, Mapping]

# The context of a validation is the folder where files are taken from that are missing in the working directory.
_WHERE_FOUND = AfterValidator(lambda path, info: find_file(path, info.context or ""))
File = Annotated[str, must_match(r".*\S.*", "the path of a file"), _WHERE_FOUND]
OptionalFile = Annotated[Optional, _WHERE_FOUND]


class StrataRule(Strict):
    """How a marker divides the participants into strata.

    ``by: quantile`` cuts at quantiles of the marker (``cuts`` between 0 and 1), ``by: value`` at values in the
    marker's unit, ``by: column`` takes the strata from a column of the workbook. Marker and cut are compared after
    rounding to ten significant digits; a value equal to the cut goes where ``at_cut`` says. Without ``labels``, the
    strata are named by where the marker is cut.
    """

    by: Literal["quantile", "value", "column"] = "quantile"
    cuts: list[Exact] = []
    quantile_type: Annotated[Whole, Field(ge=1, le=9)] = 7
    column: Optional = None
    at_cut: Literal["upper", "lower"] = "upper"
    reference: Literal["analysed", "everyone"] = "analysed"
    labels: list[Text] = []

    def name(self, marker: str) -> str:
        """Return what the strata are of: the ``marker``, or the column that states them."""
        return f"“{self.column}”" if self.by == "column" else marker

    def group(self, stratum: str, marker: str, noun: str = "") -> str:
        """Return a stratum with what it is of: ``T3 of p16`` after a noun, or ``p16 below 2`` where a cutoff's value names it."""
        by_value = self.by == "value" and self.labels == _labels(self)
        return f"{marker} {stratum}" if by_value else f"{noun} {stratum} of {self.name(marker)}".lstrip()

    @model_validator(mode="after")
    def _consistent(self):
        if self.by == "column":
            if not self.column:
                raise ValueError("by: column needs the key 'column', the name of the workbook's column")
            if not self.labels:
                raise ValueError("by: column needs 'labels', the values of the column, lowest stratum first")
            if self.cuts:
                raise ValueError("'cuts' do not go with by: column, which takes the strata as the workbook states them")
        elif self.column is not None:
            raise ValueError(f"the key 'column' goes with by: column, not with by: {self.by}")
        elif not self.cuts:
            kind = "quantiles such as 2/3" if self.by == "quantile" else "values of the marker, in its unit"
            raise ValueError(f"by: {self.by} needs 'cuts', one or more {kind}")
        elif any(low >= high for low, high in pairwise(self.cuts)):
            raise ValueError("'cuts' must increase")
        elif self.by == "quantile" and not all(0 < cut < 1 for cut in self.cuts):
            shown = ", ".join(cut.label for cut in self.cuts)
            raise ValueError(f"'cuts' of by: quantile must lie between 0 and 1, got {shown}")
        elif not self.labels:
            object.__setattr__(self, "labels", _labels(self))  # the model is frozen for everyone else
        elif len(self.labels) != len(self.cuts) + 1:
            raise ValueError(f"{len(self.cuts)} cuts make {len(self.cuts) + 1} strata, but 'labels' has {self.labels}")
        names = [" ".join(label.split()) for label in self.labels]  # blanks do not tell names apart in print
        different = {name for name in names if name}
        if len(different) < max(2, len(names)) or any(len(label.splitlines()) > 1 for label in self.labels):
            wanted = "two or more different one-line names, lowest stratum first"
            raise ValueError(f"'labels' must be {wanted}, got {self.labels}")
        if "all" in self.labels:
            raise ValueError("'labels' cannot contain 'all', the name of the whole group")
        return self


def _labels(rule: StrataRule) -> list[str]:
    """Name the strata by where the marker is cut, lowest first."""
    cuts = rule.cuts
    if rule.by == "value":
        words = [f"{float(cut):g}" for cut in cuts]
        if rule.at_cut == "upper":
            middle = [f"{low} to below {high}" for low, high in pairwise(words)]
            return [f"below {words[0]}", *middle, f"{words[-1]} and above"]
        middle = [f"above {low} to {high}" for low, high in pairwise(words)]
        return [f"up to {words[0]}", *middle, f"above {words[-1]}"]
    count = len(cuts) + 1
    if count > 2 and cuts == [Quantile(i, count) for i in range(1, count)]:
        return [f"{_KINDS.get(count, 'group')} {i} of {count}" for i in range(1, count + 1)]
    middle = [f"{low.percent} to {high.percent}" for low, high in pairwise(cuts)]
    return [f"lower {cuts[0].percent}", *middle, f"upper {Quantile(1 - cuts[-1]).percent}"]


class Outliers(Strict):
    """What happens to values beyond ``limit`` interquartile ranges from the quartiles of their arm."""

    rule: Literal["keep", "trim", "winsorise"] = "keep"
    limit: Annotated[Number, Field(gt=0)] = 3.0

    @model_validator(mode="after")
    def _consistent(self):
        if self.rule == "keep" and self.limit != Outliers.model_fields["limit"].default:
            raise ValueError("'limit' goes with rule: trim or winsorise; rule: keep leaves all values as they are")
        return self


class Analysis(Strict):
    """One named analysis; ``published`` is the paper's own."""

    name: str
    workbook: File
    sha256: Checksum = None
    mapping: OptionalFile = None
    marker: str
    strata: StrataRule = StrataRule(cuts=[Quantile(2, 3)])
    change: Literal["percent", "log_ratio", "difference"] = "percent"
    test: Literal[tuple(TESTS)] = "normal"  # type: ignore[valid-type]
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
        stems = [Path(part).stem for part in (self.workbook, self.mapping) if part]
        names = [re.sub(r"[^A-Za-z0-9_.+-]+", "_", stem)[:100].lstrip(".+-") for stem in stems]
        return "--".join(name or "workbook" for name in names)


class Settings(Strict):
    """The whole of ``config.yaml``."""

    trial: File
    published: OptionalFile = None
    figures: OptionalFile = None
    tables: OptionalFile = None
    reference: str = "published"
    analyses: dict[str, Analysis]
    robustness: Robustness = Robustness()


def load(content: Path | str | Mapping, *, sources: Sequence[Source] = (), home: Path | None = None) -> Settings:
    """Read and check a configuration: a YAML (or JSON) file, or its content.

    ``sources`` are what the content was put together from, the later before the earlier. One UserError names every unknown
    key, wrong type and value outside its range, each under the source that states it, or most of the way to it.

    ``home`` is the folder of a workflow. Files that are missing in the working directory are taken from there: so a
    workflow that is called from another folder finds its own data, and the user's files come first. The files must
    exist, and the trial must have the markers, outcomes and visits that are named.
    """
    if not isinstance(content, Mapping):
        sources = [(str(content), content := read_yaml(content))]
    settings, faults = _checked(dict(content), home)
    if settings and not faults:
        return settings
    sources, by_source = sources or [("config.yaml", content)], {}
    for fault in faults:
        place = fault.split(": ")[0] + "."
        # What no source states is missing in the first, the file.
        stating = [source for source in reversed(sources) if _stated(source[1], place)] or sources
        name, _ = max(stating, key=lambda source: _stated(source[1], place))
        by_source.setdefault(name, []).append(fault)
    raise UserError("\n".join(str(faults_error(name, by_source[name])) for name, _ in sources if name in by_source))


def _stated(content: Any, place: str) -> int:
    """Return how many letters of a place, such as ``analyses.published.exclude.0.``, lead to what a source states."""
    listed = dict(enumerate(content)) if isinstance(content, list) else content
    steps = {f"{key}.": inner for key, inner in listed.items()} if isinstance(listed, Mapping) else {}
    return max((len(s) + _stated(steps[s], place.removeprefix(s)) for s in steps if place.startswith(s)), default=0)


def _checked(content: dict[str, Any], home: Path | None) -> tuple[Settings | None, list[str]]:
    """Return the settings of a content, as far as it can be read, and its faults."""
    reference, analyses = str(content.get("reference", "published")), content.get("analyses")
    if not isinstance(analyses, Mapping) or not analyses:
        return None, ["analyses: expected one or more named analyses"]
    if unread := [name for name in analyses if name is None or isinstance(name, bool)]:
        return None, [f"analyses: YAML reads a name as {name}; put it in quotes" for name in unread]
    analyses = {str(name): entry for name, entry in analyses.items()}
    faults, taken = list[str](), set(RESERVED)
    for name, entry in analyses.items():
        faults += _entry_faults(name, entry, taken)
        taken.add(name.lower())  # some file systems do not tell case apart
    if reference not in analyses:
        faults.append(f"reference: no analysis is called {reference!r}{did_you_mean(reference, analyses)}")
    if faults:
        return None, faults
    content["analyses"] = {name: _inherit(analyses[reference], entry, name) for name, entry in analyses.items()}
    try:
        settings = Settings.model_validate(content, context=home)
    except ValidationError as error:
        faults, own = describe_faults(error, Settings), f"analyses.{reference}."
        # What an analysis inherits is reported once, where it is stated.
        stated = {fault.removeprefix(own) for fault in faults if fault.startswith(own)}
        return None, [f for f in faults if f.startswith(own) or f.split(".", 2)[-1] not in stated]
    faults = [*_clashing_workbooks(settings)]
    return settings, faults if faults or home is None else [*_missing(settings)]


def _missing(settings: Settings) -> Iterator[str]:
    """Name the files that do not exist, and the markers, outcomes and visits that the trial does not have.

    Snakemake alone would not do: where outputs of an earlier run exist, it passes over a rule whose input is missing.
    """
    from ..trial import load_trial

    files = {key: getattr(settings, key) for key in ("trial", "published", "figures", "tables")}
    for name, analysis in settings.analyses.items():
        files |= {f"analyses.{name}.{key}": getattr(analysis, key) for key in ("workbook", "mapping")}
    for place, file in files.items():
        if file and file != MADE and not Path(file).exists():
            yield f"{place}: {file!r} does not exist{ADDRESS if '://' in file else SEARCHED}"
        elif file and re.search(r"[{}<>\n]", file):
            yield f"{place}: {file!r}: Snakemake gives {{ }} < > in a file name a meaning of its own; rename the file"
    if Path(settings.trial).exists():
        for named in _named(settings, load_trial(settings.trial)):
            yield from describe_unknown(*named)


def _named(settings: Settings, trial: Trial) -> Iterator[tuple[str, Names, Iterable[str]]]:
    """Yield each place where names of the trial belong, the names that stand there, and those that the trial has."""
    visits, multiverse = list(trial.visits)[1:], settings.robustness.multiverse
    for name, analysis in settings.analyses.items():
        yield f"analyses.{name}.marker", [analysis.marker], trial.markers
        yield f"analyses.{name}.outcomes", analysis.outcomes, trial.outcomes
        yield f"analyses.{name}.visits", analysis.visits, visits
    yield "robustness.multiverse.markers", multiverse.markers, trial.markers
    changing = {key: outcome for key, outcome in trial.outcomes.items() if outcome.follow_up}
    groups = [*changing, *dict.fromkeys(outcome.family for outcome in changing.values())]
    families = ((f"families.{name}", family, groups) for name, family in settings.robustness.families.items())
    for place, section, outcomes in (*families, ("multiverse", multiverse, changing)):
        yield f"robustness.{place}.outcomes", section.outcomes, outcomes
        yield f"robustness.{place}.visits", section.visits, visits


def for_step(settings: Settings, analysis: str, *sections: str, cuts: bool = True) -> dict[str, Any]:
    """Return one analysis and the named sections, which :func:`load` accepts as a configuration.

    A step of the workflow tracks no more than what it depends on, so that editing one thing reruns no other. A section is
    a key of the configuration, or a part of one: ``robustness.seed``. ``cuts`` tells whether the step depends on where
    the marker is cut and what the strata are called.
    """
    wanted: dict[str, Any] = {"trial": True, "published": True}
    for name, _, part in (section.partition(".") for section in sections):
        wanted[name] = wanted.get(name, {}) | {part: True} if part else True
    content = settings.model_dump(mode="json", include=wanted)
    left_out = None if cuts else {"strata": {"cuts", "labels"}}
    chosen = settings.analyses[analysis].model_dump(mode="json", exclude=left_out)
    return {**content, "reference": analysis, "analyses": {analysis: chosen}}


def search_id(analysis: Analysis) -> str:
    """Name the folder of results/every_cut/ that an analysis shares with those that differ in marker and strata alone."""
    content = analysis.model_dump(mode="json", exclude={"name", "sha256", "marker", "strata"})
    text = json.dumps(content | {"at_cut": analysis.strata.at_cut}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _inherit(base: Mapping, entry: Mapping, name: str) -> dict[str, Any]:
    """Complete an entry with the settings of the reference analysis that it does not state."""
    merged = {**base, **entry, "name": name}
    if isinstance(base.get("strata"), Mapping) and isinstance(entry.get("strata"), Mapping):
        inherited, own = base["strata"], entry["strata"]
        changed = {key for key in own if str(own[key]) != str(inherited.get(key))}
        lost = {"labels"} if changed & {"by", "cuts", "column"} else set()  # they name the strata of other cuts
        if "by" in changed:
            lost |= {"cuts", "column"}  # those of one kind mean nothing to another
        merged["strata"] = {key: value for key, value in inherited.items() if key not in lost} | own
    if isinstance(base.get("outliers"), Mapping) and isinstance(entry.get("outliers"), Mapping):
        own = entry["outliers"]
        merged["outliers"] = own if own.get("rule") == "keep" else {**base["outliers"], **own}
    return merged


def _entry_faults(name: str, entry: Any, taken: set[str]) -> Iterable[str]:
    if name.lower() in taken:
        yield f"analyses.{name}: this name is taken by a folder of results/, whatever its case; choose another"
    elif not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}", name):
        expected = "a letter or digit, then letters, digits and _ . + -, 100 characters at most"
        yield f"analyses.{name[:100]}: a name is a folder: {expected}"
    if entry is None:
        yield f"analyses.{name}: no value; state what differs from the reference, or {{}} if nothing does"
    elif not isinstance(entry, Mapping):
        yield f"analyses.{name}: {entry!r}: expected keys with values of their own"


def _clashing_workbooks(settings: Settings) -> Iterable[str]:
    seen: dict[str, tuple] = {}
    for analysis in settings.analyses.values():
        files = (analysis.workbook, analysis.mapping)
        other = seen.setdefault(analysis.workbook_id.lower(), files)
        if other != files:
            yield (
                f"analyses.{analysis.name}.workbook: {analysis.workbook!r} and {other[0]!r} have the same file name, and "
                f"would share a folder of results/workbooks/; rename one"
            )


def as_yaml(settings: Settings, analysis: str) -> str:
    """Return the configuration of one analysis, and of the reference, as used, defaults included; :func:`load` accepts it."""
    import yaml

    entries = {name: settings.analyses[name] for name in (settings.reference, analysis)}
    used = settings.model_copy(update={"analyses": entries})
    content = used.model_dump(mode="json", exclude={"analyses": {"__all__": {"name"}}})
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=88)
