"""One JupyterLab for the tests of a module, who take turns: to load it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Error, Page

from tests.ui.browser.lab import LabPage
from tests.ui.browser.pages import MILLISECONDS
from tests.ui.browser.server import Server

PATIENCE_TO_CLEAR = 10_000
"""Milliseconds until a page that does not come clean is given up: a new one is there as soon."""

_CLOSE_ALL = """() => {
    const { shell } = window.jupyterapp;
    for (const widget of [...shell.widgets('main')]) if (widget.context) widget.dispose();
    shell.collapseRight();
    delete window.sprung;
    delete window.done;
}"""
"""Without a word about what is not saved."""

_IS_CLEAN = """() => {
    const { shell } = window.jupyterapp;
    return ![...shell.widgets('main')].some(widget => widget.context)
        && document.querySelector('.jp-nbflow-panel').innerText === 'Open a notebook to see its pipeline.'
        && !document.querySelector('.jp-Dialog, .Toastify__toast, .jp-nbflow-badge, .jp-nbflow-tooltip')
        && !document.querySelector('.jp-Completer:not(.lm-mod-hidden)');
}"""


def new_page(browser: Browser, hear: Callable[[str], None]) -> Page:
    """In a browser of its own: it shares neither cookies nor files with another. ``hear`` is told what its console
    complains of, as far as nbflow is in it."""
    context = browser.new_context(viewport={"width": 1500, "height": 950}, color_scheme="light")
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()

    def complained(message: ConsoleMessage) -> None:
        if message.type == "error" and _is_ours(message.location["url"]):
            hear(message.text)

    page.on("console", complained)
    page.on("pageerror", lambda error: hear(str(error)) if _is_ours(error.stack or "") else None)
    return page


def _is_ours(place: str) -> bool:
    """Without a kernel, other extensions complain of themselves."""
    return "nbflow" in place


@dataclass
class SharedLab:
    """Lent to one test after another, each of which finds it as if just loaded: no documents, dialogs or routes."""

    browser: Browser
    server: Server
    _lab: LabPage | None = None
    _said: list[str] = field(default_factory=list)

    def lend(self, said: list[str]) -> LabPage:
        """``said`` gets what the console complains of until the next one has it."""
        self._said = said
        if self._lab is None:
            self._lab = LabPage(new_page(self.browser, self._hear)).start(self.server)
        return self._lab

    def _hear(self, text: str) -> None:
        self._said.append(text)

    def clear(self) -> None:
        """Make a clean slate; where that fails, the next one gets a new page."""
        if self._lab is None:
            return
        try:
            _clear(self._lab.page)
        except Error:
            self.drop()

    def drop(self) -> None:
        if self._lab is not None:
            self._lab.page.context.close()
        self._lab = None


def _clear(page: Page) -> None:
    page.unroute_all(behavior="ignoreErrors")
    page.context.set_offline(False)
    page.mouse.move(0, 0)
    for _ in range(page.locator(".jp-Dialog").count()):
        page.keyboard.press("Escape")
    page.evaluate(_CLOSE_ALL)
    page.wait_for_function(_IS_CLEAN, timeout=PATIENCE_TO_CLEAR)
