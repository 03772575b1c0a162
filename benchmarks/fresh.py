"""A run that finds everything fresh, against ``dvc repro`` on as many up-to-date stages: both as whole commands.

Both sides are one chain: each step, or stage, needs the one before. The results are made without waiting for a thousand
kernels and a thousand processes: nbflow's in this process, dvc's by ``dvc commit``, which is what its manual offers for
outputs that exist already. dvc asks no network: no analytics, no look for updates, no version control. Each side has
run once, so that its caches are full, and then they take turns.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.made import chain, fill
from benchmarks.measure import command, in_turn
from benchmarks.table import Row, seconds

STEPS = 1_000
TIMES = 3
CONFIG = "[core]\n    analytics = false\n    check_update = false\n    no_scm = true\n"


def rows(folder: Path) -> Iterator[Row]:
    sides = [_nbflow(folder / "nbflow")]
    dvc = find_dvc()
    if dvc is not None:
        sides.append(_dvc(folder / "dvc", dvc))
    ours, *others = in_turn(sides, TIMES)
    what, most = f"`nbflow run`, all {STEPS:,} steps fresh, whole command", 1.5
    if not others:
        yield Row(what, seconds(ours), "`dvc repro`: dvc is not installed, so not compared", "–", "–",
                  f"≤ {seconds(most)}", ours <= most)  # fmt: skip
        return
    (theirs,) = others
    yield Row(what, seconds(ours), f"`dvc repro`, {STEPS:,} stages", seconds(theirs), f"{theirs / ours:.1f} × faster",
              f"≤ {seconds(most)}, ≥ 10 ×", ours <= most and theirs / ours >= 10)  # fmt: skip


def find_dvc() -> str | None:
    """The ``dvc`` command: the one that ``DVC`` names, that of this environment, or that on the path."""
    beside = Path(sys.executable).parent / "dvc"
    return os.environ.get("DVC") or (str(beside) if beside.exists() else shutil.which("dvc"))


def _nbflow(folder: Path) -> Callable[[], float]:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    notebook = chain(folder / "chain.ipynb", STEPS)
    fill(notebook)
    return partial(command, [sys.executable, "-m", "nbflow", "run", notebook.name], folder)


def _dvc(folder: Path, dvc: str) -> Callable[[], float]:
    (folder / "out").mkdir(parents=True)
    stages = []
    for n in range(STEPS):
        needs = f"    deps:\n    - out/v{n - 1}.txt\n" if n else ""
        given = f"out/v{n - 1}.txt" if n else "/dev/null"
        stages.append(f"  s{n}:\n    cmd: cat {given} > out/v{n}.txt\n{needs}    outs:\n    - out/v{n}.txt\n")
        (folder / "out" / f"v{n}.txt").write_text("")
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(stages))
    command([dvc, "init", "--no-scm"], folder)
    (folder / ".dvc" / "config").write_text(CONFIG)
    command([dvc, "commit", "--force"], folder)
    command([dvc, "repro"], folder)  # whatever it puts right once, it puts right here
    command([dvc, "status", "--quiet"], folder)  # fails where a stage is not up to date
    return partial(command, [dvc, "repro"], folder)
