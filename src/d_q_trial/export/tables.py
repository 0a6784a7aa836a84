"""Describe the columns of the tables of an analysis: in Parquet, and in a Frictionless Data Package."""

from pathlib import Path
from typing import Any

import pandas as pd

from ..files import atomic, read_yaml_beside, write_json
from ..results_table import KEYS
from .manifest import list_outputs

PRIMARY_KEYS = {"results": list(KEYS), "claims": ["claim"]}
CSV_FORMAT = {"profile": "tabular-data-resource", "format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}
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


def table_schema(path: Path) -> dict[str, Any]:
    """Return the Table Schema of a CSV file of this package.

    A column without a type in ``columns.yaml`` is a number if all its non-empty cells are numbers, else text.
    """
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    fields = []
    for name in frame:
        inferred = "number" if pd.api.types.is_numeric_dtype(frame[name]) else "string"
        fields.append({"name": name, "type": inferred} | COLUMNS.get(name, {}))
    key = {"primaryKey": PRIMARY_KEYS[path.stem]} if path.stem in PRIMARY_KEYS else {}
    return {"fields": fields, "missingValues": [""], **key}


def write_data_package(folder: Path, *, name: str, title: str, description: str) -> None:
    """Write ``datapackage.json``, which describes every CSV file of an analysis as a Frictionless Data Package."""
    resources = []
    for path, file in list_outputs(folder).items():
        if not path.endswith(".csv"):
            continue
        name_of_table = "".join(c if c.isalnum() else "-" for c in path.removesuffix(".csv")).lower()
        sizes = {"bytes": file["bytes"], "hash": f"sha256:{file['sha256']}"}
        schema = table_schema(folder / path)
        resources.append({"name": name_of_table, "path": path, **CSV_FORMAT, **sizes, "schema": schema})
    package = {"profile": "tabular-data-package", "name": name, "title": title, "description": description}
    write_json(package | {"resources": resources}, folder / "datapackage.json")
