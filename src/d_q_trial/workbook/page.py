"""Draw the sheets of a workbook as a page, with the recognised blocks coloured."""

from __future__ import annotations

from html import escape

from ..trial import Trial
from .describe import Findings, kind_of
from .plan import ARM, DATA, PARTICIPANT, STRATUM, VARIABLE, VISIT, Plan
from .reader import Reading
from .sheets import EMPTY, Flag, Sheet, column_letters

MOST_ROWS, MOST_COLUMNS = 45, 60
ROLES = {
    PARTICIPANT: "participant",
    ARM: "arm",
    VISIT: "visit",
    VARIABLE: "variable",
    STRATUM: "stratum",
    DATA: "data",
}
STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:110rem;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
table{border-collapse:collapse;font-size:13px}td,th{border:1px solid #d5d5d5;padding:2px 6px;text-align:left}
.list td,.list th{vertical-align:top}.num{text-align:right}
.sheet{overflow:auto;max-height:34rem;border:1px solid #bbb}
.sheet td{white-space:nowrap;max-width:16rem;overflow:hidden;
text-overflow:ellipsis}.sheet th{background:#f0f0f0;font-weight:400;color:#555;position:sticky;top:0}
.head{font-weight:600;border-bottom:2px solid #444}
.participant{background:#cfe3f7}.arm{background:#ffe0b0}.visit{background:#d9ccf0}.variable{background:#f6c9dc}
.stratum{background:#f3ecae}.data{background:#cdeccf}.unused{background:#ececec;color:#555}
.note{background:#fff;color:#333;font-style:italic}.other{background:#f7e3df}
.fault{outline:3px solid #c1121f;outline-offset:-3px}
.key span{display:inline-block;padding:1px 10px;margin:0 .4rem .4rem 0;border:1px solid #bbb}
.faults li{margin:.2rem 0}code{font-size:13px}
"""


def page(findings: Findings, reading: Reading, trial: Trial) -> str:
    """Return the page as one HTML text that needs no other file."""
    name = escape(reading.workbook.path.name)
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>{name}: what was found</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{name}: what was found</h1><p>Read by the names of the trial “{escape(trial.title)}”.</p>",
        _key(),
        _entries("Faults that keep the workbook from being used", [str(f) for f in reading.faults.errors]),
        _entries("What the analyses still need", findings.needs),
        _entries("To know", [*reading.workbook.remarks, *reading.faults.notes]),
        _variables(findings),
        _entries(
            "Columns that are not used", [f"{s}!{c}: {t or '(no header)'}: {w}" for s, c, t, w in findings.unused]
        ),
        _blocks(findings),
    ]
    faulty = {(f.sheet, f.cell) for f in reading.faults.found if f.cell}
    for sheet in reading.workbook.sheets:
        parts.append(_sheet(sheet, [p for p in reading.plans if p.block.sheet is sheet], faulty))
    return "\n".join(filter(None, parts)) + "</main></body></html>\n"


def _key() -> str:
    entries = [(css, css) for css in dict.fromkeys(ROLES.values())]
    entries += [("unused", "column not used"), ("note", "note or codebook"), ("other", "other block, not read")]
    spans = "".join(f"<span class='{css}'>{text}</span>" for css, text in entries)
    return f"<p class='key'>{spans}<span class='fault'>fault or remark</span></p>"


def _entries(title: str, entries: list[str]) -> str:
    if not entries:
        return ""
    items = "".join(f"<li>{_text(entry)}</li>" for entry in entries)
    return f"<h2>{escape(title)}</h2><ul class='faults'>{items}</ul>"


def _variables(findings: Findings) -> str:
    if not findings.found:
        return ""
    heads = ["Variable", "Visit", "Measure", "Group", "Sheet", "Column", "n", "Missing", "Range", "Unit", "Confidence"]
    rows = []
    for f in findings.found:
        span = "" if f.low is None or f.high is None else f"{f.low:.6g} to {f.high:.6g}"
        missing = "" if f.missing is None else str(f.missing)
        cells = [f.variable, f.visit, f.measure, f.group, f.sheet, f.column, str(f.n), missing, span, f.unit]
        cells.append(f.confidence + (f" ({f.why})" if f.why else ""))
        rows.append(
            "".join(f"<td{' class=num' if i in (6, 7) else ''}>{_text(cell)}</td>" for i, cell in enumerate(cells))
        )
    return _list("Variables", heads, rows)


def _blocks(findings: Findings) -> str:
    rows = ["".join(f"<td>{_text(cell)}</td>" for cell in block) for block in findings.blocks]
    return _list("Blocks", ["Sheet", "Cells", "What it is", "Why"], rows)


def _list(title: str, heads: list[str], rows: list[str]) -> str:
    head = "".join(f"<th scope='col'>{head}</th>" for head in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<h2>{title}</h2><table class='list'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _sheet(sheet: Sheet, plans: list[Plan], faulty: set[tuple[str, str]]) -> str:
    """Draw the first rows and columns of a sheet."""
    classes: dict[tuple[int, int], str] = {}
    rows, columns = range(min(sheet.height, MOST_ROWS)), range(min(sheet.width, MOST_COLUMNS))
    for plan in plans:
        _colour(plan, classes, len(rows), len(columns))
    heads = "".join(f"<th scope='col'>{column_letters(sheet.column_numbers[c])}</th>" for c in columns)
    lines = []
    for r in rows:
        cells = []
        for c in columns:
            value = sheet.rows[r][c]
            css = classes.get((r, c), "")
            if (sheet.name, sheet.address(r, c)) in faulty:
                css = f"{css} fault".strip()
            attribute = f" class='{css}'" if css else ""
            cells.append(f"<td{attribute}>{_cell(value)}</td>")
        lines.append(f"<tr><th scope='row'>{sheet.row_numbers[r] + 1}</th>{''.join(cells)}</tr>")
    rest = []
    if sheet.height > MOST_ROWS:
        rest.append(f"{sheet.height - MOST_ROWS:,} more rows")
    if sheet.width > MOST_COLUMNS:
        rest.append(f"{sheet.width - MOST_COLUMNS:,} more columns")
    more = f"<p>… and {' and '.join(rest)}, read but not drawn.</p>" if rest else ""
    kinds = "; ".join(f"{plan.block.range}: {kind_of(plan)}" for plan in plans[:30]) or "empty"
    drawn = f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>" if lines else ""
    title = f"Sheet “{_text(sheet.name)}”" + (" (hidden)" if sheet.hidden else "")
    box = (
        f"<div class='sheet' tabindex='0' role='region' aria-label='Cells of the sheet'>{drawn}</div>" if drawn else ""
    )
    return f"<h2>{title}</h2><p>{_text(kinds)}</p>{box}{more}"


def _colour(plan: Plan, classes: dict[tuple[int, int], str], rows: int, columns: int) -> None:
    block = plan.block
    readable = plan.kind in ("participants", "long", "groups")
    for row in range(block.height):
        for column in range(block.width):
            place = block.place(row, column)
            if place[0] >= rows or place[1] >= columns:
                if not block.transposed and place[0] >= rows:
                    return
                continue
            if not readable:
                css = "note" if plan.kind in ("note", "codebook") else "other"
            elif plan.unread:
                css = "other"
            else:
                css = ROLES.get(plan.columns[column].role, "unused")
            if readable and row in plan.header.rows:
                css += " head"
            if readable and row < plan.header.first_data and row not in plan.header.rows:
                css = "note"
            classes[place] = css


def _cell(value: object) -> str:
    if value == EMPTY:
        return ""
    if isinstance(value, Flag):
        return _text(value.shown)
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    return _text(text if len(text) <= 120 else text[:117] + "…")


def _text(value: object) -> str:
    """Return text for HTML, without characters that HTML does not allow."""
    return escape("".join(c if c.isprintable() or c == " " else " " for c in str(value)), quote=True)
