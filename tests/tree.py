"""The README's file tree: every module with the first sentence of its docstring. `python -m tests.tree` writes it."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import shorten

ROOT = Path(__file__).parent.parent
START, END = "<!-- tree:", "<!-- end of tree -->"
PARTS = ("midstream", "streams", "model", "server", "lsp", "bench")
WIDTH = 118


def tree() -> str:
    lines: list[str] = []
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if "__pycache__" in name or name.endswith(("_pb2.py", "_pb2_grpc.py")):
                continue
            lines.append(f"    {name:<34} " + shorten(sentence(path), WIDTH - 39, placeholder=" …"))
    return "\n".join(lines)


def sentence(path: Path) -> str:
    """The docstring's first line, without its full stop."""
    documented = ast.get_docstring(ast.parse(path.read_text())) or ""
    return documented.split("\n")[0].split(". ")[0].rstrip(".")


def with_tree(readme: str) -> str:
    head, rest = readme.split(START, 1)
    mark, rest = rest.split("\n", 1)
    return f"{head}{START}{mark}\n\n{tree()}\n\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    page = ROOT / "README.md"
    page.write_text(with_tree(page.read_text()))
