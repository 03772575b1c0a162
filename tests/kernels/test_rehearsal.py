"""What a kernel loads is loaded ahead of it: the same modules from the same places, and no others of their names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow.kernels.farside import rehearsal


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that modules are looked for in; what was imported from it is forgotten."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("plain.py", "package/__init__.py", "package/part.py", "space/inner.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    yield tmp_path
    for name in sys.modules.keys() - known:
        del sys.modules[name]


def test_what_a_kernel_has_is_loaded_from_where_it_has_it(here: Path) -> None:
    package = [("package", str(here / "package" / "__init__.py")), ("package.part", str(here / "package" / "part.py"))]
    modules: list[tuple[str, str | None]] = [("plain", str(here / "plain.py")), *package]
    rehearsal.load([*modules, ("space", None), ("space.inner", str(here / "space" / "inner.py"))])
    assert {"plain", "package", "package.part", "space", "space.inner"} <= sys.modules.keys()


def test_what_would_come_from_elsewhere_is_left_out_with_all_below_it(here: Path) -> None:
    elsewhere = here / "vendored" / "package"
    rehearsal.load(
        [
            ("package", str(elsewhere / "__init__.py")),
            ("package.part", str(here / "package" / "part.py")),
            ("not_there", str(elsewhere / "not_there.py")),
            ("plain", str(here / "plain.py")),
        ]
    )
    assert sys.modules.keys() & {"package", "package.part", "not_there", "plain"} == {"plain"}
