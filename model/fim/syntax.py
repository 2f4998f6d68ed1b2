"""A named node of a document's syntax tree, or a run of siblings, for cuts that follow the code.

Both are those of AST-FIM (arXiv 2506.00204).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from tree_sitter import Node

from model.grammars import parse

MAX_DEPTH = 64
"""Ancestors that are looked at."""
MAX_RUN = 16
"""Siblings behind a node that are looked at."""


def node_span(
    text: str, language: str, at: int, share: float, kinds: Mapping[str, float] | None = None, run: float = 0.0
) -> tuple[int, int] | None:
    """Character span of a named node that holds character `at`: of the innermost and its ancestors, the one at `share`.

    Between two nodes, and in text that does not parse, the nearest child of the root takes the place.

    `kinds` weighs the nodes by their kind (1 where it does not name one); with `run` in (0, 1), the span goes on over
    that share, rounded up, of the siblings that follow. The root is never chosen. None: no grammar, too large, nothing
    parses, or no node there has a weight.
    """
    made = parse(text, language.lower())
    if made is None:
        return None
    data, tree = made
    byte = at if len(data) == len(text) else len(text[:at].encode())
    root = tree.root_node
    node = _weighed(_chain(root, byte) or _nearest(root, byte), share, kinds or {})
    if node is None:
        return None
    return _characters(data, node.start_byte), _characters(data, _last(node, run).end_byte)


def _weighed(nodes: list[Node], share: float, kinds: Mapping[str, float]) -> Node | None:
    """The node at `share` in [0, 1) of the sum of the weights."""
    weights = [kinds.get(node.type, 1.0) for node in nodes]
    left = share * sum(weights)
    for node, weight in zip(nodes, weights, strict=True):
        if left < weight:
            return node
        left -= weight
    return None


def _last(node: Node, run: float) -> Node:
    """The end of the run that begins at `node`: siblings that parse, MAX_RUN at most."""
    following: list[Node] = []
    sibling = node.next_named_sibling
    while sibling is not None and not sibling.has_error and len(following) < MAX_RUN:
        following.append(sibling)
        sibling = sibling.next_named_sibling
    more = ceil(run * len(following))
    return following[more - 1] if more else node


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


def _nearest(root: Node, byte: int) -> list[Node]:
    """The child of the root that parses and begins or ends nearest to `byte`, as a chain of one."""
    sound = [n for n in root.named_children if not (n.is_error or n.is_missing) and n.end_byte > n.start_byte]
    return sorted(sound, key=lambda n: (max(n.start_byte - byte, byte - n.end_byte), n.start_byte))[:1]


def _characters(data: bytes, byte: int) -> int:
    return len(data[:byte].decode())
