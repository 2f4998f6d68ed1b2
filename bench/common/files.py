"""Real source files for the benches: of given folders, or of the demo's packages and the virtual environment."""

from __future__ import annotations

import argparse
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

import xxhash

from midstream.demo import corpus
from midstream.settings import cache_home
from model.tokens import tokenizer as bpe
from model.tokens.tokenizer import Tokenizer
from streams.document import Document, Part
from streams.prepare.language import language
from streams.prepare.prepare import identity

SUFFIXES = frozenset({".py", ".pyi", ".js", ".ts", ".c", ".h", ".hpp", ".cpp", ".md", ".rst"})
LARGEST = 1_000_000
VOCAB = 49_152
SAMPLE_BYTES = 8_000_000


def parser(description: str | None, count: int) -> argparse.ArgumentParser:
    """The arguments that say which documents: `folders`, `--documents`, `--installed-only`."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("folders", nargs="*", type=Path, help="Folders, or clones of git; else packages.")
    arguments.add_argument("--documents", type=int, default=count)
    arguments.add_argument("--installed-only", action="store_true", help="leave the demo's packages out")
    return arguments


def documents(arguments: argparse.Namespace) -> list[Document]:
    """The first so many files in an order that only a keyed hash of their names decides.

    With `installed_only`, those of the virtual environment alone, and no registry is asked.
    """
    folders: list[Path] = arguments.folders or [Path(sysconfig.get_path("purelib"))]
    if not arguments.folders and not arguments.installed_only:
        folders += corpus.fetch(cache_home(), lambda line: print(line, flush=True)).values()
    named = sorted((xxhash.xxh3_64_intdigest(name.encode()), name, path) for name, path in _files(folders))
    texts: list[Document] = []
    for _, name, path in named:
        text = _text(path)
        if text:
            texts.append(_document(len(texts), name, text))
        if len(texts) == arguments.documents:
            break
    return texts


def learned(found: Sequence[Document], vocab: int = VOCAB) -> Tokenizer:
    """A tokenizer trained on the first texts, some 8 MB of them."""
    sample: list[str] = []
    size = 0
    for document in found:
        if size < SAMPLE_BYTES:
            sample.append(document.parts[0].text)
            size += document.size
    return bpe.train(sample, vocab)


def _files(folders: list[Path]) -> Iterator[tuple[str, Path]]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.suffix in SUFFIXES and path.is_file() and 0 < path.stat().st_size < LARGEST:
                yield f"{folder.resolve().name}/{path.relative_to(folder)}", path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def _document(number: int, name: str, text: str) -> Document:
    document = Document(
        offset=number, index=0, kind="file", parts=[Part("text", text)], path=name, language=language(name, text),
        repository="bench",
    )  # fmt: skip
    document.id = identity(document)
    return document
