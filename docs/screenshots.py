"""Make the pictures of the README and the docs anew, in a real JupyterLab: ``make screenshots``.

Look at each before it is committed. Type comes from packages that every Debian has, so that the pictures look the same
wherever they are made; the times in them are this machine's, so let it do nothing else meanwhile.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from nbflow import ops
from nbflow.render import dag
from tests.ui.browser import chromium
from tests.ui.browser.lab import LabPage
from tests.ui.browser.pages import MILLISECONDS, NotebookPage
from tests.ui.browser.panels import cards, click, is_over, until
from tests.ui.browser.server import Server, serving

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
EXAMPLES = ROOT / "example_notebooks"
LARGEST = 200_000
"""Bytes of a picture."""
FONTS = {"Inter": "fonts-inter", "JetBrains Mono": "fonts-jetbrains-mono"}
"""Typeface → the package that has it."""

# Wherever a page asks for the usual typeface it gets ours.
FONTCONFIG = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <match><test name="family"><string>system-ui</string></test>
    <edit name="family" mode="assign" binding="strong"><string>Inter</string></edit></match>
  <match><test name="family"><string>sans-serif</string></test>
    <edit name="family" mode="assign" binding="strong"><string>Inter</string></edit></match>
  <match><test name="family"><string>DejaVu Sans Mono</string></test>
    <edit name="family" mode="assign" binding="strong"><string>JetBrains Mono</string></edit></match>
  <match><test name="family"><string>monospace</string></test>
    <edit name="family" mode="assign" binding="strong"><string>JetBrains Mono</string></edit></match>
</fontconfig>
"""


def main() -> None:
    lacking = [package for name, package in FONTS.items() if not _has(name)]
    if lacking:
        sys.exit(f"These pictures need typefaces. Run: sudo apt-get install -y {' '.join(lacking)}")
    IMAGES.mkdir(exist_ok=True)
    with ops.open_project([EXAMPLES / "03_team_pipeline"]) as project:
        (IMAGES / "team.svg").write_text(dag.svg(project.pipeline).rstrip() + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder, "jupyter")) as server:
        fonts = Path(folder, "fonts.conf")
        fonts.write_text(FONTCONFIG)
        with _browser(fonts) as browser:
            _notebook(server, browser)
            for name, address in {"": server.lab, "Notebook 7": server.notebook}.items():
                _flights(server, browser, address("02_flights.ipynb"), pictures=not name)
            _panel(server, browser)
    for path in sorted(IMAGES.iterdir()):
        sys.stdout.write(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes\n")


def _has(typeface: str) -> bool:
    return typeface in subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True).stdout


@contextmanager
def _browser(fonts: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.found(),
            args=list(chromium.ARGUMENTS),
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        )
        yield browser
        browser.close()


# --- a run in JupyterLab -------------------------------------------------------------------------------


def _notebook(server: Server, browser: Browser) -> None:
    """The quickstart after a parameter has changed: what is reused, what ran, and why."""
    shutil.copy(EXAMPLES / "01_quickstart.ipynb", server.root)
    (server.root / "pyproject.toml").write_text("[tool.nbflow]\n")
    # So high that the whole notebook is in view: nothing is scrolled, and nothing is left undrawn.
    page = browser.new_page(viewport={"width": 1120, "height": 6000}, device_scale_factor=1.6)
    nb = NotebookPage(page)
    nb.open(server.lab("01_quickstart.ipynb"))
    nb.type_and_run("%load_ext nbflow")
    nb.type_and_run("%flow run --wait")
    nb.hide_surroundings()
    first = nb.find("%%step logistic")
    last = nb.add("%flow run -p max_depth=5", below=nb.find("%%step tree"))
    nb.run(last)
    nb.shown(last).wait_for_selector(".nbf-status.nbf-succeeded", timeout=MILLISECONDS)
    click(nb, last, ".nbf-graph [data-step='01_quickstart.tree']")
    nb.rest()
    for theme in ("Light", "Dark"):
        _wear_and_shoot(nb, first, last, theme)


def _wear_and_shoot(nb: NotebookPage, first: int, last: int, theme: Literal["Light", "Dark"]) -> None:
    nb.wear("JupyterLab Light" if theme == "Light" else "JupyterLab Dark")
    clip = nb.area(first, last, margin=4)
    _write(IMAGES / f"notebook-{theme.lower()}.png", nb.page.screenshot(clip=clip))


MODELS = {"linear", "forest", "boosting"}


def _flights(server: Server, browser: Browser, address: str, *, pictures: bool) -> None:
    """The flights while models learn: another cell is run meanwhile, and the page loaded again shows what goes on. Then
    a run that is cancelled, and one click resumes it."""
    shutil.copy(EXAMPLES / "02_flights.ipynb", server.root)
    for folder in (".nbflow", "nbflow_runs", "reports"):
        shutil.rmtree(server.root / folder, ignore_errors=True)
    page = browser.new_page(viewport={"width": 1120, "height": 6000}, device_scale_factor=1.6)
    nb = NotebookPage(page)
    nb.open(address)
    run = nb.add("%flow run", below=nb.find("%load_ext nbflow"))
    nb.run(run - 1)
    nb.run(run)
    until(lambda: "running" in cards(nb, run).values())
    assert [output.text for output in nb.type_and_run("6 * 7")] == ["42"]
    nb.save()
    nb.open(address)
    until(lambda: [step for step in MODELS if cards(nb, run)[step] == "running"])
    nb.rest()
    if pictures:
        for theme in ("Light", "Dark"):
            nb.wear("JupyterLab Light" if theme == "Light" else "JupyterLab Dark")
            _write(IMAGES / f"running-{theme.lower()}.png", page.screenshot(clip=nb.area(run, run, margin=4)))
    until(lambda: is_over(nb, run))
    assert set(cards(nb, run).values()) == {"succeeded"}

    again = nb.add("%flow run -p n_trees=400", below=run)
    nb.run(again)
    until(lambda: cards(nb, again)["forest"] == "running")
    click(nb, again, ".nbf-do-cancel")
    until(lambda: is_over(nb, again))
    assert (is_over(nb, again), cards(nb, again)["forest"]) == ("cancelled", "cancelled")
    click(nb, again, ".nbf-do-retry")
    until(lambda: cards(nb, again)["forest"] == "running")
    click(nb, again, ".nbf-do-cancel")
    until(lambda: is_over(nb, again))
    server.shut_kernels_down()
    page.close()


def _panel(server: Server, browser: Browser) -> None:
    """The flights in JupyterLab without a kernel, all that ran before known, and one helper edited since."""
    shutil.copy(EXAMPLES / "02_flights.ipynb", server.root)
    page = browser.new_page(viewport={"width": 1400, "height": 900}, device_scale_factor=1.6)
    lab = LabPage(page).start(server).open("02_flights.ipynb")
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    until(lambda: set(lab.cards().values()) == {"fresh"})
    helper = next(n for n, source in enumerate(lab.nb.sources(), 1) if "def late_share" in source)
    lab.replace(helper, "> limit", ">= limit")
    until(lambda: lab.cards()["routes"] == "stale")
    lab.panel.locator("[data-step$=routes]").click()  # leads to its cell
    until(lambda: lab.panel.locator(".nbf-detail h3").inner_text() == "routes")
    page.mouse.move(0, 0)
    for theme in ("Light", "Dark"):
        lab.nb.wear("JupyterLab Light" if theme == "Light" else "JupyterLab Dark")
        page.wait_for_timeout(1000)  # a theme fades in
        _write(IMAGES / f"lab-{theme.lower()}.png", page.screenshot())
    page.close()


def _write(path: Path, png: bytes) -> None:
    """With as many colours as a page has, and no more bytes than a README should load."""
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(160, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        sys.exit(f"{path.name} has {path.stat().st_size:,} bytes, and {LARGEST:,} are enough.")


if __name__ == "__main__":
    main()
