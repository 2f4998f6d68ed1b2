"""Attention that never crosses a document in a packed row.

Shapes: B rows, T tokens, H query heads, K head width. Keys and values have one head.
"""

from __future__ import annotations

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
