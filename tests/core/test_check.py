"""What the check says, word for word, and where it keeps silent."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from nbflow.core.check import CODES
from nbflow.core.declare import parse, with_items
from nbflow.core.model import Finding, Notebook
from tests.fakes import FakeSurroundings, check, codes, notebook


def said(*cells: str, around: FakeSurroundings | None = None) -> list[Finding]:
    """What the check says of a notebook, but for hints that a step declares nothing."""
    return [f for f in check(cells, around=around) if f.code != "nothing-declared"]


@dataclass(frozen=True)
class Case:
    """Cells, and what is said of them."""

    cells: tuple[str, ...]
    code: str
    cell: int | None
    step: str | None
    message: str
    fix: str
    add_inputs: tuple[str, ...] = ()
    add_outputs: tuple[str, ...] = ()
    fix_step: str | None = None
    severity: str = ""
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def expected(self) -> Finding:
        severity = self.severity or CODES[self.code][0]
        return Finding(
            self.code, severity, "nb.ipynb", self.cell, self.step, self.message, self.fix,  # type: ignore[arg-type]
            self.add_inputs, self.add_outputs, self.fix_step,
        )  # fmt: skip


NAMES_CASES = {
    "undeclared-input": Case(
        ("%%step a -o x\nx = 1", "%%step b -o y\ny = x"),
        "undeclared-input", 2, "b", "This step reads 'x', which step 'a' makes (cell 1).",
        "Add '-i x' to the %%step line of 'b'.", add_inputs=("x",),
    ),
    "undeclared-input in called code": Case(
        ("def f():\n    return x", "%%step a -o x\nx = 1", "%%step b -o y\ny = f()"),
        "undeclared-input", 3, "b", "Code that this step calls reads 'x', which step 'a' makes (cell 2).",
        "Add '-i x' to the %%step line of 'b'.", add_inputs=("x",),
    ),
    "undeclared-input under try": Case(
        ("%%step a -o x\nx = 1", "%%step b -o y\ntry:\n    x\nexcept NameError:\n    x = 2\ny = x"),
        "undeclared-input", 2, "b", "This step reads 'x', which step 'a' makes (cell 1).",
        "Add '-i x' to the %%step line of 'b'.", add_inputs=("x",),
    ),
    "undeclared-input of a tagged cell": Case(
        ("%%step a -o x\nx = 1", "#[nbflow-setup]\nprint(x)", "%%step b -o y\ny = 1"),
        "undeclared-input", 2, "b",
        "Cell 2, which is in the slice of this step, reads 'x', which step 'a' makes (cell 1).",
        "Add '-i x' to the %%step line of 'b'.", add_inputs=("x",),
    ),
    "undeclared-output": Case(
        ("%%step a -o w\nx = w = 1", "%%step b -o y\ny = x"),
        "undeclared-output", 2, "b", "This step reads 'x', which step 'a' binds (cell 1) and does not declare.",
        "Add '-o x' to step 'a' and '-i x' to step 'b'.", ("x",), ("x",), "a",
    ),
    "undeclared-output of an input": Case(
        ("%%step a -o w\nx = w = 1", "%%step b -i x -o y\ny = x"),
        "undeclared-output", 1, "b", "This step takes 'x', which step 'a' binds (cell 1) and does not declare.",
        "Add '-o x' to step 'a'.", (), ("x",), "a",
    ),
    "undeclared-output between": Case(
        ("%%step a -o x\nx = 1", "%%step b -o w\nx = 2\nw = x", "%%step c -i x -o y\ny = x"),
        "undeclared-output", 2, "b",
        "Step 'b' binds 'x' and does not declare it, and step 'c' below takes 'x': Run All would hand on this "
        "one, a run "
        "the older one.",
        "Add '-o x' to step 'b', or give the variable another name there.", (), ("x",), "b",
    ),
    "changed-input": Case(
        ("%%step a -o x\nx = {}", "%%step b -i x -o w\nx['k'] = w = 2", "%%step c -i x -o y\ny = x"),
        "changed-input", 2, "b",
        "Step 'b' changes 'x' in place and does not declare it as an output, and step 'c' below takes 'x': Run "
        "All would "
        "hand on this one, a run the older one.",
        "Add '-o x' to step 'b', or change a copy.", (), ("x",), "b",
    ),
    "maker-below in the middle": Case(
        ("%%step a -o x\nx = 1", "%%step b -o y\ny = x", "%%step a\nx = 2"),
        "maker-below", 2, "b", "This step reads 'x', which step 'a' makes at its last cell (3), below this one.",
        "Move this cell below cell 3, or give cell 1 a step name of its own.",
    ),
    "shared-definition": Case(
        ("%%step a -o x\ndef f():\n    return 1\nx = f()", "%%step b -o y\ny = f()"),
        "shared-definition", 2, "b", "This step reads 'f', which step 'a' defines in its own cell 1.",
        "Move the definition of 'f' to a cell of its own (without %%step) or to a module.",
    ),
    "shared-definition with a decorator": Case(
        ("from functools import cache", "%%step a -o x\n@cache\ndef f():\n    return 1\nx = f()",
         "%%step b -o y\ny = f()"),
        "shared-definition", 3, "b", "This step reads 'f', which step 'a' defines in its own cell 2.",
        "Move the definition of 'f' to a cell of its own (without %%step) or to a module.",
    ),
    "uses-exploration": Case(
        ("%%step a -o x\nx = 1", "n = len(x)\nm = n", "%%step b -o y\ny = n, m"),
        "uses-exploration", 3, "b",
        "This step reads 'm' and 'n' from cell 2, and that cell needs 'x' of step 'a', which this step does not take.",
        "Add '-i x' to step 'b', or make cell 2 a step, or tag it nbflow-skip if it only looks.", add_inputs=("x",),
    ),
    "uses-exploration that changes": Case(
        ("scores = {}", "%%step a -o m\nm = 1", "scores['a'] = m", "%%step b -o y\ny = scores"),
        "uses-exploration", 4, "b",
        "This step reads 'scores' which cell 3 changes, and that cell needs 'm' of step 'a', which this step "
        "does not take.",
        "Add '-i m' to step 'b', or make cell 3 a step, or tag it nbflow-skip if it only looks.", add_inputs=("m",),
    ),
    "uses-exploration of two steps": Case(
        ("%%step a -o v\nx = v = 1", "%%step c -o w\nw = 1", "n = x + w", "%%step b -o y\ny = n"),
        "uses-exploration", 4, "b",
        "This step reads 'n' from cell 3, and that cell needs 'x' of step 'a' and 'w' of step 'c', which this "
        "step does not "
        "take.",
        "Add '-i x w' to step 'b' and '-o x' to step 'a', or make cell 3 a step, or tag it nbflow-skip if it "
        "only looks.",
        ("x", "w"), ("x",), "a",
    ),
    "unmade-output": Case(
        ("%%step a -o x y\nx = 1",),
        "unmade-output", 1, "a", "The output 'y' is never bound in this step.", "Bind 'y', or remove it from -o.",
    ),
    "unbound-name": Case(
        ("features = 1", "%%step a -o x\nx = feature"),
        "unbound-name", 2, "a", "This step reads 'feature', which nothing binds. Did you mean 'features'?",
        "Bind it in a cell above, or correct the name.",
    ),
    "unbound-name that is an output": Case(
        ("%%step a -o x w\nw = x\nx = w",),
        "unbound-name", 1, "a", "This step reads 'x', which nothing binds.",
        "Bind it in a cell above, or correct the name.",
    ),
    "unbound-name bound below": Case(
        ("%%step a -o x\nx = k", "k = 1"),
        "unbound-name", 1, "a", "This step reads 'k', which only cell 2, further down, binds.",
        "Move cell 2 above this one.",
    ),
    "unbound-name in called code": Case(
        ("def f():\n    return zz", "%%step a -o x\nx = f()"),
        "unbound-name", 2, "a", "Code that this step calls reads 'zz', which nothing binds.",
        "Bind it in a cell above, or correct the name.", severity="warning",
    ),
    "changed-between by binding": Case(
        ("%%step a -o x\nx = 1", "x = 2", "%%step b -i x -o y\ny = x"),
        "changed-between", 2, None,
        "This cell rebinds 'x' between the step that makes it and step 'b', which takes it: Run All sees the "
        "change, a run "
        "does not.",
        "Make this cell a step with '-i x -o x', or give the changed value another name.",
    ),
    "changed-between by changing": Case(
        ("%%step a -o x\nx = {}", "x['k'] = 2", "%%step b -i x -o y\ny = x", "%%step c -i x -o z\nz = x"),
        "changed-between", 2, None,
        "This cell changes 'x' between the step that makes it and step 'b', which takes it: Run All sees the "
        "change, a run "
        "does not.",
        "Make this cell a step with '-i x -o x', or give the changed value another name.",
    ),
    "rebinds-context": Case(
        ("x = 1", "%%step a -o w\nx = w = 2", "%%step b -o y\ny = x", "%%step c -o z\nz = x"),
        "rebinds-context", 2, "a",
        "Step 'a' rebinds 'x' (bound in cell 1), and step 'b' below reads it: Run All sees the new value, a run "
        "the old one.",
        "Add '-o x' to step 'a' and '-i x' to step 'b', or use another name.", (), ("x",), "a",
    ),
    "rebinds-context of a builtin": Case(
        ("%%step a -o w\nsum = w = 2", "%%step b -o y\ny = sum([1])"),
        "rebinds-context", 1, "a",
        "Step 'a' rebinds 'sum' (a builtin of Python), and step 'b' below reads it: Run All sees the new value, "
        "a run the "
        "old one.",
        "Add '-o sum' to step 'a' and '-i sum' to step 'b', or use another name.", fix_step="a",
    ),
    "rebinds-context by changing": Case(
        ("cfg = {}", "%%step a -o w\ncfg['k'] = w = 2", "%%step b -o y\ny = cfg"),
        "rebinds-context", 2, "a",
        "Step 'a' changes 'cfg' (bound in cell 1), and step 'b' below reads it: Run All sees the change, a run "
        "does not.",
        "Add '-o cfg' to step 'a' and '-i cfg' to step 'b', or change a copy.", (), ("cfg",), "a",
    ),
    "rebinds-context by adding": Case(
        ("n = 1", "%%step a -o w\nn += 1\nw = n", "%%step b -o y\ny = n"),
        "rebinds-context", 2, "a",
        "Step 'a' rebinds 'n' (bound in cell 1), and step 'b' below reads it: Run All sees the new value, a run the "
        "old one.",
        "Add '-o n' to step 'a' and '-i n' to step 'b', or use another name.", (), ("n",), "a",
    ),
    "rebinds-context that a context cell reads": Case(
        ("cfg = {}", "%%step a -o w\ncfg['k'] = w = 2", "n = len(cfg)", "%%step b -o y\ny = n"),
        "rebinds-context", 2, "a",
        "Step 'a' changes 'cfg' (bound in cell 1), and step 'b' below reads it: Run All sees the change, a run does "
        "not.",
        "Add '-o cfg' to step 'a' and '-i cfg' to step 'b', or change a copy.", (), ("cfg",), "a",
    ),
    "rebinds-context through a function": Case(
        ("n = []\ndef add():\n    n[:] = [1]", "%%step a -o w\nw = add()", "%%step b -o y\ny = n"),
        "rebinds-context", 2, "a",
        "Step 'a' changes 'n' (bound in cell 1), and step 'b' below reads it: Run All sees the change, a run does not.",
        "Add '-o n' to step 'a' and '-i n' to step 'b', or change a copy.", (), ("n",), "a",
    ),
}  # fmt: skip

CELL_CASES = {
    "syntax": Case(
        ("%%step a -o x\nx = (1", "x = 2"),
        "syntax", 1, "a", "Line 2 is not valid Python ('(' was never closed): x = (1",
        "Correct the line, or tag the cell nbflow-skip.",
    ),
    "mistyped-step": Case(
        ("%%step a -o x\nx = 1", "%%Step b -i x"),
        "mistyped-step", 2, None,
        "There is no cell magic %%Step: this cell would be left out.",
        "If it is meant to be a step, write %%step; if not, tag the cell nbflow-skip.",
    ),
    "mistyped-step with a letter missing": Case(
        ("%%stp a -o x\nx = 1",),
        "mistyped-step", 1, None,
        "There is no cell magic %%stp: this cell would be left out.",
        "If it is meant to be a step, write %%step; if not, tag the cell nbflow-skip.",
    ),
    "misplaced-step": Case(
        ("# first\n%%step a -o x\nx = 1",),
        "misplaced-step", 1, None,
        "%%step stands on line 2 of this cell, and a cell magic works on the first line only.",
        "Move the line to the top of the cell.",
    ),
    "misplaced-step below another magic": Case(
        ("%%time\n%%step a -o x\nx = 1",),
        "misplaced-step", 1, None,
        "%%step stands on line 2 of this cell, and a cell magic works on the first line only.",
        "Move the line to the top of the cell.",
    ),
    "misplaced-step of the whole notebook": Case(
        ("x = 1", "%step a -o y\ny = x"),
        "misplaced-step", 2, None,
        "%step makes the whole notebook one step, and works only in the first code cell that is more than "
        "parameters and "
        "magics.",
        "Move it there, or write %%step on the first line to make this cell a step.",
    ),
}  # fmt: skip

HERE = {"data/x.csv": "1", "data/y.csv": "2", "deep/a/b.txt": "3"}
LOOK_UP = "seen from the project root: paths are relative to the notebook's folder."
FILE_CASES = {
    "missing-file": Case(
        ("%%step a -i data/z.csv -o x\nx = 1",),
        "missing-file", 1, "a", "The input 'data/z.csv' is not there, and no step makes it.",
        f"It was looked for at data/z.csv, {LOOK_UP}", texts=HERE,
    ),
    "missing-file of a folder": Case(
        ("%%step a -i date/ -o x\nx = 1",),
        "missing-file", 1, "a", "The input 'date/' is not there, and no step makes it.",
        f"It was looked for at date/, {LOOK_UP}", texts=HERE,
    ),
    "missing-file of a pattern": Case(
        ("%%step a -i data/*.txt -o x\nx = 1",),
        "missing-file", 1, "a", "The input 'data/*.txt' matches nothing, and no step makes it.",
        f"It was looked for at data/*.txt, {LOOK_UP}", texts=HERE,
    ),
    "outside-root": Case(
        ("%%step a -o ../x.csv\n1",),
        "outside-root", 1, "a", "The output '../x.csv' lies outside the project root.",
        "Write to a path below the project root.",
    ),
    "outside-root by an absolute path": Case(
        ("%%step a -o /tmp/x.csv\n1",),
        "outside-root", 1, "a", "The output '/tmp/x.csv' lies outside the project root.",
        "Write to a path below the project root.",
    ),
    "outside-root by taking it whole": Case(
        ("%%step a -o ./\n1",),
        "outside-root", 1, "a", "The output './' is the whole project folder.",
        "Write to a path below the project root.",
    ),
    "undeclared-file": Case(
        ("import pandas as pd\nfrom pathlib import Path\nD = Path('data')",
         "%%step a -o x\nx = pd.read_csv(D / 'x.csv')"),
        "undeclared-file", 2, "a", "'data/x.csv' names a file that is not declared.",
        "Add '-i data/x.csv' to step 'a': it reads the file.", add_inputs=("data/x.csv",), texts=HERE,
    ),
    "undeclared-file that is only mentioned": Case(
        ("from tools import convert", "%%step a -o x\nx = convert('data/x.csv')"),
        "undeclared-file", 2, "a", "'data/x.csv' names a file that is not declared.",
        "Add '-i data/x.csv' if step 'a' reads it, '-o data/x.csv' if it writes it: then the graph shows it.",
        texts=HERE,
    ),
    "undeclared-file that is written": Case(
        ("import pandas as pd", "%%step a -o x\nx = pd.DataFrame()\nx.to_csv('data/x.csv')"),
        "undeclared-file", 2, "a", "'data/x.csv' names a file that is not declared.",
        "Add '-o data/x.csv' to step 'a': it writes the file.", texts=HERE,
    ),
    "undeclared-file that is a folder": Case(
        ("import pandas as pd", "%%step a -o x\nx = pd.read_parquet('data')"),
        "undeclared-file", 2, "a", "'data' names a folder that is not declared.",
        "Add '-i data/' to step 'a': it reads the files.", add_inputs=("data/",), texts=HERE,
    ),
    "undeclared-file that is a pattern": Case(
        ("from pathlib import Path\nimport pandas as pd",
         "%%step a -o x\nx = [pd.read_csv(p) for p in Path('data').glob('*.csv')]"),
        "undeclared-file", 2, "a", "'data/*.csv' matches files that are not declared.",
        "Add '-i data/*.csv' to step 'a': it reads the files.", add_inputs=("data/*.csv",), texts=HERE,
    ),
    "undeclared-file with a space": Case(
        ("%%step a -o x\nx = open('data/my x.csv')",),
        "undeclared-file", 1, "a", "'data/my x.csv' names a file that is not declared.",
        "Add '-i 'data/my x.csv'' to step 'a': it reads the file.", add_inputs=("data/my x.csv",),
        texts={"data/my x.csv": "1"},
    ),
    "undeclared-file without a dot": Case(
        ("%%step a -o x\nx = open('Makefile')",),
        "undeclared-file", 1, "a", "'Makefile' names a file that is not declared.",
        "Add '-i ./Makefile' to step 'a': it reads the file.", add_inputs=("./Makefile",), texts={"Makefile": "1"},
    ),
    "undeclared-file that a step makes": Case(
        ("import pandas as pd", "%%step a -o new/\n1", "%%step b -o x\nx = pd.read_csv('new/x.csv')"),
        "undeclared-file", 3, "b", "'new/x.csv' names a file that step 'a' makes.",
        "Add '-i new/x.csv' to step 'b'.", add_inputs=("new/x.csv",), texts=HERE,
    ),
    "undeclared-file that a step may make": Case(
        ("from tools import convert", "%%step a -o new/\n1", "%%step b -o x\nx = convert('new/x.csv')"),
        "undeclared-file", 3, "b", "'new/x.csv' names a file that step 'a' makes.",
        "Add '-i new/x.csv' to step 'b' if it reads the file.", texts=HERE,
    ),
    "undeclared-file that a step further down makes": Case(
        ("%%step b -o x\nx = open('data/x.csv')", "%%step a -i x -o data/x.csv\nx"),
        "undeclared-file", 1, "b", "'data/x.csv' names a file that step 'a' makes.",
        "If step 'b' reads what step 'a' makes, move it below that and add '-i data/x.csv'; if it reads what was there "
        "before, write to another path there.", texts=HERE,
    ),
    "undeclared-file in a folder that the step writes": Case(
        ("import os", "%%step a -o data/z.csv\nos.listdir('data')"),
        "undeclared-file", 2, "a", "'data/*' matches files that are not declared.",
        "This step writes there too: declare the files that it reads one by one, with -i PATH.", texts=HERE,
    ),
    "undeclared-file that only meets what a step makes": Case(
        ("import pandas as pd", "%%step a -o new/x*.csv\n1", "%%step b -o y\ny = pd.read_csv('new/*z.csv')"),
        "undeclared-file", 3, "b", "'new/*z.csv' matches files that step 'a' makes.",
        "Declare what step 'a' makes as a whole: it writes new/x*.csv, seen from the project root.",
    ),
    "unknown-path": Case(
        ("import pandas as pd", "%%step a -o x\nx = [pd.read_csv(p) for p in input().split()]"),
        "unknown-path", 2, "a", "'pd.read_csv' reads a path that cannot be known without running.",
        "Declare the file with -i PATH, so that the graph shows it and a change is seen before the run.",
    ),
}  # fmt: skip

ASKED = "no key can see what it answers, so the result is reused."
DRAWS = "in a run each step starts it afresh, so the numbers differ from Run All."
OWN_GENERATOR = "Use a generator of its own in each step (numpy.random.default_rng(seed), random_state=…)."
WORLD_CASES = {
    "setup-in-step": Case(
        ("import numpy as np", "%%step a -o x\nnp.random.seed(0)\nx = 1", "%%step b -o y\ny = 1"),
        "setup-in-step", 2, "a",
        "'np.random.seed(0)' configures this step only: other steps run in kernels of their own.",
        "Move it to a cell without %%step above, where it reaches every step below.",
    ),
    "setup-in-step through a function": Case(
        ("import numpy as np\ndef seed(n):\n    np.random.seed(n)", "%%step a -o x\nseed(0)\nx = 1",
         "%%step b -o y\ny = 1"),
        "setup-in-step", 2, "a", "'seed(0)' configures this step only: other steps run in kernels of their own.",
        "Move it to a cell without %%step above, where it reaches every step below.",
    ),
    "shared-random": Case(
        ("import numpy as np", "%%step a -o x\nx = np.random.rand(3)", "%%step b -o y\ny = np.random.randint(2)"),
        "shared-random", 3, "b",
        f"'np.random.randint' draws from the global generator that step 'a' draws from too ('np.random.rand'): {DRAWS}",
        OWN_GENERATOR,
    ),
    "shared-random through a function": Case(
        ("import random\ndef noise():\n    return random.randint(1, 2)", "%%step a -o x\nx = noise()",
         "%%step b -o y\ny = noise()"),
        "shared-random", 3, "b",
        f"'random.randint' draws from the global generator that step 'a' draws from too ('random.randint'): {DRAWS}",
        OWN_GENERATOR,
    ),
    "outside-world network": Case(
        ("import requests", "%%step a -o x\nx = requests.get('https://x.org')\nrequests.get('https://y.org')"),
        "outside-world", 2, "a", f"'requests.get' asks the network: {ASKED}",
        "Add --no-cache if it should be asked every time.",
    ),
    "outside-world clock": Case(
        ("from datetime import datetime\ndef now():\n    return datetime.now()", "%%step a -o x\nx = now()"),
        "outside-world", 2, "a", f"'datetime.now' asks the clock: {ASKED}",
        "Add --no-cache if it should be asked every time.",
    ),
    "shared-iterator": Case(
        ("rows = iter([1, 2])", "%%step a -o x\nx = next(rows)", "%%step b -o y\ny = list(rows)"),
        "shared-iterator", 3, "b",
        "'rows' (bound in cell 1) is used up as it is read, and step 'a' reads it too: in a run each step gets it "
        "whole, so what is read differs from Run All.",
        "Make 'rows' in each step, or let one step read it into a list and output that.",
    ),
    "setup-in-step by a magic": Case(
        ("%%step a -o x\n%env DEBUG=1\nx = 1", "%%step b -o y\ny = 1"),
        "setup-in-step", 1, "a", "'%env DEBUG=1' configures this step only: other steps run in kernels of their own.",
        "Move it to a cell without %%step above, where it reaches every step below.",
    ),
    "instance-leaves by another name": Case(
        ("%%step a -o p\nclass Point:\n    pass\nq = Point()\np = q",),
        "instance-leaves", 1, "a",
        "The output 'p' is made with the class 'Point' of this step's own cell, so other steps cannot load it.",
        "Move 'Point' to a cell of its own (without %%step) or to a module.",
    ),
    "instance-leaves of a decorated class": Case(
        ("from dataclasses import dataclass", "%%step a -o p\n@dataclass\nclass Point:\n    x: int\np = Point(1)"),
        "instance-leaves", 2, "a",
        "The output 'p' is made with the class 'Point' of this step's own cell, so other steps cannot load it.",
        "Move 'Point' to a cell of its own (without %%step) or to a module.",
    ),
    "instance-leaves of a named tuple": Case(
        ("from collections import namedtuple", "%%step a -o p\nPoint = namedtuple('Point', 'x')\np = Point(1)"),
        "instance-leaves", 2, "a",
        "The output 'p' is made with the class 'Point' of this step's own cell, so other steps cannot load it.",
        "Move 'Point' to a cell of its own (without %%step) or to a module.",
    ),
    "instance-leaves as a decorated function": Case(
        ("from functools import cache", "%%step a -o f\n@cache\ndef f():\n    pass",),
        "instance-leaves", 2, "a",
        "The output 'f' is a function that this step's own cell defines, so other steps cannot load it.",
        "Move 'f' to a cell of its own (without %%step) or to a module.",
    ),
    "outside-world database": Case(
        ("%%step a -o x\nimport sqlite3\nx = sqlite3.connect('x')",),
        "outside-world", 1, "a", f"'sqlite3.connect' asks a database: {ASKED}",
        "Add --no-cache if it should be asked every time.",
    ),
    "instance-leaves": Case(
        ("%%step a -o p\nclass Point:\n    pass\np = Point()",),
        "instance-leaves", 1, "a",
        "The output 'p' is made with the class 'Point' of this step's own cell, so other steps cannot load it.",
        "Move 'Point' to a cell of its own (without %%step) or to a module.",
    ),
    "instance-leaves as a function": Case(
        ("%%step a -o f\ndef f():\n    pass",),
        "instance-leaves", 1, "a",
        "The output 'f' is a function that this step's own cell defines, so other steps cannot load it.",
        "Move 'f' to a cell of its own (without %%step) or to a module.",
    ),
}  # fmt: skip
CASES = NAMES_CASES | CELL_CASES | FILE_CASES | WORLD_CASES


@pytest.mark.parametrize("case", CASES)
def test_a_finding_says_what_where_and_the_fix(case: str) -> None:
    expected = CASES[case]
    assert said(*expected.cells, around=FakeSurroundings(expected.texts)) == [expected.expected]


def test_a_step_that_declares_nothing_is_hinted_at() -> None:
    assert check(("%%step a\nprint(1)", "%%step b --no-cache\nprint(2)")) == (
        Finding(
            "nothing-declared", "hint", "nb.ipynb", 1, "a",
            "This step has neither inputs nor outputs, so its printed output is reused until its code changes.",
            "Add --no-cache if it should run every time.",
        ),
    )  # fmt: skip


def test_a_notebook_in_another_language_is_told_once() -> None:
    assert check(notebook("%%step a -o x\nx <- c(1, 2)", "x <- y", language="R")) == (
        Finding(
            "not-python", "error", "nb.ipynb", None, None, "This is a notebook in R, and nbflow reads Python.",
            "Leave it out, or run it as a whole with papermill.",
        ),
    )  # fmt: skip
    assert check(notebook("x <- c(1, 2)", language="R")) == ()


# --- where it keeps silent -------------------------------------------------------------------------------

IMPORTS = (
    "import os, random, requests, time, warnings\nimport numpy as np\nimport pandas as pd\n"
    "import matplotlib.pyplot as plt"
)
SILENT = {
    "looking at data": (
        "%%step a -o df\ndf = 1", "df.info()", "df.head()", "df.plot()\nplt.title('x')", "n = len(df)\nprint(n)",
        "%%step b -i df -o m\nm = df", "m.fit(df)\nm.score(df)", "%%step c -i m df -o s\ns = m, df",
    ),
    "calls in steps on what they take": (
        "model = 1", "%%step a -o X\nX = model.fit(1)", "%%step b -i X -o y\nX.info()\ny = model.predict(X)",
    ),
    "loop variables and throw-aways": (
        "%%step a -o x\nfor i in range(3):\n    _ = i\nx = i",
        "%%step b -o y\nfor i in range(2):\n    _, z = i, i\ny = i",
    ),
    "names that may not be there": (
        "%%step a -o x\ntry:\n    maybe\nexcept NameError:\n    maybe = 1\nx = maybe",
        "%%step b -o y\nif 'cache' not in globals():\n    cache = {}\ny = cache",
    ),
    "names asked for in a helper": (
        "def get():\n    try:\n        return hidden\n    except NameError:\n        return 1",
        "%%step a -o x\nx = get()",
    ),
    "shadowed names in functions": (
        "%%step a -o df\ndf = 1", "def f(df):\n    return df", "%%step b -i df -o n\nn = f(df)",
        "%%step c -o m\ndef g(df):\n    return [df for df in [1]]\nm = g(1)",
    ),
    "annotations that a cell above defers": (
        "from __future__ import annotations", "class Node:\n    def next(self) -> Node: ...",
        "%%step a -o n\nn = Node()",
    ),
    "names below a star import": ("from helpers import *", "%%step a -o x\nx = unknown()"),
    "names below %run": ("%run helpers.py", "%%step a -o x\nx = unknown()"),
    "names below what cannot be read": ("#[nbflow-skip]\nx = (", "%%step a -o x\nx = 1", "y = ("),
    "names that the shell may know": ("%%step a -o x\n!echo $HOME_OF_MINE\nx = 1",),
    "outputs that are inputs": (
        "%%step a -o df\ndf = {}", "%%step b -i df -o df\ndf['x'] = 1", "%%step c -i df -o df\ndf = 2",
        "%%step d -i df -o y\ny = df",
    ),
    "context that a step copies": (
        "cfg = {}", "%%step a -o x\nx = cfg", "%%step b -o c\nc = dict(cfg)\nc['k'] = 1", "%%step d -o y\ny = cfg",
    ),
    "context that the last step changes": ("cfg = {}", "%%step a -o x\nx = cfg",
     "%%step b -o y\ncfg['k'] = 1\ny = cfg"),
    "context that a step changes by a call": ("xs = []", "%%step a -o x\nx = xs.append(1)", "%%step b -o y\ny = xs"),
    "a change that the slice holds too": ("%%step a -o x\nx = {}", "x['k'] = n = 1", "%%step b -i x -o y\ny = x, n"),
    "set-up in context": ("np.random.seed(0)\nos.environ['A'] = ''", "%%step a -o x\nx = 1", "%%step b -o y\ny = 1"),
    "set-up in the last step": ("%%step a -o x\nx = 1", "%%step b -o y\nplt.rcParams['a'] = 1\ny = 1"),
    "drawing is no set-up": (
        "%%step a -o f\nfig, ax = plt.subplots()\nax.set_title('x')\nplt.plot()\nf = 1", "%%step b -o y\ny = 1",
    ),
    "generators of their own": (
        "%%step a -o x\nrng = np.random.default_rng(0)\nx = rng.normal()",
        "%%step b -o y\ny = np.random.default_rng(1).normal()",
        "%%step c -o z\nrandom.Random(1).random()\nz = 1",
    ),
    "two generators": ("%%step a -o x\nx = random.random()", "%%step b -o y\ny = np.random.rand()"),
    "draws in context": (
        "np.random.seed(0)\nnoise = np.random.rand(3)", "%%step a -o x\nx = noise", "%%step b -o y\ny = noise",
    ),
    "a magic that only shows": ("%%step a -o x\n%matplotlib inline\nx = 1", "%%step b -o y\ny = 1"),
    "a database in memory": (
        "import sqlite3, duckdb", "%%step a -o x\nx = sqlite3.connect(':memory:'), duckdb.connect()",
    ),
    "a database in a declared file": (
        "import sqlite3", "%%step a -i data/x.csv -o x\nx = sqlite3.connect('data/x.csv')",
    ),
    "a context name bound anew between": (
        "k = 1", "%%step a -o x\nk = x = 2", "k = 3", "%%step b -o y\ny = k",
    ),
    "the network without a cache": ("%%step a -o x --no-cache\nx = requests.get('x'), time.time()",),
    "a function that is not reached": ("def f():\n    return requests.get('x')", "%%step a -o x\nx = 1"),
    "a name like a module's": ("class requests:\n    def get(x):\n        pass",
     "%%step a -o x\nx = requests.get('x')"),
    "declared files": (
        "%%step a -i data/x.csv -o x new/\nx = pd.read_csv('data/x.csv')\nx.to_csv('new/y.csv')",
        "%%step b -i new/y.csv -o y\ny = pd.read_csv('new/y.csv')",
        "%%step c -i data/ -o z\nz = pd.read_csv('data/y.csv')",
    ),
    "the folder of what is made": (
        "%%step a -o new/a.csv\nos.makedirs('new', exist_ok=True)\nopen('new/a.csv', 'w').close()",
        "%%step b -o new/b-*.csv\nos.makedirs('new', exist_ok=True)\nopen('new/b-1.csv', 'w').close()",
    ),
    "text that names no file": ("%%step a -o x\nx = 'a.b/c', 'no.such.csv', 'data', 'deep'",),
    "folders and patterns that are there": ("%%step a -i data/ data/*.csv ./deep -o x\nx = 1",),
    "a path in a loop, with a declared file": ("%%step a -i data/*.csv -o x\nx = [pd.read_csv(p) for p in input()]",),
    "writers": ("%%step a -o x\nwith open(input(), 'w') as f:\n    f.write('')\nx = 1",),
    "a path that is bound": ("%%step a -i raw=data/x.csv -o x\nx = pd.read_csv(raw)",),
    "classes in context": ("class Point:\n    pass", "%%step a -o p\np = Point()",
     "%%step b -i p -o y\ny = isinstance(p, Point)"),
    "classes that stay": ("%%step a -o x\nclass Point:\n    pass\np = Point()\nx = len(vars(p))",),
    "text in strings": ("%%step a -o x\nx = '''\n%%step b\n%step c\n'''",),
    "a broken cell below all steps": ("%%step a -o x\nx = 1", "1 +"),
    "a whole notebook": ("%step all -o x\nimport numpy as np\nnp.random.seed(0)", "class A:\n    pass", "x = A()"),
}  # fmt: skip


@pytest.mark.parametrize("case", SILENT)
def test_it_does_not_cry_wolf(case: str) -> None:
    imports = () if case == "a whole notebook" else (IMPORTS,)
    assert said(*imports, *SILENT[case], around=FakeSurroundings(HERE)) == []


def test_a_cell_below_one_that_cannot_be_read_is_spared_its_echo() -> None:
    assert codes(said("x = (", "%%step b --retires\nk = 1", "%%step a -o y\ny = x, k")) == ["syntax", "bad-step-line"]


# --- several notebooks -----------------------------------------------------------------------------------


def test_a_name_that_another_notebook_makes_is_an_input() -> None:
    one = notebook("%%step prep -o features\nfeatures = 1", path="one.ipynb")
    assert check(one, ("%%step fit -o m\nm = features",)) == (
        Finding(
            "undeclared-input", "error", "nb.ipynb", 1, "fit",
            "This step reads 'features', which step 'prep' of one.ipynb makes.",
            "Add '-i features' to the %%step line of 'fit'.", add_inputs=("features",),
        ),
    )  # fmt: skip


def test_findings_come_in_the_order_of_notebooks_and_cells() -> None:
    books: list[Notebook | tuple[str, ...]] = [
        notebook("%%step b -o x\nx = q", "%%step c -o z\n1", path="z.ipynb"),
        notebook("%%step a -o y\ny = 1", "%%step d -i u --after e -o w\nw = u", path="a.ipynb"),
    ]
    assert [(f.notebook, f.cell, f.code) for f in check(*books)] == [
        ("z.ipynb", 1, "unbound-name"),
        ("z.ipynb", 2, "unmade-output"),
        ("a.ipynb", 2, "no-maker"),
        ("a.ipynb", 2, "unknown-step"),
    ]


def test_one_name_is_told_once_for_each_step() -> None:
    cells = ("%%step a -o x\nx = 1", "%%step b -o y\ny = x", "x", "%%step b\ny = x + y", "%%step c -o z\nz = x\nz = x")
    assert [(f.code, f.cell, f.step) for f in said(*cells)] == [
        ("undeclared-input", 2, "b"), ("undeclared-input", 5, "c"),
    ]  # fmt: skip


# --- codes and fixes -------------------------------------------------------------------------------------


def test_every_code_has_a_case() -> None:
    here = {case.code for case in CASES.values()} | {"nothing-declared", "not-python"}
    in_graph = {"no-maker", "not-a-step-output", "two-makers", "reads-own-output", "two-writers", "paths-meet-in-part",
                "unknown-step", "cycle"}  # fmt: skip
    in_outline = {"bad-step-line", "mixed-step", "names-alike"}
    assert here | in_graph | in_outline == set(CODES)


FIXED = [name for name, case in NAMES_CASES.items() if case.add_inputs or case.add_outputs]


@pytest.mark.parametrize("name", FIXED)
def test_the_words_to_add_are_right(name: str) -> None:
    cells = NAMES_CASES[name].cells
    for _ in range(5):
        wanted = [f for f in said(*cells) if f.add_inputs or f.add_outputs]
        if not wanted:
            break
        for finding in wanted:
            cells = tuple(_with(text, finding) for text in cells)
    assert said(*cells) == []


def _with(text: str, finding: Finding) -> str:
    line, _, rest = text.partition("\n")
    if not line.startswith("%%step"):
        return text
    name = parse(line.removeprefix("%%step")).name
    inputs = finding.add_inputs if name == finding.step else ()
    outputs = finding.add_outputs if name == (finding.fix_step or finding.step) else ()
    return with_items(line, inputs, outputs) + "\n" + rest
