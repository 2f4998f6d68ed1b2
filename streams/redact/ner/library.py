"""The `transformers` package as the NER layer sees it, the extra of that name: imported by this file and the adapter's.

A folder of this machine is loaded, with the package's own classes: nothing that comes with a model is run, nothing is
downloaded, weights are read from safetensors alone.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from streams.redact.ner.folder import EXTRA, UnusableModel

MOST = 512
"""Tokens of a window: what models of the BERT kind were trained on, and attention's cost grows with its square."""
FEWEST = 16
BATCH_TOKENS = 8_192
"""Of a batch, padding counted: bounds the memory, some 200 MB of activations with a width of 768."""
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a pair is no character that a tokenizer takes; as long as what stands in for it."""


class Classifier:
    """A token classifier and its tokenizer."""

    def __init__(self, folder: Path) -> None:
        """Raises UnusableModel."""
        package = _package()
        local = {"local_files_only": True, "trust_remote_code": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._tokenizer: Any = _tried(folder, lambda: package.AutoTokenizer.from_pretrained(str(folder), **local))
            self._model, told = _tried(
                folder,
                lambda: package.AutoModelForTokenClassification.from_pretrained(
                    str(folder), use_safetensors=True, dtype=torch.float32, output_loading_info=True, **local
                ),
            )
        self._refuse(folder, sorted(told["missing_keys"]))
        self._model.eval()
        self._head, self._tail = self._around()
        self.room = self._length() - len(self._head) - len(self._tail)
        """Tokens of a text that a window holds."""
        if self.room < FEWEST:
            raise UnusableModel(f"{folder}: the model reads {self._length()} tokens, and {FEWEST} are the least")

    def _refuse(self, folder: Path, missing: list[str]) -> None:
        if not self._tokenizer.is_fast:
            raise UnusableModel(f"{folder}: its tokenizer is no fast one, which alone says where a token stands")
        if missing:
            raise UnusableModel(f"{folder}: its weights lack {missing[0]}: it is no trained token classifier")
        if len(self._tokenizer) > self._model.get_input_embeddings().weight.shape[0]:
            raise UnusableModel(f"{folder}: its tokenizer has more ids than its model, so they do not belong together")

    def _around(self) -> tuple[list[int], list[int]]:
        """The ids that the model wants before and behind a text."""
        made = self._tokenizer("a", return_special_tokens_mask=True)
        mask = made["special_tokens_mask"]
        first = mask.index(0) if 0 in mask else len(mask)
        last = len(mask) - mask[::-1].index(0) if 0 in mask else len(mask)
        return made["input_ids"][:first], made["input_ids"][last:]

    def _length(self) -> int:
        """Tokens that are read together. Positions of the RoBERTa kind begin behind the padding's id."""
        tables = [part for name, part in self._model.named_modules() if name.endswith("position_embeddings")]
        spare = max(
            (1 + part.padding_idx for part in tables if getattr(part, "padding_idx", None) is not None), default=0
        )
        table = getattr(self._model.config, "max_position_embeddings", None) or MOST + spare
        return int(min(MOST, self._tokenizer.model_max_length, table - spare))

    def encode(self, text: str) -> tuple[list[int], NDArray[np.int64]]:
        """Ids of a text without anything around it, and the characters [start, end) of each. A special token's name in
        the text is letters."""
        made = self._tokenizer(
            _SURROGATE.sub("\ufffd", text), add_special_tokens=False, split_special_tokens=True, truncation=False,
            return_offsets_mapping=True,
        )  # fmt: skip
        return made["input_ids"], np.array(made["offset_mapping"], np.int64).reshape(-1, 2)

    @torch.inference_mode()
    def score(self, windows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Of each window the probabilities_TL of the labels; several windows at a time."""
        scores: dict[int, NDArray[np.float32]] = {}
        for batch in _batches([len(ids) + len(self._head) + len(self._tail) for ids in windows]):
            rows = [[*self._head, *windows[number], *self._tail] for number in batch]
            longest = max(map(len, rows))
            pad = self._tokenizer.pad_token_id or 0
            ids_BT = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
            mask_BT = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
            probabilities_BTL = self._model(input_ids=ids_BT, attention_mask=mask_BT).logits.float().softmax(-1).numpy()
            for row, number in enumerate(batch):
                first = len(self._head)
                scores[number] = probabilities_BTL[row, first : first + len(windows[number])]
        return [scores[number] for number in range(len(windows))]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The windows' numbers, the longest first, in batches that are padded little and hold BATCH_TOKENS at most."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: (-lengths[number], number)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _package() -> Any:
    with warnings.catch_warnings():  # it compiles functions in a way that torch is about to drop
        warnings.simplefilter("ignore")
        try:
            import transformers
        except ImportError as error:
            raise UnusableModel(f"the transformers package cannot be imported ({error}): {EXTRA}") from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def _tried(folder: Path, make: Any) -> Any:
    """Whatever the library has against a folder it says in errors of many classes."""
    try:
        return make()
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UnusableModel(f"{folder}: transformers loads no token classifier from it: {reason}") from error
