"""Parquet, data package, CDISC ARS, RO-Crate and manifest of a finished analysis."""

import csv
import json
import math
from typing import Literal

import analysis_folder
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, ConfigDict

from d_q_trial import cli as command_line
from d_q_trial.config import settings
from d_q_trial.errors import UserError
from d_q_trial.export import manifest, tables
from d_q_trial.export.run import write_exports
from d_q_trial.trial import load_trial

LABEL = "Synthetic data: not the trial's participants"


@pytest.fixture(scope="module")
def chosen():
    return settings.load("tests/config.yaml")


@pytest.fixture(scope="module")
def participants(folder, chosen):
    return folder.parent / "workbooks" / chosen.analyses["published"].workbook_id


@pytest.fixture(scope="module")
def folder(tmp_path_factory, chosen):
    folder = analysis_folder.write(tmp_path_factory.mktemp("results"))
    _export(folder, folder.parent / "workbooks" / chosen.analyses["published"].workbook_id, chosen)
    return folder


def _export(folder, participants, chosen):
    write_exports(folder, participants, chosen, load_trial(chosen.trial), "published", "Snakefile")


@pytest.fixture(scope="module")
def rows(folder):
    return _rows(folder / "results.csv")


def _rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# Parquet and its schema


@pytest.mark.parametrize("name", ["results", "claims"])
def test_parquet_holds_what_the_csv_file_holds(folder, name):
    table = pq.read_table(folder / "export" / f"{name}.parquet")
    text = _rows(folder / f"{name}.csv")
    assert table.num_rows == len(text) > 1000
    for column in table.column_names:
        values = table.column(column).to_pylist()
        written = [row[column] for row in text]
        if tables.columns()[column]["type"] == "string":
            assert values == written
        else:
            assert values == [float(cell) if cell else None for cell in written]


def test_parquet_carries_the_label_and_the_meaning_of_its_columns(folder):
    schema = pq.read_schema(folder / "export" / "results.parquet")
    assert schema.metadata[b"data_label"].decode() == LABEL
    for field in schema:
        assert field.metadata[b"description"].decode() == tables.columns()[field.name]["description"]


def test_the_documented_columns_are_those_that_are_checked():
    with open("docs/schema.md", encoding="utf-8") as stream:
        assert tables.documentation() in stream.read()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "1.5"}, r"row 2: p = '1\.5' is outside its bounds"),
        ({"value": "x"}, r"row 2, value: 'x' is not a possible number"),
        ({"value": "inf"}, r"row 2, value: 'inf' is not a possible number"),
        ({"value": ""}, r"row 2: p = '' has neither a value nor a reason"),
        ({"n_first": "2.5"}, r"row 2, n_first: '2\.5' is not a possible integer"),
        ({"n_first": "-1"}, r"row 2, n_first: '-1' is not a possible integer"),
        ({"measure": "pp"}, r"row 2, measure: 'pp' is not allowed"),
        ({"contrast": ""}, r"needs either a contrast or a group"),
    ],
)
def test_a_faulty_cell_is_named_with_row_column_and_value(rows, change, message, tmp_path):
    row = next(row for row in rows if row["statistic"] == "p" and row["measure"] != "correlation")
    _write_parquet([row], tmp_path)
    with pytest.raises(UserError, match=message):
        _write_parquet([row | change], tmp_path)


def test_a_trend_names_its_strata_and_its_arm(rows, tmp_path):
    row = next(row for row in rows if row["statistic"] == "p" and row["measure"] != "correlation")
    trend = {"statistic": "p_trend", "contrast": "trend T1 < T2 < T3", "group": "control"}
    _write_parquet([row | trend], tmp_path)


def test_two_rows_with_one_key_are_refused(rows, tmp_path):
    with pytest.raises(UserError, match="row 3: a second row for"):
        _write_parquet([rows[0], rows[0]], tmp_path)


def test_a_missing_column_is_named(rows, tmp_path):
    with pytest.raises(UserError, match=r"missing columns \['value'\]"):
        _write_parquet([{name: cell for name, cell in rows[0].items() if name != "value"}], tmp_path)


def test_a_faulty_table_leaves_no_file_behind(rows, tmp_path):
    with pytest.raises(UserError, match=r"results\.csv: 1 fault"):
        _write_parquet([rows[0] | {"measure": "percent"}], tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def _write_parquet(rows, folder):
    pd.DataFrame(rows).to_csv(folder / "results.csv", index=False)
    tables.write_parquet(folder / "results.csv", folder / "results.parquet", LABEL)


# Frictionless Data Package


def test_every_csv_file_is_a_resource_with_its_columns(folder):
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    resources = {resource["path"]: resource for resource in package["resources"]}
    assert resources.keys() == {path.relative_to(folder).as_posix() for path in folder.rglob("*.csv")}
    for path, resource in resources.items():
        fields = [field["name"] for field in resource["schema"]["fields"]]
        assert fields == list(pd.read_csv(folder / path, nrows=0))
    assert LABEL in package["description"]


# CDISC Analysis Results Standard, version 1.0: the classes that are used, with their required attributes


class _Class(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Condition(_Class):
    dataset: str
    variable: str
    comparator: Literal["EQ", "NE", "GT", "GE", "LT", "LE", "IN", "NOTIN"]
    value: list[str]


class _Clause(_Class):
    level: int
    order: int
    condition: _Condition


class _Compound(_Class):
    logicalOperator: Literal["AND", "OR", "NOT"]  # noqa: N815
    whereClauses: list[_Clause]  # noqa: N815


class _Group(_Class):
    id: str
    name: str
    label: str
    level: int
    order: int
    condition: _Condition | None = None
    compoundExpression: _Compound | None = None  # noqa: N815


class _Grouping(_Class):
    id: str
    name: str
    label: str
    groupingDataset: str  # noqa: N815
    groupingVariable: str  # noqa: N815
    dataDriven: bool  # noqa: N815
    groups: list[_Group]


class _Operation(_Class):
    id: str
    name: str
    label: str
    order: int


class _Method(_Class):
    id: str
    name: str
    description: str
    operations: list[_Operation]


class _ResultGroup(_Class):
    groupingId: str  # noqa: N815
    groupId: str  # noqa: N815


class _Ordered(_Class):
    order: int
    groupingId: str  # noqa: N815
    resultsByGroup: bool  # noqa: N815


class _Reason(_Class):
    controlledTerm: Literal[  # noqa: N815
        "SPECIFIED IN PROTOCOL", "SPECIFIED IN SAP", "DATA DRIVEN", "REQUESTED BY REGULATORY AGENCY"
    ]


class _Purpose(_Class):
    controlledTerm: Literal[  # noqa: N815
        "PRIMARY OUTCOME MEASURE", "SECONDARY OUTCOME MEASURE", "EXPLORATORY OUTCOME MEASURE"
    ]


class _Item(_Class):
    name: str
    level: int
    order: int
    analysisId: str | None = None  # noqa: N815
    sublist: "_List | None" = None


class _List(_Class):
    listItems: list[_Item]  # noqa: N815


class _Contents(_Class):
    name: str
    contentsList: _List  # noqa: N815


class _Result(_Class):
    operationId: str  # noqa: N815
    resultGroups: list[_ResultGroup]  # noqa: N815
    rawValue: str | None = None  # noqa: N815
    formattedValue: str  # noqa: N815


class _Analysis(_Class):
    id: str
    version: int
    name: str
    reason: _Reason
    purpose: _Purpose
    dataset: str
    variable: str
    analysisSetId: str | None = None  # noqa: N815
    dataSubsetId: str  # noqa: N815
    methodId: str  # noqa: N815
    orderedGroupings: list[_Ordered]  # noqa: N815
    results: list[_Result]


class _Event(_Class):
    id: str
    version: int
    name: str
    label: str
    description: str
    mainListOfContents: _Contents  # noqa: N815
    referenceDocuments: list[dict[str, str]]  # noqa: N815
    analysisSets: list[_Group]  # noqa: N815
    dataSubsets: list[_Group]  # noqa: N815
    analysisGroupings: list[_Grouping]  # noqa: N815
    methods: list[_Method]
    analyses: list[_Analysis]


@pytest.fixture(scope="module")
def event(folder):
    return _Event.model_validate_json((folder / "export" / "ars.json").read_text(encoding="utf-8"))


def test_every_result_is_in_the_reporting_event_as_computed(event, rows):
    raw = [result.rawValue or "" for analysis in event.analyses for result in analysis.results]
    assert sorted(raw) == sorted(row["value"] for row in rows)


def test_every_reference_in_the_reporting_event_leads_to_an_entry(event):
    sets, subsets = ({entry.id for entry in entries} for entries in (event.analysisSets, event.dataSubsets))
    groups = {grouping.id: {group.id for group in grouping.groups} for grouping in event.analysisGroupings}
    operations = {method.id: {operation.id for operation in method.operations} for method in event.methods}
    ids = [analysis.id for analysis in event.analyses]
    assert len(set(ids)) == len(ids)
    for analysis in event.analyses:
        assert analysis.analysisSetId is None or analysis.analysisSetId in sets
        assert analysis.dataSubsetId in subsets
        assert {ordered.groupingId for ordered in analysis.orderedGroupings} <= groups.keys()
        for result in analysis.results:
            assert result.operationId in operations[analysis.methodId]
            assert all(group.groupId in groups[group.groupingId] for group in result.resultGroups)
    items = event.mainListOfContents.contentsList.listItems
    listed = [entry.analysisId for item in items for entry in item.sublist.listItems]
    assert sorted(listed) == sorted(ids)


def test_a_formatted_value_has_the_digits_of_the_article(event):
    name = "AN_ctx_percent_change_week_20_all_d_q_.2d_control"
    primary = next(analysis for analysis in event.analyses if analysis.id == name)
    p = next(result for result in primary.results if result.operationId.endswith("_P"))
    printed = next(
        row for row in _rows_of_tests() if row["outcome"] == "ctx" and row["visit"] == "week_20" and row["p"]
    )
    assert p.formattedValue == printed["p"]
    assert math.isclose(float(p.rawValue), float(printed["p"]), abs_tol=0.0005)


def _rows_of_tests():
    with open("data/published/tests.csv", encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["source"] == "paper" and row["stratum"] == "all"]


def test_the_reporting_event_says_that_the_data_are_synthetic(event):
    assert event.label.startswith(LABEL)


# RO-Crate


@pytest.fixture(scope="module")
def crate(folder):
    graph = json.loads((folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    return {entity["@id"]: entity for entity in graph}


def test_the_crate_lists_every_output_with_its_checksum(folder, crate):
    listed = manifest.read(folder / "manifest.json")["files"]
    assert len(listed) > 5
    for name, entry in listed.items():
        assert crate[name]["sha256"] == entry["sha256"]


def test_the_crate_says_what_was_run_on_what(participants, crate):
    root, run = crate["./"], crate["#run"]
    assert root["mainEntity"] == run["instrument"] == {"@id": "export/Snakefile"}
    assert {"Workflow Run Crate", "Process Run Crate"} <= {crate[p["@id"]]["name"] for p in root["conformsTo"]}
    source = json.loads((participants / "participants.json").read_text(encoding="utf-8"))["source"]
    given = {crate[entity["@id"]].get("name"): crate[entity["@id"]].get("sha256") for entity in run["object"]}
    assert given[source["name"]] == source["sha256"]
    assert {"@id": "results.csv"} in run["result"]
    assert LABEL in root["description"]


def test_the_crate_is_read_again_by_the_library(folder, crate):
    """By the library, as others would read it; profiles as in Workflow Run RO-Crate 0.5."""
    from rocrate.rocrate import ROCrate

    read = ROCrate(folder)
    assert read.mainEntity.id == "export/Snakefile"
    assert set(read.mainEntity.type) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert read.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    (action,) = (entity for entity in read.contextual_entities if entity.type == "CreateAction")
    assert len(action["result"]) > 5
    assert {entity.id for entity in action["result"]} <= {entity.id for entity in read.data_entities}
    profiles = {entity["@id"] for entity in crate["./"]["conformsTo"]}
    assert {
        "https://w3id.org/ro/wfrun/process/0.5",
        "https://w3id.org/ro/wfrun/workflow/0.5",
        "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
    } <= profiles
    described = crate["ro-crate-metadata.json"]["conformsTo"]
    described = {entity["@id"] for entity in (described if isinstance(described, list) else [described])}
    assert "https://w3id.org/ro/crate/1.1" in described


def test_every_reference_of_the_crate_leads_to_an_entity(crate):
    def references(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else (r for v in value.values() for r in references(v))
        elif isinstance(value, list):
            yield from (r for v in value for r in references(v))

    outside = {r for entity in crate.values() for r in references(entity)} - crate.keys()
    assert all(name.startswith("https://") for name in outside), outside


# Manifest


def test_the_same_outputs_are_reported_as_the_same(folder, capsys):
    assert command_line.main(["verify", str(folder), "--against", str(folder / "manifest.json")]) == 0
    assert "none not" in capsys.readouterr().out


def test_a_changed_a_missing_and_a_new_output_are_named(folder, tmp_path, capsys):
    copy = analysis_folder.write(tmp_path)
    (copy / "results.csv").write_text((copy / "results.csv").read_text().replace("0", "1", 1))
    (copy / "strata.csv").unlink()
    (copy / "more.csv").write_text("a\n")
    (copy / "logs").mkdir()
    (copy / "logs" / "results.log").write_text("any")
    differences = manifest.compare(copy, folder / "manifest.json")
    assert differences["differs"] == ["results.csv"]
    assert "strata.csv" in differences["missing"]
    assert differences["new"] == ["more.csv"]
    assert command_line.main(["verify", str(copy), "--against", str(folder / "manifest.json")]) == 1
    assert "differs: results.csv" in capsys.readouterr().out


HEX = "0" * 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a manifest"),
        ("[]", "not a manifest"),
        ('{"files": {"a": 1}}', "not a manifest"),
        ('{"analysis": "x", "files": []}', "not a manifest"),
        ('{"files": {}}', "not a manifest"),
        ("\x00", "not a manifest"),
        (f'{{"analysis": "x", "files": {{"../a": {{"sha256": "{HEX}"}}}}}}', r"'\.\./a' leads out of the folder"),
        (f'{{"analysis": "x", "files": {{"/a": {{"sha256": "{HEX}"}}}}}}', "'/a' leads out of the folder"),
        ('{"analysis": "x", "files": {"a": {"sha256": null}}}', "a: None is not a sha256"),
    ],
)
def test_something_else_than_a_manifest_is_refused(folder, tmp_path, text, message):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        manifest.compare(folder, path)


def test_a_folder_or_nothing_is_no_manifest(folder, tmp_path):
    with pytest.raises(UserError, match=r"a folder; name the manifest in it"):
        manifest.compare(folder, tmp_path)
    with pytest.raises(UserError, match="no such manifest"):
        manifest.compare(folder, tmp_path / "none.json")
    with pytest.raises(UserError, match="not a manifest"):
        manifest.compare(folder, folder / "export" / "results.parquet")


def test_a_manifest_of_another_analysis_is_named(folder, participants, capsys):
    manifest.write(participants, "median_split", LABEL, {})
    other = participants / "manifest.json"
    assert command_line.main(["verify", str(folder), "--against", str(other)]) == 1
    assert "the manifest is of the analysis 'median_split'" in capsys.readouterr().err
    other.unlink()
