"""The widget: ``static/widget.js`` in a notebook. It holds what is to be drawn and passes on what a person clicks.

All of it stands in the model that kernel and page share, so a page that is loaded again has it again, and each change
is sent once. It is JSON in ASCII, a text for each part: half a letter in something that a person wrote breaks no
message, and what has not changed is not sent. Whose run it is and what a click does ``ui.magic.panel`` knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from nbflow.core.view import RunView
from nbflow.render.scripts import STATIC, joined

WIDGET = "application/vnd.jupyter.widget-view+json"

EVENNESS = 16
"""Steps by which a model grows."""


class RunWidget(anywidget.AnyWidget):
    """Draws one view at a time. ``on_action``: told what was clicked, and on which step (full name); ``steps``: how
    many there will hardly be more of."""

    _esm = joined(STATIC / "widget.js")
    _css = (STATIC / "view.css").read_text(encoding="utf-8")
    head = traitlets.Unicode("").tag(sync=True)
    graph = traitlets.Unicode("").tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)

    def __init__(self, on_action: Callable[[str, str | None], None] = lambda *_: None, steps: int = 0) -> None:
        self._make_room(steps)  # before there is a page, which would be told of each part
        super().__init__()
        self._on_action = on_action
        self.on_msg(self._heard)

    def draw(self, seen: RunView) -> None:
        """Draw this view, and send what differs from the last one."""
        steps = seen["steps"]
        self._make_room(len(steps))
        head = {**seen, "steps": len(steps)}
        del head["graph"]
        with self.hold_sync():
            for number, step in enumerate(steps):
                setattr(self, f"step{number}", json.dumps(step))
            if seen["graph"] is not None:
                self.graph = json.dumps(seen["graph"])
            self.head = json.dumps(head)  # what the page waits for, so it comes last

    def say(self, text: str) -> None:
        """One line below the picture, until the next click."""
        self.said = json.dumps(text)

    def bundle(self) -> dict[str, Any]:
        """What a front end needs to show it."""
        return {WIDGET: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}

    def _make_room(self, steps: int) -> None:
        names = [f"step{n}" for n in range(-(-steps // EVENNESS) * EVENNESS)]
        lacking = {name: traitlets.Unicode("").tag(sync=True) for name in names if not self.has_trait(name)}
        if lacking:
            self.add_traits(**lacking)

    def _heard(self, _widget: object, content: object, _buffers: object) -> None:
        if isinstance(content, Mapping):
            action, step = content.get("action"), content.get("step")
            if isinstance(action, str) and (step is None or isinstance(step, str)):
                self._on_action(action, step)
