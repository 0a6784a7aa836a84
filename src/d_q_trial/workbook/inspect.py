"""Describe what was found in a workbook: as text, as a page with the sheets drawn, and as a mapping file to complete."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ..pages import template_engine
from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..recognition.spelling import WORDS
from ..recognition.vocabulary import canonical_id
from ..spreadsheet.sheets import EMPTY, Flag, Sheet, is_number, join_first
from ..trial import BASELINE, Trial
from .mapping import CODED, OPEN, READABLE, Column, Plan
from .reader import Reading, label_of
from .values import Source, variable_visits

MOST_LINES = 200  # of one list
MOST_BLOCKS = 40  # that are not understood, in the mapping
MOST_NAMED = 8
MOST_CODES = 500
MOST_ROWS_DRAWN, MOST_COLUMNS_DRAWN, MOST_LETTERS_DRAWN = 45, 60, 120  # fewer rows than columns
WIDEST = 48  # letters of a column of a printed table
HEADS = ("Variable", "Visit", "Measure", "Group", "Sheet", "Column", "n", "missing", "range", "unit", "confidence")


class Section(NamedTuple):
    """A list of texts, or a table if it has heads."""

    title: str
    rows: list[list[str]]
    heads: tuple[str, ...] = ()


def describe(reading: Reading) -> list[Section]:
    """Return what was found: who takes part, blocks, variables in the order of the trial, and what to look at."""
    trial, plans = reading.trial, reading.plans
    order = {key: number for number, key in enumerate([*trial.outcomes, *trial.markers])}
    blocks = [[plan.sheet, plan.block.range, describe_kind(plan), plan.unread or plan.evidence] for plan in plans]
    unread = {plan: number_columns(plan) for plan in plans if not plan.readable}

    def place(entry: tuple) -> tuple:
        source = entry[0]
        return source.plan.cohort, order.get(source.variable, len(order)), [*trial.visits].index(source.visit)

    sources = sorted(reading.frame.groupby("source", sort=False), key=place)
    lists = {
        "Columns that are not used": [line for plan in plans if plan.kind in READABLE for line in _unused(plan)],
        "Blocks with numbers that are not used": [
            f"{p.sheet}!{p.block.range}: {join_first(lines, MOST_NAMED, '; ')}" for p, lines in unread.items() if lines
        ],
        "Notes": [*reading.workbook.remarks, *reading.faults.lines(stops=False)],
        "What the analyses still need": _needs(reading),
        # Last, where the terminal stands.
        "Faults and questions that prevent the use of the workbook": reading.faults.lines(stops=True),
    }
    counts = {"sheet": len(reading.workbook.sheets), "block": len(plans)}
    sheets = ", ".join(f"{number} {noun}{'s' * (number != 1)}" for noun, number in counts.items())
    return [
        Section(f"{reading.workbook.path.name}: {sheets}", [[line] for line in _summary(reading)]),
        Section("Blocks", blocks, ("Sheet", "Block", "What it is", "Why")),
        Section("Variables", [_found(*entry, reading) for entry in sources], HEADS),
        *(Section(title, [[text] for text in texts]) for title, texts in lists.items()),
    ]


def _unused(plan: Plan) -> list[str]:
    """Return a line for each reason why columns of a block are not used, with the first of them."""
    columns: dict[str, list[str]] = defaultdict(list)
    for column in (column for column in plan.having("ignore") if column.why != "empty"):
        columns[column.why].append(f"{describe_place(plan, column)} {column.label or '(no header)'}")
    return [f"{plan.sheet}!{plan.block.range}: {why}: {join_first(of, MOST_NAMED)}" for why, of in columns.items()]


def _counted(counts: Counter) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items())


def _summary(reading: Reading) -> list[str]:
    """Say whether data are synthetic, whether the primary endpoint can be computed, who takes part, how labels are coded."""
    trial, own = reading.trial, reading.own
    lines = list(filter(None, (label_of(reading.workbook), trial.primary and _primary(reading))))
    lines += [f"Faults and questions, listed below: {count}"] if (count := len(reading.faults.errors)) else []
    if reading.arms:
        labels = {key: arm.label for key, arm in trial.every_arm.items()}
        lines.append(f"{len(reading.arms)} participants: {_counted(Counter(map(labels.get, reading.arms.values())))}")
    have = variable_visits(own)
    complete = [k for k, o in trial.outcomes.items() if {(k, v) for v in o.follow_up or [BASELINE]} <= have]
    lines.append(f"{len(complete)} of {len(trial.outcomes)} outcomes have values at every visit analysed")
    for title, role in (("Arms", "arm"), ("Visits", "visit")):
        people = Counter(own.groupby(role)["participant"].nunique().to_dict()) | Counter(reading.arms.values())
        spelt = [(text, key) for text, key in _spellings(role, reading).items() if key and text.casefold() != key]
        codes = [f"{text} = {key} (n = {people[key]})" for text, key in spelt]
        lines += [f"{title} as written: {', '.join(codes)}"] if codes else []
    stated = own[own["text"].ne("") & own["arm"].isin(trial.analysed_arms)]
    for source, texts in stated.groupby("source", sort=False)["text"]:
        held = ", ".join(f"{text} ({n})" for text, n in list(Counter(texts).items())[:MOST_NAMED])
        name, every = (json.dumps(said, ensure_ascii=False) for said in (source.variable, sorted(set(texts))))
        rule = f"{{by: column, column: {name}, labels: {every}}}"
        lines.append(f"Strata in a column: {held}; an analysis uses them by strata: {rule}, the lowest label first")
    return lines


def _primary(reading: Reading) -> str:
    """Say whether the primary endpoint can be computed as percent change, and from how many participants or why not."""
    trial = reading.trial
    outcome, visit = trial.outcomes[trial.primary.outcome], trial.visits[trial.primary.visit]
    name = f"Primary endpoint ({outcome.label}, percent change from baseline to {visit.label})"
    own = reading.own[reading.own["variable"] == outcome.key]
    later, positive = own[own["visit"] == visit.key], own[own["visit"].eq(BASELINE) & own["value"].gt(0)]
    made = later["linked"] & later["measure"].eq(VALUE) & later["participant"].isin(positive["participant"])
    counts = Counter(later[made | later["measure"].eq(PERCENT_CHANGE)]["arm"])
    if lacking := [arm.label for key, arm in trial.analysed_arms.items() if not counts[key]]:
        when = visit.label if later.empty else f"{visit.label} of participants with a baseline above zero"
        return f"{name} cannot be computed: no values at {when} in {' and '.join(lacking)}"
    if reading.faults.errors:
        return f"{name} cannot be computed until the faults are corrected and the questions answered"
    return f"{name} can be computed: {_counted(Counter({a.label: counts[k] for k, a in trial.analysed_arms.items()}))}"


def number_columns(plan: Plan) -> list[str]:
    """Return a line for each column of numbers of a block: place, header, how many, range."""
    lines = []
    for column in plan.columns:
        cells = [row[column.index] for row in plan.body if is_number(row[column.index])]
        if cells:
            what = f"{len(cells)} numbers, {min(cells):.6g} to {max(cells):.6g}"
            lines.append(f"{describe_place(plan, column)} {column.label or '(no header)'}: {what}")
    return lines


def describe_kind(plan: Plan) -> str:
    """Return the kind of a block in words."""
    kind = WORDS["kinds"].get(plan.kind, plan.kind)
    if plan.kind == "participants" and plan.cohort == POPULATION:
        kind = "population sample"
    return kind + (" (not read)" if plan.unread else "")


def describe_place(plan: Plan, column: Column) -> str:
    """Return the letter of a column, or the row of a block with participants across."""
    return ("row " if plan.block.sheet.turned else "") + plan.block.names[column.index]


def _found(source: Source, own, reading: Reading) -> list[str]:
    """Return one row of the table of variables."""
    plan, column, thing, n, people = source.plan, source.column, source.thing, len(own), len(reading.arms)
    percent, text, linked = source.measure == PERCENT_CHANGE, own["text"].any(), own["linked"].iloc[0]
    groups = sorted(set(own["stratum"]) - {""})
    if not linked:
        groups += [arm.label for key, arm in reading.trial.every_arm.items() if key in set(own["arm"])]
    confidence = column.confidence if not plan.mapped else "mapping"
    return [
        thing.label if thing else source.variable,
        reading.trial.visits[source.visit].label,
        "% change" if percent else "text" if text else "value",
        "population" if plan.cohort == POPULATION else " ".join(groups),
        plan.sheet,
        describe_place(plan, column),
        str(n),
        str(people - n) if linked and plan.cohort == TRIAL and people >= n else "",
        "" if text else f"{own['value'].min():.6g} to {own['value'].max():.6g}",
        "%" if percent else column.unit or (thing.unit if thing else ""),
        confidence + (f" ({column.why})" if column.why else ""),
    ]


def _needs(reading: Reading) -> list[str]:
    """Say what the analyses miss, most general first."""
    trial, own = reading.trial, reading.own
    if own.empty:
        return ["participants: no block was recognised as holding the trial's participants, by row or by group"]
    absent = [arm.label for key, arm in trial.analysed_arms.items() if own["arm"].any() and key not in set(own["arm"])]
    needs = [f"arm {label}: no participants" for label in absent]
    have, changes = variable_visits(own), variable_visits(own[own["measure"] == PERCENT_CHANGE])
    missing: dict[str, list[str]] = defaultdict(list)
    for key, outcome in trial.outcomes.items():
        as_changes = bool(outcome.follow_up) and all((key, visit) in changes for visit in outcome.follow_up)
        for visit in outcome.follow_up if as_changes else [BASELINE, *outcome.follow_up]:
            if (key, visit) not in have:
                missing[trial.families[outcome.family]].append(f"{outcome.label} at {trial.visits[visit].label}")
    for family, entries in missing.items():
        needs.append(f"{family}: {join_first(entries, MOST_NAMED)}")
    for key, marker in trial.markers.items():
        if (key, BASELINE) not in have and not (own["marker"].eq(key) & own["stratum"].ne("")).any():
            needs.append(f"{marker.label}: not found, so it defines no strata")
    if not own["linked"].any():
        needs.append('linked participants: the panels have no ids (the analyses skipped are listed under "Notes")')
    if trial.population and POPULATION not in set(reading.frame["cohort"]):
        needs.append(f"{trial.population.label}: not found, so its correlation of the markers with age is skipped")
    return needs


# -- text and page ------------------------------------------------------------------------------------------------


def render_text(sections: list[Section]) -> str:
    """Write the sections as plain text for a terminal; long lists are cut short."""
    blocks = []
    for title, rows, heads in sections:
        lines = ["  " * (not heads and bool(blocks)) + " ".join("  ".join(row).split()) for row in rows]
        lines = _table(heads, rows) if heads else lines
        rest = len(lines) - MOST_LINES
        more = [f"  and {rest:,} more (--html writes all)"] if rest > 0 else []
        blocks += ["\n".join([title + ":" * bool(blocks), *lines[:MOST_LINES], *more])] if rows else []
    if not any(section.rows for section in sections[-2:]):
        blocks.append("All data that the analyses need were found.")
    return "\n".join(map(_printable, "\n\n".join(blocks).split("\n"))) + "\n"


def _printable(text: object) -> str:
    """Return text on one line; a cell's content must not move the cursor, colour the terminal or spoil the page."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def _table(heads: Sequence[str], rows: list[list[str]]) -> list[str]:
    rows = [list(heads), *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    cut = ([c if len(c) <= w else c[: w - 1] + "…" for c, w in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in cut]


def render_html(sections: list[Section], reading: Reading) -> str:
    """Return the findings and the first cells of each sheet as one HTML text that needs no other file."""
    faulty = {(fault.sheet, fault.cell) for fault in reading.faults.found if fault.cell}
    sheets = [(sheet, [p for p in reading.plans if p.block.sheet is sheet]) for sheet in reading.workbook.sheets]
    drawn = [_drawn(sheet, plans, faulty) for sheet, plans in sheets]
    name, title = reading.workbook.path.name, reading.trial.title
    words = {"name": name, "trial": title, "sections": sections, "sheets": drawn, "printable": _printable}
    return template_engine().get_template("inspect.html.j2").render(words)


def _drawn(sheet: Sheet, plans: list[Plan], faulty: set[tuple[str, str]]) -> dict[str, object]:
    """Return the first rows and columns of a sheet with the class of each cell."""
    height, width = min(sheet.height, MOST_ROWS_DRAWN), min(sheet.width, MOST_COLUMNS_DRAWN)
    classes: dict[tuple[int, int], str] = {}
    for plan in plans:
        rows, columns = (range(min(size, MOST_COLUMNS_DRAWN)) for size in (plan.block.height, plan.block.width))
        for row, column in itertools.product(rows, columns):
            classes[plan.block.place(row, column)] = _class_of(plan, row, column)
    lines = []
    for r in range(height):
        cells = []
        for c, value in enumerate(sheet.rows[r][:width]):
            shown = value.shown if isinstance(value, Flag) else f"{value:.10g}" if type(value) is float else str(value)
            shown = shown if len(shown) <= MOST_LETTERS_DRAWN else shown[: MOST_LETTERS_DRAWN - 1] + "…"
            fault = " fault" if (sheet.name, sheet.address(r, c)) in faulty else ""
            cells.append((classes.get((r, c), "") + fault, shown))
        lines.append((sheet.row_name(sheet.row_numbers[r]), cells))
    rest = ((sheet.height - height, "rows"), (sheet.width - width, "columns"))
    return {
        "title": f"Sheet “{sheet.name}”" + (" (hidden)" if sheet.hidden else ""),
        "kinds": "; ".join(f"{plan.block.range}: {describe_kind(plan)}" for plan in plans[:30]) or "empty",
        "columns": [sheet.column_name(number) for number in sheet.column_numbers[:width]],
        "lines": lines,
        "rest": " and ".join(f"{number:,} more {what}" for number, what in rest if number),
    }


def _class_of(plan: Plan, row: int, column: int) -> str:
    if plan.kind not in READABLE:
        return "note" if plan.kind in ("note", "codebook") else "other"
    if row < plan.header.first_data and row not in plan.header.rows:
        return "note"
    role = plan.columns[column].role
    kind = "other" if plan.unread else "unused" if role in ("ignore", "unit") else role
    return kind + (" head" if row in plan.header.rows else "")


# -- the mapping file ---------------------------------------------------------------------------------------------

_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_PLAIN = re.compile(r"(?!(?:y|n|no|on|off|yes|true|false|null)$)[a-z][\w+]*", re.I)


def mapping_text(reading: Reading) -> str:
    """Return the mapping as commented YAML."""
    trial = reading.trial
    plans, unread = ([p for p in reading.plans if (p.kind in READABLE) == readable] for readable in (True, False))
    unknown = [plan for plan in unread if plan.kind in ("unknown", "results") and number_columns(plan)][:MOST_BLOCKS]
    groups = itertools.groupby(plans, key=lambda plan: _shape(plan, trial))
    content = {
        "name": reading.workbook.path.name,
        "trial": trial,
        "arms": trial.every_arm,
        "missing": sorted({fault.value for fault in reading.faults.errors if fault.kind == "missing code"}),
        "asked": reading.faults.lines(stops=True),
        "turned": [*map(_quoted, reading.policy.transpose)],
        "codes": {CODED[role]: _spellings(role, reading) for role in ("arm", "visit", "variable")},
        "blocks": [_entry(list(alike), trial) for _, alike in groups],
        "unread": unread,
        "unknown": [_entry([plan], trial) for plan in unknown],
    }
    helpers = {"quoted": _quoted, "plain": _plain, "comment": _comment, "kind_of": describe_kind}
    return template_engine().get_template("mapping.yaml.j2").render(**content, **helpers)


def _spellings(role: str, reading: Reading) -> dict[str, str | None]:
    """Return how cells spell arms, visits or variables, with what was read; None where nothing was."""
    meaning: dict[str, str | None] = {}
    for plan in reading.blocks:
        column, rows = plan.one(role), plan.rows[plan.rows["use"]]
        for position, found in rows[role].items() if column else ():
            cell = plan.cell(position, column)
            if cell != EMPTY and not isinstance(cell, Flag) and len(meaning) <= MOST_CODES:
                text = canonical_id(cell)
                meaning[text] = meaning.get(text) or found
    return meaning


def _shape(plan: Plan, trial: Trial) -> object:
    """Return what panels have to have in common to become one entry; other blocks are like none."""
    if plan.kind != "groups":
        return id(plan)
    return plan.header.first_data, plan.cohort, plan.unread, _columns(plan, trial, relative=True)


def _entry(plans: list[Plan], trial: Trial) -> dict[str, object]:
    """Return the entry of a block, or of several panels that differ only in place and in what they are of."""
    plan, said, several = plans[0], [_said(plan) for plan in plans], len(plans) > 1
    common = {key: value for key, value in said[0].items() if all(other.get(key) == value for other in said)}
    own = [{key: value for key, value in entry.items() if key not in common} for entry in said]
    panels = [(f"{panel.sheet}!{panel.block.range}", entry) for panel, entry in zip(plans, own, strict=True)]
    if plan.cohort == POPULATION:
        common["cohort"] = POPULATION
    kind, columns = plan.kind if plan.kind in READABLE else OPEN, _columns(plan, trial, relative=several)
    return {"plan": plan, "kind": kind, "said": common, "panels": panels if several else [], "columns": columns}


def _said(plan: Plan) -> dict[str, str]:
    """Return what a block says as a whole, with a question for what it does not say."""
    data, said = plan.data, {}
    for name in ("variable", "visit", "arm", "stratum", "measure"):
        value = getattr(plan, name)
        lacking = not value and "measured" in plan.unread and name in ("variable", "visit", "measure")
        if lacking or (name == "measure" and plan.unmeasured):
            said[name] = OPEN
        elif name == "measure" and value not in (VALUE, PERCENT_CHANGE, "percent_of_baseline"):
            continue
        elif value and (name in ("arm", "measure") or any(getattr(column, name) is None for column in data)):
            said[name] = value
    strata = plan.stratum or plan.one("stratum") or any(column.stratum for column in data)
    if "marker" in plan.unread:
        said["marker"] = OPEN
    elif plan.marker and plan.kind == "groups" and strata:
        said["marker"] = plan.marker
    return said


def _columns(plan: Plan, trial: Trial, *, relative: bool) -> list[tuple[str, dict, str]]:
    """Return name, what is said and a remark of each column."""
    names = plan.block.panel_names if relative else plan.block.names
    remarks = (" | ".join(filter(None, [column.label, column.why])) for column in plan.columns)
    every = zip(names, plan.columns, remarks, strict=True)
    return [(_plain(name), _column(column, plan, trial), _comment(remark)) for name, column, remark in every]


def _column(column: Column, plan: Plan, trial: Trial) -> dict[str, object]:
    """Return what the mapping says of a column, with a question for what nothing says; nothing for one that is ignored."""
    if column.role == "ignore" and not column.asked:
        return {}
    variable, measure = column.variable or plan.variable, None if column.measure == VALUE else column.measure
    if column.asked:
        variable = column.candidates[0] if len(column.candidates) == 1 else OPEN
        measure = measure if column.measure in (VALUE, "percent_of_baseline") else OPEN
    outcome, stated = trial.outcomes.get(variable or ""), plan.visit or plan.one("visit") or variable is None
    visit = column.visit or (None if stated else OPEN if outcome and outcome.follow_up else BASELINE)
    factor = column.factor if column.factor != 1.0 else None
    own = {"arm": column.arm, "stratum": column.stratum, "factor": factor, "unit": column.unit}
    if column.role not in ("data", "ignore"):
        said = {"is": OPEN if column.asked else column.role}
    elif column.asked:  # one question at least
        said = {"variable": variable if OPEN in (visit, measure) else OPEN, "visit": visit, "measure": measure}
    else:
        others = any(other.arm for other in plan.data) and not plan.one("arm")
        if others and plan.kind == "groups" and not (column.arm or column.stratum):
            own["arm"] = OPEN
        said = {"variable": column.variable, "visit": visit, "measure": measure, **own}
    return {key: value for key, value in said.items() if value} or {"is": "data"}


def _plain(value: object) -> str:
    """Return a value as YAML, in quotes only where it needs them."""
    return str(value) if isinstance(value, float) or _PLAIN.fullmatch(str(value)) else _quoted(str(value))


def _quoted(text: str) -> str:
    """Return text as a YAML string in double quotes."""
    return _UNPRINTABLE.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))


def _comment(text: str) -> str:
    """Return text that can stand behind a ``#``: one line, printable."""
    return _UNPRINTABLE.sub(" ", " ".join(str(text).split()))[:400]
