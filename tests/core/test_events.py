"""Every event on the wire, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.core.event_json import from_json, time_text, to_json
from nbflow.core.events import (
    EVENTS,
    CancelRequested,
    Cause,
    Event,
    Outcome,
    RetryDue,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepCrashed,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
    Usage,
)

AT = 1795534212.25
BUSY = StepSpec("n.b", ("n.a",), retries=2, resources=(("gpu", 1.0),), short="b", reason="x")
TOOK = Usage(waiting=0.5, kernel=0.25, loading=0.1, code=1.4, saving=0.75, memory=2000, cpu=3.5)
WHERE = (("Python", "3.11"), ("numpy", "2.1"))
NOTHING = {"waiting": 0.0, "kernel": 0.0, "loading": 0.0, "code": 0.0, "saving": 0.0, "memory": 0, "cpu": 0.0}
WIRE: list[tuple[Event, dict[str, Any]]] = [
    (
        RunStarted(
            at=AT,
            steps=(StepSpec("n.a"), BUSY),
            jobs=2,
            capacity=(("gpu", 1.0),),
            folder="nbflow_runs/r",
            command="nbflow run n.ipynb",
            parameters=(("size", 3), ("names", ["a"])),
        ),
        {
            "steps": [
                {"name": "a", "needs": []},
                {"name": "n.b", "needs": ["a"], "retries": 2, "resources": {"gpu": 1.0}, "short": "b", "reason": "x"},
            ],
            "jobs": 2, "capacity": {"gpu": 1.0}, "fail_fast": False, "reused": 0, "folder": "nbflow_runs/r",
            "command": "nbflow run n.ipynb", "parameters": {"size": 3, "names": ["a"]},
        },
    ),
    (StepReused("n.a", at=AT, reason="fresh", key="k", record="r"),
     {"step": "a", "reason": "fresh", "key": "k", "record": "r"}),
    (StepStarted("n.a", 1, at=AT, reason="w"), {"step": "a", "attempt": 1, "reason": "w"}),
    (StepProgressed("n.a", 1, at=AT, done=1, total=3, text="cell 4"),
     {"step": "a", "attempt": 1, "done": 1, "total": 3, "text": "cell 4"}),
    (StepSucceeded("n.a", 2, at=AT, key="k", record="r", seconds=1.5, warnings=("w",), usage=TOOK, environment=WHERE),
     {"step": "a", "attempt": 2, "key": "k", "record": "r", "seconds": 1.5, "warnings": ["w"],
      "usage": {"waiting": 0.5, "kernel": 0.25, "loading": 0.1, "code": 1.4, "saving": 0.75, "memory": 2000,
                "cpu": 3.5},
      "environment": {"Python": "3.11", "numpy": "2.1"}}),
    (StepFailed("n.a", 1, at=AT, error="E: x", traceback="t", cell=4, timed_out=True, jitter=0.5),
     {"step": "a", "attempt": 1, "error": "E: x", "traceback": "t", "cell": 4, "timed_out": True, "jitter": 0.5,
      "usage": NOTHING, "environment": {}}),
    (StepCrashed("n.a", 1, at=AT, message="m", cell=4),
     {"step": "a", "attempt": 1, "message": "m", "traceback": "", "cell": 4, "jitter": 0.0, "usage": NOTHING,
      "environment": {}}),
    (StepSkipped("n.b", at=AT, because=Cause("n.a", "failed")),
     {"step": "n.b", "because": {"step": "a", "ending": "failed", "fail_fast": False},
      "reason": "needs a, which failed"}),
    (StepCancelled("n.a", 1, at=AT), {"step": "a", "attempt": 1}),
    (RetryDue("n.a", 1, at=AT), {"step": "a", "attempt": 1}),
    (CancelRequested(at=AT, force=True), {"force": True}),
    (
        RunFinished(at=AT, status="failed", folder="f", steps={"n.a": Outcome("failed", 1.5, 2, "E: x")}),
        {"status": "failed", "folder": "f",
         "steps": {"a": {"status": "failed", "seconds": 1.5, "attempts": 2, "reason": "E: x"}}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("event", "fields"), WIRE, ids=lambda case: type(case).__name__)
def test_an_event_on_the_wire(event: Event, fields: dict[str, Any]) -> None:
    head = {"event": type(event).__name__, "run": "20261124-153012-k3x9", "time": "2026-11-24T15:30:12.250Z"}
    assert to_json(event, head["run"], {"n.a": "a"}) == head | fields
    assert from_json(to_json(event, "r")) == event


def test_an_event_of_an_older_journal_is_read_with_nothing_measured() -> None:
    event = StepSucceeded("n.a", 1, at=AT, key="k")
    old = {name: value for name, value in to_json(event, "r").items() if name not in ("usage", "environment")}
    assert from_json(old) == event


def test_measurements_of_a_newer_version_are_left_out() -> None:
    event = StepCrashed("n.a", 1, at=AT, message="m", usage=TOOK)
    wire = to_json(event, "r")
    assert from_json({**wire, "usage": {**wire["usage"], "network": 5}}) == event


def test_a_place_is_held_from_the_kernel_to_the_commit() -> None:
    assert TOOK.held == 2.5


def test_every_event_is_in_the_table_above() -> None:
    assert {type(event).__name__ for event, _ in WIRE} == set(EVENTS)


@pytest.mark.parametrize(
    ("at", "text"),
    [(0.0, "1970-01-01T00:00:00.000Z"), (1.0006, "1970-01-01T00:00:01.001Z"), (AT, "2026-11-24T15:30:12.250Z")],
)
def test_times_are_utc_with_milliseconds(at: float, text: str) -> None:
    assert time_text(at) == text
