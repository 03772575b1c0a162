"""A chain of 20 one-line steps as whole commands: nbflow, against tools that make a pipeline of notebooks as well.

Each is set up as its own documentation says, in an environment that ``make bench`` makes for them and that is active
while they run. The notebooks of Ploomber are tasks of a ``pipeline.yaml``, each with its ``upstream``; those of
Snakemake are one notebook behind 20 rules. Every command makes all 20 steps anew, in kernels.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.made import notebook
from benchmarks.measure import command, in_turn
from benchmarks.table import Row, seconds

STEPS = 20
TIMES = 1


def rows(folder: Path) -> Iterator[Row]:
    peers = {"ploomber build": _ploomber, "snakemake": _snakemake}
    tools = {name: found for name in peers if (found := _find(name.split()[0])) is not None}
    sides = [_nbflow(folder / "nbflow"), *(peers[name](folder / name.split()[0], tool) for name, tool in tools.items())]
    what = f"`nbflow run --force`, {STEPS} steps in a chain, whole command"
    ours, *others = in_turn([partial(command, *side) for side in sides], TIMES)
    for name, theirs in zip(tools, others, strict=True):
        yield Row(what, seconds(ours), f"`{name}`, {STEPS} notebooks", seconds(theirs), f"{theirs / ours:.1f} × faster",
                  "–", None)  # fmt: skip
    for name in peers.keys() - tools.keys():
        yield Row(what, seconds(ours), f"`{name}` is not installed, so not compared", "–", "–", "–", None)


def _find(name: str) -> str | None:
    """The command in the environment of the peers, or on the path."""
    beside = Path(sys.prefix, "peers", "bin", name)
    return str(beside) if beside.exists() else shutil.which(name)


def _active(tool: str) -> list[str]:
    return ["env", f"PATH={Path(tool).parent}{os.pathsep}{os.environ['PATH']}"]


def _nbflow(folder: Path) -> tuple[list[str], Path]:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    cells = ["%%step s0 -o v0\nv0 = 1", *(f"%%step s{n} -i v{n - 1} -o v{n}\nv{n} = 1" for n in range(1, STEPS))]
    book = notebook(folder / "chain.ipynb", cells)
    return [sys.executable, "-m", "nbflow", "run", book.name, "--force"], folder


def _ploomber(folder: Path, tool: str) -> tuple[list[str], Path]:
    folder.mkdir(parents=True)
    tasks = "".join(
        f"  - source: n{n}.ipynb\n    name: n{n}\n    product: out{os.sep}n{n}.ipynb\n" for n in range(STEPS)
    )
    (folder / "pipeline.yaml").write_text(f"meta:\n  extract_upstream: true\ntasks:\n{tasks}")
    for n in range(STEPS):
        upstream = [f"n{n - 1}"] if n else None
        notebook(folder / f"n{n}.ipynb", [f"upstream = {upstream}\nproduct = None", "v = 1"], {0: ["parameters"]})
    return [*_active(tool), tool, "build", "--force"], folder


def _snakemake(folder: Path, tool: str) -> tuple[list[str], Path]:
    folder.mkdir(parents=True)
    rules = [f'rule all:\n    input: "out/v{STEPS - 1}"\n']
    for n in range(STEPS):
        needs = f'    input: "out/v{n - 1}"\n' if n else ""
        rules.append(
            f'rule s{n}:\n{needs}    output: "out/v{n}"\n    log: notebook="out/n{n}.ipynb"\n'
            '    notebook: "one.py.ipynb"\n'
        )
    (folder / "Snakefile").write_text("".join(rules))
    notebook(folder / "one.py.ipynb", ["open(snakemake.output[0], 'w').write('1')"])
    return [*_active(tool), tool, "--cores", "1", "--forceall"], folder
