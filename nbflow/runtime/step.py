"""What a slice calls beside the user's code: load the inputs, bind the names, save the outputs, hold the contracts.

``open_order`` reads a work order (JSON) and gives an object whose ``bind``, ``begin`` and ``finish`` the slice
calls in turn; ``finish`` leaves ``result.json`` in the attempt's folder. It may not print, and shows the user a
plain message or nothing. Read ``serializers.py`` for how values are stored and ``watch.py`` for what is seen.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import pathlib
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from . import contents, files, modules, pickles, places, readers, serializers, sharing, watch
from .describe import describe, numbers
from .failure import StepError
from .quiet import unwarned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping

SCHEMA = 1
PORTABLE = ("npy", "json", "parquet", "arrow", "csv", "text")
"""Declared formats that hold one value each: what is stored in them is never part of a bundle."""


def watch_ahead() -> None:
    """This process will make a step: it is watched from now on, whenever the order is opened."""
    readers.install()
    watch.start(ahead=True)


def open_order(path: str, namespace: MutableMapping[str, Any]) -> Step:
    """Begin a step: from here on it is watched, if it was not already. ``namespace`` is the user's; names are bound in
    it."""
    with watch.unseen(), open(path, encoding="utf-8") as file:
        order = json.load(file)
    if order["schema"] != SCHEMA:
        raise StepError(f"this work order has schema {order['schema']}, and the runtime reads {SCHEMA}.")
    return Step(order, namespace)


class Step:
    """One attempt of one step, in its own kernel."""

    def __init__(self, order: dict[str, Any], namespace: MutableMapping[str, Any]) -> None:
        self._order = order
        self._names = namespace
        self._inputs = {item["name"]: item for item in order["inputs"]}
        self._bundles: dict[tuple[str, str], dict[str, Any]] = {}
        self._waiting = set(self._inputs)
        self._before: dict[str, tuple[int, str]] = {}
        self._seconds = {"load": 0.0, "code": 0.0, "save": 0.0}
        self._code_since = time.monotonic()
        pickles.REFERRED.clear()
        readers.install()
        self._watch = watch.start(since=order.get("begun"))

    # --- the three calls of a slice

    def bind(self, *names: str) -> None:
        """Load inputs and bind them in the user's namespace. Raises ``StepError``."""

        def bind_all() -> None:
            for name in names:
                self._bind(name)

        self._guarded("load", bind_all)

    def begin(self) -> None:
        """The step's first cell comes next: bind file names, remember what must not change. Raises ``StepError``."""
        with unwarned():
            self._guarded("load", self._begin)
        self._seconds["code"] = 0.0

    def finish(self) -> None:
        """The step's last cell is done: save the outputs, report what was seen. Raises ``StepError``."""
        made: dict[str, Any] = {}
        with unwarned():
            self._guarded("save", lambda: made.update(self._finish()))
        watch.stop()
        self._guarded("save", lambda: self._report(made))

    # --- bind and begin

    def _bind(self, name: str) -> None:
        item = self._inputs.get(name)
        if item is None:
            raise StepError(f"`{name}` is no input of this step.")
        self._waiting.discard(name)
        self._names[name] = self._loaded(item)

    def _loaded(self, item: dict[str, Any]) -> Any:
        """An input's value. A bundle is loaded once for all its names, so that they share what they shared."""
        if not item.get("member"):
            return self._read(item)
        key = (item["step"], item["digest"])
        bundle = self._bundles.get(key)
        if bundle is None:
            bundle = self._bundles[key] = self._read(item)
        rest = {other["digest"] for name, other in self._inputs.items() if name in self._waiting}
        if item["digest"] not in rest:
            del self._bundles[key]
        return bundle[item["member"]]

    def _read(self, item: dict[str, Any]) -> Any:
        digest = item["digest"]
        path = os.path.join(self._order["blobs"], digest[:2], digest)
        label = f"the input `{item['name']}`" + (f" of step `{item['step']}`" if item.get("step") else "")
        try:
            return serializers.load(path, item["format"], item.get("type") or "")
        except FileNotFoundError:
            raise StepError(f"{label} is not in the store any more.", "Run its step again.") from None
        except ModuleNotFoundError as error:
            raise StepError(
                f"{label} needs the module `{error.name}`, which this kernel does not have.",
                "Install it in the kernel's environment, or import its module from the notebook's folder.",
            ) from None
        except Exception as error:
            raise StepError(
                f"{label} cannot be loaded: {type(error).__name__}: {error}.",
                "If it is an object of a class in the notebook, that class must stand in a cell of its own.",
            ) from error

    def _begin(self) -> None:
        for item in self._order["files"]:
            self._names[item["name"]] = pathlib.Path(item["path"])
        if not self._order.get("contracts", True):
            return
        for name in (*self._inputs, *self._order["watch"]):
            if name in self._names and name not in self._variable_names():
                digest = contents.content_digest(self._names[name])
                if digest is not None:
                    self._before[name] = (id(self._names[name]), digest)

    # --- finish

    def _finish(self) -> dict[str, Any]:
        values = self._output_values()
        project = files.ProjectFiles(self._order["project_root"], self._order["notebook_folder"])
        files.write_out(each for item in self._file_items() for each in project.matches(item["path"]))
        found = {item["path"]: project.find(item["path"], item.get("format") == "ref") for item in self._file_items()}
        self._check_together(values)
        saved, warnings = self._save(values)
        artifacts = []
        for item in self._order["outputs"]:
            path = item.get("path")
            artifacts.append(saved[item["name"]] if path is None else _file_artifact(item, found[path]))
        return {"artifacts": artifacts, "warnings": [*warnings, *self._changed()]}

    def _variable_items(self) -> list[dict[str, Any]]:
        return [item for item in self._order["outputs"] if item.get("path") is None]

    def _file_items(self) -> list[dict[str, Any]]:
        return [item for item in self._order["outputs"] if item.get("path") is not None]

    def _variable_names(self) -> list[str]:
        return [item["name"] for item in self._variable_items()]

    def _output_values(self) -> dict[str, Any]:
        names = self._variable_names()
        missing = [name for name in names if name not in self._names]
        if missing:
            raise not_made(_short(self._order["step"]), missing, self._names)
        return {name: self._names[name] for name in names}

    def _check_together(self, values: dict[str, Any]) -> None:
        """A later step that takes both would get two objects where there was one."""
        for output, name in self._order["together"]:
            known = output in values and name not in values and name in self._names
            if known and sharing.share(values[output], self._names[name]):
                raise StepError(
                    f"the output `{output}` holds the input `{name}` itself, and a later step takes both: "
                    "stored apart, they would no longer be connected.",
                    f"Declare it as output too: add `-o {name}`.",
                )

    def _save(self, values: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
        formats = {item["name"]: item.get("format") for item in self._variable_items()}
        folder = os.path.join(self._order["attempt_folder"], "out")
        os.makedirs(folder, exist_ok=True)
        artifacts: dict[str, dict[str, Any]] = {}
        warnings: list[dict[str, str]] = []
        for number, group in enumerate(_bundles(values, formats, warnings)):
            blob = f"out/{number}.bin"
            path = os.path.join(self._order["attempt_folder"], blob)
            if len(group) == 1:
                saved = serializers.save(group[0], values[group[0]], path, formats[group[0]])
            else:
                saved = _save_bundle(group, {name: values[name] for name in group}, formats, path)
            for name in group:
                self._refuse_own_definitions(name, saved.main_names)
                member = name if len(group) > 1 else ""
                artifacts[name] = _variable_artifact(name, values[name], saved, member, blob)
        return artifacts, warnings

    def _refuse_own_definitions(self, name: str, main_names: tuple[str, ...]) -> None:
        own = sorted(set(main_names) & set(self._order["own_definitions"]))
        if own:
            listed = " and ".join(f"`{each}`" for each in own)
            raise StepError(
                f"the output `{name}` needs {listed}, which this step's own cells define: no other step has "
                f"{'it' if len(own) == 1 else 'them'}.",
                f"Move the definition of {listed} to a cell of its own, above, without %%step, or into a module.",
            )

    def _changed(self) -> list[dict[str, str]]:
        """Warnings for inputs and context names changed in place though the step does not declare them."""
        warnings = []
        for name, (identity, digest) in self._before.items():
            value = self._names.get(name)
            if id(value) != identity or contents.content_digest(value) in (digest, None):
                continue
            what, code = ("input", "changed-input") if name in self._inputs else ("context name", "changed-context")
            message = (
                f"the {what} `{name}` was changed in place, but it is not among the step's outputs: in a run a later "
                "step gets it unchanged, in Run All it gets the change."
            )
            fix = f"Add `-o {name}`, or change a copy."
            warnings.append({"code": code, "name": name, "message": message, "fix": fix})
        return warnings

    # --- guarding and reporting

    def _guarded(self, phase: str, action: Callable[[], object]) -> None:
        """Run a part of ours: timed, unseen by the watch, and failing with one plain message."""
        start = time.monotonic()
        self._seconds["code"] += start - self._code_since
        failure: StepError | None = None
        detail = ""
        try:
            with watch.unseen():
                action()
        except StepError as error:
            failure = error
        except Exception as error:
            failure = StepError(f"nbflow failed while it served this step: {type(error).__name__}: {error}.")
            detail = traceback.format_exc()
        self._code_since = time.monotonic()
        self._seconds[phase] += self._code_since - start
        if failure is not None:
            watch.stop()
            with contextlib.suppress(Exception):  # the message below says what is wrong, also on a full disk
                self._report({"error": str(failure), "detail": detail})
            raise failure

    def _report(self, made: dict[str, Any]) -> None:
        order = self._order
        own = [*order["run_folders"], order["attempt_folder"], order["blobs"]]
        where = places.Places(order["project_root"], own)
        local = modules.local(where)
        result = {
            "ok": "error" not in made,
            "error": None,
            "artifacts": [],
            "warnings": [],
            **made,
            "read_files": [path for path in self._watch.read_files(where) if path not in local],
            "read_folders": self._watch.read_folders(where),
            "modules": local,
            "inputs_refer": modules.referred(local),
            "wrote": self._watch.written_files(where),
            "seconds": {phase: round(seconds, 6) for phase, seconds in self._seconds.items()},
            "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        }
        _write_whole(os.path.join(order["attempt_folder"], "result.json"), json.dumps(result).encode())


def not_made(step: str, missing: list[str], names: Iterable[str]) -> StepError:
    """What to say of outputs that are not bound once a step is done. ``names``: those that are."""
    known = [name for name in names if not name.startswith("_")]
    near = [near for name in missing for near in difflib.get_close_matches(name, known, n=2, cutoff=0.6)]
    listed = " and ".join(f"`{name}`" for name in missing)
    guess = f" There is {' and '.join(f'`{name}`' for name in near)}." if near else ""
    return StepError(
        f"step `{step}` did not make its output{'s' * (len(missing) > 1)} {listed}.{guess}",
        f"Bind {'it' if len(missing) == 1 else 'them'} in a cell of the step (`{missing[0]} = …`), "
        f"or correct the `-o` of its %%step line.",
    )


def _bundles(values: dict[str, Any], formats: dict[str, str | None], warnings: list[dict[str, str]]) -> list[list[str]]:
    """Outputs in groups to be stored as one. What has a portable format stands alone, and loses what it shared."""
    found = []
    for group in sharing.groups(values):
        apart = [name for name in group if formats[name] in PORTABLE]
        rest = [name for name in group if name not in apart]
        found += [[name] for name in apart] + ([rest] if rest else [])
        if apart and len(group) > 1:
            listed = " and ".join(f"`{name}`" for name in group)
            declared = " and ".join(f"`:{formats[name]}`" for name in apart)
            message = f"the outputs {listed} share an object, but are stored apart because of {declared}."
            fix = f"Leave out {declared}, if a later step must see them connected."
            warnings.append({"code": "sharing-lost", "name": apart[0], "message": message, "fix": fix})
    return found


def _save_bundle(
    group: list[str], values: dict[str, Any], formats: dict[str, str | None], path: str
) -> serializers.Saved:
    """One pickle of several outputs. A refusal speaks of the variable that is to blame, not of the bundle."""
    asked = {formats[name] for name in group}
    format_name = "cloudpickle" if "cloudpickle" in asked else "pickle" if asked == {"pickle"} else None
    serializer = serializers.TABLE[format_name] if format_name else serializers.ANY
    try:
        return serializer.save(" and ".join(group), values, path)
    except StepError:
        for name in group:
            serializer.save(name, values[name], path)
        raise


def _variable_artifact(name: str, value: Any, saved: serializers.Saved, member: str, blob: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "variable",
        "digest": saved.digest,
        "format": saved.format,
        "size": saved.size,
        "type": describe(value),
        "numbers": numbers(value),
        "member": member,
        "main_names": list(saved.main_names),
        "blob": blob,
        "files": [],
    }


def _file_artifact(item: dict[str, Any], found: files.FileOutput) -> dict[str, Any]:
    return {
        "name": item["path"],
        "kind": "file",
        "digest": found.digest,
        "format": item.get("format") or "",
        "size": found.size,
        "type": found.type,
        "member": "",
        "main_names": [],
        "blob": None,
        "files": [
            {"path": file.path, "digest": file.digest, "size": file.size, "mode": file.mode, "blob": None}
            for file in found.files
        ],
    }


def _short(step: str) -> str:
    return step.rpartition(".")[2]


def _write_whole(path: str, data: bytes) -> None:
    """Who reads it does so at once and has no use for it after a crash: nothing waits for the disk."""
    temporary = path + ".tmp"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
