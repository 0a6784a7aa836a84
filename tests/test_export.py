"""Parquet, data package, CDISC ARS, RO-Crate, manifest, judgement and software of a finished analysis."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote
from xml.etree import ElementTree

import grimp
import pandas as pd
import pipeline
import pyarrow.parquet as pq
import pytest
import yaml
from pipeline import CHOSEN, LABEL, TRIAL

from d_q_trial import claims, cli, step_log
from d_q_trial.config import settings
from d_q_trial.errors import UserError
from d_q_trial.export import ars, tables, verify
from d_q_trial.export import crate as crate_of
from d_q_trial.files import read_csv, read_description, read_rows, write_csv, write_text


@pytest.fixture(scope="module")
def folder(finished):
    return finished[0] / "results/published"


@pytest.mark.parametrize("name", ["results", "claims"])
def test_parquet_has_the_csv_file_in_full_precision_and_describes_its_columns(folder, name):
    stored = pq.read_table(folder / "export" / f"{name}.parquet")
    descriptions = {field.name: field.metadata[b"description"].decode() for field in stored.schema}
    assert descriptions == {column: tables.COLUMNS[column]["description"] for column in descriptions}
    assert stored.schema.metadata[b"data_label"].decode() == LABEL
    table, numeric = stored.to_pandas(), [name for name in descriptions if tables.COLUMNS[name]["type"] != "string"]
    csv = read_csv(folder / f"{name}.csv", numeric=numeric)
    pd.testing.assert_frame_equal(table, csv, check_dtype=False, rtol=1e-11, atol=0)
    assert len(table) > 1000
    if name == "results":
        assert table["value"].dropna().tolist() == pipeline.run_config().results["value"].dropna().tolist()
        assert any(f"{value:.12g}" != repr(value) for value in table["value"] if value % 1)


def test_every_csv_file_is_a_resource_of_the_data_package_with_its_columns(folder):
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    resources = {resource["path"]: resource["schema"]["fields"] for resource in package["resources"]}
    assert package["description"] == f"{LABEL}. {TRIAL.citation}"
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


QUERY = {"EQ": "in {value}", "IN": "in {value}", "NOTIN": "not in {value}", "LT": "< {value[0]}", "GE": ">= {value[0]}"}
THIRDS = settings.StrataRule(cuts=["1/3", "2/3"], labels=["+0 - 2", "2 - 3", "=3"])


@pytest.fixture(scope="module", params=[{}, {"exclude": ["S01", "S02"], "strata": THIRDS}], ids=["two strata", "three"])
def reported(request, tmp_path_factory):
    """The run and the reporting event of two strata, or of three, with trends and excluded participants."""
    run = pipeline.rerun(pipeline.run_config(), **request.param)
    path = tmp_path_factory.mktemp("results") / "results.csv"
    write_csv(run.results, path)
    return run, ars.reporting_event(read_rows(path), TRIAL, run.analysis, None)


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


def test_the_reporting_event_has_the_shape_of_the_standard_and_every_reference_leads_to_an_entry(reported):
    event = reported[1]
    shapes = yaml.safe_load(Path("tests/ars_shapes.yaml").read_text(encoding="utf-8"))
    assert list(find_deviations(event, shapes["event"])) == []
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


def test_the_conditions_of_every_analysis_select_as_many_participants_as_its_n(reported, tmp_path):
    (run, event), rows = reported, {}
    run.participants.write(tmp_path)
    write_csv(run.changes, tmp_path / "changes.csv")
    write_csv(run.strata, tmp_path / "strata.csv")
    tables = {name: pd.read_csv(tmp_path / f"{name}.csv") for name in ("participants", "changes", "strata")}
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


def test_the_primary_endpoint_has_its_purpose_and_the_reported_p(folder):
    event = json.loads((folder / "export" / "ars.json").read_text(encoding="utf-8"))
    primary = [a for a in event["analyses"] if a["purpose"]["controlledTerm"] == "PRIMARY OUTCOME MEASURE"]
    keys = {(analysis["variable"], analysis["dataSubsetId"], analysis["analysisSetId"]) for analysis in primary}
    assert keys == {("ctx", "DS_percent_change_week_20", "AS_all")}
    assert "AN_ctx_percent_change_week_20_all_d_q_.2d_control" in [analysis["id"] for analysis in primary]
    (p,) = [r for analysis in primary for r in analysis["results"] if r["operationId"] == "M_TWO_SAMPLE_P"]
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


def test_the_inputs_of_the_crate_include_the_mapping_and_media_types_follow_from_the_ending(tmp_path):
    (tmp_path / "own.yaml").touch()
    mapped = CHOSEN.analyses["published"].model_copy(update={"mapping": str(tmp_path / "own.yaml")})
    listed = crate_of._list_inputs(SimpleNamespace(settings=CHOSEN, analysis=mapped, source={}))
    assert "own.yaml" in [name for name, *_ in listed]
    for name, media_type in (("DATA.XLSX", "spreadsheetml.sheet"), ("own.yml", "/yaml")):
        assert crate_of._describe_file(name, "")["encodingFormat"].endswith(media_type)


def test_the_crate_has_separate_terms_for_code_and_data_no_author_and_every_output_and_referenced_entity(folder, crate):
    root, run, code = crate["./"], crate["#run"], ("export/Snakefile", "#code")
    assert all(crate[name]["license"] == {"@id": "https://spdx.org/licenses/MIT"} for name in code)
    assert crate[root["license"]["@id"]]["name"].endswith("Data: the terms of the workbook's source.")
    assert root["datePublished"] == run["endTime"][:10]
    assert not {"author", "publisher", "agent"} & (root.keys() | run.keys())
    references = re.findall(r'{"@id": "([^"]*)"}', json.dumps(crate))
    assert len(references) > 100
    assert [name for name in references if name not in crate and not name.startswith("https://")] == []
    for name, checksum in verify.read_checksums(folder / "manifest.json").items():
        assert crate[quote(name)]["sha256"] == checksum


DRAWN = ["export/results.parquet", "methods.md", "report.html"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"differs": ["results.csv"], "missing": ["strata.csv"], "new": ["new.csv"]}, "compare_results.py OLD NEW"),
        ({"differs": DRAWN}, "every table is the same"),
        ({"differs": DRAWN, "missing": ["strata.csv"]}, ""),
    ],
)
def test_outputs_that_differ_from_a_manifest_are_named_and_fail(tmp_path, capsys, changes, message):
    for name in ("logs/results.log", "results.csv", "strata.csv", *DRAWN):
        write_text("made by one run", tmp_path / name)
    verify.write_manifest(tmp_path, "published", LABEL, {})
    for name in ("logs/results.log", *changes.get("differs", ()), *changes.get("new", ())):
        write_text("made by another run", tmp_path / name)
    for name in changes.get("missing", ()):
        (tmp_path / name).unlink()
    status = cli.main(["verify", str(tmp_path), "--against", str(tmp_path / "manifest.json")])
    printed = capsys.readouterr()
    head, *lines = printed.out.splitlines()
    assert status == bool(changes)
    assert lines == [f"  {kind}: {name}" for kind, names in changes.items() for name in names]
    assert head.endswith(f", {len(lines) or 'none'} not")
    assert message in printed.err if message else not printed.err


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
        verify.compare(tmp_path, tmp_path / path)


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
    suite = ElementTree.fromstring(verify.render_junit(folder, judgement))
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
    row = dict.fromkeys(claims.COLUMNS, "") | {"claim": "a", "verdict": verdict, "known_difference": known}
    write_csv(pd.DataFrame([row | {"value": 1.0}]), tmp_path / "claims.csv", label=LABEL)
    (tmp_path / "strata.csv").touch()
    verify.write_manifest(tmp_path, "published", LABEL, {})
    assert verify.judge_folder(tmp_path)["verdict"] == judged
    suite = ElementTree.fromstring(verify.render_junit(tmp_path, verify.judge_folder(tmp_path)))
    assert [part.tag for part in suite.find("testcase") if part.tag != "system-out"] == [state] * bool(state)
    assert suite.get("failures") == str(int(state == "failure"))
    assert [(entry.get("name"), entry.get("value")) for entry in suite.iter("property")] == [("data", LABEL)]
    (tmp_path / "strata.csv").unlink()
    judgement = verify.judge_folder(tmp_path)
    assert judgement["missing"] == ["strata.csv"]
    assert judgement["verdict"] == (judged if judged == "not reproduced" else "could not judge")
    (tmp_path / "claims.csv").unlink()
    judgement = verify.judge_folder(tmp_path)
    suite = ElementTree.fromstring(verify.render_junit(tmp_path, judgement))
    assert [case.get("name") for case in suite.iterfind("testcase[error]")] == ["claims.csv", "strata.csv"]
    assert "no reported values" not in verify.render_judgement(judgement, "text")


@pytest.mark.parametrize("content", [b"", b"a,b\n1\n", b"claim,value\n1,2,3,4\n", b"claim,value\n1,x\n", b"\xff\xfe"])
def test_a_damaged_table_is_rejected_with_one_line(content, tmp_path):
    (tmp_path / "claims.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"claims\.csv: damaged, or not a table of .*; delete it and run"):
        verify.judge_folder(tmp_path)


def test_dependencies_are_imported_or_listed_as_tools_and_tools_are_declared():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.match(r"[\w.-]+", dependency).group().lower() for dependency in project["dependencies"]}
    graph = grimp.build_graph("d_q_trial", include_external_packages=True, cache_dir=None)
    modules = [name for name in graph.modules if graph.is_module_squashed(name)]
    distributions = metadata.packages_distributions()
    imported = {name.lower() for module in modules for name in distributions.get(module, ())}
    assert declared - imported <= step_log.TOOLS <= declared


def test_versions_are_those_that_the_logs_of_the_run_state(tmp_path):
    folders = {"workbooks/w": "alpha 1.0, beta 1.0", "every_cut/s": "gamma 1.0"}
    folders |= {"a": "alpha 0.9, numpy 2.0", "b": "delta 1.0"}
    for folder, libraries in folders.items():
        write_text(f"something else\nsoftware: {libraries}\n", tmp_path / folder / "logs/any.log")
    versions = step_log.used_versions(tmp_path, "a", "w", "s")
    assert list(versions)[:3] == ["python", "d-q-trial", "snakemake"]
    assert {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"}.items() <= versions.items()
    assert versions.keys().isdisjoint({"delta", "pygments"})


def test_methods_and_crate_list_the_libraries_that_the_steps_imported(folder, crate):
    for step, imports in (("sensitivity", True), ("tables", False)):
        assert ("statsmodels" in (folder / f"logs/{step}.log").read_text()) == imports
    applications = [entry for entry in crate.values() if entry["@type"] == "SoftwareApplication"]
    assert all(entry["@id"] == entry["url"] and entry["url"].startswith("https://") for entry in applications)
    names = {entry["name"] for entry in applications}
    assert {"numpy", "scipy", "pandas", "statsmodels", "matplotlib", "openpyxl", "snakemake"} <= names
    assert names.isdisjoint({"pygments", "networkx", "python-calamine"})
    methods = (folder / "methods.md").read_text()
    assert f"statsmodels {metadata.version('statsmodels')}" in methods
    assert "pygments" not in methods
