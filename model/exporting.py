"""A checkpoint as a folder of Hugging Face's, without what is the trainer's."""

from __future__ import annotations

import shutil
from pathlib import Path

from model.families.reading import Refused
from model.manifest import SIDE_FILES, TOKENIZER, WEIGHTS, check_file, read_manifest


def export(checkpoint: Path, out: Path) -> list[str]:
    """Copies weights, tokenizer and configs to the new folder `out`; returns the files' names.

    The folder appears when it is whole. Raises CheckpointError for a damaged checkpoint, Refused for one from before
    checkpoints were such folders.
    """
    manifest = read_manifest(checkpoint)
    if SIDE_FILES[0] not in manifest.sha256:
        raise Refused(f"{checkpoint.name} was written by an earlier version; the next checkpoint of its run will do")
    files = [name for name in (WEIGHTS, TOKENIZER, *SIDE_FILES) if name in manifest.sha256]
    unfinished = out.parent / f".unfinished-{out.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    for name in files:
        shutil.copyfile(check_file(checkpoint, manifest, name), unfinished / name)
    unfinished.rename(out)
    return files
