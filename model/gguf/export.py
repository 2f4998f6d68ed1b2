"""A checkpoint folder written as one GGUF file, one tensor at a time.

Needs the `gguf` package, the extra of that name.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from model import based, loading
from model.families import TRAINED, is_trained
from model.families.reading import Refused
from model.gguf import shape, vocabulary
from model.gguf.shape import Keys, Value
from model.gguf.tensors import KINDS, TensorPart, parts
from model.manifest import read_manifest

FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7, "bf16": 32}
"""llama.cpp's numbers of what most of a file's tensors are."""
QUANTIZATION_VERSION = 2
"""Of the layout of q8_0's blocks."""


def export(folder: Path, out: Path, kind: str) -> dict[str, Any]:
    """Writes the checkpoint in `folder`, an adapter merged into its base's weights, to the file `out`, for its owner
    alone, in place of what is there; returns what was written. `kind`: one of KINDS.

    Raises Refused for what llama.cpp would compute otherwise, and when the gguf package is missing; CheckpointError for
    a folder that is no whole checkpoint.
    """
    library = _library()
    if kind not in KINDS:
        raise Refused(f"{kind!r} is no type of weights: {', '.join(KINDS)} are")
    manifest = read_manifest(folder)
    spec, tokenizer = manifest.model, loading.read_tokenizer(folder, manifest)
    if not is_trained(spec):
        raise Refused(f"{spec.family_name} is none of the families that are written as GGUF: {', '.join(TRAINED)}")
    keys: dict[str, Value] = {
        "general.name": manifest.model_version, "general.file_type": FILE_TYPES[kind],
        "general.quantization_version": QUANTIZATION_VERSION, **shape.keys(spec),
        **vocabulary.keys(tokenizer, manifest.format, spec.vocab),
    }  # fmt: skip
    listed = parts(spec, based.places(folder, manifest), kind)
    pre = keys["tokenizer.ggml.pre"]
    _write(library, out, shape.architecture(spec), keys, listed)
    return {
        "file": str(out), "bytes": out.stat().st_size, "kind": kind, "architecture": shape.architecture(spec),
        "context": shape.context(spec), "pre_tokenizer": pre,
        "tensors": dict(Counter(part.kind for part in listed)),
        "notes": _notes(spec) + vocabulary.notes(tokenizer, str(pre)),
    }  # fmt: skip


def _notes(spec: Any) -> list[str]:
    context = shape.context(spec)
    if context == spec.context:
        return []
    return [f"the context is {context}, the sliding window's length, not {spec.context}: llama.cpp has no window here"]


def _library() -> Any:
    """The gguf package. Raises Refused."""
    try:
        import gguf
    except ImportError as error:
        raise Refused("to write GGUF, install the gguf package: pip install 'midstream[gguf]'") from error
    return gguf


def _write(library: Any, out: Path, arch: str, keys: Keys, listed: Iterable[TensorPart]) -> None:
    """Under another name, fsynced, renamed."""
    unfinished = out.with_name(f".unfinished-{out.name}")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _fill(library, unfinished, arch, keys, listed)
        unfinished.rename(out)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    descriptor = os.open(out.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(library: Any, path: Path, arch: str, keys: Keys, listed: Iterable[TensorPart]) -> None:
    writer = library.GGUFWriter(path, arch)
    for key, value in keys.items():
        _add(writer, key, value)
    for part in listed:
        number = library.GGMLQuantizationType[part.kind.upper()]
        writer.add_tensor_info(part.name, part.shape, np.dtype(np.float32), part.bytes, number)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        file = writer.fout[0]
        writer.write_padding(file, file.tell())
        for part in listed:
            for piece in part.pieces():
                file.write(piece.data)
            writer.write_padding(file, part.bytes)
        file.flush()
        os.fsync(file.fileno())
    finally:
        writer.close()


def _add(writer: Any, key: str, value: Value) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)
