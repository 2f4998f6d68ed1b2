"""Which adapter a run trains: what the settings ask for, held against the checkpoint that it goes on from."""

from __future__ import annotations

import msgspec
import torch

from model.adapters.spec import Adapter, Held
from model.config import TrainConfig
from model.families import Names, Spec
from model.families.reading import Refused
from model.weights import shapes

SMALL = 0.25
"""Share of the memory that is there up to which float32 weights are left as they are, where bfloat16 is no gain."""


def wanted(config: TrainConfig, spec: Spec, available: int | None = None) -> Adapter | None:
    """What the settings ask for; None: all weights are trained. `available`: bytes of memory, where `base` is auto.
    Raises Refused for a target that the model does not have."""
    if not config.adapter:
        return None
    known = usual(spec)
    if wrong := [name for name in config.targets if name not in known]:
        raise Refused(f"[train] targets has {', '.join(wrong)}, and this model has {', '.join(known)}")
    return Adapter(
        kind=config.adapter, rank=config.rank, alpha=config.alpha, targets=config.targets or known,
        seed=config.adapter_seed, held=held(config, spec, available),
    )  # fmt: skip


def usual(spec: Spec) -> tuple[str, ...]:
    """Last parts of the paths of all matrices of a layer."""
    names = Names(spec)
    named = (name for name, shape in shapes(spec).items() if name.startswith("blocks.0.") and len(shape) == 2)
    return tuple(dict.fromkeys(names.theirs(name).removesuffix(".weight").rpartition(".")[2] for name in named))


def held(config: TrainConfig, spec: Spec, available: int | None = None) -> Held:
    """How the frozen weights are held; what auto means on this machine."""
    if config.base != "auto":
        return config.base
    has = torch.cpu.get_capabilities()
    if torch.cuda.is_available() or has.get("amx_bf16") or has.get("avx512_bf16"):
        return "bf16"
    return "int8" if available is not None and 4 * spec.parameters > SMALL * available else "float32"


def settle(
    config: TrainConfig, spec: Spec, before: Adapter | None, began: bool, available: int | None = None
) -> Adapter | None:  # fmt: skip
    """The adapter that is trained on. `before`: the checkpoint's; `began`: whether it was trained in this folder.
    Raises Refused when it was trained otherwise."""
    asked = wanted(config, spec, available)
    if asked is None and before is None:
        return None
    if asked is None and before is not None:
        raise Refused(f"it is an adapter ({before.kind}): set [train] adapter = {before.kind!r}, or train all weights "
                      "in a new checkpoint folder")  # fmt: skip
    if asked is not None and before is None:
        if began:
            raise Refused("all of its weights were trained here, and [train] adapter asks for an adapter: name it as "
                          "[model] weights of a new checkpoint folder, or leave adapter empty")  # fmt: skip
        return asked
    assert asked is not None and before is not None
    if config.base == "auto":
        asked = msgspec.structs.replace(asked, held=before.held)
    pairs = [(key, getattr(asked, key), getattr(before, key)) for key in ("kind", "rank", "alpha", "held")]
    if config.targets:
        pairs.append(("targets", sorted(config.targets), sorted(before.targets)))
    if other := [f"{_SETTINGS[key]} is {mine}, and the checkpoint's {its}" for key, mine, its in pairs if mine != its]:
        raise Refused(f"it is another adapter: [train] {'; '.join(other)}. Put the setting back, or train into a new "
                      "checkpoint folder")  # fmt: skip
    return before


_SETTINGS = {"kind": "adapter", "rank": "rank", "alpha": "alpha", "held": "base", "targets": "targets"}
