"""The real workflow in real processes: what it makes, what it reruns, and what it survives."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import workspace
import yaml


@pytest.fixture
def copy(finished, tmp_path):
    """The finished project, free to be changed."""
    folder = tmp_path / "project"
    shutil.copytree(finished[0], folder, symlinks=True)
    return folder


def _verify(folder):
    command = [sys.executable, "-m", "d_q_trial", "verify", "results/published"]
    return subprocess.run(
        command, cwd=folder, env=workspace.environment(folder), capture_output=True, text=True, check=False
    )


def _edit(folder, change):
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def test_the_end_of_a_run_does_not_tell_the_tally(finished):
    assert "printed numbers: " in finished[1]
    assert " steps done: " in finished[1]
    assert "Look first at results/published/report.html" in finished[1]
    assert "Synthetic data" in finished[1]


def test_the_claims_of_the_published_analysis_fail(finished):
    run = _verify(finished[0])
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_failed_claim_does_not_become_an_exit_status(copy):
    path = copy / "results/published/claims.csv"
    header, rest = path.read_text().split("\n", 1)  # the header has a column of that name
    path.write_text(header + "\n" + rest.replace(",reproduced,", ",not reproduced,", 1))
    run = _verify(copy)
    assert run.returncode == 1
    assert "not reproduced: paper:Table_1:age" in run.stdout


@pytest.mark.slow
def test_a_second_run_finds_something_to_do(finished):
    assert workspace.planned(finished[0]) == set()


@pytest.mark.slow
def test_a_figure_or_table_is_missing_from_the_report_of_snakemake_or_has_no_caption(finished, tmp_path):
    run = workspace.snakemake(finished[0], "--report", str(tmp_path / "report.zip"))
    assert run.returncode == 0, run.stdout
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("report.html")]
        text = " ".join(archive.read(name).decode().split())
        shown = {Path(name).stem for name in archive.namelist()}
    for kind, file in (("figures", "data/figures.yaml"), ("tables", "data/tables.yaml")):
        for key, entry in yaml.safe_load(Path(file).read_text())[kind].items():
            assert key in shown
            assert f"{entry['label']}. {entry['title'].split('{')[0]}" in text
    assert "Tables, figures and claims of published" in text


@pytest.mark.slow
def test_one_core_makes_other_bytes_than_four(finished, tmp_path):
    other = workspace.make(tmp_path / "elsewhere")
    run = workspace.snakemake(other, cores=1)
    assert run.returncode == 0, run.stdout
    first, second = workspace.outputs(finished[0]), workspace.outputs(other)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


@pytest.mark.slow
def test_an_edited_cutoff_rereads_the_workbook_or_reruns_another_analysis(copy):
    _edit(copy, lambda config: config["analyses"].update(median={"strata": {"cuts": [0.5]}}))
    added = workspace.planned(copy)
    assert "participants" not in added
    # The comparison stands in the report of the reference, and its manifest covers the report.
    assert not {job for job in added if job.endswith(":published")} - {
        "compare:published",
        "report:published",
        "manifest:published",
    }
    assert "results:median" in added
    _edit(copy, lambda config: config["analyses"]["published"]["strata"].update(cuts=[0.5]))
    edited = workspace.planned(copy)
    assert "results:published" in edited
    # What does not know the cut stays: the workbook, changes and everybody, permutations, every cut.
    assert edited.isdisjoint({"participants", "changes:published", "permute:published", "cutoffs:published"})


@pytest.mark.slow
def test_an_edit_to_the_robustness_settings_recomputes_the_results(copy):
    _edit(copy, lambda config: config["robustness"].update(seed=7))
    assert "results:published" not in workspace.planned(copy)


@pytest.mark.slow
def test_an_edit_to_the_code_reruns_nothing_or_everything(copy):
    with (copy / "src/d_q_trial/claims.py").open("a") as stream:
        stream.write("\n# touched\n")
    planned = workspace.planned(copy)
    assert "claims:published" in planned
    assert "results:published" not in planned


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [4, 9])
def test_a_killed_run_leaves_something_that_the_next_one_trips_over(finished, tmp_path, seconds):
    folder = workspace.make(tmp_path / "project")
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "2"],
        cwd=folder,
        env=workspace.environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (folder / "results/published").mkdir(parents=True, exist_ok=True)
    (folder / "results/published/.part-killed.png").write_text("half")  # as a figure is left when hit while written
    run = workspace.snakemake(folder)
    assert run.returncode == 0, run.stdout
    assert workspace.outputs(folder) == workspace.outputs(finished[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "analyses={published: {markr: x}}"], "analyses.published.markr: unknown key"),
        (["--config", "analyses={published: {alpha: 2}}"], "analyses.published.alpha: '2'"),
        (["--config", "analyses={published: {outcomes: [ctxx]}}"], "did you mean 'ctx'?"),
        (["--config", "trial=nowhere.yaml"], "trial: 'nowhere.yaml' does not exist"),
        # Snakemake alone would take the finished outputs, made from another workbook, for those of this one.
        (["--config", "analyses={published: {workbook: none.xlsx}}"], "published.workbook: 'none.xlsx' does not exist"),
        (["--config", "publishd=x"], "publishd: unknown key; did you mean 'published'?"),
    ],
)
def test_a_wrong_config_runs_or_ends_in_a_traceback(finished, arguments, message):
    run = workspace.snakemake(finished[0], "--dry-run", *arguments)
    assert run.returncode == 1
    assert message in run.stdout
    assert "Traceback" not in run.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("alpha: 0.05", "alpha: 0.05\n    alpha: 0.01"), "analyses.published.alpha: this key stands twice"),
        (("analyses:\n", "analyses:\n\t- x\n"), "config.yaml: not readable as YAML"),
    ],
)
def test_a_config_that_says_two_things_or_nothing_runs(copy, change, message):
    path = copy / "config.yaml"
    path.write_text(path.read_text().replace(*change))
    run = workspace.snakemake(copy, "--dry-run")
    assert run.returncode == 1
    assert message in run.stdout
    assert "Traceback" not in run.stdout


def test_a_workbook_that_is_none_ends_in_a_traceback_or_changes_outputs(copy):
    before = workspace.outputs(copy)
    (copy / "notes.xlsx").write_text("not a workbook")
    run = workspace.snakemake(copy, "--config", "analyses={published: {workbook: notes.xlsx}}")
    assert run.returncode == 1
    assert "notes.xlsx: not an Excel workbook but a text file" in run.stdout
    end = run.stdout.rpartition("Stopped after")[2]
    assert "Failed: participants; its messages are in results/workbooks/notes" in end
    assert "not an Excel workbook but a text file" in end
    assert "Traceback" not in run.stdout
    assert workspace.outputs(copy) == before


@pytest.mark.slow
def test_a_setting_on_the_command_line_is_not_taken(finished):
    overrides = ["--config", "analyses={exact: {test: exact, alpha: 0.01}}"]
    assert "results:exact" in workspace.planned(finished[0], *overrides)


@pytest.mark.slow
def test_the_real_trial_does_not_run_by_its_config_alone(tmp_path):
    folder = workspace.make(tmp_path / "project")
    run = workspace.snakemake(folder, "--configfile", "data/pbc/config.yaml")
    assert run.returncode == 0, run.stdout
    assert "Synthetic" not in run.stdout
    assert (folder / "results/copper_tertiles/results.csv").exists()


@pytest.mark.parametrize("target", ["cohort.xlsx", "ensemble.md"])
def test_no_rule_makes_the_synthetic_cohort_or_the_ensemble(finished, target):
    assert "reconstruct" in workspace.planned(finished[0], f"results/reconstructed/{target}")


def test_a_results_folder_that_cannot_be_written_ends_in_a_traceback(tmp_path):
    folder = workspace.make(tmp_path / "project")
    (folder / "results").write_text("a file")
    run = workspace.snakemake(folder, "--dry-run")
    assert run.returncode == 1
    assert "settings" in run.stdout
    assert "Not a directory" in run.stdout
    assert "Traceback" not in run.stdout
