"""What the check says about files: inputs that are not there, outputs out of place, files that the code names.

A file that reached code reads, writes or only mentions by a literal or a constant path should be declared, so that the
graph shows it. The words to add are offered only where adding them is right: ``declare.file_item`` writes them, and a
step that would then read what it writes, or need what needs it, gets other advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from nbflow.core import declare, effects, paths
from nbflow.core.findings import finding
from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding, PathExpr, Unit
from nbflow.core.named_files import Constants, named_files, place, texts
from nbflow.core.reached import Called, called
from nbflow.core.surroundings import Surroundings
from nbflow.core.troubles import Said

Writers = paths.PathIndex[Step]
IN_MEMORY = frozenset({"", ":memory:"})


def writers(pipeline: Pipeline) -> Writers:
    """Declared file outputs, seen from the project root, with their steps."""
    return paths.PathIndex(
        (paths.from_root(pipeline.outlines[step.notebook].notebook.folder, str(item.path)), step)
        for step in pipeline.steps.values()
        for item in step.outputs
        if item.is_file
    )


@dataclass(frozen=True)
class World:
    """What the files of all steps are compared with."""

    pipeline: Pipeline
    surroundings: Surroundings
    writers: Writers
    said: set[Said]


@dataclass
class Seen:
    """What the code of one step says about files, evaluated."""

    reads: dict[str, int] = field(default_factory=dict)
    """Text → cell."""
    writes: dict[str, int] = field(default_factory=dict)
    mentions: dict[str, int] = field(default_factory=dict)
    remote: list[Called] = field(default_factory=list)
    """Readers of an address."""
    unknown: list[Called] = field(default_factory=list)
    """Readers of a path that only running can tell."""
    databases: list[Called] = field(default_factory=list)
    """Databases in a file, or where nobody knows."""


class Files:
    """The files of one step."""

    def __init__(self, world: World, step: Step, units: Sequence[tuple[int, Unit]]) -> None:
        self.world = world
        self.step = step
        self.units = units
        self.outline = world.pipeline.outlines[step.notebook]
        self.folder = self.outline.notebook.folder
        self.outputs = [paths.from_root(self.folder, str(o.path)) for o in step.outputs if o.is_file]
        self.declared = [i.path for i in step.inputs if i.item.is_file] + self.outputs

    def findings(self) -> Iterator[Finding]:
        yield from self._inputs()
        yield from self._outputs()
        yield from self._undeclared()

    def _say(self, code: str, cell: int, message: str, fix: str, add: tuple[str, ...] = ()) -> Finding:
        return finding(code, self.step.notebook, cell, self.step.outline.name, message, fix, add_inputs=add)

    # --- what is declared ----------------------------------------------------------------------------------

    def _inputs(self) -> Iterator[Finding]:
        for wanted in self.step.inputs:
            if wanted.item.is_file and not wanted.makers and not self._exists(wanted.path):
                what = "matches nothing" if wanted.item.is_glob else "is not there"
                yield self._say(
                    "missing-file", self.step.outline.input_cells[wanted.item.label],
                    f"The input '{wanted.item.path}' {what}, and no step makes it.",
                    f"It was looked for at {wanted.path}, seen from the project root: paths are relative to the "
                    "notebook's folder.",
                )  # fmt: skip

    def _exists(self, path: str) -> bool:
        return self.world.surroundings.is_there(path)

    def _outputs(self) -> Iterator[Finding]:
        for item in self.step.outputs:
            if not item.is_file:
                continue
            where = paths.from_root(self.folder, str(item.path))
            if where in (".", "./"):
                message = f"The output '{item.path}' is the whole project folder."
            elif paths.is_outside(where):
                message = f"The output '{item.path}' lies outside the project root."
            else:
                continue
            yield self._say("outside-root", self.step.outline.last, message, "Write to a path below the project root.")

    # --- what the code says --------------------------------------------------------------------------------

    @cached_property
    def constants(self) -> Constants:
        found = Constants()
        for _, unit in self.units:
            found.add(unit)
        declaration = self.step.outline.declaration
        for item in (*declaration.inputs, *declaration.outputs):
            if item.is_file and item.name:
                found.set(item.name, item.path)
        return found

    @cached_property
    def seen(self) -> Seen:
        constants, seen = self.constants, Seen()
        for call in called(self.outline, self.units):
            kind = call.effect.kind
            if kind == "writer":
                seen.writes.update(dict.fromkeys(texts(call.effect.path, constants).found, call.cell))
            elif kind == "reader" or (kind == "database" and call.effect.path is not None):
                self._note(seen, call)
        mentioned: dict[PathExpr, int] = {}
        for cell, unit in self.units:
            if not unit.always:
                for code in (unit.now, unit.later):
                    mentioned.update({p: cell for p in code.paths if p not in mentioned})
        for path, cell in mentioned.items():
            for text in named_files([path], constants, self.folder).values():
                seen.mentions.setdefault(text, cell)
        return seen

    def _note(self, seen: Seen, call: Called) -> None:
        found = texts(call.effect.path, self.constants)
        if call.effect.kind == "database":
            if set(found.found) - IN_MEMORY or found.open:
                seen.databases.append(call)
        elif not found.found and found.open:
            seen.unknown.append(call)
        for text in found.found:
            if text.startswith(effects.REMOTE):
                seen.remote.append(call)
            elif text not in IN_MEMORY:
                seen.reads.setdefault(text, call.cell)

    def asks_a_server(self, call: Called) -> bool:
        """Whether a database may be more than a file that is there, or made: of such a file the content tells all."""
        if call not in self.seen.databases:
            return False
        found = texts(call.effect.path, self.constants).found
        places = [where for text in found if (where := place(text, self.folder)) is not None]
        return not places or not all(self._is_covered(w) or self._makers(w) or self._exists(w) for w in places)

    # --- what is not declared ------------------------------------------------------------------------------

    def _undeclared(self) -> Iterator[Finding]:
        seen = self.seen
        wrote = {place(text, self.folder) for text in seen.writes}
        done: set[str] = set()
        for texts_, role in ((seen.reads, "reads"), (seen.writes, "writes"), (seen.mentions, "")):
            for text, cell in texts_.items():
                where = place(text, self.folder)
                if where is None or where in done or (role != "writes" and where in wrote):
                    continue
                done.add(where)
                if self._is_covered(where) or (role != "reads" and paths.is_glob(where)):
                    continue
                if not role and any(path.startswith(where + "/") for path in (*self.declared, *done)):
                    continue  # ``Path("data")`` on the way to what is declared, or has been spoken of
                key = ("undeclared-file", self.step.notebook, cell, where)
                found = self._about(text, where, cell, role) if key not in self.world.said else None
                if found is not None:
                    self.world.said.add(key)
                    yield found

    def _is_covered(self, where: str) -> bool:
        belongs = paths.covers if paths.is_glob(where) else paths.matches
        return any(belongs(declared, where) for declared in self.declared)

    def _makers(self, where: str) -> list[tuple[str, Step]]:
        return [(path, step) for path, step in self.world.writers.meeting(where) if step is not self.step]

    def _about(self, text: str, where: str, cell: int, role: str) -> Finding | None:
        """What to say of a file, folder or pattern that is there, or that another step makes."""
        makers = self._makers(where)
        folder = not paths.is_glob(where) and self.world.surroundings.names(where) is not None
        if folder and role != "reads":
            return None  # ``df["data"]`` beside a folder of that name
        what = "matches files" if paths.is_glob(where) else "names a folder" if folder else "names a file"
        item = declare.file_item(text, folder=folder)
        if makers:
            message = f"'{text}' {what} that step '{makers[0][1].name}' makes."
            if role == "writes" or item is None:
                return None  # two writers: said where outputs are compared, once it is declared
            return self._made(message, item, where, cell, role, makers)
        if not self._exists(where) or item is None:
            return None
        message = f"'{text}' {what} that is not declared."
        message = message.replace("files that is", "files that are")
        word, name = declare.quoted(item), self.step.outline.name
        if role == "reads":
            if any(paths.meet(output, where) for output in self.outputs):
                fix = "This step writes there too: declare the files that it reads one by one, with -i PATH."
                return self._say("undeclared-file", cell, message, fix)
            fix = f"Add '-i {word}' to step '{name}': it reads the file{'s' * (what != 'names a file')}."
            return self._say("undeclared-file", cell, message, fix, (item,))
        if role == "writes":
            if paths.is_outside(where):
                return None
            return self._say("undeclared-file", cell, message, f"Add '-o {word}' to step '{name}': it writes the file.")
        return self._say(
            "undeclared-file", cell, message,
            f"Add '-i {word}' if step '{name}' reads it, '-o {word}' if it writes it: then the graph shows it.",
        )  # fmt: skip

    def _made(
        self, message: str, item: str, where: str, cell: int, role: str, makers: Sequence[tuple[str, Step]]
    ) -> Finding:
        name, word = self.step.outline.name, declare.quoted(item)
        path, maker = makers[0]
        if any(not paths.covers(p, where) and not paths.covers(where, p) for p, _ in makers):
            fix = f"Declare what step '{maker.name}' makes as a whole: it writes {path}, seen from the project root."
            return self._say("undeclared-file", cell, message, fix)
        if any(paths.meet(output, where) for output in self.outputs):
            fix = "This step writes there too: declare the files that it reads one by one, with -i PATH."
            return self._say("undeclared-file", cell, message, fix)
        below = [m for _, m in makers if self._stands_below(m)]
        if below:
            fix = (
                f"If step '{name}' reads what step '{below[0].name}' makes, move it below that and add '-i {word}'; if "
                "it reads what was there before, write to another path there."
            )
            return self._say("undeclared-file", cell, message, fix)
        if role == "reads":
            return self._say("undeclared-file", cell, message, f"Add '-i {word}' to step '{name}'.", (item,))
        return self._say("undeclared-file", cell, message, f"Add '-i {word}' to step '{name}' if it reads the file.")

    def _stands_below(self, maker: Step) -> bool:
        """Whether the maker comes later: further down in this notebook, or because it needs this step."""
        if maker.notebook == self.step.notebook:
            return maker.outline.last > self.step.outline.first
        return self.step.id in self._needed_by(maker)

    def _needed_by(self, step: Step) -> set[str]:
        found: set[str] = set()
        queue = [*step.needs]
        while queue:
            need = queue.pop()
            if need not in found:
                found.add(need)
                queue += self.world.pipeline.steps[need].needs
        return found
