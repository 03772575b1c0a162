"""The step line that a plain cell is offered."""

from __future__ import annotations

import pytest

from nbflow.core.proposing import propose
from nbflow.errors import UsageError
from tests.fakes import outline


@pytest.mark.parametrize(
    ("cells", "number", "line"),
    [
        (["x = 1", "print(x)"], 1, "%%step x -o x"),
        (["x = 1", "y = 1"], 1, "%%step x -o x"),  # nobody reads it yet
        (["x = 1", "x = 2\nprint(x)"], 1, "%%step x"),  # nobody reads this one
        (["%%step one -o a\na = 1", "b = a + 1\nprint(b)"], 2, "%%step b -i a"),  # to be looked at
        (["import matplotlib.pyplot as plt", "fig, ax = plt.subplots()\nax.plot([1])"], 2, "%%step fig"),
        (["#| Make it\nx = 1", "x"], 1, "%%step make_it -o x"),
        (["#[markdown]\n## 3. Clean the data ##\n\ntext", "x = 1", "x"], 2, "%%step clean_the_data -o x"),
        (["#[markdown]\nA sentence, no heading", "x = 1", "x"], 2, "%%step x -o x"),
        (["#[markdown]\n# Größe: Maß & Zahl", "x = 1", "x"], 2, "%%step groe_ma_zahl -o x"),
        (["#[markdown]\n# 数据", "x = 1", "x"], 2, "%%step x -o x"),
        (["#[markdown]\n# a heading that goes on and on and on", "x = 1", "x"], 2, "%%step x -o x"),
        (["%%step one -o a\na = 1", "b = a + 1", "b"], 2, "%%step b -i a -o b"),
        (["%%step b -o a\na = 1", "b = a + 1", "b"], 2, "%%step b_2 -i a -o b"),
        (["%%step one -o a\na = 1", "a['x'] = 1", "a"], 2, "%%step a -i a -o a"),  # changed in place, and read below
        (["%%step one -o a\na = []", "a.head()", "a"], 2, "%%step step_2 -i a"),  # a bare call most likely looks
        (["%%step one -o a\na = 1", "def f():\n    return a", "b = f()", "b"], 3, "%%step b -i a -o b"),
        (["import numpy as np", "def f(x):\n    return x", "y = f(np.ones(3))", "y"], 3, "%%step y -o y"),
        (["import numpy as np\ndef f(): pass\nclass C: pass\nx = 1", "np, f, C, x"], 1, "%%step x -o x"),
        (["%%step one -o a\ndef g(): pass\na = g()", "g(a)"], 2, "%%step g -i a"),  # a function is no input
        (["_ = 1", "_"], 1, "%%step step_1"),
        (["for i in range(3):\n    t = i", "t"], 1, "%%step t -o t"),
        (["x = 1", "def f():\n    return x"], 1, "%%step x -o x"),
        (["%%step one -o d/a.csv\nopen('d/a.csv', 'w')", "import pandas as pd\nt = pd.read_csv('d/a.csv')", "t"], 2,
         "%%step t -i d/a.csv -o t"),
        (["import pandas as pd\npd.DataFrame().to_csv('out/my t.csv')"], 1, "%%step my_t -o 'out/my t.csv'"),
        (["import pandas as pd\npd.DataFrame().to_csv('/tmp/x.csv')"], 1, "%%step step_1"),
        (["train(3)"], 1, "%%step train"),
    ],
)  # fmt: skip
def test_a_line_is_made_of_the_cells_around(cells: list[str], number: int, line: str) -> None:
    assert propose({"nb.ipynb": outline(*cells)}, "nb.ipynb", number).line == line


def test_what_another_notebook_makes_is_taken_from_there() -> None:
    maker = outline("%%step one -o a\na = 1", path="m.ipynb")
    here = outline("b = a + 1", "b")
    assert propose({"nb.ipynb": here, "m.ipynb": maker}, "nb.ipynb", 1).line == "%%step b -i a -o b"
    other = outline("%%step one -o a\na = 1", path="o.ipynb")
    both = {"nb.ipynb": here, "m.ipynb": maker, "o.ipynb": other}
    assert propose(both, "nb.ipynb", 1).line == "%%step b -o b"


@pytest.mark.parametrize(
    ("cells", "number", "message"),
    [
        (["x = 1"], 2, "There is no cell 2: the notebook has 1."),
        (["#[markdown]\ntext"], 1, "Cell 1 is no code cell."),
        (["%%step one\n1"], 1, "Cell 1 is part of step 'one' already."),
        (["%%step one -x\n1"], 1, "Cell 1 has a %%step line that cannot be read."),
        (["#[parameters]\nx = 1"], 1, "Cell 1 holds the parameters."),
        (["#[nbflow-skip]\nx = 1"], 1, "Cell 1 is tagged to be left out."),
        ([" \n"], 1, "Cell 1 is empty."),
        (["x = ("], 1, "Cell 1 is not valid Python: '(' was never closed (line 1)."),
    ],
)
def test_a_cell_that_cannot_become_a_step_is_refused(cells: list[str], number: int, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        propose({"nb.ipynb": outline(*cells)}, "nb.ipynb", number)
    assert raised.value.message == message
