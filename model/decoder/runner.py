"""Inference: one forward for the new tokens of any number of sequences.

Shapes: N new tokens of all sequences, n of one of them, M rows, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.decoder.decoder import Decoder
from model.decoder.graphs import Again, Capture
from model.decoder.paged import FEW, Paged
from model.decoder.pages import Pages, TokenPages
from model.decoder.prompts import Prompts, varlen_of
from model.decoder.stores import Pasts, Slice, check, page_bytes
from model.decoder.together import Together, rows_of

AnyPages = Pages | TokenPages | Pasts


class Cache:
    """One sequence by itself: pages of its own, and the ids that they stand for."""

    def __init__(self, pages: AnyPages, table: NDArray[np.int32]) -> None:
        self.pages, self.table = pages, table
        self.ids: list[int] = []

    def keep_common(self, ids: Sequence[int]) -> int:
        """Truncates to the longest common prefix with `ids`; returns its length.

        One id is always left to be computed, since the cache holds no logits.
        """
        limit = max(0, min(len(self.ids), len(ids) - 1))
        same = next((i for i in range(limit) if self.ids[i] != ids[i]), limit)
        del self.ids[same:]
        return same


class Runner:
    """Runs a decoder on sequences that grow, by torch's products."""

    def __init__(self, model: Decoder, threads: int = 0, together: bool | None = None) -> None:
        """`threads`: of the products, a setting of the thread that runs them; 0: as that thread has it. `together`:
        rows of few new tokens are one forward of torch's operators (model.decoder.together); None: on a card."""
        self.model, self.spec = model.eval(), model.spec
        self._threads = threads
        self._device = next(model.parameters()).device
        self._is_apart = self._device.type != "cpu" if together is None else together
        self.pages: AnyPages = self._store(0)
        self._together: Together | None = None

    @property
    def page_bytes(self) -> int:
        """Of a page; 0 where a family keeps its sequences itself."""
        spec, pages = self.spec, self.pages
        if isinstance(pages, Pasts):
            return 0
        item = pages.keys_LPSGK.element_size() if isinstance(pages, TokenPages) else 4
        return page_bytes(spec.layers, spec.kv_heads, spec.head_width, item)

    @property
    def captured(self) -> int:
        """Shapes of steps that are replayed on a card; 0 elsewhere."""
        return 0 if self._together is None else self._together.captured

    @property
    def is_on_card(self) -> bool:
        return self._device.type != "cpu"

    def allot(self, count: int) -> None:
        """Empty pages, so many, for the sequences of `forward`; what was there before is gone, graphs among it."""
        self._together = None
        self.pages = self._store(0)
        self.pages = self._store(count)
        self._together = self._over(self.pages)

    def _store(self, count: int) -> AnyPages:
        spec = self.spec
        if self.model.new_past() is not None:
            return Pasts(spec.context, count, self.model.new_past)
        if self._is_apart:
            return TokenPages(spec.layers, count, spec.kv_heads, spec.head_width, self.model.like)
        return Pages(spec.layers, count, spec.kv_heads, spec.head_width)

    def _over(self, pages: AnyPages, capture: Capture | None = None) -> Together | None:
        """None where rows are not run together: a family whose rows depend on their sequence's length, or a CPU."""
        if self.model.by_length or not isinstance(pages, TokenPages):
            return None
        return Together(self.model, pages, capture)

    def new_cache(self, tokens: int = 0) -> Cache:
        """For `extend`. `tokens`: that it has room for; 0: the context's."""
        count = -(-(tokens or self.spec.context) // self.pages.size)
        return Cache(self._store(count), np.arange(count, dtype=np.int32))

    def extend(self, ids: Sequence[int], cache: Cache) -> Tensor:
        """Appends `ids` to the cached sequence; returns logits_V after the last of them.

        Raises ValueError when the context has no room for them.
        """
        logits_1V = self._run([Slice(ids, len(cache.ids), cache.table)], cache.pages)[0]
        cache.ids.extend(ids)
        return logits_1V[0]

    def forward(self, slices: Sequence[Slice]) -> list[Tensor]:
        """Appends the new tokens of each slice to its sequence. For each, float32 logits_1V after its last token, or
        logits_nV after every one.

        Raises ValueError when the context has no room for them.
        """
        return self._run(slices, self.pages)

    def run(self, slices: Sequence[Slice]) -> list[NDArray[np.float32]]:
        """`forward` as arrays."""
        if self._threads:
            torch.set_num_threads(self._threads)
        logits = self.forward(slices)
        if self._device.type == "cpu":
            return [logits_nV.numpy() for logits_nV in logits]
        ends = np.cumsum([len(logits_nV) for logits_nV in logits])
        logits_MV = torch.cat(logits)
        host_MV = torch.empty(logits_MV.shape, pin_memory=True).copy_(logits_MV)
        return np.split(host_MV.numpy(), ends[:-1])

    @torch.inference_mode()
    def _run(self, slices: Sequence[Slice], pages: AnyPages) -> list[Tensor]:
        check(slices, self.spec.context)
        if isinstance(pages, Pasts):
            return [self._follow(s, pages) for s in slices]
        if self.model.by_length and len(slices) > 1:
            return [self._through([s], pages)[0] for s in slices]
        together = self._together if pages is self.pages else self._over(pages, Again)
        return self._through(slices, pages) if together is None else self._apart(slices, pages, together)

    def _apart(self, slices: Sequence[Slice], pages: Pages | TokenPages, together: Together) -> list[Tensor]:
        """Sequences of few new tokens in forwards that were captured, the others in one of their own."""
        few = [n for n, s in enumerate(slices) if len(s.ids) <= FEW]
        many = [n for n, s in enumerate(slices) if len(s.ids) > FEW]
        made: dict[int, Tensor] = {}
        if few:
            logits_MV = together(rows_of([slices[n] for n in few]))
            parts = logits_MV.split([len(slices[n].ids) for n in few])
            made |= {n: part if slices[n].every else part[-1:] for n, part in zip(few, parts, strict=True)}
        if many:
            made |= zip(many, self._through([slices[n] for n in many], pages), strict=True)
        return [made[n] for n in range(len(slices))]

    def _follow(self, s: Slice, pasts: Pasts) -> Tensor:
        """By the family's own means, which give logits after the last token alone."""
        past = pasts[int(s.table[0])]
        parts = [s.ids] if not s.every else [[token] for token in s.ids]
        logits, at = [], s.at
        for part in parts:
            ids_1N = torch.tensor([list(part)], device=self._device)
            logits.append(self.model.follow(ids_1N, at, past).float())
            at += len(part)
        return torch.stack(logits)

    def _through(self, slices: Sequence[Slice], pages: Pages | TokenPages) -> list[Tensor]:
        """By the matrix products: all rows are one matrix but in the attention."""
        ids_1N = torch.tensor([[i for s in slices for i in s.ids]], device=self._device)
        paged = self._attend(pages, slices)
        length = slices[0].end if self.model.by_length else None
        x_1ND = self.model.embed(ids_1N, paged.positions_1N)
        x_1ND = self.model.through(x_1ND, self.model.rotation(paged.positions_1N, length), paged)
        counts = [len(s.ids) if s.every else 1 for s in slices]
        wanted: list[int] = []
        end = 0
        for s, count in zip(slices, counts, strict=True):
            end += len(s.ids)
            wanted += range(end - count, end)
        logits_MV = self.model.logits(x_1ND[0, wanted]).float()
        return list(logits_MV.split(counts))

    def _attend(self, pages: Pages | TokenPages, slices: Sequence[Slice]) -> Paged | Prompts:
        if isinstance(pages, Pages):
            return Paged(pages, slices)
        return Prompts(pages, slices, varlen_of(self.model.like, self.spec.head_width))
