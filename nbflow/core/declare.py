"""The ``%%step`` grammar, in one place: the planner and the live magic both read lines with it.

``step_line`` finds the line in a cell, ``parse`` reads it, ``merge`` adds up what the cells of one step say, and
``with_items`` writes declarations back for ``check --fix``. Nothing here knows about notebooks or kernels.

The grammar::

    %%step NAME [-i IN ...] [-o OUT ...] [--after STEP ...] [--retries N] [--retry-delay SECONDS]
                [--timeout SECONDS] [--no-cache] [--resources KEY=AMOUNT ...]
"""

from __future__ import annotations

import difflib
import keyword
import math
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nbflow.core.amounts import parse_amount
from nbflow.core.model import FORMATS, REF, STEP_NAME, Declaration, Item, Options
from nbflow.errors import DeclareError, UsageError, did_you_mean

USAGE = "%%step NAME -i INPUT ... -o OUTPUT ..."
LISTS = {"-i": "inputs", "--in": "inputs", "-o": "outputs", "--out": "outputs", "--after": "after",
         "--resources": "resources"}  # fmt: skip
NUMBERS = {"--retries": "retries", "--retry-delay": "retry_delay", "--timeout": "timeout"}
FLAGS = {"--no-cache"}
KNOWN = (*LISTS, *NUMBERS, *FLAGS)

NO_OPTIONS = Options()

_T = TypeVar("_T", int, float)

TOKEN = re.compile(r"""(?:[^\s"']|"(?:\\.|[^"\\])*"|'[^']*')+""")
_ANY_CELL_MAGIC = re.compile(r"%%\s*(\w+)")
_CELL_MAGIC = re.compile(r"%%step(?=\s|$)")
_LINE_MAGIC = re.compile(r"\s*%step(?=\s|$)")


@dataclass(frozen=True, slots=True)
class StepLine:
    """Where a cell says it is a step."""

    index: int
    """Index of the line in the cell, from 0."""
    text: str
    """What follows ``%%step``."""
    whole_notebook: bool


def step_line(source: str) -> StepLine | None:
    """The ``%%step`` line that begins the cell (blank lines may stand before it, as IPython allows), if any."""
    if "%%step" not in source:
        return None
    # Nearly always the first line is the one: no need to part the others.
    for index, line in enumerate(source.split("\n", 1 if source[0] == "%" else -1)):
        if line.strip():
            match = _CELL_MAGIC.match(line)
            return StepLine(index, line[match.end() :].strip(), False) if match else None
    return None


def step_of(source: str) -> str:
    """The name of the step that a cell says it belongs to, ``""`` where it says none."""
    line = step_line(source)
    return line.text.partition(" ")[0] if line is not None else ""


def notebook_line(source: str) -> StepLine | None:
    """The ``%step`` line of a cell, which makes the whole notebook one step, if any."""
    if "%step" not in source:
        return None
    for index, line in enumerate(source.split("\n")):
        match = _LINE_MAGIC.match(line)
        if match:
            return StepLine(index, line[match.end() :].strip(), True)
    return None


def misplaced_step_line(source: str) -> int | None:
    """Index of a ``%%step`` line that is not the first line of its cell, where IPython does not see it."""
    if "%%step" not in source or step_line(source):
        return None
    return next((i for i, line in enumerate(source.split("\n")) if _CELL_MAGIC.match(line)), None)


def mistyped_magic(source: str) -> str | None:
    """The cell magic that a cell begins with, where it is most likely ``%%step`` with a slip of the finger."""
    first = next((line for line in source.split("\n") if line.strip()), "")
    match = _ANY_CELL_MAGIC.match(first)
    if match is None or match[1] == "step":
        return None
    near = difflib.get_close_matches(match[1].lower(), ["step"], cutoff=0.75)
    return f"%%{match[1]}" if near else None


def parse(text: str, *, whole_notebook: bool = False) -> Declaration:
    """Read what follows ``%%step``. Raises ``DeclareError`` with the near name for what it does not know."""
    tokens = _tokens(text)
    if not tokens or tokens[0].startswith("-"):
        raise DeclareError("%%step needs a name first.", f"Write {USAGE}")
    name, rest = tokens[0], tokens[1:]
    if not STEP_NAME.match(name):
        raise DeclareError(
            f"'{name}' cannot be the name of a step: a name begins with a letter or _ and goes on with letters, "
            "digits, _ and - (at most 100).",
            f"Write {USAGE}",
        )
    lists, numbers, flags = _sort(rest)
    inputs, outputs = _items(lists["inputs"], "input"), _items(lists["outputs"], "output")
    _check_path_names((*inputs, *outputs))
    return Declaration(
        name=name,
        inputs=inputs,
        outputs=outputs,
        after=tuple(lists["after"]),
        options=_options(lists["resources"], numbers, flags),
        whole_notebook=whole_notebook,
    )


def parse_item(text: str, role: str = "output") -> Item:
    """Read one input or output: ``features``, ``features:parquet``, ``data/x.csv``, ``raw=data/x.csv``, ``x.bin:ref``.

    Raises ``DeclareError``.
    """
    if text.isidentifier():
        _check_variable(text)
        return Item(text, name=text)
    if text.endswith(","):
        raise DeclareError(f"'{text}' ends with a comma.", "Items are separated by spaces alone.")
    name, path, format_ = None, text, None
    bare, colon, suffix = text.rpartition(":")
    if colon and bare and suffix.isidentifier():
        path, format_ = bare, suffix
    before, equals, after = path.partition("=")
    if equals and before.isidentifier():
        name, path = before, after
    if name is None and path.isidentifier():
        _check_variable(path)
        _check_format(format_, text, FORMATS, is_file=False)
        if format_ and role == "input":
            raise DeclareError(
                f"The input '{text}' names a format: the format is chosen where '{path}' is made.",
                f"Write -i {path} here and -o {text} in the step that makes it.",
            )
        return Item(text, name=path, format=format_)
    if not path or not any(c in path for c in "./*?["):
        raise DeclareError(
            f"'{text}' is neither a variable name nor a file.",
            "A file has a '/' or a '.' in it (write ./Makefile); items are separated by spaces.",
        )
    if name is not None:
        _check_variable(name)
    _check_path(path, text)
    _check_format(format_, text, (REF,), is_file=True)
    return Item(text, name=name, path=path, format=format_)


def merge(declarations: Sequence[Declaration]) -> Declaration:
    """What the cells of one step say, added up. Raises ``DeclareError`` where two cells disagree on an option."""
    first = declarations[0]
    options = first.options
    for other in declarations[1:]:
        options = _merge_options(options, other.options)
    inputs, outputs = _union(d.inputs for d in declarations), _union(d.outputs for d in declarations)
    _check_path_names((*inputs, *outputs))
    return first._replace(
        inputs=inputs,
        outputs=outputs,
        after=tuple(dict.fromkeys(a for d in declarations for a in d.after)),
        options=options,
    )


def with_items(line: str, inputs: Iterable[str] = (), outputs: Iterable[str] = ()) -> str:
    """The ``%%step`` (or ``%step``) line with items added that it does not hold yet, and all else as it was."""
    for words, items, role in ((("-i", "--in"), inputs, "input"), (("-o", "--out"), outputs, "output")):
        for item in items:
            if parse_item(item, role).label not in _labels(line, role):
                line = _with_item(line, words, quoted(item))
    return line


def file_item(path: str, *, folder: bool = False) -> str | None:
    """How a file (or folder, or pattern) is written as an item; ``None`` where no item means it."""
    plain = posixpath.normpath(path) + "/" * folder
    for text in (plain, f"./{plain}"):
        try:
            item = parse_item(text)
        except DeclareError:
            continue
        if item.path == text and item.name is None and item.format is None and not text.startswith("-"):
            return text
    return None


def _labels(line: str, role: str) -> set[str]:
    """What a line declares already."""
    lists, _, _ = _sort(_tokens(line)[2:])
    return {parse_item(text, role).label for text in lists[f"{role}s"]}


def _with_item(line: str, words: tuple[str, str], item: str) -> str:
    tokens = list(TOKEN.finditer(line))
    texts = [t.group() for t in tokens]
    lists = [index for index, text in enumerate(texts) if text in words]
    if lists:
        at = tokens[_end_of_list(texts, lists[-1])].end()
        return f"{line[:at]} {item}{line[at:]}"
    # No such list yet: inputs go behind the name, outputs behind the inputs.
    above = [index for index, text in enumerate(texts) if text in ("-i", "--in")] if words[0] == "-o" else []
    at = tokens[_end_of_list(texts, above[-1]) if above else min(1, len(tokens) - 1)].end()
    return f"{line[:at]} {words[0]} {item}{line[at:]}"


def _end_of_list(texts: Sequence[str], index: int) -> int:
    """Index of the last item of the list whose option stands at ``index``."""
    while index + 1 < len(texts) and not texts[index + 1].startswith("-"):
        index += 1
    return index


def quoted(item: str) -> str:
    """As it is written on a line."""
    if not re.search(r"""[\s"']""", item):
        return item
    return f"'{item}'" if "'" not in item else '"' + re.sub(r'(["\\])', r"\\\1", item) + '"'


def _tokens(text: str) -> list[str]:
    if '"' not in text and "'" not in text:
        return text.split()
    found = []
    position = 0
    for match in TOKEN.finditer(text):
        if text[position : match.start()].strip():
            break
        found.append(unquoted(match.group()))
        position = match.end()
    if text[position:].strip():
        raise DeclareError(f"A quote is not closed: {text[position:].strip()}", "Close it, or leave it out.")
    return found


def unquoted(token: str) -> str:
    """The word that is meant."""
    return re.sub(
        r"\"((?:\\.|[^\"\\])*)\"|'([^']*)'",
        lambda m: re.sub(r"\\(.)", r"\1", m[1]) if m[1] is not None else m[2],
        token,
    )


def _sort(tokens: list[str]) -> tuple[dict[str, list[str]], dict[str, float], set[str]]:
    lists: dict[str, list[str]] = {"inputs": [], "outputs": [], "after": [], "resources": []}
    numbers: dict[str, float] = {}
    flags: set[str] = set()
    target: list[str] | None = None
    stream = iter(tokens)
    for token in stream:
        option, equals, value = token.partition("=") if token.startswith("--") else (token, "", "")
        if option in LISTS:
            target = lists[LISTS[option]]
            if equals:
                target.append(value)
        elif option in NUMBERS:
            if NUMBERS[option] in numbers:
                raise DeclareError(f"{option} stands twice.", "Give it once.")
            numbers[NUMBERS[option]] = _number(option, value if equals else next(stream, ""))
            target = None
        elif option in FLAGS:
            if equals:
                raise DeclareError(f"{option} takes no value.", f"Write {option} alone.")
            flags.add(option)
            target = None
        elif token.startswith("-"):
            hint = did_you_mean(option, KNOWN) or f" Known options: {', '.join(KNOWN)}."
            raise DeclareError(f"%%step has no option '{option}'.{hint}")
        elif target is None:
            raise DeclareError(f"'{token}' belongs to no option.", f"Inputs follow -i, outputs follow -o: {USAGE}")
        else:
            target.append(token)
    return lists, numbers, flags


def _number(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    whole = option == "--retries"
    least = "more than 0" if option == "--timeout" else "0 or more"
    too_small = value < 0 or (value == 0 and option == "--timeout")
    if too_small or not math.isfinite(value) or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number of seconds"
        raise DeclareError(f"{option} takes {kind}, {least}, not '{text}'.")
    return value


def _items(texts: list[str], role: str) -> tuple[Item, ...]:
    items = [parse_item(t, role) for t in texts]
    seen: set[str] = set()
    for item in items:
        if item.label in seen:
            raise DeclareError(f"'{item.label}' stands twice among the {role}s.", "Name it once.")
        seen.add(item.label)
    return tuple(items)


def _options(resources: list[str], numbers: dict[str, float], flags: set[str]) -> Options:
    if not (resources or numbers or flags):
        return NO_OPTIONS
    amounts: dict[str, float] = {}
    for text in resources:
        key, equals, amount = text.partition("=")
        if not equals or not key.isidentifier():
            raise DeclareError(
                f"--resources takes KEY=AMOUNT, not '{text}'.", "For example: --resources gpu=1 memory=8GiB"
            )
        if key in amounts:
            raise DeclareError(f"--resources gives {key} twice.", "Give it once.")
        try:
            amounts[key] = parse_amount(amount)
        except UsageError as error:
            raise DeclareError(f"--resources {key}: {error.message}", error.fix) from None
    retries = numbers.get("retries")
    return Options(
        retries=None if retries is None else int(retries),
        retry_delay=numbers.get("retry_delay"),
        timeout=numbers.get("timeout"),
        cache="--no-cache" not in flags,
        resources=tuple(amounts.items()),
    )


def _check_variable(name: str) -> None:
    if keyword.iskeyword(name):
        raise DeclareError(f"'{name}' is a Python keyword and cannot be a variable.")
    if name == "_":
        raise DeclareError("'_' is never an input or output: every cell may overwrite it.", "Give the value a name.")


def _check_path_names(items: Iterable[Item]) -> None:
    """The name that a file's path is bound to means nothing else in the step."""
    seen: dict[str, Item] = {}
    for item in items:
        other = seen.setdefault(item.name, item) if item.name else item
        if other is not item and other.label != item.label and (item.is_file or other.is_file):
            raise DeclareError(f"'{item.name}' would be both {other.text} and {item.text}.", "Choose another name.")


def _check_path(path: str, text: str) -> None:
    if "://" in path:
        raise DeclareError(f"'{text}' is an address, not a file.", "Read it in the step, and add --no-cache.")
    if path.startswith("~"):
        raise DeclareError(f"'{text}': a ~ is not expanded.", "Write the whole path.")
    if "\\" in path:
        raise DeclareError(f"'{text}' holds a backslash.", "Write / between folders.")


def _check_format(format_: str | None, text: str, allowed: tuple[str, ...], *, is_file: bool) -> None:
    if format_ is None or format_ in allowed:
        return
    hint = did_you_mean(format_, allowed)
    if is_file:
        raise DeclareError(
            f"'{text}': a file takes no format but ':ref' (its digest is recorded, its bytes are not).{hint}"
        )
    raise DeclareError(f"'{text}': there is no format '{format_}'.{hint}", f"Formats: {', '.join(allowed)}.")


def _union(lists: Iterable[tuple[Item, ...]]) -> tuple[Item, ...]:
    by_label: dict[str, Item] = {}
    for items in lists:
        for item in items:
            known = by_label.get(item.label)
            if known and known.format and item.format and known.format != item.format:
                raise DeclareError(
                    f"'{item.label}' is declared as {known.text} and as {item.text}.", "Choose one format."
                )
            if known is None or (item.format and not known.format):
                by_label[item.label] = item
    return tuple(by_label.values())


def _merge_options(a: Options, b: Options) -> Options:
    def pick(name: str, x: _T | None, y: _T | None) -> _T | None:
        if x is not None and y is not None and x != y:
            raise DeclareError(f"Two cells of this step give --{name}: {x} and {y}.", "Give it once.")
        return y if x is None else x

    resources = dict(a.resources)
    for key, amount in b.resources:
        if resources.setdefault(key, amount) != amount:
            raise DeclareError(f"Two cells of this step give different amounts of {key}.", "Give it once.")
    return Options(
        retries=pick("retries", a.retries, b.retries),
        retry_delay=pick("retry-delay", a.retry_delay, b.retry_delay),
        timeout=pick("timeout", a.timeout, b.timeout),
        cache=a.cache and b.cache,
        resources=tuple(resources.items()),
    )
