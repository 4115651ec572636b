"""Arguments that several commands share."""

from pathlib import Path
from typing import Annotated, TypeGuard

import typer

from sweeper.errors import RequestError, nearest
from sweeper.records import COMPARABILITY

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="Sweep file, such as sweeps/noise_aug_vs_interaction.yaml.")]
Profile = Annotated[str | None, typer.Option("--profile", "-p", help="Named overrides in the sweep file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one field, such as base.steps=400 or seeds=5.")
]
AllowMixed = Annotated[
    list[str] | None,
    typer.Option("--allow-mixed", metavar="FIELD", help="Count results alike that differ in this field of their conditions."),
]
MaxConcurrent = Annotated[int | None, typer.Option(min=1, help="Trials at the same time; default: as many as the machine holds.")]
SweepName = Annotated[str | None, typer.Argument(metavar="[SWEEP]", help="A sweep's name or file; default: the one that ran last.")]


def is_file(given: str | None) -> TypeGuard[str]:
    """Whether the user named a sweep by its file."""
    return given is not None and given.endswith((".yaml", ".yml"))


def sweep_name(given: str | None) -> str | None:
    """A sweep's name from what the user wrote: the name itself, or its file."""
    if not is_file(given):
        return given
    from sweeper.spec.reading import read_mapping

    name = read_mapping(Path(given)).get("name")
    if not isinstance(name, str):
        raise RequestError(f"{given}: name: this field is required; add it")
    return name


def mixed_fields(given: list[str] | None) -> tuple[str, ...]:
    """The fields named by --allow-mixed; RequestError for one that is no condition of a result."""
    for field in given or ():
        if field not in COMPARABILITY:
            raise RequestError(f"--allow-mixed {field}: results carry no such condition{nearest(field, COMPARABILITY)}")
    return tuple(given or ())
