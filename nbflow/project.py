"""A project opened for one command: settings, notebooks, pipeline, and what is known of earlier results.

Reading only: opening a project executes no cell, imports no user code and writes nothing but its own caches (best
effort). ``ops`` builds every verb on this; ``attempt`` makes steps run.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from nbflow import __version__, core
from nbflow import notebook as notebooks
from nbflow.core import declare
from nbflow.core.code_parts import Circumstances, CodeParts, NotRemembered, Remembered
from nbflow.core.graph import Pipeline, build
from nbflow.core.model import Facts, Finding, Record
from nbflow.core.names import FACTS_VERSION, analyse, facts_from_json, facts_to_json
from nbflow.core.outline import SKIP_TAG, Outline, facts_of
from nbflow.core.plan import Planner
from nbflow.disk.memo import Memo
from nbflow.environment import Surroundings
from nbflow.errors import InvalidPipeline, NoSteps, UsageError, did_you_mean
from nbflow.journal import Journal
from nbflow.kernels.specs import Kernelspecs
from nbflow.settings import Settings, find_root
from nbflow.store import Store
from nbflow.store.home import home_of, make_private

Forced = Literal["", "forced", "no-cache"]

SOUND = "sound"
"""Table of remembered verdicts: texts of notebooks about which the check has nothing to say."""

PARTS = "parts"
"""Table of what the code of all steps contributes to their keys, by the texts of the notebooks."""
MOST_TEXTS = 4
"""So many states of notebooks are remembered there: it is read as a whole."""


@dataclass
class Results:
    """What was made before: the store's records, and the journal's word on which is a step's newest."""

    store: Store
    newest: Mapping[str, tuple[str, str]]
    """Full name → key and record id."""

    def records(self, key: str) -> Sequence[Record]:
        return self.store.records(key)

    def intact(self, record: Record) -> bool:
        return self.store.intact(record)

    def last(self, step: str) -> Record | None:
        found = self.newest.get(step)
        if found is None:
            return None
        records = self.store.records(found[0])
        return next((r for r in records if r.id == found[1]), records[0] if records else None)


class RememberedParts:
    """The parts of the steps of one pipeline, in a memo."""

    def __init__(self, memo: Memo, digest: str) -> None:
        self._memo = memo
        self._digest = digest
        self._known: dict[str, list[Any]] = dict(memo.get(PARTS, digest) or {})

    def get(self, step: str) -> CodeParts | None:
        row = self._known.get(step)
        return None if row is None else CodeParts.from_json(row)

    def put(self, step: str, parts: CodeParts) -> None:
        self._known[step] = parts.to_json()
        self._memo.put(PARTS, self._digest, self._known)


@dataclass
class Project:
    """One pipeline with everything around it. Make it with ``open_project``; use it as a context manager."""

    root: Path
    settings: Settings
    files: Mapping[str, Path]
    """Notebook path from the root → file."""
    raws: Mapping[str, notebooks.Raw]
    pipeline: Pipeline
    surroundings: Surroundings
    store: Store
    kernelspecs: Kernelspecs
    environ: Mapping[str, str]
    analyses: Memo
    """Facts about cells, by their text."""
    conclusions: Memo
    """What was concluded from them, by the text of all notebooks."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_draft: bool = False
    """Whether a notebook was read as it stands in an editor. What is found out about it is of no use to other
    commands, and an editor asks after every word."""

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Keep what was learnt about unchanged files (best effort)."""
        with suppress(OSError):  # A folder that cannot be written: nothing is remembered.
            make_private(home_of(self.root))
            if not self.is_draft:
                self.analyses.save(50_000)
                self.conclusions.save(MOST_TEXTS)
            self.surroundings.save()
            self.kernelspecs.save()
            if self.store.root.is_dir():
                self.store.close()

    @cached_property
    def results(self) -> Results:
        journal = Journal.read(self.root)
        if journal is None:
            return Results(self.store, {})
        with journal:
            return Results(self.store, journal.last_results())

    def planner(self, parameters: Mapping[str, Any] | None = None, forced: Forced = "") -> Planner:
        circumstances = Circumstances(
            self.parameters if parameters is None else parameters, frozenset(self.settings.secrets)
        )
        return Planner(
            self.pipeline, self.results, self.surroundings, circumstances, forced, self._remembered(circumstances)
        )

    def _remembered(self, circumstances: Circumstances) -> Remembered:
        """Nothing where values were given: one of them may be a secret, and is not written down."""
        return NotRemembered() if circumstances.parameters else RememberedParts(self.conclusions, self._text_digest)

    def findings(self, planner: Planner | None = None) -> tuple[Finding, ...]:
        """Everything the check has to say."""
        from nbflow.core.check import check  # most plans need none: see ``verdict``

        planner = planner or self.planner()
        slices = {s.id: planner.slice(s) for s in self.pipeline.steps.values()}
        return check(self.pipeline, slices, self.surroundings)

    def verdict(self, planner: Planner | None = None) -> tuple[Finding, ...]:
        """Everything the check has to say. Notebooks with nothing to be said about them are remembered by their text,
        and not looked at again."""
        if self.conclusions.get(SOUND, self._text_digest):
            return ()
        findings = self.findings(planner)
        if not findings and not any(
            i.item.is_file and not i.makers for s in self.pipeline.steps.values() for i in s.inputs
        ):
            self.conclusions.put(SOUND, self._text_digest, True)
        return findings

    def require_sound(self, planner: Planner | None = None) -> tuple[Finding, ...]:
        """The findings, none of which is an error. Raises ``InvalidPipeline`` otherwise."""
        findings = self.verdict(planner)
        if any(f.severity == "error" for f in findings):
            raise self.refusal(findings, "The check found {count}, so nothing was run.")
        return findings

    def refusal(self, findings: Sequence[Finding], message: str) -> InvalidPipeline:
        """What to say where errors keep a verb from its work. ``{count}`` in the message is how many there are."""
        wrong = [f for f in findings if f.severity == "error"]
        count = "1 error" if len(wrong) == 1 else f"{len(wrong)} errors"
        fix = "nbflow check --fix writes what is not declared." if any(map(_can_be_written, wrong)) else ""
        return InvalidPipeline(message.replace("{count}", count), fix, findings, self.first_lines(wrong))

    @cached_property
    def _text_digest(self) -> str:
        """Of all that the core reads in the notebooks, and of the core."""
        digest = hashlib.blake2b(edition(core.__path__[0]).encode(), digest_size=16)
        for path, outline in self.pipeline.outlines.items():
            cells = [(c.kind, c.source, sorted(c.tags)) for c in outline.notebook.cells if c.kind == "code"]
            digest.update(repr((path, outline.notebook.language, len(cells), cells)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def first_lines(self, findings: Iterable[Finding]) -> dict[tuple[str, int], str]:
        """How the cells that findings speak of begin: a person knows a cell by that."""
        found = {}
        for f in findings:
            outline = self.pipeline.outlines.get(f.notebook)
            if outline is not None and f.cell:
                lines = outline.notebook.cell(f.cell).source.strip().splitlines()
                found[f.notebook, f.cell] = lines[0] if lines else ""
        return found


@cache
def edition(folder: str) -> str:
    """What tells the core in this folder from an edited one: conclusions of another are not believed."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:  # a packed one is not edited
        found = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in entries if e.name.endswith(".py"))
    return f"{__version__} {sys.version_info[:2]} {found}"


def _can_be_written(finding: Finding) -> bool:
    return bool(finding.add_inputs or finding.add_outputs)


def open_project(
    sources: Sequence[Path],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    drafts: Mapping[Path, bytes] | None = None,
    **flags: Any,
) -> Project:
    """Find the root, read settings and notebooks, and build the pipeline.

    ``drafts``: notebooks as they stand in an editor, file → content; they count in the place of the files. ``flags``
    are settings given on the command line. Raises ``UsageError`` and its kin.
    """
    environ = os.environ if environ is None else environ
    cwd = cwd or Path.cwd()
    for source in sources:
        notebooks.check_source(source)
    named = ", ".join(map(str, sources)) or "this folder"
    sources = [_real(s) for s in sources]
    root = find_root(sources[0] if sources else cwd, sources)
    settings = Settings.load(root, environ, **flags)
    for name in settings.notebooks if not sources else ():
        notebooks.check_source(root / name, f"The setting notebooks is wrong: {name}")
    if not sources:
        sources = [_real(root / n) for n in settings.notebooks] or [_real(cwd)]
    home = home_of(root)
    raws, files = _read(sources, root, {path.resolve(): data for path, data in (drafts or {}).items()})
    analyses = Memo(home / "analysis.json", FACTS_VERSION * 10_000 + sys.version_info[0] * 100 + sys.version_info[1])
    outlines = _outlines(raws, analyses, (parameters or {}).keys())
    outlines = [o for o in outlines if o.steps or o.findings or _is_meant(o)]
    if not raws:
        raise UsageError(f"There is no notebook in {named}.", "Name a notebook (.ipynb), or a folder that holds some.")
    if not outlines:
        raise NoSteps(
            f"There are no steps in {named}.", "Begin a cell with a line such as: %%step clean -i raw -o table"
        )
    store = Store(settings.store)
    specs = Kernelspecs(home / "kernels.json", environ)
    surroundings = Surroundings(root, store.digest, home / "environment.json", environ, specs.find)
    kept = {o.notebook.path for o in outlines}
    project = Project(
        root,
        settings,
        {p: f for p, f in files.items() if p in kept},
        {p: r for p, r in raws.items() if p in kept},
        build(outlines),
        surroundings,
        store,
        specs,
        environ,
        analyses,
        Memo(home / "conclusions.json", 1),
        is_draft=bool(drafts),
    )
    project.parameters = check_parameters(project.pipeline, parameters or {})
    return project


def _real(source: Path) -> Path:
    """The source with links on the way to it followed, so that its path counts from the root; not a link itself."""
    return source.resolve() if source.is_dir() else source.parent.resolve() / source.name


def _is_meant(outline: Outline) -> bool:
    """A notebook without a readable step that is about nbflow all the same: its findings must be seen."""
    return any(
        declare.mistyped_magic(cell.source) or "%%step" in cell.source or "%step" in facts.comments
        for cell, facts in zip(outline.notebook.cells, outline.facts, strict=True)
        if cell.kind == "code"
    )


def _read(
    sources: Iterable[Path], root: Path, drafts: Mapping[Path, bytes]
) -> tuple[dict[str, notebooks.Raw], dict[str, Path]]:
    raws: dict[str, notebooks.Raw] = {}
    files: dict[str, Path] = {}
    sources = list(sources)
    alone = {s.absolute() for s in sources if s.is_file()}
    for path in notebooks.find_notebooks(sources, root):
        name = notebooks.name_from(path, root)
        draft = drafts.get(path.resolve()) if drafts else None
        try:
            raw = notebooks.read_raw(path, name) if draft is None else notebooks.raw_from(draft, name)
        except UsageError:
            if path in alone or len(sources) == 0:
                raise
            if b"%%step" in path.read_bytes():
                raise
            continue  # A broken notebook somewhere in a folder that has nothing to do with steps.
        raws[name] = raw
        files[name] = path
    return raws, files


def _outlines(raws: Mapping[str, notebooks.Raw], analyses: Memo, given: Set[str]) -> list[Outline]:
    """``given``: names of the parameters that are given."""
    found = []
    for path, raw in raws.items():
        notebook = notebooks.parse(raw, path)
        outline = Outline(notebook, partial(facts_of, notebook, partial(_facts, analyses)))
        injected = given and given & outline.parameters.keys()
        found.append(_without_injected(outline) if injected else outline)
    return found


def _without_injected(outline: Outline) -> Outline:
    """Parameters that an earlier execution of papermill left in the notebook give way to those given now."""
    cells = tuple(
        c._replace(tags=c.tags | {SKIP_TAG}) if notebooks.INJECTED in c.tags else c for c in outline.notebook.cells
    )
    return Outline(replace(outline.notebook, cells=cells), lambda: outline.facts)


def _facts(memo: Memo, source: str, lazy_annotations: bool) -> Facts:
    """Facts about a cell, remembered by its text."""
    key = hashlib.blake2b(source.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    key += " lazy" if lazy_annotations else ""
    stored = memo.get("cells", key)
    if stored is not None:
        return _restored((memo.path, key), stored)
    facts = _analysed(source, lazy_annotations)
    memo.put("cells", key, facts_to_json(facts))
    return facts


# For a server, which is asked about the same cells again and again, most of them unchanged.
_MOST_CELLS = 5000
_analysed = lru_cache(_MOST_CELLS)(analyse)
_RESTORED: dict[tuple[Path | None, str], Facts] = {}


def _restored(key: tuple[Path | None, str], stored: list[Any]) -> Facts:
    facts = _RESTORED.get(key)
    if facts is None:
        if len(_RESTORED) >= _MOST_CELLS:
            _RESTORED.clear()
        facts = _RESTORED[key] = facts_from_json(stored)
    return facts


def check_parameters(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters, as the notebooks take them. Raises ``UsageError`` for a name that no notebook has."""
    if not given:
        return {}
    defaults: dict[str, str] = {}
    for outline in pipeline.outlines.values():
        defaults.update(outline.parameters)
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in defaults:
            known = ", ".join(defaults) or "none; tag a cell 'parameters' to have some"
            raise UsageError(
                f"No notebook of this pipeline has a parameter '{name}'.{did_you_mean(name, defaults)}",
                f"Parameters: {known}.",
            )
        default = json.loads(defaults[name]) if defaults[name] else None
        if isinstance(default, bool) and isinstance(value, Typed) and isinstance(value.value, str):
            raise UsageError(
                f"The parameter '{name}' is {default} by default, and '{value.text}' is neither True nor False.",
                f"Write -p {name}=True or -p {name}=False: any other text would count as true.",
            )
        text = isinstance(value, Typed) and isinstance(default, str)
        found[name] = value.text if text else value.value if isinstance(value, Typed) else value
    return found


@dataclass(frozen=True, slots=True)
class Typed:
    """A value from ``-p``: its text, and what papermill would read it as. A string default keeps the text."""

    text: str
    value: Any
