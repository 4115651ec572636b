"""`sweeper evaluate`: measure published weights as this tool measures a trial."""

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sweeper.errors import RequestError, nearest
from sweeper.settings import Settings


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Weights: .safetensors, or a torch file (never unpickled).")],
    reference: Annotated[Path, typer.Option(metavar="FILE", help="ADM's, such as VIRTUAL_imagenet256_labeled.npz.")],
    preset: Annotated[str, typer.Option(metavar="SIZE", help="XL/2, L/2, B/2 and so on.")],
    family: Annotated[str, typer.Option(metavar="NAME", help="Whose checkpoint it is: ours, dit, sit, sra, repa and so on.")] = "ours",
    name: Annotated[str | None, typer.Option(help="What the result is kept under. Default: the file's name.")] = None,
    samples: Annotated[int, typer.Option(min=2, metavar="N", help="50,000 in most papers, 10,000 in ablations.")] = 50_000,
    labels: Annotated[Literal["random", "balanced"], typer.Option(help="Classes of the samples.")] = "random",
    sampler: Annotated[str | None, typer.Option(help="euler, heun, dopri5, euler_maruyama, ancestral, or a class of yours.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of a sampler on a fixed grid.")] = None,
    guidance: Annotated[float, typer.Option(metavar="SCALE", help="1 is no guidance.")] = 1.0,
    guidance_best_of: Annotated[
        list[float] | None, typer.Option(metavar="SCALE", help="One of several scales, of which the best by FID is taken; repeatable.")
    ] = None,
    guidance_seed: Annotated[int | None, typer.Option(min=0, help="Generation seed of the samples that choose among them.")] = None,
    guidance_interval: Annotated[tuple[float, float], typer.Option(metavar="LOW HIGH", help="Guided for t in it; t = 1 is noise.")] = (
        0,
        1,
    ),
    guidance_channels: Annotated[Literal["all", "first3"], typer.Option(help="first3: as the released samplers of DiT and SiT.")] = "all",
    seed: Annotated[int, typer.Option(min=0, help="Generation seed.")] = 0,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Besides FID and Inception Score; may be given several times. Default: sfid, precision, recall."),
    ] = None,
    autoencoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="Makes pictures of latents: a folder of diffusers', or a name on the hub.")
    ] = None,
    autoencoder_kind: Annotated[Literal["kl", "tiny", "dc"], typer.Option(help="Its class in diffusers.")] = "kl",
    inception: Annotated[str, typer.Option(metavar="FILE", help="FID's Inception: `hub`, or its file.")] = "hub",
    qk_norm: Annotated[bool, typer.Option(help="With normalised queries and keys.")] = False,
    channels: Annotated[int | None, typer.Option(help="Of an image or latent. Default: 4.")] = None,
    resolution: Annotated[int | None, typer.Option(help="Side in pixels or latent cells. Default: 32.")] = None,
    classes: Annotated[int | None, typer.Option(help="Labels, without the null label. Default: 1000.")] = None,
    precision: Annotated[Literal["fp32", "bf16"], typer.Option(help="Of matrix products.")] = "fp32",
    device: Annotated[str | None, typer.Option(help="cpu or cuda. Default: a GPU where there is one.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="torch threads on a CPU.")] = 1,
    beside: Annotated[str | None, typer.Option(metavar="NAME", help="Show a set of published figures below.")] = None,
) -> None:
    """Measure the weights of a checkpoint against a reference file: FID, Inception Score, sFID, precision and recall.

    Stopped, the same command goes on; finished, it shows the result.
    """
    from model.config import modules_also_in
    from model.errors import ModelError
    from model.evaluate_weights import OF_SAMPLES, Machine
    from model.sample_trial import Subject, autoencoder_of
    from model.train_trial import gpu_models
    from sweeper.report.evaluated_weights import below, evaluated_table
    from sweeper.report.render.terminal import render_table
    from sweeper.service.evaluate_weights import evaluate_checkpoint

    if wrong := [given for given in metric or () if given not in OF_SAMPLES]:
        raise RequestError(f"--metric {wrong[0]}: there is no such metric of samples{nearest(wrong[0], OF_SAMPLES)}")
    published = [below(beside)] if beside is not None else []  # before anything is drawn
    drawn: dict[str, Any] = {"sampler": {"kind": sampler, "steps": steps}, "guidance": {"scale": guidance, "interval": guidance_interval}}
    drawn["guidance"] |= {"channels": guidance_channels, "best_of": guidance_best_of, "seed": guidance_seed}
    compared = {
        "extractor": {"kind": "inception", "weights": inception},
        "reference": str(reference),
        "extra_metrics": metric if metric is not None else ["sfid", "precision", "recall"],
    }
    machine = Machine(device or ("cuda" if gpu_models() else "cpu"), threads, precision)
    called = name or checkpoint.stem
    with modules_also_in([Path.cwd()]):  # where a sampler of the user's may stand
        try:
            network = Subject.of_preset(family, preset, qk_norm=qk_norm, channels=channels, resolution=resolution, classes=classes)
            decoding = autoencoder_of(autoencoder, autoencoder_kind)
            subject = network.asked({"samples": samples, "labels": labels, "seed": seed, "autoencoder": decoding} | drawn | compared)
        except ModelError as error:
            raise RequestError(str(error)) from error
        result, folder = evaluate_checkpoint(called, subject, checkpoint, machine, Settings(), say=lambda line: print(line, flush=True))
    width, colour = shutil.get_terminal_size().columns, sys.stdout.isatty()
    for table in [evaluated_table(called, result.metrics, result.protocol, result.details), *published]:
        print(f"\n{render_table(table, width, colour)}", end="")
    print(f"\nkept in {folder}")
