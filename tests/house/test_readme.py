"""The commands that the README, CONTRIBUTING and docs/ print exist: `sweeper` subcommands with their options, `make` targets."""

import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))


def commands(markdown: str) -> list[list[str]]:
    """The words of every shell command in the ```bash blocks: comments and prompts dropped, continued lines joined, `&&` parted."""
    blocks = re.findall(r"^```bash\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    parts = [part for line in lines for part in re.split(r"\s&&\s|;\s", line.strip().removeprefix("$ "))]
    return [words for part in parts if (words := shlex.split(part, comments=True))]


def arguments_of(tool: str, words: list[str]) -> list[str] | None:
    """What follows the tool's name when the command runs it (by path, by `make`, or as a service of `docker compose run`), else None."""
    if words[:3] == ["docker", "compose", "run"]:
        words = words[words.index(tool) :] if tool in words else words
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    return words[1:] if words and Path(words[0]).name == tool else None


def problems(app: Any, arguments: list[str]) -> list[str]:
    """What of a command line a Typer app's command does not know: its subcommand or its long options."""
    command, options = app, {"--help"}
    unknown: list[str] = []
    for word in arguments:
        commands_here = getattr(command, "commands", {})
        options |= {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        if commands_here and not word.startswith("-"):
            if word not in commands_here:
                return [*unknown, f"no command {word!r}"]
            command = commands_here[word]
        elif word.startswith("--") and word.split("=")[0] not in options:
            unknown.append(f"{command.name} has no option {word!r}")
    return unknown


@pytest.mark.parametrize("page", PAGES)
def test_sweeper_commands_exist(page: str) -> None:
    app = get_command(importlib.import_module("sweeper.cli.app").app)
    found = [arguments for words in commands((ROOT / page).read_text()) if (arguments := arguments_of("sweeper", words)) is not None]
    assert found or page != "README.md" or not (ROOT / page).read_text(), "the README shows no sweeper command in a ```bash block"
    wrong = {" ".join(arguments): bad for arguments in found if (bad := problems(app, arguments))}
    assert wrong == {}


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    wanted = [arguments for words in commands((ROOT / page).read_text()) if (arguments := arguments_of("make", words)) is not None]
    assert {word for arguments in wanted for word in arguments if "=" not in word and not word.startswith("-")} <= targets


@pytest.mark.parametrize("page", PAGES)
def test_pictures_are_there_and_small(page: str) -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / page).read_text())
    assert pictures or page != "README.md"
    for name in pictures:
        assert 1_000 < ((ROOT / page).parent / name).stat().st_size < 200_000, name


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    """`reference/` is made when the site is built."""
    links = re.findall(r"(?<!!)\[[^\]]+\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
    assert [link for link in links if not link.startswith("reference/") and not ((ROOT / page).parent / link).is_file()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_commands_are_read_off_bash_blocks_only() -> None:
    bash = "# a comment\n$ sweeper run \\\n  a.yaml  # why\n\nmake ui && sweeper status\n"
    page = f"text `sweeper no`\n```bash\n{bash}```\n```yaml\nsweeper: no\n```\n"
    assert commands(page) == [["sweeper", "run", "a.yaml"], ["make", "ui"], ["sweeper", "status"]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sweeper report --table", ["report", "--table"]),
        (".venv/bin/sweeper status", ["status"]),
        ("SWEEPER_HOME=x sweeper status", ["status"]),
        ("docker compose run --rm sweeper plan a.yaml", ["plan", "a.yaml"]),
        ("docker compose up --detach", None),
        ("git clone sweeper", None),
    ],
)
def test_arguments_follow_the_tool(line: str, expected: list[str] | None) -> None:
    assert arguments_of("sweeper", shlex.split(line)) == expected


def test_unknown_commands_and_options_are_named() -> None:
    app = typer.Typer()

    @app.command()
    def run(spec: str, profile: str = "default", resume: bool = True) -> None: ...

    @app.command()
    def status() -> None: ...

    command = get_command(app)
    assert problems(command, ["run", "a.yaml", "--profile", "smoke", "--no-resume"]) == []
    assert problems(command, ["report"]) == ["no command 'report'"]
    assert problems(command, ["run", "--profil=smoke"]) == ["run has no option '--profil=smoke'"]
