"""The report of a real run, opened as a file: it draws, complains of nothing, and lets nothing of a notebook run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from nbflow.core.view import RunView
from nbflow.render.report import ShownCell, page
from tests.commands import Given, nbflow
from tests.ui.browser.drawings import Drawn
from tests.wire_views import HOSTILE, VIEWS

pytestmark = pytest.mark.slow

in_either_theme = pytest.mark.parametrize("drawn", ["light", "dark"], indirect=True)

CELLS = (
    "# parameters\nrows = 5",
    "%%step load -o table\ntable = list(range(rows))\nprint('rows:', rows)",
    "%%step train -i table -o model\nmodel = sum(table)\nprint('<b>model</b>', model)",
    "%%step check -i model\nassert model > 100, 'the model is too small'",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run in which a step failed."""
    folder = tmp_path_factory.mktemp("report")
    Given(CELLS).write(folder)
    assert nbflow(folder, "run", "-p", "rows=7").code == 1
    (found,) = folder.glob("nbflow_runs/*/report.html")
    return found


@in_either_theme
def test_the_report_of_a_real_run_opens_from_a_file(drawn: Drawn, report: Path) -> None:
    drawn.page.goto(report.as_uri())
    expect(drawn.page.locator(".nbf-status")).to_have_text("failed")
    assert drawn.texts(".nbf-row .nbf-name-text") == ["load", "train", "check"]
    drawn.page.locator(".nbf-graph [data-step='flow.train']").click()
    expect(drawn.page.locator(".nbf-detail h3")).to_have_text("train")
    links = drawn.page.locator(".nbf-detail a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert links == ["#outputs-2", "steps/train.ipynb"]
    assert (report.parent / links[1]).is_file()
    drawn.page.get_by_role("link", name="What its cells showed").click()
    shown = drawn.page.locator("#outputs-2")
    expect(shown).to_be_in_viewport()
    assert "<b>model</b> 21" in shown.inner_text()
    assert "AssertionError: the model is too small" in drawn.page.locator(".nbf-page > .nbf-said").first.inner_text()
    assert drawn.said == []
    assert drawn.serious() == []


def test_it_can_be_read_where_scripts_are_off(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page_ = context.new_page()
    page_.goto(report.as_uri())
    text = page_.locator("main").inner_text()
    context.close()
    for said in ("failed after", "The run in tables", "check failed in cell 4", "rows", "rows: 7"):
        assert said in text


@in_either_theme
def test_on_paper_nothing_is_folded_away(drawn: Drawn, report: Path) -> None:
    drawn.page.goto(report.as_uri())
    expect(drawn.page.locator("#nbf-tables")).not_to_have_attribute("open", "")
    drawn.page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert drawn.page.locator("details:not([open])").count() == 0


def on_page(tmp_path: Path, *html: str) -> str:
    """The address of a report in which a cell showed this."""
    seen = VIEWS["failed"]()
    shown = [{"output_type": "display_data", "data": {"text/html": one}} for one in html]
    file = tmp_path / "report.html"
    file.write_text(page(seen, {seen["steps"][0]["id"]: [ShownCell(1, shown)]}), encoding="utf-8")
    return file.as_uri()


PLAIN = "<table><tr><td>1</td></tr></table>"
STYLE = "(e, name) => getComputedStyle(e)[name]"


@in_either_theme
def test_paper_is_white_and_pages_break_where_it_does_not_hurt(drawn: Drawn, tmp_path: Path) -> None:
    drawn.page.goto(on_page(tmp_path, PLAIN))
    expect(drawn.page.locator(".nbf-status")).to_have_text("failed")
    drawn.page.emulate_media(media="print")
    assert drawn.page.locator(":root").evaluate(STYLE, "colorScheme") == "light"
    assert drawn.page.locator("#nbf-live h2").evaluate(STYLE, "color") == "rgb(31, 35, 40)"
    assert drawn.page.locator(".nbf-timeline").evaluate(STYLE, "backgroundColor") == "rgb(255, 255, 255)"
    assert drawn.page.frames[1].locator("body").evaluate(STYLE, "color") == "rgb(31, 35, 40)"
    assert drawn.page.locator(".nbf-timeline").evaluate(STYLE, "breakInside") == "auto"
    for heading in drawn.page.locator(".nbf-said > h2, .nbf-page summary").all():
        assert heading.evaluate(STYLE, "breakAfter") == "avoid"


@in_either_theme
def test_html_with_colours_of_its_own_stands_on_white_as_it_was_made_for(drawn: Drawn, tmp_path: Path) -> None:
    styled = '<table><tr><td style="color: #000080">1</td></tr></table>'
    picture = '<svg width="9" height="9"><path d="M0 0h9"/></svg>'
    drawn.page.goto(on_page(tmp_path, PLAIN, styled, picture))
    backgrounds = []
    for frame in drawn.page.frames[1:]:
        backgrounds.append(frame.locator("body").evaluate(STYLE, "backgroundColor"))
        scheme = frame.locator(":root").evaluate(STYLE, "colorScheme")
        assert scheme == ("light dark" if len(backgrounds) == 1 else "light")
    assert backgrounds == ["rgba(0, 0, 0, 0)", "rgb(255, 255, 255)", "rgb(255, 255, 255)"]


def outputs() -> list[dict[str, Any]]:
    scripts = [
        "<script>parent.sprung='script'</script><b>a</b>", "<img src=x onerror=\"parent.sprung='img'\">b",
        "<iframe srcdoc=\"<script>parent.parent.sprung='frame'</script>\"></iframe>c",
        "<svg onload=\"parent.sprung='svg'\"><script>parent.sprung='in svg'</script></svg>d",
        "<a href=\"javascript:parent.sprung='link'\" id=go>e</a>",
        "<style>@import 'x'; p { background: url(y) }</style>f",
        "<form action=x><button>g</button></form>h", "<meta http-equiv=refresh content='0;url=x'>i", *HOSTILE,
    ]  # fmt: skip
    shown: list[dict[str, Any]] = [{"output_type": "display_data", "data": {"text/html": html}} for html in scripts]
    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="parent.sprung=1"><script>parent.sprung=2</script></svg>'
    shown.append({"output_type": "display_data", "data": {"image/svg+xml": svg}})
    shown.append({"output_type": "stream", "name": "stdout", "text": [*HOSTILE, "z" * 1_000_000]})
    shown.append({"output_type": "error", "ename": "E", "evalue": "", "traceback": list(HOSTILE)})
    return shown


def test_a_hostile_run_runs_nothing_in_it(drawn: Drawn, tmp_path: Path) -> None:
    seen: RunView = {**VIEWS["hostile"](), "graph": None}
    file = tmp_path / "report.html"
    text = page(seen, {step["id"]: [ShownCell(1, outputs())] for step in seen["steps"]})
    file.write_text(text, encoding="utf-8", errors="replace")
    drawn.page.goto(file.as_uri())
    for step in json.loads(json.dumps(seen))["steps"]:
        drawn.page.locator(f".nbf-row[data-id='{step['id']}']").click()
    frames = drawn.page.frames[1:]
    assert len(frames) > 20
    for frame in frames:
        frame.locator("body").wait_for(state="attached")
    drawn.page.wait_for_load_state("load")
    assert drawn.sprung() is None
    assert drawn.page.url == file.as_uri()
    assert drawn.said == []
