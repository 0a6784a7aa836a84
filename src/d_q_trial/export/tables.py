"""Describe the columns of the tables of an analysis: in Parquet, and in a Frictionless Data Package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..files import atomic, sha256, write_json
from ..results_table import KEYS

if TYPE_CHECKING:
    import pandas as pd

TABLES = {
    "results": "A row for each number of an analysis",
    "alternatives": "The same numbers under other test variants and quartile types",
    "claims": "A row for each reported value, with its verdict",
    "changes": "A row for each participant, outcome and visit",
    "exclusions": "Participants without a change, and the reason",
    "strata": "The stratum of each participant by each marker",
}
PRIMARY_KEYS = {"results": list(KEYS), "claims": ["claim"]}
# Type, description and constraints of every documented column, by its name.
COLUMNS = yaml.safe_load(Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8"))


def write_parquet(table: pd.DataFrame, path: Path, data_label: str | None) -> None:
    """Write results or claims in full precision, where the CSV file has twelve significant digits.

    Text columns become ``string``, numbers ``double`` and counts ``int32``. The description of a column stands in its
    metadata, the label of synthetic data in that of the table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"string": pa.string(), "number": pa.float64(), "integer": pa.int32()}
    known = {name: COLUMNS[name] for name in table}
    about = {"title": TABLES[path.stem]} | ({"data_label": data_label} if data_label else {})
    fields = [
        pa.field(name, kinds[column["type"]], column["type"] != "string", {"description": column["description"]})
        for name, column in known.items()
    ]
    schema = pa.schema(fields)
    with atomic(path) as temporary:
        written = pa.Table.from_pandas(table, schema, preserve_index=False)
        pq.write_table(written.replace_schema_metadata(about), temporary)


def table_schema(path: Path) -> dict[str, Any]:
    """Return the Table Schema of a CSV file of this package.

    Columns that ``columns.yaml`` does not document are numbers if every cell that is not empty is one, else text.
    """
    import pandas as pd

    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    fields = []
    for name in frame:
        inferred = "number" if pd.api.types.is_numeric_dtype(frame[name]) else "string"
        known = COLUMNS.get(name, {"type": inferred})
        constraints = {key: known[key] for key in ("enum", "minimum") if key in known}
        field = {"name": name} | {key: known[key] for key in ("type", "description") if key in known}
        fields.append(field | ({"constraints": constraints} if constraints else {}))
    key = {"primaryKey": PRIMARY_KEYS[path.stem]} if path.stem in PRIMARY_KEYS else {}
    return {"fields": fields, "missingValues": [""], **key}


def write_data_package(folder: Path, *, name: str, title: str, description: str) -> None:
    """Write ``datapackage.json``, which describes every CSV file of an analysis as a Frictionless Data Package."""
    resources = []
    for path in sorted(folder.rglob("*.csv")):
        if path.name.startswith("."):
            continue
        relative = path.relative_to(folder).as_posix()
        resource = {
            "name": "".join(c if c.isalnum() else "-" for c in relative.removesuffix(".csv")).lower(),
            "path": relative,
            "profile": "tabular-data-resource",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "bytes": path.stat().st_size,
            "hash": f"sha256:{sha256(path)}",
            "schema": table_schema(path),
        }
        resources.append(resource | ({"title": TABLES[path.stem]} if path.parent == folder else {}))
    head = {"profile": "tabular-data-package", "name": name, "title": title, "description": description}
    write_json(head | {"resources": resources}, folder / "datapackage.json")
