"""``Told``: the facts of a run as they come, for those who look back at them while it goes on.

A step that prints for hours is told of thousands of times, and only the newest counts: it stands in the place of those
before it, so what is kept grows with the steps and their attempts alone. Read ``view`` for what is made of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbflow.core.events import Event, StepProgressed


class Told:
    """Facts in the order in which they came; of the progress of each step the newest."""

    def __init__(self) -> None:
        self._kept: dict[int | str, Event] = {}
        self._count = 0

    def add(self, event: Event) -> None:
        self._count += 1
        key = event.step if isinstance(event, StepProgressed) else self._count
        self._kept.pop(key, None)  # so that the newest stands last
        self._kept[key] = event

    def __iter__(self) -> Iterator[Event]:
        return iter(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)
