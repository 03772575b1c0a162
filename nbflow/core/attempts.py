"""The attempts of one step, as its facts tell of them: when each began and ended, how, and what it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nbflow.core.events import Measured, StepCancelled, StepFact, StepStarted, Usage


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """One attempt of a step."""

    number: int
    started: float | None
    """Seconds since the epoch, as ``ended``; ``None`` where nobody was told."""
    ended: float | None = None
    ending: str = ""
    """``succeeded``, ``failed``, ``crashed`` or ``cancelled``; ``""`` for one that goes on or was cut short."""
    error: str = ""
    traceback: str = ""
    cell: int | None = None
    usage: Usage = field(default_factory=Usage)
    environment: tuple[tuple[str, str], ...] = ()


def past_attempts(facts: Iterable[StepFact]) -> tuple[PastAttempt, ...]:
    """The attempts that the facts about one step tell of, in their order."""
    found: dict[int, PastAttempt] = {}
    for fact in facts:
        known = found.get(fact.attempt, PastAttempt(fact.attempt, None))
        if isinstance(fact, StepStarted) and known.started is None and not known.ending:
            found[fact.attempt] = PastAttempt(fact.attempt, fact.at)
        elif isinstance(fact, Measured) or (isinstance(fact, StepCancelled) and fact.attempt):
            found[fact.attempt] = ended_attempt(known, fact)
    return tuple(found[number] for number in sorted(found))


def ended_attempt(known: PastAttempt, fact: StepFact) -> PastAttempt:
    """The attempt, now that this fact has ended it."""
    return PastAttempt(
        number=known.number,
        started=known.started,
        ended=fact.at,
        ending=type(fact).__name__.removeprefix("Step").lower(),
        error=str(getattr(fact, "error", "") or getattr(fact, "message", "")),
        traceback=getattr(fact, "traceback", ""),
        cell=getattr(fact, "cell", None),
        usage=fact.usage if isinstance(fact, Measured) else Usage(),
        environment=fact.environment if isinstance(fact, Measured) else (),
    )
