"""What a killed run has left is cleared away by the next one, and nothing of a run that goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow.journal import RunLock, dead_runs
from tests.commands import Given, nbflow
from tests.journals import LATER, RUN
from tests.test_cli_interrupt import SLEEPER, running, until

ROOT = Path(__file__).parent.parent
LOAD = "%%step load -o a\na = 1"

KILLED = """
import os
from nbflow.ui.cli import main
from tests.plain_executor import PlainExecutor

class Killed(PlainExecutor):
    def run(self, job, tell):
        os.kill(os.getpid(), 9)

main(Killed())
"""


def killed(root: Path) -> None:
    """A run that dies in the middle of a step."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, "run"], cwd=root, env=environ, capture_output=True)
    assert done.returncode == -9


def left(root: Path) -> tuple[list[str], list[str]]:
    """Runs of which a work folder is left, and those of which a lock is."""
    home = root / ".nbflow"
    work = sorted({path.name.rpartition("-")[0] for path in (home / "store" / "work").glob("*")})
    return work, sorted(path.stem for path in (home / "locks").glob("*"))


def test_the_next_run_clears_away_after_a_killed_one(tmp_path: Path) -> None:
    Given((LOAD,)).write(tmp_path)
    killed(tmp_path)
    ((dead,), locks) = left(tmp_path)
    assert locks == [dead]
    assert nbflow(tmp_path, "plan").code == 0  # looking changes nothing
    assert left(tmp_path) == ([dead], [dead])
    assert nbflow(tmp_path, "run").code == 0
    assert left(tmp_path) == ([], [])


def test_a_run_that_goes_on_keeps_what_it_has(tmp_path: Path) -> None:
    Given((LOAD,)).write(tmp_path)
    assert nbflow(tmp_path, "run").code == 0
    work = tmp_path / ".nbflow" / "store" / "work"
    for run in (RUN, LATER):
        (work / f"{run}-abc" / "out").mkdir(parents=True)
    (tmp_path / ".nbflow" / "locks" / f"{LATER}.lock").touch()
    with RunLock(tmp_path, RUN):
        assert dead_runs(tmp_path) == [LATER]
        assert nbflow(tmp_path, "run").code == 0
        assert left(tmp_path) == ([RUN], [RUN])


@pytest.mark.parametrize("content", ["", '{"pid": 1, "host": "elsewhere", "locked": true}'])
def test_a_run_of_another_host_is_left_alone(tmp_path: Path, content: str) -> None:
    Given((LOAD,)).write(tmp_path)
    assert nbflow(tmp_path, "run").code == 0
    (tmp_path / ".nbflow" / "store" / "work" / f"{RUN}-abc").mkdir()
    (tmp_path / ".nbflow" / "locks" / f"{RUN}.lock").write_text(content)
    assert nbflow(tmp_path, "run").code == 0
    assert left(tmp_path) == (([RUN], [RUN]) if content else ([], []))


def test_runs_that_begin_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    Given((LOAD,)).write(tmp_path)
    assert nbflow(tmp_path, "run").code == 0
    for number in range(20):
        (tmp_path / ".nbflow" / "locks" / f"20261124-1530{number:02d}-dead.lock").touch()
    code = "from nbflow.ui.cli import main; main()"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code, "run"], cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    assert [run.wait(120) for run in runs] == [0, 0, 0]
    assert left(tmp_path) == ([], [])


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where kernels have their folders, with a short name."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


@pytest.mark.slow
def test_kernels_of_a_killed_run_leave_no_folder_once_another_has_run(tmp_path: Path, temporary: Path) -> None:
    with running(tmp_path, SLEEPER) as run:
        run.wait_for("asleep")
        run.process.kill()
        run.process.wait()
    assert any(path.name.startswith("nbflow-") for path in temporary.iterdir())
    ((dead,), locks) = left(tmp_path)
    assert locks == [dead]
    assert nbflow(tmp_path, "run", "-s", "quick").code == 0
    until(lambda: list(temporary.iterdir()) == [])
    assert left(tmp_path) == ([], [])


DAEMON = (
    "import pathlib, subprocess, time",
    ("%%step server -o a\na = subprocess.Popen(['sleep', '300'], start_new_session=True).pid\nEND"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "end", ["", "raise ValueError", "import os; os._exit(0)", "pathlib.Path('asleep').touch(); time.sleep(300)"],
    ids=["success", "failure", "exit", "SIGKILL"],
)  # fmt: skip
def test_a_child_in_a_session_of_its_own_goes_with_its_kernel(tmp_path: Path, end: str) -> None:
    with running(tmp_path, tuple(cell.replace("END", end) for cell in DAEMON)) as run:
        if "asleep" in end:
            run.wait_for("asleep")
            run.process.kill()
            run.process.wait()
        else:
            run.end()
