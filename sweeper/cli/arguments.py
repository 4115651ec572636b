"""Arguments that several commands share."""

import re
from pathlib import Path
from typing import Annotated, TypeGuard

import typer

from sweeper.errors import RequestError, SweeperError, nearest
from sweeper.records import COMPARABILITY

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def sweeps_here(incomplete: str) -> list[str]:
    """Names of stored sweeps that begin so, for the shell's completion, which shows no error."""
    from sweeper.service.open_store import existing_store
    from sweeper.settings import Settings

    try:
        store = existing_store(Settings())
        if store is None:
            return []
        with store:
            return sorted({sweep.name for sweep in store.sweeps() if sweep.name.startswith(incomplete)})
    except SweeperError:
        return []


SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="Sweep file, such as sweeps/noise_aug_vs_interaction.yaml.")]
Profile = Annotated[str | None, typer.Option("--profile", "-p", help="Named overrides in the sweep file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one field, such as base.steps=400 or seeds=5.")
]
AllowMixed = Annotated[
    list[str] | None,
    typer.Option("--allow-mixed", metavar="FIELD", help="Count results alike that differ in this field of their conditions."),
]
Pilot = Annotated[
    bool, typer.Option("--pilot", help="Of the sweep, its pilot: the variants at 3 other seeds, to measure what seeds are counted with.")
]
MaxConcurrent = Annotated[int | None, typer.Option(min=1, help="Trials at the same time; default: as many as the machine holds.")]
SweepName = Annotated[
    str | None,
    typer.Argument(metavar="[SWEEP]", help="A sweep's name or file; default: the one that ran last.", autocompletion=sweeps_here),
]
Confirmed = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without this, only say what would be done.")]


def is_file(given: str | None) -> TypeGuard[str]:
    """Whether the user named a sweep by its file."""
    return given is not None and given.endswith((".yaml", ".yml"))


def seconds_of(deadline: str | None) -> float | None:
    """`6h`, `90m`, `1d12h`, `45s` in seconds; RequestError for anything else."""
    if deadline is None:
        return None
    if not re.fullmatch(r"([0-9]+(\.[0-9]+)?[dhms])+", deadline):
        raise RequestError(f"--deadline {deadline}: a time is written like 6h, 90m, 1d12h or 45s")
    seconds = sum(float(number) * _UNITS[unit] for number, _, unit in re.findall(r"([0-9]+(\.[0-9]+)?)([dhms])", deadline))
    if seconds <= 0:
        raise RequestError(f"--deadline {deadline}: give more than nothing, such as 6h")
    return seconds


def gpu_seconds_of(hours: float | None) -> float | None:
    """GPU hours in seconds; RequestError unless they are more than none."""
    if hours is not None and not 0 < hours < float("inf"):
        raise RequestError(f"--gpu-hours {hours:g}: give a number of hours greater than 0, such as 40")
    return None if hours is None else hours * 3600


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
