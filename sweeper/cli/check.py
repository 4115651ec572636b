"""`sweeper check`: all that is wrong with a sweep file, in one go."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import Overrides, Profile, SpecPath
from sweeper.cli.collecting import no_collecting
from sweeper.errors import SpecError
from sweeper.visible import one_line

if TYPE_CHECKING:
    from sweeper.spec.checking import Fault


@no_collecting()
def check(
    spec: SpecPath,
    profile: Profile = None,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable, faults too: for editors.")] = False,
) -> int | None:
    """Name every fault of a sweep file, each with its line; reads no data, opens no store, starts nothing."""
    from sweeper.cli.check_json import check_of
    from sweeper.spec.checking import check_file
    from sweeper.spec.sweep_size import size_of

    checked = check_file(spec, profile=profile, overrides=tuple(overrides or ()))
    if as_json:
        print(json.dumps(check_of(spec, checked), indent=2))
        return SpecError.exit_code if checked.faults else None
    if checked.sweep is None:
        said = [_line(spec, fault) for fault in checked.faults]
        raise SpecError(*said, place=str(spec) if len(said) > 1 else "")
    print(one_line(f"{spec}: {checked.sweep.spec.name} (profile {checked.sweep.profile}), {size_of(checked.sweep).in_words}"))
    return None


def _line(file: Path, fault: "Fault") -> str:
    """As compilers write it, so that editors find the place."""
    if fault.line is not None:
        return f"{file}:{fault.line}:{fault.column}: {fault.message}"
    return fault.message if fault.message.startswith((str(file), "--set ")) else f"{file}: {fault.message}"
