"""IPython's extra syntax, replaced so that Python can parse the cell: ``%magic``, ``!command``, ``help?``.

Every magic becomes a placeholder name on its own line, so line numbers hold; what it does to names stands in the
``Magic`` it is exchanged for. Which text is a magic is decided as IPython decides it (a test compares the two), and
without IPython. What the magics mean is in ``magic_table``; ``expressions`` walks over the placeholders.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from textwrap import dedent

from nbflow.core.magic_table import Magic, cell_header, line_magic, shell
from nbflow.core.words import words

PLACEHOLDER = "__nbflow_magic_{}__"
PLACEHOLDERS = re.compile(r"__nbflow_magic_\d+__")

_TOKEN = re.compile(
    r"""(?P<quote>\"{3}|'{3}|"|')|(?P<comment>\#[^\n]*)|(?P<open>[(\[{])|(?P<close>[)\]}])"""
    r"""|(?P<joined>\\\n)|(?P<newline>\n)|(?P<operator>(?:\*\*|//|<<|>>)=|[-+*/%&|^@<>=!:]=)|(?P<equals>=)"""
)
_ENDS = {
    quote: re.compile(rf"\\.|{quote}" + ("" if len(quote) == 3 else r"|\n"), re.DOTALL)
    for quote in ('"""', "'''", '"', "'")
}
"""What ends a string, or hides its end."""
_ASSIGNED = re.compile(r"[ \t]*(?:\\\n[ \t]*)*(?:(?P<magic>%[ \t]*[^\W\d])|(?P<shell>!))")
_HELP = re.compile(r"%{0,2}(?!\d)[\w*]+(?:\.(?!\d)[\w*]+|\[-?[0-9]+\])*\?\??$")
_LONGEST_HELP = 1000
"""Characters of an object whose help is asked for; longer ones are nobody's."""
_MARGIN = re.compile(r"(?:[ \t\f]|\\\n)*")
_MAY_ESCAPE = re.compile(r"[%!?]|^[ \t\f]*[,;/]", re.MULTILINE)
"""Without any of these there is nothing to exchange."""
_PROMPT = re.compile(r"(?:(?:\[(?:nav|ins)\])? )?In \[\d+\]: |\s*\.{3,}: ?")
_CLASSIC = re.compile(r"\s*>>>[ \t]?|\s*\.\.\.[ \t]?")
_AUTOMAGIC = words("""
    cd ls ll pwd who whos cat mkdir rm cp mv rmdir lsmagic history hist pip conda mamba matplotlib load_ext reload_ext
    autoreload run time timeit env config reset store pylab pycat precision xmode dirs magic quickref pinfo
    """)
"""Line magics that people write without ``%``, which IPython allows where a cell has one line only."""


@dataclass(slots=True)
class Replaced:
    """A cell whose magics are exchanged for placeholders."""

    text: str
    magics: dict[str, Magic] = field(default_factory=dict)
    """By placeholder."""
    headers: list[Magic] = field(default_factory=list)
    """Cell magics above a body that is Python: ``%%time``, ``%%capture out``."""
    opaque: str = ""
    """The cell magic whose body is not Python."""
    body: str = ""
    """That magic with its body."""
    line: int = 0
    """Where it stands, from 1."""
    comments: list[str] = field(default_factory=list)


def replace_magics(source: str) -> Replaced:
    """Exchange the magics of a cell. Never raises: what cannot be read is left for Python to complain about.

    ``source`` has ``\\n`` as line ends."""
    lines = source.split("\n")
    found = Replaced("")
    first = _cell_magics(lines, found)
    if found.opaque:
        return found
    body = "\n".join(lines[first:])
    if found.headers and found.headers[-1].isolated:
        found.text = "\n" * first + _placeholder(found, _with_body(found.headers.pop(), body))
        return found
    body = _unprompted(_dedented(body))
    found.text = "\n" * first + (_automagic(body, first, found) or _scanned(body, first, found))
    return found


def _cell_magics(lines: list[str], found: Replaced) -> int:
    """Take the cell magics off the top; how many lines are then done."""
    first = 0
    while True:
        at = next((i for i in range(first, len(lines)) if lines[i] and not lines[i].isspace()), len(lines))
        if at == len(lines):
            return first
        line = lines[at]
        if not line.startswith("%%") or re.match(r"%%\w+\?", line):
            return first
        name, _, rest = line[2:].rstrip().partition(" ")
        if name == "step":
            first = at + 1
            continue
        found.comments.append("%%" + name)
        header = cell_header(name, rest, at + 1)
        if header is None:
            found.opaque, found.body, found.line = name or "%%", "\n".join(lines[at:]).rstrip(), at + 1
            return at + 1
        found.headers.append(header)
        first = at + 1
        if header.isolated:
            return first


def _with_body(header: Magic, body: str) -> Magic:
    """A cell magic that takes its whole body as one piece of code: ``%%timeit setup``."""
    setup, above = header.code or ("", 0)
    return replace(header, text=f"{header.text}\n{body}", code=(f"{setup}\n{body}", above))


def _dedented(body: str) -> str:
    first = next((line for line in body.split("\n") if line and not line.isspace()), "")
    return dedent(body) if first[:1] in (" ", "\t") else body


def _unprompted(body: str) -> str:
    """Pasted prompts (``>>>``, ``In [1]:``) taken off, as IPython does."""
    lines = body.split("\n")
    if any(line.lstrip().startswith(">>>") for line in lines):
        inside, out = "", []
        for line in lines:
            out.append(line if inside else _CLASSIC.sub("", line, count=1) if _CLASSIC.match(line) else line)
            for quote in re.findall(r'(?<!\\)("""|\'\'\')', line):
                inside = "" if inside == quote else inside or quote
        return "\n".join(out)
    code = [line for line in lines if line.strip()][:2]
    if any(_PROMPT.match(line) for line in code[:1]) or any(line.lstrip().startswith("...:") for line in code[1:]):
        return "\n".join(_PROMPT.sub("", line, count=1) if _PROMPT.match(line) else line for line in lines)
    return body


def _automagic(body: str, first: int, found: Replaced) -> str:
    """A cell of one line that begins with a well-known magic's name: ``cd data``, ``pip install x``."""
    word, _, rest = body.strip().partition(" ")
    if "\n" in body.strip() or word not in _AUTOMAGIC or rest.lstrip()[:1] in ("=", "(", ".", "[", ","):
        return ""
    if not rest and word not in ("ls", "ll", "pwd", "who", "whos", "cd", "lsmagic", "history", "hist"):
        return ""
    above = body[: len(body) - len(body.lstrip("\n"))]
    found.comments.append("%" + word)
    magic = line_magic(word, rest, first + above.count("\n") + 1, found.comments)
    return above + (_placeholder(found, magic) if magic is not None else " ")


def _placeholder(found: Replaced, magic: Magic) -> str:
    name = PLACEHOLDER.format(len(found.magics))
    found.magics[name] = magic
    return name


def _scanned(body: str, first: int, found: Replaced) -> str:
    return _Scanner(body, first, found).run() if _MAY_ESCAPE.search(body) else body


class _Scanner:
    """One pass over a body, logical line by logical line, that copies it and exchanges magics."""

    def __init__(self, text: str, first: int, found: Replaced) -> None:
        self.text = text
        self.found = found
        self.first = first
        self.out: list[str] = []
        self.starts = [m.end() for m in re.finditer("\n", text)]

    def run(self) -> str:
        at = 0
        while at < len(self.text):
            at = self.logical_line(at)
        return "".join(self.out)

    def line_of(self, at: int) -> int:
        return self.first + 1 + bisect_right(self.starts, at)

    def logical_line(self, at: int) -> int:
        """Copy or exchange the logical line at ``at``; where the next one begins."""
        text = self.text
        begin = _MARGIN.match(text, at).end()  # type: ignore[union-attr]  # it matches everywhere
        if begin == len(text) or text[begin] in "\n#":
            end = text.find("\n", begin)
            end = len(text) if end < 0 else end + 1
            self.out.append(text[at:end])
            return end
        escape = text[begin] in "%!?,;/"
        end, magic_at, plain = self.measure(begin, escape)
        if plain and self.help(at, begin, end):
            return end
        if escape:
            return self.escaped(at, begin)
        if magic_at:
            return self.assigned(at, magic_at)
        self.out.append(text[at:end])
        return end

    def measure(self, begin: int, escape: bool) -> tuple[int, int, bool]:
        """Where the logical line that begins here ends; where in it a magic is assigned (0: nowhere); and whether its
        last word is plain code: not in a string or a comment."""
        text, depth, at, words_end, seen = self.text, 0, begin + escape, 0, False
        while True:
            m = _TOKEN.search(text, at)
            if m is None:
                return len(text), 0, words_end < len(text)
            at = m.end()
            kind = m.lastgroup
            if kind == "quote":
                at = words_end = _end_of_string(text, at, m["quote"])
            elif kind == "comment":
                words_end = at
            elif kind == "open":
                depth += 1
            elif kind == "close":
                depth = max(0, depth - 1)
            elif kind == "newline" and (depth == 0 or escape):
                return at - 1, 0, words_end < at - 1
            elif kind == "equals" and depth == 0 and not seen and not escape:
                seen = True
                follows = _ASSIGNED.match(text, at)
                if follows is not None:
                    assigned = follows.start(follows.lastgroup or 0)
                    return self.end_of_joined(assigned), assigned, True

    def end_of_joined(self, at: int) -> int:
        """The end of the physical line at ``at``, backslash continuations included."""
        while True:
            end = self.text.find("\n", at)
            if end < 0:
                return len(self.text)
            if self.text[end - 1] != "\\":
                return end
            at = end + 1

    def help(self, at: int, begin: int, end: int) -> bool:
        """``obj?``. A lone ``?`` is an escape like any other."""
        last = end
        while self.text[last - 1].isspace():
            last -= 1
        if self.text[last - 1] != "?" or not _HELP.search(self.text, max(begin, last - _LONGEST_HELP), last):
            return False
        self.nothing(at, begin, end)
        return True

    def nothing(self, at: int, begin: int, end: int) -> None:
        """Leave a statement out: nothing at the margin, ``pass`` in a block that may need a statement."""
        self.out.append(self.text[at:begin])
        self.out.append("pass" if begin > at else "")
        self.out.append("\n" * self.text.count("\n", begin, end))

    def escaped(self, at: int, begin: int) -> int:
        """A statement that begins with an escape character."""
        text = self.text
        end = self.end_of_joined(begin)
        command = re.sub(r"[ \t]*\\\n", " ", text[begin:end]).rstrip()
        escape, content = command[:1], command[1:]
        if escape == "?":
            self.nothing(at, begin, end)
            return end
        if escape in ",;/":
            self.out.append(text[at:begin] + _autocall(escape, content) + "\n" * text.count("\n", begin, end))
            return end
        magic = self.magic(command, begin)
        if magic is None:
            self.nothing(at, begin, end)
        else:
            self.out.append(text[at:begin] + _placeholder(self.found, magic) + "\n" * text.count("\n", begin, end))
        return end

    def assigned(self, at: int, magic_at: int) -> int:
        """``x = %magic`` or ``x = !command``."""
        text = self.text
        end = self.end_of_joined(magic_at)
        command = re.sub(r"[ \t]*\\\n", " ", text[magic_at:end]).rstrip()
        magic = self.magic(command, magic_at)
        self.out.append(text[at:magic_at] + ("None" if magic is None else _placeholder(self.found, magic)))
        self.out.append("\n" * text.count("\n", magic_at, end))
        return end

    def magic(self, command: str, at: int) -> Magic | None:
        line = self.line_of(at)
        if command[0] == "!":
            self.found.comments.append("!")
            return shell(command.lstrip("!"), line, self.found.comments)
        name, _, rest = command[1:].partition(" ")
        self.found.comments.append("%" + name)
        return line_magic(name, rest, line, self.found.comments)


def _end_of_string(text: str, at: int, quote: str) -> int:
    """Where a string that opens before ``at`` ends; a plain one that is not closed ends with its line."""
    for m in _ENDS[quote].finditer(text, at):
        if m[0] == quote:
            return m.end()
        if m[0] == "\n":
            return m.start()
    return len(text)


def _autocall(escape: str, content: str) -> str:
    """``/f a b`` calls ``f(a, b)``; ``,f a b`` and ``;f a b`` quote what follows."""
    name, _, rest = content.partition(" ")
    if escape == "/":
        return f"{name}({', '.join(rest.split())})"
    return f'{name}("{rest}")' if escape == ";" else '{}("{}")'.format(name, '", "'.join(rest.split()))
