"""What a person sees of nbflow in JupyterLab and in Notebook 7: the picture below its cell, a run, one line about a
mistake, and a stop that stops."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import ElementHandle, Page

from tests.flows import write_notebook
from tests.ui.browser.conftest import EXAMPLES
from tests.ui.browser.lab import LabPage
from tests.ui.browser.pages import NotebookPage, Output
from tests.ui.browser.panels import cards, click, is_over, until, widget
from tests.ui.browser.server import Server

pytestmark = pytest.mark.slow

InNotebook7 = Callable[[str], NotebookPage]

SMALL = {
    "load": "%load_ext nbflow",
    "make": "%%step make -o numbers\nnumbers = [1, 2, 3]",
    "sum": "%%step add -i numbers -o total\ntotal = sum(numbers)\ntotal",
}
WAITING = {
    **SMALL,
    "wait": (
        "%%step wait -i total -o done\nimport pathlib, time\n"
        "while not pathlib.Path('wake').exists():\n    time.sleep(0.05)\ndone = total"
    ),
}
"""Goes on when it is woken."""
RUNNING = {"make": "succeeded", "add": "succeeded", "wait": "running"}
"""Of the one that waits."""
ENDLESS = {
    **SMALL,
    "wait": "%%step wait -i total\nimport time\nprint('it waits', flush=True)\nwhile True:\n    time.sleep(0.05)",
}


@pytest.fixture
def in_notebook_7(new_page: Callable[[], Page], server: Server, project: Path) -> InNotebook7:
    """Opens a notebook of the project there, with its kernel. All in one page, which is loaded each time."""
    nb = NotebookPage(new_page())

    def open_(name: str) -> NotebookPage:
        nb.open(server.notebook(f"{project.name}/{name}"))
        return nb

    return open_


def in_lab(lab: LabPage, project: Path, name: str) -> NotebookPage:
    """A notebook of the project opened there, with its kernel."""
    return lab.open(f"{project.name}/{name}", panel=False, kernel=True).nb


def picture(nb: NotebookPage, number: int) -> tuple[ElementHandle, dict[str, str]]:
    """The picture below a cell as it stands on the page, and the labels of its steps."""
    image = nb.shown(number).wait_for_selector(".jp-RenderedSVG img")
    assert image is not None
    image.scroll_into_view_if_needed()
    nb.page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image)
    source = image.evaluate("image => decodeURIComponent(image.src.slice('data:image/svg+xml,'.length))")
    steps = [e for e in ET.fromstring(source).iter() if e.get("data-step")]
    return image, {str(e.get("data-step")): str(e.get("aria-label")) for e in steps}


def steps_without_a_kernel(notebook: Path) -> list[str]:
    """The steps in the last picture that the saved notebook shows as a page, without their times."""
    words = [sys.executable, "-m", "nbconvert", "--to", "html", "--stdout", notebook.name]
    page = subprocess.run(words, cwd=notebook.parent, capture_output=True, text=True, check=True).stdout
    *_, drawn = re.findall(r'<img [^>]*src="data:image/svg\+xml;base64,([^"]*)"', page)
    labels = [e.get("aria-label") for e in ET.fromstring(base64.b64decode(drawn)).iter() if e.get("data-step")]
    return [re.sub(r" · .*", "", str(label)) for label in labels]


def untimed(labels: dict[str, str]) -> list[str]:
    """The labels without how long their steps took."""
    return [re.sub(r" · .*", "", label) for label in labels.values()]


def greys(image: ElementHandle) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """What the picture looks like without colour, 0 is black."""
    return np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("L"))


def lines(nb: NotebookPage, number: int) -> list[str]:
    """What a person reads below a cell."""
    return [line for line in nb.shown(number).inner_text().splitlines() if line.strip()]


def errors(outputs: list[Output]) -> list[str]:
    return [o.text for o in outputs if o.kind == "error"]


def test_the_quickstart_by_hand_then_drawn_run_in_part_and_loaded(in_notebook_7: InNotebook7, project: Path) -> None:
    """All of it is run in JupyterLab (`test_lab_extension`), and learning takes its time."""
    shutil.copy(EXAMPLES / "01_quickstart.ipynb", project)
    nb = in_notebook_7("01_quickstart.ipynb")
    assert nb.type_and_run("%load_ext nbflow") == []
    for number, kind in enumerate(nb.kinds()[:-1]):
        if kind == "code":
            assert errors(nb.run(number)) == []
    assert nb.outputs(nb.find("%%step load"))[0].text == "(344, 8)"
    assert nb.outputs(nb.find("%%step prepare"))[0].text.endswith("to be tested on\n")
    *_, drawn_, badge = nb.outputs(nb.find("%%step compare\n"))
    assert ("image/png" in drawn_.types, badge.text) == (True, "step compare has no result of a run yet")

    drawn = nb.add("%flow")
    nb.run(drawn)
    assert cards(nb, drawn) == dict.fromkeys(("load", "prepare", "logistic", "tree", "compare"), "no result")
    box = widget(nb, drawn).bounding_box()
    assert box is not None
    assert (box["width"] > 400, box["height"] > 350) == (True, True)

    run = nb.add("%flow run +prepare")
    assert errors(nb.run(run)) == []
    until(lambda: is_over(nb, run))
    assert (is_over(nb, run), list(cards(nb, run).items())) == (
        "succeeded", [("load", "succeeded"), ("prepare", "succeeded")],
    )  # fmt: skip

    until(lambda: "succeeded in" in nb.outputs(run)[0].text)
    nb.save()
    steps = ["load: succeeded", "prepare: succeeded", "logistic", "tree", "compare"]
    assert steps_without_a_kernel(project / "01_quickstart.ipynb") == steps

    nb.type_and_run("by_hand = train; del train")
    (loaded,) = nb.type_and_run("%flow load prepare")
    assert loaded.text.startswith("nbflow: loaded train, test from step prepare (run ")
    assert [o.text for o in nb.type_and_run("by_hand.equals(train)")] == ["True"]


MISSPELT = {
    "%%step add -i numbers --outt total\n1": "DeclareError: %%step has no option '--outt'. Did you mean '--out'?",
    "%flow run --forse": "UsageError: %flow run has no option '--forse'. Did you mean '--force'?",
    "%flow rum": "UsageError: %flow has no verb 'rum'. Did you mean 'run'?",
}


def test_a_run_is_live_beside_other_cells_and_after_the_page_was_loaded_again(
    lab: LabPage, project: Path, server: Server
) -> None:
    write_notebook(project / "waiting.ipynb", {**WAITING, "run": "%flow run"})
    nb = in_lab(lab, project, "waiting.ipynb")
    nb.run(0)
    start_and_work_beside_it(nb, 4)
    nb.save()
    again = in_lab(lab.start(server), project, "waiting.ipynb")
    is_met_again_and_ends(again, 4, project)


def test_in_notebook_7_it_wears_the_theme_and_a_run_is_live_and_a_misspelt_word_is_one_clear_line(
    in_notebook_7: InNotebook7, project: Path
) -> None:
    write_notebook(project / "waiting.ipynb", {**WAITING, "flow": "%flow", "run": "%flow run"})
    nb = in_notebook_7("waiting.ipynb")
    nb.run(0)
    nb.run(4)
    nb.wear("JupyterLab Light")
    until(lambda: np.median(greys(widget(nb, 4))) == 255 and greys(widget(nb, 4)).min() < 80)
    nb.wear("JupyterLab Dark")
    until(lambda: np.median(greys(widget(nb, 4))) < 60 and greys(widget(nb, 4)).max() > 200)
    start_and_work_beside_it(nb, 5)
    said = {}
    for source in MISSPELT:
        number = nb.add(source)
        nb.run(number)
        said[source] = lines(nb, number)
    assert said == {source: [line] for source, line in MISSPELT.items()}
    nb.save()

    again = in_notebook_7("waiting.ipynb")
    until(lambda: cards(again, 4) == RUNNING)
    is_met_again_and_ends(again, 5, project)


def start_and_work_beside_it(nb: NotebookPage, run: int) -> None:
    assert errors(nb.run(run)) == []
    until(lambda: cards(nb, run) == RUNNING)
    assert [o.text for o in nb.type_and_run("6 * 7")] == ["42"]


def is_met_again_and_ends(nb: NotebookPage, run: int, project: Path) -> None:
    until(lambda: cards(nb, run).get("wait") == "running")
    (project / "wake").touch()
    until(lambda: is_over(nb, run))
    assert (is_over(nb, run), cards(nb, run)["wait"]) == ("succeeded", "succeeded")


def test_its_buttons_cancel_resume_and_lead_to_the_cell_of_a_step(lab: LabPage, project: Path) -> None:
    below = {f"text{n}": f"{n}\n" * 30 for n in range(12)}
    write_notebook(project / "waiting.ipynb", {**WAITING, **below, "run": "%flow run"})
    nb = in_lab(lab, project, "waiting.ipynb")
    nb.run(0)
    run = nb.find("%flow run")
    nb.run(run)
    until(lambda: cards(nb, run)["wait"] == "running")
    click(nb, run, ".nbf-do-cancel")
    until(lambda: is_over(nb, run))
    assert (is_over(nb, run), cards(nb, run)["wait"]) == ("cancelled", "cancelled")
    (project / "wake").touch()
    click(nb, run, ".nbf-do-retry")
    until(lambda: is_over(nb, run) == "succeeded")
    assert cards(nb, run) == {"make": "reused", "add": "reused", "wait": "succeeded"}

    click(nb, run, "[data-step]")
    click(nb, run, ".nbf-do-jump")
    until(lambda: nb.is_in_view(nb.find("%%step make")))


def test_the_stop_button_stops_a_step_cell_and_cancels_a_run_that_is_watched(lab: LabPage, project: Path) -> None:
    write_notebook(project / "endless.ipynb", {**ENDLESS, "run": "%flow run --wait"})
    nb = in_lab(lab, project, "endless.ipynb")
    for number in range(3):
        nb.run(number)
    nb.run(3, wait=False)
    nb.wait_until_shown(3, "it waits")
    nb.interrupt()
    nb.wait_until_done()
    assert [text.partition(":")[0] for text in errors(nb.outputs(3))] == ["KeyboardInterrupt"]
    assert nb.run(2)[0].text == "6"

    nb.run(4, wait=False)
    nb.wait_until_shown(4, r"wait +running")
    nb.interrupt()
    nb.wait_until_done()
    assert untimed(picture(nb, 4)[1]) == ["make: succeeded", "add: succeeded", "wait: cancelled"]
    assert "To resume: %flow run" in errors(nb.outputs(4))[0]
    resumed = nb.add("%flow run add --wait")
    assert errors(nb.run(resumed)) == []
    assert list(picture(nb, resumed)[1].values())[1] == "add: reused"
