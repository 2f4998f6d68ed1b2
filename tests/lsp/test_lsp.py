"""The language server as an editor meets it: a real process over stdio, a real completion server, a model that has
learnt forty files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lsp.trim import trim
from server.app import ServeConfig, Server
from server.client import AsyncClient
from tests.support.editors.editor import INVOKED, POPUP, Editor, editing
from tests.support.models.tiny import texts, write_checkpoint

FILE = "\n\n\n".join(texts()[20].split("\n\n\n")[:2]) + "\n"
HEAD = FILE[:9]
"""`def load_`, in a file that the model knows by heart."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(ServeConfig(tmp_path / "checkpoints", listen="127.0.0.1:0", grace_s=0.2))
    await server.start()
    await asyncio.to_thread(write_checkpoint, tmp_path / "checkpoints", 1)
    await asyncio.wait_for(server.ready(), 300)
    yield server
    await server.stop()


@pytest.fixture
async def editor(server: Server, tmp_path: Path) -> AsyncIterator[Editor]:
    async with editing(tmp_path, server.address, options={"deadline_ms": 20_000}) as editor:
        yield editor


@pytest.fixture
async def wordy(server: Server, tmp_path: Path) -> AsyncIterator[Editor]:
    """An editor whose answers take many tokens, so that a message that follows at once comes before them."""
    options = {"deadline_ms": 20_000, "invoked_ms": 20_000, "multi_line": "always"}
    async with editing(tmp_path, server.address, options=options) as editor:
        yield editor


@pytest.fixture
def gate(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The engine takes no step until it is set: what was asked before that is not answered, on a slow machine too."""
    gate, step = threading.Event(), server.engine.step

    def held() -> None:
        gate.wait()
        step()

    monkeypatch.setattr(server.engine, "step", held)
    yield gate
    gate.set()


async def expected(server: Server, prefix: str, suffix: str = "", path: str = "m1.py", single_line: bool = True) -> str:
    """What the completion server itself says, trimmed."""
    async with AsyncClient(server.address) as client:
        answer = await client.complete(prefix, suffix, path=path, language="python", single_line=single_line)
    return trim(prefix, answer.text, suffix)


async def idle(server: Server) -> int:
    """The engine's rounds once nothing runs any more."""
    async with asyncio.timeout(20):
        while server.engine.active:
            await asyncio.sleep(0.005)
    return server.engine.rounds


async def test_inline_completion_is_advertised_and_nothing_else(editor: Editor) -> None:
    assert editor.capabilities.inline_completion_provider == types.InlineCompletionOptions()
    assert editor.capabilities.completion_provider is None
    assert editor.capabilities.text_document_sync.change is types.TextDocumentSyncKind.Incremental
    assert editor.capabilities.text_document_sync.open_close


async def test_what_was_learnt_is_suggested(editor: Editor, server: Server) -> None:
    editor.open("m1.py", HEAD)
    item = await editor.ask("m1.py", (0, 9))
    assert item is not None and item.insert_text == await expected(server, HEAD) != ""
    assert item.range == types.Range(types.Position(0, 9), types.Position(0, 9))
    assert item.command is not None and item.command.command == "midstream.accepted"
    (about,) = item.command.arguments
    assert about["model"] == server.engine.served.version and about["characters"] == len(item.insert_text)
    accepted = types.ExecuteCommandParams(item.command.command, item.command.arguments)
    assert await editor.client.workspace_execute_command_async(accepted) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_positions_behind_characters_of_all_sizes(server: Server, tmp_path: Path, encoding: str) -> None:
    before, after = "# é漢😀😀 def ", "load_x"
    assert await expected(server, before, after) != await expected(server, before + after[:2], after[2:])
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    at = len(before.encode(encoding.replace("6", "6-le").replace("32", "32-le"))) // width
    async with editing(tmp_path, server.address, encodings=[types.PositionEncodingKind(encoding)]) as editor:
        assert editor.capabilities.position_encoding == encoding
        editor.open("m1.py", "\n" + before + after)
        item = await editor.ask("m1.py", (1, at), INVOKED)
        assert item is not None and item.insert_text == await expected(server, "\n" + before, after)
        assert item.range == types.Range(types.Position(1, at), types.Position(1, at))
        editor.edit("m1.py", ((1, at), (1, at + 6), ""), ((0, 0), (1, at - 4), ""))
        item = await editor.ask("m1.py", (0, 4), INVOKED)
        assert item is not None and item.insert_text == await expected(server, "def ")


async def test_edits_in_turn_and_form_feeds_are_no_line_ends(editor: Editor, server: Server) -> None:
    editor.open("m1.py", "a\fb\r\nxyz\rlast")
    editor.edit("m1.py", ((1, 0), (1, 3), "def "), ((0, 0), (1, 0), ""), ((0, 4), (9, 9), "load"))
    item = await editor.ask("m1.py", (0, 8))
    assert item is not None and item.insert_text == await expected(server, "def load")
    editor.replace("m1.py", "def save")
    item = await editor.ask("m1.py", (7, 7))
    assert item is not None and item.insert_text == await expected(server, "def save")
    assert item.range.start == types.Position(0, 8)


async def test_of_many_quick_requests_only_the_last_is_answered(
    wordy: Editor, server: Server, gate: threading.Event
) -> None:
    wordy.open("m1.py", FILE)
    places = [(line, character) for character in (8, 7, 6, 5, 3, 2, 4) for line in (1, 4, 0)][1:]
    *older, last = [asyncio.create_task(wordy.ask("m1.py", at)) for at in places]
    assert len(older) == 19 and await asyncio.gather(*older) == [None] * 19
    gate.set()
    item = await last
    assert item is not None and item.range.start == types.Position(0, 4)
    rounds = await idle(server)
    await asyncio.sleep(0.1)
    assert server.engine.rounds == rounds and not server.engine.active


async def test_a_superseded_request_does_not_take_the_newer_one_with_it(
    wordy: Editor, server: Server, gate: threading.Event
) -> None:
    wordy.open("m1.py", HEAD)
    old, new = [asyncio.create_task(wordy.ask("m1.py", at)) for at in ((0, 4), (0, 9))]
    assert await old is None
    gate.set()
    item = await new
    assert item is not None and item.insert_text.startswith(await expected(server, HEAD))


async def test_what_is_typed_along_needs_no_server(editor: Editor, server: Server) -> None:
    editor.open("m1.py", HEAD)
    item = await editor.ask("m1.py", (0, 9))
    assert item is not None and len(item.insert_text) > 3
    whole = item.insert_text
    rounds = await idle(server)
    for typed in range(1, 3):
        editor.edit("m1.py", ((0, 8 + typed), (0, 8 + typed), whole[typed - 1]))
        item = await editor.ask("m1.py", (0, 9 + typed))
        assert item is not None and item.insert_text == whole[typed:]
    assert server.engine.rounds == rounds
    await server.stop()
    editor.edit("m1.py", ((0, 11), (0, 11), whole[2]))
    item = await editor.ask("m1.py", (0, 12))
    assert item is not None and item.insert_text == whole[3:] and not editor.shown


async def test_at_the_deadline_it_goes_on_into_the_cache(server: Server, tmp_path: Path) -> None:
    async with editing(tmp_path, server.address, options={"deadline_ms": 1, "multi_line": "always"}) as editor:
        editor.open("m1.py", HEAD)
        await editor.ask("m1.py", (0, 9))
        async with asyncio.timeout(20):
            while not server.engine.rounds:
                await asyncio.sleep(0.005)
        rounds = await idle(server)
        item = await editor.ask("m1.py", (0, 9))
        assert item is not None and item.insert_text
        assert (await expected(server, HEAD, single_line=False)).startswith(item.insert_text)
    assert rounds > 5


async def test_a_cancelled_request_is_answered_so_and_its_generation_ends(wordy: Editor, server: Server) -> None:
    wordy.open("m1.py", FILE)
    asking = wordy.client.protocol.send_request_async(
        types.TEXT_DOCUMENT_INLINE_COMPLETION,
        types.InlineCompletionParams(
            types.InlineCompletionContext(INVOKED),
            types.TextDocumentIdentifier(wordy.uri("m1.py")),
            types.Position(0, 4),
        ),
        msg_id="mine",
    )
    wordy.client.cancel_request(types.CancelParams(id="mine"))
    with pytest.raises(JsonRpcException) as caught:
        await asking
    assert caught.value.code == types.LSPErrorCodes.RequestCancelled
    await idle(server)
    assert await wordy.ask("m1.py", (0, 4)) is not None, "it still answers"


async def test_asked_for_by_the_user_it_is_the_newest_model(editor: Editor, server: Server, tmp_path: Path) -> None:
    editor.open("m1.py", HEAD)
    first = await editor.ask("m1.py", (0, 9))
    await asyncio.to_thread(write_checkpoint, tmp_path / "checkpoints", 2, 1)
    async with asyncio.timeout(30):
        while server.engine.served.manifest.step != 2:
            await asyncio.sleep(0.02)
    second = await editor.ask("m1.py", (0, 9), INVOKED)
    assert first is not None and second is not None
    models = [item.command.arguments[0]["model"][:13] for item in (first, second)]
    assert models == ["step-00000001", "step-00000002"]


async def test_what_a_popup_has_selected_is_part_of_the_text(editor: Editor, server: Server) -> None:
    editor.open("m1.py", "def lo")
    range_ = types.Range(types.Position(0, 4), types.Position(0, 6))
    item = await editor.ask("m1.py", (0, 6), selected=types.SelectedCompletionInfo(range_, "load_"))
    assert item is not None and item.range == range_
    assert item.insert_text == "load_" + await expected(server, HEAD)


async def test_secrets_and_other_languages_are_never_sent(server: Server, tmp_path: Path) -> None:
    options: dict[str, object] = {"languages": ["python"], "ignored": ["*.sql"]}
    async with editing(tmp_path, server.address, options=options) as editor:
        rounds = server.engine.rounds
        private = ((name, "python") for name in (".env", "keys/id_rsa", "prod.env", "a.sql"))
        for name, language in (*private, ("m1.py", "rust")):
            editor.open(name, HEAD, language)
            assert await editor.ask(name, (0, 9)) is None
        assert server.engine.rounds == rounds
        editor.open("m2.py", HEAD)
        assert await editor.ask("m2.py", (0, 9), INVOKED) is not None


async def test_a_closed_document_has_no_suggestion(editor: Editor) -> None:
    editor.open("m1.py", HEAD)
    editor.close("m1.py")
    assert await editor.ask("m1.py", (0, 9)) is None


async def test_without_inline_capability_one_line_is_offered_in_the_popup(server: Server, tmp_path: Path) -> None:
    async with editing(tmp_path, server.address, capabilities=POPUP, options={"deadline_ms": 20_000}) as editor:
        assert editor.capabilities.inline_completion_provider is None
        assert editor.capabilities.completion_provider is not None
        editor.open("m1.py", HEAD)
        at = types.CompletionParams(types.TextDocumentIdentifier(editor.uri("m1.py")), types.Position(0, 9))
        answer = await editor.client.text_document_completion_async(at)
        assert isinstance(answer, types.CompletionList) and answer.is_incomplete
        (item,) = answer.items
        text = "load_" + await expected(server, HEAD)
        assert item.filter_text == item.text_edit.new_text == text and "\n" not in text
        assert item.text_edit.range == types.Range(types.Position(0, 4), types.Position(0, 9))
        assert server.engine.served.version in item.detail


async def test_a_wrong_option_is_told_and_the_rest_works(server: Server, tmp_path: Path) -> None:
    async with editing(tmp_path, server.address, options={"dead_line": 1}) as editor:
        editor.open("m1.py", HEAD)
        assert await editor.ask("m1.py", (0, 9), INVOKED) is not None
        assert len(editor.shown) == 1 and "unknown dead_line; known are server, server_token_file" in editor.shown[0]


async def test_shutdown_then_exit_ends_with_0_and_silence(editor: Editor) -> None:
    editor.open("m1.py", HEAD)
    await editor.ask("m1.py", (0, 9))
    assert await editor.quit() == 0
    assert await editor.client._server.stderr.read() == b""


async def test_an_editor_that_goes_away_ends_it(editor: Editor) -> None:
    editor.client._server.stdin.close()
    assert await editor.ended() == 1


async def test_nothing_of_the_text_is_logged(editor: Editor) -> None:
    editor.open("m1.py", "secret_word = 1\ndef load_")
    await editor.ask("m1.py", (1, 9))
    body = b'{"jsonrpc":"2.0","id":99,"method":"textDocument/inlineCompletion","params":{"secret_word":1}}'
    editor.client._server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    editor.edit("m1.py", ((0, 0), (0, 0), "secret_word"))
    await editor.quit()
    assert b"secret_word" not in await editor.client._server.stderr.read()
