"""A model of `transformers` as a decoder: its own layers and its own cache behind our interface.

Shapes: B rows, T tokens, N new tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from model.decoder.attention import runs
from model.decoder.decoder import Decoder
from model.families.adapter import library
from model.families.adapter.spec import Adapted


class AdaptedDecoder(Decoder):
    """`spec` is the shape, `theirs` the model."""

    def __init__(self, spec: Adapted, theirs: nn.Module) -> None:
        super().__init__()
        self.spec = spec
        self.theirs: Any = theirs

    @property
    def tokens(self) -> nn.Embedding:  # pyright: ignore
        """The embedding: its weight has the type and the device of all."""
        return self.theirs.get_input_embeddings()

    def float(self) -> AdaptedDecoder:  # pyright: ignore
        """Another one in float32: what the model makes of its shape is made anew, not widened."""
        return assembled(self.spec, library.stored(self.theirs), torch.float32).train(self.training)

    def forward(self, ids_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor) -> Tensor:
        """logits_BTV. Each document is run alone, its positions from 0: `transformers` packs no rows that one could
        rely on."""
        where = runs(documents_BT)
        parts = ids_BT.flatten().split(where.lengths)
        logits = [self._alone(ids_N, real) for ids_N, real in zip(parts, where.real, strict=True)]
        return torch.cat(logits).view(*ids_BT.shape, -1)

    def _alone(self, ids_N: Tensor, real: bool) -> Tensor:
        """logits_NV; of padding, zeros."""
        if not real:
            return self.tokens.weight.new_zeros((len(ids_N), self.spec.vocab))
        return self.theirs(input_ids=ids_N[None], use_cache=False).logits[0]

    def new_past(self) -> Any:
        return library.new_cache(self.theirs)

    def follow(self, ids_1N: Tensor, at: int, past: Any) -> Tensor:
        for layer in past.layers:  # each by its own length: a step may have failed between two of them
            if (ahead := layer.get_seq_length() - at) > 0:
                layer.crop(-ahead)
        return self.theirs(input_ids=ids_1N, past_key_values=past, use_cache=True, logits_to_keep=1).logits[0, -1]


def assembled(spec: Adapted, tensors: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> AdaptedDecoder:
    """The decoder with these tensors, which are named as they are stored. `dtype`: None: the first one's. Raises
    Refused."""
    dtype = dtype or next(iter(tensors.values())).dtype
    return AdaptedDecoder(spec, library.model(spec, tensors, dtype))
