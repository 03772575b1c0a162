"""Tries whether a kernelspec starts: a kernel is started, asked whether it is there, and ended. No cell is run."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from nbflow.kernels.loops import in_own_loop

PATIENCE = 60.0
"""Seconds that a kernel may take to answer."""


class Trial(NamedTuple):
    """How a start went."""

    works: bool
    seconds: float
    words: str
    """What was wrong; ``""`` for nothing."""


def trial(kernel: str) -> Trial:
    """Start the kernel of that name once. Takes as long as that takes; may be called from several threads."""
    return in_own_loop(_trial, kernel)


def _trial(kernel: str) -> Trial:
    from jupyter_client.manager import KernelManager

    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nbflow-") as folder:
        manager = KernelManager(kernel_name=kernel, connection_file=str(Path(folder) / "k.json"))
        words = ""
        with (Path(folder) / "log").open("w+b") as log:
            try:
                manager.start_kernel(stdout=log, stderr=log, cwd=folder)
                client = manager.client()
                client.start_channels()
                try:
                    client.wait_for_ready(timeout=PATIENCE)
                finally:
                    client.stop_channels()
            except Exception as error:  # whatever it is, it is the answer
                log.seek(0)
                said = log.read().decode("utf-8", "replace").strip().splitlines()
                words = next((line.strip() for line in reversed(said) if line.strip()), "") or str(error)
            finally:
                with suppress(Exception):
                    manager.shutdown_kernel(now=True)
    return Trial(not words, round(time.monotonic() - began, 1), words)
