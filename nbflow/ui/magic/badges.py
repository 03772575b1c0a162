"""One quiet line below a step cell that was run by hand: how its step stands, for a run of the notebook as it is saved.

It comes behind what the cell shows, and only where a person sits at the page. It is looked up in a thread: a cell is
held up for a moment at most, and a line that takes longer is filled in when it is known. Whatever goes wrong with it,
the cell is as it would be without it.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nbflow.core.declare import step_of

if TYPE_CHECKING:
    from nbflow.api.shown import Bundle
    from nbflow.ui.magic.session import Session

MOMENT = 0.3
"""Seconds that a cell may be held up."""

WORDS = {
    "fresh": "is fresh",
    "stale": "is stale: {}",
    "maybe stale": "may be stale: {}",
    "no result": "has no result of a run yet",
    "invalid": "is invalid: {}",
}


class Badges:
    """IPython calls it after each cell."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, result: Any) -> None:
        """``result``: IPython's ``ExecutionResult``."""
        session = self._session
        if not result.success or result.info is None or result.info.silent or session.cell_id is None or session.in_run:
            return
        step = step_of(result.info.raw_cell)
        if step:
            with suppress(Exception):  # it is no more than a service
                _show(session, step)


def _show(session: Session, step: str) -> None:
    from nbflow.ui.magic.live import publish

    shown, known = threading.Event(), threading.Event()
    badge = uuid4().hex
    found: list[str] = []

    def look() -> None:
        with suppress(Exception):
            found.append(standing(session, step))
        known.set()
        if shown.wait() and found and found[0]:
            publish(session.shell, _bundle(found[0]), badge, update=True)

    looking = threading.Thread(target=look, name=f"nbflow looks at {step}", daemon=True)
    looking.start()
    if not known.wait(MOMENT):
        publish(session.shell, _bundle(f"step {step}: …"), badge)
        shown.set()
    elif found and found[0]:
        publish(session.shell, _bundle(found[0]), badge)


def standing(session: Session, step: str) -> str:
    """How a step of this notebook stands, by its name as the cell gives it; ``""`` where that cannot be told."""
    from nbflow import ops
    from nbflow.core.reasons import because
    from nbflow.ui.magic import desk

    if session.notebook is None:
        return ""
    if desk.unsaved(session):
        return f"step {step} is not saved as it ran: what is saved counts"
    with desk.pipeline(session).opened() as project:
        here = desk.name_in(project, session)
        rows = ops.status(project, project.planner())
    for row in rows:
        if row.step.id.rpartition(".")[2] == step and row.step.notebook == here:
            why = because(row.reasons)
            return f"step {step} {WORDS[row.state].format(why)}"
    return f"step {step} is not saved yet"


def _bundle(text: str) -> Bundle:
    from nbflow.render import html
    from nbflow.render.words import clean

    return {"text/html": html.document(html.quiet(clean(text))), "text/plain": clean(text)}
