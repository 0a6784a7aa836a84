"""Describe what was found in a workbook: as text, as a page with the sheets drawn, and as a mapping file to complete."""

from __future__ import annotations

import itertools
import json
import re
import textwrap
from collections import Counter, defaultdict
from dataclasses import dataclass

from ..pages import environment
from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .layout import is_number
from .mapping import ARM, DATA, GROUPS, IGNORE, MAPPED, OPEN, READABLE, STRATUM, UNIT, VARIABLE, VISIT, Column, Plan
from .reader import Reading
from .rows import canonical_id
from .sheets import EMPTY, Flag, Sheet, column_letters
from .values import Source

MOST_LINES = 200  # of one list
MOST_BLOCKS, MOST_COLUMNS = 40, 12  # of blocks that are not understood
MOST_NAMED = 8
MOST_CODES = 500
MOST_ROWS_DRAWN, MOST_COLUMNS_DRAWN, MOST_LETTERS_DRAWN = 45, 60, 120
WIDEST = 48  # letters of a column of a printed table
FEWEST_PANELS = 3  # alike, that become one entry of the mapping
HEADS = (
    ["Variable", "Visit", "Measure", "Group", "Sheet", "Column", "n", "missing", "range", "unit", "confidence"],
    ["Sheet", "Block", "What it is", "Why"],
)
KINDS = {
    "participants": "participants, one row each",
    "long": "participants, several rows each",
    "groups": "groups without ids",
}


@dataclass
class Findings:
    """All that ``inspect`` tells, as texts."""

    summary: list[str]  # whether the primary endpoint can be computed, who takes part
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
    order, visits, plans = [*trial.outcomes, *trial.markers], list(trial.visits), reading.plans

    def place(entry: tuple) -> tuple:
        source = entry[0]
        known = order.index(source.variable) if source.variable in order else len(order)
        return source.plan.cohort, known, visits.index(source.visit)

    sources = sorted(reading.frame.groupby("source", sort=False), key=place)
    unused = ((plan, column) for plan in plans if plan.kind in READABLE for column in plan.having(IGNORE))
    return Findings(
        summary=_summary(reading, trial),
        variables=[_found(source, own, trial, len(reading.arms)) for source, own in sources],
        blocks=[[p.sheet, p.block.range, kind_of(p), p.unread or p.evidence] for p in plans],
        unused=[
            f"{p.sheet}!{place_of(p, c)}: {c.label or '(no header)'}: {c.why}" for p, c in unused if c.why != "empty"
        ],
        numbers=[
            (f"{p.sheet}!{p.block.range}", lines) for p in plans if not p.readable and (lines := number_columns(p))
        ],
        needs=_needs(reading, trial),
        faults=[str(fault) for fault in reading.faults.errors],
        notes=[*reading.workbook.remarks, *reading.faults.notes],
    )


def _arm_labels(trial: Trial) -> dict[str, str]:
    return {arm.key: arm.label for arm in (trial.arms.treated, trial.arms.control, *trial.arms.others)}


def _counted(counts: Counter) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items())


def _summary(reading: Reading, trial: Trial) -> list[str]:
    """Say whether the primary endpoint can be computed, who takes part, and how arms, visits and strata are coded."""
    lines = [_primary(reading, trial)] if trial.primary else []
    if reading.arms:
        labels = _arm_labels(trial)
        lines.append(f"{len(reading.arms)} participants: {_counted(Counter(map(labels.get, reading.arms.values())))}")
    own = reading.frame[reading.frame["cohort"] == TRIAL]
    have = set(zip(own["variable"], own["visit"], strict=True))
    complete = [k for k, o in trial.outcomes.items() if {(k, v) for v in [*o.follow_up] or [BASELINE]} <= have]
    lines.append(f"{len(complete)} of {len(trial.outcomes)} outcomes have values at every visit of their analyses")
    for title, role in (("Arms", ARM), ("Visits", VISIT)):
        people = own.groupby("arm" if role == ARM else "visit")["participant"].nunique()
        codes = [
            f"{text} = {key} (n = {people.get(key, 0)})"
            for text, key in _spellings(role, reading).items()
            if key and text.casefold() != key
        ]
        lines += [f"{title} as written: {', '.join(codes)}"] if codes else []
    for source, texts in own[own["text"] != ""].groupby("source", sort=False)["text"]:
        held = ", ".join(f"{text} ({n})" for text, n in list(Counter(texts).items())[:MOST_NAMED])
        name = json.dumps(source.variable, ensure_ascii=False)
        lines.append(f"Strata in a column: {held}; an analysis uses them by strata: {{by: column, column: {name}}}")
    return lines


def _primary(reading: Reading, trial: Trial) -> str:
    """Say whether the primary endpoint can be computed, and from how many participants or why not."""
    outcome, visit = trial.outcomes[trial.primary.outcome], trial.visits[trial.primary.visit]
    name = f"Primary endpoint ({outcome.label}, change from baseline to {visit.label})"
    own = reading.frame[(reading.frame["cohort"] == TRIAL) & (reading.frame["variable"] == outcome.key)]
    later, first = (own[own["visit"] == key] for key in (visit.key, BASELINE))
    made = later["linked"] & later["measure"].eq(VALUE) & later["participant"].isin(first["participant"])
    counts = Counter(later[made | later["measure"].eq(PERCENT_CHANGE)]["arm"])
    if lacking := [arm.label for key, arm in trial.analysed_arms.items() if not counts[key]]:
        when = visit.label if later.empty else f"baseline and {visit.label} of the same participants"
        return f"{name} cannot be computed: no values at {when} in {' and '.join(lacking)}"
    if reading.faults.errors:
        return f"{name} cannot be computed until the faults below are settled ({len(reading.faults.errors)})"
    return f"{name} can be computed: {_counted(Counter({a.label: counts[k] for k, a in trial.analysed_arms.items()}))}"


def number_columns(plan: Plan) -> list[str]:
    """Return a line for each column of numbers of a block: place, header, how many, range."""
    lines = []
    for column in plan.columns:
        cells = [row[column.index] for row in plan.body if is_number(row[column.index])]
        if cells:
            what = f"{len(cells)} numbers, {min(cells):.6g} to {max(cells):.6g}"
            lines.append(f"{place_of(plan, column)} {column.label or '(no header)'}: {what}")
    return lines


def kind_of(plan: Plan) -> str:
    """Return the kind of a block in words."""
    kind = KINDS.get(plan.kind, plan.kind)
    if plan.kind == "participants" and plan.cohort == POPULATION:
        kind = "population sample"
    if plan.block.transposed and plan.readable:
        kind = kind.replace("row", "column")
    return kind + (" (not read)" if plan.unread else "")


def place_of(plan: Plan, column: Column) -> str:
    """Return the letter of a column, or the row of a block with participants across."""
    return ("row " if plan.block.transposed else "") + plan.name_of(column)


def _found(source: Source, own, trial: Trial, people: int) -> list[str]:
    """Return one row of the table of variables."""
    plan, column, n = source.plan, source.column, len(own)
    thing = trial.outcomes.get(source.variable) or trial.markers.get(source.variable)
    percent, text, linked = source.measure == PERCENT_CHANGE, own["text"].any(), own["linked"].iloc[0]
    groups = sorted(set(own["stratum"]) - {""})
    if not linked:
        groups += [label for arm, label in _arm_labels(trial).items() if arm in set(own["arm"])]
    confidence = column.confidence if plan.evidence != MAPPED else "mapping"
    return [
        thing.label if thing else source.variable,
        trial.visits[source.visit].label,
        "% change" if percent else "text" if text else "value",
        "population" if plan.cohort == POPULATION else " ".join(groups),
        plan.sheet,
        place_of(plan, column),
        str(n),
        str(people - n) if linked and plan.cohort == TRIAL and people >= n else "",
        "" if text else f"{own['value'].min():.6g} to {own['value'].max():.6g}",
        "%" if percent else column.unit or (thing.unit if thing else ""),
        confidence + (f" ({column.why})" if column.why else ""),
    ]


def _needs(reading: Reading, trial: Trial) -> list[str]:
    """Say what the analyses miss, most general first."""
    own = reading.frame[reading.frame["cohort"] == TRIAL]
    if own.empty:
        return ["participants: no block was recognised as holding the trial's participants, by row or by group"]
    absent = [arm.label for key, arm in trial.analysed_arms.items() if own["arm"].any() and key not in set(own["arm"])]
    needs = [f"arm {label}: no participant is in it" for label in absent]
    have, changes = (
        set(zip(part["variable"], part["visit"], strict=True)) for part in (own, own[own["measure"] == PERCENT_CHANGE])
    )
    missing: dict[str, list[str]] = defaultdict(list)
    for key, outcome in trial.outcomes.items():
        as_changes = bool(outcome.follow_up) and all((key, visit) in changes for visit in outcome.follow_up)
        for visit in outcome.follow_up if as_changes else [BASELINE, *outcome.follow_up]:
            if (key, visit) not in have:
                missing[trial.families[outcome.family]].append(f"{outcome.label} at {trial.visits[visit].label}")
    for family, entries in missing.items():
        more = f" and {len(entries) - MOST_NAMED} more" if len(entries) > MOST_NAMED else ""
        needs.append(f"{family}: {', '.join(entries[:MOST_NAMED])}{more}")
    for key, marker in trial.markers.items():
        if (key, BASELINE) not in have and not (own["marker"].eq(key) & own["stratum"].ne("")).any():
            needs.append(f"{marker.label}: not found, so there are no strata by it")
    if not own["linked"].any():
        needs.append('linked participants: the panels have no ids (what is skipped for that stands under "To know")')
    if trial.population and POPULATION not in set(reading.frame["cohort"]):
        needs.append(f"{trial.population.label}: not found, so its correlation of the markers with age is skipped")
    return needs


# -- text and page ------------------------------------------------------------------------------------------------


def as_text(findings: Findings, reading: Reading) -> str:
    """Write the findings as plain text for a terminal."""
    sheets = len(reading.workbook.sheets)
    lines = [f"{reading.workbook.path.name}: {sheets} sheets, {len(findings.blocks)} blocks", *findings.summary]
    lines += _table(HEADS[1], _notes_counted(findings.blocks))
    lines += _table(HEADS[0], findings.variables) if findings.variables else []
    lines += ["", "Columns that are not used:", *_indented(findings.unused)] if findings.unused else []
    if findings.numbers:
        lines += ["", "Blocks with numbers from which nothing is taken:"]
        for place, columns in findings.numbers[:MOST_BLOCKS]:
            lines += [f"  {place}", *(f"  {entry}" for entry in _indented(columns, MOST_COLUMNS))]
        rest = len(findings.numbers) - MOST_BLOCKS
        lines += [f"  and {rest} more blocks"] if rest > 0 else []
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
    rows = [heads, *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    lines = [""]
    for row in rows:
        cells = (c if len(c) <= width else c[: width - 1] + "…" for c, width in zip(row, widths, strict=True))
        lines.append("  ".join(c.ljust(width) for c, width in zip(cells, widths, strict=True)).rstrip())
    return lines


def page(findings: Findings, reading: Reading, trial: Trial) -> str:
    """Return the findings and the first cells of each sheet as one HTML text that needs no other file."""
    faulty = {(fault.sheet, fault.cell) for fault in reading.faults.found if fault.cell}
    plans = {id(sheet): [p for p in reading.plans if p.block.sheet is sheet] for sheet in reading.workbook.sheets}
    return (
        environment()
        .get_template("inspect.html.j2")
        .render(
            name=reading.workbook.path.name,
            trial=trial.title,
            findings=findings,
            heads=HEADS,
            sheets=[_drawn(sheet, plans[id(sheet)], faulty) for sheet in reading.workbook.sheets],
            printable=_printable,
        )
    )


def _drawn(sheet: Sheet, plans: list[Plan], faulty: set[tuple[str, str]]) -> dict[str, object]:
    """Return the first rows and columns of a sheet with the class of each cell."""
    height, width = min(sheet.height, MOST_ROWS_DRAWN), min(sheet.width, MOST_COLUMNS_DRAWN)
    classes: dict[tuple[int, int], str] = {}
    for plan in plans:
        rows, columns = (width, height) if plan.block.transposed else (height, width)
        for row in range(min(plan.block.height, rows)):
            for column in range(min(plan.block.width, columns)):
                classes[plan.block.place(row, column)] = _class_of(plan, row, column)
    lines = []
    for r in range(height):
        cells = []
        for c, value in enumerate(sheet.rows[r][:width]):
            shown = value.shown if isinstance(value, Flag) else f"{value:.10g}" if type(value) is float else str(value)
            shown = shown if len(shown) <= MOST_LETTERS_DRAWN else shown[: MOST_LETTERS_DRAWN - 1] + "…"
            fault = " fault" if (sheet.name, sheet.address(r, c)) in faulty else ""
            cells.append((classes.get((r, c), "") + fault, shown))
        lines.append((sheet.row_numbers[r] + 1, cells))
    rest = ((sheet.height - height, "rows"), (sheet.width - width, "columns"))
    return {
        "title": f"Sheet “{sheet.name}”" + (" (hidden)" if sheet.hidden else ""),
        "kinds": "; ".join(f"{plan.block.range}: {kind_of(plan)}" for plan in plans[:30]) or "empty",
        "columns": [column_letters(number) for number in sheet.column_numbers[:width]],
        "lines": lines,
        "rest": " and ".join(f"{number:,} more {what}" for number, what in rest if number),
    }


def _class_of(plan: Plan, row: int, column: int) -> str:
    if plan.kind not in READABLE:
        return "note" if plan.kind in ("note", "codebook") else "other"
    if row < plan.header.first_data and row not in plan.header.rows:
        return "note"
    role = plan.columns[column].role
    kind = "other" if plan.unread else "unused" if role in (IGNORE, UNIT) else role
    return kind + (" head" if row in plan.header.rows else "")


# -- the mapping file ---------------------------------------------------------------------------------------------

_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_PLAIN = re.compile(r"(?!(?:y|n|no|on|off|yes|true|false|null)$)[a-z][\w+]*", re.I)
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
# `panels` lists blocks that are alike, with what only they say; A is then the first column of each.
#
# variables: {variables}
# visits: {visits}
# arms: {arms}

workbook: {workbook}
below_detection: missing   # text such as <0.1: missing, limit, half (of the limit) or lowest (0)
decimal_comma: false       # true reads 12,5 as 12.5
error_cells: fault         # missing reads #N/A and #DIV/0! as missing
hidden_rows: read          # ignore leaves hidden rows out
struck_out: read           # missing leaves struck-out values out
missing: []                # more codes for a missing value, as text or as a number (-99)"""


def mapping_text(reading: Reading, trial: Trial) -> str:
    """Return the mapping as commented YAML."""
    head = HEAD.format(
        name=_comment(reading.workbook.path.name),
        workbook=_quoted(reading.workbook.path.name),
        variables="\n#   ".join(textwrap.wrap(", ".join([*trial.outcomes, *trial.markers]), width=110)),
        visits=", ".join(trial.visits),
        arms=", ".join(_arm_labels(trial)),
    )
    if codes := {fault.value for fault in reading.faults.errors if fault.kind == "missing code"}:
        head = head.replace("as text or as a number (-99)", f"perhaps [{', '.join(sorted(codes))}]")
    lines = [head]
    for role, unknown in ((ARM, OPEN), (VISIT, OPEN), (VARIABLE, IGNORE)):
        codes = [f"  {_quoted(text)}: {_plain(key or unknown)}" for text, key in _spellings(role, reading).items()]
        lines += [f"{role}s:", *codes] if codes else []
    lines.append("blocks:")
    readable = [plan for plan in reading.plans if plan.kind in READABLE]
    for _, alike in itertools.groupby(readable, key=lambda plan: _shape(plan, trial)):
        lines += _entry(list(alike), trial)
    others = [plan for plan in reading.plans if plan.kind not in READABLE]
    unknown = [plan for plan in others if plan.kind == "unknown" and number_columns(plan)][:MOST_BLOCKS]
    if unknown:
        lines += ["", "# Blocks of numbers that were not understood; to read one, take the # away and fill it in."]
        lines += [f"#{line}" for plan in unknown for line in _entry([plan], trial)]
    if others:
        lines += ["", "# Blocks that are not read:"]
    for plan in others:
        why = f" ({plan.evidence})" if plan.evidence else ""
        lines.append(f"#   {_comment(f'{plan.sheet}!{plan.block.range}: {kind_of(plan)}{why}')}")
    return "\n".join(lines) + "\n"


def _spellings(role: str, reading: Reading) -> dict[str, str | None]:
    """Return how cells spell arms, visits or variables, with what was read; None where nothing was."""
    meaning: dict[str, str | None] = {}
    for plan, rows in reading.blocks:
        meaning |= rows.spellings[f"{role}s"]
        if not (column := plan.one(role)):
            continue
        for row, found, used in zip(plan.body, getattr(rows, f"{role}s"), rows.use, strict=True):
            cell = row[column.index]
            if used and cell != EMPTY and not isinstance(cell, Flag) and len(meaning) <= MOST_CODES:
                text = canonical_id(cell)
                meaning[text] = meaning.get(text) or found
    return meaning


def _shape(plan: Plan, trial: Trial) -> object:
    """Return what panels have to have in common to become one entry; other blocks are like none."""
    if plan.kind != GROUPS:
        return id(plan)
    return plan.header.first_data, plan.cohort, plan.block.transposed, plan.unread, tuple(_columns(plan, trial, True))


def _entry(plans: list[Plan], trial: Trial) -> list[str]:
    """Return the entry of a block, or of several panels that differ only in place and in what they are of."""
    if 1 < len(plans) < FEWEST_PANELS:
        return [line for plan in plans for line in _entry([plan], trial)]
    plan, said = plans[0], [_said(plan) for plan in plans]
    common = {key: value for key, value in said[0].items() if all(other.get(key) == value for other in said)}
    lines = [f"  - sheet: {_quoted(plan.sheet)}", f"    range: {plan.block.range}"]
    if len(plans) > 1:
        lines = ["  - panels:"]
        for panel, own in zip(plans, said, strict=True):
            rest = {key: value for key, value in own.items() if key not in common}
            lines.append(f"      {_quoted(f'{panel.sheet}!{panel.block.range}')}: {_flow(rest)}")
    kind = _plain(plan.kind if plan.kind in READABLE else OPEN)
    lines += [f"    header: {plan.header.first_data}", f"    kind: {kind}   # {_comment(plan.evidence)}"]
    if plan.block.transposed:
        common["participants"] = "columns"
    if plan.cohort == POPULATION:
        common["cohort"] = POPULATION
    for key, value in common.items():
        question = {"measure": "value or percent_change", "marker": "of the strata"}.get(key, "one of those above")
        lines.append(f"    {key}: {_plain(value)}" + (f"   # {question}" if value == OPEN else ""))
    return [*lines, "    columns:", *_columns(plan, trial, len(plans) > 1)]


def _said(plan: Plan) -> dict[str, str]:
    """Return what a block says as a whole, with a question for what it does not say."""
    data, said = plan.having(DATA), {}
    for name in ("variable", "visit", "arm", "stratum", "measure"):
        value = getattr(plan, name)
        if value and (name in ("arm", "measure") or any(getattr(column, name) is None for column in data)):
            said[name] = value
        elif (not value and "measured" in plan.unread and name in ("variable", "visit", "measure")) or (
            name == "measure" and plan.unmeasured and plan.evidence != MAPPED
        ):
            said[name] = OPEN
    if "marker" in plan.unread:
        said["marker"] = OPEN
    elif plan.marker and plan.kind == GROUPS and (plan.stratum or plan.one(STRATUM) or any(c.stratum for c in data)):
        said["marker"] = plan.marker
    return said


def _columns(plan: Plan, trial: Trial, relative: bool) -> list[str]:
    lines = []
    for column in plan.columns:
        name, said = plan.name_of(column, relative=relative), _column(column, plan, trial)
        remark = _comment(" | ".join(filter(None, [column.label, column.why])))
        name = _quoted(name) if plan.block.transposed else _plain(name)
        lines.append(f"      {name}: {_flow(said) if said else IGNORE}" + (f"   # {remark}" if remark else ""))
    return lines


def _column(column: Column, plan: Plan, trial: Trial) -> dict[str, object]:
    """Return what the mapping says of a column, with a question for what nothing says; nothing for one that is ignored."""
    if column.asked:  # one question at least
        variable = column.candidates[0] if len(column.candidates) == 1 else OPEN
        visit = column.visit or _missing_visit(plan, trial, variable)
        return {"variable": variable if visit == OPEN else OPEN} | ({"visit": visit} if visit else {})
    if column.role == IGNORE:
        return {}
    said: dict[str, object] = {"is": column.role}
    if column.role == DATA:
        visit = column.visit or _missing_visit(plan, trial, column.variable or plan.variable)
        measure = column.measure if column.measure != VALUE else None
        said = {"variable": column.variable, "visit": visit, "measure": measure}
    factor = column.factor if column.factor != 1.0 else None
    said |= {"arm": column.arm, "stratum": column.stratum, "factor": factor, "unit": column.unit}
    return {key: value for key, value in said.items() if value} or {"is": DATA}


def _missing_visit(plan: Plan, trial: Trial, variable: str | None) -> str | None:
    """Return what stands for a visit that nothing names: the baseline, or a question."""
    if plan.visit or plan.one(VISIT) or variable is None:
        return None
    outcome = trial.outcomes.get(variable)
    return BASELINE if outcome is None or not outcome.follow_up else OPEN


def _flow(said: dict) -> str:
    return "{" + ", ".join(f"{key}: {_plain(value)}" for key, value in said.items()) + "}"


def _plain(value: object) -> str:
    """Return a value as YAML, in quotes only where it needs them."""
    return str(value) if isinstance(value, float) or _PLAIN.fullmatch(str(value)) else _quoted(str(value))


def _quoted(text: str) -> str:
    """Return text as a YAML string in double quotes."""
    return _UNPRINTABLE.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))


def _comment(text: str) -> str:
    """Return text that can stand behind a ``#``: one line, printable."""
    return _UNPRINTABLE.sub(" ", " ".join(str(text).split()))[:160]
