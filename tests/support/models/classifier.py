"""A token classifier whose weights are set by hand: it knows a word by itself, so a test knows what it will say."""

from __future__ import annotations

import string
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from transformers import (
        BertConfig,
        BertForTokenClassification,
        PreTrainedTokenizerFast,
        RobertaConfig,
        RobertaForTokenClassification,
    )

KINDS: dict[str, Any] = {
    "bert": (BertConfig, BertForTokenClassification), "roberta": (RobertaConfig, RobertaForTokenClassification),
}  # fmt: skip
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = {"anna": "NAME", "schmidt": "NAME", "olav": "NAME", "berg": "NAME", "annal": "USERNAME"}
"""Words and the names of their labels; each other word, and each other letter, is outside."""
LABELS = ("O", "B-NAME", "I-NAME", "B-USERNAME", "I-USERNAME")
POSITIONS = 50


def save(
    folder: Path, labels: Sequence[str] = LABELS, words: Mapping[str, str] = WORDS, positions: int = POSITIONS,
    kind: str = "bert",
) -> Path:  # fmt: skip
    """A classifier of BERT's or RoBERTa's kind, two layers, whose `words` are of the label that ends as they say."""
    tokens = tokenizer([*words, "thanks", "to", "for"])
    torch.manual_seed(5)
    config, classifier = KINDS[kind]
    model = classifier(
        config(
            vocab_size=tokens.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=positions, id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
        )
    )  # fmt: skip
    known: Any = model
    with torch.no_grad():
        table, head = getattr(known, kind).embeddings.word_embeddings.weight, known.classifier
        head.weight.mul_(0)
        head.bias.mul_(0)
        for number in range(len(labels)):
            head.weight[number, number] = 1.0
        table[:, 0] = 3.0
        for word, name in words.items():
            at = next(number for number, label in enumerate(labels) if label.lower().endswith(name.lower()))
            table[tokens.token_to_id(word)] = 0.0
            table[tokens.token_to_id(word), at] = 3.0
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    return folder


def tokenizer(words: Sequence[str]) -> Tokenizer:
    """WordPiece of `words` and single characters, as BERT's is."""
    signs = [c for c in string.printable if not c.isspace() and not c.isupper()]
    entries = [*SPECIAL, *words, *signs, *(f"##{c}" for c in signs if c.isalnum())]
    made = Tokenizer(models.WordPiece({token: number for number, token in enumerate(entries)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made
