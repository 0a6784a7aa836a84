"""The real workflow in real processes: what it makes, labels, reruns and refuses, from where it runs, and its workers."""

import contextlib
import os
import re
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
from pipeline import PBC

from d_q_trial import cli, code_inputs, files, workers

RESULTS = "results/published/results.csv"
# Files without data of participants: the consistency of the reported numbers, the design of the trial, the code and
# settings of the run, and the numbers of permutations that exceed a statistic.
WITHOUT_LABEL = re.compile(
    r"results/README\.md|results/consistency/.*|.*/export/(Snakefile|config\.yaml)|.*/shards/.*\.npz"
    r"|.*/figures/figure_2\.(pdf|png)"
)


def test_a_run_prints_the_verdicts_and_the_path_of_the_report_and_a_second_run_has_nothing_to_do(finished):
    folder, printed = finished
    summary = printed.rpartition(" steps done: ")[2]
    assert "published: Synthetic data" in summary
    assert re.search(r"published: \d+ reported values: \d+ reproduced", summary)
    report = "The report is results/published/report.html; results/index.html leads to every page"
    assert report in summary
    nothing = "Nothing to be done (all requested files are present and up to date)."
    assert workspace.snakemake(folder).rstrip().endswith(f"{nothing}\n{report}")


def test_a_step_depends_on_all_modules_that_it_imports(finished):
    commands = set()
    for log in (finished[0] / "results").rglob("logs/*.log"):
        if imported := set(re.findall(r"^import time:.*\| +d_q_trial\.([\w.]+)$", log.read_text(), flags=re.MULTILINE)):
            commands.add(command := log.stem.removesuffix("_1_of_1"))
            paths = [path.relative_to(code_inputs.PACKAGE) for path in code_inputs.list_modules(command)]
            modules = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths}
            assert imported - modules <= {"cli", "workers", "__main__"}, command
    assert len(commands) >= 10


def test_every_output_has_a_rule_and_missing_outputs_and_older_workbooks_rerun_their_steps(copy):
    outputs = {name for name in workspace.read_outputs(copy) if re.search(r"\.(csv|json|html|pdf|xlsx)$", name)}
    rows = workspace.snakemake(copy, "--summary").splitlines()
    assert outputs <= {row.partition("\t")[0] for row in rows}
    targets = [f"results/reconstructed/{name}" for name in ("cohort.xlsx", "ensemble.md")]
    assert "reconstruct" in workspace.list_steps(copy, *targets)
    workbook, participants = copy / "data/reconstructed.xlsx", "results/workbooks/reconstructed/participants.csv"
    workbook.write_bytes(workbook.read_bytes() + b"\0")
    os.utime(workbook, (1, 1))
    assert "participants:published" in workspace.list_steps(copy)
    workspace.snakemake(copy, participants)
    assert workspace.list_steps(copy) == {"overview", "report:published"}  # the participants are the same
    for output, step in (("logs/figures.log", "figures"), ("alternatives.csv", "results")):
        (copy / "results/published" / output).unlink()
        assert f"{step}:published" in workspace.list_steps(copy)


def test_every_output_made_from_synthetic_participants_has_the_label(finished):
    names = [name for name in workspace.read_outputs(finished[0]) if not WITHOUT_LABEL.fullmatch(name)]
    assert {".csv", ".html", ".xlsx", ".json", ".parquet", ".pdf", ".png", ".md"} <= {
        Path(name).suffix for name in names
    }
    assert [name for name in names if not all(workspace.read_labels(finished[0] / name))] == []


@pytest.mark.slow
def test_the_real_trial_runs_from_its_configuration_and_no_output_has_the_label(tmp_path):
    folder = workspace.make(tmp_path / "project")
    assert "Synthetic" not in workspace.snakemake(folder, "--directory", "pbc", "--configfile", PBC)
    assert not (folder / "results").exists()
    names = [name for name in workspace.read_outputs(folder / "pbc") if not WITHOUT_LABEL.fullmatch(name)]
    assert "results/copper_tertiles/results.csv" in names
    assert [name for name in names if any(workspace.read_labels(folder / "pbc" / name))] == []


@pytest.mark.slow
def test_an_edited_configuration_reruns_only_what_depends_on_it(copy):
    workspace.edit(copy, lambda config: config["analyses"].update(median={"strata": {"cuts": [0.5]}}))
    steps = workspace.list_steps(copy)
    assert {"results:median", "report:median", "compare"} <= steps
    # The report of the reference contains the comparison.
    assert {step for step in steps if step.endswith(":published")} == {"report:published"}
    workspace.edit(copy, lambda config: config.update(analyses={"above": {}} | config["analyses"]))
    steps = workspace.list_steps(copy)
    assert {"results:above", "robustness:above"} <= steps
    assert not [step for step in steps if step.startswith(("participants", "cutoffs"))]
    workspace.edit(copy, lambda config: [config["analyses"].pop(name) for name in ("above", "median")])
    assert workspace.list_steps(copy) == set()
    for setting, reruns, keeps in (  # the results contain permuted interactions
        ("robustness={seed: 7}", {"multiverse", "cutoffs", "results"}, {"participants"}),
        ("analyses={published: {strata: {cuts: [1/2]}}}", {"results", "tables", "report"}, {"participants", "cutoffs"}),
    ):
        steps = {step.removesuffix(":published") for step in workspace.list_steps(copy, "--config", setting)}
        assert reruns <= steps, setting
        assert steps.isdisjoint(keeps | {"consistency"}), setting


@pytest.mark.slow
def test_edited_code_reruns_what_imports_it_and_comments_rerun_nothing(copy):
    edited = {  # module: what an edit of it reruns, and what it does not
        "claims.py": ({"tables"}, {"results", "figures", "participants"}),
        "stats/power.py": ({"sensitivity"}, {"participants", "cutoffs", "results"}),
        "workbook/checks.py": ({"participants"}, {"consistency"}),
        "consistency/lattice.py": ({"consistency"}, {"participants", "results"}),
        "robustness/multiverse.py": ({"multiverse"}, {"participants", "cutoffs", "results"}),
        "figures/panels.py": ({"figures"}, {"results", "tables"}),
        "tables/build.py": ({"tables"}, {"results", "figures"}),
        "report/page.py": ({"report"}, {"tables", "figures"}),
        "pages/templates/page.js": ({"report"}, {"results", "figures"}),
    }
    paths = {module: copy / "src/d_q_trial" / module for module in edited}
    for path in paths.values():
        path.write_text(path.read_text() + "\n# a comment\n" * (path.suffix == ".py"))
    assert workspace.list_steps(copy) == set()
    for module, (reruns, keeps) in edited.items():
        code = paths[module].read_text()
        paths[module].write_text(code + "\nADDED = 1\n")
        steps = {step.removesuffix(":published") for step in workspace.list_steps(copy)}
        assert reruns <= steps, module
        assert steps.isdisjoint(keeps), module
        paths[module].write_text(code)


def test_the_next_report_includes_what_was_made_on_request(copy):
    workspace.edit(copy, lambda config: config["analyses"].update(halves={"strata": {"cuts": ["1/2"]}}))
    multiverse, plan = "results/halves/robustness/multiverse.csv", ("--detailed-summary", "results/halves/report.html")
    assert multiverse not in workspace.snakemake(copy, *plan)
    (copy / multiverse).parent.mkdir(parents=True)
    (copy / multiverse).write_text("a\n1\n")
    assert multiverse in workspace.snakemake(copy, *plan)


def test_results_of_removed_analyses_are_listed_as_stale_and_files_that_no_step_makes_are_moved(copy):
    shutil.copytree(copy / "results/published", copy / "results/median")
    (copy / "results/compare").mkdir()
    (copy / "results/compare/comparisons.csv").touch()
    own_cuts, moved = (copy / f"results/{folder}published/robustness/own_cuts.csv" for folder in ("", "left_over/"))
    own_cuts.write_text("cut\n1\n")
    (copy / "results/published/report.html").unlink()
    summary = workspace.snakemake(copy).rpartition(" steps done: ")[2]
    for folder in ("results/median", "results/compare"):
        advice = f"unless another configuration made it, remove it with  rm -r {folder}\n"
        assert f"Stale: {folder} belongs to no analysis in config.yaml; {advice}" in summary
    assert "results/published belongs to no" not in summary
    assert "Moved: 1 file" in summary
    assert str(moved.relative_to(copy)) in summary
    assert "Moved: 1 file" in workspace.snakemake(copy)  # repeated until the folder is removed
    assert not own_cuts.exists()
    assert moved.read_text() == "cut\n1\n"
    for output in ("manifest.json", "report.html"):
        assert "own_cuts" not in (copy / "results/published" / output).read_text()


@pytest.mark.slow
def test_a_run_killed_twice_and_resumed_on_one_core_gives_the_bytes_of_four(finished, tmp_path):
    folder = workspace.make(tmp_path / "elsewhere")
    for seconds in (4, 12):
        process = workspace.start(folder)
        time.sleep(seconds)
        workspace.kill(process)
    (folder / "results/published").mkdir(parents=True, exist_ok=True)
    (folder / "results/published/.part-killed.png").write_text("half")  # as left by a kill while a figure is written
    workspace.snakemake(folder, cores=1)
    expected, outputs = workspace.read_outputs(finished[0]), workspace.read_outputs(folder)
    assert [name for name in expected | outputs if expected.get(name) != outputs.get(name)] == []


def test_a_concurrent_run_is_refused_and_a_killed_one_leaves_no_lock(tmp_path):
    # Unquoted, a shell would execute the names of the folder and of the workbook.
    folder, workbook = workspace.make(tmp_path / "it's $(touch pwned) {here}"), "data/my $(touch stolen) 'book'.xlsx"
    (folder / "data/reconstructed.xlsx").rename(folder / workbook)
    workspace.edit(folder, lambda config: config["analyses"]["published"].update(workbook=workbook))
    first = workspace.start(folder, RESULTS)
    workspace.wait_for(lambda: len([*folder.glob(".snakemake/locks/*")]) == 2)
    os.killpg(first.pid, signal.SIGSTOP)  # so that it does not end before the second has begun
    printed = workspace.snakemake(folder, RESULTS, "--config", "analyses={published: {alpha: 0.01}}", status=1)
    assert "Directory cannot be locked" in printed
    assert "Traceback" not in printed
    workspace.kill(first)
    assert [*folder.glob(".snakemake/locks/*")]
    workspace.snakemake(folder, RESULTS)
    assert not [*folder.glob(".snakemake/locks/*")]
    assert "level 0.95" in (folder / RESULTS).read_text()
    assert not [*folder.parent.rglob("pwned"), *folder.parent.rglob("stolen")]


@pytest.mark.parametrize(("arguments", "messages"), [
    (("--config", "analyses={published: {markr: x, alpha: 2}}", "publishd=x"),
     ("--config: 3 faults\n", "  publishd: unknown key; did you mean 'published'?\n",
      "  analyses.published.markr: unknown key", "  analyses.published.alpha: '2': expected less than or equal to 0.999")),
    # Snakemake alone would regard the finished outputs, made from another workbook, as up to date.
    (("--config", "analyses={published: {workbook: none.xlsx}}"), ("workbook: 'none.xlsx': no such file",)),
    (("--configfile", "mine.yaml", "config.yaml"),
     ("mine.yaml: 1 fault\n  analyses.published.tset: unknown key; did you mean 'test'?",)),
    (("--config", "figures=words.yaml"), ("words.yaml: figures.one: 1, caption: no placeholder is called {lettrs}",)),
    (("--config", "tables=list.yaml"), ("list.yaml: 1 fault\n  tables: ['table_1']: expected a dictionary",)),
    (("--directory", "unreadable"), ("config.yaml, line 2, column 1: not readable as YAML",)),
    (("--directory", "unwritable"), (".snakemake/d_q_trial: ",)),
])  # fmt: skip
def test_faults_of_the_configuration_give_one_message_that_names_their_source(finished, arguments, messages):
    figure = {"label": "1", "title": "", "caption": "{lettrs[x]}", "flow": {"outcomes": ["ctx"]}}
    contents = {"mine.yaml": "analyses: {published: {tset: exact}}\n", "list.yaml": "tables: [table_1]\n"}
    contents |= {"words.yaml": yaml.safe_dump({"figures": {"one": figure}})}
    contents |= {"unreadable/config.yaml": "analyses:\n\t- x\n", "unwritable/.snakemake/d_q_trial": "not a folder"}
    for name, content in contents.items():
        files.write_text(content, finished[0] / name)
    printed = workspace.snakemake(finished[0], "--dry-run", *arguments, status=1)
    assert [message for message in messages if message not in printed] == []
    assert not re.search("Traceback|catalogue.py|^config.yaml: ", printed, flags=re.MULTILINE)


def test_failed_steps_print_each_cause_once_at_the_end_and_keep_the_outputs(copy):
    outputs = workspace.read_outputs(copy)
    (copy / "notes.xlsx").write_text("not a workbook")
    printed = workspace.snakemake(copy, "--config", "analyses={published: {workbook: notes.xlsx}}", status=1)
    log = "results/workbooks/notes/logs/participants.log"
    assert f"Failed: participants (log: {log})\n  d-q-trial participants: " in printed.rpartition("Stopped;")[2]
    assert printed.count("d-q-trial participants: notes.xlsx: ") == 1
    assert "Traceback" not in printed
    assert workspace.read_outputs(copy) == outputs
    for setting, step, cause in (
        ("exclude: [X99]", "results (log: results/published/logs", "no analysed participant is called 'X99'"),
        (f"sha256: {'f' * 64}", "participants (log: results/workbooks", f"expected {'f' * 64}; this is another file"),
    ):
        settings = ("--config", f"analyses={{published: {{{setting}}}}}", "--quiet", "all")
        end = workspace.snakemake(copy, *settings, status=1).rpartition("Stopped;")[2]
        assert step in end
        assert end.count(cause) == 1


@pytest.mark.parametrize("option", ["--snakefile", "--directory"])
def test_the_workflow_runs_in_another_folder_and_prefers_its_files(finished, tmp_path, option):
    workflow, elsewhere = finished[0], tmp_path / "else where"
    (elsewhere / "data").mkdir(parents=True)
    trial = (workflow / "data/trial.yaml").read_text()
    (elsewhere / "data/trial.yaml").write_text(trial.replace("cuts: [2/3]", "cuts: [3/4]"))
    path, cwd = (workflow / "Snakefile", elsewhere) if option == "--snakefile" else (elsewhere, workflow)
    workspace.snakemake(workflow, option, str(path), RESULTS, cwd=cwd)
    settings = next((elsewhere / ".snakemake/d_q_trial").glob("*.json")).read_text()
    assert '"trial": "data/trial.yaml"' in settings
    assert str(workflow) not in settings  # the same results wherever the workflow is
    assert (elsewhere / RESULTS).read_bytes() == (workflow / RESULTS).read_bytes()
    config = (workflow / "config.yaml").read_text().replace("published:\n    work", "mine:\n    work")
    (elsewhere / "config.yaml").write_text(f"{config}\nreference: mine\n")
    steps = workspace.snakemake(workflow, option, str(path), "--dry-run", "--printshellcmds", cwd=cwd)
    assert "--analysis mine" in steps
    assert "--analysis published" not in steps


@pytest.mark.parametrize("own_config", [False, True])
def test_another_workflow_uses_this_one_as_a_module(finished, tmp_path, own_config):
    config = {"trial_part": yaml.safe_load(Path("tests/config.yaml").read_text())}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    module = f'module trial:\n    snakefile: "{finished[0]}/Snakefile"\n'
    if own_config:
        module = f'configfile: "config.yaml"\n{module}    config: config["trial_part"]\n'
    inputs, shell = f'    default_target: True\n    input: "{RESULTS}"\n', 'shell: "wc -l {input} > {output}"'
    rules = f'use rule * from trial as trial_*\n\nrule mine:\n{inputs}    output: "n.txt"\n    {shell}\n'
    (tmp_path / "Snakefile").write_text(f"{module}\n{rules}")
    printed = workspace.snakemake(finished[0], *[] if own_config else ["--dry-run"], cwd=tmp_path)
    if own_config:
        assert (tmp_path / "n.txt").exists()
        assert (tmp_path / RESULTS).read_bytes() == (finished[0] / RESULTS).read_bytes()
    else:
        assert re.search(r"^trial_results +1$", printed, flags=re.MULTILINE)


@pytest.mark.slow
def test_the_report_of_snakemake_shows_figures_and_tables_with_captions_in_the_papers_order(finished, tmp_path):
    workspace.snakemake(finished[0], "--report", str(tmp_path / "report.zip"))
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        (report,) = [name for name in archive.namelist() if name.endswith("report.html")]
        text = " ".join(archive.read(report).decode().split())
        names = {Path(name).stem for name in archive.namelist()}
    for kind in ("figures", "tables"):
        entries = yaml.safe_load(Path(f"data/{kind}.yaml").read_text())[kind]
        for number, (key, entry) in enumerate(entries.items(), start=1):
            assert key in names
            assert f"{entry['label']}. {entry['title'].split('{')[0]}" in text
            assert re.search(rf'"#": "{number:02}", "{kind[:-1]}": "{re.escape(entry["label"])}"', text)
    assert re.search(r'"#": "\d+", "figure": "Bone turnover markers, every cutoff of p16 variant 5"', text)
    assert "Tables, figures and claims of published" in text


def test_results_of_an_unfinished_run_are_not_verified_and_outputs_without_records_are_named(copy, capsys):
    folder = str(copy / "results/published")
    assert cli.main(["verify", folder]) == 0
    workspace.edit(copy, lambda config: config["analyses"]["published"].update(alpha=0.01))
    printed = workspace.snakemake(copy, RESULTS, "--quiet", "progress")
    assert "1 step done: results\n" in printed
    assert "Unrecorded" not in printed
    outdated = "Outdated: results/published/report.html is of other settings or another workbook than config.yaml"
    assert outdated in printed
    assert cli.main(["verify", folder]) == 2
    assert "changed since the last finished run: results.csv" in capsys.readouterr().out
    shutil.rmtree(copy / ".snakemake")
    printed = workspace.snakemake(copy, RESULTS)
    assert re.search(f"Nothing to be done.*\n.*\n{outdated}", printed)
    unrecorded = "Unrecorded: outputs of {} have no record in .snakemake of the code and settings that made them."
    assert unrecorded.format("participants, results") in printed
    (copy / RESULTS).unlink()
    (copy / "results/published/claims.csv").write_text("a\n1\n")
    printed = workspace.snakemake(copy, RESULTS, "--quiet", "progress")
    assert "\npublished: results/published/claims.csv: damaged, or not a table of this package" in printed
    assert unrecorded.format("participants") in printed
    assert "1 step done: results\n" in printed


def test_the_slurm_profile_states_memory_and_time_of_existing_rules(finished):
    profile = yaml.safe_load(Path("profiles/slurm/config.yaml").read_text())
    rules = workspace.snakemake(finished[0], "--list-rules").split()
    assert set(profile["set-resources"]) <= set(rules)
    assert {"mem_mb", "runtime"} <= set(profile["default-resources"])
    assert all(entry.keys() == {"runtime"} for entry in profile["set-resources"].values())
    pytest.importorskip("snakemake_executor_plugin_slurm")
    target = ("full_size", "--config", "robustness={shards: 2}")
    printed = workspace.snakemake(finished[0], "--profile", "profiles/slurm", "--dry-run", *target)
    assert printed.count("Permute the treatment labels") == 2


# -- workers, which change only when libraries are loaded ------------------------------------------------------------

VERIFY = ["verify", "results/published"]
ENDLESS = ["reconstruct", "--design", "sockets/design.yaml"]  # its job waits for its input


def _list_processes(folder: Path) -> list[int]:
    """List the workers and jobs that run in a folder."""
    processes = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if b"d_q_trial.workers" in (path / "cmdline").read_bytes() and (path / "cwd").readlink() == folder:
                processes.append(int(path.name))
    return processes


def _wait_for_processes(folder: Path, number: int) -> None:
    workspace.wait_for(lambda: len(_list_processes(folder)) == number)


@pytest.fixture
def start_step(finished, monkeypatch):
    """Return a function that starts a command in the finished project, where it has a worker."""
    # A shell ignores interrupts in what it runs in the background, such as these tests, and processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.chdir(finished[0])
    for name, value in (workspace.environment(finished[0]) | {workers.FOLDER: ""}).items():
        monkeypatch.setenv(name, value)
    workers.start_workers(["verify reconstruct"], "sockets")
    workspace.wait_for(lambda: Path("sockets/verify reconstruct").exists() and len(_list_processes(finished[0])) == 1)
    os.mkfifo("sockets/design.yaml")
    yield lambda arguments: subprocess.Popen([sys.executable, "-m", "d_q_trial", *arguments], stdout=subprocess.PIPE)
    workers._started.pop().communicate()
    _wait_for_processes(finished[0], 0)
    shutil.rmtree("sockets")


def test_a_job_of_a_worker_has_the_output_and_status_of_a_step_without_one(start_step, monkeypatch):
    outcomes = []
    for folder in ("sockets", "nowhere"):
        monkeypatch.setenv(workers.FOLDER, folder)
        steps = [*map(start_step, (VERIFY, ["verify", "nowhere"], [*VERIFY, "--format", "markdown"]))]
        outcomes.append([(step.communicate()[0], step.returncode) for step in steps])
    assert Path("sockets/modules of verify-reconstruct.json").exists()
    assert [path.name for path in Path("sockets").iterdir() if "verify" in path.name.split()] == ["verify reconstruct"]
    assert outcomes[0] == outcomes[1]
    assert [status for _, status in outcomes[0]] == [0, 2, 0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_job_ends_with_its_step_which_prints_no_traceback(start_step, finished, capfd, number):
    step = start_step(ENDLESS)
    _wait_for_processes(finished[0], 2)
    for process in [step.pid, *_list_processes(finished[0])][: None if number == signal.SIGINT else 1]:
        os.kill(process, number)
    _wait_for_processes(finished[0], 1)
    step.communicate()
    assert "workers.run" not in capfd.readouterr().err  # as in a traceback of the step


def test_a_killed_job_fails_its_step_and_a_step_without_worker_runs_by_itself(start_step, finished):
    worker, step = _list_processes(finished[0]), start_step(ENDLESS)
    _wait_for_processes(finished[0], 2)
    os.kill(*worker, signal.SIGKILL)
    assert start_step(VERIFY).communicate(timeout=60)[0]
    os.kill(*_list_processes(finished[0]), signal.SIGKILL)
    step.communicate()
    assert step.returncode == 1


@pytest.mark.slow
def test_workers_give_the_outputs_of_separate_steps(copy, monkeypatch):
    cuts = {"halves": [0.5], "thirds": ["1/3", "2/3"]}
    analyses = {name: {"strata": {"cuts": quantiles}} for name, quantiles in cuts.items()} | {"strict": {"alpha": 0.01}}
    workspace.edit(copy, lambda config: config["analyses"].update(analyses))
    workspace.snakemake(copy)
    monkeypatch.setenv("D_Q_TRIAL_CONFIG", next(map(str, (copy / ".snakemake/d_q_trial").glob("*.json"))))
    shutil.copytree(copy / "results", copy / "again")
    for command in ("results", "sensitivity", "tables", "figures", "report"):
        workspace.run(copy, "-m", "d_q_trial", command, "--analysis", "thirds", "--results", "again")
        logs = [copy / f"results/{name}/logs/{command}.log" for name in ("published", *analyses)]
        assert len({log.read_text().splitlines()[-1] for log in logs}) == 1, command
    for path in (copy / "again/thirds").rglob("*.*"):
        assert path.read_bytes() == (copy / "results" / path.relative_to(copy / "again")).read_bytes(), path


@pytest.mark.slow
def test_workers_end_when_their_run_is_killed(copy):
    workspace.edit(copy, lambda config: config["analyses"].update(halves={"strata": {"cuts": [0.5]}}))
    run = workspace.start(copy)
    workspace.wait_for((copy / ".snakemake/workers/report").exists)
    assert len(_list_processes(copy)) >= 4
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    _wait_for_processes(copy, 0)
