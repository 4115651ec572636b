"""Whether a sweep file still says what the stored version of it said: results are shown by the stored one, whatever the file is now."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeper.errors import SpecError
from sweeper.records import SweepSnapshot
from sweeper.spec.load import spec_from
from sweeper.spec.reading import DEFAULT_PROFILE, read_mapping
from sweeper.spec.sweep_spec import SweepSpec

LISTED = 4
"""Fields named one by one."""


def edited_since(file: Path, snapshot: SweepSnapshot) -> str | None:
    """A sentence that says which version is shown and what the file says differently; None where it says the same.

    The `report:` section is left out: it is read from the file. So is a profile's name. Raises SpecError for a file that is no YAML.
    """
    shown = f"shown is version {snapshot.version}, stored {snapshot.created:%Y-%m-%d %H:%M} UTC; {file} as it is now is another"
    raw = read_mapping(file)
    try:
        now = spec_from(raw, str(file), profile=None if snapshot.profile == DEFAULT_PROFILE else snapshot.profile)
    except SpecError as error:
        return f"{shown}, which could not run: {'; '.join(error.faults).removeprefix(f'{file}: ')}"
    differing = _differing(snapshot.spec, now)
    if differing is None:
        return None
    same = next((one for one in reversed(snapshot.versions) if _differing(one.spec, now) is None), None)
    if same is not None:
        return f"{shown}: it ran as version {same.version}, stored {same.created:%Y-%m-%d %H:%M} UTC, and others have run since"
    return f"{shown}: {differing}; `sweeper run {file}` stores it as it is"


def _differing(stored: Mapping[str, Any], now: SweepSpec) -> str | None:
    """What differs, in words; None for nothing."""
    try:
        then = SweepSpec.read(stored)
    except ValidationError:  # of another release
        return "the stored one is of another release of sweeper"
    paths = list(_paths(_said(then), _said(now)))
    if not paths:
        return None
    more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return f"it differs in {', '.join(paths[:LISTED])}{more}"


def _said(spec: SweepSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude={"report", "keep"})


def _paths(one: Any, other: Any, prefix: str = "") -> Iterator[str]:
    """Dotted paths at which two nested mappings hold different values, or the same in another order, which renames cells of a design."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        if one != other:
            yield prefix
        return
    if one == other and list(one) != list(other):
        yield prefix
    for name in dict.fromkeys((*one, *other)):
        inner = f"{prefix}.{name}" if prefix else name
        if name in one and name in other:
            yield from _paths(one[name], other[name], inner)
        else:
            yield inner
