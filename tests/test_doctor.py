"""What the doctor says of a machine and a project, well or not."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from nbflow.journal import Journal, RunLock
from nbflow.journal.opening import SCHEMA
from nbflow.kernels.specs import Installed
from nbflow.kernels.trial import Trial, trial
from nbflow.ops import doctor as examining
from nbflow.ops.doctor import Line, Machine
from nbflow.render.doctor import lines_of
from nbflow.store import Store
from tests.commands import nbflow
from tests.past import FIRST, SECOND, THIRD, tell
from tests.stores import tree
from tests.test_journal_opening import sqlite_value

GOOD = Installed(
    ("/k",), {"py": "/k/py/kernel.json"}, {"py": {"argv": ["/usr/bin/py"], "language": "python", "env": {}}}
)


NETWORK = "a network file system (nfs4): slower, and runs on other hosts cannot be told alive"


def machine(folder: Path, **answers: object) -> Machine:
    """One on which all is well, but for these answers."""
    known = Machine(
        environ={},
        folder=folder,
        kernels=lambda: GOOD,
        try_kernel=lambda name: Trial(True, 1.5, ""),
        providers=lambda: {"nbflow": ["jupyter-nbflow"], "numpy": ["numpy"]},
        network=lambda path: "",
        free=lambda path: 5_000_000_000,
    )
    return replace(known, **answers)  # type: ignore[arg-type]


def found(lines: list[Line]) -> Mapping[str, tuple[str, str, str]]:
    """Topic → state, what was said, what to do; of two on one topic the later."""
    return {line.topic: (line.state, line.said, line.fix) for line in lines}


def test_a_machine_and_a_project_on_which_all_is_well(tmp_path: Path) -> None:
    tell(tmp_path, FIRST)
    with Journal.open(tmp_path) as journal:
        journal.finish_run(FIRST, "2026-11-24T15:31:00.000Z", "succeeded")
    Store(tmp_path / ".nbflow" / "store").put(b"x" * 1500)
    (tmp_path / "pyproject.toml").write_text("[tool.nbflow]\njobs = 3\n")
    lines = examining.doctor(machine(tmp_path, environ={"NBFLOW_RETRIES": "1"}))
    assert [line.topic for line in lines] == [
        "nbflow", "Python", "libraries", "kernel py", "pictures", "project", "settings", "disk", "privacy", "journal",
        "store", "run folders",
    ]  # fmt: skip
    assert {line.state for line in lines} == {"ok"}
    said = {line.topic: line.said for line in lines}
    assert said["kernel py"] == "starts in 1.5 s (/usr/bin/py)"
    assert said["project"] == f"{tmp_path} (it has pyproject.toml with [tool.nbflow])"
    assert said["settings"] == "jobs = 3 (pyproject.toml), retries = 1 (NBFLOW_RETRIES)"
    assert said["disk"] == "local; 5.0 GB free"
    assert said["journal"].startswith("1 run, ")
    assert said["store"] == f"{tmp_path / '.nbflow' / 'store'}, 1.5 kB (limit: 50 GB)"
    assert said["run folders"] == "0 in nbflow_runs, 20 are kept"


def test_a_folder_in_which_nothing_ran_yet_is_well_and_stays_empty(tmp_path: Path) -> None:
    lines = found(list(examining.project(machine(tmp_path))))
    assert lines["project"] == ("ok", f"{tmp_path} (this folder)", "")
    assert lines["settings"] == ("ok", "all defaults", "")
    assert lines["journal"] == ("ok", "none yet: nothing has run here", "")
    assert lines["privacy"] == ("ok", "no .nbflow yet", "")
    assert tree(tmp_path) == []


def test_another_package_of_our_name_is_named_with_the_way_out(tmp_path: Path) -> None:
    other = machine(tmp_path, providers=lambda: {"nbflow": ["nbflow", "jupyter_nbflow", "nbflow"]})
    assert found(list(examining.surroundings(other)))["namesakes"] == (
        "warn",
        "another package with a module nbflow is installed: nbflow",
        "pip uninstall nbflow, then: pip install --force-reinstall --no-deps jupyter-nbflow",
    )


def test_a_file_that_hides_us_is_named(tmp_path: Path) -> None:
    (tmp_path / "nbflow.py").touch()
    assert found(list(examining.surroundings(machine(tmp_path))))["namesakes"] == (
        "warn",
        f"{tmp_path / 'nbflow.py'} hides nbflow from programs that start in this folder",
        "Give it another name.",
    )


def test_kernels_that_do_not_start_or_cannot_be_used_are_named(tmp_path: Path) -> None:
    installed = Installed(
        ("/k",), {**GOOD.files, "old": "/k/old/kernel.json", "torn": "/k/torn/kernel.json"},
        {**GOOD.specs, "old": {"argv": ["/gone/python"], "language": "python", "env": {}}},
    )  # fmt: skip
    tried = {
        "py": Trial(True, 0.5, ""),
        "old": Trial(False, 0.1, "[Errno 2] No such file or directory: '/gone/python'"),
    }
    lines = found(
        list(examining.surroundings(machine(tmp_path, kernels=lambda: installed, try_kernel=tried.__getitem__)))
    )
    assert lines["kernel py"] == ("ok", "starts in 0.5 s (/usr/bin/py)", "")
    assert lines["kernel old"] == (
        "warn",
        "does not start: [Errno 2] No such file or directory: '/gone/python'",
        "Install it again from its own environment: python -m ipykernel install --user --name old",
    )
    assert lines["kernel torn"] == (
        "warn",
        "/k/torn/kernel.json cannot be read, or what starts it is missing",
        "Mend or remove it.",
    )


def test_no_kernel_at_all_is_said(tmp_path: Path) -> None:
    lines = found(list(examining.surroundings(machine(tmp_path, kernels=lambda: Installed(())))))
    assert lines["kernels"] == ("warn", "no kernelspec is installed", "python -m ipykernel install --user")


def test_wrong_settings_are_said_and_nothing_is_guessed_from_them(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.nbflow]\njob = 3\n")
    lines = list(examining.project(machine(tmp_path)))
    assert [(line.topic, line.state) for line in lines] == [("project", "ok"), ("settings", "warn")]
    assert lines[-1].said.endswith("'job' is not a setting. Did you mean 'jobs'?")


@pytest.mark.parametrize(
    ("answers", "states"),
    [
        ({"network": lambda path: "nfs4"}, [("ok", f"{NETWORK}; 5.0 GB free")]),
        ({"free": lambda path: 100_000_000}, [("warn", "local; 100 MB free")]),
    ],
)  # fmt: skip
def test_what_kind_of_disk_it_is(tmp_path: Path, answers: dict[str, object], states: list[tuple[str, str]]) -> None:
    lines = examining.project(machine(tmp_path, **answers))
    assert [(line.state, line.said) for line in lines if line.topic == "disk"] == states


def test_what_killed_runs_left_behind_is_named_and_what_belongs_to_one_that_goes_on_is_not(tmp_path: Path) -> None:
    for run in (FIRST, SECOND, THIRD):
        tell(tmp_path, run)
    store = Store(tmp_path / ".nbflow" / "store")
    left, busy = store.workspace(f"{FIRST}-0a1b2c3d"), store.workspace(f"{SECOND}-0a1b2c3d")
    with RunLock(tmp_path, SECOND):
        lock = tmp_path / ".nbflow" / "locks" / f"{THIRD}.lock"
        lock.write_text(json.dumps({"pid": 1, "host": socket.gethostname(), "locked": True}))
        lines = found(list(examining.project(machine(tmp_path))))
    assert busy.is_dir()
    assert lines["leftovers"] == (
        "warn",
        "runs that were killed left 1 working folder and 1 lock file",
        f"They do no harm. To remove them: rm -r {left} {lock}",
    )
    assert lines["runs"] == ("ok", f"2 runs died without a word, the newest {THIRD}: nbflow show {THIRD}", "")


def test_a_journal_that_is_damaged_or_newer_is_said(tmp_path: Path) -> None:
    tell(tmp_path, FIRST)
    sqlite_value(tmp_path, f"PRAGMA user_version = {SCHEMA + 1}")
    state, said, fix = found(list(examining.project(machine(tmp_path))))["journal"]
    assert (state, fix) == ("warn", "Update nbflow, or run where it can be written.")
    assert "was written by a newer nbflow" in said
    (tmp_path / ".nbflow" / "nbflow.db").write_bytes(b"This is not a database. " * 100)
    state, said, fix = found(list(examining.project(machine(tmp_path))))["journal"]
    assert (state, "is damaged" in said, "move it away" in fix) == ("warn", True, True)


def test_a_store_beyond_its_limit_and_a_folder_that_others_can_write(tmp_path: Path) -> None:
    Store(tmp_path / ".nbflow" / "store").put(b"x" * 2000)
    (tmp_path / ".nbflow").chmod(0o777)
    lines = found(list(examining.project(machine(tmp_path, environ={"NBFLOW_STORE_LIMIT": "1kB"}))))
    assert lines["store"][::2] == ("warn", "The next run makes room: nbflow cache gc")
    assert lines["privacy"][0] == "warn"
    assert lines["privacy"][2] == f"If you trust what is in it, close it: chmod 700 '{tmp_path / '.nbflow'}'"


def test_lines_stand_below_each_other_with_what_to_do() -> None:
    lines = [("disk", "ok", "local", ""), ("kernel old", "warn", "does not start:\nno such file", "Install it again.")]
    assert (
        lines_of(lines, colour=False)
        == """\
✔  disk        local
!  kernel old  does not start: no such file
               → Install it again.

1 thing to look at."""
    )
    assert lines_of(lines[:1], colour=False).endswith("\n\nAll is well.")


@pytest.mark.slow
def test_the_command_starts_the_kernels_there_are(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.nbflow]\n")
    said = nbflow(tmp_path, "doctor", "--json")
    lines = {line["topic"]: line for line in json.loads(said.out)["lines"]}
    assert lines["kernel python3"]["state"] == "ok"
    assert said.code == any(line["state"] == "warn" for line in lines.values())
    assert tree(tmp_path) == ["pyproject.toml"]


@pytest.mark.slow
def test_a_kernel_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kernels" / "broken"
    folder.mkdir(parents=True)
    spec = {"argv": ["python", "-c", "raise SystemExit('it is broken')"], "display_name": "b", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    tried = trial("broken")
    assert (tried.works, tried.words) == (False, "it is broken")
    assert trial("nowhere").words.startswith("No such kernel named nowhere")
