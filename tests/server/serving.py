"""A Jupyter server in this process, with nbflow as its only extension, and a client that sends just what it is told.

It has an event loop and a thread of its own; files, settings and kernels of the person who runs the tests stay out.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyter_server.serverapp import ServerApp
from traitlets.config import Config

from nbflow.server.service import Service

PATIENCE = 60.0
"""Seconds: a busy machine takes long."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Told:
    """One server-sent event."""

    event: str
    data: Any
    number: int | None


@dataclass
class Site:
    """A running server."""

    port: int
    root: Path
    """What it serves."""
    token: str
    app: ServerApp
    loop: asyncio.AbstractEventLoop
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def service(self) -> Service:
        found: Service = self.app.web_app.settings["nbflow"].service
        return found

    def send(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """``target``: the rest of the address, sent as it is. Header names are given with ``_`` for ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers.items()), answer.read())
        finally:
            connection.close()

    def ask(self, method: str, route: str, body: Any = None, /, **query: str | int) -> Answer:
        """As a program does that has the token. ``route``: behind ``nbflow/api/``."""
        data = None if body is None else json.dumps(body).encode()
        return self.send(method, target(route, **query), data, Authorization=f"token {self.token}")

    def post(self, route: str, /, **body: Any) -> Answer:
        return self.ask("POST", route, body)

    def get(self, route: str, /, **query: str | int) -> Answer:
        return self.ask("GET", route, **query)

    @contextmanager
    def listening(self, route: str, /, again: str = "", **query: str | int) -> Iterator[Iterator[Told]]:
        """The events of a stream as they come. ``again``: what a browser says that connects again."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Authorization": f"token {self.token}", **({"Last-Event-ID": again} if again else {})}
        connection.request("GET", target(route, **query), headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        assert answer.headers["Content-Type"] == "text/event-stream"
        try:
            yield _events(answer)
        finally:
            answer.close()
            connection.close()

    def heard(self, route: str, /, again: str = "", **query: str | int) -> list[Told]:
        """All of a stream that ends by itself."""
        with self.listening(route, again, **query) as events:
            return [*events]


def target(route: str, /, **query: str | int) -> str:
    behind = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
    return f"/nbflow/api/{route}{'?' if behind else ''}{behind}"


def _events(answer: http.client.HTTPResponse) -> Iterator[Told]:
    lines: dict[str, str] = {}
    for raw in answer:
        line = raw.decode().rstrip("\n")
        if line:
            name, _, value = line.partition(": ")
            lines[name] = value
        elif "event" in lines:
            number = int(lines["id"]) if "id" in lines else None
            yield Told(lines["event"], json.loads(lines["data"]), number)
            lines = {}


class Alone(ServerApp):
    """A server that loads what it is told and nothing that happens to be installed."""

    def find_server_extensions(self) -> None:
        pass

    def init_signal(self) -> None:
        """Signals are the tests' own."""


@contextmanager
def serving(root: Path, config: Mapping[str, Mapping[str, Any]] | None = None) -> Iterator[Site]:
    """``config``: as in a configuration file, part → name → value."""
    ready = threading.Event()
    sites: list[Site] = []
    failures: list[BaseException] = []

    async def serve() -> None:
        ended = asyncio.Event()
        token = secrets.token_hex(16)
        app = Alone(config=_config(root, token, config or {}))
        app.initialize(argv=[], find_extensions=False)
        try:
            sites.append(Site(app.port, root, token, app, asyncio.get_running_loop()))
            app.web_app.settings["ended"] = ended
            ready.set()
            await ended.wait()
        finally:
            app.http_server.stop()
            await app._cleanup()
            await app.http_server.close_all_connections()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="a Jupyter server")
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        if failures:
            raise failures[0]
        _wait_until_it_answers(sites[0].port)
        yield sites[0]
    finally:
        if sites and thread.is_alive():
            sites[0].loop.call_soon_threadsafe(sites[0].app.web_app.settings["ended"].set)
        thread.join(PATIENCE)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE):
            return
        time.sleep(0.01)


def _config(root: Path, token: str, more: Mapping[str, Mapping[str, Any]]) -> Config:
    made = Config(
        {
            "ServerApp": {
                "root_dir": str(root),
                "ip": "127.0.0.1",
                "port": _free_port(),
                "port_retries": 0,
                "open_browser": False,
                "allow_root": True,
                "jpserver_extensions": {"nbflow": True},
            },
            "IdentityProvider": {"token": token},
        }
    )
    made.merge(Config(more))
    return made


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
