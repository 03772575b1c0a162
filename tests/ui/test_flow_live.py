"""``%flow`` through real kernels: in a front end, interrupted, under tools that execute notebooks, in a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest

from nbflow.ui.magic.where import JUPYTER
from tests.commands import steady
from tests.flows import write_notebook
from tests.ui.live import Answer, kernel_in

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
"""Seconds; a machine under load takes its time to start kernels."""

CELLS = {
    "top": "%load_ext nbflow",
    "load": "%%step load -o raw\nraw = [1, 2, 3]\nprint('loaded')",
    "clean": "%%step clean -i raw -o table\ntable = {n: 10 * n for n in raw}",
    "fail": "%%step fail -i table\n1 / 0",
}


def environment(notebook: Path) -> dict[str, str]:
    """What a server gives the kernel of a notebook."""
    return {**os.environ, "PYTHONPATH": str(ROOT), JUPYTER: str(notebook)}


def kinds(answer: Answer) -> list[tuple[str, list[str]]]:
    """What was shown, by kind and MIME types."""
    return [(part[0], sorted(part[1]) if isinstance(part[1], Mapping) else []) for part in answer.shown]


PICTURE, TABLE = ["image/svg+xml", "text/plain"], ["text/html", "text/plain"]


def test_in_a_notebook_it_draws_runs_loads_and_completes(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "flow.ipynb", CELLS)
    with kernel_in(tmp_path, environment(notebook)) as kernel:
        kernel.run(CELLS["top"])
        assert kinds(kernel.run("%flow")) == [("display_data", PICTURE)]

        ran = kernel.run("%flow run +clean")
        first, *updates, picture, table = ran.shown
        assert (ran.status, first[0], table[0]) == ("ok", "display_data", "display_data")
        assert first[1]["text/plain"].endswith(": 2 steps to run, 0 to reuse.")
        assert {part[0] for part in (*updates, picture)} == {"update_display_data"}
        assert {part[3]["display_id"] for part in (first, *updates, picture)} == {first[3]["display_id"]}
        assert all("load" in part[1]["text/plain"] and "text/html" not in part[1] for part in updates)
        assert (sorted(picture[1]), sorted(table[1])) == (PICTURE, TABLE)
        assert steady(table[1]["text/plain"], tmp_path).splitlines()[1:3] == [
            "✔  load   succeeded  N.N s  first run",
            "✔  clean  succeeded  N.N s  first run",
        ]

        assert (
            steady(kernel.run("%flow load clean").text, tmp_path) == "nbflow: loaded table from step clean (run RUN)\n"
        )
        assert kernel.run("table").shown[0][1]["text/plain"] == "{1: 10, 2: 20, 3: 30}"

        failed = kernel.run("%flow run fail --wait")
        assert (failed.status, failed.error[:2]) == (
            "error",
            (
                "StepError",
                "step `fail` failed: ZeroDivisionError: division by zero. To resume: %flow run fail",
            ),
        )
        assert "nbflow/" not in failed.error[2]

        offered = kernel.ask(kernel.client.complete("x = 1\n%flow run +cl", 19))
        assert (offered["matches"], offered["cursor_start"], offered["cursor_end"]) == (["+clean"], 16, 19)
        assert set(kernel.ask(kernel.client.complete("%flow ", 6))["matches"]) >= {"run", "why", "load", "help"}


SLEEPER = {
    "top": "%load_ext nbflow",
    "quick": "%%step quick -o a\na = 1",
    "sleep": (
        "%%step sleep -i a -o b\nimport pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "pathlib.Path('asleep').touch()\ntime.sleep(300)\nb = a"
    ),
}


def test_an_interrupt_cancels_the_run_and_leaves_no_process(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "flow.ipynb", SLEEPER)
    with kernel_in(tmp_path, environment(notebook)) as kernel:
        kernel.run(SLEEPER["top"])
        alone = len(at_home(tmp_path))
        request = kernel.send("%flow run")
        until((tmp_path / "asleep").exists)
        assert len(at_home(tmp_path)) >= alone + 2  # the step's kernel and its child
        kernel.manager.interrupt_kernel()
        stopped = kernel.take(request)
        assert (stopped.status, stopped.error[:2]) == (
            "error",
            (
                "KeyboardInterrupt",
                "the run was cancelled; what succeeded is kept. To resume: %flow run",
            ),
        )
        assert stopped.error[2] == f"KeyboardInterrupt: {stopped.error[1]}"
        assert states(stopped) == ["succeeded", "cancelled"]
        until(lambda: len(at_home(tmp_path)) == alone)
        assert kernel.run("%flow load quick").status == "ok"
        assert kernel.run("a").shown[0][1]["text/plain"] == "1"
    until(lambda: not at_home(tmp_path))


def states(answer: Answer) -> list[str]:
    """Of the steps, in the table below a run."""
    table = next(part[1]["text/plain"] for part in answer.shown if part[0] == "display_data" and "text/html" in part[1])
    return [line.split()[2] for line in table.partition("\n\n")[0].splitlines()[1:]]


def at_home(folder: Path) -> list[psutil.Process]:
    """Pythons that work in this folder. (The shell that kills kernels lives as long as who started them.)"""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            here = process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder)
            if here and "python" in process.name():
                found.append(process)
    return found


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- tools that execute notebooks ----------------------------------------------------------------------

TOOLS = {
    "papermill": ["papermill", "--no-progress-bar", "{notebook}", "{executed}"],
    "nbconvert": ["nbconvert", "--to", "notebook", "--execute", "--output", "{executed}", "{notebook}"],
}


def execute(
    tool: str, cells: Mapping[str, str], folder: Path
) -> tuple[subprocess.CompletedProcess[str], list[list[Any]]]:
    """How the tool ended, and what each code cell of the executed notebook shows."""
    notebook, executed = write_notebook(folder / "flow.ipynb", cells), folder / "executed.ipynb"
    words = [word.format(notebook=notebook.name, executed=executed.name) for word in TOOLS[tool]]
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if not executed.exists():
        return done, []
    cells_shown = json.loads(executed.read_text())["cells"]
    return done, [cell["outputs"] for cell in cells_shown if cell["cell_type"] == "code"]


ITSELF = {
    "top": "%load_ext nbflow",
    "load": "%%step load -o raw\nraw = [1, 2, 3]",
    "clean": "%%step clean -i raw -o table\ntable = {n: 10 * n for n in raw}",
    "see": "%flow",
    "go": "%flow run --wait",
    "get": "del table\n%flow load clean",
    "use": "table[3]",
}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_notebook_that_runs_its_own_pipeline_executes_and_keeps_the_outcome_alone(tool: str, tmp_path: Path) -> None:
    done, outputs = execute(tool, ITSELF, tmp_path)
    assert done.returncode == 0, done.stderr
    *_, see, go, get, use = outputs
    assert [sorted(output["data"]) for output in see] == [PICTURE]
    assert [sorted(output["data"]) for output in go] == [PICTURE, TABLE]
    said = steady("".join(go[1]["data"]["text/plain"]), tmp_path).splitlines()
    end = said.index("✔ Run RUN succeeded in N.N s: 2 succeeded.")
    assert said[end + 1] == "  Executed notebook: nbflow_runs/RUN/flow.ipynb"
    assert steady("".join(get[0]["text"]), tmp_path) == "nbflow: loaded table from step clean (run RUN)\n"
    assert "".join(use[0]["data"]["text/plain"]) == "30"


@pytest.mark.parametrize("tool", ["papermill"])
def test_a_step_that_fails_stops_the_notebook_where_that_is_asked_for(tool: str, tmp_path: Path) -> None:
    only_in_a_run = "%%step fail -i table\nassert '__nbflow__' not in globals()"
    cells = {**CELLS, "fail": only_in_a_run, "go": "%flow run --wait", "never": "print('never')"}
    done, outputs = execute(tool, cells, tmp_path)
    assert done.returncode != 0
    assert "StepError: step `fail` failed: AssertionError. To resume: %flow run" in done.stderr
    assert ("never" in done.stdout, "nbflow/ui" in done.stderr) == (False, False)
    assert not outputs or outputs[-1] == []


# --- a terminal ----------------------------------------------------------------------------------------


def test_in_a_terminal_it_is_the_table_of_the_command_line(tmp_path: Path) -> None:
    write_notebook(tmp_path / "flow.ipynb", CELLS)
    words = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    child = pexpect.spawn(
        sys.executable, words, env={**os.environ, "TERM": "dumb", "PYTHONPATH": str(ROOT)}, encoding="utf-8",
        timeout=PATIENCE, cwd=str(tmp_path), dimensions=(40, 120),
    )  # fmt: skip
    try:
        child.expect_exact("In [1]: ")
        child.sendline("%load_ext nbflow")
        child.expect_exact("In [2]: ")
        shown = []
        for count, verb in enumerate(["", "use flow.ipynb", "plan load", "run load", "load load"], 3):
            child.sendline(f"%flow {verb}")
            child.expect_exact(f"In [{count}]: ")
            text = str(child.before).replace("\r\n", "\n").partition("\n")[2]
            shown.append(steady(text, tmp_path).strip())
    finally:
        child.close(force=True)
    unknown, used, plan, ran, loaded = shown
    assert unknown == (
        "UsageError: nbflow cannot tell which notebook this kernel belongs to. Save it, then say so: "
        "%flow use flow.ipynb"
    )
    assert used == "nbflow: this kernel belongs to flow.ipynb"
    assert plan.splitlines()[-1] == "1 step to run, 0 to reuse."
    assert "✔  load  succeeded  N.N s  first run" in ran
    assert "✔ Run RUN succeeded in N.N s: 1 succeeded." in ran
    assert loaded == "nbflow: loaded raw from step load (run RUN)"
