"""Good requests while the hostile ones run: both faces, all the time, each of which must be answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import grpc

from common.hostile.wire import exchange, fields, post
from common.hostile.world import PLACE, World
from server.access.secure import Secure
from server.client import AsyncClient, ServerError

PAUSE_S = 0.05


@dataclass
class Good:
    """What became of them."""

    world: World
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What came back in place of an answer."""
    is_over: bool = False

    async def run(self) -> None:
        await asyncio.gather(self._rpc(), self._http())

    async def _rpc(self) -> None:
        secure = Secure(self.world.token)
        async with AsyncClient(f"{PLACE}:{self.world.rpc}", secure) as client:
            number = 0
            while not self.is_over:
                number += 1
                began = time.monotonic()
                try:
                    await client.complete(f"def good_{number}(x):\n    return ", "\n", max_tokens=4)
                except (ServerError, grpc.RpcError) as error:
                    self.wrong.append(f"rpc: {error}")
                self.seconds.append(time.monotonic() - began)
                await asyncio.sleep(PAUSE_S)

    async def _http(self) -> None:
        number = 0
        while not self.is_over:
            number += 1
            began = time.monotonic()
            status = await self._one(number)
            if status != "200":
                self.wrong.append(f"http: {status}")
            self.seconds.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE_S)

    async def _one(self, number: int) -> str:
        body = fields("/v1/completions", f"x_{number} = ", suffix="\n")
        return await exchange(self.world.http, post(self.world, "/v1/completions", body), 30.0)
