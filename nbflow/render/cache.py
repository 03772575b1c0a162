"""What a terminal shows of the store: what the results of each step take, what was removed, what was damaged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from nbflow.render.columns import Cell, columns
from nbflow.render.words import clean, count, day_and_time, size


class ShareLine(NamedTuple):
    """What the results of one step take; sizes in bytes, ``used`` in ISO 8601."""

    step: str
    """Full name; ``""`` for what cannot be read."""
    results: int
    size: int
    frees: int
    used: str


def short_names(steps: Collection[str]) -> dict[str, str]:
    """Full name → the name that is enough to tell it from the others: what stands behind the last dot, or all of it."""
    plain = [step.rpartition(".")[2] for step in steps]
    return {
        step: name if plain.count(name) == 1 else step for step, name in zip(steps, plain, strict=True)
    }  # fmt: skip


def shares_table(shares: Sequence[ShareLine], *, colour: bool, width: int = 0) -> str:
    """A row per step."""
    names = short_names([share.step for share in shares])
    rows: list[Sequence[Cell]] = [
        (
            (clean(names[share.step]) or "(cannot be read)", ""), (str(share.results), ""), (size(share.size), ""),
            (size(share.frees), ""), (day_and_time(share.used) if share.used else "", "dim"),
        )
        for share in shares
    ]  # fmt: skip
    header = ("step", "results", "size", "would free", "last used")
    return columns(header, rows, colour=colour, right=(1, 2, 3), width=width)


def shares_summary(shares: Iterable[ShareLine], store: str, whole: int, limit: float | None) -> str:
    """``12 results take 2.3 GB in .nbflow/store (limit: 50 GB).``"""
    results = sum(share.results for share in shares)
    bound = f"limit: {size(round(limit))}" if limit is not None else "no limit"
    takes = "takes" if results == 1 else "take"
    return f"{count(results, 'result')} {takes} {size(whole)} in {clean(store)} ({bound})."


def waste(unnamed: int, aside: int) -> str:
    """What nobody needs, ``""`` for nothing."""
    parts = []
    if unnamed:
        parts.append(f"{size(unnamed)} belong to no result")
    if aside:
        parts.append(f"{size(aside)} were moved aside as damaged")
    return f"Of it {' and '.join(parts)}: nbflow cache gc removes what nobody needs." if parts else ""


def cleaned(results: int, files: int, freed: int, left: int, current: Sequence[str], dry_run: bool) -> str:
    """What was removed, or would be. ``current``: full names of steps that lose their newest result."""
    if not results and not files:
        return f"There is nothing to remove; {size(left)} remain."
    would = "Would remove" if dry_run else "Removed"
    lines = [f"{would} {count(results, 'result')} and {count(files, 'file')}: {size(freed)}; {size(left)} remain."]
    if current:
        names = short_names(current)
        shown = ", ".join(clean(names[step]) for step in current[:10])
        more = f" and {len(current) - 10} more" if len(current) > 10 else ""
        would = "would be" if dry_run else "is"
        lines.append(f"The newest result {would} among them of: {shown}{more}. They run again.")
    return "\n".join(lines)


def verdict(
    files: int, whole: int, damaged: int, unreadable: int, lacking: Sequence[tuple[str, str]], aside: str
) -> str:
    """What a check of the store found. ``lacking``: step and time of each result that cannot be used; ``aside``: where
    damaged files are now, ``""`` where they could not be moved."""
    return "\n".join(_verdict(files, whole, damaged, unreadable, lacking, aside))


def _verdict(
    files: int, whole: int, damaged: int, unreadable: int, lacking: Sequence[tuple[str, str]], aside: str
) -> Iterator[str]:
    if not damaged and not unreadable and not lacking:
        yield f"{count(files, 'file')} checked, {size(whole)}: all is as it was stored."
        return
    yield f"{count(files, 'file')} checked, {size(whole)}."
    where = f"moved to {clean(aside)}" if aside else "left where it is, for the store cannot be written"
    for number, what in ((damaged, "does not match its digest"), (unreadable, "is a record that cannot be read")):
        if number:
            yield f"  {count(number, 'file')}: {what}; {where}."
    for step, created in lacking:
        yield f"  {clean(step)}: its result of {day_and_time(created)} is damaged."
    if lacking:
        yield "What is damaged is not used: nbflow run makes it again, nbflow cache gc forgets it."
