"""Name of a repository, found as its host's page would show it."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_and_name(remote: str) -> tuple[str, str] | None:
    """(host, owner/name) of a remote's address, without any credentials; None for a local path."""
    if "://" in remote:
        try:
            parts = urlsplit(remote)
        except ValueError:  # no address: brackets without an IPv6 address
            return None
        host, path = parts.hostname or "", parts.path
    else:
        before, colon, path = remote.partition(":")
        host = before.rpartition("@")[2] if colon and "/" not in before else ""
    name = path.strip("/").removesuffix(".git")
    return (host, name) if host and name else None
