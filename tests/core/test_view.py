"""What a person reads at each moment of a run."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from nbflow.core.events import (
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
from nbflow.core.model import Reason
from nbflow.core.reasons import because
from nbflow.core.run import State, fold
from nbflow.core.timing import timing
from nbflow.core.view import LABELS, Notes, RunView, StepView, noted, outcomes, view

LOAD = StepSpec("nb.load", short="load", reason="never run before", notebook="nb.ipynb", cells=(2, 4))
TRAIN = StepSpec("nb.train", ("nb.load",), retries=1, retry_delay=8.0, short="train", reason="an input will change")


NO_USAGE = {"waiting": 0.0, "kernel": 0.0, "loading": 0.0, "code": 0.0, "saving": 0.0, "memory": 0, "cpu": 0.0}
NO_RESULTS: Any = {"time": None, "inputs": [], "outputs": [], "printed": [], "executed": ""}
"""What facts alone do not tell."""


def start(*specs: StepSpec, jobs: int = 2, reused: int = 0, fail_fast: bool = False) -> RunStarted:
    return RunStarted(at=10.0, steps=specs, jobs=jobs, reused=reused, fail_fast=fail_fast, folder="nbflow_runs/r")


def on_gpu(name: str) -> StepSpec:
    return StepSpec(name, resources=(("gpu", 1.0),))


def seen(*story: Event) -> RunView:
    return view("r", fold(story), noted(Notes(), story))


def step(full: str, *story: Event) -> StepView:
    return next(s for s in seen(*story)["steps"] if s["id"] == full)


def test_a_run_that_goes_on() -> None:
    story = (
        start(LOAD, TRAIN),
        StepStarted("nb.load", 1, at=11.0),
        StepProgressed("nb.load", 1, at=11.5, done=1, total=3),
    )
    nothing = dict.fromkeys(get_args(State), 0)
    assert seen(*story) == {
        "version": 1,
        "run": "r",
        "status": "running",
        "label": "running",
        "folder": "nbflow_runs/r",
        "command": "",
        "sources": ["nb.ipynb"],
        "parameters": {},
        "environment": {},
        "jobs": 2,
        "started": "1970-01-01T00:00:10.000Z",
        "ended": None,
        "seconds": 1.5,
        "now": "1970-01-01T00:00:11.500Z",
        "eta": None,
        "counts": nothing | {"running": 1, "waiting": 1},
        "actions": ["cancel"],
        "time": None,
        "graph": None,
        "steps": [
            {
                "id": "nb.load",
                "name": "load",
                "needs": [],
                "notebook": "nb.ipynb",
                "cells": [2, 4],
                "group": "",
                "state": "running",
                "label": "running",
                "reason": "never run before",
                "attempts": [
                    {
                        "number": 1, "started": "1970-01-01T00:00:11.000Z", "ended": None, "ending": "", "error": "",
                        "traceback": "", "cell": None, "usage": NO_USAGE, "environment": {},
                    },
                ],
                "started": "1970-01-01T00:00:11.000Z",
                "ended": None,
                "seconds": None,
                "retry": None,
                "done": 1,
                "total": 3,
                "text": "",
                "error": "",
                "warnings": [],
                **NO_RESULTS,
                "actions": ["jump"],
            },
            {
                "id": "nb.train",
                "name": "train",
                "needs": ["nb.load"],
                "notebook": "",
                "cells": [],
                "group": "",
                "state": "waiting",
                "label": "waiting",
                "reason": "waits for load",
                "attempts": [],
                "started": None,
                "ended": None,
                "seconds": None,
                "retry": None,
                "done": 0,
                "total": 0,
                "text": "",
                "error": "",
                "warnings": [],
                **NO_RESULTS,
                "actions": [],
            },
        ],
    }  # fmt: skip


REASONS: list[tuple[str, tuple[Event, ...], str, str]] = [
    ("starting", (start(LOAD),), "nb.load", "never run before"),
    ("reused", (start(LOAD, reused=1), StepReused("nb.load", reason="fresh")), "nb.load", "fresh"),
    ("succeeded", (start(LOAD), StepSucceeded("nb.load", 1)), "nb.load", "never run before"),
    ("running", (start(LOAD), StepStarted("nb.load", 1, reason="it changed")), "nb.load", "it changed"),
    (
        "succeeded",
        (start(LOAD), StepStarted("nb.load", 1, reason="it changed"), StepSucceeded("nb.load", 1)),
        "nb.load",
        "it changed",
    ),
    ("failed", (start(LOAD), StepFailed("nb.load", 1, error="ValueError: bad")), "nb.load", "ValueError: bad"),
    ("crashed", (start(LOAD), StepCrashed("nb.load", 1, message="killed")), "nb.load", "killed"),
    ("skipped", (start(LOAD, TRAIN), StepFailed("nb.load", 1)), "nb.train", "needs load, which failed"),
    ("skipped", (start(LOAD, TRAIN), StepCancelled("nb.load", 1)), "nb.train", "needs load, which was cancelled"),
    (
        "skipped",
        (start(LOAD, StepSpec("nb.plot"), jobs=1, fail_fast=True), StepCrashed("nb.load", 1)),
        "nb.plot",
        "load crashed, and the run stops at the first failure",
    ),
    (
        "retrying",
        (start(LOAD, TRAIN), StepSucceeded("nb.load", 1), StepFailed("nb.train", 1, error="E: x")),
        "nb.train",
        "attempt 1 did not succeed: E: x",
    ),
    ("stopping", (start(LOAD), CancelRequested()), "nb.load", "the run was cancelled"),
    (
        "cancelled",
        (start(LOAD), StepStarted("nb.load", 1), CancelRequested(), StepCancelled("nb.load", 1)),
        "nb.load",
        "the run was cancelled while the step ran",
    ),
    ("cancelled", (start(LOAD, TRAIN), CancelRequested()), "nb.train", "the run was cancelled before the step began"),
    ("waiting", (start(LOAD, StepSpec("nb.b"), jobs=1),), "nb.b", "waits for a free place (1 at a time)"),
    ("waiting", (start(LOAD, reused=1),), "nb.load", ""),
    (
        "waiting",
        (start(*(StepSpec(n) for n in "abcde"), StepSpec("z", tuple("abcde"))), StepSucceeded("b", 1)),
        "z",
        "waits for a, c, d and 1 more",
    ),
    (
        "waiting",
        (RunStarted(steps=(*map(on_gpu, "ab"),), jobs=4, capacity=(("gpu", 1.0),)),),
        "b",
        "waits until other steps leave enough gpu",
    ),
]  # fmt: skip


CLAUSES: list[tuple[list[tuple[str, str]], str]] = [
    ([], ""),
    ([("first-run", "it has no stored result yet")], "first run"),
    ([("helper", "'minutes' changed"), ("parameter", "n: 1 → 2")], "helper 'minutes' changed; parameter n: 1 → 2"),
    ([("environment", "TZ has another value")], "environment variable TZ has another value"),
    ([("outputs", "a → a b")], "outputs a → a b"),
    ([("input", "table (made by load) changed")], "table (made by load) changed"),
    ([("unknown", "")], "unknown"),
]


@pytest.mark.parametrize(("reasons", "clause"), CLAUSES, ids=[c[1] for c in CLAUSES])
def test_reasons_become_one_clause(reasons: list[tuple[str, str]], clause: str) -> None:
    assert because([Reason(kind, detail) for kind, detail in reasons], "first run") == clause


@pytest.mark.parametrize(("state", "story", "name", "reason"), REASONS, ids=[f"{c[0]}: {c[3]}" for c in REASONS])
def test_every_state_says_why(state: State, story: tuple[Event, ...], name: str, reason: str) -> None:
    shown = step(name, *story)
    assert (shown["state"], shown["label"], shown["reason"]) == (state, LABELS[state], reason)


def test_every_state_has_its_word() -> None:
    assert set(LABELS) == set(get_args(State))


def test_a_retry_says_when_it_comes_and_a_new_attempt_has_times_of_its_own() -> None:
    story = (
        start(LOAD, TRAIN),
        StepSucceeded("nb.load", 1, at=12.0),
        StepStarted("nb.train", 1, at=12.0),
        StepFailed("nb.train", 1, at=15.0, error="E: x", jitter=0.25),
    )
    waits = step("nb.train", *story)
    assert (waits["retry"], waits["seconds"], waits["error"]) == ("1970-01-01T00:00:17.000Z", 3.0, "E: x")
    again = step(
        "nb.train", *story, RetryDue("nb.train", 1, at=17.0), StepStarted("nb.train", 2, at=18.0),
        StepProgressed("nb.train", 1, at=18.5, done=9, total=9),
    )  # fmt: skip
    assert [(a["number"], a["ending"], a["started"]) for a in again["attempts"]] == [
        (1, "failed", "1970-01-01T00:00:12.000Z"),
        (2, "", "1970-01-01T00:00:18.000Z"),
    ]
    assert (len(again["attempts"]), again["started"], again["ended"], again["retry"], again["done"]) == (
        2, "1970-01-01T00:00:18.000Z", None, None, 0,
    )  # fmt: skip


def test_a_run_that_is_being_cancelled_says_so_until_it_is_over() -> None:
    story = (start(LOAD), CancelRequested())
    over = (*story, StepCancelled("nb.load", 1), RunFinished(at=20.0, status="cancelled"))
    shown = [(s["status"], s["label"], s["ended"]) for s in (seen(*story), seen(*over))]
    assert shown == [("running", "stopping", None), ("cancelled", "cancelled", "1970-01-01T00:00:20.000Z")]


def test_outcomes_name_every_step_that_has_ended() -> None:
    story: tuple[Event, ...] = (
        start(StepSpec("old"), LOAD, TRAIN, StepSpec("nb.plot", ("nb.train",)), StepSpec("nb.long"), reused=1, jobs=3),
        StepReused("old", at=10.0, reason="fresh"),
        StepStarted("nb.load", 1, at=11.0),
        StepSucceeded("nb.load", 1, at=13.0, seconds=1.5, warnings=("df was changed in place",)),
        StepStarted("nb.train", 1, at=13.0),
        StepFailed("nb.train", 1, at=14.0, error="E: x"),
        RetryDue("nb.train", 1, at=14.0),
        StepStarted("nb.train", 2, at=14.0),
        StepFailed("nb.train", 2, at=16.5, error="E: y"),
        StepSkipped("nb.plot", at=16.5, because=Cause("nb.train", "failed")),
    )
    assert outcomes(fold(story), noted(Notes(), story)) == {
        "old": Outcome("reused", 0.0, 0, "fresh"),
        "nb.load": Outcome("succeeded", 1.5, 1, "never run before"),
        "nb.train": Outcome("failed", 2.5, 2, "E: y"),
        "nb.plot": Outcome("skipped", 0.0, 0, "needs train, which failed"),
    }
    assert step("nb.load", *story)["warnings"] == ["df was changed in place"]


@pytest.mark.parametrize(
    "end",
    [
        StepSucceeded("nb.load", 1, at=13.0, seconds=1.0, usage=Usage(waiting=9.0, kernel=1.5, code=0.25, saving=0.5)),
        StepFailed("nb.load", 1, at=13.0, usage=Usage(kernel=1.5, code=0.75)),
        StepCrashed("nb.load", 1, at=13.0, usage=Usage(kernel=2.25)),
        StepCancelled("nb.load", 1, at=13.0),
        StepFailed("nb.load", 1, at=13.0),
    ],
)
def test_what_a_step_took_is_what_the_account_of_its_time_says(end: Event) -> None:
    story = (start(LOAD), StepStarted("nb.load", 1, at=11.0), end)
    (account,) = timing(story, {}).steps
    assert step("nb.load", *story)["seconds"] == account.seconds


def test_notes_taken_in_batches_equal_notes_taken_at_once() -> None:
    story = (start(LOAD), StepStarted("nb.load", 1, at=11.0), StepSucceeded("nb.load", 1, at=12.0))
    assert noted(noted(Notes(), story[:2]), story[2:]) == noted(Notes(), story)
