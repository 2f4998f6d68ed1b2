"""Checkpoints into an object store, where servers on other machines follow them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model import choice
from model.low_rank import base_name
from model.manifest import MANIFEST, CheckpointError, Manifest, age, read_manifest
from server.store import OF_TRAINING, Place

KEEP = 3
"""Checkpoints that stay in the store: a server may be reading the one before the newest."""


class Push:
    """`push` writes what is to be served now. A checkpoint's manifest is written last and removed first: none is seen
    in part."""

    def __init__(self, root: Path, url: str, say: Callable[[str], None], whole: bool = False) -> None:
        """`whole`: with what training goes on from. Raises StoreError."""
        self._root, self._say, self._whole = root, say, whole
        self._place = Place(url)
        self._pushed = ""
        """Name of the checkpoint that was written last."""
        self._choice: bytes | None = b""

    def push(self) -> None:
        """Raises CheckpointError, and what the store's library does."""
        self._push_choice()
        found = next(((path, m) for path, m in choice.served(self._root) if m.is_worth_serving), None)
        if found is None:
            raise CheckpointError(f"{self._root} has no checkpoint to be served yet")
        if found[0].name == self._pushed:
            return
        path, manifest = found
        if manifest.base is not None:
            base = self._root / manifest.base.folder
            self._write(base, read_manifest(base))
        self._write(path, manifest)
        self._prune(path.name)
        self._pushed = path.name

    def _push_choice(self) -> None:
        file, target = self._root / choice.FILE, f"{self._place.root}/{choice.FILE}"
        data = file.read_bytes() if file.exists() else None
        if data == self._choice:
            return
        if data is not None:
            self._place.fs.makedirs(self._place.root, exist_ok=True)
            self._place.fs.pipe_file(target, data)
        elif self._place.fs.exists(target):
            self._place.fs.rm_file(target)
        self._choice = data

    def _write(self, path: Path, manifest: Manifest) -> None:
        """Unless it is there."""
        folder, data = f"{self._place.root}/{path.name}", (path / MANIFEST).read_bytes()
        self._place.fs.invalidate_cache()
        if self._place.fs.exists(f"{folder}/{MANIFEST}") and self._place.fs.cat_file(f"{folder}/{MANIFEST}") == data:
            return
        files = [file for file in manifest.sha256 if self._whole or file not in OF_TRAINING]
        size = sum((path / file).stat().st_size for file in files)
        self._say(f"pushing {manifest.model_version}, {size / 1e6:,.1f} MB")
        self._place.fs.makedirs(folder, exist_ok=True)
        for file in files:
            self._place.fs.put_file(str(path / file), f"{folder}/{file}")
        self._place.fs.pipe_file(f"{folder}/{MANIFEST}", data)

    def _prune(self, newest: str) -> None:
        self._place.fs.invalidate_cache()
        names = {str(one).rstrip("/").rpartition("/")[2] for one in self._place.fs.ls(self._place.root, detail=False)}
        there = sorted((name for name in names if age(name)), key=lambda name: age(name) or ())
        kept = {newest, *there[-KEEP:]}
        kept |= {base_name(self._root / name) for name in kept}
        for name in there:
            if name not in kept:
                if self._place.fs.exists(f"{self._place.root}/{name}/{MANIFEST}"):
                    self._place.fs.rm_file(f"{self._place.root}/{name}/{MANIFEST}")
                self._place.fs.rm(f"{self._place.root}/{name}", recursive=True)
