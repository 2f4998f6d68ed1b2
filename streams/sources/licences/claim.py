"""What stands in a file of metadata, as it stands there."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Claim:
    values: list[str] = field(default_factory=list)
    """Of the fields that name licences: names, expressions, `file X` where a text is pointed to."""
    further: list[str] = field(default_factory=list)
    """Of other fields, which hold beside those, also where one of those may be chosen."""
    classifiers: list[str] = field(default_factory=list)
    """Of Python's packages, whole."""
