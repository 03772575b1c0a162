"""The executor with real kernels; each test says in one slice as much as it can, for a kernel takes a second."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from nbflow.executors import Job, Outcome, Tell
from nbflow.executors.papermill import PapermillExecutor
from nbflow.executors.papermill.tracebacks import HINTS
from nbflow.kernels.channel import BoundedClient
from nbflow.masking import Masker
from nbflow.notebook.slices import is_internal

pytestmark = pytest.mark.slow

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After every test: no process, no file of a kernel."""
    folder = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    yield
    left = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # gone meanwhile
            if process.pid not in before:
                left.append(process.cmdline())
    assert [words for words in left if words[-1:] != ["guard"]] == []
    assert list(folder.iterdir()) == []
    folder.rmdir()


def cell(number: int, source: str, *tags: str, role: str = "step") -> dict[str, Any]:
    internal = role == "internal"
    note = {"role": role} if internal else {"role": role, "notebook": "a.ipynb", "cell": number, "digest": ""}
    metadata = {"tags": [*tags, *(["nbflow-internal"] if internal else [])], "nbflow": note}
    return {
        "cell_type": "code", "execution_count": None, "id": f"c{number}", "metadata": metadata, "outputs": [],
        "source": source,
    }  # fmt: skip


def job(folder: Path, *cells: dict[str, Any], key: str = "a#1", **more: Any) -> Job:
    notebook = {
        "cells": [*cells],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return Job(key, notebook, "python3", folder, folder / "attempt", "steps/a", **more)


def ignore(done: int, total: int, text: str) -> None:
    pass


def hears(told: list[str]) -> Tell:
    def tell(done: int, total: int, text: str) -> None:
        if text:
            told.append(text)

    return tell


def shown(outcome: Outcome) -> list[tuple[int | None, list[Any]]]:
    """Execution count and outputs of each cell, as short as can be."""

    def short(output: Any) -> Any:
        if output["output_type"] == "stream":
            return output["name"], output["text"]
        return output["ename"] if output["output_type"] == "error" else output["data"]["text/plain"]

    return [(c["execution_count"], [short(o) for o in c["outputs"]]) for c in outcome.notebook["cells"]]


def test_a_slice_runs_in_its_folder_with_its_parameters_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OURS", "from here")
    told: list[str] = []
    cells = [
        cell(1, "_opened = 1", role="internal"),
        cell(2, "n = 1; bytearray(90_000_000) and None", "parameters"),
        cell(
            3,
            "import os\n[os.getcwd(), os.environ['PYTHONHASHSEED'], os.environ['OURS'], os.environ['A'], n, __name__]",
        ),
        cell(4, "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\nprint('out'); print('more')"),
        cell(5, "1 / 0", "raises-exception"),
        cell(6, "h, g = [display(x, display_id=True) for x in 'ab']; print('x\\ry'); h.update('then'); 'last'"),
        cell(7, "import IPython; print('gone'); IPython.display.clear_output(); print('stays'); g.update('B')"),
        cell(8, "%matplotlib inline\nimport matplotlib; matplotlib.get_backend()"),
        cell(9, "exit()"),
    ]
    outcome = PapermillExecutor().run(
        job(tmp_path, *cells, parameters={"n": 5, "unknown": 1}, environment={**os.environ, "A": "b"}), hears(told)
    )
    assert (outcome.status, outcome.error, outcome.cell, outcome.logs) == ("succeeded", "", None, ())
    assert 0 < outcome.seconds < 60
    assert outcome.memory > 90_000_000
    assert 0.05 < outcome.cpu < 60
    facts = [str(tmp_path), "0", "from here", "b", 5, "__main__"]
    lines = "[" + ",\n ".join(map(repr, facts)) + "]"
    assert shown(outcome) == [
        (1, []),
        (1, []),
        (2, []),  # The parameters.
        (3, [lines if len(str(facts)) > 79 else str(facts)]),
        (4, [("stdout", "out\nmore\n")]),
        (5, ["ZeroDivisionError"]),
        (6, ["'then'", "'B'", ("stdout", "y\n"), "'last'"]),
        (7, [("stdout", "stays\n")]),
        (8, ["'inline'"]),
        (9, []),
    ]
    assert "".join(told) == "out\nmore\nx\rygone\nstays\n".replace("y", "y\n", 1)
    nbformat.validate(json.loads(json.dumps(outcome.notebook)))
    assert capfd.readouterr() == ("", "")


def test_cells_of_ours_run_with_the_request_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, list[str]]] = []
    execute = BoundedClient.execute

    def noted(self: BoundedClient, code: str, **options: Any) -> str:
        sent.append((code, list(self.behind)))
        return execute(self, code, **options)

    monkeypatch.setattr(BoundedClient, "execute", noted)
    cells = [
        cell(1, "seen = []", role="internal"),
        cell(2, "seen += 'a'; exec = None"),
        cell(3, "seen.append('ours')\nseen += 'b'", role="internal"),
        cell(4, "seen += 'c'; 1 / 0", "raises-exception"),
        cell(5, "seen += 'd'", role="internal"),
        cell(6, "import asyncio\nasync def fill(): seen.append('task')\nasyncio.create_task(fill()); None"),
        cell(7, "seen += 'e'", role="internal"),
        cell(8, "seen"),
        cell(9, "import warnings", role="internal"),
        cell(10, "raise KeyError('no way' + 300_000 * '!')", role="internal"),
        cell(11, "seen += 'never'", role="internal"),
    ]
    outcome = PapermillExecutor().run(job(tmp_path, *cells), ignore)
    assert [(code[:9], behind) for code, behind in sent[-7:]] == [
        ("seen = []", []),
        ("seen += '", ["2"]),
        ("seen += '", ["4"]),
        ("seen += '", []),  # what failed has nothing behind it
        ("import as", []),  # the event loop has its turn
        ("seen += '", []),
        ("seen", ["8", "9", "10"]),
    ]
    assert (outcome.status, outcome.error[:16], outcome.cell) == ("failed", "KeyError: 'no wa", None)
    of_a_person = [each for each, made in zip(shown(outcome), cells, strict=True) if not is_internal(made)]
    assert of_a_person == [
        (1, []),
        (2, ["ZeroDivisionError"]),
        (3, []),
        (4, ["['a', 'ours', 'b', 'c', 'd', 'task', 'e']"]),
    ]
    assert [outputs for _, outputs in shown(outcome)[8:]] == [[], ["KeyError"], []]
    assert len(json.dumps(outcome.notebook)) < 300_000
    nbformat.validate(json.loads(json.dumps(outcome.notebook)))


def test_cells_of_ours_have_no_value_that_the_kernel_formats(tmp_path: Path) -> None:
    cells = [
        cell(1, "asked = []; html = get_ipython().display_formatter.formatters['text/html']; type = int = None"),
        cell(2, "html.for_type(None.__class__, lambda *_: asked.append(1)); None"),
        cell(3, "asked += ['ours']", role="internal"),
        cell(4, "asked"),
    ]
    outcome = PapermillExecutor().run(job(tmp_path, *cells), ignore)
    assert shown(outcome)[-1][1] == ["['ours']"]


def test_a_failure_tells_where_in_the_users_code(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("def check(x):\n    raise ValueError(f'bad {x}\\nand worse')\n")
    cells = [
        cell(1, "_opened = 1", role="internal"),
        cell(4, "import helpers\n\n%time helpers.check(3)"),
        cell(5, "print('never')"),
    ]
    outcome = PapermillExecutor().run(job(tmp_path, *cells), ignore)
    assert (outcome.status, outcome.error, outcome.cell) == ("failed", "ValueError: bad 3", 4)
    traceback = COLOUR.sub("", outcome.traceback)
    assert "Cell In[1], line 3" in traceback
    assert "helpers.py:2, in check(x)" in traceback
    assert "IPython/core" not in traceback
    assert outcome.traceback != traceback
    assert [(count, outputs[-1:]) for count, outputs in shown(outcome)] == [(1, []), (1, ["ValueError"]), (None, [])]
    assert [c["metadata"]["nbflow"].get("cell") for c in outcome.notebook["cells"]] == [None, 4, 5]


KILLED = """
import os, signal, time
print("before", flush=True)
time.sleep(0.3)  # The output is on its way in a thread.
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("source", "status", "error"),
    [
        (KILLED, "crashed", "the kernel was killed by SIGKILL (often: out of memory)"),
        ("print('before')\nraise SystemExit", "failed", f"SystemExit ({HINTS['SystemExit']})"),
    ],
)  # fmt: skip
def test_a_kernel_that_dies_has_crashed_and_one_that_is_left_has_failed(
    tmp_path: Path, source: str, status: str, error: str
) -> None:
    outcome = PapermillExecutor().run(job(tmp_path, cell(3, "1"), cell(4, source), cell(5, "1")), ignore)
    assert (outcome.status, outcome.error, outcome.cell) == (status, error, 4)
    assert shown(outcome)[0] == (1, ["1"])
    assert shown(outcome)[1][1][0] == ("stdout", "before\n")
    assert shown(outcome)[2] == (None, [])


def test_a_step_that_takes_too_long_is_interrupted(tmp_path: Path) -> None:
    outcome = PapermillExecutor().run(job(tmp_path, cell(2, "import time\ntime.sleep(60)"), timeout=0.5), ignore)
    assert (outcome.status, outcome.error, outcome.cell) == (
        "timed_out", "the step took longer than its timeout of 0.5 s", 2,
    )  # fmt: skip
    assert "time.sleep(60)" in COLOUR.sub("", outcome.traceback)
    assert 0.5 <= outcome.seconds < 5


STUBBORN = """
import time
for wait in range(60):
    try:
        if not wait:
            print("runs", flush=True)
        time.sleep(1)
    except KeyboardInterrupt:
        print("no", flush=True)
"""


def test_a_person_can_stop_a_step_and_kill_one_that_will_not(tmp_path: Path) -> None:
    executor = PapermillExecutor()
    told: list[str] = []

    def stop_when_told(done: int, total: int, text: str) -> None:
        if text:
            told.append(text)
        force = "no" in text
        if force or "runs" in text:
            threading.Thread(target=executor.stop, args=("a#1", force)).start()

    outcome = executor.run(job(tmp_path, cell(2, STUBBORN), cell(3, "1")), stop_when_told)
    assert (outcome.status, outcome.error, outcome.cell, told) == ("stopped", "", 2, ["runs\n", "no\n"])
    assert shown(outcome) == [(1, [("stdout", "runs\nno\n")]), (None, [])]


def test_a_step_that_swallows_the_interrupt_is_killed_after_a_grace(tmp_path: Path) -> None:
    executor = PapermillExecutor(grace=1.0)
    child = "import subprocess\nprint(subprocess.Popen(['sleep', '1000']).pid, flush=True)\n"
    told: list[str] = []

    def stop_once(done: int, total: int, text: str) -> None:
        if text:
            told.append(text)
        if "runs" in text:
            threading.Thread(target=executor.stop, args=("a#1", False)).start()

    outcome = executor.run(job(tmp_path, cell(1, child), cell(2, STUBBORN), cell(3, "1")), stop_once)
    assert (outcome.status, outcome.error, outcome.cell, told[1:]) == ("stopped", "", 2, ["runs\n", "no\n"])
    assert shown(outcome)[1:] == [(2, [("stdout", "runs\nno\n")]), (None, [])]
    assert not is_alive(int(told[0]))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_step_that_is_stopped_before_it_begins_starts_no_kernel(tmp_path: Path) -> None:
    executor = PapermillExecutor()
    executor.stop("a#1", force=False)
    a = job(tmp_path, cell(1, "1"))
    assert executor.run(a, ignore) == Outcome("stopped", a.notebook)


def test_long_output_is_cut_and_takes_little_memory(tmp_path: Path) -> None:
    sizes: list[int] = []
    before = psutil.Process().memory_info().rss
    peak = 0

    def watch(done: int, total: int, text: str) -> None:
        nonlocal peak
        sizes.append(len(text))
        peak = max(peak, psutil.Process().memory_info().rss)

    source = "print('start\\n' + ('correct-horse' + 61 * '.' + '\\n') * 560_000 + 'end')"  # 42 MB
    executor = PapermillExecutor(Masker({"PASSWORD": "correct-horse"}))
    outcome = executor.run(job(tmp_path, cell(3, source)), watch)
    assert outcome.status == "succeeded"
    ((count, [(_, text)]),) = shown(outcome)
    log = tmp_path / "attempt" / "a.cell-3.log"
    assert (count, text[:6], text[-4:], outcome.logs) == (1, "start\n", "end\n", (log,))
    assert text.count("… 33 MB more in steps/a.cell-3.log …") == 1
    assert 9_999_900 < len(text) < 10_000_100  # whole lines
    assert max(sizes) <= 1_100_000  # a mark is longer than its secret
    assert peak - before < 220_000_000  # what waits to be read differs from run to run
    with log.open() as file:
        assert set(file) == {"***PASSWORD***" + 61 * "." + "\n"}


def test_a_secret_that_is_printed_in_pieces_is_masked_also_where_another_stream_comes_between(tmp_path: Path) -> None:
    source = """
import sys, time
for part in ("corr", "ect-ho", "rse!"):
    print(part, end="", file=sys.stderr, flush=True)
    print("out", flush=True)
    time.sleep(0.1)
"""
    told: list[str] = []
    executor = PapermillExecutor(Masker({"PASSWORD": "correct-horse"}))
    ((_, outputs),) = shown(executor.run(job(tmp_path, cell(3, source)), hears(told)))
    streams = {name: "".join(text for of, text in outputs if of == name) for name in ("stdout", "stderr")}
    assert streams == {"stdout": "out\n" * 3, "stderr": "***PASSWORD***!"}
    assert "".join(told).replace("out\n", "") == "***PASSWORD***!"


def test_two_slices_run_at_once_each_in_its_place(tmp_path: Path) -> None:
    executor = PapermillExecutor()
    folders = [tmp_path / "one", tmp_path / "two"]
    source = """
import os, pathlib, time
me, other = pathlib.Path.cwd(), pathlib.Path(os.environ["OTHER"])
(me / "here").touch()
while not (other / "here").exists():
    time.sleep(0.01)
print(me.name)
"""
    for folder in folders:
        folder.mkdir()
    jobs = [
        job(me, cell(1, source), key=me.name, environment={**os.environ, "OTHER": str(other)}, timeout=60)
        for me, other in (folders, folders[::-1])
    ]
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(lambda j: executor.run(j, ignore), jobs))
    assert [o.status for o in outcomes] == ["succeeded", "succeeded"]
    assert [shown(o)[0][1] for o in outcomes] == [[("stdout", "one\n")], [("stdout", "two\n")]]


def kernelspec(folder: Path, name: str, source: str) -> None:
    spec = folder / "kernels" / name
    spec.mkdir(parents=True)
    argv = ["python", "-c", source]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": name, "language": "python"}))


@pytest.mark.parametrize(
    ("kernel", "error"),
    [
        ("broken", "the kernel did not start: ModuleNotFoundError: No module named 'nothing'"),
        ("killed", "the kernel did not start: it was killed by SIGKILL (often: out of memory)"),
        ("leaving", "the kernel did not start: it exited with status 3"),
        ("gone", "there is no kernel named 'gone'"),
    ],
)
def test_a_kernel_that_does_not_start_has_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], kernel: str, error: str
) -> None:
    kernelspec(tmp_path, "broken", "import nothing")
    kernelspec(tmp_path, "killed", "import os; os.kill(os.getpid(), 9)")
    kernelspec(tmp_path, "leaving", "import os; os._exit(3)")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    a = job(tmp_path, cell(1, "1"))
    outcome = PapermillExecutor().run(Job(a.key, a.notebook, kernel, a.folder, a.attempt_folder, a.log_name), ignore)
    assert (outcome.status, outcome.error, outcome.seconds) == ("crashed", error, 0.0)
    assert capfd.readouterr() == ("", "")


def test_a_start_can_be_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "started"
    kernelspec(tmp_path, "slow", f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(60)")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    a = job(tmp_path, cell(1, "1"))
    executor = PapermillExecutor()

    def stop_soon() -> None:
        while not started.exists():
            time.sleep(0.01)
        executor.stop("a#1", force=False)

    threading.Thread(target=stop_soon).start()
    outcome = executor.run(Job(a.key, a.notebook, "slow", a.folder, a.attempt_folder, a.log_name), ignore)
    assert (outcome.status, outcome.error) == ("stopped", "")
