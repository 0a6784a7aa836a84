"""Open a workbook file: check it from outside, then read it in a process of its own with limits on memory and time.

The threat is a damaged or absurd file. Whatever it does to the library that reads it ends in one message.
"""

from __future__ import annotations

import os
import pickle
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from .. import software
from ..errors import UserError
from .file_reader import STATISTICS, RefusedError
from .sheets import Workbook

MOST_BYTES = 200_000_000  # of the file
MOST_UNPACKED = 600_000_000  # of its parts together
MOST_PARTS = 20_000
MOST_RATIO = 300  # unpacked to packed, of a part of some size
MEMORY = 1_000_000_000  # bytes of address space of the reading process
SECONDS = 10  # of processor time, and more for a large file:
SECONDS_PER_MB = 5
MOST_SECONDS = 240
TELL_EVERY = 10  # seconds

# First bytes of files that are often taken for a workbook, and what to do with them.
OTHER_KINDS = {
    b"%PDF": "a PDF document, not a workbook",
    b"\x1f\x8b": "a gzip file; unpack it first",
    b"{": "a JSON file, not a workbook",
    b"<": "a web page or XML file, not a workbook; open it in a spreadsheet program and save it as .xlsx",
    b"version https://git-lfs": "a Git LFS pointer; fetch the file itself with `git lfs pull`",
    b"\x09\x08": "a very old .xls file; open it in a spreadsheet program and save it as .xlsx",
}
OTHER_ARCHIVES = {"word/": "a Word document", "ppt/": "a PowerPoint document", "index/": "a Numbers document"}
WORKBOOK_PARTS = {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}


def load(path: Path | str) -> Workbook:
    """Read every worksheet of a file.

    Parameters
    ----------
    path : path
        An .xlsx, .xlsm, .xls, .xlsb, .ods, .csv or .tsv file, or one of SPSS, Stata or SAS.

    Raises
    ------
    UserError
        In one line that names the file: if it is not such a file, is damaged or protected, or takes more memory or time
        than a trial's workbook can.
    """
    path = Path(path)
    seconds = check_file(path)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "sheets"
        _run(path, output, seconds)
        workbook: Workbook = pickle.loads(output.read_bytes())
    workbook.path = path
    return workbook


def check_file(path: Path) -> int:
    """Look at a file from outside; return the seconds of processor time that reading it may take.

    Raises
    ------
    UserError
        If it is not a regular file, too large, of another kind, or an archive that unpacks to far more than its size.
    """
    try:
        return _check(path)
    except FileNotFoundError:
        what = "no such file"
    except zipfile.BadZipFile:
        what = "damaged or truncated; download or save it again"
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
    except RefusedError as error:
        what = str(error)
    except ValueError as error:  # a name that no file can have
        what = f"cannot be read ({error})"
    raise UserError(f"{path}: {what}")


def _check(path: Path) -> int:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise RefusedError("a folder; expected a workbook" if stat.S_ISDIR(found.st_mode) else "not a regular file")
    if found.st_size > MOST_BYTES:
        raise RefusedError(f"{found.st_size / 1e6:,.0f} MB, more than the {MOST_BYTES / 1e6:,.0f} MB that are read")
    with path.open("rb") as stream:
        head = stream.read(4096)
    if not head.strip(b"\0 \t\r\n"):
        raise RefusedError("an empty file")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, what in OTHER_KINDS.items():
        if text.startswith(start) and path.suffix.lower() not in STATISTICS:
            raise RefusedError(what)
    if head.startswith(b"\xd0\xcf\x11\xe0") and b"E\0n\0c\0r\0y\0p\0t\0" in path.read_bytes():
        raise RefusedError("password-protected; save it without a password")
    if head.startswith(b"PK"):
        _check_archive(path)
    return min(SECONDS + round(SECONDS_PER_MB * found.st_size / 1e6), MOST_SECONDS)


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise RefusedError("password-protected; save it without a password")
    unpacked = sum(part.file_size for part in parts)
    swollen = any(part.file_size > max(5_000_000, MOST_RATIO * part.compress_size) for part in parts)
    if unpacked > MOST_UNPACKED or swollen or len(parts) > MOST_PARTS:
        size = f"{unpacked / 1e6:,.0f} MB in {len(parts):,} parts"
        raise RefusedError(f"unpacks to {size}, far more than a trial's workbook; save its values in a new workbook")
    names = sorted(part.filename.replace("\\", "/").lower().lstrip("/") for part in parts)
    if WORKBOOK_PARTS.isdisjoint(names):
        inside = [name for name in names if name.endswith((".xlsx", ".xlsm", ".csv", ".xls"))]
        kinds = [kind for start, kind in OTHER_ARCHIVES.items() if any(name.startswith(start) for name in names)]
        what = [f"an archive with {name} inside; unpack it first" for name in inside] + kinds
        raise RefusedError([*what, "an archive without a workbook"][0])


def _run(path: Path, output: Path, seconds: int) -> None:
    """Run the reading process; it writes its result to ``output``."""
    module = f"{__package__}.file_reader"
    command = [sys.executable, "-m", module, str(path.resolve()), str(output), str(seconds), str(MEMORY)]
    paths = os.pathsep.join(filter(None, [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    started = time.monotonic()
    while True:
        try:
            _, said = process.communicate(timeout=TELL_EVERY)
            break
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - started
            print(f"reading {path.name}: {passed:.0f} s", file=sys.stderr, flush=True)
            if passed > 4 * seconds:
                process.kill()
    if process.returncode == 0:
        software.add_child(said)
    elif process.returncode == 2:
        raise UserError(f"{path}: {said.strip().splitlines()[-1]}")
    elif process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise UserError(f"{path}: reading it takes more than {seconds} s; save its values in a new workbook")
    else:
        raise UserError(f"{path}: damaged, or not a workbook (the program that reads it stopped)")
