"""Step cells under the tools that execute notebooks, and in a terminal: a notebook that runs, and one that fails."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.flows import write_notebook

pytestmark = pytest.mark.slow

GOOD = {
    "load": "%load_ext nbflow",
    "make": "%%step make -o x\nx = [1, 2]\nx",
    "wait": "%%step wait -i x -o y\nimport asyncio\nawait asyncio.sleep(0)\ny = sum(x)\nprint(y)",
}
BAD = {**GOOD, "fail": "%%step fail -i y\n\ny / 0", "never": "print('never')"}
UNMADE = {**GOOD, "fail": "%%step fail -i y -o z\ny", "never": "print('never')"}

TOOLS = {
    "papermill": ["papermill", "--no-progress-bar", "{notebook}", "{executed}"],
    "nbconvert": ["nbconvert", "--to", "notebook", "--execute", "--output", "{executed}", "{notebook}"],
}


def execute(tool: str, cells: dict[str, str], folder: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    notebook, executed = write_notebook(folder / "a.ipynb", cells), folder / "executed.ipynb"
    words = [word.format(notebook=notebook, executed=executed) for word in TOOLS[tool]]
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True)
    return done, executed


def outputs(path: Path) -> list[list[Any]]:
    cells = json.loads(path.read_text())["cells"]
    return [[o.get("text") or o["data"]["text/plain"] for o in cell["outputs"]] for cell in cells]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_notebook_with_steps_executes(tool: str, tmp_path: Path) -> None:
    done, executed = execute(tool, GOOD, tmp_path)
    assert done.returncode == 0, done.stderr
    assert outputs(executed) == [[], [["[1, 2]"]], [["3\n"]]]


@pytest.mark.parametrize(
    ("tool", "cells", "message"),
    [
        ("papermill", BAD, "ZeroDivisionError: division by zero"),
        ("nbconvert", UNMADE, "StepError: step `fail` did not make its output `z`."),
    ],
    ids=["an error of the body", "an output that is not made"],
)
def test_a_step_that_fails_fails_the_notebook(tool: str, cells: dict[str, str], message: str, tmp_path: Path) -> None:
    done, _ = execute(tool, cells, tmp_path)
    assert done.returncode != 0
    assert message in re.sub(r"\x1b\[[\d;]*m", "", done.stderr)
    assert ("never\n" in done.stdout, "nbflow/ui" in done.stderr) == (False, False)


def test_a_step_cell_in_a_terminal(tmp_path: Path) -> None:
    words = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    environment = {**os.environ, "TERM": "dumb"}
    child = pexpect.spawn(sys.executable, words, env=environment, encoding="utf-8", timeout=60, cwd=str(tmp_path))
    try:
        child.expect_exact("In [1]: ")
        for count, cell in enumerate(
            [GOOD["load"], f"{GOOD['make']}\n\n", "%%step a -o z\nx[5]\n\n", "%%step a -p\n\n"], 2
        ):
            for line in cell.split("\n"):
                child.sendline(line)
            child.expect_exact(f"In [{count}]: ")
            shown = str(child.before).replace("\r\n", "\n")
            expected = {2: "", 3: "Out[2]: [1, 2]", 4: "----> 2 x[5]\n", 5: "%%step has no option '-p'."}[count]
            assert expected in shown
            assert "nbflow/" not in shown
    finally:
        child.close(force=True)
