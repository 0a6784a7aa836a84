"""The trial file: arms, visits, outcomes and markers of a trial, read from YAML."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from .config.validation import Number, Pair, Share, StrictModel, must_match, read_yaml, validate_content
from .errors import did_you_mean

BASELINE = "baseline"

Name = Annotated[str, must_match("[A-Za-z0-9_-]+", "letters, digits, - and _")]
_NAME = "letters, digits and _ . + -, since files are named by it, and at most 100 of them"
Key = Annotated[str, must_match(r"\w[\w.+-]{0,99}", _NAME)]
_PLAIN = r"(?=.*\S)[^{}\x00-\x08\x0b-\x1f\x7f\ufeff]*"
Label = Annotated[str, must_match(_PLAIN, "text without braces, which mark placeholders, or control codes; not blank")]
Unit = Annotated[str, must_match(r"[^{}\x00-\x1f\x7f\ufeff]*", "text without braces or control codes")]
Decimals = Annotated[int, Field(ge=0, le=12)]


class _Named(StrictModel):
    key: Key
    label: Label
    names: list[str] = []  # other spellings in workbooks


class Arm(_Named):
    """A randomized group."""


class Visit(_Named):
    """A time of measurement; the first one is the baseline."""

    week: Number | None = None  # 3/7 is day 3


class Outcome(_Named):
    """A measured variable of the participants."""

    unit: Unit = ""
    decimals: Decimals = 1  # in tables
    family: str
    kind: Literal["continuous", "binary"] = "continuous"
    yes_names: list[str] = []  # spellings of a binary outcome in workbooks, if not yes and no or 1 and 0
    no_names: list[str] = []
    follow_up: list[str] = []  # visits after baseline at which it is measured
    table_1: bool = False
    plausible: Pair | None = None  # range in this unit; the unit or the values are questioned outside it

    @property
    def answers(self) -> dict[str, float]:
        """The number that each lower-case spelling of an answer means; empty if the trial uses the usual answers."""
        return {name.casefold(): 1.0 for name in self.yes_names} | {name.casefold(): 0.0 for name in self.no_names}


class Marker(_Named):
    """A baseline variable that divides the participants into strata."""

    unit: Unit = ""
    plausible: Pair | None = None


class Endpoint(StrictModel):
    """The change of an outcome from baseline to a visit."""

    outcome: str
    visit: str


class Population(StrictModel):
    """A sample of people outside the trial, in which the markers are correlated with age."""

    label: str
    names: list[str] = []
    age: str
    cut_age: float  # divides the sample into people younger than this and the others


def _keyed(entries: Any) -> Any:
    """Add its key to each entry, so that the file need not repeat it."""
    if not isinstance(entries, dict):
        return entries
    return {str(k): {"key": str(k), **entry} if isinstance(entry, dict) else entry for k, entry in entries.items()}


class Arms(StrictModel):
    """The two arms that are compared (treated minus control), and the other arms in the workbook."""

    treated: Arm
    control: Arm
    others: list[Arm] = []


class Trial(StrictModel):
    """The description of a trial."""

    name: Name
    title: Label
    citation: Annotated[str, must_match(r"(?s).*\S.*", "where the trial was published, or that it was not")]
    registration: str = ""
    arms: Arms
    visits: Annotated[dict[str, Visit], BeforeValidator(_keyed)]
    families: dict[Key, Label]
    outcomes: Annotated[dict[str, Outcome], BeforeValidator(_keyed)]
    markers: Annotated[dict[str, Marker], BeforeValidator(_keyed), Field(min_length=1)]
    # Quantiles that divide the markers in the article; a value at a cutoff is in the higher stratum.
    cuts: list[Share] = []
    stratum_labels: list[str] = []  # names of these strata in the article, lowest first
    population: Population | None = None
    primary: Endpoint | None = None
    id_names: list[str] = []
    missing: list[str] = []  # codes for a missing value in the workbook, in addition to the usual ones

    @model_validator(mode="after")
    def _consistent(self):
        if (first := next(iter(self.visits), None)) != BASELINE:
            raise ValueError(f"'visits' must begin with the key 'baseline'; the first is {first!r}")
        arms = (self.arms.treated, self.arms.control, *self.arms.others)
        groups = {"visits": self.visits, "outcomes": self.outcomes, "markers": self.markers}
        for kind, entries in [("arms", arms), *((kind, group.values()) for kind, group in groups.items())]:
            counts = Counter((field, getattr(entry, field)) for entry in entries for field in ("key", "label"))
            if repeated := [f"{field} {value!r}" for (field, value), count in counts.items() if count > 1]:
                raise ValueError(f"{kind!r}: several have the {' and the '.join(repeated)}")
        weeks = [visit.week for visit in self.visits.values() if visit.week is not None]
        if weeks != sorted(set(weeks)):
            raise ValueError(f"'visits' must follow each other in time; their weeks are {weeks}")
        if not any(outcome.follow_up for outcome in self.outcomes.values()):
            raise ValueError("'outcomes': none has 'follow_up', so there is no change from baseline to compare")
        if self.cuts != sorted(set(self.cuts)):
            raise ValueError("'cuts' must increase")
        if self.stratum_labels and len(self.stratum_labels) != len(self.cuts) + 1:
            raise ValueError(f"'stratum_labels' needs {len(self.cuts) + 1} labels for {len(self.cuts)} cuts")
        for outcome in self.outcomes.values():
            place = f"outcomes.{outcome.key}"
            if outcome.follow_up != [key for key in self.visits if key in outcome.follow_up and key != BASELINE]:
                expected = "expected keys of 'visits' after baseline, in their order"
                raise ValueError(f"{place}.follow_up: {outcome.follow_up}: {expected}")
            if outcome.kind == "binary" and outcome.follow_up:
                raise ValueError(f"{place}.follow_up: a binary outcome is compared at baseline only")
            if bool(outcome.yes_names) != bool(outcome.no_names) or (outcome.yes_names and outcome.kind != "binary"):
                raise ValueError(f"{place}: 'yes_names' and 'no_names' belong together, with kind: binary")
            if shared := {*map(str.casefold, outcome.yes_names)} & {*map(str.casefold, outcome.no_names)}:
                raise ValueError(f"{place}: {shared.pop()!r} is among both 'yes_names' and 'no_names'")
            if outcome.family not in self.families:
                raise ValueError(f"{place}.family: {outcome.family!r} is not among 'families'")
        if self.population and (age := self.population.age) not in self.outcomes:
            raise ValueError(f"'population': the trial has no outcome {age!r}{did_you_mean(age, self.outcomes)}")
        if self.primary and self.primary.visit not in getattr(self.outcomes.get(self.primary.outcome), "follow_up", ()):
            raise ValueError(f"'primary': {self.primary.outcome!r} is not measured at {self.primary.visit!r}")
        return self

    @property
    def contrast(self) -> str:
        """The name of the comparison of arms, which also states its direction."""
        return f"{self.arms.treated.key} - {self.arms.control.key}"

    @property
    def analysed_arms(self) -> dict[str, Arm]:
        """The two compared arms, treated first."""
        return {arm.key: arm for arm in (self.arms.treated, self.arms.control)}

    @property
    def every_arm(self) -> dict[str, Arm]:
        """All arms of the workbook, the compared arms first."""
        return self.analysed_arms | {arm.key: arm for arm in self.arms.others}

    def changes_of(self, family: str, only: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Return the outcomes of a family, or ``only`` some of them, with each visit at which their change is measured."""
        members = [outcome for outcome in self.outcomes.values() if outcome.family == family]
        return [(o.key, visit) for o in members if not only or o.key in only for visit in o.follow_up]

    def variable_label(self, key: str) -> str:
        """Return the label of an outcome or marker."""
        return (self.outcomes.get(key) or self.markers[key]).label


def check_known(name: str, info: ValidationInfo, group: str) -> str:
    """Check that the trial, which is the context of the validation, has this key in a group such as ``outcomes``."""
    if info.context and name and name not in (entries := getattr(info.context, group)):
        raise ValueError(f"the trial has no {name!r}{did_you_mean(name, entries)}")
    return name


# Keys in a list of figures or tables, or in the design of a cohort, checked against the trial.
ArmKey, OutcomeKey, FamilyKey, VisitKey, MarkerKey = (
    Annotated[str, AfterValidator(partial(check_known, group=group))]
    for group in ("analysed_arms", "outcomes", "families", "visits", "markers")
)


def load_trial(path: Path | str) -> Trial:
    """Read a trial file; UserError if it is not YAML or does not describe a trial, with every fault named."""
    return validate_content(Trial, read_yaml(path), path)
