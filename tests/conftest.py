import os
from pathlib import Path

import pytest
import workspace
from hypothesis import settings

# Paths such as data/trial.yaml are relative to the top of the checkout, from wherever pytest is called.
os.chdir(Path(__file__).parent.parent)

# A busy machine must not fail a law.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A copy of the project after one cold run, four jobs at a time."""
    folder = workspace.make(tmp_path_factory.mktemp("finished") / "project")
    run = workspace.snakemake(folder, cores=4)
    assert run.returncode == 0, run.stdout
    return folder, run.stdout
