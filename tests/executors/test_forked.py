"""The executor on forked kernels: crashes, timeouts and a person's stop are as for kernels started anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbflow.executors.papermill import PapermillExecutor
from nbflow.kernels.choosing import Want
from nbflow.kernels.forks import ForkServer
from nbflow.kernels.kernel import Kernel
from nbflow.kernels.parents import Child
from nbflow.kernels.pool import Kernels, Makers
from tests.executors.test_papermill import COLOUR, KILLED, STUBBORN, cell, hears, ignore, job, shown
from tests.kernels.talking import a_server, environment, gone, start_of, until

pytestmark = pytest.mark.slow


class Forks(Makers):
    """Forks every kernel from one server, wherever it is wanted."""

    def __init__(self, server: ForkServer) -> None:
        super().__init__()
        self.server_for_all = server
        self.made: list[Kernel] = []

    def kernel(self, want: Want, server: ForkServer | None) -> Kernel:
        self.made.append(Kernel(want.kernel, environment(), self.guard, self.server_for_all))
        return self.made[-1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with a_server(start_of(tmp_path_factory.mktemp("forked"))) as server:
        yield server


@pytest.fixture
def executor(server: ForkServer) -> Iterator[PapermillExecutor]:
    forks = Forks(server)
    with Kernels(2, makers=forks) as kernels:
        yield PapermillExecutor(kernels=kernels, grace=60.0)
    assert forks.made
    assert all(kernel.is_forked and isinstance(kernel._process, Child) for kernel in forks.made)
    until(lambda: all(gone(kernel.pid) for kernel in forks.made))
    assert not any(kernel.folder.exists() for kernel in forks.made)


def test_what_cells_show_comes_through(tmp_path: Path, executor: PapermillExecutor) -> None:
    cells = [
        cell(1, "import os; print(os.getcwd())"),
        cell(2, "1 + 1"),
        cell(3, "print('x' * 3_000_000)"),
        cell(4, "1 / 0"),
    ]
    told: list[str] = []
    outcome = executor.run(job(tmp_path, *cells), hears(told))
    assert (outcome.status, outcome.error, outcome.cell) == ("failed", "ZeroDivisionError: division by zero", 4)
    assert shown(outcome)[:2] == [(1, [("stdout", f"{tmp_path}\n")]), (2, ["2"])]
    assert max(map(len, told)) <= 1_000_000
    assert "Cell In[4], line 1" in COLOUR.sub("", outcome.traceback)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (KILLED, "the kernel was killed by SIGKILL (often: out of memory)"),
        ("import os; os._exit(5)", "the kernel exited with status 5"),
    ],
)
def test_a_kernel_that_dies_has_crashed(tmp_path: Path, executor: PapermillExecutor, source: str, error: str) -> None:
    outcome = executor.run(job(tmp_path, cell(3, "1"), cell(4, source), cell(5, "1")), ignore)
    assert (outcome.status, outcome.error, outcome.cell) == ("crashed", error, 4)


def test_a_step_that_takes_too_long_is_interrupted(tmp_path: Path, executor: PapermillExecutor) -> None:
    outcome = executor.run(job(tmp_path, cell(2, "import time\ntime.sleep(60)"), timeout=0.5), ignore)
    assert (outcome.status, outcome.error, outcome.cell) == (
        "timed_out", "the step took longer than its timeout of 0.5 s", 2,
    )  # fmt: skip
    assert "time.sleep(60)" in COLOUR.sub("", outcome.traceback)


def test_a_person_can_stop_a_step_and_kill_one_that_will_not(tmp_path: Path, executor: PapermillExecutor) -> None:
    told: list[str] = []

    def stop_when_told(done: int, total: int, text: str) -> None:
        if text:
            told.append(text)
        if "no" in text or "runs" in text:
            threading.Thread(target=executor.stop, args=("a#1", "no" in text)).start()

    outcome = executor.run(job(tmp_path, cell(2, STUBBORN), cell(3, "1")), stop_when_told)
    assert (outcome.status, outcome.error, outcome.cell, told) == ("stopped", "", 2, ["runs\n", "no\n"])


def test_many_at_once_each_in_its_place(tmp_path: Path, executor: PapermillExecutor) -> None:
    folders = [tmp_path / str(n) for n in range(8)]
    for folder in folders:
        folder.mkdir()
    jobs = [job(folder, cell(1, "import os; print(os.getcwd())"), key=folder.name) for folder in folders]
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda j: executor.run(j, ignore), jobs))
    assert [shown(outcome)[0][1] for outcome in outcomes] == [[("stdout", f"{folder}\n")] for folder in folders]
