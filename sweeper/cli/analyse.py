"""`sweeper analyse`: what trained weights do, beside how well they do it; nothing is trained."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import Overrides, Profile, SweepName, is_file
from sweeper.settings import Settings
from sweeper.visible import visible


def analyse(
    sweep: SweepName = None,
    analyses: Annotated[str, typer.Option(metavar="NAMES", help="all, or several with commas between, such as loss_grid,probe.")] = "all",
    profile: Profile = None,
    overrides: Overrides = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda. Default: a GPU where there is one.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="torch threads on a CPU. Default: one for each core.")] = None,
) -> int:
    """Analyse the trained weights of a sweep: what the store lacks is computed, what it has is not; then `sweeper report` shows it.

    Stopped, the same command goes on behind the last trial that was done.
    """
    from model.analyse_trial import AnalysisMachine
    from model.train_trial import gpu_models, usable_cores
    from sweeper.service.analyse import AnalysisRequest, analyse_sweep, analyses_named

    request = AnalysisRequest(Path(sweep) if is_file(sweep) else sweep, analyses_named(analyses), profile, tuple(overrides or ()))
    machine = AnalysisMachine(device or ("cuda" if gpu_models() else "cpu"), threads or usable_cores())
    done = analyse_sweep(request, machine, Settings(), lambda line: print(visible(line), flush=True))
    of = f"{done.trials} finished trial{'' if done.trials == 1 else 's'} of sweep {done.name} (profile {done.profile})"
    print(visible(f"{of}: {done.computed} analyses computed, {done.there} here already"))
    if done.left_out:
        names = ", ".join(name[:8] for name in done.left_out[:3]) + (", ..." if len(done.left_out) > 3 else "")
        print(f"left out, since their moving averages are not here: {len(done.left_out)} of the trials, {names}")
        return 3
    return 0
