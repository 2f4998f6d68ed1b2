"""The language server as a program: without a server, without torch, with its options and plug-ins."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from lsp.options import LspOptions
from server.app import ServeConfig, Server
from server.client import DEFAULT_ADDRESS
from tests.support.editors.editor import editing
from tests.support.models.tiny import write_checkpoint
from tests.support.programs.ports import free_port
from tests.tree import ROOT


async def test_no_server_is_one_message_and_it_recovers(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with editing(tmp_path, address, options={"deadline_ms": 20_000}) as editor:
        editor.open("m1.py", "def load_")
        for character in (9, 8, 7):
            assert await editor.ask("m1.py", (0, character)) is None
        assert (
            editor.shown
            == [f"Midstream: no completion server answers at {address}; `midstream serve` starts one"]
            == editor.logged
        )
        server = Server(ServeConfig(tmp_path / "checkpoints", listen=address, grace_s=0.2))
        await server.start()
        try:
            await asyncio.to_thread(write_checkpoint, tmp_path / "checkpoints", 1)
            await asyncio.wait_for(server.ready(), 300)
            async with asyncio.timeout(30):
                while await editor.ask("m1.py", (0, 9)) is None:
                    await asyncio.sleep(0.05)
        finally:
            await server.stop()
        assert len(editor.shown) == 1 and editor.logged[-1] == "Midstream: the server answers again"


def test_it_starts_without_torch() -> None:
    code = "import lsp.app, sys; assert not {'torch', 'model', 'midstream'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_both_ends_agree_on_the_address() -> None:
    assert LspOptions().server == DEFAULT_ADDRESS == ServeConfig(Path()).listen


def test_the_plug_ins_come_with_it() -> None:
    command = [sys.executable, "-m", "midstream", "lsp", "--editors"]
    folder = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    for name in ("nvim/lua/midstream/init.lua", "vim/plugin/midstream.vim", "vscode/package.json"):
        assert (folder / name).is_file(), name


def test_every_option_is_in_the_manual() -> None:
    manual = (ROOT / "docs" / "editors.md").read_text()
    for option in fields(LspOptions):
        assert re.search(rf"^\| [^|]*`{option.name}`", manual, re.MULTILINE), option.name
