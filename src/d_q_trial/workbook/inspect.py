"""Describe how a workbook was read: as text, as a page with its sheets drawn, and as a mapping file to complete."""

import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from ..pages import template_engine
from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..recognition.cells import WORDS
from ..spreadsheet.sheets import Flag, Sheet, is_number, join_first, make_printable
from ..trial import BASELINE, Trial
from .mapping import CODE_SECTIONS, READABLE, TO_FILL_IN, BlockPlan, Column
from .reader import synthetic_label
from .reading import WorkbookReading
from .values import Source, variable_visits

MAX_LINES = 200  # of a list in the terminal
MAX_NAMED = 8
MAX_ROWS_DRAWN, MAX_COLUMNS_DRAWN, MAX_LETTERS_DRAWN = 45, 60, 120  # fewer rows than columns
WIDEST = 48  # characters of a column of a printed table
MAX_BLOCKS = 40  # that were not understood, in a mapping file
HEADS = ("Variable", "Visit", "Measure", "Group", "Sheet", "Column", "n", "missing", "range", "unit", "confidence")
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UNQUOTED = re.compile(r"(?!(?:y|n|no|on|off|yes|true|false|null)$)[a-z][\w+]*", re.I)


class Section(NamedTuple):
    """A list of texts, or a table if it has heads."""

    title: str
    rows: list[list[str]]
    heads: tuple[str, ...] = ()


def describe(reading: WorkbookReading) -> list[Section]:
    """Return the summary, the blocks, the variables in the order of the trial, and the questions to answer."""
    trial, plans = reading.trial, reading.plans
    order = {key: number for number, key in enumerate([*trial.outcomes, *trial.markers])}
    blocks = [[p.sheet, p.block.range, describe_kind(p), p.unread_reason or p.evidence] for p in plans]
    numbers = {plan: describe_number_columns(plan) for plan in plans if not plan.readable}

    def sort_key(source: Source) -> tuple[str, int, int]:
        return source.plan.cohort, order.get(source.variable, len(order)), [*trial.visits].index(source.visit)

    sources = sorted(reading.frame.groupby("source", sort=False), key=lambda group: sort_key(group[0]))
    lists = {
        "Columns that are not used": [line for plan in plans if plan.kind in READABLE for line in _list_unused(plan)],
        "Blocks with numbers that are not used": [
            f"{p.sheet}!{p.block.range}: {join_first(lines, MAX_NAMED, '; ')}" for p, lines in numbers.items() if lines
        ],
        "Notes": [*reading.workbook.remarks, *reading.faults.lines(stops=False)],
        "What the analyses still need": _list_needs(reading),
        # Last, since a terminal shows the end of its output.
        "Faults and questions that prevent the use of the workbook": reading.faults.lines(stops=True),
    }
    counts = {"sheet": len(reading.workbook.sheets), "block": len(plans)}
    sizes = ", ".join(f"{number} {noun}{'s' * (number != 1)}" for noun, number in counts.items())
    return [
        Section(f"{reading.workbook.path.name}: {sizes}", [[line] for line in _summarize(reading)]),
        Section("Blocks", blocks, ("Sheet", "Block", "What it is", "Why")),
        Section("Variables", [_variable_row(source, rows, reading) for source, rows in sources], HEADS),
        *(Section(title, [[text] for text in texts]) for title, texts in lists.items()),
    ]


def _list_unused(plan: BlockPlan) -> list[str]:
    """Return a line for each reason why columns of a block are not used, with the first of these columns."""
    columns: dict[str, list[str]] = defaultdict(list)
    for column in (column for column in plan.columns_of("ignore") if column.why != "empty"):
        columns[column.why].append(_describe_column(plan, column))
    block = f"{plan.sheet}!{plan.block.range}"
    return [f"{block}: {why}: {join_first(names, MAX_NAMED)}" for why, names in columns.items()]


def _summarize(reading: WorkbookReading) -> list[str]:
    """Return the first lines: synthetic or not, primary endpoint, faults, participants, and how labels are written."""
    trial, rows = reading.trial, reading.trial_rows
    endpoint = trial.primary and _describe_primary_endpoint(reading)
    lines = list(filter(None, (synthetic_label(reading.workbook), endpoint)))
    if count := len(reading.faults.errors):
        lines.append(f"Faults and questions, listed below: {count}")
    if reading.arms:
        sizes = Counter(trial.every_arm[arm].label for arm in reading.arms.values())
        lines.append(f"{len(reading.arms)} participants: {', '.join(f'{n} {label}' for label, n in sizes.items())}")
    measured = variable_visits(rows)
    complete = [k for k, o in trial.outcomes.items() if {(k, v) for v in o.follow_up or [BASELINE]} <= measured]
    lines.append(f"{len(complete)} of {len(trial.outcomes)} outcomes have values at every visit analysed")
    for title, role in (("Arms", "arm"), ("Visits", "visit")):
        sizes = Counter(rows.groupby(role)["participant"].nunique().to_dict()) | Counter(reading.arms.values())
        read = {t: k for t, k in reading.collect_spellings(role).items() if k not in (None, "ignore", t.casefold())}
        codes = [f"{text} = {key} (n = {sizes[key]})" for text, key in read.items()]
        lines += [f"{title} as written: {', '.join(codes)}"] if codes else []
    categorical = rows[rows["text"].ne("") & rows["arm"].isin(trial.analysed_arms)]
    for source, texts in categorical.groupby("source", sort=False)["text"]:
        counts = Counter(texts)
        strata = ", ".join(f"{text} ({n})" for text, n in [*counts.items()][:MAX_NAMED])
        column, labels = (json.dumps(value, ensure_ascii=False) for value in (source.variable, sorted(counts)))
        rule = f"{{by: column, column: {column}, labels: {labels}}}"
        lines.append(f"Strata in a column: {strata}; an analysis uses them by strata: {rule}, the lowest label first")
    return lines


def _describe_primary_endpoint(reading: WorkbookReading) -> str:
    """Return whether percent change can be computed for the primary endpoint, with n per arm or what prevents it."""
    trial = reading.trial
    outcome, visit = trial.outcomes[trial.primary.outcome], trial.visits[trial.primary.visit]
    name = f"Primary endpoint ({outcome.label}, percent change from baseline to {visit.label})"
    rows = reading.trial_rows[reading.trial_rows["variable"].eq(outcome.key) & reading.trial_rows["stratum"].eq("")]
    later, baselines = rows[rows["visit"] == visit.key], rows[rows["visit"].eq(BASELINE) & rows["value"].gt(0)]
    computable = later["linked"] & later["measure"].eq(VALUE) & later["participant"].isin(baselines["participant"])
    counts = Counter(later[computable | later["measure"].eq(PERCENT_CHANGE)]["arm"])
    if lacking := [arm.label for key, arm in trial.analysed_arms.items() if not counts[key]]:
        when = visit.label if later.empty else f"{visit.label} of participants with a baseline above zero"
        return f"{name} cannot be computed: no values at {when} in {' and '.join(lacking)}"
    if reading.faults.errors:
        return f"{name} cannot be computed until the faults are corrected and the questions answered"
    sizes = ", ".join(f"{counts[key]} {arm.label}" for key, arm in trial.analysed_arms.items())
    return f"{name} can be computed: {sizes}"


def describe_number_columns(plan: BlockPlan) -> list[str]:
    """Return a line for each column of numbers of a block: its place, header, how many, range."""
    lines = []
    for column in plan.columns:
        if numbers := [cell for cell in plan.cells(column) if is_number(cell)]:
            span = f"{len(numbers)} numbers, {min(numbers):.6g} to {max(numbers):.6g}"
            lines.append(f"{_describe_column(plan, column)}: {span}")
    return lines


def describe_kind(plan: BlockPlan) -> str:
    """Return the kind of a block as text."""
    is_sample = plan.kind == "participants" and plan.cohort == POPULATION
    kind = "population sample" if is_sample else WORDS["kinds"].get(plan.kind, plan.kind)
    return kind + (" (not read)" if plan.unread_reason else "")


def _column_place(plan: BlockPlan, column: Column) -> str:
    """Return the letter of a column, or the row of a block with a participant in each column."""
    return ("row " if plan.block.sheet.turned else "") + plan.block.names[column.index]


def _describe_column(plan: BlockPlan, column: Column) -> str:
    return f"{_column_place(plan, column)} {column.label or '(no header)'}"


def _variable_row(source: Source, rows: pd.DataFrame, reading: WorkbookReading) -> list[str]:
    """Return the cells below ``HEADS`` for one source, given its rows of the long table."""
    plan, column, variable, n, total = source.plan, source.column, source.definition, len(rows), len(reading.arms)
    percent, text, linked = source.measure == PERCENT_CHANGE, rows["text"].any(), rows["linked"].iloc[0]
    groups = sorted(set(rows["stratum"]) - {""})
    if not linked:
        groups += [arm.label for key, arm in reading.trial.every_arm.items() if key in set(rows["arm"])]
    return [
        variable.label if variable else source.variable,
        reading.trial.visits[source.visit].label,
        "% change" if percent else "text" if text else "value",
        "population" if plan.cohort == POPULATION else " ".join(groups),
        plan.sheet,
        _column_place(plan, column),
        str(n),
        str(total - n) if linked and plan.cohort == TRIAL and total >= n else "",
        "" if text else f"{rows['value'].min():.6g} to {rows['value'].max():.6g}",
        "%" if percent else column.unit or (variable.unit if variable else ""),
        ("mapping" if plan.mapped else column.confidence) + (f" ({column.why})" if column.why else ""),
    ]


def _list_needs(reading: WorkbookReading) -> list[str]:
    """Return what the analyses lack, most general first."""
    trial, rows = reading.trial, reading.trial_rows
    if rows.empty:
        return ["participants: no block was recognised as holding the trial's participants, by row or by group"]
    measured, changes = variable_visits(rows), variable_visits(rows[rows["measure"] == PERCENT_CHANGE])
    missing: dict[str, list[str]] = defaultdict(list)
    for key, outcome in trial.outcomes.items():
        as_changes = bool(outcome.follow_up) and all((key, visit) in changes for visit in outcome.follow_up)
        for visit in outcome.follow_up if as_changes else [BASELINE, *outcome.follow_up]:
            if (key, visit) not in measured:
                missing[trial.families[outcome.family]].append(f"{outcome.label} at {trial.visits[visit].label}")
    needs = [f"{family}: {join_first(entries, MAX_NAMED)}" for family, entries in missing.items()]
    for key, marker in trial.markers.items():
        if (key, BASELINE) not in measured and not (rows["marker"].eq(key) & rows["stratum"].ne("")).any():
            needs.append(f"{marker.label}: not found, so it defines no strata")
    if not rows["linked"].any():
        needs.append('linked participants: the panels have no ids (the analyses skipped are listed under "Notes")')
    if trial.population and POPULATION not in set(reading.frame["cohort"]):
        needs.append(f"{trial.population.label}: not found, so its correlation of the markers with age is skipped")
    return needs


# -- text and page ------------------------------------------------------------------------------------------------


def render_text(sections: list[Section]) -> str:
    """Write the sections as plain text for a terminal; long lists are cut short."""
    blocks: list[str] = []
    for title, rows, heads in (section for section in sections if section.rows):
        indent, colon = ("  ", ":") if blocks else ("", "")
        lines = _format_table(heads, rows) if heads else [indent + " ".join("  ".join(row).split()) for row in rows]
        omitted = len(lines) - MAX_LINES
        more = [f"  and {omitted:,} more (--html writes all)"] if omitted > 0 else []
        blocks.append("\n".join([title + colon, *lines[:MAX_LINES], *more]))
    if not any(section.rows for section in sections[-2:]):
        blocks.append("All data that the analyses need were found.")
    return "\n".join(map(make_printable, "\n\n".join(blocks).split("\n"))) + "\n"


def _format_table(heads: Sequence[str], rows: list[list[str]]) -> list[str]:
    rows = [list(heads), *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return ["  ".join(map(str.ljust, map(_shorten, row, widths), widths)).rstrip() for row in rows]


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def render_html(sections: list[Section], reading: WorkbookReading) -> str:
    """Return the sections and the first cells of each sheet as one HTML text that needs no other file."""
    faulty = {(fault.sheet, fault.cell) for fault in reading.faults.found if fault.cell}
    sheets = [(sheet, [p for p in reading.plans if p.block.sheet is sheet]) for sheet in reading.workbook.sheets]
    drawn = [_draw_sheet(sheet, plans, faulty) for sheet, plans in sheets]
    name, title = reading.workbook.path.name, reading.trial.title
    content = {"name": name, "trial": title, "sections": sections, "sheets": drawn, "printable": make_printable}
    return template_engine().get_template("inspect.html.j2").render(content)


def _draw_sheet(sheet: Sheet, plans: list[BlockPlan], faulty: set[tuple[str, str]]) -> dict[str, object]:
    """Return the first rows and columns of a sheet with the CSS class of each cell."""
    height, width = min(sheet.height, MAX_ROWS_DRAWN), min(sheet.width, MAX_COLUMNS_DRAWN)
    classes: dict[tuple[int, int], str] = {}
    for plan in plans:
        rows, columns = (range(min(size, MAX_COLUMNS_DRAWN)) for size in (plan.block.height, plan.block.width))
        for row, column in itertools.product(rows, columns):
            classes[plan.block.place(row, column)] = _cell_class(plan, row, column)
    lines = []
    for r in range(height):
        cells = []
        for c, value in enumerate(sheet.rows[r][:width]):
            text = value.shown if isinstance(value, Flag) else f"{value:.10g}" if type(value) is float else str(value)
            fault = " fault" if (sheet.name, sheet.address(r, c)) in faulty else ""
            cells.append((classes.get((r, c), "") + fault, _shorten(text, MAX_LETTERS_DRAWN)))
        lines.append((sheet.row_name(r), cells))
    omitted = ((sheet.height - height, "rows"), (sheet.width - width, "columns"))
    return {
        "title": f"Sheet “{sheet.name}”" + (" (hidden)" if sheet.hidden else ""),
        "kinds": "; ".join(f"{plan.block.range}: {describe_kind(plan)}" for plan in plans[:30]) or "empty",
        "columns": [*map(sheet.column_name, range(width))],
        "lines": lines,
        "rest": " and ".join(f"{number:,} more {noun}" for number, noun in omitted if number),
    }


def _cell_class(plan: BlockPlan, row: int, column: int) -> str:
    if plan.kind not in READABLE:
        return "note" if plan.kind in ("note", "codebook") else "other"
    if row < plan.header.first_data and row not in plan.header.rows:
        return "note"
    role = plan.columns[column].role
    kind = "other" if plan.unread_reason else "unused" if role in ("ignore", "unit") else role
    return kind + (" head" if row in plan.header.rows else "")


# -- mapping file --------------------------------------------------------------------------------------------------


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
