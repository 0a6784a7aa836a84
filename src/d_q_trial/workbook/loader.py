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
from .file_reader import STATISTICS
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
    try:
        seconds = check_file(path)
    except ValueError as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
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
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
            raise UserError(f"{path}: {kind}; expected a workbook")
        with path.open("rb") as stream:
            head = stream.read(4096)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if found.st_size > MOST_BYTES:
        raise UserError(
            f"{path}: {found.st_size / 1e6:,.0f} MB, more than the {MOST_BYTES / 1e6:,.0f} MB that are read"
        )
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.strip(b"\0 \t\r\n"):
        raise UserError(f"{path}: an empty file")
    for start, what in OTHER_KINDS.items():
        if text.startswith(start) and path.suffix.lower() not in STATISTICS:
            raise UserError(f"{path}: {what}")
    if head.startswith(b"\xd0\xcf\x11\xe0") and b"E\0n\0c\0r\0y\0p\0t\0" in path.read_bytes():
        raise UserError(f"{path}: password-protected; save it without a password")
    if head.startswith(b"PK"):
        _check_archive(path)
    return min(SECONDS + round(SECONDS_PER_MB * found.st_size / 1e6), MOST_SECONDS)


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise UserError(f"{path}: damaged or truncated; download or save it again") from None
    names = {part.filename.replace("\\", "/").lower().lstrip("/") for part in parts}
    if any(part.flag_bits & 1 for part in parts):
        raise UserError(f"{path}: password-protected; save it without a password")
    unpacked = sum(part.file_size for part in parts)
    swollen = [
        part for part in parts if part.file_size > 5_000_000 and part.file_size > MOST_RATIO * part.compress_size
    ]
    if unpacked > MOST_UNPACKED or swollen or len(parts) > MOST_PARTS:
        raise UserError(
            f"{path}: unpacks to {unpacked / 1e6:,.0f} MB in {len(parts):,} parts, far more than a trial's workbook; "
            "save its values in a new workbook"
        )
    known = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
    if not any(name in names for name in known):
        inside = [name for name in names if name.endswith((".xlsx", ".xlsm", ".csv", ".xls"))]
        what = next((f"an archive with {name} inside; unpack it first" for name in sorted(inside)), "")
        kinds = {"word/": "a Word document", "ppt/": "a PowerPoint document", "index/": "a Numbers document"}
        what = what or next((kind for start, kind in kinds.items() if any(n.startswith(start) for n in names)), "")
        raise UserError(f"{path}: {what or 'an archive without a workbook'}")


def _run(path: Path, output: Path, seconds: int) -> None:
    """Run the reading process; it writes its result to ``output``."""
    command = [
        sys.executable,
        "-m",
        f"{__package__}.file_reader",
        str(path.resolve()),
        str(output),
        str(seconds),
        str(MEMORY),
    ]
    package = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
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
    if process.returncode == 2:
        raise UserError(f"{path}: {said.strip().splitlines()[-1]}")
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise UserError(f"{path}: reading it takes more than {seconds} s; save its values in a new workbook")
    if process.returncode:
        raise UserError(f"{path}: damaged, or not a workbook (the program that reads it stopped)")
