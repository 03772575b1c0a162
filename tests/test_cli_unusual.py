"""What a person cannot always help: old notebooks, odd names, folders that cannot be written, full disks, readers that
leave early. Either it works, or one message says what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Given, nbflow, steady
from tests.unprivileged import closed, opened, run_command_unprivileged

ROOT = Path(__file__).parent.parent
LOAD = "%%step load -o a\na = 1"


def started(folder: Path, *words: str) -> tuple[int, str, str]:
    """``python -m nbflow WORDS`` in a process of its own."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", *words], cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )
    return done.returncode, steady(done.stdout, folder), steady(done.stderr, folder)


# --- notebooks -----------------------------------------------------------------------------------------


def code(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], **more, "source": source}


OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [{"metadata": {}, "cells": [
        {"cell_type": "code", "collapsed": False, "input": LOAD.splitlines(keepends=True), "language": "python",
         "metadata": {}, "outputs": [], "prompt_number": 1},
    ]}],
}  # fmt: skip

READABLE: list[tuple[str, dict[str, Any]]] = [
    ("format 3", OLD),
    ("without metadata", {"nbformat": 4, "nbformat_minor": 5, "cells": [code(LOAD, id="a", execution_count=None)]}),
    ("without ids", {"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [code(LOAD)]}),
    ("source as lines", {"nbformat": 4, "metadata": {}, "cells": [{**code(""), "source": LOAD.splitlines(True)}]}),
]


@pytest.mark.parametrize("content", [c[1] for c in READABLE], ids=[c[0] for c in READABLE])
def test_an_unusual_notebook_runs_and_stays_as_it_was(tmp_path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content)
    Given(files={"flow.ipynb": text}).write(tmp_path)
    table = "   step  state       time  why\n✔  load  succeeded  N.N s  first run\n"
    end = (
        "✔ Run RUN succeeded in N.N s: 1 succeeded.\n"
        "  Executed notebook: nbflow_runs/RUN/flow.ipynb\n"
        "  Report: nbflow_runs/RUN/report.html\n"
    )
    assert nbflow(tmp_path, "run")[:2] == (0, f"{table}\n{end}")
    assert (tmp_path / "flow.ipynb").read_text() == text


@pytest.mark.parametrize("name", ["my flow.ipynb", "zwölf Böxen 數據.ipynb", "a'b\"c.ipynb", "sub dir/-f.ipynb"])
def test_odd_file_names_work_from_end_to_end(tmp_path: Path, name: str) -> None:
    Given((LOAD, "%%step bad -i a -o b\nb = a / 0"), name=name).write(tmp_path)
    assert nbflow(tmp_path, "run", "--", name).code == 1
    assert nbflow(tmp_path, "status", "--", name).out == (
        "   step  state      last result            time  why\n"
        "✔  load  fresh      YYYY-MM-DD HH:MM UTC  N.N s\n"
        "·  bad   no result\n"
        "\n"
        "✘ bad failed YYYY-MM-DD HH:MM UTC in run RUN in cell 2: ZeroDivisionError: division by zero\n"
        "  Its executed notebook: nbflow_runs/RUN/steps/bad.ipynb\n"
    )
    (copy,) = [path for path in tmp_path.glob("nbflow_runs/**/*.ipynb") if path.parent.name != "steps"]
    assert copy.as_posix().endswith(name)


def test_a_name_that_looks_like_an_option_can_be_typed_again(tmp_path: Path) -> None:
    Given(("%%step bad -o b\nb = 1 / 0",), name="-f.ipynb").write(tmp_path)
    resume = "  To resume: nbflow run ./-f.ipynb  (what succeeded is reused)"
    assert nbflow(tmp_path, "run", "./-f.ipynb").out.splitlines()[-1] == resume
    assert nbflow(tmp_path, "run", "--", "-f.ipynb").out.splitlines()[-1] == resume


# --- what steps say ------------------------------------------------------------------------------------


def test_what_a_step_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    hostile = "raise ValueError('\\x1b]0;owned\\x07\\x1b[2J\\x9b1A\\u202etxt')\na = 1"
    Given((f"%%step load -o a\n{hostile}",)).write(tmp_path)
    said = nbflow(tmp_path, "run", "--json")
    assert "\\u001b" in said.out  # data keeps what was said
    said = nbflow(tmp_path, "run")
    for text in (said.out, said.err):
        assert not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e" for c in text)
    assert said.err.splitlines()[-1] == "load failed: ValueError: \ufffd\ufffd\ufffd1A\ufffdtxt"


# --- disks ---------------------------------------------------------------------------------------------


READ_ONLY: list[tuple[list[str], int, str, str]] = [
    (["plan"], 0, "   step  action  why\n▶  load  run     no result yet\n\n1 step to run, 0 to reuse.\n", ""),
    (["graph"], 0, "load  · → a\n", ""),
    (["check"], 0, "1 step checked: no findings.\n", ""),
    (["status"], 0, "   step  state      last result  time  why\n·  load  no result\n", ""),
    (["why", "load"], 0, "load will run:\n  first run  it has no stored result yet\n", ""),
    (
        ["run"],
        4,
        "",
        (
            "nbflow: the journal ROOT/.nbflow/nbflow.db cannot be used: ROOT/.nbflow (Permission denied)\n"
            "  Make sure that its folder can be written, then run again.\n"
        ),
    ),
]


@pytest.mark.parametrize(("words", "code", "out", "err"), READ_ONLY, ids=[c[0][0] for c in READ_ONLY])
def test_a_project_that_cannot_be_written_can_be_read_and_not_run(
    tmp_path: Path, words: list[str], code: int, out: str, err: str
) -> None:
    Given((LOAD,)).write(tmp_path)
    assert unprivileged(tmp_path, *words) == (code, out, err)


def test_a_notebook_that_cannot_be_written_is_not_fixed(tmp_path: Path) -> None:
    Given((LOAD, "%%step b -o b\nb = a")).write(tmp_path)
    assert unprivileged(tmp_path, "check", "--fix") == (
        2,
        "",
        "nbflow: flow.ipynb cannot be written: Permission denied.\n",
    )


def unprivileged(folder: Path, *words: str) -> tuple[int, str, str]:
    """What a person sees who may not write into the folder."""
    closed(folder)
    try:
        done = run_command_unprivileged([sys.executable, "-m", "nbflow", *words], cwd=folder)
    finally:
        opened(folder)
    return done.returncode, steady(done.stdout, folder), steady(done.stderr, folder)


CALL = """
from nbflow.ui.cli import main
from tests.plain_executor import PlainExecutor

main(PlainExecutor())
"""

FULL = """
import resource, sys
from nbflow.ui.cli import main
from tests.plain_executor import PlainExecutor

most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
main(PlainExecutor())
"""

FULL_DISKS: list[tuple[int, str, int, list[str]]] = [
    (1_000, LOAD, 4, [
        "nbflow: the journal ROOT/.nbflow/nbflow.db cannot be read or written (disk I/O error)",
        "  The disk reports a fault. Check it, then run again.",
    ]),
    (500_000, "%%step load -o a\na = bytes(1_000_000)", 1, [
        "run RUN: 1 step to run, 0 to reuse.",
        "load started: first run",
        "load failed: The outputs cannot be stored: File too large. Make room on the disk, then run again.",
    ]),
    (500_000, "%%step load -o a\nprint('.' * 1_000_000)\na = 1", 1, [
        "run RUN: 1 step to run, 0 to reuse.",
        "load started: first run",
        "load crashed: A file of the run cannot be read or written: File too large.",
        "load started (attempt 2): first run",
        "load crashed (attempt 2): A file of the run cannot be read or written: File too large.",
    ]),
]  # fmt: skip
"""How many bytes a file may have, a cell, the exit code, stderr."""


@pytest.mark.parametrize(
    ("most", "source", "code", "message"), FULL_DISKS, ids=["all", "an output", "what was printed"]
)
def test_a_full_disk_is_told(tmp_path: Path, most: int, source: str, code: int, message: list[str]) -> None:
    Given((source,)).write(tmp_path)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(most), "run"], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert (done.returncode, steady(done.stderr, tmp_path).splitlines()) == (code, message)
    assert "Traceback" not in done.stdout


def test_an_executed_notebook_that_cannot_be_written_changes_nothing_else(tmp_path: Path) -> None:
    in_the_way = "import glob, os\n(run,) = glob.glob('nbflow_runs/2*')\nos.mkdir(run + '/flow.ipynb')\na = 1"
    Given((f"%%step load -o a\n{in_the_way}",)).write(tmp_path)
    said = nbflow(tmp_path, "run")
    assert (said.code, said.out.splitlines()[-2]) == (0, "✔ Run RUN succeeded in N.N s: 1 succeeded.")
    assert said.err.splitlines()[-1] == "nbflow: The executed notebook flow.ipynb cannot be written: Is a directory."
    assert nbflow(tmp_path, "plan", "--check").code == 0


# --- readers -------------------------------------------------------------------------------------------


def test_the_module_is_the_command(tmp_path: Path) -> None:
    Given((LOAD,)).write(tmp_path)
    for words in (["plan"], ["run", "-s", "lod"], ["rum"], ["--version"]):
        assert started(tmp_path, *words) == nbflow(tmp_path, *words)


@pytest.mark.parametrize("words", ["graph", "plan", "status"])
def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path, words: str) -> None:
    Given(tuple(f"%%step s{n} -o v{n}\nv{n} = 1" for n in range(2000))).write(tmp_path)
    command = f"{sys.executable} -m nbflow {words} | head -1; echo ${{PIPESTATUS[0]}}"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("0", "")


def test_a_reader_of_events_that_leaves_does_not_stop_the_run(tmp_path: Path) -> None:
    Given((LOAD, "%%step late -i a -o b\nimport time\ntime.sleep(0.5)\nb = a")).write(tmp_path)
    command = f"{sys.executable} -c '{CALL}' run --json | head -1 >&2; echo ${{PIPESTATUS[0]}}"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert (done.stdout, len(done.stderr.splitlines())) == ("0\n", 1)
    assert nbflow(tmp_path, "plan", "--check").code == 0


def test_a_terminal_that_lacks_our_signs_gets_others(tmp_path: Path) -> None:
    Given((LOAD,)).write(tmp_path)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "plan"], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "?  load  run     no result yet")


def test_a_link_that_leads_nowhere_is_no_notebook_of_a_folder(tmp_path: Path) -> None:
    Given(("%%step a -o x\nx = 1",)).write(tmp_path)
    (tmp_path / "lost.ipynb").symlink_to("gone.ipynb")
    (tmp_path / "loop.ipynb").symlink_to("loop.ipynb")
    assert nbflow(tmp_path, "check", ".").code == 0
    said = nbflow(tmp_path, "check", "loop.ipynb").err
    assert said == "nbflow: loop.ipynb is a link that leads nowhere.\n  It leads to loop.ipynb.\n"


def test_a_file_of_the_person_s_is_not_taken_for_a_module_of_the_library(tmp_path: Path) -> None:
    Given(("%%step a -o x\nx = 1",), files={"statistics.py": "no = 1", "json.py": "no = 1"}).write(tmp_path)
    code, _, err = started(tmp_path, "plan")
    assert (code, err) == (0, "")
