"""Tables of a TOML file into frozen dataclasses, by their types; every error names its place and what is allowed."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class SettingsError(Exception):
    """A setting that is unknown or of the wrong type; the message says where and what is allowed."""


def from_mapping(cls: type[T], mapping: Mapping[str, Any], where: str) -> T:
    """A frozen dataclass of `cls` with nested ones built from tables; `where` names the place in errors.

    Raises SettingsError on an unknown key, a missing one without default, or a value of another type.
    """
    hints = _hints(cls)
    known = [f.name for f in fields(cls) if f.init]  # type: ignore[arg-type]
    unknown = sorted(set(mapping) - set(known))
    if unknown:
        raise SettingsError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(known)}")
    values = {name: _value(hints[name], value, f"{where}: {name}") for name, value in mapping.items()}
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{where}: {error}") from error


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        if value == "" and Path in inner and type(None) in inner:
            return None  # as an empty text is: not set
        return _value(next(t for t in inner if t is not type(None)), value, where)
    if is_dataclass(hint) and isinstance(value, Mapping):
        return from_mapping(hint, value, where)  # type: ignore[arg-type]
    if origin is Literal and value in inner:
        return value
    if origin in (tuple, list) and isinstance(value, list):
        return origin(_value(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict and isinstance(value, Mapping):
        return {key: _value(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is Path and isinstance(value, str):
        return Path(value).expanduser()
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, float) and not isfinite(value):
        raise SettingsError(f"{where} must be a finite number, not {value}")
    if isinstance(hint, type) and isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    if get_origin(hint) in (tuple, list) and isinstance(value, str):
        raise SettingsError(f'{where} must be a list: write {where.rpartition(": ")[2]} = ["{value}"]')
    raise SettingsError(f"{where} must be {_named(hint)}, not {value!r}")


def _named(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(hint))
    if is_dataclass(hint):
        return "a table"
    if get_origin(hint) in (tuple, list):
        return "a list"
    if get_origin(hint) is dict:
        return "a table"
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}.get(
        hint, str(hint)
    )
