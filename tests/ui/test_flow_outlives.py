"""A run that ``%flow run`` has started outlives the cell, the kernel and the server that it was asked from, and is
watched from elsewhere; inside a step it goes with the step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from queue import Empty

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from nbflow.journal import RunRow
from nbflow.ops import following
from tests.commands import steady
from tests.flows import write_notebook
from tests.ui.browser.server import serving
from tests.ui.live import Kernel, kernel_in
from tests.ui.test_flow_live import PATIENCE, ROOT, at_home, environment, until

pytestmark = pytest.mark.slow

SLEEPER = {
    "top": "%load_ext nbflow",
    "quick": "%%step quick -o a\na = 1",
    "sleep": (
        "%%step sleep -i a -o b\nimport pathlib, time\npathlib.Path('asleep').touch()\n"
        "while not pathlib.Path('wake').exists():\n    time.sleep(0.05)\nb = a"
    ),
    "then": "%%step then -i b -o c\nc = b",
    "last": "%%step last -i c\nc",
}
"""Goes on when it is woken: with kernels that are started then."""


def newest(folder: Path) -> RunRow:
    with following.journal_of(folder) as journal:
        return following.find_run(journal)


def nbflow(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbflow", *words], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def run_goes_on_and_is_attached_to(folder: Path) -> None:
    """It was asked from something that is gone. Nobody had asked it to stop."""
    run = newest(folder)
    assert run.status == "running"
    (folder / "wake").touch()
    watched = nbflow(folder, "attach")
    lines = [" ".join(line.split()) for line in steady(watched.stdout, folder).splitlines()[:9]]
    assert (watched.returncode, lines) == (
        0,
        [
            "step state time why",
            "✔ quick succeeded N.N s first run",
            "✔ sleep succeeded N.N s first run",
            "✔ then succeeded N.N s first run",
            "✔ last succeeded N.N s first run",
            "",
            "✔ Run RUN succeeded in N.N s: 4 succeeded.",
            "Executed notebook: nbflow_runs/RUN/flow.ipynb",
            "Report: nbflow_runs/RUN/report.html",
        ],
    )
    assert f"{run.id}  succeeded" in nbflow(folder, "runs").stdout
    with following.journal_of(folder) as journal:
        assert "CancelRequested" not in [event["event"] for event in journal.events(run.id)]
    until(lambda: not at_home(folder))


def kill(manager: KernelManager) -> None:
    provisioner = manager.provisioner
    assert provisioner is not None
    os.kill(provisioner.pid, signal.SIGKILL)  # type: ignore[attr-defined]  # a local process


ENDS: dict[str, Callable[[KernelManager], object]] = {
    "killed": kill,
    "restarted at once": lambda manager: manager.restart_kernel(now=True),
    "shut down": lambda manager: manager.shutdown_kernel(),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_kernel_is(end: str, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "flow.ipynb", SLEEPER)
    with kernel_in(tmp_path, environment(notebook)) as kernel:
        kernel.run(SLEEPER["top"])
        (before,) = at_home(tmp_path)
        kernel.send("%flow run")
        until((tmp_path / "asleep").exists)
        ENDS[end](kernel.manager)
        until(lambda: not before.is_running() or before.status() == psutil.STATUS_ZOMBIE)
    run_goes_on_and_is_attached_to(tmp_path)


def is_heard(client: BlockingKernelClient) -> bool:
    """Whether what the kernel says arrives."""
    client.kernel_info()
    try:
        return bool(client.iopub_channel.get_msg(timeout=1))
    except Empty:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told to end"])
def test_the_server_is(number: signal.Signals, tmp_path: Path) -> None:
    """The tab is closed first: nobody listens to the kernel any more."""
    with serving(tmp_path) as server:
        write_notebook(server.root / "flow.ipynb", SLEEPER)
        client = BlockingKernelClient(connection_file=str(server.start_kernel("flow.ipynb")))
        client.load_connection_file()
        client.start_channels()
        until(lambda: is_heard(client))
        tab = Kernel(KernelManager(), client)
        tab.run(SLEEPER["top"])
        (kernel,) = at_home(server.root)
        tab.send("%flow run")
        until((server.root / "asleep").exists)
        client.stop_channels()
        assert server.process is not None
        server.process.send_signal(number)
        server.process.wait(PATIENCE)
        until(lambda: not kernel.is_running())
        run_goes_on_and_is_attached_to(server.root)


def test_inside_a_step_it_goes_with_the_step(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    write_notebook(inner / "flow.ipynb", {"first": "%load_ext nbflow\n%flow run", **SLEEPER})
    execute = "subprocess.run([sys.executable, '-m', 'papermill', '../inner/flow.ipynb', '../inner/executed.ipynb'"
    execute += ", '--cwd', '../inner'])"
    write_notebook(outer / "flow.ipynb", {"a": "import subprocess, sys", "b": f"%%step call\n{execute}"})
    for folder in (inner, outer):
        (folder / "pyproject.toml").write_text("[tool.nbflow]\njobs = 2\n")
    assert nbflow(outer, "run", "--detach").returncode == 0
    until((inner / "asleep").exists)
    assert newest(inner).status == "running"
    assert nbflow(outer, "cancel", "--force").returncode == 0
    until(lambda: not at_home(tmp_path))
    assert (newest(outer).status, newest(inner).status) == ("cancelled", "crashed")
