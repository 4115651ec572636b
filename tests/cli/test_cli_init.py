"""`sweeper init`: answers from options, from a terminal, or the usual ones; what it writes is planned at once, and nothing is lost."""

import os
import re
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.cli.init import MAX_SEEDS
from sweeper.spec import sweep_spec
from sweeper.spec.load import load_sweep
from sweeper.spec.schema_file import SCHEMA_FILE, schema_text

Refused = Callable[..., str]
OPTIONS = ("--question", "Does an even partition help?", "--data", "digits", "--factors", "ratio,separation", "--seeds", "3")
DOCS = Path(__file__).parents[2] / "docs" / "sweep_files.md"


def on_a_terminal(answers: str, *words: str) -> tuple[int, str]:
    """Exit code and screen of `sweeper WORDS` on a pseudo-terminal on which the answers are typed."""
    mine, its = os.openpty()
    command = [sys.executable, "-c", "from sweeper.cli.app import main; main()", *words]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        os.write(mine, answers.encode())
        screen = b""
        while select.select([mine], [], [], 120)[0]:
            try:
                read = os.read(mine, 65536)
            except OSError:  # Linux says so that the other end is closed
                break
            if not read:
                break
            screen += read
        code = process.wait(120)
    os.close(mine)
    return code, screen.decode().replace("\r\n", "\n")


def test_options_answer_all_and_the_file_is_planned_at_once(sweeper: Callable[..., Any], home: Path) -> None:
    said = sweeper("init", "even.yaml", *OPTIONS)
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "even.yaml is written: 4 variants x 3 seeds = 12 trials\n"
        "sweep.schema.json is written: editors complete the fields by it\n"
        "next: sweeper plan even.yaml\n"
    )
    assert not home.exists()
    spec = load_sweep(Path("even.yaml")).spec
    assert (spec.name, spec.question, spec.seeds) == ("even", "Does an even partition help?", (0, 1, 2))
    assert Path("even.yaml").read_text().startswith("# yaml-language-server: $schema=sweep.schema.json\n")
    assert Path(SCHEMA_FILE).read_text() == schema_text()
    planned = sweeper("plan", "even.yaml")
    assert (planned.code, planned.err) == (0, "")
    assert "4 variants x 3 seeds = 12 trials: 12 run" in planned.out
    assert sweeper("check", "even.yaml").out == "even.yaml: even (profile default), 4 variants x 3 seeds = 12 trials\n"


def test_yes_takes_the_usual_answers(sweeper: Callable[..., Any]) -> None:
    assert sweeper("init", "usual.yaml", "--yes", "--seeds", "7").out.startswith(
        "usual.yaml is written: 4 variants x 7 seeds = 28 trials\n"
    )
    spec = load_sweep(Path("usual.yaml")).spec
    assert spec.question.startswith("Which lowers the held-out loss: a second noise level")
    assert spec.baseline == "single/none"


def test_a_file_that_is_there_stays(refused: Refused) -> None:
    before = Path("sweep.yaml").read_text()
    for words in ((), ("sweep.yaml",)):
        assert refused("init", *words, "--yes") == "sweep.yaml is there already, and is not written over; give another name"
    assert Path("sweep.yaml").read_text() == before
    Path("link.yaml").symlink_to("nowhere.yaml")
    assert "is there already" in refused("init", "link.yaml", "--yes")
    assert sorted(path.name for path in Path().iterdir()) == ["link.yaml", "sweep.yaml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("new.yaml",), "init asks on a terminal, and this is none; give --question TEXT, --data digits (or a folder), --factors"),
        (("new.yaml", *OPTIONS[:6]), "init asks on a terminal, and this is none; give --question TEXT"),
        (("new.txt", "--yes"), "new.txt is no name of a sweep file; give one that ends in .yaml"),
        (
            ("a b.yaml", "--yes"),
            "a b.yaml: the sweep is called as its file; use letters, digits and _ . + = -, the first a letter or digit",
        ),
        (("no/new.yaml", "--yes"), "no/new.yaml: no is no folder; make it, or write elsewhere"),
        (("new.yaml", "--yes", "--data", "x"), "--data x: there is no such folder; give digits, or the path of a folder of images"),
        (("new.yaml", "--yes", "--factors", "depth"), "--factors depth: there is no factor 'depth' to begin with; valid here: timesteps"),
        (("new.yaml", "--yes", "--question", " "), "--question: give 1 to 2,000 characters, not 0"),
        (("new.yaml", "--yes", "--question", "a\x1bb"), "--question: the character '\\x1b' is no text; leave it out"),
        (("new.yaml", "--yes", "--seeds", "0"), "Invalid value for '--seeds'"),
    ],
)
def test_what_it_does_not_write(refused: Refused, words: tuple[str, ...], message: str) -> None:
    assert refused("init", *words).startswith(message)
    assert [path.name for path in Path().iterdir()] == ["sweep.yaml"], "nothing is written"


def test_it_asks_on_a_terminal_and_asks_again(home: Path) -> None:
    code, screen = on_a_terminal("Does it help: yes or no?\nnowhere\n\ntimestep\nratio, timesteps\nmany\n3\n", "init", "asked.yaml")
    assert code == 0, screen
    assert "Error: there is no such folder; give digits" in screen
    assert "Error: there is no factor 'timestep' to begin with; did you mean \"timesteps\"?" in screen
    assert "Error: give a whole number from 1 to 1,000" in screen
    assert screen.endswith("next: sweeper plan asked.yaml\n")
    spec = load_sweep(Path("asked.yaml")).spec
    assert (spec.question, spec.baseline, len(spec.seeds)) == ("Does it help: yes or no?", "0.25/single", 3)
    assert not home.exists()


def test_it_asks_only_what_no_option_says_and_who_leaves_gets_no_file(home: Path) -> None:
    code, screen = on_a_terminal("\x04", "init", "asked.yaml", *OPTIONS[:6])
    assert code == 130
    assert "4. Seeds at which every variant is trained" in screen
    assert "1. What" not in screen
    assert not Path("asked.yaml").exists()


def test_the_schema_of_a_clone_is_used(sweeper: Callable[..., Any]) -> None:
    Path("clone/sweeps").mkdir(parents=True)
    Path("clone/mine/deep").mkdir(parents=True)
    Path("clone/.git").mkdir()
    Path("clone/sweeps", SCHEMA_FILE).write_text("{}")
    for file, reference in (("clone/sweeps/a.yaml", SCHEMA_FILE), ("clone/mine/deep/b.yaml", f"../../sweeps/{SCHEMA_FILE}")):
        assert "schema" not in sweeper("init", file, "--yes").out
        assert Path(file).read_text().splitlines()[0] == f"# yaml-language-server: $schema={reference}"
        assert (Path(file).parent / reference).is_file()
    assert Path("clone/sweeps", SCHEMA_FILE).read_text() == "{}", "it is the clone's"


def test_as_many_seeds_as_a_sweep_has() -> None:
    assert MAX_SEEDS == sweep_spec.MAX_SEEDS


def test_the_faults_that_the_docs_show_are_those(sweeper: Callable[..., Any]) -> None:
    sweeper("init", "even.yaml", *OPTIONS)
    text = Path("even.yaml").read_text()
    for old, new in (("  steps: 500", "  stepz: 500"), ("none: {attention.sepa", "none: {attention.sepe"), ("0.25/none #", "0.25/nun #")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    Path("even.yaml").write_text(text)
    shown = re.search(r"```text\n(error: even\.yaml.*?)```", DOCS.read_text(), flags=re.DOTALL)
    assert shown is not None
    assert sweeper("check", "even.yaml").err == shown[1]
