"""A run as a process of its own, which outlives the terminal, the kernel or the server that asked for it.

It is ``nbflow run … --json`` (or ``retry``) in a session of its own. It says with its first line that it has begun;
from then on nobody need listen, and whoever wants to know reads the journal. Read ``following`` next.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbflow.errors import NbflowError


@dataclass(frozen=True, slots=True)
class Launched:
    """A run that has begun."""

    run: str
    folder: Path


class NotLaunched(NbflowError):
    """The run did not begin; the message is what it said about that, and its exit code is its own."""

    def __init__(self, said: str, exit_code: int) -> None:
        super().__init__(said)
        self.exit_code = exit_code


def launch(words: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None) -> Launched:
    """Start ``nbflow WORDS`` (``run …``, ``retry …``) in ``cwd``, and return once it has begun.

    Raises ``NotLaunched``."""
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "nbflow", *words, "--json"], cwd=cwd,
            env=None if environ is None else dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=told, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        with process.stdout as events:
            line = events.readline()
        if not line:
            code = process.wait()
            told.seek(0)
            raise NotLaunched(told.read().decode("utf-8", "replace").strip(), code)
    began = json.loads(line)
    let_go(process)
    return Launched(began["run"], Path(began["folder"]))


def let_go(process: subprocess.Popen[bytes]) -> None:
    """It goes on without us. Who started it may live long, so it is reaped when it ends."""
    threading.Thread(target=process.wait, name=f"nbflow waits for {process.pid}", daemon=True).start()
