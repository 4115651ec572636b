"""`python -m model pack-latents SOURCE FOLDER`: what EDM2's and REPA's data set tools write, a file per image, as two arrays."""

import argparse
import sys
from pathlib import Path

from model.config.paths import absolute_path
from model.data.pack_latents import pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("source", type=Path, help="folder with dataset.json, or with vae-sd/dataset.json, or a zip that is not compressed")
    parser.add_argument("folder", type=Path, help="where moments.npy and labels.npy go")


def run(given: argparse.Namespace) -> None:
    """Packs, and prints the section of a config that names what was packed."""
    packed = pack(absolute_path(given.source), absolute_path(given.folder), _say)
    sys.stdout.write(
        f"data: {{kind: latents, path: {given.folder}, images: {packed.images}, classes: {packed.classes},"
        f" channels: {packed.channels}, resolution: {packed.resolution}}}\n"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
