"""A live kernel as a front end sees it: cells go in, what they show comes out as plain values that can be compared."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from nbflow.journal import Journal
from nbflow.ops import following

PATIENCE = 60.0
"""Seconds until a kernel that says nothing is taken for dead."""

SHOWN = ("stream", "display_data", "update_display_data", "execute_result", "error", "clear_output", "input_request")

Shown = tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """What one cell did."""

    status: str
    """``ok``, ``error``, ``aborted``."""
    count: int
    shown: tuple[Shown, ...]
    """In order; texts of one stream joined."""
    payload: tuple[Any, ...] = ()

    @property
    def text(self) -> str:
        return "".join(part[2] for part in self.shown if part[0] == "stream")

    @property
    def error(self) -> tuple[str, str, str]:
        """Name, text and traceback."""
        (found,) = [part for part in self.shown if part[0] == "error"]
        return found[1], found[2], found[3]


@dataclass
class Kernel:
    """One kernel and one client."""

    manager: KernelManager
    client: BlockingKernelClient
    answers: list[str] = field(default_factory=list)
    """What the user types when asked."""
    heard: list[Mapping[str, Any]] = field(default_factory=list)
    """All that the kernel has told everybody."""

    def run(self, source: str, *, silent: bool = False, cell_id: str = "") -> Answer:
        """Run a cell to its end. A cell that prints ``interrupt me`` is interrupted."""
        return self.take(self.send(source, silent=silent, cell_id=cell_id))

    def send(self, source: str, *, silent: bool = False, cell_id: str = "") -> str:
        content = {
            "code": source, "silent": silent, "store_history": not silent, "user_expressions": {},
            "allow_stdin": True, "stop_on_error": True,
        }  # fmt: skip
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell_id} if cell_id else {})
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def take(self, request: str) -> Answer:
        shown: list[Shown] = []
        for message in self._messages(request):
            kind, content = message["msg_type"], message["content"]
            if kind == "input_request":
                self.client.input(self.answers.pop(0))
            if kind == "stream" and shown and shown[-1][:2] == ("stream", content["name"]):
                shown[-1] = ("stream", content["name"], shown[-1][2] + content["text"])
            elif kind in SHOWN:
                shown.append(_plain(kind, content))
            if kind == "stream" and "interrupt me" in content["text"]:
                self.manager.interrupt_kernel()
        reply = self._reply(request)
        payload = tuple(reply.get("payload", ()))
        return Answer(reply["status"], reply.get("execution_count", 0), tuple(shown), payload)

    def _messages(self, request: str) -> Iterator[Mapping[str, Any]]:
        """What belongs to a request, until the kernel is idle again."""
        while True:
            message = self._next()
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return
            yield message

    def _next(self) -> Mapping[str, Any]:
        message = self.listen(PATIENCE)
        if message is None:
            raise TimeoutError(f"the kernel said nothing for {PATIENCE} seconds")
        return message

    def _reply(self, request: str) -> Mapping[str, Any]:
        while True:
            message = self.client.get_shell_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == request:
                content: Mapping[str, Any] = message["content"]
                return content

    def listen(self, seconds: float) -> Mapping[str, Any] | None:
        """One thing more that is heard in this time, whoever it is meant for."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for channel in (self.client.stdin_channel, self.client.iopub_channel):
                try:
                    message: Mapping[str, Any] = channel.get_msg(timeout=0.02)
                except Empty:
                    continue
                self.heard.append(message)
                return message
        return None

    def ask(self, request: str) -> Mapping[str, Any]:
        """The reply to what the client asked."""
        return self._reply(request)


def _plain(kind: str, content: Mapping[str, Any]) -> Shown:
    match kind:
        case "stream":
            return (kind, content["name"], content["text"])
        case "error":
            return (kind, content["ename"], content["evalue"], "\n".join(content["traceback"]))
        case "clear_output":
            return (kind, content["wait"])
        case "input_request":
            return (kind, content["prompt"], content["password"])
        case _:
            return (kind, content["data"], content["metadata"], content.get("transient", {}))


@contextmanager
def kernel_in(folder: Path, environment: Mapping[str, str]) -> Iterator[Kernel]:
    """A kernel that stands in this folder."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder), env=dict(environment))
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def end_runs(folder: Path) -> None:
    """Runs of this project that a test has left: they are processes of their own."""
    journal = Journal.read(folder)
    if journal is not None:
        with journal:
            for run in [row.id for row in journal.runs() if row.status == "running"]:
                following.cancel(folder, journal, run, force=True)


# --- what differs each time ----------------------------------------------------------------------------

_TOKEN = re.compile(
    r"(?P<count>(?<=In\[)\d+|(?<=In \[)\d+|(?<=ipython-input-)\d+)"
    r"|(?P<file>\S*ipykernel_\d+/\d+\.py|\b\d{6,}\.py)"
    r"|(?P<address>0x[0-9a-f]{6,})"
    r"|(?P<time>\d+(?:\.\d+)?(?:e\+\d+)? ?(?:ns|μs|µs|us|ms|s)\b)"
)


def comparable(answers: Sequence[Answer]) -> list[Any]:
    """Answers without counts, addresses, names of temporary files and times; a step line counts as the comment that
    stands in its place in a plain cell. What a cell asks and what it shows come on two channels, of which nobody can
    tell what was said first: they are compared apart."""
    first = answers[0].count

    def same(value: Any) -> Any:
        if isinstance(value, str):
            return _TOKEN.sub(exchanged, value.replace("# %%step", "%%step"))
        if isinstance(value, Mapping):
            return {k: same(v) for k, v in value.items()}
        return [same(v) for v in value] if isinstance(value, list | tuple) else value

    def exchanged(match: re.Match[str]) -> str:
        if match["count"]:
            return f"+{int(match['count']) - first}"
        return f"<{match.lastgroup}>"

    return [[a.status, a.count - first, same(_apart(a.shown)), same(a.payload)] for a in answers]


def _apart(shown: Sequence[Shown]) -> list[list[Shown]]:
    asked = [part for part in shown if part[0] == "input_request"]
    outputs: list[Shown] = []
    for part in shown:
        if part[0] == "stream" and outputs and outputs[-1][:2] == part[:2]:
            outputs[-1] = (*part[:2], outputs[-1][2] + part[2])
        elif part[0] != "input_request":
            outputs.append(part)
    return [asked, outputs]
