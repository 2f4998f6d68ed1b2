"""Tokenizers: byte-level BPE and SentencePiece's kind; training, encoding and the bytes behind each id."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from model.fim.format import Format
from model.fim.formats import STARCODER
from model.tokens.encoder import TableEncoder
from model.tokens.letters import BYTE_LETTERS
from model.tokens.recipe import Unknown

log = logging.getLogger("midstream.model")

BLANK = "▁"
"""SentencePiece's letter for a blank."""
_BYTE_OF = {letter: b for b, letter in enumerate(BYTE_LETTERS)}
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SENTINEL = re.compile(r"▁?(<\S+>|\[\S+\])")

DEFAULT_VOCAB = 49_152
"""StarCoder's."""


class Tokenizer:
    """Text to ids and back. Sentinels come from `special` alone: in a text their strings are ordinary characters."""

    def __init__(self, backend: Backend) -> None:
        """Raises ValueError for SentencePiece's kind without a token for a blank: its ids do not spell the text."""
        backend = _sealed(backend)
        backend.encode_special_tokens = True
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._special = {t.content: i for i, t in backend.get_added_tokens_decoder().items() if t.special}
        if self._pieces and BLANK not in backend.get_vocab() and not self._keeps_blanks():
            raise ValueError(f"the tokenizer has no token for {BLANK}, and writes each blank as that letter's bytes")

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Reads a `tokenizer.json`. Raises ValueError when it is none, or one that cannot be used."""
        try:
            backend = Backend.from_str(path.read_text(encoding="utf-8"))
        except OSError:
            raise
        except Exception as error:  # the library raises a bare Exception
            raise ValueError(f"{path} is not a tokenizer.json: {error}") from error
        try:
            return cls(backend)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def save(self, path: Path) -> None:
        path.write_text(self.json, encoding="utf-8")

    @cached_property
    def json(self) -> str:
        """The canonical text: keys sorted, no blanks. Its hash is the tokenizer's."""
        return json.dumps(json.loads(self._backend.to_str()), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of `json`, hex."""
        return sha256(self.json.encode()).hexdigest()

    @cached_property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        return max(self._backend.get_vocab(with_added_tokens=True).values()) + 1

    @property
    def specials(self) -> dict[str, int]:
        return dict(self._special)

    @cached_property
    def first(self) -> str:
        """The sentinel that the file itself puts before every text; empty: none. `encode` leaves it out."""
        names = {i: token for token, i in self._special.items()}
        return names.get(next(iter(self._backend.encode("a", add_special_tokens=True).ids), -1), "")

    def special(self, text: str) -> int:
        """The id of a sentinel. Raises ValueError for one that this tokenizer does not have."""
        try:
            return self._special[text]
        except KeyError:
            raise ValueError(f"the tokenizer has no sentinel {text!r}") from None

    def __reduce__(self) -> tuple[type[Tokenizer], tuple[Backend]]:
        return Tokenizer, (self._backend,)  # without the table, which fills again

    def encode(self, text: str) -> list[int]:
        return self.array(text).tolist()

    def array(self, text: str) -> NDArray[np.int32]:
        """The ids of `text`. Raises UnicodeEncodeError for a lone surrogate."""
        if self._encoder is not None:
            return self._encoder(text)
        return np.array(self._backend.encode(text, add_special_tokens=False).ids, np.int32)

    @cached_property
    def _encoder(self) -> TableEncoder | None:
        try:
            return TableEncoder(self._backend)
        except Unknown as reason:
            log.warning("tokenizer %s: no table of pre-tokens, encoding is slow: %s", self.hash[:12], reason)
            return None

    def decode(self, ids: Sequence[int]) -> str:
        """The text; sentinels appear as their strings, bytes that are not UTF-8 as U+FFFD.

        Of a tokenizer that is `spaced` the blank before the first text is left out.
        """
        names = {i: t for t, i in self._special.items()}
        text = b"".join(names[i].encode() if i in names else self.bytes_of[i] for i in ids).decode(errors="replace")
        return text.removeprefix(" ") if self.spaced else text

    @property
    def spaced(self) -> bool:
        """It puts a space before every text, as SentencePiece does."""
        return self._spaced

    @cached_property
    def _spaced(self) -> bool:
        return self._pieces and "".join(self._backend.encode("a", add_special_tokens=False).tokens).startswith(BLANK)

    @cached_property
    def _pieces(self) -> bool:
        """Tokens are characters, with BLANK for a blank and `<0x0A>` for a byte, not GPT-2's letters for bytes."""
        config = json.loads(self._backend.to_str())
        return bool(config["model"].get("byte_fallback")) and "ByteLevel" not in json.dumps(config["pre_tokenizer"])

    def _keeps_blanks(self) -> bool:
        tokens = self._backend.encode("a a", add_special_tokens=False).tokens
        return b"".join(_piece(token) for token in tokens).strip() == b"a a"

    @cached_property
    def bytes_of(self) -> tuple[bytes, ...]:
        """The bytes that each id stands for; none for a sentinel."""
        spell = _piece if self._pieces else _letters
        table = [b""] * self.vocab_size
        for token, i in self._backend.get_vocab(with_added_tokens=False).items():
            if token not in self._special:
                table[i] = spell(token)
        for i, token in self._backend.get_added_tokens_decoder().items():
            if not token.special:
                table[i] = token.content.encode()
        return tuple(table)


def _letters(token: str) -> bytes:
    return bytes(_BYTE_OF[c] for c in token)


def _piece(token: str) -> bytes:
    byte = _BYTE.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace(BLANK, " ").encode()


def _sealed(backend: Backend) -> Backend:
    """All added tokens that look like sentinels are special, whatever the file says: some seeds' files leave theirs to
    be found in any text."""
    config = json.loads(backend.to_str())
    open_ = [t for t in config["added_tokens"] if not t["special"] and _SENTINEL.fullmatch(t["content"])]
    if not open_:
        return backend
    for token in open_:
        token["special"] = True
    return Backend.from_str(json.dumps(config))


def train(texts: Iterable[str], vocab_size: int = DEFAULT_VOCAB, fmt: Format = STARCODER) -> Tokenizer:
    """Learns merges from `texts`, digits one by one; the format's sentinels are the first ids.

    Deterministic. The vocabulary is smaller than asked for when the texts run out of pairs.
    """
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        show_progress=False,
        special_tokens=[AddedToken(s, special=True, normalized=False) for s in fmt.sentinels],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    backend.train_from_iterator(texts, trainer)
    return Tokenizer(backend)
