"""The key of a step: everything that decides its result, as content.

``fingerprint`` puts the parts together (what the code says, which ``code_parts`` gathers; inputs, outputs asked for,
environment, modules, packages, Python) and hashes them. The parts are kept with the record, so that ``compare`` can say
field by field why a key changed. Files that the code names by literals are not in the key but in ``named_files``:
whether a step writes such a file itself is known only from its record, so ``plan`` compares them there.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from nbflow.core.code_parts import Circumstances, CodeParts
from nbflow.core.graph import Step
from nbflow.core.model import Reason
from nbflow.core.surroundings import Surroundings

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode

SCHEMA = 3
"""Version of the key. A change of what the parts mean raises it, and everything runs once more."""


class Place(NamedTuple):
    """Where a notebook runs."""

    kernel: str | None
    folder: str
    """From the project root."""


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


def fingerprint(
    step: Step,
    code: CodeParts,
    place: Place,
    inputs: Mapping[str, str],
    circumstances: Circumstances,
    surroundings: Surroundings,
) -> Fingerprint:
    """The key of ``step`` with these input digests (item text → digest). May raise ``MissingKernel``."""
    kernel, folder = place
    extra = code.search_path
    local = surroundings.local_modules(kernel, folder, code.modules, extra)
    spared = surroundings.local_modules(kernel, folder, code.spared, extra)
    files = {**{p: d for p, d in spared.files.items() if p in spared.acting}, **local.files}
    parts: dict[str, Any] = {
        "schema": SCHEMA,
        "code": code.code,
        "helpers": {**code.helpers, **_effects(code, place, surroundings)},
        "parameters": code.parameters,
        "inputs": dict(inputs),
        "outputs": sorted(i.text for i in step.outputs),
        "environment": {n: _variable(n, circumstances, surroundings) for n in code.environ},
        "modules": {from_folder(folder, p): digest for p, digest in files.items()},
        "python": surroundings.interpreter(kernel).python,
        "packages": {**local.packages, **surroundings.packages(kernel, code.modules)},
    }
    if any(i.is_file for i in step.outputs):
        parts["folder"] = folder
    idle = frozenset() if code.imports_by_name else frozenset(spared.files.keys() - files.keys())
    return Fingerprint(_digest(parts), {**parts, "~labels": code.labels}, code.named_files, idle, extra)


def _effects(code: CodeParts, place: Place, surroundings: Surroundings) -> dict[str, str]:
    """An import that is there for its effect counts only where its module is local."""
    found = {}
    for modules, digest in code.unread:
        local = surroundings.local_modules(place.kernel, place.folder, modules, code.search_path)
        for path, content in local.files.items():
            found[f"import {from_folder(place.folder, path)}"] = f"{digest}:{content}"
    return found


def from_folder(folder: str, path: str) -> str:
    """A path from the project root as one from a notebook's folder, so that it means the same for a copy of the
    notebook elsewhere; absolute ones stay."""
    return path if path.startswith("/") else posixpath.relpath(path, folder or ".")


def _digest(parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(_encode(parts).encode()).hexdigest()


@lru_cache(maxsize=1024)
def _blind(value: str) -> str:
    """Environment values count, but are never written down."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _variable(name: str, circumstances: Circumstances, surroundings: Surroundings) -> str:
    if name in circumstances.secrets:
        return "secret"
    value = surroundings.variable(name)
    return "unset" if value is None else _blind(value)


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
