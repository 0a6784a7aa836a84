"""Check the tables of an analysis against their schema, write them as Parquet and describe every CSV file."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..claims import VERDICTS
from ..errors import UserError
from ..files import LABEL_COLUMN, atomic, read_header, sha256, write_json
from ..results_table import COLUMNS, KEYS

if TYPE_CHECKING:
    import pandas as pd

SUMMARIES = ("n", "median", "q1", "q3", "minimum", "maximum", "mean", "sd", "count", "percent")
MOST_FAULTS = 10
# Bounds of single statistics; the schema of a column cannot state them.
BOUNDS = {
    **dict.fromkeys(("p", "mann_whitney_effect", "p_trend"), (0.0, 1.0)),
    **dict.fromkeys(("n", "u", "sd", "count", "chi_squared"), (0.0, math.inf)),
    "percent": (0.0, 100.0),
    "spearman_r": (-1.0, 1.0),
}
TABLES = {
    "results": "A row for each number of an analysis",
    "alternatives": "The same numbers under other test variants and quartile types",
    "claims": "A row for each reported value, with its verdict",
    "changes": "A row for each participant, outcome and visit",
    "exclusions": "Participants without a change, and the reason",
    "strata": "The stratum of each participant by each marker",
}
PRIMARY_KEYS = {"results": list(KEYS), "claims": ["claim"]}


@cache
def columns() -> dict[str, dict[str, Any]]:
    """Return type, description and constraints of every documented column, by its name."""
    import yaml

    documented = yaml.safe_load(Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8"))
    documented["verdict"]["enum"] = list(VERDICTS)
    return documented


def table_schema(path: Path) -> dict[str, Any]:
    """Return the Table Schema of a CSV file of this package.

    Columns that ``columns.yaml`` does not document are numbers if every cell that is not empty is one, else text.
    """
    fields = []
    for name in read_header(path):
        known = columns().get(name) or {"type": _inferred_type(path, name)}
        field = {"name": name, "type": known["type"]}
        field |= {"description": known["description"]} if "description" in known else {}
        constraints = {key: known[key] for key in ("enum", "minimum", "maximum") if key in known}
        fields.append(field | ({"constraints": constraints} if constraints else {}))
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    key = PRIMARY_KEYS.get(path.stem)
    return schema | ({"primaryKey": key} if key else {})


@cache
def _text_columns(path: Path) -> frozenset[str]:
    import pandas as pd

    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    return frozenset(name for name in frame if not pd.api.types.is_numeric_dtype(frame[name]))


def _inferred_type(path: Path, name: str) -> str:
    return "string" if name in _text_columns(path) else "number"


def data_package(folder: Path, files: list[Path], *, name: str, title: str, description: str) -> dict[str, Any]:
    """Describe every CSV file of a folder as a Frictionless Data Package, with a Table Schema each."""
    resources = []
    for path in files:
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
    return {
        "profile": "tabular-data-package",
        "name": name,
        "title": title,
        "description": description,
        "resources": resources,
    }


def write_data_package(folder: Path, *, name: str, title: str, description: str) -> None:
    """Write ``datapackage.json``, which describes every CSV file of an analysis."""
    files = [path for path in sorted(folder.rglob("*.csv")) if not path.name.startswith(".")]
    package = data_package(folder, files, name=name, title=title, description=description)
    write_json(package, folder / "datapackage.json")


def check_table(frame: pd.DataFrame, name: str) -> list[str]:
    """Return what departs from the schema in a table of results or claims, one line each.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table as text, missing cells empty.
    name : {"results", "claims"}
    """
    import pandas as pd

    faults = []
    for column in frame:
        known = columns()[column]
        if "enum" in known:
            wrong = ~frame[column].isin([*known["enum"], ""])
            faults += [f"row {row + 2}, {column}: {frame[column][row]!r} is not allowed" for row in frame.index[wrong]]
        if known["type"] == "string":
            continue
        numbers = pd.to_numeric(frame[column], errors="coerce")
        wrong = frame[column].ne("") & ~numbers.abs().lt(math.inf)
        if known["type"] == "integer":
            wrong |= (numbers % 1).gt(0) | numbers.lt(known.get("minimum", -math.inf))
        faults += [
            f"row {row + 2}, {column}: {frame[column][row]!r} is not a possible {known['type']}"
            for row in frame.index[wrong]
        ]
    key = PRIMARY_KEYS[name]
    again = frame.index[frame.duplicated(key)]
    faults += [f"row {row + 2}: a second row for {', '.join(filter(None, frame.loc[row, key]))}" for row in again]
    return faults + (_check_results(frame) if name == "results" and not faults else [])


def _check_results(frame: pd.DataFrame) -> list[str]:
    """A value is missing only with a reason; bounded statistics stay within their bounds."""
    import pandas as pd

    value = pd.to_numeric(frame["value"])
    one_value = frame["statistic"].eq("sd") & pd.to_numeric(frame["n_first"]).eq(1)
    silent = value.isna() & frame["reason"].eq("") & ~one_value
    low, high = (frame["statistic"].map({name: pair[side] for name, pair in BOUNDS.items()}) for side in (0, 1))
    outside = value.lt(low) | value.gt(high)
    # A correlation may name neither; a trend names the strata that it compares and the arm within which it does.
    free = frame["measure"].eq("correlation") | frame["statistic"].isin(("z_trend", "p_trend"))
    both = frame["contrast"].ne("").eq(frame["group"].ne("")) & ~free
    rules = {
        "has neither a value nor a reason": silent,
        "is outside its bounds": outside,
        "needs either a contrast or a group": both,
    }
    return [
        f"row {row + 2}: {frame['statistic'][row]} = {frame['value'][row]!r} {words}"
        for words, wrong in rules.items()
        for row in frame.index[wrong]
    ]


def write_parquet(table: Path, path: Path, data_label: str | None) -> pd.DataFrame:
    """Check a CSV file of results or claims and write it as Parquet; return it as text.

    Text columns become ``string``, numbers ``double`` and counts ``int32``. The description of a column stands in its
    metadata, the label of synthetic data in that of the table.

    Raises
    ------
    UserError
        If the table departs from its schema, with the first ten faults; nothing is written then.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame = pd.read_csv(table, dtype=str, keep_default_na=False).drop(columns=LABEL_COLUMN, errors="ignore")
    unknown = [name for name in frame if name not in columns()]
    missing = [name for name in (COLUMNS if table.stem == "results" else ["claim", "verdict"]) if name not in frame]
    faults = [f"unknown columns {unknown}, missing columns {missing}"] if unknown or missing else []
    faults = faults or check_table(frame, table.stem)
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise UserError("\n  ".join([f"{table}: {len(faults)} fault(s)", *faults[:MOST_FAULTS], *more]))
    types = {"string": pa.string(), "number": pa.float64(), "integer": pa.int32()}
    fields, arrays = [], []
    for name in frame:
        known = columns()[name]
        if known["type"] == "string":
            values = frame[name].tolist()
        else:
            convert = float if known["type"] == "number" else lambda text: int(float(text))
            values = [convert(text) if text else None for text in frame[name]]
        kind = types[known["type"]]
        arrays.append(pa.array(values, kind))
        fields.append(pa.field(name, kind, known["type"] != "string", {"description": known["description"]}))
    about = {"title": TABLES[table.stem]} | ({"data_label": data_label} if data_label else {})
    with atomic(path) as temporary:
        pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=about)), temporary)
    return frame


def documentation() -> str:
    """Return the tables of columns in ``docs/schema.md``."""
    lines = ["| column | type | meaning |", "|---|---|---|"]
    for name, known in columns().items():
        allowed = ", ".join(f"`{value}`" for value in known.get("enum", ()))
        more = f" One of {allowed}." if allowed else ""
        lines.append(f"| `{name}` | {known['type']} | {known['description']}{more} |")
    return "\n".join(lines) + "\n"
