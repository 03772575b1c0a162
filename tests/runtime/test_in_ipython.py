"""A step in a real shell, and the runtime loaded from its source files: what a notebook would show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from nbflow.runtime import serializers
from tests.runtime.orders import Project, variables

ROOT = Path(__file__).parents[2]


SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
shell.enable_gui = lambda *a: None
shown = []
shell._showtraceback = lambda kind, value, lines: shown.append((kind.__name__, str(value), lines))
def run(text):
    return shell.run_cell(text).success
run("from nbflow.runtime import step as s\\n__nbflow__ = s.open_order(%r, get_ipython().user_ns)")
"""


def in_shell(project: Project, program: str, **parts: Any) -> str:
    text = SHELL % str(project.order(**parts)) + program
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


def test_in_ipython_a_failure_shows_its_message_and_nothing_else(project: Project) -> None:
    shown = in_shell(
        project,
        "run('__nbflow__.begin()'); ok = run('__nbflow__.finish()'); print([ok, shown])",
        outputs=variables("features"),
    )
    message = (
        "step `train` did not make its output `features`. Bind it in a cell of the step (`features = …`), "
        "or correct the `-o` of its %%step line."
    )
    assert shown == f"{[False, [('StepError', message, [f'StepError: {message}'])]]}\n"


def test_in_ipython_an_error_of_a_wrapped_reader_shows_no_frame_of_ours(project: Project) -> None:
    shown = in_shell(
        project,
        "run('import pandas as pd'); run('pd.read_parquet(\"nowhere.parquet\")'); print(''.join(shown[0][2]))",
    )
    assert "FileNotFoundError" in shown
    assert "runtime" not in shown
    assert "read_parquet" in shown


def test_in_ipython_classes_of_the_notebook_go_by_reference(project: Project) -> None:
    shown = in_shell(
        project,
        "run('class Net: pass\\nnet = Net()'); run('__nbflow__.begin()'); run('__nbflow__.finish()'); print(shown)",
        outputs=variables("net"),
    )
    (artifact,) = project.result()["artifacts"]
    assert (shown, artifact["main_names"], artifact["format"]) == ("[]\n", ["Net"], "pickle")


def test_the_runtime_loads_from_its_source_files_under_another_name(project: Project) -> None:
    source = Path(serializers.__file__).parent
    program = f"""
import importlib.util, sys, json
sys.path[:] = [p for p in sys.path if p not in ("", {str(ROOT)!r})]
spec = importlib.util.spec_from_file_location("_nbflow_runtime", {str(source / "__init__.py")!r},
                                              submodule_search_locations=[{str(source)!r}])
package = importlib.util.module_from_spec(spec); sys.modules["_nbflow_runtime"] = package
spec.loader.exec_module(package)
import importlib
step = importlib.import_module("_nbflow_runtime.step")
heavy = sorted({{"numpy", "pandas", "IPython", "pyarrow", "polars", "nbflow", "cloudpickle"}} & set(sys.modules))
names = {{"n": {{"a": 1}}, "rows": {{(1, 2)}}}}
work = step.open_order({str(project.order(outputs=variables("n", "rows")))!r}, names)
work.begin(); work.finish()
print(heavy)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=project.folder, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
    result = project.result()
    assert [artifact["format"] for artifact in result["artifacts"]] == ["json", "pickle"]
    assert result["modules"] == []
