"""``python -m benchmarks [NAME …]``: measure, print the tables, and write them into ``RESULTS.md``.

Names are those of the modules beside this one that have ``rows``. Without any: all of them. Each has a section of its
own on the page, with the machine and the time; those not measured now stay as they are.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    drawing,
    examples,
    fresh,
    handover,
    lab,
    peers,
    picture,
    planning,
    sleeping,
    starting,
    steps,
    storm,
)
from benchmarks.table import Row, machine, moment, table

GROUPS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "starting": starting.rows,
    "planning": planning.rows,
    "picture": picture.rows,
    "drawing": drawing.rows,
    "storm": storm.rows,
    "lab": lab.rows,
    "fresh": fresh.rows,
    "steps": steps.rows,
    "handover": handover.rows,
    "sleeping": sleeping.rows,
    "peers": peers.rows,
    "examples": examples.rows,
}
PAGE = Path(__file__).parent / "RESULTS.md"
HEAD = """\
# Results, as measured

`make bench` wrote this page. Both sides of a row were measured in one run on one machine, in turn; what stands here are
medians. The ratio is worth more than the seconds: on a busy machine both sides are slow. An exponent is
log(t₂ / t₁) / log(n₂ / n₁): 1 where the time grows as the number of steps does, 2 where it grows with their square.
What each group measures, and how, is said at the top of its module.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *GROUPS], metavar="NAME", help=", ".join(GROUPS))
    for name in parser.parse_args().names or GROUPS:
        section = _measured(name)
        print(f"## {name}\n\n{section}\n", flush=True)
        _write(name, section)


def _measured(name: str) -> str:
    start, rows = moment(), list[Row]()
    print(f"measuring: {name}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        place = Path(folder).resolve() / name
        place.mkdir()
        for row in GROUPS[name](place):
            print(f"  {row.what}: {row.ours} ({row.ratio})", file=sys.stderr, flush=True)
            rows.append(row)
    return f"{table(rows)}\n\n{machine()}. Begun {start}; ended {moment()}."


def _write(name: str, section: str) -> None:
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    known = dict(re.findall(r"^## (\w+)\n\n(.*?)\n(?=\n##|\Z)", text, re.MULTILINE | re.DOTALL))
    known[name] = section
    parts = [f"## {group}\n\n{known[group]}\n" for group in GROUPS if group in known]
    PAGE.write_text("\n".join([HEAD, *parts]), encoding="utf-8")


if __name__ == "__main__":
    main()
