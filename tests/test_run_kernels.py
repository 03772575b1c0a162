"""The kernels of a run: what is planned for them, and that a run with forked kernels makes what any run makes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from nbflow import ops
from nbflow.attempt.kernels import coming
from nbflow.core.plan import plan
from nbflow.kernels.pool import Coming
from nbflow.project import open_project
from tests.flows import write_notebook

IMPORTS = "import json\nimport numpy as np\nfrom pandas import DataFrame\nimport helpers"

TABLE = {
    "imports": IMPORTS,
    "a": "%%step a -o x\nx = np.arange(helpers.N)",
    "b": "%%step b -i x -o table\ntable = DataFrame({'x': x})",
    "c": "%%step c -i table -o total\nimport scipy.stats\ntotal = int(table['x'].sum())",
}


def planned(folder: Path, cells: dict[str, str]) -> Coming:
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    notebook = write_notebook(folder / "nb" / "a.ipynb", cells)
    (folder / "nb" / "helpers.py").write_text("from sklearn import svm\nN = 3\n")
    with open_project([notebook]) as project:
        planner = project.planner()
        return coming(project, planner, plan(planner))


def test_a_run_knows_which_kernels_it_will_need_and_what_they_will_import(tmp_path: Path) -> None:
    found = planned(tmp_path, TABLE)
    ((place, start),) = found.starts.items()
    assert place == ("python3", tmp_path / "nb")
    assert [(want.kernel, want.folder) for want in found.wants] == [place] * 3
    assert (dict(found.wants[0].environment), found.at_once) == (dict(os.environ), 1)
    assert start.statements == (
        ("numpy", ""), ("pandas", ""), ("pandas", "DataFrame"), ("sklearn", ""), ("sklearn", "svm"),
        ("scipy", "stats"),
    )  # fmt: skip
    assert start.environ["PYTHONHASHSEED"] == "0"
    assert (start.folder, start.random_counts) == (tmp_path / "nb", False)
    assert all(folder.endswith(os.sep) for folder in start.installed)


@pytest.mark.parametrize(
    ("first", "statements"),
    [
        ("import os\nos.environ['OMP_NUM_THREADS'] = '1'", ()),
        ("import numpy as np\nimport os\nos.environ['OMP_NUM_THREADS'] = '1'", (("numpy", ""),)),
        ("import logging\nlogging.basicConfig(level=logging.DEBUG)", ()),
        ("import random\nrandom.seed(1)", (("numpy", ""), ("pandas", ""), ("pandas", "DataFrame"))),
    ],
)
def test_what_may_depend_on_a_change_is_not_loaded_ahead(
    tmp_path: Path, first: str, statements: tuple[tuple[str, str], ...]
) -> None:
    cells = {"first": first, "imports": "import numpy as np\nfrom pandas import DataFrame"}
    cells |= {"a": "%%step a -o x\nx = np.ones(3)", "b": "%%step b -i x -o t\nt = DataFrame({'x': x})"}
    (start,) = planned(tmp_path, cells).starts.values()
    assert (start.statements, start.random_counts) == (statements, "random" in first)


# --- whole runs ----------------------------------------------------------------------------------------

STEPS = 7


def chain() -> dict[str, str]:
    """A chain whose steps keep what they find out about their kernel."""
    imports = "import decimal, os, subprocess\nimport numpy as np\nimport yaml\n"
    cells = {"first": imports + "k = float(open('txt.k'[::-1]).read())"}
    for n in range(STEPS):
        taken = f"-i v{n - 1} " if n else ""
        before = f"v{n - 1}" if n else "np.zeros(2)"
        facts = f"yaml.safe_load('n: {n}')['n'], subprocess.getoutput(f'cat /proc/{{os.getppid()}}/cmdline')[-6:-1]"
        cells[f"s{n}"] = f"%%step s{n} {taken}-o v{n} -o f{n}\nv{n} = {before} + {n} * k\nf{n} = [{facts}]"
    return cells


def ran(folder: Path, kernels: str) -> tuple[list[Any], list[bool], dict[str, Any]]:
    """A run of the chain: the facts, which kernels were started anew, and the warnings."""
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    (folder / "k.txt").write_text("2")
    notebook = write_notebook(folder / "a.ipynb", chain())
    with open_project([notebook], jobs=2, kernels=kernels) as project:
        finished = ops.run(project)
        assert finished.status == "succeeded"
        values: dict[str, Any] = {}
        for record in finished.made.values():
            assert set(record.read_files) == {"k.txt"}, (
                "read by the first cell, whenever its kernel was told of the step"
            )
            for artifact in record.artifacts:
                values[artifact.name] = (artifact.format, artifact.digest)
                if artifact.name.startswith("f"):
                    blob = project.store.blobs / artifact.digest[:2] / artifact.digest
                    values[artifact.name] = json.loads(blob.read_text())
    facts = [values[f"f{n}"] for n in range(STEPS)]
    return [fact[0] for fact in facts], [fact[1] == "guard" for fact in facts], dict(finished.warnings)


@pytest.mark.slow
def test_a_run_with_forked_kernels_makes_what_any_run_makes(tmp_path: Path) -> None:
    results = {}
    for kernels in ("warm", "cold"):
        folder = tmp_path / kernels
        folder.mkdir()
        results[kernels] = ran(folder, kernels)
    assert results["cold"] == (list(range(STEPS)), [True] * STEPS, {})
    numbers, anew, warnings = results["warm"]
    assert (numbers, warnings) == (list(range(STEPS)), {})
    assert (anew[0], anew[-1]) == (True, False)  # which step is the first to be forked is a matter of speed
