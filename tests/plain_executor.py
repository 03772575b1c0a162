"""An executor without Jupyter: a slice's code cells in one fresh Python, in a tenth of a second. It runs no magics but
a plain ``%run FILE`` and shows no rich displays; what nbflow decides about real files and real results can be tested
with it all the same."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbflow.executors import Job, Outcome, Status, Tell
from nbflow.notebook.slices import is_internal, role_of

# Runs in the fresh Python: cells come in as JSON, what each showed goes out as a line of JSON when it is done.
_DRIVER = """
def _drive():
    import ast, contextlib, io, json, re, sys, traceback, types

    cells = json.load(sys.stdin)
    report, main = sys.stdout, types.ModuleType("__main__")
    sys.modules["__main__"] = main
    namespace = main.__dict__
    namespace["get_ipython"] = lambda: types.SimpleNamespace(user_ns=namespace)
    namespace["display"] = print

    def run(source, number):
        tree = ast.parse(re.sub(r"(?m)^%run (\\S+)$", r"exec(open('\\1').read())", source))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"<cell {number}>", "exec", dont_inherit=True), namespace)
        if last is None:
            return None
        value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval", dont_inherit=True), namespace)
        return None if value is None or source.rstrip().endswith(";") else repr(value)

    for number, source in enumerate(cells):
        shown, printed, error = None, io.StringIO(), None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                shown = run(source, number)
            except BaseException as caught:
                error = [type(caught).__name__, str(caught), traceback.format_exc()]
        report.write(json.dumps([printed.getvalue(), shown, error]) + "\\n")
        report.flush()
        if error is not None:
            return

_drive()
"""


@dataclass
class PlainExecutor:
    """An ``Executor``."""

    python: str = sys.executable
    """What runs the cells."""
    ran: list[str] = field(default_factory=list)
    """Keys of the attempts that started a Python, in order."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    _stopped: set[str] = field(default_factory=set)

    @property
    def steps(self) -> set[str]:
        """Plain names of the steps that ran."""
        return {key.rpartition("#")[0].rpartition(".")[2] for key in self.ran}

    def run(self, job: Job, tell: Tell) -> Outcome:
        """See ``Executor``."""
        notebook = _with_parameters(job.notebook, job.parameters)
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        environment = {**(os.environ if job.environment is None else job.environment), "PYTHONHASHSEED": "0"}
        with self._lock:
            if job.key in self._stopped:
                return Outcome("stopped", job.notebook)
            self.ran.append(job.key)
            process = self._running[job.key] = subprocess.Popen(
                [self.python, "-c", _DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, cwd=job.folder, env=environment,
            )  # fmt: skip
        tell(0, 0, "")
        status: Status | None = None
        try:
            told, stderr = process.communicate(json.dumps([c["source"] for c in code]), job.timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            told, stderr = process.communicate()
            status = "timed_out"
        finally:
            with self._lock:
                del self._running[job.key]
        results = [json.loads(line) for line in told.splitlines()]
        for count, (cell, result) in enumerate(zip(code, results, strict=False), 1):
            _show(cell, count, *result)
            tell(count, len(code), result[0])
        if job.key in self._stopped:
            status = "stopped"
        return _outcome(notebook, code, results, status or ("crashed" if process.returncode else None), stderr)

    def stop(self, key: str, force: bool) -> None:
        """See ``Executor``."""
        with self._lock:
            self._stopped.add(key)
            if key in self._running:
                self._running[key].kill()


def _outcome(
    notebook: dict[str, Any], code: list[dict[str, Any]], results: list[Any], status: Status | None, stderr: str
) -> Outcome:
    error = results[-1][2] if results else None
    if status is None and error is None:
        return Outcome("succeeded", notebook)
    last = code[len(results) - 1] if error else code[min(len(results), len(code) - 1)]
    number = None if is_internal(last) else role_of(last).get("cell")
    words = f"{error[0]}: {error[1]}" if error else stderr.strip()
    return Outcome(status or "failed", notebook, words, error[2] if error else "", number)


def _show(cell: dict[str, Any], count: int, printed: str, shown: str | None, error: list[str] | None) -> None:
    cell["execution_count"] = count
    if printed:
        cell["outputs"].append({"output_type": "stream", "name": "stdout", "text": printed})
    if shown is not None:
        data = {"text/plain": shown}
        cell["outputs"].append(
            {"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}}
        )
    if error is not None:
        name, value, traceback = error
        cell["outputs"].append(
            {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback.splitlines()}
        )


def _with_parameters(notebook: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with the given values in a cell behind the one tagged ``parameters``, as papermill puts them."""
    made: dict[str, Any] = copy.deepcopy(dict(notebook))
    at = next((i for i, c in enumerate(made["cells"]) if "parameters" in c["metadata"].get("tags", ())), None)
    if parameters and at is not None:
        source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        made["cells"].insert(at + 1, {
            "cell_type": "code", "id": "injected", "execution_count": None, "outputs": [], "source": source,
            "metadata": {"tags": ["injected-parameters"]},
        })  # fmt: skip
    return made
