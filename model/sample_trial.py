"""The other door: weights and a wish in, pictures out. Loads torch only when samples are drawn.

`python -m model sample` and `sweeper sample` both come through here; they differ in how they find the weights and describe the network.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from model.config import TrainConfig
from model.config.backbone import BackboneConfig, tokens_per_image
from model.config.evaluation import EvaluationConfig
from model.config.noise import ProcessConfig
from model.config.section import first_fault
from model.data.source import facts
from model.errors import CheckpointError, ConfigError
from model.presets import merge

if TYPE_CHECKING:
    import torch

DRAWN, SHOWN, COLUMNS = 80, 100, 10
SAMPLERS = ("euler", "heun", "dopri5", "euler_maruyama", "ancestral")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """The network of a checkpoint, and what it was trained for."""

    backbone: BackboneConfig
    channels: int
    resolution: int
    classes: int
    process: ProcessConfig
    evaluation: EvaluationConfig
    """How it is asked for samples, where a `Drawing` says nothing."""
    family: str = "ours"
    """Whose checkpoint it is."""

    @classmethod
    def of_trial(cls, config: TrainConfig) -> "Subject":
        """Reads the facts of the trial's data; raises DataError."""
        found = facts(config.data)
        return cls(config.backbone, found.channels, found.resolution, found.classes, config.process, config.evaluation)


@dataclass(frozen=True)
class Drawing:
    """What is drawn and where it goes; None is what the subject's evaluation says."""

    output: Path
    """The grid of the first samples."""
    npz: Path | None = None
    """All samples, for ADM's evaluation suite."""
    samples: int = DRAWN
    labels: tuple[int, ...] = ()
    """Sample i has the i-th of them, over and over; () is every class."""
    sampler: str | None = None
    steps: int | None = None
    relative_tolerance: float | None = None
    absolute_tolerance: float | None = None
    guidance: float | None = None
    guidance_interval: tuple[float, float] | None = None
    guidance_channels: str | None = None
    seed: int | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of matrix products."""
    device: str = "cpu"
    threads: int = 1

    def laid_over(self, base: EvaluationConfig) -> EvaluationConfig:
        """Raises ConfigError for an option that means nothing, or not with the others."""
        sampler = {
            "kind": self.sampler,
            "steps": self.steps,
            "relative_tolerance": self.relative_tolerance,
            "absolute_tolerance": self.absolute_tolerance,
        }
        guidance = {"scale": self.guidance, "interval": self.guidance_interval, "channels": self.guidance_channels}
        over: dict[str, Any] = {"samples": self.samples, "seed": self.seed, "sampler": sampler, "guidance": guidance}
        try:
            return EvaluationConfig.model_validate(merge(base.model_dump(), _given(over)))
        except ValidationError as error:
            raise ConfigError(first_fault(error)) from error


def newest_average(folders: Iterable[Path]) -> Path | None:
    """The furthest moving average that is whole in the first of a trial's folders, newest first, that has one; None where none has."""
    from safetensors import SafetensorError, safe_open

    for folder in folders:
        for path in sorted(folder.glob("average-*.safetensors"), reverse=True):
            try:
                with safe_open(path, framework="numpy"):
                    return path
            except (SafetensorError, OSError):
                continue
    return None


def sample_trial(subject: Subject, checkpoint: Path, drawing: Drawing, say: Say) -> None:
    """Draws, and writes the grid and the archive; `say` gets a line per block and per file.

    Everything that can be refused is, before torch is loaded. Raises ConfigError and CheckpointError, each with a message for the user.
    """
    asked = drawing.laid_over(subject.evaluation)
    asked.sampler.ensure_samples(subject.process)
    tokens_per_image(subject.resolution, subject.backbone.patch)
    if wrong := [label for label in drawing.labels if not 0 <= label < subject.classes]:
        raise ConfigError(f"--label {wrong[0]}: the classes are 0 to {subject.classes - 1}; give one of them")
    if drawing.npz and subject.channels not in (1, 3):
        raise ConfigError(f"--npz is for pictures, and samples of {subject.channels} channels are latents; leave it out")
    _draw(subject, checkpoint, drawing, asked, say)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Options without those that were not given."""
    plain = {name: _given(value) if isinstance(value, dict) else value for name, value in options.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _draw(subject: Subject, checkpoint: Path, drawing: Drawing, asked: EvaluationConfig, say: Say) -> None:
    import torch

    from model.backbone.checkpoints import load_network
    from model.evaluation.grid import save_grid
    from model.noise.process import process_of
    from model.patches import unpatchify
    from model.sampling.archive import save_npz, to_pixels
    from model.sampling.generate import generate
    from model.training.step import autocast

    place = _device(drawing.device)
    torch.set_num_threads(drawing.threads)
    for path in filter(None, (drawing.output, drawing.npz)):
        path.parent.mkdir(parents=True, exist_ok=True)
    patch, process = subject.backbone.patch, process_of(subject.process)
    network = load_network(
        checkpoint,
        subject.family,
        subject.backbone,
        channels=subject.channels,
        resolution=subject.resolution,
        classes=subject.classes,
        outputs=process.outputs,
    ).to(place)
    shape = ((subject.resolution // patch) ** 2, subject.channels * patch**2)
    shown, pixels, drawn = [], [], 0
    with autocast(drawing.precision, place):
        for tokens, _ in generate(
            network,
            asked,
            shape=shape,
            dtype=torch.float32,
            tick=lambda: None,
            channels=subject.channels,
            process=process,
            classes=drawing.labels,
        ):
            images = unpatchify(tokens, patch, subject.channels)
            if not images.isfinite().all():
                raise CheckpointError(f"{checkpoint} gives samples that are not finite; is {subject.family} its family?")
            if drawn < SHOWN:
                shown.append(images[: SHOWN - drawn].cpu())
            if drawing.npz:
                pixels.append(to_pixels(images))
            drawn += len(images)
            say(f"drawn {drawn} of {asked.samples}")
    first = torch.cat(shown)
    across = len(drawing.labels) or subject.classes
    save_grid(first, across if across <= COLUMNS else min(COLUMNS, math.ceil(len(first) ** 0.5)), drawing.output)
    what = "" if subject.channels in (1, 3) else ", latents as they are: the first of their channels as colours"
    say(f"{len(first)} samples in {drawing.output}{what}")
    if drawing.npz:
        import numpy as np

        save_npz(np.concatenate(pixels), drawing.npz)
        say(f"{drawn} samples in {drawing.npz}")


def _device(name: str) -> "torch.device":
    import torch

    try:
        place = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"--device {name}: torch knows no such device; use cpu or cuda") from error
    if place.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"--device {name}: torch sees no GPU here; use --device cpu")
    return place
