"""The members of an archive, read in place: nothing is written to disk, and no member reaches outside of it.

Bounded against bombs: the bytes that decompressing gives, also in relation to the archive's own, and the members.
Nested archives are not entered.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from streams.sources.folders import folder
from streams.sources.folders.archive_names import TARS, ending
from streams.sources.texts.text import Counts, LeftOut

MAX_BYTES = 1 << 30
"""That one pass over an archive decompresses."""
MAX_RATIO = 200
FREE_BYTES = 16 * 1024 * 1024
"""Decompressed bytes from which on the ratio counts: deflate reaches 1,000 on zeros, source code 3 to 10."""
MAX_MEMBERS = 100_000
MAX_DIRECTORY_BYTES = 16 * 1024 * 1024
"""Of a zip's directory, which is read whole."""
MAX_XZ_MEMORY = 128 * 1024 * 1024
"""xz -9 needs 65 MiB to decompress."""

LINK = LeftOut(folder.LINK)
SPECIAL = LeftOut("no regular file")
UNSAFE = LeftOut("archive's member with an unsafe path")
ENCRYPTED = LeftOut("archive's member encrypted")
METHOD = LeftOut("archive's member compressed in a way that is not read")
DAMAGED = LeftOut("archive's member damaged")
TOO_LARGE = LeftOut("larger than 1 MiB")
TWICE = LeftOut("archive's member of a name that was there")

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""Not LZMA: a member could ask for 4 GiB of memory."""
_EXTENSIONS = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE,
               tarfile.SOLARIS_XHDTYPE)  # fmt: skip
MAX_HEADER_BYTES = 1024 * 1024
_InvalidHeader, _TruncatedHeader = tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError  # type: ignore[attr-defined]
_ReadError = tarfile.ReadError
ERRORS = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, OSError, ValueError,
    NotImplementedError, RuntimeError, struct.error, OverflowError, IndexError, MemoryError,
)  # fmt: skip
"""What Python's readers raise at archives that are damaged or made to harm."""

Limit = Callable[[str], int]
"""From a member's path to the bytes that are read of it at most."""


class DamagedMember(Exception):
    """The archive cannot be read to its end; the message is a sentence's beginning, without the path."""


def members(path: Path, left_out: Counts, limit: Limit) -> Iterator[tuple[str, Callable[[], bytes | LeftOut]]]:
    """The regular files of an archive in its order: the path, and what reads the bytes, to be called at once.

    What is passed over is counted. Raises DamagedMember.
    """
    reader = _tar if (kind := ending(path.name)) in TARS else _zip
    seen: set[str] = set()
    try:
        for number, (name, why, read) in enumerate(reader(path, TARS.get(kind, ""), limit)):
            if number >= MAX_MEMBERS:
                raise DamagedMember(f"has more than {MAX_MEMBERS:,} members")
            place = safe_path(name)
            why = why or (UNSAFE if not place else TWICE if place in seen else None)
            if why is not None:
                left_out[why.reason] += 1
                continue
            seen.add(place)
            yield place, read
    except ERRORS as error:
        raise DamagedMember(f"cannot be read: {_sentence(error)}") from error


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def safe_path(name: str) -> str:
    """The path with single slashes; empty for one that leads out of the archive, or is none."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or re.match(r"[A-Za-z]:", name):
        return ""
    return "/".join(parts) if len(name) <= 4096 else ""


class _Meter:
    """Counts what decompressing gives. Raises DamagedMember at a bound."""

    def __init__(self, size: int) -> None:
        self._size, self.read = max(size, 1), 0

    def add(self, count: int) -> None:
        self.read += count
        if self.read > MAX_BYTES:
            raise DamagedMember(f"holds more than {MAX_BYTES >> 30} GiB")
        if self.read > FREE_BYTES and self.read > MAX_RATIO * self._size:
            raise DamagedMember(f"holds more than {MAX_RATIO} times its own size")


def _zip(path: Path, _: str, limit: Limit) -> Iterator[tuple[str, LeftOut | None, Callable[[], bytes | LeftOut]]]:
    meter = _Meter(path.stat().st_size)
    _check_directory(path)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename, _why_not(info), lambda info=info: _zipped(archive, info, limit, meter)


def _why_not(info: zipfile.ZipInfo) -> LeftOut | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return LINK if kind == stat.S_IFLNK else SPECIAL
    if info.flag_bits & 1:
        return ENCRYPTED
    return None if info.compress_type in _METHODS else METHOD


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: Limit, meter: _Meter) -> bytes | LeftOut:
    most = limit(info.filename)
    if info.file_size > most:
        return TOO_LARGE
    try:
        with archive.open(info) as file:
            value = file.read(most + 1)
    except ERRORS:
        return DAMAGED
    meter.add(len(value))
    return value if len(value) <= most else TOO_LARGE


def _check_directory(path: Path) -> None:
    """Raises DamagedMember when the directory, which zipfile reads whole, is too large."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, 66_000), io.SEEK_END)
        end = file.read()
    at = end.rfind(b"PK\5\6")
    if at >= 0 and len(end) >= at + 16 and int.from_bytes(end[at + 12 : at + 16], "little") > MAX_DIRECTORY_BYTES:
        raise DamagedMember("has a directory of more than 16 MiB")


def _tar(
    path: Path, compression: str, limit: Limit
) -> Iterator[tuple[str, LeftOut | None, Callable[[], bytes | LeftOut]]]:
    with (
        _decompressed(path, compression) as stream,
        tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive,
    ):
        for member in archive:
            archive.members.clear()  # type: ignore[attr-defined]  # it keeps all, and a stream never goes back
            if member.isdir():
                continue
            why = None
            if not member.isreg() or member.issparse():
                why = LINK if member.issym() or member.islnk() else SPECIAL
            yield member.name, why, lambda member=member: _tarred(archive, member, limit)


def _tarred(archive: tarfile.TarFile, member: tarfile.TarInfo, limit: Limit) -> bytes | LeftOut:
    if member.size > limit(member.name):
        return TOO_LARGE
    try:
        file = archive.extractfile(member)
        return DAMAGED if file is None else file.read()
    except ERRORS as error:
        raise DamagedMember(f"cannot be read: {_sentence(error)}") from error


class _Header(tarfile.TarInfo):
    """A header that cannot be read is an error, not the archive's end, as tarfile takes it for behind the first."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(tarfile)
        except (_InvalidHeader, _TruncatedHeader) as error:
            raise _ReadError(str(error)) from error

    def _proc_member(self, tarfile: tarfile.TarFile) -> tarfile.TarInfo:
        """Long names and extended headers are read whole."""
        if self.type in _EXTENSIONS and self.size > MAX_HEADER_BYTES:
            raise _ReadError("a header of more than 1 MiB")
        return super()._proc_member(tarfile)  # type: ignore[misc]


@contextmanager
def _decompressed(path: Path, compression: str) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        opened: IO[bytes] = raw
        if compression:
            opener = {"gz": gzip.open, "bz2": bz2.open, "xz": _Xz}[compression]
            opened = opener(raw)  # type: ignore[operator,assignment]
        yield _Metered(opened, _Meter(path.stat().st_size))  # type: ignore[misc]


class _Metered(io.RawIOBase):
    """A stream whose bytes are counted. No single read is larger than 1 MiB, whatever is asked."""

    def __init__(self, stream: IO[bytes], meter: _Meter) -> None:
        self._stream, self._meter = stream, meter

    def read(self, size: int = -1, /) -> bytes:
        value = self._stream.read(size if 0 <= size <= 1 << 20 else 1 << 20)
        self._meter.add(len(value))
        return value


class _Xz(io.RawIOBase):
    """xz with a bound on the memory that a stream may ask for, which Python's own file has not."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._decompressor: lzma.LZMADecompressor | None = None
        self._left = b""

    def read(self, size: int = -1, /) -> bytes:
        while True:
            if self._decompressor is None or self._decompressor.eof:
                self._left = (self._decompressor.unused_data if self._decompressor else b"") or self._raw.read(1 << 16)
                if not self._left.strip(b"\0"):
                    return b""
                self._decompressor = lzma.LZMADecompressor(memlimit=MAX_XZ_MEMORY)
            elif self._decompressor.needs_input:
                self._left = self._raw.read(1 << 16)
                if not self._left:
                    raise EOFError("the compressed data end too early")
            value = self._decompressor.decompress(self._left, max(size, 1))
            self._left = b""
            if value:
                return value
