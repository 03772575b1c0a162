"""What the tests of the runtime have in common."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.orders import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in a folder of its own, with nothing made yet."""
    return Project(tmp_path)


@pytest.fixture(scope="module")
def missed_here() -> Iterator[None]:
    """What a module's tests leave open is missed at its end, and not in another module's tests."""
    yield
    gc.collect()
