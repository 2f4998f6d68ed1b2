"""One TOML file, one tree of frozen dataclasses; an unknown key is an error that lists the known ones."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lsp.options import LspOptions
from model import bounds
from model.config import MOST_THREADS, TrainConfig
from model.fim.fim import Mix
from model.fim.format import Format
from model.fim.formats import AUTO, FORMATS, NEW
from model.mapping import SettingsError, from_mapping
from streams.feed.settings import FeedSettings
from streams.recipe import RecipeSettings, RedactionSettings, Shares, Thresholds

if TYPE_CHECKING:
    from streams.kafka.connection import Connection


MOST_CONTEXT, MOST_WIDTH, MOST_LAYERS, MOST_VOCAB = 1_000_000, 100_000, 1_000, 2_000_000
"""A few times the largest decoders published (a million tokens, 20,480, 126 layers, 262,144 ids): what is above it is a
slip of the hand, and would end in memory that is not there."""
MOST_PARTITIONS, MOST_REPLICAS = 10_000, 100
"""Kafka makes no more than 10,000 partitions at a time; of a stream that one dedup reads a few dozen are of use."""


@dataclass(frozen=True)
class Kafka:
    """The cluster and how to reach it."""

    brokers: str = "127.0.0.1:29092"
    """host:port, several separated by commas."""
    prefix: str = "midstream."
    """What every topic's name begins with; consumer groups use it with dots as dashes."""
    partitions: int = 4
    """Of each source topic and everything after it; never changed once the topics exist."""
    replication: int = 1
    """Copies of each partition; 3 on a cluster of three brokers or more."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the brokers are spoken to."""
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    """With a SASL protocol only."""
    sasl_username: str = ""
    """With a SASL protocol only."""
    sasl_password: str = field(default="", repr=False)
    """Empty: taken from the environment variable MIDSTREAM_SASL_PASSWORD."""
    ssl_cafile: str = ""
    """PEM file of the authority that signed the brokers' certificates; empty: the system's."""
    ssl_certfile: str = ""
    """PEM file of our certificate, for clusters that ask for one."""
    ssl_keyfile: str = ""
    """PEM file of our certificate's key."""

    def __post_init__(self) -> None:
        bounds.between(self, 1, MOST_PARTITIONS, "partitions")
        bounds.between(self, 1, MOST_REPLICAS, "replication")
        if not all(map(bounds.is_address, self.brokers.split(","))):
            raise ValueError(f"brokers must be host:port, several separated by commas, not {self.brokers!r}")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,200}", self.prefix):
            raise ValueError(
                f"prefix must be letters, digits, '.', '_' and '-', as Kafka has them, not {self.prefix!r}"
            )
        if self.security_protocol.startswith("SASL") != bool(self.sasl_mechanism):
            raise ValueError(
                "sasl_mechanism goes with security_protocol SASL_PLAINTEXT or SASL_SSL, and these with it, not "
                f"{self.sasl_mechanism or 'an empty one'!r} with {self.security_protocol}"
            )
        for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            if (path := getattr(self, name)) and not Path(path).is_file():
                raise ValueError(f"{name}: there is no file {path}")


def state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "midstream"


def cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "midstream"


@dataclass(frozen=True)
class Paths:
    """Folders and files; `~` is the home folder, relative ones start at the working folder."""

    state: Path = field(default_factory=state_home)
    """What must survive: the broker's data, cursors, checkpoints. XDG_STATE_HOME/midstream."""
    cache: Path = field(default_factory=cache_home)
    """What can be fetched again: Kafka's jars. XDG_CACHE_HOME/midstream."""
    checkpoints: Path | None = None
    """The checkpoint folder; unset: `checkpoints` under the state folder."""
    tokenizer: Path | None = None
    """The tokenizer's file; unset: `tokenizer.json` under the state folder."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkpoints", self.checkpoints or self.state / "checkpoints")
        object.__setattr__(self, "tokenizer", self.tokenizer or self.state / "tokenizer.json")


@dataclass(frozen=True)
class Model:
    """The decoder that a new run begins with. A checkpoint keeps its own: training refuses to go on with another. The
    defaults suit a CPU."""

    weights: str = ""
    """Weights that training begins with: a folder as Hugging Face's libraries write it, or hf:ORG/NAME@REVISION. Empty:
    a new model begins from nothing, of the shape below."""
    format: str = AUTO
    """FIM format that is trained, a name of docs/formats.md; the tokenizer must have its sentinels. auto: the one whose
    sentinels it has, and starcoder for a tokenizer that is trained here."""
    context: int = 1024
    """Longest example, tokens; of imported weights no more than they can."""
    width: int = 256
    """Size of the residual stream."""
    layers: int = 6
    """Transformer blocks."""
    heads: int = 4
    """Query heads."""
    seed: int = 0
    """Of the initial weights."""
    vocab: int = 49_152
    """Size of a tokenizer that is trained here."""

    def __post_init__(self) -> None:
        if self.format not in (AUTO, *FORMATS):
            raise ValueError(f"format must be one of {', '.join((AUTO, *FORMATS))}, not {self.format!r}")
        bounds.between(self, 16, MOST_CONTEXT, "context")
        bounds.between(self, 1, MOST_WIDTH, "width", "heads")
        bounds.between(self, 1, MOST_LAYERS, "layers")
        bounds.between(self, 300, MOST_VOCAB, "vocab")  # 256 bytes and the sentinels
        bounds.between(self, 0, 2**63 - 1, "seed")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")

    @property
    def new_format(self) -> Format:
        """Of a tokenizer that is trained here."""
        return NEW if self.format == AUTO else FORMATS[self.format]


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
    held: Literal["auto", "int8", "float32"] = "auto"
    """How a model's matrices are held. auto: int8, each row with a scale, multiplied by bytes; float32 takes four times
    the memory and more than twice the time. On a card, auto: bfloat16; or float32."""
    device: str = "auto"
    """What runs the model: `cpu`; `cuda` or `cuda:N`, a card of NVIDIA's; auto: a card where there is one, else the
    CPU, and always that for int8."""

    def __post_init__(self) -> None:
        bounds.between(self, 1, MOST_THREADS, "threads")
        bounds.between(self, 16, 65_536, "rows")
        bounds.between(self, 1, 1_048_576, "cache_mb")
        if not bounds.is_address(self.listen):
            raise ValueError(f"listen must be host:port, the port from 1 to 65,535, not {self.listen!r}")
        if self.http and not bounds.is_address(self.http):
            raise ValueError(f"http must be empty or host:port, the port from 1 to 65,535, not {self.http!r}")
        if not bounds.is_device(self.device):
            raise ValueError(f"device must be auto, cpu, cuda or cuda:N, not {self.device!r}")


LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")
"""This machine, as [kafka] brokers may name it."""


@dataclass(frozen=True)
class SourceSettings:
    """What is read of a repository besides its new commits, and how far ahead of the trainer."""

    lag_s: float = 30.0
    """Seconds of training, [feed] wait_s among them, that a new commit waits at most behind the present tree and the
    past: these are sent only as fast as the trainer takes them."""
    history_commits: int = 20_000
    """Commits of a repository's past that are read, the newest; 0: none."""
    share: float = 0.5
    """The largest share of what is sent of present trees and pasts that one of several repositories may have."""

    def __post_init__(self) -> None:
        bounds.above(self, 0, "lag_s", "share")
        bounds.at_least(self, 0, "history_commits")
        bounds.shares(self, "share")


@dataclass(frozen=True)
class Up:
    """What `midstream up` reads and keeps running."""

    git: tuple[Path, ...] = ()
    """Repositories whose history is read and followed."""
    versions: Literal["all", "last", "none"] = "last"
    """File versions that are read beside the commits: after each commit, the last ones only, or none."""
    interval_s: float = 1.0
    """Seconds between looks for new commits."""
    fetch_every_s: float = 0.0
    """Seconds between `git fetch`es of the repositories, with your own configuration of git; 0: none are made."""
    sample_bytes: int = 20_000_000
    """Text from which a tokenizer is trained when there is none yet."""

    def __post_init__(self) -> None:
        bounds.above(self, 0, "interval_s")
        bounds.at_least(self, 1, "sample_bytes")
        bounds.at_least(self, 0, "fetch_every_s")


@dataclass(frozen=True)
class Settings:
    """The whole file; a section is a field."""

    kafka: Kafka = field(default_factory=Kafka)
    """`[kafka]`"""
    paths: Paths = field(default_factory=Paths)
    """`[paths]`"""
    recipe: RecipeSettings = field(default_factory=RecipeSettings)
    """`[recipe]`"""
    redaction: RedactionSettings = field(default_factory=RedactionSettings)
    """`[redaction]`"""
    index: Thresholds = field(default_factory=Thresholds)
    """`[index]`"""
    fim: Mix = field(default_factory=Mix)
    """`[fim]`"""
    pack: Shares = field(default_factory=Shares)
    """`[pack]`"""
    model: Model = field(default_factory=Model)
    """`[model]`"""
    train: TrainConfig = field(default_factory=TrainConfig)
    """`[train]`"""
    feed: FeedSettings = field(default_factory=FeedSettings)
    """`[feed]`"""
    serve: Serve = field(default_factory=Serve)
    """`[serve]`"""
    lsp: LspOptions = field(default_factory=LspOptions)
    """`[lsp]`"""
    sources: SourceSettings = field(default_factory=SourceSettings)
    """`[sources]`"""
    up: Up = field(default_factory=Up)
    """`[up]`"""

    def __post_init__(self) -> None:
        if self.recipe != RecipeSettings():
            from streams.prepare.recipes.reading import resolve

            try:
                resolve(self.recipe)
            except SettingsError as error:
                raise ValueError(str(error)) from error

    def connection(self) -> Connection:
        """How to reach the cluster, as the parts of `streams` want it."""
        from streams.kafka.connection import Connection, Security

        kafka = self.kafka
        password = kafka.sasl_password or os.environ.get("MIDSTREAM_SASL_PASSWORD", "")
        security = Security(
            protocol=kafka.security_protocol,
            mechanism=kafka.sasl_mechanism,
            username=kafka.sasl_username,
            password=password,
            cafile=kafka.ssl_cafile,
            certfile=kafka.ssl_certfile,
            keyfile=kafka.ssl_keyfile,
        )
        return Connection(brokers=kafka.brokers, prefix=kafka.prefix, security=security)

    def with_kafka(self, **changes: Any) -> Settings:
        """The same settings with the given, not None, fields of `[kafka]` replaced. Raises SettingsError."""
        overrides = {name: value for name, value in changes.items() if value is not None}
        try:
            return replace(self, kafka=replace(self.kafka, **overrides))
        except ValueError as error:
            raise SettingsError(str(error)) from error


def load(path: Path | None = None) -> Settings:
    """Settings of `path`, else of MIDSTREAM_CONFIG, else of midstream.toml here if there is one, else defaults.

    Raises SettingsError, also when a file that was named does not exist.
    """
    named = path or (Path(value) if (value := os.environ.get("MIDSTREAM_CONFIG")) else None)
    chosen = named or Path("midstream.toml")
    if not chosen.exists():
        if named:
            raise SettingsError(f"{chosen}: no such file")
        return Settings()
    try:
        mapping = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{chosen}: not valid TOML: {error}") from error
    return from_mapping(Settings, mapping, str(chosen))


__all__ = ["Settings", "SettingsError", "from_mapping", "load"]
