"""The renderer on a page of its own: ``nbflow/static/view.js`` with a view, a trap for scripts, and what axe finds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from nbflow.render.scripts import STATIC, joined

JS = Path(__file__).parents[2] / "js"
AXE = JS / "node_modules" / "axe-core" / "axe.min.js"
ADVICE = "TypeScript and axe-core are not here. Run: make browser"

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>view</title><style>
:root {{ color-scheme: light dark }} body {{ margin: 16px; background: light-dark(#f5f7f9, #101317) }} {style}</style>
</head><body><main><h1>A host</h1><div id="host"></div></main><script type="module">{script}
window.view = {{ mount, duration, size, clean, cleanBlock }}; window.asked = [];
</script></body></html>"""

Scheme = Literal["light", "dark"]
SIZE: ViewportSize = {"width": 1280, "height": 900}

TRAP = "window.sprung = undefined; window.alert = window.print = () => { window.sprung = 'dialog'; };"

SERIOUS = """async places => {
    const found = await axe.run(places ?? document, { resultTypes: ['violations'] });
    return found.violations.filter(one => ['serious', 'critical'].includes(one.impact)).map(one =>
        `${one.id}: ${one.nodes.map(n => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`);
}"""


@dataclass
class Drawn:
    """A page, with what its console said."""

    page: Page
    said: list[str] = field(default_factory=list)
    """Errors and warnings."""

    @classmethod
    def on(cls, context: BrowserContext) -> Drawn:
        page = context.new_page()
        drawn = cls(page)
        page.add_init_script(TRAP)
        page.on("console", lambda m: drawn.said.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: drawn.said.append(str(error)))
        return drawn

    def clear(self) -> Drawn:
        """As when it was opened: another document, so that no clock and no listener is left, and nothing emulated."""
        self.page.goto("about:blank")
        self.page.emulate_media(media="null", reduced_motion="null")
        self.page.set_viewport_size(SIZE)
        self.page.mouse.move(0, 0)
        self.said.clear()
        return self

    def mount(self, view: Mapping[str, Any], actions: Iterable[str] = ()) -> Drawn:
        """A view on an empty page."""
        style = (STATIC / "view.css").read_text(encoding="utf-8")
        self.page.set_content(PAGE.format(style=style, script=joined(STATIC / "view.js")))
        self.page.wait_for_function("() => window.view")
        self.page.evaluate(
            """([view, actions]) => {
                const onAction = (action, step) => { window.asked.push([action, step]); };
                const host = document.getElementById('host');
                window.drawing = window.view.mount(host, { actions, onAction, base: 'run/' });
                window.drawing.update(view);
            }""",
            [sound(view), list(actions)],
        )
        return self

    def update(self, change: Mapping[str, Any]) -> None:
        self.page.evaluate("change => window.drawing.update(change)", sound(change))

    def mutated(self, change: Mapping[str, Any]) -> int:
        """How many changes of the page an update takes."""
        found: int = self.page.evaluate(
            """change => {
                const watch = new MutationObserver(() => {});
                watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
                window.drawing.update(change);
                return watch.takeRecords().length;
            }""",
            sound(change),
        )
        return found

    def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in self.page.locator(selector).all_inner_texts()]

    def sprung(self) -> object:
        """What a script that should not have run has left."""
        return self.page.evaluate("() => window.sprung ?? null")

    def serious(self) -> list[str]:
        """What axe finds that keeps somebody out."""
        return serious(self.page)


def serious(page: Page, places: Sequence[str] | None = None) -> list[str]:
    """What axe finds on a page, or in the places that selectors name, that keeps somebody out."""
    assert AXE.is_file(), ADVICE
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(SERIOUS, places)
    return found


def sound(value: Mapping[str, Any]) -> Any:
    """As it comes over a wire that carries no half letters."""
    return json.loads(json.dumps(value).replace("\\ud800", "\\ufffd"))


def context_of(browser: Browser, scheme: Scheme = "light") -> BrowserContext:
    context = browser.new_context(viewport=SIZE, color_scheme=scheme, locale="en-GB")
    context.set_default_timeout(60_000)
    return context


@dataclass
class SharedDrawings:
    """A page in each scheme, lent to one test after another: to open one takes longer than most of them."""

    browser: Browser
    _pages: dict[Scheme, Drawn] = field(default_factory=dict)

    def lend(self, scheme: Scheme) -> Drawn:
        if scheme not in self._pages:
            self._pages[scheme] = Drawn.on(context_of(self.browser, scheme))
        return self._pages[scheme].clear()

    def drop(self) -> None:
        for drawn in self._pages.values():
            drawn.page.context.close()
        self._pages.clear()
