"""Describe what was found in a workbook: as text, as a page with the sheets drawn, and as a mapping file to complete."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from ..pages import environment
from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .layout import is_number
from .mapping import ARM, DATA, IGNORE, MAPPED, READABLE, VARIABLE, VISIT, Column, Plan
from .reader import Reading
from .rows import canonical_id
from .sheets import EMPTY, Flag, Sheet, column_letters
from .values import Chunk

MOST_LINES = 200  # of one list
MOST_BLOCKS, MOST_COLUMNS = 40, 12  # of blocks that are not understood
MOST_ROWS_DRAWN, MOST_COLUMNS_DRAWN = 45, 60
HEADS = (
    ["Variable", "Visit", "Measure", "Group", "Sheet", "Column", "n", "missing", "range", "unit", "confidence"],
    ["Sheet", "Block", "What it is", "Why"],
)


@dataclass
class Findings:
    """All that ``inspect`` tells, as texts."""

    summary: list[str]  # who takes part, and what can be computed
    variables: list[list[str]]  # a row per column of values, under ``HEADS[0]``
    blocks: list[list[str]]  # under ``HEADS[1]``
    unused: list[str]  # columns of blocks that are read
    numbers: list[tuple[str, list[str]]]  # blocks with numbers that are not read, and their columns
    needs: list[str]  # what the analyses lack
    faults: list[str]
    notes: list[str]

    @property
    def lists(self) -> list[tuple[str, list[str]]]:
        """Titles and entries of what the analyst has to look at, the most urgent first."""
        titles = ("Faults that keep the workbook from being used:", "To know:", "What the analyses still need:")
        return [(t, e) for t, e in zip(titles, (self.faults, self.notes, self.needs), strict=True) if e]


def describe(reading: Reading, trial: Trial) -> Findings:
    """Collect the findings of one reading, in the order of the trial's variables and visits."""
    order = [*trial.outcomes, *trial.markers]
    visits = list(trial.visits)

    def place(chunk: Chunk) -> tuple:
        known = order.index(chunk.variable) if chunk.variable in order else len(order)
        return chunk.plan.cohort, known, visits.index(chunk.visit)

    plans = reading.plans
    return Findings(
        _summary(reading, trial),
        [_found(chunk, trial, len(reading.people)) for chunk in sorted(reading.chunks, key=place)],
        [[p.sheet, p.block.range, kind_of(p), p.unread or p.evidence] for p in plans],
        [
            f"{plan.sheet}!{place_of(plan, c.index)}: {c.label or '(no header)'}: {c.why}"
            for plan in plans
            if plan.kind in READABLE
            for c in plan.having(IGNORE)
            if c.why != "empty"
        ],
        [(f"{p.sheet}!{p.block.range}", lines) for p in plans if not p.readable and (lines := number_columns(p))],
        _needs(reading, trial),
        [str(fault) for fault in reading.faults.errors],
        [*reading.workbook.remarks, *reading.faults.notes],
    )


def _summary(reading: Reading, trial: Trial) -> list[str]:
    """Say how many participants each arm has, how visits and arms were decoded, and which strata a column gives."""
    lines = []
    if reading.people:
        labels = {arm.key: arm.label for arm in (trial.arms.treated, trial.arms.control, *trial.arms.others)}
        counts = Counter(labels.get(arm, arm) for arm in reading.people.values())
        lines.append(f"{len(reading.people)} participants: " + ", ".join(f"{n} {arm}" for arm, n in counts.items()))
    own = {(chunk.variable, chunk.visit) for chunk in reading.chunks if chunk.plan.cohort == TRIAL}
    complete = [k for k, o in trial.outcomes.items() if {(k, v) for v in [*o.follow_up] or [BASELINE]} <= own]
    lines.append(f"{len(complete)} of {len(trial.outcomes)} outcomes have values at every visit of their analyses")
    for title, role in (("Arms", ARM), ("Visits", VISIT)):
        codes = {text: key for text, key in _spellings(role, reading).items() if key and text.casefold() != key}
        if codes:
            lines.append(f"{title} as written: " + ", ".join(f"{text} = {key}" for text, key in codes.items()))
    for chunk in reading.chunks:
        if chunk.texts is not None:
            counts = Counter(chunk.texts)
            held = ", ".join(f"{text} ({n})" for text, n in list(counts.items())[:6])
            name = json.dumps(chunk.variable, ensure_ascii=False)
            lines.append(f"Strata in a column: {held}; an analysis uses them by strata: {{by: column, column: {name}}}")
    return lines


def number_columns(plan: Plan) -> list[str]:
    """Return a line for each column of numbers of a block: place, header, how many, range."""
    lines = []
    for column in plan.columns:
        cells = [value for value in plan.block.column(column.index)[plan.header.first_data :] if is_number(value)]
        if cells:
            span = f"{min(cells):.6g} to {max(cells):.6g}"
            label = column.label or "(no header)"
            lines.append(f"{place_of(plan, column.index)} {label}: {len(cells)} numbers, {span}")
    return lines


def kind_of(plan: Plan) -> str:
    """Return the kind of a block in words."""
    kinds = {
        "participants": "participants, one row each",
        "long": "participants, several rows each",
        "groups": "groups without ids",
    }
    kind = kinds.get(plan.kind, plan.kind)
    if plan.kind == "participants" and plan.cohort == POPULATION:
        kind = "population sample"
    if plan.block.transposed and plan.readable:
        kind = kind.replace("row", "column")
    return kind + (" (not read)" if plan.unread else "")


def place_of(plan: Plan, index: int) -> str:
    """Return the letter of a column, or the row of a block with participants across."""
    row, column = plan.block.place(0, index)
    if plan.block.transposed:
        return f"row {plan.block.sheet.row_numbers[row] + 1}"
    return column_letters(plan.block.sheet.column_numbers[column])


def _found(chunk: Chunk, trial: Trial, people: int) -> list[str]:
    """Return one row of the table of variables."""
    plan, column = chunk.plan, chunk.column
    thing = trial.outcomes.get(chunk.variable) or trial.markers.get(chunk.variable)
    n = len(chunk.positions)
    percent = chunk.measure == PERCENT_CHANGE
    groups = sorted({s for s in chunk.strata if s})
    if plan.cohort == POPULATION:
        groups = ["population"]
    elif not chunk.linked:
        arms = (trial.arms.treated, trial.arms.control, *trial.arms.others)
        groups += [arm.label for arm in arms if arm.key in chunk.arms]
    confidence = column.confidence if plan.evidence != MAPPED else "mapping"
    return [
        thing.label if thing else chunk.variable,
        trial.visits[chunk.visit].label,
        "% change" if percent else "text" if chunk.texts else "value",
        " ".join(groups),
        plan.sheet,
        place_of(plan, column.index),
        str(n),
        str(people - n) if chunk.linked and plan.cohort == TRIAL and people >= n else "",
        "" if chunk.texts else f"{chunk.values.min():.6g} to {chunk.values.max():.6g}",
        "%" if percent else column.unit or (thing.unit if thing else ""),
        confidence + (f" ({column.why})" if column.why else ""),
    ]


def _needs(reading: Reading, trial: Trial) -> list[str]:
    """Say what the analyses miss, most general first."""
    own = [chunk for chunk in reading.chunks if chunk.plan.cohort == TRIAL]
    if not own:
        return ["participants: no block was recognised as holding the trial's participants, by row or by group"]
    present = {arm for chunk in own for arm in chunk.arms}
    absent = [arm for key, arm in trial.analysed_arms.items() if key not in present and present != {None}]
    needs = [f"arm {arm.label}: no participant is in it" for arm in absent]
    given = {(c.variable, c.visit) for c in own if c.measure == PERCENT_CHANGE}
    raw = {(c.variable, c.visit) for c in own if c.measure != PERCENT_CHANGE}
    missing: dict[str, list[str]] = defaultdict(list)
    for key, outcome in trial.outcomes.items():
        changes = bool(outcome.follow_up) and all((key, visit) in given for visit in outcome.follow_up)
        for visit in [BASELINE, *outcome.follow_up]:
            if (key, visit) not in raw | given and not (visit == BASELINE and changes):
                missing[outcome.family].append(f"{outcome.label} at {trial.visits[visit].label}")
    for family, entries in missing.items():
        shown = ", ".join(entries[:8]) + (f" and {len(entries) - 8} more" if len(entries) > 8 else "")
        needs.append(f"{trial.families[family]}: {shown}")
    for key, marker in trial.markers.items():
        if (key, BASELINE) not in raw and not any(chunk.marker == key and any(chunk.strata) for chunk in own):
            needs.append(f"{marker.label}: not found, so there are no strata by it")
    if not any(chunk.linked for chunk in own):
        needs.append('linked participants: the panels have no ids (what is skipped for that stands under "To know")')
    if trial.population and not any(c.plan.cohort == POPULATION for c in reading.chunks):
        needs.append(f"{trial.population.label}: not found, so its correlation of the markers with age is skipped")
    return needs


def as_text(findings: Findings, reading: Reading) -> str:
    """Write the findings as plain text for a terminal."""
    sheets = len(reading.workbook.sheets)
    lines = [f"{reading.workbook.path.name}: {sheets} sheets, {len(findings.blocks)} blocks", *findings.summary, ""]
    lines += _table(HEADS[1], _notes_counted(findings.blocks))
    if findings.variables:
        lines += ["", *_table(HEADS[0], findings.variables)]
    if findings.unused:
        lines += ["", "Columns that are not used:", *_indented(findings.unused)]
    if findings.numbers:
        lines += ["", "Blocks with numbers from which nothing is taken:"]
        for place, columns in findings.numbers[:MOST_BLOCKS]:
            lines += [f"  {place}", *(f"  {entry}" for entry in _indented(columns, MOST_COLUMNS))]
        if len(findings.numbers) > MOST_BLOCKS:
            lines.append(f"  and {len(findings.numbers) - MOST_BLOCKS} more blocks")
    for title, entries in findings.lists:
        lines += ["", title, *_indented(entries)]
    if not findings.needs and not findings.faults:
        lines += ["", "Everything that the analyses need is there."]
    return "\n".join(map(_printable, lines)) + "\n"


def _indented(entries: list[str], most: int = MOST_LINES) -> list[str]:
    rest = [f"  and {len(entries) - most:,} more (--html writes all)"] if len(entries) > most else []
    return [f"  {' '.join(entry.split())}" for entry in entries[:most]] + rest


def _notes_counted(blocks: list[list[str]]) -> list[list[str]]:
    """Replace several notes of one sheet by their number."""
    notes = Counter(sheet for sheet, _, kind, _ in blocks if kind == "note")
    short: dict[object, list[str]] = {}
    for number, (sheet, cells, kind, why) in enumerate(blocks):
        if kind == "note" and notes[sheet] > 2:
            short.setdefault(sheet, [sheet, f"{cells} ...", f"{notes[sheet]} notes", why])
        else:
            short[number] = [sheet, cells, kind, why]
    return list(short.values())


def _printable(text: object) -> str:
    """Return text on one line; a cell's content must not move the cursor, colour the terminal or spoil the page."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [min(max(map(len, column)), 48) for column in zip(heads, *rows, strict=True)]
    lines = []
    for row in [heads, ["-" * width for width in widths], *rows]:
        cells = [c if len(c) <= width else c[: width - 1] + "…" for c, width in zip(row, widths, strict=True)]
        lines.append("  ".join(c.ljust(width) for c, width in zip(cells, widths, strict=True)).rstrip())
    return lines


def page(findings: Findings, reading: Reading, trial: Trial) -> str:
    """Return the findings and the first cells of each sheet as one HTML text that needs no other file."""
    faulty = {(fault.sheet, fault.cell) for fault in reading.faults.found if fault.cell}
    template = environment().get_template("inspect.html.j2")
    return template.render(
        name=reading.workbook.path.name,
        trial=trial.title,
        findings=findings,
        heads=HEADS,
        sheets=[
            _drawn(sheet, [p for p in reading.plans if p.block.sheet is sheet], faulty)
            for sheet in reading.workbook.sheets
        ],
        printable=_printable,
    )


def _drawn(sheet: Sheet, plans: list[Plan], faulty: set[tuple[str, str]]) -> dict[str, object]:
    """Return the first rows and columns of a sheet with the class of each cell."""
    height, width = min(sheet.height, MOST_ROWS_DRAWN), min(sheet.width, MOST_COLUMNS_DRAWN)
    classes: dict[tuple[int, int], str] = {}
    for plan in plans:
        block = plan.block
        rows, columns = (width, height) if block.transposed else (height, width)
        for row in range(min(block.height, rows)):
            for column in range(min(block.width, columns)):
                classes[block.place(row, column)] = _class_of(plan, row, column)
    lines = []
    for r in range(height):
        cells = []
        for c in range(width):
            value = sheet.rows[r][c]
            shown = value.shown if isinstance(value, Flag) else f"{value:.10g}" if type(value) is float else str(value)
            fault = " fault" if (sheet.name, sheet.address(r, c)) in faulty else ""
            cells.append((classes.get((r, c), "") + fault, shown if len(shown) <= 120 else shown[:117] + "…"))
        lines.append((sheet.row_numbers[r] + 1, cells))
    rest = ((sheet.height - height, "rows"), (sheet.width - width, "columns"))
    return {
        "title": f"Sheet “{sheet.name}”" + (" (hidden)" if sheet.hidden else ""),
        "kinds": "; ".join(f"{plan.block.range}: {kind_of(plan)}" for plan in plans[:30]) or "empty",
        "columns": [column_letters(sheet.column_numbers[c]) for c in range(width)],
        "lines": lines,
        "rest": " and ".join(f"{number:,} more {what}" for number, what in rest if number),
    }


def _class_of(plan: Plan, row: int, column: int) -> str:
    if plan.kind not in READABLE:
        return "note" if plan.kind in ("note", "codebook") else "other"
    if row < plan.header.first_data and row not in plan.header.rows:
        return "note"
    role = plan.columns[column].role
    kind = "other" if plan.unread else "unused" if role in (IGNORE, "unit") else role
    return kind + (" head" if row in plan.header.rows else "")


OPEN = '"?"'  # what the analyst has to fill in
MOST_CODES = 500
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
        "below_detection: missing   # text such as <0.1: missing, limit, half (of the limit) or lowest (0)",
        "decimal_comma: false       # true reads 12,5 as 12.5",
        "error_cells: fault         # missing reads #N/A and #DIV/0! as missing",
        "hidden_rows: read          # ignore leaves hidden rows out",
        "struck_out: read           # missing leaves struck-out values out",
        "missing: []                # more codes for a missing value, as text or as a number (-99)",
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


def _spellings(role: str, reading: Reading) -> dict[str, str | None]:
    """Return how cells spell arms, visits or variables, with what was read; None where nothing was."""
    attribute = {ARM: "arms", VISIT: "visits", VARIABLE: "variables"}[role]
    meaning: dict[str, str | None] = {}
    for plan, rows in reading.blocks:
        meaning |= rows.sections[attribute]
        column = plan.one(role)
        if column is None:
            continue
        found = getattr(rows, attribute)
        for position, row in enumerate(plan.block.values[plan.header.first_data :]):
            cell = row[column.index]
            if cell != EMPTY and not isinstance(cell, Flag) and rows.use[position] and len(meaning) <= MOST_CODES:
                text = canonical_id(cell)
                meaning[text] = meaning.get(text) or found[position]
    if role == ARM:
        known = {text: key for text, key in reading.codes.arms.items() if text in meaning}
        meaning = {**known, **meaning}
    return meaning


def _codes(title: str, role: str, reading: Reading) -> list[str]:
    meaning = _spellings(role, reading)
    unknown = IGNORE if role == VARIABLE else OPEN
    lines = [f"  {_quoted(text)}: {key if key else unknown}" for text, key in meaning.items()]
    return [f"{title}:", *lines] if lines else []


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
