"""The journal: facts in, the same facts out, for any number of readers, with a plain word where that cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.errors import JournalError
from nbflow.journal import Journal, ResultRow, RunLock, RunRow, journal_path
from nbflow.masking import Masker
from tests.growth import LINEAR, growth
from tests.journals import EVENTS, LATER, RUN, T0, T1, T2, numbered, reader
from tests.unprivileged import ROOT

# --- what goes in comes out ----------------------------------------------------------------------------


def test_a_run_and_its_events_come_back_as_they_were(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal, RunLock(tmp_path, RUN):
        journal.begin_run(RUN, T0, ["a.ipynb", "é b.ipynb"], {"n": 1, "s": "é", "l": [None, True]}, "nbflow_runs/x")
        assert [journal.append(RUN, EVENTS[:2]), journal.append(RUN, EVENTS[2:]), journal.append(RUN, [])] == [2, 3, 3]
        for each in (journal, reader(tmp_path)):
            with each:
                assert each.events(RUN) == numbered(RUN, EVENTS)
                assert each.events(RUN, after=2) == numbered(RUN, EVENTS)[2:]
                assert each.events(RUN, after=3) == each.events(LATER) == []
                assert each.runs() == [
                    RunRow(
                        id=RUN,
                        started=T0,
                        finished=None,
                        status="running",
                        sources=("a.ipynb", "é b.ipynb"),
                        parameters={"n": 1, "s": "é", "l": [None, True]},
                        folder="nbflow_runs/x",
                    )
                ]


def test_a_finished_run_keeps_its_end(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.begin_run(RUN, T0, [], {}, "f")
        journal.finish_run(RUN, T1, "failed")
    with reader(tmp_path) as looking:
        assert looking.run(RUN) == RunRow(RUN, T0, T1, "failed", (), {}, "f")
        assert looking.run(LATER) is None


def test_runs_come_newest_first_up_to_a_limit(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        for run in (RUN, LATER, "20261123-000000-zzzz"):
            journal.begin_run(run, T0, [], {}, "f")
            journal.finish_run(run, T1, "succeeded")
        assert [row.id for row in journal.runs()] == [LATER, RUN, "20261123-000000-zzzz"]
        assert [row.id for row in journal.runs(2)] == [LATER, RUN]


def test_events_of_two_runs_are_numbered_apart(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as one, Journal.open(tmp_path) as other:
        assert [one.append(RUN, EVENTS[:1]), other.append(LATER, EVENTS[:2]), other.append(RUN, EVENTS[:1])] == [
            1,
            2,
            2,
        ]
        assert one.events(LATER) == numbered(LATER, EVENTS[:2])


def test_the_ends_of_a_run_are_its_first_and_its_last_event(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        assert journal.ends(RUN) == []
        journal.append(RUN, EVENTS[:1])
        assert journal.ends(RUN) == numbered(RUN, EVENTS[:1])
        journal.append(LATER, EVENTS)
        journal.append(RUN, EVENTS[1:])
        assert journal.ends(RUN) == [numbered(RUN, EVENTS)[0], numbered(RUN, EVENTS)[-1]]


def test_how_long_steps_took_outlives_their_runs_newest_first(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.add_durations(RUN, {"nb.train": 1.5, "nb.load": 0.5})
        journal.add_durations(LATER, {"nb.train": 2.5})
        journal.add_durations(LATER, {"nb.train": 3.5})  # it ran again in that run
        journal.forget([RUN, LATER])
        assert journal.durations() == {"nb.train": [3.5, 1.5], "nb.load": [0.5]}
        assert journal.durations(before=LATER) == {"nb.train": [1.5], "nb.load": [0.5]}
        assert journal.durations(before=RUN) == {}


def test_the_newest_durations_of_a_step_are_kept(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        for number in range(25):
            journal.add_durations(f"20261124-1530{number:02}-k3x9", {"nb.train": float(number), "nb.load": 1.0})
        assert journal.durations() == {
            "nb.train": [float(number) for number in range(24, 4, -1)],
            "nb.load": [1.0] * 20,
        }


def test_an_id_serves_one_run(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.begin_run(RUN, T0, [], {}, "f")
        with pytest.raises(JournalError) as error:
            journal.begin_run(RUN, T1, [], {}, "g")
        assert error.value.message == f"there is a run {RUN} in the journal already"
        assert [row.started for row in journal.runs()] == [T0]


def test_the_newest_result_of_a_step_holds(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.set_results([ResultRow("nb.a", "k1", "r1", RUN, T1), ResultRow("nb.b", "k2", "r2", RUN, T1)])
        journal.set_results([ResultRow("nb.a", "k3", "r3", LATER, T2), ResultRow("nb.b", "k0", "r0", "old", T0)])
        journal.set_results([])
    with reader(tmp_path) as looking:
        assert looking.last_results() == {"nb.a": ("k3", "r3"), "nb.b": ("k2", "r2")}


def test_what_user_code_said_is_masked(tmp_path: Path) -> None:
    with Journal.open(tmp_path, Masker({"TOKEN": "s3cr3t-t0ken"})) as journal:
        journal.begin_run(RUN, T0, [], {"url": "db://s3cr3t-t0ken@host"}, "f")
        journal.finish_run(RUN, T1, "failed")
        journal.append(RUN, [{"event": "StepFailed", "time": T0, "step": "nb.a", "error": ["no s3cr3t-t0ken"]}])
        assert journal.run(RUN) == RunRow(RUN, T0, T1, "failed", (), {"url": "db://***TOKEN***@host"}, "f")
        assert journal.events(RUN) == numbered(
            RUN, [{"event": "StepFailed", "time": T0, "step": "nb.a", "error": ["no ***TOKEN***"]}]
        )
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert (b"s3cr3t-t0ken" in held, b"***TOKEN***" in held) == (False, True)


def test_events_are_appended_all_or_none(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.append(RUN, EVENTS[:1])
        with pytest.raises(JournalError) as error:
            journal.append(RUN, [*EVENTS, {"event": "WithoutTime"}])
        assert error.value.message == (
            f"the journal {journal_path(tmp_path)} cannot be used (NOT NULL constraint failed: events.time)"
        )
        assert journal.events(RUN) == numbered(RUN, EVENTS[:1])
        assert journal.append(RUN, EVENTS[:1]) == 2


# --- is it alive? --------------------------------------------------------------------------------------


def test_a_run_that_never_ended_is_running_while_its_lock_is_held_and_crashed_after(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        with RunLock(tmp_path, RUN):
            journal.begin_run(RUN, T0, [], {}, "f")
            with reader(tmp_path) as looking:
                assert [row.status for row in looking.runs()] == ["running"]
        with reader(tmp_path) as looking:
            assert [row.status for row in looking.runs()] == ["crashed"]
            assert looking.run(RUN) == RunRow(RUN, T0, None, "crashed", (), {}, "f")
        journal.finish_run(RUN, T1, "crashed")
        assert journal.run(RUN) == RunRow(RUN, T0, T1, "crashed", (), {}, "f")


def test_a_run_of_another_host_is_unknown(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.begin_run(RUN, T0, [], {}, "f")
        lock = tmp_path / ".nbflow" / "locks" / f"{RUN}.lock"
        lock.parent.mkdir()
        lock.write_text('{"pid": 1, "host": "somewhere.else", "locked": true}')
        assert [row.status for row in journal.runs()] == ["unknown"]


class EndsWhileAsked(Journal):
    """A journal whose run ends between the two looks at it: at its row, and at its lock."""

    def _runs(self, clause: str, value: str | int) -> list[RunRow]:
        rows = super()._runs(clause, value)
        self.finish_run(RUN, T1, "succeeded")
        return rows


def test_a_run_that_ends_while_it_is_looked_at_has_not_crashed(tmp_path: Path) -> None:
    with EndsWhileAsked.open(tmp_path) as journal:
        journal.begin_run(RUN, T0, [], {}, "f")
        assert [row.status for row in journal.runs()] == ["succeeded"]


# --- many at a time ------------------------------------------------------------------------------------


WRITER = """
import sys
from pathlib import Path
from nbflow.journal import Journal
root, run = Path(sys.argv[1]), sys.argv[2]
while not (root / "go").exists():
    pass
with Journal.open(root) as journal:
    journal.begin_run(run, "t", [], {}, "f")
    for n in range(50):
        journal.append(run, [{"event": "E", "time": "t", "n": n}])
        journal.append("shared", [{"event": "E", "time": "t", "n": n, "by": run}])
    journal.finish_run(run, "t", "succeeded")
"""


def test_several_runs_may_make_and_write_one_journal_at_a_time_while_it_is_read(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    running = [subprocess.Popen([*command, f"run{n}"], env=environ) for n in range(3)]
    (tmp_path / "go").touch()
    seen = 0
    while any(process.poll() is None for process in running):
        if looking := Journal.read(tmp_path):
            with looking:
                events = looking.events("shared")
                assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
                assert len(events) >= seen
                seen = len(events)
    assert [process.wait() for process in running] == [0, 0, 0]
    with reader(tmp_path) as looking:
        assert [row.status for row in looking.runs()] == ["succeeded"] * 3
        for n in range(3):
            own = [{"event": "E", "time": "t", "n": i} for i in range(50)]
            assert looking.events(f"run{n}") == numbered(f"run{n}", own)
            assert [e["n"] for e in looking.events("shared") if e["by"] == f"run{n}"] == list(range(50))


def test_threads_may_share_a_journal(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        threads = [
            threading.Thread(target=lambda: [journal.append(RUN, EVENTS) and journal.events(RUN) for _ in range(20)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert journal.events(RUN) == numbered(RUN, EVENTS * 80)


def test_appending_takes_time_as_the_number_of_events(tmp_path: Path) -> None:
    with Journal.open(tmp_path, Masker({"TOKEN": "s3cr3t-t0ken"})) as journal:

        def appending(count: int) -> Callable[[], object]:
            events = [{**EVENTS[2], "step": f"nb.step{n}"} for n in range(count)]
            return lambda: journal.append(RUN, events)

        assert growth(appending, 2000) < LINEAR


def test_reading_takes_time_as_the_number_of_results(tmp_path: Path) -> None:
    def reading(count: int) -> Callable[[], object]:
        folder = tmp_path / str(count)
        folder.mkdir(exist_ok=True)
        with Journal.open(folder) as journal:
            journal.set_results([ResultRow(f"nb.step{n}", "k" * 64, f"{RUN}-{n}", RUN, T0) for n in range(count)])

        def work() -> None:
            with Journal.open(folder) as journal:
                assert len(journal.last_results()) == count

        return work

    assert growth(reading, 5000) < LINEAR
