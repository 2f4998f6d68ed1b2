"""A folder that holds a token classifier: whether it can be one, before anything heavy is imported."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

EXTRA = "pip install 'midstream[transformers]'"
NEEDED = {
    "config.json": "it is what save_pretrained of a token classifier writes",
    "tokenizer.json": "only fast tokenizers say where a token stands: save the tokenizer with save_pretrained",
}


class UnusableModel(ValueError):
    """A folder that cannot be the NER layer's; the message says why, and what to do."""


def labels_of(folder: Path) -> list[str]:
    """The labels of its config.json, by their ids. The weights must be in safetensors: pickled ones can run code.

    Raises UnusableModel, also where a file or the package `transformers` is missing.
    """
    if not folder.is_dir():
        raise UnusableModel(f"{folder}: there is no such folder; [redaction] ner must name a token classifier's")
    for name, remedy in NEEDED.items():
        if not (folder / name).is_file():
            raise UnusableModel(f"{folder}: there is no {name} in it; {remedy}")
    if not any(folder.glob("*.safetensors")):
        raise UnusableModel(
            f"{folder}: there are no weights in safetensors in it; pickled ones, which can run code, are not read"
        )
    labels = _labels(folder / "config.json")
    if find_spec("transformers") is None:
        raise UnusableModel(f"the NER layer needs the transformers package, which is not installed: {EXTRA}")
    return labels


def _labels(path: Path) -> list[str]:
    try:
        named = json.loads(path.read_text(encoding="utf-8"))["id2label"]
        by_id = {int(number): str(label) for number, label in named.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableModel(f"{path}: it has no id2label, so it is no token classifier's") from error
    if sorted(by_id) != list(range(len(by_id))) or len(by_id) < 2:
        raise UnusableModel(f"{path}: id2label must name two labels or more, with ids from 0 on")
    return [by_id[number] for number in range(len(by_id))]
