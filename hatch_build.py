"""Builds the JupyterLab extension into the package where Node is there; without it all of Python is installed.

What was built carries the digest of what it was built from, so that an unchanged one is not built again. The wheel and
the sdist hold it: only a checkout needs Node. ``python hatch_build.py`` builds it alone, and puts it where the
JupyterLab of this environment looks.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
SOURCE = "labextension"
OUTPUT = "nbflow/labextension"
SHARED = "share/jupyter/labextensions/nbflow"
READ = (
    *(f"{SOURCE}/{name}" for name in ("src", "style", "schema", "package.json", "yarn.lock", "tsconfig.json")),
    "nbflow/static/view",
    "nbflow/static/view.js",
    "nbflow/static/view.css",
)
OLDEST_NODE = (20, 19)


class CannotBuild(Exception):
    """What is missing, in words."""


def build(root: Path) -> None:
    """Build it unless it is up to date.

    Raises:
        CannotBuild: the tools are not here.
        subprocess.CalledProcessError: they are, and they failed; they have said why.
    """
    stamp = root / OUTPUT / ".source-sha256"
    digest = _digest(root)
    if stamp.is_file() and stamp.read_text().strip() == digest:
        return
    _check_tools()
    jlpm = [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()"]
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    for words in (["install", "--immutable"], ["run", "build:prod"]):
        subprocess.run([*jlpm, *words], cwd=root / SOURCE, env={**os.environ, "PATH": path}, check=True)
    stamp.write_text(f"{digest}\n")


def place(root: Path, prefix: Path) -> None:
    """Put what was built where the JupyterLab of an environment looks. (A link would be followed by pip when it removes
    an older installation, and the checkout would lose its files.)"""
    there = prefix / SHARED
    if there.is_symlink():
        there.unlink()
    elif there.exists():
        shutil.rmtree(there)
    shutil.copytree(root / OUTPUT, there)
    shutil.copy(root / "install.json", there)


def _check_tools() -> None:
    if importlib.util.find_spec("jupyter_builder") is None:
        raise CannotBuild("jupyter-builder is not installed here")
    node = shutil.which("node")
    found = "" if node is None else subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    version = tuple(int(number) for number in re.findall(r"\d+", found)[:2])
    if version < OLDEST_NODE:
        wanted = ".".join(map(str, OLDEST_NODE))
        raise CannotBuild(f"Node.js {wanted} or newer is not on the PATH" + (f" ({found} is)" if found else ""))


def _digest(root: Path) -> str:
    found = hashlib.sha256()
    for path in _files(root):
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in READ:
        path = root / name
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else (path,)


class LabextensionHook(BuildHookInterface[Any]):
    """Builds it, and lets the wheel put it where JupyterLab looks."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        try:
            build(root)
        except CannotBuild as missing:
            self.app.display_warning(f"nbflow is installed without its JupyterLab panel: {missing}")
        if self.target_name == "wheel" and (root / OUTPUT / "package.json").is_file():
            build_data.setdefault("shared_data", {}).update(
                {str(root / OUTPUT): SHARED, str(root / "install.json"): f"{SHARED}/install.json"}
            )


def main() -> str | None:
    """Build and place; what to say where that is not possible."""
    try:
        build(ROOT)
    except CannotBuild as missing:
        return f"The JupyterLab panel cannot be built: {missing}."
    place(ROOT, Path(sys.prefix))
    return None


if __name__ == "__main__":
    sys.exit(main())
