"""Which alerts a run is worth, and what they say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nbflow.core.alerting import Alert, Circumstance, alert_id, alerts_of
from nbflow.core.events import (
    Event,
    RunStarted,
    StepFailed,
    StepSpec,
    StepStarted,
    StepSucceeded,
)
from nbflow.core.run import Run, advance, begin
from nbflow.core.view import Notes, RunView, noted, view

AROUND = Circumstance(("flow.ipynb",), "nbflow_runs/r1", "nbflow retry r1", "host")
SPECS = tuple(StepSpec(f"n.{name}", needs, short=name) for name, needs in (
    ("load", ()), ("a", ("n.load",)), ("b", ("n.load",)), ("last", ("n.a", "n.b")),
))  # fmt: skip


def told(*events: Event, status: str = "") -> RunView:
    """A run of four steps with these events; ``status`` where its process died."""
    story: list[Event] = [RunStarted(at=0.0, steps=SPECS, jobs=4), *events]
    run: Run = begin(SPECS, jobs=4)
    for event in story:
        run, _ = advance(run, event)
    seen = view("r1", run, noted(Notes(), story))
    return {**seen, "status": status} if status else seen


def done(name: str, seconds: float = 1.0) -> list[Event]:
    return [StepStarted(f"n.{name}", 1, at=1.0), StepSucceeded(f"n.{name}", 1, at=1.0 + seconds, seconds=seconds)]


def failed(name: str, error: str) -> list[Event]:
    return [StepStarted(f"n.{name}", 1, at=1.0), StepFailed(f"n.{name}", 1, at=2.0, error=error)]


def alerts(seen: RunView, before: str = "", usual: dict[str, Sequence[float]] | None = None) -> list[Alert]:
    return alerts_of(seen, AROUND, before=before, usual=usual or {})


ALL_DONE = (*done("load"), *done("a"), *done("b"), *done("last"))


def test_a_failure_says_what_failed_why_how_many_were_skipped_where_to_look_and_how_to_go_on() -> None:
    seen = told(*done("load"), *failed("a", "KeyError: 'x'"), *done("b"))
    (alert,) = alerts(seen)
    assert (alert.kind, alert.title) == ("failed", "nbflow: flow.ipynb failed: a (KeyError: 'x')")
    assert alert.body == (
        "a has failed: KeyError: 'x'\n"
        "1 step was skipped because of it.\n"
        "Executed notebook: nbflow_runs/r1/flow.ipynb\n"
        "To go on: nbflow retry r1\n"
        "\n"
        f"Run r1 on host. Alert {alert_id('r1', 'failed')}."
    )


def test_steps_that_fail_alike_are_one_trouble_and_the_largest_comes_first() -> None:
    seen = told(*done("load"), *failed("a", "KeyError: 'x'"), *failed("b", "KeyError: 'x'"))
    (alert,) = alerts(seen)
    assert alert.title == "nbflow: flow.ipynb failed: a and b (KeyError: 'x')"
    assert alert.body.startswith("a and b have failed: KeyError: 'x'\n1 step was skipped")
    seen = told(*done("load"), *failed("a", "E: 1"), *failed("b", "E: 2"))
    assert alerts(seen)[0].body.startswith("a has failed: E: 1\nb has failed: E: 2\n")


def test_a_run_whose_process_died_says_what_it_was_at() -> None:
    seen = told(*done("load"), StepStarted("n.a", 1, at=3.0), StepStarted("n.b", 1, at=3.0), status="crashed")
    (alert,) = alerts(seen)
    assert (alert.kind, alert.title) == ("crashed", "nbflow: flow.ipynb crashed: its process died")
    assert alert.body.startswith("The process of the run died while a and b ran. What had succeeded is kept.\n")


@pytest.mark.parametrize(
    ("before", "kinds"),
    [("failed", ["recovered"]), ("crashed", ["recovered"]), ("succeeded", []), ("cancelled", []), ("", [])],
)
def test_a_success_is_news_only_after_a_failure(before: str, kinds: list[str]) -> None:
    found = alerts(told(*ALL_DONE), before)
    assert [a.kind for a in found] == kinds
    assert [a.title for a in found] == ["nbflow: flow.ipynb works again" for _ in kinds]


@pytest.mark.parametrize(
    ("seconds", "earlier", "is_slow"),
    [
        (300.0, [90.0, 100.0, 110.0], True),
        (299.0, [90.0, 100.0, 110.0], False),
        (30.0, [1.0, 1.0, 1.0], False),
        (61.0, [1.0, 1.0, 1.0], True),
        (300.0, [1.0, 1.0], False),
        (300.0, [], False),
    ],
)
def test_a_step_is_slow_against_its_own_history(seconds: float, earlier: list[float], is_slow: bool) -> None:
    found = alerts(told(*done("load"), *done("a", seconds), *done("b"), *done("last")), usual={"n.a": earlier})
    assert [a.kind for a in found] == (["slow"] if is_slow else [])


def test_a_cancelled_run_and_kinds_that_nobody_wants_are_no_alert() -> None:
    assert alerts(told(*done("load"), status="cancelled")) == []
    seen = told(*done("load"), *failed("a", "E"), *done("b"))
    assert alerts_of(seen, AROUND, before="", usual={}, kinds=["recovered"]) == []


def test_an_alert_has_the_same_id_each_time_and_another_one_for_another_run_or_kind() -> None:
    seen = told(*done("load"), *failed("a", "E"), *done("b"))
    assert alerts(seen) == alerts(seen)
    assert len({alert_id(run, kind) for run in ("r1", "r2") for kind in ("failed", "crashed")}) == 4
