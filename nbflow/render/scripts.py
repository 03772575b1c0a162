"""The modules of ``static`` as one script, for a page that can have only one: a widget's, and a report's by its hash.

They are joined as they stand, each behind those that it imports, without what connects them. That needs no parser and
no build, because they keep to a few forms; what does not is refused:

- an import is one line without other names, ``import { a, b } from "./file.js";``, and so is ``export { … } from``;
- an export is ``export function``, ``class`` or ``const`` (of one name); ``export default`` is for the entry alone;
- a name of the outermost level is there once in all modules.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbflow.errors import NbflowError

STATIC = Path(__file__).parents[1] / "static"

BROUGHT = re.compile(r'(import|export) \{ (\w+(?:, \w+)*) \} from "\./([\w/-]+\.js)";')
DECLARED = re.compile(r"(export )?(?:(?:async )?function\*? |class |(?:const|let) (?!\w+,))(\w+)")
EXPORTED = re.compile(r"^export (?!default )(?=(?:async )?[a-z]+\*? (\w+))", re.MULTILINE)
OTHER = re.compile(r"(?:import|export|const|let|var)\b")
RULES = "The forms that modules keep to are listed in nbflow/render/scripts.py."


@dataclass(frozen=True, slots=True)
class Module:
    """``brought``: module → names; ``own``: its names of the outermost level; ``text``: without imports."""

    brought: tuple[tuple[Path, tuple[str, ...]], ...]
    own: tuple[str, ...]
    exports: frozenset[str]
    text: str


@functools.cache
def joined(entry: Path) -> str:
    """A module and all that it imports as one script, which exports what the module exports.

    Raises:
        NbflowError: they cannot be joined as they are written.
    """
    modules: dict[Path, Module] = {}
    _add(entry, modules, ())
    homes: dict[str, Path] = {}
    for path, module in modules.items():
        for name in module.own:
            home = homes.setdefault(name, path)
            if home != path:
                both = f"{home.name} and {path.name}"
                raise NbflowError(f"{both} both have a '{name}'.", "Give one of them another name.")
    exported = modules[entry].exports
    return EXPORTED.sub(
        lambda found: found[0] if found[1] in exported else "", "\n".join(module.text for module in modules.values())
    )


def _add(path: Path, modules: dict[Path, Module], above: tuple[Path, ...]) -> None:
    """Add a module, behind those that it imports."""
    if path in above:
        circle = " → ".join(one.name for one in (*above[above.index(path) :], path))
        raise NbflowError(f"Modules import each other in a circle: {circle}.", "Move what they share into another one.")
    if path in modules:
        return
    module = _read(path)
    for there, names in module.brought:
        if not there.is_file():
            raise NbflowError(f"{path.name} imports {there.name}, and there is no such file.", f"It would be {there}.")
        _add(there, modules, (*above, path))
        _check(path, there, names, modules)
    if above and "default" in module.exports:
        raise NbflowError(f"{path.name} is imported and has a default export.", RULES)
    modules[path] = module


def _check(path: Path, there: Path, names: tuple[str, ...], modules: Mapping[Path, Module]) -> None:
    lacking = [name for name in names if name not in modules[there].exports]
    if lacking:
        known = ", ".join(sorted(modules[there].exports)) or "nothing"
        raise NbflowError(
            f"{path.name} imports '{lacking[0]}', which {there.name} does not export.", f"It exports {known}."
        )


def _read(path: Path) -> Module:
    brought: list[tuple[Path, tuple[str, ...]]] = []
    own: list[str] = []
    exports: set[str] = set()
    kept: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if found := BROUGHT.fullmatch(line):
            names = tuple(found[2].split(", "))
            brought.append((path.parent / found[3], names))
            exports.update(names if found[1] == "export" else ())
            continue
        kept.append(line)
        if found := DECLARED.match(line):
            own.append(found[2])
            exports.update([found[2]] if found[1] else ())
        elif line.startswith("export default "):
            exports.add("default")
        elif OTHER.match(line):
            raise NbflowError(f"{path.name}, line {number}, cannot be joined with other modules: {line}", RULES)
    return Module(tuple(brought), tuple(own), frozenset(exports), "\n".join(kept))
