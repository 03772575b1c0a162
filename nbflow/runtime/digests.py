"""The one definition of a digest: the address of bytes in the store.

A digest is the sha256 of the sha256s of 4 MiB chunks, so that all cores can hash one big file, and so that
bytes can be hashed in threads while they are being written. It may not depend on anything but the bytes.
The store imports this module; read ``serializers.py`` next for who feeds it.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Buffer = bytes | bytearray | memoryview

CHUNK = 4 * 1024 * 1024
"""Bytes hashed as one piece. Part of the definition: to change it changes every digest."""

_THREADS = min(8, os.cpu_count() or 1)


def digest_bytes(data: Buffer) -> str:
    """Digest of bytes (64 hex characters)."""
    hasher = Hasher()
    hasher.update(data)
    return hasher.hexdigest()


def digest_file(path: str | os.PathLike[str]) -> str:
    """Digest of a file's content. Raises ``OSError`` where the file cannot be read."""
    with open(path, "rb", buffering=0) as file:
        first = _read_chunk(file.fileno(), 0)
        if len(first) < CHUNK:
            return _of_chunks([hashlib.sha256(first).digest()] if first else [])
        # Threads read as well as hash, each at its own offset, and in windows, so that a file
        # of any size needs no more memory than a few chunks.
        with ThreadPoolExecutor(_THREADS, "nbflow-digest") as pool:
            return _of_chunks([hashlib.sha256(first).digest(), *_rest_of_file(pool, file.fileno())])


def _rest_of_file(pool: ThreadPoolExecutor, descriptor: int) -> Iterator[bytes]:
    position = CHUNK
    while True:
        window = [position + i * CHUNK for i in range(_THREADS * 4)]
        for digest in pool.map(lambda offset: _digest_at(descriptor, offset), window):
            if digest is None:
                return
            yield digest
        position = window[-1] + CHUNK


def _digest_at(descriptor: int, offset: int) -> bytes | None:
    chunk = _read_chunk(descriptor, offset)
    return hashlib.sha256(chunk).digest() if chunk else None


def _read_chunk(descriptor: int, offset: int) -> bytes:
    """Up to one chunk at an offset: less only at the end of the file."""
    parts: list[bytes] = []
    missing = CHUNK
    while missing:
        part = os.pread(descriptor, missing, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _of_chunks(digests: list[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()


class Hasher:
    """Digest of a stream of bytes, hashed in threads while the caller goes on.

    ``update`` copies small pieces and keeps a reference to big ones: what is handed over must not change
    before ``hexdigest``, which may be called once.
    """

    def __init__(self) -> None:
        self._tail = bytearray()
        self._digests: list[bytes | Future[bytes]] = []
        self._pool: ThreadPoolExecutor | None = None

    def update(self, data: Buffer) -> None:
        """Add bytes, or any contiguous buffer of bytes."""
        view = memoryview(data)
        if not view.nbytes:
            return
        view = view.cast("B")
        if self._tail:
            missing = CHUNK - len(self._tail)
            self._tail += view[:missing]
            view = view[missing:]
            if len(self._tail) < CHUNK:
                return
            self._submit(memoryview(self._tail))
            self._tail = bytearray()
        whole = len(view) - len(view) % CHUNK
        for start in range(0, whole, CHUNK):
            self._submit(view[start : start + CHUNK])
        self._tail += view[whole:]

    def hexdigest(self) -> str:
        """The digest (64 hex characters) of all that was added."""
        if self._tail:
            self._digests.append(hashlib.sha256(self._tail).digest())
            self._tail = bytearray()
        digests = [d if isinstance(d, bytes) else d.result() for d in self._digests]
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        return _of_chunks(digests)

    def _submit(self, chunk: memoryview) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, "nbflow-digest")
        self._digests.append(self._pool.submit(_sha256, chunk))
        behind = len(self._digests) - _THREADS * 4
        if behind >= 0:  # a writer faster than the hash must not fill the memory with chunks that wait
            oldest = self._digests[behind]
            self._digests[behind] = oldest if isinstance(oldest, bytes) else oldest.result()


def _sha256(chunk: memoryview) -> bytes:
    return hashlib.sha256(chunk).digest()
