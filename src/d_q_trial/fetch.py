"""Get a workbook from an address: checked before it is stored, resumed when it broke off, never overwritten silently.

Beside the workbook lie ``NAME.sha256`` (for ``sha256sum --check``) and ``NAME.source.json`` (where it came from).
Until it is complete and checked it is called ``NAME.part``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from d_q_trial import download, files
from d_q_trial.errors import UserError
from d_q_trial.setting_types import is_address
from d_q_trial.workbook import guard

FOLDER = Path("data/raw")
PATIENCE = download.Patience()
Check = Callable[[Path], str | None]


@dataclass(frozen=True)
class Supplement:
    """Addresses at which an article's supplementary workbooks are expected, to be tried in turn."""

    title: str
    article: str
    address: str
    numbers: tuple[int, int]
    verified: bool

    @property
    def addresses(self) -> list[str]:
        """All addresses, in the order of trial."""
        first, last = self.numbers
        return [self.address.replace("{n}", str(n)) for n in range(first, last + 1)]

    def by_hand(self, folder: Path) -> str:
        """What to do when the network does not help."""
        return (
            f"To do it by hand: open {self.article}, go to 'Supplementary information' and 'Source data', save the "
            f"Excel file with the participants to {folder}/, run 'python -m d_q_trial inspect {folder}/NAME.xlsx', and "
            "name the file as 'workbook:' in config.yaml."
        )


@dataclass(frozen=True)
class Fetched:
    """A stored workbook: ``new`` is false if it was there before, ``problem`` says why it may be the wrong one."""

    path: Path
    sha256: str
    address: str
    new: bool = True
    notes: list[str] = field(default_factory=list)
    problem: str | None = None


def load_supplement(path: Path | str) -> Supplement:
    """Read the addresses of an article's supplementary workbooks from a YAML file."""
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        first, last = (int(number) for number in content["numbers"])
        found = Supplement(
            str(content["title"]), str(content["article"]), str(content["address"]), (first, last), content["verified"]
        )
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: not a list of supplementary addresses ({' '.join(str(error).split())})") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if "{n}" not in found.address and first != last:
        raise UserError(f"{path}: 'address' lacks the '{{n}}' that 'numbers' fills in")
    return found


def local_copy(address: str, folder: Path | str = FOLDER, **options) -> Path:
    """Return the file that holds what lies at an address; fetch it only if that has not been done before.

    The network is not touched when the copy is there and still has the checksum under which it was stored, so a run
    can be repeated offline. ``#sha256=...`` at the end of the address demands a checksum.

    Parameters
    ----------
    address : str
        ``http://`` or ``https://``.
    folder : path
        Where workbooks are stored.
    **options
        As for :func:`fetch`.
    """
    bare, demanded = _split(address)
    path = _place(bare, Path(folder))
    source = _source(path)
    if path.exists() and source.get("address") == bare:
        found = files.sha256(path)
        if found != source.get("sha256"):
            raise UserError(
                f"{path}: was changed after it was fetched from {bare}; move it away, or name the file itself"
            )
        _demand(found, demanded, str(path))
        return path
    return fetch(address, folder, **options).path


def workbook_file(named: str, **options) -> Path:
    """Return the file that a user means: the one that is named, or the local copy of what lies at an address."""
    return local_copy(named, **options) if is_address(named) else Path(named)


def fetch(
    address: str,
    folder: Path | str = FOLDER,
    *,
    check: Check | None = None,
    force: bool = False,
    sha256: str | None = None,
    patience: download.Patience = PATIENCE,
    by_hand: str | None = None,
) -> Fetched:
    """Fetch one workbook and store it with its checksum.

    Parameters
    ----------
    address : str
        ``http://`` or ``https://``; may end in ``#sha256=...``.
    folder : path
        Where to store it; made if need be.
    check : callable, optional
        Is given the complete file before it gets its name; returns None if it holds participants, otherwise what is
        missing. Such a workbook is stored all the same, and the reason is passed on as ``problem``.
    force : bool
        Replace a file of the same name with other content.
    sha256 : str, optional
        The checksum that the file must have.
    patience : download.Patience
        Seconds to wait, number of attempts.
    by_hand : str, optional
        What to tell a user who is offline.

    Raises
    ------
    UserError
        If there is no answer, the answer is no workbook, its checksum is wrong, or another file has its name.
    download.MissingError, download.OfflineError
        The kinds of UserError for "nothing at this address" and "no connection".
    """
    bare, demanded = _split(address)
    demanded = (sha256 or demanded or "").lower() or None
    if demanded and not re.fullmatch(r"[0-9a-f]{64}", demanded):
        raise UserError(f"{demanded!r} is no SHA-256 checksum (64 hexadecimal digits)")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = _place(bare, folder)
    with _alone_in(folder):
        part = path.with_name(path.name + ".part")
        try:
            reply = download.download(bare, part, patience, most=guard.guard_parts.LIMITS.file_bytes)
        except download.OfflineError as error:
            advice = (
                f"To do it by hand: save {bare} with a browser to {folder}/ and name that file instead of the address"
            )
            raise download.OfflineError(f"{error} {by_hand or advice}") from None
        try:
            found = files.sha256(part)
            try:
                notes = guard.check_file(part)
            except UserError as error:
                raise UserError(f"{bare}: {str(error).removeprefix(f'{part}: ')}") from None
            _demand(found, demanded, bare)
            problem = check(part) if check else None
            new = _store(part, path, found, force, bare)
        finally:
            part.unlink(missing_ok=True)
        files.write_text(f"{found}  {path.name}\n", path.with_name(path.name + ".sha256"))
        files.write_json({"address": bare, "sha256": found, **reply}, path.with_name(path.name + ".source.json"))
    return Fetched(path, found, bare, new, notes, problem)


def fetch_first(
    supplement: Supplement,
    folder: Path | str = FOLDER,
    *,
    check: Check | None = None,
    force: bool = False,
    patience: download.Patience = PATIENCE,
    say: Callable[[str], None] = lambda line: None,
) -> Fetched:
    """Try the addresses of a supplement in turn until one gives a workbook with participants.

    Workbooks in which none are recognised are kept and named in the error, because recognition may be at fault.
    """
    folder, doubtful, failed = Path(folder), [], []
    for address in supplement.addresses:
        try:
            found = fetch(
                address, folder, check=check, force=force, patience=patience, by_hand=supplement.by_hand(folder)
            )
        except download.MissingError as error:
            say(str(error))
            continue
        except download.OfflineError:
            raise  # the other addresses lie on the same server
        except UserError as error:
            say(str(error))
            failed.append(str(error))
            continue
        if found.problem is None:
            return found
        say(f"{found.path}: {found.problem}")
        doubtful.append(str(found.path))
    message = f"no workbook with participants among {len(supplement.addresses)} addresses of {supplement.title}"
    if not supplement.verified:
        message += " (their pattern is a guess that nobody has verified)"
    if doubtful:
        message += f". Stored, but no participants were recognised in: {', '.join(doubtful)}; run 'inspect' on them"
    if failed:
        message += f". Last failure: {failed[-1]}"
    raise UserError(f"{message}. {supplement.by_hand(folder)}")


def participants_missing(path: Path, trial) -> str | None:
    """Say why a workbook is not the one with the trial's participants; None if it may well be.

    Parameters
    ----------
    path : Path
        A workbook that has passed the guard.
    trial : Trial
        Its arms have to occur.
    """
    from d_q_trial.workbook import reader

    arms = {arm for chunk in reader.look(path, trial).chunks for arm in chunk.arms if arm}
    if {trial.arms.treated.key, trial.arms.control.key} <= arms:
        return None
    return "no participants of both arms were recognised in it"


def file_name(address: str) -> str:
    """Name under which the workbook of an address is stored: its last component, made harmless."""
    last = unquote(urlsplit(address).path).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    stem, ending = os.path.splitext(re.sub(r"[^A-Za-z0-9._-]+", "_", last))
    if ending.lower() not in (".xlsx", ".xlsm"):
        stem, ending = stem + ending, ".xlsx"
    stem = stem.strip("._-")[:95].rstrip("._-") or "workbook"
    if len(stem) < 5:  # perhaps one of the names that Windows reserves
        stem = guard.safe_name(stem)
    return stem + ending


def _split(address: str) -> tuple[str, str | None]:
    """Address without its fragment, and the checksum that the fragment demands."""
    if not is_address(address):
        hint = "; that is a file here already" if Path(address).exists() else ""
        raise UserError(f"{address!r} is no address: it has to begin with https:// or http://{hint}")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or re.search(r"[\x00-\x20\x7f-\U0010ffff]", address):
        raise UserError(f"{address!r} is no well-formed address")
    if parts.username is not None:
        raise UserError("an address with a user name or password is not accepted: it would be written to the results")
    demanded = re.fullmatch(r"sha256=([0-9A-Fa-f]+)", parts.fragment)
    return urlunsplit(parts._replace(fragment="")), demanded[1].lower() if demanded else None


def _place(address: str, folder: Path) -> Path:
    """Path for an address; another one if a file from elsewhere already has the natural name."""
    path = folder / file_name(address)
    if _source(path).get("address", address) != address:
        path = path.with_stem(f"{path.stem}-{hashlib.sha256(address.encode()).hexdigest()[:8]}")
    return path


def _source(path: Path) -> dict:
    try:
        content = json.loads(path.with_name(path.name + ".source.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _demand(found: str, demanded: str | None, where: str) -> None:
    if demanded and found != demanded:
        raise UserError(f"{where}: has the SHA-256 {found}, not the demanded {demanded}; not used")


def _store(part: Path, path: Path, found: str, force: bool, address: str) -> bool:
    """Give a checked file its name; returns whether anything changed."""
    if path.exists():
        if files.sha256(path) == found:
            return False
        if not force:
            raise UserError(
                f"{path}: exists with other content than {address} now has; move it away, or say --force to replace it"
            )
    os.replace(part, path)
    return True


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time fetch into a folder, where the system can do so."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
