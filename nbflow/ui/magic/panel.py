"""What stands below ``%flow`` and ``%flow run`` where a person sits at the page: the pipeline, live, with buttons.

The cell is done at once, so that clicks reach the kernel and other cells can be run. A run is a process of its own; a
thread watches its journal and draws what has happened, and when the run is over it puts the last picture into the
cell's output, for those who open the notebook without a kernel. Whoever asks again attaches to what goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from nbflow import ops
from nbflow.api import Pipeline, Run
from nbflow.api.runs import ended_elsewhere
from nbflow.api.shown import Bundle, picture
from nbflow.core.view import RunView
from nbflow.errors import NbflowError
from nbflow.ops import following
from nbflow.ops.commands import command_of, sources_from
from nbflow.ops.launching import Launched
from nbflow.ops.starting import going
from nbflow.ops.viewing import standing_view
from nbflow.ops.watching import watch
from nbflow.project import Project
from nbflow.ui.magic import desk
from nbflow.ui.magic.live import publish
from nbflow.ui.magic.running import Asked, start
from nbflow.ui.magic.session import Session
from nbflow.ui.widget import RunWidget

LOOK_FOR_RUNS = 1.0
"""Seconds between two looks at whether a run has begun."""


class _Closed(Exception):
    """The cell was run again, or the kernel ends."""


@dataclass(eq=False)
class Panel:
    """One display. ``asked``: what its button Run does; ``resume``: the line that goes on."""

    session: Session
    pipeline: Pipeline
    asked: Asked
    resume: str = "%flow run"
    widget: RunWidget = field(init=False)
    _id: str = field(default_factory=lambda: uuid4().hex)
    _closed: threading.Event = field(default_factory=threading.Event)
    _acting: threading.Lock = field(default_factory=threading.Lock)
    _run: str = ""
    _is_shown: bool = False
    _here: str = ""
    """What the project calls the notebook of this page."""

    # --- for the verbs -------------------------------------------------------------------------------------

    def stand(self) -> None:
        """Show where every step stands, or the run of this pipeline that goes on; from then on each run that begins,
        whoever has started it. Raises ``InvalidPipeline`` where no step can be decided."""
        with self.pipeline.opened(self.asked.parameters) as project:
            run = going(project.root, project.files)
            if run:
                self._show(project)
            else:
                rows = ops.status(project, project.planner())
                self._show(project, standing_view(project.pipeline, rows, project.settings.jobs))
            root, sources = project.root, list(project.files)
        if run:
            self.follow(run)
        threading.Thread(target=self._attend, args=(root, sources), name="nbflow waits for runs", daemon=True).start()

    def _attend(self, root: Path, sources: Collection[str]) -> None:
        """Follow what begins."""
        try:
            while True:
                self._pause(LOOK_FOR_RUNS)
                run = "" if self._acting.locked() else going(root, sources)
                if run and run != self._run:
                    self._run = run
                    self._follow(run, None)
        except _Closed:
            pass

    def run(self) -> None:
        """Start what was asked for and show it; where just that goes on already, show it as it stands. Raises as
        ``running.start`` does."""
        run = self._known()
        if run:
            self.follow(run)
        else:
            begun = start(self.session, self.pipeline, self.asked)
            self.follow(begun.run, begun)

    def _known(self) -> str:
        """The run that goes on with just what is asked for."""
        with self.pipeline.opened(self.asked.parameters) as project:
            words = self.asked.words(sources_from(self.pipeline.sources, project.root))
            return going(project.root, project.files, command_of(words))

    def follow(self, run: str, begun: Launched | None = None) -> None:
        """Show a run as it goes on, in a thread."""
        self._run = run
        if not self._is_shown:
            with self.pipeline.opened() as project:
                self._show(project)
        told = threading.Thread(target=self._follow, args=(run, begun), name=f"nbflow shows {run}", daemon=True)
        told.start()

    def close(self) -> None:
        """What it showed is gone; the run goes on."""
        self._closed.set()
        if self._is_shown:
            self.widget.close()

    # --- showing -------------------------------------------------------------------------------------------

    def _show(self, project: Project, seen: RunView | None = None) -> None:
        self.widget = RunWidget(self._clicked, len(project.pipeline.steps))
        self._is_shown = True
        self._here = desk.name_in(project, self.session)
        if seen is not None:
            self._draw(seen)
        publish(self.session.shell, self._with_widget(picture(project.pipeline)), self._id)

    def _with_widget(self, bundle: Bundle) -> Bundle:
        return {**self.widget.bundle(), **bundle}

    def _draw(self, seen: RunView) -> None:
        """Cells of other notebooks are not on this page."""
        steps = [s if s["notebook"] == self._here else _without_jump(s) for s in seen["steps"]]
        self.widget.draw({**seen, "steps": steps})  # type: ignore[typeddict-item]

    def _follow(self, run: str, begun: Launched | None) -> None:
        try:
            with self.pipeline.opened() as project:
                lives = (lambda: begun.alive) if begun is not None else (lambda: False)
                for seen in watch(project.settings, run, project.pipeline, self._pause, lives):
                    if self._run != run:
                        return
                    self._draw(seen)
                findings = tuple(found for found in project.findings() if found.severity != "error")
                made = ended_elsewhere(project, ops.story(project.settings, run), findings, self.resume)
            self._keep(made)
        except _Closed:
            pass
        except NbflowError as error:
            self.widget.say(str(error))
        except Exception as error:
            self.widget.say(f"nbflow failed while it watched run {run}: {type(error).__name__}: {error}.")

    def _pause(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise _Closed

    def _keep(self, made: Run) -> None:
        """What stays in the file: the picture with how each step came out, and the words for it."""
        if self._closed.is_set():
            return
        bundles = made.bundles()
        words = "\n\n".join(bundle["text/plain"] for bundle in bundles)
        publish(self.session.shell, self._with_widget({**bundles[0], "text/plain": words}), self._id, update=True)

    # --- clicks --------------------------------------------------------------------------------------------

    def _clicked(self, action: str, step: str | None) -> None:
        """In a thread: a kernel that waits for a run to begin answers nothing else. A second click does nothing."""
        if self._acting.acquire(blocking=False):
            threading.Thread(target=self._act, args=(action, step), name=f"nbflow does {action}", daemon=True).start()

    def _act(self, action: str, step: str | None) -> None:
        try:
            self.widget.say("")
            if action == "cancel":
                self._cancel()
            elif action in ("run", "retry", "only"):
                self._begin(action, step)
        except NbflowError as error:
            self.widget.say(str(error))
        except Exception as error:
            self.widget.say(f"nbflow failed to {action}: {type(error).__name__}: {error}.")
        finally:
            self._acting.release()

    def _begin(self, action: str, step: str | None) -> None:
        asked = self.asked
        if action == "only" and step is not None:
            asked = replace(asked, typed=replace(asked.typed, select=(f"+{step}",), exclude=()))
        known = self._known() if action == "run" else ""
        if known:
            self.follow(known)
            return
        begun = start(self.session, self.pipeline, asked, self._run if action == "retry" else "")
        self.widget.say(desk.unsaved(self.session))
        self.follow(begun.run, begun)

    def _cancel(self) -> None:
        with self.pipeline.opened() as project, following.journal_of(project.root) as journal:
            following.cancel(project.root, journal, self._run)


def _without_jump(step: Mapping[str, Any]) -> dict[str, Any]:
    return {**step, "actions": [action for action in step["actions"] if action != "jump"]}
