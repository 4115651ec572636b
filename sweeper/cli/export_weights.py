"""`sweeper export-weights`: a trial's weights for the code of a public family."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.errors import RequestError, nearest
from sweeper.settings import Settings


def export_weights(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's name, or how it begins (see `sweeper status`).")],
    family: Annotated[str, typer.Option(help="Whose code is to load them: sit, sra, repa, self_flow, dit or ours.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File.pt (weights under `ema`) or .safetensors. Default: TRIAL-FAMILY.pt here.")
    ] = None,
) -> None:
    """Write a trial's newest moving average as the authors' code of a family loads it: names, shapes, order of values, positions, time."""
    from model.export_trial import families
    from sweeper.service.sample import export_weights_of

    if family not in families():
        raise RequestError(f"--family {family}: there is no such family{nearest(family, families())}")
    export_weights_of(trial, family, output, Settings(), say=lambda line: print(line, flush=True))
