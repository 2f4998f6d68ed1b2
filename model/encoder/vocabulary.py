"""The encoder's tokenizer: byte-level BPE with BERT's five tokens; `[CLS] a [SEP]`, or `[CLS] a [SEP] b [SEP]`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from model.families.reading import Refused

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONFIG: dict[str, Any] = {
    "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
    "sep_token": "[SEP]", "mask_token": "[MASK]",
    "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
}  # fmt: skip
"""tokenizer_config.json; the model's length is added."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer, and the ids that the encoder needs."""

    backend: Tokenizer
    pad: int
    cls: int
    sep: int
    mask: int

    @property
    def size(self) -> int:
        return self.backend.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids without anything around them, and the characters [start, end) of each."""
        made = self.backend.encode(text, add_special_tokens=False)
        return made.ids, made.offsets


def of(backend: Tokenizer) -> Vocabulary:
    """Raises Refused when one of BERT's tokens is missing."""
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True  # in a text they are letters
    ids = [i for token in ("[PAD]", "[CLS]", "[SEP]", "[MASK]") if (i := backend.token_to_id(token)) is not None]
    if len(ids) < 4:
        raise Refused(f"the tokenizer lacks one of {', '.join(SPECIAL)}: it is none of BERT's form")
    return Vocabulary(backend, *ids)


def load(path: Path) -> Vocabulary:
    """Of a tokenizer.json. Raises Refused."""
    try:
        return of(Tokenizer.from_file(str(path)))
    except Refused:
        raise
    except Exception as error:  # the library raises a bare Exception
        raise Refused(f"{path} is no tokenizer.json: {error}") from error


def train(texts: Iterable[str], size: int) -> Vocabulary:
    """Learns merges from the texts, digits one by one; smaller than asked for where they run out of pairs."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        show_progress=False,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    backend.train_from_iterator(texts, trainer)
    backend.post_processor = processors.TemplateProcessing(  # pyright: ignore[reportAttributeAccessIssue]
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, backend.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )  # fmt: skip
    return of(backend)
