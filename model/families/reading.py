"""Reading a Hugging Face config.json: what a family does not know is refused by its name, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

ACTIVATIONS = {
    "gelu": "gelu", "gelu_python": "gelu", "gelu_new": "gelu_tanh", "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh", "silu": "silu", "swish": "silu", "relu": "relu",
}  # fmt: skip
"""Their name of an activation to ours; several of theirs are one function."""
THEIR_ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh", "silu": "silu", "relu": "relu"}

MOST_LAYERS, MOST_HEADS, MOST_WIDTH, MOST_ROWS = 1_024, 4_096, 1 << 20, 1 << 24
"""Some eight times the largest that are published, so that a wrong figure is a sentence before anything is built:
126 layers, 128 heads and a width of 53,248 in Llama 3.1 405B, 262,144 ids in Gemma."""
MOST_TOKENS = 1 << 27
"""Of a context; Llama 4 Scout's has ten million."""


class Refused(ValueError):
    """A model that cannot be read; the message names the key and what is possible."""


class Uninstalled(Refused):
    """A package that the family needs is not there; the message says what to install."""


class Config:
    """The keys of a config.json, each of its type. A key that is null counts as missing."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self.keys = keys

    def has(self, name: str) -> bool:
        return self.keys.get(name) is not None

    def whole(self, name: str, usual: int | None = None, least: int = 1, most: int = MOST_WIDTH) -> int:
        """A whole number of `least` to `most`. Raises Refused."""
        value = self.keys.get(name)
        value = usual if value is None else value
        if type(value) is not int or value < least:
            raise Refused(f"{name} is {_shown(value)}, and must be a whole number of at least {least}")
        if value > most:
            raise Refused(f"{name} is {value:,}, and must be at most {most:,}")
        return value

    def number(self, name: str, usual: float | None = None, above: float | None = None) -> float:
        """A finite number, greater than `above`. Raises Refused."""
        value = self.keys.get(name)
        value = usual if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
            raise Refused(f"{name} is {_shown(value)}, and must be a number")
        if above is not None and value <= above:
            raise Refused(f"{name} is {value:g}, and must be above {above:g}")
        return float(value)

    def tokens(self, name: str) -> int | None:
        """A length that may be written as 8192.0; None: missing. Raises Refused."""
        value = self.keys.get(name)
        if isinstance(value, float) and isfinite(value) and value.is_integer():
            return Config({name: int(value)}).whole(name, most=MOST_TOKENS)
        return None if value is None else self.whole(name, most=MOST_TOKENS)

    def flag(self, name: str, usual: bool) -> bool:
        """Raises Refused."""
        value = self.keys.get(name)
        value = usual if value is None else value
        if not isinstance(value, bool):
            raise Refused(f"{name} is {_shown(value)}, and must be true or false")
        return value

    def activation(self, name: str, usual: str) -> str:
        """Our name. Raises Refused."""
        value = usual if self.keys.get(name) is None else self.keys[name]
        if not isinstance(value, str) or value not in ACTIVATIONS:
            raise Refused(f"{name} is {_shown(value)}, and must be one of {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[value]

    def object(self, name: str) -> Mapping[str, Any]:
        """Empty where it is missing. Raises Refused."""
        value = self.keys.get(name)
        if value is not None and not isinstance(value, Mapping):
            raise Refused(f"{name} is {_shown(value)}, and must be an object")
        return value or {}

    def words(self, name: str, count: int, of: str, *known: str) -> list[str]:
        """A list of `count` (the value of the key `of`) words, each of `known`; empty: missing. Raises Refused."""
        value = self.keys.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise Refused(f"{name} is {_shown(value)}, and must be a list of words")
        if unknown := sorted(set(value) - {*known}):
            raise Refused(f"{name} has {', '.join(unknown)}, and only {' and '.join(known)} is known")
        if len(value) != count:
            raise Refused(f"{name} has {len(value)} entries, and must have {count}, as {of} says")
        return value

    def only(self, name: str, *possible: Any) -> None:
        """The key is missing, null, or one of `possible`. Raises Refused."""
        value = self.keys.get(name)
        if value is not None and value not in possible:
            alternatives = " or ".join(repr(p) for p in possible)
            raise Refused(f"{name} is {_shown(value)}, and only {alternatives} is supported")

    def multiple(self, name: str, value: int, of: str, unit: int) -> None:
        """`value`, which is the key `name`'s, is a multiple of `unit`, which is the key `of`'s. Raises Refused."""
        if value % unit:
            raise Refused(f"{name} is {value}, and must be a multiple of {of}, {unit}")


def _shown(value: object) -> str:
    """The first of it: a config.json may hold anything."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
