"""The settings of `[model]` held against a checkpoint: its model has one shape and one format for life."""

from __future__ import annotations

from pathlib import Path

from midstream.settings import Model, Settings
from model import families
from model.families.reading import Refused
from model.fim.choice import UnfitTokenizer
from model.fim.formats import AUTO
from model.manifest import CheckpointError, Manifest, latest, name, read_manifest
from model.packing import differences, packing
from streams.feed.fit import Fit

SHAPE = ("width", "layers", "heads")
"""Of a model that training began with; imported weights bring their own."""


class OtherModel(CheckpointError):
    """The settings ask for another model than the checkpoint's; the message names them."""


def refuse_untrained(folder: Path) -> None:
    """Raises OtherModel when the folder's newest checkpoint is of a model that is only served and evaluated."""
    path = latest(folder)
    try:
        if path is not None:
            families.trainable(read_manifest(path).model)
    except Refused as error:
        raise OtherModel(f"{path} cannot be trained on: {error}, in a new checkpoint folder.") from error
    except CheckpointError:  # what is wrong with a checkpoint is said where it is loaded
        return


def refuse(settings: Model, manifest: Manifest, folder: Path) -> None:
    """Raises OtherModel when training cannot go on from the checkpoint under these settings."""
    shape = () if manifest.imported else SHAPE
    pairs: list[tuple[str, object, object]] = [("context", settings.context, manifest.length)]
    pairs += [(key, getattr(settings, key), getattr(manifest.model, key)) for key in shape]
    if settings.format != AUTO:
        pairs.append(("format", settings.format, manifest.format.name))
    differing = [f"[model] {key} is {own}, the checkpoint has {its}" for key, own, its in pairs if own != its]
    if differing:
        checkpoint = folder / name(manifest.step, manifest.reign, manifest.revision)
        raise OtherModel(
            f"{checkpoint} has another model than the settings: {'; '.join(differing)}. Put the setting back, or train "
            "into a new checkpoint folder (--checkpoints, or [paths] checkpoints)."
        )


def refuse_packing(packed: str, folder: Path) -> None:
    """Raises OtherModel when the newest checkpoint of the folder takes nothing that is packed so: what pack wrote would
    stand between the trainer and what it can be trained on."""
    path = latest(folder)
    try:
        manifest = read_manifest(path) if path else None
    except CheckpointError:  # the trainer says more of it
        return
    its = of(manifest).packing if manifest else packed
    if its != packed:
        raise OtherModel(
            f"{path} was trained with another {differences(packed, its)}: its trainer takes nothing that is packed "
            "now. Put the setting back, or train into a new checkpoint folder ([paths] checkpoints)."
        )


def of(manifest: Manifest) -> Fit:
    """How examples must have been packed for a checkpoint."""
    packed = packing(manifest.tokenizer, manifest.format, manifest.length)
    return Fit(manifest.tokenizer, packed, manifest.length)


def of_settings(settings: Settings) -> Fit | None:
    """How pack packs under these settings; None: there is no tokenizer yet, or none that can be read."""
    from model.tokens.ends import format_of
    from model.tokens.tokenizer import Tokenizer

    path, context = settings.paths.tokenizer, settings.model.context
    try:
        tokenizer = Tokenizer.load(path) if path and path.exists() else None
        if tokenizer is None or path is None:
            return None
        fmt = format_of(settings.model.format, tokenizer, path.parent)
    except (OSError, ValueError, UnfitTokenizer):  # who needs it says what is wrong with it
        return None
    return Fit(tokenizer.hash, packing(tokenizer.hash, fmt, context), context)
