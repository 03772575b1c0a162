"""A pipeline in Python: what the command line does, as methods that return values.

A ``Pipeline`` names notebooks and holds nothing of them: every verb reads them anew, so it is never out of date. What a
verb means is decided in ``nbflow.ops``; nothing is printed. Read ``answers`` and ``runs`` for what comes back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from nbflow import ops
from nbflow.api.answers import Findings, Plan, Status, Why
from nbflow.api.runs import Run, ended
from nbflow.api.shown import Bundle, Shown, picture
from nbflow.core import plan as planning
from nbflow.core import run as running
from nbflow.core.events import Event
from nbflow.core.timing import History
from nbflow.core.told import Told
from nbflow.core.values import fault_of
from nbflow.driver import Canceller
from nbflow.errors import RunCancelled, RunFailed, UsageError
from nbflow.executors import Executor
from nbflow.interrupts import Interrupts
from nbflow.project import Project, Typed
from nbflow.render import dag, graphs

Words = str | Iterable[str]
"""Selectors, as on the command line: ``"train"``, ``"+train"``, ``["fit_*", "state:stale"]``."""

Values = Mapping[str, Any]
"""Parameters by name: texts, numbers, booleans, ``None``, and lists and dicts of these."""


class Observer(Protocol):
    """Watches a run from the inside: what a front end draws. Called in the thread that runs. ``history``: how long
    steps took in earlier runs."""

    def begin(self, run_id: str, plan: planning.Plan, history: History, /) -> None: ...
    def show(self, event: Event, run: running.Run, /) -> None: ...
    def idle(self) -> None: ...


def open(  # noqa: A001 (people write `nbflow.open`)
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Pipeline:
    """The pipeline of a notebook, of several, or of all notebooks in a folder that have steps.

    ``source``: without one, what the setting ``notebooks`` in ``pyproject.toml`` names, else this folder. ``environ``:
    the environment variables that its kernels start with; those of this process by default. Raises ``UsageError`` where
    there is no notebook with steps, ``NotebookError`` for a file that cannot be read as one.
    """
    if source is None:
        sources: tuple[Path, ...] = ()
    elif isinstance(source, str | os.PathLike):
        sources = (Path(source),)
    else:
        sources = tuple(Path(each) for each in source)
    made = Pipeline(tuple(s.absolute() for s in sources), Path.cwd(), os.environ if environ is None else environ)
    with made.opened():
        return made


@dataclass(frozen=True, eq=False)
class Pipeline(Shown):
    """The steps of some notebooks. Make it with ``nbflow.open``; a notebook shows it as a picture."""

    sources: tuple[Path, ...]
    """Notebooks and folders; none: what the settings say, else ``folder``."""
    folder: Path
    """Where it was opened."""
    environ: Mapping[str, str] = field(repr=False)
    """Environment variables that its kernels start with."""

    # --- what it is ----------------------------------------------------------------------------------

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps, in an order in which they can run."""
        with self.opened() as project:
            return tuple(s.name for s in project.pipeline.steps.values())

    def graph(self, form: Literal["text", "svg", "dot", "mermaid"] = "text") -> str:
        """The steps and what flows between them. Raises ``MissingLayoutEngine`` where no picture (``svg``) can be
        drawn."""
        forms = {"text": graphs.text, "svg": dag.svg, "dot": graphs.dot, "mermaid": graphs.mermaid}
        if form not in forms:
            raise UsageError(f"There is no form '{form}'.", f"Forms: {', '.join(forms)}.")
        with self.opened() as project:
            return forms[form](project.pipeline)

    # --- what can be asked ---------------------------------------------------------------------------

    def plan(
        self, select: Words = (), *, exclude: Words = (), parameters: Values | None = None, force: bool = False
    ) -> Plan:
        """What ``run`` would do, and why. Nothing is executed. Raises ``InvalidPipeline`` where the check finds errors,
        ``UsageError`` for a step or parameter that is not there."""
        with self.opened(parameters) as project:
            planner = project.planner(forced="forced" if force else "")
            return Plan.of(project.pipeline, ops.dry_run(project, planner, _words(select), _words(exclude)))

    def status(self, *, parameters: Values | None = None) -> Status:
        """Where every step stands: fresh, stale, without a result, or invalid where an error of the check touches it.
        Raises ``InvalidPipeline`` where that is so for all, ``UsageError`` for a parameter that is not there."""
        with self.opened(parameters) as project:
            return Status.of(project.pipeline, ops.status(project, project.planner()))

    def why(self, step: str, *, parameters: Values | None = None) -> Why:
        """Why a step would run or be reused. Raises ``InvalidPipeline`` where the check finds an error that touches it,
        ``UsageError`` for a step or parameter that is not there."""
        with self.opened(parameters) as project:
            return Why.of(ops.explain(project, project.planner(), step))

    def check(self) -> Findings:
        """Everything that is wrong or doubtful, found by reading alone. Raises nothing for what it finds."""
        with self.opened() as project:
            found = project.findings()
            return Findings(found, len(project.pipeline.steps), project.first_lines(found))

    # --- what it does --------------------------------------------------------------------------------

    def run(
        self,
        select: Words = (),
        *,
        exclude: Words = (),
        parameters: Values | None = None,
        jobs: int | None = None,
        force: bool = False,
        fail_fast: bool | None = None,
        check: bool = False,
        observer: Observer | None = None,
        cancel: Canceller | None = None,
        executor: Executor | None = None,
        resume: str = "",
    ) -> Run:
        """Run what is stale among the selected steps, each in a clean kernel of its own, and reuse the rest.

        It blocks until all is done. A step that fails raises nothing: the ``Run`` tells. ``jobs``: steps at a time
        (default: the setting, else the number of cores). ``force``: run the selected steps, fresh or not.
        ``fail_fast``: after the first failure start nothing new. ``check``: raise ``RunFailed`` if a step fails.
        ``observer``: what is told while it goes on. ``cancel``: a way to stop it from another thread. ``executor``:
        what runs the steps, in place of the one in the settings. ``resume``: what the ``Run`` calls the way to go on.

        Raises ``InvalidPipeline`` or ``UsageError`` before anything has run. Ctrl-C in the main thread interrupts the
        steps (a second one kills them); when all of them are gone it raises ``RunCancelled``, a ``KeyboardInterrupt``.
        """
        forced: Literal["", "forced"] = "forced" if force else ""
        told = Told()
        history: dict[str, Sequence[float]] = {}
        with (
            self.opened(parameters, jobs=jobs, fail_fast=fail_fast) as project,
            Interrupts(cancel or Canceller()) as interrupts,
        ):

            def begin(run_id: str, plan: planning.Plan, _folder: Path) -> None:
                interrupts.begun = True
                if plan.stale:  # else nothing takes time
                    history.update(ops.durations(project.root, before=run_id))
                if observer is not None:
                    observer.begin(run_id, plan, history)

            def show(event: Event, run: running.Run) -> None:
                told.add(event)
                if observer is not None:
                    observer.show(event, run)

            resume = resume or self._again(select, exclude, parameters)
            finished = ops.run(
                project, terms=_words(select), exclude=_words(exclude), forced=forced, command=resume, on_start=begin,
                on_event=show, on_idle=observer.idle if observer is not None else lambda: None,
                cancel=interrupts.cancel, executor=executor,
            )  # fmt: skip
            run = ended(project, finished, [*told], resume, history)
        if interrupts.heard:
            raise RunCancelled(run)
        if check and not run.ok:
            raise RunFailed(run)
        return run

    # --- inside --------------------------------------------------------------------------------------

    @contextmanager
    def opened(self, parameters: Values | None = None, **flags: Any) -> Iterator[Project]:
        """The project as it is now, for one verb."""
        given = _checked(parameters or {})
        with ops.open_project(
            self.sources, environ=self.environ, cwd=self.folder, parameters=given, **flags
        ) as project:
            yield project

    def bundles(self) -> tuple[Bundle, ...]:
        with self.opened() as project:
            return (picture(project.pipeline),)

    def __repr__(self) -> str:
        return f"<Pipeline {self._named() or self.folder}>"

    def __str__(self) -> str:
        return self.graph()

    def _named(self) -> str:
        return ", ".join(
            os.path.relpath(s, self.folder) if s.is_relative_to(self.folder) else str(s) for s in self.sources
        )

    def _again(self, select: Words, exclude: Words, parameters: Values | None) -> str:
        """This run as an expression: without what makes it run anew."""
        names = [os.fspath(s) for s in self.sources]
        sources = repr(names[0] if len(names) == 1 else names) if names else ""
        given = {"select": _words(select), "exclude": _words(exclude), "parameters": dict(parameters or {})}
        options = ", ".join(f"{name}={value!r}" for name, value in given.items() if value)
        return f"nbflow.open({sources}).run({options})"


def _words(given: Words) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _checked(parameters: Values) -> Values:
    """Raises ``UsageError`` for a value that a notebook parameter cannot have."""
    for name, value in parameters.items():
        fault = fault_of(value.value if isinstance(value, Typed) else value)
        if fault:
            raise UsageError(
                f"The parameter '{name}' {fault}.", "Parameters are texts, numbers, True, False, None, lists and dicts."
            )
    return parameters
