"""What holds from one run to the next: forced and uncached results, damaged and lost bytes, files put back, copies of a
notebook elsewhere, and the kernel's own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nbflow import ops
from nbflow.errors import InvalidPipeline, MissingKernel, UsageError
from nbflow.executors import Job, Outcome, Tell
from tests.flows import Flow, new_flow, write_notebook
from tests.plain_executor import PlainExecutor

DICE = {
    "imports": "import os",
    "dice": "%%step dice -o thrown\nthrown = os.urandom(8)",
    "use": "%%step use -i thrown -o used\nused = [thrown]",
}


@pytest.mark.parametrize(("forced", "kind"), [("forced", "forced"), ("no-cache", "no-cache")])
def test_a_forced_step_runs_once_more_and_its_result_holds_from_then_on(tmp_path: Path, forced: str, kind: str) -> None:
    flow = new_flow(tmp_path, DICE)
    assert flow.ran() == {"dice", "use"}
    before = flow.made()
    assert flow.ran(forced=forced, terms=["dice"]) == {"dice"}
    assert flow.stale() == {"use": [("input", "thrown (made by dice) changed")]}
    assert flow.ran() == {"use"}
    after = flow.made()
    assert flow.ran() == set()
    assert (after["dice"] != before["dice"], after["use"] != before["use"]) == (True, True)


def test_every_step_runs_under_force(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, DICE)
    flow.ran()
    with flow.open() as project:
        plan = project.planner(forced="forced")
        assert {plan.decide(s, {}).reasons[0].kind for s in project.pipeline.steps} == {"forced"}
    assert flow.ran(forced="forced") == {"dice", "use"}
    assert flow.is_fresh()


def test_a_no_cache_step_runs_each_time_it_is_selected_and_serves_those_below(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, DICE)
    flow.replace("dice", "-o thrown", "-o thrown --no-cache")
    assert flow.ran() == {"dice", "use"}
    assert flow.stale() == {"dice": [("no-cache", "the step says --no-cache")]}
    assert flow.ran(terms=["use"]) == set()
    assert flow.ran() == {"dice", "use"}
    assert flow.ran(terms=["use"]) == set()


def test_a_no_cache_step_with_the_same_bytes_stops_the_propagation(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, DICE)
    flow.replace("dice", "-o thrown\nthrown = os.urandom(8)", "-o thrown --no-cache\nthrown = 1")
    flow.ran()
    assert flow.ran() == {"dice"}


def test_code_that_only_stored_bytes_bring_in_counts_whenever_they_do(tmp_path: Path) -> None:
    """No step below names the class, and what the step above hands out needs it or not, as a file says."""
    cells = {
        "class": "class Thing:\n    def worth(self):\n        return 1",
        "make": "%%step make -i kind.txt -o thing\nthing = Thing() if open('kind.txt').read() == 'thing' else None",
        "use": "%%step use -i thing -o worth\nworth = thing.worth() if thing else 0",
    }
    flow = new_flow(tmp_path, cells)

    def worth(kind: str) -> object:
        flow.write("kind.txt", kind)
        flow.run()
        with flow.open() as project:
            return json.loads(project.store.read(flow.records()["use"].artifacts[0].digest))

    assert (worth("nothing"), worth("thing"), worth("nothing")) == (0, 1, 0)
    flow.replace("class", "return 1", "return 2")
    assert (worth("nothing"), worth("thing")) == (0, 2)


def test_why_and_status_speak_of_the_result_that_is_reused_not_of_the_newest(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {"parameters": "n = 1", "one": "%%step one -o x\nx = n"})
    first = flow.run().id
    flow.parameters["n"] = 2
    assert flow.run().id != first
    flow.parameters.clear()
    with flow.open() as project:
        planner = project.planner()
        last = ops.explain(project, planner, "one").last
        (row,) = ops.status(project, planner)
    assert last is not None
    assert (last.run, row.last) == (first, last)


def test_a_selected_step_whose_input_is_stale_is_refused(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, DICE)
    with pytest.raises(UsageError) as caught:
        flow.run(terms=["use"])
    assert str(caught.value).startswith("Step 'use' needs 'dice', which has no fresh result and is not selected.")
    assert "+use" in caught.value.fix


def test_a_step_between_two_selected_ones_serves_the_lower_with_its_stored_result(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {
        "first": "%%step first -o a\na = 1",
        "second": "%%step second -i a -o b\nb = a + 1",
        "third": "%%step third -i b -o c\nc = b + 1",
    })  # fmt: skip
    flow.ran()
    flow.replace("third", "b + 1", "b + 2")
    assert flow.ran(terms=["first", "third"]) == {"third"}
    assert flow.is_fresh()


TWO = {
    "first": "%%step first -o a\na = list(range(1000))",
    "second": "%%step second -i a -o b\nb = sum(a)",
}


def shorten(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def garble(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"1", b"7"))


@pytest.mark.parametrize("damage", [Path.unlink, shorten, garble], ids=["gone", "shortened", "garbled"])
def test_a_damaged_result_is_made_again_and_only_it(tmp_path: Path, damage: object) -> None:
    flow = new_flow(tmp_path, TWO)
    flow.ran()
    (digest,) = flow.made()["first"].values()
    assert callable(damage)
    damage(flow.file(f".nbflow/store/blobs/{digest[:2]}/{digest}"))
    assert flow.stale() == {"first": [("damaged", "a stored output is missing or damaged")]}
    assert flow.ran() == {"first"}
    assert flow.is_fresh()


FILES = {
    "imports": "from pathlib import Path",
    "write": """\
%%step write -o out/one.txt out/many/
Path("out/one.txt").write_text("one")
Path("out/many/deep").mkdir(parents=True)
Path("out/many/deep/two.sh").write_text("two")
Path("out/many/deep/two.sh").chmod(0o755)""",
    "read": '%%step read -i out/one.txt -o text\ntext = Path("out/one.txt").read_text()',
}


def test_lost_file_outputs_are_put_back_without_running(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, FILES)
    flow.ran()
    flow.file("out/one.txt").unlink()
    flow.file("out/many/deep/two.sh").unlink()
    flow.file("out/many/deep").rmdir()
    assert flow.is_fresh()
    assert flow.ran() == set()
    assert (flow.file("out/one.txt").read_text(), flow.file("out/many/deep/two.sh").read_text()) == ("one", "two")
    assert os.access(flow.file("out/many/deep/two.sh"), os.X_OK)


def test_a_changed_file_output_is_put_back_and_the_changed_one_kept(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, FILES)
    flow.ran()
    flow.write("out/one.txt", "by hand")
    assert flow.is_fresh()
    finished = flow.run()
    assert flow.file("out/one.txt").read_text() == "one"
    assert [p.read_text() for p in finished.folder.rglob("one.txt")] == ["by hand"]


def test_a_restored_file_shares_no_bytes_with_the_store(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, FILES)
    flow.ran()
    flow.file("out/one.txt").unlink()
    flow.ran()
    flow.write("out/one.txt", "by hand")
    flow.ran()
    assert flow.file("out/one.txt").read_text() == "one"


def test_what_a_step_writes_and_reads_back_is_its_own(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {
        "imports": "import os\nfrom pathlib import Path",
        "own": """\
%%step own -o x
names = os.listdir("work")
Path("work/cache.txt").write_text("1")
os.makedirs("work/made")
Path("work/made/deep.txt").write_text("2")
x = (names, open("work/cache.txt").read())""",
    }, {"work/there.txt": "3"})  # fmt: skip
    assert flow.ran() == {"own"}
    assert flow.is_fresh()
    flow.write("work/cache.txt", "changed")
    assert flow.is_fresh()
    flow.file("work/cache.txt").unlink()
    assert flow.is_fresh()
    flow.write("work/another.txt", "4")
    assert flow.stale() == {"own": [("file", "what lies in the folder work changed")]}


def test_listing_a_folder_that_is_written_below_is_stable(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {
        "imports": "import os\nfrom pathlib import Path",
        "own": '%%step own -o x\nx = os.listdir("work")\nPath("work/sub/new.txt").write_text("1")',
    }, {"work/sub/there.txt": "3"})  # fmt: skip
    assert flow.ran() == {"own"}
    assert flow.is_fresh()


def test_the_newest_record_that_matches_wins(tmp_path: Path) -> None:
    """One key, several records: which holds is decided by what the step was seen to read."""
    flow = new_flow(tmp_path, {
        "find": '%%step find -o x\nx = open("".join(["da", "ta.txt"])).read()',
    }, {"data.txt": "a"})  # fmt: skip
    made = {}
    for text in ("a", "b", "c"):
        flow.write("data.txt", text)
        assert flow.ran() == {"find"}
        made[text] = flow.made()
    for text in ("b", "a", "c"):
        flow.write("data.txt", text)
        assert flow.made() == made[text]
    assert flow.ran() == set()


@dataclass
class Meddler:
    """An executor during whose attempts somebody else edits."""

    edit: Callable[[], object]
    inner: PlainExecutor = field(default_factory=PlainExecutor)

    def run(self, job: Job, tell: Tell) -> Outcome:
        self.edit()
        return self.inner.run(job, tell)

    def stop(self, key: str, force: bool) -> None:
        self.inner.stop(key, force)


@pytest.mark.parametrize(("path", "text"), [("local.py", "value = 1"), ("named.txt", "1"), ("declared.txt", "1")])
def test_a_result_made_while_what_it_depends_on_was_edited_is_not_reused(tmp_path: Path, path: str, text: str) -> None:
    """Nobody knows which content the step has read: neither the old nor the new one brings the result back."""
    flow = new_flow(tmp_path, {
        "use": """\
%%step use -i declared.txt -o v
from local import value
v = [value, open("named.txt").read(), open("declared.txt").read()]""",
    }, {"local.py": "value = 1", "named.txt": "1", "declared.txt": "1"})  # fmt: skip
    assert flow.run(Meddler(lambda: flow.write(path, text.replace("1", "2")))).status == "succeeded"
    assert flow.stale().keys() == {"use"}
    flow.write(path, text)
    assert flow.stale().keys() == {"use"}
    assert flow.ran() == {"use"}
    assert flow.is_fresh()


def test_a_copy_of_a_notebook_elsewhere_reads_its_own_files(tmp_path: Path) -> None:
    cells = {
        "imports": "import os",
        "find": '%%step find -o x\nx = open("".join(["da", "ta.txt"])).read()',
        "list": '%%step list -o y\ny = os.listdir("parts")',
        "name": '%%step name -o z\nz = open("named.txt").read()',
        "plain": "%%step plain -o w\nw = 1",
        "module": "%%step module -o v\nimport importlib\nv = importlib.import_module(''.join(['lo', 'cal'])).value",
    }
    files = {
        f"{place}/{name}": f"{text} {place}"
        for place in ("one", "two")
        for name, text in (("data.txt", "data"), ("named.txt", "named"), (f"parts/{place}.txt", "part"))
    }
    modules = {f"{place}/local.py": f"value = {place!r}" for place in ("one", "two")}
    flow = new_flow(tmp_path, cells, {**files, **modules})
    for place in ("one", "two"):
        write_notebook(flow.file(f"{place}/flow.ipynb"), cells)
    flow.notebook = "one/flow.ipynb"
    assert flow.ran() == {"find", "list", "name", "plain", "module"}
    first = flow.made()
    flow.notebook = "two/flow.ipynb"
    assert flow.ran() == {"find", "list", "name", "module"}
    second = flow.made()
    assert {step for step in first if first[step] == second[step]} == {"plain"}


def test_a_folder_that_moves_with_its_notebook_reruns_nothing(tmp_path: Path) -> None:
    cells = {
        "module": "from local import value",
        "use": "%%step use -o v\nv = value",
        "find": '%%step find -o x\nx = open("".join(["da", "ta.txt"])).read()',
    }
    flow = new_flow(tmp_path, cells, {"one/local.py": "value = 1", "one/data.txt": "data"})
    write_notebook(flow.file("one/flow.ipynb"), cells)
    flow.notebook = "one/flow.ipynb"
    flow.ran()
    flow.file("one").rename(flow.file("two"))
    flow.notebook = "two/flow.ipynb"
    assert flow.is_fresh()


def test_nothing_is_run_where_the_check_finds_an_error(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {"bad": "%%step bad -o x\ny = 1"})
    with pytest.raises(InvalidPipeline) as caught:
        flow.run()
    assert [f.code for f in caught.value.findings] == ["unmade-output"]
    assert not flow.file("nbflow_runs").exists()


# --- the kernel's own environment ------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Site folder of an environment of its own, registered as the kernel ``own``."""
    home = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", home], check=True)
    spec = tmp_path / "jupyter" / "kernels" / "own" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [str(home / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Own", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return next(home.glob("lib/python*/site-packages"))


def install(site: Path, name: str, version: str, source: str) -> None:
    """A distribution of one module, as pip leaves it."""
    for old in site.glob(f"{name}-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    (site / f"{name}.py").write_text(source)
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"{name}.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")


IMPORTING = {
    "use": "%%step use -o x\nimport tool\nx = tool.value()",
    "indirect": "%%step indirect -o y\nfrom local import answer\ny = answer()",
    "other": "%%step other -o z\nz = 1",
}
LOCAL = {"local.py": "import tool\n\n\ndef answer():\n    return tool.value()\n"}


def own_flow(root: Path, site: Path) -> Flow:
    flow = new_flow(root / "project", IMPORTING, LOCAL)
    write_notebook(flow.file("flow.ipynb"), IMPORTING, kernel="own")
    flow.python = str(site.parents[2] / "bin" / "python")
    return flow


def test_a_package_version_counts_for_the_steps_that_import_it(tmp_path: Path, environment: Path) -> None:
    install(environment, "tool", "1.0", "def value():\n    return 1\n")
    flow = own_flow(tmp_path, environment)
    assert flow.ran() == {"use", "indirect", "other"}
    assert flow.ran() == set()
    install(environment, "tool", "1.1", "def value():\n    return 1\n")
    assert flow.stale() == {"use": [("package", "tool 1.0 → 1.1")], "indirect": [("package", "tool 1.0 → 1.1")]}
    assert flow.ran() == {"use", "indirect"}
    install(environment, "tool", "1.0", "def value():\n    return 1\n")
    assert flow.is_fresh()


def test_an_installed_package_counts_by_its_version_alone(tmp_path: Path, environment: Path) -> None:
    install(environment, "tool", "1.0", "def value():\n    return 1\n")
    flow = own_flow(tmp_path, environment)
    flow.ran()
    (environment / "tool.py").write_text("def value():\n    return 2\n")
    assert flow.is_fresh()


def test_an_editable_install_counts_by_its_source(tmp_path: Path, environment: Path) -> None:
    source = tmp_path / "source" / "tool"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("from tool.inner import value\n")
    (source / "inner.py").write_text("def value():\n    return 1\n")
    (environment / "__editable__.tool-1.0.pth").write_text(str(source.parent))
    flow = own_flow(tmp_path, environment)
    assert flow.ran() == {"use", "indirect", "other"}
    (source / "inner.py").write_text("def value():\n    # one\n    return 1\n")
    assert flow.is_fresh()
    (source / "inner.py").write_text("def value():\n    return 2\n")
    changed = [("module", f"{source}/inner.py changed")]
    assert flow.stale() == {"use": changed, "indirect": changed}
    assert flow.ran() == {"use", "indirect"}
    assert flow.is_fresh()


def test_a_module_on_pythonpath_counts_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "tool.py").write_text("def value():\n    return 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shelf"))
    flow = new_flow(tmp_path / "project", IMPORTING, LOCAL)
    assert flow.ran() == {"use", "indirect", "other"}
    (tmp_path / "shelf" / "tool.py").write_text("def value():\n    return 2\n")
    assert set(flow.stale()) == {"use", "indirect"}


def test_another_kernel_with_the_same_python_reruns_nothing(tmp_path: Path, environment: Path) -> None:
    flow = new_flow(tmp_path / "project", TWO)
    flow.ran()
    write_notebook(flow.file("flow.ipynb"), TWO, kernel="own")
    assert flow.is_fresh()


def test_a_kernel_that_is_not_installed_is_named_with_those_that_are(tmp_path: Path, environment: Path) -> None:
    flow = new_flow(tmp_path / "project", TWO)
    write_notebook(flow.file("flow.ipynb"), TWO, kernel="owm")
    with pytest.raises(MissingKernel) as caught:
        flow.plan()
    assert str(caught.value).startswith(
        "No kernel named 'owm' is installed. Did you mean 'own'? Installed: own, python3."
    )
    assert isinstance(caught.value, UsageError)


SHARED_IMPORTS = {
    "imports": "import json\nfrom helpers import clean\nimport shapes",
    "text": "%%step text -o t\nt = json.dumps([1])",
    "tidy": "%%step tidy -o u\nu = clean(1)",
    "make": "%%step make -o s\ns = shapes.Square()",
    "size": "%%step size -i s -o n\nn = len(json.dumps(s.size()))",
}
HELPERS = {
    "helpers.py": 'import deep\n\nNAME = "helpers".upper()\n\n\ndef clean(x):\n    return deep.one(x)\n',
    "deep.py": "def one(x):\n    return x\n",
    "shapes.py": "class Square:\n    def size(self):\n        return 1\n",
}


@pytest.mark.parametrize(
    ("file", "old", "new", "reruns"),
    [
        ("helpers.py", "deep.one(x)", "deep.one(x) + 1", {"tidy"}),
        ("deep.py", "return x", "return x + 1", {"tidy"}),
        ("helpers.py", "upper()", 'upper()\nprint("loaded")', {"text", "tidy", "make", "size"}),
        ("deep.py", "def one", "import json\njson.flag = 1\n\n\ndef one", {"text", "tidy", "make", "size"}),
        ("shapes.py", "return 1", "return 10", {"make", "size"}),
    ],
    ids=["helper", "indirect helper", "an effect appears", "an indirect effect appears", "the class of an input"],
)
def test_a_module_in_a_shared_cell_of_imports_counts_where_it_is_used_or_acts(
    tmp_path: Path, file: str, old: str, new: str, reruns: set[str]
) -> None:
    flow = new_flow(tmp_path, SHARED_IMPORTS, HELPERS)
    assert flow.ran() == {"text", "tidy", "make", "size"}
    assert flow.is_fresh()
    place = flow.file(file)
    place.write_text(place.read_text().replace(old, new))
    assert flow.ran() == reruns
    assert flow.is_fresh()
