"""The zip archive around a workbook: read its table of contents and its members without trusting either."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

DAMAGED = "copy or download it again"
_PIECE = 1 << 18
_OUTPUT = 1 << 20
_END = b"PK\x05\x06"


class BadFileError(Exception):
    """What is wrong with the archive, in one line without the file's name."""


@dataclass(frozen=True)
class Archive:
    """A zip archive whose table of contents was found sound; ``members`` in the order of the table."""

    file: BinaryIO
    members: tuple[zipfile.ZipInfo, ...]

    @property
    def names(self) -> list[str]:
        """Names as written in the archive."""
        return [member.filename for member in self.members]


def open_archive(file: BinaryIO, size: int, limits) -> Archive:
    """Read the table of contents of an open file of ``size`` bytes; raises BadFileError."""
    _check_end(file, size, limits)
    try:
        members = zipfile.ZipFile(file).infolist()
    # All of these come out of the standard library for damaged tables of contents.
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, RuntimeError, OSError, IndexError):
        raise BadFileError(f"the file is damaged (its table of contents cannot be read); {DAMAGED}") from None
    if len(members) > limits.members:
        raise BadFileError(f"{len(members):,} parts are more than the {limits.members:,} a workbook may have")
    for member in members:
        if member.flag_bits & 0x1:
            raise BadFileError("the archive is password-protected: save the workbook without a password")
        if not 0 <= member.header_offset < size:
            raise BadFileError(f"the file is damaged (part {shown(member)} lies outside it); {DAMAGED}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadFileError(f"part {shown(member)} is packed in a way that workbooks do not use")
    # Bombs let many members share the same packed bytes; then the parts add up to more than the whole.
    if sum(member.compress_size for member in members) > size:
        raise BadFileError(f"the parts of the file overlap: a damaged or malicious archive; {DAMAGED}")
    plain_names = [member.filename.replace("\\", "/").lower().lstrip("/") for member in members]
    if len(set(plain_names)) < len(members):  # two readers may each take another of the two
        raise BadFileError("a part of the file is there twice: a damaged or malicious file")
    declared = sum(member.file_size for member in members)
    if declared > limits.unpacked_bytes:
        raise BadFileError(
            f"unpacks to {declared / 1e6:,.0f} MB, more than the {limits.unpacked_bytes / 1e6:,.0f} MB allowed"
        )
    return Archive(file, tuple(members))


def shown(member: zipfile.ZipInfo) -> str:
    """The name of a member as it may stand in a message: short, printable, one line."""
    return ascii(member.filename[:80])


def _check_end(file: BinaryIO, size: int, limits) -> None:
    """Find the one end record, and refuse huge tables before the standard library reads them."""
    start = max(0, size - (1 << 16) - 22)
    file.seek(start)
    tail = file.read()
    found = tail.count(_END)
    if not found:
        raise BadFileError(f"the file is truncated (its end is missing); {DAMAGED}")
    at = tail.rfind(_END)
    record = tail[at : at + 22]
    # Two readers may each take another of several end records and so see different workbooks.
    if found > 1 or len(record) < 22 or at + 22 + struct.unpack("<H", record[20:22])[0] != len(tail):
        raise BadFileError(f"the file is damaged (its end is not where it should be); {DAMAGED}")
    count, table = struct.unpack("<HI", record[10:16])
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        count, table = _zip64_table(file, tail[at - 20 : at], size)
    if count > limits.members or table > limits.members * 512:
        raise BadFileError(
            f"more than the {limits.members:,} parts a workbook may have: a damaged or malicious archive"
        )


def _zip64_table(file: BinaryIO, locator: bytes, size: int) -> tuple[int, int]:
    """Entries of the table of contents and its size in bytes according to a 64-bit end record."""
    offset = struct.unpack("<Q", locator[8:16])[0]
    if offset + 56 > size:
        raise BadFileError(f"the file is damaged (its table of contents cannot be read); {DAMAGED}")
    file.seek(offset)
    return struct.unpack("<QQ", file.read(56)[32:48])


def unpack(archive: Archive, member: zipfile.ZipInfo, limits, used: int = 0) -> Iterator[bytes]:
    """Yield a member's bytes in pieces of at most 1 MB; what the table of contents claims is checked, not believed.

    Parameters
    ----------
    archive, member
        The archive and one of its members.
    limits
        ``unpacked_bytes`` for the whole archive, ``ratio`` and ``ratio_from`` for one member.
    used : int
        Bytes that other members have already unpacked to.
    """
    file = archive.file
    file.seek(member.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise BadFileError(f"the file is damaged (part {shown(member)} is not where it should be); {DAMAGED}")
    name, extra = struct.unpack("<HH", header[26:30])
    file.seek(name + extra, 1)
    packed, total, checksum = member.compress_size, 0, 0
    engine = zlib.decompressobj(-15) if member.compress_type == zipfile.ZIP_DEFLATED else None
    pending = b""
    while True:
        if not pending and packed:
            pending = file.read(min(_PIECE, packed))
            packed -= len(pending)
            if not pending:
                raise BadFileError(f"the file is truncated (in part {shown(member)}); {DAMAGED}")
        if engine is None:
            piece, pending = pending, b""
        else:
            try:
                piece = engine.decompress(pending, _OUTPUT)
            except zlib.error:
                raise BadFileError(f"the file is damaged (part {shown(member)} does not unpack); {DAMAGED}") from None
            pending = engine.unconsumed_tail
        total += len(piece)
        checksum = zlib.crc32(piece, checksum)
        _check_growth(member, total, used, limits)
        if piece:
            yield piece
        # With room left in the output and nothing more to feed, the engine has given all it has.
        if not pending and not packed and len(piece) < _OUTPUT:
            break
        if engine is not None and engine.eof:
            break
    complete = engine is None or (engine.eof and not packed and not pending and not engine.unused_data)
    if not complete or total != member.file_size or checksum != member.CRC:
        raise BadFileError(f"the file is damaged (part {shown(member)} does not match its checksum); {DAMAGED}")


def ahead(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same pieces, each unpacked by a second thread while the one before is being looked at."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = pool.submit(next, pieces, None)
            yield piece


def _check_growth(member: zipfile.ZipInfo, total: int, used: int, limits) -> None:
    if used + total > limits.unpacked_bytes:
        raise BadFileError(f"unpacks to more than the {limits.unpacked_bytes / 1e6:,.0f} MB allowed: a zip bomb?")
    if total > limits.ratio_from and total > limits.ratio * max(member.compress_size, 1):
        raise BadFileError(f"part {shown(member)} unpacks to more than {limits.ratio} times its size: a zip bomb?")
