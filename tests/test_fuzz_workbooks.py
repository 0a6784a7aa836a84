"""Damaged workbooks are refused, or read as what they were before the damage."""

import signal
from pathlib import Path

import pytest
from hostile.damage import variants
from hostile.parts import sound_parts, write

from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial
from d_q_trial.workbook import loader, reader

DATA = Path(__file__).parents[1] / "data"
SECONDS = 10
# Damage below the archive's checksums: whatever is read in spite of it has to be what was there before.
OF_THE_ARCHIVE = ("flip_bytes", "cut", "swap_blocks", "zero_block")


class TooSlowError(BaseException):
    """Not an error that a reader could catch by accident."""


@pytest.fixture(scope="module")
def trial():
    return load_trial(DATA / "trial.yaml")


@pytest.fixture
def in_process(monkeypatch):
    """Read in this process, as the reading process does, to try many files a second; and stop what takes too long."""

    def load(path):
        try:
            loader.check_file(path)
            return loader.read_file(path)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{path}: damaged ({error})") from None

    def too_slow(*_):
        raise TooSlowError

    monkeypatch.setattr(reader, "load", load)
    before = signal.signal(signal.SIGALRM, too_slow)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def fuzz(content, count, seed, trial, path):
    """Read damaged variants; returns how many were read and how many were refused."""
    path.write_bytes(content)
    sound = reader.read_workbook(path, trial).frame
    read = refused = 0
    for name, damaged in variants(content, count, seed):
        path.write_bytes(damaged)
        signal.alarm(SECONDS)
        try:
            participants = reader.read_workbook(path, trial)
            read += 1
            assert not name.startswith(OF_THE_ARCHIVE) or participants.frame.equals(sound), name
        except UserError as error:
            refused += bool(str(error).strip())
        except BaseException as error:  # also panics of the compiled reader, which are no Exception
            pytest.fail(f"{name}: {type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
    return read, refused


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("small", 200),
        pytest.param("small", 1200, marks=pytest.mark.slow),
        pytest.param("reconstructed", 100, marks=pytest.mark.slow),
    ],
)
def test_damaged_workbooks_are_refused_or_read_right(name, count, trial, tmp_path):
    path = tmp_path / "data.xlsx"
    write(path, sound_parts())
    content = path.read_bytes() if name == "small" else (DATA / "reconstructed.xlsx").read_bytes()
    read, refused = fuzz(content, count, "small", trial, path)
    assert read + refused == count
    assert min(read, refused) > 0.1 * count or name != "small"  # else the damage is too mild or too crude
