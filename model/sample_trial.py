"""Draws from trained weights: weights and what is asked of them in, pictures out. Loads torch only when samples are drawn.

`python -m model sample` and `sweeper sample` both come through here; they differ in how they find the weights and describe the network.
"""

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from model.backbone.families import family_of
from model.config import LatentsData, TrainConfig
from model.config.autoencoder import AutoencoderConfig
from model.config.availability import ensure_available
from model.config.backbone import BackboneConfig, tokens_per_image
from model.config.evaluation import EvaluationConfig
from model.config.noise import ProcessConfig
from model.config.sampler import SAMPLERS, SamplerConfig
from model.config.section import first_fault
from model.config.user_classes import ensure_known
from model.data.facts_file import read_facts
from model.data.images import classes_in_words
from model.data.source import facts
from model.errors import CheckpointError, ConfigError
from model.presets import PRESETS, config_from, merge
from model.trial_files import is_whole

DRAWN, SHOWN, COLUMNS = 80, 100, 10
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
    class_names: tuple[str, ...] = ()
    """Of label 0, 1, ...; () where they have none but their numbers."""
    scale: float | tuple[float, ...] | None = None
    """Of latents: what was trained on is (latent - shift) * scale; None is the autoencoder's own."""
    shift: float | tuple[float, ...] | None = None

    @classmethod
    def of_trial(cls, config: TrainConfig, folders: Iterable[Path] = ()) -> "Subject":
        """What the trial's data were, as one of its folders says, else as they are now; raises DataError."""
        kept = (known for folder in folders if (known := read_facts(folder)) is not None)
        found = next(kept, None) or facts(config.data)
        images = (found.channels, found.resolution, found.classes)
        subject = cls(config.backbone, *images, config.process, config.evaluation, class_names=found.class_names)
        latents = config.data
        return replace(subject, scale=latents.scale, shift=latents.shift) if isinstance(latents, LatentsData) else subject

    @classmethod
    def of_preset(cls, family: str, preset: str, *, qk_norm: bool = False, **images: int | None) -> "Subject":
        """The network of a published size: `images` are its channels, resolution and classes, those of ImageNet's latents where None.

        Raises ConfigError for a size or a family that is not known, and for a number below 1.
        """
        described = {name: given for name, given in images.items() if given is not None}
        if wrong := [name for name, given in described.items() if given < 1]:
            raise ConfigError(f"--{wrong[0]} is at least 1, not {described[wrong[0]]}")
        if preset not in PRESETS:
            raise ConfigError(f"--preset {preset}: there is no such size; the sizes are {', '.join(PRESETS)}")
        usual = LatentsData(kind="latents", path=Path())
        backbone = config_from({"preset": preset, "backbone": {"qk_norm": qk_norm}}).backbone
        of_images = {name: getattr(usual, name) for name in ("channels", "resolution", "classes")} | described
        process = ProcessConfig(kind=family_of(family).process)
        evaluation = EvaluationConfig(sampler=SamplerConfig(kind="ancestral" if process.kind == "ddpm" else "euler"))
        return cls(backbone, **of_images, process=process, evaluation=evaluation, family=family)

    def asked(self, over: dict[str, Any]) -> "Subject":
        """Asked for samples in another way: fields of its evaluation, None where it stays; raises ConfigError for what cannot be."""
        return replace(self, evaluation=_laid_over(self.evaluation, over))

    def labels_of(self, given: Iterable[int | str]) -> tuple[int, ...]:
        """Labels given by number or by the name of their class; raises ConfigError for one that is neither, or another label's too."""
        return tuple(map(self._label, given))

    def _label(self, given: int | str) -> int:
        text = str(given)
        kind, _, rest = text.partition(":")
        kind = kind if kind in ("label", "name") and text not in self.class_names else ""
        wanted = rest if kind else text
        named = self.class_names.index(wanted) if kind != "label" and wanted in self.class_names else None
        number = int(wanted) if kind != "name" and wanted.isascii() and wanted.isdecimal() and int(wanted) < self.classes else None
        if named is not None and number is not None and named != number:
            raise ConfigError(
                f"--label {text}: label {number} is {self.class_names[number]}, and the class that is called {text} has label {named};"
                f" write label:{text} or name:{text}"
            )
        found = named if named is not None else number
        if found is None:
            classes = f"0 to {self.classes - 1}"
            words = classes_in_words(self.class_names)
            near = difflib.get_close_matches(text, self.class_names, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else "; give one of them"
            raise ConfigError(f"--label {text}: the classes are {words or classes}{hint}")
        return found


@dataclass(frozen=True)
class Drawing:
    """What is drawn and where it goes; None is what the subject's evaluation says."""

    output: Path
    """The grid of the first samples."""
    npz: Path | None = None
    """All samples, for ADM's evaluation suite."""
    samples: int = DRAWN
    labels: tuple[int | str, ...] = ()
    """Numbers or names of classes: sample i has the i-th of them, over and over; () is every class."""
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
    autoencoder: AutoencoderConfig | None = None
    """Makes pictures of latents; None is that of the subject's evaluation."""

    def laid_over(self, base: EvaluationConfig) -> EvaluationConfig:
        """Raises ConfigError for an option that means nothing, or not with the others."""
        sampler = {
            "kind": self.sampler,
            "steps": self.steps,
            "relative_tolerance": self.relative_tolerance,
            "absolute_tolerance": self.absolute_tolerance,
        }
        guidance = {"scale": self.guidance, "interval": self.guidance_interval, "channels": self.guidance_channels}
        if self.guidance is not None:  # in the place of a choice among several
            plain = base.guidance.model_copy(update={"best_of": (), "seed": None, "by": None})
            base = base.model_copy(update={"guidance": plain})
        over: dict[str, Any] = {"samples": self.samples, "seed": self.seed, "sampler": sampler, "guidance": guidance}
        return _laid_over(base, over)


def autoencoder_of(weights: str | None, kind: str) -> AutoencoderConfig | None:
    """The autoencoder that options name; raises ConfigError where it is none."""
    if weights is None:
        return None
    try:
        return AutoencoderConfig.model_validate({"kind": kind, "weights": weights})
    except ValidationError as error:
        said = first_fault(error).removeprefix(": ").replace(f"{AutoencoderConfig.place}.weights", "--autoencoder")
        raise ConfigError(said) from error


def newest_average(folders: Iterable[Path]) -> Path | None:
    """The furthest moving average that is whole in the first of a trial's folders, newest first, that has one; None where none has."""
    for folder in folders:
        for path in sorted(folder.glob("average-*.safetensors"), reverse=True):
            if is_whole(path):
                return path
    return None


def sample_trial(subject: Subject, checkpoint: Path, drawing: Drawing, say: Say) -> None:
    """Draws, and writes the grid and the archive; `say` gets a line per block and per file.

    Everything that can be refused is, before torch is loaded. Raises ConfigError and CheckpointError, each with a message for the user.
    """
    asked = drawing.laid_over(subject.evaluation)
    asked.sampler.ensure_samples(subject.process)
    tokens_per_image(subject.resolution, subject.backbone.patch)
    labels = subject.labels_of(drawing.labels)
    autoencoder = drawing.autoencoder or subject.evaluation.autoencoder
    if autoencoder is not None:
        ensure_available(autoencoder)
    elif drawing.npz and subject.channels not in (1, 3):
        raise ConfigError(
            f"--npz is for pictures, and samples of {subject.channels} channels are latents; leave it out, or give the --autoencoder that"
            " makes pictures of them"
        )
    _draw(subject, checkpoint, drawing, labels, asked, autoencoder, say)


def _laid_over(base: EvaluationConfig, over: dict[str, Any]) -> EvaluationConfig:
    asked = _given(over)
    if kind := asked.get("sampler", {}).get("kind"):
        ensure_known("--sampler", kind, tuple(SAMPLERS))
        asked["sampler"]["source_hash"] = ""  # that of the base is of another class
    try:
        return EvaluationConfig.model_validate(merge(base.model_dump(), asked))
    except ValidationError as error:
        raise ConfigError(first_fault(error)) from error


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Options without those that were not given."""
    plain = {name: _given(value) if isinstance(value, dict) else value for name, value in options.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _draw(
    subject: Subject,
    checkpoint: Path,
    drawing: Drawing,
    labels: tuple[int, ...],
    asked: EvaluationConfig,
    autoencoder: AutoencoderConfig | None,
    say: Say,
) -> None:
    import torch

    from model.backbone.checkpoints import load_network
    from model.evaluation.grid import save_grid
    from model.noise.process import process_of
    from model.patches import unpatchify
    from model.sampling.archive import save_npz, to_pixels
    from model.sampling.generate import generate
    from model.training.step import autocast
    from model.transfer import device_of

    place = device_of(drawing.device)
    decoder = None
    if autoencoder is not None:
        from model.autoencoder import load_decoder

        decoder = load_decoder(autoencoder, subject.channels, place, subject.scale, subject.shift)
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
            classes=labels,
        ):
            images = unpatchify(tokens, patch, subject.channels)
            if not images.isfinite().all():
                raise CheckpointError(f"{checkpoint} gives samples that are not finite; is {subject.family} its family?")
            if decoder is not None:
                images = decoder(images) if drawn < SHOWN or drawing.npz else images
            if drawn < SHOWN:
                shown.append(images[: SHOWN - drawn].cpu())
            if drawing.npz:
                pixels.append(to_pixels(images))
            drawn += len(images)
            say(f"drawn {drawn} of {asked.samples}")
    first = torch.cat(shown)
    shown_labels = labels or tuple(range(subject.classes))
    if len(shown_labels) <= COLUMNS and (labels or asked.labels == "balanced"):
        names = [subject.class_names[label] for label in shown_labels] if subject.class_names else []
        save_grid(first, len(shown_labels), drawing.output, names)
    else:
        save_grid(first, min(COLUMNS, math.ceil(len(first) ** 0.5)), drawing.output)
    what = "" if subject.channels in (1, 3) or decoder is not None else ", latents as they are: the first of their channels as colours"
    say(f"{len(first)} samples in {drawing.output}{what}")
    if drawing.npz:
        import numpy as np

        save_npz(np.concatenate(pixels), drawing.npz)
        say(f"{drawn} samples in {drawing.npz}")
