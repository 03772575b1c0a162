"""``Surroundings`` as a whole: a project, an interpreter of its own, edits, and what is remembered."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nbflow.core.surroundings import Interpreter, LocalCode
from nbflow.core.surroundings import Surroundings as Protocol
from nbflow.environment import KernelSpec, Surroundings
from nbflow.environment.syntax import read_source
from nbflow.errors import MissingKernel, UsageError
from nbflow.runtime.digests import digest_bytes, digest_file


@dataclass
class Project:
    """A project with one kernel, and the digests that were asked of its store."""

    root: Path
    python: str
    environ: Mapping[str, str] = field(default_factory=dict)
    hashed: list[Path] = field(default_factory=list)

    def look(self) -> Surroundings:
        """As a new process would."""
        cache = self.root / ".nbflow" / "environment.json"
        return Surroundings(self.root, self.digest, cache, self.environ, self.find)

    def digest(self, path: Path) -> str:
        self.hashed.append(path)
        return digest_file(path)

    def find(self, name: str | None) -> KernelSpec:
        if name not in (None, "bare"):
            raise MissingKernel(f"No kernel named '{name}'.")
        return KernelSpec("bare", (self.python, "-m", "ipykernel_launcher"), "python", {}, self.python)

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment that has a numpy of its own and an editable install."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site,) = folder.glob("venv/lib/python*/site-packages")
    files = {
        "numpy-0.0.1.dist-info/METADATA": "Name: numpy\nVersion: 0.0.1\n",
        "numpy-0.0.1.dist-info/RECORD": "numpy/__init__.py,,\n",
        "numpy/__init__.py": "",
        "mine-3.dist-info/METADATA": "Name: mine\nVersion: 3\n",
        "mine-3.dist-info/RECORD": "mine.pth,,\n",
        "mine-3.dist-info/direct_url.json": f'{{"url": "{folder.as_uri()}/mine", "dir_info": {{"editable": true}}}}',
        "mine.pth": f"{folder}/mine/src\n",
        "../../../../mine/src/mine/__init__.py": "from mine.deep import f\n",
        "../../../../mine/src/mine/deep.py": "def f(): return 1\n",
    }
    for name, text in files.items():
        place = Path(os.path.normpath(site / name))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return str(folder / "venv" / "bin" / "python")


@pytest.fixture
def project(tmp_path: Path, bare_python: str) -> Project:
    found = Project(tmp_path / "project", bare_python)
    found.write("nb/helpers.py", "import numpy as np\nimport indirect\n\n\ndef f():\n    return indirect.g()\n")
    found.write("nb/indirect.py", "def g():\n    return 1\n")
    found.write("nb/other.py", "x = 1\n")
    found.write("lib/shared.py", "import pytest\n")
    found.write(".nbflow/.gitignore", "*\n")
    return found


def test_it_is_what_the_core_asks_for(project: Project) -> None:
    surroundings: Protocol = project.look()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert surroundings.interpreter(None) == Interpreter(version, project.python)
    assert surroundings.interpreter("bare") == Interpreter(version, project.python)
    with pytest.raises(MissingKernel):
        surroundings.interpreter("other")


def test_versions_are_those_of_the_kernel_s_own_interpreter(project: Project) -> None:
    assert project.look().packages("bare", ("numpy.linalg", "pandas", "os", "mine")) == {"mine": "3", "numpy": "0.0.1"}


def test_local_code_is_followed_and_says_which_packages_it_imports(project: Project) -> None:
    assert project.look().local_modules("bare", "nb", ("helpers", "helpers.f", "numpy", "os"), ()) == LocalCode(
        {name: read_source((project.root / name).read_text()).digest for name in ("nb/helpers.py", "nb/indirect.py")},
        {"numpy": "0.0.1"},
        imports=("numpy",),
    )


@pytest.mark.parametrize("extra", [("../lib",), ("../lib/",), ("../nowhere", "../lib", "a\0b")])
def test_a_path_entry_counts_from_the_notebook_s_folder(project: Project, extra: tuple[str, ...]) -> None:
    assert list(project.look().local_modules("bare", "nb", ("shared",), extra).files) == ["lib/shared.py"]
    assert project.look().local_modules("bare", "nb", ("shared",), ()) == LocalCode({}, {})


@pytest.mark.parametrize("entry", ["{root}/lib", "../lib", "/nowhere:{root}/lib"])
def test_pythonpath_counts_as_the_kernel_will_see_it(project: Project, entry: str) -> None:
    project.environ = {"PYTHONPATH": entry.format(root=project.root)}
    assert list(project.look().local_modules("bare", "nb", ("shared",), ()).files) == ["lib/shared.py"]


def test_source_outside_the_project_has_an_absolute_path(project: Project) -> None:
    source = Path(project.python).parents[2] / "mine" / "src" / "mine"
    found = project.look().local_modules("bare", "nb", ("mine",), ())
    assert list(found.files) == [str(source / "__init__.py"), str(source / "deep.py")]


def test_a_notebook_at_the_root_finds_its_neighbours(project: Project) -> None:
    project.write("near.py", "")
    assert list(project.look().local_modules("bare", "", ("near",), ()).files) == ["near.py"]


EDITS: list[tuple[str, str, str, bool]] = [
    ("a comment", "nb/helpers.py", "# why\nimport numpy as np\nimport indirect\ndef f(): return indirect.g()\n", False),
    ("code", "nb/helpers.py", "import numpy as np\nimport indirect\ndef f(): return -indirect.g()\n", True),
    ("a comment in an indirect module", "nb/indirect.py", "def g():\n    return 1  # one\n", False),
    ("code in an indirect module", "nb/indirect.py", "def g():\n    return 2\n", True),
    ("a module that is not imported", "nb/other.py", "x = 2\n", False),
    ("a new module that nobody imports", "nb/new.py", "", False),
    ("a new module that takes an installed one's place", "nb/numpy.py", "", True),
]


@pytest.mark.parametrize(("path", "text", "changes"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_an_edit_counts_as_far_as_it_is_reached(project: Project, path: str, text: str, changes: bool) -> None:
    before = project.look().local_modules("bare", "nb", ("helpers",), ())
    project.write(path, text)
    assert (project.look().local_modules("bare", "nb", ("helpers",), ()) != before) == changes


def test_a_module_s_digest_is_that_of_its_syntax(project: Project) -> None:
    surroundings = project.look()
    assert surroundings.module_digest("nb/other.py") == read_source("x=1").digest
    project.write("nb/other.py", "x = 2\n")
    assert surroundings.module_digest("nb/other.py") == read_source("x=2").digest
    assert surroundings.module_digest(str(project.root / "nb/other.py")) == read_source("x=2").digest
    project.write("nb/fast.so", "bytes")
    assert surroundings.module_digest("nb/fast.so") == digest_bytes(b"bytes")
    assert surroundings.module_digest("nb/none.py") is None
    assert surroundings.module_digest("nb") is None


def test_files_and_folders_are_told_by_content(project: Project) -> None:
    project.write("data/a.csv", "1")
    surroundings = project.look()
    assert surroundings.file("data/a.csv") == digest_bytes(b"1")
    assert surroundings.file(str(project.root / "data/a.csv")) == digest_bytes(b"1")
    assert surroundings.files("data/*.csv") == surroundings.files("data/") == {"data/a.csv": digest_bytes(b"1")}
    assert surroundings.listing("data") == digest_bytes(b"a.csv")
    assert surroundings.listing("data", {"a.csv"}) == digest_bytes(b"")
    assert surroundings.file("data/b.csv") is None
    assert surroundings.listing("data/a.csv") is None
    assert surroundings.listing("data", {"a.csv"}, {"b.csv"}) == digest_bytes(b"b.csv")
    assert surroundings.listing("none", {"b.csv"}, {"b.csv"}) == digest_bytes(b"")
    assert surroundings.names("data") == frozenset({"a.csv"})
    assert surroundings.names("none") is None
    before = surroundings.file("data")
    project.write("data/a.csv", "2")
    assert surroundings.file("data") != before


def test_the_store_is_asked_for_the_digests_of_files(project: Project) -> None:
    project.write("data/a.csv", "1")
    project.look().file("data")
    assert project.hashed == [project.root / "data/a.csv"]


def test_variables_are_those_that_kernels_start_with(project: Project) -> None:
    project.environ = {"MODE": "fast"}
    assert project.look().variable("MODE") == "fast"
    assert project.look().variable("HOME") is None


def refuse(path: Path) -> str:
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.file("nb/fast.so"),
        lambda s: s.module_digest("nb/fast.so"),
        lambda s: s.local_modules("bare", "nb", ("fast",), ()),
    ],
)
def test_what_cannot_be_read_is_named(project: Project, ask: Callable[[Surroundings], object]) -> None:
    project.write("nb/fast.so", "")
    with pytest.raises(UsageError) as caught:
        ask(Surroundings(project.root, refuse, None, {}, project.find))
    assert caught.value.message == f"Cannot read {project.root}/nb/fast.so: Permission denied"


def test_many_questions_about_the_same_imports_cost_one_look(project: Project) -> None:
    surroundings = project.look()
    answers = {id(surroundings.local_modules("bare", "nb", ("helpers",), ())) for _ in range(1000)}
    assert len(answers) == 1


# --- remembering ---------------------------------------------------------------------------------------


def age(folder: Path) -> None:
    moment = time.time() - 60
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (moment, moment), follow_symlinks=False)


def test_what_was_found_out_is_there_in_the_next_plan(project: Project, tmp_path: Path) -> None:
    log, program = tmp_path / "log", tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho started >> "{log}"\nexec "{project.python}" "$@"\n')
    program.chmod(0o755)
    age(tmp_path)
    age(Path(project.python).parents[1])
    project.python = str(program)
    for _ in range(3):
        surroundings = project.look()
        found = surroundings.local_modules("bare", "nb", ("helpers",), ())
        assert list(found.files) == ["nb/helpers.py", "nb/indirect.py"]
        surroundings.save()
    assert log.read_text() == "started\n"
    assert (project.root / ".nbflow" / "environment.json").is_file()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"version": 1, "tables": {"interpreters": {"": 1}, "sources": {"": 1}}}']
)
def test_a_broken_memory_is_ignored(project: Project, content: str) -> None:
    project.write(".nbflow/environment.json", content)
    assert project.look().packages("bare", ("numpy",)) == {"numpy": "0.0.1"}


def test_nothing_is_left_where_there_is_no_folder_for_it(project: Project) -> None:
    (project.root / ".nbflow" / ".gitignore").unlink()
    (project.root / ".nbflow").rmdir()
    surroundings = project.look()
    surroundings.interpreter(None)
    surroundings.save()
    assert not (project.root / ".nbflow").exists()
