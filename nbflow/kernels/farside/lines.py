"""Messages over a socket: a line of JSON each, and descriptors that go along. Both sides use it.

A stream may cut messages anywhere, but it keeps their order and that of the descriptors; each message says how many of
them are its own. Linux never reads beyond descriptors that go along, so none of a later message are ever open here.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

PIECE = 1 << 16
"""Bytes that are read at once."""

MOST_DESCRIPTORS = 16
"""That one read may bring."""

Message = dict[str, Any]


class Lines:
    """One end. Who sends from several threads takes care that they take turns."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._read = b""
        self._descriptors: list[int] = []

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Raises ``OSError``."""
        data = json.dumps([len(descriptors), message]).encode() + b"\n"
        if descriptors:
            data = data[socket.send_fds(self.connection, [data], list(descriptors)) :]
        self.connection.sendall(data)

    def receive(self) -> list[tuple[Message, list[int]]]:
        """Wait for something to come: the messages that are whole by then, each with its descriptors. Raises
        ``EOFError`` where the other side is gone, and ``OSError``."""
        data, descriptors, _, _ = socket.recv_fds(self.connection, PIECE, MOST_DESCRIPTORS)
        if not data:
            raise EOFError
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        self._descriptors += descriptors
        *whole, self._read = (self._read + data).split(b"\n")
        return [self._taken_apart(line) for line in whole]

    def _taken_apart(self, line: bytes) -> tuple[Message, list[int]]:
        count, message = json.loads(line)
        own, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return message, own

    def __iter__(self) -> Iterator[Message]:
        """The messages to the last one, for a side that is sent no descriptors."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                for message, _ in self.receive():
                    yield message
