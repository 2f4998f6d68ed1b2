"""A decoder of a shape: with torch, which the shapes themselves do without."""

from __future__ import annotations

from model.decoder.decoder import Decoder
from model.families import Spec
from model.families.gpt_bigcode.decoder import GptBigcodeDecoder
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama.decoder import LlamaDecoder


def decoder(spec: Spec) -> Decoder:
    """A new decoder of the shape, with its first weights; without any under `torch.device("meta")`."""
    return GptBigcodeDecoder(spec) if isinstance(spec, GptBigcode) else LlamaDecoder(spec)
