"""A kernel whose environment has no nbflow runs steps all the same, and its own packages are those that count."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows import Flow, new_flow, short, write_notebook

pytestmark = pytest.mark.slow

CELLS = {
    "where": """\
%%step where -o prefix bare
import sys

prefix = sys.prefix
try:
    import nbflow
except ImportError:
    bare = True
else:
    bare = False""",
    "version": "%%step version -o version\nimport packaging\nversion = packaging.__version__",
    "both": "%%step both -i version bare -o words\nwords = [version, bare]\nprint(version, bare)",
}
OLD, NEW = "24.0", "24.1"
"""Versions of packaging, neither of which is here."""


def pip(home: Path, *packages: str) -> None:
    ours = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "--disable-pip-version-check"]
    subprocess.run([*ours, "install", "--quiet", *packages], check=True, capture_output=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A virtual environment with ipykernel alone, registered as the kernel ``bare``."""
    folder = tmp_path_factory.mktemp("bare")
    home = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip(home, f"ipykernel=={importlib.metadata.version('ipykernel')}", f"packaging=={OLD}")
    spec = folder / "jupyter" / "kernels" / "bare" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [str(home / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Bare", "language": "python"}), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        yield home


@pytest.fixture(scope="module")
def flow(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    flow = new_flow(tmp_path_factory.mktemp("flow"), CELLS)
    write_notebook(flow.file("flow.ipynb"), CELLS, kernel="bare")
    return flow


def nbflow(flow: Flow, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbflow", *arguments]
    return subprocess.run(command, cwd=flow.root, capture_output=True, text=True)


def run(flow: Flow) -> dict[str, str]:
    """Step → how it came out."""
    done = nbflow(flow, "run", "flow.ipynb", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    finished: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {short(step): outcome["status"] for step, outcome in finished["steps"].items()}


def shown(flow: Flow) -> str:
    newest = max(flow.file("nbflow_runs").glob("*/flow.ipynb"), key=lambda path: path.parent.name)
    cells = json.loads(newest.read_text(encoding="utf-8"))["cells"]
    return "".join(part for output in cells[-1]["outputs"] for part in output["text"])


def packages(flow: Flow) -> dict[str, dict[str, str]]:
    """Step → the packages in its key."""
    return {step: dict(record.parts["packages"]) for step, record in flow.records().items()}


def test_steps_run_where_nbflow_is_not_installed_and_its_own_packages_count(flow: Flow, home: Path) -> None:
    assert importlib.metadata.version("packaging") not in (OLD, NEW)

    assert run(flow) == {"where": "succeeded", "version": "succeeded", "both": "succeeded"}
    assert shown(flow) == f"{OLD} True\n"
    assert packages(flow) == {"where": {}, "version": {"packaging": OLD}, "both": {}}
    assert run(flow) == {"where": "reused", "version": "reused", "both": "reused"}

    pip(home, f"packaging=={NEW}")
    assert flow.stale() == {"version": [("package", f"packaging {OLD} → {NEW}")]}
    assert run(flow) == {"where": "reused", "version": "succeeded", "both": "succeeded"}
    assert shown(flow) == f"{NEW} True\n"

    pip(home, f"packaging=={OLD}")
    assert run(flow) == {"where": "reused", "version": "reused", "both": "reused"}
    assert shown(flow) == f"{OLD} True\n"


def test_a_kernel_that_is_not_installed_stops_a_plan_and_names_those_that_are(flow: Flow) -> None:
    write_notebook(flow.file("other.ipynb"), CELLS, kernel="bear")
    done = nbflow(flow, "plan", "other.ipynb")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No kernel named 'bear' is installed." in done.stderr
    assert "Installed: bare, python3." in done.stderr
    assert "Traceback" not in done.stderr
