"""The verbs of nbflow as functions: they return values and never print.

The command line, the magic and the server all call these; what a verb means is decided here once. Reading verbs
(``make_plan``, ``explain``, ``status``) execute nothing; ``run`` makes steps run. One module for each idea:
``planning`` (which steps, and what a run would do), ``explaining`` (why, and where each step stands), ``fixing``
(declarations written for the person), ``running`` (a run from beginning to end), ``folders`` (what a run leaves beside
the notebooks) and ``shapes`` (plan and graph as documented JSON).
"""

from nbflow.ops.explaining import Explanation, StepStatus, explain, status
from nbflow.ops.fixing import fix
from nbflow.ops.planning import dry_run, make_plan, selected_steps
from nbflow.ops.running import Finished, run
from nbflow.ops.shapes import graph_json, plan_json
from nbflow.project import open_project

__all__ = [
    "Explanation", "Finished", "StepStatus", "dry_run", "explain", "fix", "graph_json", "make_plan", "open_project",
    "plan_json", "run", "selected_steps", "status",
]  # fmt: skip
