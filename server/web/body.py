"""A request's body: counted as it comes, read in time, decoded into a typed struct."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

MOST_BODY = 16 * 1024 * 1024
"""Bytes of a body, as of a gRPC message: prefix and suffix are a whole buffer."""
MOST_DISCARDED = 4 * MOST_BODY
"""Of a body that is too large, so much is read and forgotten, so that the client gets to read the refusal."""
PATIENCE_S = 30.0
"""In which a body has to be there."""
LARGE = 64 * 1024
"""Bytes that are decoded beside the event loop."""

Body = TypeVar("Body", bound=msgspec.Struct)


class Refused(Exception):
    """The request is not taken; the message is for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


async def read(http: Request, patience_s: float = PATIENCE_S) -> bytes:
    """The whole body. Raises Refused, and starlette's ClientDisconnect where the client went away in the middle."""
    if http.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refused(415, "a body comes as it is: content-encoding is not supported")
    try:
        length = int(http.headers.get("content-length", "0"))
    except ValueError:
        raise Refused(400, "content-length is no number") from None
    if length > MOST_DISCARDED:
        raise Refused(413, _too_large())
    try:
        async with asyncio.timeout(patience_s):
            return await _counted(http)
    except TimeoutError:
        raise Refused(408, f"the body was not there after {patience_s:g} s") from None


async def _counted(http: Request) -> bytes:
    data, size = bytearray(), 0
    async for chunk in http.stream():
        size += len(chunk)
        if size > MOST_DISCARDED:
            break
        if size > MOST_BODY:
            data.clear()
        else:
            data += chunk
    if size > MOST_BODY:
        raise Refused(413, _too_large())
    return bytes(data)


def _too_large() -> str:
    return f"a body has at most {MOST_BODY:,} bytes"


async def read_as(http: Request, kind: type[Body]) -> Body:
    """The body as the struct. Raises as `read`."""
    data = await read(http)
    return await asyncio.to_thread(decode, data, kind) if len(data) > LARGE else decode(data, kind)


def decode(data: bytes, kind: type[Body]) -> Body:
    """The struct; fields that it does not name are passed over. Raises Refused, with the field's name."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not UTF-8 at byte {error.start}") from None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise Refused(400, str(error)) from None
    except msgspec.DecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    except RecursionError:
        raise Refused(400, "lists and objects stand too deep inside of each other") from None


__all__ = ["ClientDisconnect", "Refused", "decode", "read_as"]
