"""A real language client that starts the real `midstream lsp` and speaks to it over stdio."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

INLINE = types.TextDocumentClientCapabilities(inline_completion=types.InlineCompletionClientCapabilities())
POPUP = types.TextDocumentClientCapabilities(completion=types.CompletionClientCapabilities())
AUTOMATIC, INVOKED = types.InlineCompletionTriggerKind.Automatic, types.InlineCompletionTriggerKind.Invoked


class Editor:
    """Opens, edits and asks, as an editor does. Positions are (line, character) in the agreed units."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.shown: list[str] = []
        self.logged: list[str] = []
        self.capabilities = types.ServerCapabilities()
        client.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self.shown.append(params.message))
        client.feature(types.WINDOW_LOG_MESSAGE)(lambda params: self.logged.append(params.message))

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str, language: str = "python") -> None:
        document = types.TextDocumentItem(self.uri(name), language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))

    def close(self, name: str) -> None:
        document = types.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(document))

    def edit(self, name: str, *changes: tuple[tuple[int, int], tuple[int, int], str]) -> None:
        """Changes of one notification: start, end, new text."""
        document = types.VersionedTextDocumentIdentifier(2, self.uri(name))
        events: Sequence[types.TextDocumentContentChangeEvent] = [
            types.TextDocumentContentChangePartial(types.Range(types.Position(*start), types.Position(*end)), text)
            for start, end, text in changes
        ]
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, events))

    def replace(self, name: str, text: str) -> None:
        document = types.VersionedTextDocumentIdentifier(2, self.uri(name))
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [whole]))

    async def ask(
        self,
        name: str,
        at: tuple[int, int],
        kind: types.InlineCompletionTriggerKind = AUTOMATIC,
        selected: types.SelectedCompletionInfo | None = None,
    ) -> types.InlineCompletionItem | None:
        """The one item, or None."""
        answer = await self.client.text_document_inline_completion_async(
            types.InlineCompletionParams(
                types.InlineCompletionContext(kind, selected),
                types.TextDocumentIdentifier(self.uri(name)),
                types.Position(*at),
            )
        )
        assert isinstance(answer, types.InlineCompletionList) and len(answer.items) <= 1
        return answer.items[0] if answer.items else None

    async def quit(self) -> int:
        """The exit code of the language server."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        return await self.ended()

    async def ended(self) -> int:
        process = self.client._server
        assert process is not None
        return await asyncio.wait_for(process.wait(), 20)


@asynccontextmanager
async def editing(
    folder: Path,
    server: str,
    *,
    capabilities: types.TextDocumentClientCapabilities = INLINE,
    encodings: Sequence[types.PositionEncodingKind] | None = None,
    options: dict[str, object] | None = None,
) -> AsyncIterator[Editor]:
    """An editor of `folder` whose language server asks the completion server at `server`."""
    editor = Editor(LanguageClient("tests", "1"), folder)
    await editor.client.start_io(sys.executable, "-W", "error", "-m", "midstream", "lsp", "--server", server)
    general = types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None
    result = await editor.client.initialize_async(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(text_document=capabilities, general=general),
            root_uri=folder.as_uri(),
            initialization_options=options,
        )
    )
    editor.capabilities = result.capabilities
    editor.client.initialized(types.InitializedParams())
    try:
        yield editor
    finally:
        process = editor.client._server
        if process and process.returncode is None:
            process.terminate()
        await editor.client.stop()
