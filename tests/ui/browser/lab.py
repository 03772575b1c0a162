"""A notebook in JupyterLab with nbflow's extension: its panel, its badges, and no kernel unless one is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

from tests.ui.browser.pages import MILLISECONDS, NotebookPage
from tests.ui.browser.server import Server

_CURRENT = "window.jupyterapp.shell.currentWidget"
_NOTEBOOK = """(path => path === '' ? window.jupyterapp.shell.currentWidget
    : [...window.jupyterapp.shell.widgets('main')].find(widget => widget.context?.path === path))"""
_BADGES = f"""path => {_NOTEBOOK}(path).content.widgets.flatMap((cell, index) => {{
    const all = [...cell.node.querySelectorAll(':scope > .jp-nbflow-badge')];
    return all.map(badge => [index + 1, badge.querySelector('.jp-nbflow-badge-name').textContent, badge.dataset.state]);
}})"""


@dataclass(frozen=True)
class LabPage:
    page: Page

    # --- opening

    def start(self, server: Server) -> LabPage:
        self.page.goto(f"{server.address}/lab?token={server.token}&reset")
        self.page.wait_for_function("() => window.jupyterapp?.restored", timeout=MILLISECONDS)
        self.page.evaluate("() => window.jupyterapp.restored.then(() => true)")
        return self

    def open(self, path: str, *, panel: bool = True, kernel: bool = False, **options: object) -> LabPage:
        """``mode="split-right"`` puts it beside what is open."""
        preference = {} if kernel else {"kernelPreference": {"shouldStart": False, "autoStartDefault": False}}
        self.command("docmanager:open", path=path, options=options, **preference)
        self.page.wait_for_function(
            f"path => {_CURRENT}?.context?.path === path && {_CURRENT}.context.isReady", arg=path, timeout=MILLISECONDS
        )
        if kernel:
            self.wait_for_kernel()
        if panel:
            self.show()
        return self

    def show(self) -> None:
        """The panel."""
        self.command("nbflow:show")
        self.panel.wait_for()

    def wait_for_notebook(self, part: str) -> None:
        """Until one whose path holds this is in front and read."""
        self.page.wait_for_function(
            f"part => {_CURRENT}?.context?.path.includes(part) && {_CURRENT}.context.isReady", arg=part
        )

    def wait_until_drawn(self) -> None:
        """JupyterLab puts the cells in bit by bit, and scrolls when they are there."""
        self.page.wait_for_function(f"() => {_CURRENT}.content.widgets.every(cell => cell.isAttached)")

    def start_kernel(self) -> None:
        self.page.evaluate(f"() => {{ void {_CURRENT}.sessionContext.changeKernel({{ name: 'python3' }}); }}")
        self.wait_for_kernel()

    def restart_kernel(self) -> None:
        """And wait until the new one is there: the old one is idle up to its end, and what it is sent then is lost."""
        self.page.evaluate(
            """() => {
                window.done = false;
                const restarting = window.jupyterapp.commands.execute('notebook:restart-kernel');
                void restarting.finally(() => { window.done = true; });
            }"""
        )
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.nb.wait_until_done()

    def wait_for_kernel(self) -> None:
        """Until it is there, and idle."""
        self.page.wait_for_function(
            f"() => {_CURRENT}.sessionContext.session?.kernel?.status === 'idle'", timeout=MILLISECONDS
        )

    def has_kernel(self) -> bool:
        found: bool = self.page.evaluate(f"() => Boolean({_CURRENT}.sessionContext.session)")
        return found

    def is_dirty(self) -> bool:
        """Whether it holds what is not saved."""
        found: bool = self.page.evaluate(f"() => {_CURRENT}.context.model.dirty")
        return found

    # --- asking

    def command(self, name: str, **arguments: Any) -> None:
        script = "([name, args]) => { void window.jupyterapp.commands.execute(name, args); }"
        self.page.evaluate(script, [name, arguments])

    @property
    def nb(self) -> NotebookPage:
        return NotebookPage(self.page)

    @property
    def panel(self) -> Locator:
        return self.page.locator(".jp-nbflow-panel")

    def select(self, number: int) -> None:
        """A cell, from 1."""
        self.page.evaluate(
            f"n => {{ const nb = {_CURRENT}.content; nb.deselectAll(); nb.activeCellIndex = n - 1; }}", number
        )

    def replace(self, number: int, old: str, new: str) -> None:
        """Edit a cell, from 1, without saving."""
        found = self.page.evaluate(
            f"""([number, old, next]) => {{
                const cell = {_CURRENT}.content.widgets[number - 1].model.sharedModel;
                const source = cell.getSource();
                cell.setSource(source.replace(old, next));
                return source.includes(old);
            }}""",
            [number, old, new],
        )
        assert found

    # --- seeing

    def badges(self, path: str = "") -> list[tuple[int, str, str]]:
        """(cell from 1, step, state) of each badge in the notebook in front, or in the one that is named."""
        return [(cell, name, state) for cell, name, state in self.page.evaluate(_BADGES, path)]

    def states(self, path: str = "") -> dict[str, str]:
        """Step → state, by the badges."""
        return {name: state for _, name, state in self.badges(path)}

    def all_are(self, state: str) -> bool:
        return bool(self.states()) and set(self.states().values()) == {state}

    def titles(self, step: str) -> list[str]:
        """What the badges of a step say when pointed at."""
        found: list[str] = self.page.evaluate(
            f"""step => {_CURRENT}.content.widgets
                .flatMap(cell => [...cell.node.querySelectorAll('.jp-nbflow-badge')])
                .filter(badge => badge.querySelector('.jp-nbflow-badge-name').textContent === step)
                .map(badge => badge.querySelector('.jp-nbflow-badge-line').title)""",
            step,
        )
        return found

    def cards(self) -> dict[str, str]:
        """Step → state, by the picture in the panel."""
        said = "all => all.map(e => [e.dataset.step, e.querySelector('.nbf-note').textContent])"
        notes = self.panel.locator(".nbf-graph [data-step]").evaluate_all(said)
        return {step.rpartition(".")[2]: re.sub(r" · .*", "", note) for step, note in notes}

    def status(self) -> str:
        """Of the run or pipeline that the panel shows."""
        found = self.panel.locator(".nbf-status")
        return found.inner_text() if found.count() else ""

    def notice(self) -> str:
        """What the panel has to say above all else."""
        said: str = self.panel.locator(".jp-nbflow-notice").inner_text()
        return said

    def active_cell(self) -> int:
        """From 1."""
        found: int = self.page.evaluate(f"() => {_CURRENT}.content.activeCellIndex + 1")
        return found

    def source(self, number: int) -> str:
        return self.nb.sources()[number - 1]
