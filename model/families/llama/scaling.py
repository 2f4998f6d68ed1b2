"""How rotary positions (arXiv 2104.09864) reach beyond the context that a model was trained on first.

linear: arXiv 2306.15595. dynamic: the base grows with the length (NTK). yarn: arXiv 2309.00071. llama3: Llama 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from model.families.reading import Config, Refused

KINDS = ("default", "linear", "dynamic", "llama3", "yarn")


class Scaling(msgspec.Struct, frozen=True, kw_only=True):
    """Of the frequencies; the fields of other kinds keep their defaults."""

    kind: str = "default"
    factor: float = 1.0
    """How many times longer the context becomes."""
    original: int = 0
    """Tokens of the context that was trained first; of dynamic: up to which nothing is scaled."""
    low: float = 1.0
    """llama3: below so many turns in the original context a frequency is divided by the factor."""
    high: float = 4.0
    """llama3: above so many it is left as it is."""
    beta_fast: float = 32.0
    """yarn: the same bound as `high`."""
    beta_slow: float = 1.0
    """yarn: the same bound as `low`."""
    attention: float = 0.0
    """yarn: what sine and cosine are multiplied by; 0: made of the factor."""
    mscale: float = 0.0
    mscale_all: float = 0.0
    truncate: bool = True
    """yarn: the bounds are whole dimensions."""


NEEDS = {
    "default": (), "linear": ("factor",), "dynamic": ("factor",), "yarn": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor"),
}  # fmt: skip
"""Keys without which `transformers` makes no model of the kind."""
ORIGINAL = "original_max_position_embeddings"


def read(keys: Mapping[str, Any], context: int) -> tuple[float, Scaling]:
    """Base and scaling of a config.json, as transformers writes it since version 5 (`rope_parameters`) and before.

    Raises Refused."""
    where, given = _given(Config(keys))
    rope = Config(given)
    rope.only("partial_rotary_factor", 1, 1.0)
    theta = rope.number("rope_theta", Config(keys).number("rope_theta", 10_000.0), above=1)
    kind = _kind(given)
    if kind not in KINDS:
        raise Refused(
            f"{where}: the rotary positions are scaled by {kind!r}, and only {', '.join(KINDS)} are supported"
        )
    if missing := [name for name in NEEDS[kind] if not rope.has(name)]:
        raise Refused(f"{where} is of the type {kind}, and has no {', '.join(missing)}")
    if rope.number("factor", 1.0) < 1:
        raise Refused(f"{where}: factor is {rope.number('factor'):g}, and must be at least 1")
    low, high = rope.number("low_freq_factor", 1.0, above=0), rope.number("high_freq_factor", 4.0, above=0)
    if high <= low:
        raise Refused(f"{where}: high_freq_factor is {high:g}, and must be above low_freq_factor, {low:g}")
    original = context if kind == "dynamic" else _original(Config(keys), rope) or context
    return theta, Scaling(
        kind=kind, factor=rope.number("factor", 1.0),
        original=original if kind in ("dynamic", "llama3", "yarn") else 0, low=low, high=high,
        beta_fast=rope.number("beta_fast", 32.0, above=0), beta_slow=rope.number("beta_slow", 1.0, above=0),
        attention=rope.number("attention_factor", above=0) if rope.has("attention_factor") else 0.0,
        mscale=rope.number("mscale", 0.0), mscale_all=rope.number("mscale_all_dim", 0.0),
        truncate=rope.flag("truncate", True),
    )  # fmt: skip


def _given(c: Config) -> tuple[str, Mapping[str, Any]]:
    """The key that says it, and what it says. Raises Refused where two keys say different things."""
    new, old = c.object("rope_parameters"), c.object("rope_scaling")
    for name, given in (("rope_parameters", new), ("rope_scaling", old)):
        if nested := [key for key, value in given.items() if isinstance(value, Mapping)]:
            raise Refused(f"{name} has other rotary positions for layers of the kind {nested[0]}: one for all is known")
    if not new or not old:
        return ("rope_scaling", old) if old else ("rope_parameters", new)
    first, second = _facts(new, c), _facts(old, c)
    if differing := sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key)):
        raise Refused(f"rope_parameters and rope_scaling differ in {', '.join(differing)}: remove one of them")
    return "rope_parameters", new


def _facts(given: Mapping[str, Any], c: Config) -> dict[str, Any]:
    said = {name: value for name, value in given.items() if value is not None and name not in ("type", "rope_type")}
    return {"rope_theta": c.keys.get("rope_theta"), **said, "rope_type": _kind(given)}


def _kind(given: Mapping[str, Any]) -> Any:
    return given.get("rope_type") or given.get("type") or "default"


def _original(c: Config, rope: Config) -> int | None:
    """Said beside the scaling or in it. Raises Refused."""
    outer, inner = c.tokens(ORIGINAL), rope.tokens(ORIGINAL)
    if outer is not None and inner is not None and outer != inner:
        raise Refused(f"{ORIGINAL} is {outer}, and {inner} where the rotary positions are scaled")
    return outer or inner


def write(theta: float, s: Scaling) -> dict[str, Any]:
    """The keys of a config.json, as every version of transformers and others read them."""
    if s.kind == "default":
        return {"rope_theta": theta, "rope_scaling": None}
    rope: dict[str, Any] = {"rope_type": s.kind, "factor": s.factor}
    if s.kind in ("llama3", "yarn"):
        rope["original_max_position_embeddings"] = s.original
    if s.kind == "llama3":
        rope |= {"low_freq_factor": s.low, "high_freq_factor": s.high}
    if s.kind == "yarn":
        rope |= {"beta_fast": s.beta_fast, "beta_slow": s.beta_slow, "truncate": s.truncate}
        more = {"attention_factor": s.attention, "mscale": s.mscale, "mscale_all_dim": s.mscale_all}
        rope |= {key: value for key, value in more.items() if value}
    return {"rope_theta": theta, "rope_scaling": rope}


def attention_factor(s: Scaling) -> float:
    """What sine and cosine are multiplied by."""
    if s.kind != "yarn":
        return 1.0
    if s.attention:
        return s.attention
    if s.mscale and s.mscale_all:
        return _mscale(s.factor, s.mscale) / _mscale(s.factor, s.mscale_all)
    return _mscale(s.factor, 1.0)


def _mscale(factor: float, scale: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * scale * math.log(factor) + 1.0


def yarn_bounds(s: Scaling, width: int, theta: float) -> tuple[float, float]:
    """The dimensions at which a frequency makes `beta_fast` and `beta_slow` turns in the original context."""
    low, high = (
        width * math.log(s.original / (turns * 2 * math.pi)) / (2 * math.log(theta))
        for turns in (s.beta_fast, s.beta_slow)
    )
    if s.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, width - 1)
    return low, high + 0.001 if low == high else high
