"""What must run and what can be reused, each with its reasons.

``plan`` walks the pipeline in order and decides every selected step; ``Planner.decide`` takes the same decision for one
step while a run goes on, when the results above it are known. What was made before and what lies around it come in
through two protocols, ``Known`` and ``Surroundings``; nothing here looks at a disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol

from nbflow.core import paths
from nbflow.core.code_parts import Circumstances, CodeParts, NotRemembered, Remembered, code_parts
from nbflow.core.fingerprint import Fingerprint, Place, compare, fingerprint
from nbflow.core.graph import Input, Pipeline, Step
from nbflow.core.model import REF, Artifact, Reason, Record
from nbflow.core.restored import Restored, outputs_of
from nbflow.core.slicing import Piece, Slice, definition_pieces, slice_step
from nbflow.core.surroundings import Surroundings


class Known(Protocol):
    """What was made before."""

    def records(self, key: str) -> Sequence[Record]:
        """All records under a key, newest first."""

    def intact(self, record: Record) -> bool:
        """Whether every blob of the record is there."""

    def last(self, step: str) -> Record | None:
        """The newest result of a step (by full name), under whatever key."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The decision for one step."""

    step: str
    action: Literal["run", "reuse"]
    certain: bool
    """False below a step that will run: its bytes may come out the same (early cut-off)."""
    reasons: tuple[Reason, ...]
    fingerprint: Fingerprint | None = None
    record: Record | None = None
    """For ``reuse``: what is reused. For ``run``: None."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions for the selected steps, in an order in which they can run."""

    steps: Mapping[str, Planned]
    missing: tuple[tuple[str, str], ...] = ()
    """``(selected step, unselected step it needs)`` where the latter has no fresh result."""
    needed: Mapping[str, Record] = field(default_factory=dict)
    """Full name of a step that is needed and not selected → its fresh result."""

    @property
    def stale(self) -> tuple[str, ...]:
        """Steps that certainly run."""
        return tuple(s for s, p in self.steps.items() if p.action == "run" and p.certain)


@dataclass(frozen=True)
class Planner:
    """Everything that decisions about one pipeline need."""

    pipeline: Pipeline
    known: Known
    surroundings: Surroundings
    circumstances: Circumstances = field(default_factory=lambda: Circumstances({}))
    forced: Literal["", "forced", "no-cache"] = ""
    """Why every selected step runs whatever is stored."""
    remembered: Remembered = field(default_factory=NotRemembered)

    @cached_property
    def _slices(self) -> dict[str, Slice]:
        return {}

    @cached_property
    def _outputs(self) -> paths.PathIndex[str]:
        return outputs_of(self.pipeline)

    def _restored(self, made: Mapping[str, Record], judged: tuple[str, Record] | None = None) -> Restored:
        """What lies around once the files of these results are put back."""
        return Restored(self.surroundings, self._outputs, made, judged)

    def slice(self, step: Step, made: Mapping[str, Record] | None = None) -> Slice:
        """The slice of a step; with the records above it known, also what their stored bytes refer to."""
        definitions = _definitions(step, made or {})
        if definitions:
            return self._slice_with(step, definitions)
        known = self._slices.get(step.id)
        if known is None:
            known = slice_step(self.pipeline.outlines[step.notebook], step.outline, step.supplies)
            self._slices[step.id] = known
        return known

    def _slice_with(self, step: Step, definitions: Mapping[str, tuple[str, ...]]) -> Slice:
        here: list[tuple[str, int]] = []
        before: list[Piece] = []
        for maker_id, names in definitions.items():
            maker = self.pipeline.steps[maker_id]
            if maker.notebook == step.notebook:
                here += [(n, maker.outline.last) for n in names]
            else:
                before += definition_pieces(self.pipeline.outlines[maker.notebook], maker.outline, names)
        own = slice_step(self.pipeline.outlines[step.notebook], step.outline, step.supplies, here)
        first = tuple(dict.fromkeys(before))
        return replace(own, pieces=(*first, *own.pieces))

    # --- one step ----------------------------------------------------------------------------------

    def decide(self, step_id: str, made: Mapping[str, Record], *, selected: bool = True) -> Planned:
        """Run or reuse, with ``made`` holding the results of the steps above that are known so far."""
        step = self.pipeline.steps[step_id]
        unknown = [n for n in step.needs if n not in made]
        if unknown and self.known.last(step_id) is None:  # Nothing to compare a key with, and no key without inputs.
            return Planned(step_id, "run", True, self._must_run(step, selected) or (FIRST_RUN,))
        print_ = self._fingerprint(step, unknown, made)
        ordered = self._must_run(step, selected)
        if ordered:
            return Planned(step_id, "run", True, ordered, print_)
        if unknown:
            return self._decide_below(step, unknown, print_)
        trouble: tuple[Reason, ...] = ()
        for record in self.known.records(print_.key):
            if selected and not record.reusable:
                continue
            reasons = self._unmet(step, record, print_, made)
            if not reasons:
                return Planned(step_id, "reuse", True, (Reason("fresh", f"made by run {record.run}"),), print_, record)
            trouble = trouble or reasons
        return Planned(step_id, "run", True, trouble or self._why(step, print_, made), print_)

    def _last_results(self, steps: Iterable[str]) -> dict[str, Record]:
        """What steps that will run made last: what their stored bytes refer to is likely the same again."""
        return {s: record for s in steps if (record := self.known.last(s)) is not None}

    def _must_run(self, step: Step, selected: bool) -> tuple[Reason, ...]:
        """Why the step runs whatever is stored; empty where the stored results decide."""
        if selected and self.forced:
            words = "asked for with --force" if self.forced == "forced" else "asked for with --no-cache"
            return (Reason(self.forced, words),)
        if selected and not step.outline.declaration.options.cache:
            return (Reason("no-cache", "the step says --no-cache"),)
        return ()

    def _decide_below(self, step: Step, unknown: Sequence[str], print_: Fingerprint) -> Planned:
        """A step below one that will run: it runs for certain only if something of its own changed."""
        own = self._own_reasons(step, print_)
        if own:
            return Planned(step.id, "run", True, own, print_)
        names = " and ".join(self.pipeline.steps[n].name for n in unknown)
        return Planned(step.id, "run", False, (Reason("upstream", f"needs {names}, which will run"),))

    def _own_reasons(self, step: Step, print_: Fingerprint) -> tuple[Reason, ...]:
        last = self.known.last(step.id)
        if last is None:
            return (FIRST_RUN,)
        pending = {k for k, v in print_.parts["inputs"].items() if v == PENDING}
        before = {**last.parts, "inputs": {k: v for k, v in last.parts.get("inputs", {}).items() if k not in pending}}
        after = {**print_.parts, "inputs": {k: v for k, v in print_.parts["inputs"].items() if k not in pending}}
        return compare(before, after, self._makers(step))

    def _why(self, step: Step, print_: Fingerprint, made: Mapping[str, Record]) -> tuple[Reason, ...]:
        last = self.known.last(step.id)
        if last is None:
            return (FIRST_RUN,)
        if last.key == print_.key:
            return self._unmet(step, last, print_, made) or (Reason("unknown", "its stored result cannot be reused"),)
        return compare(last.parts, print_.parts, self._makers(step)) or (Reason("unknown", "no stored result matches"),)

    def _makers(self, step: Step) -> dict[str, str]:
        return {i.item.text: self.pipeline.steps[i.makers[0]].name for i in step.inputs if i.makers}

    # --- does a record still hold? -----------------------------------------------------------------

    def _unmet(self, step: Step, record: Record, print_: Fingerprint, made: Mapping[str, Record]) -> tuple[Reason, ...]:
        """Why a record under the right key cannot be reused all the same; empty where it can. Files are judged as
        they will be once those of the results above, and of this record, are put back."""
        found: list[Reason] = []
        around = self._restored(made, (step.id, record))
        folder = self.pipeline.outlines[step.notebook].notebook.folder
        read = {paths.from_root(folder, p): digest for p, digest in record.read_files.items()}
        wrote = [paths.from_root(folder, p) for p in record.wrote]
        for path, digest in read.items():
            if around.file(path) != digest:
                found.append(Reason("file", f"{path} changed"))
        new = (p for p in print_.named_files if p not in read and p not in wrote and self._named(step, p, around))
        found += [Reason("file", f"{path} is new") for path in new]
        for path, digest in record.read_folders.items():
            listed = paths.from_root(folder, path)
            if digest not in (around.listing(listed, names) for names in _names_in(listed, wrote)):
                found.append(Reason("file", f"what lies in the folder {listed} changed"))
        for path, digest in record.read_modules.items():
            if self.surroundings.module_digest(paths.from_root(folder, path)) != digest:
                found.append(Reason("module", f"{paths.from_root(folder, path)} changed"))
        if not found:
            lost = self._lost(record)
            found += [Reason("damaged", f"{path}, kept by reference, is not as it was made") for path in lost]
        if not found and not self.known.intact(record):
            found.append(Reason("damaged", "a stored output is missing or damaged"))
        return tuple(found)

    def _lost(self, record: Record) -> list[str]:
        """Files whose bytes are not stored and that are no longer what the step made."""
        kept = (f for a in record.artifacts if a.kind == "file" and a.format == REF for f in a.files)
        return [f.path for f in kept if self.surroundings.file(f.path) != f.digest]

    def named_digest(self, step: Step, path: str) -> str | None:
        """Digest of a file that the code names, as it lies there now; ``None`` for folders, declared files and what
        is not there."""
        return self._named(step, path, self._restored({}))

    def _named(self, step: Step, path: str, around: Restored) -> str | None:
        if around.is_folder(path) or self.is_declared(step, path):
            return None
        digest = around.file(path)
        # Another step may have made a folder of it just then; not looked at first, for a folder may be large.
        return None if digest is None or around.is_folder(path) else digest

    def is_declared(self, step: Step, path: str) -> bool:
        """Whether the step declares this path (or a folder or glob around it) as input or output."""
        folder = self.pipeline.outlines[step.notebook].notebook.folder
        outputs = (paths.from_root(folder, str(o.path)) for o in step.outputs if o.is_file)
        inputs = (i.path for i in step.inputs if i.item.is_file)
        return any(paths.covers(p, path) for p in (*outputs, *inputs))

    # --- digests of inputs -------------------------------------------------------------------------

    def _fingerprint(self, step: Step, unknown: Sequence[str], made: Mapping[str, Record]) -> Fingerprint:
        inputs = {i.item.text: self._input_digest(i, made) for i in step.inputs}
        above = {n: made[n] for n in step.needs if n in made}  # not all of `made`: it grows with the pipeline
        code = self._code_parts(step, {**self._last_results(unknown), **above})
        return fingerprint(step, code, self._place(step), inputs, self.circumstances, self.surroundings)

    def _code_parts(self, step: Step, above: Mapping[str, Record]) -> CodeParts:
        """What the code of a step contributes to its key. Where stored bytes bring more code in, it is not the
        notebook's alone, and not remembered."""
        own = not _definitions(step, above)
        found = self.remembered.get(step.id) if own else None
        if found is None:
            pieces, folder = self.slice(step, above).pieces, self._place(step).folder
            found = code_parts(pieces, self.pipeline.outlines, folder, self.circumstances)
            if own:
                self.remembered.put(step.id, found)
        return found

    def _place(self, step: Step) -> Place:
        notebook = self.pipeline.outlines[step.notebook].notebook
        return Place(notebook.kernel, notebook.folder)

    def _input_digest(self, wanted: Input, made: Mapping[str, Record]) -> str:
        if any(m not in made for m in wanted.makers):
            return PENDING
        if wanted.item.is_file:
            return self.file_digest(wanted, made)
        artifact = made[wanted.makers[0]].artifact(wanted.item.label)
        return PENDING if artifact is None else artifact_digest(artifact)

    def file_digest(self, wanted: Input, made: Mapping[str, Record]) -> str:
        """Digest of what a file input stands for: what its makers' records say, and what else lies there."""
        around = self._restored({maker: made[maker] for maker in wanted.makers})
        if wanted.path.endswith("/") or paths.is_glob(wanted.path):
            return _digest_of_files(around.files(wanted.path))
        if wanted.makers and around.is_folder(wanted.path):  # declared without its last /
            return _digest_of_files(around.files(f"{wanted.path}/"))
        return around.file(wanted.path) or "missing"


FIRST_RUN = Reason("first-run", "it has no stored result yet")

PENDING = "pending"
"""Stands for the digest of an input whose maker has not run yet."""


def artifact_digest(artifact: Artifact) -> str:
    """What an input's content counts as in a key."""
    member = f"#{artifact.member}" if artifact.member else ""
    return f"{artifact.format}:{artifact.digest}{member}"


def plan(planner: Planner, selected: Collection[str] | None = None) -> Plan:
    """Decide every selected step (all of them if ``None``). Steps that are only needed must have a fresh result."""
    pipeline = planner.pipeline
    wanted = set(pipeline.steps) if selected is None else set(selected)
    needed = pipeline.with_needs(wanted)
    made: dict[str, Record] = {}
    steps: dict[str, Planned] = {}
    without: set[str] = set()
    for step_id in pipeline.steps:
        if step_id not in needed:
            continue
        planned = planner.decide(step_id, made, selected=step_id in wanted)
        if planned.record is not None:
            made[step_id] = planned.record
        elif step_id not in wanted:
            without.add(step_id)
        if step_id in wanted:
            steps[step_id] = planned
    missing = tuple((s, n) for s in steps for n in pipeline.steps[s].needs if n in without)
    return Plan(steps, missing, {s: record for s, record in made.items() if s not in wanted})


def _definitions(step: Step, made: Mapping[str, Record]) -> dict[str, tuple[str, ...]]:
    """Maker → names in ``__main__`` that its stored outputs refer to, for the variables this step takes."""
    found: dict[str, tuple[str, ...]] = {}
    for wanted in step.inputs:
        for maker in wanted.makers:
            record = made.get(maker)
            artifact = record.artifact(wanted.item.label) if record else None
            if artifact and artifact.main_names:
                found[maker] = tuple(dict.fromkeys((*found.get(maker, ()), *artifact.main_names)))
    return found


def _names_in(folder: str, written: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Names in a folder that belong to what a step wrote: if it made the folders below, and if they were there."""
    top = "" if folder in (".", "") else f"{folder}/"
    below = [p[len(top) :] for p in written if p.startswith(top)]
    return frozenset(p.split("/", 1)[0] for p in below), frozenset(p for p in below if "/" not in p)


def _digest_of_files(files: Mapping[str, str]) -> str:
    if not files:
        return "missing"
    text = "\n".join(f"{p}\0{d}" for p, d in sorted(files.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
