"""A row of values that shares what did not change."""

from __future__ import annotations

import pytest

from nbflow.core.vector import Vector


@pytest.mark.parametrize("size", [1, 63, 64, 65, 200])
def test_a_vector_replaces_one_item_and_leaves_the_old_row(size: int) -> None:
    old = Vector.of(range(size))
    for index in range(0, size, 31):
        expected = list(range(size))
        expected[index] = -1
        assert list(old.put(index, -1)) == expected
        assert old.put(index, -1) == Vector.of(expected)
        assert old[index] == index
