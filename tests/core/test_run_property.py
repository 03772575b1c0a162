"""Random walks: any DAG, any order of facts, failures, crashes, cancels and late echoes. Every walk must end."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.core.event_json import from_json, to_json
from nbflow.core.events import (
    CancelRequested,
    CancelStep,
    Command,
    Event,
    FinishRun,
    RetryDue,
    RunFinished,
    RunStarted,
    SkipStep,
    StartStep,
    StepCancelled,
    StepCrashed,
    StepFact,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
    StopStep,
    WaitRetry,
)
from nbflow.core.run import Run, advance, begin, check, fold
from nbflow.core.view import Notes, noted, outcomes, view

NAMES = "abcdefgh"
CAPACITY = {"gpu": 2.0}
FINAL = StepSucceeded | StepFailed | StepCrashed | StepReused | StepCancelled


@st.composite
def dags(draw: st.DrawFn) -> list[StepSpec]:
    """Steps in notebook order; a step may need any that is not after it in a hidden order of its own."""
    names = list(NAMES[: draw(st.integers(0, len(NAMES)))])
    hidden = draw(st.permutations(names))
    specs = {}
    for place, name in enumerate(hidden):
        needs = tuple(need for need in hidden[:place] if draw(st.booleans()))
        gpu = draw(st.sampled_from([0.0, 0.0, 1.0, 2.0]))
        specs[name] = StepSpec(
            name,
            needs,
            retries=draw(st.integers(0, 2)),
            crash_retries=draw(st.integers(0, 1)),
            resources=(("gpu", gpu),) if gpu else (),
        )
    return [specs[name] for name in names]


@dataclass
class World:
    """What surrounds the run: attempts under way, timers that tick, facts on their way to the journal."""

    run: Run
    chance: random.Random
    asked: bool = False
    story: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    timers: list[RetryDue] = field(default_factory=list)
    post: list[Event] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        self.story.append(event)
        self.run, commands = advance(self.run, event)
        check(self.run)
        self.commands += commands
        for command in commands:
            self.perform(command)

    def perform(self, command: Command) -> None:
        match command:
            case StartStep(step, attempt):
                assert step not in self.attempts
                self.attempts[step] = attempt
            case StopStep(step, attempt, _):
                assert self.attempts[step] == attempt
            case WaitRetry(step, attempt, seconds):
                assert 0 <= seconds < 300
                self.timers.append(RetryDue(step, attempt))
            case SkipStep(step, because):
                self.post.append(StepSkipped(step, because=because))
            case CancelStep(step):
                self.post.append(StepCancelled(step))
            case FinishRun(status):
                self.post.append(RunFinished(status=status))

    def ends(self) -> list[Event]:
        """Facts that bring the run nearer to its end."""
        facts: list[Event] = [*self.timers, *self.post[:1]]
        for step, attempt in self.attempts.items():
            facts += [StepSucceeded(step, attempt)] * 3
            facts += [StepFailed(step, attempt, error="E: x", jitter=0.5), StepCrashed(step, attempt, jitter=0.9)]
            facts += [StepReused(step, attempt)]
            if self.run[step].state == "stopping" or self.chance.random() < 0.05:
                facts.append(StepCancelled(step, attempt))
        return facts

    def asides(self) -> list[Event]:
        """Facts that may come at any time and need not change anything: reports, echoes, late reports."""
        facts: list[Event] = []
        for step, attempt in self.attempts.items():
            facts += [StepStarted(step, attempt), StepProgressed(step, attempt, done=1, total=2)]
        for fact in self.story:
            if isinstance(fact, StepFact) and fact.attempt > 0:
                late = isinstance(fact, StepStarted | StepProgressed)
                if late or fact.attempt < self.run[fact.step].attempt:
                    facts.append(fact)
        return facts

    def happen(self, event: Event) -> None:
        """Tell the run of the event, and take it out of what may still come."""
        self.asked |= isinstance(event, CancelRequested) and not self.run.finished
        if event in self.timers:
            self.timers.remove(event)
        elif self.post and event is self.post[0]:
            self.post.pop(0)
        elif isinstance(event, FINAL) and self.attempts.get(event.step) == event.attempt:
            del self.attempts[event.step]
        self.tell(event)


def walk(data: st.DataObject) -> World:
    """Steps and limits are hypothesis's, for they shrink well; the order of events comes from a seed."""
    specs = data.draw(dags())
    jobs, fail_fast = data.draw(st.integers(1, 4)), data.draw(st.booleans())
    reused = closed_upwards(specs, data.draw(st.sets(st.sampled_from([s.name for s in specs]))) if specs else set())
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    cancels = chance.choice([0.0, 0.02, 0.2])
    world = World(begin(specs, jobs=jobs, capacity=CAPACITY, fail_fast=fail_fast), chance)
    world.tell(
        RunStarted(
            steps=tuple(specs), jobs=jobs, capacity=tuple(CAPACITY.items()), fail_fast=fail_fast, reused=len(reused)
        )
    )
    for step in sorted(reused):
        world.tell(StepReused(step))
    while ends := world.ends():
        asides = world.asides()
        if chance.random() < cancels:
            world.happen(CancelRequested(force=chance.random() < 0.5))
        elif asides and chance.random() < 0.5:
            world.happen(chance.choice(asides))
        else:
            world.happen(chance.choice(ends))
    return world


def closed_upwards(specs: list[StepSpec], steps: set[str]) -> set[str]:
    """Only steps all of whose needs are in the set too: what is reused for certain needs nothing that runs."""
    needs = {spec.name: set(spec.needs) for spec in specs}
    while wrong := {step for step in steps if not needs[step] <= steps}:
        steps = steps - wrong
    return steps


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_walk_ends_and_tells_one_story(data: st.DataObject) -> None:
    world = walk(data)
    run, story = world.run, world.story

    assert run.finished
    assert not world.attempts
    assert [c for c in world.commands if isinstance(c, FinishRun)] == [FinishRun(run.status)]  # type: ignore[arg-type]

    # Told again, from memory and from the wire, it is the same run.
    assert fold(story) == run
    assert fold([from_json(json.loads(json.dumps(to_json(event, "r")))) for event in story]) == run

    # Every attempt is commanded once, in order, and every step ends in one way.
    for spec in run.shape.specs:
        attempts = [c.attempt for c in world.commands if isinstance(c, StartStep) and c.step == spec.name]
        assert attempts == list(range(1, run[spec.name].attempt + 1))
    asked = Counter((c.step, c.attempt) for c in world.commands if isinstance(c, StopStep) and not c.force)
    assert set(asked.values()) <= {1}
    skips = Counter(c.step for c in world.commands if isinstance(c, SkipStep))
    assert skips == Counter(s.name for s in run.shape.specs if run[s.name].state == "skipped")

    # The status follows from the steps and from whether somebody asked.
    states = {progress.state for progress in run.steps}
    if states <= {"succeeded", "reused"}:
        assert run.status == "succeeded"
    elif world.asked or not states & {"failed", "crashed"}:
        assert run.status == "cancelled"
    else:
        assert run.status == "failed"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_moment_of_a_walk_can_be_seen(data: st.DataObject) -> None:
    story = walk(data).story
    notes = Notes()
    for end in range(1, len(story) + 1):
        notes = noted(notes, story[end - 1 : end])
        seen = view("r", fold(story[:end]), notes)
        assert json.loads(json.dumps(seen)) == seen
        assert sum(seen["counts"].values()) == len(seen["steps"])
        for step in seen["steps"]:
            assert step["reason"] or step["state"] not in ("failed", "retrying", "skipped", "cancelled", "stopping")
    run = fold(story)
    assert noted(Notes(), story) == notes
    assert {step: outcome.status for step, outcome in outcomes(run, notes).items()} == {
        spec.name: run[spec.name].state for spec in run.shape.specs
    }
