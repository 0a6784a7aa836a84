"""Write what was recognised as a mapping file for the analyst to check and complete."""

from __future__ import annotations

import json
import re

from ..participants import POPULATION, VALUE
from ..trial import BASELINE, Trial
from .describe import MOST_BLOCKS, kind_of, number_columns, place_of
from .plan import ARM, DATA, IGNORE, READABLE, UNSURE, VARIABLE, VISIT, Column, Plan
from .reader import Reading
from .rows import canonical_id
from .sheets import EMPTY, Flag

OPEN = '"?"'  # what the analyst has to fill in
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

HEAD = """\
# Mapping of {name}: which cell is what. Written by `inspect` from what was recognised; check it, replace each "?",
# and name this file in config.yaml (analyses: ...: mapping:). Only the blocks listed here are then read.
#
# A column is `ignore`, a role ({{is: participant}}, arm, visit, variable, stratum, unit), or data:
#   {{variable: ctx, visit: week_2}}            what it holds; `visit` may stand on the block instead, or in its rows
#   {{..., measure: percent_change}}           if it holds changes from baseline and not values
#   {{..., factor: 0.001}}                     multiplies the values, to convert a unit
#   {{arm: d_q, stratum: T3, marker: ...}}     for groups side by side
# `header` is the number of rows above the data in `range` (columns, with `participants: columns`).
# `kind` is participants (a row is a person), long (several rows a person), or groups (rows are not linked).
#
# variables: {variables}
# visits: {visits}
# arms: {arms}
"""


def mapping_text(reading: Reading, trial: Trial) -> str:
    """Return the mapping as commented YAML."""
    arms = [trial.arms.treated, trial.arms.control, *trial.arms.others]
    lines = [
        HEAD.format(
            name=_comment(reading.workbook.path.name),
            variables=_wrapped([*trial.outcomes, *trial.markers]),
            visits=", ".join(trial.visits),
            arms=", ".join(arm.key for arm in arms),
        ),
        f"workbook: {_quoted(reading.workbook.path.name)}",
        "below_detection: missing   # text such as <0.1: missing, limit or half (of the limit)",
        "decimal_comma: false       # true reads 12,5 as 12.5",
        "error_cells: fault         # missing reads #N/A and #DIV/0! as missing",
        "missing: []                # more codes for a missing value",
    ]
    readable = [plan for plan in reading.plans if plan.kind in READABLE]
    for title, role in (("arms", ARM), ("visits", VISIT), ("variables", VARIABLE)):
        lines += _codes(title, role, reading)
    lines.append("blocks:")
    for plan in readable:
        lines += _block(plan, trial)
    others = [plan for plan in reading.plans if plan not in readable]
    unknown = [plan for plan in others if plan.kind == "unknown" and number_columns(plan)]
    if unknown:
        lines += ["", "# Blocks of numbers that were not understood; to read one, take the # away and fill it in."]
    for plan in unknown[:MOST_BLOCKS]:
        lines += [f"#{line}" for line in _block(plan, trial)]
    if others:
        lines += ["", "# Blocks that are not read:"]
        lines += [
            f"#   {_comment(p.sheet)}!{p.block.range}: {kind_of(p)}"
            + (f" ({_comment(p.evidence)})" if p.evidence else "")
            for p in others
        ]
    return "\n".join(lines) + "\n"


def _codes(title: str, role: str, reading: Reading) -> list[str]:
    """List how cells spell arms, visits or variables."""
    attribute = {ARM: "arms", VISIT: "visits", VARIABLE: "variables"}[role]
    meaning: dict[str, str | None] = {}
    for plan, rows in reading.blocks:
        column = plan.one(role)
        meaning |= rows.sections[attribute]
        if column is None:
            continue
        found = getattr(rows, attribute)
        for position, row in enumerate(plan.block.values[plan.header.first_data :]):
            cell = row[column.index]
            if cell == EMPTY or isinstance(cell, Flag) or not rows.use[position]:
                continue
            text = canonical_id(cell)
            meaning[text] = meaning.get(text) or found[position]
            if len(meaning) > 500:
                break
    if role == ARM:
        known = {text: key for text, key in reading.codes.arms.items() if any(p.one(ARM) for p, _ in reading.blocks)}
        meaning = {**{t: k for t, k in known.items() if t in meaning}, **meaning}
    if not meaning:
        return []
    unknown = IGNORE if role == VARIABLE else OPEN
    return [f"{title}:"] + [f"  {_quoted(text)}: {key if key else unknown}" for text, key in meaning.items()]


def _block(plan: Plan, trial: Trial) -> list[str]:
    lines = [
        f"  - sheet: {_quoted(plan.sheet)}",
        f"    range: {plan.block.range}",
        f"    header: {plan.header.first_data}",
        f"    kind: {plan.kind if plan.kind in READABLE else OPEN}   # {_comment(plan.evidence)}",
    ]
    if plan.block.transposed:
        lines.append("    participants: columns")
    if plan.cohort == POPULATION:
        lines.append("    cohort: population")
    data = plan.having(DATA)
    for name in ("variable", "visit", "arm", "stratum", "measure"):
        value = getattr(plan, name)
        used = name == "arm" or name == "measure" or any(getattr(column, name) is None for column in data)
        if value and used:
            lines.append(f"    {name}: {_quoted(value) if name == 'stratum' else value}")
    if plan.unread and "measured" in plan.unread:
        asked = [
            ("variable", "one of those above"),
            ("visit", "one of those above"),
            ("measure", "value or percent_change"),
        ]
        lines += [f'    {name}: "?"   # {what}' for name, what in asked if not getattr(plan, name)]
    if plan.unread and "marker" in plan.unread:
        lines.append('    marker: "?"')
    elif plan.marker and plan.kind == "groups" and (plan.stratum or any(c.stratum for c in data)):
        lines.append(f"    marker: {plan.marker}")
    lines.append("    columns:")
    for column in plan.columns:
        entry = _entry(column, plan, trial)
        remark = " | ".join(filter(None, [column.label, column.why]))
        place = place_of(plan, column.index).removeprefix("row ")
        key = f'"{place}"' if plan.block.transposed or place.upper() in ("Y", "N", "NO", "ON", "OFF") else place
        lines.append(f"      {key}: {entry}" + (f"   # {_comment(remark)}" if remark else ""))
    return lines


def _entry(column: Column, plan: Plan, trial: Trial) -> str:
    if column.asked:
        variable = column.candidates[0] if len(column.candidates) == 1 else OPEN
        visit = column.visit or _missing_visit(column, plan, trial, variable)
        variable = variable if visit == OPEN else OPEN  # one question at least
        return f"{{variable: {variable}" + (f", visit: {visit}}}" if visit else "}")
    if column.role == IGNORE:
        return IGNORE
    said = []
    if column.role != DATA:
        said.append(f"is: {column.role}")
    if column.variable and column.role == DATA:
        said.append(f"variable: {column.variable}")
    if column.role == DATA:
        visit = column.visit or _missing_visit(column, plan, trial)
        if visit:
            said.append(f"visit: {visit}")
        if column.measure != VALUE:
            said.append(f"measure: {column.measure}")
    for name in ("arm", "stratum"):
        if getattr(column, name):
            value = getattr(column, name)
            said.append(f"{name}: {_quoted(value) if name == 'stratum' else value}")
    if column.factor != 1.0:
        said.append(f"factor: {column.factor!r}")
    if column.unit:
        said.append(f"unit: {_quoted(column.unit)}")
    return "{" + ", ".join(said or ["is: data"]) + "}"


def _missing_visit(column: Column, plan: Plan, trial: Trial, variable: str | None = None) -> str | None:
    """Return what stands for a visit that nothing names: the baseline, or a question."""
    if plan.visit or plan.one(VISIT):
        return None
    key = variable or column.variable or plan.variable
    if key is None:
        return None
    outcome = trial.outcomes.get(key)
    return BASELINE if outcome is None or not outcome.follow_up else OPEN


def _quoted(text: str) -> str:
    """Return text as a YAML string in double quotes."""
    plain = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda m: f"\\u{ord(m[0]):04x}", plain)


def _comment(text: str) -> str:
    """Return text that can stand behind a ``#``: one line, printable."""
    return _UNPRINTABLE.sub(" ", " ".join(str(text).split()))[:160]


def _wrapped(names: list[str], width: int = 105) -> str:
    lines, current = [], ""
    for name in names:
        if len(current) + len(name) > width:
            lines.append(current)
            current = ""
        current += name + ", "
    return "\n#   ".join([*lines, current]).rstrip(", ")


__all__ = ["UNSURE", "mapping_text"]
