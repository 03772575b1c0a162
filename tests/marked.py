"""``nbflow run`` as a process whose whole family can be found again: all that it starts, at whatever remove and in
whatever session, inherits a mark in its environment. Who clears that takes the mark along as an argument."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
MARK = "A_TEST_HAS_STARTED"

PATIENCE = 5.0
"""Seconds after which nobody may be left of a run that was killed."""

PEAK = "peak"
"""A file in the folder of a measured run: the most memory that nbflow's own process took, in kB."""

MEASURED = f"""
import atexit, pathlib, re
from nbflow.ui.cli import main

@atexit.register
def write():
    found = re.search("VmHWM:(.*)kB", pathlib.Path("/proc/self/status").read_text())
    pathlib.Path("{PEAK}").write_text(found[1])

main()
"""
"""What to run in the place of ``python -m nbflow``."""


class MarkedRun:
    """Starts it. ``environ``: variables besides those of this process."""

    def __init__(self, folder: Path, *words: str, environ: dict[str, str] | None = None, code: str = "") -> None:
        self.mark = secrets.token_hex(8)
        self.process = subprocess.Popen(
            [sys.executable, *(("-c", code) if code else ("-m", "nbflow")), "run", *words], cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), MARK: self.mark, **(environ or {})},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.told = self.process.stdout

    def family(self) -> list[psutil.Process]:
        """All that live and carry the mark, itself included."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                carries = process.environ().get(MARK) == self.mark or self.mark in process.cmdline()
                if carries and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def kill(self) -> float:
        """Kill it alone, without a warning; seconds until nobody of its family was left. ``TimeoutError`` where
        somebody stays longer than ``PATIENCE``."""
        self.process.kill()
        self.process.wait()
        began = time.monotonic()
        while left := self.family():
            if time.monotonic() > began + PATIENCE:
                raise TimeoutError(f"left: {[(p.pid, p.cmdline()) for p in left]}")
            time.sleep(0.02)
        return time.monotonic() - began

    def end(self) -> tuple[int, str, str]:
        """Its exit code, and what it had still to say."""
        out, err = self.process.communicate(timeout=300)
        return self.process.returncode, out, err

    def clear_away(self) -> None:
        """For a test that failed: end all that is left."""
        for process in self.family():
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        self.process.communicate()
