"""What nbflow costs in JupyterLab, and how fast it tells: the same pages with both extensions and with them disabled.

Two servers stand side by side, and a headless Chromium measures by its own clock: how long JupyterLab takes to be
restored, how long a key takes until its frame is done in a notebook of 300 cells with 30 steps, and how late a page is
that says that something is stale or that a run has begun. A kernel is never open. What the server's extension costs is
measured beside a server that only imports JupyterLab.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from benchmarks.made import notebook, pretend
from benchmarks.measure import in_turn, said
from benchmarks.table import Row, seconds
from nbflow.core.event_json import time_value
from nbflow.journal import Journal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.ui.browser.lab import LabPage
    from tests.ui.browser.server import Server

STARTS = 11
CELLS, STEPS = 300, 30
WORDS, LETTERS = 8, 12
EDITS = 10
RUNS = 5
PAUSE = 0.5
"""Seconds that the extension waits after the last key."""

START_LIMIT, TYPING_LIMIT, TELL_LIMIT = 0.15, 1.1, 1.0

IMPORTS = """import time
begin = time.perf_counter()
import jupyterlab.labapp, notebook.app
bare = time.perf_counter()
import nbflow
nbflow._jupyter_server_extension_points()
import nbflow.server.routes
print(bare - begin, time.perf_counter() - begin)"""

WHEN_RESTORED = """let app;
Object.defineProperty(window, 'jupyterapp', { configurable: true, get: () => app, set: value => {
    app = value;
    void value.restored.then(() => { window.restoredAfter = performance.now(); });
} });"""

KEYS = """() => {
    window.keys = [];
    const channel = new MessageChannel();
    const begun = [];
    channel.port1.onmessage = () => { window.keys.push(performance.now() - begun.shift()); };
    document.addEventListener('keydown', () => {
        begun.push(performance.now());
        requestAnimationFrame(() => channel.port2.postMessage(null)); // behind the frame
    }, true);
}"""

FOCUS = """number => {
    const all = window.jupyterapp.shell.currentWidget.content;
    all.activeCellIndex = number;
    all.mode = 'edit';
    const { editor } = all.activeCell;
    editor.focus();
    editor.setCursorPosition(editor.getPositionAt(editor.model.sharedModel.getSource().length));
}"""

EDIT = """([number, text, state]) => new Promise(done => {
    const { content } = window.jupyterapp.shell.currentWidget;
    const isThere = () => content.node.querySelector(`.jp-nbflow-badge[data-state="${state}"]`) !== null;
    const begin = performance.now();
    const watch = new MutationObserver(() => {
        if (!isThere()) return;
        watch.disconnect();
        done(performance.now() - begin);
    });
    watch.observe(content.node, { subtree: true, childList: true, attributes: true });
    content.widgets[number].model.sharedModel.setSource(text);
})"""

RUNNING = """() => {
    const panel = document.querySelector('.jp-nbflow-panel');
    const said = () => panel.querySelector('.nbf-status')?.textContent;
    window.running = new Promise(done => {
        const watch = new MutationObserver(() => {
            if (said() !== 'running') return;
            watch.disconnect();
            done(Date.now() / 1000);
        });
        watch.observe(panel, { subtree: true, childList: true, characterData: true });
    });
}"""


def rows(folder: Path) -> Iterator[Row]:
    yield _imported(folder)
    with ExitStack() as stack:
        both = _Both.open(stack, folder)
        with_it, without = in_turn([partial(_restored, page, server) for page, server in both.sides], STARTS)
        yield _more("JupyterLab in the browser, until it is restored", with_it, without)
        yield from _typed(both)
        lab = both.labs[0]
        yield _edited(lab, both.sides[0][1])
        yield _told(lab, both.sides[0][1].root)


def _more(what: str, with_it: float, without: float) -> Row:
    more = with_it - without
    sign = "+" if more >= 0 else "-"
    return Row(what, seconds(with_it), "without nbflow", seconds(without), f"{sign} {seconds(abs(more))}",
               f"≤ + {seconds(START_LIMIT)}", more <= START_LIMIT)  # fmt: skip


def _late(what: str, took: list[float]) -> Row:
    told = median(took)
    return Row(what, seconds(told), "–", "–", f"the slowest of {len(took)}: {seconds(max(took))}",
               f"≤ {seconds(TELL_LIMIT)}", told <= TELL_LIMIT)  # fmt: skip


def _imported(folder: Path) -> Row:
    """Of the server: importing JupyterLab, and then all that our extension loads and registers. One process has both:
    what is ours is less than two starts of one server differ by."""
    taken = [[float(word) for word in said([sys.executable, "-c", IMPORTS], folder).split()] for _ in range(STARTS)]
    without, with_it = (median(one) for one in zip(*taken, strict=True))
    return _more("a Jupyter server's imports", with_it, without)


@dataclass(frozen=True)
class _Both:
    """With nbflow, and without."""

    sides: tuple[tuple[Page, Server], tuple[Page, Server]]

    @classmethod
    def open(cls, stack: ExitStack, folder: Path) -> _Both:
        from playwright.sync_api import sync_playwright

        from tests.ui.browser import chromium
        from tests.ui.browser.server import serving

        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=chromium.found(), args=list(chromium.ARGUMENTS)
        )
        stack.callback(browser.close)

        def side(name: str, *, with_nbflow: bool) -> tuple[Page, Server]:
            server = stack.enter_context(serving(folder / name, with_nbflow=with_nbflow))
            _fill(server.root)
            return _page(browser), server

        return cls((side("with", with_nbflow=True), side("without", with_nbflow=False)))

    @property
    def labs(self) -> tuple[LabPage, LabPage]:
        from tests.ui.browser.lab import LabPage

        one, other = (LabPage(page) for page, _ in self.sides)
        return one, other


def _page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1500, "height": 950})
    page.add_init_script(WHEN_RESTORED)
    return page


def _fill(root: Path) -> None:
    """A long notebook whose steps all have results, and a short one with a step that takes its time."""
    (root / "pyproject.toml").write_text("[tool.nbflow]\n")
    cells = ["import math\n\ndef grow(x):\n    return math.floor(x) + 1"]
    for n in range(1, CELLS):
        step, rest = divmod(n, CELLS // STEPS)
        taken = f" -i v{step - 1}" if step else ""
        value = f"grow(v{step - 1})" if step else "grow(0)"
        cells.append(f"%%step s{step}{taken} -o v{step}\nv{step} = {value}" if rest == 1 else f"look = {n}\nlook")
    pretend(notebook(root / "long.ipynb", cells))
    notebook(root / "slow.ipynb", ["%%step slow -o x\nimport time\ntime.sleep(1.5)\nx = 1"])


# --- starting ------------------------------------------------------------------------------------------


def _restored(page: Page, server: Server) -> float:
    page.goto("about:blank")
    page.goto(f"{server.address}/lab?token={server.token}&reset")
    page.wait_for_function("() => window.restoredAfter")
    took: float = page.evaluate("() => window.restoredAfter")
    return took / 1000


# --- typing --------------------------------------------------------------------------------------------


def _typed(both: _Both) -> Iterator[Row]:
    for lab, (_, server) in zip(both.labs, both.sides, strict=True):
        lab.start(server).open("long.ipynb", panel=server is both.sides[0][1])
        lab.wait_until_drawn()
        lab.page.evaluate(KEYS)
    for number, where in ((151, "a step"), (155, "another cell")):
        taken: tuple[list[float], list[float]] = ([], [])
        for word in range(WORDS + 1):
            for lab, took in zip(both.labs, taken, strict=True):
                keys = _word(lab.page, number)
                took.extend(keys if word else [])  # the first one wakes what sleeps
        ours, theirs = (median(took) for took in taken)
        late = [quantiles(took, n=20)[-1] for took in taken]
        yield Row(
            f"a key until its frame is done, in {where} of a notebook of {CELLS} cells", _fine(ours), "without nbflow",
            _fine(theirs), f"{ours / theirs:.2f} × the time", f"≤ {TYPING_LIMIT:.1f} ×", ours / theirs <= TYPING_LIMIT,
        )  # fmt: skip
        yield Row("one key of 20 takes longer than", _fine(late[0]), "without nbflow", _fine(late[1]),
                  f"{late[0] / late[1]:.2f} × the time", "–", None)  # fmt: skip


def _fine(value: float) -> str:
    return f"{value * 1000:.1f} ms"


def _word(page: Page, number: int) -> list[float]:
    """Type one, with a pause in the middle that is long enough for the extension to ask: its answer comes while the
    rest is typed."""
    page.bring_to_front()
    page.evaluate(FOCUS, number)
    page.keyboard.type("\n#")
    page.wait_for_timeout(1000 * PAUSE + 500)  # what comes with another page in front is no cost of typing
    page.evaluate("() => { window.keys.length = 0; }")
    for letter in range(LETTERS):
        page.keyboard.type("w")
        page.wait_for_timeout(1000 * PAUSE + 60 if letter == LETTERS // 2 else 60)
    page.wait_for_function("letters => window.keys.length === letters", arg=LETTERS)
    found: list[float] = page.evaluate("() => window.keys")
    return [took / 1000 for took in found]


# --- telling -------------------------------------------------------------------------------------------


def _edited(lab: LabPage, server: Server) -> Row:
    """A helper changes, and every step goes stale; then it is put back."""
    lab.start(server).open("long.ipynb")
    lab.wait_until_drawn()
    source = lab.source(1)
    took = []
    for n in range(EDITS):
        took.append(lab.page.evaluate(EDIT, [0, source.replace("+ 1", f"+ {n + 2}"), "stale"]) / 1000 - PAUSE)
        lab.page.evaluate(EDIT, [0, source, "fresh"])
    return _late(f"an edit of a helper, until the stale badges of {STEPS} steps, without the pause", took)


def _told(lab: LabPage, root: Path) -> Row:
    """From what the journal says of the run's start to the first time that the panel says that it runs."""
    lab.open("slow.ipynb")
    took = []
    for _ in range(RUNS):
        lab.page.wait_for_function("() => document.querySelector('.nbf-status')?.textContent !== 'running'")
        lab.page.evaluate(RUNNING)
        words = [sys.executable, "-m", "nbflow", "run", "--force", "slow.ipynb"]
        subprocess.run(words, cwd=root, check=True, capture_output=True)
        seen = lab.page.evaluate("() => window.running")
        journal = Journal.read(root)
        assert journal is not None
        with journal:
            (run,) = journal.runs(1)
        took.append(seen - time_value(run.started))
    return _late("a run starts in the terminal, until the panel says so", took)
