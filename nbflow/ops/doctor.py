"""What a person needs to know when something does not work: one line for each thing that matters, good or not.

Kernels are started to see whether they do; no cell is run, nothing is written, and what is wrong with one thing keeps
no other from being looked at. Read ``surroundings`` below for the machine, ``project`` for what lies in the folder.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import nbflow
from nbflow.errors import JournalError, NbflowError, UsageError
from nbflow.journal import Journal, journal_path, liveness
from nbflow.journal.mounts import network_file_system
from nbflow.kernels.specs import Installed, Kernelspecs, ask_jupyter
from nbflow.kernels.trial import Trial, trial
from nbflow.ops.folders import RUNS
from nbflow.render.words import count, size
from nbflow.settings import PROJECT_FILE, Settings, find_root, origins
from nbflow.store.home import home_of, require_own
from nbflow.store.stock import size_of_blobs

DISTRIBUTION = "jupyter-nbflow"
LIBRARIES = ("ipykernel", "jupyter_client", "nbclient", "papermill", "nbformat", "graphviz-pure")
ROOM = 1e9
"""Bytes that should be free."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    topic: str
    state: Literal["ok", "warn"]
    said: str
    fix: str = ""
    """What to do about it; ``""`` where all is well."""


def ok(topic: str, said: str) -> Line:
    return Line(topic, "ok", said)


def warn(topic: str, said: str, fix: str) -> Line:
    return Line(topic, "warn", said, fix)


@dataclass(frozen=True)
class Machine:
    """What the machine is asked; a test gives its own answers."""

    environ: Mapping[str, str]
    folder: Path
    kernels: Callable[[], Installed] = ask_jupyter
    try_kernel: Callable[[str], Trial] = trial
    providers: Callable[[], Mapping[str, list[str]]] = importlib.metadata.packages_distributions
    network: Callable[[Path], str] = network_file_system
    free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free


def doctor(machine: Machine | None = None) -> list[Line]:
    """Look at everything. Takes as long as the slowest kernel takes to start."""
    machine = machine or Machine(os.environ, Path.cwd())
    return [*surroundings(machine), *project(machine)]


# --- the machine ---------------------------------------------------------------------------------------


def surroundings(machine: Machine) -> Iterator[Line]:
    """What is installed, and whether it works."""
    yield ok("nbflow", f"{nbflow.__version__} in {Path(nbflow.__file__).parent}")
    yield from _namesakes(machine)
    yield ok("Python", f"{platform.python_version()} ({sys.executable}) on {platform.platform(terse=True)}")
    yield _libraries()
    yield from _kernels(machine)
    yield _layout()


def _namesakes(machine: Machine) -> Iterator[Line]:
    """Something else that is called ``nbflow`` and that an import may find in place of us."""
    others = sorted({d for d in machine.providers().get("nbflow", ()) if d.lower().replace("_", "-") != DISTRIBUTION})
    if others:
        yield warn(
            "namesakes",
            f"another package with a module nbflow is installed: {', '.join(others)}",
            f"pip uninstall {' '.join(others)}, then: pip install --force-reinstall --no-deps {DISTRIBUTION}",
        )
    ours = Path(nbflow.__file__).resolve().parent
    for path in (machine.folder / "nbflow.py", machine.folder / "nbflow" / "__init__.py"):
        if path.exists() and path.resolve().parent != ours:
            yield warn(
                "namesakes",
                f"{path} hides nbflow from programs that start in this folder",
                "Give it another name.",
            )


def _libraries() -> Line:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ok("libraries", ", ".join(found))


def _kernels(machine: Machine) -> Iterator[Line]:
    installed = machine.kernels()
    specs = Kernelspecs(None, machine.environ, lambda: installed)
    names = sorted(installed.specs)
    if not names:
        yield warn("kernels", "no kernelspec is installed", "python -m ipykernel install --user")
    with ThreadPoolExecutor(4, "nbflow doctor") as pool:
        for name, found in zip(names, pool.map(machine.try_kernel, names), strict=True):
            program = specs.find(name).executable
            if found.works:
                yield ok(f"kernel {name}", f"starts in {found.seconds:.1f} s ({program})")
            else:
                fix = f"Install it again from its own environment: python -m ipykernel install --user --name {name}"
                yield warn(f"kernel {name}", f"does not start: {found.words}", fix)
    for name in sorted(installed.files.keys() - installed.specs.keys()):
        file = installed.files[name]
        yield warn(f"kernel {name}", f"{file} cannot be read, or what starts it is missing", "Mend or remove it.")


def _layout() -> Line:
    from nbflow.render.dag import engines

    failed = []
    for engine in engines.installed():
        try:
            engine.lay_out("digraph { a -> b }")
        except Exception as error:
            failed.append(f"{engine.name} fails ({error})")
        else:
            return ok("pictures", f"laid out by {engine.name}")
    return warn("pictures", "; ".join(failed) or "no layout engine is installed", engines.ADVICE)


# --- the project ---------------------------------------------------------------------------------------


def project(machine: Machine) -> Iterator[Line]:
    """What lies in the project, and what holds for it."""
    root = machine.folder
    try:
        root = find_root(machine.folder)
        yield ok("project", f"{root} ({_why(root)})")
        settings = Settings.load(root, machine.environ)
        places = origins(root, machine.environ)
    except UsageError as error:
        yield warn("settings", error.message, error.fix)
        return
    yield ok("settings", _settings(settings, places))
    yield from _disk(machine, settings)
    yield _privacy(root)
    yield from _journal(root)
    yield _store(settings)
    yield from _leftovers(settings)


def _why(root: Path) -> str:
    if (root / PROJECT_FILE).is_file() and "nbflow" in (root / PROJECT_FILE).read_text("utf-8", "replace"):
        return f"it has {PROJECT_FILE} with [tool.nbflow]"
    return next((f"it has {name}" for name in (".nbflow", ".git") if (root / name).exists()), "this folder")


def _settings(settings: Settings, places: Mapping[str, str]) -> str:
    """Those that somebody chose, with where; the defaults are in the documentation."""
    chosen = [f"{f.name} = {_shown(settings, f.name)} ({places[f.name]})" for f in fields(settings)
              if places.get(f.name, "default") != "default"]  # fmt: skip
    return ", ".join(chosen) or "all defaults"


def _shown(settings: Settings, name: str) -> str:
    """Addresses of alerts may hold passwords: only names of variables are shown."""
    value = getattr(settings, name)
    if name == "alert_urls":
        value = tuple(url if url.startswith("$") else "…" for url in value)
    return repr(value)


def _disk(machine: Machine, settings: Settings) -> Iterator[Line]:
    root = settings.root
    kind = machine.network(root)
    where = f"a network file system ({kind}): slower, and runs on other hosts cannot be told alive" if kind else "local"
    free = machine.free(root)
    said = f"{where}; {size(free)} free"
    if free < ROOM:
        yield warn("disk", said, "Free some space: nbflow cache gc --max-size SIZE removes stored results.")
    else:
        yield ok("disk", said)
    if not os.access(root, os.W_OK):
        yield warn("disk", f"{root} cannot be written", "Plans and pictures work, runs do not: work on a copy.")


def _privacy(root: Path) -> Line:
    try:
        require_own(root)
    except UsageError as error:
        return warn("privacy", error.message, error.fix)
    return ok("privacy", f"{home_of(root).name} is yours alone" if home_of(root).exists() else "no .nbflow yet")


def _journal(root: Path) -> Iterator[Line]:
    try:
        journal = Journal.read(root)
        if journal is None:
            yield ok("journal", "none yet: nothing has run here")
            return
        with journal:
            runs = journal.runs()
            notice = journal.notice
    except JournalError as error:
        yield warn("journal", error.message, error.fix)
        return
    files = [path for path in _entries(home_of(root)) if path.name.startswith(journal_path(root).name)]
    yield ok("journal", f"{count(len(runs), 'run')}, {size(sum(path.stat().st_size for path in files))}")
    if notice:
        yield warn("journal", notice, "Update nbflow, or run where it can be written.")
    dead = [run.id for run in runs if run.status == "crashed" and run.finished is None]
    if dead:
        yield ok("runs", f"{count(len(dead), 'run')} died without a word, the newest {dead[0]}: nbflow show {dead[0]}")


def _store(settings: Settings) -> Line:
    limit = settings.store_limit
    bound = f"limit: {size(round(limit))}" if limit is not None else "no limit"
    try:
        held = size_of_blobs(settings.store)
    except OSError as error:
        return warn("store", f"{settings.store} cannot be read ({error.strerror})", "Make sure that you may read it.")
    if limit is not None and held > limit:
        return warn("store", f"{settings.store}, {size(held)} ({bound})", "The next run makes room: nbflow cache gc")
    return ok("store", f"{settings.store}, {size(held)} ({bound})")


def _leftovers(settings: Settings) -> Iterator[Line]:
    """What runs left behind that were killed."""
    root = settings.root
    work = [path for path in _entries(settings.store / "work") if _is_over(root, path.name.rpartition("-")[0])]
    locks = [path for path in _entries(home_of(root) / "locks") if _is_over(root, path.name.removesuffix(".lock"))]
    folders = [path for path in _entries(root / RUNS) if path.name != ".gitignore"]
    if work or locks:
        said = " and ".join(
            count(len(found), word) for found, word in ((work, "working folder"), (locks, "lock file")) if found
        )
        places = " ".join(str(path) for path in [*work, *locks][:5])
        yield warn(
            "leftovers", f"runs that were killed left {said}", f"They do no harm. To remove them: rm -r {places}"
        )
    yield ok("run folders", f"{len(folders)} in {RUNS}, {settings.keep_runs} are kept")


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_over(root: Path, run: str) -> bool:
    try:
        return liveness(root, run) == "gone"
    except NbflowError:  # it is no run's
        return False
