"""Greedy completions of a line, by the server's own engine: its prompt, its healing, its stop at the line's end."""

from __future__ import annotations

from common.freshness.sizes import Sizes
from model.decoder.decoder import Decoder
from model.decoder.runner import Runner
from model.fim.formats import STARCODER
from model.manifest import Manifest
from model.tokens.tokenizer import Tokenizer
from server.engine.engine import answer
from server.heal import Spellings
from server.request import Request
from server.served import Served

TOKENS = 32
"""Of a line's rest at most."""


class Completer:
    """Completes with the weights that a decoder has now."""

    def __init__(self, tokenizer: Tokenizer, sizes: Sizes) -> None:
        self._tokenizer, self._sizes = tokenizer, sizes
        self._spellings = Spellings(tokenizer.bytes_of)

    def served(self, model: Decoder) -> Served:
        manifest = Manifest(
            step=0, tokens=1, text_bytes=1, model=model.spec, format=STARCODER, tokenizer=self._tokenizer.hash,
            bits_per_byte=None,
        )  # fmt: skip
        return Served(Runner(model), manifest, self._tokenizer, self._spellings)

    def line(self, served: Served, path: str, prefix: str, suffix: str) -> str:
        """The rest of the line that `prefix` ends in. Raises what the request fails with."""
        request = Request(prefix=prefix, suffix=suffix, path=path, max_tokens=TOKENS, single_line=True)
        return answer(served, request)
