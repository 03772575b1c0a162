"""What is configured for a part of a kernel is found as ever; where nothing is, nobody searches."""

from __future__ import annotations

from typing import Any

import pytest
from traitlets import Int
from traitlets.config import Config, Configurable

from nbflow.kernels.farside.sections import sought_where_named


class Above(Configurable):
    size = Int(1).tag(config=True)


class Part(Configurable):
    size = Int(1).tag(config=True)


class SpecialPart(Part):
    pass


def made(config: dict[str, Any]) -> list[int]:
    above = Above(config=Config(config))
    return [above.size, *(kind(parent=above).size for kind in (Part, SpecialPart))]


@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        ({}, [1, 1, 1]),
        ({"Other": {"size": 2}}, [1, 1, 1]),
        ({"Part": {"size": 2}}, [1, 2, 2]),
        ({"Part": {"size": 2}, "SpecialPart": {"size": 3}}, [1, 2, 3]),
        ({"Above": {"Part": {"size": 2}}}, [1, 2, 2]),
        ({"Above": {"size": 4, "SpecialPart": {"size": 3}}, "Part": {"size": 2}}, [4, 2, 3]),
    ],
)
def test_each_part_finds_its_sections(config: dict[str, Any], sizes: list[int]) -> None:
    assert made(config) == sizes
    with sought_where_named():
        assert made(config) == sizes


def test_a_part_that_nothing_names_does_not_search(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    usual = Configurable._find_my_config

    def search(part: Configurable, config: Config) -> Any:
        searched.append(type(part).__name__)
        return usual(part, config)

    monkeypatch.setattr(Configurable, "_find_my_config", search)
    with sought_where_named():
        made({"Above": {"size": 2}})
    assert searched == ["Above"]
    made({})
    assert len(searched) > 3, "as ever from then on"
