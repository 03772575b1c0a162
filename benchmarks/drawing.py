"""How long a browser takes to draw a run of very many steps, and then an update in which a few of them change.

By the browser's own clock, in headless Chromium: from the call of ``mount`` and ``update`` until the frame that shows
it is done. The picture is laid out before; it comes with the view.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.picture import layered
from benchmarks.table import Row, seconds
from nbflow import ops
from nbflow.core.events import Event, RunStarted, StepSpec, StepStarted, StepSucceeded
from nbflow.core.run import fold
from nbflow.core.view import Notes, RunView, changes, noted, view
from nbflow.ops.viewing import graph_of
from nbflow.render.scripts import STATIC, joined

STEPS = 1000
UPDATES = 40
AT = 1_795_534_212.0

PAGE = """<!doctype html><meta charset="utf-8"><style>{style}</style><main id="host"></main>
<script type="module">{script}
window.mount = mount;</script>"""

FIRST = """view => new Promise(done => {
    const begin = performance.now();
    window.drawing = window.mount(document.getElementById('host'));
    window.drawing.update(view);
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begin)));
})"""

NEXT = """change => {
    const begin = performance.now();
    window.drawing.update(change);
    document.body.getBoundingClientRect(); // with the layout that it causes
    return performance.now() - begin;
}"""


def rows(folder: Path) -> Iterator[Row]:
    with ops.open_project([layered(folder / "many.ipynb", STEPS)]) as project:
        specs = tuple(
            StepSpec(s.id, s.needs, short=s.name, notebook=s.notebook, cells=s.outline.cells)
            for s in project.pipeline.steps.values()
        )
        graph = graph_of(project.pipeline, [spec.name for spec in specs])
    first, told = _run(specs)
    paint, update = _measured({**first, "graph": graph}, told)
    yield Row(
        f"first paint of a run of {STEPS:,} steps, in Chromium", seconds(paint), "–", "–", "–", "≤ 2 s", paint <= 2
    )
    yield Row("an update of it", seconds(update), "–", "–", "–", "≤ 50 ms", update <= 0.05)


def _run(specs: tuple[StepSpec, ...]) -> tuple[RunView, list[dict[str, Any]]]:
    """The first view, and changes in each of which a few steps end and others begin."""
    story: list[Event] = [RunStarted(at=AT, steps=specs, jobs=4)]
    first = seen = view("r", fold(story), noted(Notes(), story))
    told = []
    for number in range(UPDATES):
        at = AT + number
        for spec in specs[number * 4 : number * 4 + 4]:
            story += [StepStarted(spec.name, 1, at=at), StepSucceeded(spec.name, 1, at=at + 0.9, seconds=0.9)]
        new = view("r", fold(story), noted(Notes(), story))
        told.append(changes(seen, new))
        seen = new
    return first, told


def _measured(first: RunView, told: list[dict[str, Any]]) -> tuple[float, float]:
    from playwright.sync_api import sync_playwright

    from tests.ui.browser import chromium

    style, script = (STATIC / "view.css").read_text(encoding="utf-8"), joined(STATIC / "view.js")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.found(), args=list(chromium.ARGUMENTS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_content(PAGE.format(style=style, script=script))
        page.wait_for_function("() => window.mount")
        paint = page.evaluate(FIRST, json.loads(json.dumps(first)))
        updates = [page.evaluate(NEXT, change) for change in told]
        browser.close()
    return paint / 1000, median(updates) / 1000
