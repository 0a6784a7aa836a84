"""The real workflow in real processes: what it makes, what it reruns, what it refuses, and where it can be called from."""

import os
import re
import shutil
import signal
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import workspace
import yaml
from pipeline import CHOSEN

from d_q_trial import cli, code_inputs, run_summary

RESULTS = "results/published/results.csv"


def test_a_run_ends_with_the_verdicts_and_the_place_of_the_report_and_a_second_has_nothing_to_do(finished):
    end = finished[1].rpartition(" steps done: ")[2]
    assert "published: Synthetic data" in end
    assert re.search(r"published: \d+ reported values: \d+ reproduced", end)
    place = "The report is results/published/report.html; results/index.html leads to every page"
    assert place in end
    idle = "Nothing to be done (all requested files are present and up to date)."
    assert workspace.snakemake(finished[0]).rstrip().endswith(f"{idle}\n{place}")


def test_what_was_asked_for_by_name_is_named_at_the_end_instead_of_the_report(tmp_path, monkeypatch, capsys):
    said = "The full-size multiverse is results/full_size/published/multiverse.csv"
    monkeypatch.chdir(tmp_path)
    Path("results/published").mkdir(parents=True)
    Path("results/published/report.html").touch()
    summary = run_summary.Summary(CHOSEN, "config.yaml")
    for message, end in ((said, said), ("All outputs are up to date", "The report is results/published/report.html;")):
        summary.print_success([SimpleNamespace(rule=SimpleNamespace(name="any"), message=message)])
        assert capsys.readouterr().out.splitlines()[-1].startswith(end)


def test_the_modules_that_a_step_imports_are_those_it_depends_on(finished):
    checked = set()
    for log in (finished[0] / "results").rglob("logs/*.log"):
        command = log.stem.removesuffix("_1_of_1")
        if imported := set(re.findall(r"^import time:.*\| +d_q_trial\.([\w.]+)$", log.read_text(), flags=re.MULTILINE)):
            files = [
                path.relative_to(code_inputs.PACKAGE).with_suffix("") for path in code_inputs.list_modules(command)
            ]
            known = {".".join(file.parts).removesuffix(".__init__") for file in files}
            assert imported - known <= {"cli", "workers", "__main__"}, command
            checked.add(command)
    assert len(checked) >= 10


def test_every_output_is_one_that_a_rule_makes_again(copy):
    chosen = {
        name for name in workspace.read_outputs(copy) if name.endswith((".csv", ".json", ".html", ".pdf", ".xlsx"))
    }
    rows = workspace.snakemake(copy, "--summary").splitlines()
    assert chosen <= {row.partition("\t")[0] for row in rows}
    (copy / "results/published/alternatives.csv").unlink()
    assert "results:published" in workspace.list_steps(copy)


@pytest.mark.slow
def test_an_edit_of_the_configuration_reruns_what_depends_on_it(copy):
    workspace.edit(copy, lambda config: config["analyses"].update(median={"strata": {"cuts": [0.5]}}))
    added = workspace.list_steps(copy)
    assert {"results:median", "report:median", "compare"} <= added
    # The comparison stands in the report of the reference.
    assert {job for job in added if job.endswith(":published")} == {"report:published"}
    workspace.edit(copy, lambda config: config["analyses"].pop("median"))
    assert workspace.list_steps(copy) == set()
    workspace.edit(copy, lambda config: config["robustness"].update(seed=7))
    edited = workspace.list_steps(copy)
    assert {"multiverse:published", "cutoffs", "results:published"} <= edited  # the results hold permuted interactions
    assert edited.isdisjoint({"participants", "consistency"})
    workspace.edit(copy, lambda config: config["robustness"].pop("seed"))
    workspace.edit(copy, lambda config: config["analyses"]["published"]["strata"].update(cuts=[0.5]))
    edited = workspace.list_steps(copy)
    assert {"results:published", "tables:published", "report:published"} <= edited
    assert edited.isdisjoint({"participants", "cutoffs", "consistency"})


EDITED = {  # module: what an edit of it reruns, and what it does not
    "claims.py": ({"tables:published"}, {"results:published", "figures:published", "participants"}),
    "stats/quantiles.py": ({"results:published", "cutoffs"}, {"participants"}),
    "files.py": ({"participants", "results:published", "consistency"}, set()),
    "errors.py": ({"participants", "results:published", "report:published"}, set()),
    "pages/templates/page.js": ({"report:published"}, {"results:published", "figures:published"}),
}


@pytest.mark.slow
def test_an_edit_of_the_code_reruns_what_imports_it_and_a_comment_nothing(copy):
    paths = {module: copy / "src/d_q_trial" / module for module in EDITED}
    for path in paths.values():
        path.write_text(path.read_text() + "\n# a comment\n" * (path.suffix == ".py"))
    assert workspace.list_steps(copy) == set()
    for module, path in paths.items():
        before, (reruns, keeps) = path.read_text(), EDITED[module]
        path.write_text(before + "\nADDED = 1\n")
        planned = workspace.list_steps(copy)
        assert reruns <= planned, module
        assert planned.isdisjoint(keeps), module
        path.write_text(before)


@pytest.mark.slow
def test_three_shards_make_the_bytes_of_one(copy):
    kept = {path: path.read_bytes() for path in (copy / "results/published/robustness").iterdir()}
    printed = workspace.snakemake(
        copy, "results/published/robustness/multiverse.csv", "--config", "robustness={shards: 3}"
    )
    assert "Permute the treatment labels (analysis published, part 3 of 3)" in printed
    assert "Test the multiverse and draw its specification curve" in printed
    assert [path.name for path in kept if path.read_bytes() != kept[path]] == []


def test_what_was_made_on_request_is_shown_by_the_next_report(copy):
    workspace.edit(copy, lambda config: config["analyses"].update(halves={"strata": {"cuts": ["1/2"]}}))
    made, plan = "results/halves/robustness/multiverse.csv", ("--detailed-summary", "results/halves/report.html")
    assert made not in workspace.snakemake(copy, *plan)
    (copy / made).parent.mkdir(parents=True)
    (copy / made).write_text("a\n1\n")
    assert made in workspace.snakemake(copy, *plan)


def test_a_workbook_that_is_replaced_by_an_older_one_is_read_again(copy):
    path = copy / "data/reconstructed.xlsx"
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, (1, 1))
    assert "participants" in workspace.list_steps(copy)


def test_retired_analyses_are_named_as_stale_and_files_that_no_step_makes_are_moved_away(copy):
    shutil.copytree(copy / "results/published", copy / "results/median")
    (copy / "results/compare").mkdir()
    (copy / "results/compare/comparisons.csv").touch()
    left = copy / "results/published/robustness/own_cuts.csv"
    left.write_text("cut\n1\n")
    (copy / "results/published/report.html").unlink()
    end = workspace.snakemake(copy).rpartition(" steps done: ")[2]
    for folder in ("results/median", "results/compare"):
        assert f"Stale: {folder} belongs to no analysis in config.yaml; unless another configuration made it, " in end
        assert f"remove it with  rm -r {folder}\n" in end
    assert "results/published is of no" not in end
    assert "Moved: 1 file" in end
    assert "results/left_over/published/robustness/own_cuts.csv" in end
    assert "Moved: 1 file" in workspace.snakemake(copy)  # said until the folder is removed
    assert not left.exists()
    assert (copy / "results/left_over/published/robustness/own_cuts.csv").read_text() == "cut\n1\n"
    for output in ("manifest.json", "report.html"):
        assert "own_cuts" not in (copy / "results/published" / output).read_text()


@pytest.mark.slow
def test_a_run_that_is_killed_twice_and_continued_on_one_core_makes_the_bytes_of_four(finished, tmp_path):
    folder = workspace.make(tmp_path / "elsewhere")
    for seconds in (4, 12):
        process = workspace.start(folder)
        time.sleep(seconds)
        workspace.kill(process)
    (folder / "results/published").mkdir(parents=True, exist_ok=True)
    (folder / "results/published/.part-killed.png").write_text("half")  # as a figure is left when hit while written
    workspace.snakemake(folder, cores=1)
    first, second = workspace.read_outputs(finished[0]), workspace.read_outputs(folder)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_second_run_at_the_same_time_is_refused_and_a_dead_one_is_no_obstacle(tmp_path):
    # A folder and a workbook whose names a shell would take apart.
    cold, book = workspace.make(tmp_path / "it's $(touch pwned) {here}"), "data/my $(touch stolen) 'book'.xlsx"
    (cold / "data/reconstructed.xlsx").rename(cold / book)
    workspace.edit(cold, lambda config: config["analyses"]["published"].update(workbook=book))
    first = workspace.start(cold, RESULTS)
    workspace.wait_for(lambda: len([*cold.glob(".snakemake/locks/*")]) == 2)
    os.killpg(first.pid, signal.SIGSTOP)  # so that it does not end before the second has begun
    second = workspace.snakemake(cold, RESULTS, "--config", "analyses={published: {alpha: 0.01}}", status=1)
    assert "Directory cannot be locked" in second
    assert "Traceback" not in second
    workspace.kill(first)
    assert [*cold.glob(".snakemake/locks/*")]
    workspace.snakemake(cold, RESULTS)
    assert not [*cold.glob(".snakemake/locks/*")]
    assert "level 0.95" in (cold / RESULTS).read_text()
    assert not [*cold.parent.rglob("pwned"), *cold.parent.rglob("stolen")]


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (
            ("--config", "analyses={published: {markr: x, alpha: 2}}", "publishd=x"),
            (
                "--config: 3 faults\n",
                "  publishd: unknown key; did you mean 'published'?\n",
                "  analyses.published.markr: unknown key",
                "  analyses.published.alpha: '2': expected less than 1",
            ),
        ),
        # Snakemake alone would take the finished outputs, made from another workbook, for those of this one.
        (
            ("--config", "analyses={published: {workbook: none.xlsx, outcomes: [ctxx]}}"),
            ("published.workbook: 'none.xlsx' does not exist", "did you mean 'ctx'?"),
        ),
        (
            ("--configfile", "mine.yaml", "config.yaml"),
            ("mine.yaml: 1 fault\n  analyses.published.tset: unknown key; did you mean 'test'?",),
        ),
        (("--config", "figures=words.yaml"), ("words.yaml: figures.one: caption: no placeholder is called {lettrs}",)),
        (("--config", "tables=list.yaml"), ("list.yaml: 1 fault\n  tables: ['table_1']: expected a dictionary",)),
    ],
)
def test_faults_of_the_configuration_end_in_one_message_that_names_their_source(finished, arguments, messages):
    (finished[0] / "mine.yaml").write_text("analyses: {published: {tset: exact}}\n")
    (finished[0] / "list.yaml").write_text("tables: [table_1]\n")
    words = {"one": {"label": "1", "title": "", "caption": "{lettrs[x]}", "flow": {"outcomes": ["ctx"]}}}
    (finished[0] / "words.yaml").write_text(yaml.safe_dump({"figures": words}))
    printed = workspace.snakemake(finished[0], "--dry-run", *arguments, status=1)
    assert [message for message in messages if message not in printed] == []
    assert not re.search("Traceback|catalogue.py|^config.yaml: ", printed, flags=re.MULTILINE)


def test_the_message_of_failed_steps_comes_last_once_for_each_cause_and_outputs_stay(copy):
    before = workspace.read_outputs(copy)
    (copy / "notes.xlsx").write_text("not a workbook")
    printed = workspace.snakemake(copy, "--config", "analyses={published: {workbook: notes.xlsx}}", status=1)
    log = "results/workbooks/notes/logs/participants.log"
    assert f"Failed: participants (log: {log})\n  d-q-trial participants: " in printed.rpartition("Stopped;")[2]
    assert printed.count("d-q-trial participants: notes.xlsx: ") == 1
    assert "Traceback" not in printed
    assert workspace.read_outputs(copy) == before
    for setting, failed, cause in (
        ("exclude: [X99]", "results (log: results/published/logs", "no analysed participant is called 'X99'"),
        (f"sha256: {'f' * 64}", "participants (log: results/workbooks", f"expected {'f' * 64}; this is another file"),
    ):
        given = ("--config", f"analyses={{published: {{{setting}}}}}", "--quiet", "all")
        printed = workspace.snakemake(copy, *given, status=1)
        end = printed.rpartition("Stopped;")[2]
        assert failed in end
        assert end.count(cause) == 1


@pytest.mark.parametrize("way", ["--snakefile", "--directory"])
def test_the_workflow_runs_in_another_folder_with_the_users_files_first(finished, tmp_path, way):
    elsewhere = tmp_path / "else where"
    (elsewhere / "data").mkdir(parents=True)
    trial = (finished[0] / "data/trial.yaml").read_text()
    (elsewhere / "data/trial.yaml").write_text(trial.replace("cuts: [2/3]", "cuts: [3/4]"))
    arguments = {"--snakefile": str(finished[0] / "Snakefile"), "--directory": str(elsewhere)}
    cwd = elsewhere if way == "--snakefile" else finished[0]
    workspace.snakemake(finished[0], way, arguments[way], RESULTS, cwd=cwd)
    log = [*(elsewhere / ".snakemake/d_q_trial").glob("*.json")]
    assert '"trial": "data/trial.yaml"' in log[0].read_text()
    assert str(finished[0]) not in log[0].read_text()  # the same results wherever the workflow is
    assert (elsewhere / RESULTS).read_bytes() == (finished[0] / RESULTS).read_bytes()
    config = (finished[0] / "config.yaml").read_text().replace("published:\n    work", "mine:\n    work")
    (elsewhere / "config.yaml").write_text(f"{config}\nreference: mine\n")
    planned = workspace.snakemake(finished[0], way, arguments[way], "--dry-run", "--printshellcmds", cwd=cwd)
    assert "--analysis mine" in planned
    assert "--analysis published" not in planned


@pytest.mark.parametrize("own_config", [False, True])
def test_the_workflow_is_a_module_of_another(finished, tmp_path, own_config):
    parts = {"trial_part": yaml.safe_load(Path("tests/config.yaml").read_text())}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(parts))
    given = '    config: config["trial_part"]\n' if own_config else ""
    (tmp_path / "Snakefile").write_text(
        'configfile: "config.yaml"\n'
        * own_config
        + f'module trial:\n    snakefile: "{finished[0] / "Snakefile"}"\n{given}\nuse rule * from trial as trial_*\n\n'
        f'rule mine:\n    default_target: True\n    input: "{RESULTS}"\n    output: "n.txt"\n    shell: "wc -l {{input}} > {{output}}"\n'
    )
    printed = workspace.snakemake(finished[0], *[] if own_config else ["--dry-run"], cwd=tmp_path)
    if own_config:
        assert (tmp_path / "n.txt").exists()
        assert (tmp_path / RESULTS).read_bytes() == (finished[0] / RESULTS).read_bytes()
    else:
        assert re.search(r"^trial_results +1$", printed, flags=re.MULTILINE)


def test_rules_make_the_synthetic_cohort_and_the_ensemble(finished):
    targets = [f"results/reconstructed/{name}" for name in ("cohort.xlsx", "ensemble.md")]
    assert "reconstruct" in workspace.list_steps(finished[0], *targets)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.yaml", "analyses:\n\t- x\n", "config.yaml, line 2, column 1: not readable as YAML"),
        (".snakemake/d_q_trial", "a file where a folder should be", ".snakemake/d_q_trial"),
    ],
)
def test_what_cannot_be_read_or_written_ends_in_one_message(copy, file, text, message):
    shutil.rmtree(copy / ".snakemake/d_q_trial")
    (copy / file).write_text(text)
    printed = workspace.snakemake(copy, "--dry-run", status=1)
    assert message in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_the_report_of_snakemake_shows_figures_and_tables_with_captions_in_the_papers_order(finished, tmp_path):
    workspace.snakemake(finished[0], "--report", str(tmp_path / "report.zip"))
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("report.html")]
        text = " ".join(archive.read(name).decode().split())
        shown = {Path(name).stem for name in archive.namelist()}
    for kind, file in (("figures", "data/figures.yaml"), ("tables", "data/tables.yaml")):
        for number, (key, entry) in enumerate(yaml.safe_load(Path(file).read_text())[kind].items(), start=1):
            assert key in shown
            assert f"{entry['label']}. {entry['title'].split('{')[0]}" in text
            assert re.search(rf'"#": "{number:02}", "{kind[:-1]}": "{re.escape(entry["label"])}"', text)
    assert re.search(r'"#": "\d+", "figure": "Bone turnover markers, every cutoff of p16 variant 5"', text)
    assert "Tables, figures and claims of published" in text


def test_results_of_a_run_that_did_not_finish_are_not_judged(copy, capsys):
    folder = str(copy / "results/published")
    assert cli.main(["verify", folder]) == 0
    workspace.edit(copy, lambda config: config["analyses"]["published"].update(alpha=0.01))
    printed = workspace.snakemake(copy, RESULTS, "--quiet", "progress")
    assert "1 step done: results\n" in printed
    outdated = "Outdated: results/published/report.html is of other settings or another workbook than config.yaml"
    assert outdated in printed
    assert cli.main(["verify", folder]) == 2
    assert "changed since the last finished run: results.csv" in capsys.readouterr().out
    shutil.rmtree(copy / ".snakemake")
    assert re.search(f"Nothing to be done.*\n.*\n{outdated}", workspace.snakemake(copy, RESULTS))


def test_the_slurm_profile_states_memory_and_time_of_rules_that_exist(finished):
    profile = yaml.safe_load(Path("profiles/slurm/config.yaml").read_text())
    rules = workspace.snakemake(finished[0], "--list-rules").split()
    assert set(profile["set-resources"]) <= set(rules)
    assert {"mem_mb", "runtime"} <= set(profile["default-resources"])
    assert all(entry.keys() == {"runtime"} for entry in profile["set-resources"].values())
    pytest.importorskip("snakemake_executor_plugin_slurm")
    printed = workspace.snakemake(
        finished[0], "--profile", "profiles/slurm", "--dry-run", "full_size", "--config", "robustness={shards: 2}"
    )
    assert printed.count("Permute the treatment labels") == 2
