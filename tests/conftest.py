import os
from pathlib import Path

import pytest
import workspace
from hypothesis import Phase, settings

# Before numpy is imported: two workers with two threads each would slow each other down.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Paths such as data/trial.yaml are relative to the top of the checkout, from wherever pytest is called.
os.chdir(Path(__file__).parent.parent)

# Tests of what a workbook means, not of how its file is opened.
IN_PROCESS = ("test_misread", "test_layout", "test_faults", "test_recognise", "test_workbook_mapping", "test_inspect")

# A busy machine must not fail a law.
settings.register_profile("calm", deadline=None)
# A mutant is tested in a second, by the same examples every time.
few = {"max_examples": 20, "phases": [Phase.explicit, Phase.generate]}
settings.register_profile("mutants", deadline=None, derandomize=True, database=None, **few)
settings.load_profile("calm")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A copy of the project after one cold run, four jobs at a time."""
    folder = workspace.make(tmp_path_factory.mktemp("finished") / "project")
    # The imports of every step go to its log.
    run = workspace.snakemake(folder, cores=4, PYTHONPROFILEIMPORTTIME="1")
    assert run.returncode == 0, run.stdout
    return folder, run.stdout


@pytest.fixture(autouse=True)
def _read_files_in_process(request, monkeypatch):
    """Save hundreds of processes: only the tests of the loader, of commands and of the workflow start the real one."""
    from d_q_trial.workbook import loader, reader

    if request.module.__name__.startswith(IN_PROCESS):
        monkeypatch.setattr(reader, "load", lambda path: loader.check_file(Path(path)) and loader.read_file(Path(path)))


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Results of the published analysis and of three alternatives, with every page."""
    import made

    analyses = {
        "halves": {"strata": {"cuts": ["1/2"], "labels": ["low", "high"]}},
        "thirds": {"strata": {"cuts": ["1/3", "2/3"], "labels": ["T1", "T2", "T3"]}},
        "strict": {"alpha": 0.01, "change": "log_ratio"},
    }
    searched = ("cutoffs:published", "robustness:published")
    extra = (*searched, "sensitivity:published")
    steps = ("consistency", "results", "tables", "figures", *extra, "compare", "report", "overview")
    return made.make(tmp_path_factory.mktemp("pages"), analyses, *steps, figures=("figure_3", "figure_4"))
