"""Letters from an archive, by a historian who likes classes: text, helper functions, generators, objects that show
themselves."""

from __future__ import annotations

FILES = {
    "letters/1871-03-02_Anna.txt": (
        "Dear brother,\n\nthe snow is gone and the road to the mill is open again. Father says the mill will not "
        "last. I doubt it! The price of flour went up twice since Christmas.\n\nYour Anna\n"
    ),
    "letters/1871-05-20_Josef.txt": (
        "Dear Anna,\n\nyour letter took nine days. Here the price of everything goes up; of flour, too. Has the road "
        "been mended? I hear they will build a railway, and then who needs a road?\n\nJosef\n"
    ),
    "letters/1872-01-11_Anna.txt": (
        "Dear brother,\n\nthe railway comes. They measured our fields in the snow. Father will sell the mill. "
        "He says: better now than never. The flour we buy at the station.\n\nAnna\n"
    ),
    "stop.txt": "the and of a to in is it i they who here has he she our your my for then than since dear says will\n",
}

CELLS = {
    "md-title": "# The Brandt letters\n\nWhat do they write about, and does it change?",
    "future": "from __future__ import annotations",
    "extension": "%load_ext nbflow",
    "imports": """\
import re
import textwrap
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from html import escape
from itertools import islice
from pathlib import Path
from pprint import pprint""",
    "wrapped": "def show(text, width=60):\n    print(textwrap.fill(text, width, subsequent_indent='  '))",
    "parameters": "shortest = 3\ntop = 4",
    "letter": '''\
@dataclass(order=True)
class Letter:
    """One letter; sorts by date."""

    written: date
    sender: str
    text: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Letter:
        when, sender = path.stem.split("_")
        return cls(date.fromisoformat(when), sender, path.read_text().strip())

    @property
    def sentences(self):
        yield from (s for s in re.split(r"(?<=[.!?])\\s+", self.text) if s)

    def __len__(self):
        return len(self.text.split())

    def _repr_html_(self):
        return f"<blockquote><b>{self.sender}</b>, {self.written:%B %Y}<br>{escape(self.text[:40])}…</blockquote>"''',
    "asks": "Letter.asks = property(lambda self: [s for s in self.sentences if s.endswith('?')])",
    "words": """\
STOP = set(Path("stop.txt").read_text().split())


def words(text):
    for word in re.findall(r"[a-z]+", text.lower()):
        if len(word) >= shortest and word not in STOP:
            yield word""",
    "read": """\
%%step read -i letters/*.txt -o letters
letters = sorted(map(Letter.read, Path("letters").glob("*.txt")))
for letter in letters:
    print(letter, len(letter), "words")
letters[0]""",
    "look-first": "print(letters[0].text)",
    "md-count": "## Counting",
    "count": """\
%%step count -i letters -o counts
counts = [Counter(words(letter.text)) for letter in letters]
total = sum(counts, Counter())
show(", ".join(f"{w} {n}" for w, n in total.most_common(top)))
%precision 3
sum(total.values()) / len(total)""",
    "look-most": "[c.most_common(2) for c in counts]",
    "index": """\
%%step index -i letters -o index
index = defaultdict(list)
for letter in letters:
    for number, sentence in enumerate(letter.sentences):
        for word in set(words(sentence)):
            index[word].append((letter.written.year, number))
print(f"{len(index)} words, {sum(len(v) > 1 for v in index.values())} of them more than once")
pprint({w: index[w] for w in sorted(index, key=lambda w: (-len(index[w]), w))[:top]})""",
    "index-show": """\
%%step index
def context(word):
    \"\"\"where a word stands; None if it is nowhere\"\"\"
    return " | ".join(f"{y}:{n}" for y, n in index.get(word, [])) or None

show("; ".join(f"{w}: {context(w)}" for w in sorted(index) if len(index[w]) > 1))
context("railway"), context("submarine")""",
    "questions": """\
%%step questions -i letters -o questions
questions = [(letter.sender, q) for letter in letters for q in letter.asks]
for letter in letters:
    display(letter)
    for q in letter.asks:
        show(q, 30)
next(iter(letters[-1].sentences))""",
    "report": """\
%%step report -i letters counts index questions -o report.md
import sys
lines = [f"* {l.written:%Y-%m-%d} {l.sender}: {', '.join(w for w, _ in counts[i].most_common(top))}"
         for i, l in enumerate(letters)]
sys.stdout.write(f"{len(questions)} questions\\n")
Path("report.md").write_text("\\n".join(lines) + "\\n")""",
    "look-report": "!cat report.md",
    "look-chunks": "list(islice((len(l) for l in letters), 2))",
}
LOOKS = {"look-first", "look-most", "look-report", "look-chunks"}
