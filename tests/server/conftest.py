"""One server for the tests of a module, a project of its own for each test."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.flows import Flow, new_flow
from tests.server.serving import Site, serving

CELLS = {
    "md-title": "# A flow",
    "parameters": "n = 1",
    "one": "%%step one -o a\na = n",
    "two": "%%step two -i a -o b\nb = a + 1",
    "look": "print(b)",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("served")
    with serving(root) as running:
        yield running


@pytest.fixture
def flow(site: Site, request: pytest.FixtureRequest) -> Flow:
    """A project below what is served, with ``flow.ipynb``: a step that makes ``a`` and one that makes ``b`` of it."""
    folder = site.root / re.sub(r"\W+", "-", request.node.name)
    folder.mkdir()
    return new_flow(folder, CELLS)


@pytest.fixture
def path(flow: Flow) -> str:
    """What the contents API calls its notebook."""
    return f"{flow.root.name}/{flow.notebook}"
