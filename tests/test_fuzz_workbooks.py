import signal
import threading
from pathlib import Path

import pytest
from hostile.damage import variants
from hostile.parts import sound_parts, write

from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial
from d_q_trial.workbook import read_workbook

DATA = Path(__file__).parents[1] / "data"
SECONDS = 10
# Damage below the archive's checksums: whatever is read in spite of it has to be what was there before.
OF_THE_ARCHIVE = ("flip_bytes", "cut", "swap_blocks", "zero_block")


class TooSlow(BaseException):
    """No error that a reader could catch by accident."""


@pytest.fixture(scope="module")
def trial():
    return load_trial(DATA / "trial.yaml")


@pytest.fixture
def limited_time():
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        pytest.skip("needs alarm signals")

    def too_slow(*_):
        raise TooSlow

    before = signal.signal(signal.SIGALRM, too_slow)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _fuzz(content, count, seed, trial, path):
    """Read damaged variants; returns how many were read and how many were refused."""
    path.write_bytes(content)
    sound = read_workbook(path, trial).frame
    read = refused = 0
    for name, damaged in variants(content, count, seed):
        path.write_bytes(damaged)
        signal.alarm(SECONDS)
        try:
            participants = read_workbook(path, trial)
        except UserError as error:
            refused += 1
            if not str(error).strip() or "Error(" in str(error):
                pytest.fail(f"{name}: {error}")
        except BaseException as error:  # also panics of the compiled reader, which are no Exception
            pytest.fail(f"{name}: {type(error).__name__}: {error}")
        else:
            read += 1
            if name.startswith(OF_THE_ARCHIVE):
                assert participants.frame.equals(sound), name
        finally:
            signal.alarm(0)
    return read, refused


@pytest.mark.usefixtures("limited_time")
def test_damaged_small_workbooks_are_refused_or_read_right(trial, tmp_path):
    path = tmp_path / "small.xlsx"
    write(path, sound_parts())
    read, refused = _fuzz(path.read_bytes(), 400, "small", trial, path)
    assert read + refused == 400
    assert min(read, refused) > 40  # else the damage is too mild or too crude to test anything


@pytest.mark.slow
@pytest.mark.usefixtures("limited_time")
@pytest.mark.parametrize("name", ["small", "reconstructed"])
def test_thousands_of_damaged_workbooks_are_refused_or_read_right(name, trial, tmp_path):
    path = tmp_path / "data.xlsx"
    write(path, sound_parts())
    content = path.read_bytes() if name == "small" else (DATA / "reconstructed.xlsx").read_bytes()
    count = 2000 if name == "small" else 500
    read, refused = _fuzz(content, count, "many", trial, path)
    assert read + refused == count
