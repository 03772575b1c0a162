"""Where the time of an attempt goes: parts that add up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nbflow.attempt.measuring import Stopwatch, environment
from nbflow.core.events import Event, StepSucceeded, Usage
from nbflow.core.fingerprint import Fingerprint
from nbflow.core.timing import timing
from nbflow.core.view import Notes, noted, view
from nbflow.executors import Job, Outcome, Tell
from tests.flows import new_flow
from tests.plain_executor import PlainExecutor


@pytest.mark.parametrize(
    ("cells", "runtime", "usage"),
    [
        (6.0, {"load": 1.0, "code": 4.0, "save": 0.5}, Usage(kernel=4.0, loading=1.0, code=4.5, saving=2.5)),
        (0.0, {}, Usage(kernel=10.0, saving=2.0)),  # the kernel never came
        (6.0, {}, Usage(kernel=4.0, code=6.0, saving=2.0)),  # it was killed before it could report
        (0.0, {"load": 1.0, "save": 0.5}, Usage(kernel=10.0, loading=1.0, saving=2.5)),  # an executor without a clock
    ],
)
def test_the_parts_of_an_attempt(cells: float, runtime: dict[str, float], usage: Usage) -> None:
    times = iter([100.0, 110.0, 112.0])  # it begins, the slice has been executed, all is committed
    clock = Stopwatch(lambda: next(times))
    assert clock.timed(lambda: "done") == "done"
    assert clock.usage(Outcome("succeeded", {}, seconds=cells), runtime) == usage
    if cells:
        assert usage.held == 12.0


class Timed(PlainExecutor):
    """Says that its cells took ten seconds."""

    def run(self, job: Job, tell: Tell) -> Outcome:
        return replace(super().run(job, tell), seconds=10.0)


def test_a_step_takes_the_same_time_wherever_it_is_told(tmp_path: Path) -> None:
    flow, events = new_flow(tmp_path, {"a": "%%step a -o n\nn = 1"}), list[Event]()
    finished = flow.run(Timed(), on_event=lambda event, _: events.append(event))
    (fact,) = (event for event in events if isinstance(event, StepSucceeded))
    (account,) = timing(events, {}).steps
    (shown,) = view("r", finished.run, noted(Notes(), events))["steps"]
    assert [fact.seconds, account.seconds, shown["seconds"]] == [fact.usage.held] * 3
    committing = fact.usage.saving
    assert fact.seconds - committing <= flow.records()["a"].seconds <= fact.seconds


def test_the_surroundings_are_those_that_count_in_the_key() -> None:
    parts = {"python": "3.11", "packages": {"scipy": "1.15", "numpy": "2.1"}, "code": ["x = 1"]}
    assert environment(Fingerprint("k", parts)) == (("Python", "3.11"), ("numpy", "2.1"), ("scipy", "1.15"))
