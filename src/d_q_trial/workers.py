"""Processes that have the libraries of a step loaded, for runs with several analyses.

Imports take a third of the time of most steps. While such a run lasts, commands that every analysis needs have a worker,
which forks for every job. It imports what its first job had imported, so that later jobs find what they would have
imported themselves, and no more. A step that reaches no worker runs by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from pathlib import Path

FOLDER = "D_Q_TRIAL_WORKERS"  # where the workflow names the folder of the sockets, one for each command
_started = []  # they end with this process, however it ends: it holds the other end of their standard input


def start_workers(groups: list[str], folder: str) -> None:
    """Start a worker for each group of commands, such as ``"tables report"``; none if the folder cannot be written.

    Commands of a group import the same libraries. On other systems than Linux, whose libraries do not promise to work
    after a fork, nothing is started.
    """
    import subprocess

    if sys.platform == "linux":
        call, none = [sys.executable, "-m", __name__, folder, *groups], subprocess.DEVNULL
        os.environ |= {FOLDER: folder, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as for every step
        _started.append(subprocess.Popen(call, stdin=subprocess.PIPE, stdout=none, stderr=none))


def run_in_worker(arguments: list[str]) -> int | None:
    """Let its worker run a command, with the output of this process; return the status, None if there is no worker."""
    if FOLDER not in os.environ or not arguments:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(f"{os.environ[FOLDER]}/{arguments[0]}")
            socket.send_fds(connection, [json.dumps(arguments).encode()], [1, 2])
            status = connection.recv(1)
        except KeyboardInterrupt:  # the job is interrupted too, and says so
            status = connection.recv(1)
        except OSError:  # there is no worker, or it ended before it had read the request
            return None
    return status[0] if status else 1  # a job that was killed sends none


def serve(first: Path, *others: Path) -> None:
    """Fork for each request to a socket at the path ``first``, to which ``others`` lead, until standard input ends."""
    import select
    import signal

    for path in (first, *others, learned := first.with_suffix(".json")):
        path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(first))
    listener.listen()
    for path in others:
        path.symlink_to(first.name)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # one that meets a job before it can answer waits
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that jobs that ended leave nothing behind
    is_ready = False
    while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
        with listener.accept()[0] as connection:
            if not is_ready and learned.exists():
                _load(json.loads(learned.read_bytes()))
                is_ready = True
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                os._exit(_job(connection, None if is_ready else learned))


def _load(names: list[str]) -> None:
    """Import modules; not all that Python lists as modules can be imported by the name in the list."""
    import gc
    import importlib

    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.freeze()  # no job has to search these objects


def _job(connection: socket.socket, learned: Path | None) -> int:
    """Run one command and return its status, also to the step; write what it has imported to the file ``learned``."""
    import signal
    import threading

    status = 1
    try:
        request, outputs, *_ = socket.recv_fds(connection, 1 << 16, 2)
        for number, output in enumerate(outputs, start=1):
            os.dup2(output, number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
        # A step that is stopped closes its end: then the job ends too.
        threading.Thread(target=lambda: connection.recv(1) or os._exit(1), daemon=True).start()
        from .cli import main
        from .files import write_json

        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        status = main(json.loads(request))
        if learned:
            with contextlib.suppress(OSError):  # a full disk
                write_json([*sys.modules], learned)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        connection.sendall(bytes([status]))
    return status


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    import pandas  # noqa: F401  (which every step of an analysis needs)

    for group in sys.argv[2:]:
        if os.fork() == 0:
            sys.exit(serve(*(Path(sys.argv[1], command) for command in group.split())))
