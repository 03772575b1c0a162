"""What a pipeline answers when it is asked: a plan, where every step stands, why, and what the check has found.

Frozen values with names that a person knows. Each prints as the command line would show it, has a short ``repr``, and
shows itself in a notebook. Nothing here reads or runs anything. Read ``runs`` next for how a run came out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, overload

from nbflow import ops
from nbflow.api.shown import Bundle, Shown, picture, table, words
from nbflow.api.words import last_failure
from nbflow.core import plan as planning
from nbflow.core.graph import Pipeline
from nbflow.core.model import Finding, Reason, Record
from nbflow.render import text
from nbflow.render.html import paragraph
from nbflow.render.words import count

LOOKS: Mapping[str, str] = {
    "run": "starting", "may run": "maybe stale", "reuse": "reused",
}  # fmt: skip
"""State of a step, or what a plan would do with it → the state it looks like in the picture."""


@dataclass(frozen=True, slots=True)
class Result:
    """A stored result of a step."""

    run: str
    """Id of the run that made it."""
    created: str
    """ISO 8601 in UTC."""
    seconds: float


def result_of(record: Record | None) -> Result | None:
    """What a person wants to know of a record."""
    return None if record is None else Result(record.run, record.created, record.seconds)


# --- a plan --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What a run would do with one step."""

    name: str
    id: str
    """Full name: ``path/stem.name``."""
    action: Literal["run", "reuse"]
    certain: bool
    """False below a step that will run: what it takes may come out the same, and then it is reused."""
    reasons: tuple[Reason, ...]
    """Each has a ``kind`` and a ``detail``."""

    @property
    def why(self) -> str:
        """The reasons as one line."""
        return text.why(self.reasons)


@dataclass(frozen=True, eq=False)
class Plan(Shown):
    """What a run would do, step by step. Prints as a table; a notebook shows the picture and the table."""

    steps: Mapping[str, PlannedStep]
    """By name, in an order in which they can run."""
    _pipeline: Pipeline = field(repr=False)
    _plan: planning.Plan = field(repr=False)

    @classmethod
    def of(cls, pipeline: Pipeline, made: planning.Plan) -> Plan:
        names = {s: pipeline.steps[s].name for s in made.steps}
        return cls(
            {names[s]: PlannedStep(names[s], s, p.action, p.certain, p.reasons) for s, p in made.steps.items()},
            pipeline,
            made,
        )

    @property
    def stale(self) -> tuple[str, ...]:
        """Names of the steps that are certain to run."""
        return tuple(s.name for s in self.steps.values() if s.action == "run" and s.certain)

    def __repr__(self) -> str:
        return f"<Plan: {text.plan_summary(self._plan).rstrip('.')}>"

    def __str__(self) -> str:
        if not self.steps:
            return "Nothing is selected."
        return f"{text.plan_table(self._pipeline, self._plan, colour=False)}\n\n{text.plan_summary(self._plan)}"

    def bundles(self) -> tuple[Bundle, ...]:
        if not self.steps:
            return (words(str(self)),)
        states = {s.id: LOOKS[_action(s)] for s in self.steps.values()}
        notes = {s.id: _note(s) for s in self.steps.values()}
        rows = text.plan_rows(self._pipeline, self._plan)
        below = paragraph(text.plan_summary(self._plan))
        return picture(self._pipeline, states, notes), table(str(self), text.PLAN_HEADER, rows, below)


def _action(step: PlannedStep) -> str:
    return step.action if step.certain else "may run"


def _note(step: PlannedStep) -> str:
    action = _action(step)
    return f"run · {step.why}" if action == "run" else action


# --- where every step stands ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LastFailure:
    """How a step's last attempt ended, where it came to nothing and no result is newer."""

    status: str
    """``failed`` or ``crashed``."""
    run: str
    """Id of that run."""
    time: str
    """ISO 8601 in UTC."""
    error: str
    """One line."""
    cell: int | None
    executed: Path | None
    """The executed notebook of that attempt, while it is there."""


@dataclass(frozen=True, slots=True)
class StepState:
    """Where one step stands between runs."""

    name: str
    id: str
    state: str
    """``fresh``, ``stale``, ``maybe stale`` (something above will run), ``no result`` or ``invalid`` (the check finds
    an error that touches it)."""
    reasons: tuple[Reason, ...]
    last: Result | None
    """Its newest stored result."""
    failure: LastFailure | None
    """Why it has none, or no newer one."""


@dataclass(frozen=True, eq=False)
class Status(Shown):
    """Where every step stands. Prints as a table; a notebook shows the picture and the table."""

    steps: Mapping[str, StepState]
    """By name, in an order in which they can run."""
    _pipeline: Pipeline = field(repr=False)
    _rows: tuple[ops.StepStatus, ...] = field(repr=False)

    @classmethod
    def of(cls, pipeline: Pipeline, rows: Sequence[ops.StepStatus]) -> Status:
        return cls({r.step.name: _state_of(r) for r in rows}, pipeline, tuple(rows))

    def __repr__(self) -> str:
        states = [s.state for s in self.steps.values()]
        return f"<Status: {', '.join(f'{states.count(s)} {s}' for s in dict.fromkeys(states))}>"

    def __str__(self) -> str:
        return "\n\n".join([text.status_table(self._lines(), colour=False), *self._below()])

    def bundles(self) -> tuple[Bundle, ...]:
        below = [paragraph(line.strip()) for said in self._below() for line in said.splitlines()]
        states = {s.id: LOOKS.get(s.state, s.state) for s in self.steps.values()}
        notes = {s.id: s.state for s in self.steps.values()}
        rows = text.status_rows(self._lines())
        return (
            picture(self._pipeline, states, notes),
            table(str(self), text.STATUS_HEADER, rows, *below, right=(text.STATUS_HEADER.index("time"),)),
        )

    def _below(self) -> list[str]:
        """What is said below the table, in blocks."""
        said = [last_failure(r.step.name, r.failure, r.executed) for r in self._rows if r.failure is not None]
        if any(r.state == "invalid" for r in self._rows):
            said.append("The check says what is wrong with those that are invalid.")
        return said

    def _lines(self) -> Iterator[tuple[str, str, str, Record | None]]:
        return text.status_lines((r.step.name, r.state, r.reasons, r.last) for r in self._rows)


def _state_of(row: ops.StepStatus) -> StepState:
    was = row.failure
    failure = None if was is None else LastFailure(was.status, was.run, was.time, was.error, was.cell, row.executed)
    return StepState(row.step.name, row.step.id, row.state, row.reasons, result_of(row.last), failure)


# --- one step ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Why(Shown):
    """Why one step would run or be reused, reason by reason. Prints as lines."""

    name: str
    id: str
    action: str
    """``run`` or ``reuse``."""
    certain: bool
    reasons: tuple[Reason, ...]
    last: Result | None
    """Its newest stored result."""
    _found: ops.Explanation = field(repr=False)

    @classmethod
    def of(cls, found: ops.Explanation) -> Why:
        step = found.step
        return cls(step.name, step.id, found.action, found.certain, found.reasons, result_of(found.last), found)

    def __repr__(self) -> str:
        return f"<Why {self.name}: {self.action}: {text.why(self.reasons)}>"

    def __str__(self) -> str:
        found = self._found
        return text.explanation(found.step, found.action, found.certain, found.reasons, found.last)

    def bundles(self) -> tuple[Bundle, ...]:
        return (words(str(self)),)


# --- the check -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Findings(Sequence[Finding], Shown):
    """What the check has to say, errors among it. Prints with places and fixes."""

    found: tuple[Finding, ...]
    checked: int
    """How many steps were looked at."""
    _first_lines: Mapping[tuple[str, int], str] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether a run could begin: there is no error."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Those that keep a run from beginning."""
        return tuple(f for f in self.found if f.severity == "error")

    def __len__(self) -> int:
        return len(self.found)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return self.found[index]

    def __repr__(self) -> str:
        return f"<Findings: {text.findings_summary(self.found)}>"

    def __str__(self) -> str:
        said = text.findings(self.found, self._first_lines)
        end = f"{count(self.checked, 'step')} checked: {text.findings_summary(self.found)}."
        return f"{said}\n\n{end}" if said else end

    def bundles(self) -> tuple[Bundle, ...]:
        return (words(str(self)),)
