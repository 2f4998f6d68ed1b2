"""An editor's part in the demo: opens files through a real `midstream lsp` process and asks for completions."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import xxhash
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from model.lines import split

LEAST_LINE = 12


@dataclass(frozen=True)
class CompletionPlace:
    """A cursor in a file whose rest of the line has not been written yet."""

    path: str
    before: str
    """The text up to the cursor."""
    wanted: str
    """What the file has there."""
    after: str

    @property
    def position(self) -> lsp.Position:
        *above, line = split(self.before + "|")
        return lsp.Position(len(above), len(line.encode("utf-16-le")) // 2 - 1)


@dataclass(frozen=True)
class CompletionAnswer:
    text: str
    model: str
    milliseconds: float


def places(files: list[tuple[str, str]], count: int) -> list[CompletionPlace]:
    """`count` places in the files, spread over them by a keyed hash, none twice."""
    candidates: list[tuple[int, CompletionPlace]] = []
    for path, text in files:
        lines = split(text)
        for number, line in enumerate(lines):
            if len(line.strip()) < LEAST_LINE or not line.isascii():
                continue
            key = xxhash.xxh3_64_intdigest(f"{path}:{number}".encode())
            indent = len(line) - len(line.lstrip())
            cut = indent + len(line.strip()) * (30 + key % 50) // 100
            before = "".join(lines[:number]) + line[:cut]
            rest = line[cut:].rstrip("\r\n")
            candidates.append(
                (key, CompletionPlace(path, before, rest, line[cut + len(rest) :] + "".join(lines[number + 1 :])))
            )
    return [place for _, place in sorted(candidates, key=lambda row: row[0])[:count]]


class Editor:
    """One language server process and its client."""

    def __init__(self, root: Path, server: str) -> None:
        self._root, self._server = root, server
        self._client = LanguageClient("midstream-demo", "1")
        self._versions: dict[str, int] = {}
        self.messages: list[str] = []
        for method in ("window/showMessage", "window/logMessage"):
            self._client.feature(method)(lambda params: self.messages.append(params.message))

    async def start(self) -> None:
        command = (sys.executable, "-m", "midstream", "lsp", "--server", self._server)
        await self._client.start_io(*command, start_new_session=True)  # a Ctrl-C in the terminal is ours alone
        capabilities = lsp.ClientCapabilities(
            text_document=lsp.TextDocumentClientCapabilities(inline_completion=lsp.InlineCompletionClientCapabilities())
        )
        answer = await self._client.initialize_async(
            lsp.InitializeParams(capabilities=capabilities, root_uri=self._root.as_uri())
        )
        if answer.capabilities.inline_completion_provider is None:
            raise RuntimeError("the language server does not offer inline completion")
        self._client.initialized(lsp.InitializedParams())

    async def complete(self, place: CompletionPlace) -> CompletionAnswer:
        """The first suggestion at the place, empty when there is none, and how long it took from the request."""
        uri = (self._root / place.path).as_uri()
        self._show(uri, place.before + place.after)
        began = time.perf_counter()
        answer = await self._client.text_document_inline_completion_async(
            lsp.InlineCompletionParams(
                context=lsp.InlineCompletionContext(trigger_kind=lsp.InlineCompletionTriggerKind.Automatic),
                text_document=lsp.TextDocumentIdentifier(uri=uri),
                position=place.position,
            )
        )
        took = 1000 * (time.perf_counter() - began)
        items = answer.items if isinstance(answer, lsp.InlineCompletionList) else list(answer or [])
        if not items:
            return CompletionAnswer("", "", took)
        text = items[0].insert_text
        arguments = items[0].command.arguments if items[0].command else None
        model = arguments[0].get("model", "") if arguments and isinstance(arguments[0], dict) else ""
        return CompletionAnswer(text if isinstance(text, str) else text.value, model, took)

    async def stop(self) -> None:
        await self._client.shutdown_async(None)
        self._client.exit(None)
        await self._client.stop()

    def _show(self, uri: str, text: str) -> None:
        """What an editor sends when the buffer holds this text."""
        version = self._versions[uri] = self._versions.get(uri, 0) + 1
        if version == 1:
            item = lsp.TextDocumentItem(uri=uri, language_id="python", version=1, text=text)
            self._client.text_document_did_open(lsp.DidOpenTextDocumentParams(text_document=item))
            return
        self._client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                text_document=lsp.VersionedTextDocumentIdentifier(uri=uri, version=version),
                content_changes=[lsp.TextDocumentContentChangeWholeDocument(text=text)],
            )
        )
