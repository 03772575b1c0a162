"""``python -m benchmarks [--keep] [NAME …]``: measure, print a table, and with ``--keep`` write it to ``RESULTS.md``.

Names are those of the modules beside this one: starting, planning, picture, fresh, examples. Without any: all of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import examples, fresh, picture, planning, starting
from benchmarks.table import Row, machine, table

GROUPS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "starting": starting.rows,
    "planning": planning.rows,
    "picture": picture.rows,
    "fresh": fresh.rows,
    "examples": examples.rows,
}
PAGE = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *GROUPS], metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--keep", action="store_true", help=f"write the table to {PAGE.name}")
    given = parser.parse_args()
    where = machine()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        for name in given.names or GROUPS:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            place = Path(folder).resolve() / name
            place.mkdir()
            rows += GROUPS[name](place)
    page = f"{table(rows)}\n\n{where}\n"
    print(page)
    if given.keep:
        words = " ".join(["python -m benchmarks", *given.names])
        PAGE.write_text(f"# Results, as measured\n\n`{words}`\n\n{page}", encoding="utf-8")


if __name__ == "__main__":
    main()
