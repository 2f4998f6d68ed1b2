"""The contents of files, by git's blob ids."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from streams.sources.git.objects import Child, Git, GitError
from streams.sources.texts.text import MAX_FILE_BYTES, TOO_LARGE, LeftOut, text_of

MISSING = LeftOut("file whose contents this clone lacks: git fetch --refetch --no-filter")
"""It names what brings them; the next run reads them then (`cursors`)."""
AHEAD_BYTES = 4 * 1024 * 1024
AHEAD_FILE_BYTES = 256 * 1024
"""A larger one is read when its turn comes."""
KEPT_CHARS = 8 * 1024 * 1024
REQUEST_IDS = 500
"""Ids a request: what is request must fit the pipe, or both sides would wait for each other."""


class Blobs:
    """One long-lived `cat-file` that answers requests of many ids at a time. Use as a context manager.

    Every method raises GitError when git ends before it has answered.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._sizes: dict[str, int | None] = {}
        """Of the ids that were read ahead."""
        self._texts: OrderedDict[str, str | LeftOut] = OrderedDict()
        """Read ahead, or a moment ago: a change's former side is the latter one of the commit before."""
        self._held = 0
        self._child = Child(git, "cat-file", "--batch-command", "--buffer")

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def read_ahead(self, ids: Sequence[str]) -> None:
        """Sizes of the blobs that will be asked for next, and the texts of as many as fit AHEAD_BYTES."""
        self._sizes = self._ask_sizes(ids)
        wanted: list[str] = []
        total = 0
        for id_, size in self._sizes.items():
            if id_ not in self._texts and size is not None and size <= AHEAD_FILE_BYTES and total + size <= AHEAD_BYTES:
                wanted.append(id_)
                total += size
        self._ask_texts(wanted)

    def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """Bytes of each blob; what is missing is left out."""
        known = {id_: self._sizes[id_] for id_ in ids if id_ in self._sizes}
        known |= self._ask_sizes([id_ for id_ in ids if id_ not in known])
        return {id_: size for id_, size in known.items() if size is not None}

    def texts(self, ids: Sequence[str]) -> dict[str, str | LeftOut]:
        """The text of each blob, or why there is none. Ask for no more than fits in memory."""
        known = {id_: self._texts[id_] for id_ in ids if id_ in self._texts}
        return known | self._ask_texts([id_ for id_ in ids if id_ not in known])

    def _ask_sizes(self, ids: Sequence[str]) -> dict[str, int | None]:
        """None: missing."""
        sizes: dict[str, int | None] = {}
        for at in range(0, len(ids), REQUEST_IDS):
            request = ids[at : at + REQUEST_IDS]
            self._ask("info", request)
            sizes.update(zip(request, [self._header() for _ in request], strict=True))
        return sizes

    def _ask_texts(self, ids: Sequence[str]) -> dict[str, str | LeftOut]:
        texts: dict[str, str | LeftOut] = {}
        for at in range(0, len(ids), REQUEST_IDS):
            request = ids[at : at + REQUEST_IDS]
            self._ask("contents", request)
            for id_ in request:
                texts[id_] = self._text()
                self._keep(id_, texts[id_])
        return texts

    def _keep(self, id_: str, text: str | LeftOut) -> None:
        """The oldest go when more than KEPT_CHARS are held."""
        self._texts[id_] = text
        self._held += len(text) if isinstance(text, str) else 0
        while self._held > KEPT_CHARS:
            _, oldest = self._texts.popitem(last=False)
            self._held -= len(oldest) if isinstance(oldest, str) else 0

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
