"""What a process has open, told from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nbflow.kernels.holding import holds_nothing, threads_of

READY = "\nprint('ready', flush=True); input()"


@pytest.mark.parametrize(
    ("code", "nothing"),
    [
        ("pass", True),
        ("import socket, os; pair = socket.socketpair(); pipe = os.pipe(); null = open('/dev/null')", True),
        ("import os; os.mkdir('own'); log = open('own/kernel.log', 'w')", True),
        ("data = open('data.db', 'w')", False),
        ("import os; os.mkdir('owner'); data = open('owner/data.db', 'w')", False),
        ("data = open('data.db', 'w'); import os; os.remove('data.db')", False),
        ("import tempfile; data = tempfile.TemporaryFile()", False),
        ("import threading; threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()", False),
        ("import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=-1)", False),
    ],
)
def test_what_a_process_holds(tmp_path: Path, code: str, nothing: bool) -> None:
    words = [sys.executable, "-c", code + READY]
    with subprocess.Popen(
        words, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert holds_nothing(process.pid, 1, tmp_path / "own") is nothing
        process.communicate(b"\n")
    assert not holds_nothing(process.pid, 1, tmp_path / "own"), "nobody is there"
    assert threads_of(process.pid) == 0
