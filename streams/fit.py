"""What no topic could hold is cut or dies, so that nothing legal stops a stream (architecture §2, Large events).

A Frame that has grown too large is cut between offsets. One offset that is still too large loses its documents' sets of
shingles, which the index then does without, and after them its largest documents to dead letters, one by one, until it
fits: an event is never spread over two Frames.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from streams import letter as letters
from streams.document import Document
from streams.frame import DeadLetter, Frame, Outcome, Rejections, Tally, encode, own_bytes


class TooLargeToDeliver(RuntimeError):
    """With this document the Frame would be larger than its topic allows."""


def fit(outcome: Outcome, limit: int, given: Sequence[Document] = (), stage: str = "") -> list[Outcome]:
    """Outcomes of which no Frame is larger than `limit` bytes as encoded; together they cover the same offsets.

    `given` are the documents as the stage got them, which a letter then holds; by default those of the Frame. What
    fell out before stands in the first Outcome. Raises TooLargeToDeliver when an offset without any document is still
    too large.
    """
    frame = outcome.frame
    if len(encode(frame)) <= limit:
        return [outcome]
    if len(frame.tallies) > 1:
        first, second = _halves(frame)
        head = Outcome(first, outcome.rejections, outcome.dead)
        return [*fit(head, limit, given, stage), *fit(Outcome(second), limit, given, stage)]
    frame = _without_sets(frame)
    return [_shed(Outcome(frame, outcome.rejections, outcome.dead), limit, given or frame.documents, stage)]


def fit_rejections(record: Rejections, limit: int) -> list[bytes]:
    """Records of the topic `rejected` that hold all of it, none larger than `limit` unless one item is."""
    value, half = encode(record), len(record.items) // 2
    if len(value) <= limit or not half:
        return [value]
    parts = (record.items[:half], record.items[half:])
    return [v for items in parts for v in fit_rejections(msgspec.structs.replace(record, items=items), limit)]


def _halves(frame: Frame) -> tuple[Frame, Frame]:
    """The Frame as two, cut behind half of its offsets."""
    half = len(frame.tallies) // 2
    at = frame.tallies[half - 1].offset + 1
    return (
        _between(frame, frame.start, at, frame.tallies[:half]),
        _between(frame, at, frame.upto, frame.tallies[half:]),
    )


def _between(frame: Frame, start: int, upto: int, tallies: list[Tally]) -> Frame:
    return msgspec.structs.replace(
        frame, start=start, upto=upto, tallies=tallies,
        documents=[d for d in frame.documents if start <= d.offset < upto],
        examples=[e for e in frame.examples if start <= e.offset < upto],
    )  # fmt: skip


def _without_sets(frame: Frame) -> Frame:
    documents = [msgspec.structs.replace(d, shingles=b"") for d in frame.documents]
    return msgspec.structs.replace(frame, documents=documents)


def _shed(outcome: Outcome, limit: int, originals: Sequence[Document], stage: str) -> Outcome:
    """The Outcome of one offset without its largest documents, or those that stand in one example together."""
    frame, sizes = outcome.frame, _sizes(outcome.frame)
    gone: set[int] = set()
    while (excess := len(encode(frame)) - limit) > 0:
        if not sizes:
            raise TooLargeToDeliver(f"{frame.source} at {frame.tallies[0].offset} has no document and does not fit")
        while sizes and excess > 0:
            members, size = sizes.pop(0)
            gone.update(members)
            excess -= size
        frame = _without(outcome.frame, gone)
    offset = frame.tallies[0].offset
    dead = [d for d in originals if d.offset == offset and d.index in gone]
    more = (_letter(frame, document, stage) for document in dead)
    return Outcome(frame, outcome.rejections, (*outcome.dead, *more))


def _sizes(frame: Frame) -> list[tuple[tuple[int, ...], int]]:
    """The indexes of documents that only go together, and their bytes: the largest first."""
    size: dict[tuple[int, ...], int] = defaultdict(int)
    for document in frame.documents:
        size[(document.index,)] += own_bytes(document)
    for example in frame.examples:
        size[example.indexes] += len(example.ids)
    return sorted(size.items(), key=lambda item: (-item[1], item[0]))


def _without(frame: Frame, gone: set[int]) -> Frame:
    (tally,) = frame.tallies
    return msgspec.structs.replace(
        frame, tallies=[tally.with_dead(sorted(gone))],
        documents=[d for d in frame.documents if d.index not in gone],
        examples=[e for e in frame.examples if e.index not in gone],
    )  # fmt: skip


def _letter(frame: Frame, document: Document, stage: str) -> DeadLetter:
    return letters.of_document(frame.source, document, stage, TooLargeToDeliver())


def shorten(dead: Iterable[DeadLetter], limit: int) -> list[DeadLetter]:
    """The letters, those of a value above `limit` bytes with its length and hash in place of it."""
    return [d.without_value() if len(d.value) > limit else d for d in dead]
