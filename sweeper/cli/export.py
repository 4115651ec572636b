"""`sweeper export`: a sweep in one file, for another store."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import Profile, sweep_name, sweeps_here
from sweeper.plan.cost import bytes_in_words
from sweeper.settings import Settings
from sweeper.visible import one_line


def export(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="The sweep's name or file.", autocompletion=sweeps_here)],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write, such as my_sweep.zip.")],
    profile: Profile = None,
    weights: Annotated[bool, typer.Option("--weights", help="Also the moving averages of finished trials.")] = False,
    no_files: Annotated[bool, typer.Option("--no-files", help="Without pictures of samples and logs.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a sweep into one file, which `sweeper import` takes into another store: versions, trials, results, curves, pictures, logs."""
    from sweeper.service.export_sweep import ExportRequest, export_sweep

    request = ExportRequest(sweep_name(sweep) or "", profile, file, files=not no_files, weights=weights, force=force)
    done = export_sweep(Settings(), request)
    held = [_number(done.versions, "version"), _number(done.trials, "trial"), _number(done.attempts, "attempt")]
    held += [_number(done.files, "file")] if done.files else []
    held += [f"{_number(done.weights, 'result')} of `sweeper evaluate`"] if done.weights else []
    held += [f"{done.analyses:,} {'analysis' if done.analyses == 1 else 'analyses'} of weights"] if done.analyses else []
    print(one_line(f"{file}: sweep {done.name} (profile {done.profile}), {', '.join(held)}; {bytes_in_words(done.size)}"))
    if done.running:
        ended = "has not ended" if done.running == 1 else "have not ended"
        print(f"left out: {_number(done.running, 'attempt')} that {ended}; export again afterwards, and import that file, too")
    if not weights:
        print("left out: weights; --weights adds the moving averages of finished trials, from which others can sample")
    if done.too_large:
        print(one_line(f"left out: {_number(len(done.too_large), 'file')} too large, or damaged, such as {done.too_large[0]}"))
    if done.unnamed:
        print(f"{_number(done.unnamed, 'trial')}: nothing here says what the name was made of, so that no other store can check it")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
