"""Finds the kernelspec of a name, without paying for Jupyter's libraries each time.

``jupyter_client`` decides what is installed; since importing it takes longer than a plan, what it said is remembered
until a folder of kernelspecs or a ``kernel.json`` changes. It starts nothing. Read ``nbflow.environment`` next, which
asks the interpreter of a kernelspec.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbflow.disk.memo import Memo, mark, settled
from nbflow.environment.interpreter import KernelSpec
from nbflow.errors import MissingKernel, did_you_mean

__all__ = ["DEFAULT", "Installed", "KernelSpec", "Kernelspecs", "ask_jupyter"]

DEFAULT = "python3"
"""The kernel of a notebook that names none."""

_MEMO_VERSION = 1

_TELLING = ("APPDATA", "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "HOME", "IPYTHONDIR", "PROGRAMDATA", "PYTHONUSERBASE",
            "USERPROFILE", "XDG_DATA_HOME")  # fmt: skip
"""Variables, besides those that begin with ``JUPYTER_``, by which Jupyter chooses its folders."""


@dataclass(frozen=True, slots=True)
class Installed:
    """All kernelspecs that Jupyter finds."""

    folders: tuple[str, ...]
    """Where it looked, existing or not."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Name → its ``kernel.json``."""
    specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name → its content; without those whose provisioner is missing or that cannot be read."""


class Kernelspecs:
    """Kernelspecs by name. ``cache``: a file whose folder must exist for it to be written; ``None``: remember nothing.

    ``environ`` is the environment Jupyter's folders depend on, and ``ask`` how they are found; a test gives its own.
    """

    def __init__(
        self, cache: Path | None, environ: Mapping[str, str], ask: Callable[[], Installed] | None = None
    ) -> None:
        self._memo = Memo(cache, _MEMO_VERSION)
        self._environ = environ
        self._ask = ask or ask_jupyter
        self._installed: Installed | None = None

    def find(self, name: str | None) -> KernelSpec:
        """The kernelspec a notebook asks for; ``None``: the notebook names none. Raises ``MissingKernel``."""
        wanted = (name or DEFAULT).lower()
        installed = self._current()
        if wanted not in installed.specs:
            raise _missing(name or DEFAULT, installed)
        content = installed.specs[wanted]
        resources = str(Path(installed.files[wanted]).parent)
        argv = tuple(_filled(word, resources) for word in content["argv"])
        return KernelSpec(
            name=wanted,
            argv=argv,
            language=str(content.get("language", "")),
            env={str(key): str(value) for key, value in content.get("env", {}).items()},
            executable=self._executable(argv[0]) if argv else "",
        )

    def _executable(self, word: str) -> str:
        # As jupyter_client does: a bare python is the one that runs this, not the first on the PATH.
        if word in ("python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}"):
            return sys.executable
        return shutil.which(word, path=self._environ.get("PATH")) or word

    # --- remembering ---

    def _current(self) -> Installed:
        if self._installed is None:
            self._installed = self._remembered() or self._asked()
        return self._installed

    def _key(self) -> str:
        chosen = {k: v for k, v in self._environ.items() if k in _TELLING or k.startswith("JUPYTER_")}
        return json.dumps([sys.executable, sys.prefix, sorted(chosen.items())])

    def _remembered(self) -> Installed | None:
        try:
            stored = self._memo.get("installed", self._key())
            installed = Installed(tuple(stored["folders"]), stored["files"], stored["specs"])
            return installed if _marks(installed) == stored["marks"] else None
        except (TypeError, KeyError, AttributeError):  # nothing remembered, or by someone else
            return None

    def _asked(self) -> Installed:
        installed = self._ask()
        marks = _marks(installed)
        if settled(*(found[0] for found in marks.values() if found)):
            content = {"folders": installed.folders, "files": installed.files, "specs": installed.specs}
            self._memo.put("installed", self._key(), {**content, "marks": marks})
            self.save()
        return installed

    def save(self) -> None:
        """Write down what was asked, where the folder for it is there by now."""
        self._memo.save(limit=20)


def ask_jupyter() -> Installed:
    """All that Jupyter finds, by its own rules."""
    from jupyter_client.kernelspec import KernelSpecManager

    manager = KernelSpecManager()
    found = {name: entry for name, entry in manager.get_all_specs().items() if entry["spec"].get("argv")}
    files = {name: str(Path(folder, "kernel.json")) for name, folder in manager.find_kernel_specs().items()}
    specs = {name: {key: entry["spec"][key] for key in ("argv", "language", "env")} for name, entry in found.items()}
    return Installed(tuple(manager.kernel_dirs), files, specs)


def _marks(installed: Installed) -> dict[str, list[int] | None]:
    """By path, so that a changed folder, a new one, and an edited ``kernel.json`` are seen alike."""
    found = {path: mark(path) for path in (*installed.folders, *installed.files.values())}
    return {path: list(seen) if seen else None for path, seen in found.items()}


def _filled(word: str, resources: str) -> str:
    known = {"prefix": sys.prefix, "resource_dir": resources}
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], found[0]), word)


def _missing(name: str, installed: Installed) -> MissingKernel:
    known = ", ".join(sorted(installed.specs)) or "none"
    if name.lower() in installed.files:
        return MissingKernel(
            f"Kernel '{name}' is installed but cannot be used: {installed.files[name.lower()]} cannot be read, or what "
            f"starts it is not installed here. Kernels that can be used: {known}.",
            "Mend or reinstall it, or choose another kernel for the notebook.",
        )
    return MissingKernel(
        f"No kernel named '{name}' is installed.{did_you_mean(name, installed.specs)} Installed: {known}.",
        "Install it with the Python of its environment (python -m ipykernel install --user --name "
        f"{shlex.quote(name)}), or choose another kernel for the notebook.",
    )
