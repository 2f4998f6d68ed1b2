"""Weights in safetensors files, under Hugging Face's names: read where they lie, written one tensor at a time.

Reading maps the files into memory, so a model is never there twice; writing holds one tensor.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from model.families import Names, Spec, build
from model.families.reading import Refused

CODES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64"}
PIECE_BYTES = 16 << 20
"""Converted and written at a time."""
ROWS = 4096
"""Of two embeddings, compared at a time."""
BUFFERS = (
    ".attn.bias", ".attn.masked_bias", ".attn.causal_mask", ".rotary_emb.inv_freq", ".embed_positions.weights",
)  # fmt: skip
"""Ends of names of what old versions of transformers saved beside the weights: it is made of the shape."""


class Stored(NamedTuple):
    """A tensor that is written."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    load: Callable[[], Tensor]
    source: tuple[Path, str] | None = None
    """The safetensors file and the name in it; None: it lies in no file."""


def stored(tensors: Mapping[str, Tensor]) -> dict[str, Stored]:
    return {name: Stored(t.dtype, tuple(t.shape), lambda t=t: t) for name, t in tensors.items()}


def write(path: Path, tensors: Mapping[str, Stored]) -> str:
    """Writes the file, for its owner alone, and syncs it; returns its SHA-256. The same tensors give the same bytes."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        size = torch.Size(tensor.shape).numel() * tensor.dtype.itemsize
        header[name] = {"dtype": CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [end, end + size]}
        end += size
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    digest = sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for piece in (struct.pack("<Q", len(head)), head, *(p for t in tensors.values() for p in _pieces(t))):
            file.write(piece)
            digest.update(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def link(path: Path, places: Mapping[str, Stored]) -> str:
    """Links the one file that holds them; returns its SHA-256, or "" where it cannot be linked. Raises Refused unless
    they are finite."""
    files = {place.source and place.source[0] for place in places.values()}
    file = files.pop() if len(files) == 1 else None
    if file is None:
        return ""
    for place in places.values():
        place.load()
    try:
        os.link(file.resolve(), path)
    except OSError:
        return ""
    with path.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def _pieces(tensor: Stored) -> Iterator[memoryview]:
    flat = tensor.load().detach().contiguous().flatten()
    step = PIECE_BYTES // tensor.dtype.itemsize
    for at in range(0, len(flat), step):
        yield flat[at : at + step].to("cpu", tensor.dtype).view(torch.uint8).numpy().data


def theirs(spec: Spec, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Under Hugging Face's names."""
    names = Names(spec)
    return {names.theirs(name): tensor for name, tensor in tensors.items()}


def shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
    """Of our parameters. Raises Refused for a shape that no model can have."""
    try:
        return build.parameters(spec)
    except Refused:
        raise
    except (RuntimeError, ValueError, OverflowError, TypeError) as error:
        raise Refused(f"the shape is no model's: {error}") from error


def find(files: Iterable[Path], spec: Spec) -> dict[str, Stored]:
    """Where each of our parameters lies in the safetensors files: nothing is read yet. `load` maps it into memory.

    A tied head may be stored in place of the embedding. Raises Refused, which names the tensor, unless every parameter
    is there once, of its shape and of a floating type.
    """
    wanted, names = shapes(spec), Names(spec)
    places = _places(files, names, wanted)
    if names.head not in wanted and (head := places.pop(names.head, None)) is not None:
        places.setdefault(names.embedding, head)
    if missing := wanted.keys() - places.keys():
        there = sorted(names.theirs(name) for name in missing)
        raise Refused(f"{len(missing)} weights are missing, {', '.join(there[:3])} among them")
    return {name: places[name] for name in wanted}


def has_own_head(files: Iterable[Path], spec: Spec) -> bool:
    """Whether a head is stored that is not the embedding, though the shape says that it is: `transformers` then uses
    it. Reads both where both are there. Raises Refused as `find`."""
    wanted, names = shapes(spec), Names(spec)
    if names.head in wanted:
        return False
    places = _places(files, names, wanted)
    embedding, head = places.get(names.embedding), places.get(names.head)
    if embedding is None or head is None:
        return False
    pieces = zip(embedding.load().split(ROWS), head.load().split(ROWS), strict=True)
    return not all(torch.equal(a.float(), b.float()) for a, b in pieces)


def _places(files: Iterable[Path], names: Names, wanted: Mapping[str, tuple[int, ...]]) -> dict[str, Stored]:
    """Of what is wanted, and of a head that is tied, which is as large as the embedding. Raises Refused."""
    known = {names.head: wanted[names.embedding], **wanted}
    places: dict[str, Stored] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                    ours = _ours(name, names, known)
                    if ours is None:
                        continue
                    if (other := places.get(ours)) is not None and other.source is not None:
                        raise Refused(_twice(other.source, (path, name)))
                    places[ours] = _place(path, name, opened.get_slice(name), known[ours])
        except (SafetensorError, OSError) as error:
            raise Refused(f"{path.name} is no whole safetensors file: {error}") from error
    return places


def _twice(first: tuple[Path, str], second: tuple[Path, str]) -> str:
    (path, name), (other_path, other) = first, second
    names = f"{name} and {other}" if name != other else name
    where = path.name if path == other_path else f"{path.name} and {other_path.name}"
    return f"one parameter is there twice: {names}, in {where}"


def _ours(name: str, names: Names, wanted: Mapping[str, Any]) -> str | None:
    """None for what is made of the shape."""
    if name in wanted:  # a checkpoint from before they were written under Hugging Face's names
        return name
    candidates = (names.ours(prefix + name) for prefix in ("", "model.", "transformer."))
    ours = next((c for c in candidates if c in wanted), None)
    if ours is not None:
        return ours
    if name.endswith(BUFFERS):
        return None
    raise Refused(f"the weights hold {name}, for which this shape has no place")


def _place(path: Path, name: str, part: Any, shape: tuple[int, ...]) -> Stored:
    if tuple(part.get_shape()) != shape:
        raise Refused(f"{name} is of shape {list(part.get_shape())}, and must be {list(shape)}")
    code = part.get_dtype()
    dtype = next((t for t, c in CODES.items() if c == code and t.is_floating_point), None)
    if code == "F64" or code.startswith("F8_"):
        dtype = torch.float32
    if dtype is None:
        raise Refused(f"{name} is of type {code}, and must be of a floating type")

    def load() -> Tensor:
        with safe_open(path, framework="pt") as opened:
            return opened.get_tensor(name).to(dtype)

    return Stored(dtype, shape, load, (path, name))


def load(places: Mapping[str, Stored], dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """The tensors, mapped where they are of the type already; None: as they are. Raises Refused unless they are finite
    numbers."""
    tensors: dict[str, Tensor] = {}
    files: dict[Path, Any] = {}
    with ExitStack() as stack:
        for name, place in places.items():
            path, theirs = place.source or (None, "")
            if path is not None and path not in files:  # each opening maps all of it: 5,000 experts need 160 TB
                files[path] = stack.enter_context(safe_open(path, framework="pt"))
            tensor = place.load() if path is None else files[path].get_tensor(theirs)
            tensors[name] = tensor.to(dtype or place.dtype)
    refuse_infinite(tensors)
    return tensors


def refuse_infinite(tensors: Mapping[str, Tensor]) -> None:
    """Raises Refused."""
    wrong = [name for name, tensor in tensors.items() if not _finite(tensor)]
    if wrong:
        raise Refused(f"the weights are not finite numbers: {', '.join(wrong[:3])}")


def _finite(tensor: Tensor) -> bool:
    """Least and greatest are both finite when all are, and are no number when one is none: nine times as fast as asking
    each number, and without a copy."""
    return not tensor.numel() or all(bool(end.isfinite()) for end in torch.aminmax(tensor.detach()))


def assemble(spec: Spec, tensors: dict[str, Tensor]) -> Any:
    """The decoder with these very tensors: none is copied. Raises Refused."""
    return build.assembled(spec, tensors)
