"""Steps that take more than their share, in real kernels: memory, output, time, processes that would outlive them. Each
ends as it should, nobody is left, and nbflow's own process stays small whatever they do."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

import pytest

from tests.commands import Given, steady
from tests.marked import MEASURED, PEAK, MarkedRun

pytestmark = pytest.mark.slow

PRINTED = 200 if "NBFLOW_LARGE" in os.environ else 60
"""MB. Read here: no test sees the person's own variables."""

MOST_MEMORY = 300_000
"""kB that nbflow's own process may take."""

STUBBORN = (
    "import signal, time\n"
    "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
    "    signal.signal(number, signal.SIG_IGN)\n"
    "time.sleep(600)"
)
"""What nothing but SIGKILL ends."""


class Step(NamedTuple):
    """A notebook that is one step."""

    ending: str
    """``succeeded``, or what follows its name in the line that says what went wrong."""
    code: str
    options: str = ""


STEPS = {
    "prints": Step("succeeded", f"for _ in range({PRINTED}):\n    print('x' * 999_999)"),
    "returns_much": Step("succeeded", "import os\nout = os.urandom(1_000_000) * 300"),
    "has_children": Step(
        "succeeded",
        f"import subprocess, sys\nfor alone in (False, True):\n"
        f"    subprocess.Popen([sys.executable, '-c', {STUBBORN!r}], start_new_session=alone)",
    ),
    "has_grandchildren": Step(
        "succeeded",
        "import subprocess, sys\n"
        "middle = 'import subprocess, sys; subprocess.Popen([sys.executable, \"-c\", sys.argv[1]])'\n"
        f"subprocess.run([sys.executable, '-c', middle, {STUBBORN!r}], start_new_session=True, check=True)",
    ),
    "forks": Step("succeeded", f"import os\nfor _ in range(3):\n    if not os.fork():\n        exec({STUBBORN!r})"),
    "leaves_workers": Step(
        "succeeded",
        "import multiprocessing, time\n"
        "worker = multiprocessing.get_context('fork').Process(target=time.sleep, args=(600,))\nworker.start()",
    ),
    "exits": Step("crashed in cell 1: the kernel exited with status 3", "import os\nos._exit(3)"),
    "eats_memory": Step(
        "failed in cell 1: MemoryError",
        "import resource\nfrom pathlib import Path\n"
        "taken = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (taken + 200_000_000,) * 2)\n"
        "eaten = []\nwhile True:\n    eaten.append(bytes(10_000_000))",
    ),
    "hears_no_interrupt": Step(
        "failed in cell 1: the step took longer than its timeout of N.N s",
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\ntime.sleep(600)",
        "--timeout 1",
    ),
}


class Ended(NamedTuple):
    endings: dict[str, str]
    peak: int
    """kB."""
    left: list[str]
    """Commands of the processes that were left."""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """All of them in one run, and what became of it."""
    root = tmp_path_factory.mktemp("greedy")
    books = {
        f"{name}.ipynb": (f"%%step {name} {step.options} -o out\nout = 1\n{step.code}",) for name, step in STEPS.items()
    }
    settings = "[tool.nbflow]\njobs = 2\ncrash_retries = 0\n"
    Given(others=books, files={"pyproject.toml": settings}).write(root)
    run = MarkedRun(root, code=MEASURED)
    try:
        code, out, err = run.end()
        left = [" ".join(process.cmdline()) for process in run.family()]
    finally:
        run.clear_away()
    assert code == 1, err
    text = steady(out, root)
    endings = dict(
        re.findall(r"^✔ +(\w+) +(succeeded)", text, re.MULTILINE)
        + re.findall(r"^✘ (\w+) (\w+ in cell .*)$", text, re.MULTILINE)
    )
    return Ended(endings, int((root / PEAK).read_text()), left)


@pytest.mark.parametrize("name", STEPS)
def test_how_it_ends(ended: Ended, name: str) -> None:
    assert ended.endings[name] == STEPS[name].ending


def test_nobody_is_left(ended: Ended) -> None:
    assert ended.left == []


def test_nbflow_itself_stays_small(ended: Ended) -> None:
    assert ended.peak < MOST_MEMORY
