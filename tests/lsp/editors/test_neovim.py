"""Neovim with our plug-in: typed keys in, ghost text seen, accepted, and the buffer's text."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.app import ServeConfig, Server
from tests.support.editors.neovim import Neovim, neovim
from tests.support.models.tiny import write_checkpoint

pytestmark = pytest.mark.neovim

HEAD = "def load"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(ServeConfig(tmp_path / "checkpoints", listen="127.0.0.1:0", grace_s=0.2))
    await server.start()
    await asyncio.to_thread(write_checkpoint, tmp_path / "checkpoints", 1)
    await asyncio.wait_for(server.ready(), 300)
    yield server
    await server.stop()


def midstream(server: Server) -> dict[str, object]:
    return {"cmd": [sys.executable, "-m", "midstream", "lsp", "--server", server.address]}


@pytest.fixture
async def editor(server: Server, tmp_path: Path) -> AsyncIterator[Neovim]:
    (tmp_path / "m1.py").write_text("# a file\n\n# its end\n")
    async with neovim(tmp_path, "m1.py", midstream(server)) as editor:
        yield editor


async def test_ghost_text_is_shown_typed_along_and_accepted(editor: Neovim, server: Server) -> None:
    await editor.type(f"jA{HEAD}")
    ghost = await editor.shown(bool)
    assert isinstance(ghost, str) and len(ghost) > 3 and "(" in ghost
    marks = await editor.value("nvim_buf_get_extmarks(0, nvim_create_namespace('midstream'), 0, -1, {'details': 1})")
    ((_, row, column, details),) = marks
    assert (row, column, details["virt_text"][0]) == (1, len(HEAD), [ghost, "MidstreamGhost"])

    await editor.type(ghost[0])
    assert await editor.shown(lambda text: text == ghost[1:])
    await editor.type("<Tab>")
    lines = await editor.until("getline(1, '$')", lambda value: HEAD in str(value) and "(" in str(value))
    assert lines == ["# a file", HEAD + ghost, "# its end"]
    assert await editor.value("getpos('.')[1:2]") == [2, len(HEAD + ghost) + 1]
    await editor.type("<Esc>u")
    assert await editor.until("mode()", lambda mode: mode == "n")
    assert await editor.value("getline(2)") == "", "the line is one step of undo"


async def test_leaving_insert_mode_takes_the_ghost_away(editor: Neovim) -> None:
    await editor.type(f"jA{HEAD}")
    await editor.shown(bool)
    await editor.type("<Esc>")
    assert await editor.shown(lambda text: text == "") == ""
    assert await editor.value("nvim_buf_get_extmarks(0, nvim_create_namespace('midstream'), 0, -1, {})") == []
    assert await editor.value("getline(1, '$')") == ["# a file", HEAD, "# its end"]


async def test_tab_is_itself_when_nothing_is_shown(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("a\n")
    async with neovim(tmp_path, ".env", midstream(server)) as editor:
        await editor.type("A<Tab>x<Esc>")
        assert await editor.until("getline(1)", lambda line: str(line).endswith("x")) == "a\tx"


async def test_without_a_server_one_can_write(tmp_path: Path) -> None:
    (tmp_path / "m1.py").write_text("\n")
    command = [sys.executable, "-m", "midstream", "lsp", "--server", "127.0.0.1:1"]
    async with neovim(tmp_path, "m1.py", {"cmd": command}) as editor:
        await editor.type("Adef load")
        said = await editor.until("execute('messages')", lambda text: "no completion server answers" in str(text))
        assert str(said).count("no completion server answers") == 1
        await editor.type("_x<Esc>")
        assert await editor.until("mode()", lambda mode: mode == "n")
        assert await editor.value("getline(1)") == "def load_x"
