"""The DAG as text, DOT and Mermaid. Names come from notebooks and are data: every language quotes them its own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbflow.core.graph import Edge, Pipeline, Step
from nbflow.render.columns import span
from nbflow.render.words import clean


def text(pipeline: Pipeline) -> str:
    """An indented tree: each step under the last of the steps it needs, the others named beside it."""
    children: dict[str, list[str]] = {s: [] for s in pipeline.steps}
    parents: dict[str, str] = {}
    rank = {s: i for i, s in enumerate(pipeline.steps)}
    for step in pipeline.steps.values():
        above = [n for n in step.needs if rank[n] < rank[step.id]]  # what stands in a cycle may need what is below
        if above:
            parents[step.id] = max(above, key=rank.__getitem__)
            children[parents[step.id]].append(step.id)
    rows: list[tuple[str, str]] = []
    stack: list[tuple[str, str, str]] = [(s, "", "") for s in reversed(list(pipeline.steps)) if s not in parents]
    while stack:
        step_id, lead, below = stack.pop()
        step = pipeline.steps[step_id]
        rows.append((f"{lead}{clean(step.name)}", _flow(pipeline, step, parents.get(step_id))))
        kids = children[step_id]
        for i, kid in reversed(list(enumerate(kids))):
            last = i == len(kids) - 1
            stack.append((kid, f"{below}{'└─ ' if last else '├─ '}", f"{below}{'   ' if last else '│  '}"))
    width = max((span(name) for name, _ in rows), default=0)
    return "\n".join(f"{name}{' ' * (width - span(name))}  {flow}".rstrip() for name, flow in rows)


def _flow(pipeline: Pipeline, step: Step, parent: str | None) -> str:
    """``train, test → model   (also needs split)``."""
    taken = ", ".join(clean(i.item.label) for i in step.inputs)
    made = ", ".join(clean(o.label) for o in step.outputs)
    others = ", ".join(clean(pipeline.steps[n].name) for n in step.needs if n != parent)
    flow = f"{taken or '·'} → {made or '·'}" if taken or made else ""
    return f"{flow}   (also needs {others})".strip() if others else flow


def dot(pipeline: Pipeline) -> str:
    """Graphviz DOT, one cluster per notebook where there are several; dashed where nothing flows (``--after``)."""
    ids = {s: f"s{i}" for i, s in enumerate(pipeline.steps)}
    lines = ["digraph pipeline {", '  node [shape="box", style="rounded"];']
    several = len(pipeline.outlines) > 1
    for number, (path, members) in enumerate(_by_notebook(pipeline).items()):
        nodes = [f"  {ids[s]} [label={_dot_quoted(pipeline.steps[s].name)}];" for s in members]
        if several:
            label = f"    label={_dot_quoted(path)};"
            nodes = [f"  subgraph cluster_{number} {{", label, *(f"  {n}" for n in nodes), "  }"]
        lines += nodes
    for (source, target), labels in _flows(pipeline.edges).items():
        look = f"label={_dot_quoted(', '.join(labels))}" if labels else 'style="dashed"'
        lines.append(f"  {ids[source]} -> {ids[target]} [{look}];")
    return "\n".join([*lines, "}"])


def mermaid(pipeline: Pipeline) -> str:
    """A Mermaid flowchart, which GitHub and JupyterLab draw in Markdown."""
    ids = {s: f"s{i}" for i, s in enumerate(pipeline.steps)}
    lines = ["flowchart TD"]
    several = len(pipeline.outlines) > 1
    for number, (path, members) in enumerate(_by_notebook(pipeline).items()):
        nodes = [f"  {ids[s]}[{_mermaid_quoted(pipeline.steps[s].name)}]" for s in members]
        if several:
            nodes = [f"  subgraph n{number}[{_mermaid_quoted(path)}]", *(f"  {n}" for n in nodes), "  end"]
        lines += nodes
    for (source, target), labels in _flows(pipeline.edges).items():
        arrow = f"-->|{_mermaid_quoted(', '.join(labels))}|" if labels else "-.->"
        lines.append(f"  {ids[source]} {arrow} {ids[target]}")
    return "\n".join(lines)


def _by_notebook(pipeline: Pipeline) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for step in pipeline.steps.values():
        found.setdefault(step.notebook, []).append(step.id)
    return found


def _flows(edges: Sequence[Edge]) -> dict[tuple[str, str], list[str]]:
    """What flows from step to step; nothing where only the order counts."""
    found: dict[tuple[str, str], list[str]] = {}
    for edge in edges:
        labels = found.setdefault((edge.source, edge.target), [])
        if edge.via not in (*labels, "--after"):
            labels.append(edge.via)
    return found


def _dot_quoted(value: str) -> str:
    return '"' + clean(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid_quoted(value: str) -> str:
    safe = clean(value).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return f'"{safe}"'
