"""Files stay short, and hold nothing of the machine that they were written on."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 500
"""Lines of a Python file: one idea each, usually 100 to 300."""
MACHINE_PATH = re.compile(r"(?<![\w.}\])-])/(?:work|root|tmp|home|Users)/")
REGISTRY = re.compile(r"https?://[^\s'\"]*(?:/simple\b|/whl\b|registry|pypi|pythonhosted|npmjs)", re.IGNORECASE)


def texts() -> dict[str, str]:
    """Every text file that git tracks or would track, by path from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, str] = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            found[name] = content.decode()
    assert "pyproject.toml" in found
    return found


def places(pattern: re.Pattern[str], files: dict[str, str]) -> list[str]:
    """`file:line: text` of every line that the pattern is in."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("package", ["model", "sweeper"])
def test_no_file_is_longer_than_a_reader_holds(package: str) -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in (ROOT / package).rglob("*.py")}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_file_names_a_path_of_one_machine() -> None:
    elsewhere = {name: text for name, text in texts().items() if not name.startswith(("tests/", "docker/"))}
    assert places(MACHINE_PATH, elsewhere) == []


def test_no_file_names_a_package_registry() -> None:
    this = Path(__file__).relative_to(ROOT).as_posix()
    assert places(REGISTRY, {name: text for name, text in texts().items() if name != this}) == []


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        (MACHINE_PATH, "see /tmp/x", True),
        (MACHINE_PATH, "path: '/home/ann/data'", True),
        (MACHINE_PATH, "trials/tmp/x and ../work/x and {root}/tmp/x", False),
        (REGISTRY, "--index-url https://example.test/simple", True),
        (REGISTRY, "http://www.apache.org/licenses/ and http://127.0.0.1:5000", False),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], line: str, found: bool) -> None:
    assert bool(places(pattern, {"file": line})) is found
