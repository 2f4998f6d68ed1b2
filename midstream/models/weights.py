"""`[model] weights`: an empty checkpoint folder begins with what somebody brings; the tokenizer comes with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from midstream.settings import Settings
from model.manifest import CheckpointError, Manifest, folders, latest, read_manifest

if TYPE_CHECKING:
    from model.importing import Foreign

log = logging.getLogger("midstream.model")


class CannotImport(Exception):
    """Weights that cannot be taken; the message says why and what to do."""


def is_to_begin(settings: Settings, root: Path) -> bool:
    """Whether the checkpoint folder is empty, and weights are named that it begins with."""
    return bool(settings.model.weights) and not folders(root)


def begin(
    settings: Settings, say: Callable[[str], None], checkpoints: Path | None = None, to_train: bool = False
) -> Manifest | None:  # fmt: skip
    """Imports `[model] weights` where the checkpoint folder is empty; None where there is nothing to do.

    `checkpoints`: in place of the settings'; `to_train`: what is only served and evaluated is refused. Raises
    CannotImport; FolderInUse when a trainer has the folder.
    """
    from midstream.processes.lock import FolderLock

    root = checkpoints or settings.paths.checkpoints
    assert root is not None
    if not is_to_begin(settings, root):
        return None
    with FolderLock(root, "importing weights"):
        return None if folders(root) else take(settings, settings.model.weights, root, say, to_train)


def take(
    settings: Settings, reference: str, root: Path, say: Callable[[str], None], to_train: bool = False
) -> Manifest:  # fmt: skip
    """Imports the folder or hub reference as the checkpoint of step 0; of a model that can be trained, puts the
    tokenizer where pack looks for it.

    `to_train`: what is only served and evaluated is refused. Raises CannotImport.
    """
    from model import families, hub, importing
    from model.families.reading import Refused

    if present := folders(root):
        raise CannotImport(f"{root} has checkpoints already ({present[-1].name}): name a new folder, --checkpoints")
    try:
        is_hub = reference.startswith(hub.PREFIX)
        folder, origin = hub.fetch(reference) if is_hub else _folder(reference)
        foreign = importing.read(folder, settings.model.format)
        if settings.model.context > foreign.spec.context:
            raise Refused(
                f"the model's context is {foreign.spec.context}, and [model] context {settings.model.context}: set it "
                f"to {foreign.spec.context} or less"
            )
        is_trained = families.is_trained(foreign.spec)
        if to_train:
            families.trainable(foreign.spec)
        if is_trained:
            _refuse_other_tokenizer(settings, foreign.tokenizer.hash)
        size = f"{foreign.spec.parameters / 1e6:,.0f} million parameters, {foreign.bytes / 1e6:,.0f} MB"
        say(f"{reference}: {foreign.spec.family_name}, {size}, format {foreign.format.name}")
        named = reference if is_hub else str(folder)
        manifest = importing.import_model(
            foreign,
            root,
            origin,
            settings.model.context,
            settings.train.keep,
            named,
            linked=bool(settings.train.adapter),
        )
    except (Refused, CheckpointError, OSError) as error:
        raise CannotImport(f"{reference} cannot be imported: {error}.") from error
    if is_trained:
        _place_tokenizer(settings, foreign)
    then = "training goes on from it" if is_trained else "it is for serving and evaluation alone"
    say(f"checkpoint {manifest.model_version} in {root}: it is served at once, and {then}")
    return manifest


def _folder(reference: str) -> tuple[Path, str]:
    folder = Path(reference).expanduser().resolve()
    if not folder.is_dir():
        from model.families.reading import Refused

        raise Refused("there is no such folder; a model of a hub is named hf:ORG/NAME")
    return folder, folder.name


def _refuse_other_tokenizer(settings: Settings, own: str) -> None:
    """What has been packed already cannot be trained on with another tokenizer."""
    from model.families.reading import Refused
    from model.tokens.tokenizer import Tokenizer

    path = settings.paths.tokenizer
    assert path is not None
    if path.exists() and Tokenizer.load(path).hash != own:
        raise Refused(
            f"{path} is another tokenizer, and examples may have been packed with it. Begin with a new state folder "
            "([paths] state) and a new [kafka] prefix, or remove that file if nothing was packed yet"
        )


def _place_tokenizer(settings: Settings, foreign: Foreign) -> None:
    """With what pack cannot tell from it: where texts end, if it has no sentinels."""
    from model.tokens import ends

    path = settings.paths.tokenizer
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ends.write(path, foreign.format, foreign.tokenizer)
    if path.exists():
        return
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(foreign.tokenizer.json, encoding="utf-8")
    unfinished.replace(path)


def warning(settings: Settings, checkpoints: Path | None = None) -> str:
    """What is said where the checkpoints did not begin with `[model] weights`; "": they did, or none are named.

    `checkpoints`: in place of the settings'.
    """
    root = checkpoints or settings.paths.checkpoints
    assert root is not None
    path, named = latest(root), settings.model.weights
    if not named or path is None:
        return ""
    try:
        manifest = read_manifest(path)
    except CheckpointError:  # what is wrong with it is said where it is loaded
        return ""
    if _began_with(manifest, named):
        return ""
    where = f" ({manifest.asked})" if manifest.asked not in ("", manifest.imported) else ""
    return (
        f"{path} did not begin with [model] weights = {named!r} but with {manifest.imported or 'nothing'}{where}: it "
        "is gone on with. For these weights name a new checkpoint folder ([paths] checkpoints)"
    )


def _began_with(manifest: Manifest, named: str) -> bool:
    """Whether the weights that are named now are those that were imported: of a hub by its reference, of a folder by
    what is in it, and where it is gone, by its path."""
    from model import hub
    from model.families.reading import Refused
    from model.shards import CONFIG, fingerprint

    imported, asked = manifest.imported, manifest.asked
    if named.startswith(hub.PREFIX):
        return named in (imported, asked) or (not asked and imported.startswith(f"{named}@"))
    folder = Path(named).expanduser().resolve()
    if not manifest.fingerprint:  # of an earlier version: the name of the folder is all that is known
        return imported == folder.name
    try:
        return fingerprint(folder, CONFIG) == manifest.fingerprint
    except (Refused, OSError):
        return asked == str(folder)
