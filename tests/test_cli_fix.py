"""``check --fix`` leads to a pipeline about which nothing is left to write, and a second time it changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import Given, nbflow

IMPORTS = (
    "import json, os\nfrom pathlib import Path\nimport numpy as np\nimport pandas as pd\nfrom tools import convert"
)
FILES = {
    "data/x.csv": "a\n1\n",
    "data/y.csv": "a\n2\n",
    "my data/z.csv": "a\n3\n",
    "Makefile": "all:\n",
    "raw=1.csv": "",
}


@dataclass(frozen=True)
class Case:
    cells: tuple[str, ...]
    """Below a cell of imports."""
    lines: tuple[str, ...]
    """The step lines as they are then."""
    left: tuple[str, ...] = ()
    """Codes of what is said all the same."""
    name: str = "flow.ipynb"


CASES = {
    "a file": Case(("%%step a -o x\nx = pd.read_csv('data/x.csv')",), ("%%step a -i data/x.csv -o x",)),
    "two files in a loop": Case(
        ("%%step a -o x\nx = [pd.read_csv(f'data/{n}.csv') for n in ('x', 'y')]",),
        ("%%step a -i data/x.csv data/y.csv -o x",),
    ),
    "a file that a helper reads": Case(
        ("D = Path('data')\ndef load(n):\n    return pd.read_csv(D / f'{n}.csv')", "%%step a -o x\nx = load('x')"),
        ("%%step a -i data/x.csv -o x",),
    ),
    "a folder": Case(("%%step a -o x\nx = pd.read_parquet('data')",), ("%%step a -i data/ -o x",)),
    "a folder in the notebook's folder": Case(
        ("%%step a -o x\nx = os.listdir('../data')",), ("%%step a -i ../data/* -o x",), name="nb/flow.ipynb",
    ),
    "a folder that is listed": Case(
        ("%%step a -o x\nx = [p.read_text() for p in sorted(Path('data').iterdir())]",), ("%%step a -i data/* -o x",),
    ),
    "a pattern": Case(
        ("%%step a -o x\nx = [pd.read_csv(p) for p in Path('data').glob('*.csv')]",), ("%%step a -i data/*.csv -o x",),
    ),
    "a name with a space": Case(
        ("%%step a -o x\nx = open('my data/z.csv').read()",), ("%%step a -i 'my data/z.csv' -o x",),
    ),
    "a name without a dot": Case(("%%step a -o x\nx = open('Makefile').read()",), ("%%step a -i ./Makefile -o x",)),
    "a name that looks like a binding": Case(
        ("%%step a -o x\nx = open('raw=1.csv').read()",), ("%%step a -i ./raw=1.csv -o x",),
    ),
    "a file that another step makes": Case(
        ("%%step a -o new/x.csv\npd.DataFrame().to_csv('new/x.csv')", "%%step b -o y\ny = pd.read_csv('new/x.csv')"),
        ("%%step a -o new/x.csv", "%%step b -i new/x.csv -o y"),
    ),
    "a folder that another step makes": Case(
        ("%%step a -o new/\nconvert()", "%%step b -o y\ny = [open(p).read() for p in Path('new').glob('*.txt')]"),
        ("%%step a -o new/", "%%step b -i new/*.txt -o y"),
    ),
    "a file in a declared folder": Case(
        ("%%step a -i data/ -o x\nx = pd.read_csv('data/x.csv')",), ("%%step a -i data/ -o x",),
    ),
    "a file that is read and written": Case(
        ("%%step a -o x\nx = pd.read_csv('data/x.csv')\nx.to_csv('data/x.csv')",), ("%%step a -o x",),
        ("undeclared-file",),
    ),
    "a folder that the step writes into": Case(
        ("%%step a -o data/z.csv\nx = os.listdir('data')\nx.to_csv('data/z.csv')",), ("%%step a -o data/z.csv",),
        ("undeclared-file",),
    ),
    "a file that a step further down makes": Case(
        ("%%step b -o y\ny = pd.read_csv('data/x.csv')", "%%step a -i y -o data/x.csv\ny.to_csv('data/x.csv')"),
        ("%%step b -o y", "%%step a -i y -o data/x.csv"), ("undeclared-file",),
    ),
    "a file that is only mentioned": Case(
        ("%%step a -o x\nx = convert('data/x.csv')",), ("%%step a -o x",), ("undeclared-file",),
    ),
    "a chain of missing words": Case(
        ("%%step a\nx = 1", "n = x + 1", "%%step b\ny = n", "%%step c -o z\nz = x, y"),
        ("%%step a -o x", "%%step b -i x -o y", "%%step c -i x y -o z"),
    ),
    "a generator": Case(
        ("rng = np.random.default_rng(0)", "%%step a -o x\nx = rng.normal()", "%%step b -o y\ny = rng.normal()",
         "%%step c -o z\nz = rng.normal()"),
        ("%%step a -o x rng", "%%step b -i rng -o y rng", "%%step c -i rng -o z"),
    ),
    "a context name that steps change": Case(
        ("cfg = {}", "%%step a -o x\ncfg['k'] = x = 1", "%%step b -o y\ncfg['k'] += 1\ny = 2",
         "%%step c -o z\nz = cfg"),
        ("%%step a -o x cfg", "%%step b -i cfg -o y cfg", "%%step c -i cfg -o z"),
    ),
    "a step of two cells": Case(
        ("%%step a -o x\nx = 1", "%%step b\nn = 1", "%%step b -o y\ny = x, n, open('data/x.csv').read()"),
        ("%%step a -o x", "%%step b", "%%step b -i data/x.csv x -o y"),
    ),
    "a whole notebook": Case(("%step all -o x\nx = pd.read_csv('data/x.csv')",), ("%step all -i data/x.csv -o x",)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_left_to_write(case: str, tmp_path: Path) -> None:
    expected = CASES[case]
    cells = expected.cells if expected.cells[0].startswith("%step") else (IMPORTS, *expected.cells)
    if expected.cells[0].startswith("%step"):
        cells = (expected.cells[0].replace("\n", "\nimport pandas as pd\n", 1),)
    Given(cells, files=FILES, name=expected.name).write(tmp_path)
    before = {c for c, severity in _codes(tmp_path) if severity == "error"}
    nbflow(tmp_path, "check", "--fix")
    path = tmp_path / expected.name
    fixed = path.read_bytes()
    sources = ["".join(c["source"]) for c in json.loads(fixed)["cells"]]
    lines = tuple(line for text in sources for line in text.split("\n") if line.startswith(("%%step", "%step")))
    assert lines == expected.lines
    found = _codes(tmp_path)
    assert tuple(c for c, _ in found if c != "nothing-declared") == expected.left
    assert not [c for c, severity in found if severity == "error" and c not in before]
    nbflow(tmp_path, "check", "--fix")
    assert path.read_bytes() == fixed


def _codes(root: Path) -> list[tuple[str, str]]:
    return [(f["code"], f["severity"]) for f in json.loads(nbflow(root, "check", "--json").out)["findings"]]


def test_line_ends_of_windows_within_a_cell_stay_and_are_no_change(tmp_path: Path) -> None:
    cells = ("import pandas as pd", "%%step a -o x\r\nx = pd.read_csv('data/x.csv')\r\nprint(x)")
    Given(cells, files=FILES).write(tmp_path)
    before = (tmp_path / "flow.ipynb").read_bytes()
    assert nbflow(tmp_path, "check", "--fix").code == 0
    after = before.replace(b"%%step a -o x\\r", b"%%step a -i data/x.csv -o x\\r")
    assert (tmp_path / "flow.ipynb").read_bytes() == after != before
