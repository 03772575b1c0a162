"""How long nbflow takes before it does anything, against an interpreter that does nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import command, in_turn
from benchmarks.table import Row, seconds

TIMES = 21


def rows(folder: Path) -> Iterator[Row]:
    python = sys.executable
    sides = [python, "-c", "pass"], [python, "-c", "import nbflow"], [python, "-m", "nbflow", "--help"]
    bare, imported, helped = in_turn([partial(command, words, folder) for words in sides], TIMES)
    for what, ours, most in (("`import nbflow`", imported, 0.1), ("`nbflow --help`", helped, 0.15)):
        more = ours - bare
        yield Row(what, seconds(ours), "`python -c pass`", seconds(bare),
                  f"+ {seconds(more)}", f"≤ + {seconds(most)}", more <= most)  # fmt: skip
