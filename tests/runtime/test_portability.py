"""The runtime is sent as source to kernels of other Pythons: it must be readable there and need nothing."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from nbflow.runtime import serializers

FILES = sorted(Path(serializers.__file__).parent.glob("*.py"))
OLDEST = (3, 9)


def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), feature_version=OLDEST)


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_a_file_of_the_runtime_can_be_read_by_the_oldest_python(path: Path) -> None:
    nodes = list(ast.walk(syntax(path)))
    assert not [node for node in nodes if isinstance(node, ast.Match)]
    if path.name != "__init__.py":  # annotations such as `str | None` must not be evaluated
        assert "from __future__ import annotations" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_a_file_of_the_runtime_needs_only_the_standard_library_when_loaded(path: Path) -> None:
    imports = [node for node in syntax(path).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom) and not node.level}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_a_file_of_the_runtime_names_no_other_part_of_nbflow(path: Path) -> None:
    found = [node for node in ast.walk(syntax(path)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    absolute = {
        name
        for node in found
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        if isinstance(node, ast.Import) or not node.level
    }
    levels = {node.level for node in found if isinstance(node, ast.ImportFrom)}
    assert not [name for name in absolute if name.partition(".")[0] == "nbflow"]
    assert levels <= {0, 1}
