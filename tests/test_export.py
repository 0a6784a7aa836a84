"""Parquet, data package, CDISC ARS, RO-Crate and manifest of a finished analysis."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote
from xml.etree import ElementTree

import pandas as pd
import pipeline
import pyarrow.parquet as pq
import pytest
import yaml
from pipeline import CHOSEN, LABEL, TRIAL

from d_q_trial import claims, cli
from d_q_trial.config import settings
from d_q_trial.config.types import Quantile
from d_q_trial.errors import UserError
from d_q_trial.export import ars, manifest, tables, verify
from d_q_trial.export import crate as crate_of
from d_q_trial.files import read_csv, read_rows, write_csv
from d_q_trial.participants import read_description


@pytest.fixture(scope="module")
def folder(finished):
    return finished[0] / "results/published"


@pytest.mark.parametrize("name", ["results", "claims"])
def test_parquet_has_the_csv_file_in_full_precision_and_describes_its_columns(folder, name):
    stored, csv = pq.read_table(folder / "export" / f"{name}.parquet"), read_csv(folder / f"{name}.csv")
    descriptions = {field.name: field.metadata[b"description"].decode() for field in stored.schema}
    assert descriptions == {column: tables.COLUMNS[column]["description"] for column in csv}
    assert stored.schema.metadata[b"data_label"].decode() == LABEL
    table = stored.to_pandas()
    assert len(table) == len(csv) > 1000
    assert list(table) == list(csv)
    for column, values in table.items():
        if tables.COLUMNS[column]["type"] != "string":
            values = [f"{value:.12g}" if pd.notna(value) else "" for value in values]
        assert list(values) == csv[column].tolist()
    if name == "results":
        assert table["value"].dropna().tolist() == pipeline.run_config().results["value"].dropna().tolist()
        assert any(f"{value:.12g}" != repr(value) for value in table["value"] if value % 1)


def test_every_csv_file_is_a_resource_of_the_data_package_with_its_columns(folder):
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    resources = {resource["path"]: resource["schema"]["fields"] for resource in package["resources"]}
    assert resources.keys() == {path.relative_to(folder).as_posix() for path in folder.rglob("*.csv")}
    for path, fields in resources.items():
        assert [field["name"] for field in fields] == list(pd.read_csv(folder / path, nrows=0))
        if not path.startswith("tables/"):  # their columns are named after the groups of the analysis
            assert [field["name"] for field in fields if "description" not in field] == [], path
    assert tables.COLUMNS["verdict"]["constraints"]["enum"] == list(claims.VERDICTS)


def find_deviations(value, shape, place=""):
    """Yield the places in which a JSON value deviates from a shape of the CDISC Analysis Results Standard 1.0."""
    if isinstance(shape, dict):
        required, allowed = {key for key in shape if key[-1] != "?"}, {key.rstrip("?") for key in shape}
        yield from (f"{place}.{key}" for key in (required - value.keys()) | (value.keys() - allowed))
        for key in shape:
            if key.rstrip("?") in value:
                yield from find_deviations(value[key.rstrip("?")], shape[key], f"{place}.{key}")
    elif isinstance(shape, list):
        for number, element in enumerate(value):
            yield from find_deviations(element, shape[0], f"{place}[{number}]")
    elif type(value).__name__ != shape and value not in shape.split(" | "):
        yield f"{place} = {value!r}"


def make_event(run, folder):
    write_csv(run.results, folder / "results.csv")
    return ars.reporting_event(read_rows(folder / "results.csv"), TRIAL, run.analysis, None)


@pytest.fixture(scope="module")
def published_event(folder):
    return json.loads((folder / "export" / "ars.json").read_text(encoding="utf-8"))


QUERY = {"EQ": "in {value}", "IN": "in {value}", "NOTIN": "not in {value}", "LT": "< {value[0]}", "GE": ">= {value[0]}"}
THIRDS = settings.StrataRule(cuts=[Quantile(1, 3), Quantile(2, 3)], labels=["0 - 2", "2 - 3", "above 3"])


@pytest.fixture(scope="module", params=["published", "thirds"])
def event(request, tmp_path_factory):
    """A reporting event of two strata, or of three and their trends."""
    if request.param == "published":
        return request.getfixturevalue("published_event")
    return make_event(pipeline.rerun(pipeline.run_config(), strata=THIRDS), tmp_path_factory.mktemp("thirds"))


def test_the_reporting_event_has_the_shape_of_the_standard(event):
    shapes = yaml.safe_load(Path("tests/ars_shapes.yaml").read_text(encoding="utf-8"))
    assert list(find_deviations(event, shapes["event"])) == []


@pytest.mark.parametrize(
    ("test", "interval"),
    [("welch", "the 95% confidence interval of the same test"), ("brunner_munzel", "none for a shift")],
)
def test_the_reporting_event_has_every_result_and_says_if_the_test_has_an_interval(folder, test, interval):
    rows = read_rows(folder / "results.csv")
    event = ars.reporting_event(rows, TRIAL, pipeline.PUBLISHED.model_copy(update={"test": test}), None)
    values = [result.get("rawValue", "") for analysis in event["analyses"] for result in analysis["results"]]
    assert sorted(values) == sorted(row["value"] for row in rows)
    (method,) = [entry for entry in event["methods"] if entry["id"] == "M_TWO_SAMPLE"]
    assert method["description"].endswith(f"{interval}.")


def test_every_reference_in_the_reporting_event_leads_to_an_entry(event):
    operations = {entry["id"]: {operation["id"] for operation in entry["operations"]} for entry in event["methods"]}
    assert len({analysis["name"] for analysis in event["analyses"]}) == len(event["analyses"])
    for analysis in event["analyses"]:
        (grouping,) = analysis["orderedGroupings"]
        assert grouping["resultsByGroup"] == any(result["resultGroups"] for result in analysis["results"])
        for result in analysis["results"]:
            assert result["operationId"] in operations[analysis["methodId"]]
            assert {group["groupingId"] for group in result["resultGroups"]} <= {grouping["groupingId"]}
    ids = [analysis["id"] for analysis in event["analyses"]]
    assert [item["analysisId"] for item in event["mainListOfContents"]["contentsList"]["listItems"]] == ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("changes", [{}, {"exclude": ["S01", "S02"], "strata": THIRDS}])
def test_the_conditions_of_every_analysis_select_as_many_participants_as_its_n(tmp_path, changes):
    run, rows = pipeline.rerun(pipeline.run_config(), **changes), {}
    run.participants.write(tmp_path)
    event = make_event(run, tmp_path)
    tables = {"participants": pd.read_csv(tmp_path / "participants.csv"), "changes": run.changes, "strata": run.strata}
    groups = [group for grouping in event["analysisGroupings"] for group in grouping["groups"]]
    for entry in event["analysisSets"] + event["dataSubsets"] + groups:
        clauses = entry.get("compoundExpression", {"whereClauses": [entry]})["whereClauses"]
        conditions = [clause["condition"] for clause in clauses]
        queries = [f"{{variable}} {QUERY[condition['comparator']]}".format(**condition) for condition in conditions]
        rows[entry["id"]] = tables[conditions[0]["dataset"]].query(" and ".join(queries))
    for analysis in event["analyses"]:
        subset = rows[analysis["dataSubsetId"]].dropna(subset="value")
        measured = subset.loc[subset.get("outcome", subset.get("variable")).eq(analysis["variable"]), "participant"]
        for result in analysis["results"]:
            names = [analysis.get("analysisSetId"), *(group["groupId"] for group in result["resultGroups"])]
            selected = {*measured}.intersection(*(rows[name]["participant"] for name in filter(None, names)))
            assert not result["operationId"].endswith("_N") or len(selected) == float(result["rawValue"])


def test_the_primary_endpoint_has_its_purpose_and_the_reported_p(published_event):
    analyses = {entry["id"]: entry for entry in published_event["analyses"]}
    purposes = [e for e in analyses.values() if e["purpose"]["controlledTerm"] == "PRIMARY OUTCOME MEASURE"]
    keys = {(entry["variable"], entry["dataSubsetId"], entry["analysisSetId"]) for entry in purposes}
    assert keys == {("ctx", "DS_percent_change_week_20", "AS_all")}
    primary = analyses["AN_ctx_percent_change_week_20_all_d_q_.2d_control"]
    assert primary in purposes
    (p,) = [result for result in primary["results"] if result["operationId"].endswith("_P")]
    assert (p["formattedValue"], float(p["rawValue"])) == ("0.611", pytest.approx(0.611, abs=0.0005))


@pytest.fixture(scope="module")
def crate(folder):
    graph = json.loads((folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    return {entity["@id"]: entity for entity in graph}


def test_the_library_reads_workflow_inputs_and_results_from_the_crate(folder, crate):
    """Profiles are those of Workflow Run RO-Crate 0.5."""
    from rocrate.rocrate import ROCrate

    read = ROCrate(folder)
    assert read.mainEntity.id == "export/Snakefile"
    assert set(read.mainEntity.type) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert read.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    (run,) = (entity for entity in read.contextual_entities if entity.type == "CreateAction")
    assert run["instrument"] == read.mainEntity
    results = {entity.id for entity in run["result"]}
    assert "results.csv" in results <= {entity.id for entity in read.data_entities}
    source = read_description(folder.parent / "workbooks" / CHOSEN.analyses["published"].workbook_id)["source"]
    inputs = {entity.get("name"): entity.get("sha256") for entity in run["object"]}
    assert inputs[source["name"]] == source["sha256"]
    profiles = {entity["@id"].removeprefix("https://w3id.org/") for entity in crate["./"]["conformsTo"]}
    assert {"ro/wfrun/process/0.5", "ro/wfrun/workflow/0.5", "workflowhub/workflow-ro-crate/1.0"} <= profiles
    assert {"@id": "https://w3id.org/ro/crate/1.1"} in crate["ro-crate-metadata.json"]["conformsTo"]


def test_the_crate_has_separate_terms_for_code_and_data_and_no_author_of_the_run(crate):
    root, run, code = crate["./"], crate["#run"], ("export/Snakefile", "#code")
    assert all(crate[name]["license"] == {"@id": "https://spdx.org/licenses/MIT"} for name in code)
    assert crate[root["license"]["@id"]]["name"].endswith("Data: the terms of the workbook's source.")
    assert root["datePublished"] == run["endTime"][:10]
    assert not {"author", "publisher", "agent"} & (root.keys() | run.keys())


def test_the_inputs_of_the_crate_include_the_mapping_of_the_analysis(tmp_path):
    (tmp_path / "own.yaml").touch()
    mapped = CHOSEN.analyses["published"].model_copy(update={"mapping": str(tmp_path / "own.yaml")})
    listed = crate_of._list_inputs(SimpleNamespace(settings=CHOSEN, analysis=mapped, source={}))
    assert "own.yaml" in [name for name, *_ in listed]


def test_the_crate_lists_every_output_with_its_checksum_and_every_reference_leads_to_an_entity(folder, crate):
    references = re.findall(r'{"@id": "([^"]*)"}', json.dumps(crate))
    assert len(references) > 100
    assert [name for name in references if name not in crate and not name.startswith("https://")] == []
    for name, checksum in manifest.read_checksums(folder / "manifest.json").items():
        assert crate[quote(name)]["sha256"] == checksum


def test_outputs_that_differ_from_a_manifest_are_named_and_fail(folder, tmp_path, capsys):
    def run_verify(outputs):
        status = cli.main(["verify", str(outputs), "--against", str(folder / "manifest.json")])
        return status, *capsys.readouterr()

    status, output, _ = run_verify(folder)
    assert (status, "none not" in output) == (0, True)
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "logs").mkdir(exist_ok=True)
    (copy / "logs" / "results.log").write_text("any")
    (copy / "results.csv").write_bytes((copy / "results.csv").read_bytes().replace(b"0", b"1", 1))
    (copy / "strata.csv").unlink()
    (copy / "new.csv").touch()
    status, output, message = run_verify(copy)
    head, *lines = output.splitlines()
    assert (status, head[-7:]) == (1, ", 3 not")
    assert "compare_results.py OLD NEW" in message
    assert lines == ["  differs: results.csv", "  missing: strata.csv", "  new: new.csv"]
    drawn = Path(shutil.copytree(folder, tmp_path / "drawn"))
    for name in ("methods.md", "report.html", "export/results.parquet"):
        (drawn / name).write_text("made with another version of a library")
    assert "every table is the same" in run_verify(drawn)[2]
    (drawn / "claims.csv").unlink()
    assert "every table is the same" not in run_verify(drawn)[2]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("", None, "a folder; name the manifest in it"),
        ("none.json", None, "no such manifest"),
        *(("m", text, "not a manifest") for text in ("", "[]", "{}", '{"files": []}', '{"files": {"a": 1}}')),
    ],
)
def test_an_invalid_manifest_is_rejected(tmp_path, path, text, message):
    if text is not None:
        (tmp_path / path).write_text(text)
    with pytest.raises(UserError, match=message):
        manifest.compare(tmp_path, tmp_path / path)


def test_a_judgement_is_the_same_in_text_markdown_json_and_junit(folder):
    judgement = verify.judge_folder(folder)
    (known,), counts = judgement["known"], judgement["counts"]
    assert verify.STATUS[judgement["verdict"]] == 0
    text = verify.render_judgement(judgement, "text")
    assert f"known difference: not reproduced: {known['claim']}: reported 1480, recomputed 148" in text
    assert json.loads(verify.render_judgement(judgement, "json")) == {**judgement, "status": 0}
    markdown = verify.render_judgement(judgement, "markdown").splitlines()
    assert markdown[0] == f"## {folder}: known difference"
    assert f"| reproduced | {counts['reproduced']} |" in markdown
    assert sum(row["count"] for row in judgement["reasons"]) == counts[claims.NOT_CHECKABLE]
    for row in judgement["reasons"]:
        assert f"  {row['count']} not checkable: {row['note']}" in text
        assert f"| of these: {row['note']} | {row['count']} |" in markdown
    assert markdown[-1].startswith(f"| {known['claim']} | 1480 | 148 | not reproduced | ")
    suite = ElementTree.fromstring(verify.render_junit(folder))
    assert (suite.get("tests"), suite.get("failures")) == (str(sum(counts.values())), "0")
    skipped = {case.get("name"): case[0].get("message") for case in suite if case[0].tag == "skipped"}
    assert len(skipped) == int(suite.get("skipped")) == counts["not checkable"] + 1
    assert skipped[known["claim"]] == "not reproduced: reported 1480, recomputed 148"


@pytest.mark.parametrize(
    ("verdict", "known", "judged", "state"),
    [
        (claims.REPRODUCED, "", "reproduced", ""),
        (claims.OTHER_CONVENTION, "", "reproduced", ""),
        (claims.REPRODUCED, "a typing error", "not reproduced", "failure"),
        (claims.WITHIN_BOUND, "a typing error", "not reproduced", "failure"),
        (claims.OTHER_CONVENTION, "a typing error", "not reproduced", "failure"),
        (claims.NOT_REPRODUCED, "", "not reproduced", "failure"),
        (claims.NOT_REPRODUCED, "a typing error", "known difference", "skipped"),
        (claims.NOT_CHECKABLE, "a typing error", "could not judge", "skipped"),
        (claims.NOT_APPLICABLE, "a typing error", "could not judge", "skipped"),
    ],
)
def test_the_judgement_depends_on_verdicts_and_missing_outputs(tmp_path, verdict, known, judged, state):
    row = dict.fromkeys([*verify.SHOWN, "note"], "") | {"claim": "a", "verdict": verdict, "known_difference": known}
    write_csv(pd.DataFrame([row | {"value": 1.0}]), tmp_path / "claims.csv", label=LABEL)
    (tmp_path / "strata.csv").touch()
    manifest.write_manifest(tmp_path, "published", LABEL, {})
    assert verify.judge_folder(tmp_path)["verdict"] == judged
    suite = ElementTree.fromstring(verify.render_junit(tmp_path))
    assert [part.tag for part in suite.find("testcase") if part.tag != "system-out"] == [state] * bool(state)
    assert suite.get("failures") == str(int(state == "failure"))
    assert [(entry.get("name"), entry.get("value")) for entry in suite.iter("property")] == [("data", LABEL)]
    (tmp_path / "strata.csv").unlink()
    judgement = verify.judge_folder(tmp_path)
    assert judgement["missing"] == ["strata.csv"]
    assert judgement["verdict"] == (judged if judged == "not reproduced" else "could not judge")


@pytest.mark.parametrize("content", [b"", b"a,b\n1\n", b"claim,value\n1,2,3,4\n", b"claim,value\n1,x\n", b"\xff\xfe"])
def test_a_damaged_table_is_rejected_with_one_line(content, tmp_path):
    (tmp_path / "claims.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"claims\.csv: damaged, or not a table of .*; delete it and run"):
        verify.judge_folder(tmp_path)
