"""The JSON values of a file of unknown shape: one a line, or one document over many lines; bounded, bad lines passed.

A line is looked at by itself, so a blank, broken or overlong one, the first one too, costs itself alone. Half a
surrogate pair becomes `?`, as everywhere else where a source meets one.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from streams.sources.texts.text import Counts, clean

MAX_LINE_BYTES = 32 * 1024 * 1024
"""The longest line, and the largest document over several lines: GitHub caps a webhook at 25 MB."""
ENDINGS = (".json", ".jsonl", ".ndjson", ".gz")
"""Files of a folder that are looked at."""
GZIP = b"\x1f\x8b"
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
"""Byte-order marks, the longer ones first: one of UTF-32 begins with one of UTF-16."""
_BOM = b"\xef\xbb\xbf"
_NOISE = (b"", b"[", b"]", b",")
"""Lines of an array with an element a line."""


class UnreadableFile(Exception):
    """A file that holds no JSON, or that ends too early; the message is a sentence that names it."""


def files(paths: Iterable[Path], left_out: Counts) -> Iterator[Path]:
    """The paths, and for a folder its files of JSON in the order of their names; `-` is the standard input."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            if file.suffix.lower() in ENDINGS:
                yield file
            else:
                left_out["file that is not called .json, .jsonl, .ndjson or .gz"] += 1


def values(file: IO[bytes], name: str, left_out: Counts) -> Iterator[Any]:
    """The objects and arrays of an open file, decompressed where it is. Raises UnreadableFile after what could be read.

    `file` is buffered: it must be able to `peek`.
    """
    seen = False
    try:
        packed = file.peek(2)[:2] == GZIP  # pyright: ignore[reportAttributeAccessIssue]
        whole = _UpToDamage(gzip.GzipFile(fileobj=file) if packed else file)
        opened = io.BufferedReader(whole)
        if not opened.peek(1) and whole.damage is None:
            left_out["empty file"] += 1
            return
        for value in _values(_as_utf8(opened), left_out):
            seen = True
            yield value
    except OSError as error:
        raise UnreadableFile(f"{name}: cannot be read to its end ({type(error).__name__})") from error
    if whole.damage is not None:
        raise UnreadableFile(f"{name}: cannot be read to its end ({type(whole.damage).__name__})") from whole.damage
    if not seen:
        raise UnreadableFile(f"{name}: holds no JSON object or array, neither as a whole nor in any line")


class _UpToDamage(io.RawIOBase):
    """A file that ends where it is damaged: the last line before that is a line like another."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.damage: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self.damage is not None:
            return 0
        try:
            value = self._file.read1(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            self.damage = error
            return 0
        buffer[: len(value)] = value
        return len(value)


def _as_utf8(file: IO[bytes]) -> IO[bytes]:
    """A file that begins with the byte-order mark of UTF-16 or UTF-32, as some shells write them, in UTF-8."""
    head = file.peek(4)[:4]  # pyright: ignore[reportAttributeAccessIssue]
    encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), "")
    return io.BufferedReader(_Recoded(file, encoding)) if encoding else file


class _Recoded(io.RawIOBase):
    """What is no character is U+FFFD."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file, self._decoder = file, codecs.getincrementaldecoder(encoding)("replace")
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._left and not self._ended:
            value = self._file.read(1 << 16)
            self._ended = not value
            self._left = self._decoder.decode(value, final=self._ended).encode()
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def _values(file: IO[bytes], left_out: Counts) -> Iterator[Any]:
    lines = _lines(file, left_out)
    head = bytearray()
    count = 0
    for line in lines:
        head += line + b"\n"
        count += 1
        if len(head) > MAX_LINE_BYTES or (count == 1 and decode(line) is not None):
            break
    whole = decode(bytes(head)) if count > 1 and len(head) <= MAX_LINE_BYTES else None
    if whole is not None:
        yield whole
        return
    if several := _several(bytes(head)) if len(head) <= MAX_LINE_BYTES else []:
        yield from several
        return
    for line in io.BytesIO(head):
        yield from _of_line(line, left_out)
    del head
    for line in lines:
        yield from _of_line(line, left_out)


_SPACES = re.compile(r"\s*")


def _several(text: bytes) -> list[Any]:
    """Objects and arrays one behind the other, over any lines, as `gh api --paginate` and `jq` write them; empty unless
    the whole text is such."""
    if decode(text.partition(b"\n")[0]) is not None:
        return []  # lines of their own
    values: list[Any] = []
    try:
        left = text.decode()
        at, reader = 0, json.JSONDecoder()
        while at < len(left):
            value, at = reader.raw_decode(left, at)
            values.append(_cleaned(value))
            at = _SPACES.match(left, at).end()  # pyright: ignore[reportOptionalMemberAccess]
    except (ValueError, RecursionError):
        return []
    return values if len(values) > 1 and all(isinstance(value, dict | list) for value in values) else []


def _of_line(line: bytes, left_out: Counts) -> Iterator[Any]:
    line = line.strip()
    if line in _NOISE:
        return
    value = decode(line)
    if value is None and line.endswith(b","):
        value = decode(line[:-1])
    if value is None:
        left_out["line that is no JSON object"] += 1
    else:
        yield value


def decode(value: bytes) -> dict[str, Any] | list[Any] | None:
    """The object or array; None for everything else, nested too deeply included."""
    try:
        found = msgspec.json.decode(value)
    except RecursionError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = _with_halves(value) if b"\\ud" in value.lower() else None
    return found if isinstance(found, dict | list) else None


def _with_halves(value: bytes) -> Any:
    """Python takes half a surrogate pair, where msgspec does not; None when it is something else that is wrong."""
    try:
        return _cleaned(json.loads(value))
    except (ValueError, RecursionError):
        return None


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return {clean(k): _cleaned(v) for k, v in value.items()} if isinstance(value, dict) else value


def _lines(file: IO[bytes], left_out: Counts) -> Iterator[bytes]:
    """Lines that are not blank, without a byte-order mark; an overlong one is read past and counted."""
    first = True
    while chunk := file.readline(MAX_LINE_BYTES + 1):
        if len(chunk) > MAX_LINE_BYTES:
            left_out[f"line of more than {MAX_LINE_BYTES >> 20} MiB"] += 1
            while chunk and not chunk.endswith(b"\n"):
                chunk = file.readline(1 << 20)
            continue
        line = chunk.removeprefix(_BOM).rstrip() if first else chunk.rstrip()
        first = False
        if line:
            yield line
