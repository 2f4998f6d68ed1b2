"""What a file's syntax tree holds: comments, strings, functions, imports, and whether it parses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from tree_sitter import Node, Query, QueryCursor
from tree_sitter_language_pack import get_language

from model import grammars
from model.languages import grammar

ROLES: Mapping[str, str] = {
    "comment": "comment line_comment block_comment html_comment doc_comment multiline_comment",
    "string": "string string_literal raw_string_literal interpreted_string_literal verbatim_string_literal "
    "interpolated_string_expression template_string char_literal character_literal concatenated_string heredoc_body",
    "function": "function_definition function_declaration method_declaration method_definition function_item "
    "local_function_statement constructor_declaration generator_function_declaration method singleton_method",
    "class": "class_definition class_declaration class_specifier struct_specifier struct_item interface_declaration "
    "struct_declaration enum_declaration type_declaration class",
    "import": "import_statement import_from_statement future_import_statement import_declaration preproc_include "
    "using_directive using_declaration use_declaration",
    "variable": "assignment variable_declarator init_declarator short_var_declaration var_spec const_spec "
    "assignment_expression augmented_assignment let_declaration augmented_assignment_expression assignment_statement",
    "return": "return_statement return_expression return",
}
"""Kinds of nodes, in the words of every grammar; a grammar has some of them."""
_PLAIN = (
    "identifier", "integer", "float", "number", "true", "false", "none", "null", "nil", "undefined", "this", "self",
    "string", "integer_literal", "int_literal", "float_literal", "number_literal", "string_literal", "char_literal",
    "boolean_literal", "null_literal", "decimal_integer_literal", "decimal_floating_point_literal", "real_literal",
    "interpreted_string_literal", "raw_string_literal", "character_literal",
)  # fmt: skip
"""Of a value that nothing was computed for."""


_COMMENTS = frozenset(ROLES["comment"].split())
_STATEMENTS = frozenset(("expression_statement", "module", "block"))
"""Where a string that stands alone is a statement."""


class Syntax:
    """Of a text that was parsed; counts of nodes, spans in bytes."""

    def __init__(self, data: bytes, root: Node, found: Mapping[str, list[Node]]) -> None:
        self.size = len(data)
        self._data = data
        self._root = root
        self._found = found

    @property
    def broken(self) -> bool:
        """Whether the grammar found an error."""
        return self._root.has_error

    def count(self, role: str, test: Callable[[Node], bool] = lambda node: True) -> int:
        return sum(map(test, self._found.get(role, ())))

    @property
    def count_top(self) -> int:
        """Nodes right below the root, comments left out."""
        return sum(child.type not in _COMMENTS for child in self._root.named_children)

    def names(self, role: str) -> Iterator[str]:
        """What functions, classes or variables are called, where their nodes say it."""
        for node in self._found.get(role, ()):
            named = node.child_by_field_name("name") or node.child_by_field_name("left")
            if named is not None and named.named_child_count == 0:
                yield self._data[named.start_byte : named.end_byte].decode("utf-8", "replace")

    def spans(self, role: str) -> list[tuple[int, int]]:
        """Where nodes of the role stand, those inside of another left out, in their order."""
        spans: list[tuple[int, int]] = []
        for node in sorted(self._found.get(role, ()), key=lambda node: (node.start_byte, -node.end_byte)):
            if not spans or node.start_byte >= spans[-1][1]:
                spans.append((node.start_byte, node.end_byte))
        return spans

    def texts(self, role: str) -> Iterator[str]:
        for start, end in self.spans(role):
            yield self._data[start:end].decode("utf-8", "replace")

    def share(self, role: str) -> float:
        """Of all bytes, those in nodes of the role."""
        return sum(end - start for start, end in self.spans(role)) / max(1, self.size)

    @property
    def docstrings(self) -> float:
        """Of all bytes, those in strings that are statements by themselves (Python)."""
        inside = [n for n in self._found.get("string", ()) if n.parent and n.parent.type in _STATEMENTS]
        return sum(node.end_byte - node.start_byte for node in inside) / max(1, self.size)


def plain_value(node: Node) -> bool:
    """Whether what is assigned or returned is a name or a literal, or nothing."""
    last = node.named_children[-1] if node.named_children else None
    while last is not None and last.type in ("expression_list", "parenthesized_expression") and last.named_child_count:
        last = last.named_children[-1]
    return last is None or last.type in _PLAIN


def returns_at_once(node: Node) -> bool:
    """Whether a function's body is one return statement."""
    body = node.child_by_field_name("body")
    if body is None:
        return False
    inside = [child for child in body.named_children if child.type not in _COMMENTS]
    return len(inside) == 1 and inside[0].type in ROLES["return"].split()


def parse(text: str, language: str) -> Syntax | None:
    """None: there is no grammar that is safe, or the text is too large or too deep."""
    made = grammars.parse(text, language)
    if made is None:
        return None
    data, tree = made
    query = _query(language)
    return Syntax(data, tree.root_node, QueryCursor(query).captures(tree.root_node) if query else {})


@lru_cache(maxsize=64)
def _query(name: str) -> Query | None:
    """Of the roles' nodes that the language has."""
    language = get_language(grammar(name) or name)  # pyright: ignore[reportArgumentType]
    lines = [
        f"({kind}) @{role}"
        for role, kinds in ROLES.items()
        for kind in kinds.split()
        if language.id_for_node_kind(kind, True) is not None
    ]
    return Query(language, "\n".join(lines)) if lines else None
