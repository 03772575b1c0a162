"""What a slice imports while its kernel is still as it started: case by case."""

from __future__ import annotations

import pytest

from nbflow.core.imports import Imports, imports_of
from nbflow.core.surroundings import LocalCode
from tests.fakes import pipeline, slice_of

LOCAL = {
    "helpers": LocalCode({"helpers.py": "1"}, imports=("scipy", "scipy.stats")),
    "acting": LocalCode({"acting.py": "2"}, acting=frozenset({"acting.py"}), imports=("scipy",)),
}


def local(modules: tuple[str, ...]) -> LocalCode:
    return next((LOCAL[m] for m in modules if m in LOCAL), LocalCode())


def imported(*cells: str) -> Imports:
    """What the step ``s`` of a notebook imports."""
    lines = pipeline(cells)
    return imports_of(slice_of(lines, "s").pieces, lines.outlines, local)


STEP = "%%step s\ny = np.ones(3)"

WHOLE = {
    "in the order of the slice": (
        ("import numpy as np", "import pandas as pd", "%%step s\ny = pd.Series(np.ones(3))"), ("numpy", "pandas"),
    ),
    "the last word may be a name": (
        ("import numpy as np\nfrom sklearn.svm import SVC", STEP), ("numpy", "sklearn.svm", "sklearn.svm.SVC"),
    ),
    "an import without a name that is read": (("import seaborn\nimport numpy as np", STEP), ("seaborn", "numpy")),
    "under try": (
        ("try:\n    import cupy as np\nexcept ImportError:\n    import numpy as np", STEP), ("cupy", "numpy"),
    ),
    "what functions import when they are called comes last": (
        ("import numpy as np\ndef f():\n    import scipy.stats", "%%step s\nf()\nimport pandas"),
        ("numpy", "pandas", "scipy.stats"),
    ),
    "what local modules import": (("import helpers", "%%step s\ny = helpers.A"), ("helpers", "scipy", "scipy.stats")),
    "asking os changes nothing": (
        ("import os\np = os.path.join('a', 'b')\nhome = os.environ.get('HOME')", "import numpy as np", STEP),
        ("numpy",),
    ),
    "seeding and options change nothing that imports depend on": (
        ("import numpy as np\nnp.random.seed(0)\nimport pandas as pd\npd.set_option('display.width', 9)", STEP),
        ("numpy", "pandas"),
    ),
    "to hear less changes nothing": (
        ("import warnings\nwarnings.filterwarnings('ignore')\nwarnings.simplefilter(\"ignore\", UserWarning)",
         "import logging\nlogging.basicConfig(format='%(message)s')\nlogging.basicConfig(level='ERROR')",
         "logging.getLogger('x').setLevel(logging.ERROR)",
         "import numpy as np", STEP), ("warnings", "logging", "numpy"),
    ),
    "a function that would, and is not called": (
        ("import logging\ndef loud():\n    logging.basicConfig(level=logging.DEBUG)", "import numpy as np", STEP),
        ("numpy",),
    ),
    "neither do these magics": (("%matplotlib inline\n%load_ext autoreload\nimport numpy as np", STEP), ("numpy",)),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_all_that_an_untouched_slice_imports_counts(case: str) -> None:
    cells, modules = WHOLE[case]
    found = imported(*cells)
    assert (found.modules, found.untouched) == (modules, True)


TOUCHED = {
    "a variable is set": "import os\nos.environ['OMP_NUM_THREADS'] = '1'",
    "by update": "from os import environ\nenviron.update(A='1')",
    "through another name": "import os\nenv = os.environ\nenv['A'] = '1'",
    "in a condition": "import os\nif True:\n    os.environ.setdefault('A', '1')",
    "by a function of the notebook": "import os\ndef f():\n    os.environ['A'] = '1'\nf()",
    "by a function that calls one": "import os\ndef f():\n    os.environ['A'] = '1'\ndef g():\n    f()\ng()",
    "from a file": "from dotenv import load_dotenv\nload_dotenv()",
    "the path": "import sys\nsys.path.insert(0, 'src')",
    "the path, bound anew": "import sys\nsys.path = ['src', *sys.path]",
    "the folder": "import os\nos.chdir('..')",
    "warnings are errors": "import warnings\nwarnings.simplefilter('error')",
    "warnings are shown": "from warnings import filterwarnings\nfilterwarnings(\n    'always', category=Warning)",
    "a log of all": "import logging\nlogging.basicConfig(\n    format='%(message)s', level=logging.DEBUG,\n)",
    "a log of all that speaks of warnings": (
        "import logging\nlogging.basicConfig(level=logging.DEBUG, format='WARNING %(message)s')"
    ),
    "a log as variables say": "import logging\nlogging.basicConfig(**dict(level=10))",
    "in one branch": (
        "import logging\nif True:\n    logging.root.setLevel(10)\nelse:\n    logging.root.setLevel(logging.WARNING)"
    ),
    "a level that is assigned": "import logging\nlogging.root.level = 10",
    "filters that are assigned": "import warnings\nwarnings.filters[:] = []",
    "a logger of all": "import logging\nlogging.getLogger('numpy').setLevel(10)",
    "a log as a file says": "import logging.config\nlogging.config.fileConfig('log.ini')",
    "a log by a function": "import logging\ndef loud():\n    logging.basicConfig(level='INFO')\nloud()",
    "the locale": "import locale\nlocale.setlocale(locale.LC_ALL, '')",
    "a site folder": "import site\nsite.addsitedir('lib')",
    "a local module that acts": "import acting",
    "a call into a local module": "import helpers\nhelpers.prepare()",
    "a function of a local module": "from helpers import prepare\nprepare()",
    "all of a local module": "from helpers import *",
    "a magic": "%env A=1",
    "an extension": "%load_ext dotenv\n%dotenv",
    "a shell line": "!pip install numpy",
    "its output kept": "found = !ls",
    "pip": "%pip install numpy",
    "other code": "exec(open('x.py').read())",
    "another file": "%run setup.py",
    "the shell itself": "get_ipython().run_line_magic('env', 'A=1')",
}


@pytest.mark.parametrize("case", TOUCHED)
def test_only_what_is_imported_before_a_change_counts(case: str) -> None:
    cell = f"#[nbflow-setup]\n{TOUCHED[case]}"
    found = imported("import pandas as pd", cell, "import numpy as np", "%%step s\ny = pd.Series(np.ones(3))")
    assert (found.untouched, {"pandas", "numpy"}.intersection(found.modules)) == (False, {"pandas"})


def test_a_change_in_a_cell_leaves_what_the_cell_imports_above_it() -> None:
    cell = "import numpy as np\nimport os\nos.environ['A'] = '1'\nimport torch"
    assert imported(cell, STEP) == Imports(("numpy", "os"), untouched=False, bound=frozenset({"numpy", "os"}))


def test_a_change_in_the_step_itself_keeps_later_imports_back() -> None:
    cell = "%%step s\nimport os, numpy as np\nos.environ['A'] = '1'\nimport torch\ny = np.ones(3)"
    assert imported(cell) == Imports(("os", "numpy"), untouched=False, bound=frozenset({"os", "numpy"}))


@pytest.mark.parametrize(
    ("source", "bound"),
    [
        ("import PIL", {"PIL"}),
        ("import PIL.Image", {"PIL"}),
        ("import scipy.stats as st", {"scipy.stats"}),
        ("import scipy as s", {"scipy"}),
        ("from scipy import stats", {"scipy.stats"}),
        ("from sklearn.svm import SVC as Machine", {"sklearn.svm.SVC"}),
        ("def f():\n    import scipy\n    from sklearn.svm import SVC", {"scipy"}),
        ("import helpers", {"helpers", "scipy"}),
    ],
)
def test_modules_that_code_has_by_name(source: str, bound: set[str]) -> None:
    assert imported(f"%%step s\n{source}").bound == bound
