"""Follows the checkpoint folder: loads beside the running model, and offers what could be loaded."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from model.manifest import CheckpointError, folders
from server import served
from server.served import Served

logger = logging.getLogger("midstream.server")

POLL_S = 0.25


class Watcher:
    """Loads the newest checkpoint that it has not tried; one that fails is reported once and passed over."""

    def __init__(self, root: Path, offer: Callable[[Served], None]) -> None:
        self._root, self._offer = root, offer
        self._failed: set[str] = set()
        self._current = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reload", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(POLL_S):
            self.look()

    def look(self) -> bool:
        """Looks once; true when another model was offered."""
        for path in reversed(folders(self._root)):
            if path.name == self._current:
                return False
            if path.name not in self._failed and self._load(path):
                return True
        return False

    def _load(self, path: Path) -> bool:
        try:
            loaded = served.load(path)
        except (CheckpointError, ValueError, OSError) as error:
            self._failed.add(path.name)
            if path.exists():  # else it was pruned while it was read
                logger.error("checkpoint passed over: %s", error)
            return False
        self._current = path.name
        self._offer(loaded)
        return True
