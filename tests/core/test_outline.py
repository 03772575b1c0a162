"""What each cell of a notebook is, and where its names are bound, changed and set up."""

from __future__ import annotations

import pytest

from nbflow.core.model import Finding, Item
from nbflow.core.names import LAZY_ANNOTATIONS
from tests.fakes import outline


def found(*cells: str) -> list[tuple[str, int | None, str | None, str, str]]:
    return [(f.code, f.cell, f.step, f.message, f.fix) for f in outline(*cells).findings]


# --- roles -----------------------------------------------------------------------------------------------


def test_a_step_may_span_cells() -> None:
    (step,) = outline(
        "%%step s -i a\nx = a", "x.plot()", "#[markdown]\nwords", "%%step s -i b --retries 1\ny = b", "%%step s -o y\ny"
    ).steps
    assert (step.name, step.cells, step.first, step.last) == ("s", (1, 4, 5), 1, 5)
    assert step.declaration.inputs == (Item("a", "a"), Item("b", "b"))
    assert step.declaration.outputs == (Item("y", "y"),)
    assert step.declaration.options.retries == 1
    assert step.input_cells == {"a": 1, "b": 4}
    assert step.lines == {1: "%%step s -i a", 4: "%%step s -i b --retries 1", 5: "%%step s -o y"}


def test_every_other_code_cell_is_context() -> None:
    book = outline(
        "import re", "#[markdown]\n%%step no", "#[raw]\nx = 1", "%%step s\nx = 1", "# only words", "x", "%%bash\nls"
    )
    assert book.context_cells == (1, 6, 7)
    assert [s.cells for s in book.steps] == [(4,)]
    assert book.step_at(4) is book.steps[0]
    assert book.step_at(1) is None


def test_deferred_annotations_hold_for_the_cells_below() -> None:
    book = outline("x: A = 1", "'''doc'''\nfrom __future__ import division, annotations", "x: B = 1")
    ((first,), (_, _), (last,)) = [book.units(n) for n in (1, 2, 3)]
    assert (first.now.reads, first.later.reads) == (((), ("A",)) if LAZY_ANNOTATIONS else (("A",), ()))
    assert (last.now.reads, last.later.reads) == ((), ("B",))


@pytest.mark.parametrize("tag", ["nbflow-skip", "skip-execution"])
def test_cells_tagged_to_be_skipped_are_out_of_play(tag: str) -> None:
    book = outline(f"#[{tag}]\nx = 1", f"#[{tag}]\n%%step a\ny = 1", "%%step b\nz = 1", f"#[{tag}]\n%%step b\nw = 1")
    assert book.context_cells == ()
    assert [(s.name, s.cells) for s in book.steps] == [("b", (3,))]
    assert book.bindings.in_context == {}


@pytest.mark.parametrize(
    "cells",
    [
        ("%step report -i t\nx = t", "y = x"),
        ("#[markdown]\nwords", "x = t\n%step report -i t", "y = x"),
        ("%load_ext nbflow\n%matplotlib inline", "%step report -i t\nx = t", "y = x"),
        ("#[parameters]\nk = 1", "%step report -i t\nx = t"),
        ("%load_ext nbflow\n# words\n%step report -i t", "x = t"),
        ("", "#[nbflow-skip]\nz = 1", "%step report -i t\nx = t"),
    ],
)
def test_a_step_line_in_the_first_real_cell_takes_the_whole_notebook(cells: tuple[str, ...]) -> None:
    book = outline(*cells)
    (step,) = book.steps
    code = [n for n, text in enumerate(cells, 1) if not text.startswith(("#[markdown", "#[nbflow-skip"))]
    assert (step.name, step.whole_notebook, list(step.cells)) == ("report", True, code)
    assert step.input_cells == {"t": next(iter(step.lines))}
    assert book.context_cells == ()
    assert book.findings == []


@pytest.mark.parametrize(
    "cells", [("x = 1", "%step report -o y\ny = x"), ("text = '''\n%step report\n'''", "y = 1"), ("%%bash\n%step x",)]
)
def test_elsewhere_a_step_line_takes_nothing(cells: tuple[str, ...]) -> None:
    assert outline(*cells).steps == ()


def test_a_notebook_is_one_step_or_has_steps() -> None:
    assert found("%step all -o x\nx = 1", "%%step one\ny = 1") == [
        (
            "mixed-step", 2, None,
            "Cell 1 makes the whole notebook one step with %step, so this cell cannot be one.",
            "Keep the %step line or the %%step lines, not both.",
        )
    ]  # fmt: skip


def test_a_line_that_cannot_be_read_is_found_and_its_cell_is_nothing() -> None:
    book = outline("%%step a --retires 2\nx = 1", "x")
    assert book.findings == [
        Finding(
            "bad-step-line", "error", "nb.ipynb", 1, None, "%%step has no option '--retires'. Did you mean '--retries'?"
        )
    ]
    assert (book.steps, book.context_cells, book.unreadable) == ((), (2,), {1})


def test_cells_of_a_step_that_disagree_are_found_at_the_later_one() -> None:
    book = outline("%%step a --retries 1 -o x\nx = 1", "%%step a --retries 2\ny = 1")
    assert found("%%step a --retries 1 -o x\nx = 1", "%%step a --retries 2\ny = 1") == [
        ("bad-step-line", 2, "a", "Two cells of this step give --retries: 1 and 2.", "Give it once.")
    ]
    assert [s.cells for s in book.steps] == [(1, 2)]


def test_names_that_differ_only_in_case_are_found() -> None:
    assert found("%%step Train\nx = 1", "%%step train\ny = 1", "%%step training\nz = 1") == [
        (
            "names-alike", 2, "train", "The steps 'Train' (cell 1) and 'train' differ only in case.",
            "Write 'Train' in both if they are one step, or give one of them another name.",
        )
    ]  # fmt: skip


# --- parameters ------------------------------------------------------------------------------------------


def test_parameters_are_those_of_the_first_tagged_cell() -> None:
    book = outline(
        "import os",
        "#[parameters]\nimport re\nk = 1\nname: str = 'x'\nrows = [1, 2]\nthen = len('ab')",
        "#[parameters]\nlate = 1",
    )
    assert book.parameter_cells == (2,)
    assert book.parameters == {"k": "1", "name": '"x"', "rows": "[1, 2]", "then": ""}


# --- where names are bound and changed -------------------------------------------------------------------


def test_binding_and_changing_cells_are_listed_for_context_and_steps() -> None:
    places = outline(
        "x = 1\nxs = []", "%%step a -o x\nx = 2\nxs[0] = 1", "xs.append(1)", "xs += [2]", "del xs[0]",
        "if x:\n    x = 3",
    ).bindings  # fmt: skip
    assert places.in_context == {"x": [1, 6], "xs": [1, 4]}
    assert places.in_steps == {"x": [2]}
    assert places.changed_in_context == {"xs": [3, 4, 5]}
    assert places.assigned_in_context == {"xs": [4, 5]}
    assert places.assigned_in_steps == {"xs": [2]}


def test_a_declared_output_counts_as_bound_at_the_last_cell() -> None:
    places = outline("%%step a -i df -o df\ndf.dropna(inplace=True)", "%%step a\n1").bindings
    assert places.in_steps == {"df": [2]}


@pytest.mark.parametrize(
    ("cells", "binds", "changes"),
    [
        (("def add():\n    global n\n    n = n + 1", "add()"), {"n": [2]}, {}),
        (("def add():\n    xs.append(1)", "add()"), {}, {"xs": [2]}),
        (("def add():\n    xs.append(1)", "def twice():\n    add()\n    add()", "twice()"), {}, {"xs": [3]}),
        (("def keep(f):\n    known[f.__name__] = f\n    return f", "@keep\ndef f():\n    pass"), {}, {"known": [2]}),
        (("def add():\n    xs.append(1)", "list(map(add, [1]))"), {}, {"xs": [2]}),
        (("def add():\n    xs.append(1)", "h = add", "h()"), {}, {"xs": [2, 3]}),
        (("class C:\n    def add(self):\n        xs.append(1)", "c = C()", "c.add()"), {}, {"xs": [2, 3]}),
        (("def add():\n    xs.append(1)\n    return 2", "n = add()", "print(n)"), {}, {"xs": [2]}),
        (("def add(xs):\n    xs.append(1)", "add([])"), {}, {}),
    ],
)
def test_a_call_counts_as_what_the_function_does_to_globals(
    cells: tuple[str, ...], binds: dict[str, list[int]], changes: dict[str, list[int]]
) -> None:
    places = outline(*cells).bindings
    own = {"add", "twice", "keep", "f", "h", "C", "c", "n"} - binds.keys()
    assert {n: c for n, c in places.in_context.items() if n not in own} == binds
    assert {n: c for n, c in places.changed_in_context.items() if n not in own} == changes


# --- set-up ----------------------------------------------------------------------------------------------

SETS_UP = [
    'os.environ["TZ"] = "UTC"',
    'plt.rcParams["figure.dpi"] = 96',
    "pd.DataFrame.top = top",
    "plt.rcParams.update({})",
    "np.random.seed(0)",
    "pd.set_option('display.max_rows', 5)",
    "warnings.filterwarnings('ignore')",
    "sns.set()",
    "sns.set_theme()",
    "plt.style.use('ggplot')",
    "logging.basicConfig()",
    "logging.getLogger('x').setLevel(10)",
    "sys.path.insert(0, 'src')",
    "sys.path += ['src']",
    "load_dotenv()",
    "if os:\n    np.random.seed(0)",
    "%matplotlib inline",
    "%env A=1",
    "from math import *",
    "from __future__ import annotations",
    "%run helpers.py",
    "exec('x = 1')",
    "seed_all(42)",
    "seed_more(42)",
]
NO_SETUP = [
    "np.random.rand(3)",
    "shutil.rmtree('x')",
    "urlretrieve('x', 'y')",
    "os.makedirs('x', exist_ok=True)",
    "xs.set_index('a')",
    "cfg['a'] = 1",
    "model.set_params(a=1)",
    "set([1])",
    "x = seed_all",
    "pd.read_csv('x.csv')",
    "import sklearn",
    "!pip install x",
    "%load_ext nbflow",
    "def seed():\n    np.random.seed(0)",
]
IMPORTS = (
    "import os, sys, shutil, warnings, logging\nimport numpy as np\nimport pandas as pd\nimport seaborn as sns\n"
    "import matplotlib.pyplot as plt\nfrom dotenv import load_dotenv\nfrom urllib.request import urlretrieve"
)
HELPERS = (
    "def top(df):\n    return df.head()\ndef seed_numpy(n):\n    np.random.seed(n)\ndef seed_all(n):\n    "
    "seed_numpy(n)\n"
    "def seed_more(n):\n    os.environ['SEED'] = str(n)\ncfg = {}\nxs = []\nmodel = object()"
)


@pytest.mark.parametrize("line", SETS_UP)
def test_set_up_is_found(line: str) -> None:
    assert outline(IMPORTS, HELPERS, line).bindings.setup_cells == (3,)


@pytest.mark.parametrize("line", NO_SETUP)
def test_what_is_no_set_up(line: str) -> None:
    assert outline(IMPORTS, HELPERS, line).bindings.setup_cells == ()


def test_a_tag_makes_a_cell_set_up() -> None:
    assert outline("#[nbflow-setup]\nx = 1", "#[nbflow-setup]\n%%step a\ny = 1").bindings.setup_cells == (1,)


def test_imports_that_no_cell_reads_are_known() -> None:
    places = outline(
        "import numpy as np\nimport mplcyberpunk",
        "from sklearn.experimental import enable_halving",
        "import json, hdf5plugin",
        "try:\n    import a\nexcept ImportError:\n    import b",
        "%%step s\nimport torch\nnp.sum(json.loads('[1]'))",
    ).bindings
    assert {place: [i.bound for i in imports] for place, imports in places.unread_imports.items()} == {
        (1, 1): ["mplcyberpunk"],
        (2, 0): ["enable_halving"],
        (3, 0): ["hdf5plugin"],
        (4, 0): ["a", "b"],
        (5, 0): ["torch"],
    }
