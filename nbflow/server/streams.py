"""Server-sent events: a run as it goes on, and the list of runs, told to a page for as long as it listens.

The journal is looked at, and only looked at; a look that finds nothing new costs next to nothing. What is sent carries
the number of the last event in it, so a page that comes back says how far it has seen and is told what is different
since. A stream ends with the run, with the page, or with the server; nothing stays behind. Read ``ops.watching`` next.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from nbflow.core.view import RunView, changes
from nbflow.journal import Journal
from nbflow.ops import history
from nbflow.ops.following import LOOK_AGAIN, journal_of
from nbflow.ops.history import told_by
from nbflow.ops.reporting import pipeline_of
from nbflow.ops.watching import Seen, looks
from nbflow.server import runs
from nbflow.server.here import Here

LOOK_AT_RUNS = 0.5
"""Seconds between two looks at the list of runs."""

BEAT = 15.0
"""Seconds of silence after which something is said, so that nobody in between takes the stream for dead."""

PING = ": ping\n\n"
OVER = "event: end\ndata: {}\n\n"


def message(event: str, data: Any, number: int | None = None) -> str:
    """One event as it goes over the wire."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {event}\ndata: {json.dumps(data)}\n\n"


class Stream:
    """What one page is told. ``next`` looks once, and says what is to be sent (``""``: nothing); each look may be in
    another thread, one at a time."""

    pause: float
    """Seconds between two looks."""
    is_over = False
    """Whether there is no more to tell."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told = clock()

    def next(self) -> str:
        """Raises ``NbflowError``."""
        found = self._look()
        if not found and self._clock() - self._told >= BEAT:
            found = PING
        if found:
            self._told = self._clock()
        return found

    def close(self) -> None:
        """Let go of what it looks at."""

    def _look(self) -> str:
        raise NotImplementedError


class RunStream(Stream):
    """One run, from what the page has seen of it to its end. ``after``: the number of the last event that it has seen;
    ``lives``: whether the run is known to live where no lock tells."""

    pause = LOOK_AGAIN

    def __init__(self, place: Here, run: str, after: int, lives: Callable[[], bool]) -> None:
        super().__init__()
        self._place = place
        self._run = run
        self._after = after
        self._lives = lives
        self._looking = threading.Lock()
        self._looks: Iterator[Seen | None] | None = None
        self._view: RunView | None = None

    def _look(self) -> str:
        with self._looking:
            if self.is_over:  # closed, just before
                return ""
            if self._looks is None:
                self._looks = self._begun()
            for seen in self._looks:
                if seen is None:
                    return ""
                old, self._view = self._view, seen.view
                if not seen.known:
                    return message("view", changes(old, seen.view), seen.number)
            self.is_over = True
            return OVER

    def _begun(self) -> Iterator[Seen | None]:
        settings = self._place.settings
        row = self._place.require_run(self._run)
        with journal_of(settings.root) as journal:
            pipeline = pipeline_of(told_by(journal, settings, row))
        return looks(settings, row.id, pipeline, lambda _: None, self._lives, self._after)

    def close(self) -> None:
        with self._looking:
            self.is_over = True
            if self._looks is not None:
                self._looks.close()  # type: ignore[attr-defined]  # it is a generator, which holds the journal open


class RunsStream(Stream):
    """The list of runs of a notebook, at once and whenever a run begins or another status holds."""

    pause = LOOK_AT_RUNS

    def __init__(self, place: Here) -> None:
        super().__init__()
        self._place = place
        self._known: list[tuple[str, str]] | None = None

    def _look(self) -> str:
        known = self._statuses()
        if known == self._known:
            return ""
        self._known = known
        return message("runs", runs.listed(self._place))

    def _statuses(self) -> list[tuple[str, str]]:
        """The journal is opened anew each time: it may have come, or gone, since."""
        journal = Journal.read(self._place.root)
        if journal is None:
            return []
        with journal:
            return [(row.id, row.status) for row in history.rows_of(journal, runs.MOST, self._place.name)]
