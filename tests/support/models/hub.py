"""A small model hub: what huggingface_hub asks for, of repositories in a folder, over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_of_the_tests"


@dataclass
class Hub:
    """Serves `root/ORG/NAME` as the commit COMMIT, which `main` and `v1` name."""

    root: Path
    address: str = ""
    gated: bool = False
    """Answers those alone that show TOKEN."""
    cut: int = 0
    """Bytes of a file of weights after which the next answer breaks off; 0: none does."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path, and the range that was asked for."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub: Hub, *arguments: object) -> None:
        self.hub = hub
        super().__init__(*arguments)  # type: ignore[arg-type]

    def log_message(self, *arguments: object) -> None:
        """Nothing is said: the tests look at `asked`."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.asked.append((self.command, path, self.headers.get("Range") or ""))
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._about(parts[2:])
        elif len(parts) >= 5 and parts[2] == "resolve":
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._refuse(404, "EntryNotFound")

    def _refused(self, name: str, revision: str) -> bool:
        if not (self.hub.root / name).is_dir():
            self._refuse(404, "RepoNotFound")
        elif self.hub.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse(403, "GatedRepo")
        elif revision not in ("main", "v1", COMMIT):
            self._refuse(404, "RevisionNotFound")
        else:
            return False
        return True

    def _about(self, parts: list[str]) -> None:
        name, revision = "/".join(parts[:2]), parts[3] if len(parts) > 3 else "main"
        if self._refused(name, revision):
            return
        files = {str(p.relative_to(self.hub.root / name)): p for p in sorted((self.hub.root / name).rglob("*"))}
        about: object = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": n} for n in files], "private": False}
        if len(parts) > 2 and parts[2] == "tree":
            about = [{"type": "file", "path": n, "size": p.stat().st_size, "oid": "0" * 40} for n, p in files.items()]
        self._send(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str, revision: str, file: str) -> None:
        path = self.hub.root / name / file
        if self._refused(name, revision):
            return
        if not path.is_file():
            self._refuse(404, "EntryNotFound")
            return
        data = path.read_bytes()
        headers = {"ETag": f'"{sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        start = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._send(206 if start else 200, data[start:], headers, file)

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(self, status: int, data: bytes, headers: dict[str, str], file: str = "") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if file.endswith(".safetensors") and self.hub.cut:
            data, self.hub.cut, self.close_connection = data[: self.hub.cut], 0, True
        self.wfile.write(data)


@contextmanager
def serving(root: Path) -> Iterator[Hub]:
    hub = Hub(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, hub))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
