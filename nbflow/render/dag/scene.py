"""What stands in the picture, with its words and its size, before anything has a place.

Steps are cards. What flows from one to another is a small box on the way between them, so that words never lie on
lines. Files from outside and outputs that no step takes are quiet chips. Read ``engines`` for how places are found and
``drawing`` for how it becomes SVG.
"""

from __future__ import annotations

import math
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Item
from nbflow.core.parameters import parameters_by_step
from nbflow.core.view import LABELS
from nbflow.render.dag.letters import cut, few, safe, width
from nbflow.render.words import count

NAME, NOTE, SMALL = 13.0, 11.0, 10.5
"""Type sizes in pixels: a step's name, the line below it, and everything quiet."""

WORDS: Mapping[str, str] = {str(state): label for state, label in LABELS.items()}
"""State → its word; those between runs are words already."""
SIDE = 12.0
"""Room at both ends of a card."""
SIGN = 27.0
"""Room that a sign takes in front of the words."""
NAME_ROOM, DATA_ROOM, FLOW_ROOM = 190.0, 200.0, 150.0
"""Pixels for the words of a card, a chip and a flow; longer ones are cut, and the title has all of them."""
DATA_LINES = 3
MANY = 40
"""So many steps need room more than whole names."""
CROWDED = 600
"""From so many flows on they are not written on their edges: the titles hold them, and laying out stays quick."""


@dataclass(frozen=True, slots=True)
class Box:
    """A step, a chip of data, or what flows along an edge."""

    id: str
    width: float
    height: float
    lines: tuple[str, ...]
    title: str
    cluster: str = ""
    """The notebook it stands in; ``""`` outside of all."""


@dataclass(frozen=True, slots=True)
class Card(Box):
    """A step. Its lines: the name, then a note where it has a state."""

    step: str = ""
    """Full name."""
    state: str = ""
    label: str = ""
    """For those who hear the picture: name and state."""
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Chip(Box):
    """Files that come from outside, or outputs that no step takes."""

    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another."""

    source: str
    target: str
    title: str
    through: Box | None = None
    """What is written on its way."""
    kind: str = "flow"
    """``flow``, ``after`` (an order without data) or ``data`` (to or from a chip)."""
    near: bool = True
    """Whether it leads to the very next level: such arrows are kept short and straight, the others make room."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything to be placed and drawn."""

    title: str
    across: bool
    """Whether it runs from left to right, not from top to bottom."""
    cards: tuple[Card, ...] = ()
    chips: tuple[Chip, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    notebooks: Mapping[str, str] = field(default_factory=dict)
    """Cluster id → the notebook's path; empty where there is one notebook."""

    def boxes(self) -> Iterator[Box]:
        yield from self.cards
        yield from self.chips
        yield from (a.through for a in self.arrows if a.through is not None)


def element_ids(pipeline: Pipeline) -> dict[str, str]:
    """Step → the id of its element in the picture, ``step_1`` and so on, in the order in which they run."""
    return {step: f"step_{number}" for number, step in enumerate(pipeline.steps, 1)}


def scene_of(pipeline: Pipeline, states: Mapping[str, str], notes: Mapping[str, str]) -> Scene:
    """The scene of a pipeline. ``notes``: step → what its card says instead of its state's word."""
    used = list(dict.fromkeys(step.notebook for step in pipeline.steps.values()))
    clusters = {path: f"notebook_{n}" for n, path in enumerate(used, 1)} if len(used) > 1 else {}
    ids = element_ids(pipeline)
    chips, to_chips = _chips(pipeline, ids)
    levels = _levels(pipeline)
    number = count(len(pipeline.steps), "step")
    return Scene(
        title=f"Pipeline of {number}" + (f" in {len(used)} notebooks" if clusters else ""),
        across=_is_across(levels),
        cards=_cards(pipeline, ids, clusters, states, notes),
        chips=chips,
        arrows=(*_arrows(pipeline, ids, clusters, levels), *to_chips),
        notebooks={cluster: safe(path) for path, cluster in clusters.items()},
    )


# --- cards ---------------------------------------------------------------------------------------------


def _cards(
    pipeline: Pipeline, ids: Mapping[str, str], clusters: Mapping[str, str], states: Mapping[str, str],
    notes: Mapping[str, str],
) -> tuple[Card, ...]:  # fmt: skip
    parameters = parameters_by_step(pipeline)
    made = []
    for step in pipeline.steps.values():
        state = states.get(step.id, "")
        note = safe(notes.get(step.id, "")) or WORDS.get(state, state)
        made.append(_card(step, ids[step.id], clusters.get(step.notebook, ""), state, note, parameters[step.id]))
    wide = _common_width([card.width for card in made])
    return tuple(_as_wide(card, wide) for card in made)


def _common_width(widths: Sequence[float]) -> float:
    """One width for all cards. Among many, a few long names are cut rather than making every card as wide."""
    ordered = sorted(widths)
    return math.ceil(ordered[-1 - len(ordered) // 10 if len(ordered) > MANY else -1]) if ordered else 0.0


def _card(step: Step, id_: str, cluster: str, state: str, note: str, parameters: Sequence[str]) -> Card:
    name = cut(safe(_own_name(step, cluster)), NAME_ROOM, NAME)
    lines = (name, cut(note, NAME_ROOM, NOTE)) if state else (name,)
    small = few([safe(p) for p in parameters], NAME_ROOM - 14, SMALL) if parameters else ""
    words = max(
        width(name, NAME), width(note, NOTE) if state else 0, width(small, SMALL, mono=True) + 14 if small else 0
    )
    return Card(
        id_, max(112.0, words + 2 * SIDE + (SIGN if state else 0)),
        34.0 + (13.0 if state else 0) + (15.0 if small else 0), lines, _card_title(step, parameters), cluster,
        step=safe(step.id), state=state, label=safe(step.name) + (f": {note}" if state else ""), parameters=small,
    )  # fmt: skip


def _own_name(step: Step, cluster: str) -> str:
    """Inside its notebook's frame a step needs no notebook's name."""
    return step.outline.name if cluster else step.name


def _card_title(step: Step, parameters: Sequence[str]) -> str:
    cells = ", ".join(map(str, step.outline.cells))
    lines = [
        step.name,
        f"{step.notebook}, cell{'s' if len(step.outline.cells) > 1 else ''} {cells}",
        _said("takes", [i.item.label for i in step.inputs]),
        _said("makes", [o.label for o in step.outputs]),
        _said("after", step.outline.declaration.after),
        _said("parameters:", parameters),
    ]
    return "\n".join(safe(line) for line in lines if line)


def _said(word: str, items: Iterable[str]) -> str:
    text = ", ".join(items)
    return f"{word} {text}" if text else ""


def _as_wide(card: Card, wide: float) -> Card:
    room = wide - 2 * SIDE - (SIGN if card.state else 0)
    name, *note = card.lines
    lines = (cut(name, room, NAME), *(cut(line, room, NOTE) for line in note))
    return replace(card, width=wide, lines=lines, parameters=cut(card.parameters, room - 14, SMALL, mono=True))


# --- what flows ----------------------------------------------------------------------------------------


def _arrows(
    pipeline: Pipeline, ids: Mapping[str, str], clusters: Mapping[str, str], levels: Mapping[str, int]
) -> Iterator[Arrow]:
    between: dict[tuple[str, str], list[str]] = {}
    for edge in pipeline.edges:
        if edge.source in ids and edge.target in ids:
            items = between.setdefault((edge.source, edge.target), [])
            if edge.via != "--after" and edge.via not in items:
                items.append(edge.via)
    crowded = len(between) > CROWDED
    for number, ((source, target), items) in enumerate(between.items(), 1):
        first, last = pipeline.steps[source], pipeline.steps[target]
        title = safe(f"{first.name} → {last.name}: {', '.join(items) or 'order alone'}")
        same = clusters.get(first.notebook, "") if first.notebook == last.notebook else ""
        through = None if crowded or not items else _flow(f"flow_{number}", items, title, same)
        near = levels[target] - levels[source] == 1
        yield Arrow(ids[source], ids[target], title, through, "flow" if items else "after", near)


def _flow(id_: str, items: Sequence[str], title: str, cluster: str) -> Box:
    text = few([safe(_last_part(item)) for item in items], FLOW_ROOM, SMALL)
    return Box(id_, math.ceil(width(text, SMALL, mono=True) + 10), 17.0, (text,), title, cluster)


def _last_part(item: str) -> str:
    """A file by its name alone, as variables are."""
    return posixpath.basename(item.rstrip("/")) + ("/" if item.endswith("/") else "") or item


def _chips(pipeline: Pipeline, ids: Mapping[str, str]) -> tuple[tuple[Chip, ...], list[Arrow]]:
    """Files that no step makes, those of the same readers together; and what no step takes."""
    chips: list[Chip] = []
    arrows: list[Arrow] = []
    for readers, files in _from_outside(pipeline).items():
        chip = _chip(f"data_{len(chips) + 1}", files, True, "read by " + _names(pipeline, readers))
        chips.append(chip)
        arrows += [Arrow(chip.id, ids[r], chip.title, kind="data") for r in readers]
    for step, outputs in _untaken(pipeline).items():
        title = "made by " + _names(pipeline, [step])
        chip = _chip(f"data_{len(chips) + 1}", [o.label for o in outputs], any(o.is_file for o in outputs), title)
        chips.append(chip)
        arrows.append(Arrow(ids[step], chip.id, chip.title, kind="data"))
    return tuple(chips), arrows


def _names(pipeline: Pipeline, steps: Iterable[str]) -> str:
    return ", ".join(pipeline.steps[s].name for s in steps)


def _from_outside(pipeline: Pipeline) -> dict[tuple[str, ...], list[str]]:
    readers: dict[str, list[str]] = {}
    for step in pipeline.steps.values():
        for given in step.inputs:
            if given.item.is_file and not given.makers:
                who = readers.setdefault(given.path, [])
                if step.id not in who:
                    who.append(step.id)
    found: dict[tuple[str, ...], list[str]] = {}
    for path, steps in readers.items():
        found.setdefault(tuple(steps), []).append(path)
    return found


def _untaken(pipeline: Pipeline) -> dict[str, list[Item]]:
    taken = {(e.source, e.via) for e in pipeline.edges}
    taken_files = {e.source for e in pipeline.edges if e.is_file}
    found = {}
    for step in pipeline.steps.values():
        # A file may be taken by another name for it (a folder, a glob): who gives files on has no untaken ones.
        left = [
            o for o in step.outputs if (step.id not in taken_files if o.is_file else (step.id, o.label) not in taken)
        ]
        if left:
            found[step.id] = left
    return found


def _chip(id_: str, items: Sequence[str], is_file: bool, title: str) -> Chip:
    shown = items if len(items) <= DATA_LINES else items[: DATA_LINES - 1]
    lines = [cut(safe(item), DATA_ROOM, SMALL, mono=True, keep="end") for item in shown]
    if len(shown) < len(items):
        lines.append(f"+{len(items) - len(shown)} more")
    wide = max(width(line, SMALL, mono=True) for line in lines) + 18 + (14 if is_file else 0)
    title = "\n".join(safe(line) for line in (*items, title))
    return Chip(id_, math.ceil(wide), 8.0 + 14.0 * len(lines), tuple(lines), title, is_file=is_file)


# --- which way it runs ---------------------------------------------------------------------------------

PAGE = 1300.0
"""Pixels beside each other that a reader still sees without scrolling, more or less."""
BESIDE, BEHIND = 175.0, 290.0
"""Pixels that a step takes up among others of its level, and a level takes up where it runs across."""


def _levels(pipeline: Pipeline) -> Mapping[str, int]:
    """Step → how many steps it stands behind at most."""
    levels: dict[str, int] = {}
    for step in pipeline.steps.values():
        levels[step.id] = 1 + max((levels.get(need, 0) for need in step.needs), default=0)
    return levels


def _is_across(levels: Mapping[str, int]) -> bool:
    """From top to bottom, as a notebook reads, unless that would be too wide and the other way is less so."""
    sizes = Counter(levels.values())
    return max(sizes.values(), default=0) * BESIDE > max(PAGE, len(sizes) * BEHIND)
