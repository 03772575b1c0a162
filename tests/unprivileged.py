"""Python in a process for which permissions hold, also where the tests run as root.

Root reads and writes whatever the mode says, by two capabilities. A process without them is still root to the
interpreter, which may lie where others cannot enter, but a folder that is closed is closed to it.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


def run_unprivileged(code: str, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python code with arguments; what it printed. A failure of the code fails the test, with its traceback."""
    return run_command_unprivileged([sys.executable, "-c", code, *map(str, arguments)], cwd=cwd, check=True)


def run_command_unprivileged(
    command: Iterable[str], cwd: Path | None = None, check: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run any command that way."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        list(command), capture_output=True, text=True, cwd=cwd, env=environ, preexec_fn=_give_up, timeout=120
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def closed(folder: Path) -> None:
    """Take the right to write from everything below a folder, as a read-only disk would."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(path.stat().st_mode & ~0o222)
    folder.chmod(0o555)


def opened(folder: Path) -> None:
    """Give the owner back the right to write, so that the folder can be removed."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode | 0o200)


def _give_up() -> None:
    if os.geteuid() == 0:  # from the next program on, for it and its children
        libc = ctypes.CDLL(None)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                os._exit(99)
