"""The widget as VS Code loads it: live, with buttons that reach the kernel, and to be read in each of its themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.flows import write_notebook
from tests.ui.browser.drawings import serious
from tests.ui.browser.panels import until
from tests.ui.browser.pipelines import WAITING
from tests.ui.browser.server import Server
from tests.ui.browser.vscode import THEMES, VsCodePage, bundled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(tmp_path_factory.mktemp("vscode"))


@pytest.fixture
def vscode(server: Server, project: Path, new_page: Callable[[], Page], host: Path) -> VsCodePage:
    write_notebook(project / "flow.ipynb", WAITING)
    page = VsCodePage(new_page()).open(server, f"{project.name}/flow.ipynb", host)
    page.run("load", "%load_ext nbflow")
    return page


def test_a_run_is_live_is_cancelled_and_resumed_by_its_buttons_and_can_be_read_in_each_theme(
    vscode: VsCodePage, project: Path
) -> None:
    errors: list[str] = []
    vscode.page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    vscode.page.on("pageerror", lambda error: errors.append(str(error)))
    ((_, shown),) = [one for one in vscode.run("flow", "%flow run") if one[0] == "display_data"]
    assert set(shown["data"]) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    until(lambda: vscode.cards("flow") == {"make": "succeeded", "add": "succeeded", "wait": "running"})
    assert [sent["text"] for kind, sent in vscode.run("other", "print(6 * 7)") if kind == "stream"] == ["42\n"]
    assert vscode.below("flow").locator(".nbf-do-jump").count() == 0, "there are no cells on this page"

    vscode.below("flow").locator(".nbf-do-cancel").click()
    until(lambda: vscode.status("flow") == "cancelled")
    (project / "wake").touch()
    vscode.below("flow").locator(".nbf-do-retry").click()
    until(lambda: vscode.status("flow") == "succeeded")
    until(lambda: vscode.cards("flow") == {"make": "reused", "add": "reused", "wait": "succeeded"})
    vscode.below("flow").locator("[data-step$=wait]").click()
    until(lambda: vscode.below("flow").locator(".nbf-detail h3").inner_text() == "wait")
    for theme in THEMES:
        vscode.wear(theme)
        assert serious(vscode.page) == [], theme
    assert errors == []


def test_a_model_that_the_kernel_does_not_have_is_the_picture(vscode: VsCodePage) -> None:
    """As in a notebook that is opened again."""
    ((_, shown),) = [one for one in vscode.run("flow", "%flow") if one[0] == "display_data"]
    vscode.page.evaluate(
        """data => {
            const output = document.createElement('div');
            document.querySelector('main').replaceChildren(output);
            data['application/vnd.jupyter.widget-view+json'].model_id = 'of another session';
            return window.notebook.draw(output, data);
        }""",
        shown["data"],
    )
    assert vscode.page.locator("main svg [data-step]").count() == 3
    for theme in THEMES:
        vscode.wear(theme)
        fill, color = vscode.page.evaluate(
            """() => ['main svg .nbf-name', 'body'].map((of, n) =>
                getComputedStyle(document.querySelector(of)).getPropertyValue(['fill', 'color'][n]))"""
        )
        assert fill == color, theme
