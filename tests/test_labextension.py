"""The JupyterLab extension as a package: what builds it, what it is built from, and what happens where Node is not."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import nbflow

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "labextension"


@pytest.fixture
def hatch_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path, hatch_build: ModuleType) -> Path:
    """What the extension is built from, alone."""
    for name in hatch_build.READ:
        here, there = ROOT / name, tmp_path / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, there)
        else:
            shutil.copy(here, there)
    return tmp_path


def test_it_has_the_version_of_the_package_and_settings_for_all_that_it_reads() -> None:
    assert json.loads((SOURCE / "package.json").read_text())["version"] == nbflow.__version__
    schema = json.loads((SOURCE / "schema" / "plugin.json").read_text())
    defaults = {name: one["default"] for name, one in schema["properties"].items()}
    written = re.search(r"DEFAULTS: Preferences = \{(.*)\}", (SOURCE / "src" / "lab" / "pipelines.ts").read_text())
    assert written is not None
    assert {name: json.dumps(value) for name, value in defaults.items()} == dict(
        pair.strip().split(": ") for pair in written[1].split(",")
    )


def test_every_command_that_the_schema_names_is_there() -> None:
    named = set(re.findall(r'"command": "([^"]*)"', (SOURCE / "schema" / "plugin.json").read_text()))
    there = set(re.findall(r"'(nbflow:[\w-]+)'", (SOURCE / "src" / "tokens.ts").read_text()))
    assert named <= there


def test_the_lock_file_names_no_host() -> None:
    assert "://" not in (SOURCE / "yarn.lock").read_text()


def test_the_pure_part_knows_nothing_of_jupyterlab() -> None:
    for path in (SOURCE / "src" / "pure").glob("*.ts"):
        imported = re.findall(r"from '([^']*)'", path.read_text())
        allowed = ("./", "../../../nbflow/static/view.js", *(("node:",) if path.name.endswith(".test.ts") else ()))
        assert [name for name in imported if not name.startswith(allowed)] == [], path


def test_what_is_translated_stands_there_written_out_and_outside_the_pure_part() -> None:
    calls = {path: re.findall(r"trans\.(?:__|_n)\((.)", path.read_text()) for path in SOURCE.glob("src/**/*.ts")}
    assert {first for found in calls.values() for first in found} == {"'"}
    assert not [path for path, found in calls.items() if found and path.parent.name == "pure"]


def test_markup_is_never_made_of_text() -> None:
    for path in SOURCE.glob("src/**/*.ts"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", path.read_text()), path


def test_without_node_it_says_what_is_missing_and_what_is_up_to_date_needs_none(
    checkout: Path, hatch_build: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    with pytest.raises(hatch_build.CannotBuild, match=r"Node\.js 20\.19 or newer is not on the PATH"):
        hatch_build.build(checkout)
    old = checkout / "node"
    old.write_text("#!/bin/sh\necho v18.19.0\n")
    old.chmod(0o755)
    with pytest.raises(hatch_build.CannotBuild, match=r"v18\.19\.0 is"):
        hatch_build.build(checkout)

    stamp = checkout / hatch_build.OUTPUT / ".source-sha256"
    stamp.parent.mkdir(parents=True)
    stamp.write_text(hatch_build._digest(checkout))
    hatch_build.build(checkout)
    for name in ("view.css", "view/page.js"):
        changed = checkout / "nbflow/static" / name
        before = changed.read_bytes()
        changed.write_text("")
        with pytest.raises(hatch_build.CannotBuild):
            hatch_build.build(checkout)
        changed.write_bytes(before)


def test_an_environment_has_what_was_built_last(hatch_build: ModuleType, tmp_path: Path) -> None:
    root, prefix = tmp_path / "checkout", tmp_path / "environment"
    output, there = root / hatch_build.OUTPUT, prefix / hatch_build.SHARED
    output.mkdir(parents=True)
    (root / "install.json").write_text("{}")
    for name in ("old.js", "new.js"):
        for file in output.iterdir():
            file.unlink()
        (output / name).touch()
        hatch_build.place(root, prefix)
        assert sorted(file.name for file in there.iterdir()) == ["install.json", name]


@pytest.mark.slow
def test_the_wheel_holds_it_where_jupyterlab_looks(tmp_path: Path) -> None:
    assert (ROOT / "nbflow/labextension/package.json").is_file(), "It is not built. Run: make browser"
    words = ["wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", *words], env={**os.environ, "PATH": "/usr/bin:/bin"}, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {name.partition(".data/data/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    place = "share/jupyter/labextensions/nbflow"
    assert {f"{place}/{name}" for name in ("package.json", "install.json", "schemas/nbflow/plugin.json")} <= names
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("nbflow/labextension")]
