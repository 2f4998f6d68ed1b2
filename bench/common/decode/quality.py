"""Bits a byte of the same rows under float32 and under the compiled step with bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from common.decode.ours import Ours
from model.decoder.decoder import Decoder, Step
from model.example import Example
from model.training.batch import collate
from model.training.score import bits_per_byte, nats, targets


@torch.inference_mode()
def bits_loss(model: Decoder, step: Step, rows: list[list[Example]]) -> dict[str, float]:
    """Each document of the rows by itself."""
    context: Any = model.spec.context
    ours, sums, size = Ours(model, step, context), np.zeros(2), 0
    for row in rows:
        batch = collate([row], context)
        ids_BT, positions_BT, documents_BT = (
            torch.from_numpy(a) for a in (batch.ids_BT, batch.positions_BT, batch.documents_BT)
        )
        wanted_BT = targets(ids_BT, documents_BT)
        plain_BTV = model(ids_BT, positions_BT, documents_BT)
        bytes_BTV = torch.zeros_like(plain_BTV)
        for number in documents_BT[documents_BT >= 0].unique().tolist():
            where = documents_BT[0] == number
            bytes_BTV[0, where] = ours.extend(ids_BT[0, where].tolist(), 0, every=True)
        sums += [float(nats(logits, wanted_BT).sum()) for logits in (plain_BTV, bytes_BTV)]
        size += batch.text_bytes
    float32, narrow = (bits_per_byte(float(total), size) for total in sums)
    return {"bits": round(float32, 4), "bits_bytes": round(narrow, 4), "bits_loss": round(narrow / float32 - 1, 5)}
