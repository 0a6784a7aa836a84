"""Write the mapping that a workbook was read by, as a mapping file to complete."""

import itertools
import json
import re

from ..pages import template_engine
from ..participants import PERCENT_CHANGE, POPULATION, VALUE
from ..trial import BASELINE, Trial
from .inspect import describe_kind, describe_number_columns
from .mapping import CODE_SECTIONS, READABLE, TO_FILL_IN, BlockPlan, Column
from .reader import WorkbookReading

MAX_BLOCKS = 40  # that were not understood
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UNQUOTED = re.compile(r"(?!(?:y|n|no|on|off|yes|true|false|null)$)[a-z][\w+]*", re.I)


def render_mapping(reading: WorkbookReading) -> str:
    """Return the mapping file, as commented YAML."""
    trial = reading.trial
    readable = [p for p in reading.plans if p.readable] or [p for p in reading.plans if p.kind in READABLE]
    unread = [plan for plan in reading.plans if plan not in readable]
    unknown = [p for p in unread if p.kind not in ("note", "codebook") and describe_number_columns(p)][:MAX_BLOCKS]
    panel_groups = itertools.groupby(readable, key=lambda plan: _panel_layout(plan, trial))
    spellings = {CODE_SECTIONS[role]: reading.collect_spellings(role) for role in ("arm", "visit", "variable")}
    content = {
        "reading": reading,
        "codes": spellings | {"strata": reading.policy.strata},
        "blocks": [_block_entry(list(panels), trial) for _, panels in panel_groups],
        "unread": unread,
        "unknown": [_block_entry([plan], trial) for plan in unknown],
    }
    helpers = {"quoted": _quote, "plain": _to_yaml, "comment": _to_comment, "kind_of": describe_kind}
    return template_engine().get_template("mapping.yaml.j2").render(**content, **helpers)


def _panel_layout(plan: BlockPlan, trial: Trial) -> object:
    """Return what panels must have in common to share one entry; a block of another kind shares none."""
    if plan.kind != "groups":
        return id(plan)
    return plan.header.first_data, plan.cohort, plan.unread_reason, _column_entries(plan, trial, relative=True)


def _block_entry(plans: list[BlockPlan], trial: Trial) -> dict[str, object]:
    """Return the entry of a block, or of several panels that differ only in place and in what the panels state."""
    plan, several = plans[0], len(plans) > 1
    entries = [(f"{panel.sheet}!{panel.block.range}", _block_statements(panel)) for panel in plans]
    first = entries[0][1].items()
    common = {key: value for key, value in first if all(entry.get(key) == value for _, entry in entries)}
    panels = [(place, {k: v for k, v in entry.items() if k not in common}) for place, entry in entries]
    if plan.cohort == POPULATION:
        common["cohort"] = POPULATION
    kind, columns = plan.kind if plan.kind in READABLE else TO_FILL_IN, _column_entries(plan, trial, relative=several)
    return {"plan": plan, "kind": kind, "common": common, "panels": panels if several else [], "columns": columns}


def _block_statements(plan: BlockPlan) -> dict[str, str]:
    """Return what a block states as a whole, with a question for what it should state and does not."""
    data, statements = plan.data, {}
    for name in ("variable", "visit", "arm", "stratum", "measure"):
        value = getattr(plan, name)
        lacking = not value and "measured" in plan.unread_reason and name in ("variable", "visit", "measure")
        if lacking or (name == "measure" and plan.measure_unknown):
            statements[name] = TO_FILL_IN
        elif name == "measure" and value not in (VALUE, PERCENT_CHANGE, "percent_of_baseline"):
            continue
        elif value and (name in ("arm", "measure") or any(getattr(column, name) is None for column in data)):
            statements[name] = value
    strata = plan.stratum or plan.column_of("stratum") or any(column.stratum for column in data)
    if "marker" in plan.unread_reason:
        statements["marker"] = TO_FILL_IN
    elif plan.marker and plan.kind == "groups" and strata:
        statements["marker"] = plan.marker
    return statements


def _column_entries(plan: BlockPlan, trial: Trial, *, relative: bool) -> list[tuple[str, dict, str]]:
    """Return the name, the statements and a comment of each column; ``relative`` names count from the block's first."""
    names = plan.block.panel_names if relative else plan.block.names
    comments = (_to_comment(" | ".join(filter(None, [column.label, column.why]))) for column in plan.columns)
    statements = (_column_statements(column, plan, trial) for column in plan.columns)
    return list(zip(map(_to_yaml, names), statements, comments, strict=True))


def _column_statements(column: Column, plan: BlockPlan, trial: Trial) -> dict[str, object]:
    """Return what the mapping states about a column, with a question for what is missing; empty for an ignored column."""
    if column.role == "ignore" and not column.questioned:
        return {}
    if column.role not in ("data", "ignore"):
        return {"is": TO_FILL_IN if column.questioned else column.role}
    variable, measure = column.variable or plan.variable, None if column.measure == VALUE else column.measure
    if column.questioned:
        variable = column.candidates[0] if len(column.candidates) == 1 else TO_FILL_IN
        measure = measure if column.measure in (VALUE, "percent_of_baseline") else TO_FILL_IN
    outcome, elsewhere = trial.outcomes.get(variable or ""), plan.visit or plan.column_of("visit") or variable is None
    visit = column.visit or (None if elsewhere else TO_FILL_IN if outcome and outcome.follow_up else BASELINE)
    entry: dict[str, object] = {"variable": column.variable, "visit": visit, "measure": measure}
    if column.questioned:  # at least one question
        entry["variable"] = variable if TO_FILL_IN in (visit, measure) else TO_FILL_IN
    else:
        lacking = plan.kind == "groups" and not (plan.column_of("arm") or column.arm or plan.arm)
        pooled = (column.visit or plan.visit) == BASELINE and (column.stratum or not any(c.arm for c in plan.data))
        arm = TO_FILL_IN if lacking and not pooled else column.arm
        factor = column.factor if column.factor != 1.0 else None
        entry |= {"arm": arm, "stratum": column.stratum, "factor": factor, "unit": column.unit}
    return {key: value for key, value in entry.items() if value} or {"is": "data"}


def _to_yaml(value: object) -> str:
    """Return a value as YAML, in quotes only where it needs them."""
    return str(value) if isinstance(value, float) or _UNQUOTED.fullmatch(str(value)) else _quote(str(value))


def _quote(text: str) -> str:
    """Return text as a YAML string in double quotes."""
    return _UNPRINTABLE.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))


def _to_comment(text: str) -> str:
    """Return text that can follow a ``#``: one line, printable."""
    return _UNPRINTABLE.sub(" ", " ".join(str(text).split()))[:400]
