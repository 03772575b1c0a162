"""What holds the project together: locks that name no host and agree with each other, one version, one set of checks,
and files that belong to no one's machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import nbflow

ROOT = Path(__file__).parent.parent
LOCKS = ("demo", "dev", "bench")
# Put together from words, so that this file does not name them either.
HOSTS = [".".join(words) for words in (
    ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"),
)]  # fmt: skip
MACHINE = ["/".join(("", *words, "")) for words in (("root",), ("opt", "pypi"), ("work", "main"), ("work", "shared"))]


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every text file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    found = {}
    for name in filter(None, listed):
        path = ROOT / name
        data = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in data:
            found[name] = data.decode("utf-8")
    return found


def pins(lock: str) -> dict[str, str]:
    """Package → version in ``requirements/<lock>.txt``."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ \\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", [*LOCKS, "peers"])
def test_a_lock_pins_every_package_by_hash_and_names_no_address(lock: str) -> None:
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8").splitlines()
    entry = re.compile(r"[a-z0-9][a-z0-9._-]*==[^ ;]+( ; [^\\]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [
        line for line in lines if not (line.startswith("#") or entry.fullmatch(line) or digest.fullmatch(line))
    ] == []
    assert [line for line in lines if "://" in line or "index" in line or line.startswith("#    /")] == []
    assert lines[1] == "#    make lock"


@pytest.mark.parametrize("smaller", ["demo", "dev"])
def test_locks_agree_on_every_version(smaller: str) -> None:
    bigger = pins(LOCKS[LOCKS.index(smaller) + 1])
    assert {
        name: (version, bigger.get(name)) for name, version in pins(smaller).items() if bigger.get(name) != version
    } == {}


def test_locks_hold_what_the_editable_install_needs() -> None:
    assert {"hatchling", "editables"} <= set(pins("demo"))


def test_the_version_is_said_once(project: dict[str, dict[str, object]]) -> None:
    assert project["project"]["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", nbflow.__version__)
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    assert first[1] == nbflow.__version__


def test_no_file_names_a_registry_or_somebody_s_machine(texts: dict[str, str]) -> None:
    assert len(texts) > 20
    assert [(name, word) for name, text in texts.items() for word in [*HOSTS, *MACHINE] if word in text] == []


def test_no_file_ends_in_the_middle_of_a_line(texts: dict[str, str]) -> None:
    assert [name for name, text in texts.items() if text and not text.endswith("\n")] == []


def test_nobody_is_told_to_install_the_other_package(texts: dict[str, str]) -> None:
    wrong = re.compile(r"pip install (?:-\S+ )*nbflow\b")
    assert [name for name, text in texts.items() if wrong.search(text)] == []


def test_continuous_integration_runs_what_a_person_runs() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    assert run.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


def test_make_says_what_there_is() -> None:
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = re.findall(r"^  make (\w+)  ", done.stdout, re.MULTILINE)
    assert targets == [
        "help", "demo", "lab", "test", "browser", "lint", "format", "wire", "lock", "screenshots", "docs", "bench",
        "clean",
    ]  # fmt: skip
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(targets)


def test_make_says_which_python_it_needs(tmp_path: Path) -> None:
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo Python 3.9.2; exit 0; }\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "--no-print-directory", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"nbflow needs Python 3.11 or newer, and {old} is: Python 3.9.2." in done.stderr
    assert "make PYTHON=python3.12" in done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "example_notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_an_example_is_kept_clean(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
