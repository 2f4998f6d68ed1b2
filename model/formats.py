"""The FIM formats as data: what a checkpoint was trained on is stored in its manifest, never assumed."""

from __future__ import annotations

from typing import Literal

import msgspec

Infill = Literal["psm", "spm"]


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """Sentinels and rules of one infilling format. `P`, `S`, `M` are prefix, suffix and middle.

    psm: `prefix` P `suffix` S `middle` → M
    spm: `prefix` `suffix` S `middle` P → M
         (variant 2: BigCode, Code Llama, aiXcoder; Codestral's variant 1 would be another format)
    """

    name: str
    prefix: str
    middle: str
    suffix: str
    pad: str
    end: str
    """End of text: the last token of every training sequence."""
    orders: tuple[Infill, ...]
    """Orders that the model was trained on; any other is refused."""
    stops: tuple[str, ...]
    """Tokens that end a middle."""
    joint: bool = True
    """In spm, prefix and middle are tokenised as one string, so no sub-token is split at the cursor."""
    repository: str = ""
    """Comes before a repository's name; empty: the format has none."""
    file: str = ""
    """Comes before a file's path."""
    stars: str = ""
    """Comes before a repository's star bucket."""
    others: tuple[str, ...] = ()
    """Sentinels of other kinds of document: issues, commits, notebooks."""

    @property
    def sentinels(self) -> tuple[str, ...]:
        """All of the format's sentinels, each once, end-of-text first."""
        named = (self.end, self.prefix, self.middle, self.suffix, self.pad, self.file, self.repository, self.stars)
        return tuple(dict.fromkeys(s for s in (*named, *self.stops, *self.others) if s))


STARCODER = Format(
    name="starcoder",
    prefix="<fim_prefix>",
    middle="<fim_middle>",
    suffix="<fim_suffix>",
    pad="<fim_pad>",
    end="<|endoftext|>",
    orders=("psm", "spm"),
    stops=("<|endoftext|>",),
    repository="<reponame>",
    file="<filename>",
    stars="<gh_stars>",
    others=(
        "<issue_start>",
        "<issue_comment>",
        "<issue_closed>",
        "<jupyter_start>",
        "<jupyter_text>",
        "<jupyter_code>",
        "<jupyter_output>",
        "<empty_output>",
        "<commit_before>",
        "<commit_msg>",
        "<commit_after>",
    ),
)

SANTACODER = Format(
    name="santacoder",
    prefix="<fim-prefix>",
    middle="<fim-middle>",
    suffix="<fim-suffix>",
    pad="<fim-pad>",
    end="<|endoftext|>",
    orders=("psm", "spm"),
    stops=("<|endoftext|>",),
    joint=False,
)

QWEN25_CODER = Format(
    name="qwen2.5-coder",
    prefix="<|fim_prefix|>",
    middle="<|fim_middle|>",
    suffix="<|fim_suffix|>",
    pad="<|fim_pad|>",
    end="<|endoftext|>",
    orders=("psm",),
    stops=("<|endoftext|>", "<|fim_pad|>"),
    joint=False,
    repository="<|repo_name|>",
    file="<|file_sep|>",
)

FORMATS: dict[str, Format] = {f.name: f for f in (STARCODER, SANTACODER, QWEN25_CODER)}
