"""A Weights & Biases server in memory: as much of it as the real client asks in a sweep.

It searches nothing: a test says which trials it suggests. What a client asks beyond what is known
here is kept in `Server.unknown`, and answered by an error.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import yaml

ENTITY = "someone"
SWEEP = "the-sweep"
Json = dict[str, Any]


@dataclass
class Run:
    """What clients have told of a run, and what the server has told an agent.

    Args:
        name: the run's id.
        parameters: what the server suggested, by dotted name.
        agent: which agent it was given to.
    """

    name: str
    parameters: Json
    agent: str
    starts: int = 0
    display_name: str = ""
    sweep: str = ""
    config: Json = field(default_factory=dict)
    history: list[Json] = field(default_factory=list)
    summary: Json = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    exit_codes: list[int] = field(default_factory=list)
    agent_has_let_go: bool = False
    is_stopped: bool = False

    @property
    def state(self) -> str:
        """In W&B's words; a run has ``crashed`` if its agent has let it go before its end."""
        if self.exit_codes:
            return "failed" if any(self.exit_codes) else "finished"
        return "crashed" if self.agent_has_let_go else "running"

    def values(self, name: str) -> list[Any]:
        """A metric's values, in their order."""
        return [row[name] for row in self.history if name in row]


class Server:
    """Answers on a port of this machine from ``with`` to its end.

    Args:
        trials: parameters of the runs that it suggests to whichever agent asks.
        stops: whether to stop a run that is under way, as early termination does.
        port: where it answers; default: any that is free.
    """

    def __init__(
        self,
        trials: Sequence[Json],
        stops: Callable[[Run], bool] = lambda run: False,
        port: int = 0,
    ) -> None:
        self.trials, self.stops = list(trials), stops
        self.runs: dict[str, Run] = {}
        self.sweep: Json = {}
        self.agents = 0
        self.unknown: list[str] = []
        self._known = {
            "CreateAgent": self._register_agent,
            "CreateRunFiles": self._upload_addresses,
            "GetDefaultEntity": self._viewer,
            "GetSweep": self._sweep_for_program,
            "GetViewer": self._viewer,
            "Heartbeat": self._heartbeat,
            "OrganizationCoreWeaveOrganizationID": self._organization,
            "RunFiles": self._list_files,
            "RunResumeStatus": self._resume_status,
            "Runs": self._list_runs,
            "ServerFeaturesQuery": self._features,
            "SweepWithRuns": self._sweep_for_agent,
            "UpsertBucket": self._take_run,
            "UpsertSweep": self._take_sweep,
            "Viewer": self._viewer,
        }
        self._lock = Lock()
        self._http = _Http(self, port)
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        """Begin to answer."""
        Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer no more."""
        self._http.shutdown()
        self._http.server_close()

    def answer(self, path: str, body: Json) -> Json | None:
        """Answer a POST, None where it is not known here.

        Args:
            path: after the host.
            body: what was sent, as JSON.
        """
        with self._lock:
            stream = re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", path)
            if stream and stream[1] in self.runs:
                return self._stream(self.runs[stream[1]], body)
            operation = re.search(r"(?:query|mutation)\s+(\w+)", body.get("query", ""))
            name = operation[1] if path == "/graphql" and operation else path
            try:
                return {"data": self._known[name](body.get("variables") or {})}
            except KeyError as error:
                # Of an operation, or of a run or a variable that it should have.
                self.unknown.append(f"{name}: {error}")
                return None

    def take_file(self, run: str, name: str, content: bytes) -> None:
        """Keep a file of a run."""
        with self._lock:
            self.runs[run].files[name] = content

    def file(self, path: str) -> bytes | None:
        """A file that has arrived, by ``/<run>/<name>``; None where there is none."""
        _, run, name = path.split("/", 2)
        with self._lock:
            return self.runs[run].files.get(name) if run in self.runs else None

    def _stream(self, run: Run, body: Json) -> Json:
        files = body.get("files") or {}
        for line in files.get("wandb-history.jsonl", {}).get("content", []):
            run.history.append(json.loads(line))
        for line in files.get("wandb-summary.json", {}).get("content", []):
            run.summary = json.loads(line)
        if body.get("exitcode") is not None:
            run.exit_codes.append(body["exitcode"])
        return {}

    def _viewer(self, _: Json) -> Json:
        return {"viewer": {"id": "1", "entity": ENTITY, "username": ENTITY, "flags": "{}"}}

    def _organization(self, _: Json) -> Json:
        return {"entity": {"organization": {"coreWeaveOrganizationId": None}}}

    def _features(self, _: Json) -> Json:
        return {"serverInfo": {"features": []}}

    def _take_sweep(self, asked: Json) -> Json:
        self.sweep = yaml.safe_load(asked["config"])
        project = {"id": "1", "name": asked["projectName"], "entity": {"id": "1", "name": ENTITY}}
        sweep = {"name": SWEEP, "project": project}
        return {"upsertSweep": {"sweep": sweep, "configValidationWarnings": []}}

    def _sweep_for_agent(self, _: Json) -> Json:
        sweep = {"id": "1", "name": SWEEP, "config": yaml.safe_dump(self.sweep), "state": "RUNNING"}
        return {"project": {"sweep": {**sweep, "runs": {"edges": []}}}}

    def _sweep_for_program(self, _: Json) -> Json:
        return {"project": {"sweep": {"id": "1", "name": SWEEP, "config": "{}"}}}

    def _list_runs(self, _: Json) -> Json:
        nodes = [self._node(run) for run in self.runs.values()]
        edges = [{"node": node, "cursor": node["name"]} for node in nodes]
        page = {"endCursor": None, "hasNextPage": False}
        return {"project": {"runCount": len(nodes), "runs": {"edges": edges, "pageInfo": page}}}

    def _node(self, run: Run) -> Json:
        config = {name: {"value": value} for name, value in run.config.items()}
        names = {"id": run.name, "name": run.name, "displayName": run.display_name}
        return {**names, "state": run.state, "config": json.dumps(config)}

    def _list_files(self, asked: Json) -> Json:
        run = self.runs[asked["name"]]
        found = [name for name in run.files if name in asked["fileNames"]]
        nodes = [
            {
                "name": name,
                "url": f"{self.url}/{run.name}/{name}",
                "sizeBytes": len(run.files[name]),
            }
            for name in found
        ]
        page = {"endCursor": None, "hasNextPage": False}
        files = {"edges": [{"node": each, "cursor": each["name"]} for each in nodes]}
        run_files = {"fileCount": len(nodes), "files": {**files, "pageInfo": page}}
        return {"project": {"internalId": "1", "run": run_files}}

    def _register_agent(self, _: Json) -> Json:
        self.agents += 1
        return {"createAgent": {"agent": {"id": f"agent-{self.agents}"}}}

    def _heartbeat(self, asked: Json) -> Json:
        agent, running = asked["id"], json.loads(asked["runState"])
        for run in self.runs.values():
            run.agent_has_let_go |= run.agent == agent and run.name not in running
        commands = json.dumps(self._commands(agent, running))
        return {"agentHeartbeat": {"agent": {"id": agent}, "commands": commands}}

    def _commands(self, agent: str, running: Json) -> list[Json]:
        if running:
            stopped = [run for run in map(self.runs.__getitem__, running) if self.stops(run)]
            for run in stopped:
                run.is_stopped = True
            return [{"type": "stop", "run_id": run.name} for run in stopped]
        if not self.trials:
            return [{"type": "exit"}]
        run = Run(f"trial-{len(self.runs)}", self.trials.pop(0), agent)
        self.runs[run.name] = run
        arguments = {name: {"value": value} for name, value in run.parameters.items()}
        program = self.sweep["program"]
        return [{"type": "run", "run_id": run.name, "program": program, "args": arguments}]

    def _resume_status(self, asked: Json) -> Json:
        # Each process that starts a run asks whether there is something to resume.
        self.runs[asked["name"]].starts += 1
        return {"model": {"id": "1", "name": "", "entity": {"id": "1", "name": ENTITY}}}

    def _take_run(self, asked: Json) -> Json:
        run = self.runs[asked["name"]]
        run.display_name = asked.get("displayName") or run.display_name
        run.sweep = asked.get("sweep") or run.sweep
        if asked.get("config"):
            config = json.loads(asked["config"])
            run.config = {name: entry["value"] for name, entry in config.items()}
        project = {"id": "1", "name": asked["project"], "entity": {"id": "1", "name": ENTITY}}
        names = {"id": run.name, "name": run.name, "displayName": run.display_name}
        bucket = {**names, "sweepName": run.sweep, "project": project, "historyLineCount": 0}
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def _upload_addresses(self, asked: Json) -> Json:
        run = asked["run"]
        files = [{"name": each, "uploadUrl": f"{self.url}/{run}/{each}"} for each in asked["files"]]
        return {"createRunFiles": {"runID": run, "uploadHeaders": [], "files": files}}


class _Http(ThreadingHTTPServer):
    # Many files at once: a connection that does not fit is tried again only after a second.
    request_queue_size = 128

    def __init__(self, server: Server, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.owner = server

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exc_info()[1]
        # A client that has ended leaves its connections open.
        if not isinstance(error, ConnectionError):
            self.owner.unknown.append(repr(error))


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        answer = self.server.owner.answer(self.path, json.loads(self._body() or "{}"))
        self._send(answer, 200 if answer is not None else 400)

    def do_PUT(self) -> None:
        _, run, name = self.path.split("/", 2)
        self.server.owner.take_file(run, name, self._body())
        self._send({}, 200)

    def do_GET(self) -> None:
        if (content := self.server.owner.file(self.path)) is None:
            self.server.owner.unknown.append(self.path)
            self._send(None, 404)
        else:
            self._send_content(content, 200)

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") else body

    def _send(self, answer: Json | None, status: int) -> None:
        error = {"errors": [{"message": "this server does not know that"}]}
        self._send_content(json.dumps(error if answer is None else answer).encode(), status)

    def _send_content(self, content: bytes, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: tests have their own output."""
