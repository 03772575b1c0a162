"""The Python of a kernelspec: its version, what it has installed, and where it finds modules.

The interpreter is asked once, in isolated mode and without user code, and the answer is remembered while the
interpreter and its installed distributions stay as they are. This module starts no kernel and knows nothing of
Jupyter: what a kernelspec says is handed in as a ``KernelSpec``. Read ``probe.py`` for what is asked, ``modules.py``
for how local modules are found.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from nbflow.disk.memo import Memo, mark, settled
from nbflow.errors import UsageError

OLDEST = (3, 9)
"""Oldest Python that a step's kernel may run."""

TIME_LIMIT = 30.0
"""Seconds an interpreter may take to answer."""

_BOOT = (
    f"import sys; exec(sys.stdin.read()) if sys.version_info >= {OLDEST} "
    "else sys.exit('it is Python %d.%d' % sys.version_info[:2])"
)


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """What is installed under a kernel's name."""

    name: str
    argv: tuple[str, ...]
    """The command that starts it; ``{connection_file}`` is still to be filled in."""
    language: str
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables it sets, as written: ``${NAME}`` means the variable around it."""
    executable: str = ""
    """Absolute path of ``argv[0]``; as written where it cannot be found."""

    @property
    def command(self) -> tuple[str, ...]:
        """The words that start its Python, without what it then runs: what stands before ``-m``, so that a wrapper
        (``conda run -n env python -m ipykernel_launcher``) still leads to the right interpreter."""
        words = self.argv[1 : self.argv.index("-m")] if "-m" in self.argv else ()
        return (self.executable, *words)

    def environ(self, around: Mapping[str, str]) -> dict[str, str]:
        """The environment it starts in."""
        own = {name: Template(value).safe_substitute(around) for name, value in self.env.items()}
        return {**around, **own}


@dataclass(frozen=True, slots=True)
class Facts:
    """What an interpreter answered, and PYTHONPATH as it will see it."""

    python: str
    executable: str
    stdlib: frozenset[str]
    stdlib_folder: str
    sites: tuple[str, ...]
    """Folders of installed distributions, in the order of its ``sys.path``."""
    suffixes: tuple[str, ...]
    """Of extension modules (``.cpython-311-x86_64-linux-gnu.so``)."""
    places: tuple[str, ...]
    """Folders of source that editable installs and ``.pth`` files add."""
    mapping: Mapping[str, tuple[str, ...]]
    """Module → paths of its source, for editable installs with a finder of their own."""
    provides: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, str]
    environment_path: tuple[str, ...]
    """Entries of PYTHONPATH; relative ones count from the folder a kernel starts in."""

    def packages(self, modules: Iterable[str]) -> dict[str, str]:
        """Distributions that provide these dotted modules → version. The standard library and unknown modules are
        left out; of a namespace shared by several distributions, only those with the part that is asked for."""
        asked = {module for module in modules if module.partition(".")[0] not in self.stdlib}
        found = {name for module in asked for name in self._providers(module, asked)}
        return {name: self.versions[name] for name in sorted(found)}

    def _providers(self, module: str, asked: set[str]) -> Iterable[str]:
        parts = module.split(".")
        for depth in range(len(parts), 0, -1):
            if names := self.provides.get(".".join(parts[:depth])):
                return names
        below = module + "."
        if any(other.startswith(below) for other in asked):
            return ()
        return [name for provided, names in self.provides.items() if provided.startswith(below) for name in names]


class Interpreters:
    """Facts about the interpreters of kernelspecs, each asked once.

    ``find_kernel`` raises ``MissingKernel`` for a name that is not installed; ``environ`` is the environment kernels
    start in. Answers hold for the life of this object, and are remembered in ``memo`` beyond it.
    """

    def __init__(self, find_kernel: Callable[[str | None], KernelSpec], memo: Memo, environ: Mapping[str, str]) -> None:
        self._find_kernel = find_kernel
        self._memo = memo
        self._environ = environ
        self._known: dict[str | None, Facts] = {}
        self._asked: dict[str, Facts] = {}

    def facts(self, kernel: str | None) -> Facts:
        """Raises ``UsageError`` where the kernel is no Python, or its interpreter cannot be started."""
        if kernel not in self._known:
            self._known[kernel] = self._look_up(self._find_kernel(kernel))
        return self._known[kernel]

    def _look_up(self, spec: KernelSpec) -> Facts:
        if spec.language.lower() != "python":
            raise UsageError(
                f"Kernel '{spec.name}' runs {spec.language or 'an unnamed language'}, and steps are Python.",
                "Choose a Python kernel for the notebook.",
            )
        environ = spec.environ(self._environ)
        path = tuple(environ.get("PYTHONPATH", "").split(os.pathsep)) if environ.get("PYTHONPATH") else ()
        question = {
            "path": [entry for entry in path if os.path.isabs(entry)],
            "user_site": not environ.get("PYTHONNOUSERSITE"),
        }
        key = json.dumps([spec.command, path, question, environ.get("PYTHONUSERBASE"), environ.get("HOME")])
        if key not in self._asked:  # two kernelspecs may share an interpreter
            self._asked[key] = self._remembered_or_asked(key, spec, question, path, environ)
        return self._asked[key]

    def _remembered_or_asked(
        self, key: str, spec: KernelSpec, question: Mapping[str, Any], path: tuple[str, ...], environ: Mapping[str, str]
    ) -> Facts:
        remembered = self._memo.get("interpreters", key)
        if (facts := _still_true(remembered, spec.executable, path)) is not None:
            return facts
        answer = _ask(spec, question, environ)
        facts = _facts(answer, path)
        marks, newest = _marks([spec.executable, facts.executable], answer["watch"])
        if settled(newest):
            self._memo.put("interpreters", key, {"answer": answer, "marks": marks})
        return facts


def _still_true(remembered: Any, executable: str, path: tuple[str, ...]) -> Facts | None:
    try:
        answer = remembered["answer"]
        facts = _facts(answer, path)
        marks, _ = _marks([executable, facts.executable], answer["watch"])
        return facts if marks == remembered["marks"] else None
    except (KeyError, TypeError, ValueError, AttributeError):  # nothing remembered, or by someone else
        return None


def _facts(answer: Mapping[str, Any], path: tuple[str, ...]) -> Facts:
    return Facts(
        python=answer["python"],
        executable=answer["executable"],
        stdlib=frozenset(answer["stdlib"]),
        stdlib_folder=answer["stdlib_folder"],
        sites=tuple(answer["sites"]),
        suffixes=tuple(answer["suffixes"]),
        places=tuple(answer["places"]),
        mapping={module: tuple(paths) for module, paths in answer["mapping"].items()},
        provides={module: tuple(names) for module, names in answer["provides"].items()},
        versions=answer["versions"],
        environment_path=path,
    )


# --- asking --------------------------------------------------------------------------------------------


def _ask(spec: KernelSpec, question: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Run the probe. ``-I`` keeps the current folder, PYTHON* variables and the user's own modules out."""
    import subprocess  # a plan that remembers the answer starts nothing

    source = (Path(__file__).parent / "probe.py").read_text(encoding="utf-8")
    try:
        done = subprocess.run(
            [*spec.command, "-I", "-c", _BOOT, json.dumps(question)],
            input=source,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=dict(environ),
            timeout=TIME_LIMIT,
            check=False,
        )
    except FileNotFoundError:
        raise _cannot_start(spec, "there is no such program") from None
    except OSError as error:
        raise _cannot_start(spec, error.strerror or str(error)) from error
    except subprocess.TimeoutExpired:
        raise _cannot_start(spec, f"it did not answer within {TIME_LIMIT:g} seconds") from None
    if done.returncode != 0:
        raise _cannot_start(spec, _last_lines(done.stderr or done.stdout) or f"it ended with code {done.returncode}")
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
        _facts(answer, ())
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        raise _cannot_start(spec, f"it printed: {_last_lines(done.stdout)}") from None
    assert isinstance(answer, dict)
    return answer


def _cannot_start(spec: KernelSpec, what: str) -> UsageError:
    return UsageError(
        f"The Python of kernel '{spec.name}' cannot be used: {shlex.join(spec.command)}: {what}",
        "Install its kernelspec again from the environment it should run in (Python "
        f"{OLDEST[0]}.{OLDEST[1]} or later): python -m ipykernel install --user --name {shlex.quote(spec.name)}; "
        "or choose another kernel for the notebook.",
    )


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-5:])


# --- whether an answer still holds ---------------------------------------------------------------------


_TELLING = (".pth", ".dist-info", ".egg-info", ".egg-link")


def _marks(programs: Iterable[str], watched: Iterable[str]) -> tuple[str, int]:
    """A digest of all that an answer rests on, and the newest modification time of it: the programs, the folders of
    installed distributions in the watched folders (their own files' times do not matter), and ``.pth`` files."""
    seen: list[tuple[str, int, int]] = []
    for program in programs:
        found = mark(program)
        seen.append((program, found.modified if found else -1, found.size if found else -1))
    for path in watched:
        try:
            with os.scandir(path) as entries:
                telling = [e for e in entries if e.name.endswith(_TELLING) or e.name.startswith("__editable__")]
                seen += sorted((e.path, e.stat().st_mtime_ns, 0) for e in telling)
        except NotADirectoryError:
            found = mark(path)
            seen.append((path, found.modified if found else -1, 0))
        except OSError:
            seen.append((path, -1, 0))
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest(), max((moment for _, moment, _ in seen), default=0)
