"""Who gets nothing: no token, no XSRF, no permission, and no path that leads out of what the server serves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from jupyter_server.auth import Authorizer

from nbflow.server import routes
from tests.flows import Flow, new_flow, write_notebook
from tests.server.conftest import CELLS
from tests.server.serving import Answer, Site, serving, target

Ask = tuple[str, str, dict[str, Any]]

LOOKS: tuple[Ask, ...] = (
    ("POST", "pipeline", {}),
    ("POST", "proposal", {"cell": 5}),
    ("POST", "rename", {"kind": "step", "old": "one", "new": "first"}),
    ("GET", "runs", {}),
    ("GET", "runs/RUN", {}),
    ("GET", "runs/RUN/events", {}),
    ("GET", "events", {}),
)
ACTS: tuple[Ask, ...] = (
    ("POST", "runs", {}),
    ("POST", "runs/RUN/cancel", {}),
    ("POST", "runs/RUN/retry", {}),
)
EVERY = (*LOOKS, *ACTS)
"""All that take a path: method, route, what is said besides."""


def ask(site: Site, method: str, route: str, body: dict[str, Any], path: str, run: str = "x") -> Answer:
    route = route.replace("RUN", run)
    if method == "POST":
        return site.post(route, path=path, **body)
    return site.get(route, path=path, **body)


def test_every_route_stands_in_these_tables() -> None:
    named = {route.replace(r"(?P<run>[^/]+)", "RUN") for route in routes.HANDLERS}
    assert named == {route for _, route, _ in EVERY} | {r"openapi\.yaml"}


# --- who asks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "route", "body"), [*EVERY, ("GET", "openapi.yaml", {})])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}], ids=["no token", "wrong token"])
def test_nobody_without_the_token_gets_anything(
    site: Site, path: str, method: str, route: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    query = {"path": path} if method == "GET" else {}
    data = json.dumps({"path": path, **body}).encode() if method == "POST" else None
    answer = site.send(method, target(route, **query), data, **headers)
    assert (answer.status, set(answer.json)) == (403, {"message", "fix"})


def logged_in(site: Site) -> str:
    """The cookie of a browser that has given the token once."""
    answer = site.send("GET", f"/api/status?token={site.token}")
    assert answer.status == 200
    return answer.headers["Set-Cookie"].partition(";")[0]


@pytest.mark.parametrize(("method", "route", "body"), [each for each in EVERY if each[0] == "POST"])
def test_a_browser_that_is_logged_in_needs_the_xsrf_token_to_post(
    site: Site, path: str, method: str, route: str, body: dict[str, Any]
) -> None:
    cookie, data = logged_in(site), json.dumps({"path": path, **body}).encode()
    token = "ab" * 16
    without = site.send(method, target(route), data, Cookie=f"{cookie}; _xsrf={token}")
    other = site.send(method, target(route), data, Cookie=f"{cookie}; _xsrf={token}", X_XSRFToken="cd" * 16)
    assert (without.status, other.status) == (403, 403)
    if route in ("pipeline", "rename", "proposal"):
        right = site.send(method, target(route), data, Cookie=f"{cookie}; _xsrf={token}", X_XSRFToken=token)
        assert right.status == 200


def test_a_page_of_another_site_is_not_answered(site: Site, path: str) -> None:
    cookie, token = logged_in(site), "ab" * 16
    sent = {"Cookie": f"{cookie}; _xsrf={token}", "X_XSRFToken": token, "Origin": "https://elsewhere.example"}
    answer = site.send("POST", target("pipeline"), json.dumps({"path": path}).encode(), **sent)
    assert answer.status == 404


class OnlyLooking(Authorizer):
    """Lets everybody read what is nbflow's, and nobody start anything."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource == "nbflow" and action == "read"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server on which one may look and not touch, with a notebook that has run."""
    root = tmp_path_factory.mktemp("gallery")
    new_flow(root, CELLS).run()
    with serving(root, {"ServerApp": {"authorizer_class": OnlyLooking}}) as running:
        yield running


def test_who_may_only_look_can_look(gallery: Site) -> None:
    (run,) = gallery.get("runs", path="flow.ipynb").json["runs"]
    for method, route, body in LOOKS:
        if route == "events":
            with gallery.listening(route, path="flow.ipynb") as events:
                assert next(events).event == "runs"
        else:
            assert ask(gallery, method, route, body, "flow.ipynb", run["id"]).status == 200, route
    assert gallery.get("openapi.yaml").status == 200


@pytest.mark.parametrize(("method", "route", "body"), ACTS)
def test_who_may_only_look_can_start_nothing(gallery: Site, method: str, route: str, body: dict[str, Any]) -> None:
    before = gallery.get("runs", path="flow.ipynb").json
    (run,) = before["runs"]
    assert ask(gallery, method, route, body, "flow.ipynb", run["id"]).status == 403
    assert gallery.get("runs", path="flow.ipynb").json == before


# --- what is asked for -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with a notebook outside of what it serves, and links of all kinds."""
    outer = tmp_path_factory.mktemp("outer")
    root = outer / "served"
    new_flow(outer / "secret", CELLS)
    new_flow(root / "inside", CELLS)
    (root / "link.ipynb").symlink_to(outer / "secret/flow.ipynb")
    (root / "folder").symlink_to(outer / "secret")
    (root / "circle.ipynb").symlink_to(root / "circle.ipynb")
    (root / "nowhere.ipynb").symlink_to(root / "gone.ipynb")
    (root / "notes.txt").write_text("notes")
    (root / "a folder.ipynb").mkdir()
    os.mkfifo(root / "pipe.ipynb")
    write_notebook(root / ".hidden/flow.ipynb", CELLS)
    write_notebook(root / ".flow.ipynb", CELLS)
    with serving(root) as running:
        yield running


CORPUS = (
    "../secret/flow.ipynb",
    "inside/../../secret/flow.ipynb",
    "inside/../inside/flow.ipynb",
    "..",
    ".",
    "",
    "/",
    "./inside/flow.ipynb",
    "inside//flow.ipynb",
    "inside/flow.ipynb/",
    "%2e%2e/secret/flow.ipynb",
    "..%2fsecret%2fflow.ipynb",
    "%2e%2e%2fsecret%2fflow.ipynb",
    "..%252fsecret%252fflow.ipynb",
    "..%c0%afsecret/flow.ipynb",
    "..\\secret\\flow.ipynb",
    "inside\\flow.ipynb",
    "OUTER/secret/flow.ipynb",
    "/OUTER/secret/flow.ipynb",
    "file:///OUTER/secret/flow.ipynb",
    "~/flow.ipynb",
    "inside/flow.ipynb\0",
    "inside/flow\0.ipynb",
    "\0",
    "link.ipynb",
    "folder/flow.ipynb",
    "circle.ipynb",
    "nowhere.ipynb",
    "inside",
    "inside/",
    "a folder.ipynb",
    "pipe.ipynb",
    "notes.txt",
    ".hidden/flow.ipynb",
    ".flow.ipynb",
    "gone.ipynb",
    "inside/flow.ipynb/more.ipynb",
    "x" * 300 + ".ipynb",
    "RTC:inside/flow.ipynb",
)


@pytest.mark.parametrize(("method", "route", "body"), EVERY)
def test_no_path_leads_out_of_what_is_served(walled: Site, method: str, route: str, body: dict[str, Any]) -> None:
    """Each also as it is, percent signs and all, where a path stands in the address."""
    outer = walled.root.parent
    for name in CORPUS:
        path = name.replace("OUTER", str(outer))
        answers = [ask(walled, method, route, body, path)]
        if method == "GET":
            raw = f"/nbflow/api/{route.replace('RUN', 'x')}?path={quote(path, safe='/%~:')}"
            answers.append(walled.send("GET", raw, Authorization=f"token {walled.token}"))
        for answer in answers:
            assert answer.status in (400, 404), (path, answer.status)
            assert set(answer.json) == {"message", "fix"}
            assert "%%step" not in answer.json["message"]
    assert not (outer / "secret/.nbflow").exists()


@pytest.mark.parametrize(
    ("link", "leads_to"), [("near.ipynb", "inside/flow.ipynb"), ("near/flow.ipynb", "inside/flow.ipynb")]
)
def test_a_link_that_stays_inside_is_followed(walled: Site, link: str, leads_to: str) -> None:
    at = walled.root / Path(link).parts[0]
    at.symlink_to(walled.root / (leads_to if link.endswith(at.name) else "inside"))
    try:
        assert walled.post("pipeline", path=link).status == 200
    finally:
        at.unlink()


def test_what_the_contents_api_shows_is_served(walled: Site) -> None:
    places = walled.service.places
    walled.service.places = type(places)(places.root, shows_hidden=True)
    try:
        assert walled.post("pipeline", path=".hidden/flow.ipynb").status == 200
    finally:
        walled.service.places = places


def test_only_the_whole_id_of_a_run_of_this_notebook_is_known(site: Site, flow: Flow, path: str) -> None:
    write_notebook(flow.file("other.ipynb"), CELLS)
    flow.run()
    (known,) = site.get("runs", path=path).json["runs"]
    other = f"{flow.root.name}/other.ipynb"
    assert site.get("runs", path=other).json == {"runs": []}
    for run in ("last", known["id"][:4], "%00", "..", "..%2f..%2fx", "x" * 500, "%ff"):
        for method, route, body in EVERY:
            if "RUN" in route:
                assert ask(site, method, route, body, path, run).status in (400, 404), (route, run)
                assert ask(site, method, route, body, other, known["id"]).status == 404, route


def test_no_method_but_those_described_is_answered(site: Site, path: str) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        assert site.ask(method, "pipeline", {"path": path}).status == 405
    assert site.get("pipeline", path=path).status == 405
    assert site.ask("HEAD", "runs", path=path).status == 405
