"""A Jupyter server of one's own: nothing of the user's settings, kernels or workspaces, and no word from outside."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

CHECKOUT = Path(__file__).parents[3]
"""Whose extensions of the server and of JupyterLab are there, whatever is installed."""

PATIENCE = 300.0
"""Seconds: a busy machine takes long to start what it has never started."""

SETTINGS: Mapping[str, object] = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
"""No pop-up about news, and a notebook is saved when the test says so."""


@dataclass(frozen=True)
class Server:
    address: str
    token: str
    root: Path
    """What it serves."""
    process: subprocess.Popen[str] | None = None

    def lab(self, path: str) -> str:
        """A notebook in JupyterLab."""
        return f"{self.address}/lab/tree/{quote(path)}?token={self.token}&reset"

    def notebook(self, path: str) -> str:
        """A notebook in Notebook 7."""
        return f"{self.address}/notebooks/{quote(path)}?token={self.token}"

    def start_kernel(self, path: str) -> Path:
        """The kernel of a notebook that is opened; the file that says how to talk to it."""
        asked = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        made = json.loads(self._ask("sessions", "POST", asked))
        return self.root.parent / "runtime" / f"kernel-{made['kernel']['id']}.json"

    def shut_kernels_down(self) -> None:
        """So that the next test finds none."""
        for session in json.loads(self._ask("sessions")):
            self._ask(f"sessions/{session['id']}", "DELETE")

    def _ask(self, what: str, method: str = "GET", body: object = None) -> bytes:
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/{what}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            content: bytes = answer.read()
            return content


@contextmanager
def serving(place: Path, settings: Mapping[str, object] = SETTINGS, *, with_nbflow: bool = True) -> Iterator[Server]:
    """A server whose files all lie below ``place``; it serves ``place/work``. ``with_nbflow``: else both extensions are
    disabled, as a person would do it."""
    (place / "work").mkdir(parents=True)
    for name, values in settings.items():
        path = place / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    _install(place)
    if not with_nbflow:
        _disable(place)
    server = Server(f"http://127.0.0.1:{_free_port()}", secrets.token_hex(16), place / "work")
    process = subprocess.Popen(
        _command(server), env=_environment(place), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said = _Said(process)
    try:
        if not said.started():
            raise RuntimeError("the Jupyter server did not start:\n" + "".join(said.lines))
        _wait_until_it_answers(server)
        yield replace(server, process=process)
    finally:
        process.terminate()  # it shuts its kernels down before it ends
        process.wait(PATIENCE)
        said.join(PATIENCE)


def _install(place: Path) -> None:
    extensions = place / "data" / "labextensions"
    extensions.mkdir(parents=True)
    (extensions / "nbflow").symlink_to(CHECKOUT / "nbflow" / "labextension", target_is_directory=True)
    shutil.copytree(CHECKOUT / "jupyter-config", place / "config", dirs_exist_ok=True)


def _disable(place: Path) -> None:
    config = place / "config"
    (config / "labconfig").mkdir()
    (config / "labconfig" / "page_config.json").write_text('{"disabledExtensions": {"nbflow": true}}')
    (config / "jupyter_server_config.d" / "nbflow.json").write_text(
        '{"ServerApp": {"jpserver_extensions": {"nbflow": false}}}'
    )


def _wait_until_it_answers(server: Server) -> None:
    """It says that it runs a little before it does."""
    deadline = time.monotonic() + PATIENCE
    address = ("127.0.0.1", int(server.address.rpartition(":")[2]))
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(address, PATIENCE):
            return
        time.sleep(0.05)


class _Said(threading.Thread):
    """Reads what the server says, so that it can go on saying it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self._process = process
        self._serves, self._heard = False, threading.Event()
        self.start()

    def run(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as words:
            for line in words:
                self.lines.append(line)
                if "is running at" in line:
                    self._serves = True
                    self._heard.set()
        self._heard.set()  # it has ended

    def started(self) -> bool:
        self._heard.wait(PATIENCE)
        return self._serves


def _command(server: Server) -> list[str]:
    port = server.address.rpartition(":")[2]
    return [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={server.root}", f"--IdentityProvider.token={server.token}",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip


def _environment(place: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_"))}
    # In a virtual environment, what is installed there would come before what lies in these folders.
    return {**kept, "JUPYTER_PREFER_ENV_PATH": "0", **{name: str(place / folder) for name, folder in folders.items()}}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
