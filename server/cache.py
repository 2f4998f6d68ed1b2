"""The sessions' caches: kept by last use, each in use by one request at a time."""

from __future__ import annotations

from collections import OrderedDict

from model.decoder.runner import Cache, Runner


class Sessions:
    """At most `limit` caches of one model. A swap starts with new ones, so none outlives its weights."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._caches: OrderedDict[str, Cache] = OrderedDict()

    def __len__(self) -> int:
        return len(self._caches)

    def take(self, session: str, model: Runner) -> Cache:
        """The session's cache, which is then the caller's alone; a new one when there is none."""
        return self._caches.pop(session, None) or model.new_cache()

    def put(self, session: str, cache: Cache) -> None:
        """Gives it back; the session used longest ago goes."""
        if not session or not self._limit:
            return
        self._caches[session] = cache
        while len(self._caches) > self._limit:
            self._caches.popitem(last=False)
