"""The source files that a model is taught on: drawn by keyed hash of their paths, up to a size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.encoder import keyed
from streams.prepare.language import language
from streams.sources.folders.folder import text_of_file, walk


@dataclass(frozen=True)
class File:
    path: str
    language: str
    text: str


def read(folders: Sequence[Path], size: int, ignored: bool) -> tuple[list[File], Counter[str]]:
    """Files in a known language, `size` bytes together, and what was left out, by reason."""
    left_out: Counter[str] = Counter()
    paths = [(path, folder) for folder in folders for path in walk(folder, left_out, ignored=ignored)]
    named = [(_shown(path, folder), path) for path, folder in paths if language(path.name, "")]
    left_out["no language that is known by its name"] += len(paths) - len(named)
    files: list[File] = []
    for number, (shown, path) in enumerate(sorted(named, key=lambda each: (keyed.key("file", each[0]), each[0]))):
        if size <= 0:
            left_out["beyond --sample-bytes"] += len(named) - number
            break
        text = text_of_file(path)
        if not isinstance(text, str):
            left_out[text.reason] += 1
        elif text.strip():
            files.append(File(shown, language(path.name, text), text))
            size -= len(text.encode("utf-8", "surrogatepass"))
    return files, +left_out


def _shown(path: Path, folder: Path) -> str:
    """The path in its folder: what is drawn depends on no machine's folders."""
    return path.relative_to(folder).as_posix() if path != folder else path.name
