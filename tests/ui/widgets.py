"""A page that shows the widget below a cell, without a browser: what it would draw, and clicks on its buttons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.ui.live import PATIENCE, Kernel

WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass
class Page:
    kernel: Kernel

    def models(self) -> dict[str, dict[str, Any]]:
        """The state of every model that was opened and not closed."""
        found: dict[str, dict[str, Any]] = {}
        for message in self.kernel.heard:
            content = message["content"]
            if message["msg_type"] == "comm_open":
                found[content["comm_id"]] = dict(content["data"]["state"])
            elif message["msg_type"] == "comm_msg" and content["data"].get("method") == "update":
                found.get(content["comm_id"], {}).update(content["data"]["state"])
            elif message["msg_type"] == "comm_close":
                found.pop(content["comm_id"], None)
        return {model: state for model, state in found.items() if "head" in state}

    def view(self, model: str) -> dict[str, Any]:
        """What it draws, the steps by name."""
        state = self.models()[model]
        head = json.loads(state["head"] or "{}")
        steps = [json.loads(state[f"step{n}"]) for n in range(head.get("steps", 0))]
        return {**head, "graph": json.loads(state["graph"] or "{}"), "steps": {step["name"]: step for step in steps}}

    def states(self, model: str) -> dict[str, str]:
        return {name: step["state"] for name, step in self.view(model)["steps"].items()}

    def said(self, model: str) -> str:
        return str(json.loads(self.models()[model]["said"] or '""'))

    def click(self, model: str, action: str, step: str | None = None) -> None:
        content = {"comm_id": model, "data": {"method": "custom", "content": {"action": action, "step": step}}}
        client = self.kernel.client
        client.shell_channel.send(client.session.msg("comm_msg", content))

    def until(self, condition: Callable[[], object]) -> None:
        """Listen until it holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            self.kernel.listen(0.2)  # what is waited for need not be told: a file that comes to be

    def until_over(self, model: str) -> Mapping[str, str]:
        """Listen until the run is over and its picture is kept."""
        before = len(self.kept())
        self.until(lambda: self.view(model).get("ended") and len(self.kept()) > before)
        return self.kept()[-1]

    def kept(self) -> list[Mapping[str, str]]:
        """What was put into the place of what the cell had shown."""
        return [m["content"]["data"] for m in self.kernel.heard if m["msg_type"] == "update_display_data"]


def model_of(data: Mapping[str, Any]) -> str:
    return str(data[WIDGET]["model_id"])
