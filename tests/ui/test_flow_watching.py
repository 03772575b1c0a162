"""What an interrupt of the kernel means for a run that is a process of its own, and a run watched from a cell."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

from nbflow import ops
from nbflow.api import Run
from nbflow.api.runs import ended_elsewhere
from nbflow.core.event_json import to_json
from nbflow.core.events import (
    CancelRequested,
    Event,
    Outcome,
    RunFinished,
    RunStarted,
    StepSpec,
    StepStarted,
    StepSucceeded,
)
from nbflow.core.plan import Plan
from nbflow.core.run import Run as State
from nbflow.core.timing import History
from nbflow.driver import Canceller
from nbflow.journal import Journal, RunLock
from nbflow.ops import following
from nbflow.project import open_project
from nbflow.ui.magic.running import DOUBT, Stopping, watch
from nbflow.ui.magic.session import Interrupted
from tests.flows import write_notebook

PRESS, HEARD, END, LOOK = "press", "heard", "end", "look"


@dataclass
class Situation:
    """A cell that watches a run, a person, and a front end."""

    doubt: float = DOUBT
    now: float = 0.0
    ending: bool = False
    run: str = "r1"
    alive: bool = True
    sent: list[float] = field(default_factory=list)
    """When the run was asked to stop."""

    def __post_init__(self) -> None:
        self.cancel = Canceller()
        self.stopping = Stopping(self.cancel, self, lambda: self.ending, self.doubt, lambda: self.now)

    def interrupt(self) -> None:
        self.sent.append(self.now)

    def play(self, story: list[tuple[float, str]]) -> list[float | str]:
        """When the run was asked to stop, and whether the cell left it."""
        for self.now, what in story:
            if what == PRESS:
                self.cancel.request()
            elif what == HEARD:
                self.stopping.heard(CancelRequested(at=self.now))
            elif what == END:
                self.ending = True
            try:
                self.stopping.look()
            except KeyboardInterrupt:
                return [*self.sent, "left"]
        return [*self.sent]


STORIES: dict[str, tuple[list[tuple[float, str]], list[float | str]]] = {
    "nobody asks": ([(0, LOOK), (5, LOOK)], []),
    "a person interrupts once": ([(1, PRESS), (1.5, LOOK), (2, LOOK), (2.25, LOOK), (2.5, HEARD), (9, LOOK)], [2]),
    "a person interrupts twice": ([(1, PRESS), (1.2, PRESS), (1.4, LOOK), (1.6, HEARD), (1.8, LOOK)], [1.2, 1.6]),
    "and a while later": ([(1, PRESS), (2, LOOK), (2.2, HEARD), (8, PRESS), (8.2, LOOK)], [2, 8]),
    "the run has not answered yet": ([(1, PRESS), (1.2, PRESS), (9, LOOK)], [1.2]),
    "often": ([(1, PRESS), (1, PRESS), (2, HEARD), (3, PRESS), (3, HEARD), (9, LOOK)], [1, 2]),
    "the kernel is restarted": ([(1, PRESS), (1.25, END)], ["left"]),
    "the kernel is told to end without an interrupt": ([(1, LOOK), (2, END)], ["left"]),
    "the kernel is restarted while a person waits": ([(1, PRESS), (2, LOOK), (3, HEARD), (3, END)], [2, "left"]),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_one_interrupt_counts_when_the_kernel_lives_on_and_none_where_it_ends(story: str) -> None:
    told, expected = STORIES[story]
    assert Situation().play(told) == expected


def test_in_a_terminal_it_counts_at_once() -> None:
    assert Situation(doubt=0.0).play([(1, PRESS), (1.25, HEARD)]) == [1]


# --- watching ------------------------------------------------------------------------------------------


class Seen:
    """What a person sees."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self, run_id: str, plan: Plan, history: History, /) -> None: ...
    def end(self, run: Run | None) -> None: ...

    def show(self, event: Event, run: State, /) -> None:
        self.told.append(f"{type(event).__name__}, {run.status}")

    def idle(self) -> None:
        self.told.append("idle")


class Begun:
    """A run of which only the journal is real."""

    run = "r1"
    alive = False

    def interrupt(self) -> None: ...


def tell(writer: Journal, *events: Event) -> None:
    writer.append("r1", [to_json(each, "r1") for each in events])


def watched(root: Path, pauses: list[Callable[[Journal], Any]]) -> tuple[Seen, str]:
    """What is seen of a run that goes on so each time the cell waits, and how the cell ended. Then it dies."""
    seen = Seen()
    with Journal.open(root) as writer, following.journal_of(root) as reader, RunLock(root, "r1") as lock:
        writer.begin_run("r1", "2026-11-24T15:30:12.250Z", ["n.ipynb"], {}, "")
        tell(writer, RunStarted(at=1.0, steps=(StepSpec("n.a"),), jobs=1))

        def pause(_seconds: float) -> None:
            if pauses:
                pauses.pop(0)(writer)
            else:
                lock.close()

        begun = Begun()
        try:
            watch(reader, begun, seen, Stopping(Canceller(), begun), pause)
        except Interrupted as left:
            return seen, str(left)
    return seen, ""


def test_what_happens_is_shown_until_the_run_has_said_all(tmp_path: Path) -> None:
    finished = RunFinished(at=4.0, status="succeeded", steps={"n.a": Outcome("succeeded", 1)})
    seen, left = watched(
        tmp_path,
        [
            lambda w: tell(w, StepStarted("n.a", 1, at=2.0)),
            lambda w: tell(w, StepSucceeded("n.a", 1, at=3.0), finished),
            lambda w: w.finish_run("r1", "2026-11-24T15:30:14.250Z", "succeeded"),
        ],
    )
    assert (seen.told, left) == (
        [
            "RunStarted, running", "idle", "StepStarted, running", "idle", "StepSucceeded, succeeded",
            "RunFinished, succeeded", "idle",
        ], "",
    )  # fmt: skip


def test_a_run_that_dies_ends_the_watching(tmp_path: Path) -> None:
    seen, left = watched(tmp_path, [])
    assert (seen.told, left) == (["RunStarted, running", "idle", "idle"], "")  # it is looked at twice


def test_a_cell_that_ends_first_says_how_to_watch_the_run(tmp_path: Path) -> None:
    def third_interrupt(_: Journal) -> NoReturn:
        raise KeyboardInterrupt

    seen, left = watched(tmp_path, [third_interrupt])
    assert seen.told == ["RunStarted, running", "idle"]
    assert left == "the cell ended before run r1 did. To watch the run: nbflow attach r1"


def test_a_process_that_is_gone_has_crashed_also_where_no_lock_can_tell(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "flow.ipynb", {"a": "%%step a -o x\nx = 1"})
    with Journal.open(tmp_path) as writer:
        writer.begin_run("r1", "2026-11-24T15:30:12.250Z", ["flow.ipynb"], {}, "")
        tell(writer, RunStarted(at=1.0, steps=(StepSpec("flow.a"),), jobs=1), StepStarted("flow.a", 1, at=2.0))
    lock = tmp_path / ".nbflow" / "locks" / "r1.lock"
    lock.parent.mkdir()
    lock.write_text(json.dumps({"pid": 1, "host": socket.gethostname(), "locked": False}))
    with open_project([notebook]) as project:
        story = ops.story(project.settings, "r1")
        made = ended_elsewhere(project, story, (), "%flow run")
    assert (story.view["status"], made.status) == ("unknown", "crashed")
    assert str(made).splitlines()[-2:] == [
        "✘ Run r1 crashed after 1.0 s: 1 running.",
        "  To resume: %flow run  (what succeeded is reused)",
    ]
