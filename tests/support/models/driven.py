"""An engine that a test drives by hand, without its thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.decoder.stores import Slice
from server.engine.engine import Engine, EngineConfig
from server.engine.job import Job
from server.request import Finish, Piece, Request
from server.served import Served


def engine(served: Served, rows: int = 256, cache_mb: int = 256) -> Engine:
    """With an empty cache."""
    made = Engine(EngineConfig(rows=rows, cache_mb=cache_mb))
    made.offer(served)
    return made


def ask(engine: Engine, request: Request) -> tuple[Job, list[Piece]]:
    pieces: list[Piece] = []
    job = engine.submit(engine.prepare(request), pieces.append)  # pyright: ignore[reportArgumentType]
    engine.admit(wait=False)
    return job, pieces


def settle(engine: Engine, rounds: int | None = None) -> None:
    """So many steps, or until nothing is left."""
    engine.admit(wait=False)
    while engine.active and rounds != 0:
        engine.step()
        rounds = None if rounds is None else rounds - 1


def whole(pieces: list[Piece], alternative: int = 0) -> Piece:
    """All pieces of an answer that has ended as one."""
    own = [piece for piece in pieces if piece.alternative == alternative]
    assert [p.finish is Finish.NONE for p in own] == [True] * (len(own) - 1) + [False]
    logprobs = tuple(value for piece in own for value in piece.logprobs)
    return replace(own[-1], text="".join(piece.text for piece in own), logprobs=logprobs)


def answer(engine: Engine, request: Request) -> Piece:
    _, pieces = ask(engine, request)
    settle(engine)
    return whole(pieces)


def logits(model: Any, parts: list[list[int]]) -> NDArray[np.float32]:
    """After the last of the ids, which come in parts."""
    model.allot(8)
    at, table, made = 0, np.arange(8, dtype=np.int32), np.zeros((1, 0), np.float32)
    for ids in parts:
        (made,) = model.run([Slice(ids, at, table)])
        at += len(ids)
    return made[0]
