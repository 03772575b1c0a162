"""Two runs at the same time: each result is made once, and files that both write are for each what its own steps made.
Without Jupyter; the runs are threads of this process with projects of their own, and locks hold between them as between
processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nbflow import ops
from nbflow.core.events import Event, StepCancelled, StepProgressed, StepReused, StepSucceeded
from nbflow.core.run import Run
from nbflow.driver import Canceller
from nbflow.executors import Job, Outcome, Tell
from tests.flows import Flow, new_flow
from tests.plain_executor import PlainExecutor

PATIENCE = 60.0
"""Seconds."""

CHAIN = {
    "imports": "from pathlib import Path",
    "one": "%%step one -o a\na = 1",
    "two": "%%step two -i a -o b\nb = a + 1",
    "three": "%%step three -i b -o c\nc = b + 1",
}


class Gate(PlainExecutor):
    """Holds each attempt of a step until it is opened."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step
        self.reached, self.open = threading.Event(), threading.Event()

    def run(self, job: Job, tell: Tell) -> Outcome:
        if job.key.rpartition("#")[0].endswith(self.step):
            self.reached.set()
            assert self.open.wait(PATIENCE)
        return super().run(job, tell)


class Watch:
    """What happened in one run, and flags raised when it says that it waits, and when an attempt was cancelled."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.waits, self.cancelled = threading.Event(), threading.Event()

    def __call__(self, event: Event, _: Run) -> None:
        self.events.append(event)
        if isinstance(event, StepProgressed) and event.text.startswith("waits for run "):
            self.waits.set()
        elif isinstance(event, StepCancelled) and event.attempt:
            self.cancelled.set()

    @property
    def words(self) -> list[str]:
        """What it said of waiting."""
        return [e.text for e in self.events if isinstance(e, StepProgressed) and e.text.startswith("waits ")]

    def steps(self, kind: type[Any]) -> list[str]:
        return [e.step.rpartition(".")[2] for e in self.events if isinstance(e, kind)]


def together(
    flow: Flow,
    gate: Gate,
    other: PlainExecutor,
    between: Callable[[Watch], None],
    then: Flow | None = None,
    **options: Any,
) -> tuple[ops.Finished, ops.Finished, Watch]:
    """A run that stands at the gate, and another one (of ``then``); ``between`` is called when both are under way."""
    watch = Watch()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flow.run, gate)
        try:
            assert gate.reached.wait(PATIENCE)
            second = pool.submit((then or flow).run, other, on_event=watch, **options)
            between(watch)
        finally:
            gate.open.set()
        return first.result(PATIENCE), second.result(PATIENCE), watch


def test_a_step_that_another_run_is_making_is_waited_for_and_reused(tmp_path: Path) -> None:
    flow, gate, other = new_flow(tmp_path, CHAIN), Gate("two"), PlainExecutor()
    first, second, watch = together(flow, gate, other, assert_waits)
    assert (first.status, second.status) == ("succeeded", "succeeded")
    assert set(watch.words) == {f"waits for run {first.id}, which works on the same"}
    # `three` is made by whoever comes first; each step once in all.
    assert sorted([*gate.ran, *other.ran]) == [f"flow.{step}#1" for step in ("one", "three", "two")]
    assert "two" in watch.steps(StepReused)


def assert_waits(watch: Watch) -> None:
    assert watch.waits.wait(PATIENCE)


def test_a_run_that_waits_can_be_cancelled(tmp_path: Path) -> None:
    flow, gate, other, cancel = new_flow(tmp_path, CHAIN), Gate("two"), PlainExecutor(), Canceller()

    def cancel_it(watch: Watch) -> None:
        assert_waits(watch)
        cancel.request()

    first, second, _ = together(flow, gate, other, cancel_it, cancel=cancel)
    assert (first.status, second.status) == ("succeeded", "cancelled")
    assert other.ran == []


def test_when_the_other_run_fails_the_one_that_waited_makes_the_step_itself(tmp_path: Path) -> None:
    cells = {**CHAIN, "two": '%%step two -i a -o b\nif Path("bad").exists():\n    raise ValueError\nb = a + 1'}
    flow, gate, other = new_flow(tmp_path, cells, {"bad": ""}), Gate("two"), PlainExecutor()

    class Mended(PlainExecutor):
        def run(self, job: Job, tell: Tell) -> Outcome:
            flow.file("bad").unlink(missing_ok=True)
            return super().run(job, tell)

    first, second, _ = together(flow, gate, other := Mended(), assert_waits)
    assert (first.status, second.status) == ("failed", "succeeded")
    assert other.ran == ["flow.two#1", "flow.three#1"]


FILES = {
    "imports": "from pathlib import Path",
    "parameters": "n = 1",
    "make": '%%step make -o data/n.txt\nPath("data/n.txt").write_text(str(n))',
    "use": '%%step use -i data/n.txt -o told\ntold = int(Path("data/n.txt").read_text())',
    "last": "%%step last -i told -o end\nend = (n, told)",
}


WRITES = {
    "imports": "from pathlib import Path",
    "parameters": "n = 1",
    "make": '%%step make -o data/n.txt m\nm = n\nPath("data/n.txt").write_text(str(n))',
    "below": "%%step below -i m -o k\nk = m",
}


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_stored_result_whose_files_another_run_works_on_waits_for_that_run(tmp_path: Path, cancelled: bool) -> None:
    flow, gate, other, cancel = new_flow(tmp_path, WRITES), Gate("make"), PlainExecutor(), Canceller()
    flow.ran()

    def between(watch: Watch) -> None:
        assert_waits(watch)
        if cancelled:
            cancel.request()
            assert watch.cancelled.wait(PATIENCE)

    busy = Flow(tmp_path, parameters={"n": 2})
    first, second, watch = together(busy, gate, other, between, then=flow, cancel=cancel)
    assert first.status == "succeeded"
    assert other.ran == []
    assert watch.words[0] == f"waits for run {first.id}, which works on the same"
    if cancelled:
        assert (second.status, sorted(watch.steps(StepCancelled))) == ("cancelled", ["below", "make"])
        assert (second.made, flow.file("data/n.txt").read_text()) == ({}, "2")
    else:
        assert (second.status, watch.steps(StepReused)) == ("succeeded", ["make", "below"])
        assert flow.file("data/n.txt").read_text() == "1"


def test_files_of_a_step_that_is_not_selected_are_waited_for_by_the_step_that_takes_them(tmp_path: Path) -> None:
    flow, gate, other = new_flow(tmp_path, FILES), Gate("make"), PlainExecutor()
    flow.ran()
    busy = Flow(tmp_path, parameters={"n": 2})
    first, second, watch = together(busy, gate, other, assert_waits, then=flow, terms=["use"], forced="forced")
    assert (first.status, second.status, watch.steps(StepSucceeded)) == ("succeeded", "succeeded", ["use"])
    assert told(flow) == "1"


def test_forced_runs_each_make_it(tmp_path: Path) -> None:
    flow, gate, other = new_flow(tmp_path, CHAIN), Gate("two"), PlainExecutor()
    first, second, watch = together(flow, gate, other, assert_waits, forced="forced")
    assert (first.status, second.status) == ("succeeded", "succeeded")
    assert watch.steps(StepSucceeded) == ["one", "two", "three"]


def test_runs_with_other_parameters_that_share_a_file_each_read_their_own(tmp_path: Path) -> None:
    new_flow(tmp_path, FILES)
    flows = [Flow(tmp_path, parameters={"n": n}) for n in (1, 2, 3, 4)]
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda f: f.run(), flows))
    assert [r.status for r in runs] == ["succeeded"] * 4
    assert list(map(told, flows)) == ["1", "2", "3", "4"]


def told(flow: Flow) -> str:
    """What the step ``use`` has read."""
    artifact = flow.records()["use"].artifact("told")
    assert artifact is not None
    return flow.file(f".nbflow/store/blobs/{artifact.digest[:2]}/{artifact.digest}").read_text().strip()
