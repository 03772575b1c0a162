"""Two runs side by side: parameters, which steps came to another result and why, numbers, and times.

Pure: it is given what the journal and the store tell of each. The reasons are those of ``fingerprint.compare``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from nbflow.core.fingerprint import compare
from nbflow.core.model import Artifact, Reason, Record

Number = int | float | str

Verdict = Literal["same", "changed", "equal", "added", "removed", "unknown"]
"""``same``: the very same result; ``equal``: made anew with equal outputs; ``added``, ``removed``: a step of one run
alone; ``unknown``: one of them has no result to compare."""


class StepSide(NamedTuple):
    """A step in one of the runs."""

    name: str
    """What a person calls it."""
    state: str
    seconds: float | None
    """That its last attempt took; ``None`` where it made none."""
    record: Record | None
    """The result that counted in the run, as far as it is still stored."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the runs."""

    run: str
    status: str
    seconds: float
    parameters: Mapping[str, Any]
    steps: Mapping[str, StepSide]
    """By full name, in notebook order."""


class Changed(NamedTuple):
    """Something that is different; ``None`` on the side where it is not there."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class StepComparison:
    """One step in both."""

    step: str
    """Full name."""
    name: str
    verdict: Verdict
    states: tuple[str, str]
    """``""`` on the side where the step is not there."""
    seconds: tuple[float | None, float | None]
    reasons: tuple[Reason, ...] = ()
    """Why it was made anew."""
    outputs: tuple[str, ...] = ()
    """Those that are different."""
    numbers: tuple[Changed, ...] = ()
    """Of outputs that are different, with those among them that are not: ``metrics.mae``."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, the older one first."""

    old: Side
    new: Side
    parameters: tuple[Changed, ...]
    steps: tuple[StepComparison, ...] = field(default=())

    @property
    def numbers(self) -> tuple[Changed, ...]:
        return tuple(number for step in self.steps for number in step.numbers)


def compare_runs(old: Side, new: Side) -> Comparison:
    """What is different."""
    names = [*new.steps, *(name for name in old.steps if name not in new.steps)]
    steps = tuple(_step(name, old.steps.get(name), new.steps.get(name)) for name in names)
    return Comparison(old, new, tuple(_changed(old.parameters, new.parameters)), steps)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Changed]:
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if name not in old or name not in new or before != after or type(before) is not type(after):
            yield Changed(name, before, after)


def _step(step: str, old: StepSide | None, new: StepSide | None) -> StepComparison:
    there = new or old
    assert there is not None
    states = (old.state if old else "", new.state if new else "")
    seconds = (old.seconds if old else None, new.seconds if new else None)
    if old is None or new is None:
        return StepComparison(step, there.name, "added" if old is None else "removed", states, seconds)
    if old.record is None or new.record is None:
        return StepComparison(step, new.name, "unknown", states, seconds)
    if (old.record.key, old.record.id) == (new.record.key, new.record.id):
        return StepComparison(step, new.name, "same", states, seconds)
    before, after = _artifacts(old.record), _artifacts(new.record)
    outputs = tuple(n for n in dict.fromkeys((*after, *before)) if _differ(before.get(n), after.get(n)))
    return StepComparison(
        step, new.name, "changed" if outputs else "equal", states, seconds, _reasons(old.record, new.record), outputs,
        tuple(number for name in outputs for number in _numbers(name, before.get(name), after.get(name))),
    )  # fmt: skip


def _artifacts(record: Record) -> dict[str, Artifact]:
    return {artifact.name: artifact for artifact in record.artifacts}


def _differ(old: Artifact | None, new: Artifact | None) -> bool:
    return old is None or new is None or (old.digest, old.format) != (new.digest, new.format)


def _reasons(old: Record, new: Record) -> tuple[Reason, ...]:
    reasons = compare(old.parts, new.parts)
    for kind, before, after in (
        ("file", old.read_files, new.read_files),
        ("module", old.read_modules, new.read_modules),
    ):
        seen = [path for path in after if path in before and before[path] != after[path]]
        reasons += tuple(Reason(kind, f"{path} changed") for path in seen)
    return reasons or (Reason("forced", "made once more"),)


def _numbers(name: str, old: Artifact | None, new: Artifact | None) -> Iterator[Changed]:
    before, after = (dict(artifact.numbers) if artifact else {} for artifact in (old, new))
    for key in dict.fromkeys((*after, *before)):
        yield Changed(f"{name}.{key}" if key else name, before.get(key), after.get(key))


def delta(old: Number | None, new: Number | None) -> tuple[float, float | None] | None:
    """By how much a number grew, and which part of the old one that is (``None`` where that was 0). ``None`` where one
    of them is no number."""
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return None
    return new - old, ((new - old) / abs(old) if old else None)
