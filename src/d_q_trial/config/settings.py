"""The analyst's choices: ``config.yaml`` as typed settings, in which every unknown key is an error."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, model_validator

from ..errors import UserError, describe_unknown, did_you_mean
from ..files import find_file
from ..stats.two_sample import TESTS, get_test, rank_sum_variants
from ..trial import Trial, load_trial
from . import validation
from .validation import Exact, NameList, Number, OptionalText, Quantile, Share, StrictModel, must_match, read_yaml

# Folders of results/ that are not analyses.
RESERVED = (
    *("calibration", "compare", "consistency", "every_cut", "full_size", "left_over", "logs"),
    *("reconstructed", "workbooks"),
)
# The only workbook that a rule can make; all others must exist.
RECONSTRUCTED_WORKBOOK = "results/reconstructed/cohort.xlsx"
SEARCHED_FOLDERS = " in the working directory or beside the Snakefile"
URL_HINT = "; an address is not downloaded: save the file in a browser and name it here"
_FOLDER = "a letter or digit, then letters, digits and _ . + -, 100 characters at most, since a folder has this name"
_AnalysisName = Annotated[str, must_match(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}", _FOLDER)]
# The name of a configuration file or of the command line, and the keys that it sets.
Source = tuple[str, Mapping]


def _check_file(path: str | None, info: ValidationInfo) -> str | None:
    """Check that a file exists, and return its path, in the folder that is the context if not in the working directory.

    Snakemake's own check is not enough: it ignores a missing input if the outputs of an earlier run exist. Without a
    context, nothing is checked.
    """
    if info.context is None or path in (None, RECONSTRUCTED_WORKBOOK):
        return path
    if not Path(found := find_file(path, info.context)).exists():
        raise ValueError(f"no such file{URL_HINT if '://' in path else SEARCHED_FOLDERS}")
    if re.search(r"[{}<>\n]", found):
        raise ValueError("Snakemake gives { } < > in a file name a meaning of its own; rename the file")
    return found


File = Annotated[str, must_match(r".*\S.*", "the path of a file"), AfterValidator(_check_file)]
OptionalFile = Annotated[OptionalText, AfterValidator(_check_file)]
Checksum = Annotated[OptionalText, must_match("[0-9A-Fa-f]{64}", "a SHA-256 checksum, 64 hexadecimal digits")]


# Labels of the lowest stratum, those between two cutoffs, and the highest: of quantiles, or of values by ``at_cut``.
_LABELS = {
    "": ("lower {}", "{} to {}", "upper {}"),
    "upper": ("below {}", "{} to below {}", "{} and above"),
    "lower": ("up to {}", "above {} to {}", "above {}"),
}


class StrataRule(StrictModel):
    """Rule that divides the participants into strata by a marker.

    ``by: quantile`` cuts at quantiles of the marker (``cuts`` between 0 and 1), ``by: value`` at values in its
    unit; ``by: column`` takes the strata from a column of the workbook. Markers and cutoffs are compared after rounding to
    ten significant digits; ``at_cut`` is the stratum of a value equal to a cutoff. Without ``labels``, the strata are
    named after their cutoffs.
    """

    by: Literal["quantile", "value", "column"] = "quantile"
    cuts: list[Exact] = []
    quantile_type: Annotated[int, Field(ge=1, le=9)] = 7
    column: OptionalText = None
    at_cut: Literal["upper", "lower"] = "upper"
    reference: Literal["analysed", "everyone"] = "analysed"
    labels: list[str] = []

    def name(self, marker: str) -> str:
        """Return the name of what is divided into strata: the ``marker``, or the quoted column of the workbook."""
        return f"“{self.column}”" if self.by == "column" else marker

    def group(self, stratum: str, marker: str, noun: str = "") -> str:
        """Return a stratum and its marker: ``p16 below 2`` if the label states the cutoff, else ``T3 of p16`` after a noun."""
        if self.by == "value" and self.labels == _label_strata(self):
            return f"{marker} {stratum}"
        quoted = f"“{stratum}”" if noun and stratum.islower() else stratum  # words, such as above
        return f"{noun} {quoted} of {self.name(marker)}".lstrip()

    @model_validator(mode="after")
    def _check_consistency(self):
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
            cuts = ", ".join(cut.label for cut in self.cuts)
            raise ValueError(f"'cuts' of by: quantile must lie between 0 and 1, got {cuts}")
        elif not self.labels:
            object.__setattr__(self, "labels", _label_strata(self))  # the model is frozen
        elif len(self.labels) != len(self.cuts) + 1:
            raise ValueError(f"{len(self.cuts)} cuts make {len(self.cuts) + 1} strata, but 'labels' has {self.labels}")
        names = [" ".join(label.split()) for label in self.labels]  # pages merge repeated spaces
        taken = {"", "all", "each", "descending", "lowest", "highest"}  # words in lists of figures, tables and families
        taken -= ({names[0]} & {"lowest"}) | ({names[-1]} & {"highest"})
        if len({*names} - taken) < max(2, len(names)) or any(len(label.splitlines()) > 1 for label in self.labels):
            expected = "two or more different one-line names, lowest stratum first"
            reserved = "all, each and descending are reserved; lowest and highest name only the first and last stratum"
            raise ValueError(f"'labels' must be {expected}, got {self.labels}; {reserved}")
        return self


def _label_strata(rule: StrataRule) -> list[str]:
    """Name the strata after their cutoffs, lowest first."""
    first, middle, last = _LABELS["" if rule.by == "quantile" else rule.at_cut]
    cuts = [cut.percent if rule.by == "quantile" else f"{float(cut):g}" for cut in rule.cuts]
    highest = Quantile(1 - rule.cuts[-1]).percent if rule.by == "quantile" else cuts[-1]
    return [first.format(cuts[0]), *(middle.format(*pair) for pair in pairwise(cuts)), last.format(highest)]


class Outliers(StrictModel):
    """Rule for values beyond ``limit`` interquartile ranges from the quartiles of their arm."""

    rule: Literal["keep", "trim", "winsorise"] = "keep"
    limit: Annotated[Number, Field(gt=0)] = 3.0

    @model_validator(mode="after")
    def _check_limit(self):
        if self.rule == "keep" and self.limit != Outliers.model_fields["limit"].default:
            raise ValueError("'limit' goes with rule: trim or winsorise; rule: keep leaves all values as they are")
        return self


class Analysis(StrictModel):
    """One named analysis; ``published`` is the analysis of the paper."""

    name: str
    workbook: File
    sha256: Checksum = None
    mapping: OptionalFile = None
    marker: str
    strata: StrataRule = StrataRule(cuts=[Quantile(2, 3)])
    change: Literal["percent", "log_ratio", "difference"] = "percent"
    test: Literal[tuple(TESTS)] = "normal"  # type: ignore[valid-type]
    quartile_type: Annotated[int, Field(ge=1, le=9)] = 7
    alpha: Annotated[Number, Field(ge=1e-10, le=0.999)] = 0.05  # so that no text rounds it, or the level, to 0 or 1
    outcomes: NameList = "all"
    visits: NameList = "all"
    exclude: list[str] = []
    outliers: Outliers = Outliers()

    @property
    def measure(self) -> str:
        """Name of the change from baseline in the tables."""
        return {"percent": "percent_change"}.get(self.change, self.change)

    @property
    def workbook_id(self) -> str:
        """Name of the participants' folder in results/workbooks/, shared by analyses of the same workbook and mapping."""
        stems = [Path(part).stem for part in (self.workbook, self.mapping) if part]
        names = [re.sub(r"[^A-Za-z0-9_.+-]+", "_", stem)[:100].lstrip(".+-") for stem in stems]
        return "--".join(name or "workbook" for name in names)


def _check_folders(analyses: dict[str, Analysis]) -> dict[str, Analysis]:
    """Check that no two analyses, and no two workbooks, share a folder of results/; some file systems ignore case."""
    counts = Counter(name.lower() for name in (*RESERVED, *analyses))
    if taken := [name for name in analyses if counts[name.lower()] > 1]:
        raise ValueError(f"{', '.join(taken)}: taken by a folder of results/, whatever its case; choose another name")
    first_by_folder: dict[str, Analysis] = {}
    for name, analysis in analyses.items():
        first = first_by_folder.setdefault(analysis.workbook_id.lower(), analysis)
        if (first.workbook, first.mapping) != (analysis.workbook, analysis.mapping):
            files = f"{analysis.workbook!r} and {first.workbook!r}"
            shared = "have the same file name, and would share a folder of results/workbooks/; rename one"
            raise ValueError(f"{name}.workbook: {files} {shared}")
    return analyses


def _choose_among(*names: str) -> Any:
    """Return the type of a list of one or more of the names; the default is all of them."""
    return Annotated[list[Literal[names]], Field(min_length=1, default=list(names))]  # type: ignore[valid-type]


class Windows(StrictModel):
    """Windows that slide along a marker: the width and the step of a window, as shares of the participants."""

    share: Annotated[Number, Field(gt=0, le=1)] = 1 / 3
    step: Annotated[Number, Field(gt=0, le=1)] = 1 / 20

    @model_validator(mode="after")
    def _check_step(self):
        if self.step > self.share:
            raise ValueError(f"'step' must not exceed 'share', or windows would skip participants, got {self.step:g}")
        return self


class Family(StrictModel):
    """Tests whose P-values are adjusted together.

    ``outcomes`` holds keys of outcomes or of outcome families. ``strata`` names the strata of the analysis by their
    rank, so that a family fits every analysis: ``all`` is all participants, ``each`` every stratum.
    """

    outcomes: NameList = "all"
    visits: NameList = "all"
    strata: Annotated[list[Literal["all", "highest", "lowest", "each"]], Field(min_length=1)] = ["all"]


class Multiverse(StrictModel):
    """Analytical choices of the multiverse; a specification combines one of each.

    ``outcomes`` gives the favourable direction of a change. The groups are all participants (``overall``) and, for each of
    the ``markers``, the participants at or above each quantile in ``cuts``.
    """

    outcomes: dict[str, Literal["higher", "lower"]] = {}
    visits: NameList = "all"
    markers: NameList = "all"
    cuts: list[Share] = [Quantile(1, 2), Quantile(3, 5), Quantile(2, 3), Quantile(3, 4)]
    overall: bool = True
    changes: _choose_among("percent", "log_ratio", "difference")
    tests: _choose_among(*(name for name in rank_sum_variants() if not get_test(name).for_many))  # P follows from z
    outliers: _choose_among("keep", "trim", "winsorise")
    outlier_limit: Annotated[Number, Field(gt=0)] = 3.0
    missing: _choose_among("available", "last_carried_forward", "no_change")
    populations: _choose_among("intention_to_treat", "completers")


class Robustness(StrictModel):
    """Seed, size and scope of the analyses by permutation."""

    seed: Annotated[int, Field(ge=0, lt=2**64)] = 20240722
    permutations: Annotated[int, Field(ge=99)] = 1999
    full_permutations: Annotated[int, Field(ge=99)] = 99_999
    simulated_trials: Annotated[int, Field(ge=1)] = 1000  # per scenario, in `snakemake --cores 4 calibration`
    memory_mb: Annotated[int, Field(ge=64)] = 512
    shards: Annotated[int, Field(ge=1)] = 1
    minimum_per_arm: Annotated[int, Field(ge=2)] = 6
    windows: Windows = Windows()
    families: dict[str, Family] = {}
    multiverse: Multiverse = Multiverse()


class Settings(StrictModel):
    """All settings of ``config.yaml``."""

    trial: File
    published: OptionalFile = None
    figures: OptionalFile = None
    tables: OptionalFile = None
    reference: str = "published"
    analyses: Annotated[dict[_AnalysisName, Analysis], AfterValidator(_check_folders)]
    robustness: Robustness = Robustness()


def load(content: Path | str | Mapping | list[Source], home: Path | None = None) -> Settings:
    """Read and check a configuration: a YAML (or JSON) file, its content, or parts, of which later ones override earlier ones.

    One UserError lists every unknown key, wrong type and value out of range, each under the part that introduces it.

    ``home`` is the folder of a workflow that may be called from another folder. Files that are missing in the working
    directory are taken from there. The files must then exist, and the trial must have the markers, outcomes and visits
    that are named.
    """
    content = content or {}
    if not isinstance(content, list):
        content = [("config.yaml", content) if isinstance(content, Mapping) else (str(content), read_yaml(content))]
    merged, origins = {}, dict[str, str]()  # the part by which each fault was introduced
    for name, part in content:
        merged = _merge(merged, part)
        settings, faults = _validate(merged, home)
        origins = {fault: origins.get(fault, name) for fault in faults}
    listed = {name: [fault for fault in origins if origins[fault] == name] for name, _ in content}
    if messages := [str(validation.faults_error(name, faults)) for name, faults in listed.items() if faults]:
        raise UserError("\n".join(messages))
    return settings


def _merge(base: Mapping, changes: Mapping) -> dict[str, Any]:
    """Return a mapping with the changes made, also in the mappings that it contains."""
    both = [key for key in changes if isinstance(changes[key], Mapping) and isinstance(base.get(key), Mapping)]
    return {**base, **changes, **{key: _merge(base[key], changes[key]) for key in both}}


def _validate(content: Mapping, home: Path | None) -> tuple[Settings | None, list[str]]:
    """Return the settings in a content, None if it cannot be read, and its faults."""
    reference, analyses = str(content.get("reference", "published")), content.get("analyses")
    prefix = f"analyses.{reference}."
    if isinstance(analyses, Mapping) and analyses:
        analyses = {str(name): entry for name, entry in analyses.items()}
        if reference not in analyses:
            return None, [f"reference: no analysis is called {reference!r}{did_you_mean(reference, analyses)}"]
        base = analyses[reference]
        if not isinstance(base, Mapping):  # then what the others inherit is unknown
            analyses = {reference: base}
        content = {**content, "analyses": {name: _inherit(base, entry, name) for name, entry in analyses.items()}}
    elif "analyses" in content:
        return None, ["analyses: expected one or more named analyses"]
    try:
        settings = Settings.model_validate(content, context=home)
    except ValidationError as error:
        faults = validation.describe_faults(error, Settings)
        # A fault that analyses inherit is reported once, for the reference.
        inherited = {fault.removeprefix(prefix) for fault in faults if fault.startswith(prefix)}
        return None, [f for f in faults if f.startswith(prefix) or f.split(".", 2)[-1] not in inherited]
    return settings, [*_check_names(settings, load_trial(settings.trial))] if home else []


def _check_names(settings: Settings, trial: Trial) -> Iterator[str]:
    """Describe the names of markers, outcomes and visits in the settings that the trial does not have."""
    visits, multiverse = list(trial.visits)[1:], settings.robustness.multiverse
    for name, analysis in settings.analyses.items():
        yield from describe_unknown(f"analyses.{name}.marker", [analysis.marker], trial.markers)
        yield from describe_unknown(f"analyses.{name}.outcomes", analysis.outcomes, trial.outcomes)
        yield from describe_unknown(f"analyses.{name}.visits", analysis.visits, visits)
    yield from describe_unknown("robustness.multiverse.markers", multiverse.markers, trial.markers)
    changing = {key: outcome for key, outcome in trial.outcomes.items() if outcome.follow_up}
    with_families = [*changing, *dict.fromkeys(outcome.family for outcome in changing.values())]
    families = ((f"families.{name}", family, with_families) for name, family in settings.robustness.families.items())
    for place, section, outcomes in (*families, ("multiverse", multiverse, changing)):
        yield from describe_unknown(f"robustness.{place}.outcomes", section.outcomes, outcomes)
        yield from describe_unknown(f"robustness.{place}.visits", section.visits, visits)


def for_step(settings: Settings, analysis: str, *sections: str, cuts: bool = True) -> dict[str, Any]:
    """Return one analysis and the named sections, as a configuration that :func:`load` accepts.

    A step of the workflow tracks only the settings that it depends on, so that editing others does not rerun it. A
    section is a key of the configuration or a part of one, such as ``robustness.seed``. ``cuts`` is False for a step that
    does not depend on the cutoffs and names of the strata.
    """
    included: dict[str, Any] = {"trial": True, "published": True}
    for name, _, part in (section.partition(".") for section in sections):
        included[name] = included.get(name, {}) | {part: True} if part else True
    content = settings.model_dump(mode="json", include=included)
    excluded = None if cuts else {"strata": {"cuts", "labels"}}
    entry = settings.analyses[analysis].model_dump(mode="json", exclude=excluded)
    return {**content, "reference": analysis, "analyses": {analysis: entry}}


def search_id(analysis: Analysis) -> str:
    """Return the name of the folder in results/every_cut/ that analyses share which differ only in marker and strata."""
    content = analysis.model_dump(mode="json", exclude={"name", "sha256", "marker", "strata"})
    text = json.dumps(content | {"at_cut": analysis.strata.at_cut}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _inherit(base: Any, entry: Any, name: str) -> Any:
    """Complete an entry, unless it is no mapping, with the settings of the reference analysis that it does not set."""
    if not (isinstance(base, Mapping) and isinstance(entry, Mapping)):
        return entry
    base, rule, outliers = dict(base), entry.get("strata"), entry.get("outliers")
    if isinstance(rule, Mapping) and isinstance(base.get("strata"), Mapping):
        inherited = {"by": "quantile", **base["strata"]}
        changed = {key for key in rule if _as_read(rule[key]) != _as_read(inherited.get(key))}
        # Labels name the strata of their cuts; cuts and columns have no meaning under another kind of rule.
        depends_on = {"labels": {"by", "cuts", "column"}, "cuts": {"by"}, "column": {"by"}}
        kept = [key for key in base["strata"] if not changed & depends_on.get(key, set())]
        base["strata"] = {key: base["strata"][key] for key in kept}
    if isinstance(outliers, Mapping) and outliers.get("rule") == "keep":
        base.pop("outliers", None)  # its limit has no meaning if all values are kept
    return _merge(base, {**entry, "name": name})


def _as_read(value: Any) -> Any:
    """Return the value of a key for comparison: as quantiles, because 3/4 and 0.75 are the same, or else as text."""
    try:
        return [validation.parse_quantile(cut) for cut in value]
    except (TypeError, ValueError):
        return str(value)


def as_yaml(settings: Settings, analysis: str) -> str:
    """Return the settings of one analysis and of the reference, with defaults, as YAML that :func:`load` accepts."""
    entries = {name: settings.analyses[name] for name in (settings.reference, analysis)}
    used = settings.model_copy(update={"analyses": entries})
    content = used.model_dump(mode="json", exclude={"analyses": {"__all__": {"name"}}})
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=88)
