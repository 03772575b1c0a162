"""What the tests of the runtime have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.orders import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in a folder of its own, with nothing made yet."""
    return Project(tmp_path)
