"""What a licence expression allows: SPDX expressions sorted into permissive, copyleft, proprietary and unknown."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

from license_expression import Licensing

from streams.prepare.licences.exceptions import EXCEPTIONS
from streams.prepare.licences.lists import COPYLEFT, PERMISSIVE, PROPRIETARY

Class = Literal["permissive", "copyleft", "proprietary", "unknown"]

MAX_CHARS = 1_000
"""Of an expression: the longest in use have a few dozen names."""
BEST: tuple[Class, ...] = ("permissive", "unknown", "copyleft", "proprietary")
"""Of `A OR B` the reader may choose: the first of these that there is."""
STRICTEST: tuple[Class, ...] = ("proprietary", "copyleft", "unknown", "permissive")
"""Of `A AND B` all sides count: the first of these that there is."""
POLICIES: dict[str, tuple[Class, ...]] = {
    "permissive": ("permissive",),
    "no-copyleft": ("permissive", "unknown"),
    "any": ("permissive", "unknown", "copyleft", "proprietary"),
}
"""By a policy's name, the classes that are kept. `permissive`: only what is known to be. `no-copyleft`: also what is
not known; what must be given on under the same terms, and what keeps rights back, is dropped."""
_SUFFIX = re.compile(r"(\+|-only|-or-later)$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*")
_licensing: Any = Licensing()


def classify(expression: str) -> Class:
    """The class of an SPDX expression (annex D: parentheses, WITH before AND before OR).

    What is not recognised is unknown, and so is what has more than MAX_CHARS. Of what is no expression the strictest
    name in it counts, and it is never permissive.
    """
    return "unknown" if len(expression) > MAX_CHARS or not expression.strip() else _classify(expression)


@lru_cache(maxsize=4096)
def _classify(expression: str) -> Class:
    tree = parse(expression)
    if tree is None:
        classes = {_one(name) for name in _NAME.findall(expression)}
        return next(c for c in STRICTEST if c in {*classes, "unknown"})
    return _class(tree)


def parse(expression: str) -> Any | None:
    """The expression as a tree of license_expression's; None when it is none. `/` is an OR, `,` an AND: old npm and
    Cargo metadata write them."""
    expression = " ".join(expression.replace("/", " OR ").replace(",", " AND ").split())
    try:
        return _licensing.parse(expression, validate=False, strict=False, simple=True)
    except Exception:  # of `()` the library raises IndexError, and of other forms what its parser stumbles upon
        return None


def _class(tree: Any) -> Class:
    kind = type(tree).__name__
    if kind in ("AND", "OR"):
        classes = {_class(side) for side in tree.args}
        return next(c for c in (STRICTEST if kind == "AND" else BEST) if c in classes)
    base = getattr(tree, "license_symbol", tree)
    known = _one(str(base.key))
    exception = getattr(tree, "exception_symbol", None)
    if exception is not None and known == "permissive" and str(exception.key).lower() not in EXCEPTIONS:
        return "unknown"  # Commons-Clause is none, nor is No-Commercial-exception: they take rights back
    return known  # an exception allows more, and leaves the licence what it is


def _one(identifier: str) -> Class:
    name = identifier.strip().lower()
    if name in PERMISSIVE or _SUFFIX.sub("", name) in PERMISSIVE:
        return "permissive"
    if COPYLEFT.match(name):
        return "copyleft"
    return "proprietary" if PROPRIETARY.match(name) else "unknown"
