"""What a person sees of nbflow in JupyterLab and in Notebook 7: the picture below its cell, a run, one line about a
mistake, and a stop that stops."""

from __future__ import annotations

import io
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import ElementHandle

from tests.flows import write_notebook
from tests.ui.browser.conftest import EXAMPLES, FRONT_ENDS
from tests.ui.browser.pages import NotebookPage, Output

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("front_end", FRONT_ENDS)]

Opened = Callable[[str, str], NotebookPage]

SMALL = {
    "load": "%load_ext nbflow",
    "make": "%%step make -o numbers\nnumbers = [1, 2, 3]",
    "sum": "%%step add -i numbers -o total\ntotal = sum(numbers)\ntotal",
}
ENDLESS = {
    **SMALL,
    "wait": "%%step wait -i total\nimport time\nprint('it waits', flush=True)\nwhile True:\n    time.sleep(0.05)",
}


def picture(nb: NotebookPage, number: int) -> tuple[ElementHandle, dict[str, str]]:
    """The picture below a cell as it stands on the page, and the labels of its steps."""
    image = nb.shown(number).wait_for_selector(".jp-RenderedSVG img")
    assert image is not None
    image.scroll_into_view_if_needed()
    nb.page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image)
    source = image.evaluate("image => decodeURIComponent(image.src.slice('data:image/svg+xml,'.length))")
    steps = [e for e in ET.fromstring(source).iter() if e.get("data-step")]
    return image, {str(e.get("data-step")): str(e.get("aria-label")) for e in steps}


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


def test_the_quickstart_by_hand_then_drawn_run_and_loaded(front_end: str, opened: Opened, project: Path) -> None:
    shutil.copy(EXAMPLES / "01_quickstart.ipynb", project)
    nb = opened(front_end, "01_quickstart.ipynb")
    assert nb.type_and_run("%load_ext nbflow") == []
    for number, kind in enumerate(nb.kinds()[:-1]):
        if kind == "code":
            assert errors(nb.run(number)) == []
    assert nb.outputs(nb.find("%%step load"))[0].text == "(344, 8)"
    assert nb.outputs(nb.find("%%step prepare"))[0].text.endswith("to be tested on\n")
    assert "image/png" in nb.outputs(nb.find("%%step compare\n"))[-1].types

    drawn = nb.add("%flow")
    nb.run(drawn)
    image, steps = picture(nb, drawn)
    assert list(steps.values()) == ["load", "prepare", "logistic", "tree", "compare"]
    box = image.bounding_box()
    assert box is not None
    assert (box["width"] > 250, box["height"] > 350) == (True, True)
    assert [int(greys(image).min()) < 80, int(greys(image).max())] == [True, 255]

    run = nb.add("%flow run")
    assert errors(nb.run(run)) == []
    _, steps = picture(nb, run)
    assert untimed(steps) == [f"{name}: succeeded" for name in ("load", "prepare", "logistic", "tree", "compare")]
    assert any("succeeded in" in line and line.endswith("5 succeeded.") for line in lines(nb, run))

    nb.type_and_run("by_hand = scores; del scores")
    (loaded,) = nb.type_and_run("%flow load compare")
    assert loaded.text.startswith("nbflow: loaded scores from step compare (run ")
    assert [o.text for o in nb.type_and_run("by_hand.equals(scores)")] == ["True"]


def test_the_picture_wears_the_theme_and_is_there_again_when_the_notebook_is_opened_again(
    front_end: str, opened: Opened, project: Path
) -> None:
    write_notebook(project / "small.ipynb", {**SMALL, "flow": "%flow"})
    nb = opened(front_end, "small.ipynb")
    nb.run(0)
    nb.run(3)
    image, _ = picture(nb, 3)
    nb.wear("JupyterLab Light")
    light = greys(image)
    nb.wear("JupyterLab Dark")
    dark = greys(image)
    assert [int(np.median(light)), int(light.min()) < 80] == [255, True]
    assert [int(np.median(dark)) < 40, int(dark.max()) > 200] == [True, True]
    nb.save()
    again = opened(front_end, "small.ipynb")
    assert list(picture(again, 3)[1].values()) == ["make", "add"]


MISSPELT = {
    "%%step add -i numbers --outt total\n1": "DeclareError: %%step has no option '--outt'. Did you mean '--out'?",
    "%flow run --forse": "UsageError: %flow run has no option '--forse'. Did you mean '--force'?",
    "%flow rum": "UsageError: %flow has no verb 'rum'. Did you mean 'run'?",
}


def test_a_misspelt_word_is_one_clear_line(front_end: str, opened: Opened, project: Path) -> None:
    write_notebook(project / "small.ipynb", SMALL)
    nb = opened(front_end, "small.ipynb")
    nb.run(0)
    said = {}
    for source in MISSPELT:
        number = nb.add(source)
        nb.run(number)
        said[source] = lines(nb, number)
    assert said == {source: [line] for source, line in MISSPELT.items()}


def test_the_stop_button_stops_a_step_cell(front_end: str, opened: Opened, project: Path) -> None:
    write_notebook(project / "endless.ipynb", ENDLESS)
    nb = opened(front_end, "endless.ipynb")
    for number in range(3):
        nb.run(number)
    nb.run(3, wait=False)
    nb.wait_until_shown(3, "it waits")
    nb.interrupt()
    nb.wait_until_done()
    assert [text.partition(":")[0] for text in errors(nb.outputs(3))] == ["KeyboardInterrupt"]
    assert [o.text for o in nb.run(2)] == ["6"]


def test_the_stop_button_cancels_a_run_and_the_next_one_goes_on(front_end: str, opened: Opened, project: Path) -> None:
    write_notebook(project / "endless.ipynb", {**ENDLESS, "run": "%flow run"})
    nb = opened(front_end, "endless.ipynb")
    nb.run(0)
    nb.run(4, wait=False)
    nb.wait_until_shown(4, r"wait +running")
    nb.interrupt()
    nb.wait_until_done()
    assert untimed(picture(nb, 4)[1]) == ["make: succeeded", "add: succeeded", "wait: cancelled"]
    assert "To resume: %flow run" in errors(nb.outputs(4))[0]
    resumed = nb.add("%flow run add")
    assert errors(nb.run(resumed)) == []
    assert list(picture(nb, resumed)[1].values())[1] == "add: reused"
