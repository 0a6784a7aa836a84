"""Distinguish live runs from killed ones, so that a stale lock of Snakemake does not stop the next run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_held: list[int] = []  # open as long as this process lives


def mark_alive(folder: Path | str) -> None:
    """Mark this process as alive; if no other is, remove the locks and configurations that ended runs left behind.

    The operating system releases the mark when the process ends, however it ends. Snakemake's own lock, in the same
    folder, keeps two live runs apart. OSError if the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # not on this system: stale locks are then removed with `snakemake --unlock`
        return
    _held.append(os.open(folder / "alive", os.O_CREAT | os.O_RDWR))
    with contextlib.suppress(OSError):  # taken by another, or a file system without locks
        fcntl.flock(_held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        for path in (*folder.glob("locks/*"), *folder.glob("d_q_trial/*.json")):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        fcntl.flock(_held[-1], fcntl.LOCK_SH | fcntl.LOCK_NB)
