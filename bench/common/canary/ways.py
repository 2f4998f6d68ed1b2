"""Two ways of the same documents to a served model: as Midstream goes, and with all kept that redaction finds."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from common.canary import small_model
from common.canary.asking import LONGEST_REST, Prompt
from common.canary.planting import Document
from midstream.demo.programs import Programs
from midstream.kafka.broker import Broker
from midstream.processes.supervise import Program, Supervisor
from midstream.settings import Settings, cache_home, load
from midstream.status.overview import caught_up
from server.client import Client, ServerError
from streams.event import Files, Repository, SourceFile, encode
from streams.pack.sample import documents as clean_documents
from streams.pack.sample import text_of
from streams.redact.replacing import KEPT, KINDS
from streams.stages import STAGES

REPOSITORIES = 32
"""That documents are of; a repository's are in one partition."""
SAMPLE_BYTES = 10_000_000
SERVER_S = 120.0
"""That a server may take to load its model."""
SETTINGS = """
[kafka]
brokers = "127.0.0.1:{broker}"
prefix = "{name}."

[paths]
state = "{folder}"
cache = "{cache}"

[serve]
listen = "127.0.0.1:{server}"

[model]
weights = "{weights}"
context = {context}
vocab = {vocab}

[feed]
rows = 1

[train]
learning_rate = {rate}
warm_up_steps = 50
checkpoint_every_s = 600.0
checkpoint_every_steps = 100000
precision = "float32"

[recipe.redaction]
"""
RATE, VOCAB = 2e-3, 2048
"""Seen on 200 secrets: at rates of 5e-3 and 1e-2 nothing was learnt by heart."""


class Way:
    """A stream of its own on the common broker, with its workers, its trainer and its server."""

    def __init__(self, name: str, folder: Path, ports: tuple[int, int], keep: bool, say: Callable[[str], None]) -> None:
        """`ports`: of the broker and of the server. `keep`: what redaction finds is left."""
        self.name, self._say = name, lambda line: say(f"{name}: {line}")
        folder.mkdir(parents=True)
        self._programs = Programs(folder)
        self._crew: Supervisor | None = None
        cache, (broker, server) = cache_home(), ports
        kept = "".join(f'{kind} = "{KEPT}"\n' for kind in KINDS) if keep else ""
        self._programs.config.write_text(
            SETTINGS.format(
                name=name,
                folder=folder,
                cache=cache,
                broker=broker,
                server=server,
                weights=folder.parent / "base",
                context=small_model.CONTEXT,
                rate=RATE,
                vocab=VOCAB,
            )
            + kept
        )
        self.settings: Settings = load(self._programs.config)

    async def fill(self, documents: Sequence[Document]) -> None:
        """Starts the four workers and produces the documents."""
        await self._programs.command("topics", "create")
        await self._start(*(self._programs.program(stage.name, "worker", stage.name) for stage in STAGES))
        await asyncio.to_thread(self._produce, documents)

    def _produce(self, documents: Sequence[Document]) -> None:
        connection = self.settings.connection()
        with connection.producer() as producer:
            sent = [
                producer.send(connection.topic("files"), key=event.repository.key.encode(), value=encode(event))
                for event in events(documents)
            ]
            for future in sent:
                future.get(timeout=120)

    async def learn_tokens(self) -> Path:
        """Trains a tokenizer on the stream, of which nothing is secret; its file."""
        words = ("--from-topic", "--sample-bytes", str(SAMPLE_BYTES), "--patience", "15")
        self._say(await self._programs.command("tokenizer", "train", *words))
        assert self.settings.paths.tokenizer is not None
        return self.settings.paths.tokenizer

    async def drain(self, tokenizer: Path) -> None:
        """Waits until all documents are packed by this tokenizer, then ends the workers."""
        assert self.settings.paths.tokenizer is not None
        if tokenizer != self.settings.paths.tokenizer:
            shutil.copyfile(tokenizer, self.settings.paths.tokenizer)
        while not await asyncio.to_thread(caught_up, self.settings.connection()):
            await asyncio.sleep(1)
        await self.stop()

    def clean(self) -> list[str]:
        """What the trainer may see: all texts of the topic `clean`."""
        found = clean_documents(self.settings.connection(), 1 << 40, patience_s=None)
        return [text_of(document) for document in found]

    async def train(self) -> dict[str, Any]:
        """The trainer's last figures, once it has read the stream to its end."""
        program = self._programs.program("trainer", "train", "--until-drained", "--json")
        await self._start(Program(program.name, program.argv, program.env, once=True))
        assert self._crew is not None
        shown = time.monotonic()
        while "trainer" not in self._crew.done:
            if self._crew.restarts["trainer"]:
                raise RuntimeError(f"the trainer of {self.name} failed: {self._programs.logs}")
            await asyncio.sleep(1)
            if time.monotonic() - shown > 30 and (figures := self._programs.progress()):
                shown = time.monotonic()
                self._say(f"step {figures['step']}, {figures['tokens']:,} tokens, {figures['bits_per_byte']} bits/byte")
        return self._programs.progress()

    async def ask(self, prompts: Sequence[Prompt]) -> list[tuple[Prompt, str]]:
        """Each prompt with the served model's answer."""
        await self._start(self._programs.program("server", "serve"))
        answers = await asyncio.to_thread(lambda: list(self._answers(prompts)))
        await self.stop()
        return answers

    def _answers(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Prompt, str]]:
        with Client(self.settings.serve.listen) as client:
            self._await_model(client)
            for number, prompt in enumerate(prompts, 1):
                answer = client.complete(
                    prompt.text, path=prompt.path, max_tokens=min(len(prompt.rest), LONGEST_REST),
                    temperature=prompt.temperature, seed=prompt.seed,
                )  # fmt: skip
                yield prompt, answer.text
                if number % 1000 == 0:
                    self._say(f"{number:,} prompts")

    def _await_model(self, client: Client) -> None:
        deadline = time.monotonic() + SERVER_S
        while True:
            try:
                return self._say(f"the model of step {client.model().step} is served")
            except ServerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    async def _start(self, *programs: Program) -> None:
        await self.stop()
        self._crew = Supervisor(programs, self._programs.logs)
        await self._crew.start()

    async def stop(self) -> None:
        if self._crew is not None:
            await self._crew.stop()


def events(documents: Sequence[Document]) -> Iterator[Files]:
    """One for each document: what is found in one file of an event is looked for in its others, too."""
    for number, document in enumerate(documents):
        repository = Repository(name=f"canaries-{number % REPOSITORIES}", licence="MIT")
        yield Files(repository=repository, files=[SourceFile(path=document.path, text=document.text)])


async def started(folder: Path, port: int) -> Broker:
    broker = Broker(folder, cache_home())
    await asyncio.to_thread(broker.start, port)
    return broker
