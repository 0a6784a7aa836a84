"""Download one file over HTTP with the standard library: bounded in time and size, resumed where it broke off."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from d_q_trial import __version__
from d_q_trial.errors import UserError

_PIECE = 1 << 16


class MissingError(UserError):
    """The server answers, and has nothing at this address."""


class OfflineError(UserError):
    """There is no connection to the server."""


class _BrokenError(Exception):
    """An attempt failed in a way that may pass; the text says how."""


class _SilentError(_BrokenError):
    """The server does not answer at all."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds: for the next byte, for the whole file, and before each further attempt."""

    timeout: float = 30.0
    deadline: float = 600.0
    pauses: tuple[float, ...] = (1.0, 4.0)


def download(address: str, part: Path, patience: Patience, *, most: int) -> dict[str, str]:
    """Write what lies at an address to ``part``, going on where an earlier attempt broke off.

    A resumed piece is asked for with ``If-Range``, so that a file which has changed meanwhile starts anew.

    Parameters
    ----------
    address : str
        An ``http`` or ``https`` address.
    part : Path
        The incomplete file; how it can be continued is kept in ``PART.json`` beside it.
    patience : Patience
        Time limits and pauses.
    most : int
        Bytes above which the download is refused.

    Returns
    -------
    dict
        ``final_address`` after redirections, and ``etag`` and ``last_modified`` as the server gave them.
    """
    end = time.monotonic() + patience.deadline
    for pause in (*patience.pauses, None):
        try:
            reply = _attempt(address, part, patience, end, most)
        except _BrokenError as error:
            if pause is None or time.monotonic() + pause > end:
                kept = part.stat().st_size if part.exists() else 0
                if isinstance(error, _SilentError):
                    raise OfflineError(f"{urlsplit(address).hostname}: {error}: offline?") from None
                again = f"; {kept:,} bytes are kept, run the command again to go on from there" if kept else ""
                raise UserError(f"{address}: {error}{again}") from None
            time.sleep(pause)
        else:
            _memo(part).unlink(missing_ok=True)
            return reply
    raise AssertionError("unreachable")


def _attempt(address: str, part: Path, patience: Patience, end: float, most: int) -> dict[str, str]:
    headers = {"User-Agent": f"d-q-trial/{__version__}", "Accept-Encoding": "identity"}
    known, validator = _resumable(part, address)
    if known:
        headers |= {"Range": f"bytes={known}-", "If-Range": validator}
    try:
        response = _open(urllib.request.Request(address, headers=headers), patience, end)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:  # the kept piece is no piece of what is there now
                _forget(part)
                raise _BrokenError("the server refuses to continue") from None
            raise _refusal(address, error.code) from None
    with response:
        start = _start(response, known, part)
        whole = _number(response.headers.get("Content-Length"))
        whole = None if whole is None else whole + start
        if whole is not None and whole > most:
            raise UserError(f"{address}: {whole / 1e6:,.0f} MB is larger than the {most / 1e6:,.0f} MB allowed")
        _remember(part, address, response)
        size = _receive(address, response, part, start, patience, end, most)
        if whole is not None and size != whole:
            raise _BrokenError(f"the connection broke off after {size:,} of {whole:,} bytes")
        reply = {"final_address": response.geturl()}
        for key, header in (("etag", "ETag"), ("last_modified", "Last-Modified")):
            if response.headers.get(header):
                reply[key] = response.headers[header]
        return reply


def _receive(address, response, part: Path, start: int, patience: Patience, end: float, most: int) -> int:
    """Append the body to ``part`` from ``start`` on; returns the size reached."""
    size = start
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        while True:
            if time.monotonic() > end:
                raise UserError(
                    f"{address}: not complete after {patience.deadline:g} s; {size:,} bytes are kept, run the command "
                    "again to go on from there"
                )
            try:
                piece = response.read1(_PIECE)  # what has arrived, so that a trickle cannot outlast the deadline
            except TimeoutError:
                raise _BrokenError(f"no data for {patience.timeout:g} s") from None
            except (OSError, http.client.HTTPException):
                raise _BrokenError(f"the connection broke off after {size:,} bytes") from None
            if not piece:
                return size
            size += len(piece)
            if size > most:
                _memo(part).unlink(missing_ok=True)
                raise UserError(f"{address}: is larger than the {most / 1e6:,.0f} MB allowed")
            file.write(piece)


def _open(request, patience: Patience, end: float):
    """Open an address; a server that answers one letter at a time is given up at the deadline."""
    outcome: list = []
    given_up = threading.Event()

    def work() -> None:
        try:
            outcome.append(_opener().open(request, timeout=patience.timeout))
        except BaseException as error:
            outcome.append(error)
        if given_up.is_set() and hasattr(outcome[0], "close"):
            outcome[0].close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(max(end - time.monotonic(), 0.001))
    if not outcome:
        given_up.set()
        raise OfflineError(f"{urlsplit(request.full_url).hostname}: no answer within {patience.deadline:g} s: offline?")
    result = outcome[0]
    if not isinstance(result, BaseException):
        return result
    if isinstance(result, urllib.error.HTTPError | UserError):
        raise result
    host = urlsplit(request.full_url).hostname
    cause = getattr(result, "reason", result)
    if isinstance(cause, TimeoutError):
        raise _SilentError(f"no answer for {patience.timeout:g} s")
    if isinstance(cause, http.client.InvalidURL | UnicodeError):
        raise UserError(f"{request.full_url!r} is no well-formed address")
    if isinstance(cause, http.client.HTTPException | ConnectionResetError | BrokenPipeError):
        raise _BrokenError("the server broke off before it answered")
    if isinstance(result, OSError):
        raise OfflineError(f"no connection to {host} ({' '.join(str(cause).split())[:200]}): offline?")
    raise result


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection to the web only, and never from https to http."""

    def redirect_request(self, request, body, code, reason, headers, target):
        scheme = urlsplit(target).scheme
        if scheme not in ("http", "https") or (urlsplit(request.full_url).scheme == "https" and scheme == "http"):
            body.close()
            raise UserError(f"{request.full_url}: is redirected to {target[:200]!r}, which is not followed")
        return super().redirect_request(request, body, code, reason, headers, target)


def _opener() -> urllib.request.OpenerDirector:
    """An opener for the web alone: no local files, no FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _refusal(address: str, code: int) -> Exception:
    meaning = http.client.responses.get(code, "unknown status")
    if code in (404, 410):
        return MissingError(f"{address}: nothing there ({code} {meaning})")
    if code in (408, 425, 429, 500, 502, 503, 504):
        return _BrokenError(f"the server is not ready ({code} {meaning})")
    if 300 <= code < 400:
        return UserError(f"{address}: is redirected in a circle or to nowhere ({code} {meaning})")
    return UserError(f"{address}: the server refuses ({code} {meaning})")


def _start(response, known: int, part: Path) -> int:
    """Where in the file the body begins: only an answer that continues exactly the kept piece is appended."""
    if response.status != 206:
        return 0
    begins = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    if not known or begins != str(known):
        _forget(part)
        raise _BrokenError("the server continues at the wrong place")
    return known


def _memo(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _resumable(part: Path, address: str) -> tuple[int, str]:
    """Bytes already there and what identifies the file they belong to; 0 if they cannot be continued."""
    try:
        memo = json.loads(_memo(part).read_text(encoding="utf-8"))
        if memo["address"] == address and memo["validator"]:
            return part.stat().st_size, str(memo["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, ""


def _remember(part: Path, address: str, response) -> None:
    """Keep what a continuation needs. A weak ETag does not promise the same bytes, so it is of no use."""
    etag = response.headers.get("ETag", "")
    validator = response.headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag
    _memo(part).write_text(json.dumps({"address": address, "validator": validator}), encoding="utf-8")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _memo(part).unlink(missing_ok=True)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
