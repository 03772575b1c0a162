"""An IPython shell of this process, as a person at a notebook uses it: no kernel, no history on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).parents[2]

PLAINLY = ("-c", f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from nbflow.ui.cli import main
from tests.plain_executor import PlainExecutor
main(PlainExecutor())
""")  # fmt: skip
"""What makes a run whose steps need no Jupyter: see ``Session.program``."""


@dataclass
class Live:
    """A shell with the extension loaded."""

    shell: InteractiveShell
    printed: Callable[[], str]
    shown: list[str] = field(default_factory=list)

    def run(self, cell: str) -> list[str]:
        """What a cell shows: what it prints, then its error. It counts as failed exactly if it shows one."""
        self.shown.clear()
        result = self.shell.run_cell(cell, store_history=True)
        assert result.success == (not self.shown)
        return [line for line in self.printed().splitlines() if line] + self.shown

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.shell.user_ns
