"""`python -m model`: one trial without Ray, store or MLflow.

`python -m model CONFIG.yaml` is short for `python -m model train CONFIG.yaml`; `python -m model sample --help` tells how to draw images,
`python -m model pack-latents --help` how to prepare them.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from model.commands import pack_latents, sample, train
from model.errors import Diverged, ModelError

FINISHED, WRONG_REQUEST, DIVERGED = 0, 2, 3
COMMANDS = {
    "train": (train, "train one diffusion transformer from one config"),
    "sample": (sample, "draw images from a checkpoint"),
    "pack-latents": (pack_latents, "make the two arrays of data.kind: latents from a file per image"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 finished, 2 the request is wrong, 3 diverged."""
    parser = argparse.ArgumentParser(prog="python -m model", description="Train, or sample from, one diffusion transformer.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (command, purpose) in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=purpose, description=f"{purpose.capitalize()}."))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal whose encoding lacks a character of a file's name
    given = parser.parse_args(_named(list(sys.argv[1:] if arguments is None else arguments)))
    try:
        COMMANDS[given.command][0].run(given)
    except Diverged as error:
        return _complain(str(error), DIVERGED)
    except (ModelError, OSError) as error:
        return _complain(str(error), WRONG_REQUEST)
    return FINISHED


def _named(arguments: list[str]) -> list[str]:
    """The arguments with the command in front: `train` where a config file or one of its options comes first."""
    if not arguments or arguments[0] in COMMANDS:
        return arguments
    first = arguments[0]
    config_first = Path(first).suffix in (".yaml", ".yml") or Path(first).is_file()
    option_first = first.startswith("-") and first not in ("-h", "--help")
    return ["train", *arguments] if config_first or option_first else arguments


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
