"""What became of every document of a story, held against the promise (architecture §2)."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import astuple

from streams import frame as frames
from streams.document import Origin
from streams.feed.state import FeedState, decode
from streams.index.minhash import similarity, sketch
from tests.support.simulation.cluster import PARTITIONS
from tests.support.simulation.produced import Place
from tests.support.simulation.simulation import Simulation, hold


class Account:
    """A story's end: the newest checkpoint, and what the ledgers hold of it."""

    def __init__(self, sim: Simulation) -> None:
        self._sim, self._produced = sim, sim.produced
        self._state: FeedState = decode(sim.checkpoints[-1])
        entries = sim.entries()
        self._pieces = Counter((e.topic_id, e.partition, e.offset, e.index, e.piece) for e in entries)
        self._trained: dict[Place, int] = {(e.topic_id, e.partition, e.offset, e.index): e.pieces for e in entries}
        """To the number of its pieces."""
        self._dead = {_place(origin) for origin in self._state.dead}
        self._documents = set(sim.produced.documents())
        self._rejected = _rejected(sim)

    def check(self) -> None:
        """Raises Violation."""
        self._check_training()
        self._check_sum()
        self._check_shadows()
        self._check_copies()
        self._check_reasons()

    def _check_training(self) -> None:
        hold(all(n == 1 for n in self._pieces.values()), "trained twice")
        hold(sum(self._trained.values()) == len(self._pieces), "a piece is missing")
        hold(set(self._trained) <= self._documents, "a document that never was")
        hold(not set(self._trained) & self._dead, "trained and dead")

    def _check_sum(self) -> None:
        """Of what was lost, as much is counted as lost as is counted nowhere else."""
        total: Counter[str] = Counter()
        for count in self._state.counts.values():
            total.update({name: getattr(count, name) for name in ("documents", "rejected", "dead", "waiting", "lost")})
        lost, documents = self._sim.lost, len(self._documents)
        hold(total["waiting"] == 0, "documents wait for ever")
        counted = f"{documents} documents, {total['documents']} counted, {len(lost)} lost"
        hold(len(self._documents - lost) <= total["documents"] <= documents, counted)
        hold(len(self._trained) + total["rejected"] + len(self._dead) == total["documents"], "lost")
        hold(total["dead"] == len(self._dead), "dead letters are miscounted")
        hold(all(origin in self._state.dead for origin in self._sim.empty), "a retry is listed nowhere")
        unnamed = {place[:3] for place in lost - set(self._trained) - self._dead - self._rejected}
        hold(total["lost"] >= len(unnamed), "lost, and not counted as lost")

    def _check_shadows(self) -> None:
        """Nothing was dropped for a copy of something that was never trained on: of every text that no rule drops, a
        copy or a near copy was trained on, unless it was discarded, or lost after it had been judged."""
        expected, known = set[str](), set(self._sim.discarded)
        for *at, index in self._documents:
            texts, place = self._produced.texts(*at), (*at, index)
            if index < len(texts) and len(texts[index]) > 60 and place not in self._dead:
                expected.add(texts[index])
                if place in self._trained or place in self._sim.lost:
                    known.add(texts[index])
        signatures = {text: sketch(text).signature for text in expected | known}
        shadowed = {t for t in expected if not any(similarity(signatures[t], signatures[k]) >= 0.65 for k in known)}
        hold(not shadowed, f"dropped for a copy of something that was never trained on: {len(shadowed)}")

    def _check_copies(self) -> None:
        """First seen wins: of one text, one document is trained on."""
        times = Counter(self._produced.texts(*at)[index] for *at, index in self._trained)
        copies = sorted(n for n in times.values() if n > 1)
        hold(not copies, f"copies of one text were trained on: {copies}")

    def _check_reasons(self) -> None:
        """What is neither trained on nor dead stands in `rejected` with its reason, and what is dead in
        `deadletters`."""
        letters = {(row.key or b"").decode() for row in self._sim.cluster.logs["deadletters", 0].rows}
        named = {*self._trained, *self._dead, *self._rejected, *self._sim.lost}
        hold(self._documents <= named, "dropped without a reason")
        hold(self._state.dead <= letters, "dead without a letter")


def _rejected(sim: Simulation) -> set[Place]:
    rows = [row for p in range(PARTITIONS) for row in sim.cluster.logs["rejected", p].rows]
    return {astuple(item.origin) for row in rows for item in frames.decode_rejections(row.value or b"").items}


def _place(origin: str) -> Place:
    return astuple(Origin.parse(origin))
