"""Say what was found in a workbook: blocks, variables, what is not used, what the analyses still need."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from ..participants import PERCENT_CHANGE, POPULATION, TRIAL
from ..trial import BASELINE, Trial
from .extract import Chunk
from .headers import is_number
from .plan import DATA, IGNORE, MAPPED, UNSURE, Plan
from .reader import Reading
from .sheets import column_letters

MOST_BLOCKS, MOST_COLUMNS = 40, 12  # of blocks that are not understood


@dataclass
class Found:
    """Values of one variable at one visit in one column."""

    variable: str
    visit: str
    measure: str
    sheet: str
    column: str
    n: int
    missing: int | None
    low: float | None
    high: float | None
    unit: str
    group: str
    confidence: str
    why: str


@dataclass
class Findings:
    """All that ``inspect`` tells."""

    found: list[Found] = field(default_factory=list)
    blocks: list[tuple[str, str, str, str]] = field(default_factory=list)  # sheet, range, kind, evidence
    unused: list[tuple[str, str, str, str]] = field(default_factory=list)  # sheet, column, label, why
    needs: list[str] = field(default_factory=list)
    numbers: list[tuple[str, str, list[str]]] = field(default_factory=list)  # blocks not understood: what is in them


def describe(reading: Reading, trial: Trial) -> Findings:
    """Collect the findings of one reading, in the order of the trial's variables and visits."""
    findings = Findings()
    order = {key: number for number, key in enumerate([*trial.outcomes, *trial.markers])}
    visits = list(trial.visits)
    chunks = sorted(
        reading.chunks, key=lambda c: (c.plan.cohort, order.get(c.variable, len(order)), visits.index(c.visit))
    )
    people = len(reading.people)
    for chunk in chunks:
        findings.found.append(_found(chunk, trial, people))
    for plan in reading.plans:
        findings.blocks.append((plan.sheet, plan.block.range, kind_of(plan), plan.unread or plan.evidence))
        if not plan.readable and (columns := number_columns(plan)):
            findings.numbers.append((plan.sheet, plan.block.range, columns))
        for column in plan.columns:
            if column.role == IGNORE and column.why != "empty" and plan.kind in ("participants", "long", "groups"):
                findings.unused.append((plan.sheet, place_of(plan, column.index), column.label, column.why))
    findings.needs = _needs(reading, trial)
    return findings


def number_columns(plan: Plan) -> list[str]:
    """Return a line for each column of numbers of a block: place, header, how many, range."""
    lines = []
    for column in plan.columns:
        cells = [value for value in plan.block.column(column.index)[plan.header.first_data :] if is_number(value)]
        if cells:
            label = column.label or "(no header)"
            span = f"{min(cells):.6g} to {max(cells):.6g}"
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


def _found(chunk: Chunk, trial: Trial, people: int) -> Found:
    plan, column = chunk.plan, chunk.column
    thing = trial.outcomes.get(chunk.variable) or trial.markers.get(chunk.variable)
    n = len(chunk.positions)
    missing = people - n if chunk.linked and plan.cohort == TRIAL and people >= n else None
    groups = sorted({s for s in chunk.strata if s}) + _arm_labels(chunk, trial)
    unit = column.unit or (thing.unit if thing else "")
    if plan.cohort == POPULATION:
        groups = ["population"]
    return Found(
        thing.label if thing else chunk.variable,
        trial.visits[chunk.visit].label,
        "% change" if chunk.measure == PERCENT_CHANGE else "value" if chunk.texts is None else "text",
        plan.sheet,
        place_of(plan, column.index),
        n,
        missing,
        None if chunk.texts else float(chunk.values.min()),
        None if chunk.texts else float(chunk.values.max()),
        "%" if chunk.measure == PERCENT_CHANGE else unit,
        " ".join(groups),
        column.confidence if plan.evidence != MAPPED else "mapping",
        column.why,
    )


def _arm_labels(chunk: Chunk, trial: Trial) -> list[str]:
    """Return the arms of a column of groups; a column of participants holds all of them."""
    arms = (trial.arms.treated, trial.arms.control, *trial.arms.others)
    return [] if chunk.linked else [arm.label for arm in arms if arm.key in chunk.arms]


def _needs(reading: Reading, trial: Trial) -> list[str]:
    """Say what the analyses miss, most general first."""
    own = [chunk for chunk in reading.chunks if chunk.plan.cohort == TRIAL]
    if not own:
        return ["participants: no block was recognised as holding the trial's participants, by row or by group"]
    needs = []
    present = {arm for chunk in own for arm in set(chunk.arms)}
    for key, arm in trial.analysed_arms.items():
        if key not in present and present != {None}:
            needs.append(f"arm {arm.label}: nobody is in it")
    have = {(c.variable, c.visit, c.measure) for c in own}
    given = {(variable, visit) for variable, visit, measure in have if measure == PERCENT_CHANGE}
    raw = {(variable, visit) for variable, visit, measure in have if measure != PERCENT_CHANGE}
    missing: dict[str, list[str]] = defaultdict(list)
    for key, outcome in trial.outcomes.items():
        for visit in [BASELINE, *outcome.follow_up]:
            if (key, visit) not in raw | given and not (visit == BASELINE and _all_given(key, outcome, given)):
                missing[outcome.family].append(f"{outcome.label} at {trial.visits[visit].label}")
    for family, entries in missing.items():
        shown = ", ".join(entries[:8]) + (f" and {len(entries) - 8} more" if len(entries) > 8 else "")
        needs.append(f"{trial.families[family]}: {shown}")
    linked = any(chunk.linked for chunk in own)
    for key, marker in trial.markers.items():
        has_strata = any(chunk.marker == key and any(chunk.strata) for chunk in own)
        if (key, BASELINE) not in raw and not has_strata:
            needs.append(f"{marker.label}: not found, so there are no strata by it")
    if not linked:
        needs.append('linked participants: the panels have no ids (what is skipped for that stands under "To know")')
    if trial.population and not any(c.plan.cohort == POPULATION for c in reading.chunks):
        needs.append(f"{trial.population.label}: not found, so its correlation of the markers with age is skipped")
    return needs


def _all_given(key: str, outcome, given: set[tuple[str, str]]) -> bool:
    return bool(outcome.follow_up) and all((key, visit) in given for visit in outcome.follow_up)


def unsure_columns(plan: Plan) -> list:
    """Return the columns that may hold something, but were not used."""
    return [column for column in plan.columns if column.role == IGNORE and column.confidence == UNSURE]


def as_text(findings: Findings, reading: Reading) -> str:
    """Write the findings as plain text for a terminal."""
    lines = [f"{reading.workbook.path.name}: {len(reading.workbook.sheets)} sheets, {len(findings.blocks)} blocks", ""]
    blocks = [list(map(_clean, block)) for block in _notes_counted(findings.blocks)]
    lines += _table(["Sheet", "Block", "What it is", "Why"], blocks)
    if findings.found:
        heads = [
            "Variable",
            "Visit",
            "Measure",
            "Group",
            "Sheet",
            "Column",
            "n",
            "missing",
            "range",
            "unit",
            "confidence",
        ]
        rows = [
            [
                f.variable, f.visit, f.measure, f.group, f.sheet, f.column, str(f.n),
                "" if f.missing is None else str(f.missing),
                "" if f.low is None or f.high is None else f"{f.low:.6g} to {f.high:.6g}",
                f.unit, f.confidence + (f" ({f.why})" if f.why else ""),
            ]
            for f in findings.found
        ]  # fmt: skip
        lines += ["", *_table(heads, [list(map(_clean, row)) for row in rows])]
    if findings.unused:
        lines += ["", "Columns that are not used:"]
        lines += [f"  {_clean(s)}!{c}: {_clean(t) or '(no header)'}: {_clean(w)}" for s, c, t, w in findings.unused]
    if findings.numbers:
        lines += ["", "Blocks with numbers from which nothing is taken:"]
        for sheet, cells, columns in findings.numbers[:MOST_BLOCKS]:
            lines.append(f"  {_clean(sheet)}!{cells}")
            lines += [f"    {_clean(entry)}" for entry in columns[:MOST_COLUMNS]]
            if len(columns) > MOST_COLUMNS:
                lines.append(f"    and {len(columns) - MOST_COLUMNS} more columns")
        if len(findings.numbers) > MOST_BLOCKS:
            lines.append(f"  and {len(findings.numbers) - MOST_BLOCKS} more blocks")
    for title, entries in (
        ("Faults that keep the workbook from being used:", [str(fault) for fault in reading.faults.errors]),
        ("To know:", [*reading.workbook.remarks, *reading.faults.notes]),
        ("What the analyses still need:", findings.needs),
    ):
        if entries:
            lines += ["", title, *(f"  {_clean(entry)}" for entry in entries)]
    if not findings.needs and not reading.faults.errors:
        lines += ["", "Everything that the analyses need is there."]
    return "\n".join(lines) + "\n"


def _notes_counted(blocks: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Replace several notes of one sheet by their number."""
    notes = Counter(sheet for sheet, _, kind, _ in blocks if kind == "note")
    told: set[str] = set()
    short = []
    for sheet, cells, kind, why in blocks:
        if kind == "note" and notes[sheet] > 2:
            if sheet not in told:
                short.append((sheet, f"{cells} ...", f"{notes[sheet]} notes", why))
                told.add(sheet)
        else:
            short.append((sheet, cells, kind, why))
    return short


def _clean(text: object) -> str:
    """Return one printable line; a cell's text must not move the cursor or colour the terminal."""
    return "".join(c if c.isprintable() else " " for c in " ".join(str(text).split()))


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    widths = [min(width, 48) for width in widths]
    lines = []
    for row in [heads, ["-" * width for width in widths], *rows]:
        cells = [
            cell if len(cell) <= width else cell[: width - 1] + "…" for cell, width in zip(row, widths, strict=True)
        ]
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    return lines


__all__ = ["DATA", "Findings", "Found", "as_text", "describe", "kind_of", "place_of", "unsure_columns"]
