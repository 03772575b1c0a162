"""What the benchmarks measure with still does what they believe it does; nothing is measured here."""

from __future__ import annotations

from pathlib import Path

from benchmarks.made import chain, fill
from nbflow import ops


def test_results_made_without_kernels_are_fresh_for_the_next_run(tmp_path: Path) -> None:
    notebook = chain(tmp_path / "chain.ipynb", 3)
    fill(notebook)
    with ops.open_project([notebook]) as project:
        assert ops.make_plan(project, project.planner()).stale == ()
