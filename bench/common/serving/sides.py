"""Both sides as one thing that is asked: text pieces of an answer to a context, until the asker reads no more."""

from __future__ import annotations

import asyncio
import codecs
import json
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from common.decode.peer import Unavailable, _folder, _program
from common.serving.models import Model
from common.serving.program import Program
from lsp.context import Context
from model.fim.formats import STARCODER
from server.client import AsyncClient
from server.prompt import build

SCRIPT = Path(__file__).with_name("peer.mjs")
BATCH = 512
"""llama.cpp's tokens of a batch, its usual ones."""


@dataclass(frozen=True)
class Question:
    """What one key asks."""

    user: int
    context: Context
    most: int
    """Tokens of the answer."""
    single_line: bool


class Side(Protocol):
    """A server that is asked."""

    @property
    def pid(self) -> int: ...

    def ask(self, question: Question) -> AsyncGenerator[str]:
        """Pieces of the answer, up to a line's end where one line is wanted. Closing it ends the request."""
        ...


class Ours:
    """`midstream serve` over gRPC, one channel for all users, as `midstream lsp` asks: a newer request of a session
    ends the older one."""

    def __init__(self, program: Program, client: AsyncClient) -> None:
        self._client, self.pid = client, program.pid

    async def ask(self, question: Question) -> AsyncGenerator[str]:
        context = question.context
        pieces = self._client.stream(
            context.prefix, context.suffix, path=context.path, language=context.language, max_tokens=question.most,
            session=f"user-{question.user}", single_line=question.single_line,
        )  # fmt: skip
        async with aclosing(pieces):  # pyright: ignore[reportArgumentType]
            async for piece in pieces:
                if piece.text:
                    yield piece.text


@dataclass(frozen=True)
class Way:
    """How llama.cpp runs."""

    threads: int
    flash: bool
    """Flash attention."""
    heal: bool = True
    """The prompt ends before the word at the cursor, and a bias has the answer begin with it, as our server does it."""


class LlamaCpp:
    """node-llama-cpp in a process of its own, over a socket a user.

    It gets token ids, made beforehand, in the order (suffix before prefix) and with the cuts of our server, so
    that what is typed stands at the prompt's end.
    """

    def __init__(self, model: Model, users: int, way: Way) -> None:
        """Raises Unavailable."""
        self._model, self._way = model, way
        self._bytes_of = model.tokenizer.bytes_of
        sizes = [model.spec.context, users, way.threads, BATCH, int(way.flash)]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps([data.decode("latin-1") for data in self._bytes_of]))
            file.flush()
            command = [_program("node"), str(SCRIPT), str(_folder()), str(model.gguf), *map(str, sizes), file.name]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.pid = self._process.pid
            assert self._process.stdout is not None
            port = self._process.stdout.readline().strip()
        if not port:
            raise Unavailable(f"llama.cpp ended with {self._process.wait()}")
        self._port, self._lines = int(port), dict[int, _Line]()
        self._made = dict[tuple[Context, int], tuple[list[int], bytes]]()

    def prepare(self, question: Question) -> tuple[list[int], bytes]:
        """Token ids, and what the answer begins with again. Made once."""
        key = question.context, question.most
        if key not in self._made:
            context, tokenizer = question.context, self._model.tokenizer
            room = self._model.spec.context - question.most
            prompt = build(STARCODER, tokenizer, context.path, context.prefix, context.suffix, room)
            again = tokenizer.encode(prompt.healed.decode(errors="replace"))
            self._made[key] = (prompt.ids, prompt.healed) if self._way.heal else ([*prompt.ids, *again], b"")
        return self._made[key]

    async def open(self, users: int) -> None:
        for user in range(users):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._lines[user] = _Line(reader, writer)

    async def ask(self, question: Question) -> AsyncGenerator[str]:
        ids, healed = self.prepare(question)
        decoder, left = codecs.getincrementaldecoder("utf-8")("replace"), len(healed)
        about = {"ids": ids, "most": question.most, "stops": question.single_line, "again": healed.decode("latin-1")}
        async with aclosing(self._lines[question.user].ask(about)) as tokens:
            async for token in tokens:
                data = self._bytes_of[token][left:]
                left = max(0, left - len(self._bytes_of[token]))
                text = decoder.decode(data)
                if question.single_line and "\n" in text:
                    yield text.partition("\n")[0]
                    return
                if text:
                    yield text

    async def close(self) -> None:
        for line in self._lines.values():
            line.close()
        self._process.terminate()
        self._process.communicate()


class _Line:
    """One user's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer, self._number = writer, 0
        self._answers = dict[int, asyncio.Queue[int]]()
        self._reading = asyncio.create_task(self._read(reader))

    def tell(self, message: dict[str, Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def ask(self, about: dict[str, Any]) -> AsyncGenerator[int]:
        self._number += 1
        number, tokens = self._number, asyncio.Queue[int]()
        self._answers[number] = tokens
        self.tell({"id": number, **about})
        try:
            while (token := await tokens.get()) >= 0:
                yield token
            if token < -1:
                raise RuntimeError("llama.cpp failed")
        finally:
            del self._answers[number]
            self.tell({"id": number, "cancel": True})

    async def _read(self, reader: asyncio.StreamReader) -> None:
        async for line in reader:
            number, token = map(int, line.split())
            if number in self._answers:
                self._answers[number].put_nowait(token)

    def close(self) -> None:
        self._reading.cancel()
        self._writer.close()
