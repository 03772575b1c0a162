"""What interpreters of throw-away environments answer about themselves, and when they are asked again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbflow.disk.memo import Memo
from nbflow.environment.interpreter import Facts, Interpreters, KernelSpec
from nbflow.errors import UsageError

AGED = time.time() - 3600


@dataclass(frozen=True, slots=True)
class Venv:
    """An environment with nothing but what a test puts into it."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    @property
    def site(self) -> Path:
        (site,) = self.folder.glob("lib/python*/site-packages")
        return site

    def install(self, name: str, version: str, files: Mapping[str, str], **metadata: str) -> None:
        """Put a distribution there as an installer leaves it, everything an hour old."""
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        meta = {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: no\n", **metadata}
        written = {**files, **{f"{info}/{file}": text for file, text in meta.items()}}
        record = "".join(f"{path},sha256=x,1\n" for path in [*written, f"{info}/RECORD"])
        for path, text in {**written, f"{info}/RECORD": record}.items():
            (self.site / path).parent.mkdir(parents=True, exist_ok=True)
            (self.site / path).write_text(text)
        self.age()

    def age(self) -> None:
        for path in self.folder.rglob("*"):
            os.utime(path, (AGED, AGED), follow_symlinks=False)


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    found = Venv(tmp_path / "venv")
    found.age()
    return found


def facts_of(python: str, environ: Mapping[str, str] | None = None) -> Facts:
    spec = KernelSpec("bare", (python, "-m", "ipykernel_launcher"), "python", {}, python)
    return Interpreters(lambda name: spec, Memo(None, 1), environ or {}).facts("bare")


def editable(source: Path) -> str:
    return f'{{"dir_info": {{"editable": true}}, "url": "{source.as_uri()}"}}'


def test_this_interpreter_tells_what_it_has() -> None:
    found = facts_of(sys.executable)
    assert found.python == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert found.executable == sys.executable
    assert found.stdlib == sys.stdlib_module_names
    modules = ("pytest", "_pytest.fixtures", "yaml", "os", "no_such_module")
    assert set(found.packages(modules)) == {"pytest", "PyYAML"}


def test_versions_are_those_of_the_environment_itself(venv: Venv) -> None:
    venv.install("numpy", "0.0.1", {"numpy/__init__.py": "raise SystemExit('user code ran')", "numpy/core.py": ""})
    venv.install("Some.Thing", "7", {"some_thing.py": "", "../../../bin/tool": "", "some_data/x.txt": ""})
    found = facts_of(venv.python)
    assert found.sites == (str(venv.site),)
    assert found.provides == {"numpy": ("numpy",), "some_thing": ("Some.Thing",)}
    assert found.packages(("numpy.linalg", "some_thing", "pytest")) == {"Some.Thing": "7", "numpy": "0.0.1"}


def test_a_shared_namespace_is_told_apart_by_its_parts(venv: Venv) -> None:
    venv.install("g-storage", "1", {"google/cloud/storage/__init__.py": "", "google/cloud/storage/blob.py": ""})
    venv.install("g-query", "2", {"google/cloud/query.py": ""})
    found = facts_of(venv.python)
    assert found.provides == {"google.cloud.storage": ("g-storage",), "google.cloud.query": ("g-query",)}


@pytest.mark.parametrize(
    ("files", "modules"),
    [
        ({"RECORD": "", "top_level.txt": "one\ntwo\n"}, {"one", "two"}),
        ({"RECORD": '"a,b.py",,\nfast.cpython-311-x86_64-linux-gnu.so,,\n__pycache__/x.py,,\n'}, {"fast"}),
        ({"RECORD": "not-a-name/x.py,,\nlib/libx.so.3,,\n"}, set()),
    ],
)
def test_modules_are_read_from_what_the_installer_left(venv: Venv, files: dict[str, str], modules: set[str]) -> None:
    venv.install("dist", "1", {})
    for name, text in files.items():
        (venv.site / "dist-1.dist-info" / name).write_text(text)
    assert set(facts_of(venv.python).provides) == modules


def test_metadata_beside_a_linked_source_tells_its_version(venv: Venv, tmp_path: Path) -> None:
    (tmp_path / "dev" / "old.egg-info").mkdir(parents=True)
    (tmp_path / "dev" / "old.egg-info" / "PKG-INFO").write_text("Name: old\nVersion: 0.3.dev1\n")
    (tmp_path / "dev" / "old.egg-info" / "top_level.txt").write_text("old\n")
    (venv.site / "easy-install.pth").write_text(f"# a comment\n\n{tmp_path / 'dev'}\n{tmp_path / 'gone'}\n")
    found = facts_of(venv.python)
    assert found.places == (str(tmp_path / "dev"),)
    assert found.packages(("old",)) == {"old": "0.3.dev1"}


EDITABLES: list[tuple[str, Callable[[Path], dict[str, str]], list[str], dict[str, str]]] = [
    ("a path", lambda s: {"__editable__.proj-1.pth": f"{s}/src\n"}, ["src"], {}),
    ("a finder", lambda s: {
        "__editable__.proj-1.pth": "import __editable___proj_1_finder; __editable___proj_1_finder.install()",
        "__editable___proj_1_finder.py": "def install(): ...\n"
        f"MAPPING: dict[str, str] = {{'proj': '{s}/src/proj'}}\nNAMESPACES: dict[str, list[str]] = {{}}\n",
    }, [], {"proj": "src/proj"}),
    ("a finder that lists files", lambda s: {
        "_proj_editable.pth": "import _proj_editable\n",
        "_proj_editable.py": f"install({{'proj': '{s}/src/proj/__init__.py'}}, {{'proj.c': 'proj/c.so'}}, None)\n",
    }, [], {"proj": "src/proj/__init__.py"}),
    ("a finder that cannot be read", lambda s: {
        "_proj_editable.pth": "import _proj_editable_loader\n", "_proj_editable_loader.py": "this is = no Python",
    }, ["src"], {}),
    ("nothing", lambda s: {}, ["src"], {}),
]  # fmt: skip


@pytest.mark.parametrize(("files", "places", "mapping"), [r[1:] for r in EDITABLES], ids=[r[0] for r in EDITABLES])
def test_an_editable_install_says_where_its_source_lies(
    venv: Venv, tmp_path: Path, files: Callable[[Path], dict[str, str]], places: list[str], mapping: dict[str, str]
) -> None:
    source = tmp_path / "my project"
    (source / "src" / "proj").mkdir(parents=True)
    (source / "src" / "proj" / "__init__.py").write_text("")
    venv.install("proj", "1", files(source), **{"direct_url.json": editable(source)})
    found = facts_of(venv.python)
    assert found.places == tuple(str(source / place) for place in places)
    assert found.mapping == {module: (str(source / path),) for module, path in mapping.items()}
    assert found.packages(("proj.sub",)) == {"proj": "1"}


@pytest.mark.parametrize(
    "stated", ["", "{", "[]", '{"url": "file:///x"}', '{"url": "https://x", "dir_info": {"editable": true}}']
)
def test_other_direct_installs_are_not_editable(venv: Venv, stated: str) -> None:
    venv.install("proj", "1", {"proj/__init__.py": ""}, **{"direct_url.json": stated})
    found = facts_of(venv.python)
    assert (found.places, found.provides) == ((), {"proj": ("proj",)})


def test_a_pythonpath_entry_counts_as_installed_only_where_distributions_are(venv: Venv, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    shared = tmp_path / "shared"
    (shared / "tool-2.dist-info").mkdir(parents=True)
    (shared / "tool-2.dist-info" / "METADATA").write_text("Name: tool\nVersion: 2\n")
    (shared / "tool-2.dist-info" / "RECORD").write_text("tool.py,,\n")
    path = (str(tmp_path / "source"), "relative", str(shared))
    found = facts_of(venv.python, {"PYTHONPATH": os.pathsep.join(path)})
    assert found.environment_path == path
    assert found.sites == (str(shared), str(venv.site))
    assert found.packages(("tool",)) == {"tool": "2"}


def test_the_user_s_own_packages_count_where_a_kernel_sees_them(venv: Venv, tmp_path: Path) -> None:
    base = tmp_path / "user"
    major, minor = sys.version_info[:2]
    info = base / "lib" / f"python{major}.{minor}" / "site-packages" / "mine-5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: mine\nVersion: 5\n")
    (info / "RECORD").write_text("mine.py,,\n")
    environ = {"PYTHONUSERBASE": str(base)}
    assert facts_of(venv.python, environ).packages(("mine",)) == {}
    config = venv.folder / "pyvenv.cfg"
    config.write_text(config.read_text().replace("packages = false", "packages = true"))
    assert facts_of(venv.python, environ).packages(("mine",)) == {"mine": "5"}
    assert facts_of(venv.python, {**environ, "PYTHONNOUSERSITE": "1"}).packages(("mine",)) == {}


# --- asked once ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Watched:
    """A kernel whose interpreter notes each time it is started."""

    venv: Venv
    spec: KernelSpec
    log: Path
    memo: Path

    def ask(self, environ: Mapping[str, str] | None = None) -> Facts:
        """As a new process would."""
        memo = Memo(self.memo, 1)
        interpreters = Interpreters(lambda name: self.spec, memo, environ or {"HOME": "/home"})
        found = interpreters.facts("bare")
        assert interpreters.facts("bare") is found
        assert interpreters.facts(None) is found
        memo.save()
        return found

    @property
    def starts(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.fixture
def watched(venv: Venv, tmp_path: Path) -> Watched:
    venv.install("tool", "1", {"tool.py": ""})
    program, log = tmp_path / "wrapper", tmp_path / "log"
    program.write_text(f'#!/bin/sh\necho started >> "{log}"\nshift\nexec "{venv.python}" "$@"\n')
    program.chmod(0o755)
    os.utime(program, (AGED, AGED))
    spec = KernelSpec("bare", (str(program), "run", "-m", "ipykernel_launcher"), "python", {}, str(program))
    return Watched(venv, spec, log, tmp_path / "memo.json")


def test_an_interpreter_is_asked_once(watched: Watched) -> None:
    assert watched.ask() == watched.ask()
    assert watched.starts == 1
    assert watched.ask().executable == watched.venv.python


def upgrade(venv: Venv) -> None:
    (venv.site / "tool-1.dist-info").rename(venv.site / "tool-2.dist-info")
    (venv.site / "tool-2.dist-info" / "METADATA").write_text("Name: tool\nVersion: 2\n")


CHANGES: list[tuple[str, Callable[[Venv], object], int]] = [
    ("nothing", lambda v: None, 1),
    ("a package's own file", lambda v: (v.site / "tool.py").write_text("x = 1"), 1),
    ("a package's bytecode", lambda v: (v.site / "__pycache__").mkdir(), 1),
    ("an upgrade", upgrade, 2),
    ("an install", lambda v: v.install("more", "1", {"more.py": ""}), 2),
    ("a .pth file", lambda v: (v.site / "dev.pth").write_text(str(v.folder)), 2),
    ("a reinstall of the same version", lambda v: os.utime(v.site / "tool-1.dist-info", (AGED + 9, AGED + 9)), 2),
    ("the settings of the environment", lambda v: os.utime(v.folder / "pyvenv.cfg", (AGED + 9, AGED + 9)), 2),
]  # fmt: skip


@pytest.mark.parametrize(("change", "starts"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_it_is_asked_again_when_what_it_has_changed(
    watched: Watched, change: Callable[[Venv], object], starts: int
) -> None:
    watched.ask()
    change(watched.venv)
    watched.ask()
    assert watched.starts == starts


def test_an_upgrade_is_seen(watched: Watched) -> None:
    assert watched.ask().packages(("tool",)) == {"tool": "1"}
    upgrade(watched.venv)
    assert watched.ask().packages(("tool",)) == {"tool": "2"}


def test_another_pythonpath_is_another_question(watched: Watched) -> None:
    watched.ask()
    watched.ask({"HOME": "/home", "PYTHONPATH": "/nowhere"})
    watched.ask({"HOME": "/home", "PYTHONPATH": "/nowhere", "UNRELATED": "1"})
    watched.ask()
    assert watched.starts == 2


def test_what_was_installed_just_now_is_asked_again_next_time(watched: Watched) -> None:
    os.utime(watched.venv.site / "tool-1.dist-info")
    watched.ask()
    watched.ask()
    assert watched.starts == 2


class Forged(Memo):
    """Remembers the same thing whatever it is asked."""

    def __init__(self, value: object) -> None:
        super().__init__(None, 1)
        self.value = value

    def get(self, table: str, key: str) -> object:
        return self.value


@pytest.mark.parametrize("value", [1, {}, {"answer": {}, "marks": ""}, {"answer": 5}])
def test_an_answer_that_someone_else_wrote_is_not_believed(watched: Watched, value: object) -> None:
    found = Interpreters(lambda name: watched.spec, Forged(value), {}).facts(None)
    assert found.packages(("tool",)) == {"tool": "1"}


# --- which program, which surroundings -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"), ("/bin/py",)),
        (("python", "-X", "frozen_modules=off", "-m", "ipykernel_launcher"), ("/bin/py", "-X", "frozen_modules=off")),
        (("conda", "run", "-n", "e", "python", "-m", "ipykernel_launcher"), ("/bin/py", "run", "-n", "e", "python")),
        (("start-kernel", "-f", "{connection_file}"), ("/bin/py",)),
    ],
)
def test_the_interpreter_is_what_stands_before_the_kernel(argv: tuple[str, ...], command: tuple[str, ...]) -> None:
    assert KernelSpec("k", argv, "python", {}, "/bin/py").command == command


def test_a_kernelspec_adds_to_the_environment_around_it() -> None:
    spec = KernelSpec("k", (), "python", {"PATH": "/more:${PATH}", "A": "${NONE}", "B": "plain"})
    assert spec.environ({"PATH": "/bin", "B": "old", "C": "kept"}) == {
        "PATH": "/more:/bin", "A": "${NONE}", "B": "plain", "C": "kept",
    }  # fmt: skip


FIX = (
    "Install its kernelspec again from the environment it should run in (Python 3.9 or later): "
    "python -m ipykernel install --user --name 'my kernel'; or choose another kernel for the notebook."
)


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("echo no such module >&2; exit 3", "no such module"),
        ("exit 3", "it ended with code 3"),
        ("echo hello", "it printed: hello"),
        ("echo '{}'", "it printed: {}"),
        ("echo '[]'", "it printed: []"),
        ("true", "it printed: "),
    ],
)
def test_an_interpreter_that_cannot_answer_is_named(tmp_path: Path, script: str, printed: str) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    program.chmod(0o755)
    spec = KernelSpec("my kernel", (str(program),), "python", {}, str(program))
    with pytest.raises(UsageError) as caught:
        Interpreters(lambda name: spec, Memo(None, 1), {"PATH": os.environ["PATH"]}).facts(None)
    assert str(caught.value) == f"The Python of kernel 'my kernel' cannot be used: {program}: {printed}\n{FIX}"


@pytest.mark.parametrize(("name", "what"), [("gone", "there is no such program"), ("", "Permission denied")])
def test_an_interpreter_that_cannot_be_started_is_named(tmp_path: Path, name: str, what: str) -> None:
    program = f"{tmp_path}/{name}"
    spec = KernelSpec("my kernel", (program,), "python", {}, program)
    with pytest.raises(UsageError) as caught:
        Interpreters(lambda name: spec, Memo(None, 1), {}).facts(None)
    assert str(caught.value) == f"The Python of kernel 'my kernel' cannot be used: {program}: {what}\n{FIX}"


def test_a_kernel_of_another_language_is_refused() -> None:
    spec = KernelSpec("ir", ("R",), "R", {}, "R")
    with pytest.raises(UsageError) as caught:
        Interpreters(lambda name: spec, Memo(None, 1), {}).facts("ir")
    assert str(caught.value) == "Kernel 'ir' runs R, and steps are Python.\nChoose a Python kernel for the notebook."
