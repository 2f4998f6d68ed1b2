"""The families of decoders: what each is, and which one a config.json names. Nobody else knows a family's name.

A family is a folder: `spec.py`, its shape as a record and as Hugging Face's config.json, which loads no torch; and
`decoder.py`, its layers, which `build.py` makes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from model.families.gpt_bigcode import spec as gpt_bigcode
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama import spec as llama
from model.families.llama.spec import Llama
from model.families.reading import Refused

Spec = GptBigcode | Llama
"""What a manifest holds of a decoder's shape."""
MODEL_TYPES = ("gpt_bigcode", *llama.VARIANTS)


def new(*, vocab: int, context: int, width: int, layers: int, heads: int, seed: int = 0) -> Spec:
    """The shape of a decoder that training begins with when there are no weights. Raises ValueError."""
    return GptBigcode(vocab=vocab, context=context, width=width, layers=layers, heads=heads, seed=seed)


def read_config(keys: Mapping[str, Any]) -> Spec:
    """The shape that a config.json says. Raises Refused."""
    kind = keys.get("model_type")
    if keys.get("quantization_config"):
        raise Refused("the weights are quantised (quantization_config); bring the model's own floating-point weights")
    if kind == "gpt_bigcode":
        return gpt_bigcode.read(keys)
    if kind in llama.VARIANTS:
        return llama.read(keys)
    raise Refused(f"model_type is {kind!r}, and these are known: {', '.join(MODEL_TYPES)}")


def write_config(spec: Spec) -> dict[str, Any]:
    """The keys of a config.json, which `transformers` reads."""
    return gpt_bigcode.write(spec) if isinstance(spec, GptBigcode) else llama.write(spec)


class Names:
    """Our parameters' names, and Hugging Face's, of one shape."""

    def __init__(self, spec: Spec) -> None:
        table = gpt_bigcode.NAMES if isinstance(spec, GptBigcode) else llama.names(spec)
        self._ours, self._theirs = _patterns(table), _patterns({theirs: ours for ours, theirs in table.items()})

    def theirs(self, ours: str) -> str:
        """Raises KeyError for a parameter that the family does not have."""
        return _renamed(ours, self._ours)

    def ours(self, theirs: str) -> str | None:
        """None for what we do not keep: buffers that are made of the shape."""
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
