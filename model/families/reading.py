"""Reading a Hugging Face config.json: what a family does not know is refused by its name, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACTIVATIONS = {
    "gelu": "gelu", "gelu_python": "gelu", "gelu_new": "gelu_tanh", "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh", "silu": "silu", "swish": "silu", "relu": "relu",
}  # fmt: skip
"""Their name of an activation to ours; several of theirs are one function."""
THEIR_ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh", "silu": "silu", "relu": "relu"}


class Refused(ValueError):
    """A model that cannot be read; the message names the key and what is possible."""


class Uninstalled(Refused):
    """A package that the family needs is not there; the message says what to install."""


class Config:
    """The keys of a config.json, each of its type."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self.keys = keys

    def whole(self, name: str, usual: int | None = None, least: int = 1) -> int:
        """A whole number of at least `least`. Raises Refused."""
        value = self.keys.get(name)
        value = usual if value is None else value
        if type(value) is not int or value < least:
            raise Refused(f"{name} is {value!r}, and must be a whole number of at least {least}")
        return value

    def number(self, name: str, usual: float) -> float:
        """Raises Refused."""
        value = self.keys.get(name)
        value = usual if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
            raise Refused(f"{name} is {value!r}, and must be a number")
        return float(value)

    def flag(self, name: str, usual: bool) -> bool:
        """Raises Refused."""
        value = self.keys.get(name)
        value = usual if value is None else value
        if not isinstance(value, bool):
            raise Refused(f"{name} is {value!r}, and must be true or false")
        return value

    def activation(self, name: str, usual: str) -> str:
        """Our name. Raises Refused."""
        value = self.keys.get(name) or usual
        if value not in ACTIVATIONS:
            raise Refused(f"{name} is {value!r}, and must be one of {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[value]

    def only(self, name: str, *possible: Any) -> None:
        """The key is missing, null, or one of `possible`. Raises Refused."""
        value = self.keys.get(name)
        if value is not None and value not in possible:
            alternatives = " or ".join(repr(p) for p in possible)
            raise Refused(f"{name} is {value!r}, and only {alternatives} is supported")
