"""The JupyterLab extension as a person meets it: the pipeline beside the cells, live, without a kernel."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.ui.browser.conftest import EXAMPLES
from tests.ui.browser.lab import LabPage
from tests.ui.browser.pages import MILLISECONDS
from tests.ui.browser.panels import until
from tests.ui.browser.pipelines import CHAIN, write
from tests.ui.browser.server import Server

pytestmark = pytest.mark.slow


def test_the_quickstart_is_seen_run_and_goes_stale_without_a_kernel(
    lab: LabPage, project: Path, said: list[str]
) -> None:
    shutil.copy(EXAMPLES / "01_quickstart.ipynb", project)
    lab.open(f"{project.name}/01_quickstart.ipynb")
    steps = dict.fromkeys(("load", "prepare", "logistic", "tree", "compare"), "no result")
    until(lambda: lab.cards() == steps)
    until(lambda: [cell for cell, _, _ in lab.badges()] == [6, 10, 14, 15, 17, 18])
    assert lab.states() == steps

    lab.panel.locator("[data-step$=compare]").click()
    until(lambda: lab.active_cell() == 17 and lab.nb.is_in_view(16))
    lab.select(10)
    expect(lab.panel.locator("[data-step$=prepare]")).to_have_attribute("aria-pressed", "true")
    assert lab.active_cell() == 10
    assert not list(project.rglob("nbflow_runs/*")), "looking has started a run"

    lab.page.get_by_role("button", name="Run Pipeline").click()
    until(lambda: lab.status() == "running")
    until(lambda: lab.status() == "succeeded")
    assert set(lab.cards().values()) == {"succeeded"}
    until(lambda: lab.all_are("succeeded"))
    until(lambda: lab.panel.locator(".jp-nbflow-run").count() == 1)

    lab.replace(9, "dropna", "copy().dropna")
    until(lambda: lab.states()["prepare"] == "stale")
    assert lab.states()["load"] == "fresh"
    assert ["tidy" in title for title in lab.titles("prepare")] == [True]
    assert lab.is_dirty(), "it was saved"
    assert not lab.has_kernel()
    lab.panel.get_by_role("button", name="Open report").wait_for(state="detached")
    lab.panel.locator(".jp-nbflow-run").click()
    lab.panel.get_by_role("button", name="Open report").click()
    frame = lab.page.frame_locator(".jp-HTMLViewer iframe")
    expect(frame.locator(".nbf-status").first).to_have_text("succeeded")
    assert said == []


def test_a_notebook_without_steps_explains_them_and_tags_the_selected_cell(lab: LabPage, project: Path) -> None:
    cells = {
        "make": "%%step make -o numbers\nnumbers = [1, 2]",
        "plain": "total = sum(numbers)",
        "plot": "%%step show -i total\nprint(total)",
    }
    lab.open(write(project, "plain.ipynb", {"first": "words = ['a', 'b']", "second": "count = len(words)\ncount"}))
    lines = lab.panel.locator(".jp-nbflow-empty p")
    expect(lines).to_have_count(2)
    assert all("step" in line.lower() for line in lines.all_inner_texts())
    lab.select(1)
    lab.panel.get_by_role("button", name="Make the selected cell a step").click()
    until(lambda: lab.source(1).startswith("%%step ") and lab.source(1).endswith("\nwords = ['a', 'b']"))
    until(lambda: len(lab.badges()) == 1)

    lab.open(write(project, "tagged.ipynb", cells))
    until(lambda: [name for _, name, _ in lab.badges()] == ["make", "show"])
    lab.select(2)
    lab.command("nbflow:make-step")
    until(lambda: lab.source(2).startswith("%%step "))
    line = lab.source(2).splitlines()[0]
    assert ("-i numbers" in line, "-o total" in line) == (True, True)
    until(lambda: len(lab.badges()) == 3)
    lab.command("notebook:undo-cell-action")
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCell.editor.undo()")
    until(lambda: lab.source(2) == "total = sum(numbers)")
    until(lambda: len(lab.badges()) == 2)


def test_badges_follow_moves_copies_deletion_and_undo(lab: LabPage, project: Path) -> None:
    lab.open(write(project, "flow.ipynb", CHAIN))

    def seen() -> list[tuple[int, str]]:
        return [(cell, name) for cell, name, _ in lab.badges()]

    def by_source() -> list[tuple[int, str]]:
        return [(n, s.split()[1]) for n, s in enumerate(lab.nb.sources(), start=1) if s.startswith("%%step ")]

    until(lambda: seen() == [(3, "make"), (5, "add")])
    lab.select(4)
    lab.command("notebook:move-cell-up")
    until(lambda: seen() == [(4, "make"), (5, "add")])
    lab.select(1)
    lab.command("notebook:insert-cell-below")
    until(lambda: seen() == [(5, "make"), (6, "add")])
    lab.select(6)
    lab.command("notebook:copy-cell")
    lab.command("notebook:paste-cell-below")
    until(lambda: seen() == [(5, "make"), (6, "add"), (7, "add")])
    lab.command("notebook:delete-cell")  # the one that was pasted is selected
    until(lambda: seen() == [(5, "make"), (6, "add")])
    lab.select(5)
    lab.command("notebook:delete-cell")
    until(lambda: seen() == [(5, "add")])
    lab.command("notebook:undo-cell-action")  # what was done at about the same time is undone as one
    until(lambda: "make" in [name for _, name in seen()] and seen() == by_source())
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.scrollToItem(0)")
    expect(lab.page.locator(".jp-nbflow-badge")).to_have_count(len(by_source()))


def test_a_long_notebook_has_its_badges_and_a_node_leads_to_its_cell(lab: LabPage, project: Path) -> None:
    text = {f"text{n}": f"# {n}\n" * 8 for n in range(295)}
    lab.open(write(project, "long.ipynb", {**CHAIN, **text, "last": "%%step last -i total\nprint(total)"}))
    until(lambda: lab.badges() and lab.badges()[-1][:2] == (301, "last"))
    lab.wait_until_drawn()
    lab.panel.locator("[data-step$=last]").click()
    until(lambda: lab.active_cell() == 301 and lab.nb.is_in_view(300))
    expect(lab.page.locator(".jp-nbflow-badge", has_text="last")).to_be_in_viewport()


def test_two_notebooks_side_by_side_each_have_theirs(lab: LabPage, project: Path) -> None:
    first, second = write(project, "one.ipynb", CHAIN), write(project, "two.ipynb", {"only": "%%step only -o x\nx = 1"})
    lab.open(first)
    until(lambda: len(lab.cards()) == 2)
    lab.open(second, mode="split-right")
    until(lambda: lab.cards() == {"only": "no result"})
    expect(lab.page.locator(".jp-nbflow-badge")).to_have_count(3)
    lab.command("docmanager:open", path=first)
    until(lambda: list(lab.cards()) == ["make", "add"])


def test_a_finding_is_marked_and_fixed_and_undo_takes_the_fix_back(lab: LabPage, project: Path) -> None:
    wrong = {**CHAIN, "sum": "%%step add -o total\ntotal = sum(double(numbers))"}
    lab.open(write(project, "wrong.ipynb", wrong))
    mark = lab.page.locator(".jp-nbflow-mark")
    mark.first.wait_for()
    mark.first.hover()
    fix = lab.page.locator(".jp-nbflow-tooltip").get_by_role("button", name="Fix").first
    fix.click()
    until(lambda: lab.source(5).startswith("%%step add -i numbers -o total"))
    until(lambda: mark.count() == 0)
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets[4].editor.undo()")
    until(lambda: lab.source(5).startswith("%%step add -o total"))
    findings = lab.panel.locator(".jp-nbflow-finding")
    findings.get_by_role("button", name="Fix").first.wait_for()
    lab.command("nbflow:run")
    dialog = lab.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("wrong.ipynb, cell 5: This step reads 'numbers'")
    dialog.get_by_role("button").last.click()
    findings.get_by_role("button", name="Fix").first.click()
    until(lambda: lab.source(5).startswith("%%step add -i numbers -o total"))


def test_while_a_cell_is_half_typed_the_pipeline_stands_as_it_was(lab: LabPage, project: Path) -> None:
    steps = {"make": "no result", "add": "no result"}
    lab.open(write(project, "flow.ipynb", CHAIN))
    until(lambda: lab.cards() == steps and lab.states() == steps)
    findings, dim = lab.panel.locator(".jp-nbflow-finding"), lab.page.locator(".jp-mod-dim")
    runs = lab.page.locator(".jp-nbflow-badge-run, .jp-nbflow-panel .nbf-do-run, .jp-nbflow-panel .nbf-do-only")
    until(lambda: runs.count() >= 3)
    lab.replace(2, "in values]", "in values")
    findings.first.wait_for()
    assert (lab.cards(), lab.states()) == (steps, steps)
    assert (dim.count(), runs.count()) == (3, 0), "the picture and two badges"
    lab.replace(2, "in values", "in values]")
    until(lambda: (findings.count(), dim.count(), runs.count() >= 3) == (0, 0, True))

    lab.replace(5, "sum(double(numbers))", "\n".join(f"print(new{n})" for n in range(5)))
    until(lambda: findings.count() > 2)
    more = lab.panel.locator("summary", has_text=f"{findings.count() - 2} more")
    assert [finding.is_visible() for finding in findings.all()].count(True) == 2
    more.click()
    assert all(finding.is_visible() for finding in findings.all())


def test_a_notebook_that_cannot_be_read_is_said_to_be_so(lab: LabPage, project: Path) -> None:
    (project / "broken.ipynb").write_text('{"cells": [')
    (project / "text.md").write_text("# A text")
    lab.show()
    lab.command("docmanager:open", path=f"{project.name}/broken.ipynb")
    until(lambda: lab.panel.inner_text() == "This notebook could not be read.")
    lab.page.locator(".jp-Dialog").get_by_role("button").last.click()  # JupyterLab has said so as well
    lab.command("docmanager:open", path=f"{project.name}/text.md")
    until(lambda: lab.panel.inner_text() == "Open a notebook to see its pipeline.")


def test_artifacts_are_completed_renamed_and_parameters_given(lab: LabPage, project: Path) -> None:
    parameters = "size = 3\nseed = None\nplace = str(size)"
    lab.open(write(project, "flow.ipynb", {**CHAIN, "params": parameters}))
    until(lambda: len(lab.badges()) == 2)
    lab.select(5)
    lab.replace(5, "-i numbers", "-i nu")
    lab.page.evaluate(
        """() => { const nb = window.jupyterapp.shell.currentWidget.content; nb.mode = 'edit';
            const { editor } = nb.activeCell;
            editor.focus();
            editor.setCursorPosition({ line: 0, column: '%%step add -i nu'.length }); }"""
    )
    lab.command("completer:invoke-notebook")
    lab.page.locator(".jp-Completer-item", has_text="numbers").wait_for()
    lab.page.keyboard.press("Enter")
    until(lambda: lab.source(5).startswith("%%step add -i numbers "))

    lab.select(3)
    lab.command("nbflow:rename")
    dialog = lab.page.locator(".jp-Dialog")
    dialog.locator("select").select_option(label="numbers")
    name, wrong = dialog.locator("input"), dialog.locator(".jp-nbflow-wrong")
    name.fill("2nd")
    expect(dialog.get_by_role("button", name="Rename")).to_be_disabled()
    name.press("Enter")
    expect(name).to_have_value("2nd")
    expect(wrong).to_contain_text("begins with a letter")
    name.fill("total")
    dialog.get_by_role("button", name="Rename").click()
    expect(wrong).to_have_text("A step of this notebook makes 'total' already. Choose another name.")
    expect(name).to_have_value("total")

    held: list[tuple[Route, APIResponse]] = []
    lab.page.route("**/nbflow/api/rename*", lambda route: held.append((route, route.fetch())), times=1)
    name.fill("figures")
    dialog.get_by_role("button", name="Rename").click()
    until(lambda: lab.page.evaluate("() => true") and held)  # it is told of answers while it is asked
    lab.replace(4, "numbers[:2]", "numbers[:1]")
    held[0][0].fulfill(response=held[0][1])
    expect(wrong).to_have_text("The notebook has changed; try again.")
    assert lab.source(4) == "numbers[:1]"
    dialog.get_by_role("button", name="Rename").click()
    until(lambda: "-o figures" in lab.source(3))
    assert lab.source(4) == "figures[:1]"
    assert (lab.source(3).splitlines()[1], lab.source(5).splitlines()) == (
        "figures = list(range(size))", ["%%step add -i figures -o total", "total = sum(double(figures))"],
    )  # fmt: skip

    until(lab.cards)
    lab.command("nbflow:run-with-parameters")
    field = dialog.locator("input[name=size]")
    written = {
        each: dialog.locator(f"[name={each}]").get_attribute("placeholder") for each in ("size", "seed", "place")
    }
    assert written == {"size": "3", "seed": "None", "place": "str(size)"}
    assert dialog.locator("[name=seed]").input_value() == dialog.locator("[name=place]").input_value() == ""
    expect(dialog.locator(".jp-nbflow-hint")).to_have_count(2)
    dialog.locator("[name=place]").fill('"here"')
    field.fill("four")
    expect(dialog.locator(".jp-nbflow-wrong").first).to_have_text("This takes a whole number.")
    field.fill("4")
    dialog.get_by_role("button", name="Run").click()
    until(lambda: lab.status() == "succeeded")
    lab.panel.get_by_role("button", name="Back to the run").click()
    given = r"Parameters\s*size\s*4\s*seed\s*null\s*place\s*here"
    expect(lab.panel.locator(".nbf-detail")).to_contain_text(re.compile(given))


def test_what_a_notebook_says_reaches_the_page_as_text(lab: LabPage, project: Path, said: list[str]) -> None:
    evil = "<img src=x onerror=window.sprung=1>"
    cells = {"a": f"%%step make -o x\nx = '{evil}'", "b": f"%%step {evil} -i x\nprint(x)", "c": f"%%step b -i {evil}"}
    lab.open(write(project, "evil.ipynb", cells))
    until(lambda: lab.panel.locator(".jp-nbflow-finding").count())
    assert lab.page.evaluate("() => window.sprung ?? null") is None
    assert lab.panel.locator("img").count() == 0
    assert said == []


def test_notebook_7_has_it_too_and_complains_of_nothing(
    server: Server, project: Path, new_page: Callable[[], Page], said: list[str]
) -> None:
    page = new_page()
    page.goto(server.notebook(write(project, "flow.ipynb", CHAIN)))
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context?.isReady", timeout=MILLISECONDS)
    lab = LabPage(page)
    until(lambda: [name for _, name, _ in lab.badges()] == ["make", "add"])
    lab.show()
    until(lambda: set(lab.cards()) == {"make", "add"})
    page.get_by_role("button", name="Run Pipeline").click()
    until(lambda: lab.all_are("succeeded"))
    assert said == []


def test_one_undo_takes_a_whole_rename_back_where_the_notebook_has_one_undo(lab: LabPage, project: Path) -> None:
    apart = (
        "apart => { window.jupyterapp.docRegistry.getModelFactory('notebook').disableDocumentWideUndoRedo = apart; }"
    )
    lab.page.evaluate(apart, False)
    lab.open(write(project, "flow.ipynb", CHAIN))
    lab.page.evaluate(apart, True)  # for the notebooks of other tests
    until(lambda: len(lab.badges()) == 2)
    before = lab.nb.sources()
    lab.select(3)
    lab.command("nbflow:rename")
    dialog = lab.page.locator(".jp-Dialog")
    dialog.locator("select").select_option(label="numbers")
    dialog.locator("input").fill("figures")
    dialog.get_by_role("button", name="Rename").click()
    until(lambda: ["figures" in source for source in lab.nb.sources()] == [False, False, True, True, True])
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.sharedModel.undo()")
    assert lab.nb.sources() == before
