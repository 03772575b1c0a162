"""Digests: one definition, however the bytes arrive."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.runtime import digests

CHUNK = 4 * 1024 * 1024


def by_the_book(data: bytes) -> str:
    """The definition, written as plainly as it can be."""
    chunks = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)]
    return hashlib.sha256(b"".join(hashlib.sha256(chunk).digest() for chunk in chunks)).hexdigest()


def pattern(size: int) -> bytes:
    return (b"0123456789abcde" * (size // 15 + 1))[:size]


SIZES = [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 11 * CHUNK + 17]


@pytest.mark.parametrize("size", SIZES)
def test_bytes_file_and_stream_have_the_digest_of_the_definition(size: int, tmp_path: Path) -> None:
    data = pattern(size)
    path = tmp_path / "data"
    path.write_bytes(data)
    stream = digests.Hasher()
    for start in range(0, size, 1_000_003):
        stream.update(data[start : start + 1_000_003])
    expected = by_the_book(data)
    assert [digests.digest_bytes(data), digests.digest_file(path), digests.digest_file(str(path))] == [expected] * 3
    assert stream.hexdigest() == expected


def test_the_empty_digest_is_the_sha256_of_nothing() -> None:
    assert digests.digest_bytes(b"") == hashlib.sha256(b"").hexdigest()


def test_known_digests_never_change() -> None:
    assert digests.digest_bytes(b"nbflow") == "ee59cc3db974f2e325cdfc20aaf3c5ac62d0ea1cbd3ff9b10a8537db3ffdef8e"
    assert (
        digests.digest_bytes(pattern(CHUNK + 1)) == "1971d5894d8036d2ef63b422dfdb12c314915ece9815139b810585f6e8b293d1"
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3 * CHUNK), max_size=6))
def test_how_a_stream_is_cut_does_not_matter(cuts: list[int]) -> None:
    data = pattern(2 * CHUNK + 5)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    hasher = digests.Hasher()
    for start, end in itertools.pairwise(edges):
        hasher.update(memoryview(data)[start:end])
    assert hasher.hexdigest() == by_the_book(data)


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview], ids=lambda kind: kind.__name__)
def test_every_kind_of_buffer_is_hashed(make: type) -> None:
    assert digests.digest_bytes(make(b"abc")) == by_the_book(b"abc")


def test_a_buffer_of_many_dimensions_counts_by_its_bytes() -> None:
    view = memoryview(bytes(range(24))).cast("B", (2, 3, 4))
    assert digests.digest_bytes(view) == by_the_book(bytes(range(24)))


def test_a_buffer_that_the_caller_reuses_for_small_pieces_is_hashed_as_it_was() -> None:
    hasher = digests.Hasher()
    piece = bytearray(b"one")
    hasher.update(piece)
    piece[:] = b"two"
    hasher.update(piece)
    assert hasher.hexdigest() == by_the_book(b"onetwo")


def test_a_file_that_is_not_there_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digests.digest_file(tmp_path / "nothing")
