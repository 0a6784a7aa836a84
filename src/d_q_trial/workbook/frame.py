"""Put the values that were read into one long table."""

from __future__ import annotations

import numpy as np

from ..files import safe_text
from ..participants import COLUMNS, VALUE
from .extract import Chunk
from .plan import GROUPS, STRATUM, Plan
from .rows import Rows
from .sheets import column_letters


def stratum_chunks(plan: Plan, rows: Rows) -> list[Chunk]:
    """Return the column of strata of a block with ids, as text under the column's own name."""
    column = plan.one(STRATUM)
    if column is None or plan.kind == GROUPS or not any(rows.ids):
        return []
    first: dict[str, int] = {}
    for position, (identity, stratum) in enumerate(zip(rows.ids, rows.strata, strict=True)):
        if identity and stratum and rows.use[position]:
            first.setdefault(identity, position)
    positions = np.array(sorted(first.values()), dtype=int)
    texts = [str(rows.strata[i]) for i in positions]
    return [
        Chunk(
            plan, column, safe_text(column.label or "stratum"), "baseline", VALUE, column.marker or "", positions,
            np.full(len(positions), np.nan), [str(rows.ids[i]) for i in positions],
            [rows.arms[i] for i in positions], [None] * len(positions), True, texts,
        )
    ]  # fmt: skip


def make_frame(chunks: list[Chunk]):
    """Return the long table of all values, with the columns of ``participants.COLUMNS``.

    The columns of text are put together as Arrow arrays, which chunks of equal content share: a hundred thousand
    participants with fifty columns make five million rows.
    """
    import pyarrow as pa
    from pyarrow import compute

    parts: dict[str, list] = {name: [] for name in COLUMNS}
    constants: dict[tuple[str, int], pa.Array] = {}
    lists: dict[int, pa.Array] = {}
    numbers: dict[int, pa.Array] = {}
    alive = []  # keeps the lists in the cache from being replaced by others at the same address

    def constant(value: str, count: int):
        key = (value, count)
        if key not in constants:
            constants[key] = pa.repeat(pa.scalar(value, pa.large_string()), count)
        return constants[key]

    def texts(values: list):
        if id(values) not in lists:
            alive.append(values)
            lists[id(values)] = compute.fill_null(pa.array(values, pa.large_string()), "")
        return lists[id(values)]

    for chunk in chunks:
        count = len(chunk.positions)
        parts["cohort"].append(constant(chunk.plan.cohort, count))
        parts["participant"].append(texts(chunk.participants))
        parts["linked"].append(pa.array(np.full(count, chunk.linked)))
        parts["arm"].append(texts(chunk.arms))
        parts["marker"].append(constant(chunk.marker, count))
        parts["stratum"].append(constant("", count) if chunk.linked else texts(chunk.strata))
        parts["variable"].append(constant(chunk.variable, count))
        parts["visit"].append(constant(chunk.visit, count))
        parts["measure"].append(constant(chunk.measure, count))
        parts["value"].append(pa.array(np.asarray(chunk.values, dtype=float)))
        parts["text"].append(texts(chunk.texts) if chunk.texts else constant("", count))
        parts["sheet"].append(constant(safe_text(chunk.plan.sheet), count))
        parts["cell"].append(_cells(chunk, numbers))
    types = {"linked": pa.bool_(), "value": pa.float64()}
    columns = {
        name: pa.chunked_array(values, type=types.get(name, pa.large_string())) for name, values in parts.items()
    }
    frame = pa.table(columns).to_pandas()
    return frame.astype({"linked": bool, "value": float})


def _cells(chunk: Chunk, numbers: dict):
    """Return the addresses of a chunk's values; the texts of row numbers are made once per block."""
    import pyarrow as pa
    from pyarrow import compute

    block = chunk.plan.block
    if block.transposed or len(chunk.positions) < 1000:
        return pa.array([chunk.address(index) for index in range(len(chunk.positions))], pa.large_string())
    if id(block) not in numbers:
        rows = [block.sheet.row_numbers[block.place(row, 0)[0]] + 1 for row in range(block.height)]
        numbers[id(block)] = pa.array(rows).cast(pa.large_string())
    rows = numbers[id(block)]
    positions = chunk.positions + chunk.plan.header.first_data
    chosen = rows.slice(positions[0], len(positions))
    if len(positions) != positions[-1] - positions[0] + 1:
        chosen = rows.take(pa.array(positions))
    column = column_letters(block.sheet.column_numbers[block.place(0, chunk.column.index)[1]])
    return compute.binary_join_element_wise(
        pa.scalar(column, pa.large_string()), chosen, pa.scalar("", pa.large_string())
    )
