"""A run as a process of its own, which outlives the terminal, the kernel or the server that asked for it.

It is ``nbflow run … --json`` (or ``retry``) in a session of its own, so that no signal meant for its parent reaches it.
It says with its first line that it has begun; from then on nobody need listen, and whoever wants to know reads the
journal. Read ``following`` next.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbflow.errors import NbflowError, UsageError

PROGRAM = ("-m", "nbflow")
"""What Python runs."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A run that has begun."""

    run: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def interrupt(self) -> None:
        """What Ctrl-C does: the first time its steps are interrupted, the second time they are killed."""
        self.process.send_signal(signal.SIGINT)


class NotLaunched(NbflowError):
    """The run did not begin; the message is what it said about that, and its exit code is its own."""

    def __init__(self, said: str, exit_code: int) -> None:
        super().__init__(said)
        self.exit_code = exit_code


def launch(
    words: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None, program: Sequence[str] = PROGRAM
) -> Launched:
    """Start ``nbflow WORDS`` (``run …``, ``retry …``) in ``cwd``, and return once it has begun.

    Raises ``NotLaunched``, and ``UsageError`` for words that no process can be given."""
    with tempfile.TemporaryFile() as told:
        # -P: a `json.py` of the user's in that folder is none of ours.
        command = [sys.executable, "-P", *program, *words, "--json"]
        try:
            process = subprocess.Popen(
                command, cwd=cwd, env=None if environ is None else dict(environ), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=told, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:  # too long, or a null character
            raise UsageError(
                f"The run cannot be started: {getattr(error, 'strerror', None) or error}.",
                "If a parameter is very long, give it in a file: -f parameters.yaml",
            ) from None
        line = _first_line(process)
        if not line:
            code = process.wait()
            told.seek(0)
            said = told.read().decode("utf-8", "replace").strip()
            raise NotLaunched(said or f"nbflow: The run ended with exit code {code} before it had begun.", code)
    began = json.loads(line)
    let_go(process)
    return Launched(began["run"], Path(began["folder"]), process)


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    try:
        with process.stdout as events:
            return events.readline()
    except BaseException:  # an interrupt: nobody would know of the run
        process.send_signal(signal.SIGINT)
        let_go(process)
        raise


def let_go(process: subprocess.Popen[bytes]) -> None:
    """It goes on without us. Who started it may live long, so it is reaped when it ends."""
    threading.Thread(target=process.wait, name=f"nbflow waits for {process.pid}", daemon=True).start()
