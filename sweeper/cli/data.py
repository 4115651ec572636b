"""`sweeper data`: data sets are prepared once, before they are trained on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sweeper.errors import RequestError

data = typer.Typer(name="data", help="Prepare a data set.", no_args_is_help=True)


SOURCE = (
    "A folder with one sub-folder of pictures per class, an .npz; a .tar (NAME.jpg and NAME.cls) or .parquet file, or a folder of them;"
    " what save_to_disk of `datasets` wrote; hub:OWNER/NAME or hub:OWNER/NAME@REVISION."
)
Split = Annotated[str | None, typer.Option(metavar="NAME", help="Of a source with several splits: the one to take.")]
Subset = Annotated[str | None, typer.Option(metavar="NAME", help="Of a data set on the hub with several subsets: the one to take.")]
ImageColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Of a table: the column of pictures; in a .tar, their suffix.")]
LabelColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of a table: the column of labels; in a .tar, their suffix, or a field of NAME.json.")
]
Processes = Annotated[
    int | None,
    typer.Option(metavar="N", help="Processes at work, for the same numbers. Default: one for each GPU; on a CPU, one."),
]
Threads = Annotated[int | None, typer.Option(metavar="N", help="Of each process on a CPU: a part of the numbers. Default: torch's own.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda. Default: a GPU where there is one.")]


@data.callback()
def _group() -> None:
    """Prepare a data set."""


@data.command()
def encode(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE)],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the latents.")],
    autoencoder: Annotated[str, typer.Option(metavar="NAME", help="A folder of diffusers', or a name on the Hugging Face hub.")],
    kind: Annotated[Literal["kl", "tiny", "dc"], typer.Option(help="Its class in diffusers.")] = "kl",
    resolution: Annotated[int, typer.Option(metavar="SIDE", min=1, help="Side of a picture in pixels.")] = 256,
    crop: Annotated[Literal["adm", "center", "none"], typer.Option(help="adm: reduced, then the centre, as for ADM, DiT and SiT.")] = "adm",
    split: Split = None,
    subset: Subset = None,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    flip: Annotated[bool, typer.Option("--flip", help="Keep every picture mirrored too.")] = False,
    images: Annotated[bool, typer.Option(help="Keep the pictures too: features of metrics and REPA are of pictures.")] = True,
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="Leave out files that cannot be read.")] = False,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Pictures encoded together.")] = 32,
    dtype: Annotated[Literal["float16", "float32"], typer.Option(help="Of the latents on disk.")] = "float16",
    processes: Processes = None,
    threads: Threads = None,
    device: Device = None,
) -> None:
    """Encode pictures with a frozen autoencoder. Stopped at any moment, the same command goes on."""
    from model.encode_data import Choice, Encoding, encode_data, named_source
    from model.errors import ModelError
    from model.sample_trial import autoencoder_of
    from model.train_trial import gpu_models

    try:
        decoder = autoencoder_of(autoencoder, kind)
        assert decoder is not None, "an option that must be given"
        asked = Encoding(
            source=named_source(source),
            output=output.expanduser().absolute(),
            autoencoder=decoder,
            side=resolution,
            crop=crop,
            choice=Choice(split, subset, image_column, label_column),
            flip=flip,
            images=images,
            skip_broken=skip_broken,
            batch=batch,
            device=device or ("cuda" if gpu_models() else "cpu"),
            dtype=dtype,
            processes=processes,
            threads=threads,
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
def features(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="That `data encode` wrote, or another with images.npy.")],
    encoder: Annotated[str, typer.Option(metavar="NAME", help="A vision transformer of timm, as alignment.encoder.name.")],
    weights: Annotated[str, typer.Option(help="pretrained, or a file; as alignment.encoder.weights.")] = "pretrained",
    resolution: Annotated[
        int | None, typer.Option(metavar="SIDE", min=1, help="That the encoder sees; as alignment.encoder.resolution.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of features-NAME.npy. Default: that of the encoder.")] = None,
    dtype: Annotated[Literal["float32", "float16"], typer.Option(help="On disk; float16 is half as large, and rounded.")] = "float32",
    processes: Processes = None,
    threads: Threads = None,
    device: Device = None,
) -> None:
    """Write the features that alignment.kind: external follows, once for all trials. Stopped at any moment, the same command goes on."""
    from pydantic import ValidationError

    from model.encode_features import EncoderConfig, Featured, encode_features
    from model.errors import ModelError
    from model.train_trial import gpu_models

    try:
        asked = Featured(
            folder=folder.expanduser().absolute(),
            encoder=EncoderConfig(name=encoder, weights=weights, resolution=resolution),
            name=name or encoder,
            dtype=dtype,
            device=device or ("cuda" if gpu_models() else "cpu"),
            processes=processes,
            threads=threads,
        )
        about = encode_features(asked, lambda line: print(line, flush=True))
    except ValidationError as error:
        raise RequestError(f"--encoder: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    except (ModelError, OSError) as error:
        raise RequestError(str(error)) from error
    chosen = f", weights: {weights}" if weights != "pretrained" else ""
    seen = f", resolution: {resolution}" if resolution else ""
    print(
        f"trials whose network sees an image as {about.shape[1]} tokens read them:\n"
        f"  alignment: {{kind: external, encoder: {{name: {encoder}{chosen}{seen}}}}}"
    )


@data.command()
def reference(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="As for `data encode`, or a folder that it wrote.")],
    output: Annotated[Path, typer.Argument(metavar="OUT.npz", help="The reference file.")],
    resolution: Annotated[int, typer.Option(metavar="SIDE", min=1, help="Side of a picture in pixels.")] = 256,
    crop: Annotated[Literal["adm", "center", "none"], typer.Option(help="As for `data encode`.")] = "adm",
    split: Split = None,
    subset: Subset = None,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    weights: Annotated[str, typer.Option(help="FID's Inception: hub, or its file.")] = "hub",
    device: Device = None,
) -> None:
    """Write the statistics that FID, sFID, precision, recall and KID are measured against, as ADM's suite reads them."""
    from pydantic import ValidationError

    from model.encode_data import Choice, named_source
    from model.errors import ModelError
    from model.make_reference import Referenced, make_reference
    from model.train_trial import gpu_models

    try:
        asked = Referenced(
            source=named_source(source),
            output=output.expanduser().absolute(),
            side=resolution,
            crop=crop,
            choice=Choice(split, subset, image_column, label_column),
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
