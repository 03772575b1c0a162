"""The views in ``tests/wire``, made from stories of runs: every front end is tested with the same ones.

``make wire`` (``python -m tests.wire_views``) writes them anew. Look at what has changed before you commit it: the
files are the promise that nbflow makes to its front ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nbflow.core.events import (
    CancelRequested,
    Cause,
    Event,
    RetryDue,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
    Usage,
)
from nbflow.core.graph import Pipeline
from nbflow.core.run import fold
from nbflow.core.timing import NO_HISTORY, History, timing
from nbflow.core.view import GraphView, Notes, RunView, ThingView, due, noted, timed, view
from nbflow.render.dag import element_ids
from nbflow.render.dag.drawing import draw
from nbflow.render.dag.places import Layout, Place
from nbflow.render.dag.scene import scene_of
from nbflow.render.history import time_report
from tests.fakes import pipeline

FOLDER = Path(__file__).parent / "wire"
RUN = "20261124-153012-k3x9"
AT = 1795534212.0
"""2026-11-24T15:30:12Z."""

CELLS = (
    "#[parameters]\nrows = 1000\nalpha = 0.5",
    "%%step load -o raw\nraw = 1",
    "%%step clean -i raw -o table\ntable = raw * rows",
    "%%step train -i table -o model --retries 2\nmodel = alpha",
    "%%step plot -i table -o plot.png\n1",
    "%%step publish -i model plot.png\n1",
)
PIPELINE = pipeline(CELLS)
PARAMETERS = {"rows": 1000, "alpha": 0.5}


def specs(made: Pipeline = PIPELINE) -> tuple[StepSpec, ...]:
    return tuple(
        StepSpec(s.id, s.needs, retries=2 if s.name == "train" else 0, retry_delay=4.0, short=s.name,
                 reason="first run", notebook=s.notebook, cells=s.outline.cells)
        for s in made.steps.values()
    )  # fmt: skip


def begun(*, jobs: int = 2, reused: int = 0) -> RunStarted:
    return RunStarted(
        at=AT, steps=specs(), jobs=jobs, capacity=(("cpu", 2.0),), reused=reused, folder=f"nbflow_runs/{RUN}",
        command="nbflow run flow.ipynb -p rows=1000",
    )  # fmt: skip


def usage(**parts: float) -> Usage:
    return Usage(memory=180_000_000, cpu=parts.get("code", 0.0), **parts)


def started(step: str, at: float, attempt: int = 1) -> StepStarted:
    return StepStarted(_full(step), attempt, at=AT + at, reason="first run")


def succeeded(step: str, at: float, attempt: int = 1, **parts: float) -> StepSucceeded:
    told = {"key": "ab" * 32, "record": f"r-{step}", "seconds": parts.get("code", 0.0), "environment": ENVIRONMENT}
    return StepSucceeded(_full(step), attempt, at=AT + at, usage=usage(**parts), **told)  # type: ignore[arg-type]


def failed(step: str, at: float, attempt: int, error: str = "ValueError: the table is empty") -> StepFailed:
    trace = (
        "\x1b[31m---------------------------------------------------------------------------\x1b[39m\n"
        "\x1b[31mValueError\x1b[39m                                Traceback (most recent call last)\n"
        f"Cell 4, line 2\n      1 model = alpha\n----> 2 raise {error.partition(':')[0]}(...)\n\n"
        f"\x1b[31m{error.partition(':')[0]}\x1b[39m: {error.partition(': ')[2]}"
    )
    return StepFailed(
        _full(step), attempt, at=AT + at, error=error, traceback=trace, cell=4, jitter=0.5,
        usage=usage(waiting=0.2, kernel=0.3, loading=0.1, code=1.6), environment=ENVIRONMENT,
    )  # fmt: skip


ENVIRONMENT = (("Python", "3.11"), ("numpy", "2.3.4"), ("pandas", "2.3.3"))


def _full(step: str) -> str:
    return next(s.id for s in PIPELINE.steps.values() if s.name == step)


# --- the stories ---------------------------------------------------------------------------------------

FIRST: tuple[Event, ...] = (
    started("load", 0.1), succeeded("load", 3.2, waiting=0.0, kernel=0.4, loading=0.0, code=2.4, saving=0.3),
    started("clean", 3.3), succeeded("clean", 6.0, waiting=0.0, kernel=0.2, loading=0.3, code=1.9, saving=0.4),
)  # fmt: skip

RUNNING: tuple[Event, ...] = (
    begun(),
    *FIRST,
    started("train", 6.1),
    StepProgressed(_full("train"), 1, at=AT + 8.5, done=1, total=3, text="epoch 3 of 10"),
    started("plot", 6.2),
)
FAILED: tuple[Event, ...] = (
    begun(), *FIRST, started("train", 6.1), started("plot", 6.2),
    succeeded("plot", 8.0, kernel=0.3, loading=0.1, code=1.2, saving=0.1),
    failed("train", 8.3, 1), RetryDue(_full("train"), 1, at=AT + 10.3), started("train", 10.4, 2),
    failed("train", 12.5, 2), RetryDue(_full("train"), 2, at=AT + 16.5), started("train", 16.6, 3),
    failed("train", 18.7, 3),
    StepSkipped(_full("publish"), at=AT + 18.7, because=Cause(_full("train"), "failed")),
    RunFinished(at=AT + 18.7, status="failed"),
)  # fmt: skip
RETRIED: tuple[Event, ...] = (
    begun(), *FIRST, started("train", 6.1), started("plot", 6.2),
    succeeded("plot", 8.0, kernel=0.3, loading=0.1, code=1.2, saving=0.1),
    failed("train", 8.3, 1), RetryDue(_full("train"), 1, at=AT + 10.3), started("train", 10.4, 2),
    succeeded("train", 14.9, 2, waiting=0.1, kernel=0.3, loading=0.2, code=3.6, saving=0.4),
    started("publish", 15.0), succeeded("publish", 16.2, kernel=0.3, loading=0.1, code=0.7, saving=0.0),
    RunFinished(at=AT + 16.2, status="succeeded"),
)  # fmt: skip
CANCELLED: tuple[Event, ...] = (
    begun(), *FIRST, started("train", 6.1), started("plot", 6.2), CancelRequested(at=AT + 7.0),
    StepCancelled(_full("publish"), at=AT + 7.0), StepCancelled(_full("plot"), 1, at=AT + 7.4),
    StepCancelled(_full("train"), 1, at=AT + 7.6), RunFinished(at=AT + 7.6, status="cancelled"),
)  # fmt: skip
REUSED: tuple[Event, ...] = (
    begun(reused=5),
    *(StepReused(spec.name, at=AT, reason="made by run 20261123-091500-a7b2", key="ab" * 32, record="r")
      for spec in specs()),
    RunFinished(at=AT, status="succeeded"),
)  # fmt: skip

HISTORY: History = {spec.name: [3.0, 2.5, 3.5] for spec in specs()}

HOSTILE = (
    "<img src=x onerror=\"window.sprung='name'\">",
    "</script><script>window.sprung='script'</script>",
    "javascript:window.sprung='link'",
    "\x1b]0;title\x07\x1b[2Jescapes\x1b[31m red",
    "\u202eexe.gpj\u2066 right to left",
)
"""Names, and everything else, from somebody who means no good."""

EVIL_THINGS: list[ThingView] = [
    {"name": name, "kind": "variable", "type": name, "format": "pickle", "size": 10, "step": name} for name in HOSTILE
]


def hostile() -> RunView:
    steps = tuple(
        StepSpec(f"n.{number}", short=name, reason=name, notebook=name, cells=(number,))
        for number, name in enumerate(HOSTILE, 1)
    )
    story: list[Event] = [
        RunStarted(at=AT, steps=steps, jobs=8, folder="nbflow_runs/x", command=f"nbflow run '{HOSTILE[0]}'")
    ]
    story += [StepStarted(spec.name, 1, at=AT + 0.1, reason=spec.short) for spec in steps]
    long = "long " + "x" * 1_000
    for spec, name in zip(steps, (*HOSTILE[:3], long, HOSTILE[4] + "\ud800"), strict=True):
        text = f"{name}\n<svg onload=\"window.sprung='svg'\">"
        end = StepFailed(spec.name, 1, at=AT + 1.0, error=name, traceback=text, cell=1, environment=((name, name),))
        story.append(end)
    story.append(RunFinished(at=AT + 1.0, status="failed"))
    seen = made(tuple(story), graph=evil_graph(steps))
    evil = {"inputs": EVIL_THINGS, "outputs": EVIL_THINGS, "printed": list(HOSTILE), "warnings": list(HOSTILE)}
    dressed = [{**step, **evil, "executed": HOSTILE[2]} for step in seen["steps"]]
    parameters = {name: name for name in HOSTILE}
    return {**seen, "parameters": parameters, "sources": list(HOSTILE), "steps": dressed}  # type: ignore[typeddict-item]


def evil_graph(steps: tuple[StepSpec, ...]) -> GraphView:
    """A picture as nbflow would never draw it."""
    parts = "".join(
        f'<g id="step_{n}" class="nbf-step nbf-waiting" role="img" onclick="window.sprung=1" aria-label="{n}" '
        f'transform="translate(0 {60 * n})"><rect class="nbf-card" width="150" height="47" '
        'style="background:url(javascript:1)" fill="url(#x)"/><circle class="nbf-disc" r="9"/>'
        '<path class="nbf-sign" d="M0 0"/><text class="nbf-name">x</text><text class="nbf-note">y</text></g>'
        for n, _ in enumerate(steps, 1)
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="200" height="400" '
        'viewBox="0 0 200 400" onload="window.sprung=2"><script>window.sprung=3</script>'
        '<style>* { background: url("x") }</style><a xlink:href="javascript:window.sprung=4"><text>go</text></a>'
        '<image href="x" onerror="window.sprung=5"/><use href="#step_1"/><foreignObject><img src="x" '
        f'onerror="window.sprung=6"/></foreignObject><animate onbegin="window.sprung=7"/>{parts}</svg>'
    )
    return {"svg": svg, "elements": {s.name: f"step_{n}" for n, s in enumerate(steps, 1)}, "note": ""}


# --- views ---------------------------------------------------------------------------------------------


def graph(made: Pipeline = PIPELINE) -> GraphView:
    """A picture whose layout is the same on every machine."""
    states = dict.fromkeys(made.steps, "waiting")
    scene = scene_of(made, states, dict.fromkeys(made.steps, "trying again · 59 min 59 s"))
    where = {box.id: Place(0, 80.0 * n, box.width, box.height) for n, box in enumerate(scene.boxes())}
    layout = Layout(400, 80.0 * len(where), where, {})
    return {"svg": draw(scene, layout), "elements": element_ids(made), "note": ""}


def made(story: tuple[Event, ...], *, graph: GraphView | None = None, history: History = NO_HISTORY) -> RunView:
    """The view of a story, as those who look at a journal make it."""
    run, notes = fold(story), noted(Notes(), story)
    seen: RunView = {**view(RUN, run, notes), "parameters": PARAMETERS, "graph": graph}
    if not run.finished:
        return {**seen, "eta": due(run, notes, history, story[-1].at)}
    times = timing(story, history)
    return timed(seen, times, time_report(times, {s.name: s.label for s in run.shape.specs}).splitlines())


def with_results(seen: RunView) -> RunView:
    """As if the store and the run's folder were there."""
    steps = [{**step, **RESULTS.get(step["name"], {})} if step["attempts"] else step for step in seen["steps"]]
    return {**seen, "steps": steps}  # type: ignore[typeddict-item]


def _thing(name: str, type_: str, size: int, step: str = "", kind: str = "variable") -> ThingView:
    return {"name": name, "kind": kind, "type": type_, "format": "pickle", "size": size, "step": step}


RESULTS: Mapping[str, Mapping[str, Any]] = {
    "load": {"outputs": [_thing("raw", "DataFrame 336776 × 19", 51_200_000)], "printed": ["336776 rows"],
             "executed": "steps/load.ipynb"},
    "clean": {"inputs": [_thing("raw", "DataFrame 336776 × 19", 51_200_000, "load")],
              "outputs": [_thing("table", "DataFrame 327346 × 12", 31_400_000)], "executed": "steps/clean.ipynb"},
    "train": {"inputs": [_thing("table", "DataFrame 327346 × 12", 31_400_000, "clean")],
              "printed": [f"epoch {n}: loss {1 / n:.3f}" for n in range(1, 4)], "executed": "steps/train.ipynb"},
    "plot": {"outputs": [_thing("plot.png", "", 48_123, kind="file")], "executed": "steps/plot.ipynb",
             "warnings": ["table was changed in place: declare it as output (-o table)"]},
}  # fmt: skip

VIEWS: Mapping[str, Callable[[], RunView]] = {
    "running": lambda: with_results(made(RUNNING, graph=graph(), history=HISTORY)),
    "failed": lambda: with_results(made(FAILED, graph=graph())),
    "retried": lambda: with_results(made(RETRIED, graph=graph(), history=HISTORY)),
    "cancelled": lambda: made(CANCELLED, graph=graph()),
    "reused": lambda: made(REUSED, graph=graph()),
    "hostile": hostile,
}
"""Name of the file in ``tests/wire`` → the view."""


def text_of(seen: RunView) -> str:
    """As it is kept: letters beyond ASCII escaped, for some of them no file can hold."""
    return json.dumps(seen, indent=1) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, make in VIEWS.items():
        (FOLDER / f"{name}.json").write_text(text_of(make()), encoding="ascii")


if __name__ == "__main__":
    main()
