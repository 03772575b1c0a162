"""A notebook open in a real front end, as a person has it before them. Every wait is for something that happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import ElementHandle, FloatRect, Page

from tests.ui.browser.server import PATIENCE

MILLISECONDS = PATIENCE * 1000

_PANEL = "window.jupyterapp.shell.currentWidget"
_IDLE = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


@dataclass(frozen=True)
class Output:
    """One output of a cell, as its model has it."""

    kind: str
    """``stream``, ``display_data``, ``execute_result``, ``error``."""
    text: str
    """Stream text, ``text/plain``, or the error's name and message."""
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotebookPage:
    """A notebook in JupyterLab or in Notebook 7: both have the same cells and commands."""

    page: Page

    def open(self, address: str) -> None:
        """Go there, and wait until its kernel is there and idle. (The indicator on the page says so too early.)"""
        self.page.goto(address)
        self.page.wait_for_function(_IDLE, timeout=MILLISECONDS)

    # --- cells

    def sources(self) -> list[str]:
        found: list[str] = self.page.evaluate(
            f"() => {_PANEL}.content.widgets.map(cell => cell.model.sharedModel.source)"
        )
        return found

    def kinds(self) -> list[str]:
        """Of the cells: ``code``, ``markdown``."""
        found: list[str] = self.page.evaluate(f"() => {_PANEL}.content.widgets.map(cell => cell.model.type)")
        return found

    def find(self, start: str) -> int:
        """The number of the cell, from 0, whose text begins so."""
        (found,) = [number for number, source in enumerate(self.sources()) if source.startswith(start)]
        return found

    def add(self, source: str, *, below: int | None = None) -> int:
        """A new cell, the last one or below another."""
        above = len(self.sources()) - 1 if below is None else below
        cells = len(self.sources())
        self._select(above)
        self._command("notebook:insert-cell-below")
        self.page.wait_for_function(
            f"""([number, cells, source]) => {{
                const all = {_PANEL}.content;
                if (all.widgets.length !== cells || all.activeCellIndex !== number) return false;
                all.widgets[number].model.sharedModel.setSource(source);
                return true;
            }}""",
            arg=[above + 1, cells + 1, source],
        )
        return above + 1

    def run(self, number: int, *, wait: bool = True) -> list[Output]:
        """Run a cell, as Shift+Enter does, and wait until it is done. What it shows then."""
        self._select(number)
        self.page.evaluate(
            """() => {
                window.done = false;
                const running = window.jupyterapp.commands.execute('notebook:run-cell');
                void running.finally(() => { window.done = true; });
            }"""
        )
        if wait:
            self.wait_until_done()
        return self.outputs(number) if wait else []

    def wait_until_done(self) -> None:
        """For the cell that was run last."""
        self.page.wait_for_function("() => window.done", timeout=MILLISECONDS)
        self.page.wait_for_function(_IDLE, timeout=MILLISECONDS)

    def type_and_run(self, source: str) -> list[Output]:
        return self.run(self.add(source))

    def wait_until_shown(self, number: int, pattern: str) -> None:
        """Until what the cell shows matches the pattern, while it runs."""
        self.page.wait_for_function(
            f"""([number, pattern]) => new RegExp(pattern).test(
                JSON.stringify({_PANEL}.content.widgets[number].model.sharedModel.outputs))""",
            arg=[number, pattern],
            timeout=MILLISECONDS,
        )

    def outputs(self, number: int) -> list[Output]:
        found = self.page.evaluate(f"number => {_PANEL}.content.widgets[number].model.sharedModel.outputs", number)
        return [_output(one) for one in found]

    def shown(self, number: int) -> ElementHandle:
        """What a cell shows, on the page and in view."""
        self.page.evaluate(f"number => {_PANEL}.content.scrollToItem(number, 'smart')", number)
        handle = self.page.wait_for_function(
            f"""number => {_PANEL}.content.widgets[number].node
                .querySelector('.jp-OutputArea-output')?.closest('.jp-OutputArea')""",
            arg=number,
            timeout=MILLISECONDS,
        ).as_element()
        assert handle is not None
        return handle

    def is_in_view(self, number: int) -> bool:
        """Whether the top of a cell is where a person sees it."""
        found: bool = self.page.evaluate(
            f"""number => {{
                const node = {_PANEL}.content.widgets[number].node;
                const {{ top, height }} = node.getBoundingClientRect();
                return node.isConnected && height > 0 && top > 0 && top < innerHeight;
            }}""",
            number,
        )
        return found

    # --- the rest

    def interrupt(self) -> None:
        self._command("notebook:interrupt-kernel")

    def save(self) -> None:
        self._command("docmanager:save")
        self.page.wait_for_function(f"() => !{_PANEL}.context.model.dirty", timeout=MILLISECONDS)

    def wear(self, theme: Literal["JupyterLab Light", "JupyterLab Dark"]) -> None:
        """Change the theme, and wait until the page wears it."""
        self._command("apputils:change-theme", {"theme": theme})
        light = theme.endswith("Light")
        self.page.wait_for_function(
            """light => document.body.dataset.jpThemeLight === String(light)
                && getComputedStyle(document.body).colorScheme === (light ? 'light' : 'dark')""",
            arg=light,
            timeout=MILLISECONDS,
        )

    # --- for pictures

    def hide_surroundings(self) -> None:
        """Side bars closed: the notebook has the page."""
        self.page.evaluate("() => { window.jupyterapp.shell.collapseLeft(); window.jupyterapp.shell.collapseRight(); }")

    def rest(self) -> None:
        """As it lies there when nobody works in it: no cell with a frame and buttons in view."""
        self._select(0)
        self.page.mouse.move(0, 0)

    def area(self, first: int, last: int, margin: float) -> FloatRect:
        """Where these cells stand on the page."""
        boxes = self.page.evaluate(
            f"""([first, last]) => [first, last].map(number =>
                {_PANEL}.content.widgets[number].node.getBoundingClientRect().toJSON())""",
            [first, last],
        )
        top, bottom = boxes[0]["top"] - margin, boxes[1]["bottom"] + margin
        left, right = boxes[0]["left"] - margin, boxes[0]["right"] + margin
        return {"x": left, "y": top, "width": right - left, "height": bottom - top}

    def _select(self, number: int) -> None:
        self.page.evaluate(
            f"number => {{ const all = {_PANEL}.content; all.deselectAll(); all.activeCellIndex = number; }}", number
        )

    def _command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Ask for a command and do not wait for it: some never say that they are done."""
        script = "([name, args]) => { void window.jupyterapp.commands.execute(name, args); }"
        self.page.evaluate(script, [name, arguments or {}])


def _output(found: dict[str, Any]) -> Output:
    kind = found["output_type"]
    if kind == "stream":
        return Output(kind, "".join(found["text"]))
    if kind == "error":
        return Output(kind, f"{found['ename']}: {found['evalue']}")
    return Output(kind, "".join(found["data"].get("text/plain", "")), tuple(sorted(found["data"])))
