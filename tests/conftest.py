import os
from pathlib import Path

import loopback
import pytest
from hypothesis import settings

# Paths such as data/trial.yaml are relative to the top of the checkout, from wherever pytest is called.
os.chdir(Path(__file__).parent.parent)

# A busy machine must not fail a law.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")


@pytest.fixture
def site():
    """A server on the loopback address."""
    with loopback.running() as server:
        yield server
