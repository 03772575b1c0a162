"""The renderer in a real browser: what it draws of the golden views, and what a keyboard, an ear and a mouse find."""

from __future__ import annotations

import copy
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from nbflow.core.events import RunStarted, StepSpec, StepStarted, StepSucceeded
from nbflow.core.run import fold
from nbflow.core.view import Notes, changes, noted, view
from nbflow.render.words import duration, size
from tests.ui.browser.drawings import ADVICE, JS, Drawn
from tests.wire_views import FOLDER, HOSTILE, VIEWS

pytestmark = pytest.mark.slow

in_either_theme = pytest.mark.parametrize("drawn", ["light", "dark"], indirect=True)

EVERY_ACTION = ("run", "cancel", "retry", "only", "jump")


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))
    return found


def test_its_types_are_sound_and_those_of_the_golden_views() -> None:
    compiler = JS / "node_modules" / "typescript" / "bin" / "tsc"
    assert compiler.is_file(), ADVICE
    node = Path(sys.executable).with_name("node")
    done = subprocess.run([str(node), str(compiler), "--project", str(JS)], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


HEADS = {
    "running": ("running", ["2 running", "2 succeeded", "1 waiting"]),
    "failed": ("failed", ["3 succeeded", "1 failed", "1 skipped"]),
    "retried": ("succeeded", ["5 succeeded"]),
    "cancelled": ("cancelled", ["2 succeeded", "3 cancelled"]),
    "reused": ("succeeded", ["5 reused"]),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_view_says_how_the_run_stands_and_every_step(drawn: Drawn, name: str) -> None:
    seen = golden(name)
    drawn.mount(seen)
    status, counts = HEADS[name]
    assert (drawn.texts(".nbf-status"), sorted(drawn.texts(".nbf-counts li"))) == ([status], sorted(counts))
    assert drawn.texts(".nbf-row .nbf-name-text") == [step["name"] for step in seen["steps"]]
    cards = drawn.page.locator("[data-step]").all()
    for step, card in zip(seen["steps"], cards, strict=True):
        assert f"nbf-{step['state']}" in str(card.get_attribute("class")).split()
        assert str(card.get_attribute("aria-label")).startswith(f"{step['name']} {step['label']}")
    assert drawn.said == []


def test_attempts_are_bars_with_their_parts_and_the_longest_chain_is_marked(drawn: Drawn) -> None:
    drawn.mount(golden("retried"))
    train = drawn.page.locator('.nbf-row[data-id="nb.train"]')
    parts = [str(bar.get_attribute("class")).split()[1:] for bar in train.locator(".nbf-bar").all()]
    assert parts == [
        ["nbf-part-waiting", "nbf-failed"], ["nbf-part-kernel", "nbf-failed"], ["nbf-part-code", "nbf-failed"],
        ["nbf-end", "nbf-failed"],
        ["nbf-part-waiting", "nbf-succeeded"], ["nbf-part-kernel", "nbf-succeeded"],
        ["nbf-part-code", "nbf-succeeded"], ["nbf-part-saving", "nbf-succeeded"],
    ]  # fmt: skip
    marked = drawn.page.locator(".nbf-row:has(.nbf-chain:not([hidden])) .nbf-name-text")
    assert marked.all_inner_texts() == ["load", "clean", "train", "publish"]
    assert drawn.page.locator(".nbf-edge.nbf-critical").count() == 3


def test_the_detail_of_a_step_has_all_that_is_known_of_it(drawn: Drawn) -> None:
    drawn.mount(golden("failed"), EVERY_ACTION)
    drawn.page.locator('[data-step="nb.train"]').click()
    detail = drawn.page.locator(".nbf-detail")
    text = detail.inner_text()
    for said in (
        "ValueError: the table is empty", "----> 2 raise ValueError(...)", "nb.ipynb, cell 4", "180 MB",
        "3. failed", "kernel and inputs 0.4 s, code 1.6 s", "DataFrame 327346 × 12", "31 MB", "epoch 3: loss 0.333",
        "none: it is on the longest chain",
    ):  # fmt: skip
        assert said in text
    assert detail.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))") == ["run/steps/train.ipynb"]
    drawn.page.keyboard.press("Escape")
    expect(detail.locator("h3")).to_have_text("This run")
    assert "Longest chain: load → clean → train" in detail.inner_text()


def test_buttons_are_those_that_make_sense_and_that_the_host_can_do(drawn: Drawn) -> None:
    drawn.mount(golden("failed"), EVERY_ACTION)
    assert drawn.texts(".nbf-head .nbf-button") == ["Run", "Retry what failed"]
    drawn.page.get_by_role("button", name="Retry what failed").click()
    drawn.page.locator('.nbf-row[data-id="nb.plot"]').click()
    drawn.page.get_by_role("button", name="Run this step").click()
    drawn.page.get_by_role("button", name="Go to cell").click()
    assert drawn.page.evaluate("window.asked") == [["retry", None], ["only", "nb.plot"], ["jump", "nb.plot"]]
    drawn.mount(golden("failed"), ["cancel"])
    assert drawn.texts(".nbf-head .nbf-button") == []
    drawn.mount(golden("running"), EVERY_ACTION)
    assert drawn.texts(".nbf-head .nbf-button") == ["Cancel"]


def test_a_keyboard_reaches_everything(drawn: Drawn) -> None:
    drawn.mount(golden("failed"))
    focused = "document.activeElement.dataset.step ?? document.activeElement.dataset.id"
    drawn.page.locator('[data-step="nb.load"]').focus()
    for key, step in (("ArrowDown", "nb.clean"), ("ArrowDown", "nb.train"), ("ArrowUp", "nb.clean")):
        drawn.page.keyboard.press(key)
        assert drawn.page.evaluate(focused) == step
    drawn.page.keyboard.press("Enter")
    expect(drawn.page.locator(".nbf-detail h3")).to_have_text("clean")
    expect(drawn.page.locator('[data-step="nb.clean"]')).to_have_attribute("aria-pressed", "true")
    drawn.page.keyboard.press("Escape")
    expect(drawn.page.locator(".nbf-detail h3")).to_have_text("This run")
    drawn.page.locator('.nbf-row[tabindex="0"]').focus()
    for key in ("End", "ArrowUp", "ArrowUp", "Enter"):
        drawn.page.keyboard.press(key)
    expect(drawn.page.locator(".nbf-detail h3")).to_have_text("train")
    expect(drawn.page.locator('.nbf-row[data-id="nb.train"]')).to_have_attribute("aria-selected", "true")


def test_what_goes_wrong_is_said_to_those_who_hear(drawn: Drawn) -> None:
    running = golden("running")
    drawn.mount(running)
    failed = {**golden("failed"), "graph": None}
    drawn.update({**failed, "started": running["started"]})
    expect(drawn.page.get_by_role("status")).to_have_text(
        "train failed: ValueError: the table is empty The run failed."
    )


def test_the_picture_can_be_moved_and_zoomed_and_fits_again(drawn: Drawn) -> None:
    drawn.mount(golden("failed"))
    svg = drawn.page.locator(".nbf-graph svg")
    fit = svg.get_attribute("viewBox")
    drawn.page.get_by_role("button", name="Zoom in").click()
    zoomed = svg.get_attribute("viewBox")
    frame = drawn.page.locator(".nbf-graph").bounding_box()
    assert frame is not None
    x, y = frame["x"] + 20, frame["y"] + 200
    drawn.page.mouse.move(x, y)
    drawn.page.mouse.down()
    drawn.page.mouse.move(x + 60, y - 40, steps=3)
    drawn.page.mouse.up()
    moved = svg.get_attribute("viewBox")
    assert len({fit, zoomed, moved}) == 3
    expect(drawn.page.locator(".nbf-detail h3")).to_have_text("This run")  # to drag is not to choose
    drawn.page.get_by_role("button", name="Fit").click()
    assert svg.get_attribute("viewBox") == fit


def wide(steps: int = 60, **states: str) -> dict[str, Any]:
    """A view whose picture is one row of cards below one that feeds them all, far wider than the page."""
    seen = golden("running")
    width, cards = 240 * steps, [("root", 120 * steps, 0), *((f"s{n}", 240 * n, 100) for n in range(steps))]
    drawings = [
        f'<g id="{name}" transform="translate({x} {y})"><rect class="nbf-card" width="200" height="60"/>'
        f'<text class="nbf-name">{name}</text><text class="nbf-note"></text></g>'
        for name, x, y in cards
    ] + [f'<g class="nbf-edge" data-from="root" data-to="{name}"/>' for name, _, _ in cards[1:]]
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="160">{"".join(drawings)}</svg>'
    like = {**seen["steps"][-1], "needs": [], "attempts": [], "group": ""}
    told = [{**like, "id": name, "name": name, "state": states.get(name, "waiting")} for name, _, _ in cards]
    graph = {"svg": svg, "elements": {name: name for name, _, _ in cards}, "note": ""}
    return {**seen, "graph": graph, "steps": told, "time": None}


def is_seen(drawn: Drawn, step: str) -> bool:
    """Whether the card of a step lies wholly in the frame of the picture."""
    found: bool = drawn.page.evaluate(
        """step => {
            const card = document.querySelector(`[data-step="${step}"] .nbf-card`).getBoundingClientRect();
            const frame = document.querySelector('.nbf-graph').getBoundingClientRect();
            return card.left >= frame.left - 1 && card.right <= frame.right + 1
                && card.top >= frame.top - 1 && card.bottom <= frame.bottom + 1;
        }""",
        step,
    )
    return found


def test_a_picture_too_wide_opens_where_something_happens(drawn: Drawn) -> None:
    drawn.mount(wide())
    assert is_seen(drawn, "root")
    assert not is_seen(drawn, "s0")
    drawn.mount(wide(s50="running"))
    assert is_seen(drawn, "s50")
    drawn.mount(wide(s7="failed"))
    assert is_seen(drawn, "s7")


def test_a_picture_that_nearly_fits_across_is_made_to(drawn: Drawn) -> None:
    drawn.page.set_viewport_size({"width": 330, "height": 900})
    drawn.mount(wide(3))
    assert [is_seen(drawn, step) for step in ("root", "s0", "s2")] == [True] * 3


def test_no_button_lies_on_the_picture(drawn: Drawn) -> None:
    drawn.mount(golden("failed"))
    frame = drawn.page.locator(".nbf-graph").bounding_box()
    button = drawn.page.get_by_role("button", name="Fit").bounding_box()
    assert frame is not None
    assert button is not None
    assert button["y"] >= frame["y"] + frame["height"]


def test_fit_shows_all_of_a_picture_however_large(drawn: Drawn) -> None:
    drawn.mount(wide())
    drawn.page.get_by_role("button", name="Fit").click()
    assert [is_seen(drawn, step) for step in ("root", "s0", "s59")] == [True] * 3


def test_a_step_that_is_chosen_is_seen_in_the_picture(drawn: Drawn) -> None:
    drawn.mount(wide())
    drawn.page.locator('.nbf-row[data-id="s2"]').click()
    assert is_seen(drawn, "s2")
    drawn.page.evaluate("() => window.drawing.select('s58')")
    assert is_seen(drawn, "s58")


def with_cards(cards: dict[str, tuple[int, int]], lines: tuple[str, ...]) -> dict[str, Any]:
    """A view of steps at these places; lines as ``"ab"`` for one from a to b."""
    seen = golden("running")
    drawings = [
        f'<g id="{name}" transform="translate({x} {y})"><rect class="nbf-card" width="200" height="60"/></g>'
        for name, (x, y) in cards.items()
    ] + [f'<g class="nbf-edge" data-from="{line[0]}" data-to="{line[1]}"/>' for line in lines]
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="400">{"".join(drawings)}</svg>'
    graph = {"svg": svg, "elements": {name: name for name in cards}, "note": ""}
    like = {**seen["steps"][-1], "needs": [], "attempts": []}
    return {**seen, "graph": graph, "steps": [{**like, "id": n, "name": n} for n in cards], "time": None}


DOWN = {"a": (320, 0), "b": (100, 110), "c": (540, 110), "d": (320, 220), "e": (0, 220)}
WAYS = [
    ("a", "ArrowDown", "bc"), ("d", "ArrowUp", "bc"), ("b", "ArrowDown", "d"), ("b", "ArrowRight", "c"),
    ("c", "ArrowLeft", "b"), ("b", "ArrowUp", "a"),
]  # fmt: skip
TURNED = {"ArrowDown": "ArrowRight", "ArrowUp": "ArrowLeft", "ArrowRight": "ArrowDown", "ArrowLeft": "ArrowUp"}


@pytest.mark.parametrize("turned", [False, True])
def test_arrow_keys_leave_no_layer_out_and_follow_lines(drawn: Drawn, turned: bool) -> None:
    """``b`` is nearer to ``e`` than to ``d``, and ``a`` stands right above ``d``."""
    places = {n: ((y * 3, x // 3) if turned else (x, y)) for n, (x, y) in DOWN.items()}
    drawn.mount(with_cards(places, ("ab", "ac", "bd", "cd")))
    for step, key, there in WAYS:
        drawn.page.locator(f'[data-step="{step}"]').focus()
        drawn.page.keyboard.press(TURNED[key] if turned else key)
        assert drawn.page.evaluate("document.activeElement.dataset.step") in set(there), (step, key)


def test_nothing_sticks_out_that_would_bring_a_scrollbar(drawn: Drawn) -> None:
    drawn.mount(golden("running"))
    drawn.page.add_style_tag(content="#host { position: relative; overflow: auto; }")
    sizes = "host => [host.scrollHeight - host.clientHeight, host.scrollWidth - host.clientWidth]"
    assert drawn.page.locator("#host").evaluate(sizes) == [0, 0]


def test_lines_of_a_traceback_stay_lines_where_the_host_breaks_them(drawn: Drawn) -> None:
    """JupyterLab has this rule."""
    drawn.mount(golden("failed"))
    drawn.page.add_style_tag(
        content=".host pre { word-break: break-all; white-space: pre-wrap; max-height: none; padding: 0; }"
    )
    drawn.page.evaluate("() => { host.className = 'host'; window.drawing.select('nb.train'); }")
    style = "box => ['whiteSpace', 'wordBreak', 'maxHeight', 'paddingTop'].map(name => getComputedStyle(box)[name])"
    assert drawn.page.get_by_label("Traceback").evaluate(style) == ["pre", "normal", "320px", "8px"]


@pytest.mark.parametrize("width", [600, 1280])
def test_the_details_of_a_step_that_is_clicked_come_into_view(drawn: Drawn, width: int) -> None:
    drawn.page.set_viewport_size({"width": width, "height": 500})
    drawn.page.emulate_media(reduced_motion="reduce")
    drawn.mount(wide(30))
    drawn.page.locator('.nbf-row[data-id="s20"]').click()
    head = drawn.page.locator(".nbf-detail h3")
    expect(head).to_have_text("s20")
    expect(head).to_be_in_viewport()


def test_keys_pressed_in_it_are_not_for_the_commands_of_jupyterlab(drawn: Drawn) -> None:
    """``a`` would insert a cell, and ``d d`` delete one: Lumino looks for this attribute from where the focus is."""
    drawn.mount(golden("failed"), EVERY_ACTION)
    for part in ('[data-step="nb.load"]', ".nbf-row", ".nbf-button"):
        assert drawn.page.locator(part).first.evaluate("e => !!e.closest('[data-lm-suppress-shortcuts]')")


@pytest.mark.parametrize("width", [360, 520, 700, 1280])
def test_words_on_the_axis_have_room(drawn: Drawn, width: int) -> None:
    drawn.page.set_viewport_size({"width": width, "height": 900})
    drawn.mount(golden("failed"))
    for took in (3, 85, 140, 4000, 100_000, 3_000_000):
        drawn.update({**golden("failed"), "seconds": took})
        edges: list[list[float]] = drawn.page.locator(".nbf-tick").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect()).map(box => [box.left, box.right])"
        )
        assert len(edges) >= (1 if took > 90_000 else 2), took
        assert all(left - right >= 4 for (_, right), (left, _) in itertools.pairwise(edges)), drawn.texts(".nbf-tick")


def printing(lines: range) -> dict[str, Any]:
    """A run in which `train` prints: these lines were its last ones."""
    seen = {**golden("running"), "graph": None}
    for step in seen["steps"]:
        if step["id"] == "nb.train":
            step.update(printed=[f"line {n}" for n in lines], text=f"line {lines[-1]}")
    return seen


def test_while_a_step_prints_its_details_can_be_clicked_marked_and_scrolled(drawn: Drawn) -> None:
    drawn.mount(golden("running"), EVERY_ACTION)
    drawn.update(printing(range(100)))
    drawn.page.evaluate("() => window.drawing.select('nb.train')")
    box = drawn.page.get_by_label("Printed last", exact=True)
    button = drawn.page.get_by_role("button", name="Go to cell")
    button.hover()
    drawn.page.mouse.down()
    drawn.page.evaluate(
        """() => {
            const box = document.querySelector('.nbf-detail [aria-label="Printed last"]');
            box.scrollTop = 400;
            const at = box.textContent.indexOf('line 30');
            getSelection().setBaseAndExtent(box.firstChild, at, box.firstChild, at + 7);
            document.querySelector('.nbf-close').focus({ preventScroll: true });
        }"""
    )
    high = box.evaluate("box => Number.parseFloat(getComputedStyle(box).lineHeight)")
    drawn.update(printing(range(5, 120)))
    drawn.page.mouse.up()
    assert drawn.page.evaluate("window.asked") == [["jump", "nb.train"]]
    assert str(box.text_content()).split("\n") == [f"line {n}" for n in range(5, 120)]
    assert drawn.page.evaluate("String(getSelection())") == "line 30"
    assert drawn.page.evaluate("document.activeElement.className").split()[-1] == "nbf-close"
    assert abs(box.evaluate("box => box.scrollTop") - (400 - 5 * high)) < 2  # the same lines are in view


def test_a_reader_at_the_end_of_what_is_printed_stays_at_the_end(drawn: Drawn) -> None:
    drawn.mount(golden("running"))
    drawn.update(printing(range(100)))
    drawn.page.evaluate("() => window.drawing.select('nb.train')")
    box = drawn.page.get_by_label("Printed last", exact=True)
    box.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    drawn.update(printing(range(200)))
    assert box.evaluate("box => box.scrollHeight - box.clientHeight - box.scrollTop") < 2


@pytest.mark.parametrize("name", [*HEADS, "hostile"])
@in_either_theme
def test_nobody_is_kept_out(drawn: Drawn, name: str) -> None:
    drawn.mount(golden(name), EVERY_ACTION)
    if name == "failed":
        assert drawn.serious() == []
    drawn.page.locator(".nbf-row[data-id]").nth(2).click()
    assert drawn.serious() == []


def test_what_a_hostile_notebook_says_is_text(drawn: Drawn) -> None:
    seen = golden("hostile")
    drawn.mount(seen, EVERY_ACTION)
    for step in seen["steps"]:
        drawn.page.evaluate("step => window.drawing.select(step)", step["id"])
        assert drawn.page.locator(".nbf-detail a").get_attribute("href") == ("run/javascript%3Awindow.sprung%3D'link'")
    assert drawn.sprung() is None
    assert drawn.texts(".nbf-row .nbf-name-text")[0] == HOSTILE[0]
    host = drawn.page.locator("#host")
    assert host.locator("script, img, image, use, svg a, foreignObject, style, iframe, animate").count() == 0
    assert host.evaluate(
        "host => [...host.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    ) == []  # fmt: skip
    shown = host.inner_text()
    assert not [letter for letter in "\u202e\u2066\x1b\x07" if letter in shown]
    assert drawn.said == []


def test_a_line_of_a_megabyte_is_drawn_short(drawn: Drawn) -> None:
    seen = golden("failed")
    for step in seen["steps"]:
        step.update(error="x" * 1_000_000, printed=["y" * 1_000_000], reason="z" * 1_000_000)
    drawn.mount(seen)
    drawn.page.evaluate("() => window.drawing.select('nb.train')")
    assert len(drawn.page.locator("#host").inner_text()) < 60_000


def test_of_another_run_nothing_is_left_of_the_one_before(drawn: Drawn) -> None:
    seen, _ = many(70)
    drawn.mount(seen)
    drawn.page.evaluate("() => window.drawing.select('n.s1')")
    drawn.update(golden("failed"))
    assert drawn.texts(".nbf-row .nbf-name-text") == ["load", "clean", "train", "plot", "publish"]
    expect(drawn.page.locator(".nbf-detail h3")).to_have_text("This run")
    drawn.page.evaluate("() => window.drawing.destroy()")
    assert drawn.page.locator("#host").inner_html() == ""


def test_another_version_is_not_drawn_but_said(drawn: Drawn) -> None:
    drawn.mount({"version": 2, "run": "r"})
    assert drawn.page.locator("#host").inner_text() == (
        "This run was told by another version of nbflow (view 2, and this page draws 1). Reload the page, or update "
        "nbflow."
    )


def test_words_are_those_of_the_terminal(drawn: Drawn) -> None:
    drawn.mount(golden("reused"))
    times = [0.0, 0.04, 0.05, 9.94, 9.96, 59.4, 60.0, 200.0, 3599.6, 3900.0, 100_000.0]
    sizes = [0, 999, 1000, 9_949, 9_951, 999_499, 999_501, 51_200_000, 1_234_567_890, 5e12]
    assert drawn.page.evaluate("all => all.map(window.view.duration)", times) == [duration(t) for t in times]
    assert drawn.page.evaluate("all => all.map(window.view.size)", sizes) == [size(s) for s in sizes]


# --- many steps ----------------------------------------------------------------------------------------


def many(steps: int = 1000) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A view of a run with very many steps, and changes of it in which one of them ends."""
    names = [f"n.s{number}" for number in range(steps)]
    specs = tuple(StepSpec(n, short=n[2:], notebook="n.ipynb", cells=(i + 1,)) for i, n in enumerate(names))
    story: list[Any] = [RunStarted(at=1000.0, steps=specs, jobs=4)]
    story += [StepStarted(name, 1, at=1000.0) for name in names[:4]]
    seen = view("r", fold(story), noted(Notes(), story))
    first = copy.deepcopy(seen)
    told = []
    for number in range(3):
        story.append(StepSucceeded(names[number], 1, at=1001.0 + number, seconds=1.0))
        story.append(StepStarted(names[number + 4], 1, at=1001.0 + number))
        new = view("r", fold(story), noted(Notes(), story))
        told.append(changes(seen, new))
        seen = new
    return dict(first), told


def test_of_very_many_steps_alike_those_are_shown_that_run_or_failed(drawn: Drawn) -> None:
    seen, told = many()
    drawn.mount(seen)
    names = drawn.page.locator(".nbf-row .nbf-name-text")
    expect(names).to_have_text(["s*", "s0", "s1", "s2", "s3"])
    group = drawn.page.locator(".nbf-group")
    assert str(group.text_content()) == "s*1000 steps: 4 running, 996 waiting"
    drawn.update(told[0])
    expect(names).to_have_text(["s*", "s1", "s2", "s3", "s4"])
    group.click()
    assert drawn.page.locator(".nbf-row").count() == 1001
    expect(group).to_have_attribute("aria-expanded", "true")
    group.press("ArrowLeft")
    assert drawn.page.locator(".nbf-row").count() == 5


@pytest.mark.parametrize("is_open", [False, True])
def test_an_update_touches_what_has_changed_and_nothing_else(drawn: Drawn, is_open: bool) -> None:
    seen, told = many()
    drawn.mount(seen)
    if is_open:
        drawn.page.locator(".nbf-group").click()
    counts = [drawn.mutated(change) for change in told]
    assert max(counts) <= 60
    assert drawn.mutated({"version": 1, "run": "r"}) <= 4  # the clock goes on


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_that_is_drawn_again_changes_nothing(drawn: Drawn, name: str) -> None:
    seen = {**golden(name), "graph": None}
    drawn.mount(golden(name))
    assert drawn.mutated(seen) <= 4
