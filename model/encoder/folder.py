"""An encoder as a folder of Hugging Face's form: `transformers` opens it as a BERT, and ours opens theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.encoder import spec as specs
from model.encoder import vocabulary
from model.encoder.encoder import Encoder, Labeller, Pretraining
from model.encoder.vocabulary import Vocabulary
from model.families.reading import Refused

_PARTS = {
    "encoder.tokens": "bert.embeddings.word_embeddings", "encoder.positions": "bert.embeddings.position_embeddings",
    "encoder.segments": "bert.embeddings.token_type_embeddings", "encoder.norm": "bert.embeddings.LayerNorm",
    "masked": "cls.predictions.transform.dense", "masked_norm": "cls.predictions.transform.LayerNorm",
    "masked_bias": "cls.predictions.bias", "pooler": "bert.pooler.dense", "next": "cls.seq_relationship",
    "head": "classifier",
}  # fmt: skip
_LAYER = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "out": "attention.output.dense", "norm_1": "attention.output.LayerNorm", "up": "intermediate.dense",
    "down": "output.dense", "norm_2": "output.LayerNorm",
}  # fmt: skip
_BLOCK = re.compile(r"encoder\.blocks\.(\d+)\.(\w+)\.(\w+)")


def theirs(name: str) -> str:
    """Hugging Face's name of a parameter of ours."""
    if match := _BLOCK.fullmatch(name):
        return f"bert.encoder.layer.{match[1]}.{_LAYER[match[2]]}.{match[3]}"
    part, _, kind = name.rpartition(".")
    return f"{_PARTS[part]}.{kind}" if part else _PARTS[name]


def save(folder: Path, model: Pretraining | Labeller, words: Vocabulary, labels: Sequence[str] = ()) -> None:
    """Config, weights and tokenizer in a folder; config.json, without which it is no model's, comes last."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    spec = model.encoder.spec
    _write(unfinished / "config.json", specs.write(spec, labels))
    _write(unfinished / "tokenizer_config.json", {**vocabulary.CONFIG, "model_max_length": spec.context})
    words.backend.save(str(unfinished / "tokenizer.json"))
    tensors = {theirs(name): tensor.detach().contiguous() for name, tensor in model.named_parameters()}
    save_file(tensors, unfinished / "model.safetensors", metadata={"format": "pt"})
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(unfinished.iterdir(), key=lambda path: path.name == "config.json"):
        path.replace(folder / path.name)
    unfinished.rmdir()


def load(folder: Path) -> tuple[Encoder, Vocabulary]:
    """The trunk of a BERT and its tokenizer; whatever heads it has are left. Raises Refused."""
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise Refused(f"{folder}: there is no {name} in it; an encoder is such a folder as `midstream pii` writes")
    try:
        keys = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise Refused(f"{folder} cannot be read: {error}") from error
    words = vocabulary.load(folder / "tokenizer.json")
    encoder = Encoder(specs.read(keys))
    if words.size > encoder.spec.vocab:
        raise Refused(f"{folder}: its tokenizer has more ids than its model, so they do not belong together")
    _fill(folder, encoder, tensors)
    return encoder, words


@torch.no_grad()
def _fill(folder: Path, encoder: Encoder, tensors: Mapping[str, Tensor]) -> None:
    for name, parameter in encoder.named_parameters():
        stored = theirs(f"encoder.{name}")
        tensor = tensors.get(stored, tensors.get(stored.removeprefix("bert.")))
        if tensor is None or tensor.shape != parameter.shape:
            raise Refused(f"{folder}: its weights lack {stored} of the shape {list(parameter.shape)}")
        parameter.copy_(tensor)


def _write(path: Path, keys: Mapping[str, object]) -> None:
    path.write_text(json.dumps(keys, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
