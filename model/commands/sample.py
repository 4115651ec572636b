"""`python -m model sample`: draw images from a trial's weights or from a public checkpoint into a grid, and into an `.npz`."""

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model.backbone.families import FAMILIES, family_of
from model.commands.config_file import first_fault, read_config
from model.config import LatentsData
from model.config.backbone import BackboneConfig, tokens_per_image
from model.config.evaluation import EvaluationConfig, SamplerConfig
from model.config.noise import ProcessConfig
from model.errors import CheckpointError, ConfigError
from model.presets import PRESETS, config_from, merge
from model.train_trial import check, gpu_models

DRAWN, SHOWN, COLUMNS = 80, 100, 10
SAMPLERS = ("euler", "heun", "dopri5", "euler_maruyama", "ancestral")
_LATENTS = LatentsData(kind="latents", path=Path())


@dataclass(frozen=True)
class Subject:
    """The network of a checkpoint, and how it is asked for samples."""

    backbone: BackboneConfig
    channels: int
    resolution: int
    classes: int
    process: ProcessConfig
    evaluation: EvaluationConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="weights: .safetensors, or a torch file (never unpickled)")
    parser.add_argument("--family", choices=list(FAMILIES), default="ours", help="whose checkpoint it is (default: ours)")
    network = parser.add_argument_group("the network: a trial's config, or a preset and its images (default: latents of 256 px ImageNet)")
    network.add_argument("--config", type=Path, help="YAML file of the trial; its sampler and guidance hold where no option says otherwise")
    network.add_argument("--preset", choices=list(PRESETS), metavar="NAME", help=", ".join(PRESETS))
    network.add_argument("--qk-norm", action="store_true", help="with normalised queries and keys")
    network.add_argument("--channels", type=int, help=f"of an image or latent (default: {_LATENTS.channels})")
    network.add_argument("--resolution", type=int, help=f"side in pixels or latent cells (default: {_LATENTS.resolution})")
    network.add_argument("--classes", type=int, help=f"labels, without the null label (default: {_LATENTS.classes})")
    drawing = parser.add_argument_group("drawing")
    drawing.add_argument("--samples", type=int, default=DRAWN, metavar="N", help=f"sample i has class i modulo classes (default: {DRAWN})")
    drawing.add_argument("--sampler", choices=SAMPLERS, help="default: that of the config, else euler, or ancestral for ddpm")
    drawing.add_argument("--steps", type=int, help="steps of a sampler on a fixed grid")
    drawing.add_argument("--relative-tolerance", type=float, help="of dopri5")
    drawing.add_argument("--absolute-tolerance", type=float, help="of dopri5")
    drawing.add_argument("--guidance", type=float, metavar="SCALE", help="1 is no guidance")
    drawing.add_argument("--guidance-interval", type=float, nargs=2, metavar=("LOW", "HIGH"), help="guided for t in it; t = 1 is noise")
    drawing.add_argument("--guidance-channels", choices=("all", "first3"), help="first3: as the released samplers of DiT and SiT")
    drawing.add_argument("--seed", type=int, help="generation seed")
    drawing.add_argument("--output", type=Path, default=Path("samples.png"), help="grid of the first samples (default: ./samples.png)")
    drawing.add_argument("--npz", type=Path, help="all samples for ADM's evaluation suite: arr_0, uint8, (N, side, side, 3)")
    drawing.add_argument("--device", default="cuda" if gpu_models() else "cpu", help="cpu or cuda (default: a GPU where there is one)")
    drawing.add_argument("--threads", type=int, default=1, help="torch threads on a CPU")


def run(given: argparse.Namespace) -> None:
    """Draws the samples that the options ask for; everything that can be refused is, before torch is loaded."""
    subject = subject_of(given)
    subject.evaluation.sampler.ensure_samples(subject.process)
    tokens_per_image(subject.resolution, subject.backbone.patch)
    if given.npz and subject.channels not in (1, 3):
        raise ConfigError(f"--npz is for pictures, and samples of {subject.channels} channels are latents; leave it out")
    _draw(given, subject)


def subject_of(given: argparse.Namespace) -> Subject:
    """What the options describe; raises ConfigError when they contradict each other or leave the network open."""
    described = {name: getattr(given, name) for name in ("channels", "resolution", "classes") if getattr(given, name) is not None}
    if wrong := [name for name, value in described.items() if value < 1]:
        raise ConfigError(f"--{wrong[0]} is at least 1, not {described[wrong[0]]}")
    if given.config:
        if given.preset or given.qk_norm or described:
            raise ConfigError("--config already describes the network; leave out --preset, --qk-norm, --channels, --resolution, --classes")
        config = read_config(given.config)
        found = check(config)
        asked = _asked(given, config.evaluation)
        return Subject(config.backbone, found.channels, found.resolution, found.classes, config.process, asked)
    if not given.preset:
        raise ConfigError("say which network it is: --config FILE, or --preset NAME with --channels, --resolution and --classes")
    backbone = config_from({"preset": given.preset, "backbone": {"qk_norm": given.qk_norm}}).backbone
    images = {"channels": _LATENTS.channels, "resolution": _LATENTS.resolution, "classes": _LATENTS.classes} | described
    process = ProcessConfig(kind=family_of(given.family).process)
    usual = EvaluationConfig(sampler=SamplerConfig(kind="ancestral" if process.kind == "ddpm" else "euler"))
    return Subject(backbone, **images, process=process, evaluation=_asked(given, usual))


def _asked(given: argparse.Namespace, base: EvaluationConfig) -> EvaluationConfig:
    """The evaluation of the config with the options laid over it."""
    sampler = {
        "kind": given.sampler,
        "steps": given.steps,
        "relative_tolerance": given.relative_tolerance,
        "absolute_tolerance": given.absolute_tolerance,
    }
    guidance = {"scale": given.guidance, "interval": given.guidance_interval, "channels": given.guidance_channels}
    over: dict[str, Any] = {"samples": given.samples, "seed": given.seed, "sampler": sampler, "guidance": guidance}
    try:
        return EvaluationConfig.model_validate(merge(base.model_dump(), _named(over)))
    except ValidationError as error:
        raise ConfigError(first_fault(error)) from error


def _named(options: dict[str, Any]) -> dict[str, Any]:
    """Options without those that were not given."""
    plain = {name: _named(value) if isinstance(value, dict) else value for name, value in options.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _draw(given: argparse.Namespace, subject: Subject) -> None:
    import torch

    from model.backbone.checkpoints import load_network
    from model.evaluation.grid import save_grid
    from model.noise.process import process_of
    from model.patches import unpatchify
    from model.sampling.archive import save_npz, to_pixels
    from model.sampling.generate import generate

    if torch.device(given.device).type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"--device {given.device}: torch sees no GPU here; use --device cpu")
    torch.set_num_threads(given.threads)
    for path in filter(None, (given.output, given.npz)):
        path.parent.mkdir(parents=True, exist_ok=True)
    patch, process = subject.backbone.patch, process_of(subject.process)
    network = load_network(
        given.checkpoint,
        given.family,
        subject.backbone,
        channels=subject.channels,
        resolution=subject.resolution,
        classes=subject.classes,
        outputs=process.outputs,
    ).to(given.device)
    shape = ((subject.resolution // patch) ** 2, subject.channels * patch**2)
    shown, pixels, drawn = [], [], 0
    blocks = generate(
        network, subject.evaluation, shape=shape, dtype=torch.float32, tick=lambda: None, channels=subject.channels, process=process
    )
    for tokens, _ in blocks:
        images = unpatchify(tokens, patch, subject.channels)
        if not images.isfinite().all():
            raise CheckpointError(f"{given.checkpoint} gives samples that are not finite; is {given.family} its family?")
        if drawn < SHOWN:
            shown.append(images[: SHOWN - drawn].cpu())
        if given.npz:
            pixels.append(to_pixels(images))
        drawn += len(images)
        sys.stdout.write(f"drawn {drawn} of {subject.evaluation.samples}\n")
        sys.stdout.flush()
    first = torch.cat(shown)
    save_grid(first, subject.classes if subject.classes <= COLUMNS else min(COLUMNS, math.ceil(len(first) ** 0.5)), given.output)
    what = "" if subject.channels in (1, 3) else ", latents as they are: the first of their channels as colours"
    sys.stdout.write(f"{len(first)} samples in {given.output}{what}\n")
    if given.npz:
        import numpy as np

        save_npz(np.concatenate(pixels), given.npz)
        sys.stdout.write(f"{drawn} samples in {given.npz}\n")
