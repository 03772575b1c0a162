"""How a person wants nbflow to behave: one frozen value, and the only reader of configuration.

``[tool.nbflow]`` in ``pyproject.toml`` is overruled by ``NBFLOW_*`` environment variables, and these by the flags of a
command. Whatever is wrong is said with its place, what is expected and the near name; nothing is silently ignored.
It runs nothing and makes no folder.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbflow.core.alerting import KINDS
from nbflow.core.amounts import parse_amount
from nbflow.errors import UsageError, did_you_mean

PROJECT_FILE = "pyproject.toml"
_TABLES: dict[str, tuple[dict[str, str], str]] = {
    "secrets": ({"names": "secrets"}, 'names = ["DB_PASSWORD"]'),
    "alerts": (
        {"urls": "alert_urls", "command": "alert_command", "on": "alert_on", "slow_factor": "slow_factor",
         "slow_seconds": "slow_seconds"},
        'urls = ["$ALERT_URL"]',
    ),
}  # fmt: skip
"""Tables below ``[tool.nbflow]``: key there → setting, and an example."""
_RESOURCE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_ADDRESS = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*\Z|[A-Za-z][A-Za-z0-9+.-]*://.", re.ASCII)
_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one command. ``Settings.load`` makes it."""

    root: Path
    """The project root."""
    store: Path
    """Absolute."""
    jobs: int
    """Steps that may run at a time."""
    notebooks: tuple[str, ...] = ()
    """Sources, relative to the root, for a command that names none."""
    retries: int = 0
    retry_delay: float = 1.0
    """Seconds before the first retry."""
    crash_retries: int = 1
    """Retries after a lost kernel, which is not the fault of the step's code."""
    timeout: float | None = None
    """Seconds that one attempt may take."""
    fail_fast: bool = False
    keep_runs: int = 20
    """Runs that are remembered, with their folders."""
    store_limit: float | None = 50e9
    """Bytes that stored results may take once a run has ended; ``None`` for no limit."""
    executor: str = "papermill"
    kernels: str = "warm"
    """``warm``: kernels are made ready before they are needed; ``cold``: each is started anew when it is."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """What there is; memory in bytes."""
    secrets: tuple[str, ...] = ()
    """Names of environment variables whose values must not be written anywhere."""
    alert_urls: tuple[str, ...] = ()
    """Addresses as apprise takes them; ``$NAME`` stands for one that an environment variable holds."""
    alert_command: tuple[str, ...] = ()
    """A command that alerts are given to."""
    alert_on: tuple[str, ...] = KINDS
    """The kinds of alerts that are wanted."""
    slow_factor: float = 3.0
    """A step is slow that takes so many times as long as usual, ..."""
    slow_seconds: float = 60.0
    """... and at least so many seconds longer."""

    @property
    def has_alerts(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.alert_urls or self.alert_command)

    @classmethod
    def load(cls, root: Path, environ: Mapping[str, str], **flags: Any) -> Settings:
        """The settings of a project. ``flags`` are settings by their names, as values or as the text that was given on
        the command line; ``None`` means: not given. Raises ``UsageError``."""
        file = root / PROJECT_FILE
        values = _from_table(_tool_table(file), str(file))
        values |= _from_environment(environ, {*values.get("secrets", ())})
        values |= _from_flags(flags)
        values["store"] = (root / values.get("store", Path(".nbflow", "store"))).resolve()
        values.setdefault("jobs", usable_cores())
        return cls(root=root, **values)


def described() -> dict[str, tuple[str, str]]:
    """Setting → the place it has in pyproject.toml below ``tool.nbflow``, and what it expects, in words."""
    return {
        name: (".".join(_IN_TABLES[name]) if name in _IN_TABLES else name, setting.expects)
        for name, setting in _SETTINGS.items()
    }


def origins(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Where the value of each setting comes from: ``pyproject.toml``, an environment variable, or ``default``. Raises
    ``UsageError`` as ``Settings.load`` does."""
    found = dict.fromkeys(_SETTINGS, "default")
    table = _from_table(_tool_table(root / PROJECT_FILE), str(root / PROJECT_FILE))
    found |= dict.fromkeys(table, PROJECT_FILE)
    return found | {name: f"NBFLOW_{name.upper()}" for name in _from_environment(environ, {*table.get("secrets", ())})}


def find_root(start: Path, sources: Iterable[Path] = (), user: int | None = None) -> Path:
    """The project root: the nearest folder upwards from ``start`` that is the user's own and has ``[tool.nbflow]`` in
    its pyproject.toml, or ``.nbflow/``, or ``.git``; else the common parent of the sources (without any: ``start``).

    A folder that another user owns is passed over: what lies there is not to steer our runs. ``user``: a user's id, by
    default of the one who asks. Raises ``UsageError`` for a pyproject.toml of ours that cannot be read."""
    start = start.resolve()
    if user is None and hasattr(os, "geteuid"):
        user = os.geteuid()
    for folder in (start, *start.parents):
        if _is_own(folder, user) and _is_root(folder):
            return folder
    parents = [(source if source.is_dir() else source.parent).resolve() for source in sources]
    return Path(os.path.commonpath(parents)) if parents else start


def usable_cores() -> int:
    """Cores that this process may use: by its CPU affinity, and by the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii")
    except (OSError, ValueError):
        return cores
    return min(cores, cores_of_quota(quota) or cores)


def cores_of_quota(text: str) -> int | None:
    """``"150000 100000"`` (microseconds of CPU time in a period) → 2 cores; ``"max 100000"`` → ``None``."""
    words = text.split()
    if len(words) != 2 or not all(word.isdecimal() for word in words) or int(words[1]) == 0:
        return None
    return max(1, math.ceil(int(words[0]) / int(words[1])))


# --- what a setting is ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Setting:
    """One setting: what it expects, in words, and how it is read. Both readers raise ``ValueError``."""

    expects: str
    value: Callable[[Any], Any]
    """From a value of TOML or of Python."""
    text: Callable[[str], Any]
    """From the text of an environment variable or of a flag."""


def _whole(least: int) -> _Setting:
    def value(given: Any) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or given < least:
            raise ValueError
        return given

    return _Setting(f"a whole number, {least} or more", value, lambda text: value(int(text)))


def _seconds(zero: bool, none: bool) -> _Setting:
    def value(given: Any) -> float | None:
        if none and given == "none":
            return None
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
            raise ValueError
        if given < 0 or (given == 0 and not zero):
            raise ValueError
        return float(given)

    words = f"a number of seconds, {'0 or more' if zero else 'more than 0'}{', or none' if none else ''}"
    return _Setting(words, value, lambda text: value(text if text == "none" else float(text)))


def _number(least: float) -> _Setting:
    def value(given: Any) -> float:
        if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given < math.inf:
            raise ValueError
        return float(given)

    return _Setting(f"a number, {least:g} or more", value, lambda text: value(float(text)))


def _size() -> _Setting:
    def value(given: Any) -> float | None:
        if given == "none":
            return None
        if isinstance(given, str):
            return parse_amount(given)
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
            raise ValueError
        return float(given)

    return _Setting('a size such as "10GB", or none', value, value)


def _flag() -> _Setting:
    def value(given: Any) -> bool:
        if not isinstance(given, bool):
            raise ValueError  # noqa: TRY004 (one error for all that is not expected)
        return given

    def text(given: str) -> bool:
        if given.lower() not in (*_YES, *_NO):
            raise ValueError
        return given.lower() in _YES

    return _Setting("true or false", value, text)


def _word(expects: str, read: Callable[[str], Any] = str) -> _Setting:
    def value(given: Any) -> Any:
        if not isinstance(given, str) or not given.strip():
            raise ValueError
        return read(given)

    return _Setting(expects, value, value)


def _choice(*choices: str) -> _Setting:
    def value(given: Any) -> str:
        if given not in choices:
            raise ValueError
        return str(given)

    return _Setting(" or ".join(choices), value, value)


def _words(expects: str, separators: str, good: Callable[[str], object] = bool) -> _Setting:
    def value(given: Any) -> tuple[str, ...]:
        if not isinstance(given, list | tuple) or not all(isinstance(word, str) and good(word) for word in given):
            raise ValueError
        return tuple(given)

    return _Setting(expects, value, lambda text: value([word for word in re.split(separators, text) if word]))


def _store_folder(given: str) -> Path:
    if "://" in given:
        raise ValueError
    return Path(given).expanduser()


def _resources() -> _Setting:
    def amount(given: Any) -> float:
        if isinstance(given, str):
            return parse_amount(given)
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
            raise ValueError
        return float(given)

    def value(given: Any) -> dict[str, float]:
        if not isinstance(given, Mapping) or not all(isinstance(k, str) and _RESOURCE.fullmatch(k) for k in given):
            raise ValueError
        return {name: amount(found) for name, found in given.items()}

    def text(given: str) -> dict[str, float]:
        pairs = [pair.partition("=") for pair in given.split()]
        if not all(equals for _, equals, _ in pairs):
            raise ValueError
        return value({name: found for name, _, found in pairs})

    return _Setting('names with amounts, such as gpu = 1, memory = "8GiB"', value, text)


_SETTINGS: dict[str, _Setting] = {
    "notebooks": _words('a list of paths, such as ["train.ipynb"]', re.escape(os.pathsep)),
    "jobs": _whole(1),
    "store": _word("the path of a folder (no URL)", _store_folder),
    "retries": _whole(0),
    "retry_delay": _seconds(zero=True, none=False),
    "crash_retries": _whole(0),
    "timeout": _seconds(zero=False, none=True),
    "fail_fast": _flag(),
    "keep_runs": _whole(1),
    "store_limit": _size(),
    "executor": _word("the name of an executor, such as papermill"),
    "kernels": _choice("warm", "cold"),
    "resources": _resources(),
    "secrets": _words('a list of environment variables, such as ["DB_PASSWORD"]', r"[\s,]+", _VARIABLE.fullmatch),
    "alert_urls": _words('a list of addresses, such as ["$ALERT_URL"]', r"\s+", _ADDRESS.match),
    "alert_command": _words('a list of words, such as ["notify-send", "nbflow"]', r"\s+"),
    "alert_on": _words(f"a list of {', '.join(KINDS)}", r"[\s,]+", KINDS.__contains__),
    "slow_factor": _number(1.0),
    "slow_seconds": _seconds(zero=True, none=False),
}
_SECRET = ("alert_urls", "alert_command")
_IN_TABLES = {setting: (table, key) for table, (keys, _) in _TABLES.items() for key, setting in keys.items()}


# --- the three places ----------------------------------------------------------------------------------


def _from_table(table: Mapping[str, Any], file: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, given in table.items():
        if key in _TABLES:
            values |= _from_subtable(key, given, file)
        elif key not in _SETTINGS or key in _IN_TABLES:
            raise _unknown(key, f"{file}, [tool.nbflow]", [*(k for k in _SETTINGS if k not in _IN_TABLES), *_TABLES])
        else:
            values[key] = _read(_SETTINGS[key].value, key, given, f"{file}, [tool.nbflow], {key}")
    return values


def _from_subtable(table: str, given: Any, file: str) -> dict[str, Any]:
    keys, example = _TABLES[table]
    if not isinstance(given, Mapping):
        raise UsageError(
            f"{file}, [tool.nbflow], {table}: expected a table, got {_shown(given, secret=table == 'alerts')}",
            f"Write:\n[tool.nbflow.{table}]\n{example}",
        )
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in keys:
            raise _unknown(name, f"{file}, [tool.nbflow.{table}]", tuple(keys))
        setting = keys[name]
        values[setting] = _read(_SETTINGS[setting].value, setting, value, f"{file}, [tool.nbflow.{table}], {name}")
    return values


def _from_environment(environ: Mapping[str, str], secrets: set[str]) -> dict[str, Any]:
    values = {}
    for variable, given in sorted(environ.items()):
        if not variable.startswith("NBFLOW_") or variable in secrets or not given.strip():
            continue
        key = variable.removeprefix("NBFLOW_").lower()
        if key in _SETTINGS:
            values[key] = _read(_SETTINGS[key].text, key, given.strip(), f"environment variable {variable}")
        elif did_you_mean(key, _SETTINGS):
            # Others are not ours to judge: container platforms set names such as NBFLOW_SERVICE_PORT.
            raise _unknown(variable, "environment variable", [f"NBFLOW_{name.upper()}" for name in _SETTINGS])
    return values


def _from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for key, given in flags.items():
        place = f"--{key.replace('_', '-')}"
        if key not in _SETTINGS:
            raise _unknown(place, "flag", [f"--{name.replace('_', '-')}" for name in _SETTINGS])
        if isinstance(given, str | os.PathLike):
            values[key] = _read(_SETTINGS[key].text, key, os.fspath(given).strip(), place)
        elif given is not None:
            values[key] = _read(_SETTINGS[key].value, key, given, place)
    return values


def _read(reader: Callable[[Any], Any], key: str, given: Any, place: str) -> Any:
    try:
        return reader(given)
    except UsageError as error:
        raise UsageError(f"{place}: {error.message}", error.fix) from error
    except ValueError as error:
        message = f"{place}: expected {_SETTINGS[key].expects}, got {_shown(given, secret=key in _SECRET)}"
        raise UsageError(message, "Correct it, or leave it out for the default.") from error


def _unknown(name: str, place: str, known: Iterable[str]) -> UsageError:
    known = tuple(known)
    return UsageError(f"{place}: '{name}' is not a setting.{did_you_mean(name, known)}", f"Known: {', '.join(known)}.")


def _shown(given: Any, *, secret: bool = False) -> str:
    if secret:
        return f"something else ({type(given).__name__}; not shown, as it may hold a password)"
    words = {True: "true", False: "false"}
    text = words[given] if isinstance(given, bool) else repr(given)
    return text if len(text) <= 60 else f"{text[:57]}…"


# --- files ---------------------------------------------------------------------------------------------


def _tool_table(file: Path) -> Mapping[str, Any]:
    tool = _parsed(file).get("tool", {})
    table = tool.get("nbflow", {}) if isinstance(tool, Mapping) else {}
    if not isinstance(table, Mapping):
        raise UsageError(f"{file}, tool.nbflow: expected a table, got {_shown(table)}", "Write: [tool.nbflow]")
    return table


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror})", "Make sure that you may read it.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{file}, line {line}: this is not UTF-8", "Save the file as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rpartition(" (at ")  # "… (at line 3, column 5)", "… (at end of document)"
        raise UsageError(f"{file}, {place.rstrip(')')}: this is not TOML: {what}", "Correct the file.") from error


def _is_own(folder: Path, user: int | None) -> bool:
    try:
        return user is None or folder.stat().st_uid == user
    except OSError:
        return False


def _is_root(folder: Path) -> bool:
    try:
        if (folder / ".nbflow").is_dir() or (folder / ".git").exists():
            return True
        # Only a file that speaks of us is read: another project's mistakes above us are not ours to report.
        ours = b"nbflow" in (folder / PROJECT_FILE).read_bytes()
    except OSError:
        return False
    tool = _parsed(folder / PROJECT_FILE).get("tool") if ours else None
    return isinstance(tool, Mapping) and "nbflow" in tool
