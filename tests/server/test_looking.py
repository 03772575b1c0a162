"""What a page is told when it looks: the pipeline of a notebook as it stands in the editor, and what could be typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.event_json import to_json
from nbflow.core.events import RunFinished, RunStarted, StepSpec
from nbflow.core.view import VERSION
from nbflow.journal import Journal, RunLock
from tests.flows import Flow, write_notebook
from tests.server.serving import Site


def draft(flow: Flow) -> Any:
    return json.loads(flow.file(flow.notebook).read_text())


def pipeline(site: Site, path: str, **more: Any) -> Any:
    answer = site.post("pipeline", path=path, **more)
    assert answer.status == 200, answer.json
    return answer.json


def states(answer: Any) -> dict[str, str]:
    return {step["name"]: step["state"] for step in answer["view"]["steps"]}


def test_a_pipeline_is_told_with_all_that_a_page_draws(site: Site, flow: Flow, path: str) -> None:
    found = pipeline(site, path)
    view = found.pop("view")
    assert found == {
        "project": flow.root.name,
        "name": "flow.ipynb",
        "steps": [
            {"full": "flow.one", "name": "one", "cells": [3], "inputs": [], "outputs": ["a"]},
            {"full": "flow.two", "name": "two", "cells": [4], "inputs": ["a"], "outputs": ["b"]},
        ],
        "findings": [],
        "parameters": [{"name": "n", "default": 1, "type": "int", "source": "1"}],
        "artifacts": [
            {"name": "a", "kind": "variable", "step": "one", "cell": 3},
            {"name": "b", "kind": "variable", "step": "two", "cell": 4},
        ],
        "problem": None,
        "run": None,
    }
    assert (view["version"], view["run"], view["label"]) == (VERSION, "", "not running")
    assert [(step["id"], step["state"]) for step in view["steps"]] == [
        ("flow.one", "no result"),
        ("flow.two", "no result"),
    ]
    assert "<svg" in view["graph"]["svg"]


def test_what_stands_in_the_editor_counts_and_is_not_written(site: Site, flow: Flow, path: str) -> None:
    flow.run()
    assert states(pipeline(site, path)) == {"one": "fresh", "two": "fresh"}
    before = {file: file.read_bytes() for file in flow.root.rglob("*") if file.is_file()}
    notebook = draft(flow)
    notebook["cells"][2]["source"] = "%%step one -o a\na = n + 1"
    found = pipeline(site, path, notebook=notebook)
    assert states(found) == {"one": "stale", "two": "maybe stale"}
    assert [step["reason"] for step in found["view"]["steps"]] == [
        "the step's code changed: a = n + 1", "needs one, which will run"
    ]  # fmt: skip
    assert states(pipeline(site, path)) == {"one": "fresh", "two": "fresh"}
    after = {file: file.read_bytes() for file in flow.root.rglob("*") if file.is_file()}
    changed = {f.relative_to(flow.root).as_posix() for f in after if before.get(f) != after[f]}
    assert {name for name in changed if not name.startswith(".nbflow/")} == set()


def test_a_cell_of_the_editor_without_the_right_shape_is_refused(site: Site, flow: Flow, path: str) -> None:
    answer = site.post("pipeline", path=path, notebook={"cells": [{"cell_type": "code", "source": 3}]})
    assert (answer.status, answer.json["message"]) == (400, "flow.ipynb, cell 1 is not a notebook cell.")


def test_given_parameters_count(site: Site, flow: Flow, path: str) -> None:
    flow.run()
    assert states(pipeline(site, path, parameters={"n": 2})) == {"one": "stale", "two": "maybe stale"}
    answer = site.post("pipeline", path=path, parameters={"m": 2})
    assert answer.status == 400
    assert answer.json == {
        "message": "No notebook of this pipeline has a parameter 'm'.", "fix": "Parameters: n."
    }  # fmt: skip


def test_the_form_for_parameters_knows_their_kinds(site: Site, flow: Flow, path: str) -> None:
    source = "a = 1\nb: float = 1\nc = 'x'\nd = True\ne = None\nf = {'k': [1]}\ng = 1_000 * 3\nh = -0.5"
    flow.edit(lambda cells: cells[1].update(source=source))
    found = pipeline(site, path)["parameters"]
    assert [(p["name"], p["default"], p["type"], p["source"]) for p in found] == [
        ("a", 1, "int", "1"),
        ("b", 1, "float", "1"),
        ("c", "x", "str", "'x'"),
        ("d", True, "bool", "True"),
        ("e", None, "json", "None"),
        ("f", {"k": [1]}, "json", "{'k': [1]}"),
        ("g", None, "json", "1_000 * 3"),
        ("h", -0.5, "float", "-0.5"),
    ]


def test_a_notebook_without_steps_is_no_error(site: Site, flow: Flow, path: str) -> None:
    write_notebook(flow.file("flow.ipynb"), {"c1": "x = 1"})
    found = pipeline(site, path)
    assert found == {
        "project": flow.root.name, "name": "flow.ipynb", "view": None, "steps": [], "findings": [], "parameters": [],
        "artifacts": [], "problem": None, "run": None,
    }  # fmt: skip
    assert not flow.file(".nbflow").exists()


def test_a_finding_says_what_would_be_written(site: Site, flow: Flow, path: str) -> None:
    flow.edit(lambda cells: cells[3].update(source="\n%%step two -o b\nb = a + 1"))
    flow.edit(lambda cells: cells[2].update(source="%%step one\na = n"))
    (_hint, found) = pipeline(site, path)["findings"]
    assert (found["code"], found["severity"], found["cell"], found["step"]) == ("undeclared-output", "error", 4, "two")
    assert found["edits"] == [
        {"cell": 3, "line": 0, "old": "%%step one", "new": "%%step one -o a"},
        {"cell": 4, "line": 1, "old": "%%step two -o b", "new": "%%step two -i a -o b"},
    ]


def test_where_nothing_can_be_decided_the_reason_stands_in_place_of_the_view(site: Site, flow: Flow, path: str) -> None:
    flow.edit(lambda cells: cells[2].update(source="%%step one -o a\na = missing"))
    found = pipeline(site, path)
    assert found["view"] is None
    assert found["problem"] == {"message": "The check found 1 error, so no step can be decided.", "fix": ""}
    assert [(f["code"], f["cell"]) for f in found["findings"]] == [("unbound-name", 3)]
    assert [step["name"] for step in found["steps"]] == ["one", "two"]


def test_a_step_that_cannot_run_is_invalid_and_has_not_failed(site: Site, flow: Flow, path: str) -> None:
    flow.edit(lambda cells: cells[3].update(source="%%step two -i a -o b\nb = missing"))
    view = pipeline(site, path)["view"]
    assert [(step["state"], step["label"]) for step in view["steps"]] == [
        ("no result", "no result"),
        ("invalid", "invalid"),
    ]
    assert view["counts"] == {"no result": 1, "invalid": 1}
    assert "missing" in view["steps"][1]["error"] == view["steps"][1]["reason"]


def test_the_pipeline_of_a_project_is_told_of_each_of_its_notebooks(site: Site, flow: Flow, path: str) -> None:
    flow.write("pyproject.toml", '[tool.nbflow]\nnotebooks = ["flow.ipynb", "more/last.ipynb"]\n')
    write_notebook(flow.file("more/last.ipynb"), {"c1": "%%step last -i b -o c\nc = b"})
    found = pipeline(site, f"{flow.root.name}/more/last.ipynb")
    assert [step["full"] for step in found["steps"]] == ["more/last.last"]
    assert (found["project"], found["name"]) == (flow.root.name, "more/last.ipynb")
    assert [step["id"] for step in found["view"]["steps"]] == ["flow.one", "flow.two", "more/last.last"]
    assert pipeline(site, path)["artifacts"][-1]["name"] == "b"


def test_the_root_of_a_project_may_lie_above_what_is_served(tmp_path: Path, site: Site, flow: Flow) -> None:
    flow.write("deep/inside/flow.ipynb", flow.file("flow.ipynb").read_text())
    service = site.service
    outer = service.places
    try:
        service.places = type(outer)(flow.file("deep"))
        found = pipeline(site, "inside/flow.ipynb")
    finally:
        service.places = outer
    assert (found["project"], found["name"]) == (flow.root.name, "deep/inside/flow.ipynb")


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        (5, "%%step step_5 -i b"),
        (6, "%%step clean_up -i a -o c"),
    ],
)
def test_a_plain_cell_is_offered_a_step_line(site: Site, flow: Flow, path: str, cell: int, line: str) -> None:
    flow.edit(lambda cells: cells.append({**cells[-1], "id": "x", "source": "# Clean up\nc = a * 2"}))
    flow.edit(lambda cells: cells.append({**cells[-1], "id": "y", "source": "print(c)"}))
    answer = site.post("proposal", path=path, cell=cell)
    assert answer.status == 200
    found = answer.json
    assert found["line"] == line
    assert line.split()[1] == found["name"]


def test_a_cell_of_a_notebook_without_steps_is_offered_one_too(site: Site, flow: Flow, path: str) -> None:
    notebook = draft(flow)
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].split("\n", 1)[-1] if "%%step" in cell["source"] else cell["source"]
    answer = site.post("proposal", path=path, notebook=notebook, cell=3)
    assert answer.json == {"cell": 3, "name": "a", "inputs": [], "outputs": ["a"], "line": "%%step a -o a"}


def test_a_rename_answers_with_cells_and_writes_nothing(site: Site, flow: Flow, path: str) -> None:
    before = flow.file("flow.ipynb").read_bytes()
    answer = site.post("rename", path=path, kind="artifact", old="a", new="first")
    assert answer.json == {
        "cells": [
            {"cell": 3, "source": "%%step one -o first\nfirst = n"},
            {"cell": 4, "source": "%%step two -i first -o b\nb = first + 1"},
        ]
    }
    assert flow.file("flow.ipynb").read_bytes() == before


def test_a_rename_that_cannot_be_done_says_why(site: Site, flow: Flow, path: str) -> None:
    answer = site.post("rename", path=path, kind="artifact", old="a", new="n")
    assert (answer.status, answer.json["message"]) == (400, "There is a 'n' in cell 2 already.")


@pytest.mark.parametrize(
    ("route", "body", "message"),
    [
        ("pipeline", b"", "The body of the request is not JSON."),
        ("pipeline", b"[]", "The body of the request is not a JSON object."),
        ("pipeline", b'{"path": NaN}', "The body of the request is not JSON."),
        ("pipeline", b"[" * 100_000, "The body of the request is not JSON."),
        ("pipeline", b"\xff", "The body of the request is not JSON."),
        ("pipeline", b"{}", "'path' must be a text."),
        ("pipeline", b'{"path": "PATH", "notebok": {}}', "The request has no 'notebok'. Did you mean 'notebook'?"),
        ("pipeline", b'{"path": "PATH", "parameters": [1]}', "'parameters' must be an object."),
        ("proposal", b'{"path": "PATH"}', "'cell' must be a number from 1."),
        ("proposal", b'{"path": "PATH", "cell": true}', "'cell' must be a number from 1."),
        ("proposal", b'{"path": "PATH", "cell": 99}', "There is no cell 99: the notebook has 5."),
        ("rename", b'{"path": "PATH", "kind": "x", "old": "a", "new": "b"}', "'kind' must be step or artifact."),
        ("runs", b'{"path": "PATH", "select": "one"}', "'select' must be a list of texts."),
        ("runs", b'{"path": "PATH", "force": 1}', "'force' must be true or false."),
    ],
)
def test_a_body_that_is_not_as_expected_is_refused(
    site: Site, path: str, route: str, body: bytes, message: str
) -> None:
    answer = site.send(
        "POST", f"/nbflow/api/{route}", body.replace(b"PATH", path.encode()), Authorization=f"token {site.token}"
    )
    assert (answer.status, answer.json["message"]) == (400, message)


@pytest.mark.parametrize("route", ["pipeline", "proposal", "rename"])
def test_half_a_character_and_other_strange_text_is_answered(site: Site, flow: Flow, path: str, route: str) -> None:
    for source in (
        "x = '\\ud800'",
        "\\u0000",
        "%%step \\udcff -o a\\na = 1",
        "%%step x -i '\\ud800' -o a\\na = '\\ud800'",
    ):
        cells: list[dict[str, Any]] = [
            {"cell_type": "code", "metadata": {}, "source": each} for each in ("%%step one -o a\na = 1", "SOURCE")
        ]
        said = json.dumps({"path": path, "notebook": {"cells": cells}, **MORE[route]})
        body = said.replace("SOURCE", source)
        answer = site.send("POST", f"/nbflow/api/{route}", body.encode(), Authorization=f"token {site.token}")
        assert answer.status in (200, 400), source


MORE: dict[str, dict[str, Any]] = {
    "pipeline": {"parameters": {"\ud800": "\udfff"}},
    "proposal": {"cell": 2},
    "rename": {"kind": "artifact", "old": "a", "new": "\ud800"},
}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "'path' must be given, once."),
        ("?path=a&path=b", "'path' must be given, once."),
        ("?path=%ff", "'path' must be a text in UTF-8."),
        ("?path=PATH&limit=-1", "'limit' must be a whole number, at most 1000."),
        ("?path=PATH&limit=9999", "'limit' must be a whole number, at most 1000."),
        ("?path=PATH&limit=", "'limit' must be a whole number, at most 1000."),
    ],
)
def test_an_address_that_is_not_as_expected_is_refused(site: Site, path: str, query: str, message: str) -> None:
    address = f"/nbflow/api/runs{query}".replace("PATH", path)
    answer = site.send("GET", address, Authorization=f"token {site.token}")
    assert (answer.status, answer.json["message"]) == (400, message)


@pytest.mark.parametrize("route", ["runs", "runs/x", "runs/x/events", "events", "pipeline"])
def test_what_is_in_the_way_on_the_disk_is_said(site: Site, flow: Flow, path: str, route: str) -> None:
    flow.write(".nbflow/nbflow.db", "this is no database, and it is long enough to be looked at" * 100)
    answer = site.post(route, path=path) if route == "pipeline" else site.get(route, path=path)
    assert answer.status == 409
    assert "nbflow.db" in answer.json["message"]


def test_a_file_that_goes_away_meanwhile_is_no_failure_of_the_server(
    site: Site, flow: Flow, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "flow.ipynb")

    monkeypatch.setattr(site.service, "here", gone)
    answer = site.post("proposal", path=path, cell=5)
    assert (answer.status, answer.json["message"]) == (409, "No such file or directory: flow.ipynb")


def test_what_is_wrong_with_the_settings_is_said(site: Site, flow: Flow, path: str) -> None:
    flow.write("pyproject.toml", "[tool.nbflow]\njobs = 'many'\n")
    answer = site.post("pipeline", path=path)
    assert answer.status == 400
    assert "jobs" in answer.json["message"]


def test_a_run_is_told_as_going_on_up_to_its_last_fact_not_until_its_report_is_written(
    site: Site, flow: Flow, path: str
) -> None:
    with Journal.open(flow.root) as journal, RunLock(flow.root, "r1"):
        journal.begin_run("r1", "2026-11-24T15:30:12.250Z", ["flow.ipynb"], {}, "")
        journal.append("r1", [to_json(RunStarted(steps=(StepSpec("flow.one"),), jobs=1), "r1")])
        assert pipeline(site, path)["run"] == "r1"
        journal.append("r1", [to_json(RunFinished(status="failed"), "r1")])
        assert pipeline(site, path)["run"] is None
