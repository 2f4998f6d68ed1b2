"""`midstream redact FILE|DIR`: what redaction would replace, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings, SettingsError

if TYPE_CHECKING:
    from streams.redact.detector import Span
    from streams.redact.ner import Layer

AGAIN = "the same again"
"""What is told for a secret that a detector found at another place."""
MOST_BYTES = 64 * 1024 * 1024
MORE = "larger than 64 MiB"
UNREAD = ("not readable", "folder not readable", "no regular file", MORE)
"""Reasons for which a check cannot say that there is nothing."""
NER = "ner"
"""What is told instead of a detector's name for a find of the NER layer's."""
MASK = "•"
MASKED = 12
"""Signs of a find that a diff shows at most: what it was is not told."""


@dataclass(frozen=True)
class Find:
    """A find in a file; lines and columns from 1, columns in characters."""

    line: int
    column: int
    start: int
    end: int
    kind: str
    why: str
    """The detector's name."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--diff", "as_diff", is_flag=True, help="What would change, as a diff; the finds themselves are masked.")
@click.option("--check", is_flag=True, help="End with 1 where anything is found, as a pre-commit hook does.")
@click.option("--recipe", "name", default="", help="A shipped recipe, or a TOML file; default: that of [recipe].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a find: kinds and places, never text.")
@click.option("--ignored", is_flag=True, help="Also what .gitignore names.")
@click.option("--ner", type=click.Path(path_type=Path), help="Folder of a token classifier; default: [redaction] ner.")
@with_settings
def redact(
    settings: Settings, paths: tuple[Path, ...], as_diff: bool, check: bool, name: str, as_json: bool, ignored: bool,
    ner: Path | None,
) -> None:  # fmt: skip
    """Find secrets and personal data in PATHS (files, or folders with what lies in them), and say what and where.

    Nothing is written, and no find is printed as it is. With --check the end is 1 where anything is found, and 2 where
    nothing is and a file could not be read.
    """
    forms, layer = _forms(settings, name), _layer(settings, ner)
    counts: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    files = 0
    for path in _files(paths, ignored, left_out):
        text = _text(path, left_out)
        if text is None:
            continue
        files += 1
        found = [each for each in finds(text, path, layer) if forms[each.kind] != "keep"]
        counts.update(each.kind for each in found)
        if as_json:
            for each in found:
                click.echo(json.dumps(_told(path, each)))
        elif as_diff and found:
            click.echo(_diff(path, text, found, forms), nl=False)
        else:
            for each in found:
                click.echo(f"{path}:{each.line}:{each.column}: {each.kind} ({each.why})")
    for what, count in left_out.most_common():
        click.echo(f"left out: {count:,} × {what}", err=True)
    told = ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())
    click.echo(f"{files:,} files, {counts.total():,} finds{': ' if told else ''}{told}", err=as_json or as_diff)
    unread = sum(left_out[reason] for reason in UNREAD)
    if check and (counts or unread):
        raise SystemExit(1 if counts else 2)


def _forms(settings: Settings, name: str) -> Mapping[str, str]:
    from streams.prepare.recipes.reading import recipe, resolve

    try:
        return (recipe(name) if name else resolve(settings.recipe)).redaction
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _layer(settings: Settings, ner: Path | None) -> Layer | None:
    folder = ner or settings.redaction.ner
    if folder is None:
        return None
    from streams.redact.ner import load

    layer = load(folder, settings.redaction.ner_min_score)
    if layer.unknown:
        click.echo(f"labels of {folder} that are ignored: {', '.join(layer.unknown)}", err=True)
    return layer


def _files(paths: tuple[Path, ...], ignored: bool, left_out: Counter[str]) -> Iterator[Path]:
    from streams.sources.folders.folder import walk

    for path in paths:
        yield from walk(path, left_out, ignored=ignored, private=True)


def _text(path: Path, left_out: Counter[str]) -> str | None:
    from streams.sources.folders import folder
    from streams.sources.texts.text import BINARY, TOO_LARGE, UNKNOWN, LeftOut

    text = folder.text_of_file(path)
    if isinstance(text, str):
        return text
    if text in (TOO_LARGE, UNKNOWN):  # for the stream; a secret may stand in it
        content = folder.bytes_of(path, MOST_BYTES)
        if isinstance(content, bytes) and b"\0" not in content:
            return content.decode("utf-8", "replace") if text is TOO_LARGE else content.decode("latin-1")
        text = LeftOut(MORE) if content is TOO_LARGE else BINARY if isinstance(content, bytes) else content
    left_out[text.reason] += 1
    return None


def finds(text: str, path: Path, layer: Layer | None = None) -> Iterator[Find]:
    """In their order; where several overlap, one of them, with the name of the first that found it."""
    from streams.prepare.language import language
    from streams.redact.detector import Text
    from streams.redact.place import Place
    from streams.redact.redaction import located
    from streams.redact.scan import named

    data = text.encode("utf-8", "surrogatepass")
    place, more = Place(path.as_posix(), language(path.name, text)), _of_layer(layer, text)
    found = [*named(Text(data, place)), *((span, NER) for span in more)]
    line = at = 0
    for start, end, kind in located(data, place, more=more):
        why = next((name for (first, last, _), name in found if first < end and last > start), AGAIN)
        line += data.count(b"\n", at, start)
        at = start
        begin = data.rfind(b"\n", 0, start) + 1
        column = len(data[begin:start].decode("utf-8", "replace")) + 1
        yield Find(line + 1, column, start, end, kind, why)


def _of_layer(layer: Layer | None, text: str) -> list[Span]:
    if layer is None:
        return []
    from streams.redact.ner.layer import read

    (found,) = read(layer, [text], lambda step, *arguments: step(*arguments))
    if isinstance(found, Exception):
        raise found
    return found


def _told(path: Path, each: Find) -> dict[str, Any]:
    return {
        "path": str(path), "line": each.line, "column": each.column, "bytes": [each.start, each.end],
        "kind": each.kind, "detector": each.why,
    }  # fmt: skip


def _diff(path: Path, text: str, found: list[Find], forms: Mapping[str, str]) -> str:
    from streams.prepare.language import language
    from streams.redact import clean
    from streams.redact.place import Place

    of_layer = [(each.start, each.end, each.kind) for each in found if each.why == NER]
    data = text.encode("utf-8", "surrogatepass")
    masked, at = b"", 0
    for each in found:
        secret = data[each.start : each.end].decode("utf-8", "replace")
        lines = [MASK * min(MASKED, len(line)) for line in secret.split("\n")]
        masked += data[at : each.start] + "\n".join(lines).encode()
        at = each.end
    masked += data[at:]
    after = clean(text, Place(path.as_posix(), language(path.name, text)), forms, more=of_layer).text
    lines = unified_diff(
        masked.decode("utf-8", "replace").splitlines(), after.splitlines(), str(path), str(path), n=1, lineterm=""
    )
    why = (f"# {each.line}:{each.column}: {each.kind} ({each.why})" for each in found)
    return "\n".join([*why, *lines, ""])
