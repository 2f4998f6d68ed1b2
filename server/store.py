"""A folder of checkpoints in an object store: what of it is to be served is copied into a folder of this machine, each
file held against its sum, and the watcher follows that."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Collection
from functools import cached_property
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any

from model import choice
from model.low_rank import base_name
from model.manifest import (
    FEED,
    FROZEN,
    MANIFEST,
    OPTIMIZER,
    TRAINED,
    CheckpointError,
    Manifest,
    age,
    check_file,
    read_manifest,
)
from server.imaging import CannotLoad

logger = logging.getLogger("midstream.server")

POLL_S = 5.0
"""Between two looks: each is a request or more, which stores charge for."""
OF_TRAINING = frozenset((OPTIMIZER, FEED, TRAINED, FROZEN))
"""Files that a server does not need."""
MANIFEST_BYTES = 16 << 20
INCOMING = ".incoming-"
AGAIN_S = 60.0
"""After which what cannot be used is tried again where a store does not say when a file was written."""
STALE_S = 86_400.0
"""After which what a server that was killed has left is removed."""
_USER = re.compile(r"//[^@/]*@")
Trouble = CannotLoad | CheckpointError
Files = dict[str, tuple[str, int | None]]
"""By name: what tells one writing of a file from another, and its bytes where the store says them."""


class StoreError(Exception):
    """The store cannot be used at all; the message says what to do."""


class Away(CannotLoad):
    """The store does not answer, or not as it should."""

    kind = "store"


class Closed(Exception):
    """The server ends."""


def shown(url: str) -> str:
    """Without a name and password."""
    return _USER.sub("//", url)


def refuse_unknown(url: str) -> None:
    """Raises StoreError where no library is there for it."""
    import fsspec

    scheme = url.partition("://")[0]
    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        raise StoreError(f"{shown(url)}: {error}") from error
    except ValueError as error:
        raise StoreError(f"no store is known as {scheme}://") from error


def opened(url: str) -> tuple[Any, str]:
    """fsspec's file system, and the folder's path in it. Raises StoreError, and what the store's library does."""
    import fsspec

    refuse_unknown(url)
    return fsspec.core.url_to_fs(url)


class Place:
    """A folder in a store. A library may connect at once, and a store be away: it is asked when it is used."""

    def __init__(self, url: str) -> None:
        """Raises StoreError."""
        refuse_unknown(url)
        self._url = url

    @property
    def fs(self) -> Any:
        """fsspec's file system. Raises what the store's library does, as `root`."""
        return self._opened[0]

    @property
    def root(self) -> str:
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        return opened(self._url)


class Store:
    """`refresh` brings the newest checkpoint that may be served into `folder`; what cannot be used is named once."""

    def __init__(self, url: str, folder: Path) -> None:
        """Raises StoreError."""
        self.url = shown(url)
        self._place = Place(url)
        self.trouble: Trouble | None = None
        """Why the newest checkpoint of the store is not here; None: it is."""
        self._folder = folder
        self._next = 0.0
        self._bad: dict[str, tuple[Files, CheckpointError, float]] = {}
        """With the time until which they are not tried again as they are."""
        self._manifests: dict[str, tuple[str, Manifest]] = {}
        """By name, with what tells their files' writings apart."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.glob(f"{INCOMING}*"):
            if time.time() - path.stat().st_mtime > STALE_S:
                shutil.rmtree(path, ignore_errors=True)

    def refresh(self, closing: threading.Event, failed: Collection[str] = (), current: str = "") -> None:
        """Looks, unless it did a moment ago. `failed`: checkpoints that are here and cannot be served, an older one is
        brought, too; `current`: the one that is, which stays."""
        if time.monotonic() < self._next:
            return
        try:
            found = self._follow(closing, failed, current)
        except Closed:
            return
        except Exception as error:  # of any store's library
            known = isinstance(error, (CannotLoad, CheckpointError))
            found = error if known else Away(f"{type(error).__name__}: {shown(str(error))}")
        self._next = time.monotonic() + POLL_S
        if str(found) != str(self.trouble) and found is not None:
            logger.error("%s: %s", self.url, found)
        self.trouble = found

    def _follow(self, closing: threading.Event, failed: Collection[str], current: str) -> Trouble | None:
        """Why the newest one is passed over, where it is. Raises what the store's library does."""
        listed = self._listed("")
        self._take_choice(listed)
        trouble: Trouble | None = None
        chosen = choice.read(self._folder)
        names = sorted((name for name in listed if age(name)), key=lambda name: age(name) or (), reverse=True)
        self._bad = {name: bad for name, bad in self._bad.items() if name in listed}
        self._manifests = {name: read for name, read in self._manifests.items() if name in listed}
        taken = {current}
        for name in names:
            try:
                if self._take(name, chosen, closing):
                    taken.add(name)
                    if name not in failed:
                        break
            except (CheckpointError, CannotLoad) as error:
                trouble = trouble or error
        self._prune(taken)
        return trouble

    def _take(self, name: str, chosen: choice.Choice, closing: threading.Event) -> bool:
        """Whether this checkpoint is to be served, and is here. Raises CheckpointError."""
        files = self._listed(name)
        if MANIFEST not in files:
            return False
        if name in self._bad and self._bad[name][0] == files and time.monotonic() < self._bad[name][2]:
            raise self._bad[name][1]
        try:
            manifest = self._manifest(name, files[MANIFEST][0])
            if not choice.may_serve(manifest, chosen) or not manifest.is_worth_serving:
                return False
            if manifest.base is not None and age(manifest.base.folder):
                base = self._listed(manifest.base.folder)
                if MANIFEST in base:
                    its = self._manifest(manifest.base.folder, base[MANIFEST][0])
                    self._bring(manifest.base.folder, its, base, closing)
            self._bring(name, manifest, files, closing)
        except CheckpointError as error:
            is_told = any(written for written, _ in files.values())
            self._bad[name] = files, error, inf if is_told else time.monotonic() + AGAIN_S
            raise
        return True

    def _bring(self, name: str, manifest: Manifest, files: Files, closing: threading.Event) -> None:
        """Copies it, unless it is here. Raises CheckpointError, CannotLoad and Closed."""
        if self._is_here(name, manifest):
            return
        wanted = [file for file in manifest.sha256 if file not in OF_TRAINING]
        if odd := [file for file in wanted if "/" in file or file.startswith(".")]:
            raise CheckpointError(f"{name}: {odd[0]!r} is no name of a file")
        if missing := [file for file in wanted if file not in files]:
            raise CheckpointError(f"{name} lacks {missing[0]}")
        size, free = sum(files[file][1] or 0 for file in wanted), shutil.disk_usage(self._folder).free
        if size > free:
            raise CannotLoad(f"{name} has {size / 1e6:,.1f} MB, and {self._folder} has room for {free / 1e6:,.1f}")
        logger.info("%s: bringing %s, %.1f MB", self.url, name, size / 1e6)
        with tempfile.TemporaryDirectory(prefix=INCOMING, dir=self._folder) as folder:
            incoming = Path(folder) / name
            incoming.mkdir()
            for file in wanted:
                self._get(f"{name}/{file}", incoming / file, closing)
                check_file(incoming, manifest, file)
            self._get(f"{name}/{MANIFEST}", incoming / MANIFEST, closing, MANIFEST_BYTES)
            if read_manifest(incoming) != manifest:
                raise Away(f"{name} was written while it was read")
            shutil.rmtree(self._folder / name, ignore_errors=True)
            incoming.rename(self._folder / name)

    def _is_here(self, name: str, manifest: Manifest) -> bool:
        try:
            return read_manifest(self._folder / name) == manifest
        except CheckpointError:
            return False

    def _manifest(self, name: str, written: str) -> Manifest:
        """Raises CheckpointError."""
        if written and name in self._manifests and self._manifests[name][0] == written:
            return self._manifests[name][1]
        with tempfile.TemporaryDirectory(prefix=INCOMING, dir=self._folder) as folder:
            path = Path(folder) / name
            path.mkdir()
            self._get(f"{name}/{MANIFEST}", path / MANIFEST, threading.Event(), MANIFEST_BYTES)
            manifest = read_manifest(path)
        self._manifests[name] = written, manifest
        return manifest

    def _get(self, source: str, to: Path, closing: threading.Event, most: int | None = None) -> None:
        """`most`: bytes. Raises CheckpointError where there are more, Closed, and what the store's library does."""
        from fsspec.callbacks import Callback

        class Watch(Callback):
            def relative_update(self, inc: int = 1) -> None:
                super().relative_update(inc)
                if closing.is_set():
                    raise Closed
                if most is not None and self.value > most:
                    raise CheckpointError(f"{source} has more than {most >> 20} MiB")

        self._place.fs.get_file(f"{self._place.root}/{source}", str(to), callback=Watch())
        if closing.is_set():
            raise Closed
        if most is not None and to.stat().st_size > most:
            raise CheckpointError(f"{source} has more than {most >> 20} MiB")

    def _listed(self, name: str) -> Files:
        """What the folder holds; empty where it is not there."""
        self._place.fs.invalidate_cache()
        try:
            found = self._place.fs.ls(f"{self._place.root}/{name}".rstrip("/"), detail=True)
        except FileNotFoundError:
            if not name:
                raise Away("there is no such folder") from None
            return {}
        return {PurePosixPath(str(one["name"]).rstrip("/")).name: (_written(one), one.get("size")) for one in found}

    def _take_choice(self, listed: Files) -> None:
        """What a person has chosen to be served."""
        path = self._folder / choice.FILE
        if choice.FILE not in listed:
            path.unlink(missing_ok=True)
            return
        unfinished = path.with_name(f".{path.name}.unfinished")
        self._get(choice.FILE, unfinished, threading.Event(), MANIFEST_BYTES)
        unfinished.replace(path)

    def _prune(self, taken: Collection[str]) -> None:
        """All but these, the newest two, and what they stand beside."""
        names = sorted((path.name for path in self._folder.iterdir() if age(path.name)), key=lambda n: age(n) or ())
        kept = {*taken, *names[-2:]}
        kept |= {base_name(self._folder / name) for name in kept}
        for name in names:
            if name not in kept:
                shutil.rmtree(self._folder / name, ignore_errors=True)


def _written(entry: dict[str, Any]) -> str:
    """What tells one writing of a file from another: each store has names of its own for it."""
    names = ("ETag", "etag", "LastModified", "last_modified", "updated", "mtime", "created", "size")
    return " ".join(f"{name}={entry[name]}" for name in names if entry.get(name) is not None)
