"""The nouns of nbflow: cells, declarations, facts about code, steps, pipelines, records, reasons.

Every other module of the core speaks in these values. They are frozen, they hold no behaviour beyond
small derived properties, and they know nothing of disks or clocks. Read ``declare`` next for the
``%%step`` grammar and ``names`` for how the facts about a cell are found.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

STEP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}\Z")

FORMATS = ("npy", "json", "pickle", "cloudpickle", "parquet", "arrow", "csv", "text")
"""Serializers that ``name:FORMAT`` may ask for; ``tests/runtime`` compares them with the table there."""

REF = "ref"
"""The one format of a file item: the digest is recorded, the bytes are not kept."""


# --- notebooks -----------------------------------------------------------------------------------------


class Cell(NamedTuple):
    """One cell. ``number`` counts all cells of the notebook from 1, as a reader does."""

    number: int
    kind: str
    """``code``, ``markdown`` or ``raw``."""
    source: str
    tags: frozenset[str] = frozenset()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as the planner sees it: no outputs, no widgets, only what could run."""

    path: str
    """Posix path from the project root, with its ``.ipynb``."""
    cells: tuple[Cell, ...]
    kernel: str | None = None
    """Name of the kernelspec, ``None`` where the notebook does not say."""
    language: str = "python"

    @property
    def stem(self) -> str:
        return posixpath.splitext(posixpath.basename(self.path))[0]

    @property
    def folder(self) -> str:
        """Posix path of the folder from the project root, ``""`` for the root itself."""
        return posixpath.dirname(self.path)

    def cell(self, number: int) -> Cell:
        return self.cells[number - 1]


# --- declarations --------------------------------------------------------------------------------------


class Item(NamedTuple):
    """One input or output, as declared: a variable, or a file (which may bind a name to its path)."""

    text: str
    """As the person wrote it."""
    name: str | None = None
    """The variable, or the name a file's ``pathlib.Path`` is bound to."""
    path: str | None = None
    """As written, relative to the notebook's folder; a trailing ``/`` means a folder. ``None`` for variables."""
    format: str | None = None

    @property
    def is_file(self) -> bool:
        return self.path is not None

    @property
    def is_glob(self) -> bool:
        return self.path is not None and any(c in self.path for c in "*?[")

    @property
    def is_folder(self) -> bool:
        return self.path is not None and self.path.endswith("/")

    @property
    def label(self) -> str:
        """What a person calls it: the variable's name or the path."""
        return self.path if self.path is not None else str(self.name)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a step. ``None`` means: as the settings say."""

    retries: int | None = None
    retry_delay: float | None = None
    """Seconds before the first retry."""
    timeout: float | None = None
    """Seconds one attempt may take."""
    cache: bool = True
    resources: tuple[tuple[str, float], ...] = ()
    """``(name, amount)``; memory in bytes."""


class Declaration(NamedTuple):
    """What one ``%%step`` (or ``%step``) line says."""

    name: str
    inputs: tuple[Item, ...] = ()
    outputs: tuple[Item, ...] = ()
    after: tuple[str, ...] = ()
    options: Options = Options()
    whole_notebook: bool = False
    """True for the line magic ``%step``, which makes the whole notebook one step."""


# --- facts about code ----------------------------------------------------------------------------------

PathExpr = tuple[Any, ...]
"""A path as far as it is known without running.

| form                              | what it is                                                                 |
|-----------------------------------|----------------------------------------------------------------------------|
| ``("str", "data/x.csv")``           | a text; with ``*`` and its kin where a folder is listed                      |
| ``("name", "D")``                   | what a name of the notebook stands for                                     |
| ``("join", a, b)``, ``("add", a, b)`` | the two with a ``/`` between them; put together as text                      |
| ``("any", a, b, …)``                | one of them: the elements of a list, a loop over them, ``a if x else b``     |
| ``("param", function, slot, …)``    | what a function of the notebook is called with                             |
| ``("with", method, a, b)``          | ``a.with_suffix(b)``, ``a.with_name(b)``                                       |
| ``("format", spec, a)``             | ``f"{a:02d}"``                                                               |
| ``("maybe", a)``                    | ``a`` where that is a path at all                                            |
| ``("none",)``, ``("unknown",)``       | an open file or text held in memory; a path that only running can tell     |
| ``("attribute",)``                  | the same of an object: ``config.path``                                       |
"""


class Change(NamedTuple):
    """A name whose object a statement may change in place."""

    name: str
    how: Literal["assign", "delete", "call", "maybe"]
    """``assign``: attribute, subscript or augmented assignment, or ``inplace=True``; ``delete``: ``del x`` or
    ``del x[i]``; ``call``: a bare call on it (``xs.append(1)``); ``maybe``: a call on it whose result is used and whose
    method is not known to look only (``loss = model.train_epoch()``)."""


class Import(NamedTuple):
    """One name that an import statement binds."""

    module: str
    """Dotted, with leading dots for a relative import (``numpy.linalg``, ``.helpers``)."""
    name: str | None
    """The attribute taken from it (``from module import name``), ``*`` for all, ``None`` for ``import module``."""
    bound: str
    """The name it binds; ``""`` for a star import."""


class Effect(NamedTuple):
    """A call that matters to the check, found by its dotted words, whose root the check must resolve to an import."""

    kind: Literal["random", "seed", "estimator", "network", "database", "clock", "reader", "writer"]
    root: str
    """The first name of the dotted call (``pd`` of ``pd.read_csv``); ``""`` for a method that tells by itself."""
    text: str
    """The dotted call as written (``pd.read_csv``)."""
    line: int
    path: PathExpr | None = None
    """For readers, writers and databases in a file: which."""


class Code(NamedTuple):
    """What a piece of code does to module-level names. Two of them describe a statement: what happens as it runs,
    and what happens later, when code that it defines (functions, methods, lambdas) is called."""

    reads: tuple[str, ...] = ()
    """Global names it may read and has not surely bound itself before."""
    binds: tuple[str, ...] = ()
    """Global names it may bind (for later code: through ``global``)."""
    changes: tuple[Change, ...] = ()
    """Global names whose objects it may change in place."""
    calls: tuple[str, ...] = ()
    """Global names it calls by themselves, decorators included (``f`` of ``f(x)``; not ``m`` of ``m.g()``)."""
    setup: tuple[str, ...] = ()
    """Roots of set-up candidates: assignments to an attribute or item of the name (``os`` of ``os.environ["TZ"] = ""``)
    and bare calls of, or on, the name whose last word is a configuring verb. Set-up only if the root is an import."""
    bare_calls: tuple[str, ...] = ()
    """Names called by themselves in a bare expression statement (``seed_all`` of ``seed_all(42)``)."""
    paths: tuple[PathExpr, ...] = ()
    """Literals and constant expressions that may name a file."""
    environ: tuple[str, ...] = ()
    """Environment variables read by literal name."""
    modules: tuple[str, ...] = ()
    """Modules it imports (dotted), also inside functions and by ``importlib.import_module("literal")``."""
    effects: tuple[Effect, ...] = ()
    looks_inside: bool = False
    """Whether it mentions ``__doc__`` or ``inspect``: then docstrings count."""
    shares: tuple[tuple[str, str], ...] = ()
    """``(name, root)``: a name bound here may be the object of ``root``, a part of it, or hold it (``cfg = base``,
    ``opt = Adam(model.parameters())``)."""
    hands: tuple[tuple[str, str, str], ...] = ()
    """``(function, slot, root)``: a name handed to a function that is called by its name, or to a method (``.fit``).
    ``slot`` is the position (``"0"``) or the keyword, ``"*"`` where nobody knows, ``"@"`` for a method's object. Inside
    a function a root may be one of its parameters: ``>`` and the slots of that (``>0``, ``>d``)."""
    keeps: tuple[tuple[str, str, str], ...] = ()
    """``(container, root, how)``: the object of ``container`` may hold that of ``root`` from here on, as an
    ``attribute`` (``c.x = a``) or an ``item`` (``d["x"] = a``, ``xs.append(a)``)."""
    given: tuple[tuple[str, str, PathExpr], ...] = ()
    """``(function, slot, path)``: a path that a function, or a method (``.load``), is called with; defaults, too."""


UsedUp = Literal["generator", "unseeded", "iterator"]
"""What draws use up: a random generator, one that no seed fixes, an iterator (or cursor, counter, open file)."""


class Unit(NamedTuple):
    """One top-level statement of a cell."""

    line: int
    """Where it begins in the cell, from 1."""
    kind: Literal["import", "def", "class", "literal", "other"]
    """``import``, plain ``def``, plain ``class`` and assignments of literals can be left out of a key where nothing
    reaches them; ``other`` always counts (anything decorated is ``other``)."""
    digest: str
    """Of its normalised syntax tree, docstrings of plain functions left out."""
    digest_with_docs: str
    sure: tuple[str, ...]
    """Names that are surely bound once it has run."""
    now: Code
    later: Code
    imports: tuple[Import, ...] = ()
    """Top-level imports, also under ``try`` and ``if``."""
    import_source: str = ""
    """For a statement that only imports (also under ``try`` or ``if``): its source, so that it can travel alone."""
    always: str = ""
    """Why it belongs to every slice below it whatever it binds: ``star import``, ``%run``, ``exec``, ``__future__``,
    ``session`` (``%matplotlib``, ``%env``, …); ``""`` where it does not."""
    constant: tuple[tuple[str, PathExpr], ...] = ()
    """Names bound to a text or path that is known without running."""
    value: str = ""
    """JSON of the value, for ``name = literal`` where the literal is a JSON value: parameters are read from it."""
    alters: tuple[str, ...] = ()
    """For a function: the slots (as in ``Code.hands``) of the parameters whose objects it may change in place; ``*``
    and ``**`` for those that it takes in any number, with a ``!`` behind those that it surely changes. For a class the
    same of its methods: ``update.0``."""
    gives: tuple[str, ...] = ()
    """For a function: slots of the parameters, and ``=name`` of the globals, whose objects it may return."""
    used_up: tuple[tuple[str, str, UsedUp], ...] = ()
    """``(name, root, what)``: names bound to an object that is used up in turn, made by a call of ``root``."""


class Problem(NamedTuple):
    """Why a cell could not be read."""

    message: str
    line: int
    column: int


class Facts(NamedTuple):
    """All that the planner knows of one cell's code."""

    units: tuple[Unit, ...] = ()
    problem: Problem | None = None
    opaque: str = ""
    """The cell magic whose body is not Python (``bash``, ``writefile``): such a cell binds nothing we can see."""
    comments: tuple[str, ...] = ()
    """Notes for the check: names of magics or syntax seen that it wants to speak about."""


# --- findings and reasons ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the check has to say: what, where, and the fix."""

    code: str
    severity: Literal["error", "warning", "hint"]
    notebook: str
    cell: int | None
    step: str | None
    message: str
    fix: str = ""
    add_inputs: tuple[str, ...] = ()
    """Items that ``check --fix`` adds to the step's line."""
    add_outputs: tuple[str, ...] = ()
    fix_step: str | None = None
    """The step whose line the fix changes, where it is not ``step``."""


REASON_KINDS = (
    "first-run", "code", "helper", "parameter", "input", "upstream", "file", "module", "package", "python",
    "environment", "outputs", "forced", "no-cache", "damaged", "unknown", "fresh",
)  # fmt: skip


class Reason(NamedTuple):
    """Why a step runs or is reused. ``kind`` is one of ``REASON_KINDS``; ``detail`` is a plain-English clause."""

    kind: str
    detail: str = ""


# --- what was made -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a file output: where it lay (relative to the project root) and its bytes."""

    path: str
    digest: str
    size: int
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored output."""

    name: str
    """The item's label: a variable's name, or the path as declared."""
    kind: Literal["variable", "file"]
    digest: str
    """Of the blob; for file outputs, of the list of their files; for ``ref`` files, of bytes that are not stored."""
    format: str
    size: int
    """Bytes."""
    type: str = ""
    """For a person: ``DataFrame 336776 × 19``."""
    member: str = ""
    """Its name inside a bundle of outputs that share objects; ``""`` where it stands alone."""
    files: tuple[StoredFile, ...] = ()
    main_names: tuple[str, ...] = ()
    """Names in ``__main__`` that the bytes refer to (classes and functions of the notebook)."""
    numbers: Mapping[str, int | float | str] = field(default_factory=dict, hash=False)
    """Of a number, or of a dictionary of numbers: ``train.mae`` → number, in words where it is none that JSON knows."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one committed attempt made, under its key."""

    key: str
    id: str
    """Sorts by time; unique."""
    step: str
    """Full name of the step that made it (not part of the key)."""
    run: str
    created: str
    """ISO 8601, UTC, milliseconds."""
    seconds: float
    parts: Mapping[str, Any]
    """The parts of the key, as ``fingerprint`` made them; ``why`` compares them field by field."""
    artifacts: tuple[Artifact, ...] = ()
    read_files: Mapping[str, str] = field(default_factory=dict)
    """Files it was seen to read: path → digest. Paths are from the notebook's folder, absolute outside the project."""
    read_folders: Mapping[str, str] = field(default_factory=dict)
    """Folders it was seen to list: path → digest of the names found."""
    read_modules: Mapping[str, str] = field(default_factory=dict)
    """Local modules it really loaded: path → digest of their syntax."""
    wrote: tuple[str, ...] = ()
    """Files it was seen to write."""
    executed: str = ""
    """Digest of the blob with what its cells showed."""
    reusable: bool = True
    """False for the result of a ``%%step --no-cache``."""
    schema: int = 1

    def artifact(self, label: str) -> Artifact | None:
        return next((a for a in self.artifacts if a.name == label), None)
