"""One named node of a document's syntax tree, for cuts that follow the code (AST-FIM, arXiv 2506.00204)."""

from __future__ import annotations

from functools import lru_cache

from tree_sitter import Node, Parser
from tree_sitter_language_pack import get_parser

MAX_BYTES = 256 * 1024
"""Larger texts are not parsed."""
MAX_DEPTH = 64
"""Ancestors that are looked at."""

ALIASES = {
    "c#": "csharp",
    "c++": "cpp",
    "emacs lisp": "elisp",
    "f#": "fsharp",
    "jupyter notebook": "python",
    "objective-c": "objc",
    "protocol buffer": "proto",
    "shell": "bash",
    "vim script": "vim",
}
"""Names of languages that differ from those of their grammars."""


@lru_cache(maxsize=64)
def _parser(language: str) -> Parser | None:
    try:
        return get_parser(ALIASES.get(language, language))  # pyright: ignore[reportArgumentType]
    except LookupError:
        return None


def node_span(text: str, language: str, at: int, share: float) -> tuple[int, int] | None:
    """Character span of a named node that holds character `at`: of the innermost and its ancestors, the one at `share`.

    The root is never chosen. None: no grammar, too large, or the place does not parse.
    """
    parser = _parser(language.lower())
    if parser is None or len(text) > MAX_BYTES:
        return None
    data = text.encode()
    if len(data) > MAX_BYTES:
        return None
    byte = at if len(data) == len(text) else len(text[:at].encode())
    nodes = _chain(parser.parse(data).root_node, byte)
    if not nodes:
        return None
    node = nodes[int(share * len(nodes))]
    return _characters(data, node.start_byte), _characters(data, node.end_byte)


def _chain(root: Node, byte: int) -> list[Node]:
    """Named nodes around `byte`, innermost first, below the root; empty when one of them is an error."""
    node = root.named_descendant_for_byte_range(byte, byte)
    nodes: list[Node] = []
    while node is not None and node.parent is not None and len(nodes) < MAX_DEPTH:
        if node.is_error or node.is_missing:
            return []
        if node.is_named and node.end_byte > node.start_byte:
            nodes.append(node)
        node = node.parent
    return nodes


def _characters(data: bytes, byte: int) -> int:
    return len(data[:byte].decode())
