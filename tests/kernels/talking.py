"""Kernels for tests, and what they say: one started anew, one forked, both asked the same."""

from __future__ import annotations

import atexit
import os
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbflow.kernels.choosing import DENIED
from nbflow.kernels.forks import ForkServer, Start
from nbflow.kernels.guards import Guard
from nbflow.kernels.inside import AFTER_START
from nbflow.kernels.kernel import Kernel

GUARD = Guard()
"""The one of this process."""

atexit.register(GUARD.close)


def environment() -> dict[str, str]:
    """What kernels start with; what pytest says of the test that runs would tell them apart."""
    return {**{k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}, "PYTHONHASHSEED": "0"}


def start_of(folder: Path, *modules: str, **more: Any) -> Start:
    """How a server is started that loads these modules ahead."""
    statements = [module.rpartition(".")[::2] for module in modules]
    paths = sysconfig.get_paths()
    places = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    if "also_installed" in more:
        places.add(more.pop("also_installed").rstrip(os.sep))
    return Start(
        command=(sys.executable, *more.pop("options", ())),
        environ=more.pop("environ", None) or environment(),
        folder=folder,
        statements=tuple((parent, name) if parent else (name, "") for parent, name in statements),
        installed=tuple(f"{real}{os.sep}" for place in sorted(places) for real in (place, os.path.realpath(place))),
        denied=more.pop("denied", DENIED),
        prologue=AFTER_START,
        **more,
    )


@contextmanager
def a_server(start: Start) -> Iterator[ForkServer]:
    server = ForkServer(start, GUARD)
    try:
        server.prepare()
        yield server
    finally:
        server.close()


@contextmanager
def a_kernel(
    folder: Path, server: ForkServer | None = None, environ: dict[str, str] | None = None, *, politely: bool = False
) -> Iterator[Kernel]:
    kernel = Kernel("python3", environ or environment(), GUARD, server)
    try:
        kernel.start(folder)
        yield kernel
    finally:
        kernel.end(politely=politely)


def said(kernel: Kernel, source: str) -> str:
    """All that a cell shows: what it prints, its result, its error's last line."""
    return kernel.loop.complete(lambda: _said(kernel.client, source))  # type: ignore[no-any-return]


def conversation(kernel: Kernel, sources: Sequence[str]) -> dict[str, str]:
    return {source: said(kernel, source) for source in sources}


async def _said(client: Any, source: str) -> str:
    asked = client.execute(source)
    shown: list[str] = []
    while True:
        message = await client.iopub_channel.get_msg(timeout=60)
        if message["parent_header"].get("msg_id") != asked:
            continue
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                shown.append(content["text"])
            case "execute_result" | "display_data":
                shown.append(f"{sorted(content['data'])} {content['data'].get('text/plain', '')}\n")
                shown += [str(content["data"][kind]) for kind in ("image/png", "text/html") if kind in content["data"]]
            case "error":
                shown.append(f"{content['ename']}: {content['evalue']}\n")
            case "status" if content["execution_state"] == "idle":
                break
    while (await client.shell_channel.get_msg(timeout=60))["parent_header"].get("msg_id") != asked:
        pass
    return "".join(shown)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
