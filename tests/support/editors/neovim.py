"""A real Neovim with our plug-in, headless: keys in, values of expressions out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import lsp

PLUGIN = Path(lsp.__file__).parent / "editors" / "nvim"
CLIENTS = (
    "luaeval('#vim.tbl_filter(function(c) return c.initialized end, "
    "(vim.lsp.get_clients or vim.lsp.get_active_clients)())')"
)
"""How many language servers have answered `initialize`."""


def neovim_012() -> str | None:
    """The Neovim of MIDSTREAM_NEOVIM_012, else the one that `.ci/neovim-012` has unpacked, when it is there."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "midstream" / "neovim-0.12" / "nvim"
    return shutil.which(os.environ.get("MIDSTREAM_NEOVIM_012") or home)


class Neovim:
    """A headless Neovim, driven over its socket by a second one."""

    def __init__(self, program: str, socket: Path, environment: dict[str, str]) -> None:
        self._program, self._socket, self._environment = program, socket, environment

    async def remote(self, how: str, what: str) -> str:
        process = await asyncio.create_subprocess_exec(
            self._program, "--server", str(self._socket), how, what,
            env=self._environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await process.communicate()
        return (out + error).decode()

    async def type(self, keys: str) -> None:
        """All of them at once, as from a macro or over a slow line; special keys as `<Tab>`."""
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


@asynccontextmanager
async def neovim(
    folder: Path, file: str, setup: dict[str, object], program: str = "nvim", more: Sequence[str] = ()
) -> AsyncIterator[Neovim]:
    """With the plug-in set up and the file open, its language server running. `more` are lines of Lua before that."""
    init = folder / "init.lua"
    lines = [
        f"vim.opt.runtimepath:append({json.dumps(str(PLUGIN))})",
        *more,
        f"require('midstream').setup(vim.fn.json_decode([==[{json.dumps(setup)}]==]))",
    ]
    init.write_text("\n".join(lines))
    homes = ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    environment = {**os.environ, **dict.fromkeys(homes, str(folder))}
    process = await asyncio.create_subprocess_exec(
        program, "--headless", "--clean", "-u", str(init), "--listen", str(folder / "socket"), file,
        cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        editor = Neovim(program, folder / "socket", environment)
        await editor.until(CLIENTS, lambda count: count == 1)
        yield editor
    finally:
        process.terminate()
        await process.wait()
