"""Reads what a kernel publishes into bounded memory, and fast, so that little is lost.

A kernel does not wait for its readers: what is not read piles up in this process, message by message however large, and
what a slow reader leaves behind is dropped. So a thread takes messages off the socket as they come and stops when a
number of *bytes* is waiting; then the kernel holds the rest. Jupyter's own channel counts messages, and reads one only
when it is asked for one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from datetime import datetime
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type

WAITING = 32_000_000
"""Bytes that may wait here."""

BEHIND = 8
"""Messages that may wait in the socket when that many bytes do."""

TICK = 200
"""Milliseconds after which the thread looks whether it should end."""

TURN = 64
"""Messages handed out in a row before other tasks of the event loop have a turn."""


class BoundedChannel(AsyncZMQSocketChannel):
    """The channel of what a kernel publishes, for one reader."""

    waiting = WAITING

    def __init__(self, socket: zmq.asyncio.Socket, session: Any, loop: Any = None) -> None:
        super().__init__(socket, session, loop)
        endpoint = socket.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        self._endpoint = endpoint.decode().rstrip("\0")
        # Limits hold for connections made after they are set, and asyncio's socket must stay in its own thread.
        socket.close(linger=0)
        self._messages: deque[list[bytes]] = deque()
        self._size = 0
        self._given = 0
        self._changed = threading.Condition()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._thread: threading.Thread | None = None
        self._ended = False

    def start(self) -> None:
        self._thread = threading.Thread(target=self._drain, name="nbflow kernel output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    stop = close

    def is_alive(self) -> bool:
        return not self._ended

    async def msg_ready(self) -> bool:  # type: ignore[override]  # jupyter_client types it as its blocking twin
        return bool(self._messages)

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # as above
        """The next message. Raises ``queue.Empty`` where none comes within ``timeout`` seconds."""
        if not self._messages:
            await self._arrival(timeout)
        self._given += 1
        if self._given % TURN == 0:
            await asyncio.sleep(0)
        with self._changed:
            frames = self._messages.popleft()
            self._size -= sum(map(len, frames))
            self._changed.notify_all()
        _, message = self.session.feed_identities(frames)
        return self.session.deserialize(message)

    async def _arrival(self, timeout: float | None) -> None:
        arrived = asyncio.Event()
        with self._changed:
            if self._messages:
                return
            self._waiter = asyncio.get_running_loop(), arrived
        try:
            await asyncio.wait_for(arrived.wait(), timeout)
        except TimeoutError:
            if not self._messages:
                raise Empty from None
        finally:
            self._waiter = None

    def _drain(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        with context.socket(zmq.SUB) as socket:
            socket.linger = 0
            socket.rcvhwm = BEHIND
            socket.subscribe(b"")
            socket.connect(self._endpoint)
            while not self._ended:
                if not socket.poll(TICK):
                    continue
                frames = socket.recv_multipart()
                with self._changed:
                    self._messages.append(frames)
                    self._size += sum(map(len, frames))
                    if self._waiter is not None:
                        loop, arrived = self._waiter
                        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody reads any more.
                            loop.call_soon_threadsafe(arrived.set)
                    self._changed.wait_for(lambda: self._size <= self.waiting or self._ended)


def unpack(packed: bytes) -> Any:
    """A part of a message, as jupyter_client would read it in the end, which takes its time over dates."""
    part = json.loads(packed)
    if isinstance(part, dict) and isinstance(part.get("date"), str):
        with contextlib.suppress(ValueError):
            part["date"] = datetime.fromisoformat(part["date"])
    return part


class BoundedClient(AsyncKernelClient):
    """A client whose kernel may print as much as it likes."""

    iopub_channel_class = Type(BoundedChannel)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.behind: dict[str, str] = {}
        """Expressions for the kernel to evaluate behind the code that it is sent next, where that runs to its end: as
        ``user_expressions`` of the same request, for one of its own costs both sides a hundredth of a second."""

    def execute(self, code: str, **options: Any) -> str:  # type: ignore[override]  # fewer may be given by position
        """Send code, and what is ``behind`` it. The reply has the answers."""
        behind, self.behind = self.behind, {}
        sent: str = super().execute(code, user_expressions=behind, **options)
        return sent
