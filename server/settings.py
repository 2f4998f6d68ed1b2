"""`[serve]`: the completion server."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from model import bounds
from model.config import MOST_THREADS

MAIN = "midstream"
"""What requests call the model of [paths] checkpoints, which also answers those that name none."""
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
"""What requests may call a model."""
URL = re.compile(r"https?://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[^\s?#]*)?")


def is_url(place: str) -> bool:
    """Whether it is a folder in an object store, and none of this machine."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*://.", place))


@dataclass(frozen=True)
class Serve:
    """The inference server."""

    listen: str = "127.0.0.1:50151"
    """host:port of the gRPC service."""
    http: str = ""
    """host:port of the HTTP service; empty: there is none."""
    threads: int = 1
    """CPU threads of the engine."""
    rows: int = 256
    """Tokens of a step at most: one of each request that generates, the rest of prompts; large models take fewer. More
    are faster for many long prompts, fewer answer a key sooner while such are read."""
    cache_mb: int = 256
    """Memory for keys and values of running requests and of what is kept of former ones, at least of one whole context
    and at most of 64."""
    memory: bool = True
    """What stands in the buffer, and in other files that a request brings, is mixed into what the model expects: a name
    that was typed a line above is known."""
    held: Literal["auto", "int8", "float32"] = "auto"
    """How a model's matrices are held. auto: int8, each row with a scale, multiplied by bytes; float32 takes four times
    the memory and more than twice the time. On a card, auto: bfloat16; or float32."""
    device: str = "auto"
    """What runs the model: `cpu`; `cuda` or `cuda:N`, a card of NVIDIA's; auto: a card where there is one, else the
    CPU, and always that for int8."""

    follow: str = ""
    """URL of a folder of checkpoints in an object store, as fsspec names it (s3://bucket/folder), that is followed in
    place of [paths] checkpoints; empty: that folder is."""
    models: dict[str, str] = field(default_factory=dict)
    """Checkpoint folders of other models that are served beside, or such URLs, by the names that requests call them;
    that of [paths] is called midstream. Each has a cache of its own."""

    tokens: Path | None = None
    """File of the tokens of those who may ask: `midstream token NAME` makes one. None: everyone may who reaches the
    server."""
    certificate: Path | None = None
    """PEM file of the server's certificate; with `key`, both faces speak TLS. Read again when it changes."""
    key: Path | None = None
    """PEM file of the certificate's key."""
    client_ca: Path | None = None
    """PEM file of the authorities whose clients may connect; those without a certificate may not."""
    metrics: str = ""
    """host:port of the metrics page, for Prometheus; empty: there is none."""
    otlp: str = ""
    """URL of OpenTelemetry's collector, to which a span of each request is sent over OTLP by HTTP, as
    http://127.0.0.1:4318; empty: none are made."""

    def __post_init__(self) -> None:
        bounds.between(self, 1, MOST_THREADS, "threads")
        bounds.between(self, 16, 65_536, "rows")
        for name, place in self.models.items():
            if not place:
                raise ValueError(f"models: {name} needs a folder, or a URL")
            if name == MAIN:
                raise ValueError(f"models: {MAIN} is the model of [paths] checkpoints; give this one another name")
            if not MODEL_NAME.fullmatch(name):
                raise ValueError(
                    f"models: a name has letters, digits, `-`, `_`, `.`, `:`, `/`, at most 128, not {name!r}"
                )
        bounds.between(self, 1, 1_048_576, "cache_mb")
        if self.follow and not is_url(self.follow):
            raise ValueError(f"follow must be empty or a URL, as s3://bucket/folder, not {self.follow!r}")
        if not bounds.is_address(self.listen):
            raise ValueError(f"listen must be host:port, the port from 1 to 65,535, not {self.listen!r}")
        if self.http and not bounds.is_address(self.http):
            raise ValueError(f"http must be empty or host:port, the port from 1 to 65,535, not {self.http!r}")
        if self.metrics and not bounds.is_address(self.metrics):
            raise ValueError(f"metrics must be empty or host:port, the port from 1 to 65,535, not {self.metrics!r}")
        if self.otlp and not URL.fullmatch(self.otlp):
            raise ValueError(f"otlp must be empty or http://host:port, or https, not {self.otlp!r}")
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("certificate and key belong together: set both, or none")
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs certificate and key")
        if not bounds.is_device(self.device):
            raise ValueError(f"device must be auto, cpu, cuda or cuda:N, not {self.device!r}")
