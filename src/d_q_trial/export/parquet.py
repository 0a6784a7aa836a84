"""Write a table as Parquet, if it satisfies its schema."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from ..files import LABEL_COLUMN, atomic
from .schema import COUNT, NUMBER, Schema


def write_parquet(table: Path, schema: Schema, path: Path, data_label: str | None) -> list[dict[str, str]]:
    """Check a CSV of this package and write it as Parquet.

    Returns
    -------
    list of dict
        The rows as text.

    Raises
    ------
    UserError
        If the table departs from its schema; nothing is written then.
    """
    with table.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        # The label stands in the metadata of the Parquet file instead.
        header, rows = [name for name in reader.fieldnames or [] if name != LABEL_COLUMN], list(reader)
    try:
        schema.check(header, rows)
    except UserError as error:
        raise UserError(f"{table}: {error}") from None
    _write(rows, schema, path, data_label)
    return rows


def _write(rows: Sequence[Mapping[str, str]], schema: Schema, path: Path, data_label: str | None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {NUMBER: pa.float64(), COUNT: pa.int32()}
    fields, arrays = [], []
    for column in schema.columns:
        kind = types.get(column.kind, pa.string())
        texts = [row[column.name] for row in rows]
        if column.kind == NUMBER:
            values = [float(text) if text else None for text in texts]
        elif column.kind == COUNT:
            values = [int(float(text)) if text else None for text in texts]
        else:
            values = texts
        arrays.append(pa.array(values, kind))
        fields.append(pa.field(column.name, kind, column.kind != "text", {"description": column.meaning}))
    about = {"title": schema.title} | ({"data_label": data_label} if data_label else {})
    with atomic(path) as temporary:
        pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=about)), temporary)
