"""What was measured, as lines of a table that a terminal and a Markdown page both show, and the machine it ran on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement beside its peer's, and what is to be reached."""

    what: str
    ours: str
    against: str
    theirs: str
    ratio: str
    reach: str
    reached: bool | None
    """None: there is nothing to compare with."""


HEAD = ("what", "nbflow", "against", "measured", "ratio", "to reach", "")


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def table(rows: Iterable[Row]) -> str:
    sign = {True: "reached", False: "**missed**", None: "–"}
    lines = [HEAD, *((r.what, r.ours, r.against, r.theirs, r.ratio, r.reach, sign[r.reached]) for r in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]

    def drawn(line: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([drawn(lines[0]), rule, *(drawn(line) for line in lines[1:])])


def machine() -> str:
    return (
        f"{platform.system()} {platform.machine()} · {_processor()} · {os.cpu_count()} cores · "
        f"Python {platform.python_version()}"
    )


def moment() -> str:
    """When it is, and how busy the machine."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
