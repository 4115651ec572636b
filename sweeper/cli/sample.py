"""`sweeper sample`: draw images from a trial."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sweeper.errors import RequestError
from sweeper.settings import Settings


def sample(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's name, or how it begins (see `sweeper status`).")],
    samples: Annotated[int, typer.Option(min=2, metavar="N", help="How many; their classes take turns.")] = 80,
    label: Annotated[
        list[str] | None, typer.Option(metavar="K", help="Only this class, by number or name; may be given several times.")
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(help="euler, heun, dopri5, euler_maruyama, ancestral, or a class of yours. Default: the trial's."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of a sampler on a fixed grid.")] = None,
    guidance: Annotated[float | None, typer.Option(metavar="SCALE", help="1 is no guidance. Default: the trial's own.")] = None,
    guidance_interval: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="Guided for t in it; t = 1 is noise.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Generation seed. Default: the trial's own.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Grid of the first samples.")] = Path("samples.png"),
    npz: Annotated[Path | None, typer.Option(help="All samples for ADM's evaluation suite.")] = None,
    autoencoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="Makes pictures of latents: a folder of diffusers', or a name on the hub.")
    ] = None,
    autoencoder_kind: Annotated[Literal["kl", "tiny", "dc"], typer.Option(help="Its class in diffusers.")] = "kl",
    precision: Annotated[Literal["fp32", "bf16"], typer.Option(help="Of matrix products.")] = "fp32",
    device: Annotated[str | None, typer.Option(help="cpu or cuda. Default: a GPU where there is one.")] = None,
) -> None:
    """Draw images from a trial's newest moving average, with its own sampler and guidance where no option says otherwise."""
    from model.errors import ModelError
    from model.sample_trial import Drawing, autoencoder_of
    from model.train_trial import gpu_models
    from sweeper.service.sample import sample_of

    try:
        decoding = autoencoder_of(autoencoder, autoencoder_kind)
    except ModelError as error:
        raise RequestError(str(error)) from error
    drawing = Drawing(
        output=output,
        npz=npz,
        samples=samples,
        labels=tuple(label or ()),
        sampler=sampler,
        steps=steps,
        guidance=guidance,
        guidance_interval=guidance_interval,
        seed=seed,
        precision=precision,
        autoencoder=decoding,
        device=device or ("cuda" if gpu_models() else "cpu"),
    )
    sample_of(trial, drawing, Settings(), say=lambda line: print(line, flush=True))
