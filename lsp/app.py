"""The language server program: pygls on one side, the completion server's client on the other."""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import AsyncGenerator
from importlib.metadata import version
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from lsp import position
from lsp.context import Context, file_path, is_wanted, make_context, several_lines
from lsp.documents import Documents, OpenDocument, TextChange
from lsp.inline import Inline, Suggestion
from lsp.options import LspOptions, OptionsError
from server.access.secure import secure
from server.client import AsyncClient, NotAllowed, Piece, ServerError

logger = logging.getLogger("midstream.lsp")

ACCEPTED = "midstream.accepted"
"""The command of every item; its one argument is an object with `model`, `characters` and `uri`."""


class Protocol(LanguageServerProtocol):
    """Documents are kept by us: pygls ends lines where the protocol does not, at form feeds for one."""

    _server: MidstreamServer  # pyright: ignore[reportIncompatibleVariableOverride]

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        document = params.text_document
        self._server.documents.open(document.uri, document.language_id, document.text)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._server.documents.change(params.text_document.uri, map(_change, params.content_changes))

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._server.documents.close(params.text_document.uri)
        self._server.inline.close(params.text_document.uri)


class MidstreamServer(LanguageServer):
    """State of one editor's connection."""

    def __init__(self, options: LspOptions) -> None:
        super().__init__("midstream", version("midstream"), protocol_cls=Protocol)
        self.options = options
        self.documents = Documents()
        self.inline = Inline(self._ask)
        self._client: AsyncClient | None = None
        self._session = secrets.token_hex(4)
        self._trouble = ""

    def configure(self, params: types.InitializeParams) -> None:
        """Takes over the editor's options; a wrong one is told and none of them is used."""
        self.documents = Documents(self.protocol.workspace.position_encoding)  # pyright: ignore
        try:
            self.options = self.options.with_changes(params.initialization_options or {})
        except OptionsError as error:
            self.say(types.MessageType.Error, f"Midstream: initializationOptions: {error}")

    def folders(self) -> list[Path]:
        """The workspace's, those that may change while we run."""
        workspace = self.protocol.workspace
        uris = [*workspace.folders, *([workspace.root_uri] if workspace.root_uri else [])]
        return [folder for uri in uris if (folder := file_path(uri.rstrip("/")))]

    async def suggest(self, context: Context, several: bool, invoked: bool) -> Suggestion | None:
        """None also when the server cannot answer; the user is told once, until it answers again."""
        limit_ms = self.options.invoked_ms if invoked else self.options.deadline_ms
        try:
            suggestion = await self.inline.suggest(context, several, limit_ms / 1000, fresh=invoked)
        except ServerError as error:
            if isinstance(error, NotAllowed):
                await self._forget()  # the token of the file may be another by now
            self._report(str(error))
            return None
        if suggestion:
            self._report("")
        return suggestion

    def say(self, kind: types.MessageType, text: str) -> None:
        """Shown to the user, and kept in the editor's log."""
        self.window_show_message(types.ShowMessageParams(type=kind, message=text))
        self.window_log_message(types.LogMessageParams(type=kind, message=text))

    async def end(self) -> None:
        self.inline.close_all()
        await self._forget()

    async def _forget(self) -> None:
        """The next request connects anew."""
        client, self._client = self._client, None
        if client:
            await client.__aexit__(None, None, None)

    async def _ask(self, context: Context, several: bool) -> AsyncGenerator[Piece]:
        if self._client is None:
            o = self.options
            asking = secure(o.server_token_file, o.ca, o.certificate, o.key, o.tls, o.tls_name)
            self._client = AsyncClient(o.server, asking)
        tokens = self.options.multi_line_tokens if several else self.options.single_line_tokens
        pieces = self._client.stream(
            context.prefix,
            context.suffix,
            path=context.path,
            language=context.language,
            max_tokens=tokens,
            session=f"{self._session}:{context.uri}",
            model=self.options.model,
            single_line=not several,
        )
        async for piece in pieces:
            yield piece

    def _report(self, trouble: str) -> None:
        if trouble and not self._trouble:
            self.say(types.MessageType.Warning, f"Midstream: {trouble}")
        elif trouble != self._trouble:
            text = f"Midstream: {trouble or 'the server answers again'}"
            self.window_log_message(types.LogMessageParams(type=types.MessageType.Info, message=text))
        self._trouble = trouble


def build_items(options: LspOptions) -> MidstreamServer:
    """A server with its features; which kind of completion it offers is decided when the editor has said its own."""
    server = MidstreamServer(options)

    @server.feature(types.INITIALIZE)
    def initialize(ls: MidstreamServer, params: types.InitializeParams) -> None:
        ls.configure(params)
        document = params.capabilities.text_document
        if document and document.inline_completion:
            ls.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(_inline)
        else:
            ls.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions())(_popup)

    @server.feature(types.SHUTDOWN)
    async def shutdown(ls: MidstreamServer, params: None) -> None:
        await ls.end()

    @server.command(ACCEPTED)
    def accepted(ls: MidstreamServer, what: dict) -> None:
        logger.info("accepted %s characters of %s", what.get("characters"), what.get("model"))

    return server


async def _inline(ls: MidstreamServer, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    document = ls.documents.get(params.text_document.uri)
    if document is None or not is_wanted(document, ls.options):
        return types.InlineCompletionList(items=[])
    invoked = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
    selected = params.context.selected_completion_info
    start, end = _range(ls, document, selected.range if selected else types.Range(params.position, params.position))
    chosen = selected.text if selected else ""
    text = document.text[:start] + chosen + document.text[end:]
    context = make_context(OpenDocument(document.uri, document.language, text), start + len(chosen), ls.folders())
    suggestion = await ls.suggest(context, several_lines(context, ls.options), invoked)
    if suggestion is None:
        return types.InlineCompletionList(items=[])
    item = types.InlineCompletionItem(
        insert_text=chosen + suggestion.text,
        range=_shown_range(ls, document, start, end),
        command=_accepted(suggestion, document.uri),
    )
    return types.InlineCompletionList(items=[item])


async def _popup(ls: MidstreamServer, params: types.CompletionParams) -> types.CompletionList:
    """One line in the list of completions, for editors without inline ones: many insert no line breaks from there."""
    empty = types.CompletionList(is_incomplete=True, items=[])
    document = ls.documents.get(params.text_document.uri)
    if document is None or not is_wanted(document, ls.options):
        return empty
    at, _ = _range(ls, document, types.Range(params.position, params.position))
    context = make_context(document, at, ls.folders())
    suggestion = await ls.suggest(context, several=False, invoked=False)
    if suggestion is None:
        return empty
    word = _word_at_end(context.line_before)
    text = word + suggestion.text
    item = types.CompletionItem(
        label=text.strip(),
        kind=types.CompletionItemKind.Text,
        detail=f"Midstream {suggestion.model}",
        filter_text=text,
        sort_text="\x7f",
        text_edit=types.TextEdit(range=_shown_range(ls, document, at - len(word), at), new_text=text),
        command=_accepted(suggestion, document.uri),
    )
    return types.CompletionList(is_incomplete=True, items=[item])


def _accepted(suggestion: Suggestion, uri: str) -> types.Command:
    about = {"model": suggestion.model, "characters": len(suggestion.text), "uri": uri}
    return types.Command(title="Midstream: accepted", command=ACCEPTED, arguments=[about])


def _range(ls: MidstreamServer, document: OpenDocument, shown: types.Range) -> tuple[int, int]:
    """Indices of a range of the editor's; one that lies outside is moved to the text's nearest."""
    encoding = ls.documents.encoding
    start = position.offset(document.text, shown.start.line, shown.start.character, encoding)
    return start, max(start, position.offset(document.text, shown.end.line, shown.end.character, encoding))


def _shown_range(ls: MidstreamServer, document: OpenDocument, start: int, end: int) -> types.Range:
    places = (position.position(document.text, at, ls.documents.encoding) for at in (start, end))
    return types.Range(*(types.Position(line, character) for line, character in places))


def _word_at_end(line: str) -> str:
    at = len(line)
    while at and (line[at - 1].isalnum() or line[at - 1] == "_"):
        at -= 1
    return line[at:]


def _change(event: types.TextDocumentContentChangeEvent) -> TextChange:
    if isinstance(event, types.TextDocumentContentChangePartial):
        start, end = event.range.start, event.range.end
        return TextChange(event.text, (start.line, start.character), (end.line, end.character))
    return TextChange(event.text)


def serve(options: LspOptions) -> None:
    """Speaks LSP over stdin and stdout until the editor says exit or goes away. Exits with 1 without a shutdown."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)  # it would log messages, and so the user's text
    server = build_items(options)
    server.start_io()
    sys.exit(0 if server.protocol._shutdown else 1)
