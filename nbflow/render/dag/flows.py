"""What connects the steps of a picture, rank by rank.

Ranks go down the picture: a step stands two below the lowest that it needs, and between them is the rank of what flows.
One box says what a step hands to others, however many take it; from there one line goes down past the ranks in between
and each taker's arrow leaves it where it must. So the same data are written once, as data are, and few lines cross.
"""

from __future__ import annotations

import math
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nbflow.core.graph import Pipeline
from nbflow.core.model import Item
from nbflow.render.dag.boxes import Arrow, Chip, Flow, Way
from nbflow.render.dag.letters import cut, few, safe, width

SMALL = 10.5
"""Type size in pixels of everything quiet."""
DATA_ROOM, FLOW_ROOM = 200.0, 150.0
"""Pixels for the words of a chip and a flow; longer ones are cut, and the title has all of them."""
DATA_LINES = 3
CROWDED = 600
"""From so many flows on they are not written in the picture: the titles hold them, and laying out stays quick."""


def levels_of(pipeline: Pipeline) -> dict[str, int]:
    """Step → how many steps it stands behind at most, from 1 on. One that hands on more than it takes stands as low as
    those below it allow, so that long lines are few."""
    levels: dict[str, int] = {}
    for step in pipeline.steps.values():
        levels[step.id] = 1 + max((levels.get(need, 0) for need in step.needs), default=0)
    takers: dict[str, set[str]] = {}
    handed: dict[str, set[str]] = {}
    for edge in pipeline.edges:
        takers.setdefault(edge.source, set()).add(edge.target)
        handed.setdefault(edge.source, set()).add(edge.via)
    for step in reversed(list(pipeline.steps.values())):
        below = min((levels[t] for t in takers.get(step.id, ()) if t in levels), default=0)
        if below - 1 > levels[step.id] and len(handed[step.id]) > len(step.needs):
            levels[step.id] = below - 1
    return levels


@dataclass
class Woven:
    """Everything between the cards, as it is put together."""

    ids: Mapping[str, str]
    """Step → id of its card."""
    clusters: Mapping[str, str]
    """Step → the cluster it stands in."""
    levels: Mapping[str, int]
    flows: list[Flow] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def lead(self, stops: tuple[str, ...], rank: int, targets: Mapping[str, str], kind: str, inside: str = "") -> None:
        """Arrows from the last of the stops, which has this rank, to each target (step → title). They share a line as
        far as they can; it stays inside a cluster that all of them are in."""
        lowest = 2 * max(self.levels[target] for target in targets)
        line = {rank: stops}
        for below in range(rank + 1, lowest):
            left = {self.clusters.get(t, "") for t in targets if 2 * self.levels[t] > below}
            way = Way(f"way_{len(self.ways) + 1}", 2, 2, cluster=inside if left == {inside} else "")
            self.ways.append(way)
            line[below] = (*line[below - 1], way.id)
        for target, title in sorted(targets.items(), key=lambda one: self.levels[one[0]]):
            above = max(rank, 2 * self.levels[target] - 1)  # in a circle the target may stand further up
            self.arrows.append(Arrow((*line[above], self.ids[target]), title, kind))


def weave(pipeline: Pipeline, ids: Mapping[str, str], clusters: Mapping[str, str], levels: Mapping[str, int]) -> Woven:
    """What flows, what only follows, and the chips. ``clusters``: step → cluster id, ``""`` for none."""
    woven = Woven(ids, clusters, levels)
    _flows(pipeline, woven)
    _files_from_outside(pipeline, woven)
    _untaken_outputs(pipeline, woven)
    return woven


# --- from step to step ---------------------------------------------------------------------------------


def _flows(pipeline: Pipeline, woven: Woven) -> None:
    between: dict[tuple[str, str], list[str]] = {}
    for edge in pipeline.edges:
        if edge.source in woven.ids and edge.target in woven.ids:
            items = between.setdefault((edge.source, edge.target), [])
            if edge.via != "--after" and edge.via not in items:
                items.append(edge.via)
    takers: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (source, target), found in between.items():
        takers.setdefault((source, tuple(found)), []).append(target)
    crowded = len(takers) > CROWDED
    for (source, handed), targets in takers.items():
        first = pipeline.steps[source].name
        said = ", ".join(handed) or "order alone"
        titles = {t: safe(f"{first} → {pipeline.steps[t].name}: {said}") for t in targets}
        rank, inside = 2 * woven.levels[source], woven.clusters.get(source, "")
        start = (woven.ids[source],)
        if not handed:
            woven.lead(start, rank, titles, "after", inside)
            continue
        stays = inside if inside in {woven.clusters.get(t, "") for t in targets} else ""
        title = safe(f"{said}: from {first} to {_names(pipeline, targets)}")
        flow = _flow(len(woven.flows) + 1, () if crowded else handed, title, stays, start[0])
        woven.flows.append(flow)
        woven.lead((*start, flow.id), rank + 1, titles, "flow", inside)


def _flow(number: int, items: Sequence[str], title: str, cluster: str, source: str) -> Flow:
    if not items:
        return Flow(f"flow_{number}", 2, 2, (), title, cluster, source)
    text = few([safe(_last_part(item)) for item in items], FLOW_ROOM, SMALL)
    wide = math.ceil(width(text, SMALL, mono=True) + 10)
    return Flow(f"flow_{number}", wide, 17.0, (text,), title, cluster, source)


def _last_part(item: str) -> str:
    """A file by its name alone, as variables are."""
    return posixpath.basename(item.rstrip("/")) + ("/" if item.endswith("/") else "") or item


def _names(pipeline: Pipeline, steps: Iterable[str]) -> str:
    return ", ".join(pipeline.steps[s].name for s in steps)


# --- chips ---------------------------------------------------------------------------------------------


def _files_from_outside(pipeline: Pipeline, woven: Woven) -> None:
    """Files that no step makes, those of the same readers together, right above the first of these."""
    readers: dict[str, list[str]] = {}
    for step in pipeline.steps.values():
        for given in step.inputs:
            if given.item.is_file and not given.makers:
                found = readers.setdefault(given.path, [])
                if step.id not in found:
                    found.append(step.id)
    together: dict[tuple[str, ...], list[str]] = {}
    for path, steps in readers.items():
        together.setdefault(tuple(steps), []).append(path)
    for who, files in together.items():
        around = {woven.clusters.get(s, "") for s in who}
        inside = next(iter(around)) if len(around) == 1 else ""
        chip = _chip(len(woven.chips) + 1, files, True, f"read by {_names(pipeline, who)}", inside)
        woven.chips.append(chip)
        above = 2 * min(woven.levels[s] for s in who) - 1
        woven.lead((chip.id,), above, dict.fromkeys(who, chip.title), "data", inside)


def _untaken_outputs(pipeline: Pipeline, woven: Woven) -> None:
    taken = {(e.source, e.via) for e in pipeline.edges}
    taken_files = {e.source for e in pipeline.edges if e.is_file}
    for step in pipeline.steps.values():
        # A file may be taken by another name for it (a folder, a glob): who gives files on has no untaken ones.
        left: list[Item] = [
            o for o in step.outputs if (step.id not in taken_files if o.is_file else (step.id, o.label) not in taken)
        ]
        if left:
            is_file, labels = any(o.is_file for o in left), [o.label for o in left]
            inside = woven.clusters.get(step.id, "")
            chip = _chip(len(woven.chips) + 1, labels, is_file, f"made by {step.name}", inside)
            woven.chips.append(chip)
            woven.arrows.append(Arrow((woven.ids[step.id], chip.id), chip.title, "data"))


def _chip(number: int, items: Sequence[str], is_file: bool, title: str, cluster: str) -> Chip:
    shown = items if len(items) <= DATA_LINES else items[: DATA_LINES - 1]
    lines = [cut(safe(item), DATA_ROOM, SMALL, mono=True, keep="end") for item in shown]
    if len(shown) < len(items):
        lines.append(f"+{len(items) - len(shown)} more")
    wide = max(width(line, SMALL, mono=True) for line in lines) + 18 + (14 if is_file else 0)
    title = "\n".join(safe(line) for line in (*items, title))
    return Chip(f"data_{number}", math.ceil(wide), 8.0 + 14.0 * len(lines), tuple(lines), title, cluster, is_file)


# --- which way it runs ---------------------------------------------------------------------------------

PAGE = 1300.0
"""Pixels beside each other that a reader still sees without scrolling, more or less."""
BESIDE, BEHIND = 175.0, 290.0
"""Pixels that a step takes up among others of its level, and a level takes up where it runs across."""


def is_across(levels: Mapping[str, int]) -> bool:
    """From top to bottom, as a notebook reads, unless that would be too wide and the other way is less so."""
    sizes = Counter(levels.values())
    return max(sizes.values(), default=0) * BESIDE > max(PAGE, len(sizes) * BEHIND)
