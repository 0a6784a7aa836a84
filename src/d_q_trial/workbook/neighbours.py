"""Judge columns of a block by those beside them: bare numbers as weeks, ids, baselines, one of each role."""

from __future__ import annotations

import re

from ..participants import VALUE
from ..trial import BASELINE, Trial
from .columns import Content
from .forms import code_form
from .lexicon import fold
from .plan import (
    ARM,
    DATA,
    IGNORE,
    INFERRED,
    PARTICIPANT,
    UNSURE,
    VARIABLE,
    VISIT,
    Column,
    Plan,
)
from .recognise import Reading

_SAMPLE = re.compile(r"sample|specimen|aliquot|tube|barcode")


def bare_weeks(plan: Plan, readings: list[Reading]) -> None:
    """Accept numbers behind names as weeks only if a variable has several, all of them weeks of the trial."""
    weeks: dict[str, set[str]] = {}
    others = {name for reading in readings if reading.unknown_visit for name in reading.candidates}
    for reading in readings:
        if reading.bare_week and reading.variable and reading.visit:
            weeks.setdefault(reading.variable, set()).add(reading.visit)
    for column, reading in zip(plan.columns, readings, strict=True):
        if not reading.bare_week:
            continue
        if len(weeks[reading.variable]) < 2 or reading.variable in others:
            column.role, column.confidence = IGNORE, UNSURE
            column.why = "the number behind the name may be a week, or not"
        else:
            column.confidence, column.why = INFERRED, "the number behind the name read as a week"


def follow_up_in_rows(plan: Plan, readings: list[Reading], trial: Trial) -> None:
    """Read columns such as "CTx follow-up" beside "CTx baseline" at the visit that each row names."""
    if plan.one(VISIT) is None:
        return
    for column, reading in zip(plan.columns, readings, strict=True):
        outcome = trial.outcomes.get(reading.variable or "")
        if outcome and outcome.follow_up and (reading.unknown_visit or "").startswith("follow"):
            column.role, column.confidence, column.why = DATA, INFERRED, "follow-up read as the visit of each row"


def ids_by_content(plan: Plan, contents: list[Content]) -> None:
    """Take a column for the ids whose header is not understood, if only it holds one code of a form per row."""
    if plan.one(PARTICIPANT) or not any(column.role == DATA and column.variable for column in plan.columns):
        return
    fitting = [c for c in plan.columns if c.role == IGNORE and not c.candidates and _is_code(contents[c.index])]
    if len(fitting) == 1:
        column = fitting[0]
        column.role, column.confidence, column.why = PARTICIPANT, INFERRED, "one code per row, read as participant ids"


def _is_code(content: Content) -> bool:
    """Tell whether cells are numbered codes such as S01, P-02: all different, with the same letters."""
    forms = [code_form(value) if isinstance(value, str) else None for value in content.distinct]
    letters = {form.prefix for form in forms if form}
    return content.used == len(forms) > 2 and all(forms) and len(letters) == 1 and letters != {""}


def baseline_by_elimination(plan: Plan, trial: Trial) -> None:
    """Take a column without a visit for the baseline if every later visit of its variable has a column beside it."""
    if plan.visit or plan.one(VISIT):
        return
    by_variable: dict[str, list[Column]] = {}
    for column in plan.having(DATA):
        if column.variable in trial.outcomes and column.measure == VALUE and not column.arm:
            by_variable.setdefault(column.variable, []).append(column)
    for variable, columns in by_variable.items():
        later = trial.outcomes[variable].follow_up
        without = [column for column in columns if column.visit is None]
        if later and len(without) == 1 and sorted(c.visit for c in columns if c.visit) == sorted(later):
            without[0].visit, without[0].confidence = BASELINE, INFERRED
            without[0].why = "no visit named; the baseline, because all later visits have columns of their own"


def one_of_each_role(plan: Plan, contents: list[Content]) -> None:
    """Keep one column for each role that a row can have only once; of several ids, that which parts most people."""
    for role in (PARTICIPANT, ARM, VISIT, VARIABLE):
        columns = plan.having(role)
        if role == PARTICIPANT:
            # A sample is not a participant: one may have several.
            columns.sort(key=lambda c: (bool(_SAMPLE.search(fold(c.label))), -len(contents[c.index].distinct)))
        keep = next((c for c in columns if c.confidence != UNSURE), columns[0] if columns else None)
        for column in columns:
            if column is not keep:
                column.role = IGNORE
                column.why = f"the {role} is taken from column {plan.block.address(0, keep.index)}"
