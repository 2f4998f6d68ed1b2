"""Bits per byte: how well a text was predicted, whatever the tokenizer.

Shapes: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log, nan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from model.decoder.decoder import Decoder
from model.example import PADDING, Batch
from model.fim.fim import encode
from model.fim.format import Format
from model.tokens.tokenizer import Tokenizer

UNLEARNT_MASKS = frozenset(("incoder",))
"""Formats whose sentinels of spans are not in the loss (arXiv 2204.05999, §2.1)."""


def unlearnt(tokenizer: Tokenizer, fmt: Format) -> Tensor:
    """Ids that are read and never learnt."""
    masks = [fmt.mask(n) for n in range(fmt.spans + 1)] if fmt.name in UNLEARNT_MASKS else []
    known = tokenizer.specials
    return torch.tensor([known[mask] for mask in masks if mask in known], dtype=torch.int64)


def targets(ids_BT: Tensor, documents_BT: Tensor, left_out: Tensor | None = None) -> Tensor:
    """targets_BT: the next token of the same document, -100 where there is none or it is one of `left_out`."""
    targets_BT = torch.full_like(ids_BT, -100)
    follows = (documents_BT[:, 1:] == documents_BT[:, :-1]) & (documents_BT[:, 1:] != PADDING)
    targets_BT[:, :-1] = torch.where(follows, ids_BT[:, 1:], -100)
    if left_out is not None and len(left_out):
        targets_BT[torch.isin(targets_BT, left_out)] = -100
    return targets_BT


def nats(logits_BTV: Tensor, targets_BT: Tensor) -> Tensor:
    """Sum of -ln p(target), a scalar, in float32 whatever the logits are."""
    return F.cross_entropy(logits_BTV.flatten(0, 1).float(), targets_BT.flatten(), ignore_index=-100, reduction="sum")


def bits_per_byte(total_nats: float, text_bytes: int) -> float:
    """nats / ln 2 / bytes; not a number without bytes."""
    return total_nats / log(2) / text_bytes if text_bytes else nan


Pair = tuple[float, float]
"""Nats and bytes."""


class Prequential:
    """Bits per byte of what arrives, each Batch scored before it was trained on (Dawid 1984): over the last `window`
    Batches, and by kind and language with weights that fall by 1/e over as many."""

    def __init__(
        self, window: int, earlier: Iterable[tuple[float, int]] = (), groups: Mapping[str, Pair] | None = None
    ) -> None:  # fmt: skip
        """`earlier`, `groups`: the scores of the run that is resumed."""
        self._scores: deque[tuple[float, int]] = deque(earlier, maxlen=window)
        self._fall = 1 - 1 / window if window > 1 else 0.0
        self.groups: dict[str, Pair] = dict(groups or {})
        """By kind, and by `kind/language`."""

    @property
    def scores(self) -> list[tuple[float, int]]:
        """Nats and bytes of each, the oldest first."""
        return list(self._scores)

    def add(self, nats_by: Mapping[str, Pair]) -> None:
        """A Batch: nats and bytes of its fresh examples by kind, and by `kind/language`."""
        kinds = [pair for group, pair in nats_by.items() if "/" not in group]
        self._scores.append((sum(n for n, _ in kinds), int(sum(b for _, b in kinds))))
        fallen = {group: (n * self._fall, b * self._fall) for group, (n, b) in self.groups.items()}
        for group, (n, b) in nats_by.items():
            before = fallen.get(group, (0.0, 0.0))
            fallen[group] = before[0] + n, before[1] + b
        self.groups = {group: pair for group, pair in sorted(fallen.items()) if pair[1] >= 1}

    @property
    def value(self) -> float:
        return bits_per_byte(sum(n for n, _ in self._scores), sum(b for _, b in self._scores))


def by_group(batch: Batch, nats_BT: NDArray[np.float32], sizes: Sequence[Sequence[float]] = ()) -> dict[str, Pair]:
    """What `Prequential.add` takes, of the nats of each token's successor. `sizes`: the bytes of each example by row,
    where they are not all of its text."""
    total: dict[str, Pair] = {}
    for b, row in enumerate(batch.about):
        of_N = np.bincount(batch.documents_BT[b] + 1, nats_BT[b], minlength=len(row) + 1)[1:]
        for n, about in enumerate(row):
            if about.replayed:
                continue
            size = sizes[b][n] if sizes else about.text_bytes
            for group in (about.kind, *((f"{about.kind}/{about.language}",) if about.language else ())):
                before = total.get(group, (0.0, 0.0))
                total[group] = before[0] + float(of_N[n]), before[1] + size
    return total


def of_middles(targets_BT: Tensor, batch: Batch) -> Tensor:
    """The targets without those of examples that have a middle and stand before it."""
    kept = targets_BT.clone()
    for b, row in enumerate(batch.about):
        for n, about in enumerate(row):
            if about.middle:
                start = int((batch.documents_BT[b] == n).argmax())
                kept[b, start : start + about.middle - 1] = -100
    return kept


@torch.inference_mode()
def evaluate(
    model: Decoder, tokenizer: Tokenizer, texts: Iterable[tuple[Sequence[str], str]], context: int | None = None
) -> float:
    """Bits per byte of held-out (head, text) pairs, left to right, in windows of `context` tokens.

    A head is read and not scored. The first token of a window has nothing before it: neither its nats nor its bytes
    count.
    """
    total, size = 0.0, 0
    for ids, skip in _windows(tokenizer, texts, context or model.spec.context):
        ids_BT = torch.tensor([ids])
        logits_BTV = model(ids_BT, torch.arange(len(ids))[None], torch.zeros_like(ids_BT))
        total += nats(logits_BTV[:, skip - 1 : -1], ids_BT[:, skip:]).item()
        size += sum(len(tokenizer.bytes_of[i]) for i in ids[skip:])
    return bits_per_byte(total, size)


def _windows(
    tokenizer: Tokenizer, texts: Iterable[tuple[Sequence[str], str]], context: int
) -> Iterator[tuple[list[int], int]]:
    """Token ids and how many of them are not scored, at least one."""
    for head, text in texts:
        before = encode(tokenizer, head)
        ids = before + tokenizer.encode(text)
        for start in range(0, len(ids), context):
            window, skip = ids[start : start + context], max(1, len(before) - start)
            if len(window) > skip:
                yield window, skip
