"""Follows the checkpoint folder: loads beside the running model, and offers what could be loaded."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path

from model import choice
from model.choice import Choice
from model.manifest import MANIFEST, CheckpointError, folders, read_manifest
from server.imaging import CannotLoad, is_damage
from server.served import Loader, Served
from server.store import Store

logger = logging.getLogger("midstream.server")

POLL_S = 0.25
CLOSE_S = 5.0
"""A store that does not answer is waited for no longer."""
RETRY_S = 30.0
"""Seconds after which a checkpoint is tried again that failed for want of memory, files or the like."""


@dataclass(frozen=True)
class Failure:
    """Why a checkpoint is passed over."""

    name: str
    reason: str
    files: tuple[tuple[str, int, int], ...]
    """Name, size and time of change of its files when it was tried: others are another try."""
    again_at: float
    """Monotonic seconds; infinity when only other files can help."""
    kind: str = "damaged"
    """What is wrong, in a word: damaged, newer, family, sentinels, base, memory, machine, store, gone."""


class Watcher:
    """Serves the newest checkpoint that can be loaded. Whatever is wrong with one is said once, and the model that is
    served stays; it is tried again when its files change, or after a while where the machine was at fault."""

    def __init__(
        self, root: Path, offer: Callable[[Served], None], tell: Callable[[Failure | None], None] = lambda _: None,
        retry_s: float = RETRY_S, loader: Loader | None = None, store: Store | None = None,
    ) -> None:  # fmt: skip
        """`tell` hears when the newest checkpoint cannot be loaded, and with None when that is over. `store`: what
        brings checkpoints into the folder."""
        self._root, self._offer, self._tell, self._retry_s = root, offer, tell, retry_s
        self._store = store
        self.failure: Failure | None = None
        """Of the newest checkpoint, when that could not be loaded."""
        self._failures: dict[str, Failure] = {}
        self._current = self._version = ""
        self._chosen: Choice | None = Choice()
        """None: it cannot be read, and the newest is served."""
        self._unreadable = ""
        self._loader = loader or Loader()
        self.load = self._loader.load
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reload", daemon=True)

    @property
    def trouble(self) -> str:
        """Why the newest checkpoint is not the one that is served; empty: it is, or there is none yet."""
        failure = self.failure
        if failure is None:
            return "" if self._root.is_dir() else f"there is no folder {self._root}"
        return failure.reason if failure.name in failure.reason else f"{failure.name}: {failure.reason}"

    @property
    def kind(self) -> str:
        """What is wrong, in a word; empty: nothing, or there is none yet."""
        return self.failure.kind if self.failure else ""

    def start(self) -> None:
        if not self._root.is_dir():
            logger.warning("there is no folder %s yet", self._root)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._loader.close()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S if self._store else None)

    def _run(self) -> None:
        said = ""
        while not self._closing.wait(POLL_S):
            try:
                self.look()
                said = ""
            except Exception as error:  # of the folder itself: too many open files, a file system that is away
                reason = f"{type(error).__name__}: {error}"
                if reason != said:
                    logger.error("the checkpoints in %s cannot be looked at: %s", self._root, reason)
                said = reason

    def look(self) -> bool:
        """Looks once; true when another model was offered."""
        if self._store:
            self._store.refresh(self._closing, self._failures, self._current)
        self._choose()
        paths = folders(self._root)
        self._failures = {path.name: f for path in paths if (f := self._failures.get(path.name))}
        is_new, failing = self._newest(list(reversed(paths)))
        failure = self._away() or self._failures.get(failing) or self._unchosen()
        if failure != self.failure:
            self.failure = failure
            self._tell(failure)
        return is_new

    def _away(self) -> Failure | None:
        """Why the store's newest checkpoint is not here."""
        if self._store is None or self._store.trouble is None:
            return None
        error = self._store.trouble
        return Failure(self._store.url, str(error), (), inf, error.kind)

    def _unchosen(self) -> Failure | None:
        """Why what a person has chosen is not served."""
        if self._chosen is None:
            return Failure(choice.FILE, self._unreadable, (), inf)
        if not self._chosen.pinned or self._version == self._chosen.pinned:
            return None
        gone = choice.missing(self._root)
        return Failure(self._chosen.pinned, gone, (), inf, "gone") if gone else None

    def _choose(self) -> None:
        """Reads what a person has chosen to be served; another choice may lead to an older checkpoint."""
        try:
            chosen = choice.read(self._root)
        except CheckpointError as error:
            if self._chosen is not None:
                logger.error("%s", error)
            self._unreadable = str(error)
            chosen = None
        if chosen != self._chosen:
            self._chosen, self._current = chosen, ""
            if chosen is not None and (gone := choice.missing(self._root)):
                logger.error("%s", gone)

    def _newest(self, paths: list[Path]) -> tuple[bool, str]:
        """Whether one of the checkpoints, newest first, was offered, and the name of the first that failed before."""
        failing = ""
        for path in paths:
            if path.name == self._current:
                break
            is_new = self._may_try(path) and self._try(path)
            if path.name == self._current:
                return is_new, failing
            failing = failing or (path.name if path.name in self._failures else "")
        return False, failing

    def _may_try(self, path: Path) -> bool:
        """It is finished, and was not tried in vain as it is."""
        failure = self._failures.get(path.name)
        if failure is None:
            return (path / MANIFEST).exists()
        return time.monotonic() >= failure.again_at or failure.files != _files(path)

    def _try(self, path: Path) -> bool:
        """Loads and offers it, unless its model is the one that is served already, or was not trained at all."""
        files = _files(path)
        try:
            manifest = read_manifest(path)
            if self._chosen is not None and not choice.may_serve(manifest, self._chosen):
                return False
            is_new = manifest.is_worth_serving and manifest.model_version != self._version
            loaded = self.load(path) if is_new else None
        except Exception as error:
            self._pass_over(path, files, error)
            return False
        self._failures.pop(path.name, None)
        self._current, self._version = path.name, manifest.model_version
        if loaded is not None:
            self._offer(loaded)
        return loaded is not None

    def _pass_over(self, path: Path, files: tuple[tuple[str, int, int], ...], error: Exception) -> None:
        if self._closing.is_set() or not path.exists():  # it was ended, or pruned, while it was read
            return
        reason = str(error) if isinstance(error, (CheckpointError, CannotLoad)) else f"{type(error).__name__}: {error}"
        before = self._failures.get(path.name)
        again_at = inf if is_damage(error) else time.monotonic() + self._retry_s
        kind = getattr(error, "kind", "damaged" if is_damage(error) else "machine")
        self._failures[path.name] = Failure(path.name, reason, files, again_at, kind)
        if before is None or before.reason != reason:
            logger.error("checkpoint %s is passed over: %s", path.name, reason)


def _files(path: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells one try of a folder from another; empty when it is gone."""
    try:
        return tuple(sorted((f.name, (at := f.stat()).st_size, at.st_mtime_ns) for f in path.iterdir()))
    except OSError:
        return ()
