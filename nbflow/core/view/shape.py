"""The wire form of a view: what every front end is given, and nothing besides it. All values are JSON values.

``static/view/shape.js`` has the same types for JavaScript, and the files in ``tests/wire`` hold the two together. Texts
from notebooks (names, errors, what was printed) stand here as they are: whoever draws them makes them safe for its
medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from nbflow.core.transitions import State

VERSION = 1
"""Of the shape of RunView; a front end refuses one that it does not know."""

Action = Literal["run", "cancel", "retry", "only", "jump"]
"""What a person may ask for: run it again, stop it, do again what came to no result, run this step (and what it needs),
go to its cell. A front end offers those of them that it can do."""


Standing = Literal["fresh", "stale", "maybe stale", "no result", "invalid"]
"""Where a step stands while there is no run: what a run would do with it."""


class UsageView(TypedDict):
    """Where time went. Seconds; ``memory`` in bytes."""

    waiting: float
    kernel: float
    loading: float
    code: float
    saving: float
    memory: int
    cpu: float


class AttemptView(TypedDict):
    """One try of a step. Times are ISO 8601 in UTC, ``None`` where they have not come or are not known."""

    number: int
    started: str | None
    ended: str | None
    ending: str
    """``succeeded``, ``failed``, ``crashed``, ``cancelled``; ``""`` while it goes on, or where it was cut short."""
    error: str
    """One line."""
    traceback: str
    """The user's own frames, with the colours of a terminal."""
    cell: int | None
    """Number of the cell that failed, from 1."""
    usage: UsageView
    environment: dict[str, str]
    """``Python`` of the kernel, then the packages that the step imports → version."""


class StepTimeView(UsageView):
    """What a step took over all its attempts."""

    seconds: float
    """In which it held a place."""
    slack: float
    """Seconds that it could have taken longer without making the run longer."""
    usual: float | None
    """Median of the seconds in earlier runs."""
    slower: bool
    """Whether it took much longer than usually."""
    critical: bool
    """Whether it stands on the longest chain."""


class ThingView(TypedDict):
    """An input or output."""

    name: str
    kind: str
    """``variable`` or ``file``; ``""`` where it is not known."""
    type: str
    """For a person: ``DataFrame 336776 × 19``; ``""`` where it is not known."""
    format: str
    size: int | None
    """Bytes."""
    step: str
    """Of an input: what a person calls the step that made it."""


class StepView(TypedDict):
    """One step. Times are ISO 8601 in UTC, ``None`` where they have not come."""

    id: str
    """Full name."""
    name: str
    needs: list[str]
    """Full names of the steps of this run that it needs."""
    notebook: str
    """Path from the project root; ``""`` where it is not known."""
    cells: list[int]
    """Numbers of its cells, from 1."""
    group: str
    """What it is shown under among very many; ``""`` where it stands for itself."""
    state: State | Standing
    label: str
    reason: str
    """Why it is in this state, as a plain clause; ``""`` where there is nothing to say."""
    attempts: list[AttemptView]
    """Oldest first."""
    started: str | None
    """Of the newest attempt."""
    ended: str | None
    seconds: float | None
    """In which the newest attempt took one of the run's places: its kernel, its code and what is around it."""
    retry: str | None
    """When it tries again."""
    done: int
    """Cells of the step that have run in the newest attempt, out of ``total``."""
    total: int
    text: str
    """What it printed last, while it runs."""
    error: str
    """One line about the newest attempt that failed or crashed."""
    warnings: list[str]
    time: StepTimeView | None
    """``None`` where nothing ran."""
    inputs: list[ThingView]
    outputs: list[ThingView]
    printed: list[str]
    """The last lines that it printed."""
    executed: str
    """Its executed notebook, a path from the run's folder; ``""`` where there is none."""
    actions: list[Action]


class RunTimeView(TypedDict):
    """Where the time of a run went, and what other numbers of steps at a time would have given."""

    seconds: float
    jobs: int
    total: UsageView
    longest_chain: list[str]
    """Full names, first to last."""
    longest_chain_seconds: float
    with_places: dict[str, float]
    """Steps at a time → seconds that the run would have taken."""
    remark: dict[str, Any] | None
    lines: list[str]
    """The same in words."""


class GraphView(TypedDict):
    """The picture of the pipeline, laid out once; while the run goes on, classes of its parts change."""

    svg: str
    """As ``render.dag`` draws it; ``""`` where it cannot be drawn."""
    elements: dict[str, str]
    """Full name of a step → id of its element in the picture."""
    note: str
    """Why there is no picture; ``""`` where there is one."""


class RunView(TypedDict):
    """A run, for every front end."""

    version: int
    run: str
    """Its id; ``""`` where nothing runs and this is how the pipeline stands."""
    status: str
    """``planned``, ``running``, ``succeeded``, ``failed``, ``cancelled``, ``crashed`` or ``unknown``."""
    label: str
    folder: str
    """From the project's root."""
    command: str
    """What a person would type to run the same again; ``""`` where it is not known."""
    sources: list[str]
    """Notebooks, as paths from the project root."""
    parameters: dict[str, Any]
    """Of its notebooks, given or not."""
    environment: dict[str, str]
    """What the kernels of its steps were: ``Python`` and packages → version."""
    jobs: int
    """Steps at a time."""
    started: str | None
    ended: str | None
    seconds: float | None
    """From its beginning to its end, or to when it was last heard of."""
    now: str | None
    """When this was told, by the clock that the other times come from."""
    eta: str | None
    """When it will be over, as far as earlier runs tell."""
    counts: dict[str, int]
    """Steps by state."""
    actions: list[Action]
    time: RunTimeView | None
    """``None`` while it goes on, and where nothing happened."""
    graph: GraphView | None
    """Given once; ``None`` means: as before."""
    steps: list[StepView]
    """In notebook order."""


def changes(old: RunView | None, new: RunView) -> dict[str, Any]:
    """What a front end that has drawn ``old`` needs to draw ``new``: the values that differ, and of the steps those
    that differ, whole. A view is a change of nothing."""
    if old is None:
        return dict(new)
    before: Mapping[str, Any] = old
    found = {k: v for k, v in new.items() if k in ("version", "run") or (k != "steps" and v != before[k])}
    known = {step["id"]: step for step in old["steps"]}
    steps = [step for step in new["steps"] if step != known.get(step["id"])]
    return {**found, "steps": steps} if steps else found
