"""Which steps a person means: ``train``, ``+train``, ``2+train+1``, ``fit_*``, ``state:stale``.

The selectors are those of dbt and Dagster: a plus before a name adds what it needs, a plus behind it what needs it, a
number bounds how far. Nothing here knows what stale means; the caller hands the set in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from nbflow.errors import UsageError, did_you_mean

Named = tuple[str, str, Sequence[str]]
"""A step: its full name (``path/stem.name``), the name it is shown by, the full names of what it needs."""

_TERM = re.compile(r"(?:(?P<needs>\d*)\+)?(?P<core>[^+].*?)(?:\+(?P<needed_by>\d*))?", re.DOTALL)


def select(
    terms: Sequence[str], exclude: Sequence[str], steps: Sequence[Named], stale: Callable[[], set[str]]
) -> set[str]:
    """Full names of the steps that any of ``terms`` means (all, where there are none) and none of ``exclude`` does.

    A term may hold several selectors, parted by spaces or commas. ``stale`` is asked only for ``state:stale``. Raises
    UsageError for a name, glob or state that means nothing, and for a name that means several steps.
    """
    every = {full for full, _, _ in steps}
    if not terms and not exclude:
        return every
    known = _Known(steps, stale)
    return (known.union(terms) if terms else every) - known.union(exclude)


class _Known:
    """The steps of the pipeline, by each name they go by."""

    def __init__(self, steps: Sequence[Named], stale: Callable[[], set[str]]) -> None:
        self.stale = stale
        self.shown = {full: short for full, short, _ in steps}
        self.needs: dict[str, Sequence[str]] = {full: needs for full, _, needs in steps}
        self.by_name: dict[str, list[str]] = {}
        for full, short, _ in steps:
            for name in _names(full, short):
                self.by_name.setdefault(name, []).append(full)

    def union(self, terms: Iterable[str]) -> set[str]:
        chosen: set[str] = set()
        for term in terms:
            for selector in self.parted(term):
                if selector:
                    chosen |= self.one(selector)
        return chosen

    def parted(self, term: str) -> list[str]:
        """The selectors of a term. One that names a step as it stands is whole: a path may hold a space or a comma."""
        parts = _TERM.fullmatch(term)
        whole = term in self.by_name or (parts is not None and parts["core"] in self.by_name)
        return [term] if whole else re.split(r"[\s,]+", term.strip())

    def one(self, selector: str) -> set[str]:
        if selector in self.by_name:  # a path may hold a plus
            return self.core(selector, selector)
        parts = _TERM.fullmatch(selector)
        if parts is None:
            raise UsageError(f"Selector '{selector}' names no step.", "Write it as +train, train+ or 2+train+1.")
        core = self.core(parts["core"], selector)
        return (
            core
            | _reach(core, self.needs, parts["needs"])
            | (_reach(core, self.needed_by(), parts["needed_by"]) if parts["needed_by"] is not None else set())
        )

    def core(self, name: str, selector: str) -> set[str]:
        """What a selector means without its pluses."""
        if name == "state:stale":
            return set(self.stale())
        if name.startswith("state:"):
            raise UsageError(f"Selector '{selector}' asks for a state that nbflow does not know.", "Use state:stale.")
        found = self.by_name.get(name, [])
        if not found and any(c in name for c in "*?["):
            found = [full for known, fulls in self.by_name.items() if fnmatchcase(known, name) for full in fulls]
        elif len(found) > 1:
            raise UsageError(
                f"'{name}' is the name of {len(found)} steps: {', '.join(self.shown[full] for full in found)}.",
                "Say which one.",
            )
        if not found:
            raise self.unknown(name)
        return set(found)

    def needed_by(self) -> dict[str, list[str]]:
        turned: dict[str, list[str]] = {}
        for full, needs in self.needs.items():
            for need in needs:
                turned.setdefault(need, []).append(full)
        return turned

    def unknown(self, name: str) -> UsageError:
        shown = list(self.shown.values())
        more = f" and {len(shown) - 20} more" if len(shown) > 20 else ""
        fix = f"Known steps: {', '.join(shown[:20])}{more}." if shown else "This pipeline has no steps."
        if any(c in name for c in "*?["):
            return UsageError(f"No step matches '{name}'.", fix)
        return UsageError(f"There is no step '{name}'.{did_you_mean(name, self.by_name)}", fix)


def _names(full: str, short: str) -> set[str]:
    """All names of a step: ``a/b.train`` goes by ``a/b.train``, ``b.train``, ``train`` and the name it is shown by."""
    in_folder = full.rpartition("/")[2]
    return {full, short, in_folder, in_folder.rpartition(".")[2]}


def _reach(start: set[str], edges: Mapping[str, Iterable[str]], depth: str | None) -> set[str]:
    """All that is within ``depth`` edges of ``start``: ``None`` for none, ``""`` for any number."""
    if depth is None:
        return set()
    found, ring, left = set(start), set(start), int(depth) if depth else -1
    while ring and left:
        ring = {end for step in ring for end in edges.get(step, ())} - found
        found |= ring
        left -= 1
    return found
