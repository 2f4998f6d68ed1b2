"""Settings of the language server: from `[lsp]` of midstream.toml, then from the editor's initializationOptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

MultiLine = Literal["auto", "always", "never"]


class OptionsError(ValueError):
    """An option that is unknown or of the wrong type; the message says what is allowed."""


@dataclass(frozen=True)
class LspOptions:
    """What an editor or `[lsp]` may set."""

    server: str = "127.0.0.1:50151"
    """host:port of `midstream serve`."""
    server_token_file: str = ""
    """File of the token that the server asks for; empty: what MIDSTREAM_TOKEN holds."""
    tls: bool = False
    """The server speaks TLS, and the machine's own authorities vouch for it."""
    ca: str = ""
    """PEM file of the authorities that vouch for the server, which then speaks TLS."""
    tls_name: str = ""
    """The name in the server's certificate, where it is not that of `server`."""
    certificate: str = ""
    """PEM file of the client's certificate, where the server wants one, and of its key."""
    key: str = ""
    model: str = ""
    """Name of the model that is asked, of those that the server has; empty: its main one."""
    deadline_ms: int = 600
    """Milliseconds after which an automatic request is answered with what is ready: VS Code shows nothing that comes
    700 ms after the key."""
    invoked_ms: int = 5000
    """The same when the user asked for the suggestion."""
    single_line_tokens: int = 48
    """Longest suggestion of one line, tokens."""
    multi_line_tokens: int = 128
    """Longest suggestion of several lines, tokens."""
    multi_line: MultiLine = "auto"
    """auto: several lines where a block begins or on an empty line; else always or never."""
    languages: tuple[str, ...] = ()
    """Language ids that are completed, as the editor names them; empty: all."""
    ignored: tuple[str, ...] = ()
    """Patterns of files that are never sent to the server, beside those of `streams.sources.private`; matched with the
    name and with every end of the path, in any case."""

    def with_changes(self, changes: Mapping[str, Any]) -> LspOptions:
        """These options with those of a JSON object; `ignored` is added to what is ignored here already.

        Raises OptionsError and changes nothing then."""
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise OptionsError(f"unknown {', '.join(unknown)}; known are {', '.join(known)}")
        values: dict[str, Any] = {name: _like(known[name], name, value) for name, value in changes.items()}
        if "ignored" in values:
            values["ignored"] = tuple(dict.fromkeys((*self.ignored, *values["ignored"])))
        return replace(self, **values)

    def __post_init__(self) -> None:
        if self.multi_line not in get_args(MultiLine):
            raise OptionsError(f"multi_line must be one of {', '.join(get_args(MultiLine))}")
        if not all(self.server.rpartition(":")[::2]):
            raise OptionsError(f"server must be host:port, not {self.server!r}")
        if bool(self.certificate) is not bool(self.key):
            raise OptionsError("certificate and key belong together: set both, or none")
        for name in ("deadline_ms", "invoked_ms", "single_line_tokens", "multi_line_tokens"):
            if getattr(self, name) < 1:
                raise OptionsError(f"{name} must be at least 1")


def _like(model: object, name: str, value: object) -> object:
    """`value` when it is of the type that the default has; a JSON list of text becomes a tuple."""
    if isinstance(model, tuple):
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise OptionsError(f"{name} must be a list of text")
    if type(value) is not type(model):
        kind = {str: "text", bool: "true or false"}.get(type(model), "a whole number")
        raise OptionsError(f"{name} must be {kind}")
    return value
