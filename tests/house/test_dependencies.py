"""pyproject.toml says why each dependency is there; constraints.txt pins each one, and all that it needs, for any machine."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
    if canonicalize_name(Requirement(text).name) != PROJECT["name"]
]
# A CUDA build of torch names its libraries with exact versions of its own; other builds have none of them.
PINNED_BY_TORCH = re.compile(r"nvidia-.*|cuda-.*|triton.*|pytorch-triton.*")


def pins() -> dict[str, Version]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)", line) for line in lines]
    bad = [line for line, match in zip(lines, found, strict=True) if match is None]
    assert bad == [], "a line of constraints.txt is name==version: no address, no local suffix (+cpu), no marker"
    names = [match[1].lower() for match in found if match]
    assert names == sorted(names), "constraints.txt is sorted by name"
    assert len({canonicalize_name(name) for name in names}) == len(names), "a name stands once in constraints.txt"
    return {canonicalize_name(match[1]): Version(match[2]) for match in found if match}


def unexplained(lines: list[str]) -> list[str]:
    """Dependencies with no reason: none beside it, and no comment above the run of bare lines that it stands in."""
    bare: list[str] = []
    headed = False
    for line in lines:
        if line.startswith("#"):
            headed = True
        elif "#" in line:
            headed = False
        elif not headed:
            bare.append(line)
    return bare


def test_every_runtime_dependency_has_a_reason() -> None:
    block = re.search(r"^dependencies = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE | re.DOTALL)
    assert block is not None
    assert unexplained([line.strip() for line in block[1].splitlines()]) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['"a",  # for b'], []),
        (["# for c", '"a",', '"b",'], []),
        (["# for c", '"a",', '"b",  # for d', '"e",'], ['"e",']),
        (['"a",'], ['"a",']),
    ],
)
def test_a_reason_stands_beside_or_above(lines: list[str], expected: list[str]) -> None:
    assert unexplained(lines) == expected


@pytest.mark.parametrize("requirement", DECLARED, ids=lambda requirement: requirement.name)
def test_the_pin_satisfies_the_declaration(requirement: Requirement) -> None:
    pinned = pins()
    assert canonicalize_name(requirement.name) in pinned
    assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """Canonical names of all that an installed distribution needs on this machine, with the given extras."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    for text in requires(name) or []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            child = canonicalize_name(requirement.name)
            yield child
            yield from needed(child, frozenset(requirement.extras), seen)


def test_everything_that_is_needed_is_pinned() -> None:
    try:
        names = set(needed("sweeper", frozenset({"dev"}), set()))
    except PackageNotFoundError as error:
        pytest.fail(f"{error.name} is declared but not installed; install again: pip install -e '.[dev]' -c constraints.txt")
    assert {"psycopg-binary", "torch", "ruff"} <= names, "extras are followed"
    unpinned = names - pins().keys() - {PROJECT["name"]}
    assert sorted(name for name in unpinned if not PINNED_BY_TORCH.fullmatch(name)) == [], "constraints.txt lacks these"
