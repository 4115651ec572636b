"""Weights of a trial out of this project: as the public code of a family loads them. Loads torch only when weights are written."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import ConfigError
from model.sample_trial import Subject

if TYPE_CHECKING:
    import torch

SUFFIXES = (".pt", ".safetensors")
"""Of files that can be written: a torch file as training code keeps it, its weights under `ema`; or the bare weights."""


def families() -> tuple[str, ...]:
    """Names of the families whose code is known."""
    from model.backbone.families import FAMILIES

    return tuple(FAMILIES)


def export_weights(subject: Subject, checkpoint: Path, family: str, output: Path, say: Callable[[str], None]) -> None:
    """Writes the weights of `checkpoint`, which is of this project, to `output` for the code of `family`.

    An older file at `output` is replaced at once, or stays as it is. `say` gets a line for the file and one for each thing to know of it.

    Raises:
        ConfigError: There is no such family or kind of file, or the family's code cannot build this network.
        CheckpointError: The checkpoint is not of this network.
        OSError: The file cannot be written.
    """
    from model.backbone.checkpoints import load_network
    from model.backbone.export import ensure_exports, exported
    from model.backbone.families import family_of
    from model.noise.process import process_of

    table = family_of(family)
    if output.suffix not in SUFFIXES:
        raise ConfigError(f"--output {output}: weights are written to {' or '.join(SUFFIXES)}; give the file one of these endings")
    ensure_exports(family, subject.backbone, subject.process)
    network = load_network(
        checkpoint,
        subject.family,
        subject.backbone,
        channels=subject.channels,
        resolution=subject.resolution,
        classes=subject.classes,
        outputs=process_of(subject.process).outputs,
    )
    _write(exported(network, family, channels=subject.channels, patch=subject.backbone.patch), output)
    say(f"{checkpoint} is in {output}, as the code of {family} loads it ({table.source})")
    if table.heads:
        say(f"its heads for training ({', '.join(table.heads)}) are not in it: load_state_dict(weights, strict=False)")
    if table.reversed_time:
        say("its time runs the other way, t = 1 is data there: the weights are turned so that both draw the same")
    if subject.process.path != "linear":
        say(f"it was trained on the {subject.process.path} path: ask the sampler of {family} for that one")


def _write(weights: dict[str, "torch.Tensor"], output: Path) -> None:
    import torch
    from safetensors.torch import save

    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f".{output.name}.writing")
    try:
        if output.suffix == ".safetensors":
            beside.write_bytes(save(weights))
        else:
            torch.save({"ema": weights}, beside)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
