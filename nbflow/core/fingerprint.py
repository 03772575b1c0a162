"""The key of a step: everything that decides its result, as content.

``fingerprint`` gathers the parts (code reached, parameters, inputs, outputs asked for, environment, modules, packages,
Python) and hashes them. The parts are kept with the record, so that ``compare`` can say field by field why a key
changed. Files that the code names by literals are not in the key but in ``named_files``: whether a step writes such a
file itself is known only from its record, so ``plan`` compares them there.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nbflow.core.graph import Step
from nbflow.core.model import Code, Reason, Unit
from nbflow.core.named_files import Constants, named_files
from nbflow.core.outline import PARAMETERS_TAG, Outline
from nbflow.core.slicing import Piece, Slice
from nbflow.core.surroundings import Interpreter, LocalCode, Surroundings

__all__ = ["SCHEMA", "Fingerprint", "Interpreter", "LocalCode", "Surroundings", "compare", "fingerprint"]

_BY_NAME = frozenset({"exec", "eval", "__import__"})

SCHEMA = 2
"""Version of the key. A change of what the parts mean raises it, and everything runs once more."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A key, the parts it was made of, and the files that the code names."""

    key: str
    parts: Mapping[str, Any]
    named_files: tuple[str, ...] = ()
    """Paths (from the project root, or absolute) that literals in reached code may mean."""
    idle_modules: frozenset[str] = frozenset()
    """Local modules that the slice imports beside others and that its code never uses; importing them does nothing."""
    search_path: tuple[str, ...] = ()
    """Literal ``sys.path`` entries of the slice."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a pipeline is run with."""

    parameters: Mapping[str, Any]
    """Values given for this run, by name."""
    secrets: frozenset[str] = frozenset()
    """Environment variables that count by name only."""


def fingerprint(
    step: Step,
    piece_slice: Slice,
    outlines: Mapping[str, Outline],
    inputs: Mapping[str, str],
    circumstances: Circumstances,
    surroundings: Surroundings,
) -> Fingerprint:
    """The key of ``step`` with these input digests (item text → digest). May raise ``MissingKernel``."""
    gathered = _Gathered(outlines, circumstances, _looks_inside(piece_slice.pieces, outlines))
    for piece in piece_slice.pieces:
        gathered.add(piece)
    kernel = outlines[step.notebook].notebook.kernel
    folder = outlines[step.notebook].notebook.folder
    modules, extra = tuple(sorted(gathered.modules)), tuple(gathered.sys_path)
    local = surroundings.local_modules(kernel, folder, modules, extra)
    gathered.settle_unread_imports(surroundings, kernel, folder, extra)
    spared = surroundings.local_modules(kernel, folder, tuple(sorted(gathered.spared)), extra)
    files = {**{p: d for p, d in spared.files.items() if p in spared.acting}, **local.files}
    parts: dict[str, Any] = {
        "schema": SCHEMA,
        "code": gathered.order,
        "helpers": gathered.helpers,
        "parameters": gathered.parameters,
        "inputs": dict(inputs),
        "outputs": sorted(i.text for i in step.outputs),
        "environment": {n: _variable(n, circumstances, surroundings) for n in sorted(gathered.environ)},
        "modules": {from_folder(folder, p): digest for p, digest in files.items()},
        "python": surroundings.interpreter(kernel).python,
        "packages": {**local.packages, **surroundings.packages(kernel, modules)},
    }
    if any(i.is_file for i in step.outputs):
        parts["folder"] = folder
    named = tuple(named_files((path for code in gathered.codes for path in code.paths), gathered.constants, folder))
    idle = frozenset() if gathered.imports_by_name else frozenset(spared.files.keys() - files.keys())
    return Fingerprint(_digest(parts), {**parts, "~labels": gathered.labels}, named, idle, extra)


def from_folder(folder: str, path: str) -> str:
    """A path from the project root as one from a notebook's folder, so that it means the same for a copy of the
    notebook elsewhere; absolute ones stay."""
    return path if path.startswith("/") else posixpath.relpath(path, folder or ".")


def _digest(parts: Mapping[str, Any]) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1024)
def _blind(value: str) -> str:
    """Environment values count, but are never written down."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _variable(name: str, circumstances: Circumstances, surroundings: Surroundings) -> str:
    if name in circumstances.secrets:
        return "secret"
    value = surroundings.variable(name)
    return "unset" if value is None else _blind(value)


def _looks_inside(pieces: Iterable[Piece], outlines: Mapping[str, Outline]) -> bool:
    """Whether reached code may read docstrings, its own or those of what it was handed."""
    units = (outlines[p.notebook].units(p.cell)[i] for p in pieces for i in p.units)
    return any(u.now.looks_inside or u.later.looks_inside for u in units)


class _Gathered:
    """Adds up what the pieces of a slice contribute."""

    def __init__(self, outlines: Mapping[str, Outline], circumstances: Circumstances, with_docs: bool) -> None:
        self.outlines = outlines
        self.circumstances = circumstances
        self.with_docs = with_docs
        self.order: list[Any] = []
        self.helpers: dict[str, str] = {}
        self.parameters: dict[str, Any] = {}
        self.labels: dict[str, str] = {}
        self.modules: dict[str, None] = {}
        self.environ: set[str] = set()
        self.sys_path: dict[str, None] = {}
        self.codes: list[Code] = []
        self.constants = Constants()
        self.unread: list[tuple[Unit, str]] = []
        self.spared: set[str] = set()
        """Modules that cells of the slice import and that nothing reached uses."""
        self._step_cell = 0

    def add(self, piece: Piece) -> None:
        if piece.kind == "input":
            self.order.append(["input", *sorted(piece.names)])
            return
        outline = self.outlines[piece.notebook]
        units = outline.units(piece.cell)
        self._note_sys_path(outline, piece)
        counted = [units[i] for i in piece.units]
        if piece.kind != "import" and len(counted) < len(units):
            for index, unit in enumerate(units):
                if unit.kind == "import" and index not in piece.units:
                    self.spared.update(unit.now.modules)
        fixed: list[str] = []
        for unit in counted:
            digest = unit.digest_with_docs if self.with_docs else unit.digest
            if not digest:
                continue
            if piece.kind == "import" and not any(b in outline.read_names for b in unit.now.binds):
                self.unread.append((unit, digest))
                continue
            self._count(unit)
            if self._as_parameter(outline, piece, unit):
                continue
            if unit.kind == "other" or unit.always:
                fixed.append(digest)
                self._label(digest, outline, piece, unit)
            else:
                self._as_helper(unit, digest)
        if piece.kind == "step":
            self._step_cell += 1
            self.order.append(["step", *fixed])
        elif fixed:
            self.order.append(["context", *fixed])

    def settle_unread_imports(
        self, surroundings: Surroundings, kernel: str | None, folder: str, extra: tuple[str, ...]
    ) -> None:
        """An import that is there for its effect counts only where its module is local."""
        for unit, digest in self.unread:
            local = surroundings.local_modules(kernel, folder, unit.now.modules, extra)
            for path, content in local.files.items():
                self.helpers[f"import {from_folder(folder, path)}"] = f"{digest}:{content}"

    @property
    def imports_by_name(self) -> bool:
        """Whether reached code may import modules that reading it does not show."""
        return "importlib" in self.modules or any(_BY_NAME.intersection(code.calls) for code in self.codes)

    def _note_sys_path(self, outline: Outline, piece: Piece) -> None:
        for comment in outline.facts[piece.cell - 1].comments:
            if comment.startswith("sys.path:"):
                self.sys_path[comment.removeprefix("sys.path:")] = None

    def _count(self, unit: Unit) -> None:
        for code in (unit.now, unit.later):
            self.codes.append(code)
            self.modules.update(dict.fromkeys(code.modules))
            self.environ.update(code.environ)
        self.constants.add(unit)

    def _as_parameter(self, outline: Outline, piece: Piece, unit: Unit) -> bool:
        """A parameter counts by its value, whether it is the default or was given for this run."""
        if PARAMETERS_TAG not in outline.tags(piece.cell) or unit.imports:
            return False
        given = [n for n in unit.now.binds if n in self.circumstances.parameters]
        for name in given:
            self.parameters[name] = self.circumstances.parameters[name]
            self.constants.set(name, self.parameters[name])
        if given and len(given) == len(unit.now.binds) and unit.kind == "literal":
            return True
        if unit.value and len(unit.now.binds) == 1:
            self.parameters[unit.now.binds[0]] = json.loads(unit.value)
            return True
        return False

    def _as_helper(self, unit: Unit, digest: str) -> None:
        for name in unit.now.binds:
            known = self.helpers.get(name)
            self.helpers[name] = digest if known is None else f"{known}+{digest}"

    def _label(self, digest: str, outline: Outline, piece: Piece, unit: Unit) -> None:
        self.labels[digest] = outline.text(piece.cell, unit.line)[:80]


# --- what changed --------------------------------------------------------------------------------------


def compare(
    old: Mapping[str, Any], new: Mapping[str, Any], makers: Mapping[str, str] | None = None
) -> tuple[Reason, ...]:
    """Why the key with parts ``new`` is not the one with parts ``old``, field by field.

    ``makers``: input label → who makes it, for the words.
    """
    reasons: list[Reason] = []
    if old.get("schema") != new.get("schema"):
        reasons.append(Reason("unknown", "this version of nbflow computes keys differently"))
    reasons += _compare_code(old, new)
    reasons += _compare_maps("helper", old, new, "helpers", "{} changed", "{} is new here", "{} is gone")
    reasons += _compare_parameters(old.get("parameters", {}), new.get("parameters", {}))
    reasons += _compare_inputs(old.get("inputs", {}), new.get("inputs", {}), makers or {})
    if old.get("outputs") != new.get("outputs") or old.get("folder") != new.get("folder"):
        before, after = " ".join(old.get("outputs", ())), " ".join(new.get("outputs", ()))
        reasons.append(Reason("outputs", f"{before or 'none'} → {after or 'none'}"))
    reasons += _compare_maps(
        "environment", old, new, "environment", "{} has another value", "{} is read now", "{} is not read any more"
    )
    reasons += _compare_maps("module", old, new, "modules", "{} changed", "{} is used now", "{} is not used any more")
    if old.get("python") != new.get("python"):
        reasons.append(Reason("python", f"Python {old.get('python')} → {new.get('python')}"))
    reasons += _compare_packages(old.get("packages", {}), new.get("packages", {}))
    return tuple(reasons)


def _compare_code(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Reason]:
    before, after = old.get("code", []), new.get("code", [])
    if before == after:
        return []
    labels = {**old.get("~labels", {}), **new.get("~labels", {})}
    known_before = {d for part in before for d in part[1:] if part[0] != "input"}
    known_after = {d for part in after for d in part[1:] if part[0] != "input"}
    fresh = [d for part in after if part[0] != "input" for d in part[1:] if d not in known_before]
    gone = [d for part in before if part[0] != "input" for d in part[1:] if d not in known_after]
    in_step = {d for part in after if part[0] == "step" for d in part[1:]}
    if fresh:
        where = "the step's code" if fresh[0] in in_step else "a context cell"
        return [Reason("code", f"{where} changed: {labels.get(fresh[0], '')}".rstrip(": "))]
    if gone:
        return [Reason("code", f"no longer there: {labels.get(gone[0], '')}".rstrip(": "))]
    return [Reason("code", "its cells run in another order")]


def _compare_maps(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], field: str, changed: str, added: str, removed: str
) -> list[Reason]:
    before, after = old.get(field, {}), new.get(field, {})
    found = [Reason(kind, changed.format(_called(field, n))) for n in after if n in before and before[n] != after[n]]
    found += [Reason(kind, added.format(_called(field, n))) for n in after if n not in before]
    found += [Reason(kind, removed.format(_called(field, n))) for n in before if n not in after]
    return found


def _called(field: str, name: str) -> str:
    return f"'{name}'" if field == "helpers" else name


def _compare_parameters(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Reason]:
    def show(values: Mapping[str, Any], name: str) -> str:
        return json.dumps(values[name], ensure_ascii=False) if name in values else "none"

    names: Iterable[str] = dict.fromkeys((*after, *before))
    return [
        Reason("parameter", f"{n}: {show(before, n)} → {show(after, n)}")
        for n in names
        if n not in before or n not in after or before[n] != after[n] or type(before[n]) is not type(after[n])
    ]


def _compare_inputs(before: Mapping[str, str], after: Mapping[str, str], makers: Mapping[str, str]) -> list[Reason]:
    found = []
    for name in dict.fromkeys((*after, *before)):
        maker = f" (made by {makers[name]})" if makers.get(name) else ""
        kind = "input" if makers.get(name) or ("." not in name and "/" not in name) else "file"
        if name not in after:
            found.append(Reason("input", f"{name} is no input any more"))
        elif name not in before:
            found.append(Reason("input", f"{name}{maker} is a new input"))
        elif before[name] != after[name]:
            gone = after[name] == "missing"
            found.append(Reason(kind, f"{name}{maker} {'is not there' if gone else 'changed'}"))
    return found


def _compare_packages(before: Mapping[str, str], after: Mapping[str, str]) -> list[Reason]:
    return [
        Reason("package", f"{n} {before.get(n, 'none')} → {after.get(n, 'none')}")
        for n in dict.fromkeys((*after, *before))
        if before.get(n) != after.get(n)
    ]
