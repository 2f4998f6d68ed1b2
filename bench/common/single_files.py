"""Repositories rewritten so that every commit changes a part of one file: releases, step by step."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from common.histories import WHO, git
from streams.pack.changes import changed
from streams.sources.git.blobs import Blobs
from streams.sources.git.log import log
from streams.sources.git.objects import Git, view_of

STEPS = 4
"""Commits that one changed file of a release becomes at most."""
LINES = 6
"""Of which a step changes at least so many lines."""


def single_files(source: Path, target: Path) -> None:
    """A bare copy of `source` in which each changed path of each commit is a commit of its own, or some, in each of
    which a further part of the changed lines is that of after. The tree at the end is the same."""
    target.mkdir(parents=True)
    git(target, 0, "init", "--quiet", "--bare", "--initial-branch=main")
    with subprocess.Popen(["git", "-C", str(target), "fast-import", "--quiet"], stdin=subprocess.PIPE) as importer:
        assert importer.stdin is not None
        for number, (message, path, text) in enumerate(_changes(source)):
            who = f"{WHO['NAME']} <{WHO['EMAIL']}> {1_600_000_000 + number * 60} +0000"
            head = f"commit refs/heads/main\ncommitter {who}\n".encode() + _data(message.encode())
            quoted = b'"%s"' % path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            change = b"D " + quoted if text is None else b"M 100644 inline " + quoted + b"\n" + _data(text)
            importer.stdin.write(head + change + b"\n")
    assert importer.returncode == 0


def _data(value: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(value), value)


def _changes(source: Path) -> Iterator[tuple[str, str, bytes | None]]:
    """(message, path, the file afterwards or None), the releases in their order."""
    repository = Git(source)
    with view_of(repository) as view, Blobs(view) as blobs:
        for commit in log(view, "", repository.commit("HEAD")):
            for change in commit.changes:
                if change.former:
                    yield f"{commit.message}: {change.former} moves", change.former, None
                before, after = (_content(blobs, id_) for id_ in (change.before, change.after))
                for step, text in enumerate(_steps(before, after), 1):
                    yield f"{commit.message}: step {step} in {change.path}", change.path, text


def _content(blobs: Blobs, id_: str) -> bytes | None:
    value = blobs.content(id_, 1 << 30) if id_ else None
    return value if isinstance(value, bytes) else None


def _steps(before: bytes | None, after: bytes | None) -> Iterator[bytes | None]:
    if before and after:
        old, new = (side.decode("latin-1").splitlines(keepends=True) for side in (before, after))
        first, last = changed(old, new)
        middle = new[first : len(new) - last]
        parts = min(STEPS, max(1, len(middle) // LINES))
        for part in range(1, parts):
            at, gone = len(middle) * part // parts, (len(old) - first - last) * part // parts
            yield "".join([*old[:first], *middle[:at], *old[first + gone :]]).encode("latin-1")
    yield after
