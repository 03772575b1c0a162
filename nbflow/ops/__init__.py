"""The verbs of nbflow as functions: they return values and never print.

The command line, the magic and the server all call these; what a verb means is decided here once. Reading verbs
(``make_plan``, ``explain``, ``status``) execute nothing; ``run`` makes steps run. One module for each idea:
``planning`` (which steps, and what a run would do), ``explaining`` (why, and where each step stands), ``fixing``
(declarations written for the person), ``running`` (a run from beginning to end), ``folders`` (what a run leaves beside
the notebooks), ``history`` (past runs and their steps), ``comparing`` (two of them side by side), ``viewing`` and
``reporting`` (all that a front end draws of one, and its report), ``keeping`` (what is kept and what goes) and
``shapes`` (what is documented as JSON). For those who stand beside a run: ``commands`` and ``starting`` (its words, and
its begin), ``launching`` (its process), ``following`` and ``watching`` (what becomes of it); for those who stand before
a notebook: ``belonging`` (its pipeline) and ``editing`` (its cells).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.lazily import names_of

if TYPE_CHECKING:
    from nbflow.ops.comparing import compare, comparison_json
    from nbflow.ops.explaining import Explanation, StepStatus, explain, status
    from nbflow.ops.fixing import fix
    from nbflow.ops.history import durations, past_runs, story
    from nbflow.ops.history_shapes import run_json, runs_json, step_json
    from nbflow.ops.keeping import cache_gc, cache_sizes, cache_verify, settings_here
    from nbflow.ops.planning import dry_run, make_plan, one_step, selected_steps
    from nbflow.ops.reporting import report
    from nbflow.ops.running import Finished, run
    from nbflow.ops.shapes import graph_json, plan_json
    from nbflow.ops.step_history import step_story
    from nbflow.project import open_project

__all__ = [
    "Explanation", "Finished", "StepStatus", "cache_gc", "cache_sizes", "cache_verify", "compare", "comparison_json",
    "dry_run", "durations", "explain", "fix", "graph_json", "make_plan", "one_step", "open_project", "past_runs",
    "plan_json", "report", "run",
    "run_json", "runs_json", "selected_steps", "settings_here", "status", "step_json", "step_story", "story",
]  # fmt: skip

__getattr__ = names_of(
    __name__,
    {
        "nbflow.ops.comparing": "compare comparison_json",
        "nbflow.ops.explaining": "Explanation StepStatus explain status",
        "nbflow.ops.fixing": "fix",
        "nbflow.ops.history": "durations past_runs story",
        "nbflow.ops.history_shapes": "run_json runs_json step_json",
        "nbflow.ops.keeping": "cache_gc cache_sizes cache_verify settings_here",
        "nbflow.ops.planning": "dry_run make_plan one_step selected_steps",
        "nbflow.ops.reporting": "report",
        "nbflow.ops.running": "Finished run",
        "nbflow.ops.shapes": "graph_json plan_json",
        "nbflow.ops.step_history": "step_story",
        "nbflow.project": "open_project",
    },
)
