"""Alerts from a run's end to where they arrive: the outbox, who empties it, real addresses on this machine."""

from __future__ import annotations

import json
import os
import socketserver
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbflow.alerts import Command, Sent
from nbflow.core.alerting import Alert
from nbflow.errors import UsageError
from nbflow.journal import Journal, OutboxRow, RunLock
from nbflow.ops import alerting
from nbflow.settings import Settings
from tests.commands import Given, nbflow
from tests.test_cli_interrupt import ROOT, at_home, until

ALERT = Alert("id1", "r1", "failed", "a title", "a body\nof two lines")
KEEP = """
import json, pathlib, sys
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(json.load(sys.stdin)) + "\\n")
"""


def settings_that_keep(root: Path) -> str:
    """A command that writes what it gets to ``told`` in the folder."""
    words = [sys.executable, "-c", KEEP, str(root / "told")]
    return f"[tool.nbflow]\njobs = 1\n[tool.nbflow.alerts]\ncommand = {json.dumps(words)}\n"


def told(root: Path) -> list[dict[str, Any]]:
    file = root / "told"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def outbox(root: Path) -> list[OutboxRow]:
    journal = Journal.read(root)
    assert journal is not None
    with journal:
        return journal.outbox()


# --- senders -------------------------------------------------------------------------------------------


def test_a_command_gets_the_alert_as_json_and_in_its_environment(tmp_path: Path) -> None:
    script = (
        "import json, os, sys, pathlib; pathlib.Path(sys.argv[1]).write_text(json.dumps([json.load(sys.stdin), "
        "{k: v for k, v in os.environ.items() if k.startswith('NBFLOW_ALERT_')}]))"
    )
    target = tmp_path / "got"
    assert Command([sys.executable, "-c", script, str(target)]).send(ALERT) == Sent()
    values = {"id": "id1", "run": "r1", "kind": "failed", "title": "a title", "body": "a body\nof two lines"}
    assert json.loads(target.read_text()) == [values, {f"NBFLOW_ALERT_{k.upper()}": v for k, v in values.items()}]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["no-such-command-here"], "the command cannot be started: No such file or directory"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "the command ended with status 3"),
    ],
)
def test_a_command_that_does_not_work_is_a_problem_in_words(words: list[str], problem: str) -> None:
    assert Command(words).send(ALERT) == Sent((problem,))


# --- from the end of a run to its alert ----------------------------------------------------------------


def test_a_failure_and_the_recovery_from_it_each_tell_once(tmp_path: Path) -> None:
    cells = ("%%step one -o a\na = 1", "%%step two -i a -o b\nb = a / 0")
    Given(cells, files={"pyproject.toml": settings_that_keep(tmp_path)}).write(tmp_path)
    assert nbflow(tmp_path, "run").code == 1
    until(lambda: len(told(tmp_path)) == 1)
    book = tmp_path / "flow.ipynb"
    book.write_text(book.read_text().replace("a / 0", "a / 1"))
    assert nbflow(tmp_path, "run").code == 0
    until(lambda: len(told(tmp_path)) == 2)
    assert nbflow(tmp_path, "run").code == 0
    assert [a["kind"] for a in told(tmp_path)] == ["failed", "recovered"]
    until(lambda: all(row.sent for row in outbox(tmp_path)))
    said, when = nbflow(tmp_path, "alerts", "ls"), "YYYY-MM-DD HH:MM UTC"
    assert said.out.splitlines() == [
        f"{when}  nbflow: flow.ipynb failed: two (ZeroDivisionError: division by zero): sent {when}",
        f"{when}  nbflow: flow.ipynb works again: sent {when}",
    ]


def event(name: str, **more: object) -> dict[str, object]:
    return {"event": name, "time": "2026-11-24T15:30:12.250Z", **more}


def write_dead_run(root: Path, run: str = "20261124-153012-dead") -> None:
    """A run whose process is gone: begun, never ended, and nobody holds its lock."""
    started = event("RunStarted", steps=[{"name": "n.a", "needs": []}], jobs=1, capacity={}, reused=0, folder="f")
    with Journal.open(root) as journal, RunLock(root, run):
        journal.begin_run(run, "2026-11-24T15:30:12.250Z", ["n.ipynb"], {}, "f")
        journal.append(run, [started, event("StepStarted", step="n.a", attempt=1)])


class Keeper:
    """A sender that keeps what it gets, and may refuse."""

    def __init__(self) -> None:
        self.got: list[Alert] = []
        self.problems: tuple[str, ...] = ()

    def send(self, alert: Alert) -> Sent:
        self.got.append(alert)
        return Sent(self.problems)


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Keeper:
    keeper = Keeper()
    monkeypatch.setattr(alerting, "senders", lambda *_: [keeper])
    return keeper


def wanting(root: Path) -> Settings:
    return Settings.load(root, {}, alert_command=["x"])


def test_a_run_that_died_is_recorded_and_told_by_whoever_sends_next(tmp_path: Path, keeper: Keeper) -> None:
    write_dead_run(tmp_path)
    delivery = alerting.send(tmp_path, wanting(tmp_path), {})
    assert [(a.kind, a.run) for a in keeper.got] == [("crashed", "20261124-153012-dead")]
    assert "died while n.a ran" in keeper.got[0].body
    assert [row.title for row in delivery.sent] == ["nbflow: n.ipynb crashed: its process died"]
    assert alerting.send(tmp_path, wanting(tmp_path), {}) == alerting.Delivery()


def test_what_does_not_arrive_is_tried_again_under_the_same_id_and_not_for_ever(tmp_path: Path, keeper: Keeper) -> None:
    write_dead_run(tmp_path)
    keeper.problems = ("no route",)
    for _ in range(alerting.TRIES + 3):
        alerting.send(tmp_path, wanting(tmp_path), {})
    assert len(keeper.got) == alerting.TRIES
    assert len({a.id for a in keeper.got}) == 1
    assert outbox(tmp_path)[0].error == "no route"
    keeper.problems = ()
    assert len(alerting.send(tmp_path, wanting(tmp_path), {}, again=True).sent) == 1


def test_without_a_word_in_the_settings_a_dead_run_is_recorded_in_silence(tmp_path: Path, keeper: Keeper) -> None:
    write_dead_run(tmp_path)
    alerting.send(tmp_path, Settings.load(tmp_path, {}), {})
    alerting.send(tmp_path, wanting(tmp_path), {})
    assert (keeper.got, outbox(tmp_path)) == ([], [])


def test_who_only_looks_sends_and_writes_nothing(tmp_path: Path) -> None:
    Given(("%%step one -o a\na = 1",), files={"pyproject.toml": settings_that_keep(tmp_path)}).write(tmp_path)
    write_dead_run(tmp_path)
    for words in (("status",), ("plan",), ("why", "one"), ("check",), ("attach", "2026"), ("alerts", "ls")):
        nbflow(tmp_path, *words)
    assert (told(tmp_path), outbox(tmp_path)) == ([], [])


def test_a_journal_that_others_can_write_makes_nobody_send(tmp_path: Path, keeper: Keeper) -> None:
    write_dead_run(tmp_path)
    home = tmp_path / ".nbflow"
    home.chmod(home.stat().st_mode | stat.S_IWOTH)
    with pytest.raises(UsageError) as error:
        alerting.send(tmp_path, wanting(tmp_path), {})
    assert error.value.message.endswith("loading stored results from it could run their code.")
    assert keeper.got == []


def test_alerts_that_are_not_set_up_cannot_be_tested(tmp_path: Path) -> None:
    Given(("%%step one -o a\na = 1",)).write(tmp_path)
    said = nbflow(tmp_path, "alerts", "test")
    assert (said.code, said.err.splitlines()[0]) == (2, "nbflow: No alerts are set up.")


# --- real addresses ------------------------------------------------------------------------------------


@contextmanager
def webhook() -> Iterator[tuple[int, list[tuple[str | None, dict[str, Any]]]]]:
    """A server on this machine, and what it got: ``(Idempotency-Key, body)``."""
    got: list[tuple[str | None, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Idempotency-Key"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], got
        server.shutdown()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """A mail server on this machine that takes everything, and the messages."""
    got: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                word = line.split()[0].upper() if line.split() else b""
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = []
                    while (text := self.rfile.readline()) not in (b".\r\n", b""):
                        lines.append(text.decode())
                    got.append("".join(lines))
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")
                if word == b"QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], got
        server.shutdown()


SLEEPER = (
    "import pathlib, time",
    "%%step sleeper -o b\npathlib.Path('asleep').touch()\ntime.sleep(300)\nb = 1",
)


@pytest.mark.slow
def test_a_killed_run_is_told_to_webhook_and_mail_under_one_id_by_its_guard(tmp_path: Path) -> None:
    with webhook() as (port, requests), mail_server() as (mail_port, mails):
        settings = (
            "[tool.nbflow.alerts]\n"
            f'urls = ["$HOOK", "mailto://127.0.0.1:{mail_port}?from=a@example.org&to=b@example.org&mode=insecure"]\n'
        )
        Given(SLEEPER, files={"pyproject.toml": f"[tool.nbflow]\njobs = 1\n{settings}"}).write(tmp_path)
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "HOOK": f"json://127.0.0.1:{port}/hook"}
        run = subprocess.Popen([sys.executable, "-m", "nbflow", "run"], cwd=tmp_path, env=environ,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        until((tmp_path / "asleep").exists)
        psutil.Process(run.pid).kill()
        run.wait()
        until(lambda: bool(requests) and bool(mails))
        until(lambda: not at_home(tmp_path) and all(row.sent for row in outbox(tmp_path)))
        # The next one to write finds nothing more to say.
        subprocess.run([sys.executable, "-m", "nbflow", "alerts", "send"], cwd=tmp_path, env=environ, check=True)
    (row,) = outbox(tmp_path)
    assert row.kind == "crashed"
    assert {key for key, _ in requests} == {row.id}
    assert all(row.id in body["message"] for _, body in requests)
    assert all(row.id in mail.replace("=\r\n", "") for mail in mails)
    assert "example.org" not in row.error
