"""The widget on a page of its own: what the kernel's side of the model holds is drawn, and clicks come back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from nbflow.render.scripts import STATIC
from nbflow.ui.widget import RunWidget
from tests.ui.browser.drawings import Drawn
from tests.wire_views import FOLDER

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>widget</title><style>
:root {{ color-scheme: light dark }} body {{ background: light-dark(#fff, #111) }} {style}</style></head>
<body><main><h1>A host</h1><div id="host"></div></main><script type="module">
const widget = (await import(URL.createObjectURL(new Blob([{script}], {{ type: "text/javascript" }})))).default();
const listeners = {{}};
window.sent = [];
window.state = {{}};
const model = {{
    get: name => window.state[name],
    send: content => {{
        if (window.gone) throw new Error("Cannot send");
        window.sent.push(content);
    }},
    on: (event, told) => {{ (listeners[event] ??= new Set()).add(told); }},
    off: (event, told) => {{ listeners[event]?.delete(told); }},
}};
window.told = state => {{
    const before = window.state;
    window.state = {{ ...before, ...state }};
    for (const name in state) if (before[name] !== state[name]) listeners[`change:${{name}}`]?.forEach(told => told());
}};
window.lose = () => {{
    window.gone = true;
    listeners["comm_live_update"]?.forEach(told => told());
}};
window.show = () => {{
    window.hide?.();
    host.replaceChildren();
    window.hide = widget.render({{ model, el: host }});
}};
</script></body></html>"""


class Kernel:
    """The widget's other half, and the page that it is shown on."""

    def __init__(self, drawn: Drawn) -> None:
        self.drawn = drawn
        self.widget = RunWidget()
        drawn.page.set_content(
            PAGE.format(style=(STATIC / "view.css").read_text("utf-8"), script=json.dumps(str(self.widget._esm)))
        )
        drawn.page.wait_for_function("() => window.show")

    def draw(self, seen: Any) -> None:
        self.widget.draw(seen)
        self.send()

    def send(self) -> None:
        state = self.widget.get_state()
        self.drawn.page.evaluate(
            "state => window.told(state)", {n: v for n, v in state.items() if n[0] != "_" and isinstance(v, str)}
        )

    def show(self) -> None:
        self.drawn.page.evaluate("() => window.show()")


@pytest.fixture
def kernel(drawn: Drawn) -> Kernel:
    return Kernel(drawn)


def golden(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))


def test_what_the_kernel_draws_is_seen_and_so_is_each_change(kernel: Kernel) -> None:
    kernel.draw(golden("running"))
    kernel.show()
    status = kernel.drawn.page.locator(".nbf-status")
    expect(status).to_have_text("running")
    assert kernel.drawn.page.locator("[data-step]").count() == 5
    kernel.draw(golden("failed"))
    expect(status).to_have_text("failed")
    assert sorted(kernel.drawn.texts(".nbf-counts li")) == ["1 failed", "1 skipped", "3 succeeded"]
    kernel.draw({**golden("reused"), "run": "another", "graph": None})  # a run of other steps, without a picture
    expect(kernel.drawn.page.locator(".nbf-title")).to_have_text("Run another")
    assert kernel.drawn.said == []


def test_a_model_that_is_shown_again_shows_the_same_and_the_step_that_was_looked_at(kernel: Kernel) -> None:
    kernel.draw(golden("failed"))
    kernel.show()
    kernel.drawn.page.locator(".nbf-row[data-id='nb.train']").click()
    kernel.show()
    expect(kernel.drawn.page.locator(".nbf-detail h3")).to_have_text("train")
    kernel.drawn.page.keyboard.press("Escape")
    assert kernel.drawn.page.locator(".nbf-view > .nbf-head").count() == 1


def test_when_the_kernel_is_gone_it_says_so_and_its_clock_and_buttons_are_dead(kernel: Kernel) -> None:
    kernel.draw(golden("running"))
    kernel.show()
    page = kernel.drawn.page
    page.evaluate("() => window.lose()")
    expect(page.locator(".nbf-notice")).to_contain_text("The kernel that showed this is gone. Run the cell again")
    expect(page.locator(".nbf-do-cancel")).to_be_disabled()
    assert page.evaluate("() => { window.before = document.querySelector('.nbf-clock').textContent }") is None
    page.wait_for_timeout(2500)  # the clock would have ticked twice
    assert page.evaluate("() => window.before === document.querySelector('.nbf-clock').textContent")
    assert kernel.drawn.said == []


def test_a_click_that_reaches_no_kernel_says_so(kernel: Kernel) -> None:
    kernel.draw(golden("failed"))
    kernel.show()
    kernel.drawn.page.evaluate("() => { window.gone = true }")
    kernel.drawn.page.locator(".nbf-do-retry").click()
    expect(kernel.drawn.page.locator(".nbf-notice")).to_contain_text("is gone")
    assert (kernel.drawn.page.evaluate("() => window.sent"), kernel.drawn.said) == ([], [])


def test_clicks_come_back_and_what_is_said_stands_until_the_next_one(kernel: Kernel) -> None:
    kernel.draw(golden("failed"))
    kernel.show()
    page = kernel.drawn.page
    assert page.locator(".nbf-do-jump").count() == 0  # there are no cells on this page
    kernel.widget.say("<b>There</b> is no such run.\nFix it.")
    kernel.send()
    expect(page.locator(".nbf-notice")).to_have_text("<b>There</b> is no such run. Fix it.")
    page.locator(".nbf-do-retry").click()
    expect(page.locator(".nbf-notice")).to_be_empty()
    page.locator(".nbf-row[data-id='nb.train']").click()
    page.locator(".nbf-detail .nbf-do-only").click()
    assert page.evaluate("() => window.sent") == [
        {"action": "retry", "step": None},
        {"action": "only", "step": "nb.train"},
    ]


@pytest.mark.parametrize("drawn", ["light", "dark"], indirect=True)
def test_nobody_is_kept_out(kernel: Kernel) -> None:
    kernel.draw(golden("hostile"))
    kernel.widget.say("No.")
    kernel.show()
    kernel.send()
    kernel.drawn.page.locator(".nbf-row[data-id]").nth(2).click()
    assert kernel.drawn.serious() == []


def test_what_a_hostile_notebook_says_is_text(kernel: Kernel) -> None:
    seen = golden("hostile")
    kernel.draw(seen)
    kernel.widget.say("<img src=x onerror=\"window.sprung='said'\"></script>\u202e\x1b[2J\ud800")
    kernel.send()
    kernel.show()
    page = kernel.drawn.page
    for row in page.locator(".nbf-row[data-id]").all():
        row.click()
    host = page.locator("#host")
    assert host.locator("script, img, image, use, a, foreignObject, style, iframe, animate").count() == 0
    assert not [letter for letter in "\u202e\u2066\x1b\x07" if letter in host.inner_text()]
    assert (kernel.drawn.sprung(), kernel.drawn.said) == (None, [])


def test_an_update_of_a_thousand_steps_sends_what_has_changed_alone() -> None:
    seen = golden("running")
    step = seen["steps"][0]
    many: Any = {**seen, "steps": [{**step, "id": f"nb.s{n}", "name": f"s{n}"} for n in range(1000)]}
    widget = RunWidget(steps=1000)
    widget.draw(many)
    sent: list[set[str]] = []
    widget.send_state = lambda key=None: sent.append(set(key))
    first, *others = many["steps"]
    later: Any = {**many, "now": "2026-11-24T15:31:00.000Z", "steps": [{**first, "done": 2}, *others]}
    widget.draw(later)
    assert sent == [{"head", "step0"}]
