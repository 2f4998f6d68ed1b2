"""The index decides by the exact similarity of shingles, as its log tells it again; without sets by the estimate."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from streams.document import Document, Part
from streams.fit import fit
from streams.frame import Frame, Outcome
from streams.frame import encode as encode_frame
from streams.index.index import Index, Judged
from streams.index.minhash import former_fingerprints, similarity
from streams.index.signatures import Applied, Insertion, decode, encode
from streams.recipe import Thresholds
from streams.worker.counts import Counts
from streams.worker.restore import Restored
from streams.worker.stage import DedupStage, Disagreement, Watch
from tests.support.documents.similar import SOURCE, STARTS, document, frame, jaccard, texts
from tests.support.simulation.workers import Quiet

BARS = Thresholds()
FORMER = former_fingerprints(BARS.near, BARS.version)[0]
PAIRS = [(a, b) for a, b in texts(600) if 0.6 < jaccard(a, b) < 0.8]


def bare(made: Document) -> Document:
    """As an earlier version made it."""
    return msgspec.structs.replace(made, shingles=b"")


def judged(index: Index, *documents: Document) -> list[Judged]:
    """One document a Frame."""
    results: list[Judged] = []
    for made in documents:
        mark = index.marks[SOURCE]
        results.append(index.judge(frame([msgspec.structs.replace(made, offset=mark)], mark, mark + 1), mark))
    return results


def verdict(first: Document, second: Document) -> tuple[str, float]:
    """The rule that drops the second, and the similarity that it names."""
    last = judged(Index(BARS, dict(STARTS)), first, second)[1]
    return (last.rejections[0].rule, last.rejections[0].similarity) if last.rejections else ("", 0.0)


def former(applied: Applied) -> Applied:
    """The record as an index wrote it that knew no sets."""
    old = [msgspec.structs.replace(i, shingles=b"") for i in applied.insertions]
    return msgspec.structs.replace(applied, insertions=old, fingerprint=FORMER, v=1)


@cache
def misjudged() -> list[tuple[Document, Document]]:
    """Pairs of which the estimate says the wrong thing, and that a former index finds where it drops them."""
    pairs = [(document(0, a), document(1, b), jaccard(a, b) >= BARS.near) for a, b in PAIRS]
    wrong = [(a, b) for a, b, exact in pairs if (similarity(a.signature, b.signature) >= BARS.near) != exact]
    return [(a, b) for a, b in wrong if verdict(a, b)[0] != verdict(bare(a), bare(b))[0]]


def test_a_near_duplicate_is_what_is_exactly_so_similar() -> None:
    assert len(PAIRS) > 100 and len(misjudged()) > 10
    missed = 0
    for a, b in PAIRS:
        rule, named = verdict(document(0, a), document(1, b))
        exact = jaccard(a, b)
        assert rule == "" or (exact >= BARS.near and named == exact)
        missed += rule == "" and exact >= BARS.near
    assert missed <= 0.05 * len(PAIRS)


def test_the_most_similar_one_is_named() -> None:
    words = [f"w{n}" for n in range(100)]
    near, nearer = [*(f"x{n}" for n in range(14)), *words[14:]], [*words[:88], *(f"y{n}" for n in range(12))]
    texts_ = [" ".join(w) for w in (near, nearer, words)]
    *kept, last = judged(Index(BARS, dict(STARTS)), *(document(0, text) for text in texts_))
    assert [len(j.rejections) for j in kept] == [0, 0]
    assert last.rejections[0].matched == f"{SOURCE.topic_id}:0:1:0"
    assert last.rejections[0].similarity == jaccard(texts_[1], texts_[2])


def test_without_a_set_on_either_side_the_estimate_decides() -> None:
    for first, second in misjudged():
        estimate = similarity(first.signature, second.signature)
        wrong = ("near_duplicate", estimate) if estimate >= BARS.near else ("", 0.0)
        found = {verdict(bare(first), second), verdict(first, bare(second)), verdict(bare(first), bare(second))}
        assert found == {wrong}


@cache
def unfound() -> list[tuple[Document, Document]]:
    """Pairs that are similar, as their estimate says, too, and that a former index does not find."""
    pairs = [(document(0, a), document(1, b)) for a, b in PAIRS if jaccard(a, b) >= BARS.near]
    similar = [(a, b) for a, b in pairs if similarity(a.signature, b.signature) >= BARS.near]
    return [(a, b) for a, b in similar if verdict(bare(a), bare(b))[0] == ""]


def test_the_further_bands_are_of_texts_with_a_set_alone() -> None:
    """Else a former index's verdicts would change when its offsets are read again."""
    assert any(verdict(a, b)[0] for a, b in unfound())


def test_a_former_version_of_a_thread_leads_nowhere() -> None:
    first, second = (msgspec.structs.replace(bare(d), kind="issue", thread="#7") for d in unfound()[0])
    grown, other = msgspec.structs.replace(first, updated=9), msgspec.structs.replace(second, thread="#8")
    index = Index(BARS, dict(STARTS))
    results = judged(index, second, grown, other)
    assert [len(r.rejections) for r in results] == [0, 0, 0] and len(index) == 2


def test_a_rebuilt_index_gives_the_same_verdicts(tmp_path: Path) -> None:
    """Its own file is gone; the log brings the sets again."""
    one, other = Index(BARS, dict(STARTS)), Index(BARS, dict(STARTS), tmp_path)
    for result in judged(one, *(document(0, a) for a, _ in PAIRS)):
        other.apply(decode(encode(result.applied)))
    assert one.sets_nbytes == other.sets_nbytes > 100 * len(PAIRS)
    again = [document(0, b) for _, b in PAIRS]
    assert judged(one, *again) == judged(other, *again)
    assert list(tmp_path.iterdir()) == []


def test_sets_take_no_memory() -> None:
    with_sets, without = Index(BARS, dict(STARTS)), Index(BARS, dict(STARTS))
    judged(with_sets, *(document(0, a) for a, _ in PAIRS))
    judged(without, *(bare(document(0, a)) for a, _ in PAIRS))
    assert with_sets.nbytes == without.nbytes and without.sets_nbytes == 1


def test_a_record_of_a_former_index_is_read_and_its_documents_are_compared_by_the_estimate() -> None:
    first, second = misjudged()[0]
    index = Index(BARS, dict(STARTS))
    insertion = [0, 0, 0, first.exact, 0, first.signature]  # as version 1 wrote it: nothing of threads
    old = msgspec.msgpack.encode(
        {"t": "applied", "offset": 0, "source": SOURCE, "upto": 1, "fingerprint": FORMER, "insertions": [insertion]}
    )
    index.apply(decode(old))
    (result,) = judged(index, second)
    assert bool(result.rejections) == bool(verdict(bare(first), bare(second))[0])
    assert decode(encode(result.applied)).v == 3, "an earlier version would judge otherwise, and refuses it"


def test_what_is_handed_on_has_neither_signature_nor_set() -> None:
    made = document(0, PAIRS[0][0])
    (result,) = judged(Index(BARS, dict(STARTS)), made)
    assert result.frame is not None
    (kept,) = result.frame.documents
    assert (kept.signature, kept.shingles, kept.exact) == (b"", b"", made.exact) and made.shingles
    assert result.applied.insertions[0].shingles == made.shingles


def test_a_set_that_is_none_is_not_looked_at() -> None:
    first, second = document(0, PAIRS[0][0]), document(1, PAIRS[0][1])
    for wrong in (b"x", first.shingles[:-1], b"\xff" * 40):
        broken = msgspec.structs.replace(first, shingles=wrong)
        assert verdict(broken, second) == verdict(bare(first), second)


class Silent:
    """A Delivery that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Applied] = []

    async def record(self, topic: str, value: bytes) -> None:
        self.records.append(decode(value))

    async def outcome(self, outcome: Outcome, partition: int) -> list[Outcome]:
        return [outcome]


def read_again(candidate: Frame, earlier: Applied, tmp_path: Path) -> list[Applied]:
    """Dedup at a record of `candidates` that it took before it ended; the records that it writes now."""
    index = Index(BARS, dict(STARTS))
    watch = Watch(Counts(tmp_path / "counts.json"), Quiet(), Quiet())  # type: ignore[arg-type]
    stage = DedupStage(lambda _: Restored(index, {0: earlier}), watch, SOURCE.topic_id)
    message: Any = SimpleNamespace(value=encode_frame(candidate), offset=0, timestamp=0.0, partition=0)
    delivery: Any = Silent()
    asyncio.run(stage.process(delivery, "candidates", 0, 0, [message], 0.0))
    return delivery.records


def test_what_a_former_index_took_gets_its_verdicts_when_it_is_read_again(tmp_path: Path) -> None:
    for first, second in misjudged()[:5]:
        documents = [first, msgspec.structs.replace(second, offset=0, index=1)]
        candidate, old = frame(documents, 0, 1), frame([bare(d) for d in documents], 0, 1)
        earlier = former(Index(BARS, dict(STARTS)).judge(old, 0).applied)
        earlier.frame_start, earlier.frame_upto = 0, 1
        assert read_again(candidate, earlier, tmp_path) == []
        anew = Index(BARS, dict(STARTS)).judge(candidate, 0).applied
        assert [i.index for i in anew.insertions] != [i.index for i in earlier.insertions]
        with pytest.raises(Disagreement):
            read_again(candidate, msgspec.structs.replace(earlier, fingerprint=anew.fingerprint), tmp_path)


def test_a_frame_without_room_loses_sets_before_documents() -> None:
    made = [document(0, a) for a, _ in PAIRS[:20]]
    for n, d in enumerate(made):
        d.index, d.parts = n, [Part("text", "t" * 100)]
    whole = frame(made, 0, 1)
    room = len(encode_frame(whole)) - 1
    (fitted,) = fit(Outcome(whole), room)
    assert len(fitted.frame.documents) == 20 and not fitted.dead
    assert not any(d.shingles for d in fitted.frame.documents) and all(d.signature for d in fitted.frame.documents)
    (shed,) = fit(Outcome(whole), len(encode_frame(fitted.frame)) - 1)
    assert len(shed.frame.documents) == 19 and len(shed.dead) == 1
    one, two = made[0], msgspec.structs.replace(made[1], offset=1, index=0)
    parts = fit(Outcome(frame([one, two], 0, 2)), len(encode_frame(frame([one, two], 0, 2))) - 1)
    assert [d.shingles for part in parts for d in part.frame.documents] == [one.shingles, two.shingles]


def test_an_insertion_takes_less_than_its_document() -> None:
    """So a record of `signatures` has room where the Frame had."""
    made = document(0, PAIRS[0][0])
    kept = Insertion(2**40, 2**20, 3, made.exact, 2**63, made.signature, 2**63, made.shingles)
    assert len(msgspec.msgpack.encode(kept)) < len(encode_frame(made))
