"""Steps that do what no step should, in real kernels: how each ends, what is said, what is kept of it, and that no
process is left."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import psutil
import pytest

from nbflow.executors.papermill import PapermillExecutor
from tests.commands import Given, Said, nbflow
from tests.test_cli_interrupt import at_home, until

pytestmark = pytest.mark.slow

library: Any = nbformat


class Step(NamedTuple):
    """A notebook that is one step."""

    ending: str
    """``succeeded``, or what follows its name in the line that says what went wrong."""
    cells: tuple[str, ...]
    outputs: str = "a"


def ends(ending: str, *cells: str, outputs: str = "a") -> Step:
    return Step(ending, cells, outputs)


EXIT = "(a step may not exit: to end it early use `if`, to fail it raise an error)"
ASKS = "(nobody can answer in a run: use a parameter or an environment variable)"
NO_INPUT = "was called, but this frontend does not support input requests."

STEPS: dict[str, Step] = {
    "exits": ends(f"failed in cell 1: SystemExit {EXIT}", "import sys\na = 1\nsys.exit()"),
    "exits_with": ends(f"failed in cell 1: SystemExit: bye {EXIT}", "a = 1\nraise SystemExit('bye')"),
    "exits_as_by_hand": ends("succeeded", "exit()", "a = 1"),
    "dies": ends("crashed in cell 1: the kernel exited with status 0", "a = 1\nimport os\nos._exit(0)"),
    "is_killed": ends(
        "crashed in cell 2: the kernel was killed by SIGKILL (often: out of memory)",
        "a = 1",
        "import os\nos.kill(os.getpid(), 9)",
    ),
    "aborts": ends(
        "crashed in cell 1: the kernel was killed by SIGABRT (native code gave up)", "a = 1\nimport os\nos.abort()"
    ),
    "asks": ends(f"failed in cell 1: StdinNotImplementedError: raw_input {NO_INPUT} {ASKS}", "a = input('name? ')"),
    "asks_secretly": ends(
        f"failed in cell 1: StdinNotImplementedError: getpass {NO_INPUT} {ASKS}",
        "import getpass\na = getpass.getpass()",
    ),
    "recurs": ends(
        "failed in cell 1: RecursionError: maximum recursion depth exceeded",
        "def even(n):\n    return odd(n + 1)\ndef odd(n):\n    return even(n + 1)\na = even(0)",
    ),
    "interrupts_itself": ends("failed in cell 1: KeyboardInterrupt", "a = 1\nraise KeyboardInterrupt"),
    "says_too_much": ends(
        f"failed in cell 1: ValueError: {'q' * 487}…", "a = 1\nraise ValueError('q' * 20_000_000)"
    ),
    "says_half_a_letter": ends(
        "failed in cell 1: ValueError: half a letter: \ufffd",
        "print('\\ud800')\na = 1\nraise ValueError('half a letter: \\ud800')",
    ),
    "moves": ends(
        "succeeded",
        "import os, pathlib\nos.makedirs('sub', exist_ok=True)\nos.chdir('sub')",
        "pathlib.Path('../moved.txt').write_text('1')",
        outputs="moved.txt",
    ),
    "loses_its_folder": ends(
        "succeeded", "import os, tempfile\nfolder = tempfile.mkdtemp()\nos.chdir(folder)\nos.rmdir(folder)\na = 1"
    ),
    "removes_its_output": ends(
        "failed: the step did not make its output `gone.txt`: no such file is there (looked in ROOT). Write it in the "
        "step, or take it out of `-o`.",
        "import pathlib\npathlib.Path('gone.txt').write_text('1')",
        "pathlib.Path('gone.txt').unlink()",
        outputs="gone.txt",
    ),
    "unbinds_its_output": ends(
        "failed: step `unbinds_its_output` did not make its output `a`. Bind it in a cell of the step (`a = …`), or "
        "correct the `-o` of its %%step line.",
        "a = 1",
        "del a",
    ),
    "shells_out": ends("succeeded", "%%bash\necho made > bash.txt", outputs="bash.txt"),
    "fails_in_a_shell": ends(
        "failed in cell 1: CalledProcessError: Command 'b'exit 7\\n'' returned non-zero exit status 7.",
        "%%bash\nexit 7",
        outputs="bash7.txt",
    ),
    "con": ends("succeeded", "a = 2"),
    "aux": ends("succeeded", "a = 1"),
    "closes_its_streams": ends("succeeded", "import os\nos.close(1)\nos.close(2)\nprint('still')\na = 1"),
    "clears_all_names": ends(
        "failed: the step has cleared all names (%reset does), nbflow's own with them: leave it out, a step begins "
        "with none",
        "%reset -f\na = 1",
    ),
    "is_long": ends("succeeded", "a = 0\n" + "a += 1\n" * 20_000),
}  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    """All of them in one run, and what it said."""
    root = tmp_path_factory.mktemp("hostile")
    books = {}
    for name, (_, cells, outputs) in STEPS.items():
        first, *rest = cells
        books[f"{name}.ipynb"] = (f"%%step {name} -o {outputs}\n{first}", *(f"%%step {name}\n{c}" for c in rest))
    Given(others=books).write(root)
    said = nbflow(root, "run", executor=PapermillExecutor())
    assert said.code == 1
    until(lambda: all(is_guard(process) for process in at_home(root)))
    return root, said


def is_guard(process: psutil.Process) -> bool:
    """Of the process that ran them, which is that of the tests and goes on."""
    return process.ppid() == os.getpid() and process.cmdline()[-1:] == ["guard"]


@pytest.mark.parametrize("name", STEPS)
def test_how_it_ends(ran: tuple[Path, Said], name: str) -> None:
    lines = [line.split() for line in ran[1].out.splitlines()]
    failed = [line.removeprefix(f"✘ {name} ") for line in ran[1].out.splitlines() if line.startswith(f"✘ {name} ")]
    (state,) = [words[2] for words in lines if words[1:2] == [name] and words[0] in "✔✘"][:1]
    assert (failed or [state])[-1] == STEPS[name].ending


def test_no_words_are_of_ours_and_few_enough_to_read(ran: tuple[Path, Said]) -> None:
    lines = ran[1].out.splitlines()
    assert not any("nbflow/" in line and line.startswith("File") for line in lines)
    assert max(map(len, lines)) <= 1_100
    assert len(lines) < 600


@pytest.mark.parametrize("name", STEPS)
def test_its_executed_notebook_is_valid_and_of_a_size_that_opens(ran: tuple[Path, Said], name: str) -> None:
    root, _ = ran
    (run,) = root.glob("nbflow_runs/*-*")
    for path in (run / "steps" / f"{name}.ipynb", run / f"{name}.ipynb"):
        assert path.stat().st_size < 12_000_000
        library.validate(library.read(path, as_version=4))
    errors = [
        output["ename"]
        for cell in json.loads((run / f"{name}.ipynb").read_text())["cells"]
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]
    expected = STEPS[name].ending.partition("failed in cell 1: ")[2].partition(" ")[0].rstrip(":")
    assert errors == ([expected] if expected else [])
