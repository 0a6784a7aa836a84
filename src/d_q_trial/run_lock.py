"""Distinguish live runs from killed ones, so that a stale lock of Snakemake does not stop the next run."""

import contextlib
import os
from pathlib import Path

_lock_files: list[int] = []  # descriptors, open until this process ends


def mark_alive(folder: Path | str) -> None:
    """Mark this process as alive; if no other process is, remove the locks and configurations of ended runs.

    The operating system releases the mark when the process ends, however it ends. Snakemake's lock, in the same folder,
    prevents two runs at the same time. OSError if the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # not on this system: the user removes stale locks with `snakemake --unlock`
        return
    _lock_files.append(os.open(folder / "alive", os.O_CREAT | os.O_RDWR))
    with contextlib.suppress(OSError):  # held by another process, or a file system without locks
        fcntl.flock(_lock_files[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        for path in (*folder.glob("locks/*"), *folder.glob("d_q_trial/*.json")):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        fcntl.flock(_lock_files[-1], fcntl.LOCK_SH | fcntl.LOCK_NB)
