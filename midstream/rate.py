"""How many tokens a second this machine trains a new model on: a few steps on random tokens, in a process of its own.

`python -m midstream.rate MODEL TRAIN`: both as JSON; prints the rate. The largest part of its seconds are imports.
"""

from __future__ import annotations

import subprocess
import sys
import time

import msgspec

from midstream.settings import Model, Settings
from model.config import TrainConfig

STEPS = 3
"""The first is not counted: it allocates."""
TIMEOUT_S = 60.0


def measure(settings: Settings) -> float | None:
    """Tokens a second; None where it could not be measured in a minute."""
    arguments = [msgspec.json.encode(part).decode() for part in (settings.model, settings.train)]
    command = [sys.executable, "-m", "midstream.rate", *arguments]
    try:
        process = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True, text=True)
        return float(process.stdout)
    except (subprocess.SubprocessError, ValueError):
        return None


def rate(model: Model, config: TrainConfig) -> float:
    import torch

    from model import families
    from model.families import build
    from model.training import optimizer
    from model.training.learner import precision
    from model.training.loss import nats_of_hidden
    from model.training.score import targets

    torch.set_num_threads(config.cpu_threads)
    decoder = build.decoder(families.new(
        vocab=model.vocab, context=model.context, width=model.width, layers=model.layers, heads=model.heads,
        seed=model.seed,
    ))  # fmt: skip
    adam = optimizer.make(decoder, config)
    ids_BT = torch.randint(0, model.vocab, (1, model.context))
    positions_BT = torch.arange(model.context)[None]
    documents_BT = torch.zeros(1, model.context, dtype=torch.int32)
    seconds: list[float] = []
    for _ in range(STEPS):
        began = time.perf_counter()
        targets_BT = targets(ids_BT, documents_BT)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision(config, torch.device("cpu")) == "bf16"):
            x_TD = decoder.hidden(ids_BT, positions_BT, documents_BT)[0]
            nats = nats_of_hidden(x_TD, decoder.head_weight, targets_BT[0], decoder.logit_divisor)
        adam.zero_grad(set_to_none=True)
        (nats / model.context).backward()
        adam.step()
        seconds.append(time.perf_counter() - began)
    return model.context / min(seconds[1:])


if __name__ == "__main__":
    shape, chosen = sys.argv[1:]
    print(rate(msgspec.json.decode(shape, type=Model), msgspec.json.decode(chosen, type=TrainConfig)))
