"""The families of decoders: what each is, and which one a config.json names. Nobody else knows a family's name.

A family is a folder: `spec.py`, its shape as a record and as Hugging Face's config.json, which loads no torch; and
`decoder.py`, its layers, which `build.py` makes. The families whose layers are ours are trained, too; what
`transformers` runs for us (`adapter`) is served and evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard, get_args

from msgspec.structs import replace

from model.families.adapter import spec as adapter
from model.families.adapter.spec import Adapted
from model.families.gpt_bigcode import spec as gpt_bigcode
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama import spec as llama
from model.families.llama.spec import Llama
from model.families.reading import Config, Refused

Native = GptBigcode | Llama
"""The shapes whose layers are ours: they are trained, too."""
Spec = Native | Adapted
"""What a manifest holds of a decoder's shape."""
FAMILIES = tuple(str(cls.__struct_config__.tag) for cls in get_args(Spec))
"""What a manifest calls them."""
TRAINED = ("gpt_bigcode", *llama.VARIANTS)
MODEL_TYPES = (*TRAINED, *adapter.KINDS)


def new(*, vocab: int, context: int, width: int, layers: int, heads: int, seed: int = 0) -> Spec:
    """The shape of a decoder that training begins with when there are no weights. Raises ValueError."""
    return GptBigcode(vocab=vocab, context=context, width=width, layers=layers, heads=heads, seed=seed)


def read_config(keys: Mapping[str, Any]) -> Spec:
    """The shape that a config.json says. Raises Refused."""
    kind = keys.get("model_type")
    if keys.get("quantization_config"):
        raise Refused("the weights are quantised (quantization_config); bring the model's own floating-point weights")
    if not isinstance(kind, str):
        raise Refused(f"model_type is {kind!r}, and must be one of {', '.join(MODEL_TYPES)}")
    if not Config(keys).flag("is_causal", True):
        raise Refused("is_causal is False: every token sees those that follow it, and nothing can be completed so")
    if kind == "gpt_bigcode":
        return gpt_bigcode.read(keys)
    if kind in llama.VARIANTS:
        return llama.read(keys)
    if kind in adapter.KINDS:
        return adapter.read(keys)
    raise Refused(f"model_type is {kind!r}, and these are known: {', '.join(MODEL_TYPES)}")


def write_config(spec: Spec) -> dict[str, Any]:
    """The keys of a config.json, which `transformers` reads."""
    if isinstance(spec, Adapted):
        return adapter.write(spec)
    return gpt_bigcode.write(spec) if isinstance(spec, GptBigcode) else llama.write(spec)


def is_trained(spec: Spec) -> TypeGuard[Native]:
    """Whether a model of this shape is trained here, and not only served and evaluated."""
    return not isinstance(spec, Adapted)


def trainable(spec: Spec) -> Native:
    """The same. Raises Refused for a model that is only served and evaluated."""
    if isinstance(spec, Adapted):
        raise Refused(
            f"{spec.family_name} is served and evaluated through transformers, and not trained here: `midstream serve` "
            f"serves it; to train, begin from nothing or from weights of {', '.join(TRAINED[:-1])} or {TRAINED[-1]}"
        )
    return spec


def has_step(spec: Spec) -> bool:
    """Whether a model of this shape has a compiled step (model.kernels): frequencies that depend on a sequence's length
    have none."""
    return isinstance(spec, GptBigcode) or (isinstance(spec, Llama) and spec.scaling.kind != "dynamic")


def untied(spec: Spec) -> Spec:
    """The same shape with a head of its own."""
    if isinstance(spec, Adapted):
        return replace(spec, config=spec.config | {"tie_word_embeddings": False})
    return replace(spec, tied=False)


class Names:
    """Our parameters' names, and Hugging Face's, of one shape. What `transformers` runs keeps its own."""

    def __init__(self, spec: Spec) -> None:
        self._are_theirs = isinstance(spec, Adapted)
        self.embedding, self.head = "tokens.weight", "head.weight"
        if isinstance(spec, Adapted):
            self.embedding, self.head = adapter.EMBEDDINGS[spec.variant], "lm_head.weight"
            return
        table = gpt_bigcode.NAMES if isinstance(spec, GptBigcode) else llama.names(spec)
        self._ours, self._theirs = _patterns(table), _patterns({theirs: ours for ours, theirs in table.items()})

    def theirs(self, ours: str) -> str:
        """Raises KeyError for a parameter that the family does not have."""
        return ours if self._are_theirs else _renamed(ours, self._ours)

    def ours(self, theirs: str) -> str | None:
        """None for what we do not keep: buffers that are made of the shape."""
        if self._are_theirs:
            return theirs
        try:
            return _renamed(theirs, self._theirs)
        except KeyError:
            return None


def _patterns(table: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(re.escape(pattern).replace(r"\{\}", r"(\d+)") + r"(weight|bias)"), name)
        for pattern, name in table.items()
    ]


def _renamed(name: str, patterns: list[tuple[re.Pattern[str], str]]) -> str:
    for pattern, other in patterns:
        if match := pattern.fullmatch(name):
            *number, kind = match.groups()
            return other.format(*number) + kind
    raise KeyError(name)
