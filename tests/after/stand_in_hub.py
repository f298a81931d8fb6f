"""A hub on this machine: as much of one as an upload of small files needs."""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "a-token"


class StandInHub:
    """Takes repositories and commits, of whoever has the `TOKEN`."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer({"name": "me", "type": "user", "orgs": []})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.answer(hub.told(self.path, body))

            def answer(self, content: Any) -> None:
                is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
                content = content if is_known else {"error": "who are you?"}
                text = json.dumps(content).encode()
                self.send_response(200 if is_known else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def told(self, path: str, body: bytes) -> dict[str, Any]:
        """Take a request."""
        if path.endswith("/create"):
            self.created.append(json.loads(body))
            return {"url": f"{self.address}/me/animals", "name": "me/animals"}
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            return {
                "files": [
                    {**each, "uploadMode": "regular", "shouldIgnore": False} for each in files
                ]
            }
        if "/commit/" in path:
            lines = [json.loads(line) for line in body.splitlines()]
            for line in lines:
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    self.files[line["value"]["path"]] = content
            return {"commitUrl": f"{self.address}/me/animals/commit/1", "commitOid": "1"}
        return {}

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()
