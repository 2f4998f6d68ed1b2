"""What the name of an archive says: that it is one, and of which package and version."""

from __future__ import annotations

import re

TARS = {".tar": "", ".tar.gz": "gz", ".tgz": "gz", ".crate": "gz", ".tar.bz2": "bz2", ".tbz2": "bz2", ".tar.xz": "xz",
        ".txz": "xz"}  # fmt: skip
"""Ending to the compression."""
ZIPS = (".whl", ".zip")
OTHERS = (".egg", ".jar", ".war", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", ".nupkg", ".gem", ".deb", ".rpm", ".apk")
"""Archives that are not read, and are not taken for text either."""

_WHEEL = re.compile(r"(?P<name>[A-Za-z0-9._]+?)-(?P<version>\d[^-]*)(-[^-]+){3,4}\.whl", re.A)
_NAMED = re.compile(r"(?P<name>.+?)[-_]v?(?P<version>\d[\w.+!-]*)", re.A)


def is_archive(name: str) -> bool:
    """Whether a file of this name is an archive, also one that is not read."""
    return is_readable(name) or name.lower().endswith(OTHERS)


def is_readable(name: str) -> bool:
    return name.lower().endswith((*ZIPS, *TARS))


def ending(name: str) -> str:
    """The archive's ending in lower case, with its dot; the longest that fits."""
    lower = name.lower()
    return max((end for end in (*ZIPS, *TARS) if lower.endswith(end)), key=len, default="")


def name_and_version(name: str) -> tuple[str, str]:
    """Of `pkg-1.2-py3-none-any.whl`, `pkg-1.2.tar.gz`, `main.zip`: the version is empty when the name has none."""
    found = _WHEEL.fullmatch(name)
    stem = name[: len(name) - len(ending(name))]
    found = found or _NAMED.fullmatch(stem)
    return (found["name"], found["version"]) if found else (stem or name, "")
