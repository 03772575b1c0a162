"""The table of edits: a project that has been run once is edited as people edit. Exactly the steps that an edit reaches
run again, the plan names the cause, all is fresh afterwards, and taking the edit back brings back the old results."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.edited_flow import EVERY, FILES, REPORT, project_in
from tests.flows import Cells, Flow

# --- edits -----------------------------------------------------------------------------------------------


@dataclass
class Place:
    """A copy of the project that has been run, and the environment it runs in."""

    flow: Flow
    patch: pytest.MonkeyPatch


Edit = Callable[[Place], object]


def edited(name: str, old: str, new: str) -> Edit:
    return lambda place: place.flow.replace(name, old, new)


def added(name: str, source: str, before: str) -> Edit:
    return lambda place: place.flow.add(name, source, before)


def moved(name: str, before: str) -> Edit:
    return lambda place: place.flow.move(name, before)


def changed(path: str, old: str, new: str) -> Edit:
    return lambda place: place.flow.change(path, old, new)


def data(path: str, text: str) -> Edit:
    return lambda place: place.flow.write(f"work/data/{path}", text)


def removed(path: str) -> Edit:
    return lambda place: place.flow.file(path).unlink()


def given(**parameters: object) -> Edit:
    return lambda place: place.flow.parameters.update(parameters)


def variable(name: str, value: str) -> Edit:
    return lambda place: place.patch.setenv(name, value)


def touched(place: Place) -> None:
    for path in [*FILES][1:]:
        place.flow.write(path, place.flow.file(path).read_text())
        os.utime(place.flow.file(path), (1, 1))


def noisy(place: Place) -> None:
    def edit(cells: Cells) -> None:
        for number, each in enumerate(cells):
            each["id"] = f"new-{number}"
            each["metadata"]["collapsed"] = True
            if each["cell_type"] == "code":
                each["execution_count"] = number
                each["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "stale"}]

    place.flow.edit(edit)


def merged(place: Place) -> None:
    place.flow.replace("greet", '[greet("you")]', '[greet("you")]\nwords.append(greet("all"))\nwords')
    place.flow.drop("greet-more")


def notebook_renamed(place: Place) -> None:
    place.flow.file("work/flow.ipynb").rename(place.flow.file("work/stream.ipynb"))
    place.flow.notebook = "work/stream.ipynb"


def import_renamed(place: Place) -> None:
    place.flow.replace("imports", "textwrap as tw", "textwrap as wrapping")
    place.flow.replace("documented", "tw.dedent", "wrapping.dedent")


def hiding(place: Place) -> None:
    place.flow.write("work/textwrap.py", "def dedent(text):\n    return text")


def made_a_package(place: Place) -> None:
    place.flow.write("work/inner/__init__.py", "from inner.core import base")
    place.flow.write("work/inner/core.py", "def base(x):\n    return x + 2")
    place.flow.file("work/inner.py").unlink()


@dataclass(frozen=True)
class Row:
    """One edit. ``why``: steps that certainly run → kinds of reasons; ``then``: steps below that run as well, because
    what they take came out different; ``says``: what some reason must name."""

    name: str
    edit: Edit
    why: Mapping[str, str] = field(default_factory=dict)
    then: frozenset[str] = frozenset()
    says: str = ""


def row(name: str, edit: Edit, why: str = "", then: str = "", says: str = "") -> Row:
    """``why``: words as in ``tidy:helper count:code+outputs``; ``*`` for every step."""
    parts = dict(word.split(":") for word in why.split())
    kinds = dict.fromkeys(EVERY, parts["*"]) if "*" in parts else parts
    return Row(name, edit, kinds, frozenset(then.split()), says)


BELOW = "count write back"
"""The steps below the table."""

AT_TOP = EVERY - {"tidy", "count", "write", "back", "measure", "add_pair"}
"""The steps that need no other: a plan can say for certain that a file they read changed."""
SCRIPTED = " ".join(f"{step}:file" for step in sorted(AT_TOP))
SEEDED = " ".join(f"{step}:code+helper" for step in sorted(EVERY - {"chance"}))

NOTHING = [
    row("a comment in a step", edited("tidy", "table =", "# tidy up\ntable =")),
    row("a comment behind a parameter", edited("parameters", "# on the report", "# on top")),
    row("layout in a helper", edited("helpers", "triple(x) + 1", "(\n        triple( x )+1\n    )")),
    row("a function's docstring", edited("helpers", "Thrice, and one more.", "Three times, and one.")),
    row("a function's docstring taken away", edited("helpers", '    """Thrice, and one more."""\n', "")),
    row("a helper that nobody calls", edited("helpers", "def idle(x):\n    return x", "def idle(x):\n    return -x")),
    row("a new helper that nobody calls", edited("helpers", "UNREAD = 1", "UNREAD = 1\ndef fresh(x):\n    return x")),
    row("a constant that nobody reads", edited("helpers", "UNREAD = 1", "UNREAD = 2")),
    row("an import that nobody reads", edited("imports", "import os\n", "import colorsys\nimport os\n")),
    row("imports in another order", edited("imports", "import os\nimport random\n", "import random\nimport os\n")),
    row("helpers in another order", edited("helpers", "FACTOR = 3\nUNREAD = 1\n", "UNREAD = 1\nFACTOR = 3\n")),
    row("a type comment", edited("count", "count(table)", "count(table)  # type: ignore")),
    row("markdown", edited("md-title", "One step", "A step")),
    row("a new markdown cell", added("md-two", "## Part two", before="tidy")),
    row("outputs, ids, counts and metadata", noisy),
    row("an exploration cell", edited("look", "len(table)", "sum(table)")),
    row("a new exploration cell", added("more", "print(total / len(rows))", before="write")),
    row("an exploration cell moved", moved("look", before="write")),
    row("an exploration cell taken away", lambda place: place.flow.drop("look")),
    row("a helper cell moved", moved("helpers", before="tidy")),
    row("a class's cell moved", moved("classes", before="count")),
    row("a step moved past another", moved("named", before="config")),
    row("the notebook renamed", notebook_renamed),
    row("a step renamed", edited("count", "%%step count", "%%step counting")),
    row("retries", edited("tidy", "-o table", "-o table --retries 2 --retry-delay 1")),
    row("a timeout", edited("tidy", "-o table", "-o table --timeout 100")),
    row("resources", edited("tidy", "-o table", "-o table --resources memory=1MiB")),
    row("--after", edited("doc", "-o page", "-o page --after count")),
    row("options in another order", edited("tidy", "-i rows -o table", "-o table -i rows")),
    row("a parameter given as its default", given(limit=10, label="x")),
    row("a secret", variable("TOKEN", "second secret value")),
    row("a variable that no code reads", variable("UNREAD_VARIABLE", "1")),
    row("files with the same bytes", touched),
    row("a file that no step reads", data("unread.txt", "changed")),
    row("a new file that no step lists", data("new.txt", "new")),
    row("a comment in a local module", changed("work/local.py", "def direct", "# directly\ndef direct")),
    row("a docstring in a local module", changed("work/local.py", "Docs.", "Documentation.")),
    row("a comment in an indirect module", changed("work/inner.py", "def base", "# below\ndef base")),
]
CODE = [
    row("a step's code", edited("load", "int(n)", "int(n) + 1"), "load:code", f"tidy {BELOW}", says="int(n) + 1"),
    row("a step's code, the same bytes", edited("load", "int(n)", "int(n) + 0"), "load:code"),
    row("a ; behind the last line", edited("greet-more", ")\nwords", ")\nwords;"), "greet:code"),
    row("two cells of a step merged", merged, "greet:code"),
    row("another name for an import", import_renamed, "doc:helper"),
    row("a value instead of its name", edited("tidy", "[:limit]", "[:10]"), "tidy:code+parameter"),
    row("another statement of a reached cell", edited("folders", "elsewhere", "nowhere"), "named:code folder:code"),
    row("a constant path", edited("folders", '("data")', '("./data")'), "named:code folder:code"),
]
HELPERS = [
    row("a helper", edited("helpers", "triple(x) + 1", "triple(x) + 2"), "tidy:helper", BELOW, says="'area' changed"),
    row("a helper's helper", edited("helpers", "x * FACTOR", "FACTOR * x * 2"), "tidy:helper", BELOW, says="'triple'"),
    row("a constant read in a helper", edited("helpers", "FACTOR = 3", "FACTOR = 4"), "tidy:helper", BELOW, "'FACTOR'"),
    row("a helper, the same bytes", edited("helpers", "triple(x) + 1", "1 + triple(x)"), "tidy:helper"),
    row("a constant bound again", added("late", "FACTOR = 5", before="tidy"), "tidy:helper", BELOW),
    row("a docstring that code reads", edited("documented", "Read by code.", "Read by the code."), "doc:helper"),
    row("a docstring that a step reads", edited("described", "a step", "that step"), "tell:helper"),
    row("a method", edited("classes", "len(xs) * by", "by * len(xs) + 1"), "count:helper", says="'Counter'"),
    row("a method that nobody calls", edited("classes", "return None", "return 0"), "count:helper"),
    row("a class's docstring", edited("classes", "Counts.", "Counts things."), "count:helper"),
    row("a class attribute", edited("classes", "step = 1", "step = 2"), "count:helper"),
    row("a default argument", edited("classes", "by=1", "by=2"), "count:helper"),
    row("a class of an input", edited("pair", "return 2", "return 3"), "make_pair:helper add_pair:helper"),
    row("a decorator", edited("decorated", '"!"', '"?"'), "greet:helper", says="'shout'"),
    row("a decorator taken away", edited("decorated", "@shout\n", ""), "greet:code+helper"),
    row("a decorated function's docstring", edited("decorated", "Greets.", "Greets someone."), "greet:code"),
]
SETUP = [
    row("a seed", edited("seed", "42", "43"), "*:code", says="random.seed(43)"),
    row("a setting", edited("level", '"1"', '"2"'), "*:code"),
    row("a new setting", added("new", "sys.setrecursionlimit(3000)", before="load"), "*:code"),
    row("a script that %run runs", changed("work/script.py", "1", "2"), SCRIPTED, " ".join(EVERY - AT_TOP)),
    row("a seed set for some", moved("seed", before="chance"), f"chance:code {SEEDED}"),
]
DECLARED = [
    row("a parameter", given(limit=2), "tidy:parameter", BELOW, says="limit: 10 → 2"),
    row("a parameter's default", edited("parameters", "limit = 10", "limit = 2"), "tidy:parameter", BELOW),
    row("another parameter", given(label="y"), "write:parameter", "back", says='label: "x" → "y"'),
    row("a format", edited("load", "-o rows", "-o rows:pickle"), "load:outputs", "tidy", says="rows → rows:pickle"),
    row("one more output", edited("count", "-o total\n", "-o total twice\ntwice = 2\n"), "count:helper+outputs"),
    row("an input that is not read", edited("doc", "-o page", "-i rows -o page"), "doc:code+input", says="rows"),
]
DATA = [
    row("a declared file", data("raw.txt", "1 2 4\n"), "load:file", f"tidy {BELOW}", says="data/raw.txt"),
    row("a declared file, the same meaning", data("raw.txt", "1\n2\n3\n"), "load:file"),
    row("a file named by a literal", data("literal.txt", "new"), "named:file", says="work/data/literal.txt"),
    row("a file named by constants", data("built.txt", "new"), "named:file"),
    row("a file that was looked for", data("optional.txt", "1"), "named:file", says="optional.txt is new"),
    row("a file that a step was seen to read", data("variable.txt", "new"), "found:file"),
    row("a new file in a listed folder", data("parts/b.txt", "b"), "found:file", says="work/data/parts"),
    row("a file of a listed folder", data("parts/a.txt", "other"), "found:file"),
    row("a file taken from a listed folder", removed("work/data/parts/a.txt"), "found:file"),
    row("a file of a declared folder", data("folder/one.txt", "other"), "folder:file"),
    row("a new file in a declared folder", data("folder/two.txt", "two"), "folder:file"),
]
MODULES = [
    row("a local module", changed("work/local.py", "+ 1", "+ 2"), "module:module", says="local.py"),
    row("an indirect local module", changed("work/inner.py", "x * 2", "x * 3"), "module:module", says="inner.py"),
    row("a module on a literal sys.path", changed("lib/extra.py", "[x, x]", "[x]"), "other:module", says="../lib/"),
    row("a module's class of an input", changed("work/shapes.py", "self.a * self.a", "0"), "square:module", "measure"),
    row("a local module becomes a package", made_a_package, "module:module"),
    row("a module that hides another", hiding, "doc:module"),
    row("an environment variable", variable("MODE", "other"), "config:environment", says="MODE"),
    row("an empty environment variable", variable("MODE", ""), "config:environment"),
]
ROWS = [*NOTHING, *CODE, *HELPERS, *SETUP, *DECLARED, *DATA, *MODULES]

# --- the table -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project, run once."""
    root = tmp_path_factory.mktemp("done") / "project"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODE", "plain")
        patch.setenv("TOKEN", "first secret value")
        flow = project_in(root)
        assert flow.ran() == EVERY
        assert flow.ran() == set()
        yield root


@pytest.fixture
def place(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    shutil.copytree(done, tmp_path / "project", symlinks=True)
    return Place(Flow(tmp_path / "project", "work/flow.ipynb"), monkeypatch)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_edit_reruns_exactly_the_steps_it_reaches(place: Place, row: Row) -> None:
    flow, before = place.flow, snapshot(place.flow)
    row.edit(place)
    stale = flow.stale()
    assert {step: "+".join(sorted({kind for kind, _ in reasons})) for step, reasons in stale.items()} == row.why
    assert all(any(row.says in detail for _, detail in reasons) for reasons in stale.values())
    assert flow.ran() == {*row.why, *row.then}
    assert flow.is_fresh()
    take_back(place, before)
    assert flow.is_fresh()
    assert flow.ran() == set()
    assert flow.file(REPORT).read_text() == "x[4, 7, 10]"


def snapshot(flow: Flow) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sources(flow)}


def sources(flow: Flow) -> list[Path]:
    found = (path for folder in ("work", "lib") for path in flow.file(folder).rglob("*"))
    return [path for path in found if path.is_file() and path != flow.file(REPORT)]


def take_back(place: Place, before: Mapping[Path, bytes]) -> None:
    place.patch.undo()
    place.flow.parameters.clear()
    place.flow.notebook = "work/flow.ipynb"
    for path in sources(place.flow):
        if path not in before:
            path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


def test_a_project_after_many_edits_is_as_if_made_anew(place: Place, tmp_path: Path) -> None:
    """What was reused, step by step, is what a run from nothing makes."""
    edits = [row for row in [*CODE[:1], *HELPERS[:3], *SETUP[:4], *DECLARED[3:], *DATA, *MODULES[:4]] if row.why]
    random.Random(20).shuffle(edits)
    for number, edit in enumerate(edits):
        edit.edit(place)
        if number % 4 == 0:
            place.flow.ran()
    place.flow.ran()
    anew = tmp_path / "anew"
    leave_out = shutil.ignore_patterns(".nbflow", "nbflow_runs", "out", "__pycache__")
    shutil.copytree(place.flow.root, anew, ignore=leave_out)
    fresh = Flow(anew, place.flow.notebook)
    assert fresh.ran() == EVERY
    assert place.flow.is_fresh()
    assert place.flow.made() == fresh.made()
