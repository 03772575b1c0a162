"""What stands in the picture, with its words and its size, before anything has a place.

Steps are cards. What flows from one to others is a small box on the way to them, so that words never lie on lines.
Files from outside and outputs that no step takes are quiet chips. Read ``flows`` for what connects them, ``places`` for
where everything stands and ``drawing`` for how it becomes SVG.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nbflow.core.graph import Pipeline, Step
from nbflow.core.parameters import parameters_by_step
from nbflow.core.view import LABELS
from nbflow.render.dag.boxes import Card, Scene
from nbflow.render.dag.flows import SMALL, is_across, levels_of, weave
from nbflow.render.dag.letters import cut, few, safe, width
from nbflow.render.words import count

NAME, NOTE = 13.0, 11.0
"""Type sizes in pixels: a step's name and the line below it."""

WORDS: Mapping[str, str] = {str(state): label for state, label in LABELS.items()}
"""State → its word; those between runs are words already."""
SIDE = 12.0
"""Room at both ends of a card."""
SIGN = 27.0
"""Room that a sign takes in front of the words."""
NAME_ROOM = 190.0
"""Pixels for the words of a card; longer ones are cut, and the title has all of them."""
MANY = 40
"""So many steps need room more than whole names."""


def element_ids(pipeline: Pipeline) -> dict[str, str]:
    """Step → the id of its element in the picture, ``step_1`` and so on, in the order in which they run."""
    return {step: f"step_{number}" for number, step in enumerate(pipeline.steps, 1)}


def scene_of(pipeline: Pipeline, states: Mapping[str, str], notes: Mapping[str, str]) -> Scene:
    """The scene of a pipeline. ``notes``: step → what its card says instead of its state's word."""
    used = list(dict.fromkeys(step.notebook for step in pipeline.steps.values()))
    clusters = {path: f"notebook_{n}" for n, path in enumerate(used, 1)} if len(used) > 1 else {}
    around = {step.id: clusters.get(step.notebook, "") for step in pipeline.steps.values()}
    ids = element_ids(pipeline)
    levels = levels_of(pipeline)
    woven = weave(pipeline, ids, around, levels)
    number = count(len(pipeline.steps), "step")
    return Scene(
        title=f"Pipeline of {number}" + (f" in {len(used)} notebooks" if clusters else ""),
        across=is_across(levels),
        cards=_cards(pipeline, ids, clusters, states, notes),
        flows=tuple(woven.flows),
        chips=tuple(woven.chips),
        ways=tuple(woven.ways),
        arrows=tuple(woven.arrows),
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
