"""Reading an adapter's folder of the `peft` package without torch: its tensors as arrays.

What is not read is refused by its name: the tensors say which modules have a low-rank part and of which rank, the
config how much they count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize, safe_open

from model.adapters.spec import Adapter
from model.config import MOST_RANK
from model.families import Names, Spec
from model.families.products import products
from model.families.reading import Refused

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
"""How peft's names begin: the model that it wraps, twice."""
SUFFIXES = {"a": ".lora_A.weight", "b": ".lora_B.weight", "magnitude": ".lora_magnitude_vector"}
OTHER_MAGNITUDE = ".lora_magnitude_vector.weight"
"""As some versions of peft write it."""
MOST_CONFIG, MOST_HEADER = 4 << 20, 16 << 20
"""Bytes: a pattern for each of 1,000 layers' matrices takes 700 KB, and as much the header."""
MOST_PATTERNS = 10_000
_PATTERN = re.compile(r"\^?[\w.\\-]{1,200}")
"""A path or the end of one, its dots escaped or not: no expression of which a match may take long."""
TYPES = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}
"""What an array of each stored type is of: numpy has no bfloat16, so an array of uint16 holds its bits."""
_SPOILT = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""First weights that change the base's own, which then is not what the adapter stands beside."""
_WITHOUT_EFFECT = {
    "base_model_name_or_path", "revision", "task_type", "inference_mode", "auto_mapping", "peft_version",
    "lora_dropout", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "megatron_core",
    "runtime_config", "qalora_group_size", "eva_config", "ensure_weight_tying", "loftq_config", "corda_config",
    "lora_ga_config",
}  # fmt: skip
"""Keys that say where the adapter was meant to be or how it was trained: nothing that is computed."""
_READ = {
    "peft_type", "r", "lora_alpha", "use_rslora", "use_dora", "bias", "rank_pattern", "alpha_pattern",
    "init_lora_weights",
}  # fmt: skip


def read(folder: Path, spec: Spec) -> tuple[Adapter, dict[str, NDArray[Any]]]:
    """The adapter, and its tensors by our names, of TYPES as they are stored. Raises Refused, before any tensor is
    read, for what is not read here and for what does not fit the model; OSError."""
    keys = _config(folder / CONFIG)
    path = folder / WEIGHTS
    if not path.is_file():
        raise Refused(f"there is no {WEIGHTS}: only safetensors are read")
    sizes = _sizes(spec)
    found = _checked(path, sizes, bool(keys.get("use_dora")))
    ranks = {module: shapes["a"][0] for module, shapes in found.items()}
    adapter = _adapter(keys, ranks, set(sizes))
    arrays: dict[str, NDArray[Any]] = {}
    for theirs, tensor in sorted(deserialize(path.read_bytes())):
        module, part = _split(theirs)
        array = np.frombuffer(tensor["data"], TYPES[tensor["dtype"]]).reshape(tensor["shape"])
        arrays[f"{sizes[module][0]}.{part}"] = array
    if wrong := [name for name, array in arrays.items() if not _finite(array)]:
        raise Refused(f"the weights are not finite numbers: {', '.join(wrong[:3])}")
    return adapter, arrays


def widened(array: NDArray[Any]) -> NDArray[np.float32]:
    """float32 of what `read` gives."""
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32, copy=False)


def _finite(array: NDArray[Any]) -> bool:
    """Of bfloat16, whose greatest exponent says that a number is not."""
    if array.dtype == np.uint16:
        return int((array & 0x7FFF).max()) < 0x7F80
    return bool(np.isfinite(array.min()) and np.isfinite(array.max()))


@lru_cache(8)
def _sizes(spec: Spec) -> dict[str, tuple[str, int, int]]:
    """Path to (our name, outputs, inputs) of the matrices that may have a low-rank part."""
    names = Names(spec)
    return {
        names.theirs(f"{name}.weight").removesuffix(".weight"): (name, member.outputs, product.inputs)
        for layer in range(spec.layers)
        for product in products(spec)
        for member in product.members
        for name in [f"blocks.{layer}.{member.name}"]
    }


def modules(spec: Spec) -> dict[str, str]:
    """Path to our name of the matrices that may have a low-rank part."""
    return {path: name for path, (name, _, _) in _sizes(spec).items()}


def _config(path: Path) -> dict[str, Any]:
    """The keys. Raises Refused."""
    if not path.is_file():
        raise Refused(f"there is no {CONFIG}")
    if path.stat().st_size > MOST_CONFIG:
        raise Refused(f"{CONFIG} has more than {MOST_CONFIG >> 20} MiB")
    try:
        keys = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refused(f"{CONFIG} is no JSON: {error}") from error
    if not isinstance(keys, dict):
        raise Refused(f"{CONFIG} is no JSON object")
    if keys.get("peft_type") != "LORA":
        raise Refused(f"peft_type is {keys.get('peft_type')!r}, and only LORA is read")
    if keys.get("bias", "none") != "none":
        raise Refused(f"bias is {keys['bias']!r}: biases that were trained are not read, only 'none' is")
    if str(keys.get("init_lora_weights")).lower().startswith(_SPOILT):
        raise Refused(f"init_lora_weights is {keys['init_lora_weights']!r}, which changes the base's own weights")
    for key, value in keys.items():
        if key not in _READ and key not in _WITHOUT_EFFECT and value:
            raise Refused(f"{key} is set, and is not read here")
    return keys


def _checked(path: Path, sizes: Mapping[str, tuple[str, int, int]], dora: bool) -> dict[str, dict[str, Any]]:
    """Path of each module to its parts' shapes. Raises Refused."""
    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > MOST_HEADER:
            raise Refused(f"{WEIGHTS} has a header of more than {MOST_HEADER >> 20} MiB")
    found: dict[str, dict[str, Any]] = {}
    try:
        with safe_open(path, framework="numpy") as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                module, part = _split(name)
                if module not in sizes:
                    raise Refused(f"{name}: there is no low-rank part of {module} here")
                piece = opened.get_slice(name)
                if piece.get_dtype() not in ("F32", "F16", "BF16"):
                    raise Refused(f"{name} is of type {piece.get_dtype()}, and must be F32, F16 or BF16")
                if part in found.setdefault(module, {}):
                    raise Refused(f"{name} is there twice")
                found[module][part] = tuple(piece.get_shape())
    except SafetensorError as error:
        raise Refused(f"{WEIGHTS} is no whole safetensors file: {error}") from error
    if not found:
        raise Refused(f"{WEIGHTS} holds nothing")
    for module, shapes in found.items():
        _check_shapes(module, shapes, *sizes[module][1:], dora)
    return found


def _check_shapes(module: str, shapes: dict[str, Any], outputs: int, inputs: int, dora: bool) -> None:
    wanted = {"a", "b", "magnitude"} if dora else {"a", "b"}
    if set(shapes) != wanted:
        lacks, more = wanted - set(shapes), set(shapes) - wanted
        raise Refused(f"{module}: {'lacks' if lacks else 'has'} {', '.join(SUFFIXES[p][1:] for p in lacks or more)}")
    rank = shapes["a"][0] if len(shapes["a"]) == 2 else 0
    if not 1 <= rank <= MOST_RANK:
        raise Refused(f"{module}: lora_A is of shape {list(shapes['a'])}, and must be of 1 to {MOST_RANK} rows")
    expected = {"a": (rank, inputs), "b": (outputs, rank), "magnitude": (outputs,)}
    for part, shape in shapes.items():
        if shape != expected[part]:
            raise Refused(f"{module}{SUFFIXES[part]} is of shape {list(shape)}, and must be {list(expected[part])}")


def _split(name: str) -> tuple[str, str]:
    """(path of the module, part) of a tensor's name. Raises Refused."""
    plain = name.removeprefix(PREFIX)
    plain = plain.removesuffix(".weight") if plain.endswith(OTHER_MAGNITUDE) else plain
    for part, suffix in SUFFIXES.items():
        if plain.endswith(suffix):
            return plain.removesuffix(suffix), part
    raise Refused(f"{name} is none of {', '.join(SUFFIXES.values())}")


def _adapter(keys: Mapping[str, Any], ranks: Mapping[str, int], known: set[str]) -> Adapter:
    """Of the config and of each module's rank. Raises Refused."""
    rank, alpha = _number(keys.get("r", 8), "r"), _number(keys.get("lora_alpha", 8), "lora_alpha")
    alphas = {path: a for path in ranks if (a := _by_pattern(keys, "alpha_pattern", path, alpha)) != alpha}
    said = {path: _by_pattern(keys, "rank_pattern", path, rank) for path in ranks}
    if wrong := [path for path, count in ranks.items() if said[path] != count]:
        raise Refused(f"{wrong[0]}: the config says rank {said[wrong[0]]:g}, and the tensors have {ranks[wrong[0]]}")
    targets = tuple(dict.fromkeys(path.rpartition(".")[2] for path in ranks))
    all_of_them = {path for path in known if path.rpartition(".")[2] in targets}
    return Adapter(
        kind="dora" if keys.get("use_dora") else "lora", rank=int(rank), alpha=alpha,
        rslora=bool(keys.get("use_rslora")), targets=targets, modules=() if all_of_them == set(ranks) else tuple(ranks),
        ranks={path: count for path, count in ranks.items() if count != rank}, alphas=alphas,
    )  # fmt: skip


def _by_pattern(keys: Mapping[str, Any], key: str, path: str, usual: float) -> float:
    """The first pattern that the path or its end matches, as peft has it. Raises Refused."""
    table = keys.get(key) or {}
    if not isinstance(table, dict) or len(table) > MOST_PATTERNS:
        raise Refused(f"{key} is no table of at most {MOST_PATTERNS:,} patterns")
    for pattern, value in table.items():
        if not _PATTERN.fullmatch(pattern):
            raise Refused(f"{key} has {pattern[:80]!r}, and only paths are read there")
        try:
            matches = re.match(rf"(.*\.)?({pattern})$", path)
        except re.error as error:
            raise Refused(f"{key} has {pattern[:80]!r}, which is no pattern: {error}") from error
        if matches:
            return _number(value, key)
    return usual


def _number(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 < value <= 1e6:
        raise Refused(f"{key} is {str(value)[:80]}, and must be a number above 0")
    return float(value)
