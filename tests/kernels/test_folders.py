"""Private folders of kernels: named only once they are locked, gone with their owner, swept when that was killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbflow.kernels.folders import PrivateFolder, sweep


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder with a short name, for this test alone."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


OWNER = """
import os, sys, tempfile
from nbflow.kernels.folders import PrivateFolder
tempfile.gettempdir()
killed_at = sys.argv[1]
sys.addaudithook(lambda event, _: event == killed_at and os.kill(os.getpid(), 9))
folder = PrivateFolder.make()
(folder.path / "k.json").touch()
if not killed_at:
    os.kill(os.getpid(), 9)
folder.remove()
"""


def left_by_a_killed_process(killed_at: str = "") -> None:
    """``killed_at``: the event, while it makes or removes a folder; without one, while it uses it."""
    assert subprocess.run([sys.executable, "-c", OWNER, killed_at]).returncode == -signal.SIGKILL


def test_a_folder_is_private_and_goes_when_it_is_removed(base: Path) -> None:
    folder = PrivateFolder.make()
    assert (folder.path.parent, stat.S_IMODE(folder.path.stat().st_mode)) == (base, 0o700)
    assert folder.path.name.startswith("nbflow-")
    folder.remove()
    folder.remove()
    assert list(base.iterdir()) == []


def test_what_a_killed_owner_left_is_swept_and_nothing_else(base: Path) -> None:
    alive = PrivateFolder.make()
    left_by_a_killed_process()
    (dead,) = (path for path in base.iterdir() if path != alive.path)
    (base / "nbflow-somebodys").mkdir()  # no owner ever said so
    (base / "nbflow-link").symlink_to(alive.path)
    (base / "nbflow-file").touch()
    assert (dead / "k.json").exists()
    sweep()
    assert {p.name for p in base.iterdir()} == {alive.path.name, "nbflow-somebodys", "nbflow-link", "nbflow-file"}
    assert alive.path.is_dir()
    alive.remove()


def test_two_may_sweep_at_a_time(base: Path) -> None:
    for _ in range(5):
        left_by_a_killed_process()
    code = "from nbflow.kernels.folders import sweep; sweep()"
    sweepers = [subprocess.Popen([sys.executable, "-c", code], env=os.environ) for _ in range(3)]
    assert [sweeper.wait(60) for sweeper in sweepers] == [0, 0, 0]
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("event", ["fcntl.flock", "os.rename", "os.remove", "os.rmdir"])
def test_a_folder_whose_owner_was_killed_while_it_made_or_removed_it_is_swept(base: Path, event: str) -> None:
    left_by_a_killed_process(event)
    assert len(list(base.iterdir())) == 1
    sweep()
    assert list(base.iterdir()) == []


def test_a_folder_that_is_being_made_is_not_lost_to_somebody_who_sweeps(base: Path) -> None:
    over = threading.Event()

    def sweep_on() -> None:
        while not over.is_set():
            sweep()

    with ThreadPoolExecutor(2) as threads:
        sweepers = [threads.submit(sweep_on) for _ in range(2)]
        try:
            made = [PrivateFolder.make() for _ in range(200)]
        finally:
            over.set()
        assert [sweeper.result() for sweeper in sweepers] == [None, None]
    assert all((folder.path / "owner").exists() for folder in made)
    for folder in made:
        folder.remove()
    sweep()
    assert list(base.iterdir()) == []
