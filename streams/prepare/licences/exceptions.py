"""SPDX's exceptions: what may follow WITH. Each allows more than the licence does, and none takes a right back."""

from pathlib import Path

EXCEPTIONS = frozenset(Path(__file__).with_name("exceptions.txt").read_text("utf-8").split())
"""Their identifiers in lower case."""
