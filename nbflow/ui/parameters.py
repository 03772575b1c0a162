"""Parameters from the command line: ``-p`` as papermill reads it, ``-y`` and ``-f`` as YAML. Values are JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbflow.core.values import fault_of, typed
from nbflow.errors import UsageError
from nbflow.project import Typed


def read(pairs: Sequence[str], yaml_texts: Sequence[str], files: Sequence[Path]) -> dict[str, Any]:
    """All parameters given; later kinds win over earlier ones: files, then YAML, then pairs. Raises ``UsageError``."""
    found: dict[str, Any] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise UsageError(f"The parameters file {path} cannot be read: {reason}.") from None
        found.update(_mapping(text, f"The parameters file {path}"))
    for text in yaml_texts:
        found.update(_mapping(text, f"-y {text!r}"))
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"-p takes NAME=VALUE, not '{pair}'.", "For example: -p alpha=0.1")
        found[name.strip()] = Typed(value, typed(value))
    return found


def _mapping(text: str, place: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise UsageError(f"{place} is not valid YAML{where}.", "For example: alpha: 0.1") from None
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(k, str) for k in found):
        raise UsageError(f"{place} does not hold names with values.", "For example: alpha: 0.1")
    for name, value in found.items():
        _check(name, value, place)
    return found


def _check(name: str, value: Any, place: str) -> None:
    fault = fault_of(value)
    if fault:
        fix = (
            "Quote it."
            if "key" in fault
            else "Parameters are texts, numbers, true, false, null, lists and mappings; quote dates."
        )
        raise UsageError(f"{place}: '{name}' {fault}.", fix)
