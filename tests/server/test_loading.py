"""How a server finds and loads nbflow, and what that costs: next to nothing until somebody asks."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nbflow
from nbflow.server.app import NbflowServer
from tests.server.serving import serving

ROOT = Path(__file__).parents[2]


def test_a_server_is_told_what_to_load() -> None:
    assert nbflow._jupyter_server_extension_points() == [{"module": "nbflow.server.app", "app": NbflowServer}]


def test_installing_it_enables_it() -> None:
    shared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    ((source, target),) = shared["shared-data"].items()
    assert target == "etc/jupyter/jupyter_server_config.d"
    (file,) = (ROOT / source).iterdir()
    assert json.loads(file.read_text()) == {"ServerApp": {"jpserver_extensions": {"nbflow": True}}}


def test_what_reads_notebooks_is_loaded_with_the_first_question() -> None:
    code = (
        "import sys, nbflow\n"
        "nbflow._jupyter_server_extension_points()\n"
        "import nbflow.server.routes\n"
        "print(*[name for name in sys.modules if name.startswith('nbflow.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[1] for name in done.stdout.split()}
    assert loaded == {"server", "errors", "ops", "lazily"}


def test_a_server_without_files_is_told_so_and_serves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"ServerApp": {"contents_manager_class": "jupyter_server.services.contents.manager.AsyncContentsManager"}}
    with serving(tmp_path, config) as running:
        assert running.get("runs", path="a.ipynb").status == 404
    assert "this server keeps its notebooks elsewhere than in files" in capsys.readouterr().err
