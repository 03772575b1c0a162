"""The display of a run in a notebook: how often it is updated, what it shows, and what stays."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.displaypub import DisplayPublisher

from nbflow.api import Run
from nbflow.core.events import CancelRequested, Event, RunStarted, StepProgressed, StepSpec, StepStarted, StepSucceeded
from nbflow.core.plan import Plan
from nbflow.core.run import fold
from nbflow.driver import Canceller
from nbflow.ui.following import Following
from nbflow.ui.magic.live import InPlace
from tests.ui.shells import Live

SPECS = (StepSpec("n.load", short="load", reason="first run"), StepSpec("n.train", ("n.load",), short="train"))
START = RunStarted(at=10.0, steps=SPECS, jobs=2)


class Screen(DisplayPublisher):
    """What a front end is told: ``(text, is it an update, display id)``."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # IPython publishes it untyped
        self.told: list[tuple[str, bool, str]] = []

    def publish(self, data: Any, *_: Any, transient: Any = None, update: bool = False, **__: Any) -> None:
        self.told.append((data["text/plain"], update, (transient or {}).get("display_id", "")))


class Clock:
    now = 11.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def screen(live: Live, monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen()
    monkeypatch.setattr(live.shell, "display_pub", made)
    return made


def test_a_run_is_one_display_that_is_updated_four_times_a_second(live: Live, screen: Screen) -> None:
    clock = Clock()
    display = InPlace(live.shell, Canceller(), Following(now=clock))
    display.begin("r1", Plan({}), {})
    story: list[Event] = [START, StepStarted("n.load", 1, at=11.0, reason="first run")]
    for number, event in enumerate(list(story), 1):
        display.show(event, fold(story[:number]))
    for n in range(1000):  # a step that prints a thousand lines in ten seconds
        clock.now += 0.01
        story.append(StepProgressed("n.load", 1, at=12.0, done=0, total=1, text=f"line {n}"))
        display.show(story[-1], fold(story[:2]))
    assert 30 <= len(screen.told) <= 41
    first, *updates = screen.told
    assert first[:2] == ("run r1: 0 steps to run, 0 to reuse.", False)
    assert {(update, key) for _, update, key in updates} == {(True, first[2])}
    assert updates[-1][0].startswith("   step   state       time  why\n▶  load   running    9.9 s  line 9")
    assert updates[-1][0].endswith("\n·  train  waiting           waits for load\n\n   1 waiting, 1 running · 11 s")


def test_a_run_whose_steps_took_so_long_before_says_how_long_it_may_take(live: Live, screen: Screen) -> None:
    clock = Clock()
    display = InPlace(live.shell, Canceller(), Following(now=clock))
    display.begin("r1", Plan({}), {"n.load": [20.0], "n.train": [30.0]})
    story: list[Event] = [START, StepStarted("n.load", 1, at=11.0, reason="first run")]
    clock.now += 4
    display.show(story[0], fold(story[:1]))
    clock.now += 1
    display.show(story[1], fold(story))
    assert screen.told[-1][0].splitlines()[-1] == "   1 waiting, 1 running · 6.0 s · about 49 s left"


def test_while_nothing_happens_only_the_time_goes_on(live: Live, screen: Screen) -> None:
    clock = Clock()
    display = InPlace(live.shell, Canceller(), Following(now=clock))
    display.begin("r1", Plan({}), {})
    story: list[Event] = [
        START,
        StepStarted("n.load", 1, at=11.0, reason="first run"),
        StepSucceeded("n.load", 1, at=12.0, seconds=1),
    ]
    for number, event in enumerate(story, 1):
        display.show(event, fold(story[:number]))
    for _ in range(20):
        clock.now += 0.02
        display.idle()
    assert [text.splitlines()[-1] for text, _, _ in screen.told[1:]] == ["   1 starting, 1 succeeded · 1.3 s"]
    display.idle()
    assert len(screen.told) == 2


def test_a_run_that_stops_says_how_to_hurry(live: Live, screen: Screen) -> None:
    clock, cancel = Clock(), Canceller()
    display = InPlace(live.shell, cancel, Following(cancel, again="interrupting again", now=clock))
    display.begin("r1", Plan({}), {})
    cancel.request()
    clock.now += 1
    story: list[Event] = [START, StepStarted("n.load", 1, at=11.0), CancelRequested(at=12.0)]
    display.show(story[-1], fold(story))
    assert screen.told[-1][0].splitlines()[-1] == (
        "   cancelling: interrupted steps have 10 s to end; interrupting again kills them now"
    )


class Ended(Run):
    """A run that shows two parts."""

    def __init__(self) -> None: ...

    def bundles(self) -> tuple[dict[str, str], ...]:
        return {"text/plain": "the picture"}, {"text/plain": "the table"}


def test_what_stays_is_the_outcome(live: Live, screen: Screen) -> None:
    display = InPlace(live.shell, Canceller())
    display.begin("r1", Plan({}), {})
    display.end(Ended())
    key = screen.told[0][2]
    assert screen.told[1:] == [("the picture", True, key), ("the table", False, "")]


def test_a_run_that_came_to_no_end_leaves_what_was_seen_last(live: Live, screen: Screen) -> None:
    display = InPlace(live.shell, Canceller())
    display.begin("r1", Plan({}), {})
    display.end(None)
    assert len(screen.told) == 1
