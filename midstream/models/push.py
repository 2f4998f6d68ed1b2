"""Checkpoints into an object store, where servers on other machines follow them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model import choice
from model.manifest import MANIFEST, CheckpointError, Manifest, age, read_manifest
from server.store import OF_TRAINING, opened

KEEP = 3
"""Checkpoints that stay in the store: a server may be reading the one before the newest."""


class Push:
    """`push` writes what is to be served now. A checkpoint's manifest is written last and removed first: none is seen
    in part."""

    def __init__(self, root: Path, url: str, say: Callable[[str], None], whole: bool = False, keep: int = KEEP) -> None:
        """`whole`: with what training goes on from. Raises StoreError."""
        self._root, self._say, self._whole, self._keep = root, say, whole, keep
        self._fs, self._to = opened(url)
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
        self._prune(path.name, manifest)
        self._pushed = path.name

    def _push_choice(self) -> None:
        file, target = self._root / choice.FILE, f"{self._to}/{choice.FILE}"
        data = file.read_bytes() if file.exists() else None
        if data == self._choice:
            return
        if data is not None:
            self._fs.makedirs(self._to, exist_ok=True)
            self._fs.pipe_file(target, data)
        elif self._fs.exists(target):
            self._fs.rm_file(target)
        self._choice = data

    def _write(self, path: Path, manifest: Manifest) -> None:
        """Unless it is there."""
        folder, data = f"{self._to}/{path.name}", (path / MANIFEST).read_bytes()
        self._fs.invalidate_cache()
        if self._fs.exists(f"{folder}/{MANIFEST}") and self._fs.cat_file(f"{folder}/{MANIFEST}") == data:
            return
        files = [file for file in manifest.sha256 if self._whole or file not in OF_TRAINING]
        size = sum((path / file).stat().st_size for file in files)
        self._say(f"pushing {manifest.model_version}, {size / 1e6:,.1f} MB")
        self._fs.makedirs(folder, exist_ok=True)
        for file in files:
            self._fs.put_file(str(path / file), f"{folder}/{file}")
        self._fs.pipe_file(f"{folder}/{MANIFEST}", data)

    def _prune(self, newest: str, manifest: Manifest) -> None:
        self._fs.invalidate_cache()
        names = {str(one).rstrip("/").rpartition("/")[2] for one in self._fs.ls(self._to, detail=False)}
        there = sorted((name for name in names if age(name)), key=lambda name: age(name) or ())
        kept = {newest, *there[-self._keep :], *([manifest.base.folder] if manifest.base else [])}
        for name in there:
            if name not in kept and not self._is_base(name, kept):
                if self._fs.exists(f"{self._to}/{name}/{MANIFEST}"):
                    self._fs.rm_file(f"{self._to}/{name}/{MANIFEST}")
                self._fs.rm(f"{self._to}/{name}", recursive=True)

    def _is_base(self, name: str, kept: set[str]) -> bool:
        """Of one that stays and that is here, too."""
        for other in kept:
            try:
                base = read_manifest(self._root / other).base
            except CheckpointError:
                continue
            if base is not None and base.folder == name:
                return True
        return False
