import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest
import workspace
import yaml
from hypothesis import Phase, settings

# Set before numpy is imported: two test processes with two threads each would slow each other down.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Paths such as data/trial.yaml are relative to the top of the checkout, from wherever pytest is called.
os.chdir(Path(__file__).parent.parent)

# Tests of the content of workbooks, not of opening their files.
IN_PROCESS = ("test_misread", "test_layout", "test_faults", "test_recognise", "test_workbook_mapping", "test_inspect")
IN_PROCESS += ("test_fuzz",)  # many files per second

# Without a deadline, since a busy machine must not fail a property test.
settings.register_profile("calm", deadline=None)
# For mutants: tests within a second, by the same examples every time.
few = {"max_examples": 20, "phases": [Phase.explicit, Phase.generate]}
settings.register_profile("mutants", deadline=None, derandomize=True, database=None, **few)
settings.load_profile("calm")


def make_shared_folder(factory, name, make):
    """Return a folder that the first process of pytest makes and all processes use."""
    top = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    with (top / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (top / f"{name}.made").exists():
            make(top / name)
            (top / f"{name}.made").touch()
    return top / name


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A copy of the project after one cold run with four parallel jobs, and the output of the run."""

    def make(folder):
        # The imports of every step go to its log.
        output = workspace.snakemake(workspace.make(folder), cores=4, PYTHONPROFILEIMPORTTIME="1")
        (folder / "printed").write_text(output)

    folder = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(make_shared_folder(tmp_path_factory, "finished", make), folder, symlinks=True)
    return folder, (folder / "printed").read_text()


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished project that a test may change."""
    return Path(shutil.copytree(finished[0], tmp_path / "project", symlinks=True))


def pytest_collection_modifyitems(items):
    """Run slow tests first, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def _read_files_in_process(request, monkeypatch):
    """Read workbooks in this process: only tests of the loader, of commands and of the workflow start the separate one."""
    from d_q_trial.errors import UserError
    from d_q_trial.spreadsheet import loader
    from d_q_trial.workbook import reader

    def load(path):
        try:
            return loader.read_file(Path(path))
        except UserError:
            raise
        except Exception as error:  # as the separate process does
            raise UserError(f"{path}: damaged ({error})") from None

    if request.module.__name__.startswith(IN_PROCESS):
        monkeypatch.setattr(reader, "load_workbook", load)


@pytest.fixture
def forget_names(monkeypatch):
    """Return a function after which no label is recognised, so that a workbook can be read through its mapping only."""
    from d_q_trial.recognition.vocabulary import LabelReading, Vocabulary

    def forget():
        nothing = {"_read_label": LabelReading(leftover="?"), "_read_context": LabelReading(leftover="?"), "arm": None}
        for method, reading in nothing.items():
            monkeypatch.setattr(Vocabulary, method, lambda self, text, reading=reading: reading)

    return forget


OTHER_ANALYSES = {
    "halves": {"strata": {"cuts": ["1/2"], "labels": ["low", "high"]}},
    "thirds": {"strata": {"cuts": ["1/3", "2/3"], "labels": ["T1", "T2", "T3"]}},
    "strict": {"alpha": 0.01, "change": "log_ratio"},
}
# Some steps run for each analysis, the others for the published one only, or they combine all analyses.
OF_EACH_ANALYSIS = ("results", "tables", "figures", "report")
STEPS = ("participants", "consistency", "results", "tables", "figures", "cutoffs", "robustness", "sensitivity")
STEPS += ("compare", "report", "overview")


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Results of the published analysis and of three alternatives, with every page, and ``config.json`` beside them."""
    from d_q_trial import cli

    def make(folder):
        config = yaml.safe_load(Path("tests/config.yaml").read_text())
        families = {"endpoints": {"outcomes": ["turnover", "bmd"], "strata": ["all"]}}
        config |= {"robustness": {"permutations": 99, "families": families}}
        config["analyses"] |= OTHER_ANALYSES
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        paths = ["--config", str(folder / "config.json"), "--results", str(folder / "results")]
        for step in STEPS:
            only = ["--only", "figure_3", "figure_4"] if step == "figures" else []
            for analysis in config["analyses"] if step in OF_EACH_ANALYSIS else ["published"]:
                assert cli.main([step, *only, *paths, "--analysis", analysis]) == 0, (step, analysis)

    return make_shared_folder(tmp_path_factory, "pages", make) / "results"
