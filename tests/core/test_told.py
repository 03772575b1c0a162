"""What is kept of what was told of a run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.events import Event, RunStarted, StepFailed, StepProgressed, StepSpec, StepStarted, StepSucceeded
from nbflow.core.told import Told
from nbflow.core.view import Notes, noted

START = RunStarted(at=10.0, steps=(StepSpec("a"), StepSpec("b")), jobs=2)


def told(*events: Event) -> list[Event]:
    kept = Told()
    for event in events:
        kept.add(event)
    assert len(kept) == len(list(kept))
    return [*kept]


def test_the_newest_progress_of_a_step_stands_for_all_before_it() -> None:
    begun, other = StepStarted("a", 1, at=11.0), StepProgressed("b", 1, at=13.0, done=1, total=2)
    story = [StepProgressed("a", 1, at=11.0 + n, done=n, total=9, text=f"epoch {n}") for n in range(5)]
    end = StepSucceeded("a", 1, at=20.0)
    assert told(START, begun, *story[:2], other, *story[2:], end) == [START, begun, other, story[-1], end]


FACTS = st.builds(
    lambda kind, step, attempt, done: kind(step, attempt, done),
    st.sampled_from([
        lambda step, attempt, done: StepStarted(step, attempt, at=float(done)),
        lambda step, attempt, done: StepProgressed(step, attempt, done=done, total=9),
        lambda step, attempt, done: StepFailed(step, attempt, at=float(done), error="E"),
    ]),
    st.sampled_from("ab"), st.integers(1, 3), st.integers(0, 9),
)  # fmt: skip


@given(st.lists(FACTS, max_size=20))
def test_a_view_of_what_is_kept_shows_where_each_attempt_is(facts: list[Event]) -> None:
    """Progress of an attempt that is over may be gone: nobody asks how far it had come."""
    facts = sorted(facts, key=lambda fact: getattr(fact, "attempt", 0))
    assert noted(Notes(), told(*facts)) == noted(Notes(), facts)
