"""What happens in a run, and what should happen next, as plain values.

Events are facts in the past tense: something outside the core saw them happen, and each says when (``at``). Commands
are imperative: ``run.advance`` returns them, and the driver performs them. Nothing here decides anything. Read ``run``
next; their form in JSON is in ``event_json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Ending = Literal["succeeded", "reused", "failed", "crashed", "skipped", "cancelled"]
"""How a step may end."""

RunStatus = Literal["succeeded", "failed", "cancelled"]
"""How a run may end."""


# --- what the events speak of --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepSpec:
    """What the run must know of a step. Names are full names; ``needs`` holds only steps of the same run."""

    name: str
    needs: tuple[str, ...] = ()
    retries: int = 0
    """How often it is tried again after it failed."""
    retry_delay: float = 1.0
    """Seconds; at most so long before the first retry, and twice as long before each next one."""
    crash_retries: int = 0
    """How often it is tried again after its kernel was lost."""
    resources: tuple[tuple[str, float], ...] = ()
    """``(name, amount)``; memory in bytes."""
    short: str = ""
    """What a person calls it; ``""`` means its full name."""
    reason: str = ""
    """Why the plan runs it, as a plain clause; it decides nothing here."""
    notebook: str = ""
    """Path from the project root; it decides nothing here, nor do the cells."""
    cells: tuple[int, ...] = ()
    """Their numbers, from 1."""

    @property
    def label(self) -> str:
        return self.short or self.name


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a step is skipped: the step at the root of it, how that one ended, and by which rule."""

    step: str
    ending: Ending
    fail_fast: bool = False
    """True where the skipped step does not need the other one, and ``--fail-fast`` stopped the run."""

    def sentence(self, label: str) -> str:
        """Say it in words. ``label`` is what a person calls the step at the root."""
        verb = self.ending if self.ending in ("failed", "crashed") else f"was {self.ending}"
        if self.fail_fast:
            return f"{label} {verb}, and the run stops at the first failure"
        return f"needs {label}, which {verb}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step came out of the run."""

    status: Ending
    seconds: float = 0.0
    """Of its last attempt; 0 where nothing ran."""
    attempts: int = 0
    """How many attempts were made; 0 for reused and skipped steps."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one attempt took. The seconds add up to the time from when the step was ready to when the attempt was over;
    all is 0 where nothing was measured."""

    waiting: float = 0.0
    """Seconds from when its needs were done (or its retry was due) until it got a place."""
    kernel: float = 0.0
    """Seconds around its cells: until a kernel was there and connected, and until it was gone."""
    loading: float = 0.0
    """Seconds in which its inputs were loaded."""
    code: float = 0.0
    """Seconds in which the notebook's own code ran, the context cells of the slice included."""
    saving: float = 0.0
    """Seconds in which its outputs were written, hashed and committed."""
    memory: int = 0
    """Bytes: the most that its processes were seen to hold at once."""
    cpu: float = 0.0
    """Seconds of CPU time that its processes were seen to use, over all cores."""

    @property
    def held(self) -> float:
        """Seconds in which it took one of the run's places: what a person means by how long it took."""
        return round(self.kernel + self.loading + self.code + self.saving, 3)


# --- facts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """``at``: seconds since the epoch, UTC. 0 leaves it to the driver to say when."""

    at: float = 0.0


@dataclass(frozen=True, slots=True)
class StepFact(Fact):
    """``step`` is a full name. ``attempt`` counts from 1; 0 means that no attempt was made."""

    step: str
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Fact):
    """The run began. It carries all that ``run.fold`` needs to tell the run's story again."""

    steps: tuple[StepSpec, ...]
    jobs: int
    capacity: tuple[tuple[str, float], ...] = ()
    fail_fast: bool = False
    reused: int = 0
    """How many StepReused facts follow at once; nothing starts before they are in."""
    folder: str = ""
    command: str = ""
    """What a person would type to run the same again."""
    parameters: tuple[tuple[str, Any], ...] = ()
    """What the parameters of its notebooks are, given or not: name → value that JSON has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReused(StepFact):
    """A stored result stands for the step. ``attempt`` is 0 where that was certain from the start."""

    reason: str = ""
    key: str = ""
    record: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(StepFact):
    """The step's own code is about to run."""

    reason: str = ""
    """Why, now that its inputs are known: the plan may have known less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgressed(StepFact):
    """``done`` of ``total`` cells of the step have run, and ``text`` was printed last; without a ``total``, ``text``
    says what the attempt waits for before it begins."""

    done: int = 0
    total: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(StepFact):
    """The end of an attempt that was measured."""

    usage: Usage = field(default=Usage(), repr=False)
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """``("Python", "3.11")`` of the kernel, then the packages that the step imports and their versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSucceeded(Measured):
    """The result is committed to the store."""

    key: str = ""
    record: str = ""
    seconds: float = 0.0
    """In which it took one of the run's places."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed(Measured):
    """The user's code failed, broke a contract or took too long."""

    error: str = ""
    """One line: ``ValueError: bad``."""
    traceback: str = ""
    cell: int | None = None
    """Number of the cell of the source notebook that failed, from 1; None where it was none of those."""
    timed_out: bool = False
    jitter: float = 0.0
    """In [0, 1): how much of the longest delay passes before a retry. The driver draws it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCrashed(Measured):
    """The kernel or nbflow's own work around it was lost: not the fault of the user's code."""

    message: str = ""
    traceback: str = ""
    cell: int | None = None
    """Number of the cell of the source notebook that ran, from 1; None where it was none of those."""
    jitter: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped(StepFact):
    """The step will not run."""

    because: Cause


@dataclass(frozen=True, slots=True)
class StepCancelled(StepFact):
    """The step was stopped, or (attempt 0) never begun, because the run was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Fact):
    """The last fact of a run. ``steps`` is by full name."""

    status: RunStatus
    folder: str = ""
    steps: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested(Fact):
    """Somebody wants the run to stop; with ``force``, at once."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class RetryDue(StepFact):
    """The delay after ``attempt`` has passed."""


StepEvent = (
    StepReused | StepStarted | StepProgressed | StepSucceeded | StepFailed | StepCrashed | StepSkipped | StepCancelled
    | RetryDue
)  # fmt: skip
Event = RunStarted | RunFinished | CancelRequested | StepEvent

EVENTS: Mapping[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        RunStarted, StepReused, StepStarted, StepProgressed, StepSucceeded, StepFailed, StepCrashed, StepSkipped,
        StepCancelled, RunFinished, CancelRequested, RetryDue,
    )
}  # fmt: skip

INTERNAL = (CancelRequested, RetryDue)
"""Journaled, so that a run can be told again, but not among the events that ``nbflow run --json`` promises."""


# --- commands ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartStep:
    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class StopStep:
    """Interrupt the attempt; with ``force``, kill it."""

    step: str
    attempt: int
    force: bool


@dataclass(frozen=True, slots=True)
class WaitRetry:
    """Say RetryDue in so many seconds."""

    step: str
    attempt: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SkipStep:
    """Tell the journal that the step is skipped; the run knows it already."""

    step: str
    because: Cause


@dataclass(frozen=True, slots=True)
class CancelStep:
    """Tell the journal that the step, which was not running, is cancelled; the run knows it already."""

    step: str


@dataclass(frozen=True, slots=True)
class FinishRun:
    status: RunStatus


Command = StartStep | StopStep | WaitRetry | SkipStep | CancelStep | FinishRun
