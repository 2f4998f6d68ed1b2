"""Pages of a crawl: JSON lines with a `url` and a `text`, plain or compressed by gzip."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlsplit

import msgspec
import xxhash

MAX_LINE = 8 * 1024 * 1024
"""Bytes of a line; a longer one is left out."""
ENDS = (".jsonl", ".jsonl.gz")
"""Of the names of files of pages."""
MIN_CHARS = 200
"""A shorter page says too little."""


class PagesError(ValueError):
    """A file of pages that is not there, or cannot be opened; the message says which."""


class Page(msgspec.Struct, frozen=True):
    """What a crawl found at an address."""

    url: str
    text: str
    licence: str = ""
    """An SPDX expression, where the crawl knows it."""

    @property
    def id(self) -> str:
        """16 hexadecimal digits of the address."""
        return xxhash.xxh3_64_hexdigest(self.url.encode("utf-8", "replace"))

    @property
    def domain(self) -> str:
        try:
            return (urlsplit(self.url).hostname or "").removeprefix("www.")
        except ValueError:
            return ""


_decoder = msgspec.json.Decoder(Page)


def pages(paths: Iterable[Path], left_out: Counter[str]) -> Iterator[Page]:
    """In the files' order, each address once; what is no page is counted by its reason. Raises PagesError."""
    known: set[int] = set()
    for path in paths:
        with _opened(path) as file:
            try:
                for page in _of(file, left_out):
                    key = int(page.id, 16)
                    if key in known:
                        left_out["page of an address that was there before"] += 1
                        continue
                    known.add(key)
                    yield page
            except (OSError, EOFError, zlib.error):
                left_out["file that breaks off"] += 1


def _opened(path: Path) -> IO[bytes]:
    try:
        return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise PagesError(f"{path} cannot be read, put it back or begin a new recall: {error.strerror}") from error


def files_of(path: Path) -> list[Path]:
    """The files of pages of a folder, or the file itself."""
    return sorted(each for each in path.rglob("*") if each.name.endswith(ENDS)) if path.is_dir() else [path]


def _of(file: IO[bytes], left_out: Counter[str]) -> Iterator[Page]:
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            left_out["line of more than 8 MiB"] += 1
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE + 1)
            continue
        if not line.strip():
            continue
        try:
            page = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            left_out["line that is no page"] += 1
            continue
        if len(page.text) < MIN_CHARS:
            left_out[f"page of fewer than {MIN_CHARS} characters"] += 1
            continue
        yield page


def seeds(paths: Iterable[Path], left_out: Counter[str]) -> list[str]:
    """Texts to begin with: files of pages, or any other text files, each one text; those of a folder, too. What is
    none is counted by its reason. Raises PagesError."""
    texts: list[str] = []
    for path in paths:
        found = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for file in found:
            if file.name.endswith(ENDS):
                texts += [page.text for page in pages([file], left_out)]
                continue
            try:
                text = file.read_text(encoding="utf-8")
            except (UnicodeDecodeError, OSError):
                left_out["seed that is no text in UTF-8"] += 1
                continue
            if len(text) < MIN_CHARS:
                left_out[f"seed of fewer than {MIN_CHARS} characters"] += 1
                continue
            texts.append(text)
    return texts
