"""A real Vim with our plug-in in a terminal of its own: keys in, values of expressions out."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import lsp

PLUGIN = Path(lsp.__file__).parent / "editors" / "vim"


def vim() -> str | None:
    """A Vim that the plug-in works in, when there is one."""
    program = shutil.which("vim")
    asks = "if has('channel') && has('patch-9.0.0908') | quitall! | else | cquit! | endif"
    fits = program and subprocess.run([program, "-Nesu", "NONE", "-c", asks], stdin=subprocess.DEVNULL).returncode == 0
    return program if fits else None


class Vim:
    """A Vim that has opened a channel to us; `terminal` is the other end of its own."""

    def __init__(self, terminal: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._terminal, self._reader, self._writer = terminal, reader, writer
        self._asked = 0

    def type(self, keys: str) -> None:
        """All of them in one packet, as they come over a slow line."""
        data = keys.encode()
        assert os.write(self._terminal, data) == len(data)

    async def value(self, expression: str) -> object:
        self._asked -= 1
        self._writer.write(json.dumps(["expr", expression, self._asked]).encode() + b"\n")
        number, value = json.loads(await asyncio.wait_for(self._reader.readline(), 60))
        assert number == self._asked
        return value

    async def until(self, expression: str, fits: Callable[[object], bool]) -> object:
        """The expression's value as soon as it fits."""
        value: object = None
        try:
            async with asyncio.timeout(60):
                while not fits(value := await self.value(expression)):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            messages = await self.value("execute('messages')")
            pytest.fail(f"{expression} stays {value!r}; messages: {messages}")
        return value


async def _drain(terminal: int) -> None:
    """What Vim draws is read and thrown away, so that it never waits for us."""
    while True:
        try:
            os.read(terminal, 65536)
        except BlockingIOError:
            await asyncio.sleep(0.01)
        except OSError:  # Vim has gone
            return


@asynccontextmanager
async def editing_in_vim(
    folder: Path, file: str, command: Sequence[str], more: Sequence[str] = ()
) -> AsyncIterator[Vim]:
    """With the plug-in and the file open; `more` are lines of Vim script before that."""
    connected: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    listener = await asyncio.start_server(lambda *ends: connected.put_nowait(ends), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    lines = [
        f"let &runtimepath .= ',' . {json.dumps(str(PLUGIN))}",
        f"let g:midstream_command = {json.dumps(list(command))}",
        *more,
        "set backspace=indent,eol,start",
        f"autocmd VimEnter * let g:tests = ch_open('127.0.0.1:{port}', #{{mode: 'json'}})",
    ]
    (folder / "vimrc").write_text("\n".join(lines) + "\n")
    ours, its = pty.openpty()
    os.set_blocking(ours, False)
    process = await asyncio.create_subprocess_exec(
        "vim", "-N", "-n", "-i", "NONE", "-u", str(folder / "vimrc"), file,
        cwd=folder, env={**os.environ, "TERM": "xterm", "HOME": str(folder)}, stdin=its, stdout=its, stderr=its,
        start_new_session=True,
    )  # fmt: skip
    os.close(its)
    drain = asyncio.create_task(_drain(ours))
    try:
        reader, writer = await asyncio.wait_for(connected.get(), 60)
        try:
            yield Vim(ours, reader, writer)
        finally:
            writer.close()
    finally:
        process.terminate()
        await process.wait()
        drain.cancel()
        os.close(ours)
        listener.close()
