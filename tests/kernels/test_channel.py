from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
import zmq
import zmq.asyncio

from nbflow.kernels.channel import BoundedChannel


class FakeSession:
    def feed_identities(self, frames: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        return [], frames

    def deserialize(self, frames: list[bytes]) -> dict[str, Any]:
        return {"frames": frames}


class SmallChannel(BoundedChannel):
    waiting = 1000


def with_publisher(folder: Path, use: Callable[[zmq.Socket[bytes], BoundedChannel], Any]) -> None:
    """Run ``use`` with a socket that publishes, as a kernel's does, and a channel that is connected to it."""

    async def run() -> None:
        with zmq.Context() as context, context.socket(zmq.XPUB) as publisher, zmq.asyncio.Context() as theirs:
            publisher.linger = 0
            publisher.sndhwm = 0
            publisher.bind(f"ipc://{folder}/s")
            socket = theirs.socket(zmq.SUB)
            socket.connect(f"ipc://{folder}/s")
            channel = SmallChannel(socket, FakeSession())
            channel.start()
            assert publisher.poll(5000)  # The subscription.
            try:
                await use(publisher, channel)
            finally:
                channel.stop()

    asyncio.run(run())


def test_messages_come_in_order_however_many_wait(tmp_path: Path) -> None:
    async def use(publisher: zmq.Socket[bytes], channel: BoundedChannel) -> None:
        for number in range(5000):
            publisher.send_multipart([b"%d" % number])
        got = [(await channel.get_msg(timeout=5))["frames"] for _ in range(5000)]
        assert got == [[b"%d" % number] for number in range(5000)]
        with pytest.raises(Empty):
            await channel.get_msg(timeout=0.01)

    with_publisher(tmp_path, use)


def test_a_message_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    async def use(publisher: zmq.Socket[bytes], channel: BoundedChannel) -> None:
        asyncio.get_running_loop().call_later(0.05, publisher.send_multipart, [b"x"])
        assert await channel.get_msg() == {"frames": [b"x"]}

    with_publisher(tmp_path, use)


def test_bytes_that_wait_are_bounded(tmp_path: Path) -> None:
    async def use(publisher: zmq.Socket[bytes], channel: BoundedChannel) -> None:
        for _ in range(200):
            publisher.send_multipart([b"x" * 400])
        deadline = time.monotonic() + 5
        while channel._size <= channel.waiting and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert (len(channel._messages), channel._size) == (3, 1200)
        for _ in range(200):
            await channel.get_msg(timeout=5)
        assert (len(channel._messages), channel._size) == (0, 0)

    with_publisher(tmp_path, use)
