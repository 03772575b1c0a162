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
        "bare_calls", "binds", "calls", "changes", "effects", "environ", "given", "hands", "keeps", "looks_inside",
        "modules", "paths", "reads", "setup", "shares",
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
        self.shares: dict[tuple[str, str], None] = {}
        self.hands: dict[tuple[str, str, str], None] = {}
        self.keeps: dict[tuple[str, str, str], None] = {}
        self.given: dict[tuple[str, str, PathExpr], None] = {}

    def code(self) -> Code:
        """What was written down, as a value."""
        if not (
            self.reads or self.binds or self.changes or self.calls or self.paths or self.modules or self.looks_inside
            or self.environ or self.effects or self.setup or self.bare_calls or self.given
        ):  # fmt: skip
            return NOTHING
        return Code(
            tuple(self.reads),
            tuple(self.binds),
            self.changes_made() if self.changes else (),
            tuple(self.calls),
            tuple(self.setup),
            tuple(self.bare_calls),
            tuple(self.paths),
            tuple(self.environ),
            tuple(self.modules),
            tuple(self.effects),
            self.looks_inside,
            tuple(self.shares),
            tuple(self.hands),
            tuple(self.keeps),
            tuple(self.given),
        )

    def changes_made(self) -> tuple[Change, ...]:
        """The changes, without doubtful ones of what is surely changed too."""
        sure = {name for name, how in self.changes if how != "maybe"}
        kept = [(name, how) for name, how in self.changes if how != "maybe" or name not in sure]
        return tuple([Change(name, how) for name, how in kept])  # type: ignore[arg-type]
