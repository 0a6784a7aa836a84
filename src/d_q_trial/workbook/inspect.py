"""Describe how a workbook was read: as text, and as a page with its sheets drawn."""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from ..pages import template_engine, text_engine
from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..recognition.spelling import WORDS
from ..recognition.vocabulary import canonical_id
from ..spreadsheet.sheets import EMPTY, Flag, is_number, join_first, make_printable
from ..trial import BASELINE
from .mapping import READABLE, BlockPlan, Column
from .reader import WorkbookReading, synthetic_label
from .values import Source, variable_visits

MAX_LINES = 200  # of a list in the terminal
MAX_NAMED = 8
MAX_CODES = 500
MAX_ROWS_DRAWN, MAX_COLUMNS_DRAWN, MAX_LETTERS_DRAWN = 45, 60, 120  # fewer rows than columns
WIDEST = 48  # characters of a column of a printed table
HEADS = ("Variable", "Visit", "Measure", "Group", "Sheet", "Column", "n", "missing", "range", "unit", "confidence")


def describe(reading: WorkbookReading) -> dict[str, Any]:
    """Return a title, the lines of the summary, and sections: the blocks, the variables, and lists; the questions are last.

    A section is a title, its heads (none for a list of lines) and its rows of texts.
    """
    trial, plans = reading.trial, reading.plans
    order = {key: number for number, key in enumerate([*trial.outcomes, *trial.markers])}
    blocks = [[p.sheet, p.block.range, describe_kind(p), p.unread_reason or p.evidence] for p in plans]
    numbers = {plan: describe_number_columns(plan) for plan in plans if not plan.readable}

    def sort_key(group: tuple[Source, pd.DataFrame]) -> tuple[str, int, int]:
        source, _ = group
        return source.plan.cohort, order.get(source.variable, len(order)), [*trial.visits].index(source.visit)

    sources = sorted(reading.frame.groupby("source", sort=False), key=sort_key)
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
    return {
        "title": f"{reading.workbook.path.name}: {sizes}",
        "summary": _summarize(reading),
        "complete": not any([*lists.values()][-2:]),
        "sections": [
            ("Blocks", ("Sheet", "Block", "What it is", "Why"), blocks),
            ("Variables", HEADS, [_variable_row(source, rows, reading) for source, rows in sources]),
            *((title, (), [[text] for text in texts]) for title, texts in lists.items()),
        ],
    }


def _list_unused(plan: BlockPlan) -> list[str]:
    """Return a line for each reason why columns of a block are not used, with the first of these columns."""
    columns: dict[str, list[str]] = defaultdict(list)
    for column in (column for column in plan.columns_of("ignore") if column.why != "empty"):
        columns[column.why].append(_describe_column(plan, column))
    block = f"{plan.sheet}!{plan.block.range}"
    return [f"{block}: {why}: {join_first(names, MAX_NAMED)}" for why, names in columns.items()]


def _render_lines(template: str, **facts: Any) -> list[str]:
    """Return the lines of a template, without blank ones."""
    text = text_engine().get_template(template).render(facts)
    return [line for line in text.splitlines() if line.strip()]


def _summarize(reading: WorkbookReading) -> list[str]:
    """Return the first lines: synthetic or not, primary endpoint, faults, participants, and how labels are written."""
    trial, rows = reading.trial, reading.trial_rows
    labels = {key: arm.label for key, arm in trial.every_arm.items()}
    measured = variable_visits(rows)
    complete = [k for k, o in trial.outcomes.items() if {(k, v) for v in o.follow_up or [BASELINE]} <= measured]
    spellings: dict[str, list[tuple[str, str, int]]] = {}
    for title, role in (("Arms", "arm"), ("Visits", "visit")):
        sizes = Counter(rows.groupby(role)["participant"].nunique().to_dict()) | Counter(reading.arms.values())
        written = collect_spellings(role, reading).items()
        spellings[title] = [(text, key, sizes[key]) for text, key in written if key and text.casefold() != key]
    categorical = rows[rows["text"].ne("") & rows["arm"].isin(trial.analysed_arms)]
    return _render_lines(
        "inspect_summary.j2",
        label=synthetic_label(reading.workbook),
        trial=trial,
        endpoint=trial.primary and _examine_primary_endpoint(reading),
        faults=len(reading.faults.errors),
        sizes=Counter(map(labels.get, reading.arms.values())),
        complete=len(complete),
        spellings=spellings,
        strata={source.variable: Counter(texts) for source, texts in categorical.groupby("source", sort=False)["text"]},
        most=MAX_NAMED,
        quoted=partial(json.dumps, ensure_ascii=False),
    )


def _examine_primary_endpoint(reading: WorkbookReading) -> dict[str, Any]:
    """Return the number of percent changes of the primary endpoint by the label of the arm, and whether it has later values."""
    trial = reading.trial
    rows = reading.trial_rows[reading.trial_rows["variable"] == trial.primary.outcome]
    later = rows[rows["visit"] == trial.primary.visit]
    baselines = rows[rows["visit"].eq(BASELINE) & rows["value"].gt(0)]
    computable = later["linked"] & later["measure"].eq(VALUE) & later["participant"].isin(baselines["participant"])
    counts = Counter(later[computable | later["measure"].eq(PERCENT_CHANGE)]["arm"])
    return {"sizes": {arm.label: counts[key] for key, arm in trial.analysed_arms.items()}, "later": len(later)}


def collect_spellings(role: str, reading: WorkbookReading) -> dict[str, str | None]:
    """Return the arm, visit or variable that each spelling in the cells was read as; None where it was not understood."""
    meanings: dict[str, str | None] = {}
    for plan in reading.read_plans:
        column, rows = plan.column_of(role), plan.rows[plan.rows["use"]]
        for position, key in rows[role].items() if column else ():
            cell = plan.cell(position, column)
            if cell != EMPTY and not isinstance(cell, Flag) and len(meanings) <= MAX_CODES:
                text = canonical_id(cell)
                meanings[text] = meanings.get(text) or key
    return meanings


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
    """Return what the analyses lack, besides the arms that the faults name."""
    trial, rows = reading.trial, reading.trial_rows
    measured, changes = variable_visits(rows), variable_visits(rows[rows["measure"] == PERCENT_CHANGE])
    missing: dict[str, list[str]] = defaultdict(list)
    for key, outcome in trial.outcomes.items():
        as_changes = bool(outcome.follow_up) and all((key, visit) in changes for visit in outcome.follow_up)
        for visit in outcome.follow_up if as_changes else [BASELINE, *outcome.follow_up]:
            if (key, visit) not in measured:
                missing[trial.families[outcome.family]].append(f"{outcome.label} at {trial.visits[visit].label}")
    with_strata = {*rows.loc[rows["stratum"].ne(""), "marker"], *(key for key, visit in measured if visit == BASELINE)}
    return _render_lines(
        "inspect_needs.j2",
        rows=rows,
        missing={family: join_first(entries, MAX_NAMED) for family, entries in missing.items()},
        markers=[marker.label for key, marker in trial.markers.items() if key not in with_strata],
        population=trial.population if POPULATION not in set(reading.frame["cohort"]) else None,
    )


# -- text and page ------------------------------------------------------------------------------------------------


def render_text(findings: dict[str, Any]) -> str:
    """Return the findings as plain text for a terminal; long lists are cut short."""
    template = text_engine().get_template("inspect.txt.j2")
    text = template.render(findings, table=_format_table, most=MAX_LINES)
    return "\n".join(map(make_printable, text.split("\n")))


def _format_table(heads: Sequence[str], rows: list[list[str]]) -> list[str]:
    rows = [list(heads), *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return ["  ".join(map(str.ljust, map(_shorten, row, widths), widths)).rstrip() for row in rows]


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def render_html(findings: dict[str, Any], reading: WorkbookReading) -> str:
    """Return the findings and the first cells of each sheet as one HTML text that needs no other file."""
    classes: dict[str, dict[tuple[int, int], str]] = {sheet.name: {} for sheet in reading.workbook.sheets}
    for plan in reading.plans:
        rows, columns = range(min(plan.block.height, MAX_ROWS_DRAWN)), range(min(plan.block.width, MAX_COLUMNS_DRAWN))
        for row, column in itertools.product(rows, columns):
            classes[plan.sheet][plan.block.place(row, column)] = _cell_class(plan, row, column)
    content = {
        "reading": reading,
        "classes": classes,
        "faulty": {(fault.sheet, fault.cell) for fault in reading.faults.found if fault.cell},
        "limits": (MAX_ROWS_DRAWN, MAX_COLUMNS_DRAWN),
    }
    functions = {"printable": make_printable, "shown": _show_cell, "kind_of": describe_kind}
    return template_engine().get_template("inspect.html.j2").render(findings, **content, **functions)


def _show_cell(value: object) -> str:
    text = value.shown if isinstance(value, Flag) else f"{value:.10g}" if type(value) is float else str(value)
    return _shorten(text, MAX_LETTERS_DRAWN)


def _cell_class(plan: BlockPlan, row: int, column: int) -> str:
    if plan.kind not in READABLE:
        return "note" if plan.kind in ("note", "codebook") else "other"
    if row < plan.header.first_data and row not in plan.header.rows:
        return "note"
    role = plan.columns[column].role
    kind = "other" if plan.unread_reason else "unused" if role in ("ignore", "unit") else role
    return kind + (" head" if row in plan.header.rows else "")
