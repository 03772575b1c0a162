"""The notebook that the walk over a piece of code writes into: everything a ``Code`` holds, in order of appearance.

Only a container; ``expressions`` and ``statements`` decide what goes in.
"""

from __future__ import annotations

from nbflow.core.model import Change, Code, Effect, PathExpr

NOTHING = Code()
"""Shared by all code that does nothing worth a note: most statements define nothing that runs later."""


class Collector:
    """Dictionaries serve as ordered sets."""

    __slots__ = (
        "bare_calls", "binds", "calls", "changes", "effects", "environ", "looks_inside", "modules", "paths", "reads",
        "setup",
    )  # fmt: skip

    def __init__(self) -> None:
        self.reads: dict[str, None] = {}
        self.binds: dict[str, None] = {}
        self.changes: dict[tuple[str, str], None] = {}
        self.calls: dict[str, None] = {}
        self.setup: dict[str, None] = {}
        self.bare_calls: dict[str, None] = {}
        self.paths: dict[PathExpr, None] = {}
        self.environ: dict[str, None] = {}
        self.modules: dict[str, None] = {}
        self.effects: dict[Effect, None] = {}
        self.looks_inside = False

    def code(self) -> Code:
        """What was written down, as a value."""
        if not (
            self.reads or self.binds or self.changes or self.calls or self.paths or self.modules or self.looks_inside
            or self.environ or self.effects or self.setup or self.bare_calls
        ):  # fmt: skip
            return NOTHING
        return Code(
            tuple(self.reads),
            tuple(self.binds),
            tuple([Change(name, how) for name, how in self.changes]) if self.changes else (),  # type: ignore[arg-type]
            tuple(self.calls),
            tuple(self.setup),
            tuple(self.bare_calls),
            tuple(self.paths),
            tuple(self.environ),
            tuple(self.modules),
            tuple(self.effects),
            self.looks_inside,
        )
