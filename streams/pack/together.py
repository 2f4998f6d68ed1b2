"""Several files of one event as one sequence each: a repository's context, in dependency order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from model.example import Example, pack_ids
from model.fim import fim
from model.fim.fim import Cut
from streams.document import Document
from streams.draw import drawn
from streams.pack.context import MOST_FILES, ordered
from streams.pack.pack import Packer, text_bytes

Ids = NDArray[np.int32]


def groups(packer: Packer, documents: Iterable[Document]) -> tuple[list[list[Document]], list[Document]]:
    """The files of each event that is drawn for a context, and all other documents.

    An event is drawn by the ids of its files, so by what it says. Only a format with repository context has any.
    """
    together: list[list[Document]] = []
    alone: list[Document] = []
    for _, run in groupby(documents, key=lambda d: d.offset):
        event = list(run)
        files = [d for d in event if d.kind == "file" and d.path]
        key = b"".join(d.id for d in files)
        joins = packer.format.context and 1 < len(files) <= MOST_FILES
        if joins and drawn(key, "context", packer.shares.context, packer.mix.seed):
            together.append(files)
            alone += (d for d in event if d.kind != "file" or not d.path)
        else:
            alone += event
    return together, alone


def pack_together(packer: Packer, files: Sequence[Document]) -> list[Example]:
    """Examples that hold each of the files once: as many in a row as fit the context, whole; a file that finds no
    other beside it is packed as if it had come by itself."""
    examples: list[Example] = []
    for run in _runs(packer, ordered(files)):
        examples += [_joined(packer, run)] if len(run) > 1 else packer.pack(run[0][0])
    return examples


def _runs(packer: Packer, files: Iterable[Document]) -> Iterator[list[tuple[Document, Cut | None, Ids]]]:
    """Neighbours whose ids fit a context together with what stands before and behind them."""
    run: list[tuple[Document, Cut | None, Ids]] = []
    room = 0
    for document in files:
        text = document.parts[0].text
        cut = fim.choose(text, document.language, document.id, packer.mix, packer.format)
        ids = fim.encode_array(packer.tokenizer, fim.file_in_repository(packer.format, document.path, text, cut))
        if run and ids.size > room:
            yield run
            run = []
        if not run:
            room = packer.context - _around(packer, document).size
        run.append((document, cut, ids))
        room -= ids.size
    if run:
        yield run


def _around(packer: Packer, document: Document) -> Ids:
    return fim.encode_array(packer.tokenizer, fim.repository(packer.format, document.repository, ()))


def _joined(packer: Packer, run: Sequence[tuple[Document, Cut | None, Ids]]) -> Example:
    """Files end where the next one's sentinel stands, so their ids are put side by side."""
    first = run[0][0]
    around = _around(packer, first)
    ids, width = pack_ids(
        np.concatenate([around[:-1], *(ids for _, _, ids in run), around[-1:]]), packer.tokenizer.vocab_size
    )
    cuts = [cut for _, cut, _ in run if cut]
    head = fim.repository_head(first.repository, packer.format)
    size = text_bytes(head)
    for document, cut, _ in run:
        size += text_bytes(fim.file_in_repository(packer.format, document.path, document.parts[0].text, cut))
    return Example(
        offset=first.offset, index=first.index, also=[document.index for document, _, _ in run[1:]],
        ids=ids, width=width, text_bytes=size, kind="file", order=cuts[0].order if cuts else "plain",
        language=first.language, bulk=True,
    )  # fmt: skip
