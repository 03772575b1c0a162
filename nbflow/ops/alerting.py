"""From a run that is over to an alert that has arrived: what is worth saying goes into the outbox with the run's end,
and is sent from there, at least once.

A run that died could not do so: whoever writes to the journal next does it for it. Nothing is sent by commands that
only look. Read ``core/alerting`` for what is worth an alert, ``alerts`` for where it goes.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nbflow.alerts import Addresses, Command, Sender
from nbflow.core.alerting import Alert, Circumstance, Kind, alerts_of
from nbflow.core.event_json import from_json, time_text
from nbflow.core.run import Run, retold
from nbflow.core.view import Notes, RunView, noted, view
from nbflow.disk import flock
from nbflow.errors import UsageError
from nbflow.journal import Journal, OutboxRow, RunRow
from nbflow.kernels.guards import Guard
from nbflow.masking import Masker
from nbflow.ops.launching import let_go
from nbflow.settings import Settings
from nbflow.store.home import home_of, make_private, require_own

TRIES = 5
"""Times that an alert is tried; a later run does not try it again."""

# --- into the outbox -----------------------------------------------------------------------------------


def worth_saying(journal: Journal, settings: Settings, row: RunRow, status: str) -> list[OutboxRow]:
    """The alerts that a run is worth which ends as ``status``; none where nobody wants any."""
    if not settings.has_alerts:
        return []
    told = view_of(journal, row.id)
    if told is None:
        return []
    told["status"] = status
    kinds: Sequence[Kind] = [k for k in settings.alert_on if k]  # type: ignore[misc]  # the settings were checked
    alerts = alerts_of(
        told,
        Circumstance(row.sources, row.folder, f"nbflow retry {row.id}", socket.gethostname()),
        before=_before(journal, row),
        usual=journal.durations(before=row.id),
        kinds=kinds,
        slow_factor=settings.slow_factor,
        slow_seconds=settings.slow_seconds,
    )
    return [OutboxRow(a.id, a.run, a.kind, a.title, a.body) for a in alerts]


def view_of(journal: Journal, run: str) -> RunView | None:
    """A run as its events tell it; ``None`` where there are none."""
    events = [from_json(data) for data in journal.events(run)]
    state: Run | None = None
    for event in events:
        state = retold(state, event)
    return None if state is None else view(run, state, noted(Notes(), events))


def _before(journal: Journal, row: RunRow) -> str:
    """How the run before this one of the same notebooks ended, those left aside that were cancelled."""
    for other in journal.runs():
        if other.id < row.id and other.sources == row.sources and other.status in ("succeeded", "failed", "crashed"):
            return other.status
    return ""


def prepare(root: Path, journal: Journal, settings: Settings, guard: Guard) -> None:
    """A run begins: those that died are recorded, and should this one die, its guard has the alert sent."""
    bury_the_dead(journal, settings)
    if settings.has_alerts:
        guard.leave_a_will(sending_command(root))


def finish(journal: Journal, settings: Settings, run: str, status: str) -> None:
    """A run has ended, and goes into the journal together with what is to be said of it."""
    row = journal.run(run)
    alerts = worth_saying(journal, settings, row, status) if row is not None else []
    journal.finish_run(run, time_text(time.time()), status, alerts)


def bury_the_dead(journal: Journal, settings: Settings) -> None:
    """Record runs whose process died as crashed, with what is to be said of them."""
    for row in journal.crashed_runs():
        journal.finish_run(row.id, time_text(time.time()), "crashed", worth_saying(journal, settings, row, "crashed"))


# --- out of it -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the alerts that were to be sent."""

    sent: tuple[OutboxRow, ...] = ()
    failed: tuple[OutboxRow, ...] = ()
    """With why, in ``error``."""


def senders(settings: Settings, environ: Mapping[str, str]) -> list[Sender]:
    """Where alerts go. Raises ``UsageError`` for what cannot work."""
    found: list[Sender] = []
    if settings.alert_urls:
        found.append(Addresses(settings.alert_urls, environ))
    if settings.alert_command:
        found.append(Command(settings.alert_command, environ))
    return found


def send(root: Path, settings: Settings, environ: Mapping[str, str], *, again: bool = False) -> Delivery:
    """Record what has died, and send what is in the outbox; ``again``: also what was tried often. One process at a
    time does it; while another one is at it nothing is done here. Raises ``NbflowError``."""
    require_own(root)
    if not home_of(root).is_dir():
        return Delivery()
    masker = Masker({n: v for n in settings.secrets if (v := environ.get(n))})
    with Journal.open(root, masker) as journal:
        bury_the_dead(journal, settings)
        if not settings.has_alerts:
            return Delivery()
        lock = _Alone(root)
        try:
            return _empty(journal, senders(settings, environ), again) if lock.taken else Delivery()
        finally:
            lock.close()


def _empty(journal: Journal, to: Sequence[Sender], again: bool) -> Delivery:
    sent: list[OutboxRow] = []
    failed: list[OutboxRow] = []
    seen: set[str] = set()
    while True:
        waiting = [
            row for row in journal.outbox()
            if row.sent is None and row.id not in seen and (again or row.tries < TRIES)
        ]  # fmt: skip
        if not waiting:
            return Delivery(tuple(sent), tuple(failed))
        for row in waiting:
            seen.add(row.id)
            alert = Alert(row.id, row.run, row.kind, row.title, row.body)  # type: ignore[arg-type]  # as we wrote it
            problems = "; ".join(problem for sender in to for problem in sender.send(alert).problems)
            journal.note_sent(row.id, None if problems else time_text(time.time()), problems)
            (failed if problems else sent).append(OutboxRow(row.id, row.run, row.kind, row.title, row.body, row.made,
                                                            error=problems))  # fmt: skip


class _Alone:
    """The lock of who sends."""

    def __init__(self, root: Path) -> None:
        make_private(home_of(root))
        self._descriptor = os.open(home_of(root) / "alerts.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        flock.keep_from_children(self)
        self.taken = flock.try_lock(self._descriptor, flock.EXCLUSIVE) is not False

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        flock.released(self)


def sending_command(root: Path) -> list[str]:
    """What sends, as a process of its own."""
    return [sys.executable, "-m", "nbflow", "alerts", "send", "--quiet", "--root", str(root)]


def start_sending(root: Path, settings: Settings, guard: Guard) -> None:
    """A run is over: have the outbox emptied by a process of its own, for nobody waits for a mail server. Best effort;
    what is not sent now is sent after the next run."""
    if not settings.has_alerts:
        return
    guard.leave_a_will(())
    journal = Journal.read(root)
    if journal is None:
        return
    with journal:
        if not any(row.sent is None and row.tries < TRIES for row in journal.outbox()):
            return
    with suppress(OSError):
        let_go(
            subprocess.Popen(
                sending_command(root), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )  # fmt: skip


def try_out(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Send a test alert now; what did not work. Raises ``UsageError``."""
    now = datetime.now(UTC)
    to = senders(settings, environ)
    if not to:
        raise UsageError(
            "No alerts are set up.",
            'Write in pyproject.toml:\n[tool.nbflow.alerts]\nurls = ["$ALERT_URL"]\n# or: command = ["notify-send"]',
        )
    alert = Alert(
        f"test-{now:%Y%m%d%H%M%S}", "test", "failed", "nbflow: a test", "This is a test of alerts. All is well."
    )
    return tuple(problem for sender in to for problem in sender.send(alert).problems)
