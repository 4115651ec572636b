"""`sweeper init`: a sweep file to begin with, from four questions or from options."""

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from sweeper.cli.arguments import is_file
from sweeper.errors import RequestError, SweeperError
from sweeper.visible import one_line

if TYPE_CHECKING:
    from sweeper.spec.load import LoadedSweep
    from sweeper.spec.starting_file import Start

Answer = TypeVar("Answer")
DATA, FACTORS, SEEDS = "digits", "timesteps,separation", 5
"""What is taken where nothing else is said."""
MAX_SEEDS = 1_000


def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="Sweep file to write; it must not exist.")] = Path("sweep.yaml"),
    question: Annotated[str | None, typer.Option(metavar="TEXT", help="What the sweep is to answer.")] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="digits, or a folder: of images (a folder per class), or of latents.")
    ] = None,
    factors: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Of timesteps, separation, ratio and alignment, separated by commas.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=MAX_SEEDS, help="How many training seeds.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: the usual answer where no option gives one.")] = False,
) -> None:
    """Write a sweep file to begin with, commented, from four questions or from options; `sweeper plan` takes it at once."""
    _ensure_new(file)
    asks = not yes and None in (question, data, factors, seeds)
    if asks and not sys.stdin.isatty():
        raise RequestError(
            "init asks on a terminal, and this is none; give --question TEXT, --data digits (or a folder), --factors timesteps,separation"
            " (ratio, alignment) and --seeds 5, or --yes for the usual answers"
        )
    start = _answers(question, data, factors, seeds, asks)
    sweep, schema = _write(file, start)
    from sweeper.spec.sweep_size import size_of

    print(one_line(f"{file} is written: {size_of(sweep).in_words}"))
    if schema is not None:
        print(one_line(f"{schema} is written: editors complete the fields by it"))
    print(one_line(f"next: sweeper plan {shlex.quote(str(file))}"))


def _ensure_new(file: Path) -> None:
    """Raises RequestError for a file that is there, and for what cannot become a sweep file."""
    from sweeper.spec.section import LONGEST_SWEEP_NAME, NAME

    if not is_file(str(file)):
        raise RequestError(f"{file} is no name of a sweep file; give one that ends in .yaml")
    if not re.fullmatch(NAME, file.stem) or len(file.stem) > LONGEST_SWEEP_NAME:
        raise RequestError(f"{file}: the sweep is called as its file; use letters, digits and _ . + = -, the first a letter or digit")
    if os.path.lexists(file):
        raise RequestError(f"{file} is there already, and is not written over; give another name")
    if not os.path.isdir(file.parent):
        raise RequestError(f"{file}: {file.parent} is no folder; make it, or write elsewhere")


def _answers(question: str | None, data: str | None, factors: str | None, seeds: int | None, asks: bool) -> "Start":
    """Every answer: an option's, the user's, or the usual one. Raises RequestError."""
    from sweeper.spec.starting_data import starting_data
    from sweeper.spec.starting_factors import FACTORS as OFFERED
    from sweeper.spec.starting_factors import chosen_factors, usual_question
    from sweeper.spec.starting_file import Start

    def answer(given: str | None, usual: str | None, text: str, read: Callable[[str], Answer]) -> Answer:
        if given is not None or not asks:
            return read(given if given is not None else usual or "")
        return _ask(text, usual, read)

    if asks:
        print("Four questions; Enter takes what is in [ ]. Everything can be changed in the file afterwards.\n")
    asked = None if question is None and not asks else answer(question, None, "1. What is the sweep to answer", _question)
    found = answer(data, DATA, "2. Data: digits, or a folder of images (a folder per class) or of latents", starting_data)
    listed = "".join(f"\n     {name:<11}{' or '.join(one.levels)}: {one.subject}" for name, one in OFFERED.items())
    chosen = answer(factors, FACTORS, f"3. Factors, separated by commas:{listed}\n  ", chosen_factors)
    number = answer(None if seeds is None else str(seeds), str(SEEDS), "4. Seeds at which every variant is trained", _seeds)
    return Start(asked or usual_question(chosen), found, chosen, number)


def _ask(text: str, usual: str | None, read: Callable[[str], Answer]) -> Answer:
    """Asks until the answer can be read."""

    def checked(given: str) -> Answer:
        try:
            return read(given)
        except SweeperError as error:
            raise typer.BadParameter(one_line(re.sub(r"^--\w+ .*?: ", "", str(error)))) from error

    answer: Answer = typer.prompt(text, default=usual, value_proc=checked)
    return answer


def _question(given: str) -> str:
    from sweeper.spec.sweep_spec import LONGEST_QUESTION
    from sweeper.spec.yaml_text import UNPRINTABLE

    text = " ".join(given.split())
    if odd := UNPRINTABLE.search(text):
        raise RequestError(f"--question: the character {odd[0]!r} is no text; leave it out")
    if not 1 <= len(text) <= LONGEST_QUESTION:
        raise RequestError(f"--question: give 1 to {LONGEST_QUESTION:,} characters, not {len(text):,}")
    return text


def _seeds(given: str) -> int:
    if not given.isdecimal() or not 1 <= int(given) <= MAX_SEEDS:
        raise RequestError(f"--seeds {given}: give a whole number from 1 to {MAX_SEEDS:,}")
    return int(given)


def _write(file: Path, start: "Start") -> tuple["LoadedSweep", Path | None]:
    """The sweep, and the schema file where one had to be written. What is written was read before: it is a sweep, or nothing is left."""
    from model.whole_file import whole_file
    from sweeper.spec.load import sweep_from
    from sweeper.spec.schema_file import reference_to, schema_for, schema_text
    from sweeper.spec.starting_file import starting_text
    from sweeper.spec.yaml_text import parse_yaml

    schema = schema_for(file)
    shown = str(file) if str(file).isprintable() else file.name
    text = starting_text(start, name=file.stem, file=shlex.quote(shown), schema=reference_to(schema, file))
    sweep = sweep_from(parse_yaml(text, str(file)), str(file))
    new = not schema.exists()
    if new:
        with whole_file(schema) as beside:
            beside.write_text(schema_text(), encoding="utf-8")
    with whole_file(file) as beside:
        beside.write_text(text, encoding="utf-8")
    return sweep, file.with_name(schema.name) if new else None
