"""The extension in both themes of JupyterLab: its colours are theirs, and everything can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from tests.ui.browser.drawings import serious
from tests.ui.browser.lab import LabPage
from tests.ui.browser.panels import until
from tests.ui.browser.pipelines import CHAIN, write

pytestmark = pytest.mark.slow

Theme = Literal["JupyterLab Light", "JupyterLab Dark"]
THEMES: tuple[Theme, ...] = ("JupyterLab Light", "JupyterLab Dark")
MIXED = {
    **CHAIN,
    "fails": "%%step fails -i total\nraise ValueError(total)",
    "wrong": "%%step wrong -i total -o unmade\nprint(total)",
}
"""One step fails, and the line of another is wrong."""

COLOURS = """([selector, property, variable]) => {
    const probe = document.createElement('i');
    probe.style.setProperty(property, `var(${variable})`);
    document.body.append(probe);
    const wanted = getComputedStyle(probe).getPropertyValue(property);
    probe.remove();
    return [getComputedStyle(document.querySelector(selector)).getPropertyValue(property), wanted];
}"""

WORN = {
    (".jp-nbflow-panel", "background-color"): "--jp-layout-color1",
    (".jp-nbflow-panel", "color"): "--jp-ui-font-color1",
    (".jp-nbflow-finding", "background-color"): "--jp-layout-color2",
    (".jp-nbflow-badge-name", "color"): "--jp-ui-font-color0",
    (".jp-nbflow-badge .nbf-quiet", "color"): "--jp-ui-font-color2",
}
"""(what, which property) → the theme's variable."""


DRAWN = [".jp-nbflow-panel", ".jp-nbflow-badge"]


def wear(lab: LabPage, theme: Theme) -> None:
    """JupyterLab covers the page while the theme changes."""
    lab.nb.wear(theme)
    lab.page.locator("#jupyterlab-splash").wait_for(state="detached")


def test_it_wears_the_colours_of_either_theme_and_all_of_it_can_be_read(lab: LabPage, project: Path) -> None:
    path = write(project, "mixed.ipynb", {name: cell for name, cell in MIXED.items() if name != "wrong"})
    lab.open(path)
    until(lambda: len(lab.badges()) == 3)
    lab.command("nbflow:run")
    until(lambda: lab.states() == {"make": "succeeded", "add": "succeeded", "fails": "failed"})
    title = lab.panel.locator(".nbf-title").bounding_box()
    assert title is not None
    assert title["height"] < 60, "the title has no room beside the buttons"
    seen = {}
    for theme in THEMES:
        wear(lab, theme)
        assert serious(lab.page, DRAWN) == [], theme
    lab.open(write(project, "wrong.ipynb", MIXED))
    until(lambda: len(lab.badges()) == 4)
    lab.panel.locator(".jp-nbflow-finding").first.wait_for()
    for theme in THEMES:
        wear(lab, theme)
        assert serious(lab.page, DRAWN) == [], theme
        for (what, which), variable in WORN.items():
            worn, wanted = lab.page.evaluate(COLOURS, [what, which, variable])
            assert worn == wanted, (theme, what)
            seen[theme, what, which] = worn
        lab.command("nbflow:run-with-parameters")
        lab.page.locator(".jp-Dialog .jp-nbflow-form input").fill("four")
        assert serious(lab.page, [".jp-nbflow-form"]) == [], theme
        lab.page.keyboard.press("Escape")
        lab.page.locator(".jp-Dialog").wait_for(state="detached")
    light, dark = ({key[1:]: worn for key, worn in seen.items() if key[0] == theme} for theme in THEMES)
    assert [key for key in light if light[key] == dark[key]] == []
