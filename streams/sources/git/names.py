"""Names of repositories that have no remote: two folders of one name are two repositories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from streams import statefile

if TYPE_CHECKING:
    from streams.sources.git.history import History


class RepositoryNames:
    """Which folder has which local name; kept in a file, so that a name once given stays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._taken = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):
            self._taken: dict[str, str] = {}

    def of(self, path: Path, history: History) -> str:
        """Empty when the repository's own name will do; else that name with a number behind it."""
        own = history.own_name()
        if own is None:
            return ""
        place = str(history.git.path_of("--git-common-dir"))
        number, name = 1, own
        while self._taken.setdefault(name, place) != place:
            number += 1
            name = f"{own}-{number}"
        statefile.write(self._path, msgspec.json.encode(self._taken))
        return "" if name == own else name
