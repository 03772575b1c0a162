"""``python -m benchmarks [NAME …]``: measure and print a table; all of them together are written to ``RESULTS.md``.

Names are those of the modules beside this one that have ``rows``. Without any: all of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import examples, fresh, handover, peers, picture, planning, sleeping, starting, steps
from benchmarks.table import Row, machine, moment, table

GROUPS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "starting": starting.rows,
    "planning": planning.rows,
    "picture": picture.rows,
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
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *GROUPS], metavar="NAME", help=", ".join(GROUPS))
    given = parser.parse_args()
    start, rows = moment(), list[Row]()
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        for name in given.names or GROUPS:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            place = Path(folder).resolve() / name
            place.mkdir()
            for row in GROUPS[name](place):
                print(f"  {row.what}: {row.ours} ({row.ratio})", file=sys.stderr, flush=True)
                rows.append(row)
    page = f"{table(rows)}\n\n{machine()}\n\nBegun {start}; ended {moment()}.\n"
    print(page)
    if not given.names:
        PAGE.write_text(f"{HEAD}\n{page}", encoding="utf-8")


if __name__ == "__main__":
    main()
