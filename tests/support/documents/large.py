"""Large events and Frames, made for the tests."""

from __future__ import annotations

from streams.document import Document, Part, Source
from streams.event import ChangedFile, Commit, Files, Repository, SourceFile, encode
from streams.frame import Frame, Outcome, Tally
from streams.pipeline import Prepare, Record
from streams.prepare.recipes.recipe import Recipe
from tests.support.documents.recipes import default

SOURCE = Source("files", "0" * 32, 0)
REPOSITORY = Repository(name="r", licence="MIT")
ALL = default(too_small={"chars": 0}, alphanumeric={"least": 0.0})


def prepare(*values: bytes | None, recipe: Recipe = ALL) -> list[Outcome]:
    return list(Prepare(recipe)(SOURCE, 0, [Record(n, None, v, {}) for n, v in enumerate(values)]))


def commit(files: int, message: str) -> bytes:
    changed = [ChangedFile(path=f"{n}.py", before="x = 1\n", after=f"x = {n}\n") for n in range(files)]
    return encode(Commit(repository=REPOSITORY, sha="a" * 40, message=message, files=changed))


def file(text: str, path: str = "a.py") -> bytes:
    return encode(Files(repository=REPOSITORY, files=[SourceFile(path=path, text=text)]))


def document(offset: int, index: int, size: int) -> Document:
    return Document(offset=offset, index=index, kind="file", parts=[Part("text", "x" * size)], id=bytes(16))


def frame_of(*sizes: list[int]) -> Frame:
    """One offset for each list, one document for each size."""
    documents = [document(o, i, size) for o, event in enumerate(sizes) for i, size in enumerate(event)]
    tallies = [Tally(o, len(event)) for o, event in enumerate(sizes)]
    return Frame(source=SOURCE, start=0, upto=len(sizes), tallies=tallies, documents=documents)
