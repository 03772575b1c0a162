"""The project that ``test_edits`` edits: a notebook with one step for each way in which a result depends on things."""

from __future__ import annotations

from pathlib import Path

from tests.flows import Flow, new_flow

CELLS = {
    "md-title": "# One step for each way to depend on something",
    "imports": """\
import os
import random
import sys
import textwrap as tw
from functools import lru_cache, wraps
from pathlib import Path""",
    "parameters": 'limit = 10\nlabel = "x"  # on the report',
    "path": 'sys.path.insert(0, "../lib")',
    "level": 'os.environ["LEVEL"] = "1"',
    "seed": "random.seed(42)",
    "local": "from local import direct",
    "extra": "from extra import more",
    "shapes": "from shapes import Square",
    "script": "%run script.py",
    "folders": 'DATA = Path("data")\nOTHER = Path("elsewhere")',
    "helpers": '''\
FACTOR = 3
UNREAD = 1


def triple(x):
    return x * FACTOR


def area(x):
    """Thrice, and one more."""
    return triple(x) + 1


def idle(x):
    return x''',
    "documented": '''\
def documented():
    """Read by code."""
    return tw.dedent(documented.__doc__)''',
    "classes": '''\
class Counter:
    """Counts."""

    step = 1

    def count(self, xs, by=1):
        return len(xs) * by * self.step

    def unused(self):
        return None''',
    "described": 'def described():\n    """Read by a step."""',
    "pair": "class Pair:\n    def total(self):\n        return 2",
    "decorated": '''\
def shout(function):
    @wraps(function)
    def wrapped(*args):
        return function(*args) + "!"

    return wrapped


@shout
def greet(name):
    """Greets."""
    return "hello " + name''',
    "load": '%%step load -i data/raw.txt -o rows\nrows = [int(n) for n in Path("data/raw.txt").read_text().split()]',
    "tidy": "%%step tidy -i rows -o table\ntable = [area(row) for row in rows][:limit]",
    "look": "print(len(table))\ntable[:1]",
    "count": "%%step count -i table -o total\ntotal = Counter().count(table)",
    "greet": '%%step greet -o words\nwords = [greet("you")]',
    "greet-more": '%%step greet\nwords.append(greet("all"))\nwords',
    "doc": "%%step doc -o page\npage = documented()",
    "tell": "%%step tell -o told\ntold = described.__doc__",
    "config": '%%step config -o settings\nsettings = [os.environ["MODE"], len(os.environ["TOKEN"]) > 0]',
    "named": """\
%%step named -o texts
texts = [open("data/literal.txt").read(), (DATA / "built.txt").read_text()]
texts.append(os.path.exists("data/optional.txt"))""",
    "found": """\
%%step found -o parts
parts = [open("".join(["data", "/", "variable.txt"])).read()]
for name in sorted(os.listdir("data/parts")):
    with open("data/parts/" + name) as file:
        parts.append(file.read())""",
    "module": "%%step module -o number\nnumber = direct(3)",
    "other": "%%step other -o numbers\nnumbers = more(1)",
    "square": "%%step square -o shape\nshape = Square(2)",
    "measure": "%%step measure -i shape -o size\nsize = shape.size()",
    "make-pair": "%%step make_pair -o two\ntwo = Pair()",
    "add-pair": "%%step add_pair -i two -o added\nadded = two.total()",
    "write": '%%step write -i table -o out/report.txt\nPath("out/report.txt").write_text(label + str(table))',
    "back": '%%step back -i out/report.txt -o again\nagain = open("out/report.txt").read()',
    "folder": """\
%%step folder -i data/folder/ -o joined
joined = [path.read_text() for path in sorted((DATA / "folder").iterdir())]""",
    "chance": "%%step chance -o drawn\ndrawn = random.random()",
}
FILES = {
    "pyproject.toml": '[tool.nbflow]\njobs = 2\n\n[tool.nbflow.secrets]\nnames = ["TOKEN"]\n',
    "work/data/raw.txt": "1 2 3\n",
    "work/data/literal.txt": "literal\n",
    "work/data/built.txt": "built\n",
    "work/data/variable.txt": "variable\n",
    "work/data/parts/a.txt": "a\n",
    "work/data/folder/one.txt": "one\n",
    "work/data/unread.txt": "unread\n",
    "work/local.py": '''\
"""Local."""
from inner import base

def direct(x):
    """Docs."""
    return base(x) + 1
''',
    "work/inner.py": "def base(x):\n    return x * 2\n",
    "work/shapes.py": """\
class Square:
    def __init__(self, a):
        self.a = a

    def size(self):
        return self.a * self.a
""",
    "work/script.py": "scripted = 1\n",
    "lib/extra.py": "def more(x):\n    return [x, x]\n",
}
EVERY = frozenset({
    "load", "tidy", "count", "greet", "doc", "config", "named", "found", "module", "other", "square", "measure",
    "make_pair", "add_pair", "tell", "write", "back", "folder", "chance",
})  # fmt: skip
REPORT = "work/out/report.txt"


def project_in(root: Path) -> Flow:
    """The project, not run yet. Its notebook lies in a folder, with its data and modules around it."""
    flow = new_flow(root, CELLS, FILES)
    flow.file("flow.ipynb").rename(flow.file("work/flow.ipynb"))
    flow.notebook = "work/flow.ipynb"
    return flow
