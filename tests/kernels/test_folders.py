"""Private folders of kernels: named only once they are locked, gone with their owner, swept when that was killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
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


def left_by_a_killed_process() -> Path:
    code = (
        "import os; from nbflow.kernels.folders import PrivateFolder; folder = PrivateFolder.make();"
        "(folder.path / 'k.json').touch(); print(folder.path, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    return Path(done.stdout.strip())


def test_a_folder_is_private_and_goes_when_it_is_removed(base: Path) -> None:
    folder = PrivateFolder.make()
    assert (folder.path.parent, stat.S_IMODE(folder.path.stat().st_mode)) == (base, 0o700)
    assert folder.path.name.startswith("nbflow-")
    folder.remove()
    folder.remove()
    assert list(base.iterdir()) == []


def test_what_a_killed_owner_left_is_swept_and_nothing_else(base: Path) -> None:
    alive = PrivateFolder.make()
    dead = left_by_a_killed_process()
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
