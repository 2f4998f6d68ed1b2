"""Places of a file where something may be put in, as its syntax tree names them: comments, strings, assignments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tree_sitter import Node

from model import grammars

MAX_STRING = 120
"""Bytes of a string that is replaced; longer ones are data."""
_ASSIGNS = ("assign", "declarator", "pair", "keyword_argument", "field_init", "const_spec", "var_spec", "property")
_CLOSING = (b"*/", b"-->", b"--}}", b"-}", b"*)", b"]]", b'"""', b"'''")


@dataclass(frozen=True)
class Place:
    """Bytes [start, end) that are replaced; of a comment nothing is, and what is put in follows it."""

    kind: Literal["comment", "string", "assignment"]
    start: int
    end: int
    name: tuple[int, int] = (0, 0)
    """Of an assignment, the bytes of the name on its left."""


def places(text: str, language: str) -> tuple[bytes, list[Place]] | None:
    """The text in UTF-8 and its places, sorted. None: it is not parsed, or not without an error."""
    made = grammars.parse(text, language)
    if made is None or made[1].root_node.has_error:
        return None
    data, tree = made
    found: list[Place] = []
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        place = _of(node, data)
        if place is None:
            waiting += node.children
        else:
            found.append(place)
    return data, sorted(found, key=lambda place: place.start)


def _of(node: Node, data: bytes) -> Place | None:
    kind = node.type
    if not node.is_named:
        return None
    if "comment" in kind:
        return _behind(node, data)
    if "string" in kind:
        inner = _inner(node, data)
        if inner is not None and b"\n" in data[inner[0] : inner[1]]:
            return _behind(node, data)
        return None if inner is None or inner[1] - inner[0] > MAX_STRING else Place("string", *inner)
    if any(word in kind for word in _ASSIGNS) and len(node.named_children) == 2:
        return _assignment(node, data)
    return None


def _behind(node: Node, data: bytes) -> Place:
    """Behind a comment's words, before what closes it; of a longer one, behind its first line that has words."""
    said = data[node.start_byte : node.end_byte]
    end = len(said.rstrip())
    for closing in _CLOSING:
        if said[:end].endswith(closing) and end > 2 * len(closing):
            end = len(said[: end - len(closing)].rstrip())
            break
    for line_end in (at for at in range(end) if said[at : at + 1] == b"\n"):
        if sum(said[:line_end].count(c) for c in b"aeiou") > 1:
            end = len(said[:line_end].rstrip())
            break
    return Place("comment", node.start_byte + end, node.start_byte + end)


def _inner(node: Node, data: bytes) -> tuple[int, int] | None:
    """What stands between the quotes of a string that has nothing else in it; None: it is none such."""
    parts = [child for child in node.named_children if "start" not in child.type and "end" not in child.type]
    if len(parts) > 1 or any("content" not in part.type and "fragment" not in part.type for part in parts):
        return None
    if parts:
        return parts[0].start_byte, parts[0].end_byte
    quoted = data[node.start_byte : node.end_byte]
    if len(quoted) < 3 or quoted[:1] not in (b'"', b"'", b"`") or quoted[:1] != quoted[-1:]:
        return None
    return node.start_byte + 1, node.end_byte - 1


def _assignment(node: Node, data: bytes) -> Place | None:
    left, right = node.named_children
    left = left.named_children[0] if len(left.named_children) == 1 else left  # C's `*name`
    inner = _inner(right, data) if "string" in right.type else None
    named = data[left.start_byte : left.end_byte]
    if inner is None or inner[1] - inner[0] > MAX_STRING or b"\n" in data[inner[0] : inner[1]]:
        return None
    return (
        Place("assignment", *inner, (left.start_byte, left.end_byte))
        if named.decode("utf-8", "replace").isidentifier()
        else None
    )
