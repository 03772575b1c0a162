"""One server for all, one browser and one JupyterLab for a module, fresh files and a clean slate for each test."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.ui.browser import chromium, shared
from tests.ui.browser.drawings import Drawn, SharedDrawings
from tests.ui.browser.lab import LabPage
from tests.ui.browser.server import PATIENCE, Server, serving
from tests.ui.browser.shared import SharedLab
from tests.ui.live import end_runs

EXAMPLES = Path(__file__).parents[3] / "example_notebooks"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module, not for the session: Playwright keeps an event loop running in the thread of the tests as long
    as it is there, and the next module in this process may need a loop of its own."""
    path = chromium.found()
    assert path, chromium.advice()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def project(server: Server, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of its own below what the server serves, with a project's root in it."""
    folder = server.root / "".join(c if c.isalnum() else "-" for c in request.node.name)
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.nbflow]\njobs = 2\n")
    yield folder
    server.shut_kernels_down()
    end_runs(folder)
    _remove(folder)


def _remove(folder: Path) -> None:
    """A run that is over may still write its report."""
    deadline = time.monotonic() + PATIENCE
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture
def said() -> list[str]:
    """What the consoles of the pages complained of, as far as nbflow is in it."""
    return []


@pytest.fixture
def new_page(browser: Browser, said: list[str]) -> Iterator[Callable[[], Page]]:
    """Each in a browser of its own."""
    pages: list[Page] = []

    def make() -> Page:
        pages.append(shared.new_page(browser, said.append))
        return pages[-1]

    yield make
    for page in pages:
        page.context.close()


@pytest.fixture(scope="module")
def shared_lab(server: Server, browser: Browser) -> Iterator[SharedLab]:
    lab = SharedLab(browser, server)
    yield lab
    lab.drop()


@pytest.fixture
def lab(shared_lab: SharedLab, project: Path, said: list[str], request: pytest.FixtureRequest) -> Iterator[LabPage]:
    """JupyterLab as it is when it has been loaded. (It asks for the project, whose files go after the documents.)"""
    failed = request.session.testsfailed
    yield shared_lab.lend(said)
    if request.session.testsfailed > failed:
        shared_lab.drop()
    else:
        shared_lab.clear()


@pytest.fixture(scope="module")
def shared_drawings(browser: Browser) -> Iterator[SharedDrawings]:
    pages = SharedDrawings(browser)
    yield pages
    pages.drop()


@pytest.fixture
def drawn(shared_drawings: SharedDrawings, request: pytest.FixtureRequest) -> Iterator[Drawn]:
    """An empty page for a drawing, in the light unless a test asks for it elsewhere."""
    failed = request.session.testsfailed
    yield shared_drawings.lend(getattr(request, "param", "light"))
    if request.session.testsfailed > failed:
        shared_drawings.drop()
