"""Store the results and claims of an analysis as Parquet, with the meaning of every column."""

from pathlib import Path

import pandas as pd

from ..files import atomic, read_yaml_beside

# Every documented column by its name, as a field of a Table Schema.
COLUMNS = read_yaml_beside(__file__, "columns")


def write_parquet(table: pd.DataFrame, path: Path, data_label: str | None) -> None:
    """Write results or claims in full precision, where the CSV file has twelve significant digits.

    Text columns become ``string``, numbers ``double`` and counts ``int32``. The metadata of a column hold its description,
    and those of the table the label of synthetic data.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"string": pa.string(), "number": pa.float64(), "integer": pa.int32()}
    fields = []
    for name in table:
        kind, description = COLUMNS[name]["type"], COLUMNS[name]["description"]
        fields.append(pa.field(name, types[kind], kind != "string", {"description": description}))
    metadata = {"data_label": data_label} if data_label else {}
    arrow_table = pa.Table.from_pandas(table, pa.schema(fields), preserve_index=False)
    with atomic(path) as temporary:
        pq.write_table(arrow_table.replace_schema_metadata(metadata), temporary)
