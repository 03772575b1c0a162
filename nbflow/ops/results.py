"""The results that counted in a run: what its steps took and made, told from the small records of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from nbflow.core.events import Event, StepReused, StepSpec, StepSucceeded
from nbflow.core.model import Artifact, Record
from nbflow.core.plan import artifact_digest
from nbflow.core.view import ThingView
from nbflow.errors import NbflowError
from nbflow.store import Store

NONE: Mapping[str, Record] = MappingProxyType({})


class Results:
    """Of one run. ``known``: full name → a record that need not be read any more; others are read when asked for, each
    once."""

    def __init__(
        self, store: Store, specs: Sequence[StepSpec], facts: Sequence[Event], known: Mapping[str, Record] = NONE
    ) -> None:
        self.store = store
        self._specs = {spec.name: spec for spec in specs}
        self._ends = {fact.step: fact for fact in facts if isinstance(fact, StepSucceeded | StepReused)}
        self._known: dict[str, Record | None] = dict(known)

    def record(self, step: str) -> Record | None:
        """The result that counted; ``None`` where there is none, or it is not stored any more."""
        if step not in self._known:
            self._known[step] = self._read(step)
        return self._known[step]

    def _read(self, step: str) -> Record | None:
        end = self._ends.get(step)
        if end is None or not end.key:
            return None
        try:
            return next((found for found in self.store.records(end.key) if found.id == end.record), None)
        except NbflowError:
            return None

    def outputs(self, step: str) -> list[ThingView]:
        """What it made."""
        record = self.record(step)
        return [_thing(artifact) for artifact in record.artifacts] if record is not None else []

    def inputs(self, step: str) -> list[ThingView]:
        """What it took, described by the results that it came from."""
        record = self.record(step)
        if record is None:
            return []
        made = self._made_for(self._specs[step])
        things = []
        for text, digest in record.parts.get("inputs", {}).items():
            label = text.partition(":")[0]
            known = made.get(digest, _named(label))
            things.append({**known, "name": label})
        return things  # type: ignore[return-value]

    def _made_for(self, spec: StepSpec) -> dict[str, ThingView]:
        """Digest → what the steps above it made."""
        made: dict[str, ThingView] = {}
        for need in spec.needs:
            found, label = self.record(need), self._specs[need].label
            for artifact in found.artifacts if found is not None else ():
                made[artifact_digest(artifact)] = _thing(artifact, label)
                for file in artifact.files:
                    made[file.digest] = {**_named(file.path), "kind": "file", "size": file.size, "step": label}
        return made


def _thing(artifact: Artifact, step: str = "") -> ThingView:
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "type": artifact.type,
        "format": artifact.format,
        "size": artifact.size,
        "step": step,
    }


def _named(name: str) -> ThingView:
    """Something of which no more than its name is known."""
    return {"name": name, "kind": "", "type": "", "format": "", "size": None, "step": ""}
