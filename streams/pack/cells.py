"""A notebook in two forms: its cells with their outputs, in a format's sentinels; or a script in the percent format."""

from __future__ import annotations

from pathlib import PurePosixPath

from model import languages
from model.fim.fim import Mark
from model.fim.format import Format
from model.languages import Language
from model.lines import bare
from streams.document import Document
from streams.pack.magics import cell_language, commented, without_magics

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
    (jupytext's percent format), and so are lines that are for the kernel, and cells of another language."""
    language = languages.script(document.language)
    blocks: list[str] = []
    for part in document.parts:
        if part.role == "code":
            head, lines = _code(part.text, language)
        elif part.role != "output":
            head, lines = f" [{part.role}]", [commented(line, language) for line in bare(part.text)]
        else:
            continue
        blocks.append("\n".join([commented("%%" + head, language), *lines]).rstrip("\r\n"))
    return "\n\n".join(blocks) + "\n"


def _code(text: str, language: Language) -> tuple[str, list[str]]:
    """What the cell's mark says of it, and its lines. Line ends other than `\\n` stay where no line is changed."""
    lines = bare(text)
    if other := cell_language(lines):
        return f' language="{other}"', [commented(line, language) for line in lines]
    shown = without_magics(lines, language)
    return "", [text] if shown == lines else shown


def script_path(document: Document) -> str:
    """The notebook's path with the extension of its scripts."""
    extension = "." + languages.script(document.language).script
    return str(PurePosixPath(document.path).with_suffix(extension)) if document.path else ""
