"""Runs over HTTP, by real kernels: started, watched from a terminal, cancelled and retried; and those of a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow.journal import Journal, lock_owner
from nbflow.ops.following import journal_of
from nbflow.ops.history import story
from nbflow.ops.watching import watch
from nbflow.settings import Settings
from tests.flows import Flow, new_flow
from tests.server.serving import PATIENCE, Site, serving
from tests.server.test_streams import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

SLEEPER = {
    "parameters": "n = 1",
    "quick": "%%step quick -o a\na = n",
    "sleeper": (
        "%%step sleeper -i a -o b\n"
        "import pathlib, time\n"
        "pathlib.Path('asleep').touch()\n"
        "while not pathlib.Path('wake').exists():\n"
        "    time.sleep(0.05)\n"
        "b = a"
    ),
}


@pytest.fixture
def sleeper(site: Site, request: pytest.FixtureRequest) -> Iterator[Flow]:
    """A notebook whose second step sleeps until it is woken."""
    flow = new_flow(site.root / f"sleeper-{request.node.name}", SLEEPER)
    yield flow
    flow.write("wake", "")
    until(lambda: not any(lock_owner(flow.root, run) and row(flow, run).status == "running" for run in ids(flow)))


def ids(flow: Flow) -> list[str]:
    journal = Journal.read(flow.root)
    if journal is None:
        return []
    with journal:
        return [row.id for row in journal.runs()]


def row(flow: Flow, run: str) -> Any:
    with journal_of(flow.root) as journal:
        return journal.run(run)


def at(flow: Flow) -> str:
    return f"{flow.root.name}/flow.ipynb"


def begun(site: Site, flow: Flow, **wanted: Any) -> str:
    answer = site.post("runs", path=at(flow), **wanted)
    assert answer.status == 201, answer.json
    run: str = answer.json["run"]
    return run


def watched(flow: Flow, run: str) -> Any:
    """The last view of a run, as a terminal that attaches to it sees it."""
    *_, last = watch(Settings.load(flow.root, os.environ), run, None)
    return last


def test_a_run_started_over_http_is_the_one_that_a_terminal_would_start(site: Site, flow: Flow, path: str) -> None:
    run = begun(site, flow, parameters={"n": 2}, select=["one"])
    view = watched(flow, run)
    assert (view["status"], [step["name"] for step in view["steps"]]) == ("succeeded", ["one"])
    assert view["command"] == "nbflow run flow.ipynb -p n=2 -s one"
    assert view["parameters"] == {"n": 2}
    found = site.get(f"runs/{run}", path=path).json
    folder = f"{flow.root.name}/nbflow_runs/{run}"
    assert (found["report"], found["executed"]) == (f"{folder}/report.html", f"{folder}/flow.ipynb")
    for opened in (found["report"], found["executed"]):
        answer = site.send("GET", f"/api/contents/{opened}?content=0", Authorization=f"token {site.token}")
        assert answer.status == 200
    (line,) = site.get("runs", path=path).json["runs"]
    assert (line["id"], line["status"], line["counts"]) == (run, "succeeded", {"succeeded": 1})


def test_two_who_ask_for_the_same_are_given_one_run(site: Site, sleeper: Flow) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(site.post("runs", path=at(sleeper)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(answer.status for answer in answers) == [200, 200, 201]
    assert len({answer.json["run"] for answer in answers}) == 1
    assert site.post("pipeline", path=at(sleeper)).json["run"] == answers[0].json["run"]


def test_a_run_is_cancelled_and_then_retried(site: Site, sleeper: Flow) -> None:
    run = begun(site, sleeper)
    until(sleeper.file("asleep").exists)
    answer = site.post(f"runs/{run}/cancel", path=at(sleeper))
    assert answer.json == {"said": f"Run {run} is asked to stop."}
    assert watched(sleeper, run)["status"] == "cancelled"
    answer = site.post(f"runs/{run}/cancel", path=at(sleeper), force=True)
    assert answer.json == {"said": f"Run {run} is over already (cancelled): there is nothing to cancel."}
    sleeper.write("wake", "")
    answer = site.post(f"runs/{run}/retry", path=at(sleeper))
    assert answer.status == 201
    view = watched(sleeper, answer.json["run"])
    assert {step["name"]: step["state"] for step in view["steps"]} == {"quick": "reused", "sleeper": "succeeded"}
    again = site.post(f"runs/{answer.json['run']}/retry", path=at(sleeper))
    assert again.status == 400
    assert again.json["message"].endswith("has a result for every step: there is nothing to do again.")


def test_a_run_started_in_a_terminal_is_told_to_the_pages(site: Site, sleeper: Flow) -> None:
    with site.listening("events", path=at(sleeper)) as events:
        assert next(events).data == {"runs": []}
        terminal = subprocess.Popen(
            [sys.executable, "-m", "nbflow", "run", "flow.ipynb"],
            cwd=sleeper.root, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        (line,) = next(events).data["runs"]
        assert line["status"] == "running"  # it cannot end before it is woken
        sleeper.write("wake", "")
        assert terminal.wait(PATIENCE) == 0
        (line,) = next(events).data["runs"]
        assert line["status"] == "succeeded"


def test_a_run_goes_on_when_the_server_ends(tmp_path: Path) -> None:
    flow = new_flow(tmp_path / "work", SLEEPER)
    with serving(tmp_path) as site:
        run = begun(site, flow)
        until(flow.file("asleep").exists)
    assert row(flow, run).status == "running"
    flow.write("wake", "")
    attached = subprocess.run(
        [sys.executable, "-m", "nbflow", "attach", run], cwd=flow.root, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert attached.returncode == 0, attached.stderr
    assert row(flow, run).status == "succeeded"


def test_what_cannot_run_is_not_started(site: Site, flow: Flow, path: str) -> None:
    for wanted, message in (
        ({"select": ["tow"]}, "There is no step 'tow'. Did you mean 'two'?"),
        ({"select": ["two"]}, "Step 'two' needs 'one', which has no fresh result and is not selected."),
        ({"parameters": {"m": 1}}, "No notebook of this pipeline has a parameter 'm'."),
    ):
        answer = site.post("runs", path=path, **wanted)
        assert (answer.status, answer.json["message"]) == (400, message)
    flow.edit(lambda cells: cells[2].update(source="%%step one -o a\na = missing"))
    answer = site.post("runs", path=path)
    assert (answer.status, answer.json["message"]) == (400, "The check found 1 error, so nothing was run.")
    assert answer.json["fix"].startswith("flow.ipynb, cell 3: This step reads 'missing', ")
    assert ids(flow) == []


def test_values_arrive_as_they_were_given(site: Site, flow: Flow, path: str) -> None:
    """Also where the command line would read something else in their text."""
    given = {"n": "1e-05 \x7f\u2028 é 😀", "rate": 1e-05, "big": 1e300, "flag": True, "none": None,
             "deep": {"k: [": [1, 1e-9, "yes", {"": None}]}, "word": "True"}  # fmt: skip
    defaults = "n = 1\nrate = 1\nbig = 1\nflag = False\nnone = 1\ndeep = 1\nword = 'a'"
    flow.edit(lambda cells: cells[1].update(source=defaults))
    flow.edit(lambda cells: cells[2].update(source="%%step one -o a\na = [n, rate, big, flag, none, deep, word]"))
    run = begun(site, flow, parameters=given, select=["one"])
    assert watched(flow, run)["status"] == "succeeded"
    assert dict(story(Settings.load(flow.root, os.environ), run).row.parameters) == given
