"""The prompt: budgeted in tokens before the sentinels are put around it, and stable while the user types.

Cuts move in strides, not with every key: a prompt whose beginning slides would never meet its cache again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.fim import fim
from model.fim.format import Format
from model.fim.segment import Mark
from model.tokens.tokenizer import Tokenizer
from server.engine.closers import taken_out
from server.engine.scopes import comment_of, language_of
from server.request import Extra

PREFIX_SHARE = 0.75
"""Of the room for user text, when both sides have more than enough."""
MAX_CHARACTERS = 8
"""A token is taken for at most this many characters; text further away is not even tokenised."""
MAX_HEALED = 4
"""Tokens that are taken back at the cursor at most."""


@dataclass(frozen=True)
class Prompt:
    """Token ids to feed, at least one."""

    ids: list[int]
    healed: bytes = b""
    """Bytes at the prefix's end that were taken back, so that a token may span the cursor: they come again."""
    closers: str = ""
    """What was taken out of the suffix's beginning, and belongs behind what is generated."""


def order_for(fmt: Format) -> str:
    """spm when it was trained (typing then appends at the prompt's end), else psm, else left to right."""
    return next((order for order in ("spm", "psm") if order in fmt.orders), "plain")


def build(
    fmt: Format, tokenizer: Tokenizer, path: str, prefix: str, suffix: str, room: int, extra: Sequence[Extra] = ()
) -> Prompt:
    """The prompt of at most `room` tokens, in the order that `order_for` prefers, other files before it.

    Raises ValueError when the room does not even hold the sentinels and the path.
    """
    order, head = order_for(fmt), fim.file_head(path, fmt=fmt)
    if extra:
        files = _files(fmt, tokenizer, path, extra, (room - len(fim.encode(tokenizer, head)) - 5) // 2)
        head = [*files, *(head or [Mark(fmt.file)])] if fmt.context and files else [*head, *files]
    free = room - len(fim.encode(tokenizer, head)) - 4
    if free < 1:
        raise ValueError(f"a context of {room} tokens has no room for the path and the sentinels")
    if order == "plain":
        return _healed(tokenizer, fmt, fim.opening(fmt, head, (_tail(tokenizer, prefix, free),)))
    closers = ""
    if order == "spm":
        closers, suffix = taken_out(prefix, suffix, comment_of(language_of(path, "")))
    prefix = _tail(
        tokenizer, prefix, max(1, int(free * PREFIX_SHARE), free - len(tokenizer.encode(suffix[: free * 8])))
    )
    used = len(tokenizer.encode(prefix))
    stride = max(1, free // 8)
    suffix = _beginning(tokenizer, suffix, max(0, free - -(-used // stride) * stride))
    parts = fim.prompt(fmt, order, head, prefix, suffix)
    if order == "spm" and fmt.joint:
        return _healed(tokenizer, fmt, parts, closers)
    return Prompt(fim.encode(tokenizer, parts), closers=closers)


def _files(fmt: Format, tokenizer: Tokenizer, path: str, extra: Sequence[Extra], room: int) -> list[str]:
    """What of the other files fits `room` tokens, the last of them first of all: as the format's repository context, or
    else as comments of the file at `path`."""
    leader = comment_of(language_of(path, "")) or "#"
    parts = list[str]()
    for one in reversed(extra):
        head, text = _in_repository(fmt, one) if fmt.context else ([], _comments(leader, one))
        free = room - len(fim.encode(tokenizer, head))
        fitting = _beginning(tokenizer, text, free) if free > 0 else ""
        if fitting.endswith("\n") and fitting.strip():
            parts = [*head, fitting, *parts]
            room = free - len(tokenizer.encode(fitting))
        if fitting != text:
            break
    return parts


def _in_repository(fmt: Format, one: Extra) -> tuple[list[str], str]:
    return fim.file_head(one.path, fmt=fmt) or [Mark(fmt.file)], one.text.rstrip("\n") + "\n"


def _comments(leader: str, one: Extra) -> str:
    """A line each, without the empty ones."""
    lines = (" ".join(one.path.split()), *one.text.splitlines())
    return "".join(f"{leader} {line}".rstrip() + "\n" for line in lines if line.strip())


def _healed(tokenizer: Tokenizer, fmt: Format, parts: list[str], closers: str = "") -> Prompt:
    """Takes the last token of text back, or all of the word that it is in: trained jointly, the model has seen no
    token that ends at a cursor. The first token stays, since there is nothing to begin with but what ends a text."""
    ids = fim.encode(tokenizer, parts) or [tokenizer.special(fmt.end)]
    healed = b""
    for _ in range(min(MAX_HEALED, len(ids) - 1)):
        last = tokenizer.bytes_of[ids[-1]] if ids else b""
        if not last or (healed and not (_letter(last[-1]) and _letter(healed[0]))):
            break
        healed = last + healed
        ids.pop()
    return Prompt(ids, healed, closers)


def _letter(byte: int) -> bool:
    """Of a word, as far as one byte tells: letters are what the pre-tokenizer keeps together."""
    return byte >= 0x80 or chr(byte).isalpha()


def _tail(tokenizer: Tokenizer, text: str, room: int) -> str:
    """The end of `text` that fits `room` tokens, from a line's start where one is near."""
    start = _stride_start(text, len(text) - room * MAX_CHARACTERS, room)
    while True:
        ids = tokenizer.encode(text[start:])
        if len(ids) <= room:
            return text[start:]
        excess = sum(len(tokenizer.bytes_of[i]) for i in ids[: len(ids) - room])
        skipped = len(text[start:].encode()[:excess].decode(errors="ignore"))
        start = max(start + 1, _stride_start(text, start + max(1, skipped), room))


def _stride_start(text: str, least: int, room: int) -> int:
    """The first line start behind a multiple of the stride that is at or after `least`; else the multiple itself."""
    if least <= 0:
        return 0
    stride = max(16, room // 2)
    at = -(-least // stride) * stride
    if at >= len(text):
        return least
    line = text.find("\n", at - 1, at + stride) + 1
    return line if 0 < line < len(text) else at


def _beginning(tokenizer: Tokenizer, text: str, room: int) -> str:
    """The beginning of `text` that fits `room` tokens, to a line's end where there is one."""
    text = text[: room * MAX_CHARACTERS]
    ids = tokenizer.encode(text)
    if len(ids) <= room:
        return text
    tail = b"".join(tokenizer.bytes_of[i] for i in ids[:room]).decode(errors="ignore")
    line = tail.rfind("\n") + 1
    return tail[:line] if line else tail
