"""The store when things go wrong: processes that race, are killed at any instant, or meet a disk that refuses.

A process is killed, or its disk made to refuse, at each of its file operations in turn: Python reports them (audit
events) before they happen."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbflow.store import Store
from tests.stores import ELSEWHERE, KEY, record, tree, variable, written
from tests.unprivileged import ROOT

PRELUDE = """
import errno, json, os, resource, signal, sys, time
from pathlib import Path
from nbflow.core.model import Artifact, Record
from nbflow.errors import StoreError
from nbflow.runtime.digests import digest_bytes
from nbflow.store import Store

KEY = "ab12" * 16

def left_by_steps(base, *names):
    base.mkdir(exist_ok=True)
    for name in names:
        (base / f"{name}.bin").write_bytes(b"made")

def work(base, name="r1", supersede=False):
    "What a run does when a step has succeeded and left a file."
    store = Store(base / ".nbflow" / "store")
    store.workspace(f"w-{name}")
    store.adopt(base / f"{name}.bin", digest_bytes(b"made"))
    shown = store.put(b"shown")
    made = Artifact("x", "variable", digest_bytes(b"made"), "pickle", 4)
    return store.commit(Record(KEY, name, "nb.step", "run", "now", 1.0, {}, (made,), executed=shown), supersede).id

def at_operation(number, act, of=("open", "os.rename", "os.link", "os.mkdir", "os.chmod")):
    "From now on, do something instead of the file operation of that number."
    seen = 0
    def hook(event, args):
        nonlocal seen
        if event in of:
            seen += 1
            if seen == number:
                act(event, args)
    sys.addaudithook(hook)

def refuse(code):
    def act(event, args):
        raise OSError(code, os.strerror(code))
    return act
"""

IN_TURN = (
    PRELUDE
    + """
base, how = Path(sys.argv[1]), sys.argv[2]
for number in range(1, 200):
    folder = base / str(number)
    left_by_steps(folder, "r1")
    child = os.fork()
    if not child:
        met = []
        def act(event, args):
            met.append(event)
            if how == "kill":
                os._exit(9)
            refuse(int(how))(event, args)
        at_operation(number, act)
        try:
            work(folder)
        except StoreError as error:
            os._exit(3)
        except BaseException as error:
            print(type(error), error, flush=True)
            os._exit(4)
        os._exit(5 if met else 0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([number, code]), flush=True)
    if code == 0:
        break
"""
)


def run(code: str, *arguments: str | Path) -> list[str]:
    """The lines that Python code prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def codes_in_turn(tmp_path: Path, how: str) -> list[int]:
    """How ``work`` ended when it met ``how`` at its first, second, … operation: 9 killed, 3 ``StoreError``, 5 done all
    the same (a folder that is there need not be made); 0 when it has fewer operations than that."""
    return [json.loads(line)[1] for line in run(IN_TURN, tmp_path, how)]


def test_a_kill_at_any_instant_leaves_all_or_nothing_and_the_next_run_goes_on(tmp_path: Path) -> None:
    *killed, last = codes_in_turn(tmp_path, "kill")
    assert (set(killed), last) == ({9}, 0)
    assert len(killed) >= 15
    for number in range(1, len(killed) + 2):
        store = Store(tmp_path / str(number) / ".nbflow" / "store")
        found = store.records(KEY)
        assert [store.intact(each) for each in found] in ([], [True])
        assert [store.read(digest) for digest in map(os.path.basename, tree(store.blobs))] in (
            [], [b"made"], [b"made", b"shown"], [b"shown", b"made"]
        )  # fmt: skip
        again = record("r2", variable(store, b"made"), executed=store.put(b"shown"))
        assert store.commit(again).id == (found[0].id if found else "r2")
        assert store.intact(store.records(KEY)[0])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_at_any_instant_is_an_error_that_leaves_nothing_half_made(
    tmp_path: Path, code: int
) -> None:
    *refused, last = codes_in_turn(tmp_path, str(code))
    assert (set(refused), last, len(refused) >= 15) == ({3, 5}, 0, True)
    for number, ended in enumerate(refused, 1):
        store = Store(tmp_path / str(number) / ".nbflow" / "store")
        assert [store.intact(found) for found in store.records(KEY)] == ([True] if ended == 5 else [])
        assert [path for path in tree(tmp_path / str(number)) if path.endswith(".tmp")] == []


FULL_DISK = (
    PRELUDE
    + """
base = Path(sys.argv[1])
store = Store(base / ".nbflow" / "store")
store.put(b"small")
(base / "file").write_bytes(b"x" * 50_000)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
for write in (lambda: store.put(b"y" * 50_000), lambda: store.put_file(base / "file")):
    try:
        write()
    except StoreError as error:
        print(error.message.replace(str(base), "BASE"))
try:
    Store(base / "s").restore(digest_bytes(b""), base / "target")
except StoreError as error:
    print(type(error).__name__)
"""
)


def test_a_write_that_stops_in_the_middle_leaves_no_file(tmp_path: Path) -> None:
    lines = run(FULL_DISK, tmp_path)
    assert [line.startswith("the store cannot be written: BASE/.nbflow/store") for line in lines] == [True, True, False]
    assert [line.endswith("(File too large)") for line in lines] == [True, True, False]
    assert tree(tmp_path / ".nbflow" / "store" / "tmp") == []


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (errno.ENOSPC, "Free some space on that disk and run again: finished steps are kept."),
        (errno.EDQUOT, "Your disk quota is used up. Free some space and run again: finished steps are kept."),
        (errno.EIO, "The disk reports a fault. Check it, or keep the store elsewhere: `store` in [tool.nbflow]."),
        (errno.EROFS, ELSEWHERE),
        (errno.EBADF, "Check that path and its file system, then run again."),
    ],
)  # fmt: skip
def test_an_error_of_the_disk_says_what_where_and_the_fix(tmp_path: Path, code: int, fix: str) -> None:
    refused = PRELUDE + (
        "left_by_steps(Path(sys.argv[1]), 'r1')\n"
        "at_operation(1, refuse(int(sys.argv[2])), of=('os.link',))\n"
        "try: work(Path(sys.argv[1]))\n"
        "except StoreError as error: print(error.message, error.fix, sep='\\n')\n"
    )
    root = tmp_path / ".nbflow" / "store"
    assert run(refused, tmp_path, str(code)) == [f"the store cannot be written: {root} ({os.strerror(code)})", fix]


def test_a_file_system_without_hard_links_keeps_records_too(tmp_path: Path) -> None:
    code = PRELUDE + (
        "left_by_steps(Path(sys.argv[1]), 'r1', 'r2', 'r3')\n"
        "for n in range(9): at_operation(n + 1, refuse(errno.EPERM), of=('os.link',))\n"
        "print(*[work(Path(sys.argv[1]), name, sup) for name, sup in (('r1', False), ('r2', False), ('r3', True))])\n"
    )
    assert run(code, tmp_path) == ["r1 r1 r3"]
    store = Store(tmp_path / ".nbflow" / "store")
    assert [found.id for found in store.records(KEY)] == ["r3", "r1"]
    assert tree(store.root / "tmp") == []


def test_a_file_from_another_disk_is_copied_in(tmp_path: Path) -> None:
    code = PRELUDE + (
        "store, file = Store(Path(sys.argv[1]) / '.nbflow' / 'store'), Path(sys.argv[1]) / 'file'\n"
        "at_operation(1, refuse(errno.EXDEV), of=('os.rename',))\n"
        "store.adopt(file, digest_bytes(b'made elsewhere'))\n"
        "print(store.read(digest_bytes(b'made elsewhere')), file.exists())\n"
    )
    written(tmp_path / "file", b"made elsewhere")
    assert run(code, tmp_path) == ["b'made elsewhere' False"]
    assert tree(tmp_path / ".nbflow" / "store" / "tmp") == []


OVERTAKEN = (
    PRELUDE
    + """
base = Path(sys.argv[1])
for number in range(1, 200):
    folder = base / str(number)
    left_by_steps(folder, "mine", "other")
    child = os.fork()
    if not child:
        overtaken, over = [], []
        def act(event, args):
            if not over:
                overtaken.append(work(folder, "other", sys.argv[2] == "supersede"))
        at_operation(number, act, of=("os.scandir", "os.link", "os.rename", "os.mkdir", "open"))
        mine = work(folder, "mine", sys.argv[2] == "supersede")
        over.append(True)
        found = Store(folder / ".nbflow" / "store").records(KEY)
        print(json.dumps([overtaken, mine, [each.id for each in found]]), flush=True)
        os._exit(0 if overtaken else 5)
    if os.waitpid(child, 0)[1]:
        break
"""
)


@pytest.mark.parametrize(
    ("how", "expected"),
    [("first wins", [["other"], "other", ["other"]]), ("supersede", [["other"], "mine", ["mine", "other"]])],
)
def test_another_run_that_commits_at_any_instant_is_first(tmp_path: Path, how: str, expected: list[object]) -> None:
    *overtaken, last = [json.loads(line) for line in run(OVERTAKEN, tmp_path, how)]
    assert [found for found in overtaken if found != expected] == []
    assert (len(overtaken) >= 15, last) == (True, [[], "mine", ["mine"]])


RACE = (
    PRELUDE
    + """
base, me, supersede = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "supersede"
store = Store(base / ".nbflow" / "store")
(base / f"ready-{me}").touch()
while not (base / "go").exists():
    time.sleep(0.001)
for n in range(40):
    data = f"{me}-{n}".encode()
    made = Artifact("x", "variable", store.put(data), "pickle", len(data))
    key = KEY if supersede else f"{n:02}" * 32
    print(store.commit(Record(key, f"{me}-{n}", "nb.step", me, "now", 1.0, {}, (made,)), supersede).id)
"""
)


def race(base: Path, how: str) -> list[list[str]]:
    """What each of three processes that start at one moment went on with."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(base), str(n), how], env=environ, stdout=subprocess.PIPE, text=True
        )
        for n in range(3)
    ]
    while len(list(base.glob("ready-*"))) < len(running):
        assert [process.poll() for process in running] == [None] * len(running)
    (base / "go").touch()
    return [process.communicate(timeout=60)[0].split() for process in running]


def test_of_processes_that_race_for_a_key_one_wins_and_all_go_on_with_it(tmp_path: Path) -> None:
    went_on = race(tmp_path, "first wins")
    store = Store(tmp_path / ".nbflow" / "store")
    stored = [[found.id for found in store.records(f"{n:02}" * 32)] for n in range(40)]
    assert [len(found) for found in stored] == [1] * 40
    assert went_on == [[found[0] for found in stored]] * 3


def test_processes_that_all_supersede_lose_no_record(tmp_path: Path) -> None:
    went_on = race(tmp_path, "supersede")
    assert went_on == [[f"{me}-{n}" for n in range(40)] for me in range(3)]
    found = [each.id for each in Store(tmp_path / ".nbflow" / "store").records(KEY)]
    assert sorted(found) == sorted(each for ids in went_on for each in ids)
    for me in range(3):
        assert [each for each in found if each.startswith(f"{me}-")] == went_on[me][::-1]
