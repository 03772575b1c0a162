"""What stands below ``%flow`` and ``%flow run`` where a person sits at the page, in real kernels, without a browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow.ops import following
from tests.commands import steady
from tests.flows import write_notebook
from tests.ui.live import Kernel, end_runs, kernel_in
from tests.ui.test_flow_live import environment
from tests.ui.widgets import WIDGET, Page, model_of

pytestmark = pytest.mark.slow

CELLS = {
    "top": "%load_ext nbflow",
    "quick": "%%step quick -o a\na = 1\nprint('quick it was')",
    "wait": (
        "%%step wait -i a -o b\nimport pathlib, time\npathlib.Path('asleep').touch()\n"
        "while not pathlib.Path('wake').exists():\n    time.sleep(0.05)\nb = a"
    ),
    "then": "%%step then -i b -o c\nc = 1 / (b - 1)",
}
FIXED = CELLS["then"].replace("b - 1", "b")


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Path]:
    yield write_notebook(tmp_path / "flow.ipynb", CELLS)
    end_runs(tmp_path)


@pytest.fixture
def kernel(notebook: Path) -> Iterator[Kernel]:
    with kernel_in(notebook.parent, environment(notebook)) as found:
        found.run(CELLS["top"])
        yield found


def shown(kernel: Kernel, line: str, cell_id: str = "below") -> str:
    """The model of the widget that a line shows: nothing else is shown. (What another cell shows may change.)"""
    answer = kernel.run(line, cell_id=cell_id)
    its = [part for part in answer.shown if part[0] != "update_display_data"]
    assert (answer.status, [part[0] for part in its]) == ("ok", ["display_data"])
    data = its[0][1]
    assert sorted(data) == [WIDGET, "image/svg+xml", "text/plain"]
    return model_of(data)


def test_a_run_is_seen_live_while_other_cells_run_and_its_end_stays_in_the_file(kernel: Kernel, notebook: Path) -> None:
    page = Page(kernel)
    model = shown(kernel, "%flow run")
    page.until(lambda: page.states(model).get("wait") == "running" and (notebook.parent / "asleep").exists())
    assert page.states(model) == {"quick": "succeeded", "wait": "running", "then": "waiting"}
    assert page.view(model)["steps"]["quick"]["printed"] == ["quick it was"]
    assert "<svg" in page.view(model)["graph"]["svg"]
    assert kernel.run("6 * 7").shown[0][1]["text/plain"] == "42"

    (notebook.parent / "wake").touch()
    kept = page.until_over(model)
    assert page.states(model) == {"quick": "succeeded", "wait": "succeeded", "then": "failed"}
    failed = page.view(model)["steps"]["then"]["attempts"][0]
    plain = re.sub(r"\x1b\[[\d;]*m", "", failed["traceback"])
    assert (failed["error"], "1 / (b - 1)" in plain) == ("ZeroDivisionError: division by zero", True)
    assert (model_of(kept), "failed" in kept["image/svg+xml"]) == (model, True)
    words = " ".join(steady(kept["text/plain"], notebook.parent).split())
    assert "✘ then failed N.N s ZeroDivisionError" in words

    write_notebook(notebook, {**CELLS, "then": FIXED})
    page.click(model, "retry")
    page.until_over(model)
    states = page.states(model)
    assert (states["quick"], states["then"]) == ("reused", "succeeded")


def test_a_click_cancels_and_another_one_runs_a_step_alone(kernel: Kernel, notebook: Path) -> None:
    page = Page(kernel)
    model = shown(kernel, "%flow run")
    page.until((notebook.parent / "asleep").exists)
    page.click(model, "cancel")
    page.until_over(model)
    assert page.states(model) == {"quick": "succeeded", "wait": "cancelled", "then": "cancelled"}
    page.click(model, "only", "flow.quick")
    page.until_over(model)
    assert page.states(model) == {"quick": "reused"}


def test_after_a_restart_the_same_line_attaches_to_the_run_that_goes_on(kernel: Kernel, notebook: Path) -> None:
    page = Page(kernel)
    model = shown(kernel, "%flow run")
    page.until((notebook.parent / "asleep").exists)
    run = page.view(model)["run"]
    again = shown(kernel, "%flow run")  # the same cell: what stood there is gone
    page.until(lambda: page.states(again).get("wait") == "running")
    assert (list(page.models()), page.view(again)["run"]) == ([again], run)

    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    kernel.run(CELLS["top"])
    watched = shown(kernel, "%flow", "another cell")
    page.until(lambda: page.states(watched).get("wait") == "running")
    assert page.view(watched)["run"] == run
    (notebook.parent / "wake").touch()
    page.until_over(watched)
    with following.journal_of(notebook.parent) as journal:
        assert [row.id for row in journal.runs()] == [run]


def test_what_was_asked_for_once_more_or_by_force_is_found_again_and_not_started_beside_itself(
    kernel: Kernel, notebook: Path
) -> None:
    page = Page(kernel)
    stands = shown(kernel, "%flow", "stands")
    model = shown(kernel, "%flow run --force")
    page.until((notebook.parent / "asleep").exists)
    forced = page.view(model)["run"]
    page.until(lambda: page.view(stands)["run"] == forced)  # whoever has started it
    model = shown(kernel, "%flow run --force")
    page.until(lambda: page.states(model).get("wait") == "running")
    assert page.view(model)["run"] == forced
    page.click(model, "cancel")
    page.until_over(model)

    model = shown(kernel, "%flow run", "another cell")
    page.until(lambda: page.states(model).get("wait") == "running")
    page.click(model, "cancel")
    page.until_over(model)
    page.click(model, "retry")
    page.until(lambda: page.view(model)["status"] == "running" and page.states(model).get("wait") == "running")
    retried = page.view(model)["run"]
    model = shown(kernel, "%flow run", "another cell")
    page.until(lambda: page.states(model).get("wait") == "running")
    assert page.view(model)["run"] == retried
    page.click(stands, "run")
    (notebook.parent / "wake").touch()
    page.until_over(model)
    with following.journal_of(notebook.parent) as journal:
        assert len(journal.runs()) == 3


def test_where_nothing_runs_it_shows_how_every_step_stands_and_its_button_runs(kernel: Kernel, notebook: Path) -> None:
    (notebook.parent / "wake").touch()
    page = Page(kernel)
    model = shown(kernel, "%flow")
    seen = page.view(model)
    assert (seen["run"], seen["status"], seen["actions"]) == ("", "planned", ["run"])
    assert page.states(model) == dict.fromkeys(("quick", "wait", "then"), "no result")
    page.click(model, "only", "flow.wait")
    page.until_over(model)
    assert page.states(model) == {"quick": "succeeded", "wait": "succeeded"}
    standing = page.states(shown(kernel, "%flow", "another cell"))
    assert standing == {"quick": "fresh", "wait": "fresh", "then": "no result"}


def test_a_click_that_cannot_be_done_says_why_below_the_picture(kernel: Kernel, notebook: Path) -> None:
    page = Page(kernel)
    model = shown(kernel, "%flow")
    write_notebook(notebook, {**CELLS, "then": "%%step then -i nothing_of_this_name -o c\nc = 1"})
    page.click(model, "run")
    page.until(lambda: page.said(model))
    assert "check found 1 error" in page.said(model) or "nothing_of_this_name" in page.said(model)
    write_notebook(notebook, CELLS)
    page.click(model, "only", "flow.quick")
    page.until_over(model)
    assert (page.said(model), page.states(model)) == ("", {"quick": "succeeded"})


def test_the_kernel_answers_while_very_much_happens(kernel: Kernel, notebook: Path) -> None:
    """Cells go to and fro while a step prints thousands of lines a second."""
    loud = "%%step loud -o n\nimport pathlib\nn = 0\nwhile not pathlib.Path('wake').exists():\n    print(n := n + 1)"
    write_notebook(notebook, {"top": CELLS["top"], "loud": loud})
    page = Page(kernel)
    model = shown(kernel, "%flow run")
    page.until(lambda: page.states(model).get("loud") == "running" and page.view(model)["steps"]["loud"]["text"])
    before = len(kernel.heard)
    begun = time.monotonic()
    assert [kernel.run(f"{n} + 1").status for n in range(10)] == ["ok"] * 10
    seconds = time.monotonic() - begun
    updates = [m for m in kernel.heard[before:] if m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == model]
    assert len(updates) <= 4 * seconds + 2
    (notebook.parent / "wake").touch()
    page.until_over(model)
