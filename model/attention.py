"""Attention that never crosses a document, in a packed row and over a cache.

Shapes: B rows, T tokens, N new tokens, H query heads, K head width, L layers. Keys and values have one head.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def document_mask(documents_BT: Tensor) -> Tensor:
    """allow_B1TT: true where a query may look: at its own document, not ahead.

    Padding is a document like another, so that no row of the mask is empty.
    """
    same_BTT = documents_BT[:, :, None] == documents_BT[:, None, :]
    return same_BTT.tril_()[:, None]


def attend(q_BHTK: Tensor, k_BTK: Tensor, v_BTK: Tensor, allow_B1TT: Tensor) -> Tensor:
    """Attention of a packed row, every head over the same keys and values. Returns BHTK."""
    k_BHTK = k_BTK[:, None].expand(-1, q_BHTK.shape[1], -1, -1)
    v_BHTK = v_BTK[:, None].expand(-1, q_BHTK.shape[1], -1, -1)
    return F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, attn_mask=allow_B1TT)


def attend_cached(q_NHK: Tensor, k_TK: Tensor, v_TK: Tensor, ahead_NT: Tensor | None) -> Tensor:
    """Attention of N new tokens over a cache that already holds their keys. Returns NHK.

    One key head for all query heads makes this two plain matrix products. `ahead_NT` is -inf at what comes later than
    the query; None for a single new token.
    """
    n, heads, width = q_NHK.shape
    scores_NHT = (q_NHK.reshape(n * heads, width) @ k_TK.T).mul_(width**-0.5).view(n, heads, -1)
    if ahead_NT is not None:
        scores_NHT += ahead_NT[:, None]
    weights_NHT = torch.softmax(scores_NHT, dim=-1)
    return (weights_NHT.view(n * heads, -1) @ v_TK).view(n, heads, width)
