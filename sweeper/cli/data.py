"""`sweeper data`: data sets are prepared once, before they are trained on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sweeper.errors import RequestError

data = typer.Typer(name="data", help="Prepare a data set.", no_args_is_help=True)


@data.callback()
def _group() -> None:
    """Prepare a data set."""


@data.command()
def encode(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A folder with one sub-folder of pictures per class, or an .npz file.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the latents.")],
    autoencoder: Annotated[str, typer.Option(metavar="NAME", help="A folder of diffusers', or a name on the Hugging Face hub.")],
    kind: Annotated[Literal["kl", "tiny", "dc"], typer.Option(help="Its class in diffusers.")] = "kl",
    resolution: Annotated[int, typer.Option(metavar="SIDE", min=1, help="Side of a picture in pixels.")] = 256,
    crop: Annotated[Literal["adm", "center", "none"], typer.Option(help="adm: reduced, then the centre, as for ADM, DiT and SiT.")] = "adm",
    flip: Annotated[bool, typer.Option("--flip", help="Keep every picture mirrored too.")] = False,
    images: Annotated[bool, typer.Option(help="Keep the pictures too: features of metrics and REPA are of pictures.")] = True,
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="Leave out files that cannot be read.")] = False,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Pictures encoded together.")] = 32,
    dtype: Annotated[Literal["float16", "float32"], typer.Option(help="Of the latents on disk.")] = "float16",
    device: Annotated[str | None, typer.Option(help="cpu or cuda. Default: a GPU where there is one.")] = None,
) -> None:
    """Encode pictures with a frozen autoencoder. Stopped at any moment, the same command goes on."""
    from model.encode_data import Encoding, encode_data
    from model.errors import ModelError
    from model.sample_trial import autoencoder_of
    from model.train_trial import gpu_models

    try:
        decoder = autoencoder_of(autoencoder, kind)
        assert decoder is not None, "an option that must be given"
        asked = Encoding(
            source=source.expanduser().absolute(),
            output=output.expanduser().absolute(),
            autoencoder=decoder,
            side=resolution,
            crop=crop,
            flip=flip,
            images=images,
            skip_broken=skip_broken,
            batch=batch,
            device=device or ("cuda" if gpu_models() else "cpu"),
            dtype=dtype,
        )
        encode_data(asked, lambda line: print(line, flush=True))
    except (ModelError, OSError) as error:
        raise RequestError(str(error)) from error
    print(
        "now train on them:\n"
        f"  data: {{kind: latents, path: {output}}}\n"
        f"  evaluation: {{autoencoder: {{kind: {kind}, weights: {autoencoder}}}}}"
    )


@data.command()
def reference(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A folder of class folders, an .npz, or a folder that `data encode` wrote.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT.npz", help="The reference file.")],
    resolution: Annotated[int, typer.Option(metavar="SIDE", min=1, help="Side of a picture in pixels.")] = 256,
    crop: Annotated[Literal["adm", "center", "none"], typer.Option(help="As for `data encode`.")] = "adm",
    weights: Annotated[str, typer.Option(help="FID's Inception: hub, or its file.")] = "hub",
    device: Annotated[str | None, typer.Option(help="cpu or cuda. Default: a GPU where there is one.")] = None,
) -> None:
    """Write the statistics that FID, sFID, precision, recall and KID are measured against, as ADM's suite reads them."""
    from pydantic import ValidationError

    from model.errors import ModelError
    from model.make_reference import Referenced, make_reference
    from model.train_trial import gpu_models

    try:
        asked = Referenced(
            source=source.expanduser().absolute(),
            output=output.expanduser().absolute(),
            side=resolution,
            crop=crop,
            weights=weights,
            device=device or ("cuda" if gpu_models() else "cpu"),
        )
        n = make_reference(asked, lambda line: print(line, flush=True))
    except ValidationError as error:
        raise RequestError(f"--weights: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    except (ModelError, OSError) as error:
        raise RequestError(str(error)) from error
    print(
        f"{n:,} pictures in {output}; measure against them:\n"
        f"  evaluation: {{extractor: {{kind: inception, weights: {weights}}}, reference: {output}}}"
    )
