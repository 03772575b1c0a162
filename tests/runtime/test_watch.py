"""What a step was seen to read, to list and to write: by Python, and by readers in native code."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet
import pytest

from nbflow.runtime import digests, places, readers, step, watch
from tests.runtime.orders import FORGETFUL, Project

pytestmark = FORGETFUL

ROOT = Path(__file__).parents[2]
FRAME = pd.DataFrame({"x": [1, 2]})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = Project(tmp_path)
    data = project.folder / "data"
    (data / "deep").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "deep/c.csv"):
        FRAME.to_csv(data / name, index=False)
    for name in ("a.parquet", "b.parquet"):
        pyarrow.parquet.write_table(pyarrow.table({"x": [1]}), data / name)
    FRAME.to_feather(data / "a.feather")
    np.save(data / "a.npy", np.zeros(2))
    (project.folder / "notes.txt").write_text("n")
    helper = types.ModuleType("helper")
    helper.__file__ = str(project.folder / "helper.py")
    Path(helper.__file__).write_text("x = 1\n")
    monkeypatch.setitem(sys.modules, "helper", helper)
    (tmp_path / "elsewhere.txt").write_text("e")
    monkeypatch.chdir(project.folder)
    return project


def run(project: Project, program: str, **parts: Any) -> dict[str, Any]:
    """Run code as a step in this process; paths of the result are made relative to the notebook's folder."""
    names: dict[str, Any] = {"pd": pd, "pl": pl, "np": np, "os": os, "Path": Path}
    work = project.open(names, **parts)
    work.begin()
    exec(compile(program, "<cell>", "exec"), names)
    work.finish()
    return relative(project, project.result())


def relative(project: Project, result: dict[str, Any]) -> dict[str, Any]:
    def short(path: str) -> str:
        return os.path.relpath(path, project.folder)

    return {
        "reads": [short(path) for path in result["read_files"]],
        "lists": {short(path): digest for path, digest in result["read_folders"].items()},
        "wrote": [short(path) for path in result["wrote"]],
    }


def listing(*names: str) -> str:
    return digests.digest_bytes("\n".join(sorted(names)).encode())


DATA = listing("a.csv", "b.csv", "a.parquet", "b.parquet", "a.feather", "a.npy", "deep")
WITHOUT_NPY = listing("a.csv", "b.csv", "a.parquet", "b.parquet", "a.feather", "deep")

READS: list[tuple[str, list[str]]] = [
    ("open('notes.txt').close()", ["notes.txt"]),
    ("Path('notes.txt').read_text()", ["notes.txt"]),
    ("open(b'notes.txt').close()", ["notes.txt"]),
    ("os.close(os.open('notes.txt', os.O_RDONLY))", ["notes.txt"]),
    ("open('../../elsewhere.txt').close()", ["../../elsewhere.txt"]),
    ("pd.read_csv('data/a.csv')", ["data/a.csv"]),
    ("np.load('data/a.npy')", ["data/a.npy"]),
    ("np.load('data/a.npy', mmap_mode='r')", ["data/a.npy"]),
    ("pd.read_parquet('data/a.parquet')", ["data/a.parquet"]),
    ("pd.read_parquet(path=Path('data/a.parquet'))", ["data/a.parquet"]),
    ("pd.read_parquet('file://' + os.getcwd() + '/data/a.parquet')", ["data/a.parquet"]),
    ("pd.read_feather('data/a.feather')", ["data/a.feather"]),
    ("from pyarrow import parquet; parquet.read_table('data/a.parquet')", ["data/a.parquet"]),
    ("from pyarrow.parquet import ParquetFile; ParquetFile('data/a.parquet').read()", ["data/a.parquet"]),
    ("from pyarrow import parquet; parquet.ParquetDataset(['data/a.parquet', 'data/b.parquet']).read()",
     ["data/a.parquet", "data/b.parquet"]),
    ("import pyarrow.dataset as ds; ds.dataset('data/a.parquet').to_table()", ["data/a.parquet"]),
    ("import pyarrow.csv as c; c.read_csv('data/a.csv')", ["data/a.csv"]),
    ("import pyarrow.feather as f; f.read_table('data/a.feather')", ["data/a.feather"]),
    ("import pyarrow; pyarrow.memory_map('data/a.feather').close()", ["data/a.feather"]),
    ("pl.read_csv('data/a.csv')", ["data/a.csv"]),
    ("pl.read_parquet('data/a.parquet')", ["data/a.parquet"]),
    ("pl.scan_parquet(source='data/a.parquet').collect()", ["data/a.parquet"]),
    ("pl.scan_csv(['data/a.csv', 'data/b.csv']).collect()", ["data/a.csv", "data/b.csv"]),
    ("import functools; functools.partial(pd.read_parquet, 'data/a.parquet')()", ["data/a.parquet"]),
    ("import threading; t = threading.Thread(target=lambda: open('notes.txt').close()); t.start(); t.join()",
     ["notes.txt"]),
    # not data
    ("import json.tool", []),
    ("Path('nothing.txt').exists()", []),
    ("try: open('nothing.txt')\nexcept OSError: pass", []),
    ("open(os.devnull).close(); open('/proc/self/stat').close()", []),
    ("open(np.__file__).close()", []),
    ("os.makedirs('.git'); Path('.git/x').write_text(''); Path('.git/x').read_text()", []),
    ("import linecache; linecache.getline('helper.py', 1)", []),
    ("import inspect, helper; inspect.getsource(helper)", []),
    # written before read, or made by the step
    ("Path('new.txt').write_text('a'); Path('new.txt').read_text()", []),
    ("pl.DataFrame({'x': [1]}).write_parquet('n.parquet'); pl.read_parquet('n.parquet')", []),
    ("FRAME = pd.DataFrame({'x': [1]}); FRAME.to_parquet('n.parquet'); pd.read_parquet('n.parquet')", []),
    ("import pyarrow as p, pyarrow.parquet as q; q.write_table(p.table({'x': [1]}), 'n'); q.read_table('n')", []),
    ("import shutil; shutil.copy('notes.txt', 'copy.txt'); open('copy.txt').close()", ["notes.txt"]),
    ("Path('t').write_text('a'); os.replace('t', 'final'); open('final').close()", []),
    # read first, then written or gone
    ("Path('notes.txt').read_text(); Path('notes.txt').write_text('b')", ["notes.txt"]),
    ("with open('notes.txt', 'r+') as f: f.read()", ["notes.txt"]),
    ("Path('notes.txt').read_text(); os.remove('notes.txt')", []),
    # an attempt to write that failed says nothing against the read that follows
    ("try: open('notes.txt', 'x')\nexcept FileExistsError: pass\nopen('notes.txt').close()", ["notes.txt"]),
    # SQLite
    ("import sqlite3; c = sqlite3.connect('notes.txt'); c.close()", ["notes.txt"]),
    ("import sqlite3; c = sqlite3.connect('file:notes.txt?mode=ro', uri=True); c.close()", ["notes.txt"]),
    ("import sqlite3; c = sqlite3.connect('n.db'); c.execute('create table t(x)'); c.close()", []),
    ("import sqlite3; c = sqlite3.connect(':memory:'); c.close()", []),
]  # fmt: skip


@pytest.mark.parametrize(("program", "expected"), READS, ids=[case[0][:60] for case in READS])
def test_a_file_that_a_step_reads_is_seen(program: str, expected: list[str], project: Project) -> None:
    assert run(project, program)["reads"] == expected


LISTINGS: list[tuple[str, dict[str, str]]] = [
    ("os.listdir('data')", {"data": DATA}),
    ("list(os.scandir('data/deep'))", {"data/deep": listing("c.csv")}),
    ("list(Path('data').iterdir())", {"data": DATA}),
    ("list(Path('data').glob('*.csv'))", {"data": DATA}),
    ("import glob; glob.glob('data/*.csv')", {"data": DATA}),
    ("list(os.walk('data'))", {"data": DATA, "data/deep": listing("c.csv")}),
    ("os.listdir()", {".": listing("data", "notes.txt", "helper.py")}),
    ("pl.scan_parquet('data/*.parquet').collect()", {"data": DATA}),
    ("os.listdir('data'); Path('data/mine.txt').write_text('')", {"data": DATA}),
    ("Path('data/mine.txt').write_text(''); os.listdir('data')", {"data": DATA}),
    ("Path('data/.ipynb_checkpoints').mkdir(); os.listdir('data')", {"data": DATA}),
    ("os.listdir('data'); os.remove('data/a.npy')", {"data": WITHOUT_NPY}),
    ("os.mkdir('mine'); os.listdir('mine')", {}),
    ("os.makedirs('data', exist_ok=True); os.listdir('data')", {"data": DATA}),
    ("os.listdir(os.path.dirname(os.__file__))", {}),
    ("import importlib; importlib.invalidate_caches()\ntry: import nothing_such\nexcept ImportError: pass", {}),
    ("import importlib.metadata as m; m.version('pip'); m.entry_points(group='x')", {}),
    ("import pkgutil; list(pkgutil.iter_modules())", {}),
    ("import warnings as w; w.simplefilter('ignore'); import pkg_resources as p; list(p.find_distributions('.'))", {}),
    ("try: os.listdir('nowhere')\nexcept OSError: pass", {}),
]  # fmt: skip


@pytest.mark.parametrize(("program", "expected"), LISTINGS, ids=[case[0][:60] for case in LISTINGS])
def test_a_folder_that_a_step_lists_is_seen_with_the_names_found(
    program: str, expected: dict[str, str], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(project.folder))
    assert run(project, program)["lists"] == expected


def test_a_folder_read_as_one_table_counts_with_all_its_files(project: Project) -> None:
    (project.folder / "parts").mkdir()
    for name in ("1.parquet", "2.parquet"):
        (project.folder / "parts" / name).write_bytes((project.folder / "data" / "a.parquet").read_bytes())
    seen = run(project, "pd.read_parquet('parts')")
    assert seen == {
        "reads": ["parts/1.parquet", "parts/2.parquet"],
        "lists": {"parts": listing("1.parquet", "2.parquet")},
        "wrote": [],
    }


WRITES: list[tuple[str, list[str]]] = [
    ("Path('new.txt').write_text('a')", ["new.txt"]),
    ("Path('../up.txt').write_text('a')", ["../up.txt"]),
    ("open('notes.txt', 'a').close()", ["notes.txt"]),
    ("pd.DataFrame({'x': [1]}).to_csv('n.csv')", ["n.csv"]),
    ("pd.DataFrame({'x': [1]}).to_parquet('n.parquet')", ["n.parquet"]),
    ("pl.DataFrame({'x': [1]}).write_csv('n.csv')", ["n.csv"]),
    ("pl.LazyFrame({'x': [1]}).sink_parquet('n.parquet')", ["n.parquet"]),
    ("Path('t').write_text('a'); os.replace('t', 'final')", ["final"]),
    ("Path('t').write_text('a'); os.remove('t')", []),
    ("os.mkdir('folder')", []),
    ("import shutil; shutil.copy('notes.txt', 'copy.txt')", ["copy.txt"]),
    ("os.link('notes.txt', 'hard.txt')", ["hard.txt"]),
    ("import sqlite3; c = sqlite3.connect('n.db'); c.execute('create table t(x)'); c.close()", ["n.db"]),
]


@pytest.mark.parametrize(("program", "expected"), WRITES, ids=[case[0][:60] for case in WRITES])
def test_a_file_that_a_step_writes_is_seen(program: str, expected: list[str], project: Project) -> None:
    assert run(project, program)["wrote"] == expected


def test_folders_of_runs_and_of_the_store_do_not_count(project: Project) -> None:
    runs = project.root / "my_runs"
    runs.mkdir()
    (runs / "x.txt").write_text("")
    seen = run(project, f"open({str(runs / 'x.txt')!r}).close(); os.listdir({str(runs)!r})", run_folders=[str(runs)])
    assert seen == {"reads": [], "lists": {}, "wrote": []}


def test_what_the_runtime_itself_reads_and_writes_is_not_the_steps(project: Project) -> None:
    inputs = project.make(df=FRAME)
    elsewhere = project.root.parent / "store"
    project.blobs.rename(elsewhere)
    project.blobs = elsewhere
    names: dict[str, Any] = {}
    work = project.open(names, inputs=inputs, outputs=[{"path": "notes.txt", "name": None, "format": None}])
    work.bind("df")
    work.begin()
    work.finish()
    assert relative(project, project.result()) == {"reads": [], "lists": {}, "wrote": []}


def test_nothing_is_seen_after_the_end(project: Project) -> None:
    run(project, "pass")
    before = project.result()["read_files"]
    Path("notes.txt").read_text()
    pd.read_parquet("data/a.parquet")
    assert (before, project.result()["read_files"], watch._current) == ([], [], [])


def test_what_context_cells_read_before_the_step_counts_too(project: Project) -> None:
    work = project.open({})
    Path("notes.txt").read_text()
    work.begin()
    work.finish()
    assert relative(project, project.result())["reads"] == ["notes.txt"]


def test_what_is_read_before_the_order_is_opened_counts_where_the_watch_was_started_ahead(project: Project) -> None:
    step.watch_ahead()
    Path("notes.txt").read_text()
    pd.read_parquet("data/a.parquet")
    assert run(project, "open('data/a.csv').close()")["reads"] == ["data/a.csv", "data/a.parquet", "notes.txt"]
    assert run(project, "open('data/b.csv').close()")["reads"] == ["data/b.csv"], "a second one begins anew"


@pytest.mark.parametrize(("begins", "reads", "wrote"), [("before", [], ["notes.txt"]), ("after", ["notes.txt"], [])])
def test_a_watch_ahead_has_its_step_write_what_was_written_since_that_began(
    begins: str, reads: list[str], wrote: list[str], project: Project
) -> None:
    """A file that another step wrote while the kernel waited, and this one could not open for writing, it read."""
    step.watch_ahead()
    begun = time.time_ns() - 60_000_000_000 if begins == "before" else time.time_ns() + 60_000_000_000
    seen = run(project, "open('notes.txt', 'r+').close()", begun=begun)
    assert (seen["reads"], seen["wrote"]) == (["notes.txt"], wrote)


def test_a_change_of_the_working_directory_is_followed(project: Project) -> None:
    assert run(project, "os.chdir('data'); open('a.csv').close()")["reads"] == ["data/a.csv"]


def test_the_users_errors_stay_as_they_are(project: Project) -> None:
    with pytest.raises(FileNotFoundError):
        run(project, "pd.read_parquet('nowhere.parquet')")
    with pytest.raises(TypeError) as caught:
        run(project, "pd.read_parquet()")
    assert "read_parquet() missing 1 required positional argument: 'path'" in str(caught.value)


def test_a_broken_path_object_does_not_fail_in_the_hook(project: Project) -> None:
    program = """
class Broken:
    def __fspath__(self): raise RuntimeError("mine")
try: open(Broken())
except RuntimeError as error: print(error)
try: os.listdir(Broken())
except RuntimeError as error: print(error)
"""
    assert run(project, program) == {"reads": [], "lists": {}, "wrote": []}


def test_wrapped_readers_keep_their_names_and_documents() -> None:
    readers.install()
    readers.install()
    assert pickle.loads(pickle.dumps(pd.read_parquet)) is pd.read_parquet
    assert pd.read_parquet.__name__ == "read_parquet"
    assert not hasattr(pd.read_parquet.__wrapped__, "__wrapped__")
    assert "parquet" in (pd.read_parquet.__doc__ or "")


def test_a_library_imported_in_the_middle_of_a_step_is_wrapped(project: Project) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from nbflow.runtime import step
work = step.open_order({str(project.order())!r}, {{}})
assert not {{"pandas", "polars", "pyarrow"}} & set(sys.modules)
work.begin()
import pandas, polars
from pyarrow.parquet import read_table
pandas.read_parquet("data/a.parquet"); polars.read_csv("data/a.csv"); read_table("data/b.parquet")
assert type(pandas.__spec__.loader).__name__ == "SourceFileLoader"
assert "exec_module" not in vars(pandas.__spec__.loader)
work.finish()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=project.folder, capture_output=True, text=True)
    assert done.stderr == ""
    assert relative(project, project.result())["reads"] == ["data/a.csv", "data/a.parquet", "data/b.parquet"]


def test_local_modules_are_reported_and_are_no_data(project: Project, tmp_path: Path) -> None:
    (project.folder / "helper_of_test.py").write_text("import deeper_of_test\n")
    (tmp_path / "deeper_of_test.py").write_text("x = 1\n")
    program = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}, ""]
from nbflow.runtime import step
work = step.open_order({str(project.order())!r}, {{}})
work.begin()
import helper_of_test, json, pip
work.finish()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=project.folder, capture_output=True, text=True)
    assert done.stderr == ""
    result = project.result()
    assert result["modules"] == sorted([str(project.folder / "helper_of_test.py"), str(tmp_path / "deeper_of_test.py")])
    assert relative(project, result) == {"reads": [], "lists": {}, "wrote": []}


def test_two_threads_may_be_watched_at_once(project: Project) -> None:
    seen = watch.start()

    def read(number: int) -> None:
        for _ in range(200):
            Path(f"file{number}.txt").exists()
            with Path("notes.txt").open():
                pass

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watch.stop()
    assert list(seen.reads) == [str(project.folder / "notes.txt")]


def test_a_thread_may_go_on_writing_while_the_watch_is_asked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch.Watch()
    seen.wrote(str(project.folder / "first.txt"))
    exists = os.path.exists

    def and_meanwhile(path: Any) -> bool:  # the interpreter changes threads where it asks the disk
        seen.wrote(str(project.folder / f"{len(seen.writes)}.txt"))
        return exists(path)

    monkeypatch.setattr(os.path, "exists", and_meanwhile)
    assert seen.read_files(places.Places(str(project.folder), [])) == []


HOME = str(Path.home())
PLACES: list[tuple[str, str, bool]] = [
    ("/home/u/p", "/home/u/p/data/x.csv", True),
    ("/home/u/p", "/home/u/p/.git/config", False),
    ("/home/u/p", "/home/u/p/a/.nbflow/x", False),
    ("/home/u/p", "/home/u/p/nbflow_runs/x", False),
    ("/home/u/p", "/home/u/p/__pycache__/x.pyc", False),
    ("/home/u/p", "/home/u/other/x.csv", True),
    ("/home/u/p", "/home/u/other/.git/x", False),
    ("/home/u/p", "/usr/share/x", False),
    ("/home/u/p", "/usrx/share/x", True),
    ("/home/u/p", "/etc/hosts", False),
    ("/usr/src/app", "/usr/src/app/data.csv", True),
    ("/usr/src/app", "/usr/share/x", False),
    ("/home/u/nbflow_runs/p", "/home/u/nbflow_runs/p/x.csv", True),
    ("/", "/data/x.csv", True),
    ("/", "/usr/share/x", False),
    ("/home/u/p", f"{sys.prefix}/lib/x.py", False),
    (sys.prefix, f"{sys.prefix}/data.csv", True),
    (sys.prefix, f"{sys.prefix}/lib/x.py", False),
    (HOME, f"{HOME}/.cache/x", False),
    (HOME, f"{HOME}/x.csv", True),
    ("/home/u/p", "/mine/runs/x", False),
]


@pytest.mark.parametrize(("root", "path", "expected"), PLACES)
def test_places_that_belong_to_the_machine_do_not_count(root: str, path: str, expected: bool) -> None:
    assert places.Places(root, ["/mine/runs"]).counts(path) is expected


def test_a_link_out_of_the_project_counts_as_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(sys.prefix)
    assert places.Places(str(tmp_path)).counts(str(tmp_path / "link" / "pyvenv.cfg")) is True


def test_a_link_into_an_environment_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(sys.prefix)
    assert places.Places(str(tmp_path / "project")).counts(str(tmp_path / "link" / "pyvenv.cfg")) is False
