"""An immutable row of values in which one can be replaced cheaply.

A run is a value, so every event makes a new one. Copying the states of ten thousand steps for each of ten thousand
events would cost more than the rest of the run; two levels of tuples share all but one small piece with the old row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

T = TypeVar("T")

_WIDTH = 64
"""Items in a piece: replacing one copies so many pointers, and one for each piece."""


@dataclass(frozen=True, slots=True)
class Vector(Generic[T]):
    """Compares by its items, as a tuple does."""

    pieces: tuple[tuple[T, ...], ...]

    @classmethod
    def of(cls, items: Iterable[T]) -> Vector[T]:
        flat = tuple(items)
        return cls(tuple(flat[start : start + _WIDTH] for start in range(0, len(flat), _WIDTH)))

    def __getitem__(self, index: int) -> T:
        return self.pieces[index // _WIDTH][index % _WIDTH]

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self.pieces)

    def put(self, index: int, item: T) -> Vector[T]:
        """The same row with ``item`` at ``index``."""
        outer, inner = divmod(index, _WIDTH)
        piece = self.pieces[outer]
        changed = (*piece[:inner], item, *piece[inner + 1 :])
        return Vector((*self.pieces[:outer], changed, *self.pieces[outer + 1 :]))
