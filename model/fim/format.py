"""One FIM format as data: its sentinels, and the rules by which a sequence is made of them."""

from __future__ import annotations

from typing import Literal

import msgspec

Infill = Literal["psm", "spm"]


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """Sentinels and rules of one infilling format. `P`, `S`, `M` are prefix, suffix and middle.

    An order's layout names them, and the fields of this struct whose sentinels stand between them; its last name is
    what ends the sequence. Manifests hold this struct: a new field needs a default that keeps what was trained.
    """

    name: str
    prefix: str
    middle: str
    suffix: str
    pad: str
    end: str
    """End of text: the last token of every sequence that is not cut, and of a cut one whose layout says so."""
    orders: tuple[Infill, ...]
    """Orders that the model was trained on; any other is refused."""
    stops: tuple[str, ...]
    """Tokens that end a middle."""
    joint: bool = True
    """Where a middle follows its prefix, both are tokenised as one string: no sub-token is split at the cursor."""
    repository: str = ""
    """Comes before a repository's name; empty: the format has none."""
    file: str = ""
    """Comes before a file's path."""
    stars: str = ""
    """Comes before a repository's star bucket."""
    others: tuple[str, ...] = ()
    """Sentinels of other kinds of document: issues, commits, notebooks."""
    psm: tuple[str, ...] = ("prefix", "P", "suffix", "S", "middle", "M", "end")
    spm: tuple[str, ...] = ("prefix", "suffix", "S", "middle", "P", "M", "end")
    """Variant 2 (BigCode, Code Llama, aiXcoder). Codestral's variant 1 has the suffix's sentinel first."""
    begin: str = ""
    """First token of every sequence; empty: none."""
    close: str = ""
    """Ends a middle, where that is not end-of-text."""
    between: str = ""
    """One more sentinel that a layout names."""
    span: str = ""
    """Sentinel of the n-th of several spans, `{}` being n from 0; empty: one span only."""
    spans: int = 1
    """Spans that a sequence may have at most."""
    bare: tuple[str, ...] = ()
    """Pieces that are encoded without the space that a SentencePiece tokenizer puts before every text."""
    head: Literal["inside", "path", "outside"] = "inside"
    """What of a file's head is permuted with its prefix: all, the path after its sentinel, or nothing."""
    repository_end: str = ""
    """Text after a repository's name."""
    attributes: tuple[str, ...] = ()
    """InCoder's metadata, as text: attributes of a pseudo-tag before the file."""
    comment: bool = False
    """aiXcoder's metadata, as text: path and language in two comments before the file."""
    refusal: str = ""
    """Why an order is not among `orders`."""
    context: bool = False
    """Several files of a repository may follow each other in one sequence, each behind its sentinel."""

    @property
    def sentinels(self) -> tuple[str, ...]:
        """All of the format's sentinels, each once, end-of-text first."""
        named = (self.end, self.prefix, self.middle, self.suffix, self.pad, self.file, self.repository, self.stars)
        more = (self.begin, self.close, self.between, *(self.mask(n) for n in range(self.spans + 1)))
        return tuple(dict.fromkeys(s for s in (*named, *self.stops, *self.others, *more) if s))

    def mask(self, n: int) -> str:
        """The sentinel of span `n`; empty for a format of one span."""
        return self.span.format(n)

    def layout(self, order: str) -> tuple[str, ...]:
        """The layout of a trained order. Raises ValueError, with the reason, for any other."""
        if order in self.orders:
            return self.psm if order == "psm" else self.spm
        trained = ", ".join(self.orders) or "none"
        reason = f": {self.refusal}" if self.refusal else ""
        raise ValueError(f"the format {self.name} was trained on the orders {trained}, not on {order}{reason}")
