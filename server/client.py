"""Clients of the completion service, blocking and asynchronous. Imports neither torch nor model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType

import grpc

from server.access.secure import Secure, ServerError, async_channel, channel
from server.request import DEFAULT_TOKENS, Finish, Piece, Until
from server.rpc import infill_pb2, infill_pb2_grpc

DEFAULT_ADDRESS = "127.0.0.1:50151"


class ServerUnreachable(ServerError):
    """Nobody listens there."""


class NotReady(ServerError):
    """The server has no model yet."""


class NotAllowed(ServerError):
    """The server asks for a token, or does not know this one."""


@dataclass(frozen=True)
class ModelInfo:
    """What is served now."""

    version: str
    step: int
    tokens: int
    bits_per_byte: float
    context: int
    format: str
    orders: tuple[str, ...]
    name: str = ""
    """What requests call it."""
    serving: bool = True
    trouble: str = ""
    """Why its newest checkpoint is not the one that is served."""
    adapter: bool = False


@dataclass(frozen=True)
class Score:
    """How likely a model finds a middle."""

    model_version: str
    logprobs: tuple[float, ...]
    """Natural logarithms of the probabilities of its tokens."""
    bits_per_byte: float
    prompt_tokens: int


@dataclass(frozen=True)
class Completion:
    """A whole answer."""

    text: str
    model_version: str
    finish: Finish
    tokens: int
    prompt_tokens: int
    reused_tokens: int
    logprobs: tuple[float, ...] = ()
    others: tuple[Completion, ...] = ()
    """The other alternatives."""


def message(
    prefix: str,
    suffix: str = "",
    *,
    path: str = "",
    language: str = "",
    max_tokens: int = DEFAULT_TOKENS,
    temperature: float = 0.0,
    seed: int = 0,
    stop: tuple[str, ...] = (),
    deadline_ms: int = 0,
    session: str = "",
    single_line: bool = False,
    until: Until = Until.TEXT,
    top_p: float = 0.0,
    alternatives: int = 1,
    least_confidence: float = 0.0,
    logprobs: bool = False,
    model: str = "",
) -> infill_pb2.InfillRequest:
    """The request of these keywords; both clients take the same."""
    return infill_pb2.InfillRequest(
        prefix=prefix, suffix=suffix, path=path, language=language, max_tokens=max_tokens, temperature=temperature,
        seed=seed, stop=stop, deadline_ms=deadline_ms, session=session, single_line=single_line,
        until=infill_pb2.Until.Name(until.value), top_p=top_p, alternatives=alternatives,
        least_confidence=least_confidence, logprobs=logprobs, model=model,
    )  # fmt: skip


class Client:
    """Blocking. Use as a context manager."""

    def __init__(self, address: str = DEFAULT_ADDRESS, secure: Secure | None = None) -> None:
        """Raises ServerError for files that cannot be read."""
        self._channel = channel(address, secure or Secure())
        self._metadata = secure.metadata if secure else ()
        self._explained = partial(_explained, address=address, secure=secure or Secure())
        self._stub = infill_pb2_grpc.InfillServiceStub(self._channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def stream(self, prefix: str, suffix: str = "", **options: object) -> Iterator[Piece]:
        """Pieces as they come; keywords as `message`. Raises ServerError."""
        try:
            for response in self._stub.Infill(message(prefix, suffix, **options), metadata=self._metadata):  # pyright: ignore[reportArgumentType]
                yield _piece(response)
        except grpc.RpcError as error:
            raise self._explained(error) from error

    def complete(self, prefix: str, suffix: str = "", **options: object) -> Completion:
        """The whole answer. Raises ServerError."""
        return _joined(list(self.stream(prefix, suffix, **options)))

    def model(self, name: str = "") -> ModelInfo:
        """Raises ServerError."""
        try:
            return _info(self._stub.Model(infill_pb2.ModelRequest(model=name), metadata=self._metadata))
        except grpc.RpcError as error:
            raise self._explained(error) from error

    def models(self, timeout_s: float | None = None) -> list[ModelInfo]:
        """All that are served, or are to be. Raises ServerError."""
        try:
            answer = self._stub.Models(infill_pb2.ModelsRequest(), timeout=timeout_s, metadata=self._metadata)
            return list(map(_info, answer.models))
        except grpc.RpcError as error:
            raise self._explained(error) from error

    def score(
        self, prefix: str, middle: str, suffix: str = "", path: str = "", language: str = "", model: str = ""
    ) -> Score:  # fmt: skip
        """How likely the model finds the middle. Raises ServerError."""
        request = infill_pb2.ScoreRequest(
            prefix=prefix, suffix=suffix, middle=middle, path=path, language=language, model=model
        )
        try:
            return _score(self._stub.Score(request, metadata=self._metadata))
        except grpc.RpcError as error:
            raise self._explained(error) from error


class AsyncClient:
    """For an event loop: cancelling the task that iterates cancels the request. Use as a context manager."""

    def __init__(self, address: str = DEFAULT_ADDRESS, secure: Secure | None = None) -> None:
        """Raises ServerError for files that cannot be read."""
        self._channel = async_channel(address, secure or Secure())
        self._metadata = secure.metadata if secure else ()
        self._explained = partial(_explained, address=address, secure=secure or Secure())
        self._stub = infill_pb2_grpc.InfillServiceStub(self._channel)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def stream(self, prefix: str, suffix: str = "", **options: object) -> AsyncIterator[Piece]:
        """As `Client.stream`."""
        call = self._stub.Infill(message(prefix, suffix, **options), metadata=self._metadata)  # pyright: ignore[reportArgumentType]
        try:
            async for response in call:
                yield _piece(response)
        except grpc.RpcError as error:
            raise self._explained(error) from error
        finally:
            call.cancel()

    async def complete(self, prefix: str, suffix: str = "", **options: object) -> Completion:
        """As `Client.complete`."""
        return _joined([piece async for piece in self.stream(prefix, suffix, **options)])

    async def model(self, name: str = "") -> ModelInfo:
        """As `Client.model`."""
        try:
            return _info(await self._stub.Model(infill_pb2.ModelRequest(model=name), metadata=self._metadata))
        except grpc.RpcError as error:
            raise self._explained(error) from error

    async def models(self) -> list[ModelInfo]:
        """As `Client.models`."""
        try:
            return list(
                map(_info, (await self._stub.Models(infill_pb2.ModelsRequest(), metadata=self._metadata)).models)
            )
        except grpc.RpcError as error:
            raise self._explained(error) from error

    async def score(
        self, prefix: str, middle: str, suffix: str = "", path: str = "", language: str = "", model: str = ""
    ) -> Score:  # fmt: skip
        """As `Client.score`."""
        request = infill_pb2.ScoreRequest(
            prefix=prefix, suffix=suffix, middle=middle, path=path, language=language, model=model
        )
        try:
            return _score(await self._stub.Score(request, metadata=self._metadata))
        except grpc.RpcError as error:
            raise self._explained(error) from error


def _piece(response: infill_pb2.InfillResponse) -> Piece:
    finish = Finish(response.finish_reason)
    return Piece(
        response.text, response.model_version, finish, response.tokens, response.prompt_tokens, response.reused_tokens,
        response.alternative, tuple(response.logprobs),
    )  # fmt: skip


def _joined(pieces: list[Piece]) -> Completion:
    """The first alternative, which has the others."""
    numbers = sorted({piece.alternative for piece in pieces})
    first, *others = (_one([piece for piece in pieces if piece.alternative == number]) for number in numbers)
    return replace(first, others=tuple(others))


def _one(pieces: list[Piece]) -> Completion:
    last = pieces[-1]
    text = "".join(piece.text for piece in pieces)
    logprobs = tuple(value for piece in pieces for value in piece.logprobs)
    return Completion(
        text, last.model_version, last.finish, last.tokens, last.prompt_tokens, last.reused_tokens, logprobs
    )


def _info(response: infill_pb2.ModelResponse) -> ModelInfo:
    return ModelInfo(
        version=response.model_version,
        step=response.step,
        tokens=response.tokens,
        bits_per_byte=response.bits_per_byte,
        context=response.context,
        format=response.format,
        orders=tuple(response.orders),
        name=response.name,
        serving=response.serving,
        trouble=response.trouble,
        adapter=response.adapter,
    )


def _score(response: infill_pb2.ScoreResponse) -> Score:
    return Score(response.model_version, tuple(response.logprobs), response.bits_per_byte, response.prompt_tokens)


def _explained(error: grpc.RpcError, address: str, secure: Secure) -> ServerError:
    """Only our own server says UNAVAILABLE with a sentence about its checkpoint; else nobody answered."""
    code, details = error.code(), error.details() or ""  # pyright: ignore[reportAttributeAccessIssue]
    if code is grpc.StatusCode.UNAVAILABLE:
        if "checkpoint" in details:
            return NotReady(f"the server at {address} is not ready: {details}")
        return ServerUnreachable(_unreachable(details, address, secure))
    if code is grpc.StatusCode.UNAUTHENTICATED:
        if secure.token:
            return NotAllowed(f"the server at {address} does not know this token")
        return NotAllowed(
            f"the server at {address} asks for a token: put it into MIDSTREAM_TOKEN, or name a file that holds it, "
            "with --token-file or as server_token_file of [lsp]"
        )
    return ServerError(f"the server at {address} answered {code.name}: {details}")


def _unreachable(details: str, address: str, secure: Secure) -> str:
    """Where somebody listens who speaks otherwise, that is said."""
    if "CERTIFICATE_VERIFY_FAILED" in details or "Hostname Verification" in details:
        what = "that `ca` does not vouch for, that has expired, or that is of another name"
        return f"the server at {address} shows a certificate {what}"
    closed = "failed to connect" in details and "Socket closed" in details
    if secure.speaks_tls and (closed or "handshake failed" in details):
        return f"the server at {address} does not take this client's TLS: it speaks none, or wants a certificate"
    if closed:
        return f"the server at {address} ends each connection: if it speaks TLS, `ca` says who vouches for it"
    return f"no completion server answers at {address}; `midstream serve` starts one"
