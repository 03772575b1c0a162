"""The store as a person looks after it, and what goes by itself after a run."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from nbflow import ops
from nbflow.journal import Journal, RunLock
from nbflow.store import Store, growth
from nbflow.store.locks import alone, in_use
from tests.commands import SETTINGS, Given, nbflow
from tests.flows import Flow, new_flow
from tests.past import FIRST, SECOND, THIRD
from tests.stores import tree

BIG = "import random\nrandom.seed({seed})\n{name} = random.randbytes({size})"
CELLS = {
    "c1": f"%%step small -o a\n{BIG.format(seed=1, name='a', size=20_000)}",
    "c2": f"%%step big -o b\n{BIG.format(seed=2, name='b', size=50_000)}",
}
STORE = Path(".nbflow", "store")


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    flow = new_flow(tmp_path, CELLS)
    flow.run()
    return flow


def asked(root: Path, *words: str, code: int = 0) -> Any:
    said = nbflow(root, *words, "--json")
    assert (said.code, said.err) == (code, "")
    return json.loads(said.out)


def grow_old(flow: Flow, step: str, days: float) -> None:
    """Let the result of a step be last used so many days ago."""
    path = flow.root / STORE / "records" / flow.records()[step].key[:2] / flow.records()[step].key
    record = json.loads((path / "1.json").read_text())
    (path / "1.json").write_text(json.dumps({**record, "created": "2020-01-01T00:00:00.000Z"}))
    moment = time.time() - days * 24 * 3600
    os.utime(path, (moment, moment))


# --- ls ------------------------------------------------------------------------------------------------


def test_what_the_results_of_each_step_take(flow: Flow) -> None:
    assert (
        nbflow(flow.root, "cache", "ls").out
        == """\
step   results   size  would free  last used
big          1  50 kB       50 kB  YYYY-MM-DD HH:MM UTC
small        1  20 kB       20 kB  YYYY-MM-DD HH:MM UTC

2 results take 71 kB in .nbflow/store (limit: 50 GB).
"""
    )


def test_what_steps_share_counts_once_and_frees_nothing(tmp_path: Path) -> None:
    same = f"{BIG.format(seed=1, name='a', size=20_000)}"
    flow = new_flow(tmp_path, {"c1": f"%%step one -o a\n{same}", "c2": f"%%step two -o b\n{same}\nb = a"})
    flow.run()
    Store(tmp_path / STORE).put(b"left by a run that was killed")
    found = asked(tmp_path, "cache", "ls")
    shown = 2 * found["steps"][0]["size"] - found["size"] + found["unnamed"]
    assert 20_000 < shown < 21_000
    assert [(share["step"], share["results"], share["frees"] < 1000) for share in found["steps"]] == [
        ("flow.one", 1, True),
        ("flow.two", 1, True),
    ]  # what its cells showed is its own
    assert (found["unnamed"], found["damaged"], found["limit"]) == (29, 0, 50e9)
    assert nbflow(tmp_path, "cache", "ls").out.endswith(
        "Of it 29 B belong to no result: nbflow cache gc removes what nobody needs.\n"
    )


def test_a_project_without_a_store_has_nothing_in_it(tmp_path: Path) -> None:
    Given(files={"pyproject.toml": f"{SETTINGS}store_limit = 'none'\n"}).write(tmp_path)
    assert nbflow(tmp_path, "cache", "ls") == (0, "0 results take 0 B in .nbflow/store (no limit).\n", "")
    assert nbflow(tmp_path, "cache", "gc") == (0, "There is nothing to remove; 0 B remain.\n", "")
    assert nbflow(tmp_path, "cache", "verify") == (0, "0 files checked, 0 B: all is as it was stored.\n", "")
    assert tree(tmp_path) == ["pyproject.toml"]


# --- gc ------------------------------------------------------------------------------------------------


def test_results_that_are_not_used_any_more_go(flow: Flow) -> None:
    grow_old(flow, "small", 40)
    would = "Would remove 1 result and 2 files: 20 kB; 50 kB remain.\n"
    would += "The newest result would be among them of: small. They run again.\n"
    before = tree(flow.root)
    assert nbflow(flow.root, "cache", "gc", "--older-than", "30d", "-n") == (0, would, "")
    assert tree(flow.root) == before
    said = nbflow(flow.root, "cache", "gc", "--older-than", "30d").out
    assert said == would.replace("Would remove", "Removed").replace("would be", "is")
    assert nbflow(flow.root, "cache", "gc", "--older-than", "30d").out == "There is nothing to remove; 50 kB remain.\n"
    assert flow.stale() == {"small": [("first-run", "it has no stored result yet")]}
    assert nbflow(flow.root, "cache", "verify").code == 0


def test_a_run_that_reuses_a_result_keeps_it(flow: Flow) -> None:
    grow_old(flow, "small", 40)
    flow.run()
    assert asked(flow.root, "cache", "gc", "--older-than", "30d")["results"] == []


def test_the_json_of_a_clean_up(flow: Flow) -> None:
    grow_old(flow, "big", 2)
    made = flow.records()["big"]
    found = asked(flow.root, "cache", "gc", "--max-size", "40kB")
    (gone,) = found.pop("results")
    assert (gone["step"], gone["key"], gone["record"]) == ("flow.big", made.key, made.id)
    assert 50_000 < found.pop("freed") < 51_000
    assert 20_000 < found.pop("left") < 21_000
    assert found == {"dry_run": False, "files": 2, "current": ["flow.big"]}


def test_nothing_goes_while_a_run_goes_on(flow: Flow) -> None:
    with in_use(flow.root / STORE):
        before = tree(flow.root / STORE)
        assert nbflow(flow.root, "cache", "gc", "--max-size", "0") == (
            2,
            "",
            "nbflow: a run goes on that uses the store\n  Nothing was removed. Do it when the run has ended.\n",
        )
        assert asked(flow.root, "cache", "gc", "--max-size", "0", "-n")["files"] == 4
    assert tree(flow.root / STORE) == before


def test_a_run_holds_the_store_from_its_plan_to_its_end(flow: Flow) -> None:
    seen: list[bool] = []

    def on_start(*_: Any) -> None:
        with pytest.raises(Exception, match="a run goes on"), alone(flow.root / STORE):
            pass
        seen.append(True)

    flow.run(on_start=on_start)
    assert seen == [True]
    with alone(flow.root / STORE):
        pass


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--older-than", "30"], "'--older-than': '30' is not a span of time. Write one such as 30d; units: "),
        (["--max-size", "ten"], "'--max-size': 'ten' is not an amount. Write a number such as 2 or 0.5, or one with "),
    ],
)
def test_a_limit_that_cannot_be_read_is_refused(flow: Flow, words: list[str], said: str) -> None:
    done = nbflow(flow.root, "cache", "gc", *words)
    assert done.code == 2
    assert f"Error: Invalid value for {said}" in done.err


# --- verify --------------------------------------------------------------------------------------------


def test_flipped_bits_are_found_moved_aside_and_made_again(flow: Flow) -> None:
    made = flow.records()["big"]
    blob = Store(flow.root / STORE).blob(made.artifacts[0].digest)
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    before = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(data)
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk does it, without a trace
    assert flow.is_fresh()  # a plan does not read the bytes
    assert nbflow(flow.root, "cache", "verify") == (
        1,
        """\
4 files checked, 71 kB.
  1 file: does not match its digest; moved to .nbflow/store/damaged.
  flow.big: its result of YYYY-MM-DD HH:MM UTC is damaged.
What is damaged is not used: nbflow run makes it again, nbflow cache gc forgets it.
""",
        "",
    )
    assert flow.stale().keys() == {"big"}
    assert asked(flow.root, "cache", "verify", code=1)["lacking"] == [
        {"step": "flow.big", "key": made.key, "record": made.id}
    ]
    assert flow.ran() == {"big"}
    assert nbflow(flow.root, "cache", "verify").code == 0
    assert flow.is_fresh()
    assert asked(flow.root, "cache", "ls")["damaged"] == len(data)
    nbflow(flow.root, "cache", "gc")
    assert asked(flow.root, "cache", "ls")["damaged"] == 0


# --- after a run ---------------------------------------------------------------------------------------


def test_the_newest_runs_are_kept_and_those_that_go_on(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, CELLS, {"pyproject.toml": "[tool.nbflow]\njobs = 2\nkeep_runs = 2\n"})
    folders = tmp_path / "nbflow_runs"
    (folders / "my notes").mkdir(parents=True)
    with Journal.open(tmp_path) as journal, RunLock(tmp_path, SECOND):
        for run in (FIRST, SECOND, THIRD):
            journal.begin_run(run, "2026-11-24T15:30:12.000Z", [], {}, str(folders / run))
            journal.append(run, [{"event": "RunStarted", "time": "2026-11-24T15:30:12.000Z"}])
            (folders / run).mkdir()
        finished = flow.run()
        left = [row.id for row in journal.runs()]
        assert set(left) - {finished.id} in ({SECOND}, {SECOND, THIRD})
        assert journal.events(FIRST) == []
        assert {path.name for path in folders.iterdir() if path.is_dir()} == {"my notes", *left}
        again = flow.run()
        assert {row.id for row in journal.runs()} == {SECOND, finished.id, again.id}


def test_a_store_is_held_to_its_limit_after_a_run_that_added_to_it(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    grow_old(flow, "big", 3)
    grow_old(flow, "small", 2)
    flow.write("pyproject.toml", "[tool.nbflow]\njobs = 2\nstore_limit = '60kB'\n")
    flow.run()  # all is fresh: nothing was added, so nobody looks
    assert caplog.messages == []
    grow_old(flow, "big", 3)
    flow.add("c3", f"%%step third -o c\n{BIG.format(seed=3, name='c', size=10_000)}", before="c1")
    flow.run(terms=["third"])
    assert caplog.messages == [
        "The store had grown beyond its limit of 60 kB (store_limit): 1 result not used for long was removed."
    ]
    assert flow.stale().keys() == {"big"}
    assert 30_000 < growth.grown(flow.root / STORE, 0, time.time()) < 33_000


def test_the_limit_waits_while_another_run_goes_on(flow: Flow) -> None:
    settings = ops.settings_here(flow.root)
    before = tree(flow.root / STORE / "blobs")
    with in_use(settings.store):
        ops.keeping.hold_to_limit(settings, 10**12)
    assert tree(flow.root / STORE / "blobs") == before
