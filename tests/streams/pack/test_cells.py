"""Notebooks as scripts: magics are comments, cells of other languages too, each language in its own way."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.languages import LANGUAGES, kernel
from model.languages import script as row
from streams.document import Document, Part
from streams.pack.cells import script, script_path
from streams.pack.magics import without_magics


def notebook(code: str, language: str = "python", role: str = "code") -> Document:
    return Document(offset=0, index=0, kind="notebook", parts=[Part(role, code)], path="n/a.ipynb", language=language)


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline", "%%time", "!pip install x", "!!ls", "? print", "?print", "print?", "np.array??",
        "files = !ls", "x = %timeit 1", "ls", "ls -l", "cd folder", "pip install x", "  %load_ext a", "cat file.txt",
        "cd ../..", "ls /tmp",
        "a, b = !ls", "!{cmd} x", "%pip install -q x",
    ],
)  # fmt: skip
def test_a_magic_is_a_comment(line: str) -> None:
    indent = line[: len(line) - len(line.lstrip())]
    assert script(notebook(f"{line}\nx = 1\n")) == f"# %%\n{indent}# {line.lstrip()}\nx = 1\n"


@pytest.mark.parametrize(
    "code",
    ["ls = 3", "cd(1)", "x = 5 % y", "a = b\\\n  % c", '"""\n%matplotlib\n!ls\n"""', "x != y", "'''\n?\n'''",
     "ls.sort()", "echo == 1", "ls / 2", "ls .x", "# %time", "cat in pets", "rm[0] = 1", "x = '!'", "ls, b = 1, 2",
     's = """a\\"""\n%time\n"""'],
)  # fmt: skip
def test_what_is_no_magic_stays(code: str) -> None:
    assert script(notebook(code)) == f"# %%\n{code}\n"


def test_a_continued_magic_is_a_comment_to_its_end() -> None:
    assert script(notebook("!pip install a \\\n    b\ny = 2")) == "# %%\n# !pip install a \\\n#     b\ny = 2\n"


@pytest.mark.parametrize("magic", ["bash", "sh", "html", "sql", "R", "javascript", "writefile a.yaml"])
def test_a_cell_of_another_language_is_a_comment(magic: str) -> None:
    name = magic.split()[0]
    assert script(notebook(f"%%{magic}\necho hi")) == f'# %% language="{name}"\n# %%{magic}\n# echo hi\n'


@pytest.mark.parametrize(
    ("told", "extension", "comment"),
    [
        ("C++17", "cpp", "//"), ("C#", "cs", "//"), ("Java", "java", "//"), ("Go", "go", "//"), ("Kotlin", "kts", "//"),
        ("Haskell", "hs", "--"), ("SQL", "sql", "--"), ("MATLAB", "m", "%"), ("julia-1.6", "jl", "#"), ("ir", "r", "#"),
        (".net-csharp", "cs", "//"), ("xcpp17", "cpp", "//"), ("python3", "py", "#"), ("", "py", "#"),
        ("brainfuck", "txt", "#"), ("json", "txt", "#"), ("Scala 2.12", "scala", "//"), ("octave", "m", "%"),
    ],
)  # fmt: skip
def test_each_kernel_has_its_script(told: str, extension: str, comment: str) -> None:
    document = notebook("# Plot", told, "markdown")
    assert script(document) == f"{comment} %% [markdown]\n{comment} # Plot\n"
    assert script_path(document) == f"n/a.{extension}"


def test_a_language_without_line_comments_closes_each() -> None:
    assert script(notebook("a (* b *)\n", "OCaml", "markdown")) == "(* %% [markdown] *)\n(* a ( * b * ) *)\n"


def test_magics_of_other_kernels() -> None:
    assert script(notebook('#r "nuget: X"\n#!html\nvar x = 1;', "C#")).startswith(
        '// %%\n// #r "nuget: X"\n// #!html\nvar'
    )
    assert script(notebook(":dep rand\nfn f() {}", "rust")) == "// %%\n// :dep rand\nfn f() {}\n"
    assert script(notebook("%plot x\ny %in% z", "ir")) == "# %%\n# %plot x\ny %in% z\n"
    assert script(notebook("% a comment", "matlab")) == "% %%\n% a comment\n"


def test_every_scripts_language_has_its_own_kernel() -> None:
    for language in LANGUAGES:
        assert kernel(language.name) == language.name
        assert not language.script or row(language.name) is language
        assert not language.kernels or language.script, language.name


@given(
    st.lists(
        st.sampled_from(["x = 1", "%time", "!ls", "'''", '"""', "if x:", "    %pip", "    y", "\\", "#'''", "'\\'"])
    )
)
def test_magics_are_comments_and_nothing_is_lost(lines: list[str]) -> None:
    shown = without_magics(lines, row("python"))
    assert len(shown) == len(lines)
    for before, after in zip(lines, shown, strict=True):
        assert after == before or after.replace("# ", "", 1).strip() == before.strip() or after.strip() == "#"
    assert without_magics(shown, row("python")) == shown


def test_a_script_with_magics_parses() -> None:
    code = "%matplotlib inline\nimport os\nif os:\n    x = !ls\n    pass\n!pip install y\n"
    ast.parse(script(notebook(code)))
