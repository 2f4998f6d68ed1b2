"""Whole licence texts of the test environment's packages, by what these say they are."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata

PACKAGES = {
    "MIT": "pytest", "Apache-2.0": "safetensors", "BSD-3-Clause": "semver", "BSD-2-Clause": "xxhash",
    "MPL-2.0": "hypothesis",
}  # fmt: skip


@cache
def licence(spdx: str) -> str:
    files = [f for f in metadata.files(PACKAGES[spdx]) or () if re.search(r"(?i)licen[cs]e[^/]*$", str(f))]
    return max((f.locate().read_text(encoding="utf-8") for f in files), key=len)  # type: ignore[union-attr]
