"""How long a cell takes to and fro while the widget of another one follows a run in which very much happens.

A process of its own writes the journal of a run of 1,000 steps, 5,000 events a second, of which some say that a step
has begun or ended and most what one prints. In a real kernel ``%flow`` shows that run, and cells are run meanwhile as a
front end runs them; the slowest counts. The same cells in the same kernel before that stand beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.picture import layered
from benchmarks.table import Row, seconds
from nbflow import ops
from nbflow.core.event_json import time_text, to_json
from nbflow.core.events import Event, RunFinished, RunStarted, StepProgressed, StepSpec, StepStarted, StepSucceeded
from nbflow.journal import Journal, RunLock

if TYPE_CHECKING:
    from tests.ui.live import Kernel

STEPS = 1000
RATE = 5000
"""Events a second."""
LASTS = 12.0
"""Seconds."""
CELLS = 60
LIMIT = 0.3
RUN = "20261124-153012-k3x9"


def rows(folder: Path) -> Iterator[Row]:
    notebook = layered(folder / "many.ipynb", STEPS)
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    calm, stormy, written = _measured(notebook)
    yield Row(
        f"a cell to and fro while its widget follows {written:,.0f} events a second of {STEPS:,} steps, the slowest of "
        f"{CELLS}", seconds(stormy), "while nothing runs", seconds(calm), f"{stormy / calm:.1f} × the time", "≤ 300 ms",
        stormy <= LIMIT,
    )  # fmt: skip


def _measured(notebook: Path) -> tuple[float, float, float]:
    """The slowest cell in calm and in the storm, and how many events a second there were."""
    from nbflow.ui.magic.where import JUPYTER
    from tests.ui.live import kernel_in

    with kernel_in(notebook.parent, {**os.environ, JUPYTER: str(notebook)}) as kernel:
        kernel.run("%load_ext nbflow")
        kernel.run("%flow", cell_id="widget")
        calm = _slowest(kernel)
        storm = subprocess.Popen([sys.executable, "-m", "benchmarks.storm", str(notebook)], stdout=subprocess.PIPE)
        assert storm.stdout is not None
        assert storm.stdout.readline()  # it rages
        kernel.run("%flow", cell_id="widget")
        time.sleep(1.0)
        slowest = _slowest(kernel)
        rate = float(storm.stdout.readline())
        storm.wait()
    return calm, slowest, rate


def _slowest(kernel: Kernel) -> float:
    """From the request to the reply: what a client then takes to read what is shown is not the kernel's time."""
    took = []
    for number in range(CELLS):
        begin = time.perf_counter()
        kernel.client.execute(f"{number} + 1", reply=True, timeout=60)
        took.append(time.perf_counter() - begin)
        time.sleep(0.05)
    return max(took)


# --- the run -------------------------------------------------------------------------------------------


def rage(notebook: Path) -> None:
    with ops.open_project([notebook]) as project:
        root, sources = project.root, sorted(project.files)
        specs = tuple(
            StepSpec(s.id, s.needs, short=s.name, notebook=s.notebook) for s in project.pipeline.steps.values()
        )
    with Journal.open(root) as journal, RunLock(root, RUN):
        journal.begin_run(RUN, time_text(time.time()), sources, {}, str(root))
        written = _append(journal, [RunStarted(at=time.time(), steps=specs, jobs=8)])
        print("begun", flush=True)
        begin = time.monotonic()
        for number, spec in enumerate(specs):
            if time.monotonic() - begin > LASTS:
                break
            each = round(RATE * LASTS / STEPS)
            now = time.time()
            story: list[Event] = [StepStarted(spec.name, 1, at=now)]
            story += [StepProgressed(spec.name, 1, at=now, text=f"line {n}") for n in range(each - 2)]
            story.append(StepSucceeded(spec.name, 1, at=now, seconds=0.01))
            written += _append(journal, story)
            time.sleep(max(0.0, begin + (number + 1) * LASTS / STEPS - time.monotonic()))
        print(written / (time.monotonic() - begin), flush=True)
        _append(journal, [RunFinished(at=time.time(), status="cancelled")])
        journal.finish_run(RUN, time_text(time.time()), "cancelled")


def _append(journal: Journal, events: list[Event]) -> int:
    journal.append(RUN, [to_json(event, RUN) for event in events])
    return len(events)


if __name__ == "__main__":
    rage(Path(sys.argv[1]))
