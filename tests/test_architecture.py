"""The house rules, held by reading the imports: they flow down only, each library has one home, the core is pure, the
runtime stands alone and runs on old Pythons, and importing nbflow is cheap. A message says where the import belongs."""

from __future__ import annotations

import ast
import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nbflow"

# From the top of the house to the ground. A module may import from the lines below its own, and from its own part
# (`core.plan` from `core.model`); parts on one line do not know each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("ui", "server"),
    ("api",),
    ("ops", "interrupts", "stored"),
    ("attempt",),
    ("project",),
    ("driver",),
    ("executors",),
    ("kernels", "journal", "alerts"),
    ("notebook", "store", "environment", "settings", "masking", "render"),
    ("disk",),
    ("core",),
    ("errors", "lazily"),
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}

# `runtime` is beside the house, not in it: it is sent to kernels that have no nbflow.
ALONE = {
    "runtime": "what it needs is written into its work order",
    "kernels.farside": "what it needs comes over its socket",
}
"""What runs in the interpreter of a kernelspec, which may be older and need not have nbflow."""

MAY_IMPORT_RUNTIME = ("executors", "stored", "ui.magic")
MAY_IMPORT_DIGESTS = ("store", "environment")  # one definition of a digest, also where the runtime has not been

# One library, one home. Whoever wants one of them elsewhere wants a function of its home.
HOMES: dict[str, tuple[str, ...]] = {
    "IPython": ("ui.magic", "api.shown", "runtime.step", "kernels.farside"),
    "anywidget": ("ui.widget",),
    "apprise": ("alerts",),
    "click": ("ui",),
    "cloudpickle": ("runtime.pickles", "runtime.serializers"),
    "dask": ("executors.dask",),
    "distributed": ("executors.dask",),
    "graphviz": ("render.dag",),
    "jupyter_client": ("kernels", "executors.papermill"),  # papermill passes its errors on
    "jupyter_core": ("kernels", "executors.papermill", "server"),
    "jupyter_server": ("server",),
    "nbclient": ("executors.papermill",),
    "nbformat": ("notebook",),
    "papermill": ("executors.papermill",),
    "psutil": ("ops.running", "kernels", "ui.magic.where"),
    "rich": ("render.text", "render.columns", "ui"),
    "sqlite3": ("journal",),
    "tomllib": ("settings",),
    "tornado": ("server",),
    "traitlets": ("kernels", "ui.widget"),
    "yaml": ("ui.parameters",),
    "zmq": ("kernels",),
}

# The core takes values and gives values, so these stay out of it; paths as mere text are values.
IMPURE = ("logging", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3", "subprocess", "tempfile",
          "threading", "time", "uuid", "asyncio", "multiprocessing", "concurrent", "urllib", "http")  # fmt: skip

PURE = ("pathlib.PurePath", "pathlib.PurePosixPath")

HEAVY = ("IPython", "papermill", "pandas", "numpy", "jupyter_client", "jupyter_server", "tornado", "nbformat",
         "cloudpickle", "psutil")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Use:
    """One import of one module of ours: where, what, and whether it runs as the module is loaded."""

    module: str  # without the leading "nbflow.": "core.plan"
    line: int
    target: str  # dotted, absolute: "nbflow.core.model", "IPython"
    at_load: bool

    @property
    def where(self) -> str:
        return f"nbflow.{self.module}, line {self.line}, imports {self.target}"

    @property
    def library(self) -> str:
        return self.target.partition(".")[0]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def uses_of(module: str, source: str) -> Iterator[Use]:
    """Every import in a module, relative ones made absolute; those for types alone count as any other."""
    package = ["nbflow", *module.split(".")[:-1]]

    def walk(node: ast.AST, at_load: bool) -> Iterator[Use]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Use(module, child.lineno, alias.name, at_load)
            elif isinstance(child, ast.ImportFrom):
                head = package[: len(package) - child.level + 1] if child.level else []
                base = ".".join([*head, *([child.module] if child.module else [])])
                for alias in child.names:
                    yield Use(module, child.lineno, f"{base}.{alias.name}", at_load)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, at_load and not inside)

    yield from walk(ast.parse(source), True)


def is_ours(target: str) -> bool:
    return target == "nbflow" or target.startswith("nbflow.")


def lies_in(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(home + ".") for home in homes)


def part_of(target: str) -> str:
    """``nbflow.core.model.Step`` → ``core``; ``nbflow.__version__`` and ``nbflow`` → ``""``."""
    words = target.split(".")
    return words[1] if len(words) > 1 and (words[1] in LEVEL or words[1] == "runtime") else ""


def layer_fault(use: Use) -> str:
    """Why this import of ours breaks the layers, ``""`` where it does not."""
    mine, theirs = part_of(f"nbflow.{use.module}"), part_of(use.target)
    for alone, instead in ALONE.items():
        if lies_in(use.module, (alone,)):
            ok = use.target.startswith(f"nbflow.{alone}.")
            return "" if ok else f"{alone} imports nothing of nbflow: {instead}"
    if theirs == "runtime":
        digests = use.target.startswith("nbflow.runtime.digests")
        homes = (*MAY_IMPORT_RUNTIME, *MAY_IMPORT_DIGESTS) if digests else MAY_IMPORT_RUNTIME
        return "" if lies_in(use.module, homes) else f"only {' and '.join(homes)} may import it"
    if not mine or not theirs:  # nbflow/__init__.py; `from nbflow import __version__`
        return ""
    if mine != theirs and LEVEL[theirs] <= LEVEL[mine]:
        above = " or ".join(part for layer in LAYERS[: LEVEL[theirs]] for part in layer)
        return f"imports flow down only: {theirs} is not below {mine}, so this belongs into {above}"
    return ""


def library_fault(use: Use) -> str:
    """Why this import of a library breaks the rules, ``""`` where it does not."""
    homes = HOMES.get(use.library)
    if homes and not lies_in(use.module, homes):
        return f"{use.library} belongs into {' and '.join(homes)}: give it a function there and call that"
    if lies_in(use.module, ("core", "errors")):
        if use.library not in sys.stdlib_module_names:
            return "the core imports the standard library alone: pass the value in"
        if use.library in IMPURE and use.target not in PURE:
            return "the core has no clock, disk, network, log or thread: pass the value in"
    if lies_in(use.module, tuple(ALONE)) and use.at_load and use.library not in sys.stdlib_module_names:
        return "it loads in interpreters that have only the standard library: import it inside the function"
    return ""


def faults(module: str, source: str) -> list[str]:
    found = []
    for use in uses_of(module, source):
        why = layer_fault(use) if is_ours(use.target) else library_fault(use)
        if why:
            found.append(f"{use.where}; {why}")
    return found


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return {module_name(path): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


def test_every_import_lies_where_it_belongs(sources: dict[str, str]) -> None:
    assert [fault for module, source in sources.items() for fault in faults(module, source)] == []


def test_every_module_has_a_place_in_the_house(sources: dict[str, str]) -> None:
    parts = {module.partition(".")[0] for module in sources}
    assert parts - set(LEVEL) - {"runtime", "__init__"} == set()


@pytest.mark.parametrize("part", ALONE)
def test_what_runs_in_a_kernels_interpreter_can_be_read_by_python_3_9(sources: dict[str, str], part: str) -> None:
    found = {module: source for module, source in sources.items() if lies_in(module, (part,))}
    assert found
    for module, source in found.items():
        ast.parse(source, filename=f"nbflow.{module}", feature_version=(3, 9))


def test_every_module_says_why_it_exists(sources: dict[str, str]) -> None:
    assert [module for module, source in sources.items() if not ast.get_docstring(ast.parse(source))] == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("core.plan", "from nbflow.core.model import Step", ""),
        ("core.plan", "from .model import Step", ""),
        ("core.plan", "from ..errors import UsageError", ""),
        ("core.plan", "from ..store import Store", "imports flow down only: store is not below core"),
        ("core.plan", "import nbflow.store", "imports flow down only: store is not below core"),
        ("core.plan", "def f():\n    from nbflow import ops", "imports flow down only: ops is not below core"),
        ("core.plan", "import numpy", "the core imports the standard library alone"),
        ("core.plan", "from pathlib import Path", "the core has no clock, disk, network, log or thread"),
        ("core.plan", "from pathlib import PurePosixPath", ""),
        ("errors", "import time", "the core has no clock, disk, network, log or thread"),
        ("store", "from .journal import Journal", "imports flow down only: journal is not below store"),
        ("store", "from nbflow import notebook", "imports flow down only: notebook is not below store"),
        ("store", "from nbflow.runtime.digests import digest_file", ""),
        ("store", "from nbflow.runtime import digests", ""),
        (
            "store",
            "from nbflow.runtime.serializers import load",
            "only executors and stored and ui.magic may import it",
        ),
        ("ops", "from nbflow.runtime import step", "only executors and stored and ui.magic may import it"),
        ("executors.papermill", "from nbflow.runtime import step", ""),
        ("ui.magic", "from nbflow.runtime.step import open_order", ""),
        ("runtime.step", "from . import serializers", ""),
        ("runtime.step", "from nbflow.errors import UsageError", "runtime imports nothing of nbflow"),
        ("runtime.serializers", "import numpy", "it loads in interpreters that have only the standard library"),
        ("runtime.serializers", "def save():\n    import numpy", ""),
        ("ops", "import click", "click belongs into ui"),
        ("ui.cli", "import click", ""),
        ("render.columns", "from rich.cells import cell_len", ""),
        ("render.graphs", "from rich.text import Text", "rich belongs into render.text and render.columns and ui"),
        ("attempt", "from nbflow.project import Project", ""),
        ("project", "from nbflow.driver import drive", ""),
        ("project", "from nbflow.attempt import Workshop", "imports flow down only: attempt is not below project"),
        ("executors.papermill.client", "from nbflow.journal import Journal", ""),
        ("store.local", "from nbflow.store.blobs import Blobs", ""),
        ("store.local", "from nbflow.disk.memo import Memo", ""),
        ("disk.memo", "from nbflow.store import Store", "imports flow down only: store is not below disk"),
        ("ui.cli", "from nbflow import __version__", ""),
        ("kernels.pool", "from jupyter_client import KernelManager", ""),
        ("driver", "def f():\n    import papermill as pm", "papermill belongs into executors.papermill"),
        ("server.pipelines", "from nbflow.ops.viewing import standing_view", ""),
        ("server.runs", "from nbflow.ui.running import perform", "imports flow down only: ui is not below server"),
        ("ui.magic", "from nbflow.server.here import here", "imports flow down only: server is not below ui"),
        ("ops", "from jupyter_server.base.handlers import APIHandler", "jupyter_server belongs into server"),
    ],
)
def test_a_misplaced_import_is_named_with_its_place(module: str, source: str, fault: str) -> None:
    found = faults(module, source)
    if not fault:
        assert found == []
        return
    (message,) = found
    assert message.startswith(f"nbflow.{module}, line ")
    assert fault in message


def loaded_by(*arguments: str, folder: Path = ROOT) -> set[str]:
    """Top-level modules in memory once a fresh interpreter has run nbflow with these arguments (none: imported it)."""
    code = (
        "import atexit, runpy, sys\n"
        "sys.argv = ['nbflow', *sys.argv[1:]]\n"
        "atexit.register(lambda: print('\\n', *{name.partition('.')[0] for name in sys.modules}))\n"
        "runpy.run_module('nbflow', run_name='__main__', alter_sys=False) if sys.argv[1:] else __import__('nbflow')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [(), ("--help",), ("run", "--help")])
def test_nbflow_starts_without_heavy_libraries(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) & set(HEAVY) == set()


@pytest.mark.parametrize("command", ["plan", "check", "graph", "status"])
def test_a_known_notebook_is_read_without_heavy_libraries(command: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "example_notebooks" / "02_flights.ipynb", tmp_path)
    loaded_by("plan", "02_flights.ipynb", folder=tmp_path)  # asks jupyter_client for the kernelspecs, once
    assert loaded_by(command, "02_flights.ipynb", folder=tmp_path) & set(HEAVY) == set()


def test_every_library_with_a_home_is_one_that_exists() -> None:
    later = {"dask", "distributed"}  # homes that wait for their tenants
    for library in set(HOMES) - later:
        importlib.import_module(library)
