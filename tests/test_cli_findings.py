"""Every finding of the check as a person reads it, whole: what, where, and the fix. Each case is a folder. An error
keeps ``nbflow run`` from running anything; a warning or a hint stops nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbflow.core.check import CODES
from tests.commands import Given, nbflow

R = Given(
    files={
        "flow.ipynb": (
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "ir", "language": "R"}}, "cells":'
            ' [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": null, "source": '
            '"%%step a -o x\\nx <- 1"}]}'
        )
    }
)

Case = tuple[str, Given | tuple[str, ...], str, str, str]
"""The code, the cells, the message, the place, the fix."""

ERRORS: list[Case] = [
    (
        "bad-step-line",
        ("%%step a --retry 3 -o x\nx = 1",),
        "%%step has no option '--retry'. Did you mean '--retries'?",
        "flow.ipynb, cell 1: %%step a --retry 3 -o x",
        "",
    ),
    (
        "bad-step-line",
        ("%%step -o x\nx = 1",),
        "%%step needs a name first.",
        "flow.ipynb, cell 1: %%step -o x",
        "Write %%step NAME -i INPUT ... -o OUTPUT ...",
    ),
    (
        "bad-step-line",
        ("%%step 9a -o x\nx = 1",),
        (
            "'9a' cannot be the name of a step: a name begins with a letter or _ and goes on with letters, digits, "
            "_ and - (at most 100)."
        ),
        "flow.ipynb, cell 1: %%step 9a -o x",
        "Write %%step NAME -i INPUT ... -o OUTPUT ...",
    ),
    (
        "bad-step-line",
        ("%%step a b -o x\nx = 1",),
        "'b' belongs to no option.",
        "flow.ipynb, cell 1: %%step a b -o x",
        "Inputs follow -i, outputs follow -o: %%step NAME -i INPUT ... -o OUTPUT ...",
    ),
    (
        "bad-step-line",
        ("%%step a --retries many\nx = 1",),
        "--retries takes a whole number, 0 or more, not 'many'.",
        "flow.ipynb, cell 1: %%step a --retries many",
        "",
    ),
    (
        "bad-step-line",
        ("%%step a --retry-delay soon\nx = 1",),
        "--retry-delay takes a number of seconds, 0 or more, not 'soon'.",
        "flow.ipynb, cell 1: %%step a --retry-delay soon",
        "",
    ),
    (
        "bad-step-line",
        ("%%step a --timeout -3\nx = 1",),
        "--timeout takes a number of seconds, more than 0, not '-3'.",
        "flow.ipynb, cell 1: %%step a --timeout -3",
        "",
    ),
    (
        "bad-step-line",
        ("%%step a -o x:parqet\nx = 1",),
        "'x:parqet': there is no format 'parqet'. Did you mean 'parquet'?",
        "flow.ipynb, cell 1: %%step a -o x:parqet",
        "Formats: npy, json, pickle, cloudpickle, parquet, arrow, csv, text.",
    ),
    (
        "bad-step-line",
        ("%%step a -o x.csv:csv\nx = 1",),
        "'x.csv:csv': a file takes no format but ':ref' (its digest is recorded, its bytes are not).",
        "flow.ipynb, cell 1: %%step a -o x.csv:csv",
        "",
    ),
    (
        "bad-step-line",
        (
            "%%step load -o x\nx = 1",
            "%%step a -i x:npy\nx",
        ),
        "The input 'x:npy' names a format: the format is chosen where 'x' is made.",
        "flow.ipynb, cell 2: %%step a -i x:npy",
        "Write -i x here and -o x:npy in the step that makes it.",
    ),
    (
        "bad-step-line",
        ("%%step a --resources gpu\nx = 1",),
        "--resources takes KEY=AMOUNT, not 'gpu'.",
        "flow.ipynb, cell 1: %%step a --resources gpu",
        "For example: --resources gpu=1 memory=8GiB",
    ),
    (
        "bad-step-line",
        ("%%step a --resources memory=8XB\nx = 1",),
        "--resources memory: '8XB' is not an amount: the unit 'XB' is not known.",
        "flow.ipynb, cell 1: %%step a --resources memory=8XB",
        "Write a number such as 2 or 0.5, or one with a unit: k, M, G, T (powers of 1000), KiB, MiB, GiB, TiB.",
    ),
    (
        "bad-step-line",
        ("%%step a -i x.csv, y\nx = 1",),
        "'x.csv,' ends with a comma.",
        "flow.ipynb, cell 1: %%step a -i x.csv, y",
        "Items are separated by spaces alone.",
    ),
    (
        "bad-step-line",
        ("%%step a -i 'x.csv\nx = 1",),
        "A quote is not closed: 'x.csv",
        "flow.ipynb, cell 1: %%step a -i 'x.csv",
        "Close it, or leave it out.",
    ),
    (
        "bad-step-line",
        ("%%step a -o class\nx = 1",),
        "'class' is a Python keyword and cannot be a variable.",
        "flow.ipynb, cell 1: %%step a -o class",
        "",
    ),
    (
        "bad-step-line",
        ("%%step a -o x x\nx = 1",),
        "'x' stands twice among the outputs.",
        "flow.ipynb, cell 1: %%step a -o x x",
        "Name it once.",
    ),
    (
        "bad-step-line",
        ("%%step a -o my-table\nx = 1",),
        "'my-table' is neither a variable name nor a file.",
        "flow.ipynb, cell 1: %%step a -o my-table",
        "A file has a '/' or a '.' in it (write ./Makefile); items are separated by spaces.",
    ),
    (
        "bad-step-line",
        (
            "%%step a -o x --retries 1\nx = 1",
            "%%step a --retries 2\ny = 1",
        ),
        "Two cells of this step give --retries: 1 and 2.",
        "flow.ipynb, cell 2, step a: %%step a --retries 2",
        "Give it once.",
    ),
    (
        "misplaced-step",
        ("x = 1\n%%step a -o x\nx = 1",),
        "%%step stands on line 2 of this cell, and a cell magic works on the first line only.",
        "flow.ipynb, cell 1: x = 1",
        "Move the line to the top of the cell.",
    ),
    (
        "mistyped-step",
        ("%%Step a -o x\nx = 1",),
        "There is no cell magic %%Step: this cell would be left out.",
        "flow.ipynb, cell 1: %%Step a -o x",
        "If it is meant to be a step, write %%step; if not, tag the cell nbflow-skip.",
    ),
    (
        "mixed-step",
        (
            "%step whole -o x\nx = 1",
            "%%step a -o y\ny = 1",
        ),
        "Cell 1 makes the whole notebook one step with %step, so this cell cannot be one.",
        "flow.ipynb, cell 2: %%step a -o y",
        "Keep the %step line or the %%step lines, not both.",
    ),
    (
        "names-alike",
        (
            "%%step Train -o x\nx = 1",
            "%%step train -o y\ny = 1",
        ),
        "The steps 'Train' (cell 1) and 'train' differ only in case.",
        "flow.ipynb, cell 2, step train: %%step train -o y",
        "Write 'Train' in both if they are one step, or give one of them another name.",
    ),
    (
        "syntax",
        (
            "import math\n",
            "%%step a -o x\nx = (1\ny = 2",
        ),
        "Line 2 is not valid Python ('(' was never closed): x = (1",
        "flow.ipynb, cell 2, step a: %%step a -o x",
        "Correct the line, or tag the cell nbflow-skip.",
    ),
    (
        "no-maker",
        ("%%step a -i data -o x\nx = data",),
        "No step makes the input 'data'.",
        "flow.ipynb, cell 1, step a: %%step a -i data -o x",
        "Add '-o data' to the step that makes it, or remove 'data' from -i.",
    ),
    (
        "maker-below",
        (
            "%%step a -i x -o y\ny = x",
            "%%step b -o x\nx = 1",
        ),
        "'x' is made by step 'b' further down (cell 2).",
        "flow.ipynb, cell 1, step a: %%step a -i x -o y",
        "Move the cell that makes it above this one: a notebook reads from top to bottom.",
    ),
    (
        "not-a-step-output",
        (
            "x = 1",
            "%%step a -i x -o y\ny = x",
        ),
        "'x' is bound by cell 1, which is not a step, so it is no input.",
        "flow.ipynb, cell 2, step a: %%step a -i x -o y",
        "Remove 'x' from -i: what context cells bind comes along by itself.",
    ),
    (
        "two-makers",
        Given(
            ("%%step a -i x -o y\ny = x",),
            others={"b.ipynb": ("%%step b -o x\nx = 1",), "c.ipynb": ("%%step c -o x\nx = 1",)},
        ),
        "'x' is made in more than one other notebook: by 'b.b' and 'c.c'.",
        "flow.ipynb, cell 1, step a: %%step a -i x -o y",
        "Give one of them another name, or run fewer notebooks together.",
    ),
    (
        "undeclared-input",
        (
            "%%step load -o x\nx = 1",
            "%%step a -o y\ny = x",
        ),
        "This step reads 'x', which step 'load' makes (cell 1).",
        "flow.ipynb, cell 2, step a: %%step a -o y",
        "Add '-i x' to the %%step line of 'a'.",
    ),
    (
        "undeclared-output",
        (
            "%%step load\nx = 1",
            "%%step a -o y\ny = x",
        ),
        "This step reads 'x', which step 'load' binds (cell 1) and does not declare.",
        "flow.ipynb, cell 2, step a: %%step a -o y",
        "Add '-o x' to step 'load' and '-i x' to step 'a'.",
    ),
    (
        "uses-exploration",
        (
            "%%step load -o x\nx = 1",
            "s = x + 1",
            "%%step a -o y\ny = s",
        ),
        "This step reads 's' from cell 2, and that cell needs 'x' of step 'load', which this step does not take.",
        "flow.ipynb, cell 3, step a: %%step a -o y",
        "Add '-i x' to step 'a', or make cell 2 a step, or tag it nbflow-skip if it only looks.",
    ),
    (
        "shared-definition",
        (
            "%%step load -o x\nx = 1\ndef f(): pass",
            "%%step a -i x -o y\ny = f()",
        ),
        "This step reads 'f', which step 'load' defines in its own cell 1.",
        "flow.ipynb, cell 2, step a: %%step a -i x -o y",
        "Move the definition of 'f' to a cell of its own (without %%step) or to a module.",
    ),
    (
        "unmade-output",
        ("%%step load -o x\ny = 1",),
        "The output 'x' is never bound in this step.",
        "flow.ipynb, cell 1, step load: %%step load -o x",
        "Bind 'x', or remove it from -o.",
    ),
    (
        "unbound-name",
        ("%%step load -o x\nx = prnt(1)",),
        "This step reads 'prnt', which nothing binds.",
        "flow.ipynb, cell 1, step load: %%step load -o x",
        "Bind it in a cell above, or correct the name.",
    ),
    (
        "missing-file",
        ("%%step load -i data/raw.csv -o x\nx = 1",),
        "The input 'data/raw.csv' is not there, and no step makes it.",
        "flow.ipynb, cell 1, step load: %%step load -i data/raw.csv -o x",
        "It was looked for at data/raw.csv, seen from the project root: paths are relative to the notebook's folder.",
    ),
    (
        "missing-file",
        ("%%step load -i data/*.csv -o x\nx = 1",),
        "The input 'data/*.csv' matches nothing, and no step makes it.",
        "flow.ipynb, cell 1, step load: %%step load -i data/*.csv -o x",
        "It was looked for at data/*.csv, seen from the project root: paths are relative to the notebook's folder.",
    ),
    (
        "outside-root",
        ("%%step load -o ../x.csv\nx = 1",),
        "The output '../x.csv' lies outside the project root.",
        "flow.ipynb, cell 1, step load: %%step load -o ../x.csv",
        "Write to a path below the project root.",
    ),
    (
        "reads-own-output",
        Given(("%%step load -i x.csv -o x.csv\nx = 1",), files={"x.csv": ""}),
        "'x.csv' is an input and an output of this step.",
        "flow.ipynb, cell 1, step load: %%step load -i x.csv -o x.csv",
        "Write to another path: a step may not overwrite what it reads.",
    ),
    (
        "two-writers",
        (
            "%%step a -o x.csv\nx = 1",
            "%%step b -o x.csv\nx = 1",
        ),
        "This step writes 'x.csv', and step 'a' (flow.ipynb, cell 1) writes it: a file has one maker.",
        "flow.ipynb, cell 2, step b: %%step b -o x.csv",
        "Write to different paths.",
    ),
    (
        "paths-meet-in-part",
        Given(
            (
                "%%step a -o out/a*.csv\nx = 1",
                "%%step b -i out/*b.csv\nx = 1",
            ),
            files={"out/ab.csv": ""},
        ),
        "'out/*b.csv' and 'out/a*.csv' (made by step 'a') overlap only in part.",
        "flow.ipynb, cell 2, step b: %%step b -i out/*b.csv",
        "Write patterns of which one contains the other.",
    ),
    (
        "unknown-step",
        (
            "%%step train\n1",
            "%%step b --after tran\nx = 1",
        ),
        "--after tran: there is no such step. Did you mean 'train'?",
        "flow.ipynb, cell 2, step b: %%step b --after tran",
        "Name another step of this pipeline.",
    ),
    (
        "cycle",
        Given(("%%step a -i y.csv -o x.csv\nx = 1",), others={"b.ipynb": ("%%step b -i x.csv -o y.csv\nx = 1",)}),
        "These steps need each other: b → a → b (b is in b.ipynb, cell 1; a is in flow.ipynb, cell 1).",
        "b.ipynb, cell 1, step b: %%step b -i x.csv -o y.csv",
        "Break the circle: split one of the steps, or take one input or --after away.",
    ),
    (
        "bad-step-line",
        ("%%step lo\u001b[31mad -o x\nx = 1",),
        (
            "'lo�ad' cannot be the name of a step: a name begins with a letter or _ and goes on with letters, "
            "digits, _ and - (at most 100)."
        ),
        "flow.ipynb, cell 1: %%step lo�ad -o x",
        "Write %%step NAME -i INPUT ... -o OUTPUT ...",
    ),
    (
        "syntax",
        ("%%step load -o x\nx = '\u001b]0;owned\u0007' (",),
        "Line 2 is not valid Python ('(' was never closed): x = '�' (",
        "flow.ipynb, cell 1, step load: %%step load -o x",
        "Correct the line, or tag the cell nbflow-skip.",
    ),
    (
        "syntax",
        Given(("%%step load -o x\nx = (1",), name="mein B\u00fcro \u202e.ipynb"),
        "Line 2 is not valid Python ('(' was never closed): x = (1",
        "mein Büro �.ipynb, cell 1, step load: %%step load -o x",
        "Correct the line, or tag the cell nbflow-skip.",
    ),
    (
        "not-python",
        R,
        "This is a notebook in R, and nbflow reads Python.",
        "flow.ipynb",
        "Leave it out, or run it as a whole with papermill.",
    ),
]

DOUBTS: list[Case] = [
    (
        "changed-between",
        (
            "%%step load -o x\nx = [1]",
            "x = x + [1]",
            "%%step a -i x -o y\ny = x",
        ),
        (
            "This cell rebinds 'x' between the step that makes it and step 'a', which takes it: Run All sees the "
            "change, a run does not."
        ),
        "flow.ipynb, cell 2: x = x + [1]",
        "Make this cell a step with '-i x -o x', or give the changed value another name.",
    ),
    (
        "rebinds-context",
        (
            "cfg = 1",
            "%%step load -o x\nx = [1]\ncfg = 2",
            "%%step a -i x -o y\ny = x, cfg",
        ),
        (
            "Step 'load' rebinds 'cfg' (bound in cell 1), and step 'a' below reads it: Run All sees the new value, "
            "a run the old one."
        ),
        "flow.ipynb, cell 2, step load: %%step load -o x",
        "Add '-o cfg' to step 'load' and '-i cfg' to step 'a', or use another name.",
    ),
    (
        "setup-in-step",
        (
            "import numpy as np",
            "%%step load -o x\nnp.random.seed(1)\nx = [1]",
            "%%step a -i x -o y\ny = x",
        ),
        "'np.random.seed(1)' configures this step only: other steps run in kernels of their own.",
        "flow.ipynb, cell 2, step load: %%step load -o x",
        "Move it to a cell without %%step above, where it reaches every step below.",
    ),
    (
        "shared-random",
        (
            "import numpy as np",
            "%%step load -o x\nx = np.random.rand()",
            "%%step a -i x -o y\ny = x + np.random.rand()",
        ),
        (
            "'np.random.rand' draws from the global generator that step 'load' draws from too ('np.random.rand'): "
            "in a run each step starts it afresh, so the numbers differ from Run All."
        ),
        "flow.ipynb, cell 3, step a: %%step a -i x -o y",
        "Use a generator of its own in each step (numpy.random.default_rng(seed), random_state=…).",
    ),
    (
        "shared-iterator",
        (
            "rows = iter([1, 2])",
            "%%step load -o x\nx = next(rows)",
            "%%step a -i x -o y\ny = x + next(rows)",
        ),
        (
            "'rows' (bound in cell 1) is used up as it is read, and step 'load' reads it too: in a run each step gets "
            "it whole, so what is read differs from Run All."
        ),
        "flow.ipynb, cell 3, step a: %%step a -i x -o y",
        "Make 'rows' in each step, or let one step read it into a list and output that.",
    ),
    (
        "instance-leaves",
        (
            "%%step load -o x\nclass A: pass\nx = A()",
            "%%step a -i x -o y\ny = 1, x",
        ),
        "The output 'x' is made with the class 'A' of this step's own cell, so other steps cannot load it.",
        "flow.ipynb, cell 1, step load: %%step load -o x",
        "Move 'A' to a cell of its own (without %%step) or to a module.",
    ),
    (
        "undeclared-file",
        Given(
            (
                "%%step load -o x\nx = open('d.txt').read()",
                "%%step a -i x -o y\ny = x",
            ),
            files={"d.txt": "1"},
        ),
        "'d.txt' names a file that is not declared.",
        "flow.ipynb, cell 1, step load: %%step load -o x",
        "Add '-i d.txt' to step 'load': it reads the file.",
    ),
    (
        "unknown-path",
        (
            "import sys",
            "%%step load -o x\nx = open(sys.argv[0]).read()",
        ),
        "'open' reads a path that cannot be known without running.",
        "flow.ipynb, cell 2, step load: %%step load -o x",
        "Declare the file with -i PATH, so that the graph shows it and a change is seen before the run.",
    ),
    (
        "outside-world",
        (
            "import requests",
            "%%step load -o x\nx = requests.get('http://localhost').text",
        ),
        "'requests.get' asks the network: no key can see what it answers, so the result is reused.",
        "flow.ipynb, cell 2, step load: %%step load -o x",
        "Add --no-cache if it should be asked every time.",
    ),
    (
        "nothing-declared",
        ("%%step load\nprint(1)",),
        "This step has neither inputs nor outputs, so its printed output is reused until its code changes.",
        "flow.ipynb, cell 1, step load: %%step load",
        "Add --no-cache if it should run every time.",
    ),
    (
        "changed-input",
        (
            "%%step load -o x\nx = [1]",
            "%%step a -i x -o y\nx[0] = 2\ny = 1",
            "%%step b -i x -o z\nz = x",
        ),
        (
            "Step 'a' changes 'x' in place and does not declare it as an output, and step 'b' below takes 'x': Run "
            "All would hand on this one, a run the older one."
        ),
        "flow.ipynb, cell 2, step a: %%step a -i x -o y",
        "Add '-o x' to step 'a', or change a copy.",
    ),
]

WRITTEN = (
    "undeclared-input", "undeclared-output", "uses-exploration", "rebinds-context", "changed-input", "undeclared-file",
)  # fmt: skip
"""``check --fix`` can write what these ask for."""


def told(severity: str, code: str, message: str, place: str, fix: str) -> str:
    where = f"  at   {place}\n  fix  {fix}" if fix else f"  at  {place}"
    return f"{severity}[{code}] {message}\n{where}\n\n"


def written(root: Path, given: Given | tuple[str, ...]) -> None:
    (given if isinstance(given, Given) else Given(given)).write(root)


@pytest.mark.parametrize(
    ("code", "given", "message", "place", "fix"), ERRORS, ids=[f"{c[0]}: {c[2][:40]}" for c in ERRORS]
)
def test_an_error_is_told_and_nothing_runs(
    tmp_path: Path, code: str, given: Given | tuple[str, ...], message: str, place: str, fix: str
) -> None:
    written(tmp_path, given)
    expected = told("error", code, message, place, fix) + "nbflow: The check found 1 error, so nothing was run.\n"
    if code in WRITTEN:
        expected += "  nbflow check --fix writes what is not declared.\n"
    assert nbflow(tmp_path, "run") == (2, "", expected)
    assert not (tmp_path / "nbflow_runs").exists()


@pytest.mark.parametrize(("code", "given", "message", "place", "fix"), DOUBTS, ids=[c[0] for c in DOUBTS])
def test_a_doubt_is_told_and_stops_nothing(
    tmp_path: Path, code: str, given: Given | tuple[str, ...], message: str, place: str, fix: str
) -> None:
    written(tmp_path, given)
    said = nbflow(tmp_path, "check")
    severity = CODES[code][0]
    text, _, summary = said.out.removesuffix("\n").partition("\n\n")
    assert (said.code, f"{text}\n\n", said.err) == (0, told(severity, code, message, place, fix), "")
    expected = [f"checked: 1 {severity}."]
    if code in WRITTEN:
        expected.append("nbflow check --fix writes what is not declared.")
    assert summary.partition(" ")[2].removeprefix("steps ").removeprefix("step ").splitlines() == expected


def test_every_finding_there_is_has_a_case() -> None:
    assert {case[0] for case in [*ERRORS, *DOUBTS]} == set(CODES)
