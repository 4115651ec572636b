"""`python -m model sample`: draw images from a trial's weights or from a public checkpoint into a grid, and into an `.npz`."""

import argparse
import dataclasses
import sys
from pathlib import Path

from model.backbone.families import FAMILIES
from model.commands.config_file import read_config
from model.config import LatentsData, modules_also_in
from model.config.sampler import SAMPLERS
from model.errors import ConfigError
from model.machine import gpu_models
from model.presets import PRESETS
from model.sample_trial import DRAWN, Drawing, Subject, autoencoder_of, sample_trial

_LATENTS = LatentsData(kind="latents", path=Path())


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
    names = ", ".join(SAMPLERS)
    drawing.add_argument("--sampler", help=f"{names} or package.module.ClassName; default: the config's, else euler, ancestral for ddpm")
    drawing.add_argument("--steps", type=int, help="steps of a sampler on a fixed grid")
    drawing.add_argument("--relative-tolerance", type=float, help="of dopri5")
    drawing.add_argument("--absolute-tolerance", type=float, help="of dopri5")
    drawing.add_argument("--guidance", type=float, metavar="SCALE", help="1 is no guidance")
    drawing.add_argument("--guidance-interval", type=float, nargs=2, metavar=("LOW", "HIGH"), help="guided for t in it; t = 1 is noise")
    drawing.add_argument("--guidance-channels", choices=("all", "first3"), help="first3: as the released samplers of DiT and SiT")
    drawing.add_argument(
        "--label",
        action="append",
        dest="labels",
        default=[],
        metavar="K",
        help="only this class, by number or name; may be given several times",
    )
    drawing.add_argument("--autoencoder", metavar="NAME", help="makes pictures of latents: a folder of diffusers', or a name on the hub")
    drawing.add_argument("--autoencoder-kind", choices=("kl", "tiny", "dc"), default="kl", help="its class in diffusers (default: kl)")
    drawing.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of matrix products (default: fp32)")
    drawing.add_argument("--seed", type=int, help="generation seed")
    drawing.add_argument("--output", type=Path, default=Path("samples.png"), help="grid of the first samples (default: ./samples.png)")
    drawing.add_argument("--npz", type=Path, help="all samples for ADM's evaluation suite: arr_0, uint8, (N, side, side, 3)")
    drawing.add_argument("--device", default="cuda" if gpu_models() else "cpu", help="cpu or cuda (default: a GPU where there is one)")
    drawing.add_argument("--threads", type=int, default=1, help="torch threads on a CPU")


def run(given: argparse.Namespace) -> None:
    """Draws the samples that the options ask for. A class of the user's may stand in the current folder, or beside the config file."""
    with modules_also_in([Path.cwd(), *([given.config.parent] if given.config else [])]):
        _run(given)


def _run(given: argparse.Namespace) -> None:
    given.labels = tuple(given.labels)
    given.autoencoder = autoencoder_of(given.autoencoder, given.autoencoder_kind)
    drawing = Drawing(**{field.name: getattr(given, field.name) for field in dataclasses.fields(Drawing)})
    sample_trial(subject_of(given), given.checkpoint, drawing, _say)


def subject_of(given: argparse.Namespace) -> Subject:
    """What the options describe; raises ConfigError when they contradict each other or leave the network open."""
    described = {name: getattr(given, name) for name in ("channels", "resolution", "classes") if getattr(given, name) is not None}
    if given.config:
        if given.preset or given.qk_norm or described:
            raise ConfigError("--config already describes the network; leave out --preset, --qk-norm, --channels, --resolution, --classes")
        return dataclasses.replace(Subject.of_trial(read_config(given.config), [given.checkpoint.parent]), family=given.family)
    if not given.preset:
        raise ConfigError("say which network it is: --config FILE, or --preset NAME with --channels, --resolution and --classes")
    images = {"channels": given.channels, "resolution": given.resolution, "classes": given.classes}
    return Subject.of_preset(given.family, given.preset, qk_norm=given.qk_norm, **images)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
