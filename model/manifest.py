"""The folder of checkpoints for everybody but the trainer: what is there, in which order, what it says of itself.

Loads no torch: status, audit and the demo read checkpoints in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import msgspec

from model.adapters.spec import Adapter, Base
from model.families import FAMILIES, Spec
from model.fim.format import Format

VERSION = 2
"""2: what is served may be a mean, beside the weights that training goes on with; without it, 1 is written."""
TRAINED = "trained.safetensors"
"""The weights that training goes on with, where those that are served are a mean."""
FROZEN = "frozen.msgpack"
WEIGHTS, OPTIMIZER, FEED, TOKENIZER, MANIFEST = (
    "model.safetensors",
    "optimizer.safetensors",
    "feed.msgpack",
    "tokenizer.json",
    "manifest.json",
)
ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
"""In place of the weights, of a checkpoint that is an adapter: the names of the `peft` package."""
SIDE_FILES = ("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
"""What Hugging Face's libraries read beside the weights and the tokenizer."""
_NAME = re.compile(r"step-(\d{8,})(?:-r(\d+))?(?:\.(\d+))?")
_TRIES = 5
"""A checkpoint may be pruned while it is read; the next look finds a newer one."""


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the message says which and why."""

    kind: ClassVar[str] = "damaged"
    """What is wrong, in a word."""


class NewerCheckpoint(CheckpointError):
    """It was written by a later version: whole, and no reason to go on from an older one."""

    kind = "newer"


class UnknownFamily(CheckpointError):
    """Its decoder is of a family that this program does not have."""

    kind = "family"


class Manifest(msgspec.Struct, kw_only=True, frozen=True):
    """What a checkpoint is. Training draws no random number, so there is no state of a generator."""

    v: int = 1
    step: int
    reign: int = 0
    """Which start of a trainer on this folder wrote it (model.reign); 0: written before there were reigns."""
    revision: int = 0
    """Which checkpoint of this step and reign it is: only the feed's state differs from the one before."""
    tokens: int
    """Tokens trained on, padding not counted."""
    text_bytes: int
    """UTF-8 bytes of user text trained on."""
    model: Spec
    format: Format
    tokenizer: str
    """The tokenizer's hash."""
    context: int = 0
    """Tokens that an example may have; 0: as many as the model can."""
    imported: str = ""
    """Where the weights came from that training began with; empty: from nothing."""
    asked: str = ""
    """The same as it was named then: the folder's whole path, or the hub's reference with the revision as it was given;
    empty: written by an earlier version."""
    fingerprint: str = ""
    """Of the imported folder (model.shards)."""
    dtype: str = ""
    """Of the imported weights, torch's name: exports are of it, too, though training goes on in float32."""
    adapter: Adapter | None = None
    """None: the checkpoint holds all weights."""
    base: Base | None = None
    """Whose weights the adapter stands beside."""
    bits_per_byte: float | None
    """Prequential, over the last Batches; none before the first."""
    scores: list[tuple[float, int]] = []
    """Nats and bytes of the Batches that `bits_per_byte` is taken over: a resumed run goes on with them."""
    groups: dict[str, tuple[float, float]] = {}
    """Prequential nats and bytes by kind, and by `kind/language`, newer Batches weighing more."""
    frozen_bits: float | None = None
    """Bits per byte of the frozen set (model.training.frozen); None before it is closed."""
    frozen_best: float | None = None
    """The least of the checkpoints that passed the gate so far."""
    withheld: str = ""
    """Why the gate does not let these weights be served; empty: it does."""
    merged: int = 1
    """Of how many checkpoints' weights those that are served are the mean."""
    warm_from: int = 0
    """The step after which the learning rate was warmed up last."""
    run: dict[str, Any] = {}
    """The settings that it was trained by: differences to the next run's are said."""
    feed: dict[str, int | float] = {}
    """The feed's summary."""
    written_ms: int = 0
    """Milliseconds since 1970."""
    model_version: str = ""
    """Name of the folder in which these weights appeared first, and the first 8 hex digits of their SHA-256."""
    sha256: dict[str, str] = {}
    """By file name, hex."""

    @property
    def length(self) -> int:
        """Tokens that an example, or a prompt with its answer, may have."""
        return self.context or self.model.context

    @property
    def came_from(self) -> dict[str, Any]:
        """The fields that say what training began with: they stay as they are."""
        return {name: getattr(self, name) for name in ("imported", "asked", "fingerprint", "dtype")}

    @property
    def is_worth_serving(self) -> bool:
        """It was trained, here or elsewhere."""
        return bool(self.tokens or self.imported)


class Age(NamedTuple):
    """What orders checkpoints: a later start of the trainer is newer, whatever its step."""

    reign: int
    step: int
    revision: int = 0


def name(step: int, reign: int = 0, revision: int = 0) -> str:
    """The folder's name of a checkpoint."""
    return f"step-{step:08d}" + (f"-r{reign}" if reign else "") + (f".{revision}" if revision else "")


def age(name: str) -> Age | None:
    """The reign, step and revision that a folder's name says; None: it is no checkpoint's name."""
    match = _NAME.fullmatch(name)
    return Age(int(match[2] or 0), int(match[1]), int(match[3] or 0)) if match else None


def folders(root: Path) -> list[Path]:
    """The finished checkpoints, oldest first, compared as numbers."""
    if not root.is_dir():
        return []
    ages = {path: at for path in root.iterdir() if (at := age(path.name)) and path.is_dir()}
    return sorted(ages, key=ages.__getitem__)


def latest(root: Path) -> Path | None:
    """The newest finished checkpoint; None before the first."""
    return next(reversed(folders(root)), None)


def newest(root: Path) -> tuple[Manifest, bytes] | None:
    """Manifest and feed state of the newest finished checkpoint, or None before the first. Raises CheckpointError."""
    for attempt in range(_TRIES):
        path = latest(root)
        if path is None:
            return None
        try:
            manifest = read_manifest(path)
            return manifest, read_file(path, manifest, FEED)
        except CheckpointError:
            if path.exists() or attempt == _TRIES - 1:
                raise
    return None


_MANIFEST = msgspec.json.Decoder(Manifest)
"""Made once: msgspec builds what it knows of a type when it is first used, and dies where two threads do so at once."""


def read_manifest(path: Path) -> Manifest:
    """Raises CheckpointError for a missing or unreadable manifest, NewerCheckpoint for one of another version."""
    try:
        data = (path / MANIFEST).read_bytes()
        keys = msgspec.json.decode(data, type=dict[str, object])
        _refuse_foreign(path, keys)
        return _MANIFEST.decode(data)
    except (OSError, msgspec.MsgspecError) as error:
        raise CheckpointError(f"{path.name} has no readable {MANIFEST}: {error}") from error


def _refuse_foreign(path: Path, keys: Mapping[str, object]) -> None:
    """Raises NewerCheckpoint and UnknownFamily."""
    version, model = keys.get("v"), keys.get("model")
    if version not in range(1, VERSION + 1):
        raise NewerCheckpoint(
            f"{path.name} is a checkpoint of version {version}, and this program reads up to {VERSION}"
        )
    family: object = cast(dict[str, object], model).get("family") if isinstance(model, dict) else None
    if isinstance(family, str) and family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UnknownFamily(f"{path.name} is a model of the family {family[:64]!r}, and these are known: {known}")


def read_file(path: Path, manifest: Manifest, file: str) -> bytes:
    """A file of the checkpoint. Raises CheckpointError unless it is what was written."""
    try:
        data = (path / file).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path.name} lacks {file}: {error.strerror}") from error
    _compare(path, manifest, file, sha256(data).hexdigest())
    return data


def check_file(path: Path, manifest: Manifest, file: str) -> Path:
    """The file's path; of a large one, which is read piece by piece. Raises CheckpointError as `read_file`."""
    try:
        with (path / file).open("rb") as opened:
            digest = file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path.name} lacks {file}: {error.strerror}") from error
    _compare(path, manifest, file, digest)
    return path / file


def _compare(path: Path, manifest: Manifest, file: str, digest: str) -> None:
    if digest != manifest.sha256.get(file):
        raise CheckpointError(f"{path.name}: {file} is not what was written (its SHA-256 differs)")
