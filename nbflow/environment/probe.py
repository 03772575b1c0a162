"""What an interpreter has installed and where it looks for modules: the one script run in a kernel's Python.

Its source is handed to that interpreter (3.9 or later, which need not have nbflow), so it imports nothing but the
standard library and no user code, and reads what the packaging tools left on disk instead of importing them. It
prints one JSON object on its last line. Read ``interpreter.py`` next: it starts this script and remembers the answer.
"""

from __future__ import annotations

import ast
import importlib.machinery
import json
import os
import site
import sys
from typing import Any, Dict, Iterator, List, Set, Tuple

Names = Dict[str, List[str]]

_MODULE = (".py", ".so", ".pyd", ".pyc")
_INSTALLED = (".dist-info", ".egg-info")


def facts(environment_path: List[str], user_site: bool) -> Dict[str, Any]:
    """All that a plan asks of an interpreter. ``environment_path``: absolute entries of PYTHONPATH, which count as
    installed places where they hold installed distributions; ``user_site``: whether the user's own may be used."""
    user = _user_site() if user_site else ""
    installed_there = [p for p in environment_path if _holds_distributions(p)]
    sites = _distinct([*installed_there, user, *_site_folders()])
    places: List[str] = []
    mapping: Names = {}
    editable_tops: Names = {}
    for folder in sites:
        for pth, (folders, found) in _editable_places(folder).items():
            places += folders
            for module, paths in found.items():
                mapping.setdefault(module, []).extend(paths)
            editable_tops[os.path.join(folder, pth)] = [*found, *(n for f in folders for n in _modules_in(f))]
    places += [p for p in sys.path if p not in sites and not _is_stdlib(p)]
    places = [p for p in _distinct(places) if not _is_below(p, sites)]
    provides, versions = _distributions(sites, places, editable_tops)
    return {
        "python": "%d.%d" % sys.version_info[:2],
        "executable": sys.executable,
        "sites": [s for s in sites if os.path.isdir(s)],
        "watch": _distinct([*sites, *environment_path, os.path.join(sys.prefix, "pyvenv.cfg"), *_egg_folders(places)]),
        "stdlib": _stdlib_names(),
        "stdlib_folder": _stdlib_folder(),
        "suffixes": importlib.machinery.EXTENSION_SUFFIXES,
        "places": places,
        "mapping": mapping,
        "provides": provides,
        "versions": versions,
    }


# --- where it looks ------------------------------------------------------------------------------------


def _user_site() -> str:
    """The user's own site folder, which isolated mode leaves out of ``sys.path`` but a kernel has."""
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:
            settings = dict(line.partition("=")[::2] for line in file)
    except OSError:
        return site.getusersitepackages()
    shared = {key.strip().lower(): value.strip().lower() for key, value in settings.items()}
    return site.getusersitepackages() if shared.get("include-system-site-packages") == "true" else ""


def _site_folders() -> List[str]:
    ask = getattr(site, "getsitepackages", None)  # virtualenv before 20 had a site module without it
    known = list(ask()) if ask else []
    named = [p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")]
    held = [p for p in sys.path if p not in known and not _is_stdlib(p) and _holds_distributions(p)]
    return [*known, *named, *held]


def _holds_distributions(folder: str) -> bool:
    return any(name.endswith(".dist-info") for name in _names(folder))


def _stdlib_folder() -> str:
    return os.path.dirname(os.path.abspath(os.__file__))


def _is_stdlib(path: str) -> bool:
    if os.path.basename(path) in ("site-packages", "dist-packages"):
        return False
    return path.endswith(".zip") or os.path.basename(path) == "lib-dynload" or _is_below(path, [_stdlib_folder()])


def _stdlib_names() -> List[str]:
    known = getattr(sys, "stdlib_module_names", None)
    if known is not None:
        return sorted(known)
    names = set(sys.builtin_module_names)  # Python 3.9 keeps no list
    for folder in [p for p in sys.path if _is_stdlib(p)]:
        names.update(_modules_in(folder))
    return sorted(names)


def _is_below(path: str, folders: List[str]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


# --- editable installs ---------------------------------------------------------------------------------


def _editable_places(folder: str) -> Dict[str, Tuple[List[str], Names]]:
    """What each ``.pth`` file of a site folder adds: folders, and modules that a finder maps to paths."""
    found = {}
    for name in sorted(n for n in _names(folder) if n.endswith(".pth")):
        folders: List[str] = []
        mapping: Names = {}
        for line in _read(os.path.join(folder, name)).splitlines():
            if line.startswith(("import ", "import\t")):
                finder = line[7:].partition(";")[0].strip()
                if "editable" in finder:  # names that setuptools, hatch, scikit-build-core and meson-python use
                    mapping.update(_finder_mapping(os.path.join(folder, finder + ".py")))
            elif line.strip() and not line.startswith("#"):
                path = os.path.abspath(os.path.join(folder, line.rstrip()))
                if os.path.isdir(path):
                    folders.append(path)
        found[name] = (folders, mapping)
    return found


def _finder_mapping(path: str) -> Names:
    """Module → paths, out of the dictionaries written in a finder's source. It is read, never imported."""
    try:
        tree = ast.parse(_read(path))
    except (SyntaxError, ValueError):
        return {}
    mapping: Names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values):
                module = key.value if isinstance(key, ast.Constant) else None
                paths = [p for p in _strings(value) if os.path.isabs(p)]
                if paths and isinstance(module, str) and all(part.isidentifier() for part in module.split(".")):
                    mapping.setdefault(module, []).extend(paths)
    return mapping


def _strings(node: ast.expr) -> List[str]:
    items = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    return [n.value for n in items if isinstance(n, ast.Constant) and isinstance(n.value, str)]


# --- installed distributions ---------------------------------------------------------------------------


def _distributions(sites: List[str], places: List[str], editable_tops: Names) -> Tuple[Names, Dict[str, str]]:
    """``provides`` (module → distributions) and ``versions``; the first folder that has a distribution wins."""
    provides: Dict[str, Set[str]] = {}
    versions: Dict[str, str] = {}
    seen: Set[str] = set()
    for folder in [*sites, *places]:
        for entry in sorted(n for n in _names(folder) if n.endswith(_INSTALLED)):
            path = os.path.join(folder, entry)
            name, version = _name_and_version(path)
            plain = name.lower().replace("_", "-").replace(".", "-")
            if not name or plain in seen:
                continue
            seen.add(plain)
            versions[name] = version
            modules, editable = _provided(path, editable_tops)
            places += [p for p in editable if p not in places]
            for module in modules:
                provides.setdefault(module, set()).add(name)
    return {module: sorted(names) for module, names in provides.items()}, versions


def _name_and_version(path: str) -> Tuple[str, str]:
    text = ""
    for candidate in (os.path.join(path, "METADATA"), os.path.join(path, "PKG-INFO"), path):
        text = text or _read(candidate, 4096)
    found: Dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if not colon:
            break
        found.setdefault(key.lower(), value.strip())
    return found.get("name", ""), found.get("version", "")


def _provided(path: str, editable_tops: Names) -> Tuple[Set[str], List[str]]:
    """Modules of one distribution, and for an editable one that left no trace of its place, where its source lies."""
    files = list(_recorded_files(path))
    modules = _shallowest(files)
    source = _editable_source(path)
    if source:
        folder = os.path.dirname(path)
        pths = [os.path.join(folder, f) for f in files if f.endswith(".pth") and "/" not in f]
        modules.update(top for pth in pths for top in editable_tops.get(pth, ()))
        if not any(editable_tops.get(pth) for pth in pths):
            below = os.path.join(source, "src")
            source = below if os.path.isdir(below) else source
            modules.update(_modules_in(source))
            return modules, [source]
    if not modules:
        modules.update(_read(os.path.join(path, "top_level.txt")).split())
    return modules, []


def _editable_source(path: str) -> str:
    text = _read(os.path.join(path, "direct_url.json"))
    try:
        stated = json.loads(text) if text else {}
        url = stated["url"] if stated.get("dir_info", {}).get("editable") else ""
    except (ValueError, KeyError, AttributeError):
        return ""
    if not url.startswith("file:"):
        return ""
    from urllib.parse import unquote, urlsplit  # few environments need it, and it is half of the script's time

    path = unquote(urlsplit(url).path)
    return path.lstrip("/") if os.name == "nt" else path


def _recorded_files(path: str) -> Iterator[str]:
    for line in _read(os.path.join(path, "RECORD")).splitlines():
        yield line[1:].partition('",')[0] if line.startswith('"') else line.partition(",")[0]


def _shallowest(files: List[str]) -> Set[str]:
    """The packages and modules nearest the top: ``numpy``, but ``google.cloud.storage`` where ``google`` and
    ``google.cloud`` are only folders that several distributions share."""
    packages: Set[Tuple[str, ...]] = set()
    modules: Set[Tuple[str, ...]] = set()
    for file in files:
        if file.endswith(_MODULE) and "__pycache__" not in file:
            *folders, last = file.split("/")
            stem = last.partition(".")[0]
            parts = tuple(folders) if stem == "__init__" else (*folders, stem)
            if parts and all(part.isidentifier() for part in parts):
                (packages if stem == "__init__" else modules).add(parts)
    found = set()
    for parts in packages | modules:
        depth = next((i for i in range(1, len(parts)) if parts[:i] in packages), len(parts))
        found.add(".".join(parts[:depth]))
    return found


def _egg_folders(places: List[str]) -> List[str]:
    """Places whose own metadata tell a version: a new one there must be seen."""
    return [p for p in places if any(name.endswith(_INSTALLED) for name in _names(p))]


# --- the disk ------------------------------------------------------------------------------------------


def _modules_in(folder: str) -> List[str]:
    found = []
    for name in _names(folder):
        stem, dot, _ = name.partition(".")
        if stem.isidentifier() and (name.endswith(_MODULE) or (not dot and os.path.isdir(os.path.join(folder, name)))):
            found.append(stem)
    return sorted({name for name in found if name != "__pycache__"})


def _names(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read(path: str, limit: int = -1) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(limit)
    except OSError:
        return ""


def _distinct(paths: List[str]) -> List[str]:
    return list(dict.fromkeys(os.path.abspath(path) for path in paths if path))


if __name__ == "__main__":
    question = json.loads(sys.argv[1])
    print("\n" + json.dumps(facts(question["path"], question["user_site"])))
