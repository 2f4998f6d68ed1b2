"""An encoder's shape, and as Hugging Face's config.json of the type `bert`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.families.reading import MOST_HEADS, MOST_LAYERS, MOST_ROWS, MOST_TOKENS, Config


@dataclass(frozen=True)
class EncoderSpec:
    """The defaults are small enough for minutes on two cores: some two million parameters."""

    vocab: int = 8_192
    """Rows of the table of tokens."""
    context: int = 128
    """Tokens that are read together, those around the text counted."""
    width: int = 128
    """Size of the residual stream."""
    layers: int = 4
    heads: int = 4
    inner: int = 512
    """Width of the MLP."""
    segments: int = 2
    """Kinds of texts in a row: a and b."""
    epsilon: float = 1e-12
    """Of the norms; BERT's."""
    seed: int = 0
    """Of the initial weights."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")


def read(keys: Mapping[str, Any]) -> EncoderSpec:
    """Of a config.json. Raises Refused, also of what this encoder would compute otherwise."""
    c = Config(keys)
    c.only("model_type", "bert")
    c.only("hidden_act", "gelu")
    c.only("position_embedding_type", "absolute")
    c.only("is_decoder", False)
    heads, width = c.whole("num_attention_heads", most=MOST_HEADS), c.whole("hidden_size")
    c.multiple("hidden_size", width, "num_attention_heads", heads)
    return EncoderSpec(
        vocab=c.whole("vocab_size", most=MOST_ROWS),
        context=c.whole("max_position_embeddings", most=MOST_TOKENS),
        width=width,
        layers=c.whole("num_hidden_layers", most=MOST_LAYERS),
        heads=heads,
        inner=c.whole("intermediate_size"),
        segments=c.whole("type_vocab_size", 2),
        epsilon=c.number("layer_norm_eps", 1e-12, above=0),
    )


def write(spec: EncoderSpec, labels: Sequence[str] = ()) -> dict[str, Any]:
    """The keys of a config.json; of a token classifier with these labels, else of what was pre-trained."""
    keys: dict[str, Any] = {
        "architectures": ["BertForTokenClassification" if labels else "BertForPreTraining"],
        "model_type": "bert", "vocab_size": spec.vocab, "max_position_embeddings": spec.context,
        "hidden_size": spec.width, "num_hidden_layers": spec.layers, "num_attention_heads": spec.heads,
        "intermediate_size": spec.inner, "type_vocab_size": spec.segments, "layer_norm_eps": spec.epsilon,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "pad_token_id": 0,
    }  # fmt: skip
    if labels:
        keys["id2label"] = {str(number): label for number, label in enumerate(labels)}
        keys["label2id"] = {label: number for number, label in enumerate(labels)}
    return keys
