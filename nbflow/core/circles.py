"""In what order things that need each other can come, and where they go round in circles.

Plain graphs: ``needs`` says for each node, in the order wanted where there is a choice, which nodes must come before
it. ``graph`` asks for steps.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence

Needs = Mapping[str, Sequence[str]]


def order_of(needs: Needs) -> list[str]:
    """Topological order, as given where the needs leave a choice. Nodes on or behind a circle are missing."""
    rank = {node: i for i, node in enumerate(needs)}
    by_rank = list(needs)
    missing = {node: len(before) for node, before in needs.items()}
    followers: dict[str, list[str]] = {}
    for node, before in needs.items():
        for need in before:
            followers.setdefault(need, []).append(node)
    heap = [rank[node] for node, count in missing.items() if count == 0]
    heapq.heapify(heap)
    order = []
    while heap:
        current = by_rank[heapq.heappop(heap)]
        order.append(current)
        for follower in followers.get(current, ()):
            missing[follower] -= 1
            if missing[follower] == 0:
                heapq.heappush(heap, rank[follower])
    return order


def circles(needs: Needs, order: Sequence[str]) -> Iterator[list[str]]:
    """Circles among the nodes that ``order_of`` left out, each as it would run, from its first node on."""
    rank = {node: i for i, node in enumerate(needs)}
    placed = set(order)
    left = {node: None for node in needs if node not in placed}
    while left:
        # Whatever is left needs something that is left, so going on from need to need leads round.
        walk = {next(iter(left)): None}
        while need := next((n for n in needs[next(reversed(walk))] if n in left), ""):
            if need in walk:
                nodes = list(walk)
                circle = nodes[nodes.index(need) :][::-1]
                first = min(range(len(circle)), key=lambda i, circle=circle: rank[circle[i]])  # type: ignore[misc]
                yield [*circle[first:], *circle[:first]]
                break
            walk[need] = None
        for node in walk:
            del left[node]


def way(needs: Needs, start: str, goal: str) -> list[str]:
    """A shortest way from ``goal`` to ``start`` as it would run, where ``start`` needs ``goal``; empty where not."""
    came: dict[str, str] = {start: ""}
    queue = [start]
    for current in queue:
        if current == goal:
            found = [current]
            while came[found[-1]]:
                found.append(came[found[-1]])
            return found
        for need in needs[current]:
            if need not in came:
                came[need] = current
                queue.append(need)
    return []
