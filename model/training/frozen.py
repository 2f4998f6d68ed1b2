"""The frozen set: documents of the stream's beginning, scored again at every checkpoint. What grows there is forgotten.

Of the first documents those with the least hashes are kept, so the set does not depend on how they were put into
Batches; once it is closed it never changes. It stands in the checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import torch
import xxhash
from torch import Tensor

from model.decoder.decoder import Decoder
from model.example import Batch
from model.training.loss import nats_of_hidden
from model.training.score import bits_per_byte, targets

DRAWN_FROM = 16
"""The set is closed when so many times its tokens have come by."""


class Held(msgspec.Struct):
    """One document of the set."""

    key: int
    ids: bytes
    """Token ids, little endian, 4 bytes each."""
    text_bytes: int
    kind: str
    language: str


class FrozenState(msgspec.Struct):
    seen: int = 0
    """Tokens that have come by."""
    closed: bool = False
    documents: list[Held] = []


class FrozenSet:
    """At most `tokens` tokens; 0: there is none."""

    def __init__(self, tokens: int, state: bytes = b"") -> None:
        self.tokens = tokens
        self._s = msgspec.msgpack.decode(state, type=FrozenState) if state else FrozenState()
        self._encoded: bytes | None = state or None

    @property
    def closed(self) -> bool:
        return self._s.closed

    @property
    def state(self) -> bytes:
        if self._encoded is None:
            self._encoded = msgspec.msgpack.encode(self._s)
        return self._encoded

    def see(self, batch: Batch) -> None:
        """What is fresh of a Batch, before it is trained on."""
        if self._s.closed or not self.tokens:
            return
        for held in _documents(batch):
            self._s.seen += len(held.ids) // 4
            self._s.documents.append(held)
        self._keep_least()
        self._s.closed = self._s.seen >= DRAWN_FROM * self.tokens
        self._encoded = None

    def _keep_least(self) -> None:
        """The documents of least hashes that fit; a text that came twice is one."""
        kept: list[Held] = []
        room = self.tokens
        for held in sorted({d.key: d for d in self._s.documents}.values(), key=lambda d: d.key):
            size = len(held.ids) // 4
            if size > room:
                break
            kept.append(held)
            room -= size
        self._s.documents = kept

    def score(self, model: Decoder) -> float:
        """Bits per byte of the set, each document by itself; not a number where there is none."""
        device = model.tokens.weight.device
        nats = sum(_nats(model, held, device) for held in self._s.documents)
        return bits_per_byte(nats, sum(held.text_bytes for held in self._s.documents))


def _documents(batch: Batch) -> Iterator[Held]:
    for b, row in enumerate(batch.about):
        for number, about in enumerate(row):
            if about.replayed:
                continue
            ids = batch.ids_BT[b][batch.documents_BT[b] == number].astype("<u4").tobytes()
            yield Held(xxhash.xxh3_64_intdigest(ids), ids, about.text_bytes, about.kind, about.language)


@torch.no_grad()
def _nats(model: Decoder, held: Held, device: torch.device) -> float:
    ids_1T = torch.frombuffer(bytearray(held.ids), dtype=torch.int32).long()[None].to(device)
    length = ids_1T.shape[1]
    documents_1T = torch.zeros(1, length, dtype=torch.int32, device=device)
    x_1TD = model.hidden(ids_1T, torch.arange(length, device=device)[None], documents_1T)
    flat: Tensor = targets(ids_1T, documents_1T).flatten()
    return nats_of_hidden(x_1TD.flatten(0, 1), model.head_weight, flat, model.logit_divisor).item()
