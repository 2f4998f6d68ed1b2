"""Small tokenizers with the sentinels and the options of the seeds': they prove orders and joins, not vocabularies."""

from __future__ import annotations

from functools import cache

from tokenizers import AddedToken, decoders, models, normalizers
from tokenizers import Tokenizer as Backend

from model.fim.format import Format
from model.fim.formats import FORMATS
from model.tokens.tokenizer import Tokenizer, train
from tests.support.models.tiny import texts

SENTENCEPIECE = ("codellama", "aixcoder", "pre-suf-mid", "codestral")
PAIRS = ("▁x", "re", "tu", "rn", "ret", "turn", "return", "▁return", "▁▁", "▁▁▁▁")
"""Tokens of the SentencePiece vocabulary that are longer than a character, each from two that come before it."""
PIECES = ("    ret", "urn x", "\n# é\r\n")
"""Prefix, middle, suffix of the golden ids: the cut is inside of a word that is one token."""


def spaced(fmt: Format) -> Tokenizer:
    """Llama's kind: byte fallback, one blank put before every text, no pre-tokens; `fmt`'s sentinels, 256 bytes, the
    letters of PAIRS, PAIRS."""
    letters = sorted(set("".join(PAIRS)))
    tokens = [*fmt.sentinels, "<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *letters, *PAIRS]
    known, merges = set(letters), []
    for pair in PAIRS:
        merges.append(next((pair[:i], pair[i:]) for i in range(1, len(pair)) if {pair[:i], pair[i:]} <= known))
        known.add(pair)
    vocabulary = {token: i for i, token in enumerate(tokens)}
    backend = Backend(models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True, unk_token="<unk>"))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in fmt.sentinels])
    return Tokenizer(backend)


@cache
def seed_tokenizer(name: str) -> Tokenizer:
    """Of the format's kind: byte-level BPE, or SentencePiece's."""
    fmt = FORMATS[name]
    return spaced(fmt) if name in SENTENCEPIECE else train(texts(), vocab_size=340, fmt=fmt)
