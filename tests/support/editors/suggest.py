"""A language server that suggests what it is told to: `suggest.py '{"line before the cursor": "suggestion"}' FILE`.

It answers as `midstream lsp` does, one item with the command `midstream.accepted`, and writes the arguments of every
command that it is sent as a line of FILE."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Message = dict[str, Any]


def read() -> Message | None:
    """None when the editor has gone."""
    size = 0
    while (line := sys.stdin.buffer.readline()).strip():
        name, _, value = line.decode().partition(":")
        size = int(value) if name.lower() == "content-length" else size
    return json.loads(sys.stdin.buffer.read(size)) if size else None


def write(message: Message) -> None:
    data = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
    sys.stdout.buffer.flush()


class Suggest:
    """The open documents by URI, and what is suggested behind which text."""

    def __init__(self, table: dict[str, str], record: Path) -> None:
        self.table, self.record = table, record
        self.texts: dict[str, str] = {}
        self.encoding = "utf-16-le"

    def answer(self, method: str, params: Message) -> object:
        if method == "initialize":
            return self.initialize(params)
        if method in ("textDocument/didOpen", "textDocument/didChange"):
            changes = params.get("contentChanges") or [params["textDocument"]]
            self.texts[params["textDocument"]["uri"]] = changes[-1]["text"]
        if method == "textDocument/inlineCompletion":
            return {"items": self.items(params)}
        if method == "workspace/executeCommand":
            with self.record.open("a") as file:
                file.write(json.dumps(params["arguments"]) + "\n")
        return None

    def initialize(self, params: Message) -> Message:
        encodings = params["capabilities"].get("general", {}).get("positionEncodings") or ["utf-16"]
        self.encoding = "utf-8" if encodings[0] == "utf-8" else "utf-16-le"
        capabilities = {
            "positionEncoding": encodings[0],
            "textDocumentSync": {"openClose": True, "change": 1},
            "inlineCompletionProvider": {},
            "executeCommandProvider": {"commands": ["midstream.accepted"]},
        }
        return {"capabilities": capabilities}

    def items(self, params: Message) -> list[Message]:
        position = params["position"]
        line = self.texts[params["textDocument"]["uri"]].split("\n")[position["line"]].encode(self.encoding)
        width = 1 if self.encoding == "utf-8" else 2
        before = line[: position["character"] * width].decode(self.encoding)
        if before not in self.table:
            return []
        command = {"title": "", "command": "midstream.accepted", "arguments": [{"head": before}]}
        item = {"insertText": self.table[before], "range": {"start": position, "end": position}, "command": command}
        return [item]


def serve(suggest: Suggest) -> None:
    while (message := read()) is not None and message.get("method") != "exit":
        if "method" not in message:
            continue
        result = suggest.answer(message["method"], message.get("params") or {})
        if "id" in message:
            write({"id": message["id"], "result": result})


if __name__ == "__main__":
    serve(Suggest(json.loads(sys.argv[1]), Path(sys.argv[2])))
