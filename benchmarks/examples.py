"""The example notebooks as a newcomer runs them: nothing known, then everything."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import command
from benchmarks.table import Row, seconds

EXAMPLES = Path(__file__).parent.parent / "example_notebooks"
MOST = {"01_quickstart.ipynb": 20, "02_flights.ipynb": 60}


def rows(folder: Path) -> Iterator[Row]:
    for name, most in MOST.items():
        place = folder / Path(name).stem
        place.mkdir(parents=True)
        (place / "pyproject.toml").write_text("[tool.nbflow]\n")
        shutil.copy(EXAMPLES / name, place)
        cold, again = (command([sys.executable, "-m", "nbflow", "run", name], place) for _ in range(2))
        yield Row(f"`nbflow run {name}`, first time", seconds(cold), "itself, once more", seconds(again),
                  f"{cold / again:.0f} ×", f"≤ {most} s", cold <= most)  # fmt: skip
