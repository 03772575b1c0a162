from __future__ import annotations

import stat
from pathlib import Path

import pytest

from nbflow.kernels.folders import LONGEST_SOCKET
from nbflow.kernels.kernel import Kernel, cause_of_death
from tests.kernels.talking import GUARD


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (None, "the kernel stopped answering"),
        (0, "the kernel exited with status 0"),
        (3, "the kernel exited with status 3"),
        (-9, "the kernel was killed by SIGKILL (often: out of memory)"),
        (-11, "the kernel was killed by SIGSEGV (a fault in native code)"),
        (-15, "the kernel was killed by SIGTERM"),
        (-99, "the kernel was killed by signal 99"),
    ],
)
def test_an_exit_status_says_why_a_kernel_is_gone(status: int | None, cause: str) -> None:
    assert cause_of_death(status) == cause


@pytest.mark.parametrize("long", [False, True])
def test_a_kernel_has_a_private_folder_with_room_for_its_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    base = tmp_path / ("x" * 90 if long else "x")
    base.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(base))
    kernel = Kernel("python3", {}, GUARD)
    folder = kernel.folder
    socket = f"{folder}/k-ipc-5"
    assert (stat.S_IMODE(folder.stat().st_mode), kernel.manager.transport) == (0o700, "ipc")
    assert len(socket) <= LONGEST_SOCKET
    assert long or len(str(base)) + 30 > LONGEST_SOCKET or folder.parent == base.resolve()
    kernel.end()
    assert not folder.exists()
