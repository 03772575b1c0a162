"""A notebook as VS Code shows it: the manager of widgets that its Jupyter extension loads, on a page that has the
theme in a class of its body, with a kernel of the tests' server. What is ours of it is ``tests/js/vscode/host.js``."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Locator, Page, Route

from tests.ui.browser.server import CHECKOUT, Server

MODULES = CHECKOUT / "labextension" / "node_modules"
NBEXTENSIONS = Path(sys.prefix) / "share" / "jupyter" / "nbextensions"

Theme = Literal["vscode-light", "vscode-dark", "vscode-high-contrast", "vscode-high-contrast-light"]
THEMES: dict[Theme, tuple[str, str]] = {
    "vscode-light": ("#ffffff", "#3b3b3b"),
    "vscode-dark": ("#1f1f1f", "#cccccc"),
    "vscode-high-contrast": ("#000000", "#ffffff"),
    "vscode-high-contrast-light": ("#ffffff", "#292929"),
}
"""Class of the body → (background, foreground) of the editor, as the themes have them that VS Code comes with."""

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>flow.ipynb</title><style>
body { background: var(--vscode-editor-background); color: var(--vscode-editor-foreground); font-family: sans-serif }
.cell-output-ipywidget-background { background: white !important }
</style></head><body><main><h1>flow.ipynb</h1></main></body></html>"""

WEAR = """([theme, background, foreground]) => {
    document.body.className = theme === 'vscode-high-contrast-light' ? `${theme} vscode-high-contrast` : theme;
    document.documentElement.style.setProperty('--vscode-editor-background', background);
    document.documentElement.style.setProperty('--vscode-editor-foreground', foreground);
}"""


def bundled(folder: Path) -> Path:
    """``host.js`` with what it imports, in one file."""
    node = Path(sys.executable).with_name("node")
    made = subprocess.run([node, CHECKOUT / "tests/js/vscode/bundle.mjs", folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder / "host.js"


def nbextensions() -> dict[str, str]:
    """Module → path, as VS Code reads it off the scripts that packages bring for Jupyter."""
    mapped = {}
    for script in NBEXTENSIONS.glob("*/extension.js"):
        config = re.search(r"require(?:js)?\??\.config\(\{.*\}\)", script.read_text(), re.DOTALL)
        pairs = re.findall(r"""['"]?([@\w/-]+)['"]?: ['"](nbextensions/[^'"]+)['"]""", config[0] if config else "")
        mapped.update(dict(pairs))
    return mapped


@dataclass(frozen=True)
class VsCodePage:
    page: Page

    def open(self, server: Server, notebook: str, host: Path) -> VsCodePage:
        """A notebook below the server's root, with a kernel that knows which one it is. ``host``: ``bundled``."""
        kernel = server.start_kernel(notebook).stem.removeprefix("kernel-")
        self.page.goto(f"{server.address}/login")  # a light page: what follows has its origin
        self.page.route("**/nbextensions/**", _nbextension)
        self.page.set_content(PAGE)
        self.wear("vscode-dark")
        self.page.add_script_tag(path=MODULES / "requirejs" / "require.js")
        self.page.add_script_tag(path=host)
        self.page.evaluate("mapped => { window.nbextensions = mapped; }", nbextensions())
        self.page.evaluate("given => window.connect(...given)", [f"{server.address}/", server.token, kernel])
        self.run("where", f"__vsc_ipynb_file__ = {str(server.root / notebook)!r}")
        return self

    def wear(self, theme: Theme) -> None:
        self.page.evaluate(WEAR, [theme, *THEMES[theme]])

    def run(self, cell: str, source: str) -> list[tuple[str, dict[str, Any]]]:
        """Run a cell and wait until it is done: (type, content) of all that the kernel sent. ``cell``: its id."""
        sent = self.page.evaluate("cell => window.notebook.run(...cell)", [cell, source])
        return [(kind, content) for kind, content in sent]

    def below(self, cell: str) -> Locator:
        """What is shown below a cell."""
        return self.page.locator(f"#{cell}")

    def cards(self, cell: str) -> dict[str, str]:
        """How the steps stand in the picture below a cell: ``{"train": "succeeded"}``. Nothing, while an output that
        has changed is drawn anew, as it is at the end of a run."""
        said = "all => all.map(e => [e.dataset.step, e.querySelector('.nbf-note').textContent])"
        notes = self.below(cell).locator(".nbf-view [data-step]").evaluate_all(said)
        return {step.rpartition(".")[2]: re.sub(r" · .*", "", note) for step, note in notes}

    def status(self, cell: str) -> str:
        found = self.below(cell).locator(".nbf-status")
        return found.inner_text() if found.count() else ""


def _nbextension(route: Route) -> None:
    route.fulfill(path=NBEXTENSIONS / route.request.url.partition("/nbextensions/")[2], content_type="text/javascript")
