"""What is told as it happens: a run from wherever a page left it, the list of runs, and the end of both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.event_json import time_text, to_json
from nbflow.core.events import RunFinished, RunStarted, StepSpec, StepStarted, StepSucceeded
from nbflow.core.view import VERSION
from nbflow.journal import Journal, RunLock
from nbflow.ops.watching import Seen, looks
from nbflow.server.here import here
from nbflow.server.streams import BEAT, LOOK_AT_RUNS, PING, RunsStream, RunStream, Stream
from tests.flows import Flow
from tests.past import AT, FIRST
from tests.server.conftest import CELLS
from tests.server.serving import PATIENCE, Site, Told, serving

SPECS = (StepSpec("flow.one"), StepSpec("flow.two", ("flow.one",)))
STARTED = RunStarted(at=AT, steps=SPECS, jobs=2)
HALF = (StepStarted(step="flow.one", attempt=1, at=AT + 1), StepSucceeded(step="flow.one", attempt=1, at=AT + 2))
REST = (StepStarted(step="flow.two", attempt=1, at=AT + 3), StepSucceeded(step="flow.two", attempt=1, at=AT + 4))


def put_together(told: Iterable[Told]) -> dict[str, Any]:
    """What a page has drawn once it has heard all that."""
    view: dict[str, Any] = {}
    for each in told:
        if each.event == "view":
            steps = {step["id"]: step for step in view.get("steps", [])}
            steps.update({step["id"]: step for step in each.data.get("steps", [])})
            view = {**view, **each.data, "steps": [*steps.values()]}
    return view


def without_clock(view: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in view.items() if name != "now"}


def until(met: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Live:
    """A run that goes on: its process is this one."""

    def __init__(self, root: Path, run: str = FIRST) -> None:
        self.root = root
        self.run = run
        self.lock = RunLock(root, run)
        self.journal = Journal.open(root)

    def __enter__(self) -> Live:
        self.lock.__enter__()
        folder = self.root / "nbflow_runs" / self.run
        self.journal.begin_run(self.run, time_text(AT), ["flow.ipynb"], {}, str(folder))
        return self

    def __exit__(self, *_: object) -> None:
        self.lock.close()
        self.journal.close()

    def tell(self, *facts: Any) -> None:
        self.journal.append(self.run, [to_json(fact, self.run) for fact in facts])

    def end(self) -> None:
        end = RunFinished(at=AT + 5, status="succeeded", steps={})
        self.journal.append(self.run, [to_json(end, self.run)])
        self.journal.finish_run(self.run, time_text(AT + 5), "succeeded")
        self.lock.close()


# --- a run -----------------------------------------------------------------------------------------------


def test_a_run_that_is_over_is_told_whole_and_then_its_end(site: Site, flow: Flow, path: str) -> None:
    run = flow.run().id
    told = site.heard(f"runs/{run}/events", path=path)
    assert told[-1] == Told("end", {}, None)
    assert {each.event for each in told[:-1]} == {"view"}
    assert told[0].data["version"] == VERSION
    assert "<svg" in told[0].data["graph"]["svg"]
    known = site.get(f"runs/{run}", path=path).json["view"]
    assert without_clock(put_together(told)) == without_clock(known)


def test_a_page_that_comes_back_is_told_what_has_changed_since(site: Site, flow: Flow, path: str) -> None:
    run = flow.run().id
    told = site.heard(f"runs/{run}/events", path=path)
    last = told[-2].number
    assert last is not None
    again = site.heard(f"runs/{run}/events", path=path, after=last - 1)
    assert "graph" not in again[0].data
    assert [step["id"] for step in again[0].data.get("steps", [])] != ["flow.one", "flow.two"]
    assert without_clock(put_together([*told, *again])) == without_clock(put_together(told))
    # A browser says it in a header, and that goes first.
    header = site.heard(f"runs/{run}/events", again=str(last - 1), path=path, after=0)
    assert [each.number for each in header] == [each.number for each in again]


def test_a_number_that_the_run_has_not_reached_counts_for_nothing(site: Site, flow: Flow, path: str) -> None:
    with Live(flow.root) as live:
        live.tell(STARTED, *HALF, *REST)
        live.end()
    for after in (7, 10_000, 2**53):
        assert "graph" in site.heard(f"runs/{FIRST}/events", path=path, after=after)[0].data
    assert "graph" not in site.heard(f"runs/{FIRST}/events", path=path, after=6)[0].data


@pytest.mark.parametrize("again", ["x", "-1", "1.5", "9" * 30])
def test_a_number_that_is_none_is_refused(site: Site, path: str, again: str) -> None:
    target = f"/nbflow/api/runs/{FIRST}/events?path={path}"
    answer = site.send("GET", target, Authorization=f"token {site.token}", Last_Event_ID=again)
    assert (answer.status, answer.json["message"][:15]) == (400, "'Last-Event-ID'")
    answer = site.send("GET", f"{target}&after={again}", Authorization=f"token {site.token}", Last_Event_ID="1")
    assert (answer.status, answer.json["message"][:7]) == (400, "'after'")


def test_a_run_is_told_as_it_goes_on(site: Site, flow: Flow, path: str) -> None:
    with Live(flow.root) as live, site.listening(f"runs/{FIRST}/events", path=path) as events:
        live.tell(STARTED)
        first = next(events)
        assert (first.number, first.data["status"]) == (1, "running")
        live.tell(*HALF)
        view = put_together([first, *(next(events) for _ in range(1))])
        while {step["id"]: step["state"] for step in view["steps"]}["flow.one"] != "succeeded":
            view = put_together([Told("view", view, None), next(events)])
        live.tell(*REST)
        live.end()
        rest = [*events]
    assert rest[-1].event == "end"
    assert put_together([Told("view", view, None), *rest])["status"] == "succeeded"


def test_a_run_that_dies_is_told_to_have_crashed(site: Site, flow: Flow, path: str) -> None:
    with Live(flow.root) as live, site.listening(f"runs/{FIRST}/events", path=path) as events:
        live.tell(STARTED, HALF[0])
        first = next(events)
        live.lock.close()
        rest = [*events]
    assert rest[-1].event == "end"
    seen = put_together([first, *rest])
    assert (seen["status"], seen["steps"][0]["label"]) == ("crashed", "cut short")


def test_any_number_of_pages_see_the_same_run(site: Site, flow: Flow, path: str) -> None:
    with Live(flow.root) as live:
        live.tell(STARTED)
        seen: list[dict[str, Any]] = []
        threads = [
            threading.Thread(target=lambda: seen.append(put_together(site.heard(f"runs/{FIRST}/events", path=path))))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        until(lambda: len(site.service.streams) == len(threads))
        assert site.post("pipeline", path=path).json["run"] == FIRST  # the server answers others meanwhile
        live.tell(*HALF, *REST)
        live.end()
        for thread in threads:
            thread.join(PATIENCE)
    assert [view["status"] for view in seen] == ["succeeded"] * len(threads)


# --- the list --------------------------------------------------------------------------------------------


def test_the_list_of_runs_is_told_at_once_and_when_it_changes(site: Site, flow: Flow, path: str) -> None:
    with site.listening("events", path=path) as events:
        assert next(events).data == {"runs": []}
        with Live(flow.root) as live:
            live.tell(STARTED)
            (run,) = next(events).data["runs"]
            assert (run["id"], run["status"]) == (FIRST, "running")
            live.end()
            (run,) = next(events).data["runs"]
            assert run["status"] == "succeeded"


def test_runs_of_other_notebooks_are_not_told(site: Site, flow: Flow, path: str) -> None:
    flow.write("other.ipynb", flow.file("flow.ipynb").read_text())
    flow.run()
    assert RunsStream(here(flow.file("other.ipynb"), {})).next() == 'event: runs\ndata: {"runs": []}\n\n'
    assert site.get("runs", path=path).json["runs"][0]["status"] == "succeeded"


# --- the end of a stream ---------------------------------------------------------------------------------


def test_nothing_stays_behind_of_a_page_that_leaves(site: Site, flow: Flow, path: str) -> None:
    with Live(flow.root) as live:
        live.tell(STARTED)
        with site.listening(f"runs/{FIRST}/events", path=path) as events, site.listening("events", path=path) as runs:
            next(events)
            next(runs)
            assert len(site.service.streams) == 2
        until(lambda: not site.service.streams)
        live.end()


def test_streams_end_with_the_server(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    from tests.flows import new_flow

    flow = new_flow(tmp_path, CELLS)
    before = set(threading.enumerate())
    with Live(flow.root) as live:
        live.tell(STARTED)
        with serving(tmp_path) as running:
            stack = running.listening(f"runs/{FIRST}/events", path="flow.ipynb")
            events = stack.__enter__()
            next(events)
        assert [*events] == []
        stack.__exit__(None, None, None)
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("nbflow") and t not in before])


def test_in_times_of_silence_something_is_said() -> None:
    class Silent(Stream):
        def _look(self) -> str:
            return ""

    now = [0.0]
    stream = Silent(lambda: now[0])
    said = []
    for now[0] in (0.0, BEAT - 1, BEAT, BEAT + 1, 2 * BEAT - 1, 2 * BEAT):
        said.append(stream.next())
    assert said == ["", "", PING, "", "", PING]


def test_a_stream_looks_four_times_a_second_at_most() -> None:
    assert RunStream.pause == 0.25
    assert LOOK_AT_RUNS == RunsStream.pause == 0.5


def test_a_look_finds_what_is_new_and_what_was_known(flow: Flow) -> None:
    with Live(flow.root) as live, flow.open() as project:
        live.tell(STARTED, *HALF)
        looking = looks(project.settings, FIRST, None, lambda _: None, after=2)
        known, new, nothing = next(looking), next(looking), next(looking)
        assert nothing is None
        assert isinstance(known, Seen)
        assert isinstance(new, Seen)
        assert (known.number, known.known, new.number, new.known) == (2, True, 3, False)
        assert [known.view["steps"][0]["state"], new.view["steps"][0]["state"]] == ["running", "succeeded"]
        live.tell(*REST)
        live.end()
        last = [seen.number for seen in looking if seen is not None]
        assert last == [6, 6]
