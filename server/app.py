"""The server program: engine, watcher, gRPC with health and reflection, HTTP, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from server.access.config import Access, warning
from server.access.rpc import GateInterceptor
from server.asking import Asker
from server.engine.engine import Engine, EngineConfig
from server.imaging import Held
from server.reload import Failure, Watcher
from server.rpc import infill_pb2, infill_pb2_grpc
from server.rpc.quiet import quieten
from server.rpc.service import InfillService
from server.served import Bases, Loader, Served
from server.settings import MAIN
from server.store import Store, shown
from server.web.app import Web
from server.web.connection import Limits

if TYPE_CHECKING:
    from server.access.metrics import Metrics
    from server.access.traces import Traces

SERVICE = infill_pb2.DESCRIPTOR.services_by_name["InfillService"].full_name
CHECKPOINTS = "midstream.checkpoints"
"""Name in the health service that says whether the newest checkpoint could be loaded; behind a `/`, of which model."""
MODELS = "midstream.models"
"""Name in the health service, before `/` and the name of a model, that says whether that is served."""
MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of a request: prefix and suffix are a whole buffer."""
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_connection_idle_ms", 3_600_000),
]
"""Without port reuse a second server on the address is an error, not a coin toss. Clients may ping also while they ask
nothing; a client that is gone is found in 80 s, and one that asks nothing for an hour is let go."""


class CannotListen(Exception):
    """The address cannot be bound; the message names it."""


@dataclass(frozen=True)
class ServeConfig:
    """Settings of the server program."""

    checkpoints: Path
    listen: str = "127.0.0.1:50151"
    """host:port; port 0 takes a free one."""
    threads: int = 1
    """CPU threads of the model."""
    rows: int = EngineConfig.rows
    """Tokens of a step."""
    cache_mb: int = EngineConfig.cache_mb
    """Keys and values of running requests, and of prefixes that are kept."""
    held: Held = "auto"
    """How the model's matrices are held."""
    device: str = "cpu"
    """What runs the model: `cpu`, or a card by torch's name (server.device chooses)."""
    grace_s: float = 2.0
    """Seconds that running requests have at the end."""
    models: Mapping[str, Path] = field(default_factory=dict)
    """Folders of other models' checkpoints, by the models' names."""
    stores: Mapping[str, str] = field(default_factory=dict)
    """URLs of folders in object stores, by the models' names, that are copied into those above, and followed."""
    http: str = ""
    """host:port of the HTTP service; port 0 takes a free one, empty: there is none."""
    memory: bool = False
    """What stands in a request's buffer is mixed into what the model expects; the settings have it on."""
    access: Access = field(default_factory=Access)
    """Who may ask, and what is seen of it."""
    ping_s: float = 20.0
    """Clients may ping so often, those of gRPC; one that does it more often is disconnected."""
    limits: Limits = field(default_factory=Limits)
    """Of connections over HTTP."""


class Server:
    """`start`, then `stop`: a whole server inside a running event loop."""

    def __init__(self, config: ServeConfig) -> None:
        """Raises TokensError, TlsError and StoreError."""
        self.config = config
        places = {MAIN: config.checkpoints, **config.models}
        self._gate, self._tls = config.access.gate(places), config.access.tls()
        self.engine = Engine(EngineConfig(config.rows, config.cache_mb, config.memory), tuple(places))
        self.asker = Asker(self.engine)
        bases = Bases()
        self.watchers = {
            name: Watcher(
                place, partial(self._offer, name), partial(self._tell, name),
                loader=Loader(config.held, config.threads, config.device, bases),
                store=Store(config.stores[name], place) if name in config.stores else None,
            )
            for name, place in places.items()
        }  # fmt: skip
        self.address = self.http = ""
        """Where gRPC and HTTP are answered."""
        self.metrics = ""
        """Where the metrics page is."""
        self._web: Web | None = None
        self._metrics: Metrics | None = None
        self._traces: Traces | None = None
        self._health = health.aio.HealthServicer()  # pyright: ignore[reportAttributeAccessIssue]
        self._serving = asyncio.Event()

    async def start(self) -> str:
        """Listens, and follows the checkpoints. Raises CannotListen."""
        address = await self.listen()
        for watcher in self.watchers.values():
            watcher.start()
        return address

    @property
    def watcher(self) -> Watcher:
        """Of the main model."""
        return self.watchers[MAIN]

    async def listen(self) -> str:
        """Binds and answers; health is NOT_SERVING until a model is loaded. Raises CannotListen."""
        self._loop = asyncio.get_running_loop()
        pings = ("grpc.http2.min_ping_interval_without_data_ms", int(self.config.ping_s * 1000))
        self._server = grpc.aio.server(options=[*OPTIONS, pings], interceptors=[GateInterceptor(self._gate)])
        infill_pb2_grpc.add_InfillServiceServicer_to_server(InfillService(self.asker, self._trouble), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection([SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server)
        try:
            if self._tls:
                port = self._server.add_secure_port(self.config.listen, self._tls.grpc())
            else:
                port = self._server.add_insecure_port(self.config.listen)
        except RuntimeError as error:
            raise CannotListen(f"cannot listen on {self.config.listen}: {_why(self.config.listen)}") from error
        if self.config.http:
            await self._listen_http()
        self._observe()
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)
        for name in self.watchers:
            await self._set_checkpoints(name, health_pb2.HealthCheckResponse.SERVING)
            await self._health.set(f"{MODELS}/{name}", health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.start()
        self.engine.start()
        self.address = f"{self.config.listen.rpartition(':')[0]}:{port}"
        return self.address

    async def _listen_http(self) -> None:
        """Raises CannotListen."""
        self._web = Web(self.asker, self.config.http, self._gate, self._tls, self.config.limits)
        try:
            self.http = await self._web.start()
        except OSError as error:
            raise CannotListen(f"cannot listen on {self.config.http}: {_why(self.config.http)}") from error

    def _observe(self) -> None:
        """What is seen from outside. Nobody else pays for the libraries. Raises CannotListen."""
        listen = self.config.access.metrics
        if self.config.access.otlp:
            from server.access.traces import Traces

            self._traces = Traces(self.config.access.otlp)
            self._gate.told.append(self._traces.told)
        if not listen:
            return
        from server.access.metrics import Metrics

        traces = self._traces
        metrics = Metrics(self.engine, self._kind, (lambda: traces.dropped) if traces else None)
        try:
            self.metrics = metrics.start(listen)
        except OSError as error:
            raise CannotListen(f"cannot listen on {listen}: {_why(listen)}") from error
        self._metrics = metrics
        self._gate.told.append(metrics.told)

    async def ready(self) -> str:
        """The model's version, once one is served."""
        await self._serving.wait()
        assert self.engine.served is not None
        return self.engine.served.version

    async def stop(self) -> None:
        """NOT_SERVING at once; running requests get the grace, then are cancelled."""
        await self._health.enter_graceful_shutdown()
        following = [asyncio.to_thread(watcher.close) for watcher in self.watchers.values()]
        ending = [self._web.stop(self.config.grace_s)] if self._web else []
        await asyncio.gather(self._server.stop(self.config.grace_s), *ending, *following)
        self.asker.close()
        for seen in (self._metrics, self._traces):
            if seen:
                await asyncio.to_thread(seen.close)
        await asyncio.to_thread(self.engine.close)

    def _offer(self, name: str, served: Served) -> None:
        """Called in the watcher's thread."""
        self.engine.offer(served, name)
        asyncio.run_coroutine_threadsafe(self._now_serving(name), self._loop)

    def _tell(self, name: str, failure: Failure | None) -> None:
        """Called in the watcher's thread: the model that is served stays, and health says that it is not the newest."""
        status = health_pb2.HealthCheckResponse
        asyncio.run_coroutine_threadsafe(
            self._set_checkpoints(name, status.NOT_SERVING if failure else status.SERVING), self._loop
        )

    def _trouble(self, name: str) -> str:
        """Why the newest checkpoint of this model is not the one that is served."""
        return self.watchers[name].trouble

    def _kind(self, name: str) -> str:
        """The same in a word."""
        return self.watchers[name].kind

    async def _now_serving(self, name: str) -> None:
        await self._health.set(f"{MODELS}/{name}", health_pb2.HealthCheckResponse.SERVING)
        if name == MAIN:
            await self._set(health_pb2.HealthCheckResponse.SERVING)
            self._serving.set()

    async def _set_checkpoints(self, name: str, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in {CHECKPOINTS if name == MAIN else "", f"{CHECKPOINTS}/{name}"} - {""}:
            await self._health.set(service, status)

    async def _set(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in ("", SERVICE):
            await self._health.set(name, status)


def _why(address: str) -> str:
    """Why nobody can listen there: gRPC does not say it."""
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.bind(place)
    except OSError as error:
        return "another server is running there" if error.errno == errno.EADDRINUSE else str(error.strerror)
    return "another server is running there"


async def serve(config: ServeConfig, say: Callable[[str], None]) -> None:
    """Runs until SIGTERM, SIGINT or SIGHUP. Says one line when it listens and one when a model is served."""
    quieten()
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ending.set)
    server, say = Server(config), partial(_say, say)
    address = await server.start()
    say(f"listening on {address}, following {shown(config.stores.get(MAIN) or str(config.checkpoints))}")
    if word := warning(config.access, address, server.http, server.metrics):
        say(word)
    if server.http:
        say(f"HTTP on {'https' if config.access.certificate else 'http'}://{server.http}")
    if server.metrics:
        say(f"metrics on http://{server.metrics}/metrics")
    waiting = asyncio.create_task(server.ready())
    waiting.add_done_callback(lambda task: None if task.cancelled() else say(f"ready: {task.result()}"))
    await ending.wait()
    waiting.cancel()
    await server.stop()


def _say(say: Callable[[str], None], line: str) -> None:
    """Also where nobody reads any more: who asks is still answered."""
    with contextlib.suppress(BrokenPipeError):
        say(line)
