"""Every command there is, found in the Typer app itself: its help is readable, and whatever is wrong with its words is one message."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from sweeper.cli.app import app

Refused = Callable[..., str]


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(words, command) of all leaves."""
    if hasattr(group, "commands"):
        for name, inner in group.commands.items():
            yield from commands(inner, (*path, name))
    else:
        yield path, group


COMMANDS = dict(commands(typer.main.get_command(app)))
GROUPS = sorted({words[:-1] for words in COMMANDS})
OPTIONS = [(words, option) for words, command in COMMANDS.items() for option in command.params if option.param_type_name == "option"]
ARGUMENTS = [
    (words, argument) for words, command in COMMANDS.items() for argument in command.params if argument.param_type_name == "argument"
]
each_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
each_option = pytest.mark.parametrize(
    ("words", "option"), OPTIONS, ids=[f"{' '.join(words)} {option.opts[0]}" for words, option in OPTIONS]
)


def needed(words: tuple[str, ...]) -> list[str]:
    """A word for every argument and option that the command cannot do without."""
    required = [parameter for parameter in COMMANDS[words].params if parameter.required]
    arguments = ["sweep.yaml" for parameter in required if parameter.param_type_name == "argument"]
    options = [word for parameter in required if parameter.param_type_name == "option" for word in (parameter.opts[0], "sweep.yaml")]
    return [*arguments, *options]


def test_the_walk_finds_commands() -> None:
    assert {("run",), ("plan",), ("report",), ("db", "upgrade"), ("mlflow", "sync")} <= COMMANDS.keys()
    assert len(OPTIONS) > 20


@each_command
def test_the_help_says_what_it_does_and_what_every_word_means(sweeper: Callable[..., Any], words: tuple[str, ...]) -> None:
    said = sweeper(*words, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"{' '.join(words)} " in said.out
    shown = " ".join(said.out.split())
    assert COMMANDS[words].help.split(",")[0].split(":")[0][:60] in shown
    for parameter in COMMANDS[words].params:
        assert parameter.help, f"{parameter.name} is explained"
        assert all(option in said.out for option in parameter.opts if parameter.param_type_name == "option")


@pytest.mark.parametrize("group", GROUPS, ids=" ".join)
def test_the_help_of_a_group_lists_its_commands(sweeper: Callable[..., Any], group: tuple[str, ...]) -> None:
    said = sweeper(*group, "--help")
    assert (said.code, said.err) == (0, "")
    listed = [words[len(group)] for words in COMMANDS if words[: len(group)] == group]
    assert all(f" {name} " in said.out for name in listed)
    assert "No such command" in sweeper(*group, "nothing").err


@each_command
def test_an_unknown_option(refused: Refused, words: tuple[str, ...]) -> None:
    assert refused(*words, *needed(words), "--no-such-option").startswith("No such option: --no-such-option")


@each_command
def test_too_many_words(refused: Refused, words: tuple[str, ...]) -> None:
    many = [word for parameter in COMMANDS[words].params if parameter.param_type_name == "argument" for word in ("sweep.yaml",)]
    options = [
        word
        for option in COMMANDS[words].params
        if option.required and option.param_type_name == "option"
        for word in (option.opts[0], "9")
    ]
    assert "unexpected extra argument (more)" in refused(*words, *many, *options, "more").replace("argument(s)", "argument")


@pytest.mark.parametrize(("words", "argument"), [(w, a) for w, a in ARGUMENTS if a.required], ids=lambda value: str(value))
def test_a_word_that_is_missing(refused: Refused, words: tuple[str, ...], argument: Any) -> None:
    assert refused(*words).startswith("Missing argument '")


@each_option
def test_an_option_without_its_value_or_with_one_too_many(refused: Refused, words: tuple[str, ...], option: Any) -> None:
    flag = option.is_flag
    said = refused(*words, *needed(words), f"{option.opts[0]}=x" if flag else option.opts[0])
    assert option.opts[0] in said
    assert "does not take a value" in said if flag else "requires" in said


WRONG = {int: ["many", "1.5", "", "9" * 400 + "x"], float: ["wide", "", "1,5"]}
BAD_VALUES = [
    (words, option, value)
    for words, option in OPTIONS
    if not option.is_flag
    for value in (WRONG.get(option.bare_type()) or (["zzz", ""] if "Literal" in str(option.bare_type()) else []))
]


@pytest.mark.parametrize(("words", "option", "value"), BAD_VALUES)
def test_a_value_of_another_type(refused: Refused, words: tuple[str, ...], option: Any, value: str) -> None:
    given = [option.opts[0], *([value] * option.nargs)]
    assert refused(*words, *needed(words), *given).startswith(f"Invalid value for '{option.opts[0]}'")


@pytest.mark.parametrize("words", [words for words in COMMANDS if any(a.param_type_name == "argument" for a in COMMANDS[words].params)])
@pytest.mark.parametrize("odd", ["\x1b[2J.yaml", "a\nb", "\udcff.yaml", "x" * 5_000, "\u202efdp", "", "../../x", "[red]x[/]", "'; drop --"])
def test_odd_words(sweeper: Callable[..., Any], words: tuple[str, ...], odd: str) -> None:
    said = sweeper(*words, odd)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert said.err.rstrip("\n").isprintable(), "nothing that a terminal obeys"
    assert len(said.err) < 2_000
