"""Commands of nbflow, many in a row, each in a fork of one process that has loaded nbflow: whole commands with all that
they leave on the disk, without the second that loading takes. Steps run without Jupyter."""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

ROOT = Path(__file__).parent.parent
LEFT_OUT = (
    "executors.papermill",
    "kernels.farside",
    "runtime",
    "ui.magic",
    "__main__",
    "api",
    "server",
    "stored",
    "alerts",
)
"""What these commands do not load."""


class Said(NamedTuple):
    """How a command ended, as ``subprocess`` says it, and what it printed."""

    code: int
    out: str
    err: str


class ForkedCommands:
    """Runs them; to be used as a context manager. ``folder``: for what they print."""

    def __init__(self, folder: Path) -> None:
        self._out, self._err = folder / "out", folder / "err"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked_commands"], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def __enter__(self) -> ForkedCommands:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def nbflow(self, *words: str, cwd: Path, environ: Mapping[str, str]) -> Said:
        """``nbflow WORDS`` in a folder, with these variables besides."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"words": words, "cwd": str(cwd), "environ": environ, "out": str(self._out), "err": str(self._err)}
        self._process.stdin.write(json.dumps(order) + "\n")
        code = int(self._process.stdout.readline())
        return Said(code, self._out.read_text(), self._err.read_text())


def serve() -> dict[str, Any] | None:
    """Fork for each order until there are no more; in a fork, what it is to do."""
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        pid = os.fork()
        if pid == 0:
            return order
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def become(order: dict[str, Any]) -> NoReturn:
    """The command of an order."""
    for number, path, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, order["err"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, how, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(order["cwd"])
    os.environ.update(order["environ"])
    sys.argv = ["nbflow", *order["words"]]
    from nbflow.ui.cli import main
    from tests.faults import sitecustomize
    from tests.plain_executor import PlainExecutor

    if "NBFLOW_TEST_FAULT_ROOT" in os.environ:
        sitecustomize.install()
    code = 0
    try:
        main(PlainExecutor())
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    atexit._run_exitfuncs()  # what libraries have registered is done; the modules of a fork need no taking apart
    os._exit(code)


def load() -> None:

    import nbflow

    for found in pkgutil.walk_packages(nbflow.__path__, "nbflow."):
        if not found.name.startswith(tuple(f"nbflow.{name}" for name in LEFT_OUT)):
            importlib.import_module(found.name)


if __name__ == "__main__":
    load()
    importlib.import_module("tests.faults.sitecustomize")
    gc.freeze()
    if (given := serve()) is not None:
        become(given)
