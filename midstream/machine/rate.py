"""How many tokens a second this machine trains a model on: a few steps on random tokens, in a process of its own.

`python -m midstream.machine.rate SPEC TRAIN`: both as JSON; prints the rate. The largest part of its seconds are
imports. Of a large model two layers and a part of the vocabulary are tried, and the rate is scaled by the numbers that
a token is multiplied with.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from midstream.machine.trial import never, output
from midstream.settings import Settings
from model import families
from model.config import TrainConfig
from model.families import Spec

STEPS = 3
"""The first is not counted: it allocates."""
TIMEOUT_S = 60.0
LARGE = 40_000_000
"""Parameters above which a part is tried: three steps on 1,024 tokens of all of it would take half a minute."""
PART_LAYERS, PART_VOCAB, PART_TOKENS = 2, 4_096, 256


def measure(settings: Settings, is_to_end: Callable[[], bool] = never) -> float | None:
    """Tokens a second of a new model; None where it could not be measured in a minute, or before it was to end."""
    m = settings.model
    spec = families.new(
        vocab=m.vocab, context=m.context, width=m.width, layers=m.layers, heads=m.heads, seed=m.seed
    )  # fmt: skip
    arguments = [msgspec.json.encode(part).decode() for part in (spec, settings.train)]
    command = [sys.executable, "-m", "midstream.machine.rate", *arguments]
    try:
        return float(output(command, TIMEOUT_S, is_to_end) or "")
    except ValueError:
        return None


def rate(spec: Any, config: TrainConfig) -> float:
    """Tokens a second, of an adapter where `config` has one."""
    import torch

    from model.training import optimizer
    from model.training.learner import precision
    from model.training.loss import nats_of_hidden
    from model.training.score import targets

    torch.set_num_threads(config.cpu_threads)
    tried = part(spec) if spec.parameters > LARGE else spec
    tokens = tried.context if tried is spec else min(PART_TOKENS, spec.context)
    decoder = _decoder(tried, config)
    adam = optimizer.make(decoder, config)
    ids_BT = torch.randint(0, tried.vocab, (1, tokens))
    positions_BT = torch.arange(tokens)[None]
    documents_BT = torch.zeros(1, tokens, dtype=torch.int32)
    seconds: list[float] = []
    for _ in range(STEPS):
        began = time.perf_counter()
        targets_BT = targets(ids_BT, documents_BT)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision(config, torch.device("cpu")) == "bf16"):
            x_TD = decoder.hidden(ids_BT, positions_BT, documents_BT)[0]
            nats = nats_of_hidden(x_TD, decoder.head_weight, targets_BT[0], decoder.logit_divisor)
        adam.zero_grad(set_to_none=True)
        (nats / tokens).backward()
        adam.step()
        seconds.append(time.perf_counter() - began)
    return tokens / min(seconds[1:]) * work(tried) / work(spec)


def _decoder(spec: Spec, config: TrainConfig) -> Any:
    """As the learner has it."""
    from model.adapters import lora
    from model.adapters.choice import wanted
    from model.decoder.frozen import hold
    from model.families import build

    decoder, adapter = build.decoder(spec).train(), wanted(config, spec)
    if adapter is not None:
        hold(decoder, adapter.held)
        decoder = lora.attach(decoder, adapter, lora.first(decoder, adapter))
    decoder.recompute = config.recompute
    return decoder


def part(spec: Any) -> Any:
    """The same shape with fewer layers and a smaller vocabulary."""
    fewer: dict[str, Any] = {"layers": min(spec.layers, PART_LAYERS), "vocab": min(spec.vocab, PART_VOCAB)}
    if getattr(spec, "windowed", ()):
        fewer["windowed"] = spec.windowed[: fewer["layers"]]
    return msgspec.structs.replace(spec, **fewer)


def work(spec: Any) -> int:
    """Numbers that a token is multiplied with: all but the table of an embedding that is no head."""
    return spec.parameters - (0 if spec.tied else spec.vocab * spec.width)


def rounded(rate: float) -> int:
    """Two digits: it is an estimate."""
    digits = max(0, len(str(int(rate))) - 2)
    return round(rate / 10**digits) * 10**digits


if __name__ == "__main__":
    shape, chosen = sys.argv[1:]
    print(rate(msgspec.json.decode(shape, type=Spec), msgspec.json.decode(chosen, type=TrainConfig)))
