"""One notebook executed in four ways: by hand in a live kernel, by nbconvert, by papermill, and as a pipeline. And
whether all of them show the same.

Each way gives what every cell showed, by cell id, as outputs of the notebook format. ``comparable`` takes from them
what differs from one execution to the next, whoever executes, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.ui.live import Answer, kernel_in

Output = dict[str, Any]
Shown = dict[str, list[Output]]
"""Cell id → what the cell showed. A cell that did not run is left out."""


# --- the ways --------------------------------------------------------------------------------------------


def by_hand(notebook: Path) -> Shown:
    """Run All: cell by cell in one kernel, with what a front end sends along and keeps."""
    shown: Shown = {}
    places: dict[str, list[Output]] = {}
    with kernel_in(notebook.parent, {**os.environ, "JPY_SESSION_NAME": str(notebook)}) as kernel:
        for cell in _code_cells(notebook):
            answer = kernel.run("".join(cell["source"]), cell_id=cell["id"])
            assert answer.status == "ok", (notebook.name, cell["id"], answer.error)
            shown[cell["id"]] = _kept(answer, places)
    return shown


def by_nbconvert(notebook: Path) -> Shown:
    executed = _elsewhere(notebook)
    options = ["--to", "notebook", "--execute", "--output-dir", str(executed.parent), "--output", executed.name]
    _done("nbconvert", *options, notebook.name, folder=notebook.parent)
    return outputs_in(executed)


def by_papermill(notebook: Path) -> Shown:
    executed = _elsewhere(notebook)
    _done("papermill", "--no-progress-bar", notebook.name, str(executed), folder=notebook.parent)
    return outputs_in(executed)


def by_nbflow(notebook: Path) -> Shown:
    return outputs_in(run_pipeline(notebook.parent, notebook.name) / notebook.name)


TOOLS: Mapping[str, Callable[[Path], Shown]] = {"nbconvert": by_nbconvert, "papermill": by_papermill}
"""Programs that execute a notebook in one kernel."""


def run_pipeline(folder: Path, *sources: str) -> Path:
    """``nbflow run``; the folder of the run."""
    lines = _done("nbflow", "run", *sources, "--json", folder=folder).splitlines()
    return folder / str(json.loads(lines[-1])["folder"])


def outputs_in(executed: Path) -> Shown:
    """What the cells of an executed notebook show."""
    return {cell["id"]: cell["outputs"] for cell in _code_cells(executed) if cell["execution_count"] is not None}


def _done(module: str, *words: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-m", module, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def _elsewhere(notebook: Path) -> Path:
    """A place for an executed copy, outside the project: in it, the copy would be one more notebook."""
    folder = notebook.parent.with_name(f"{notebook.parent.name}-executed")
    folder.mkdir(exist_ok=True)
    return folder / notebook.name


def _code_cells(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


BADGE = 'style="margin:0;opacity:.75;font-size:.92em"'
"""How the line looks that says how a step stands: it is nbflow's own, and none of what the cell shows."""


def _kept(answer: Answer, places: dict[str, list[Output]]) -> list[Output]:
    """What a front end keeps of what a cell did. ``places``: where each display id is shown, in any cell."""
    kept: list[Output] = []
    clears = False
    for kind, *parts in answer.shown:
        if kind == "update_display_data":
            for output in places.get(parts[2]["display_id"], ()):
                output.update(data=parts[0], metadata=parts[1])
            continue
        if clears or (kind == "clear_output" and not parts[0]):
            kept.clear()
        clears = kind == "clear_output" and parts[0]
        if kind == "display_data" and BADGE in parts[0].get("text/html", ""):
            continue
        if kind == "stream":
            kept.append({"output_type": kind, "name": parts[0], "text": parts[1]})
        elif kind != "clear_output":
            output = {"output_type": kind, "data": parts[0], "metadata": parts[1]}
            kept.append(output)
            places.setdefault(parts[2].get("display_id", ""), []).append(output)
    return kept


# --- the comparison ---------------------------------------------------------------------------------------

EXTENSION = {"extension"}
"""The cell of the examples that only loads the extension is in no slice: the kernels of a run need none."""
SLICED = ("nbflow", "reused")
"""Ways in which exploration does not run."""


def require_the_same(shown: Mapping[str, Shown], notebook: Path, looks: set[str]) -> None:
    """Each cell shows what it shows in Run All by hand. A run leaves out exploration (``looks``), and nothing else."""
    code = {cell["id"] for cell in _code_cells(notebook)}
    run_all = shown["by hand"]
    for way, cells in shown.items():
        assert (way, set(cells)) == (way, code - looks - EXTENSION if way in SLICED else code)
        for cell, outputs in cells.items():
            assert (way, cell, outputs) == (way, cell, run_all[cell])


# --- what differs each time ------------------------------------------------------------------------------

RULES = (
    # The file that a kernel says a cell stands in: the process's number and a digest of the text that it was sent.
    (r"\S*ipykernel_\d+/\d+\.py", "CELL"),
    # Where an object lies in memory.
    (r"(\b0|\.\.\.)x[0-9a-f]{6,}", "ADDRESS"),  # ``...``: scikit-learn cuts long values in the middle
    # What %time measures.
    (r"\b\d+(?:\.\d+)?(?:e[+-]\d+)? (?:ns|μs|µs|us|ms|s|min)\b", "TIME"),
    # What a progress bar measures.
    (r"\[\d\d:\d\d<(?:\d\d:\d\d|\?), +(?:[\d.]+|\?)(?:it/s|s/it)\]", "[PACE]"),
    # A styled table is given a random id.
    (r"\bT_[0-9a-f]{5}", "T_ID"),
    # A drawn estimator's id counts those that its process has drawn.
    (r"\bsk-(container|estimator)-id-\d+", r"sk-\1-id-N"),
    # What an input was loaded from: a step cell outside a run has to say so.
    (r"(?m)^nbflow: loaded .*\n", ""),
)


def comparable(shown: Shown, folder: Path) -> Shown:
    """What does not depend on who executed the notebook, and when. ``folder``: where it stood."""
    same = {cell: [_same(output, folder) for output in _in_one_piece(outputs)] for cell, outputs in shown.items()}
    return {cell: [o for o in outputs if o.get("text") != ""] for cell, outputs in same.items()}


def _same(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        value = value.replace(os.path.realpath(folder), "FOLDER")
        for pattern, word in RULES:
            value = re.sub(pattern, word, value)
        return value
    if isinstance(value, Mapping):
        # Cells are counted by the kernel that runs them, and each step has its own.
        return {k: _same(v, folder) for k, v in value.items() if k != "execution_count"}
    return [_same(v, folder) for v in value] if isinstance(value, list) else value


def _in_one_piece(outputs: Iterable[Output]) -> list[Output]:
    """Outputs with each text in one piece, as it looks in the end.

    A kernel sends what is printed when a clock says so: how many pieces come, and which of two streams comes first
    between two displays, differs each time."""
    whole: list[Output] = []
    between: dict[str, str] = {}

    def end_texts() -> None:
        for name, text in sorted(between.items(), reverse=True):
            looks = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
            whole.extend([{"output_type": "stream", "name": name, "text": looks}] if looks else [])
        between.clear()

    for output in outputs:
        if output["output_type"] == "stream":
            between[output["name"]] = between.get(output["name"], "") + _text(output["text"])
        else:
            end_texts()
            whole.append({**output, "data": {kind: _shown_as(kind, v) for kind, v in output["data"].items()}})
    end_texts()
    return whole


def _shown_as(kind: str, value: Any) -> Any:
    """Text in one piece, a picture by its digest, so that a difference can be read."""
    text = _text(value)
    return hashlib.sha256(text.strip().encode()).hexdigest() if kind == "image/png" else text


def _text(value: Any) -> Any:
    """The notebook format may keep a text as a list of lines."""
    return "".join(value) if isinstance(value, list) and all(isinstance(line, str) for line in value) else value
