"""Weights that somebody brings: a Hugging Face folder, checked as it lies, and made a checkpoint before any step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from model import based, checkpoint, families, loading, weights
from model.adapters import choice, peft_files
from model.checkpoint import Contents
from model.config import TrainConfig
from model.families import Spec
from model.families.reading import Refused
from model.fim.choice import UnfitTokenizer
from model.fim.format import Format
from model.fim.formats import AUTO
from model.manifest import FEED, SIDE_FILES, Manifest, latest, read_file, read_manifest
from model.shards import CONFIG, POINTER, fingerprint, pointer, weight_files
from model.tokens.ends import format_of
from model.tokens.probes import difference
from model.tokens.tokenizer import Tokenizer

LARGEST_BYTES = 64 << 20
"""Of a file that is read whole: a tokenizer.json of 250,000 ids takes 20 MB."""


@dataclass(frozen=True)
class Foreign:
    """A folder's model; its weights are where they lie."""

    spec: Spec
    places: dict[str, weights.Stored]
    tokenizer: Tokenizer
    format: Format
    side_files: dict[str, bytes]
    fingerprint: str = ""
    """model.shards'."""

    @property
    def bytes(self) -> int:
        """Of the weights as they are stored."""
        return sum(p.dtype.itemsize * _count(p.shape) for p in self.places.values())

    @property
    def dtype(self) -> str:
        """Of most of the weights, torch's name."""
        numbers = Counter[str]()
        for place in self.places.values():
            numbers[str(place.dtype).removeprefix("torch.")] += _count(place.shape)
        return numbers.most_common(1)[0][0]


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def read(folder: Path, format_name: str = AUTO) -> Foreign:
    """What the folder holds; no weight is read yet. Raises Refused, with what is wrong and what to do."""
    spec = families.read_config(_json(folder, CONFIG))
    tokenizer = _tokenizer(folder)
    if tokenizer.vocab_size > spec.vocab:
        raise Refused(f"the tokenizer has {tokenizer.vocab_size} ids, and the model's table {spec.vocab} rows")
    try:
        fmt = format_of(format_name, tokenizer, folder)
    except UnfitTokenizer as error:
        raise Refused(error.reason) from error
    files = weight_files(folder)
    spec = families.untied(spec) if weights.has_own_head(files, spec) else spec
    places = weights.find(files, spec)
    side = {name: _bytes(folder / name) for name in SIDE_FILES if (folder / name).is_file()}
    return Foreign(spec, places, tokenizer, fmt, side, fingerprint(folder, CONFIG))


def import_model(
    foreign: Foreign, root: Path, origin: str, context: int, keep: int, asked: str = "", linked: bool = False
) -> Manifest:  # fmt: skip
    """Writes the checkpoint of step 0 from which training goes on and which is served at once.

    `origin`, `asked`: what the manifest says of where it came from, and how that was named; `context`: tokens that an
    example may have; `linked`: the file of the weights is linked where that is possible, for adapters to share.
    Raises CheckpointError when there is one already, Refused for weights that are no finite numbers.
    """
    manifest = Manifest(
        step=0, tokens=0, text_bytes=0, model=foreign.spec, format=foreign.format, tokenizer=foreign.tokenizer.hash,
        bits_per_byte=None, context=min(context, foreign.spec.context), imported=origin, asked=asked,
        fingerprint=foreign.fingerprint, dtype=foreign.dtype,
    )  # fmt: skip
    contents = Contents(manifest, {}, {}, b"", foreign.tokenizer, foreign.side_files)
    checked = {name: _checked(name, place) for name, place in foreign.places.items()}
    return checkpoint.write_places(root, manifest, checked, contents, keep, linked)


def import_adapter(folder: Path, root: Path, config: TrainConfig, available: int | None = None) -> Manifest:
    """Makes an adapter of the `peft` package a checkpoint over the newest one in `root`, which must hold all weights:
    it is served at once, and trained on. Raises Refused, CheckpointError."""
    path = latest(root)
    if path is None:
        raise Refused(f"{root} has no checkpoint that it could stand beside: import its base's weights first")
    base = read_manifest(path)
    if base.adapter is not None:
        raise Refused(f"{path} is an adapter already: begin with the weights alone, in a new checkpoint folder")
    adapter, tensors = peft_files.read(folder, families.trainable(base.model))
    adapter = replace(adapter, held=choice.held(config, base.model, available))
    manifest = replace(base, revision=base.revision + 1, adapter=adapter, base=based.named(path, base), scores=[])
    contents = Contents(
        manifest, {}, {}, read_file(path, base, FEED), loading.read_tokenizer(path, base),
        low_rank=tensors,
    )  # fmt: skip
    return checkpoint.write_adapter(root, contents, config.keep, dtype=None)


def _checked(name: str, place: weights.Stored) -> weights.Stored:
    """The same, refused when it is written unless it is finite: the weights are read once."""

    def load() -> Any:
        tensor = place.load()
        weights.refuse_infinite({name: tensor})
        return tensor

    return place._replace(load=load)


def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise Refused(no_tokenizer({path.name for path in folder.iterdir()}))
    _bytes(path)
    try:
        tokenizer = Tokenizer.load(path)
    except ValueError as error:
        raise Refused(f"tokenizer.json cannot be read: {error}") from error
    if changed := difference(tokenizer):
        raise Refused(f"the tokenizer does not give texts back as they were: {changed}")
    return tokenizer


def no_tokenizer(names: Collection[str]) -> str:
    """What to do where tokenizer.json is none of the files of these names."""
    other = "tokenizer.model is there, and" if "tokenizer.model" in names else "there is no tokenizer.json, and"
    return (
        f"{other} only tokenizer.json is read: make one with AutoTokenizer.from_pretrained(FOLDER, use_fast=True)"
        ".save_pretrained(FOLDER) of transformers"
    )


def _json(folder: Path, name: str) -> dict[str, Any]:
    if not (folder / name).is_file():
        raise Refused(f"there is no {name}: name a folder as save_pretrained of transformers writes it")
    try:
        keys = json.loads(_bytes(folder / name))
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name} is no JSON: {error}") from error
    if not isinstance(keys, dict):
        raise Refused(f"{name} is no JSON object")
    return keys


def _bytes(path: Path) -> bytes:
    """Raises Refused for more than LARGEST_BYTES."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise Refused(f"{path.name} has more than {LARGEST_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path.name} cannot be read: {error.strerror}") from error
    if data.startswith(POINTER):
        raise Refused(pointer(path.name))
    return data
