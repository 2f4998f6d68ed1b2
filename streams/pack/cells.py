"""A notebook in two forms: its cells with their outputs, in a format's sentinels; or a script in the percent format."""

from __future__ import annotations

from pathlib import PurePosixPath

from model import languages
from model.fim.fim import Mark
from model.fim.formats import Format
from streams.document import Document

MARKS = ("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>")
EMPTY = "<empty_output>"


def structured(document: Document, fmt: Format) -> list[str]:
    """Text, code and output in turn; a code cell without output has the empty mark, where the format has one.

    Empty when the format has no sentinels for notebooks.
    """
    if not set(MARKS) <= set(fmt.others):
        return []
    start, text, code, output = map(Mark, MARKS)
    body: list[str] = [start]
    for i, part in enumerate(document.parts):
        if part.role == "code":
            following = document.parts[i + 1].role if i + 1 < len(document.parts) else ""
            body += [code, part.text]
            body += [Mark(EMPTY)] if following != "output" and EMPTY in fmt.others else []
        else:
            body += [output if part.role == "output" else text, part.text]
    return body


def script(document: Document) -> str:
    """Code cells as they are, the other cells as comments, each behind a `# %%` line; outputs are left out
    (jupytext's percent format)."""
    comment = languages.script(document.language).comment
    blocks: list[str] = []
    for part in document.parts:
        if part.role == "code":
            blocks.append(f"{comment} %%\n{part.text}".rstrip("\n"))
        elif part.role != "output":
            lines = "\n".join(f"{comment} {line}".rstrip() for line in part.text.splitlines())
            blocks.append(f"{comment} %% [{part.role}]\n{lines}".rstrip("\n"))
    return "\n\n".join(blocks) + "\n"


def script_path(document: Document) -> str:
    """The notebook's path with the extension of its scripts."""
    extension = "." + languages.script(document.language).script
    return str(PurePosixPath(document.path).with_suffix(extension)) if document.path else ""
