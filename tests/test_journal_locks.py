"""Whether a run is alive: asked of a lock that dies with its owner, however it dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from nbflow.errors import JournalError
from nbflow.journal import Owner, RunLock, liveness, lock_owner, new_run_id
from tests.unprivileged import ROOT, closed, opened, run_unprivileged

RUN = "20261124-153012-k3x9"

HOLDER = """
import os, subprocess, sys, time
from pathlib import Path
from nbflow.journal import RunLock
with RunLock(Path(sys.argv[1]), sys.argv[2]):
    child = None
    if sys.argv[3] == "exec":
        child = subprocess.Popen(["sleep", "60"], close_fds=False).pid
    elif sys.argv[3] == "fork":
        if not os.fork():
            print(os.getpid(), flush=True)  # here fork is over, what the child does about the lock too
            time.sleep(60)
            os._exit(0)
    if sys.argv[3] != "fork":
        print(child, flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that holds the lock of a run, perhaps with a child of its own."""

    def __init__(self, root: Path, child: str = "none") -> None:
        command = [sys.executable, "-c", HOLDER, str(root), RUN, child]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ)
        assert self.process.stdout
        said = self.process.stdout.readline().strip()
        self.child = int(said) if said != "None" else None

    def __enter__(self) -> Holder:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self.child is not None:
            os.kill(self.child, signal.SIGKILL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()


def lock_file(root: Path) -> Path:
    return root / ".nbflow" / "locks" / f"{RUN}.lock"


def test_a_run_is_alive_from_the_taking_of_its_lock_to_its_end(tmp_path: Path) -> None:
    assert liveness(tmp_path, RUN) == "gone"
    with RunLock(tmp_path, RUN):
        assert liveness(tmp_path, RUN) == "alive"
        assert lock_owner(tmp_path, RUN) == Owner(os.getpid(), socket.gethostname(), True)
    assert (liveness(tmp_path, RUN), lock_owner(tmp_path, RUN)) == ("gone", None)
    assert not lock_file(tmp_path).exists()


def test_asking_makes_no_folder(tmp_path: Path) -> None:
    assert [liveness(tmp_path, RUN), lock_owner(tmp_path, RUN)] == ["gone", None]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("child", ["none", "exec", "fork"])
def test_a_killed_run_is_gone_though_a_child_lives_on(tmp_path: Path, child: str) -> None:
    with Holder(tmp_path, child) as holder:
        assert liveness(tmp_path, RUN) == "alive"
        holder.kill()
        assert liveness(tmp_path, RUN) == "gone"
        assert lock_owner(tmp_path, RUN) == Owner(holder.process.pid, socket.gethostname(), True)


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    with Holder(tmp_path) as holder:
        with pytest.raises(JournalError) as error, RunLock(tmp_path, RUN):
            pass
        assert str(error.value) == f"run {RUN} is already going on\nWatch it: nbflow show {RUN}"
        assert liveness(tmp_path, RUN) == "alive"
        holder.kill()
        with RunLock(tmp_path, RUN):
            assert lock_owner(tmp_path, RUN) == Owner(os.getpid(), socket.gethostname(), True)


def test_whoever_only_asks_does_not_keep_a_run_from_starting(tmp_path: Path) -> None:
    asking = """
import sys
from pathlib import Path
from nbflow.journal import liveness
print(flush=True)
while True:
    liveness(Path(sys.argv[1]), sys.argv[2])
"""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", asking, str(tmp_path), RUN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as process:
        assert process.stdout
        process.stdout.readline()
        for _ in range(50):
            with RunLock(tmp_path, RUN):
                pass
        process.kill()


def test_locks_of_two_runs_do_not_meet(tmp_path: Path) -> None:
    with RunLock(tmp_path, RUN), RunLock(tmp_path, "other"):
        assert [liveness(tmp_path, run) for run in (RUN, "other", "third")] == ["alive", "alive", "gone"]


@pytest.mark.parametrize(
    ("content", "alive"),
    [
        ({"pid": 1, "host": socket.gethostname(), "locked": True}, "gone"),
        ({"pid": 1, "host": "somewhere.else", "locked": True}, "unknown"),
        ({"pid": 1, "host": socket.gethostname(), "locked": False}, "unknown"),
        ({}, "gone"),
        ("text", "gone"),
    ],
)
def test_a_lock_that_cannot_tell_is_unknown(tmp_path: Path, content: object, alive: str) -> None:
    lock_file(tmp_path).parent.mkdir(parents=True)
    lock_file(tmp_path).write_text(json.dumps(content))
    assert liveness(tmp_path, RUN) == alive


def test_a_file_system_without_locks_lets_a_run_go_on_and_cannot_tell(tmp_path: Path) -> None:
    code = """
import errno, os, sys
from pathlib import Path
from nbflow.journal import RunLock, liveness, lock_owner
def hook(event, args):
    if event == "fcntl.flock":
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
sys.addaudithook(hook)
root, run = Path(sys.argv[1]), sys.argv[2]
with RunLock(root, run):
    print(liveness(root, run), lock_owner(root, run).locked)
print(liveness(root, run))
"""
    assert run_unprivileged(code, tmp_path, RUN).stdout.split() == ["unknown", "False", "gone"]


def test_a_reader_who_may_not_write_can_ask(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from nbflow.journal import liveness\n"
        "print(*[liveness(Path(sys.argv[1]), run) for run in sys.argv[2:]])"
    )
    with RunLock(tmp_path, RUN):
        lock_file(tmp_path).with_name("left.lock").write_text("{}")
        closed(tmp_path)
        asked = run_unprivileged(code, tmp_path, RUN, "left", "none").stdout.split()
        lock_file(tmp_path).parent.chmod(0o000)
        shut_out = run_unprivileged(code, tmp_path, RUN, "left", "none").stdout.split()
        lock_file(tmp_path).parent.chmod(0o700)
        opened(tmp_path)
    assert (asked, shut_out) == (["alive", "gone", "gone"], ["unknown"] * 3)


@pytest.mark.parametrize("run", ["", "..", "../x", "a/b", ".hidden", "x" * 101, "a\0b"])
def test_an_id_cannot_lead_out_of_the_folder_of_locks(tmp_path: Path, run: str) -> None:
    for act in (lambda: RunLock(tmp_path, run), lambda: liveness(tmp_path, run)):
        with pytest.raises(JournalError) as error:
            act()
        assert str(error.value) == f"'{run}' is not the id of a run\nSee `nbflow runs` for the runs there are."


@pytest.mark.parametrize(
    ("now", "token", "run"),
    [
        (datetime(2026, 11, 24, 15, 30, 12, 999999, tzinfo=UTC), "x9", "20261124-153012-rrx9"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=5))), "00", "20260101-220405-0000"),
    ],
)
def test_a_run_id_sorts_by_time(now: datetime, token: str, run: str) -> None:
    assert new_run_id(now, token) == run


def test_run_ids_of_one_second_sort_by_the_millisecond() -> None:
    second = datetime(2026, 11, 24, 15, 30, 12, tzinfo=UTC)
    times = [second + timedelta(milliseconds=n) for n in range(1000)]
    ids = [new_run_id(now, "zz" if n % 2 else "00") for n, now in enumerate(times)]
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("now", "token", "said"),
    [
        (datetime(2026, 11, 24), "k3x9", "the time of a run needs a time zone"),
        (datetime(2026, 11, 24, tzinfo=UTC), "K3X9", "'K3X9' is not a token of a-z and 0-9"),
        (datetime(2026, 11, 24, tzinfo=UTC), "../x", "'../x' is not a token of a-z and 0-9"),
        (datetime(2026, 11, 24, tzinfo=UTC), "", "'' is not a token of a-z and 0-9"),
    ],
)
def test_a_run_id_is_made_of_a_time_with_its_zone_and_a_token(now: datetime, token: str, said: str) -> None:
    with pytest.raises(ValueError) as error:
        new_run_id(now, token)
    assert str(error.value) == said
