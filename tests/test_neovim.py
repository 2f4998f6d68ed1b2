"""Neovim with our plug-in: typed keys in, ghost text seen, accepted, and the buffer's text."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tiny import write_checkpoint

import lsp
from server.app import ServeConfig, Server

pytestmark = pytest.mark.neovim

PLUGIN = Path(lsp.__file__).parent / "editors" / "nvim"
HEAD = "def load"


class Neovim:
    """A headless Neovim, driven over its socket by a second one."""

    def __init__(self, socket: Path, environment: dict[str, str]) -> None:
        self._socket, self._environment = socket, environment

    async def remote(self, how: str, what: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "nvim", "--server", str(self._socket), how, what,
            env=self._environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await process.communicate()
        return (out + error).decode()

    async def type(self, keys: str) -> None:
        await self.remote("--remote-send", keys)

    async def value(self, expression: str) -> object:
        """Of a Vim expression; None while Neovim does not answer yet."""
        try:
            return json.loads(await self.remote("--remote-expr", f"json_encode({expression})"))
        except json.JSONDecodeError:
            return None

    async def until(self, expression: str, fits: Callable[[object], bool]) -> object:
        """The expression's value as soon as it fits."""
        value: object = None
        try:
            async with asyncio.timeout(60):
                while not fits(value := await self.value(expression)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            messages = await self.value("execute('messages')")
            pytest.fail(f"{expression} stays {value!r}; messages: {messages}")
        return value

    async def shown(self, fits: Callable[[object], bool]) -> object:
        return await self.until("luaeval('require([[midstream]]).shown() or [[]]')", fits)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(ServeConfig(tmp_path / "checkpoints", listen="127.0.0.1:0", grace_s=0.2))
    await server.start()
    await asyncio.to_thread(write_checkpoint, tmp_path / "checkpoints", 1)
    await asyncio.wait_for(server.ready(), 30)
    yield server
    await server.stop()


@asynccontextmanager
async def neovim(folder: Path, file: str, setup: dict[str, object]) -> AsyncIterator[Neovim]:
    """With the plug-in set up and the file open, its language server running."""
    init = folder / "init.lua"
    lines = [
        f"vim.opt.runtimepath:append({json.dumps(str(PLUGIN))})",
        f"require('midstream').setup(vim.fn.json_decode([==[{json.dumps(setup)}]==]))",
    ]
    init.write_text("\n".join(lines))
    homes = ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    environment = {**os.environ, **dict.fromkeys(homes, str(folder))}
    process = await asyncio.create_subprocess_exec(
        "nvim", "--headless", "--clean", "-u", str(init), "--listen", str(folder / "socket"), file,
        cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        editor = Neovim(folder / "socket", environment)
        clients = "luaeval('#vim.tbl_filter(function(c) return c.initialized end, vim.lsp.get_active_clients())')"
        await editor.until(clients, lambda count: count == 1)
        yield editor
    finally:
        process.terminate()
        await process.wait()


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
