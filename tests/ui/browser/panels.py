"""The widget of a run below its cell, as a person sees it and clicks on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import ElementHandle, Error

from tests.ui.browser.pages import MILLISECONDS, NotebookPage


def widget(nb: NotebookPage, number: int) -> ElementHandle:
    """The pipeline below a cell, as it stands on the page. A front end may draw it anew meanwhile."""
    while True:
        card = nb.shown(number).wait_for_selector(".nbf-view .nbf-graph svg [data-step]", timeout=MILLISECONDS)
        view = card and card.evaluate_handle("card => card.closest('.jp-OutputArea .nbf-view')").as_element()
        if view:
            return view


def cards(nb: NotebookPage, number: int) -> dict[str, str]:
    """How its steps stand in the picture: ``{"train": "succeeded"}``."""
    said = "all => all.map(e => [e.dataset.step, e.querySelector('.nbf-note').textContent])"
    notes = widget(nb, number).eval_on_selector_all("[data-step]", said)
    return {step.rpartition(".")[2]: re.sub(r" · .*", "", note) for step, note in notes}


def is_over(nb: NotebookPage, number: int) -> str:
    """How the run below a cell ended; ``""`` while it goes on."""
    status = widget(nb, number).query_selector(".nbf-status")
    said = status.inner_text() if status else ""
    return "" if said in ("", "running", "stopping", "planned", "not running") else said


def click(nb: NotebookPage, number: int, selector: str) -> None:
    """Click on a part of the widget, as soon as it is there and stays: at the end of a run it is drawn anew."""

    def is_clicked() -> bool:
        found = widget(nb, number).query_selector(selector)
        if found is None:
            return False
        try:
            found.click(timeout=5000)
        except Error:
            return False
        return True

    until(is_clicked)


def until(looks: Callable[[], object]) -> None:
    """Wait for what is seen: a browser draws a picture anew some time after its colours have changed."""
    deadline = time.monotonic() + MILLISECONDS / 1000
    while not looks():
        assert time.monotonic() < deadline
        time.sleep(0.1)
