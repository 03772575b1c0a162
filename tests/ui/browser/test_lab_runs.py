"""A run beside the notebook in JupyterLab: whoever started it, whatever becomes of page and kernel meanwhile."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.ui.browser.conftest import EXAMPLES
from tests.ui.browser.lab import LabPage
from tests.ui.browser.pages import MILLISECONDS
from tests.ui.browser.panels import until
from tests.ui.browser.pipelines import CHAIN, WAITING, write
from tests.ui.browser.server import PATIENCE, Server

pytestmark = pytest.mark.slow

FLIGHTS = ["load", "clean", "routes", "features", "split", "linear", "forest", "boosting", "evaluate", "publish"]
RUNNING = {"make": "succeeded", "add": "succeeded", "wait": "running"}
"""Of the notebook that waits."""


def is_selected(lab: LabPage, cell: int) -> bool:
    return lab.active_cell() == cell and lab.nb.is_in_view(cell - 1)


def test_the_flights_are_seen_without_a_kernel_and_a_node_leads_to_its_cell(lab: LabPage, project: Path) -> None:
    shutil.copy(EXAMPLES / "02_flights.ipynb", project)
    lab.open(f"{project.name}/02_flights.ipynb")
    until(lambda: lab.cards() == dict.fromkeys(FLIGHTS, "no result"))
    until(lambda: [cell for cell, _, _ in lab.badges()] == [6, 11, 14, 16, 18, 19, 22, 23, 24, 26, 27, 30])
    assert lab.states() == lab.cards()
    lab.wait_until_drawn()
    for step, cell in (("publish", 30), ("clean", 11), ("evaluate", 26)):
        lab.panel.locator(f"[data-step$={step}]").click()
        until(partial(is_selected, lab, cell))

    lab.page.get_by_role("button", name="Run step load").click()
    until(lambda: lab.states()["load"] in ("starting", "running"))
    assert set(lab.cards()) == {"load"}, "a run of one step shows that step"
    lab.panel.locator(".nbf-do-cancel").click()
    until(lambda: lab.status() == "cancelled" and lab.states()["load"] == "cancelled")
    assert lab.states()["clean"] == "no result"
    assert not lab.has_kernel()


def test_a_run_is_met_again_after_a_reload_seen_by_another_browser_and_cancelled(
    lab: LabPage, project: Path, server: Server, new_page: Callable[[], Page]
) -> None:
    path = write(project, "waiting.ipynb", WAITING)
    lab.open(path)
    until(lambda: len(lab.badges()) == 3)
    lab.command("nbflow:run")
    until(lambda: lab.states() == {"make": "succeeded", "add": "succeeded", "wait": "running"})

    lab.start(server).open(path)
    until(lambda: lab.cards().get("wait") == "running" and lab.states().get("wait") == "running")
    other = LabPage(new_page()).start(server).open(path)
    until(lambda: other.states().get("wait") == "running")
    assert lab.page.get_by_role("button", name=re.compile("^Run step (make|add)$")).count() == 2
    assert lab.page.get_by_role("button", name="Run step wait").count() == 0, "it runs already"
    held: list[tuple[Route, APIResponse]] = []
    lab.page.route("**/cancel*", lambda route: held.append((route, route.fetch())), times=1)
    lab.panel.locator(".nbf-do-cancel").click()
    until(lambda: lab.status() == "cancelled" and other.status() == "cancelled")
    until(lambda: other.states()["wait"] == "cancelled" and held)
    with lab.page.expect_response("**/cancel*"):
        held[0][0].fulfill(response=held[0][1])
    assert lab.notice() == "", "it is still said to be asked to stop"

    (project / "wake").touch()
    other.panel.locator(".nbf-do-retry").click()
    until(lambda: other.status() == "succeeded" and lab.status() == "succeeded")
    assert other.cards() == {"make": "reused", "add": "reused", "wait": "succeeded"}
    assert lab.panel.locator(".jp-nbflow-run").count() == 2


def test_a_run_of_the_terminal_appears_and_one_step_is_run_from_its_badge(lab: LabPage, project: Path) -> None:
    lab.open(write(project, "flow.ipynb", WAITING))
    until(lambda: len(lab.badges()) == 3)
    words = [sys.executable, "-m", "nbflow", "run", "flow.ipynb"]
    with subprocess.Popen(words, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as terminal:
        until(lambda: lab.states()["wait"] == "running")
        assert lab.status() == "running"
        (project / "wake").touch()
        assert terminal.wait(PATIENCE) == 0
    until(lambda: lab.status() == "succeeded" and lab.all_are("succeeded"))

    lab.replace(5, "total = sum", "total = 1 + sum")
    until(lambda: lab.states() == {"make": "fresh", "add": "stale", "wait": "maybe stale"})
    lab.page.get_by_role("button", name="Run step add").click()
    until(lambda: lab.states() == {"make": "reused", "add": "succeeded", "wait": "stale"})


def test_nothing_is_lost_when_the_kernel_is_restarted(lab: LabPage, project: Path, said: list[str]) -> None:
    lab.open(write(project, "waiting.ipynb", WAITING))
    lab.start_kernel()
    until(lambda: len(lab.badges()) == 3)
    lab.command("nbflow:run")
    until(lambda: lab.states() == RUNNING)
    assert lab.nb.run(1) == []
    assert lab.nb.type_and_run("print(double([4]))")[0].text == "[8]\n"

    lab.restart_kernel()
    assert lab.nb.type_and_run("double([4])")[0].text.startswith("NameError"), "it is not a new kernel"
    assert (lab.states(), lab.cards(), lab.status()) == (RUNNING, RUNNING, "running")
    (project / "wake").touch()
    expect(lab.panel.locator(".jp-nbflow-run .nbf-state")).to_have_text("succeeded", timeout=MILLISECONDS)
    lab.replace(2, "2 *", "3 *")
    until(lambda: lab.states()["add"] == "stale")
    assert said == []


def test_a_notebook_beside_the_one_in_front_follows_its_runs(lab: LabPage, project: Path) -> None:
    beside, front = write(project, "beside.ipynb", WAITING), write(project, "front.ipynb", CHAIN)
    lab.open(beside)
    until(lambda: len(lab.badges()) == 3)
    lab.open(front, mode="split-right")
    until(lambda: set(lab.cards()) == {"make", "add"})
    words = [sys.executable, "-m", "nbflow", "run", "beside.ipynb"]
    with subprocess.Popen(words, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as terminal:
        until(lambda: lab.states(beside) == RUNNING)
        (project / "wake").touch()
        assert terminal.wait(PATIENCE) == 0
    until(lambda: set(lab.states(beside).values()) == {"succeeded"})
    assert (lab.states(), lab.status()) == ({"make": "no result", "add": "no result"}, "not running")


def test_a_server_that_is_away_is_said_to_be_and_asked_again(lab: LabPage, project: Path) -> None:
    lab.open(write(project, "flow.ipynb", CHAIN))
    until(lambda: lab.all_are("no result"))
    lab.page.context.set_offline(True)
    lab.replace(5, "-i numbers ", "")
    until(lambda: lab.notice().startswith("The Jupyter server does not answer."))
    lab.page.get_by_role("button", name="Run step add").click()
    lab.page.locator(".jp-Dialog", has_text="File Save Error").wait_for()
    lab.page.keyboard.press("Escape")
    lab.page.context.set_offline(False)
    until(lambda: lab.states()["add"] == "invalid")
    assert lab.notice() == ""
    assert lab.page.locator(".jp-Dialog").count() == 0, "what JupyterLab has said is said again"
    assert not list(project.rglob("nbflow_runs/*"))


def test_the_executed_notebook_of_a_run_is_opened_and_starts_no_kernel(lab: LabPage, project: Path) -> None:
    lab.open(write(project, "flow.ipynb", CHAIN))
    until(lambda: lab.all_are("no result"))
    lab.command("nbflow:run")
    until(lambda: lab.status() == "succeeded")
    lab.panel.get_by_role("button", name="Open executed notebook").click()
    lab.wait_for_notebook("nbflow_runs")
    assert lab.source(3) == CHAIN["make"]
    assert not lab.has_kernel()
    until(lambda: lab.panel.inner_text().startswith("This is the executed copy of "))
    assert (
        lab.panel.locator("button").count()
        == lab.page.locator(".jp-NotebookPanel:visible .jp-nbflow-badge").count()
        == 0
    )
    enabled = "name => window.jupyterapp.commands.isEnabled(`nbflow:${name}`, { step: 'flow.make' })"
    assert not any(lab.page.evaluate(enabled, name) for name in ("run", "run-with-parameters", "run-step"))
    lab.command("nbflow:run")
    expect(lab.page.locator(".jp-Dialog")).to_contain_text("It is a record")
    lab.page.keyboard.press("Escape")
    lab.command("docmanager:open", path=f"{project.name}/flow.ipynb")
    until(lambda: lab.panel.locator(".jp-nbflow-run").count() == 1)
    lab.panel.get_by_role("button", name="Open report").wait_for()
