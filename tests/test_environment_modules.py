"""Which file an import means, and what is followed from there, in trees of fake modules."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from nbflow.disk.memo import Memo
from nbflow.environment.interpreter import Facts
from nbflow.environment.modules import Finder, Sources, follow
from nbflow.environment.syntax import read_source

SUFFIX = ".cpython-311-x86_64-linux-gnu.so"


def grow(root: Path, files: Mapping[str, str]) -> None:
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)


def facts(root: Path, mapping: Mapping[str, tuple[str, ...]] | None = None) -> Facts:
    """An interpreter with numpy installed in ``site``, and an editable install whose source is in ``src``."""
    return Facts(
        python="3.11",
        executable="python",
        stdlib=frozenset({"os", "json", "random"}),
        stdlib_folder=str(root / "lib"),
        sites=(str(root / "site"),),
        suffixes=(SUFFIX, ".so"),
        places=(str(root / "src"),),
        mapping={module: tuple(str(root / path) for path in paths) for module, paths in (mapping or {}).items()},
        provides={"numpy": ("numpy",), "google.cloud.storage": ("gcs",), "google.cloud.bigquery": ("gbq",)},
        versions={"numpy": "2.0", "gcs": "1.0", "gbq": "3.0"},
        environment_path=(),
    )


def reach(root: Path, modules: tuple[str, ...], mapping: Mapping[str, tuple[str, ...]] | None = None) -> set[str]:
    """Files reached from a notebook in ``nb`` that puts ``lib2`` on its path, from the root."""
    finder = Finder(facts(root, mapping), [str(root / "nb"), str(root / "lib2")])
    sources = Sources(Memo(None, 1), lambda path: f"bytes of {Path(path).name}")
    return {os.path.relpath(file, root) for file in follow(finder, sources, modules).files}


CASES: list[tuple[str, dict[str, str], tuple[str, ...], set[str]]] = [
    ("a module beside the notebook", {"nb/a.py": ""}, ("a",), {"nb/a.py"}),
    ("a name taken from it", {"nb/a.py": ""}, ("a", "a.f"), {"nb/a.py"}),
    ("a module nobody imports", {"nb/a.py": "", "nb/b.py": ""}, ("a",), {"nb/a.py"}),
    ("a module on a path entry", {"lib2/a.py": ""}, ("a",), {"lib2/a.py"}),
    ("the notebook's folder first", {"nb/a.py": "", "lib2/a.py": ""}, ("a",), {"nb/a.py"}),
    ("an editable install", {"src/a.py": ""}, ("a",), {"src/a.py"}),
    ("an installed module", {"site/numpy/__init__.py": ""}, ("numpy", "numpy.linalg"), set()),
    ("an installed module before an editable one", {"site/a.py": "", "src/a.py": ""}, ("a",), set()),
    ("a local module before an installed one", {"nb/a.py": "", "site/a.py": ""}, ("a",), {"nb/a.py"}),
    ("the standard library", {"src/json.py": ""}, ("json",), set()),
    ("a local module before the standard library's", {"nb/json.py": ""}, ("json",), {"nb/json.py"}),
    ("a folder that only has the name", {"nb/json/data.txt": "", "nb/numpy/x.csv": "", "site/numpy/__init__.py": ""},
     ("json", "numpy", "numpy.x"), set()),
    ("a package", {"nb/p/__init__.py": "", "nb/p/m.py": ""}, ("p",), {"nb/p/__init__.py"}),
    ("a submodule brings its parents", {"nb/p/__init__.py": "", "nb/p/q/__init__.py": "", "nb/p/q/m.py": ""},
     ("p.q.m",), {"nb/p/__init__.py", "nb/p/q/__init__.py", "nb/p/q/m.py"}),
    ("a package before a module of its name", {"nb/p/__init__.py": "", "nb/p.py": ""}, ("p",), {"nb/p/__init__.py"}),
    ("a module before a folder of its name", {"nb/p/x.py": "", "nb/p.py": ""}, ("p", "p.x"), {"nb/p.py"}),
    ("a namespace", {"nb/n/m.py": ""}, ("n", "n.m"), {"nb/n/m.py"}),
    ("a namespace in two places", {"nb/n/a.py": "", "lib2/n/b.py": ""}, ("n.a", "n.b"), {"nb/n/a.py", "lib2/n/b.py"}),
    ("a namespace shared with an installed part", {"nb/n/a.py": "", "site/n/b.py": ""}, ("n.a", "n.b"), {"nb/n/a.py"}),
    ("an extension module", {f"nb/fast{SUFFIX}": "", "nb/fast.py": ""}, ("fast",), {f"nb/fast{SUFFIX}"}),
    ("compiled code without source", {"nb/old.pyc": ""}, ("old",), {"nb/old.pyc"}),
    ("an import of an import", {"nb/a.py": "import b", "nb/b.py": "import c", "nb/c.py": ""}, ("a",),
     {"nb/a.py", "nb/b.py", "nb/c.py"}),
    ("a cycle", {"nb/a.py": "import b", "nb/b.py": "import a"}, ("a",), {"nb/a.py", "nb/b.py"}),
    ("a module imported in a function", {"nb/a.py": "def f():\n    import b", "nb/b.py": ""}, ("a",),
     {"nb/a.py", "nb/b.py"}),
    ("a module imported by its literal name", {"nb/a.py": "importlib.import_module('p.b')", "nb/p/b.py": ""}, ("a",),
     {"nb/a.py", "nb/p/b.py"}),
    ("a neighbour", {"nb/p/__init__.py": "", "nb/p/a.py": "from . import b", "nb/p/b.py": ""}, ("p.a",),
     {"nb/p/__init__.py", "nb/p/a.py", "nb/p/b.py"}),
    ("a neighbour of the package itself", {"nb/p/__init__.py": "from .a import f", "nb/p/a.py": ""}, ("p",),
     {"nb/p/__init__.py", "nb/p/a.py"}),
    ("a cousin", {"nb/p/__init__.py": "", "nb/p/q/a.py": "from ..r import b", "nb/p/r/b.py": ""}, ("p.q.a",),
     {"nb/p/__init__.py", "nb/p/q/a.py", "nb/p/r/b.py"}),
    ("a relative import above the top", {"nb/a.py": "from .. import b", "nb/b.py": ""}, ("a",), {"nb/a.py"}),
    ("modules that a package exports", {"nb/p/__init__.py": "__all__ = ['a']", "nb/p/a.py": ""}, ("p",),
     {"nb/p/__init__.py", "nb/p/a.py"}),
    ("a module that does not parse", {"nb/a.py": "import b = 1", "nb/b.py": ""}, ("a",), {"nb/a.py"}),
    ("a module that is not there", {}, ("a", "a.b", "..c", "not a name", ""), set()),
]  # fmt: skip


@pytest.mark.parametrize(("files", "modules", "reached"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_an_import_means_the_file_that_python_would_take(
    tmp_path: Path, files: dict[str, str], modules: tuple[str, ...], reached: set[str]
) -> None:
    grow(tmp_path, files)
    assert reach(tmp_path, modules) == reached


FINDERS: list[tuple[str, dict[str, tuple[str, ...]], tuple[str, ...], set[str]]] = [
    ("a package", {"p": ("else/p",)}, ("p.m",), {"else/p/__init__.py", "else/p/m.py"}),
    ("a module", {"one": ("else/one",)}, ("one",), {"else/one.py"}),
    ("a module by its file", {"one": ("else/one.py",)}, ("one",), {"else/one.py"}),
    ("a package by its file", {"p": ("else/p/__init__.py",)}, ("p.m",), {"else/p/__init__.py", "else/p/m.py"}),
    ("a submodule of its own", {"p": ("else/p",), "p.late": ("else/one.py",)}, ("p.late",),
     {"else/p/__init__.py", "else/one.py"}),
    ("a namespace", {"n": ("else/n",)}, ("n.m",), {"else/n/m.py"}),
    ("a namespace in two folders", {"n": ("else/n", "else/n2")}, ("n.m", "n.k"), {"else/n/m.py", "else/n2/k.py"}),
    ("a name that is local too", {"near": ("else/p",)}, ("near",), {"nb/near.py"}),
    ("source that has gone", {"p": ("else/gone",)}, ("p",), set()),
    ("an installed place", {"p": ("site/p",)}, ("p",), set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mapping", "modules", "reached"), [row[1:] for row in FINDERS], ids=[row[0] for row in FINDERS]
)
def test_the_finder_of_an_editable_install_is_followed(
    tmp_path: Path, mapping: dict[str, tuple[str, ...]], modules: tuple[str, ...], reached: set[str]
) -> None:
    names = (
        "else/p/__init__.py",
        "else/p/m.py",
        "else/one.py",
        "else/n/m.py",
        "else/n2/k.py",
        "nb/near.py",
        "site/p/m.py",
    )
    grow(tmp_path, dict.fromkeys(names, ""))
    assert reach(tmp_path, modules, mapping) == reached


def test_an_installed_link_to_source_elsewhere_is_local(tmp_path: Path) -> None:
    grow(tmp_path, {"else/p/__init__.py": "", "else/p/m.py": "", "else/one.py": "", "site/kept": ""})
    (tmp_path / "site/p").symlink_to(tmp_path / "else/p")
    (tmp_path / "site/one.py").symlink_to(tmp_path / "else/one.py")
    assert reach(tmp_path, ("p.m", "one")) == {"site/p/__init__.py", "site/p/m.py", "site/one.py"}


def test_a_path_entry_inside_the_installed_places_is_not_local(tmp_path: Path) -> None:
    grow(tmp_path, {"site/a.py": "", "nb/b.py": "import a"})
    finder = Finder(facts(tmp_path), [str(tmp_path / "nb"), str(tmp_path / "site")])
    reached = follow(finder, Sources(Memo(None, 1), str), ("a", "b"))
    assert set(reached.files) == {str(tmp_path / "nb/b.py")}
    assert reached.others == {"a"}


def test_packages_that_local_modules_import_are_told_from_local_names(tmp_path: Path) -> None:
    grow(tmp_path, {
        "nb/a.py": "import json\nimport numpy as np\nfrom p import f, m\nfrom unknown import x\nfrom n import k\n",
        "nb/p/__init__.py": "from google.cloud import storage\n",
        "nb/p/m.py": "",
        "nb/n/k.py": "",
        "site/google/cloud/storage/__init__.py": "",
        "site/numpy/__init__.py": "",
    })  # fmt: skip
    known = facts(tmp_path)
    reached = follow(Finder(known, [str(tmp_path / "nb")]), Sources(Memo(None, 1), str), ("a", "numpy"))
    assert reached.others == {"json", "numpy", "unknown", "unknown.x", "google.cloud", "google.cloud.storage"}
    assert known.packages(reached.others) == {"gcs": "1.0", "numpy": "2.0"}


@pytest.mark.parametrize(
    ("modules", "packages"),
    [
        ((), {}),
        (("numpy",), {"numpy": "2.0"}),
        (("numpy.linalg.norm", "numpy"), {"numpy": "2.0"}),
        (("numpyro",), {}),
        (("os.path", "json"), {}),
        (("google.cloud.storage",), {"gcs": "1.0"}),
        (("google.cloud", "google.cloud.storage"), {"gcs": "1.0"}),
        (("google.cloud.storage.blob", "google.cloud.bigquery"), {"gcs": "1.0", "gbq": "3.0"}),
        (("google",), {"gcs": "1.0", "gbq": "3.0"}),
        (("google.protobuf",), {}),
    ],
)
def test_packages_are_those_that_provide_the_modules(
    tmp_path: Path, modules: tuple[str, ...], packages: dict[str, str]
) -> None:
    assert facts(tmp_path).packages(modules) == packages


# --- sources -------------------------------------------------------------------------------------------


def aged(path: Path, source: str) -> str:
    """Written long enough ago to be remembered."""
    path.write_text(source)
    moment = time.time() - 60
    os.utime(path, (moment, moment))
    return str(path)


def test_a_source_is_read_once_while_it_stays_as_it_is(tmp_path: Path) -> None:
    path = aged(tmp_path / "a.py", "import b\n")
    memo = Memo(tmp_path / "memo.json", 1)
    first = Sources(memo, str).source(path)
    memo.save()
    again = Memo(tmp_path / "memo.json", 1)
    again.put("sources", path, [again.get("sources", path)[0], "remembered", ["c"], False])
    assert first.imports == ("b",)
    assert Sources(again, str).source(path).digest == "remembered"
    aged(tmp_path / "a.py", "import d\n")
    assert Sources(again, str).source(path).imports == ("d",)


def test_a_source_that_changed_just_now_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    memo = Memo(tmp_path / "memo.json", 1)
    assert Sources(memo, str).source(str(tmp_path / "a.py")).digest == read_source("x = 1\n").digest
    memo.save()
    assert not (tmp_path / "memo.json").exists()


@pytest.mark.parametrize("value", [1, "text", [], [1, 2, 3], [None, None, None], [[1, 2, 3, 4, 5], "digest", 5]])
def test_what_someone_else_wrote_into_the_memo_is_not_believed(tmp_path: Path, value: object) -> None:
    path = aged(tmp_path / "a.py", "x = 1\n")
    memo = Memo(None, 1)
    memo.put("sources", path, value)
    assert Sources(memo, str).source(path).digest == read_source("x = 1\n").digest


def test_a_file_that_is_no_source_counts_by_its_bytes(tmp_path: Path) -> None:
    assert Sources(Memo(None, 1), lambda path: f"bytes of {path}").source("/x/fast.so").digest == "bytes of /x/fast.so"
