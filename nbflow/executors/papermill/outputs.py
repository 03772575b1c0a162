"""Keep what a cell shows within bounds, as it is read: a cell that prints gigabytes must not take the run down.

The beginning and the end of a cell's outputs stay; what falls out between them goes to a log file that is named in its
place. Printed text is joined, and lines that are written over (progress bars) are kept as they last looked, as front
ends do. Nothing here knows of kernels.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from nbflow.masking import Masker, StreamMasker

LIMIT = 10_000_000
"""Characters of one cell's outputs that are kept."""

LINE = 8_192
"""Characters of an unfinished line that are held back, for it may still be written over; also of a piece of text."""

Output = dict[str, Any]


@dataclass(slots=True)
class _Text:
    name: str
    text: str


class OverflowLog:
    """The file for what does not fit, made when first needed."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        """What the file is called in the place of what it holds."""
        self.size = 0
        """Characters given to it."""
        self._file: TextIO | None = None

    def write(self, text: str) -> None:
        """Add text. Raises ``OSError``."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8", errors="replace")
        self.size += len(text)
        self._file.write(text)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class KeptOutputs:
    """The outputs of one cell: ``text`` and ``rich`` take them in as they come, ``finish`` gives what is kept.

    Secrets are masked in the log and in what is printed: all that goes to one stream is one text, whatever stands
    between its pieces. Those in displays that are kept are left to who writes the notebook."""

    def __init__(self, log: OverflowLog, masker: Masker, limit: int = LIMIT) -> None:
        self._log = log
        self._masker = masker
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget everything, as the cell asks with ``clear_output``."""
        self._head: list[_Text | Output] = []
        self._tail: deque[tuple[_Text | Output, int]] = deque()
        self._head_size = 0
        self._tail_size = 0
        self._dropped = 0
        self._line = _Text("", "")
        self._streams: defaultdict[str, StreamMasker] = defaultdict(self._masker.stream)

    def text(self, name: str, text: str) -> str:
        """Something was printed; ``name`` is ``stdout`` or ``stderr``. What of it is safe to show now."""
        text = self._streams[name].feed(text)
        self._print(name, text)
        return text

    def _print(self, name: str, text: str) -> None:
        if not text:
            return
        if name != self._line.name:
            self._end_line()
            self._line = _Text(name, "")
        text = self._line.text + text
        if "\r" in text:
            text = "\n".join(map(_last_look, text.split("\n")))
        cut = text.rfind("\n") + 1
        if len(text) - cut > LINE:
            cut = len(text)
        self._line.text = text[cut:]
        if cut:
            self._add_text(name, text[:cut])

    def rich(self, output: Output) -> None:
        """Something was displayed, or an error came."""
        self._end_line()
        size = _size(output)
        if not self._tail and self._head_size + size <= self._limit // 2:
            self._head.append(output)
            self._head_size += size
        else:
            self._to_tail(output, size)

    def finish(self) -> list[Output]:
        """The outputs to keep, with a line in the place of what is in the log."""
        for name, stream in self._streams.items():
            self._print(name, stream.flush())
        self._end_line()
        items = [*self._head]
        if self._dropped:
            millions = max(self._dropped / 1e6, 0.1)
            shown = f"{millions:.0f}" if millions >= 10 else f"{millions:.1f}"
            items.append(_Text("stdout", f"\n… {shown} MB more in {self._log.name} …\n"))
        items += (item for item, _ in self._tail)
        self._log.close()
        return _joined(items)

    def _end_line(self) -> None:
        if self._line.text:
            self._add_text(self._line.name, self._line.text)
            self._line.text = ""

    def _add_text(self, name: str, text: str) -> None:
        if not self._tail:
            text = self._to_head(name, text)
        if not text:
            return
        last = self._tail[-1][0] if self._tail else None
        if isinstance(last, _Text) and last.name == name and len(last.text) < LINE:
            # Many short pieces would take much more memory than their characters.
            size = self._tail.pop()[1]
            self._tail_size -= size
            text = last.text + text
        self._to_tail(_Text(name, text), len(text))

    def _to_head(self, name: str, text: str) -> str:
        """Put in the head what fits; the rest."""
        last = self._head[-1] if self._head else None
        fits = text[: self._limit // 2 - self._head_size]
        if len(fits) < len(text):
            begins_line = not isinstance(last, _Text) or last.text.endswith("\n")
            fits = fits[: _line_before(fits, begins_line)]
        if isinstance(last, _Text) and last.name == name and len(last.text) < LINE:
            last.text += fits
        elif fits:
            self._head.append(_Text(name, fits))
        self._head_size += len(fits)
        return text[len(fits) :]

    def _to_tail(self, item: _Text | Output, size: int) -> None:
        self._tail.append((item, size))
        self._tail_size += size
        while (excess := self._tail_size - (self._limit - self._head_size)) > 0:
            first, size = self._tail.popleft()
            self._tail_size -= size
            if isinstance(first, _Text) and size > excess:
                cut = _line_after(first.text, excess)
                self._tail.appendleft((_Text(first.name, first.text[cut:]), size - cut))
                self._tail_size += size - cut
                first, size = _Text(first.name, first.text[:cut]), cut
            self._log.write(first.text if isinstance(first, _Text) else json.dumps(self._masker.data(first)) + "\n")
            self._dropped += size


def _line_before(text: str, begins_line: bool) -> int:
    """Where the last line of the text begins, if not far from its end: lines stay whole."""
    newline = text.rfind("\n", max(0, len(text) - LINE))
    return newline + 1 if newline >= 0 or (begins_line and len(text) <= LINE) else len(text)


def _line_after(text: str, place: int) -> int:
    """Where the line at ``place`` ends, behind its newline, if it is not far away."""
    return text.find("\n", place - 1, place + LINE) + 1 or place


def _last_look(line: str) -> str:
    """A line after its carriage returns: what was written last. One at the end waits for what follows."""
    body = line.rstrip("\r")
    return body.rpartition("\r")[2] + line[len(body) :][:1]


def _size(output: Output) -> int:
    if output["output_type"] == "error":
        return sum(map(len, output["traceback"])) + len(output["evalue"])
    return sum(len(v) if isinstance(v, str) else len(json.dumps(v)) for v in output["data"].values())


def _joined(items: list[_Text | Output]) -> list[Output]:
    """As outputs of a notebook, with neighbouring pieces of one stream put together."""
    outputs: list[Output] = []
    pieces: list[str] = []
    name = ""
    for item in [*items, None]:
        if pieces and not (isinstance(item, _Text) and item.name == name):
            outputs.append({"output_type": "stream", "name": name, "text": "".join(pieces)})
            pieces = []
        if isinstance(item, _Text):
            name = item.name
            pieces.append(item.text)
        elif item is not None:
            outputs.append(item)
    return outputs
