"""The configuration may name an address instead of a file: the real workflow against a server on the loopback address."""

import csv
import hashlib
import subprocess
import sys

import loopback
import pytest
import workspace
from hostile.parts import sound_parts, write

TABLE = "results/workbooks/made_up/participants.csv"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return workspace.make(tmp_path_factory.mktemp("address") / "project")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "sound.xlsx"
    write(path, sound_parts())
    return path.read_bytes()


def _read(project, address, *arguments):
    config = f"analyses={{published: {{workbook: '{address}'}}}}"
    return workspace.snakemake(project, TABLE, "--config", config, *arguments)


def test_an_address_in_the_configuration_is_not_fetched_or_fetched_again(site, content, project):
    address = site.put("/made_up.xlsx", loopback.whole(content)) + f"#sha256={hashlib.sha256(content).hexdigest()}"
    run = _read(project, address)
    assert run.returncode == 0, run.stdout
    assert (project / "data/raw/made_up.xlsx").read_bytes() == content
    with (project / TABLE).open() as stream:
        assert {row["participant"] for row in csv.DictReader(stream)} >= {"P01", "P12"}
    (project / TABLE).unlink()
    again = _read(project, address)
    assert again.returncode == 0, again.stdout
    assert len(site.asked) == 1
    assert "Nothing to be done" in _read(project, address).stdout


def test_a_workbook_that_cannot_be_fetched_leaves_a_table_or_a_traceback(site, tmp_path):
    project = workspace.make(tmp_path / "project")
    site.put("/made_up.xlsx", loopback.whole(b"<!DOCTYPE html><html>Please log in</html>"))
    for path, said in (("/made_up.xlsx", "a web page"), ("/nowhere/made_up.xlsx", "nothing there (404 Not Found)")):
        run = _read(project, site.address + path)
        assert run.returncode == 1
        assert f"d-q-trial participants: {site.address}{path}: " in run.stdout
        assert said in run.stdout
        assert "Traceback" not in run.stdout
        assert not (project / TABLE).exists()


@pytest.mark.parametrize("workbook", ["ftp://127.0.0.1/made_up.xlsx", "htps://127.0.0.1/made_up.xlsx"])
def test_what_is_neither_file_nor_address_is_not_named_with_its_key(project, workbook):
    run = _read(project, workbook, "--dry-run")
    assert run.returncode == 1
    assert f"analyses.published.workbook: '{workbook}': expected a file, or an address" in run.stdout


def test_inspect_does_not_take_an_address(site, content, project):
    address = site.put("/seen.xlsx", loopback.whole(content))
    run = subprocess.run(
        [sys.executable, "-m", "d_q_trial", "inspect", address],
        cwd=project, env=workspace.environment(project), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "CTx" in run.stdout
    assert (project / "data/raw/seen.mapping.yaml").exists()
