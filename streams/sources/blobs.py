"""The contents of files, by git's blob ids."""

from __future__ import annotations

from collections.abc import Sequence

from streams.sources.objects import Child, Git, GitError
from streams.sources.text import MAX_FILE_BYTES, TOO_LARGE, LeftOut, text_of

MISSING = LeftOut("missing in this clone")
REQUEST_IDS = 500
"""Ids a request: what is request must fit the pipe, or both sides would wait for each other."""


class Blobs:
    """One long-lived `cat-file` that answers requests of many ids at a time. Use as a context manager.

    Every method raises GitError when git ends before it has answered.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._child = Child(git, "cat-file", "--batch-command", "--buffer")

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """Bytes of each blob; what is missing is left out."""
        sizes: dict[str, int] = {}
        for at in range(0, len(ids), REQUEST_IDS):
            request = ids[at : at + REQUEST_IDS]
            self._ask("info", request)
            for id_, size in zip(request, [self._header() for _ in request], strict=True):
                if size is not None:
                    sizes[id_] = size
        return sizes

    def texts(self, ids: Sequence[str]) -> dict[str, str | LeftOut]:
        """The text of each blob, or why there is none. Ask for no more than fits in memory."""
        texts: dict[str, str | LeftOut] = {}
        for at in range(0, len(ids), REQUEST_IDS):
            request = ids[at : at + REQUEST_IDS]
            self._ask("contents", request)
            for id_ in request:
                texts[id_] = self._text()
        return texts

    def content(self, id_: str, limit: int) -> bytes | LeftOut:
        """The bytes of one blob of up to `limit` bytes, or why there are none."""
        self._ask("contents", [id_])
        size = self._header()
        if size is None:
            return MISSING
        if size <= limit:
            return self._read(size + 1)[:-1]
        self._pass(size + 1)
        return TOO_LARGE

    def text(self, id_: str) -> str | LeftOut:
        return self.texts([id_])[id_]

    def _ask(self, verb: str, ids: Sequence[str]) -> None:
        try:
            self._child.input.write("".join(f"{verb} {id_}\n" for id_ in ids).encode() + b"flush\n")
            self._child.input.flush()
        except BrokenPipeError as error:
            raise self._end() from error

    def _end(self) -> GitError:
        try:
            self._child.check()
        except GitError as error:
            return error
        return GitError(f"{self._git.path}: git cat-file ended before it had answered")

    def _header(self) -> int | None:
        line = self._child.output.readline()
        if not line.endswith(b"\n"):
            raise self._end()
        return None if line.endswith(b" missing\n") else int(line.split()[2])

    def _text(self) -> str | LeftOut:
        size = self._header()
        if size is None:
            return MISSING
        if size <= MAX_FILE_BYTES:
            return text_of(self._read(size + 1)[:-1])
        self._pass(size + 1)
        return TOO_LARGE

    def _pass(self, size: int) -> None:
        while size:
            size -= len(self._read(min(MAX_FILE_BYTES, size)))

    def _read(self, size: int) -> bytes:
        value = self._child.output.read(size)
        if len(value) < size:
            raise self._end()
        return value
