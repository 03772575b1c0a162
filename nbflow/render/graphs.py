"""The DAG as text, DOT and Mermaid. Names come from notebooks and are data: every language quotes them its own way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from nbflow.core.graph import Edge, Pipeline
from nbflow.render.words import clean


def text(pipeline: Pipeline) -> str:
    """An indented tree: each step under the last of the steps it needs, the others named beside it."""
    children: dict[str, list[str]] = {s: [] for s in pipeline.steps}
    roots: list[str] = []
    rank = {s: i for i, s in enumerate(pipeline.steps)}
    for step in pipeline.steps.values():
        parent = max(step.needs, key=rank.__getitem__, default=None)
        (children[parent] if parent else roots).append(step.id)
    width = max((len(clean(s.name)) for s in pipeline.steps.values()), default=0)
    lines: list[str] = []
    stack = [(s, "", "") for s in reversed(roots)]
    while stack:
        step_id, lead, below = stack.pop()
        lines.append(_line(pipeline, step_id, lead, width))
        kids = children[step_id]
        for i, kid in reversed(list(enumerate(kids))):
            last = i == len(kids) - 1
            stack.append((kid, f"{below}{'└─ ' if last else '├─ '}", f"{below}{'   ' if last else '│  '}"))
    return "\n".join(lines)


def _line(pipeline: Pipeline, step_id: str, lead: str, width: int) -> str:
    step = pipeline.steps[step_id]
    taken = ", ".join(clean(i.item.label) for i in step.inputs)
    made = ", ".join(clean(o.label) for o in step.outputs)
    flow = f"{taken or '·'} → {made or '·'}" if taken or made else ""
    name = f"{lead}{clean(step.name)}"
    return f"{name:<{width + 12}}  {flow}".rstrip()


def dot(pipeline: Pipeline) -> str:
    """Graphviz DOT, one cluster per notebook where there are several."""
    ids = {s: f"s{i}" for i, s in enumerate(pipeline.steps)}
    lines = ["digraph pipeline {", '  rankdir="TB"; node [shape="box", style="rounded"];']
    for number, (path, members) in enumerate(_by_notebook(pipeline).items()):
        several = len(pipeline.outlines) > 1
        if several:
            lines.append(f"  subgraph cluster_{number} {{ label={_dot_quoted(path)};")
        lines += [f"  {ids[s]} [label={_dot_quoted(pipeline.steps[s].name)}];" for s in members]
        if several:
            lines.append("  }")
    for (source, target), labels in _flows(pipeline.edges).items():
        lines.append(f"  {ids[source]} -> {ids[target]} [label={_dot_quoted(', '.join(labels))}];")
    return "\n".join([*lines, "}"])


def mermaid(pipeline: Pipeline) -> str:
    """A Mermaid flowchart, which GitHub and JupyterLab draw in Markdown."""
    ids = {s: f"s{i}" for i, s in enumerate(pipeline.steps)}
    lines = ["flowchart TD"]
    for number, (path, members) in enumerate(_by_notebook(pipeline).items()):
        several = len(pipeline.outlines) > 1
        if several:
            lines.append(f"  subgraph n{number}[{_mermaid_quoted(path)}]")
        lines += [f"  {ids[s]}[{_mermaid_quoted(pipeline.steps[s].name)}]" for s in members]
        if several:
            lines.append("  end")
    for (source, target), labels in _flows(pipeline.edges).items():
        lines.append(f"  {ids[source]} -->|{_mermaid_quoted(', '.join(labels))}| {ids[target]}")
    return "\n".join(lines)


def _by_notebook(pipeline: Pipeline) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for step in pipeline.steps.values():
        found.setdefault(step.notebook, []).append(step.id)
    return found


def _flows(edges: Sequence[Edge]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for edge in edges:
        labels = found.setdefault((edge.source, edge.target), [])
        if edge.via not in labels:
            labels.append(edge.via)
    return found


def _dot_quoted(value: str) -> str:
    return '"' + clean(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid_quoted(value: str) -> str:
    safe = clean(value).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps(safe, ensure_ascii=False)
