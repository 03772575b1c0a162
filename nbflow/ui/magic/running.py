"""``%flow run --wait``: the run is a process of its own, and the cell watches its journal until it is over.

So whatever becomes of the cell, of the kernel and of the server, the run goes on. Only a person at the cell stops it,
with an interrupt: ``Stopping`` tells that from the interrupt with which a front end begins to end a kernel. What is
wrong with the pipeline is found before anything is started. Read ``ops.launching`` and ``ops.following`` next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nbflow import ops
from nbflow.api import Pipeline, Run
from nbflow.api.runs import ended_elsewhere
from nbflow.core import run as state
from nbflow.core.events import CancelRequested, Event
from nbflow.core.model import Finding
from nbflow.core.plan import Plan
from nbflow.driver import Canceller
from nbflow.interrupts import PATIENCE, Interrupts
from nbflow.journal import Journal
from nbflow.ops import following
from nbflow.ops.commands import Typed, sources_from
from nbflow.ops.launching import PROGRAM, Launched
from nbflow.ops.starting import looked_at, started
from nbflow.project import Project
from nbflow.ui.magic.live import Watcher, watcher
from nbflow.ui.magic.session import Interrupted, Session

DOUBT = 1.0
"""Seconds in which a front end that ends a kernel tells it so, or kills it, after having interrupted it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands behind ``%flow run``."""

    typed: Typed
    """Without sources: those are the pipeline's."""
    parameters: Mapping[str, Any]
    """What ``typed`` sets, as values."""
    force: bool = False
    fail_fast: bool = False

    def words(self, sources: Sequence[str]) -> list[str]:
        """The words for a command line in another folder."""
        files = [path.absolute() for path in self.typed.files]
        typed = Typed(
            [Path(source) for source in sources], self.typed.pairs, self.typed.yaml_texts, files, self.typed.select,
            self.typed.exclude, self.typed.jobs,
        )  # fmt: skip
        anew = (("--force", self.force), ("--fail-fast", self.fail_fast))
        return [*typed.words, *(word for word, is_on in anew if is_on)]


def run(session: Session, pipeline: Pipeline, asked: Asked, resume: str) -> Run:
    """Start it, and watch it to its end. ``resume``: the line that goes on.

    Raises ``InvalidPipeline`` and ``UsageError`` before anything has run, ``Interrupted`` where the cell ends before
    the run does."""
    with _opened(pipeline, asked) as project:
        findings, plan = _checked(project, asked)
    cancel = Canceller()
    watching = watcher(session.shell, cancel)
    made: Run | None = None
    try:
        with Interrupts(cancel) as interrupts:
            begun = _launch(session, asked.words(sources_from(pipeline.sources, project.root)), project.root)
            interrupts.begun = True
            with following.journal_of(project.root) as journal:
                watching.begin(begun.run, plan, journal.durations(before=begun.run))
                watch(journal, begun, watching, Stopping(cancel, begun, *_manners(session)))
        made = ended_elsewhere(project, ops.story(project.settings, begun.run), findings, resume)
    finally:
        watching.end(made)
    return made


def start(session: Session, pipeline: Pipeline, asked: Asked, retried: str = "") -> Launched:
    """Start it, and watch nothing. ``retried``: the run whose failures are to be made, in place of what was asked for.
    Raises as ``run`` does."""
    with _opened(pipeline, asked) as project:
        if not retried:
            _checked(project, asked)
        words = ["retry", retried] if retried else asked.words(sources_from(pipeline.sources, project.root))
        return _launch(session, words, project.root)


def _opened(pipeline: Pipeline, asked: Asked) -> AbstractContextManager[Project]:
    return pipeline.opened(asked.parameters, jobs=asked.typed.jobs, fail_fast=asked.fail_fast or None)


def _checked(project: Project, asked: Asked) -> tuple[tuple[Finding, ...], Plan]:
    """What the check has to say, and what the run would do: errors are met before a process is started."""
    return looked_at(project, asked.typed.select, asked.typed.exclude, force=asked.force)


def _launch(session: Session, words: list[str], root: Path) -> Launched:
    return started(words, root, session.environ, session.program or PROGRAM)


# --- watching ------------------------------------------------------------------------------------------


class Begun(Protocol):
    """A run of another process: ``Launched``."""

    @property
    def run(self) -> str: ...
    @property
    def alive(self) -> bool: ...
    def interrupt(self) -> None: ...


def watch(
    journal: Journal,
    begun: Begun,
    watching: Watcher,
    stopping: Stopping,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Show the run until it is over. Raises ``Interrupted`` where the cell ends before that."""

    def wait(seconds: float) -> None:
        watching.idle()
        stopping.look()
        pause(seconds)

    run: state.Run | None = None
    try:
        for batch in following.follow(journal, begun.run, wait, lambda: begun.alive):
            for event in batch:
                run = state.retold(run, event)
                watching.show(event, run)
                stopping.heard(event)
    except KeyboardInterrupt:
        raise Interrupted(
            f"the cell ended before run {begun.run} did. To watch the run: nbflow attach {begun.run}"
        ) from None


class Stopping:
    """Asks a run to stop when a person interrupts the kernel, and leaves it alone when the kernel is ended.

    Who restarts a kernel, or shuts it down, interrupts it first, then tells or kills it. So one interrupt counts once
    the kernel has lived on for a moment; a second one leaves no doubt. ``ending``: whether the kernel was told to end.
    """

    def __init__(
        self,
        cancel: Canceller,
        run: Begun,
        ending: Callable[[], bool] = lambda: False,
        doubt: float = DOUBT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cancel = cancel
        self._run = run
        self._ending = ending
        self._doubt = doubt
        self._now = now
        self._since: float | None = None
        self._sent = 0
        self._heard = 0

    def heard(self, event: Event) -> None:
        """What the run says of itself."""
        self._heard += isinstance(event, CancelRequested)

    def look(self) -> None:
        """Ask, if it is time. Raises ``KeyboardInterrupt`` where the kernel is ending."""
        if self._ending():
            raise KeyboardInterrupt
        wanted = min(self._cancel.requests, PATIENCE)
        if wanted and self._since is None:
            self._since = self._now()
        if self._sent == wanted or self._sent > self._heard:  # two signals at once would count as one
            return
        if wanted > 1 or self._now() - (self._since or 0.0) >= self._doubt:
            self._run.interrupt()
            self._sent += 1


def _manners(session: Session) -> tuple[Callable[[], bool], float]:
    """How this front end ends what runs in it. A terminal interrupts for a person alone."""
    shell = session.shell
    return (lambda: bool(shell.exit_now), DOUBT) if hasattr(shell, "kernel") else (lambda: False, 0.0)
