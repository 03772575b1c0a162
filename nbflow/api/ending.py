"""What a run came to: every step with its state, what went wrong in its own words, and where to look.

Values, made from what was told while the run went on, in this process or in another one. Read ``words`` next for how it
is put into words, and ``runs`` for what a run has besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbflow.attempt.making import REPLACED
from nbflow.core.events import Event, RunStarted, StepCrashed, StepFailed
from nbflow.core.model import Finding
from nbflow.core.timing import NO_HISTORY, WORTH, History, remark, timing
from nbflow.core.view import RunView
from nbflow.ops.folders import REPORT
from nbflow.render import text
from nbflow.render.history import remark as remark_in_words


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in a step."""

    error: str
    """One line: ``ValueError: bad``."""
    traceback: str
    """The step's own, as IPython coloured it; empty where there is none."""
    cell: int | None
    """Where it failed, counted from 1 over all cells of the notebook."""
    crashed: bool
    """Whether the kernel was lost, rather than the step's code having failed."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """How one step came out."""

    name: str
    id: str
    """Full name: ``path/stem.name``."""
    state: str
    """``succeeded``, ``reused``, ``failed``, ``crashed``, ``skipped`` or ``cancelled``."""
    seconds: float | None
    """What the newest attempt took; ``None`` where there was none."""
    reason: str
    """Why it is in this state."""
    attempts: int
    warnings: tuple[str, ...]
    failure: Failure | None
    """What went wrong, where it failed or crashed."""
    executed: Path | None
    """The notebook of this step alone, with what its cells showed; ``None`` where it did not run."""


@dataclass(frozen=True, eq=False)
class Ending:
    """A run that has ended."""

    view: RunView
    folder: Path
    seconds: float
    """From its beginning to its end."""
    steps: Mapping[str, StepRun]
    """By name, in an order in which they can run."""
    notebooks: Mapping[str, Path]
    """The executed copy of each notebook, by the notebook's path from the project root."""
    findings: tuple[Finding, ...]
    """Warnings and hints of the check."""
    resume: str
    """What to type to go on."""
    report: Path | None = None
    """Its page; ``None`` where there is none, as all was fresh."""
    kept: Path | None = None
    """Folder with what lay where outputs belong and was not made by their steps; ``None`` where nothing did."""
    remark: str = ""
    """The one thing worth knowing about its time, where there is one."""

    @property
    def failed(self) -> tuple[StepRun, ...]:
        """The steps that failed or crashed."""
        return tuple(s for s in self.steps.values() if s.failure is not None)


def ending(
    seen: RunView,
    folder: Path,
    events: Sequence[Event],
    notebooks: Iterable[str],
    resume: str,
    findings: Iterable[Finding] = (),
    history: History = NO_HISTORY,
) -> Ending:
    """What these events told. ``seen``: the run at its end; ``folder``: its own; ``notebooks``: their paths from the
    project root; ``resume``: what to type to go on; ``history``: how long steps took in earlier runs."""
    failures = {e.step: _failure(e) for e in events if isinstance(e, StepFailed | StepCrashed)}
    steps = {}
    for step in seen["steps"]:
        executed = folder / "steps" / f"{step['name']}.ipynb"
        failure = failures.get(step["id"]) if step["state"] in text.BAD else None
        steps[step["name"]] = StepRun(
            step["name"], step["id"], step["state"], step["seconds"], step["reason"], len(step["attempts"]),
            tuple(step["warnings"]), failure, executed if executed.exists() else None,
        )  # fmt: skip
    return Ending(
        seen,
        folder,
        round(events[-1].at - events[0].at, 3) if events else 0.0,
        steps,
        {path: folder / path for path in notebooks if (folder / path).is_file()},
        tuple(findings),
        resume,
        folder / REPORT if (folder / REPORT).is_file() else None,
        _kept(folder / REPLACED),
        _remark(events, history) if seen["status"] == "succeeded" else "",
    )


def _kept(folder: Path) -> Path | None:
    return folder if any(p.is_symlink() or not p.is_dir() for p in folder.rglob("*")) else None


def _remark(events: Sequence[Event], history: History) -> str:
    if not events or not isinstance(events[0], RunStarted) or events[-1].at - events[0].at < WORTH:
        return ""
    return remark_in_words(remark(timing(events, history)), {spec.name: spec.label for spec in events[0].steps})


def _failure(event: StepFailed | StepCrashed) -> Failure:
    if isinstance(event, StepCrashed):
        return Failure(event.message, "", event.cell, True)
    return Failure(event.error, event.traceback, event.cell, False)
