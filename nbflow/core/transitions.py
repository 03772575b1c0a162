"""The states of a step and the table of what may change them. Data only: ``run`` walks it, the docs draw it.

A row's trigger is the name of a fact that came in (past tense) or of a decision that ``run.advance`` made (imperative).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

State = Literal[
    "waiting", "starting", "running", "stopping", "retrying",
    "succeeded", "reused", "failed", "crashed", "skipped", "cancelled",
]  # fmt: skip

ACTIVE: frozenset[State] = frozenset({"starting", "running", "stopping"})
"""An attempt is under way; ``starting`` means commanded, and no fact of it yet."""
IDLE: frozenset[State] = frozenset({"waiting", "retrying"})
"""No attempt is under way, and one may come; ``retrying`` waits for RetryDue."""
DONE: frozenset[State] = frozenset({"succeeded", "reused"})
"""Its outputs are in the store."""
LOST: frozenset[State] = frozenset({"failed", "crashed", "skipped", "cancelled"})
"""It ended without."""


def _rows(states: str, **targets: State) -> dict[tuple[State, str], State]:
    names: list[Any] = states.split()
    return {(state, trigger): target for state in names for trigger, target in targets.items()}


def _stay(states: str, *triggers: str) -> dict[tuple[State, str], State]:
    names: list[Any] = states.split()
    return {(state, trigger): state for state in names for trigger in triggers}


TRANSITIONS: Mapping[tuple[State, str], State] = {
    # What may happen, by the name of the fact or of the decision.
    **_rows("waiting", StartStep="starting", StepReused="reused", SkipStep="skipped", CancelStep="cancelled"),
    **_rows("starting", StepStarted="running"),
    **_rows("starting running", StopStep="stopping", WaitRetry="retrying"),
    **_rows("starting running stopping", StepSucceeded="succeeded", StepReused="reused", StepFailed="failed"),
    **_rows("starting running stopping", StepCrashed="crashed", StepCancelled="cancelled"),
    **_rows("retrying", RetryDue="waiting", SkipStep="skipped", CancelStep="cancelled"),
    # A second request stops harder. A step that is being stopped may still report its start.
    **_stay("stopping", "StopStep", "StepStarted"),
    # The journal's copy of what was decided here, and a timer that rings after the run gave up waiting for it.
    **_stay("skipped", "StepSkipped", "RetryDue"),
    **_stay("cancelled", "StepCancelled", "RetryDue"),
    # Reports from inside an attempt may come twice, or after its end: another thread sent them.
    **_stay("waiting running retrying succeeded reused failed crashed skipped cancelled", "StepStarted"),
    **_stay("waiting retrying succeeded reused failed crashed skipped cancelled", "StepProgressed"),
    **_stay("starting running stopping", "StepProgressed"),
}  # fmt: skip
"""``(state, fact or decision) → state``. What is not here cannot happen."""
