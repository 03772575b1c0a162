"""Runs of other processes, as their journal tells them: found, followed to the end, and what it takes to do again what
they did not manage."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from nbflow.core.event_json import to_json
from nbflow.core.events import (
    Event,
    RunFinished,
    RunStarted,
    StepFailed,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
)
from nbflow.errors import UsageError
from nbflow.journal import Journal, RunLock
from nbflow.masking import Masker
from nbflow.ops import following
from nbflow.ops.starting import going
from tests.commands import Given, nbflow
from tests.flows import new_flow

CELLS = {
    "parameters": "n = 1",
    "one": "%%step one -o a\na = n",
    "two": "%%step two -i a -o b\nb = 1 / (a - 2)",
    "three": "%%step three -i b -o c\nc = b",
    "aside": "%%step aside -o d\nd = 1",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a run that failed and a later one that succeeded."""
    flow = new_flow(tmp_path, CELLS)
    flow.parameters = {"n": 2}
    assert flow.run().status == "failed"
    flow.parameters = {}
    assert flow.run().status == "succeeded"
    return tmp_path


@pytest.fixture
def journal(root: Path) -> Iterator[Journal]:
    with following.journal_of(root) as found:
        yield found


def test_a_run_is_found_by_its_id_the_beginning_of_it_or_as_the_last(journal: Journal) -> None:
    newest, first = journal.runs()
    assert following.find_run(journal) == newest
    assert following.find_run(journal, first.id) == first
    assert following.find_run(journal, first.id[:-1]) == first
    with pytest.raises(UsageError) as unknown:
        following.find_run(journal, "1999")
    assert str(unknown.value.message) == "There is no run '1999'."
    with pytest.raises(UsageError) as many:
        following.find_run(journal, "20")
    assert many.value.message == f"'20' is the beginning of several runs: {newest.id}, {first.id}."


def test_before_the_first_run_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        following.journal_of(tmp_path)
    assert error.value.message == "There are no runs yet."


def names(events: list[Event]) -> list[str]:
    return [type(e).__name__ for e in events]


def test_a_run_that_is_over_is_told_at_once(journal: Journal) -> None:
    failed = journal.runs()[1]
    (batch,) = following.follow(journal, failed.id)
    assert isinstance(batch[0], RunStarted)
    assert isinstance(batch[-1], RunFinished)
    assert {type(e) for e in batch} >= {StepStarted, StepSucceeded, StepFailed, StepSkipped}


def test_a_live_run_is_followed_as_it_goes_and_a_dead_one_to_where_it_died(tmp_path: Path) -> None:
    def event(name: str, **more: object) -> dict[str, object]:
        return {"event": name, "time": "2026-11-24T15:30:12.250Z", **more}

    started = event("RunStarted", steps=[{"name": "n.a", "needs": []}], jobs=1, capacity={}, reused=0)
    with Journal.open(tmp_path) as writer, following.journal_of(tmp_path) as reader:
        lock = RunLock(tmp_path, "r1")
        with lock:
            writer.begin_run("r1", "2026-11-24T15:30:12.250Z", ["n.ipynb"], {}, "")
            writer.append("r1", [started])
            told = following.follow(reader, "r1", pause=lambda _: None)
            assert names(next(told)) == ["RunStarted"]
            assert names(next(told)) == []
            writer.append("r1", [event("StepStarted", step="n.a", attempt=1)])
            assert names(next(told)) == ["StepStarted"]
        assert [names(batch) for batch in told] == [[], []]  # looked at twice: one look is not taken for a death


def test_a_run_whose_process_lives_is_not_dead_whatever_its_lock_says(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as writer, following.journal_of(tmp_path) as reader:
        with RunLock(tmp_path, "r1"):
            writer.begin_run("r1", "2026-11-24T15:30:12.250Z", ["n.ipynb"], {}, "")
        asked = iter([True, True, True, True, False, False])
        told = list(following.follow(reader, "r1", pause=lambda _: None, lives=lambda: next(asked)))
    assert told == [[]] * 6  # until it is gone, and once more


def test_what_is_done_again_is_what_has_no_result_with_the_parameters_of_then(root: Path, journal: Journal) -> None:
    failed = journal.runs()[1]
    again = following.again(root, journal, failed.id)
    assert (again.sources, again.parameters, again.terms) == (
        (root / "flow.ipynb",), {"n": 2}, ("+flow.two", "+flow.three"),
    )  # fmt: skip
    assert following.again(root, journal).terms == ()


def test_a_run_is_over_with_its_last_fact_though_its_process_still_writes_the_report(root: Path) -> None:
    """A person who sees it end clicks at once: nothing is "still going on", or taken for what was asked for."""
    words = ["flow.ipynb"]
    with Journal.open(root) as writer, RunLock(root, "r1"):
        writer.begin_run("r1", "2999-11-24T15:30:12.250Z", words, {}, "")
        spec = StepSpec("flow.one")
        writer.append("r1", [to_json(RunStarted(steps=(spec,), jobs=1, command="nbflow run"), "r1")])
        assert going(root, words, "nbflow run") == "r1"
        with pytest.raises(UsageError) as caught:
            following.again(root, writer)
        assert caught.value.message == "Run r1 is still going on."

        writer.append("r1", [to_json(RunFinished(status="cancelled"), "r1")])
        assert writer.runs(1)[0].status == "running"
        assert going(root, words, "nbflow run") == ""
        assert following.again(root, writer).terms == ("+flow.one",)
        asked = following.cancel(root, writer)  # the run is this process: a signal would end the test
        assert (asked.alive, asked.run.status) == (False, "cancelled")


def test_a_run_that_was_given_a_secret_is_not_made_again_without_it(tmp_path: Path) -> None:
    with Journal.open(tmp_path, Masker({"TOKEN": "s3cr3t-t0ken"})) as journal:
        journal.begin_run("r1", "2026-11-24T15:30:12.250Z", ["n.ipynb"], {"key": "s3cr3t-t0ken"}, "")
        journal.finish_run("r1", "2026-11-24T15:30:13.250Z", "failed")
        with pytest.raises(UsageError) as caught:
            following.again(tmp_path, journal)
    assert caught.value.message == "Run r1 was given a secret (key), and its value was not written down."


def test_retry_makes_what_failed_once_it_is_mended(tmp_path: Path) -> None:
    cells = ("%%step one -o a\na = 1", "%%step two -i a -o b\nb = a / 0", "%%step three -i b -o c\nc = b")
    Given(cells).write(tmp_path)
    assert nbflow(tmp_path, "run").code == 1
    book = tmp_path / "flow.ipynb"
    book.write_text(book.read_text().replace("a / 0", "a / 1"))
    said = nbflow(tmp_path, "retry")
    assert (said.code, said.out.splitlines()) == (
        0,
        [
            "   step   state       time  why",
            "↺  one    reused            made by run RUN",
            "✔  two    succeeded  N.N s  first run",
            "✔  three  succeeded  N.N s  first run",
            "",
            "✔ Run RUN succeeded in N.N s: 2 succeeded, 1 reused.",
            "  Executed notebook: nbflow_runs/RUN/flow.ipynb",
            "  Report: nbflow_runs/RUN/report.html",
        ],
    )
    said = nbflow(tmp_path, "retry")
    assert (said.code, said.out) == (0, "Run RUN has a result for every step: there is nothing to do again.\n")


def test_asking_a_run_to_stop_reads_each_of_its_events_once(tmp_path: Path) -> None:
    """The run is this process: a signal reaches it as it would reach ``nbflow run``."""

    class Looks:
        def __init__(self, journal: Journal) -> None:
            self.journal, self.run, self.runs, self.ends = journal, journal.run, journal.runs, journal.ends
            self.read: list[str] = []

        def events(self, run: str, after: int = 0) -> list[dict[str, Any]]:
            found = self.journal.events(run, after)
            self.read += [event["event"] for event in found]
            return found

    def hear(*_: object) -> None:
        writer.append("r1", [{"event": "CancelRequested", "time": "2026-11-24T15:30:12.250Z", "force": False}])

    with Journal.open(tmp_path) as writer, following.journal_of(tmp_path) as reader, RunLock(tmp_path, "r1"):
        writer.begin_run("r1", "2026-11-24T15:30:12.250Z", ["n.ipynb"], {}, "")
        writer.append("r1", [{"event": "StepProgressed", "time": "2026-11-24T15:30:12.250Z"}] * 3)
        before = signal.signal(signal.SIGINT, hear)
        try:
            looks = Looks(reader)
            asked = following.cancel(tmp_path, cast("Journal", looks), "r1", force=True)
        finally:
            signal.signal(signal.SIGINT, before)
    assert asked.alive
    assert looks.read == [*["StepProgressed"] * 3, *["CancelRequested"] * 2]


def test_cancelling_a_run_that_is_over_says_so(root: Path) -> None:
    said = nbflow(root, "cancel")
    assert (said.code, said.out) == (0, "Run RUN is over already (succeeded): there is nothing to cancel.\n")


def test_attaching_to_a_run_that_is_over_shows_how_it_ended(root: Path, journal: Journal) -> None:
    failed = journal.runs()[1]
    said = nbflow(root, "attach", failed.id)
    assert said.code == 1
    assert said.out.splitlines()[:5] == [
        "   step   state       time  why",
        "✔  one    succeeded  N.N s  first run",
        "✘  two    failed     N.N s  ZeroDivisionError: division by zero",
        "–  three  skipped           needs two, which failed",
        "✔  aside  succeeded  N.N s  first run",
    ]
    assert said.out.splitlines()[-1] == "  To resume: nbflow retry RUN  (what succeeded is reused)"
    assert nbflow(root, "attach", "last").code == 0
    assert nbflow(root, "attach", "nope") == (
        2, "", "nbflow: There is no run 'nope'.\n  See which there are: nbflow runs\n",
    )  # fmt: skip


def test_attaching_to_a_run_of_another_host_shows_what_is_known_and_does_not_count_as_done(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as writer:
        writer.begin_run("r1", "2026-11-24T15:30:12.250Z", ["n.ipynb"], {}, "")
        started = RunStarted(at=1.0, steps=(StepSpec("n.a"),), jobs=1), StepStarted("n.a", 1, at=3.0)
        writer.append("r1", [to_json(each, "r1") for each in started])
    lock = tmp_path / ".nbflow" / "locks" / "r1.lock"
    lock.parent.mkdir()
    lock.write_text('{"pid": 1, "host": "somewhere.else", "locked": true}')
    said = nbflow(tmp_path, "attach", "r1")
    assert said.code == 4
    assert said.out.splitlines()[-2:] == [
        "? Run r1 was last heard of after N.N s: 1 running.",
        "  Whether it still goes on can only be told on the host that started it.",
    ]
