"""Ctrl-C as a request: a run is asked to stop, instead of being torn apart in the middle of a line.

Signals reach the main thread alone, so in any other thread nothing is changed and nothing is heard. Read ``driver``
next for what a request does.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from typing import Any

from nbflow.driver import Canceller

PATIENCE = 2
"""Requests that a run answers: the first interrupts its steps, the second kills them."""


class Interrupts:
    """While it is entered, signals ask a run to stop. Before the run has ``begun``, and after two requests, they raise
    ``KeyboardInterrupt`` as ever. ``heard``: whether one has asked."""

    def __init__(self, cancel: Canceller, kinds: Sequence[signal.Signals] = (signal.SIGINT,)) -> None:
        self.cancel = cancel
        self.begun = False
        self.heard = False
        self._kinds = kinds
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {kind: signal.signal(kind, self._heard) for kind in self._kinds}
        return self

    def __exit__(self, *_: object) -> None:
        for kind, handler in self._before.items():
            signal.signal(kind, handler)

    def _heard(self, _number: int, _frame: object) -> None:
        if not self.begun or self.cancel.requests >= PATIENCE:
            raise KeyboardInterrupt
        self.heard = True
        self.cancel.request()
