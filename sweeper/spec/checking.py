"""All that is wrong with a sweep file, each fault with its place: what `sweeper check` says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.errors import SpecError
from sweeper.spec.load import LoadedSweep, laid_out, sweep_from
from sweeper.spec.places import Places
from sweeper.spec.reading import mapping_in, read_text
from sweeper.spec.yaml_text import examine


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    message: str
    """The field, the rule, the value and what to write instead."""
    line: int | None
    """From 1; None where the file has no line for it: a field that is missing, or a `--set`."""
    column: int | None


@dataclass(frozen=True)
class Checked:
    """What a look at a file found: a sweep, or faults."""

    sweep: LoadedSweep | None
    faults: tuple[Fault, ...]
    """In the order of the file; those without a line last."""


def check_file(path: Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> Checked:
    """Looks at the whole of a sweep file, and goes on behind a fault as far as what follows still means something.

    Args:
        path: The file.
        profile: The profile to lay over it.
        overrides: `path.to.field=value`, laid over both; one that cannot be laid is a fault, and left out.

    Raises:
        SpecError: There is no file, or none that can be read as text.
    """
    examined = examine(read_text(path))
    faults = [Fault(slip.message, slip.line, slip.column) for slip in examined.slips]
    if examined.root is None and faults:
        return Checked(None, tuple(faults))
    try:
        raw = mapping_in(examined.value, path)
    except SpecError as error:
        return Checked(None, (*faults, *(Fault(fault, None, None) for fault in error.faults)))
    assert examined.root is not None, "it holds a mapping"
    sweep, said, laid = _looked_at(raw, str(path), profile, overrides)
    places = Places(examined.root, profile, laid)
    faults += _placed(said, places)
    if faults:
        return Checked(None, tuple(sorted(faults, key=lambda fault: (fault.line is None, fault.line or 0, fault.column or 0))))
    return Checked(sweep, ())


def _looked_at(
    raw: dict[str, Any], place: str, profile: str | None, overrides: Sequence[str]
) -> tuple[LoadedSweep | None, list[str], list[str]]:
    """The sweep, what is said against it, and the overrides that could be laid over it."""
    said: list[str] = []
    try:
        laid_out(raw, place, profile, ())
    except SpecError as error:
        said += [fault.removeprefix(f"{place}: ") for fault in error.faults]
        raw, profile = {name: value for name, value in raw.items() if name != "profiles"}, None
    laid: list[str] = []
    for override in overrides:
        try:
            laid_out(raw, place, profile, [*laid, override])
        except SpecError as error:
            said += error.faults
        else:
            laid.append(override)
    try:
        return sweep_from(raw, place, profile=profile, overrides=laid, at_length=True), said, laid
    except SpecError as error:
        return None, [*said, *error.faults], laid


def _placed(said: Iterable[str], places: Places) -> Iterator[Fault]:
    for message in said:
        if override := places.override_of(message):
            yield Fault(f"--set {override}: {message}", None, None)
        else:
            yield Fault(message, *(places.of(message) or (None, None)))
