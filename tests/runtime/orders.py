"""Helpers of these tests: a project in a temporary folder, steps that run in a plain namespace, values stored and
refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow.runtime import digests, serializers, step
from nbflow.runtime.failure import StepError

FORGETFUL = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("missed_here"),
]
"""Marks of a module whose steps leave files and connections open."""


class Project:
    """A project root with a notebook's folder, a store of blobs, and one attempt after another."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.folder = self.root / "notebooks"
        self.blobs = self.root / ".nbflow" / "store" / "blobs"
        self.attempts = 0
        for folder in (self.folder, self.blobs):
            folder.mkdir(parents=True)

    def order(self, **parts: Any) -> Path:
        """Write a work order; ``inputs`` and the like as the contract has them, all else filled in."""
        self.attempts += 1
        attempt = self.root / ".nbflow" / f"attempt-{self.attempts}"
        attempt.mkdir()
        order = {
            "schema": 1,
            "step": "notebooks/nb.train",
            "attempt_folder": str(attempt),
            "blobs": str(self.blobs),
            "project_root": str(self.root),
            "notebook_folder": str(self.folder),
            "run_folders": [str(self.root / "nbflow_runs")],
            "inputs": [],
            "files": [],
            "outputs": [],
            "together": [],
            "watch": [],
            "own_definitions": [],
            "contracts": True,
            **parts,
        }
        path = attempt / "order.json"
        path.write_text(json.dumps(order))
        return path

    def open(self, namespace: dict[str, Any], **parts: Any) -> step.Step:
        return step.open_order(str(self.order(**parts)), namespace)

    def result(self) -> dict[str, Any]:
        """What the last attempt left."""
        path = self.root / ".nbflow" / f"attempt-{self.attempts}" / "result.json"
        return dict(json.loads(path.read_text()))

    def adopt(self) -> list[dict[str, Any]]:
        """Publish the blobs of the last attempt, as the driver does; returns them as inputs of a later step."""
        attempt = self.root / ".nbflow" / f"attempt-{self.attempts}"
        inputs = []
        for made in self.result()["artifacts"]:
            if made["kind"] == "variable":
                data = (attempt / made["blob"]).read_bytes()
                assert digests.digest_bytes(data) == made["digest"]
                blob = self.blobs / made["digest"][:2] / made["digest"]
                blob.parent.mkdir(exist_ok=True)
                blob.write_bytes(data)
                inputs.append({key: made[key] for key in ("name", "digest", "format", "member")} | {"step": "make"})
        return inputs

    def make(self, **values: Any) -> list[dict[str, Any]]:
        """Run a step that outputs these variables; returns them as inputs of a later step."""
        work = self.open(dict(values), outputs=variables(*values))
        work.begin()
        work.finish()
        return self.adopt()


def variables(*names: str) -> list[dict[str, Any]]:
    """Outputs without a declared format."""
    return [{"name": name, "format": None} for name in names]


def round_trip(value: Any, folder: Path, format_name: str | None = None) -> Any:
    saved = serializers.save("value", value, folder / "blob", format_name)
    return serializers.load(folder / "blob", saved.format, saved.type)


def refusal(value: Any, folder: Path, format_name: str | None = None) -> str:
    return failure(lambda: serializers.save("value", value, folder / "blob", format_name))


def failure(act: Callable[[], object]) -> str:
    """The message with which a call fails."""
    with pytest.raises(StepError) as caught:
        act()
    return str(caught.value)


def said_without(library: str, arguments: str, folder: Path) -> str:
    """What ``serializers.save(ARGUMENTS)`` fails with where a library is missing; the path is ``sys.argv[1]``."""
    program = (
        f"import sys, pandas; sys.modules[{library!r}] = None\n"
        "from nbflow.runtime import serializers\n"
        f"try:\n    serializers.save({arguments})\n"
        "except Exception as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", program, str(folder / "b")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout
