"""Worker processes with the libraries of a step loaded, for runs with several analyses.

Imports take a third of the time of most steps. During such a run, each command that every analysis needs has a worker,
which forks for every job. It imports the modules that its first job imported, so that later jobs find the modules that
they would have imported themselves, and no others. A step that cannot connect to a worker runs in its own process.
"""

import contextlib
import json
import os
import socket
import sys
from pathlib import Path

FOLDER = "D_Q_TRIAL_WORKERS"  # environment variable: the folder of the sockets, one for each command
_started = []  # workers, which end when this process does, however it ends: it holds the pipe of their standard input


def start_workers(groups: list[str], folder: str) -> None:
    """Start a worker for each group of commands, such as ``"tables report"``; none if the folder cannot be written.

    Commands of a group import the same libraries. Workers start on Linux only: the libraries of other systems may not
    work after a fork.
    """
    import subprocess

    if sys.platform == "linux":
        command, discard = [sys.executable, "-m", __name__, folder, *groups], subprocess.DEVNULL
        os.environ |= {FOLDER: folder, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as for every step
        _started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=discard, stderr=discard))


def run_in_worker(arguments: list[str]) -> int | None:
    """Run a command in its worker, with the output of this process; return its status, or None if there is no worker."""
    if FOLDER not in os.environ or not arguments:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            groups = [name for name in os.listdir(os.environ[FOLDER]) if arguments[0] in name.split()]
            connection.connect(f"{os.environ[FOLDER]}/{''.join(groups)}")
            socket.send_fds(connection, [json.dumps(arguments).encode()], [1, 2])
            status = connection.recv(1)
        except KeyboardInterrupt:  # the job is interrupted too, and prints the message
            status = connection.recv(1)
        except OSError:  # there is no worker, or it ended before it read the request
            return None
    return status[0] if status else 1  # a killed job sends no status


def serve(socket_path: Path) -> None:
    """Fork for each request to a socket, which is named after its group of commands, until standard input ends."""
    import gc
    import importlib
    import select
    import signal

    modules_file = socket_path.with_name(f"modules of {socket_path.name.replace(' ', '-')}.json")
    for path in (socket_path, modules_file):
        path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(socket_path))
    listener.listen()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # an interrupt waits until the new job can handle it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that finished jobs do not stay as zombies
    while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
        with listener.accept()[0] as connection:
            if modules_file and modules_file.exists():
                for name in json.loads(modules_file.read_bytes()):
                    with contextlib.suppress(Exception):  # a module of another name than in the table of modules
                        importlib.import_module(name)
                gc.freeze()  # the garbage collector of a job skips these objects
                modules_file = None  # no later job has to write it
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                os._exit(_run_job(connection, modules_file))


def _run_job(connection: socket.socket, modules_file: Path | None) -> int:
    """Run one command, send its status to the step and return it; write the imported modules to the file, if any."""
    import signal
    import threading

    status = 1
    try:
        request, outputs, *_ = socket.recv_fds(connection, 1 << 16, 2)
        for descriptor, output in enumerate(outputs, start=1):
            os.dup2(output, descriptor)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
        # A step that is stopped closes its end of the connection; then the job ends too.
        threading.Thread(target=lambda: connection.recv(1) or os._exit(1), daemon=True).start()
        from .cli import main
        from .files import write_json

        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        status = main(json.loads(request))
        if modules_file:
            with contextlib.suppress(OSError):  # a full disk
                write_json([*sys.modules], modules_file)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        connection.sendall(bytes([status]))
    return status


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    import pandas  # noqa: F401  (every step of an analysis needs it)

    for group in sys.argv[2:]:
        if os.fork() == 0:
            sys.exit(serve(Path(sys.argv[1], group)))
