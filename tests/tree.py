"""docs/tree.md (every module) and the README's list of folders, made from docstrings; `python -m tests.tree` writes
both."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/tree.md"
START, END = "<!-- folders:", "<!-- end of folders -->"
PARTS = ("midstream", "streams", "model", "server", "lsp", "bench")
WIDTH = 118


def tree() -> str:
    """docs/tree.md: every module with the first sentence of its docstring."""
    lines = ["# Every module", "", "Made by `python -m tests.tree` from the modules' docstrings.", ""]
    for path in modules():
        name = str(path.relative_to(ROOT))
        lines.append(f"    {name:<36} " + shorten(sentence(path), WIDTH - 41, placeholder=" …"))
    return "\n".join(lines) + "\n"


def folders() -> str:
    """Every package with the first sentence of its docstring."""
    packages = [path for path in modules() if path.name == "__init__.py"]
    names = {path: f"{path.parent.relative_to(ROOT)}/" for path in packages}
    return "\n".join(f"    {name:<20} {sentence(path)}" for path, name in names.items())


def modules() -> Iterator[Path]:
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            if "__pycache__" not in path.parts and not path.name.endswith(("_pb2.py", "_pb2_grpc.py")):
                yield path


def sentence(path: Path) -> str:
    """The docstring's first sentence, without its full stop."""
    documented = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(documented.split("\n\n")[0].split()).split(". ")[0].rstrip(".")


def with_folders(readme: str) -> str:
    head, rest = readme.split(START, 1)
    mark, rest = rest.split("\n", 1)
    return f"{head}{START}{mark}\n\n{folders()}\n\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    page = ROOT / "README.md"
    page.write_text(with_folders(page.read_text()))
    PAGE.write_text(tree())
