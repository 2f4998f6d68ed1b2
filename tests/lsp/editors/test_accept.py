"""Keys that arrive in one packet, the accepting one among them: what was typed counts before the suggestion is taken.

The editors are real; the language server suggests what the case says, behind the cursor's line and nowhere else."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.editors.neovim import neovim, neovim_012
from tests.support.editors.vim import editing_in_vim
from tests.tree import ROOT

SUGGEST = ROOT / "tests/support/editors/suggest.py"
PAIRS = ("inoremap ( ()<Left>", "inoremap [ []<Left>", 'inoremap " ""<Left>', "inoremap { {}<Left>")
"""What plug-ins do that type closers."""
CODES = {"<Tab>": "\t", "<CR>": "\r", "<BS>": "\x7f", "<Esc>": "\x1b"}
NATIVE_GHOST = "nvim_buf_get_extmarks(0, nvim_create_namespace('nvim.lsp.inline_completion'), 0, -1, {})"


OTHER_RANGE = """
local get = vim.lsp.inline_completion.get
vim.lsp.inline_completion.get = function(options)
  local accept = options.on_accept
  return get({
    on_accept = function(item)
      item.range = { start = { row = item.range.start_row, col = item.range.start_col } }
      return accept(item)
    end,
  })
end
"""
"""Items as before Neovim 0.12 was released: a range has a start, and that a row and a column."""


@dataclass(frozen=True)
class Case:
    """The keys are typed at once while `suggestion` is shown at the `|` of `text`."""

    name: str
    suggestion: str
    keys: str
    becomes: str
    text: str = "y = |"
    commands: tuple[str, ...] = ()
    """Vim's, before the file is opened."""

    @property
    def head(self) -> str:
        return self.text.partition("|")[0].rpartition("\n")[2]

    @property
    def place(self) -> str:
        """Normal mode's keys that insert at the cursor's place."""
        row, behind = self.text.partition("|")[0].count("\n") + 1, self.text.partition("|")[2]
        return f"{row}GA" if behind[:1] in ("", "\n") else f"{row}G{len(self.head) + 1}|i"


SUM = "return a + b"
CASES = (
    Case("nothing is typed", SUM, "<Tab>", "y = return a + b"),
    Case("typed along", SUM, "re<Tab>", "y = return a + b"),
    Case("all but the end", SUM, "return a + <Tab>", "y = return a + b"),
    Case("goes on", SUM, "re<Tab>;", "y = return a + b;"),
    Case("leaves insert mode", SUM, "re<Tab><Esc>", "y = return a + b"),
    Case("one step of undo", SUM, "re<Tab><Esc>uA!", "y = !"),
    Case("disagrees", SUM, "rx<Tab>;", "y = rx\t;"),
    Case("disagrees at once", SUM, "x<Tab>", "y = x\t"),
    Case("nothing is left of it", SUM, "return a + b<Tab>", "y = return a + b\t"),
    Case("taken back and typed again", SUM, "rx<BS>e<Tab>", "y = return a + b"),
    Case("taken back too far", SUM, "<BS><BS>re<Tab>", "y re\t"),
    Case("taken back too far and put in otherwise", SUM, "<BS><BS>+ re<Tab>", "y + re\t"),
    Case("text behind", SUM, "re<Tab>", "y = return a + b; z", text="y = |; z"),
    Case("several lines", "return a\nb = 2", "re<Tab>!", "x\ny = return a\nb = 2!\nz", text="x\ny = |\nz"),
    Case("characters of all sizes", '"é漢😀" + z', '"é漢<Tab>', 'y = "é漢😀" + z'),
    Case("behind characters of all sizes", "漢漢😀()", "漢<Tab>", "é😀 = 漢漢😀()", text="é😀 = |"),
    Case("other characters of the same size", "漢字", "漠<Tab>", "y = 漠\t"),
    Case("a closer was typed", "foo(a, b)", "foo(<Tab>", "y = foo(a, b)", commands=PAIRS),
    Case("two closers were typed", 'p(f"{x}")', 'p(f"<Tab>;', 'y = p(f"{x}");', commands=PAIRS),
    Case("a closer before text", "foo(a[0], b)", "foo(<Tab>", "y = foo(a[0], b); z", "y = |; z", PAIRS),
    Case("a closer before a closer", "foo(a, b)", "foo(<Tab>", "y = (foo(a, b))", "y = (|)", PAIRS),
    Case("a closer that the suggestion leaves open", "foo(a,", "foo(<Tab>", "y = foo(a,)", commands=PAIRS),
    Case("a closer that is another's", "foo(a(b),", "foo(<Tab>", "y = foo(a(b),)", commands=PAIRS),
    Case("a line end and indentation", "\n    return a", "<CR>    re<Tab>", "f():\n    return a", "f():|"),
    Case("indentation by the editor", "\n        y = 1\n    z", "<CR>    y<Tab>!",
         "    f():\n        y = 1\n    z!\nlast", "    f():|\nlast", ("set autoindent",)),
    Case("another indentation", "\n    return a", "<CR>  re<Tab>", "f():\n  re\t", "f():|"),
    Case("indentation on an empty line", "    return a", "    re<Tab>", "f():\n    return a", "f():\n|"),
)  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def command(case: Case, folder: Path) -> list[str]:
    """Writes the file and says what starts the language server; it records what is accepted in folder/accepted."""
    (folder / "a.txt").write_text(case.text.replace("|", "") + "\n")
    return [sys.executable, str(SUGGEST), json.dumps({case.head: case.suggestion}), str(folder / "accepted")]


async def told(case: Case, folder: Path) -> None:
    """Returns when the server has been told once that its suggestion was accepted."""
    async with asyncio.timeout(60):
        while not (folder / "accepted").exists():
            await asyncio.sleep(0.02)
    while not (text := (folder / "accepted").read_text()).endswith("\n"):  # it is being written
        await asyncio.sleep(0.01)
    assert json.loads(text) == [{"head": case.head}]


async def finish(case: Case, folder: Path) -> None:
    if "\t" in case.becomes:
        assert not (folder / "accepted").exists()
    else:
        await told(case, folder)


@pytest.mark.vim
@each_case
async def test_in_vim(case: Case, tmp_path: Path) -> None:
    async with editing_in_vim(tmp_path, "a.txt", command(case, tmp_path), case.commands) as editor:
        editor.type(case.place)
        await editor.until("midstream#shown()", lambda text: text == case.suggestion)
        keys = case.keys
        for name, code in CODES.items():
            keys = keys.replace(name, code)
        editor.type(keys)
        await editor.until("getline(1, '$')", lambda lines: lines == case.becomes.split("\n"))
        await finish(case, tmp_path)


async def in_neovim(case: Case, folder: Path, native: bool, program: str, lua: str = "") -> None:
    setup: dict[str, object] = {"cmd": command(case, folder), "native": native}
    more = [lua, *(f"vim.cmd({json.dumps(line)})" for line in case.commands)]
    async with neovim(folder, "a.txt", setup, program, more) as editor:
        await editor.type(case.place)
        if native:
            await editor.until(NATIVE_GHOST, bool)
        else:
            await editor.shown(lambda text: text == case.suggestion)
        await editor.type(case.keys)
        await editor.until("getline(1, '$')", lambda lines: lines == case.becomes.split("\n"))
        await finish(case, folder)


@pytest.mark.neovim
@each_case
async def test_in_neovim(case: Case, tmp_path: Path) -> None:
    await in_neovim(case, tmp_path, False, "nvim")


@pytest.mark.neovim012
@each_case
@pytest.mark.parametrize("native", [False, True], ids=["own", "native"])
async def test_in_neovim_012(case: Case, native: bool, tmp_path: Path) -> None:
    await in_neovim(case, tmp_path, native, neovim_012() or "")


@pytest.mark.neovim012
async def test_in_a_neovim_whose_ranges_have_a_start(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "typed along")
    await in_neovim(case, tmp_path, True, neovim_012() or "", OTHER_RANGE)
