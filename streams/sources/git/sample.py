"""A sample of the present trees of repositories, as the stream would let it through: to train a tokenizer on.

Files are drawn by keyed hash, in turn from each repository and language, so that neither the largest repository nor the
commonest language decides what the tokens are. What prepare rejects is not learnt from, and what redact replaces is
replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import xxhash

from streams.document import Document, Source
from streams.event import encode
from streams.pipeline import Prepare, Record
from streams.prepare.language import language
from streams.prepare.recipes.recipe import Recipe
from streams.redact.stage import Redact
from streams.sources.git.blobs import Blobs
from streams.sources.git.change.changes import Changes
from streams.sources.git.commits import Reading
from streams.sources.git.history import History
from streams.sources.git.licences import CommitLicences, Listings
from streams.sources.git.log import tree
from streams.sources.git.objects import GitError, edges, view_of
from streams.sources.texts.text import Counts

NOWHERE = Source("files", "0" * 32, 0)


@dataclass(eq=False)
class Tree:
    """The present tree of one repository, as it is drawn from."""

    reading: Reading
    commit: str
    strata: dict[str, list[tuple[str, str]]]
    """By language: (path, blob id), in the order of their keyed hash, the first one last."""


def texts(histories: Iterable[History], size: int, recipe: Recipe, left_out: Counts, seed: int = 0) -> Iterator[str]:
    """Up to `size` characters. A repository that cannot be read is counted, and the others are sampled."""
    prepare, redact = Prepare(recipe), Redact(forms=recipe.redaction)
    with ExitStack() as stack:
        trees = [found for history in histories if (found := _open(stack, history, left_out, seed)) is not None]
        strata = [(found, name) for found in trees for name in sorted(found.strata)]
        left = size
        while strata and left > 0:
            for found, name in list(strata):
                if not found.strata[name]:
                    strata.remove((found, name))
                    continue
                path, blob = found.strata[name].pop()
                for document in _clean(prepare, redact, found, path, blob):
                    text = "\n".join(part.text for part in document.parts)
                    left -= len(text)
                    yield text
                if left <= 0:
                    return


def _open(stack: ExitStack, history: History, left_out: Counts, seed: int) -> Tree | None:
    try:
        head = history.head()
        if not head:
            return None
        view = stack.enter_context(view_of(history.git))
        blobs = tree(view, head)
        changes = Changes(stack.enter_context(Blobs(view)), left_out)
        licences = CommitLicences(Listings(), view, changes.blobs, head)
        reading = Reading(history.describe(), changes, "last", history.copies, edges(view), licences)
    except GitError:
        left_out["repository that cannot be read"] += 1
        return None
    strata: dict[str, list[tuple[str, str]]] = {}
    for path, blob in blobs.items():
        strata.setdefault(language(path, ""), []).append((path, blob))
    for files in strata.values():
        files.sort(key=lambda file: xxhash.xxh3_64_intdigest(f"{reading.repository.key}\0{file[0]}".encode(), seed))
    return Tree(reading, head, strata)


def _clean(prepare: Prepare, redact: Redact, found: Tree, path: str, blob: str) -> Iterator[Document]:
    for event in found.reading.files({path: blob}, found.commit):
        for outcome in prepare(NOWHERE, 0, [Record(0, None, encode(event), {})]):
            yield from redact(outcome.frame).frame.documents
