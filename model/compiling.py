"""Functions that numba compiles, and keeps compiled in files that may be lost.

A file that cannot be read, as after a power cut, or a disk that is full, costs the time to compile it again: by numba
itself the call would raise.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

logger = logging.getLogger("midstream.model")
_said: set[str] = set()


class _Kept(caching.FunctionCache):  # pyright: ignore
    """numba's cache of one function's files."""

    @contextlib.contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        """Around each reading and writing. The index goes with what cannot be read: it is written anew."""
        try:
            yield
        except Exception as error:
            folder = str(self.cache_path)  # pyright: ignore
            with contextlib.suppress(OSError):
                Path(self._cache_file._index_path).unlink()  # pyright: ignore
            if folder not in _said:
                _said.add(folder)
                why = f"{type(error).__name__}: {error}"
                logger.warning("compiled functions in %s are not kept or not read, and compiled anew: %s", folder, why)


def njit(*, cache: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """numba's own decorator; `cache`: what is compiled is kept in files, where that can be."""

    def decorate(function: Callable[..., Any]) -> Any:
        compiled: Any = numba.njit(**options)(function)
        if cache:
            with contextlib.suppress(RuntimeError):  # numba found no folder that it may write to
                compiled._cache = _Kept(function)
        return compiled

    return decorate
