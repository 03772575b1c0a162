"""The table of edits: a project that has been run once is edited as people edit, and exactly the steps that the edit
reaches run again; the plan names the cause; afterwards all is fresh; and taking the edit back reuses the old results."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nbflow import ops
from nbflow.core.model import Record
from tests.plain_executor import PlainExecutor

Cells = list[dict[str, Any]]

CELLS = {
    "title": "# A flow with one step for each way to depend on something",
    "imports": """\
import os
import random
import sys
import textwrap as tw
from functools import lru_cache, wraps
from pathlib import Path""",
    "parameters": """\
limit = 10
label = "x"  # on the report""",
    "path": 'sys.path.insert(0, "../lib")',
    "level": 'os.environ["LEVEL"] = "1"',
    "seed": "random.seed(42)",
    "local": "from local import direct",
    "extra": "from extra import more",
    "shapes": "from shapes import Square",
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
    "config": '%%step config -o settings\nsettings = [os.environ["MODE"], len(os.environ["TOKEN"]) > 0]',
    "named": '%%step named -o texts\ntexts = [open("data/literal.txt").read(), (DATA / "built.txt").read_text()]\ntexts.append(os.path.exists("data/optional.txt"))',
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
    "write": '%%step write -i table -o out/report.txt\nPath("out/report.txt").write_text(label + str(table))',
    "back": '%%step back -i out/report.txt -o again\nagain = open("out/report.txt").read()',
    "folder": '%%step folder -i data/folder/ -o joined\njoined = [p.read_text() for p in sorted((DATA / "folder").iterdir())]',
    "chance": "%%step chance -o drawn\ndrawn = random.random()",
}
MARKDOWN = {"title"}
TAGS = {"parameters": ["parameters"]}
FILES = {
    "pyproject.toml": '[tool.nbflow]\njobs = 2\n\n[tool.nbflow.secrets]\nnames = ["TOKEN"]\n',
    "work/data/raw.txt": "1 2 3\n",
    "work/data/literal.txt": "literal\n",
    "work/data/built.txt": "built\n",
    "work/data/variable.txt": "variable\n",
    "work/data/parts/a.txt": "a\n",
    "work/data/folder/one.txt": "one\n",
    "work/data/unread.txt": "unread\n",
    "work/local.py": '"""Local."""\n\nfrom inner import base\n\n\ndef direct(x):\n    """Docs."""\n    return base(x) + 1\n',
    "work/inner.py": "def base(x):\n    return x * 2\n",
    "work/shapes.py": "class Square:\n    def __init__(self, a):\n        self.a = a\n\n    def size(self):\n        return self.a * self.a\n",
    "lib/extra.py": "def more(x):\n    return [x, x]\n",
}
EVERY = frozenset({
    "load", "tidy", "count", "greet", "doc", "config", "named", "found", "module", "other", "square", "measure",
    "write", "back", "folder", "chance",
})  # fmt: skip


def code(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "id": name, "metadata": {"tags": TAGS.get(name, [])}, "source": source, "outputs": [],
        "execution_count": None,
    }  # fmt: skip


def cell(name: str, source: str) -> dict[str, Any]:
    if name in MARKDOWN:
        return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}
    return code(name, source)


@dataclass
class Place:
    """A copy of the project, with the ways people edit it."""

    root: Path
    monkeypatch: pytest.MonkeyPatch
    parameters: dict[str, Any] = field(default_factory=dict)
    notebook: str = "work/flow.ipynb"

    # --- edits

    def file(self, path: str) -> Path:
        return self.root / path

    def write(self, path: str, text: str) -> None:
        target = self.file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def change(self, path: str, old: str, new: str) -> None:
        text = self.file(path).read_text()
        assert text.count(old) == 1
        self.write(path, text.replace(old, new))

    def cells(self, edit: Callable[[Cells], None]) -> None:
        content = json.loads(self.file(self.notebook).read_text())
        edit(content["cells"])
        self.write(self.notebook, json.dumps(content))

    def replace(self, name: str, old: str, new: str) -> None:
        def edit(cells: Cells) -> None:
            (found,) = [c for c in cells if c["id"] == name]
            assert found["source"].count(old) == 1
            found["source"] = found["source"].replace(old, new)

        self.cells(edit)

    def add(self, name: str, source: str, before: str) -> None:
        self.cells(lambda cells: cells.insert(_at(cells, before), cell(name, source)))

    def drop(self, name: str) -> None:
        self.cells(lambda cells: cells.pop(_at(cells, name)) and None)

    def move(self, name: str, before: str) -> None:
        def edit(cells: Cells) -> None:
            moved = cells.pop(_at(cells, name))
            cells.insert(_at(cells, before), moved)

        self.cells(edit)

    # --- what nbflow does

    def open(self) -> ops.Project:
        return ops.open_project([self.file(self.notebook)], parameters=self.parameters, cwd=self.root)

    def plan(self) -> dict[str, tuple[str, bool, list[str]]]:
        """Step → action, whether it is certain, kinds of reasons."""
        with self.open() as project:
            made = ops.make_plan(project, project.planner())
        return {
            _plain(step): (planned.action, planned.certain, sorted({r.kind for r in planned.reasons}))
            for step, planned in made.steps.items()
        }

    def stale(self) -> dict[str, list[str]]:
        """Steps that certainly run → kinds of reasons."""
        return {step: kinds for step, (action, certain, kinds) in self.plan().items() if action == "run" and certain}

    def run(self, **options: Any) -> set[str]:
        """The steps that ran. Nothing may fail."""
        executor = PlainExecutor()
        with self.open() as project:
            finished = ops.run(project, executor=executor, **options)
        assert finished.status == "succeeded"
        return executor.steps

    def records(self) -> dict[str, Record]:
        """The result of each step, all of which must be fresh."""
        with self.open() as project:
            made = ops.make_plan(project, project.planner())
        return {_plain(step): planned.record for step, planned in made.steps.items() if planned.record is not None}


def _plain(step: str) -> str:
    return step.rpartition(".")[2]


def _at(cells: Cells, name: str) -> int:
    return next(i for i, c in enumerate(cells) if c["id"] == name)


def new_project(root: Path) -> None:
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    content = {
        "cells": [cell(name, source) for name, source in CELLS.items()],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (root / "work/flow.ipynb").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project, run once."""
    root = tmp_path_factory.mktemp("done") / "project"
    new_project(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODE", "plain")
        patch.setenv("TOKEN", "first secret value")
        place = Place(root, patch)
        assert place.run() == EVERY
        assert place.run() == set()
        yield root


@pytest.fixture
def place(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    shutil.copytree(done, tmp_path / "project", symlinks=True)
    return Place(tmp_path / "project", monkeypatch)


@dataclass(frozen=True)
class Row:
    """One edit. ``why``: steps that certainly run → kinds of reasons; ``then``: steps below them that run as well,
    because their inputs came out different."""

    name: str
    edit: Callable[[Place], object]
    why: dict[str, str] = field(default_factory=dict)
    then: set[str] = field(default_factory=set)


def every(kind: str) -> dict[str, str]:
    return dict.fromkeys(EVERY, kind)


def edited(name: str, old: str, new: str) -> Callable[[Place], None]:
    return lambda place: place.replace(name, old, new)


def changed(path: str, old: str, new: str) -> Callable[[Place], None]:
    return lambda place: place.change(path, old, new)


def given(**parameters: Any) -> Callable[[Place], None]:
    return lambda place: place.parameters.update(parameters)


def variable(name: str, value: str) -> Callable[[Place], None]:
    return lambda place: place.monkeypatch.setenv(name, value)


def touched(place: Place) -> None:
    for path in ("data/raw.txt", "data/literal.txt", "data/variable.txt", "data/parts/a.txt", "data/folder/one.txt"):
        place.write(f"work/{path}", place.file(f"work/{path}").read_text())
        os.utime(place.file(f"work/{path}"), (1, 1))


def noisy(place: Place) -> None:
    def edit(cells: Cells) -> None:
        for number, each in enumerate(cells):
            each["id"] = f"new-{number}"
            each["metadata"]["collapsed"] = True
            if each["cell_type"] == "code":
                each["execution_count"] = number
                each["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "stale"}]

    place.cells(edit)


def merged(place: Place) -> None:
    place.replace("greet", '[greet("you")]', '[greet("you")]\nwords.append(greet("all"))\nwords')
    place.drop("greet-more")


def renamed_notebook(place: Place) -> None:
    place.file("work/flow.ipynb").rename(place.file("work/stream.ipynb"))
    place.notebook = "work/stream.ipynb"


def other_import_name(place: Place) -> None:
    place.replace("imports", "textwrap as tw", "textwrap as wrapping")
    place.replace("documented", "tw.dedent", "wrapping.dedent")


def package(place: Place) -> None:
    place.write("work/inner/__init__.py", "from inner.core import base")
    place.write("work/inner/core.py", "def base(x):\n    return x + 2")
    place.file("work/inner.py").unlink()


REPORT = "work/out/report.txt"
BELOW_TABLE = {"count", "write", "back"}

ROWS = [
    # --- what does not count
    Row("a comment in a step", edited("tidy", "table =", "# tidy up\ntable =")),
    Row("a comment behind a parameter", edited("parameters", "# on the report", "# on top of the report")),
    Row("layout in a helper", edited("helpers", "triple(x) + 1", "(\n        triple( x )+1\n    )")),
    Row("a function's docstring", edited("helpers", "Thrice, and one more.", "Three times, and one.")),
    Row("a function's docstring taken away", edited("helpers", '    """Thrice, and one more."""\n', "")),
    Row("a helper that nobody calls", edited("helpers", "def idle(x):\n    return x", "def idle(x):\n    return -x")),
    Row("a new helper that nobody calls", edited("helpers", "UNREAD = 1", "UNREAD = 1\n\n\ndef fresh(x):\n    return x")),
    Row("a constant that nobody reads", edited("helpers", "UNREAD = 1", "UNREAD = 2")),
    Row("an import that nobody reads", edited("imports", "import os\n", "import colorsys\nimport os\n")),
    Row("imports in another order", edited("imports", "import os\nimport random\n", "import random\nimport os\n")),
    Row("helpers in another order", edited("helpers", "FACTOR = 3\nUNREAD = 1\n", "UNREAD = 1\nFACTOR = 3\n")),
    Row("a type comment", edited("count", "count(table)", "count(table)  # type: ignore")),
    Row("markdown", edited("title", "A flow", "The flow")),
    Row("a new markdown cell", lambda place: place.add("title", "## Part two", before="tidy")),
    Row("outputs, ids, counts and metadata", noisy),
    Row("an exploration cell", edited("look", "len(table)", "sum(table)")),
    Row("a new exploration cell", lambda place: place.add("more", "print(total / len(rows))", before="write")),
    Row("an exploration cell moved", lambda place: place.move("look", before="write")),
    Row("an exploration cell taken away", lambda place: place.drop("look")),
    Row("a helper cell moved", lambda place: place.move("helpers", before="tidy")),
    Row("a class's cell moved", lambda place: place.move("classes", before="count")),
    Row("a step moved past another", lambda place: place.move("named", before="config")),
    Row("the notebook renamed", renamed_notebook),
    Row("a step renamed", edited("count", "%%step count", "%%step counting")),
    Row("retries", edited("tidy", "-o table", "-o table --retries 2 --retry-delay 1")),
    Row("a timeout", edited("tidy", "-o table", "-o table --timeout 100")),
    Row("resources", edited("tidy", "-o table", "-o table --resources memory=1MiB")),
    Row("--after", edited("doc", "-o page", "-o page --after count")),
    Row("inputs in another order", edited("tidy", "-i rows -o table", "-o table -i rows")),
    Row("a parameter given as its default", given(limit=10, label="x")),
    Row("a secret", variable("TOKEN", "second secret value")),
    Row("a variable that no code reads", variable("UNREAD_VARIABLE", "1")),
    Row("data files with the same bytes", touched),
    Row("a file that no step reads", lambda place: place.write("work/data/unread.txt", "changed")),
    Row("a new file that no step lists", lambda place: place.write("work/data/new.txt", "new")),
    Row("a comment in a local module", changed("work/local.py", "def direct", "# directly\ndef direct")),
    Row("a docstring in a local module", changed("work/local.py", "Docs.", "Documentation.")),
    Row("a comment in an indirect local module", changed("work/inner.py", "def base", "# below\ndef base")),
    # --- the step's own code
    Row("a step's code", edited("load", "int(n)", "int(n) + 1"), {"load": "code"}, {"tidy", *BELOW_TABLE}),
    Row("a step's code, the same bytes", edited("load", "int(n)", "int(n) + 0"), {"load": "code"}),
    Row("a ; behind the last line", edited("greet-more", ")\nwords", ")\nwords;"), {"greet": "code"}),
    Row("two cells of a step merged", merged, {"greet": "code"}),
    Row("another name for an import", other_import_name, {"doc": "helper"}),
    Row("a constant instead of its name", edited("tidy", "[:limit]", "[:10]"), {"tidy": "code parameter"}),
    # --- helpers
    Row("a helper", edited("helpers", "triple(x) + 1", "triple(x) + 2"), {"tidy": "helper"}, BELOW_TABLE),
    Row("a helper's helper", edited("helpers", "x * FACTOR", "FACTOR * x * 2"), {"tidy": "helper"}, BELOW_TABLE),
    Row("a constant that a helper reads", edited("helpers", "FACTOR = 3", "FACTOR = 4"), {"tidy": "helper"}, BELOW_TABLE),
    Row("a helper, the same bytes", edited("helpers", "triple(x) + 1", "1 + triple(x)"), {"tidy": "helper"}),
    Row("a helper overridden further down", lambda place: place.add("late", "FACTOR = 5", before="tidy"), {"tidy": "helper"}, BELOW_TABLE),
    Row("a docstring that code reads", edited("documented", "Read by code.", "Read by the code."), {"doc": "helper"}),
    Row("a method", edited("classes", "len(xs) * by", "by * len(xs) + 1"), {"count": "helper"}),
    Row("a method that nobody calls", edited("classes", "return None", "return 0"), {"count": "helper"}),
    Row("a class's docstring", edited("classes", "Counts.", "Counts things."), {"count": "helper"}),
    Row("a class attribute", edited("classes", "step = 1", "step = 2"), {"count": "helper"}),
    Row("a default argument", edited("classes", "by=1", "by=2"), {"count": "helper"}),
    Row("a decorator", edited("decorated", '"!"', '"?"'), {"greet": "helper"}),
    Row("a decorator taken away", edited("decorated", "@shout\n", ""), {"greet": "code helper"}),
    Row("a decorated function's docstring", edited("decorated", "Greets.", "Greets someone."), {"greet": "code"}),
    Row("another statement of a cell that is reached", edited("folders", "elsewhere", "nowhere"), {"named": "code", "folder": "code"}),
    # --- set-up
    Row("a seed", edited("seed", "42", "43"), every("code"), set()),
    Row("a setting", edited("level", '"1"', '"2"'), every("code")),
    Row("a new setting", lambda place: place.add("new", "sys.setrecursionlimit(3000)", before="load"), every("code")),
    Row("set-up further down", lambda place: place.move("seed", before="chance"), dict.fromkeys(EVERY - {"chance"}, "code helper")),
    # --- parameters
    Row("a parameter given", given(limit=2), {"tidy": "parameter"}, BELOW_TABLE),
    Row("a parameter's default", edited("parameters", "limit = 10", "limit = 2"), {"tidy": "parameter"}, BELOW_TABLE),
    Row("another parameter given", given(label="y"), {"write": "parameter"}, {"back"}),
    # --- what is declared
    Row("a format", edited("load", "-o rows", "-o rows:pickle"), {"load": "outputs"}, {"tidy"}),
    Row("one more output", edited("count", "-o total\n", "-o total twice\ntwice = 2\n"), {"count": "helper outputs"}),
    Row("an input that is not read", edited("doc", "-o page", "-i rows -o page"), {"doc": "code input"}),
    # --- files
    Row("a declared file", lambda place: place.write("work/data/raw.txt", "1 2 4\n"), {"load": "file"}, {"tidy", *BELOW_TABLE}),
    Row("a declared file, the same meaning", lambda place: place.write("work/data/raw.txt", "1\n2\n3\n"), {"load": "file"}),
    Row("a file named by a literal", lambda place: place.write("work/data/literal.txt", "new"), {"named": "file"}),
    Row("a file named by constants", lambda place: place.write("work/data/built.txt", "new"), {"named": "file"}),
    Row("a file that a step was seen to read", lambda place: place.write("work/data/variable.txt", "new"), {"found": "file"}),
    Row("a new file where a step lists", lambda place: place.write("work/data/parts/b.txt", "b"), {"found": "file"}),
    Row("a file in a listed folder", lambda place: place.write("work/data/parts/a.txt", "other"), {"found": "file"}),
    Row("a file in a declared folder", lambda place: place.write("work/data/folder/one.txt", "other"), {"folder": "file"}),
    Row("a new file in a declared folder", lambda place: place.write("work/data/folder/two.txt", "two"), {"folder": "file"}),
    Row("a file taken from where a step lists", lambda place: place.file("work/data/parts/a.txt").unlink(), {"found": "file"}),
    Row("a file that was looked for", lambda place: place.write("work/data/optional.txt", "1"), {"named": "file"}),
    Row("a constant path", edited("folders", 'DATA = Path("data")', 'DATA = Path("./data")'), {"named": "code", "folder": "code"}),
    # --- modules and variables
    Row("a local module", changed("work/local.py", "+ 1", "+ 2"), {"module": "module"}),
    Row("an indirect local module", changed("work/inner.py", "x * 2", "x * 3"), {"module": "module"}),
    Row("a module on a literal sys.path", changed("lib/extra.py", "[x, x]", "[x]"), {"other": "module"}),
    Row("a class that an input is of", changed("work/shapes.py", "self.a * self.a", "self.a"), {"square": "module"}, {"measure"}),
    Row("a module that hides another", lambda place: place.write("work/textwrap.py", "def dedent(text):\n    return text"), {"doc": "module"}),
    Row("a local module becomes a package", package, {"module": "module"}),
    Row("an environment variable", variable("MODE", "other"), {"config": "environment"}),
    Row("an environment variable gone", lambda place: place.monkeypatch.setenv("MODE", ""), {"config": "environment"}),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_edit_reruns_exactly_the_steps_it_reaches(place: Place, row: Row) -> None:
    before = _snapshot(place)
    row.edit(place)
    assert place.stale() == {step: kinds.split() for step, kinds in row.why.items()}
    assert place.run() == {*row.why, *row.then}
    assert {action for action, _, _ in place.plan().values()} == {"reuse"}
    _restore(place, before)
    assert {action for action, _, _ in place.plan().values()} == {"reuse"}
    assert place.run() == set()
    assert place.file(REPORT).read_text() == "x[4, 7, 10]"


def _snapshot(place: Place) -> dict[str, bytes]:
    return {p.relative_to(place.root).as_posix(): p.read_bytes() for p in _sources(place)}


def _sources(place: Place) -> list[Path]:
    return [p for name in ("work", "lib") for p in place.file(name).rglob("*") if p.is_file() and "out" not in p.parts]


def _restore(place: Place, before: dict[str, bytes]) -> None:
    """Take the edit back."""
    place.monkeypatch.undo()
    place.parameters.clear()
    place.notebook = "work/flow.ipynb"
    for path in _sources(place):
        if path.relative_to(place.root).as_posix() not in before:
            path.unlink()
    for name, content in before.items():
        place.file(name).write_bytes(content)
